//! `Cluster`, what runs beside a server for as long as it is a node: it says that it is there, keeps its names, and
//! lets rooms stop whose name is somebody else's.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use framekeep_gate::{Door, Order, Question, RoomRow};
use framekeep_matchmaking::ModeFault;
use framekeep_protocol::RoomName;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};

use crate::handle::{ROOM_WITHIN, Shared};
use crate::load::LoadMeter;
use crate::{
    Address, COORDINATOR, Card, ClusterHandle, ClusterQueue, Copies, Member, News, NodeId, NodeView,
    QueueConfig, Reply, Request, Store, Timing, room_name,
};

/// How often what is due is looked for.
const TURN: Duration = Duration::from_millis(50);

/// How long a room may still be there whose name was handed over.
const PASSED_WITHIN: Duration = Duration::from_secs(10);

/// How long a start may wait for the name of a node that is gone.
const NAMED_WITHIN: Duration = Duration::from_secs(10);

/// How long a node may take to say goodbye.
const GOODBYE_WITHIN: Duration = Duration::from_millis(500);

/// How long after it came into the cluster a node gives up what those before it in its data folder had: by then the
/// rooms that could be opened again are its own.
const BURY_AFTER: Duration = Duration::from_secs(15);

/// Of so many nodes before it.
const BURIED_MAX: usize = 8;

/// How often it is told again that keys differ.
const TELL_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What makes a server a node of a cluster.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// Where Redis is.
    pub address: Address,
    /// Which cluster of that Redis.
    pub name: String,
    /// Which node, a random number.
    pub node: NodeId,
    /// What does not change of it.
    pub card: Card,
    /// Where it is; empty where regions do not matter.
    pub region: String,
    /// How long things are good for.
    pub timing: Timing,
    /// Which replicas of Redis know of a ticket before it is acknowledged, and of a match before it is told.
    pub copies: Copies,
    /// Nodes that are known to be dead: those that had this one's data folder before.
    pub dead: Vec<NodeId>,
}

/// A node cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system gives no thread.
    #[error("cannot start the thread of the cluster: {0}")]
    Thread(#[from] io::Error),
    /// The modes cannot be played.
    #[error(transparent)]
    Modes(#[from] ModeFault),
    /// Another node has the name.
    #[error(
        "net.name = {name:?} is the name of another node of this cluster, {node} at {at}, which is there: give each \
         node a name of its own"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// Whose it is.
        node: NodeId,
        /// Where that one is, as well as that is known.
        at: String,
    },
}

/// What runs beside a server. Dropping it says goodbye to the others.
pub struct Cluster {
    stop: watch::Sender<bool>,
    handle: ClusterHandle,
    thread: Option<JoinHandle<()>>,
}

impl Cluster {
    /// Starts it on a thread of its own. Redis need not be there.
    ///
    /// # Errors
    /// If the system gives no thread, or the modes cannot be played.
    pub fn start(
        config: ClusterConfig,
        queue: QueueConfig,
        door: Door,
    ) -> Result<(Self, ClusterHandle, Arc<ClusterQueue>), StartError> {
        let store = Store::with_copies(config.address.clone(), &config.name, config.timing, config.copies);
        let mut member = Member::new(config.node, config.timing);
        config.dead.iter().for_each(|dead| member.know_dead(*dead));
        if queue.modes.is_empty() {
            // It could form no matches.
            member.forget(COORDINATOR);
        }
        let handle = ClusterHandle(Shared::new(member, config.card.clone(), config.timing, store).into());
        // Known before its first report.
        handle.0.known().load.region.clone_from(&config.region);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let other = check_name(&handle, &config.dead);
            // A store that is away says nothing about names: a node starts without it.
            tokio::time::timeout(NAMED_WITHIN, other).await.unwrap_or(Ok(()))
        })?;
        let (stop, stopped) = watch::channel(false);
        let queue = ClusterQueue::new(handle.clone(), &config.name, queue, door.clone())?;
        let node = Node::new(handle.clone(), door, config.region, config.dead);
        let (tickets, thread) = (queue.clone(), std::thread::Builder::new());
        let work = move || {
            runtime.block_on(async {
                let tickets = tokio::spawn(tickets.run());
                node.run(stopped).await;
                tickets.abort();
            });
        };
        let thread = thread.name("framekeep-cluster".to_owned()).spawn(work)?;
        Ok((Self { stop, handle: handle.clone(), thread: Some(thread) }, handle, queue))
    }
}

impl Cluster {
    /// The rooms of this node go on when it is there again, or at an heir: their names are not given up when it says
    /// goodbye, as those of a node that was killed are not.
    pub fn keep_names(&self) {
        self.handle.0.known().keeps_names = true;
    }
}

/// Waits until no other node has this one's name, for as long as a node that is gone is thought to be there.
async fn check_name(handle: &ClusterHandle, dead: &[NodeId]) -> Result<(), StartError> {
    let (shared, own) = (&handle.0, &handle.0.card.name);
    let mut seen: BTreeMap<NodeId, u64> = BTreeMap::new();
    loop {
        let Ok(Reply::Nodes(nodes)) = shared.store.one(Request::Nodes).await else { return Ok(()) };
        let Some(other) = nodes.into_iter().find(|view| view.card.name == *own) else { return Ok(()) };
        if dead.contains(&other.node) {
            // It had this one's data folder, and is said to be gone.
            let _ = shared.store.leave(other.node).await;
            continue;
        }
        let Ok(until) = shared.store.reported_until(other.node).await else { return Ok(()) };
        let first = *seen.entry(other.node).or_insert(until.unwrap_or(0));
        if until.is_some_and(|until| until > first) {
            let Card { peer, http, udp, .. } = other.card;
            let at = peer.or(udp).map_or(http, |address| address.to_string());
            return Err(StartError::NameTaken { name: own.clone(), node: other.node, at });
        }
        tokio::time::sleep(TURN * 2).await;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic in there was told of by itself.
            let _ = thread.join();
        }
    }
}

/// The thread's own.
struct Node {
    handle: ClusterHandle,
    door: Door,
    meter: LoadMeter,
    /// The report whose rooms are claimed.
    seen_unix_ms: u64,
    /// Whether the store answered last time, and when that was told.
    is_there: Option<bool>,
    /// Since when the store serves whose parts were told that nodes are there.
    touched_since_ms: Option<u64>,
    told_keys: Option<Instant>,
    told_modes: Option<Instant>,
    told_rules: Option<Instant>,
    /// Nodes that had this one's data folder before, and since when their names are to be given up.
    dead: Vec<NodeId>,
    bury_at: Option<Instant>,
}

impl Node {
    fn new(handle: ClusterHandle, door: Door, region: String, dead: Vec<NodeId>) -> Self {
        Self {
            handle,
            door,
            meter: LoadMeter::new(region),
            seen_unix_ms: 0,
            is_there: None,
            touched_since_ms: None,
            told_keys: None,
            told_modes: None,
            told_rules: None,
            dead,
            bury_at: None,
        }
    }

    fn shared(&self) -> &Shared {
        &self.handle.0
    }

    async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let mut turns = tokio::time::interval(TURN);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = turns.tick() => self.turn().await,
                _ = stopped.changed() => break,
            }
        }
        // The others need not wait until what this node has runs out.
        let goodbye = async {
            let mut requests = self.shared().member().give_up_all();
            if self.shared().known().keeps_names {
                requests.retain(
                    |request| !matches!(request, Request::Release { name, .. } if name != COORDINATOR),
                );
            }
            self.shared().store.execute(&requests).await;
            self.shared().store.leave(self.shared().node).await
        };
        if tokio::time::timeout(GOODBYE_WITHIN, goodbye).await.is_err() {
            info!("the cluster was not told that this node stops: it notices by itself");
        }
    }

    async fn turn(&mut self) {
        self.look_at_rooms();
        let shared = self.shared();
        let asked_at_ms = shared.now_ms();
        let load = shared.known().load.clone();
        let requests = shared.member().poll(asked_at_ms, &shared.card, &load);
        if requests.is_empty() {
            return self.hear_news();
        }
        let answers = shared.store.execute(&requests).await;
        let now_ms = shared.now_ms();
        let (mut failed, mut nodes) = (None, None);
        for (request, answer) in requests.iter().zip(answers) {
            match answer {
                Ok(reply) => {
                    shared.heard();
                    shared.member().hear(now_ms, request, asked_at_ms, &reply);
                    match reply {
                        Reply::Noted { since_ms } => shared.note_store(since_ms),
                        Reply::Nodes(views) => nodes = Some(views),
                        _ => {}
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        let since_ms = shared.known().store_since_ms;
        if since_ms != self.touched_since_ms && shared.store.touch().await.is_ok() {
            self.touched_since_ms = since_ms;
        }
        if let Some(nodes) = nodes {
            self.hear_nodes(nodes);
        }
        self.tell_store(failed.map(|error| error.to_string()));
        if self.bury_at.is_some_and(|at| Instant::now() >= at) {
            self.bury_at = None;
            self.bury().await;
        }
        self.hear_news();
    }

    /// Gives up the names of nodes that had this one's data folder before and are dead.
    async fn bury(&mut self) {
        for dead in std::mem::take(&mut self.dead).into_iter().rev().take(BURIED_MAX) {
            // What cannot be read now stays theirs: whoever wants it can prove that they are dead.
            for (name, _) in self.handle.names_of(dead).await.unwrap_or_default() {
                let is_own = self.shared().member().names().any(|own| own == name);
                if !is_own && self.handle.take_over(&name, dead).await.is_ok() {
                    info!(name, %dead, "a room that was not opened again gives its name up");
                    self.handle.give_up(&name);
                }
            }
        }
    }

    /// Claims the rooms that are there, and gives up those that are not any more.
    fn look_at_rooms(&mut self) {
        let report = self.door.report();
        if report.unix_ms == self.seen_unix_ms {
            return;
        }
        self.seen_unix_ms = report.unix_ms;
        let load = self.meter.measure(&report);
        let open = report.rooms.iter().filter(|row| row.phase != "closed");
        let ranks: BTreeMap<String, u64> = open.map(|row| (room_name(&row.name), rank(row))).collect();
        let there: BTreeSet<String> = ranks.keys().cloned().collect();
        let shared = self.shared();
        let mut known = shared.known();
        known.load = load;
        known.pinned.retain(|name, until| !there.contains(name) && Instant::now() < *until);
        known.expected.retain(|name, it| there.contains(name) || it.since.elapsed() < ROOM_WITHIN);
        known.passed.retain(|name, since| there.contains(name) && since.elapsed() < PASSED_WITHIN);
        let mut member = shared.member();
        member.rank(ranks);
        let gone: Vec<String> = member
            .names()
            .filter(|name| name.starts_with("room/") && !there.contains(*name))
            .filter(|name| !known.pinned.contains_key(*name))
            .map(str::to_owned)
            .collect();
        gone.iter().for_each(|name| member.give_up(name));
        there.iter().filter(|name| !known.passed.contains_key(*name)).for_each(|name| member.want(name));
    }

    fn hear_nodes(&mut self, nodes: Vec<NodeView>) {
        let shared = &self.handle.0;
        let own = &shared.card;
        let differs = |view: &&NodeView| view.card.key_digest != own.key_digest;
        let is_due = |told: Option<Instant>| told.is_none_or(|at| at.elapsed() > TELL_AGAIN_AFTER);
        if let Some(other) = nodes.iter().find(differs)
            && is_due(self.told_keys)
        {
            self.told_keys = Some(Instant::now());
            error!(
                other = %other.card.name,
                "node {} has another key (identity.key_file) than this one: players who are sent from one to the \
                 other are refused. Give all nodes of the cluster the same key file",
                other.card.name
            );
        }
        if let Some(other) = with_other_modes(own, &nodes)
            && is_due(self.told_modes)
        {
            self.told_modes = Some(Instant::now());
            warn!(
                other = %other.card.name,
                "node {} has other modes (matchmaking.modes) than this one: matches go to the nodes that have the \
                 coordinator's only. Give all nodes of the cluster the same file",
                other.card.name
            );
        }
        if let Some(other) = with_other_rules(own, &nodes)
            && is_due(self.told_rules)
        {
            self.told_rules = Some(Instant::now());
            error!(
                other = %other.card.name,
                "node {} has {}, and this one {}: a room may be at both of them while one is cut off. Give all \
                 nodes of the cluster the same, and stop all of them to change it",
                other.card.name, other.card.lease_rules, own.lease_rules
            );
        }
        shared.note_nodes(nodes);
    }

    fn tell_store(&mut self, failed: Option<String>) {
        let is_there = failed.is_none();
        if self.is_there == Some(is_there) {
            return;
        }
        match failed {
            None => {
                info!(node = %self.handle.node(), "this node is in the cluster");
                if !self.dead.is_empty() {
                    self.bury_at = Some(Instant::now() + BURY_AFTER);
                }
            }
            Some(why) => {
                warn!(why, "Redis cannot be reached: running rooms go on, it is tried again and again")
            }
        }
        self.is_there = Some(is_there);
    }

    /// Lets rooms stop whose name is somebody else's.
    fn hear_news(&self) {
        let news = self.shared().member().take_news();
        for one in news {
            let (name, why) = match one {
                News::Lost(name) => (name, "its name was given to another node".to_owned()),
                News::Busy(name, Some(holder)) if self.handle.is_expected(&name, holder) => {
                    let handle = self.handle.clone();
                    // What that node has given away it cannot keep; where it is another one, it is asked again.
                    tokio::spawn(async move { handle.take_given(&name, holder).await });
                    continue;
                }
                News::Busy(name, Some(holder)) => {
                    tokio::spawn(settle(self.handle.clone(), self.door.clone(), name, holder));
                    continue;
                }
                News::Held(name, _) => {
                    self.shared().known().expected.remove(&name);
                    continue;
                }
                News::Busy(_, None) => continue,
            };
            tokio::spawn(give_way(self.handle.clone(), self.door.clone(), name, None, why));
        }
    }
}

/// The first of the nodes whose modes are not those of this one.
fn with_other_modes<'a>(own: &Card, nodes: &'a [NodeView]) -> Option<&'a NodeView> {
    nodes.iter().find(|view| view.card.modes_digest != own.modes_digest)
}

/// The first of the nodes that takes names by other rules than this one.
fn with_other_rules<'a>(own: &Card, nodes: &'a [NodeView]) -> Option<&'a NodeView> {
    let says = |view: &&NodeView| !view.card.lease_rules.is_empty();
    nodes.iter().filter(says).find(|view| view.card.lease_rules != own.lease_rules)
}

/// Settles whose a name is of which two nodes have a room. Both were opened while the store was away, or while one of
/// the nodes was.
async fn settle(handle: ClusterHandle, door: Door, name: String, holder: NodeId) {
    let rank = handle.0.member().rank_of(&name);
    if rank == 0 {
        return;
    }
    match handle.challenge(&name, rank).await {
        Some(true) => {
            info!(name, %holder, "two nodes have a room of one name: more is done in the one here, which stays");
        }
        Some(false) => {
            let why = format!("node {holder} has a room of that name");
            give_way(handle, door, name, Some(holder), why).await;
        }
        // It is asked again when the store says again that it is somebody else's.
        None => {}
    }
}

/// Closes a room whose name is another node's. Its match is sealed as it is, and its players are told where the other
/// room is, if that is known.
async fn give_way(handle: ClusterHandle, door: Door, name: String, holder: Option<NodeId>, why: String) {
    let Some(room) = name.strip_prefix("room/").map(str::to_owned) else { return };
    handle.0.member().forget(&name);
    handle.0.tell_lost(&name);
    let Ok(room) = RoomName::try_from(room) else { return };
    let holder = match holder {
        None => handle.holder(&name).await.ok().flatten().map(|lease| lease.node),
        known => known,
    };
    let node = holder.and_then(|holder| handle.find(&holder.to_string())).map(|view| view.card.name);
    warn!(%room, why, ?node, "a room is closed here");
    // What is not taken now is asked again: the room is still in the next report.
    let _ = door.send(Order::Ask(Question::GiveWay(room, node.unwrap_or_default()), Box::new(drop)));
}

/// How much is done in a room, never 0: one in which a match runs comes before others, then the one with more players,
/// then the one whose match has run for longer, by steps of five seconds.
fn rank(row: &RoomRow) -> u64 {
    let plays = u64::from(row.phase == "playing");
    let played_s = u64::from(row.tick.unwrap_or(0)) / u64::from(row.tick_rate_hz.max(1));
    plays << 52 | u64::from(row.taken.min(255)) << 44 | (played_s / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_with_other_modes_is_found_to_be_told_of() {
        let node = |name: &str, modes: &str| NodeView {
            node: NodeId(1),
            card: Card { name: name.to_owned(), modes_digest: modes.to_owned(), ..Card::default() },
            load: crate::Load::default(),
        };
        let nodes = [node("eu1", "a"), node("eu2", "b"), node("eu3", "")];
        let other = |modes: &str| {
            let own = Card { modes_digest: modes.to_owned(), ..Card::default() };
            with_other_modes(&own, &nodes).map(|view| view.card.name.clone())
        };
        assert_eq!((other("a").as_deref(), other("b").as_deref()), (Some("eu2"), Some("eu1")));
        assert_eq!(with_other_modes(&nodes[0].card, &nodes[..1]), None);
    }

    #[test]
    fn a_node_that_takes_names_by_other_rules_is_found_to_be_told_of() {
        let node = |rules: &str| NodeView {
            node: NodeId(1),
            card: Card { lease_rules: rules.to_owned(), ..Card::default() },
            load: crate::Load::default(),
        };
        let nodes = [node("play"), node(""), node("stop")];
        let other = |own: usize| {
            with_other_rules(&nodes[own].card, &nodes).map(|view| view.card.lease_rules.as_str())
        };
        assert_eq!((other(0), other(2)), (Some("stop"), Some("play")));
        assert_eq!(with_other_rules(&nodes[0].card, &nodes[..2]), None);
    }
}
