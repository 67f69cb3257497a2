//! `/api/openapi.json`: the HTTP API as a document.

use std::collections::BTreeMap;

use axum::Json;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{Modify, OpenApi};

use super::{happenings, health, matchmaking, node, past, replays, results, rooms, tickets, together};
use crate::admin;

#[derive(OpenApi)]
#[openapi(
    info(title = "Framekeep", description = "Rooms, tickets and replays of a Framekeep node."),
    paths(
        rooms::list, rooms::show, happenings::list, rooms::open, rooms::close, rooms::debug, tickets::mint,
        matchmaking::queues, matchmaking::submit, matchmaking::watch, matchmaking::cancel, matchmaking::answer,
        replays::list, replays::download, past::stored, past::sent, past::running, results::list, results::show,
        node::show, node::cluster, together::claim, node::cleanup, node::alerts, health::alive, health::ready,
        health::metrics, admin::drain, admin::kick, admin::close, admin::show, admin::watch, admin::views,
        admin::events, admin::move_room, admin::moving,
        admin::audit,
    ),
    modifiers(&Keys, &Problems)
)]
struct Document;

struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = || SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("key", bearer());
        components.add_security_scheme("admin", bearer());
        components.add_security_scheme("session", bearer());
    }
}

/// What any request may be answered with: not as it should be, too long, of another type, too often, too slowly.
const ANYWHERE: [(&str, &str); 7] = [
    ("400", "something of it is not as it should be"),
    ("403", "a page of a foreign origin"),
    ("408", "the body did not arrive in time"),
    ("413", "it is too long"),
    ("415", "the body is of another type"),
    ("421", "a host of a foreign name"),
    ("429", "too many requests"),
];

/// Errors are problem details, and some of them every route may give.
struct Problems;

impl Modify for Problems {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for item in document.paths.paths.values_mut() {
            let methods = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete];
            for operation in methods.into_iter().flatten() {
                say_problems(&mut operation.responses.responses);
            }
        }
    }
}

fn say_problems(responses: &mut BTreeMap<String, RefOr<Response>>) {
    for (status, what) in ANYWHERE {
        responses.entry(status.to_owned()).or_insert_with(|| {
            let schema = Ref::from_schema_name("ProblemJson");
            let content = ContentBuilder::new().schema(Some(schema)).build();
            ResponseBuilder::new().description(what).content("application/json", content).build().into()
        });
    }
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(response) = response
            && status.starts_with(['4', '5'])
            && let Some(content) = response.content.swap_remove("application/json")
        {
            response.content.insert("application/problem+json".to_owned(), content);
        }
    }
}

/// The document.
pub(crate) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Document::openapi())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Method and path of every route in a router's source.
    fn routes(source: &str) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for line in source.lines().filter_map(|line| line.trim().strip_prefix(".route(\"")) {
            let (path, handlers) = line.split_once('"').expect("a path");
            let versioned = ["/api", "/admin", "/debug", "/healthz", "/readyz", "/metrics", "/ws"];
            let prefix = if versioned.iter().any(|own| path.starts_with(own)) { "" } else { "/api/v1" };
            for method in ["get", "post", "delete"] {
                if handlers.split(|c: char| !c.is_alphanumeric()).any(|word| word == method) {
                    all.push((method.to_owned(), format!("{prefix}{path}")));
                }
            }
        }
        all
    }

    #[test]
    fn the_document_has_every_route_and_no_other() {
        let json: serde_json::Value = serde_json::to_value(Document::openapi()).expect("JSON");
        let mut told = Vec::new();
        for (path, item) in json["paths"].as_object().expect("paths") {
            told.extend(
                item.as_object().expect("methods").keys().map(|method| (method.clone(), path.clone())),
            );
        }
        let mut served = [routes(include_str!("../api.rs")), routes(include_str!("../admin.rs"))].concat();
        served.retain(|(_, path)| path != "/ws" && path != "/api/openapi.json");
        for list in [&mut told, &mut served] {
            list.sort_unstable();
            list.dedup();
        }
        assert!(served.len() > 25, "{served:?}");
        assert_eq!(told, served);
    }
}
