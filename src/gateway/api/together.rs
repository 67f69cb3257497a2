//! The cluster as it is shown.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use framekeep_gate::{ClusterNode, ClusterStatus};
use serde::Serialize;

use super::matchmaking::{QueueJson, alone};
use crate::ask;
use crate::front::Front;
use crate::problem::{Problem, ProblemJson};
use crate::request::RoomPath;

/// All nodes and what they do together.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct TogetherJson {
    /// The name of the cluster.
    name: String,
    /// This node, 16 hexadecimal digits.
    node: String,
    /// For how long Redis has not answered this node; 0 while it does. What follows is then how it was.
    redis_away_ms: u64,
    /// The node that forms the matches, 16 hexadecimal digits; empty if none does.
    coordinator: String,
    /// Under which number.
    epoch: u64,
    /// Names of rooms that are held.
    directory: u64,
    /// Matches whose rooms were opened within the last minute.
    matches_per_min: u64,
    /// Whether no node can have a room for a match now: all are gateways, full, draining, or have other modes than the
    /// coordinator. Players wait until one can.
    no_rooms: bool,
    nodes: Vec<PeerJson>,
    queues: Vec<QueueJson>,
    /// For how long this node has matched the tickets that it takes in by itself, as Redis is away; left out while it
    /// does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    alone_ms: Option<u64>,
    /// The queues of those tickets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    own_queues: Vec<QueueJson>,
}

impl TogetherJson {
    /// The cluster as this node sees it, and what it does by itself.
    pub(super) fn new(status: ClusterStatus, front: &Front) -> Self {
        let (alone_ms, own_queues) = match alone(front) {
            Some((alone_ms, own_queues)) => (Some(alone_ms), own_queues),
            None => (None, Vec::new()),
        };
        Self { alone_ms, own_queues, ..Self::from(status) }
    }
}

/// Whose a room is, as the directory says.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ClaimJson {
    room: String,
    /// The node's name; empty if it is gone, and its room may still come up at another.
    node: String,
    /// 16 hexadecimal digits.
    id: String,
    /// Under which number; what is done under a lower one is refused.
    epoch: u64,
}

/// The node that has a room, as the directory of the cluster says.
#[utoipa::path(get, path = "/api/v1/cluster/rooms/{name}", tag = "node", params(("name" = String, Path)),
    responses((status = 200, body = ClaimJson), (status = 404, body = ProblemJson),
    (status = 503, body = ProblemJson)))]
pub(crate) async fn claim(
    State(front): State<Arc<Front>>,
    RoomPath(name): RoomPath,
) -> Result<Json<ClaimJson>, Problem> {
    let missing = || Problem::not_found(format!("no node of the cluster has a room {name}"));
    let peers = front.peers.get().ok_or_else(missing)?;
    let lost = |node: String| {
        let why = format!("node {node}, which had the room {name}, is gone, and no other has opened it");
        Problem::new(StatusCode::NOT_FOUND, "room_lost", why)
    };
    let Some(claim) = peers.claim(name.clone()).await.map_err(|_| ask::silent_store(&name))? else {
        let node = peers.lost_with(name.clone()).await.map_err(|_| ask::silent_store(&name))?;
        return Err(node.map_or_else(missing, lost));
    };
    if claim.is_lost {
        return Err(lost(claim.id));
    }
    Ok(Json(ClaimJson { room: name.to_string(), node: claim.node, id: claim.id, epoch: claim.epoch }))
}

/// One node.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PeerJson {
    /// 16 hexadecimal digits, other ones after every start.
    id: String,
    name: String,
    /// Empty where regions do not matter.
    region: String,
    version: String,
    /// Where players reach it over UDP.
    udp: String,
    /// Where they reach it over HTTP and WebSocket.
    http: String,
    players: u32,
    rooms: u32,
    /// Work of a turn that 99 of 100 stay under.
    tick_us_p99: u32,
    memory_mib: u32,
    draining: bool,
    /// Rooms that came to it from other nodes since it started.
    moved_in: u64,
    /// Rooms that went from it to other nodes.
    moved_out: u64,
    /// Whether its key is another one than this node's: tickets of one are not good at the other.
    key_differs: bool,
    /// Whether its modes are others than this node's.
    modes_differ: bool,
}

impl From<ClusterNode> for PeerJson {
    fn from(node: ClusterNode) -> Self {
        Self {
            id: node.id,
            name: node.name,
            region: node.region,
            version: node.version,
            udp: node.udp.map(|udp| udp.to_string()).unwrap_or_default(),
            http: node.http,
            players: node.players,
            rooms: node.rooms,
            tick_us_p99: node.tick_us_p99,
            memory_mib: node.memory_mib,
            draining: node.draining,
            moved_in: node.moved_in,
            moved_out: node.moved_out,
            key_differs: node.key_differs,
            modes_differ: node.modes_differ,
        }
    }
}

impl From<ClusterStatus> for TogetherJson {
    fn from(status: ClusterStatus) -> Self {
        Self {
            name: status.name,
            node: status.node,
            redis_away_ms: status.away_ms,
            coordinator: status.coordinator,
            epoch: status.epoch,
            directory: status.directory,
            matches_per_min: status.matches_per_min,
            no_rooms: status.no_rooms,
            nodes: status.nodes.into_iter().map(PeerJson::from).collect(),
            queues: status.queues.into_iter().map(QueueJson::from).collect(),
            alone_ms: None,
            own_queues: Vec::new(),
        }
    }
}
