//! Clients of one node in rooms of another: settings become a relay that knows the cluster.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use framekeep_cluster::{ClusterHandle, NodeId, NodeView, TakeError, room_name};
use framekeep_gate::{Detour, Door, Mint, MintFailed, Minted, TicketWish};
use framekeep_protocol::{Refusal, RoomName, Ticket};
use framekeep_relay::{Admission, Awaited, Directory, PeerId, Place, Relay, RelayConfig, RelaySecret};
use framekeep_server::{KeyMint, NodeKey, TicketRefused, UsedTickets};
use tracing::{info, warn};

use crate::ClusterFault;
use crate::config::{Role, Settings};
use crate::front_door::configured;
use crate::identity::CLUSTER_SECRET_ENV;

/// How long the rooms of a node that is gone are waited for where others open them, which takes them 4 to 10 s.
const REOPENED_WITHIN: Duration = Duration::from_secs(15);

/// The relay of a process.
pub(crate) struct RelayNode {
    relay: Relay,
    directory: Arc<ClusterDirectory>,
}

impl RelayNode {
    /// Where other nodes connect to.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.relay.address()
    }

    /// What stands between front door and server.
    pub(crate) fn detour(&self) -> Arc<dyn Detour> {
        self.relay.detour()
    }

    /// The process is a node of its cluster from now on.
    pub(crate) fn join(&self, cluster: ClusterHandle) {
        // It joins once.
        let _ = self.directory.cluster.set(cluster);
    }

    /// Whether an operator wants the process to end.
    pub(crate) fn is_draining(&self) -> bool {
        self.relay.is_draining()
    }

    /// Tells all clients that the process stops.
    pub(crate) fn stop(&self) {
        self.relay.stop();
    }
}

/// Whether a relay could be started, as far as that can be told without starting it.
pub(crate) fn check(settings: &Settings) -> Result<(), ClusterFault> {
    let secret = secret(settings)?;
    if secret.is_none() && settings.cluster.role == Role::Gateway {
        return Err(ClusterFault::NoSecret);
    }
    Ok(())
}

fn secret(settings: &Settings) -> Result<Option<RelaySecret>, ClusterFault> {
    let secret = configured(CLUSTER_SECRET_ENV, settings.cluster.secret_file.as_deref());
    let secret = secret.map_err(ClusterFault::Secret)?;
    Ok(secret.map(|secret| RelaySecret::new(secret.bytes())))
}

/// Starts the relay of a node with rooms, if it has an address for other nodes and their secret.
pub(crate) fn start(
    settings: &Settings,
    node: NodeId,
    door: &Door,
    mint: Arc<dyn Mint>,
) -> Result<Option<RelayNode>, ClusterFault> {
    let (Some(peer), Some(secret)) = (settings.cluster.peer, secret(settings)?) else {
        warn!(
            "clients of other nodes do not get into rooms of this one, nor its own into theirs: that needs \
             cluster.peer and cluster.secret_file"
        );
        return Ok(None);
    };
    let address = SocketAddr::new(peer.ip(), settings.cluster.relay_port);
    let listener = TcpListener::bind(address).map_err(|source| ClusterFault::Relay { address, source })?;
    let directory = Arc::new(ClusterDirectory { door: Some(door.clone()), cluster: OnceLock::new() });
    let relay = Relay::start(RelayConfig {
        node: PeerId(node.0),
        name: settings.net.name.clone(),
        secret,
        listener: Some(listener),
        door: Some(door.clone()),
        mint,
        admission: None,
        directory: directory.clone(),
    });
    let relay = relay.map_err(ClusterFault::Thread)?;
    info!(address = ?relay.address(), "clients of other nodes may come");
    Ok(Some(RelayNode { relay, directory }))
}

/// Starts the relay of a node without rooms; gives also what makes tickets there.
pub(crate) fn start_gateway(
    settings: &Settings,
    node: NodeId,
    key: &NodeKey,
) -> Result<(RelayNode, Arc<dyn Mint>), ClusterFault> {
    let secret = secret(settings)?.ok_or(ClusterFault::NoSecret)?;
    let directory = Arc::new(ClusterDirectory { door: None, cluster: OnceLock::new() });
    let link_timeout = Duration::from_secs(settings.net.link_timeout_s);
    let key_mint = KeyMint { key: key.clone(), udp: SocketAddr::from(([127, 0, 0, 1], 1)), link_timeout };
    let mint: Arc<dyn Mint> = Arc::new(GatewayMint { key: key_mint, directory: directory.clone() });
    let relay = Relay::start(RelayConfig {
        node: PeerId(node.0),
        name: settings.net.name.clone(),
        secret,
        listener: None,
        door: None,
        mint: mint.clone(),
        admission: Some(Arc::new(KeyAdmission { key: key.clone(), used: Mutex::default() })),
        directory: directory.clone(),
    });
    Ok((RelayNode { relay: relay.map_err(ClusterFault::Thread)?, directory }, mint))
}

/// What the cluster knows, for the relay.
struct ClusterDirectory {
    /// The way to the server of this process, if it has one.
    door: Option<Door>,
    /// Set once the process is in its cluster.
    cluster: OnceLock<ClusterHandle>,
}

impl ClusterDirectory {
    fn view(&self, wanted: impl Fn(&NodeView) -> bool) -> Option<NodeView> {
        self.cluster.get()?.nodes().iter().find(|view| wanted(view)).cloned()
    }

    fn is_here(&self, room: &RoomName) -> bool {
        let Some(door) = &self.door else { return false };
        // What the server has reported last is a moment old.
        if self.cluster.get().is_some_and(|cluster| cluster.has_given_way(&room_name(room.as_str()))) {
            return false;
        }
        let report = door.report();
        report.rooms.iter().any(|row| row.name == room.as_str() && row.phase != "closed")
    }
}

impl Directory for ClusterDirectory {
    fn find(&self, room: RoomName, opens: bool) -> Awaited<Place> {
        if self.is_here(&room) {
            return Box::pin(async { Place::Here });
        }
        let Some(cluster) = self.cluster.get().cloned() else { return Box::pin(async { Place::Unknown }) };
        Box::pin(async move {
            let name = room_name(room.as_str());
            let Ok(holder) = cluster.holder(&name).await else { return Place::Unknown };
            let mut node = holder.map(|lease| lease.node);
            if node.is_none() && opens {
                // Of two nodes that are asked at once, one gets it, and the other sends its client there.
                node = match cluster.take(&name).await {
                    Ok(_) => Some(cluster.node()),
                    Err(TakeError::Busy { holder, .. }) => holder,
                    Err(_) => None,
                };
            }
            let Some(node) = node else { return Place::Nowhere };
            let nodes = cluster.nodes();
            match nodes.iter().find(|view| view.node == node) {
                _ if node == cluster.node() => Place::Here,
                Some(view) if view.card.relay.is_some() => Place::At(PeerId(node.0)),
                // It has no way in; or it is gone, and its rooms with it.
                Some(_) => Place::Unknown,
                None => Place::Nowhere,
            }
        })
    }

    fn address(&self, node: PeerId) -> Option<SocketAddr> {
        self.view(|view| view.node.0 == node.0)?.card.relay
    }

    fn at(&self, address: &str) -> Option<PeerId> {
        let own = self.cluster.get()?.node();
        let is_there = |view: &NodeView| {
            let card = &view.card;
            let by_udp = card.udp.is_some_and(|udp| address.parse() == Ok(udp));
            by_udp || (!address.is_empty() && card.http == address)
        };
        let view = self.view(is_there)?;
        (view.card.relay.is_some() || view.node == own).then_some(PeerId(view.node.0))
    }

    fn least_loaded(&self) -> Option<PeerId> {
        let placed = self.cluster.get()?.place_room(|view| view.card.relay.is_some());
        placed.map(|view| PeerId(view.node.0))
    }

    fn lost_after(&self) -> Duration {
        let reopens = self.cluster.get().is_some_and(ClusterHandle::reopens);
        if reopens { REOPENED_WITHIN } else { framekeep_relay::LOST_AFTER }
    }
}

/// Makes tickets at a node without rooms: those over UDP are for the node that a room would be opened at.
struct GatewayMint {
    key: KeyMint,
    directory: Arc<ClusterDirectory>,
}

impl Mint for GatewayMint {
    fn mint(&self, wish: &TicketWish) -> Result<Minted, MintFailed> {
        let cluster = self.directory.cluster.get();
        let node = cluster.and_then(|cluster| cluster.idlest(|view| view.card.udp.is_some()));
        let udp = node.and_then(|view| view.card.udp);
        let udp = udp.ok_or_else(|| MintFailed("no node of the cluster has rooms".to_owned()))?;
        self.key.mint_for(wish, udp)
    }

    fn mint_for(&self, wish: &TicketWish, udp: SocketAddr) -> Result<Minted, MintFailed> {
        self.key.mint_for(wish, udp)
    }

    fn seal(&self, purpose: &str, text: &[u8]) -> [u8; 32] {
        self.key.seal(purpose, text)
    }
}

/// Lets players in by the key of the cluster.
struct KeyAdmission {
    key: NodeKey,
    used: Mutex<UsedTickets>,
}

impl Admission for KeyAdmission {
    fn redeem(&self, ticket: &[u8; 256]) -> Result<Ticket, Refusal> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (read, ..) = Ticket::decode(ticket).map_err(|_| Refusal::TicketForeign)?;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.redeem(&self.key, ticket, read.player.0, now).map_err(|refused| match refused {
            TicketRefused::Reused => Refusal::TicketReused,
            TicketRefused::Expired { ago_s } => Refusal::TicketExpired { ago_s },
            TicketRefused::Malformed | TicketRefused::Forged | TicketRefused::Foreign => {
                Refusal::TicketForeign
            }
        })
    }
}
