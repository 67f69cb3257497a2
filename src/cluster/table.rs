//! `Table`, what a shared store knows and what every request means to it. Each request is one atomic step; a store
//! made of something else does the same in a script.

use core::net::SocketAddr;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Epoch, Lease, NodeId, Timing};

/// Longest name, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 128;

/// Most names and most nodes.
pub(crate) const ENTRIES_MAX: usize = 100_000;

/// How busy a node is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Players who are connected.
    pub players: u32,
    /// Rooms it has.
    pub rooms: u32,
    /// Work of a turn that 99 of 100 stay under, in microseconds.
    pub tick_us_p99: u32,
    /// Memory of the process, in MiB.
    pub memory_mib: u32,
    /// Most rooms and most players that it takes; 0 where it does not say.
    #[serde(default)]
    pub rooms_max: u32,
    /// See [`rooms_max`](Self::rooms_max).
    #[serde(default)]
    pub players_max: u32,
    /// Where it is; empty where regions do not matter.
    pub region: String,
    /// Whether it takes no more rooms.
    pub draining: bool,
    /// Rooms that came to it from other nodes since it started.
    #[serde(default)]
    pub moved_in: u64,
    /// Rooms that went from it to other nodes.
    #[serde(default)]
    pub moved_out: u64,
}

/// What does not change of a node while it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// What people call it.
    pub name: String,
    /// Where players reach it over UDP.
    pub udp: Option<SocketAddr>,
    /// Where its HTTP API and WebSocket are, such as `http://192.0.2.7:7780`; empty if it has none.
    pub http: String,
    /// Where other nodes reach it.
    pub peer: Option<SocketAddr>,
    /// Where other nodes connect to for their clients that are in rooms of this one.
    #[serde(default)]
    pub relay: Option<SocketAddr>,
    /// Whether it has clients and never rooms.
    #[serde(default)]
    pub is_gateway: bool,
    /// Whether it opens rooms of nodes that are gone, so that they go on at others.
    #[serde(default)]
    pub heirs: bool,
    /// A digest of the node's key. Tickets that one node makes are good at others with the same key only.
    pub key_digest: String,
    /// A digest of its modes: nodes with other modes form other matches. Empty without any.
    pub modes_digest: String,
    /// The settings by which it takes names and lets others have its own, as text: where two nodes have others, both
    /// may believe that a room is theirs. Empty if it does not say.
    #[serde(default)]
    pub lease_rules: String,
    /// The version of the program.
    pub version: String,
}

/// A node that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// Which.
    pub node: NodeId,
    /// What does not change.
    pub card: Card,
    /// How busy it is.
    pub load: Load,
}

/// What is asked of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// A node is there.
    Report(Box<NodeView>),
    /// Which nodes are there?
    Nodes,
    /// A node wants a name that it does not hold.
    Take {
        /// The name.
        name: String,
        /// Who.
        node: NodeId,
        /// A node that is proven to be dead: what it held is free.
        over: Option<NodeId>,
        /// How much is done under it already.
        rank: u64,
    },
    /// A node has a room whose name is another node's: both were opened while the store was away. The one of the higher
    /// rank has it from now on; of two of one rank, the one that has it already.
    Challenge {
        /// The name.
        name: String,
        /// Who.
        node: NodeId,
        /// How much is done in its room, more than 0.
        rank: u64,
    },
    /// A node hands a name that it holds to another, which holds it from then on, under a higher number.
    Pass {
        /// The name.
        name: String,
        /// Who.
        node: NodeId,
        /// Under which number.
        epoch: Epoch,
        /// To whom.
        to: NodeId,
    },
    /// A node holds a name and goes on holding it.
    Renew {
        /// The name.
        name: String,
        /// Who.
        node: NodeId,
        /// Under which number.
        epoch: Epoch,
        /// How much is done under it by now.
        rank: u64,
    },
    /// A node does not need a name any more.
    Release {
        /// The name.
        name: String,
        /// Who.
        node: NodeId,
        /// Under which number.
        epoch: Epoch,
    },
    /// Who has a name, or had it last and has not given it up?
    Holder(String),
    /// Which names does a node have, or did have and has not given up?
    Held(NodeId),
}

/// What a store answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// It is done.
    Done,
    /// The report is noted.
    Noted {
        /// Since when the store serves: another time is another store, which may not know the last writes of the one
        /// before.
        since_ms: u64,
    },
    /// The nodes that are there, by number.
    Nodes(Vec<NodeView>),
    /// The name is the asker's.
    Granted(Epoch),
    /// The name is somebody else's, or is not given away yet, for so many milliseconds.
    Busy {
        /// Whose, if it is anybody's.
        holder: Option<NodeId>,
        /// For how long.
        for_ms: u64,
    },
    /// The name was given to somebody else since.
    Lost,
    /// Who has the name.
    Holder(Option<Lease>),
    /// Names and their leases.
    Held(Vec<(String, Lease)>),
    /// The name is too long, or there are too many.
    Refused,
}

/// What a shared store knows.
#[derive(Clone, Debug)]
pub struct Table {
    timing: Timing,
    /// Since when it serves; before that another one did, whose last writes it may not know.
    since_ms: u64,
    leases: BTreeMap<String, Lease>,
    nodes: BTreeMap<NodeId, (u64, NodeView)>,
}

impl Table {
    /// An empty one that serves from then on.
    #[must_use]
    pub fn new(now_ms: u64, timing: Timing) -> Self {
        Self { timing, since_ms: now_ms, leases: BTreeMap::new(), nodes: BTreeMap::new() }
    }

    /// Takes over from one that is gone, with what is known of its writes.
    pub fn promote(&mut self, now_ms: u64) {
        self.since_ms = now_ms;
    }

    /// Does what is asked, in one step.
    pub fn apply(&mut self, now_ms: u64, request: &Request) -> Reply {
        match request {
            Request::Report(view) => self.report(now_ms, view),
            Request::Nodes => {
                self.nodes.retain(|_, (until_ms, _)| *until_ms > now_ms);
                Reply::Nodes(self.nodes.values().map(|(_, view)| view.clone()).collect())
            }
            Request::Take { name, node, over, rank } => self.take(now_ms, name, (*node, *rank), *over),
            Request::Challenge { name, node, rank } => {
                let held = self.leases.get(name).filter(|lease| lease.until_ms > 0 && lease.node != *node);
                let loser = held.filter(|lease| lease.rank < *rank).map(|lease| lease.node);
                self.take(now_ms, name, (*node, *rank), loser)
            }
            Request::Renew { name, node, epoch, rank } => self.renew(now_ms, name, (*node, *rank), *epoch),
            Request::Pass { name, node, epoch, to } => match self.leases.get(name) {
                Some(lease) if lease.node == *node && lease.epoch == *epoch && lease.until_ms > 0 => {
                    self.grant(now_ms, name, (*to, 0), Epoch((epoch.0 + 1).max(now_ms)))
                }
                _ => Reply::Lost,
            },
            Request::Release { name, node, epoch } => {
                let held = self.leases.get_mut(name).filter(|it| it.node == *node && it.epoch == *epoch);
                if let Some(lease) = held {
                    // The number stays: the next one is larger.
                    lease.until_ms = 0;
                }
                Reply::Done
            }
            Request::Holder(name) => {
                Reply::Holder(self.leases.get(name).copied().filter(|lease| lease.until_ms > 0))
            }
            Request::Held(node) => {
                let held = self.leases.iter().filter(|(_, it)| it.node == *node && it.until_ms > 0);
                Reply::Held(held.map(|(name, lease)| (name.clone(), *lease)).collect())
            }
        }
    }

    fn report(&mut self, now_ms: u64, view: &NodeView) -> Reply {
        let is_known = self.nodes.contains_key(&view.node);
        if view.load.region.len() > NAME_BYTES_MAX || !is_known && self.nodes.len() >= ENTRIES_MAX {
            return Reply::Refused;
        }
        self.nodes.insert(view.node, (now_ms + self.timing.lease_ms, view.clone()));
        Reply::Noted { since_ms: self.since_ms }
    }

    fn take(&mut self, now_ms: u64, name: &str, (node, rank): (NodeId, u64), over: Option<NodeId>) -> Reply {
        let old = self.leases.get(name).copied();
        if name.len() > NAME_BYTES_MAX || old.is_none() && self.leases.len() >= ENTRIES_MAX {
            return Reply::Refused;
        }
        let of_others = old.filter(|it| it.until_ms > 0 && it.node != node && Some(it.node) != over);
        let is_theirs = |lease: &Lease| lease.until_ms > now_ms || self.timing.keeps(name);
        if let Some(lease) = of_others.filter(is_theirs) {
            let for_ms = lease.until_ms.saturating_sub(now_ms);
            return Reply::Busy { holder: Some(lease.node), for_ms };
        }
        // It asks twice at once: a higher number would end what it begins under the first one.
        if let Some(lease) = old.filter(|it| it.node == node && it.until_ms > now_ms) {
            return self.grant(now_ms, name, (node, rank), lease.epoch);
        }
        // What the one before has granted and this one does not know of runs out first.
        let from_ms = self.since_ms + self.timing.lease_ms;
        if now_ms < from_ms {
            return Reply::Busy { holder: None, for_ms: from_ms - now_ms };
        }
        let next = old.map_or(0, |lease| lease.epoch.0 + 1);
        self.grant(now_ms, name, (node, rank), Epoch(next.max(now_ms)))
    }

    fn renew(&mut self, now_ms: u64, name: &str, (node, rank): (NodeId, u64), epoch: Epoch) -> Reply {
        match self.leases.get(name) {
            // A higher number was given after this one. A lower one means that this one's grant was forgotten.
            Some(lease) if lease.epoch > epoch => Reply::Lost,
            Some(lease) if lease.epoch == epoch && lease.node != node => Reply::Lost,
            _ => self.grant(now_ms, name, (node, rank), epoch),
        }
    }

    fn grant(&mut self, now_ms: u64, name: &str, (node, rank): (NodeId, u64), epoch: Epoch) -> Reply {
        let until_ms = now_ms + self.timing.lease_ms;
        self.leases.insert(name.to_owned(), Lease { node, epoch, until_ms, rank });
        Reply::Granted(epoch)
    }
}
