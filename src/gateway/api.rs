//! The HTTP API, its routes and what all of them share.

pub(crate) mod health;
mod node;
pub(crate) mod openapi;
mod replays;
mod results;
pub(crate) mod rooms;
mod tickets;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::front::Front;
use crate::problem::Problem;
use crate::request::over_budget;
use crate::stats::Refused;
use crate::{assets, socket};

/// Longest body of a request, in bytes.
const BODY_BYTES_MAX: usize = 64 << 10;

/// Everything the public port serves.
pub(crate) fn router(front: Arc<Front>) -> Router {
    let api = Router::new()
        .route("/rooms", get(rooms::list).post(rooms::open))
        .route("/rooms/{name}", get(rooms::show).delete(rooms::close))
        .route("/tickets", post(tickets::mint))
        .route("/replays", get(replays::list))
        .route("/replays/{name}", get(replays::download))
        .route("/results", get(results::list))
        .route("/results/{id}", get(results::show))
        .route("/node", get(node::show))
        .route("/cluster", get(node::cluster))
        .route("/cleanup", get(node::cleanup))
        .route("/alerts", get(node::alerts));
    Router::new()
        .nest("/api/v1", api)
        .route("/api/openapi.json", get(openapi::document))
        .route("/debug/rooms", get(rooms::debug))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/ws", get(socket::upgrade))
        .fallback(assets::serve)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(front.clone(), guard))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(front)
}

/// A route that does not know the method.
pub(crate) async fn wrong_method() -> Problem {
    let status = axum::http::StatusCode::METHOD_NOT_ALLOWED;
    Problem::new(status, "method_not_allowed", "this route has no such method: see /api/openapi.json")
}

/// Holds back who asks too much and pages of foreign origins; counts; says how browsers are to treat answers.
async fn guard(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let mut response = match admissible(&front, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    front.stats.note_response(response.status().as_u16());
    protect(&mut response);
    response
}

fn admissible(front: &Front, request: &Request) -> Result<(), Problem> {
    let path = request.uri().path();
    if matches!(path, "/healthz" | "/readyz" | "/metrics") {
        return Ok(());
    }
    let address = request.extensions().get().copied();
    let address = address.map(|axum::extract::ConnectInfo::<std::net::SocketAddr>(peer)| peer.ip());
    if address.is_some_and(|address| !front.budgets.take(address)) {
        front.stats.refuse(Refused::Budget);
        return Err(over_budget());
    }
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    if !reads && !front.origins.allow(request.headers()) {
        front.stats.refuse(Refused::Origin);
        return Err(Problem::forbidden("foreign_origin", "pages of this origin may not use the server"));
    }
    Ok(())
}

/// Headers that keep browsers from guessing, framing and leaking.
pub(crate) fn protect(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
