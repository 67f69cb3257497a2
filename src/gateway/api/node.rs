//! How the node is: numbers, cleanup, alerts.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::State;
use framekeep_gate::MoveRow;
use serde::Serialize;

use super::together::TogetherJson;
use crate::alerts::Alert;
use crate::front::Front;

/// How the node is.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct NodeJson {
    name: String,
    version: &'static str,
    started_unix_ms: u64,
    as_of_unix_ms: u64,
    draining: bool,
    rooms: u64,
    playing: u64,
    players: u64,
    /// Who watches a room; they are not counted as players.
    watchers: u64,
    links: u64,
    websocket_links: u64,
    guests: bool,
    tick_mean_s: f64,
    tick_max_s: f64,
    games: Vec<GameJson>,
}

/// A game of the node.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct GameJson {
    name: String,
    /// Names of contents; the default's is empty.
    contents: Vec<String>,
}

/// The node.
#[utoipa::path(get, path = "/api/v1/node", tag = "node", responses((status = 200, body = NodeJson)))]
pub(crate) async fn show(State(front): State<Arc<Front>>) -> Json<NodeJson> {
    Json(node(&front))
}

fn node(front: &Front) -> NodeJson {
    let report = front.door.report();
    let tick = report.histogram("framekeep_tick_seconds");
    NodeJson {
        name: report.name.clone(),
        version: env!("CARGO_PKG_VERSION"),
        started_unix_ms: report.started_unix_ms,
        as_of_unix_ms: report.unix_ms,
        draining: report.draining,
        rooms: report.rooms.len() as u64,
        playing: report.playing,
        players: report.players,
        watchers: report.watchers,
        links: report.links,
        websocket_links: report.web_links,
        guests: front.live().config.guests,
        tick_mean_s: tick.map_or(0.0, |tick| tick.recent_mean),
        tick_max_s: tick.map_or(0.0, |tick| tick.recent_max),
        games: report
            .games
            .iter()
            .map(|(name, contents)| GameJson { name: name.clone(), contents: contents.clone() })
            .collect(),
    }
}

/// The nodes that work together.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ClusterJson {
    /// "single": this node works alone; "redis": it is one of several.
    mode: &'static str,
    /// This node.
    nodes: Vec<NodeJson>,
    /// The rooms on their way from or to this node.
    moves: Vec<MoveRowJson>,
    /// All nodes and what they do together.
    #[serde(skip_serializing_if = "Option::is_none")]
    together: Option<TogetherJson>,
}

/// A room on its way from node to node, as this one sees it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct MoveRowJson {
    room: String,
    from: String,
    to: String,
    /// How far it is: at the node that has it `queued`, `waits`, `offered`, `approaches`, `stands_still`, `decided` or
    /// `handed_over`, at the other `offered`, `taken` or `waits_for_decision`.
    step: &'static str,
    /// For how long it has been so far; at the other node, since it was offered.
    for_ms: u64,
}

impl From<MoveRow> for MoveRowJson {
    fn from(row: MoveRow) -> Self {
        let MoveRow { room, from, to, step, for_ms } = row;
        Self { room, from, to, step, for_ms }
    }
}

/// The cluster.
#[utoipa::path(get, path = "/api/v1/cluster", tag = "node", responses((status = 200, body = ClusterJson)))]
pub(crate) async fn cluster(State(front): State<Arc<Front>>) -> Json<ClusterJson> {
    let together = match front.cluster.get() {
        Some(cluster) => Some(TogetherJson::new(cluster.status().await, &front)),
        None => None,
    };
    let mode = if together.is_some() { "redis" } else { "single" };
    let moves = front.door.report().moves.iter().cloned().map(MoveRowJson::from).collect();
    Json(ClusterJson { mode, nodes: vec![node(&front)], moves, together })
}

/// What cleanup has done and still has to do, by name.
#[utoipa::path(get, path = "/api/v1/cleanup", tag = "node",
    responses((status = 200, body = BTreeMap<String, u64>)))]
pub(crate) async fn cleanup(State(front): State<Arc<Front>>) -> Json<BTreeMap<String, u64>> {
    let report = front.door.report();
    let mut numbers: BTreeMap<String, u64> = report.cleanup.iter().cloned().collect();
    let waiting = report.total("framekeep_cleanups_waiting") as u64;
    numbers.insert("tasks".to_owned(), waiting);
    let age = report.total("framekeep_cleanup_oldest_age_seconds");
    numbers.insert("oldest_age_ms".to_owned(), (age * 1_000.0) as u64);
    Json(numbers)
}

/// The alerts that hold now.
#[utoipa::path(get, path = "/api/v1/alerts", tag = "node", responses((status = 200, body = Vec<Alert>)))]
pub(crate) async fn alerts(State(front): State<Arc<Front>>) -> Json<Vec<Alert>> {
    Json(front.alerts.lock().unwrap_or_else(PoisonError::into_inner).clone())
}
