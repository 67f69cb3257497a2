//! The operators' port: every route needs the token, every action is noted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use framekeep_gate::{Answer, MoveState, Order, Question, Viewer};
use framekeep_protocol::{PlayerId, RoomName};
use serde::{Deserialize, Serialize};

use crate::api;
use crate::api::happenings::{HappeningFilter, HappeningsJson};
use crate::api::past::{PastFilter, PastJson};
use crate::api::rooms::RoomJson;
use crate::api::tickets::{TicketJson, for_operator};
use crate::ask::{self, RoomQuestion};
use crate::audit::Action;
use crate::front::Front;
use crate::mail;
use crate::problem::{Problem, ProblemJson};
use crate::request::{Asked, JsonBody, RoomPath, Segment, bearer, over_budget};
use crate::stats::Refused;
use crate::translate;

/// How long a drain may last when nothing is said.
const GRACE_S: u64 = 30;

/// Longest that may be asked for.
const GRACE_S_MAX: u64 = 86_400;

/// Longest body of a request, in bytes.
const BODY_BYTES_MAX: usize = 4 << 10;

/// Everything the operators' port serves.
pub(crate) fn router(front: Arc<Front>) -> Router {
    Router::new()
        .route("/admin/v1/drain", post(drain))
        .route("/admin/v1/rooms/{name}", delete(close).get(show))
        .route("/admin/v1/rooms/{name}/watch", post(watch))
        .route("/admin/v1/rooms/{name}/views", get(views))
        .route("/admin/v1/rooms/{name}/events", get(events))
        .route("/admin/v1/rooms/{name}/move", post(move_room).get(moving))
        .route("/admin/v1/players/{player}/kick", post(kick))
        .route("/admin/v1/audit", get(audit))
        .route("/healthz", get(api::health::alive))
        .route("/readyz", get(api::health::ready))
        .route("/metrics", get(api::health::metrics))
        .fallback(missing)
        .method_not_allowed_fallback(api::wrong_method)
        .layer(middleware::from_fn_with_state(front.clone(), guard))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(front)
}

async fn missing() -> Problem {
    Problem::not_found("there is no such route: see /api/openapi.json on the public port")
}

/// Lets nobody through who has not the token; pages of the server's own host may ask from another port.
async fn guard(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = origin.as_ref().and_then(|origin| {
        let text = origin.to_str().ok()?;
        front.live().origins.allow_any_port(text, request.headers()).then(|| origin.clone())
    });
    let mut response = if !front.live().origins.is_host_loopback(request.headers()) {
        front.stats.refuse(Refused::Origin);
        api::foreign_host().into_response()
    } else if origin.is_some() && allowed.is_none() {
        front.stats.refuse(Refused::Origin);
        Problem::forbidden("foreign_origin", "pages of this origin may not use the server").into_response()
    } else if request.method() == Method::OPTIONS && allowed.is_some() {
        StatusCode::NO_CONTENT.into_response()
    } else {
        match admissible(&front, &request) {
            // What was begun is done and noted, also if whoever asked hangs up meanwhile.
            Ok(()) => {
                let done = tokio::spawn(next.run(request)).await;
                done.unwrap_or_else(|_| Problem::busy().into_response())
            }
            Err(problem) => problem.into_response(),
        }
    };
    front.stats.note_response(response.status().as_u16());
    api::protect(&mut response);
    if let Some(origin) = allowed {
        api::let_in(&mut response, origin);
    }
    response
}

fn admissible(front: &Front, request: &Request) -> Result<(), Problem> {
    let token = bearer(request.headers()).unwrap_or_default();
    if front.live().config.admin_token.as_ref().is_some_and(|secret| secret.is(token)) {
        return Ok(());
    }
    let peer = request.extensions().get().copied();
    let address = peer.map(|ConnectInfo::<SocketAddr>(peer)| peer.ip());
    // Whoever has the token is never held back by those who guess it.
    if address.is_some_and(|address| !front.guesses.take(address)) {
        front.stats.refuse(Refused::Budget);
        return Err(over_budget());
    }
    front.stats.refuse(Refused::Unauthorized);
    Err(Problem::unauthorized("this needs the operators' token, as `Authorization: Bearer TOKEN`"))
}

/// How to drain.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DrainJson {
    /// How many seconds running matches may go on; 30 if it is not said.
    grace_s: Option<u64>,
    /// The nodes at which the rooms go on, in turn; none if it is not said.
    #[serde(default)]
    move_to: Vec<String>,
}

/// Where a room is to go on.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoveJson {
    /// The name of the other node.
    node: String,
}

/// What becomes of a room that is to go on at another node.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MovingJson {
    /// going, moved or stayed; here if the node that has the room was not told to let it go.
    state: &'static str,
    /// The other node; of `here` the one that has the room.
    node: String,
    /// Why it stayed.
    why: String,
}

/// Lets a room of this node go on at another one, or says what became of that.
pub(crate) async fn move_here(
    front: &Front,
    room: &RoomName,
    node: Option<String>,
) -> Result<Json<MovingJson>, Problem> {
    let is_asked = node.is_none();
    if let Some(node) = &node {
        mail::know(front, node).await?;
    }
    let (state, node, why) = match front.move_room(room.clone(), node).await? {
        MoveState::Going { node } => ("going", node, String::new()),
        MoveState::Moved { node } => ("moved", node, String::new()),
        MoveState::Stayed { why } => ("stayed", String::new(), why),
        MoveState::Missing if is_asked => {
            api::rooms::show_room(front, room).await.map(drop)?;
            ("here", front.live().config.node.clone(), String::new())
        }
        MoveState::Missing => return Err(Problem::not_found(format!("there is no room {room}"))),
    };
    Ok(Json(MovingJson { state, node, why }))
}

/// Lets a room of whatever node of the cluster go on at another one. It goes when it can: ask again what became of it.
#[utoipa::path(post, path = "/admin/v1/rooms/{name}/move", tag = "admin", request_body = MoveJson,
    params(("name" = String, Path)), security(("admin" = [])), responses((status = 200, body = MovingJson),
    (status = 401, body = ProblemJson), (status = 404, body = ProblemJson), (status = 409, body = ProblemJson),
    (status = 503, body = ProblemJson)))]
pub(crate) async fn move_room(
    State(front): State<Arc<Front>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    RoomPath(name): RoomPath,
    JsonBody(MoveJson { node }): JsonBody<MoveJson>,
) -> Result<Response, Problem> {
    let target = format!("{name} to {node}");
    let question = RoomQuestion::Move(name.clone(), Some(node.clone()));
    let moving = match elsewhere(&front, &name, &question).await {
        Some(there) => there,
        None => move_here(&front, &name, Some(node)).await.map(IntoResponse::into_response),
    };
    note(&front, peer, "move", target, &status(&moving)).await;
    moving
}

/// What became of a room, of whatever node of the cluster, that was to go on at another one.
#[utoipa::path(get, path = "/admin/v1/rooms/{name}/move", tag = "admin", params(("name" = String, Path)),
    security(("admin" = [])), responses((status = 200, body = MovingJson), (status = 401, body = ProblemJson),
    (status = 404, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn moving(
    State(front): State<Arc<Front>>,
    RoomPath(name): RoomPath,
) -> Result<Response, Problem> {
    let mut here = move_here(&front, &name, None).await;
    // Where it went from here is not where it is if it has gone on from there: its node knows more.
    if let Ok(Json(MovingJson { state: "moved", node, .. })) = &here
        && matches!(ask::owner(&front, &name).await, Ok(Some(owner)) if owner != *node)
    {
        here = Err(Problem::not_found(format!("there is no room {name}")));
    }
    ask::here_or_there(&front, &name, here, &RoomQuestion::Move(name.clone(), None)).await
}

/// Lets nobody open rooms any more; the server stops once no match is running, or after a while.
#[utoipa::path(post, path = "/admin/v1/drain", tag = "admin", request_body = DrainJson, security(("admin" = [])),
    responses((status = 202), (status = 401, body = ProblemJson), (status = 404, body = ProblemJson),
    (status = 409, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn drain(
    State(front): State<Arc<Front>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    JsonBody(how): JsonBody<DrainJson>,
) -> Result<StatusCode, Problem> {
    let grace = Duration::from_secs(how.grace_s.unwrap_or(GRACE_S).min(GRACE_S_MAX));
    let result = begin_drain(&front, how.move_to, grace).await;
    note(&front, peer, "drain", format!("{} s", grace.as_secs()), &result).await;
    result
}

async fn begin_drain(front: &Front, move_to: Vec<String>, grace: Duration) -> Result<StatusCode, Problem> {
    for node in &move_to {
        mail::know(front, node).await?;
    }
    if !move_to.is_empty() {
        front.order(Order::MoveAll(move_to)).await.map_err(|_| Problem::busy())?;
    }
    front.order(Order::Drain { grace }).await.map_err(|_| Problem::busy())?;
    Ok(StatusCode::ACCEPTED)
}

/// Where a player is who is sent away.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct KickFilter {
    /// The room that the player is in, of whatever node of the cluster; if it is not said, this node sends the player
    /// away.
    #[param(value_type = Option<String>)]
    room: Option<RoomName>,
}

/// Sends a player away from the node, or from the one that has the room that the player is in.
#[utoipa::path(post, path = "/admin/v1/players/{player}/kick", tag = "admin", security(("admin" = [])),
    params(("player" = String, Path, description = "16 hexadecimal digits"), KickFilter), responses((status = 204),
    (status = 400, body = ProblemJson), (status = 401, body = ProblemJson), (status = 404, body = ProblemJson),
    (status = 503, body = ProblemJson)))]
pub(crate) async fn kick(
    State(front): State<Arc<Front>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Segment(player): Segment,
    Asked(KickFilter { room }): Asked<KickFilter>,
) -> Result<Response, Problem> {
    let kicked = kick_player(&front, room.as_ref(), &player).await;
    let target = room.map_or_else(|| player.clone(), |room| format!("{player} in {room}"));
    note(&front, peer, "kick", target, &status(&kicked)).await;
    kicked
}

async fn kick_player(front: &Front, room: Option<&RoomName>, player: &str) -> Result<Response, Problem> {
    let id = translate::player_id(player).map_err(Problem::bad_request)?;
    if let Some(room) = room
        && let Some(there) = elsewhere(front, room, &RoomQuestion::Kick(room.clone(), id)).await
    {
        return there;
    }
    kick_here(front, id).await.map(IntoResponse::into_response)
}

/// Sends a player away from this node, which has to have the room.
pub(crate) async fn kick_of(front: &Front, room: &RoomName, player: PlayerId) -> Result<StatusCode, Problem> {
    api::rooms::show_room(front, room).await.map(drop)?;
    kick_here(front, player).await
}

async fn kick_here(front: &Front, id: PlayerId) -> Result<StatusCode, Problem> {
    match front.ask(Question::Kick(id)).await? {
        Answer::Missing => Err(Problem::not_found(format!(
            "the node knows no player {id}: if another one has the player's room, say which room that is"
        ))),
        Answer::Refused(refusal) => Err(refusal.into()),
        Answer::Done | Answer::Room(_) | Answer::Past { .. } | Answer::Happenings { .. } => {
            Ok(StatusCode::NO_CONTENT)
        }
    }
}

/// Gives a ticket to watch a room of whatever node of the cluster, whether it admits spectators or not, and without its
/// code. Those in it are told that an operator watches.
#[utoipa::path(post, path = "/admin/v1/rooms/{name}/watch", tag = "admin", params(("name" = String, Path)),
    security(("admin" = [])), responses((status = 201, body = TicketJson), (status = 401, body = ProblemJson),
    (status = 404, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn watch(
    State(front): State<Arc<Front>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    RoomPath(name): RoomPath,
) -> Result<(StatusCode, Json<TicketJson>), Problem> {
    let is_there = api::rooms::find(&front, &name).await;
    let ticket = is_there.and_then(|_| for_operator(&front, name.clone()));
    let result = ticket.as_ref().map(|_| StatusCode::CREATED).map_err(Clone::clone);
    note(&front, peer, "watch", name.as_str().to_owned(), &result).await;
    ticket.map(|ticket| (StatusCode::CREATED, Json(ticket)))
}

/// States of the match that runs in a room of whatever node of the cluster, from any tick on.
#[utoipa::path(get, path = "/admin/v1/rooms/{name}/views", tag = "admin",
    params(("name" = String, Path), PastFilter), security(("admin" = [])), responses(
    (status = 200, body = PastJson), (status = 400, body = ProblemJson), (status = 401, body = ProblemJson),
    (status = 404, body = ProblemJson), (status = 422, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn views(
    State(front): State<Arc<Front>>,
    RoomPath(name): RoomPath,
    Asked(filter): Asked<PastFilter>,
) -> Result<Response, Problem> {
    api::past::so_far(&front, &name, Viewer::Operator, filter).await
}

/// What has happened in a room of whatever node of the cluster.
#[utoipa::path(get, path = "/admin/v1/rooms/{name}/events", tag = "admin",
    params(("name" = String, Path), HappeningFilter), security(("admin" = [])), responses(
    (status = 200, body = HappeningsJson), (status = 400, body = ProblemJson), (status = 401, body = ProblemJson),
    (status = 404, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn events(
    State(front): State<Arc<Front>>,
    RoomPath(name): RoomPath,
    Asked(filter): Asked<HappeningFilter>,
) -> Result<Response, Problem> {
    api::happenings::page(&front, &name, Viewer::Operator, filter).await
}

/// A room of whatever node of the cluster as it is now, with everybody who is in it.
#[utoipa::path(get, path = "/admin/v1/rooms/{name}", tag = "admin", params(("name" = String, Path)),
    security(("admin" = [])), responses((status = 200, body = RoomJson), (status = 401, body = ProblemJson),
    (status = 404, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn show(
    State(front): State<Arc<Front>>,
    RoomPath(name): RoomPath,
) -> Result<Response, Problem> {
    let here = api::rooms::show_room(&front, &name).await;
    ask::here_or_there(&front, &name, here, &RoomQuestion::Show(name.clone(), true)).await
}

/// Closes a room of whatever node of the cluster.
#[utoipa::path(delete, path = "/admin/v1/rooms/{name}", tag = "admin", params(("name" = String, Path)),
    security(("admin" = [])), responses((status = 204), (status = 401, body = ProblemJson),
    (status = 404, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn close(
    State(front): State<Arc<Front>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    RoomPath(name): RoomPath,
) -> Result<Response, Problem> {
    let here = api::rooms::close_room(&front, name.clone()).await;
    let closed = ask::here_or_there(&front, &name, here, &RoomQuestion::Close(name.clone())).await;
    note(&front, peer, "close", name.into(), &status(&closed)).await;
    closed
}

/// What operators did last, the newest first.
#[utoipa::path(get, path = "/admin/v1/audit", tag = "admin", security(("admin" = [])),
    responses((status = 200, body = Vec<Action>), (status = 401, body = ProblemJson)))]
pub(crate) async fn audit(State(front): State<Arc<Front>>, _: HeaderMap) -> Json<Vec<Action>> {
    Json(front.audit.last())
}

/// What another node does that has the room; nothing if this one has it.
async fn elsewhere(
    front: &Front,
    room: &RoomName,
    question: &RoomQuestion,
) -> Option<Result<Response, Problem>> {
    let here = api::rooms::show_room(front, room).await.err()?;
    Some(ask::here_or_there(front, room, Err::<StatusCode, _>(here), question).await)
}

/// What became of an action that was perhaps done elsewhere.
fn status(done: &Result<Response, Problem>) -> Result<StatusCode, Problem> {
    done.as_ref().map(Response::status).map_err(Clone::clone)
}

async fn note(
    front: &Front,
    peer: SocketAddr,
    action: &'static str,
    target: String,
    result: &Result<StatusCode, Problem>,
) {
    let status = result.as_ref().map_or_else(Problem::status, |status| *status);
    front.audit.note(peer.to_string(), action, target, status.as_u16()).await;
}

#[cfg(test)]
mod tests;
