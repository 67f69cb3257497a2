//! The pages that ship with the server.

use axum::body::Body;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::problem::Problem;

#[derive(RustEmbed)]
#[folder = "../../assets/web"]
struct Pages;

/// What pages may load: what is served here, and nothing else.
const POLICY: &str = "default-src 'self'; connect-src 'self' http://localhost:* http://127.0.0.1:* http://[::1]:*; \
                      img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// Serves a page: `/` is `index.html`, `/play` is `play.html` or `play/index.html`.
pub(crate) async fn serve(method: Method, uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("api/") || ![Method::GET, Method::HEAD].contains(&method) {
        return Problem::not_found("there is no such route: see /api/openapi.json").into_response();
    }
    let bare = path.trim_end_matches('/');
    let index = if bare.is_empty() { "index.html".to_owned() } else { format!("{bare}/index.html") };
    let names = [path.to_owned(), format!("{bare}.html"), index];
    let found = names.iter().find_map(|name| Some((name, Pages::get(name)?)));
    let Some((name, file)) = found else {
        return Problem::not_found("there is no such page").into_response();
    };
    let mut response = (StatusCode::OK, Body::from(file.data.into_owned())).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(name)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// The content type of a file, by its ending.
fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" | "ts" | "md" | "proto" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
