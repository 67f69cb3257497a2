//! What has happened in a room, page by page.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use framekeep_gate::{Answer, Question, RoomHappening, Viewer};
use framekeep_protocol::{RoomEvent, RoomName};
use serde::{Deserialize, Serialize};

use super::rooms::match_name;
use crate::ask::{self, RoomQuestion};
use crate::front::Front;
use crate::problem::{Problem, ProblemJson};
use crate::request::{Asked, RoomPath, at_least_one, viewer};
use crate::translate;

/// Most events in one answer.
const PAGE_MAX: u32 = 100;

/// Which events are wanted.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct HappeningFilter {
    /// Only those after the one with this number.
    after: u64,
    /// At most so many, 100 at most.
    #[serde(deserialize_with = "at_least_one")]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Something that happened in a room.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct HappeningJson {
    /// Its number in the room; they rise, and some are missing: those are not remembered.
    number: u64,
    /// As `kind` of `Event` in `framekeep.proto`.
    kind: String,
    /// When; null where only the records of the match tell of it.
    at_unix_ms: Option<u64>,
    /// In which match of the room, 1 to 15 and then from 0 again; 0 also between matches.
    epoch: u8,
    /// Which match that was, by a name that no other of the room has: when it started, in seconds since 1970, and the
    /// epoch, as in the name of its replay. Null between matches.
    #[serde(rename = "match")]
    of_match: Option<String>,
    /// Before which frame of that match.
    tick: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seat: Option<u32>,
    /// 16 hexadecimal digits.
    #[serde(skip_serializing_if = "String::is_empty")]
    player: String,
    /// How the player was called.
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    /// Why, where that is known.
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    /// The content that was chosen.
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    phase: String,
    /// Ready or not, locked or not.
    flag: bool,
    /// The seat that has won the match that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    winner: Option<u32>,
}

/// What has happened in a room.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct HappeningsJson {
    events: Vec<HappeningJson>,
    /// What to ask for as `after` for the rest, if there is any.
    next: Option<u64>,
}

/// What has happened in a room of whatever node of the cluster, the oldest that is remembered first, for whoever may
/// watch it. Chat and scores are not remembered.
#[utoipa::path(get, path = "/api/v1/rooms/{name}/events", tag = "rooms",
    params(("name" = String, Path), HappeningFilter), security(("session" = []), ()),
    responses((status = 200, body = HappeningsJson),
    (status = 400, body = ProblemJson), (status = 404, body = ProblemJson), (status = 422, body = ProblemJson),
    (status = 503, body = ProblemJson)))]
pub(crate) async fn list(
    State(front): State<Arc<Front>>,
    RoomPath(name): RoomPath,
    headers: HeaderMap,
    Asked(filter): Asked<HappeningFilter>,
) -> Result<Response, Problem> {
    page(&front, &name, viewer(&front, &headers), filter).await
}

/// A page of what has happened in a room, of this node or another.
pub(crate) async fn page(
    front: &Front,
    room: &RoomName,
    viewer: Viewer,
    filter: HappeningFilter,
) -> Result<Response, Problem> {
    let question = RoomQuestion::Events(room.clone(), viewer.into(), filter);
    ask::here_or_there(front, room, page_here(front, room, viewer, filter).await, &question).await
}

/// A page of what has happened in a room of this node.
pub(crate) async fn page_here(
    front: &Front,
    room: &RoomName,
    viewer: Viewer,
    filter: HappeningFilter,
) -> Result<Json<HappeningsJson>, Problem> {
    let limit = filter.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX) as usize;
    let question = Question::Happenings { room: room.clone(), viewer, after: filter.after, limit };
    match front.ask(question).await? {
        Answer::Happenings { found, more } => {
            let next = found.last().filter(|_| more).map(|last| last.number);
            Ok(Json(HappeningsJson { events: found.into_iter().map(HappeningJson::from).collect(), next }))
        }
        Answer::Refused(refusal) => Err(refusal.into()),
        _ => Err(Problem::not_found(format!("there is no room {room}"))),
    }
}

impl From<RoomHappening> for HappeningJson {
    fn from(happening: RoomHappening) -> Self {
        let RoomHappening { number, unix_ms, epoch, started_unix_s, tick, name, kind } = happening;
        let event = translate::room_event(RoomEvent { number, kind });
        let (ended, winner) = event.ended.map(|ended| (ended.reason, ended.winner)).unwrap_or_default();
        let reason = if event.reason.is_empty() { ended } else { event.reason };
        Self {
            number,
            kind: event.kind,
            at_unix_ms: unix_ms,
            epoch,
            of_match: started_unix_s.map(|started_unix_s| match_name(started_unix_s, epoch)),
            tick: tick.map(|tick| tick.0),
            seat: event.seat,
            player: event.player,
            name,
            // Records say that somebody has left, and not why.
            reason: if unix_ms.is_some() { reason } else { String::new() },
            text: event.text,
            phase: event.phase,
            flag: event.flag,
            winner,
        }
    }
}
