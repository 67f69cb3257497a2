//! Rooms: list, show, open, close.

mod phase;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use framekeep_gate::{Answer, Claim, KindBytes, MemberRow, Question, RoomRow};
use framekeep_protocol::RoomName;
use serde::{Deserialize, Serialize};

use self::phase::Phase;
use crate::ask::{self, RoomQuestion};
use crate::front::{Front, unix_now};
use crate::problem::{Problem, ProblemJson};
use crate::request::{Asked, JsonBody, RoomPath, WithKey, at_least_one, has_key};
use crate::{translate, wire};

/// Most rooms in one answer.
const ROOMS_MAX: usize = 500;

/// A deadline that passed so long ago is not going to be kept.
const ZOMBIE_AFTER_MS: u64 = 10_000;

/// A room.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct RoomJson {
    name: String,
    /// 16 hexadecimal digits.
    id: String,
    game: String,
    /// Empty for the game's default.
    content: String,
    /// waiting, preparing, ready, playing, finished or closed.
    phase: String,
    seats: u32,
    /// Seats that are taken or held.
    taken: u32,
    /// Players with a seat who are connected.
    connected: u32,
    spectators: u32,
    private: bool,
    locked: bool,
    tick_rate_hz: u32,
    /// The tick of the running match.
    tick: Option<u32>,
    /// Which match runs, as `match` of an event.
    #[serde(rename = "match")]
    plays: Option<String>,
    /// How long its last step took.
    step_us: u64,
    bytes: u64,
    next_deadline_unix_ms: Option<u64>,
    /// What holds the room, and until when; of a private one with the key only, as who is in it.
    holds: Vec<HoldJson>,
    /// Who is in it; only where one room is asked for, and of a private one with the key only.
    members: Vec<MemberJson>,
    /// Bytes that the links of those who are in it have carried; only where one room is asked for. Over UDP, `play` of
    /// this match and `reliable`, over WebSocket everything else.
    traffic: Vec<TrafficJson>,
}

/// Bytes of one kind of message in one direction.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct TrafficJson {
    /// play, reliable, view, event, room, match, input, request or control.
    kind: &'static str,
    /// in or out.
    direction: &'static str,
    bytes: u64,
}

/// A taken seat.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct MemberJson {
    /// 255 for who watches.
    seat: u8,
    /// 16 hexadecimal digits.
    player: String,
    /// Empty for who watches.
    name: String,
    /// udp, websocket, or empty while the player is away.
    transport: &'static str,
    /// The round trip: over UDP in a match, over WebSocket of pings.
    rtt_ms: Option<u32>,
    /// Over UDP packets that are lost or late, in a match; over WebSocket views that were left out for a slow client.
    loss_percent: Option<u32>,
    /// How much before they are needed inputs arrive, in a match.
    lead_ms: Option<i32>,
}

impl From<&MemberRow> for MemberJson {
    fn from(row: &MemberRow) -> Self {
        Self {
            seat: row.seat,
            player: row.player.clone(),
            name: row.name.clone(),
            transport: row.transport,
            rtt_ms: row.rtt_ms,
            loss_percent: row.loss_percent,
            lead_ms: row.lead_ms,
        }
    }
}

impl From<&KindBytes> for TrafficJson {
    fn from(one: &KindBytes) -> Self {
        Self { kind: one.kind, direction: one.direction, bytes: one.bytes }
    }
}

/// One thing that holds a room.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct HoldJson {
    what: String,
    until_unix_ms: Option<u64>,
}

impl From<&RoomRow> for RoomJson {
    fn from(row: &RoomRow) -> Self {
        let holds = row.holds.iter();
        Self {
            name: row.name.clone(),
            id: row.id.clone(),
            game: row.game.clone(),
            content: row.content.clone(),
            phase: row.phase.clone(),
            seats: row.seats,
            taken: row.taken,
            connected: row.connected,
            spectators: row.spectators,
            private: row.private,
            locked: row.locked,
            tick_rate_hz: row.tick_rate_hz,
            tick: row.tick,
            plays: row.plays.map(|(started_unix_s, epoch)| match_name(started_unix_s, epoch)),
            step_us: row.step_us,
            bytes: row.bytes,
            next_deadline_unix_ms: row.next_deadline_unix_ms,
            members: row.members.iter().map(MemberJson::from).collect(),
            traffic: row.traffic.iter().map(TrafficJson::from).collect(),
            holds: holds
                .map(|hold| HoldJson { what: hold.what.clone(), until_unix_ms: hold.until_unix_ms })
                .collect(),
        }
    }
}

/// The name of a match of a room, which no other match of the room has or gets: as in the name of its replay.
pub(crate) fn match_name(started_unix_s: u64, epoch: u8) -> String {
    format!("{started_unix_s:010}-{epoch}")
}

/// Which rooms are wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct RoomFilter {
    /// Only of this phase.
    #[param(inline)]
    phase: Option<Phase>,
    /// Only of this game.
    game: Option<String>,
    /// Only those that can be joined without a code.
    free: Option<bool>,
    /// Only those whose name has this in it.
    q: Option<String>,
    /// At most so many, 500 at most.
    #[serde(deserialize_with = "at_least_one")]
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// Only those after this name.
    after: Option<String>,
}

impl RoomFilter {
    /// At most so many.
    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or(100).clamp(1, ROOMS_MAX)
    }

    fn admits(&self, row: &RoomRow) -> bool {
        let is =
            |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let free = row.taken < row.seats && !row.locked && !row.private && row.phase != "closed";
        self.phase.is_none_or(|wanted| wanted.name() == row.phase)
            && is(&self.game, &row.game)
            && self.free.is_none_or(|wanted| wanted == free)
            && self.q.as_deref().is_none_or(|part| row.name.contains(part))
            && self.after.as_deref().is_none_or(|after| row.name.as_str() > after)
    }
}

/// Rooms by name.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct RoomsJson {
    /// When the server said how they are.
    as_of_unix_ms: u64,
    /// How many the node has, of a gateway how many all nodes have.
    total: u64,
    rooms: Vec<RoomJson>,
    /// What to give as `after` for the rooms after these, if there are any.
    next: Option<String>,
    /// Names of nodes that a gateway did not get an answer from: their rooms are missing, here and in `total`.
    failed_nodes: Vec<String>,
}

/// The rooms of the node, of a gateway those of all nodes, as they were within the last seconds. Nodes that do not
/// answer a gateway are named in `failed_nodes`; if none does, that is an error.
#[utoipa::path(get, path = "/api/v1/rooms", tag = "rooms", params(RoomFilter), responses(
    (status = 200, body = RoomsJson), (status = 400, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn list(
    State(front): State<Arc<Front>>,
    Asked(filter): Asked<RoomFilter>,
) -> Result<Response, Problem> {
    if front.live().config.rooms {
        return Ok(list_here(&front, &filter).into_response());
    }
    ask::list_all(&front, &filter).await
}

/// The rooms of this node.
pub(crate) fn list_here(front: &Front, filter: &RoomFilter) -> Json<RoomsJson> {
    let report = front.door.report();
    let limit = filter.limit();
    let mut found = report.rooms.iter().filter(|row| filter.admits(row));
    let rooms: Vec<RoomJson> =
        found.by_ref().take(limit).map(|row| RoomJson::from(row).for_strangers()).collect();
    let next = found.next().and(rooms.last()).map(|room| room.name.clone());
    Json(RoomsJson {
        as_of_unix_ms: report.unix_ms,
        total: report.rooms.len() as u64,
        rooms,
        next,
        failed_nodes: Vec::new(),
    })
}

/// A room as it is now, of whatever node of the cluster; who is in a private one is told with the key only.
#[utoipa::path(get, path = "/api/v1/rooms/{name}", tag = "rooms", params(("name" = String, Path)),
    security(("key" = []), ()), responses((status = 200, body = RoomJson), (status = 401, body = ProblemJson),
    (status = 404, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn show(
    State(front): State<Arc<Front>>,
    RoomPath(name): RoomPath,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let has_key = has_key(&front, &headers)?;
    let question = RoomQuestion::Show(name.clone(), has_key);
    ask::here_or_there(&front, &name, show_here(&front, &name, has_key).await, &question).await
}

/// A room of this node as it is now.
pub(crate) async fn show_here(
    front: &Front,
    name: &RoomName,
    has_key: bool,
) -> Result<Json<RoomJson>, Problem> {
    let Json(room) = show_room(front, name).await?;
    Ok(Json(if has_key { room } else { room.for_strangers() }))
}

/// Whether a room is at this node or another.
///
/// # Errors
/// A [`Problem`] if it is nowhere, or its node does not answer or cannot say.
pub(crate) async fn find(front: &Front, name: &RoomName) -> Result<(), Problem> {
    let question = RoomQuestion::Show(name.clone(), false);
    let found = ask::here_or_there(front, name, show_here(front, name, false).await, &question).await?;
    if found.status().is_success() {
        return Ok(());
    }
    Err(Problem::of(found).await)
}

/// A room with everybody who is in it.
pub(crate) async fn show_room(front: &Front, name: &RoomName) -> Result<Json<RoomJson>, Problem> {
    room_of(front.ask(Question::Room(name.clone())).await?, name)
}

fn room_of(answer: Answer, name: &RoomName) -> Result<Json<RoomJson>, Problem> {
    match answer {
        Answer::Room(row) => Ok(Json(RoomJson::from(&*row))),
        Answer::Refused(refusal) => Err(refusal.into()),
        Answer::Missing | Answer::Done | Answer::Past { .. } | Answer::Happenings { .. } => {
            Err(Problem::not_found(format!("there is no room {name}")))
        }
    }
}

impl RoomJson {
    /// What anybody may know: of a private room not who is in it, which what holds it tells as well.
    fn for_strangers(mut self) -> Self {
        if self.private {
            self.members.clear();
            self.holds.clear();
        }
        self
    }
}

/// A room to be opened.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRoom {
    name: String,
    game: String,
    /// Empty for the game's default.
    #[serde(default)]
    content: String,
    seats: u32,
    /// 0 for the server's default.
    #[serde(default)]
    tick_rate_hz: u32,
    /// full, ready or host.
    #[serde(default)]
    start: String,
    /// What everybody who joins has to know; empty for an open room.
    #[serde(default)]
    code: String,
    #[serde(default)]
    spectators_max: u32,
    /// deadline or lockstep.
    #[serde(default)]
    commit: String,
}

/// Opens a room that waits for its players, for a game's back end.
#[utoipa::path(post, path = "/api/v1/rooms", tag = "rooms", request_body = NewRoom, security(("key" = [])), responses(
    (status = 201, body = RoomJson), (status = 400, body = ProblemJson), (status = 401, body = ProblemJson),
    (status = 409, body = ProblemJson), (status = 422, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn open(
    State(front): State<Arc<Front>>,
    _: WithKey,
    JsonBody(new): JsonBody<NewRoom>,
) -> Result<Response, Problem> {
    if front.live().config.rooms {
        return open_here(&front, new).await.map(IntoResponse::into_response);
    }
    // The name is looked at there; whose it is already, is known here.
    if let Ok(name) = RoomName::try_from(new.name.clone())
        && let Ok(Some(node)) = ask::owner(&front, &name).await
    {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "room_closed",
            format!("node {node} has a room {name}"),
        ));
    }
    let node = front.peers.get().and_then(|peers| peers.for_room()).ok_or_else(Problem::busy)?;
    ask::ask(&front, &node, &RoomQuestion::Open(new)).await
}

/// Opens a room at this node.
pub(crate) async fn open_here(front: &Front, new: NewRoom) -> Result<(StatusCode, Json<RoomJson>), Problem> {
    let unprocessable = |text: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "out_of_range", text);
    let name = RoomName::try_from(new.name).map_err(|fault| unprocessable(format!("name: {fault}")))?;
    let options = translate::room_options(wire::RoomOptions {
        game: new.game,
        content: new.content,
        seats: new.seats,
        tick_rate_hz: new.tick_rate_hz,
        start: new.start,
        code: new.code,
        spectators_max: new.spectators_max,
        commit: new.commit,
    });
    let options = options.map_err(unprocessable)?;
    let join = framekeep_protocol::JoinRoom::seat(name.clone(), Some(options.clone()));
    let message = framekeep_protocol::ToServer::Join(join);
    message.validate().map_err(|error| unprocessable(error.to_string()))?;
    if let Some(cluster) = front.cluster.get()
        && let Claim::Theirs(node) = cluster.claim(name.clone()).await
    {
        let detail = format!(
            "node {node} of the cluster has a room of the name {name}: ask that node, or take another name"
        );
        return Err(Problem::new(StatusCode::CONFLICT, "room_elsewhere", detail));
    }
    let answer = front.ask(Question::OpenRoom(name.clone(), options)).await?;
    room_of(answer, &name).map(|room| (StatusCode::CREATED, room))
}

/// Closes a room, for a game's back end.
#[utoipa::path(delete, path = "/api/v1/rooms/{name}", tag = "rooms", params(("name" = String, Path)),
    security(("key" = [])), responses((status = 204), (status = 401, body = ProblemJson),
    (status = 404, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn close(
    State(front): State<Arc<Front>>,
    _: WithKey,
    RoomPath(name): RoomPath,
) -> Result<Response, Problem> {
    let question = RoomQuestion::Close(name.clone());
    ask::here_or_there(&front, &name, close_room(&front, name.clone()).await, &question).await
}

/// Closes a room.
pub(crate) async fn close_room(front: &Front, name: RoomName) -> Result<StatusCode, Problem> {
    match front.ask(Question::CloseRoom(name.clone())).await? {
        Answer::Refused(refusal) => Err(refusal.into()),
        Answer::Missing => Err(Problem::not_found(format!("there is no room {name}"))),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

/// How many rooms there are, and of what kind.
#[derive(Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct RoomCounts {
    total: u64,
    /// A match runs.
    active: u64,
    /// No match runs, and something will close the room some day.
    idle: u64,
    /// Should have been closed, or never will be. Stays 0.
    zombie: u64,
}

/// How many rooms there are, and of what kind.
#[utoipa::path(get, path = "/debug/rooms", tag = "node", responses((status = 200, body = RoomCounts)))]
pub(crate) async fn debug(State(front): State<Arc<Front>>) -> Json<RoomCounts> {
    let report = front.door.report();
    Json(count(&report.rooms, unix_now().as_millis() as u64))
}

fn count(rows: &[RoomRow], now_unix_ms: u64) -> RoomCounts {
    let is_zombie = |row: &&RoomRow| {
        row.next_deadline_unix_ms.is_none_or(|at| at + ZOMBIE_AFTER_MS < now_unix_ms) && row.connected == 0
    };
    let total = rows.len() as u64;
    let zombie = rows.iter().filter(is_zombie).count() as u64;
    let active = rows.iter().filter(|row| row.phase == "playing" && !is_zombie(row)).count() as u64;
    RoomCounts { total, active, idle: total - active - zombie, zombie }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_active_idle_or_zombies() {
        let row = |phase: &str, deadline, connected| RoomRow {
            phase: phase.to_owned(),
            next_deadline_unix_ms: deadline,
            connected,
            ..RoomRow::default()
        };
        let now = 1_000_000;
        let rows = [
            row("playing", None, 2),
            row("waiting", Some(now + 5), 0),
            row("waiting", Some(now - ZOMBIE_AFTER_MS - 1), 0),
            row("waiting", None, 0),
        ];
        assert_eq!(count(&rows, now), RoomCounts { total: 4, active: 1, idle: 1, zombie: 2 });
    }

    #[test]
    fn filters_hold_together() {
        let row = RoomRow {
            name: "friday".to_owned(),
            phase: "waiting".to_owned(),
            game: "arena".to_owned(),
            seats: 2,
            taken: 1,
            ..RoomRow::default()
        };
        let filter = RoomFilter { free: Some(true), q: Some("rid".to_owned()), ..RoomFilter::default() };
        assert!(filter.admits(&row));
        assert!(!filter.admits(&RoomRow { taken: 2, ..row.clone() }));
        assert!(!RoomFilter { after: Some("friday".to_owned()), ..RoomFilter::default() }.admits(&row));
        assert!(!RoomFilter { game: Some("rhythm".to_owned()), ..RoomFilter::default() }.admits(&row));
    }
}
