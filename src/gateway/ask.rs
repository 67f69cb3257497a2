//! What one node asks another about rooms, for a back end that has asked it: the answer is the other node's own.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use framekeep_gate::Viewer;
use framekeep_protocol::{PlayerId, RoomName};
use futures_util::{StreamExt as _, stream};
use hyper::client::conn::http1::SendRequest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use crate::admin;
use crate::api::happenings::{self, HappeningFilter};
use crate::api::past::{self, PastFilter};
use crate::api::rooms::{self, NewRoom, RoomFilter};
use crate::front::Front;
use crate::mail::{self, NoAnswer, RoomClaim};
use crate::problem::Problem;

/// Longest question, in bytes.
const QUESTION_BYTES_MAX: usize = 64 << 10;

/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Longest answer with states of a match, in bytes: as many bodies as one may have, in JSON.
const VIEWS_BYTES_MAX: usize = 32 << 20;

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(6);

/// How long one with states of a match may take.
const VIEWS_WITHIN: Duration = Duration::from_secs(16);

/// How long all nodes together may take to give their rooms.
const LIST_WITHIN: Duration = Duration::from_secs(5);

/// Nodes that are asked at once for their rooms: each may answer with megabytes.
const ASKED_AT_ONCE_MAX: usize = 32;

/// How long the store of names may take to say whose a room is.
const CLAIM_WITHIN: Duration = Duration::from_secs(1);

/// Tells a question from a letter, in what is signed.
const PURPOSE: &str = "ask";

/// What a node is asked. Who may ask was found out by the node that asks.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RoomQuestion {
    /// Its rooms.
    List(RoomFilter),
    /// One room; who is in a private one only for a back end.
    Show(RoomName, bool),
    /// Opens a room.
    Open(NewRoom),
    /// Closes a room.
    Close(RoomName),
    /// Lets a room go on at another node, or asks what became of that.
    Move(RoomName, Option<String>),
    /// Sends a player of a room away.
    Kick(RoomName, PlayerId),
    /// What has happened in a room, and who asks: all but operators only of one that they may watch.
    Events(RoomName, ViewerJson, HappeningFilter),
    /// States of the match that runs in a room, and who asks.
    Views(RoomName, ViewerJson, PastFilter),
}

/// A [`Viewer`], as it is said to another node.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum ViewerJson {
    /// An operator, or anybody.
    Operator(bool),
    /// A player who has a session at the node that asks.
    Player(PlayerId),
}

impl From<Viewer> for ViewerJson {
    fn from(viewer: Viewer) -> Self {
        match viewer {
            Viewer::Anybody => Self::Operator(false),
            Viewer::Operator => Self::Operator(true),
            Viewer::Player(player) => Self::Player(player),
        }
    }
}

impl From<ViewerJson> for Viewer {
    fn from(viewer: ViewerJson) -> Self {
        match viewer {
            ViewerJson::Operator(false) => Self::Anybody,
            ViewerJson::Operator(true) => Self::Operator,
            ViewerJson::Player(player) => Self::Player(player),
        }
    }
}

impl RoomQuestion {
    /// How long its answer may take. A match is played again only when it is its turn.
    fn within(&self) -> Duration {
        if matches!(self, Self::Views(..)) { VIEWS_WITHIN } else { WITHIN }
    }

    /// The longest answer, in bytes.
    fn bytes_max(&self) -> usize {
        if matches!(self, Self::Views(..)) { VIEWS_BYTES_MAX } else { ANSWER_BYTES_MAX }
    }
}

/// What the peers' port answers.
pub(crate) fn routes() -> Router<Arc<Front>> {
    Router::new().route("/peer/v1/rooms", post(answer)).layer(DefaultBodyLimit::max(QUESTION_BYTES_MAX))
}

async fn answer(State(front): State<Arc<Front>>, headers: HeaderMap, body: Bytes) -> Response {
    let question = mail::proven(&front, &headers, &body).and_then(|letter| {
        let read = serde_json::from_slice(&body).map_err(|error| Problem::bad_request(error.to_string()));
        if letter.hands == PURPOSE { read } else { Err(Problem::bad_request("this is no question")) }
    });
    // What is not here is not looked for elsewhere: two nodes that are wrong about each other would go on for ever.
    match question {
        Ok(RoomQuestion::List(filter)) => rooms::list_here(&front, &filter).into_response(),
        Ok(RoomQuestion::Show(name, has_key)) => {
            rooms::show_here(&front, &name, has_key).await.into_response()
        }
        Ok(RoomQuestion::Open(new)) => rooms::open_here(&front, new).await.into_response(),
        Ok(RoomQuestion::Close(name)) => rooms::close_room(&front, name).await.into_response(),
        Ok(RoomQuestion::Move(name, node)) => admin::move_here(&front, &name, node).await.into_response(),
        Ok(RoomQuestion::Kick(name, player)) => admin::kick_of(&front, &name, player).await.into_response(),
        Ok(RoomQuestion::Events(name, viewer, filter)) => {
            happenings::page_here(&front, &name, viewer.into(), filter).await.into_response()
        }
        Ok(RoomQuestion::Views(name, viewer, filter)) => {
            past::so_far_here(&front, &name, viewer.into(), filter).await.into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// Asks a node; the answer is its own. That it takes no question of this node is no answer to who has asked.
pub(crate) async fn ask(front: &Front, node: &str, question: &RoomQuestion) -> Result<Response, Problem> {
    let silent = |why: String| away(format!("the node {node} of that room does not answer: {why}"));
    let is_past = matches!(question, RoomQuestion::Views(..));
    // Whoever waits for a place waits for others who ask, and not for the node.
    let _asks = if is_past { Some(front.past_places.ask(node).await?) } else { None };
    let begun = in_time(question.within(), put(front, node, question)).await.map_err(silent)?;
    let _arrives = if is_past { Some(front.past_places.arrive().await?) } else { None };
    let taken = in_time(WITHIN, begun.take_in(question.bytes_max())).await;
    let (status, headers, body) = taken.map_err(silent)?;
    if matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) {
        let said: Value = serde_json::from_slice(&body).unwrap_or_default();
        let why = said["detail"].as_str().unwrap_or_default();
        return Err(silent(format!("it takes no question: {why}")));
    }
    let mut answer = (status, body).into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for name in [header::CONTENT_TYPE, header::RETRY_AFTER] {
        if let Some(value) = headers.get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    Ok(answer)
}

async fn in_time<T>(within: Duration, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::time::timeout(within, work).await.unwrap_or_else(|_| Err("it takes too long".to_owned()))
}

/// What a node has begun to answer.
struct Begun {
    answer: Response,
    /// The connection is kept as long.
    _line: SendRequest<Body>,
}

impl Begun {
    /// The whole answer.
    async fn take_in(self, bytes_max: usize) -> Result<(StatusCode, HeaderMap, Bytes), String> {
        let (head, body) = self.answer.into_parts();
        let body = axum::body::to_bytes(body, bytes_max).await;
        Ok((head.status, head.headers, body.map_err(|error| error.to_string())?))
    }
}

/// Puts a question to a node.
async fn put(front: &Front, node: &str, question: &RoomQuestion) -> Result<Begun, String> {
    let body = serde_json::to_vec(question).unwrap_or_default();
    let request = mail::signed(front, node, "/peer/v1/rooms", (&body.into(), PURPOSE))?;
    let mut line = mail::reach(front, node).await?;
    let answer = line.send_request(request).await.map_err(|error| error.to_string())?;
    Ok(Begun { answer: answer.map(Body::new), _line: line })
}

/// The node that has a room, if it is another one.
///
/// # Errors
/// A [`Problem`] if nobody can say, or the node is gone and has the room still.
pub(crate) async fn owner(front: &Front, room: &RoomName) -> Result<Option<String>, Problem> {
    let Some(peers) = front.peers.get() else { return Ok(None) };
    let claimed = tokio::time::timeout(CLAIM_WITHIN, peers.claim(room.clone())).await;
    match claimed.unwrap_or(Err(NoAnswer)).map_err(|_| silent_store(room))? {
        Some(RoomClaim { is_own: false, node, .. }) if node.is_empty() => {
            Err(away(format!("the node of the room {room} is gone: it goes on when that is back")))
        }
        Some(RoomClaim { is_own: false, node, .. }) => Ok(Some(node)),
        _ => Ok(None),
    }
}

/// Nobody can say whose a room is.
pub(crate) fn silent_store(room: &RoomName) -> Problem {
    let why = format!("the store of names does not answer: whose the room {room} is cannot be said");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store_away", why).retry_after(1)
}

fn away(why: String) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "node_away", why).retry_after(1)
}

/// The answer of this node, or of the one that has a room that this one has not. A room that is here without a match is
/// looked for nowhere else.
///
/// # Errors
/// The [`Problem`] of this node if it has the room or nobody has, or one that says that the other does not answer.
pub(crate) async fn here_or_there(
    front: &Front,
    name: &RoomName,
    here: Result<impl IntoResponse, Problem>,
    question: &RoomQuestion,
) -> Result<Response, Problem> {
    match here {
        Err(problem) if problem.is_not_here() => match owner(front, name).await? {
            Some(node) => ask(front, &node, question).await,
            None => Err(problem),
        },
        here => here.map(IntoResponse::into_response),
    }
}

/// The rooms of all nodes that have some, as one answer, which names the nodes that did not give theirs.
pub(crate) async fn list_all(front: &Front, filter: &RoomFilter) -> Result<Response, Problem> {
    let nodes = front.peers.get().map_or_else(Vec::new, |peers| peers.with_rooms());
    let (asked, until) = (nodes.len(), Instant::now() + LIST_WITHIN);
    let answers = stream::iter(nodes.into_iter().map(async |node| {
        let listed = timeout_at(until, list_of(front, &node, filter)).await;
        (node, listed.unwrap_or_else(|_| Err("it takes too long".to_owned())))
    }));
    let mut answers = pin!(answers.buffer_unordered(ASKED_AT_ONCE_MAX));
    let mut all = Listed::default();
    while let Some((node, listed)) = answers.next().await {
        match listed {
            Ok(listed) => all.add(listed, filter.limit()),
            Err(why) => {
                debug!(node, why, "a node does not give its rooms");
                all.failed_nodes.push(node);
            }
        }
    }
    all.failed_nodes.sort();
    if asked > 0 && all.failed_nodes.len() == asked {
        return Err(away(format!("no node gives its rooms: {}", all.failed_nodes.join(", "))));
    }
    all.next = all.rooms.last().filter(|_| all.is_more).map(|room| room["name"].clone());
    Ok(axum::Json(all).into_response())
}

/// The rooms of a node.
async fn list_of(front: &Front, node: &str, filter: &RoomFilter) -> Result<Listed, String> {
    let question = RoomQuestion::List(filter.clone());
    let (status, _, body) = put(front, node, &question).await?.take_in(question.bytes_max()).await?;
    if !status.is_success() {
        return Err(format!("it answers {status}"));
    }
    serde_json::from_slice(&body).map_err(|error| format!("it does not answer with a list of rooms: {error}"))
}

/// Rooms of one node or several, by name.
#[derive(Default, Serialize, Deserialize)]
struct Listed {
    as_of_unix_ms: u64,
    total: u64,
    rooms: Vec<Value>,
    next: Option<Value>,
    /// Nodes whose rooms are missing.
    #[serde(skip_deserializing)]
    failed_nodes: Vec<String>,
    /// Whether there are rooms after these.
    #[serde(skip)]
    is_more: bool,
}

impl Listed {
    /// With those of one more node: no more are kept than are told, and as old as the oldest answer.
    fn add(&mut self, one: Self, limit: usize) {
        self.as_of_unix_ms = match self.as_of_unix_ms {
            0 => one.as_of_unix_ms,
            as_of => as_of.min(one.as_of_unix_ms),
        };
        self.total += one.total;
        self.rooms.extend(one.rooms);
        self.rooms.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
        self.is_more |= one.next.is_some() || self.rooms.len() > limit;
        self.rooms.truncate(limit);
    }
}

#[cfg(test)]
pub(crate) mod tests;
