//! `/api/openapi.json`: the HTTP API as a document.

use axum::Json;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{health, node, replays, results, rooms, tickets};
use crate::admin;

#[derive(OpenApi)]
#[openapi(
    info(title = "Framekeep", description = "Rooms, tickets and replays of a Framekeep node."),
    paths(
        rooms::list, rooms::show, rooms::open, rooms::close, rooms::debug, tickets::mint, replays::list,
        replays::download, results::list, results::show, node::show, node::cluster, node::cleanup,
        node::alerts, health::alive, health::ready,
        health::metrics, admin::drain, admin::kick, admin::close, admin::audit,
    ),
    modifiers(&Keys)
)]
struct Document;

struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = || SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("key", bearer());
        components.add_security_scheme("admin", bearer());
    }
}

/// The document.
pub(crate) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Document::openapi())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_in_the_document() {
        let json = Document::openapi().to_json().unwrap();
        for path in ["/api/v1/rooms/{name}", "/api/v1/tickets", "/admin/v1/drain", "/metrics", "/debug/rooms"]
        {
            assert!(json.contains(&format!("\"{path}\"")), "{path}");
        }
    }
}
