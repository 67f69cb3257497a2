//! The pages that ship with the server.

use std::borrow::Cow;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::problem::Problem;

#[derive(RustEmbed)]
#[folder = "../../assets/web"]
struct Pages;

/// What pages may load: what is served here, and nothing else; no script or style stands within a page. They may talk
/// to the operators' port, which is on loopback or reached through a tunnel that ends there.
const POLICY: &str = "default-src 'self'; connect-src 'self' http://localhost:* http://127.0.0.1:*; \
                      img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

/// Files that never change under their name.
const VENDORED: &str = "vendor/";

/// Serves a page: `/` is `index.html`, `/play` is `play.html` or `play/index.html`. Browsers ask each time whether
/// what they have is still right, and are told so without getting it again.
pub(crate) async fn serve(method: Method, uri: Uri, asked: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("api/") || ![Method::GET, Method::HEAD].contains(&method) {
        return Problem::not_found("there is no such route: see /api/openapi.json").into_response();
    }
    let Some((name, file)) = find(path) else {
        return Problem::not_found("there is no such page").into_response();
    };
    let tag = format!("\"{}\"", HEXLOWER.encode(&file.metadata.sha256_hash()[..12]));
    let mut response = if has_already(&asked, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (StatusCode::OK, Body::from(bytes(file.data))).into_response()
    };
    let headers = response.headers_mut();
    let keep = if name.starts_with(VENDORED) { "max-age=604800" } else { "no-cache" };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(&name)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    // Hexadecimal digits in quotes.
    headers.extend(HeaderValue::from_str(&tag).ok().map(|tag| (header::ETAG, tag)));
    response
}

fn find(path: &str) -> Option<(String, EmbeddedFile)> {
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"/._-".contains(&c);
    // In a debug build files are read from disk: nothing may lead out of their folder.
    if !path.bytes().all(is_plain) || path.split('/').any(|part| part.starts_with('.')) {
        return None;
    }
    let bare = path.trim_end_matches('/');
    let index = if bare.is_empty() { "index.html".to_owned() } else { format!("{bare}/index.html") };
    let names = [path.to_owned(), format!("{bare}.html"), index];
    names.into_iter().find_map(|name| Pages::get(&name).map(|file| (name, file)))
}

/// Without a copy where the file is part of the program.
fn bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => Bytes::from(data),
    }
}

fn has_already(asked: &HeaderMap, tag: &str) -> bool {
    let known = asked.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    known.is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found_by_short_names_and_nothing_else_is() {
        for (path, name) in [("", "index.html"), ("play", "play.html"), ("play/main.js", "play/main.js")] {
            assert_eq!(find(path).map(|(name, _)| name).as_deref(), Some(name));
        }
        for path in
            ["../Cargo.toml", "play/../../Cargo.toml", "%2e%2e/x", ".git", "/etc/passwd", "x\\y", "nowhere"]
        {
            assert!(find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn whoever_has_the_page_is_not_sent_it_again() {
        let mut asked = HeaderMap::new();
        assert!(!has_already(&asked, "\"ab\""));
        asked.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"cd\", W/\"ab\""));
        assert!(has_already(&asked, "\"ab\"") && !has_already(&asked, "\"ef\""));
    }

    #[test]
    fn no_page_has_scripts_or_styles_of_its_own() {
        for name in Pages::iter().filter(|name| name.ends_with(".html")) {
            let file = Pages::get(&name).expect("it is listed");
            let text = String::from_utf8_lossy(&file.data).into_owned();
            assert!(!text.contains("<style") && !text.contains(" style=\""), "{name}");
            assert!(!text.contains("<script>") && !text.contains(" onclick="), "{name}");
            assert!(!text.contains("https://") && !text.contains("//cdn"), "{name} works offline");
        }
    }
}
