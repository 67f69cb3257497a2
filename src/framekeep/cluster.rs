//! One node of a cluster: settings become what runs beside the server.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use framekeep_cluster::{
    Address, AddressFault, Card, Cluster, ClusterConfig, ClusterHandle, Copies, Epoch, Lapsed, NodeId,
    QueueConfig, Timing, Whose, room_name,
};
use framekeep_gate::{Door, Later, Mint as _};
use framekeep_gateway::{Gateway, NoAnswer, PeerBook, RoomClaim};
use framekeep_matchmaking::ModeFault;
use framekeep_protocol::RoomName;
use framekeep_server::{KeyMint, NodeKey};
use tracing::{debug, info, warn};

use crate::config::{Isolated, Role, Settings};
use crate::identity::{CLUSTER_SECRET_ENV, REDIS_URL_ENV};
use crate::relay::RelayNode;
use crate::{Exit, FrontDoorError, ModesError, modes, relay};

/// The file within the data folder with the numbers of the nodes that had it, the last one last.
const NODES_FILE: &str = "cluster.nodes";

/// Nodes that are remembered there.
const NODES_KEPT: usize = 64;

/// The server cannot be one node of a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterFault {
    /// The address of Redis is none.
    #[error("cluster.redis_url or {REDIS_URL_ENV}: {0}")]
    Address(#[from] AddressFault),
    /// The times do not go together.
    #[error(
        "cluster.lease_ms = {lease_ms} and cluster.renew_ms = {renew_ms} do not go together: what is renewed must \
         last for three times that, so that two lost answers do no harm"
    )]
    Times {
        /// How long a lease is.
        lease_ms: u64,
        /// How often it is renewed.
        renew_ms: u64,
    },
    /// The modes cannot be read.
    #[error(transparent)]
    Modes(#[from] ModesError),
    /// The modes cannot be played.
    #[error("matchmaking.modes: {0}")]
    Mode(#[from] ModeFault),
    /// The data folder cannot be written.
    #[error("cannot use {}: {source}", path.display())]
    Folder {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another node has the name.
    #[error(transparent)]
    NameTaken(framekeep_cluster::StartError),
    /// A part of a node, and no cluster.
    #[error(
        "cluster.role = {0} is a part of a node and needs the others: set cluster.redis_url or {REDIS_URL_ENV}, or \
         leave the role at all"
    )]
    Alone(&'static str),
    /// Nothing proves to other nodes that this one may ask them.
    #[error(
        "cluster.role = gateway brings clients to rooms of other nodes, which want to know its secret: set \
         cluster.secret_file or {CLUSTER_SECRET_ENV}, the same at all nodes"
    )]
    NoSecret,
    /// The secret cannot be used.
    #[error(transparent)]
    Secret(FrontDoorError),
    /// Other nodes cannot connect to this one.
    #[error(
        "cannot take connections of other nodes at {address} (cluster.peer, cluster.relay_port): {source}"
    )]
    Relay {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// There is no thread or no randomness.
    #[error("cannot start the thread of the cluster: {0}")]
    Thread(io::Error),
}

impl ClusterFault {
    /// The exit code of this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Address(_) | Self::Times { .. } | Self::Modes(_) | Self::Mode(_) => Exit::Config,
            Self::Alone(_) | Self::NoSecret | Self::NameTaken(_) => Exit::Config,
            Self::Secret(error) => error.exit(),
            Self::Relay { .. } => Exit::Bind,
            Self::Folder { .. } | Self::Thread(_) => Exit::Failure,
        }
    }
}

/// What runs beside the server; dropping it says goodbye to the other nodes.
pub(crate) struct Node {
    cluster: Cluster,
    /// What the process knows of its cluster, and asks of it.
    pub(crate) handle: ClusterHandle,
}

impl Node {
    /// The server has stopped: the names of rooms that it has left in its data folder are not given up.
    pub(crate) fn keep_names_of(&self, folder: &Path) {
        if framekeep_server::has_left_rooms(folder).unwrap_or(true) {
            self.cluster.keep_names();
        }
    }
}

/// Where Redis is; empty where the node works alone.
pub(crate) fn redis_url(settings: &Settings) -> String {
    std::env::var(REDIS_URL_ENV).unwrap_or_else(|_| settings.cluster.redis_url.clone())
}

/// Whether the settings make the server one node of a cluster.
pub(crate) fn is_wanted(settings: &Settings) -> bool {
    !redis_url(settings).is_empty()
}

/// Whether it could be one as far as that can be told without Redis.
pub(crate) fn check(settings: &Settings) -> Result<(), ClusterFault> {
    if is_wanted(settings) {
        Address::parse(&redis_url(settings))?;
        timing(settings)?;
        return relay::check(settings);
    }
    match settings.cluster.role {
        Role::All => Ok(()),
        Role::Gateway => Err(ClusterFault::Alone("gateway")),
        Role::Game => Err(ClusterFault::Alone("game")),
    }
}

/// What has to be the same at all nodes for a room to be at one of them.
fn lease_rules(settings: &Settings) -> String {
    let section = &settings.cluster;
    let isolated = match section.isolated {
        Isolated::Play => "play",
        Isolated::Stop => "stop",
    };
    format!("cluster.isolated = {isolated:?}, cluster.lease_ms = {}", section.lease_ms)
}

fn timing(settings: &Settings) -> Result<Timing, ClusterFault> {
    let (lease_ms, renew_ms) = (settings.cluster.lease_ms, settings.cluster.renew_ms);
    if renew_ms * 3 > lease_ms {
        return Err(ClusterFault::Times { lease_ms, renew_ms });
    }
    Ok(Timing {
        lease_ms,
        renew_every_ms: renew_ms,
        drift_ms: lease_ms / 15,
        rank_step_ms: 100,
        lapsed: match settings.cluster.isolated {
            Isolated::Play => Lapsed::Kept,
            Isolated::Stop => Lapsed::Free,
        },
    })
}

/// What a node is and has before it is in its cluster.
pub(crate) struct Parts<'a> {
    /// Its number, and those of the nodes that had its data folder before.
    pub(crate) number: (NodeId, Vec<NodeId>),
    /// Where players reach it over UDP; nowhere at a gateway.
    pub(crate) udp: Option<SocketAddr>,
    /// Its front door.
    pub(crate) gateway: Option<&'a Gateway>,
    /// What clients of other nodes come through, and its own go through.
    pub(crate) relay: Option<&'a RelayNode>,
}

/// Makes the server one node of a cluster. Redis need not be there.
pub(crate) fn start(
    settings: &Settings,
    key: &NodeKey,
    parts: Parts<'_>,
    door: &Door,
) -> Result<Node, ClusterFault> {
    let Parts { number: (node, dead), udp, gateway, relay } = parts;
    let matchmaking = modes::matchmaking(settings)?;
    let modes: Vec<_> = matchmaking.modes.iter().map(|setup| setup.mode.clone()).collect();
    let digest_of_modes = || digest(key, "modes", format!("{:?}", matchmaking.modes).as_bytes());
    let modes_digest = if matchmaking.modes.is_empty() { String::new() } else { digest_of_modes() };
    let config = ClusterConfig {
        address: Address::parse(&redis_url(settings))?,
        name: settings.cluster.name.clone(),
        node,
        card: Card {
            name: settings.net.name.clone(),
            udp: udp.map(|udp| settings.net.public.first().copied().unwrap_or(udp)),
            http: http_url(settings, gateway),
            peer: gateway.and_then(Gateway::peer),
            relay: relay.and_then(RelayNode::address),
            is_gateway: settings.cluster.role == Role::Gateway,
            heirs: settings.cluster.heirs.is_some() && settings.cluster.role != Role::Gateway,
            key_digest: digest(key, "cluster", settings.cluster.name.as_bytes()),
            modes_digest: modes_digest.clone(),
            lease_rules: lease_rules(settings),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        region: settings.cluster.region.clone(),
        timing: timing(settings)?,
        copies: Copies {
            needed: settings.cluster.copies,
            within: Duration::from_millis(settings.cluster.copied_within_ms),
        },
        dead,
    };
    let queue = QueueConfig {
        modes,
        modes_digest,
        round_every: Duration::from_millis(settings.matchmaking.round_ms),
        tickets_max: settings.matchmaking.tickets_max,
        log: settings.matchmaking.log.clone(),
        unsaid_after: match (&settings.cluster.heirs, settings.cluster.forget_after_s) {
            (Some(_), _) | (None, 0) => None,
            (None, after_s) => Some(Duration::from_secs(after_s)),
        },
    };
    info!(%node, redis = ?config.address, cluster = config.name, "joining the cluster");
    if config.card.peer.is_none() {
        warn!("cluster.peer is off: rooms of this node are neither moved nor taken over by others");
    }
    let (cluster, handle, queue) = Cluster::start(config, queue, door.clone())?;
    if let Some(gateway) = gateway {
        gateway.handle().join(queue);
        gateway.handle().know_peers(Arc::new(Book(handle.clone())));
    }
    if let Some(relay) = relay {
        relay.join(handle.clone());
    }
    Ok(Node { cluster, handle })
}

/// Where the nodes of the cluster are, and whose its rooms.
struct Book(ClusterHandle);

impl PeerBook for Book {
    fn find(&self, name: &str) -> Option<SocketAddr> {
        self.0.find(name)?.card.peer
    }

    fn look_up(&self, name: String) -> Later<'_, Option<SocketAddr>> {
        Box::pin(async move { self.0.look_up(&name).await?.card.peer })
    }

    fn with_rooms(&self) -> Vec<String> {
        let nodes = self.0.nodes();
        let found = nodes.iter().filter(|view| !view.card.is_gateway && view.card.peer.is_some());
        found.map(|view| view.card.name.clone()).collect()
    }

    fn is_gateway(&self, node: &str) -> bool {
        self.0.nodes().iter().any(|view| view.card.is_gateway && view.card.name == node)
    }

    fn for_room(&self) -> Option<String> {
        self.0.place_room(|view| view.card.peer.is_some()).map(|view| view.card.name)
    }

    fn hand_over(&self, room: RoomName, node: String) -> Later<'_, Option<u64>> {
        Box::pin(async move {
            let to = self.0.find(&node)?.node;
            match self.0.pass_on(&room_name(room.as_str()), to).await {
                Ok(epoch) => Some(epoch.0),
                Err(error) => {
                    debug!(%room, node, %error, "the name of a room that has moved is not handed over");
                    None
                }
            }
        })
    }

    fn expect(&self, room: &RoomName, from: &str) {
        self.0.expect(&room_name(room.as_str()), from);
    }

    fn adopt(&self, room: RoomName, epoch: u64) -> Later<'_, ()> {
        Box::pin(async move {
            if let Err(error) = self.0.adopt(&room_name(room.as_str()), Epoch(epoch)).await {
                debug!(%room, %error, "the name of a room that has come is not kept yet");
            }
        })
    }

    fn claim(&self, room: RoomName) -> Later<'_, Result<Option<RoomClaim>, NoAnswer>> {
        Box::pin(async move {
            let whose = self.0.whose(room.as_str()).await.map_err(|_| NoAnswer)?;
            let Some(Whose { lease, view, is_lost }) = whose else { return Ok(None) };
            Ok(Some(RoomClaim {
                node: view.map_or_else(String::new, |view| view.card.name),
                id: lease.node.to_string(),
                epoch: lease.epoch.0,
                is_own: lease.node == self.0.node(),
                is_lost,
            }))
        })
    }

    fn lost_with(&self, room: RoomName) -> Later<'_, Result<Option<String>, NoAnswer>> {
        Box::pin(async move {
            let lost = self.0.lost_with(room.as_str()).await.map_err(|_| NoAnswer)?;
            Ok(lost.map(|node| node.to_string()))
        })
    }
}

impl From<framekeep_cluster::StartError> for ClusterFault {
    fn from(error: framekeep_cluster::StartError) -> Self {
        match error {
            framekeep_cluster::StartError::Thread(source) => Self::Thread(source),
            framekeep_cluster::StartError::Modes(fault) => Self::Mode(fault),
            taken @ framekeep_cluster::StartError::NameTaken { .. } => Self::NameTaken(taken),
        }
    }
}

fn http_url(settings: &Settings, gateway: Option<&Gateway>) -> String {
    if settings.cluster.role == Role::Game {
        return String::new();
    }
    if !settings.cluster.public_url.is_empty() {
        return settings.cluster.public_url.clone();
    }
    gateway.and_then(Gateway::http).map(|http| format!("http://{http}")).unwrap_or_default()
}

/// Tells apart what is made with different keys, and says nothing of the key.
fn digest(key: &NodeKey, purpose: &str, text: &[u8]) -> String {
    let (key, udp, link_timeout) = (key.clone(), SocketAddr::from(([127, 0, 0, 1], 1)), Duration::ZERO);
    let seal = KeyMint { key, udp, link_timeout }.seal(purpose, text);
    seal.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A number for this node, and those of the nodes that had its data folder before: they are dead, or the folder could
/// not be used.
pub(crate) fn number(settings: &Settings) -> Result<(NodeId, Vec<NodeId>), ClusterFault> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| ClusterFault::Thread(io::Error::other(error)))?;
    let node = NodeId(u64::from_le_bytes(random));
    if settings.cluster.role == Role::Gateway {
        // It has no rooms that another could have held before, and nothing keeps its folder for it alone.
        return Ok((node, Vec::new()));
    }
    let path = settings.data.folder.join(NODES_FILE);
    let known = fs::read_to_string(&path).unwrap_or_default();
    let known: Vec<NodeId> = known.lines().filter_map(|line| line.trim().parse().ok()).collect();
    let dead = known[known.len().saturating_sub(NODES_KEPT - 1)..].to_vec();
    let lines: String = dead.iter().chain([&node]).map(|node| format!("{node}\n")).collect();
    let new = path.with_extension("nodes.new");
    let write = fs::write(&new, lines).and_then(|()| fs::rename(&new, &path));
    write.map_err(|source| ClusterFault::Folder { path, source })?;
    Ok((node, dead))
}
