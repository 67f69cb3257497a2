//! The HTTP API, its routes and what all of them share.

pub(crate) mod happenings;
pub(crate) mod health;
mod matchmaking;
mod node;
pub(crate) mod openapi;
pub(crate) mod past;
mod replays;
mod results;
pub(crate) mod rooms;
pub(crate) mod tickets;
mod together;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
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

/// What it costs to have a match played again, in requests.
const VIEWS_COST: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// Everything the public port serves.
pub(crate) fn router(front: Arc<Front>) -> Router {
    let api = Router::new()
        .route("/rooms", get(rooms::list).post(rooms::open))
        .route("/rooms/{name}/views", get(past::running))
        .route("/rooms/{name}/events", get(happenings::list))
        .route("/rooms/{name}", get(rooms::show).delete(rooms::close))
        .route("/tickets", post(tickets::mint))
        .route("/matchmaking", get(matchmaking::queues))
        .route("/matchmaking/tickets", post(matchmaking::submit))
        .route("/matchmaking/tickets/{id}", get(matchmaking::watch).delete(matchmaking::cancel))
        .route("/matchmaking/tickets/{id}/answer", post(matchmaking::answer))
        .route("/replays", get(replays::list))
        .route("/replays/{name}", get(replays::download))
        .route("/replays/{name}/views", get(past::stored))
        .route("/replays/views", post(past::sent))
        .route("/results", get(results::list))
        .route("/results/{id}", get(results::show))
        .route("/node", get(node::show))
        .route("/cluster", get(node::cluster))
        .route("/cluster/rooms/{name}", get(together::claim))
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

/// What the public port serves of a node whose players come through others.
pub(crate) fn health_router(front: Arc<Front>) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(async || {
            Problem::not_found("players of this node come through the gateways of its cluster")
        })
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(front.clone(), guard))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(front)
}

/// A route that does not know the method.
pub(crate) async fn wrong_method() -> Problem {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    Problem::new(status, "method_not_allowed", "this route has no such method: see /api/openapi.json")
}

/// A request that a proxy has passed on that is believed.
#[derive(Clone, Copy)]
struct Proxied;

/// Holds back who asks too much and pages of foreign origins; counts; says how browsers are to treat answers.
async fn guard(State(front): State<Arc<Front>>, mut request: Request, next: Next) -> Response {
    let live = front.live();
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        let client = live.proxies.client(peer, request.headers());
        if client != peer {
            // From here on whoever asks is whom a proxy that is believed names.
            request.extensions_mut().insert(ConnectInfo(client));
            request.extensions_mut().insert(Proxied);
        }
    }
    let listed = live.origins.listed(request.headers());
    let mut response = match admissible(&front, &request) {
        Ok(()) if listed.is_some() && request.method() == Method::OPTIONS => {
            StatusCode::NO_CONTENT.into_response()
        }
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    front.stats.note_response(response.status().as_u16());
    protect(&mut response);
    if let Some(origin) = listed {
        let_in(&mut response, origin);
    }
    response
}

/// Tells a browser that a page of another origin may read the answer, and ask for it as the page has.
pub(crate) fn let_in(response: &mut Response, origin: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    let words = HeaderValue::from_static("authorization, content-type, range");
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, words);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
    let shown = HeaderValue::from_static("content-range, etag, retry-after");
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, shown);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
}

fn admissible(front: &Front, request: &Request) -> Result<(), Problem> {
    let path = request.uri().path();
    if matches!(path, "/healthz" | "/readyz") {
        return Ok(());
    }
    let live = front.live();
    // What measures asks by addresses and names that are nobody's pages.
    let is_scraped = path == "/metrics";
    let is_proxied = request.extensions().get::<Proxied>().is_some();
    if !is_proxied && !is_scraped && !live.origins.is_host_own(request.headers()) {
        front.stats.refuse(Refused::Origin);
        return Err(foreign_host());
    }
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    // Pages are parts of the program: a page of forty files is not forty requests of somebody who asks too much.
    let is_page = reads && !["/api", "/ws", "/debug", "/metrics"].iter().any(|route| path.starts_with(route));
    let address = request.extensions().get().map(|ConnectInfo::<SocketAddr>(peer)| peer.ip());
    let cost = if path.ends_with("/views") { VIEWS_COST } else { NonZeroU32::MIN };
    if !is_page && address.is_some_and(|address| !live.budgets.take_many(address, cost)) {
        front.stats.refuse(Refused::Budget);
        return Err(over_budget());
    }
    if !reads && !live.origins.allow(request.headers()) {
        front.stats.refuse(Refused::Origin);
        return Err(Problem::forbidden("foreign_origin", "pages of this origin may not use the server"));
    }
    Ok(())
}

/// A name that somebody else lets point to this machine, so that pages of theirs count as its own.
pub(crate) fn foreign_host() -> Problem {
    let detail = "the server is reached under another name: list the origin with that name in http.origins, or the \
                  proxy that passes it on in http.trusted_proxies";
    Problem::new(StatusCode::MISDIRECTED_REQUEST, "foreign_host", detail)
}

/// Headers that keep browsers from guessing, framing and leaking.
pub(crate) fn protect(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
