//! Matchmaking: tickets that wait for a match.

mod shared;
mod show;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use framekeep_gate::SharedTicket;
use framekeep_matchmaking::{
    PartyMember, QueueView, Refused, RegionLatency, Ticket, TicketId, TicketState, TicketView,
};
use framekeep_protocol::{PlayerId, PlayerName};
use serde::{Deserialize, Serialize};

use self::show::StatusJson;
use super::tickets;
use crate::front::Front;
use crate::matchmaking::Matchmaking;
use crate::problem::{Problem, ProblemJson};
use crate::request::{Asked, JsonBody, Segment, has_key};
use crate::translate;

/// Longest time that a question waits for news.
const WAIT_S_MAX: u64 = 30;

/// The rating of a guest, whose own word for it does not count.
const GUEST_RATING: i32 = 1_500;

/// One player of a ticket.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMember {
    /// Who it is: 16 hexadecimal digits. Only with the API key, and then needed.
    player: Option<String>,
    /// What others call the player, 1 to 32 bytes.
    name: String,
    /// How good, on the scale of the game. Only with the API key.
    rating: Option<i32>,
    /// The roles they take; any if there are none.
    #[serde(default)]
    roles: Vec<String>,
}

/// How far away a region is.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRegion {
    region: String,
    /// Measured, in milliseconds.
    latency_ms: u32,
}

/// What somebody wants to play, and with whom.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTicket {
    /// 32 hexadecimal digits: the same ticket again gives the same answer. Only with the API key; made if left out.
    id: Option<String>,
    game: String,
    mode: String,
    /// The contents they want, the dearest first; any if there are none.
    #[serde(default)]
    contents: Vec<String>,
    /// 1 to 8 players who play in one team or not at all; a guest is alone.
    party: Vec<NewMember>,
    /// The regions they can play in.
    #[serde(default)]
    regions: Vec<NewRegion>,
    /// One of the mode's tick rates; 0 for its first.
    #[serde(default)]
    tick_rate_hz: u16,
    /// 0 to 9, a higher one is served first. Only with the API key.
    #[serde(default)]
    priority: u8,
    /// Players with whom they do not play, each of 16 hexadecimal digits.
    #[serde(default)]
    blocked: Vec<String>,
    /// Whether a match that runs already will do.
    #[serde(default = "yes")]
    backfill: bool,
    /// How long it waits at most; 0 for as long as the mode says.
    #[serde(default)]
    wait_s: u64,
    /// What a guest was given with an earlier ticket, to be the same player again.
    guest: Option<String>,
}

const fn yes() -> bool {
    true
}

/// What a player says who was asked.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAnswer {
    /// Who: 16 hexadecimal digits.
    player: String,
    /// Whether they are there and play.
    accept: bool,
}

/// Whether to wait for news.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Watch {
    /// Wait until the ticket's revision is another than this one.
    revision: Option<u32>,
    /// For how long at most, 30 s at most.
    wait_s: u64,
}

/// How one queue is.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct QueueJson {
    game: String,
    mode: String,
    /// 0 for the server's default.
    tick_rate_hz: u16,
    /// Tickets that wait.
    tickets: u64,
    /// Players of them.
    players: u64,
    /// Matches since the start whose rooms were opened.
    formed: u64,
    /// Tickets of them.
    matched: u64,
    /// Tickets that waited as long as they may.
    expired: u64,
    /// What half of the last tickets waited at most.
    wait_ms_p50: Option<u64>,
    /// What 99 of 100 of them waited at most.
    wait_ms_p99: Option<u64>,
    /// For how long the node has matched these tickets, its own, alone, as Redis is away; left out of queues that are
    /// those of all nodes, or of a node that works alone at any time.
    #[serde(skip_serializing_if = "Option::is_none")]
    alone_ms: Option<u64>,
}

impl From<QueueView> for QueueJson {
    fn from(queue: QueueView) -> Self {
        Self {
            game: queue.game,
            mode: queue.mode,
            tick_rate_hz: queue.tick_rate_hz,
            tickets: queue.tickets,
            players: queue.players,
            formed: queue.formed,
            matched: queue.matched,
            expired: queue.expired,
            wait_ms_p50: queue.wait_ms_p50,
            wait_ms_p99: queue.wait_ms_p99,
            alone_ms: None,
        }
    }
}

/// The queues of this node alone, and for how long it has matched alone; `None` while all nodes have theirs in common.
pub(crate) fn alone(front: &Front) -> Option<(u64, Vec<QueueJson>)> {
    let matchmaking = front.matchmaking.as_ref()?;
    let alone_ms = shared::alone_ms(front, matchmaking)?;
    let queues = matchmaking.desk().matcher.queues().map(QueueJson::from).collect::<Vec<_>>();
    let marked = queues.into_iter().map(|queue| QueueJson { alone_ms: Some(alone_ms), ..queue });
    Some((alone_ms, marked.collect()))
}

/// How the queues are, by mode and tick rate: those of all nodes, or of this one where it matches alone.
#[utoipa::path(get, path = "/api/v1/matchmaking", tag = "matchmaking", responses(
    (status = 200, body = [QueueJson]), (status = 404, body = ProblemJson)))]
pub(crate) async fn queues(State(front): State<Arc<Front>>) -> Result<Json<Vec<QueueJson>>, Problem> {
    let matchmaking = matchmaking(&front)?;
    if let Some((_, queues)) = alone(&front) {
        return Ok(Json(queues));
    }
    let of_cluster = front.cluster.get().map(|cluster| cluster.queues()).filter(|queues| !queues.is_empty());
    let own = || matchmaking.desk().matcher.queues().collect();
    Ok(Json(of_cluster.unwrap_or_else(own).into_iter().map(QueueJson::from).collect()))
}

/// Lets a ticket wait: with the API key for anybody, without it for one guest where they are welcome.
#[utoipa::path(post, path = "/api/v1/matchmaking/tickets", tag = "matchmaking", request_body = NewTicket,
    security(("key" = []), ()), responses(
    (status = 201, body = StatusJson), (status = 400, body = ProblemJson), (status = 401, body = ProblemJson),
    (status = 404, body = ProblemJson), (status = 409, body = ProblemJson), (status = 422, body = ProblemJson),
    (status = 429, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn submit(
    State(front): State<Arc<Front>>,
    headers: HeaderMap,
    JsonBody(new): JsonBody<NewTicket>,
) -> Result<(StatusCode, Json<StatusJson>), Problem> {
    let matchmaking = matchmaking(&front)?;
    let with_key = has_key(&front, &headers)?;
    let names = new.party.iter().map(|member| PlayerName::try_from(member.name.as_str()));
    let names =
        names.collect::<Result<Vec<_>, _>>().map_err(|fault| unprocessable(format!("name: {fault}")))?;
    let (ticket, guest) = if with_key { (of_back_end(new)?, None) } else { of_guest(&front, new)? };
    let id = ticket.id;
    matchmaking.check_new(id).map_err(problem)?;
    // One that this node has matched, or lets wait, alone is not the cluster's as well.
    let is_own = matchmaking.desk().tickets.contains_key(&id);
    let cluster = if is_own { None } else { shared::queue(&front, matchmaking, id)? };
    let mut status = match cluster {
        Some(cluster) => {
            let shared = SharedTicket { ticket, names, is_guest: !with_key };
            shared::submit(&front, cluster, shared).await?
        }
        None => {
            matchmaking.submit(ticket, names, !with_key).map_err(problem)?;
            show::status(&front, matchmaking, id)?
        }
    };
    status.guest = guest;
    Ok((StatusCode::CREATED, Json(status)))
}

/// How a ticket is: at once, or as soon as there is news.
#[utoipa::path(get, path = "/api/v1/matchmaking/tickets/{id}", tag = "matchmaking",
    params(("id" = String, Path), Watch), security(("key" = []), ()), responses(
    (status = 200, body = StatusJson), (status = 400, body = ProblemJson), (status = 404, body = ProblemJson)))]
pub(crate) async fn watch(
    State(front): State<Arc<Front>>,
    headers: HeaderMap,
    Segment(id): Segment,
    Asked(watch): Asked<Watch>,
) -> Result<Json<StatusJson>, Problem> {
    let matchmaking = matchmaking(&front)?;
    if let Some(elsewhere) = shared::elsewhere(&front, matchmaking, &headers, &id)? {
        return elsewhere.watch(&front, watch).await.map(Json);
    }
    let id = permitted(&front, matchmaking, &headers, &id)?;
    let until = tokio::time::Instant::now() + Duration::from_secs(watch.wait_s.min(WAIT_S_MAX));
    let mut news = matchmaking.news();
    let is_known = |view: TicketView, has_room: bool| {
        watch.revision == Some(show::revision(view, has_room)) && !matches!(view.state, TicketState::Ended(_))
    };
    loop {
        let known = {
            let desk = matchmaking.desk();
            let view = desk.matcher.view(id).filter(|_| desk.tickets.contains_key(&id));
            view.is_some_and(|view| is_known(view, desk.room_of(view.state).is_some()))
        };
        // It may be the cluster's since.
        if !known && let Some(elsewhere) = shared::elsewhere(&front, matchmaking, &headers, &id.to_string())?
        {
            return elsewhere.watch(&front, watch).await.map(Json);
        }
        if !known || !matchmaking.wait_for_news(&mut news, until).await {
            return show::status(&front, matchmaking, id).map(Json);
        }
    }
}

/// Takes a ticket back.
#[utoipa::path(delete, path = "/api/v1/matchmaking/tickets/{id}", tag = "matchmaking",
    params(("id" = String, Path)), security(("key" = []), ()), responses(
    (status = 200, body = StatusJson), (status = 404, body = ProblemJson), (status = 409, body = ProblemJson),
    (status = 503, body = ProblemJson)))]
pub(crate) async fn cancel(
    State(front): State<Arc<Front>>,
    headers: HeaderMap,
    Segment(id): Segment,
) -> Result<Json<StatusJson>, Problem> {
    let matchmaking = matchmaking(&front)?;
    if let Some(elsewhere) = shared::elsewhere(&front, matchmaking, &headers, &id)? {
        return elsewhere.cancel(&front).await.map(Json);
    }
    let id = permitted(&front, matchmaking, &headers, &id)?;
    if matchmaking.is_moving(id) {
        return Err(shared::away());
    }
    matchmaking.cancel(id).map_err(problem)?;
    show::status(&front, matchmaking, id).map(Json)
}

/// Answers for a player who was asked whether they are there.
#[utoipa::path(post, path = "/api/v1/matchmaking/tickets/{id}/answer", tag = "matchmaking",
    params(("id" = String, Path)), request_body = NewAnswer, security(("key" = []), ()), responses(
    (status = 200, body = StatusJson), (status = 404, body = ProblemJson), (status = 409, body = ProblemJson),
    (status = 422, body = ProblemJson)))]
pub(crate) async fn answer(
    State(front): State<Arc<Front>>,
    headers: HeaderMap,
    Segment(id): Segment,
    JsonBody(new): JsonBody<NewAnswer>,
) -> Result<Json<StatusJson>, Problem> {
    let matchmaking = matchmaking(&front)?;
    let player = translate::player_id(&new.player).map_err(unprocessable)?;
    if let Some(elsewhere) = shared::elsewhere(&front, matchmaking, &headers, &id)? {
        return elsewhere.answer(&front, player, new.accept).await.map(Json);
    }
    let id = permitted(&front, matchmaking, &headers, &id)?;
    matchmaking.answer(id, player, new.accept).map_err(problem)?;
    show::status(&front, matchmaking, id).map(Json)
}

fn matchmaking(front: &Front) -> Result<&Matchmaking, Problem> {
    let detail = "this server has no matchmaking: name a file of modes in matchmaking.modes";
    front.matchmaking.as_ref().ok_or_else(|| Problem::not_found(detail))
}

/// The number of a ticket that the asker may know of: any with the API key, a guest's for whoever knows its number.
fn permitted(
    front: &Front,
    matchmaking: &Matchmaking,
    headers: &HeaderMap,
    id: &str,
) -> Result<TicketId, Problem> {
    let with_key = has_key(front, headers)?;
    let missing = || Problem::not_found("there is no such ticket, or it is forgotten");
    let id: TicketId = id.parse().map_err(|_| missing())?;
    let may = matchmaking.desk().tickets.get(&id).is_some_and(|holder| with_key || holder.is_guest);
    if may { Ok(id) } else { Err(missing()) }
}

fn unprocessable(text: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "out_of_range", text)
}

fn problem(refused: Refused) -> Problem {
    let refused = match refused {
        Refused::Fault(fault) => Refused::Fault(fault.in_seconds(&[("wait_ms_max", "wait_s")])),
        other => other,
    };
    let (status, code) = match &refused {
        Refused::PlayerWaits { .. } => (StatusCode::CONFLICT, "player_waits"),
        Refused::OtherTicket(_) => (StatusCode::CONFLICT, "other_ticket"),
        Refused::AlreadyMatched { .. } => (StatusCode::CONFLICT, "already_matched"),
        Refused::NotAsked(_) => (StatusCode::CONFLICT, "not_asked"),
        Refused::UnknownTicket(_) | Refused::UnknownMatch(_) => (StatusCode::NOT_FOUND, "not_found"),
        Refused::QueueFull { .. } => (StatusCode::SERVICE_UNAVAILABLE, "queue_full"),
        Refused::UnknownMode { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "unknown_mode"),
        Refused::TooManyRegions { .. } | Refused::GuestRegions { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "too_many_regions")
        }
        _ => (StatusCode::UNPROCESSABLE_ENTITY, "out_of_range"),
    };
    Problem::new(status, code, refused.to_string())
}

fn of_back_end(new: NewTicket) -> Result<Ticket, Problem> {
    let id = match &new.id {
        Some(text) => text.parse().map_err(|fault| unprocessable(format!("id: {fault}")))?,
        None => random_id()?,
    };
    let needed = || unprocessable("player: a back end says who plays, in 16 hexadecimal digits".to_owned());
    let mut party = Vec::with_capacity(new.party.len());
    for member in &new.party {
        let player = member.player.as_deref().ok_or_else(needed)?;
        party.push(PartyMember {
            player: translate::player_id(player).map_err(unprocessable)?,
            rating: member.rating.unwrap_or(GUEST_RATING),
            roles: member.roles.clone(),
        });
    }
    ticket(id, party, new)
}

/// The ticket of a guest, and the word by which they are known again.
fn of_guest(front: &Front, new: NewTicket) -> Result<(Ticket, Option<String>), Problem> {
    let names_player = new.id.is_some() || new.party.iter().any(|member| member.player.is_some());
    let (player, word) = tickets::guest(front, names_player, new.guest.as_deref())?;
    let [member] = new.party.as_slice() else {
        return Err(unprocessable("party: a guest plays alone; parties need the API key".to_owned()));
    };
    let party = vec![PartyMember { player, rating: GUEST_RATING, roles: member.roles.clone() }];
    let new = NewTicket { priority: 0, ..new };
    Ok((ticket(random_id()?, party, new)?, Some(word)))
}

fn ticket(id: TicketId, party: Vec<PartyMember>, new: NewTicket) -> Result<Ticket, Problem> {
    let blocked = new.blocked.iter().map(|text| translate::player_id(text));
    let blocked: Vec<PlayerId> = blocked.collect::<Result<_, _>>().map_err(unprocessable)?;
    let region = |new: NewRegion| RegionLatency { region: new.region, latency_ms: new.latency_ms };
    Ok(Ticket {
        id,
        game: new.game,
        mode: new.mode,
        contents: new.contents,
        party,
        regions: new.regions.into_iter().map(region).collect(),
        tick_rate_hz: new.tick_rate_hz,
        priority: new.priority,
        blocked,
        backfill: new.backfill,
        wait_ms_max: new.wait_s.saturating_mul(1_000),
    })
}

fn random_id() -> Result<TicketId, Problem> {
    let mut id = [0; 16];
    getrandom::fill(&mut id)
        .map_err(|error| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_ticket", error.to_string()))?;
    Ok(TicketId(u128::from_be_bytes(id)))
}
