//! What one node asks another about rooms, for a back end that has asked it: the answer is the other node's own.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use framekeep_protocol::RoomName;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::rooms::{self, NewRoom, RoomFilter};
use crate::front::Front;
use crate::mail::{self, RoomClaim};
use crate::problem::Problem;

/// Longest question, in bytes.
const QUESTION_BYTES_MAX: usize = 64 << 10;

/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(6);

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
        Err(problem) => problem.into_response(),
    }
}

/// Asks a node; the answer is its own.
pub(crate) async fn ask(front: &Front, node: &str, question: &RoomQuestion) -> Result<Response, Problem> {
    let body = serde_json::to_vec(question).unwrap_or_default();
    let asking = async {
        let request = mail::signed(front, node, "/peer/v1/rooms", (&body.into(), PURPOSE))?;
        let address = front.peer(node).ok_or_else(|| format!("nobody knows where the node {node} is"))?;
        let mut line = mail::connect(address).await?;
        let answer: Response<_> = line.send_request(request).await.map_err(|error| error.to_string())?;
        let (head, body) = answer.into_parts();
        let body = axum::body::to_bytes(Body::new(body), ANSWER_BYTES_MAX).await;
        let body = body.map_err(|error| error.to_string())?;
        let mut answer = (head.status, body).into_response();
        let kind = head.headers.get(header::CONTENT_TYPE).cloned();
        let kind = kind.unwrap_or(HeaderValue::from_static("application/json"));
        answer.headers_mut().insert(header::CONTENT_TYPE, kind);
        Ok::<_, String>(answer)
    };
    let answered = tokio::time::timeout(WITHIN, asking).await;
    let answered = answered.unwrap_or_else(|_| Err("it takes too long".to_owned()));
    answered.map_err(|why| {
        let why = format!("the node {node} of that room does not answer: {why}");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "node_away", why).retry_after(1)
    })
}

/// The node that has a room, if it is another one.
pub(crate) async fn owner(front: &Front, room: &RoomName) -> Option<String> {
    let claim = tokio::time::timeout(CLAIM_WITHIN, front.peers.get()?.claim(room.clone())).await.ok()??;
    let RoomClaim { node, is_own, .. } = claim;
    (!is_own && !node.is_empty()).then_some(node)
}

/// The rooms of all nodes that have some, as one answer.
pub(crate) async fn list_all(front: &Front, filter: &RoomFilter) -> Result<Response, Problem> {
    let nodes = front.peers.get().map_or_else(Vec::new, |peers| peers.with_rooms());
    let (mut all, mut total, mut as_of, mut is_more) = (Vec::new(), 0, u64::MAX, false);
    for node in nodes {
        let answer = ask(front, &node, &RoomQuestion::List(filter.clone())).await?;
        let body = axum::body::to_bytes(answer.into_body(), ANSWER_BYTES_MAX).await.unwrap_or_default();
        let seen: Value = serde_json::from_slice(&body).unwrap_or_default();
        total += seen["total"].as_u64().unwrap_or(0);
        as_of = as_of.min(seen["as_of_unix_ms"].as_u64().unwrap_or(0));
        is_more |= seen["next"].is_string();
        all.extend(seen["rooms"].as_array().cloned().unwrap_or_default());
    }
    all.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    is_more |= all.len() > filter.limit();
    all.truncate(filter.limit());
    let next = all.last().filter(|_| is_more).map(|room| room["name"].clone());
    let as_of = if as_of == u64::MAX { 0 } else { as_of };
    let answer = serde_json::json!({ "as_of_unix_ms": as_of, "total": total, "rooms": all, "next": next });
    Ok(axum::Json(answer).into_response())
}
