//! `ClusterHandle`, what a process knows of its cluster, and what it asks of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::broadcast;

use crate::missed::{Missed, patience};
use crate::whose::LostRooms;
use crate::{
    Card, Epoch, Lease, Load, Member, NodeId, NodeView, Placement, Reply, Request, Store, StoreError, Timing,
};

/// How long a name that was taken for a room may be without one.
pub(crate) const ROOM_WITHIN: Duration = Duration::from_secs(30);
/// As long is a name kept for a room that somebody wants to open here: it opens at once, or it is refused.
const OPEN_WITHIN: Duration = Duration::from_secs(3);

/// Rooms that have come from other nodes and whose names are not held yet.
const EXPECTED_MAX: usize = 65_536;

/// How long the server may take to report that a room is gone which gave way.
const REPORTED_WITHIN: Duration = Duration::from_secs(5);

/// How long the list of nodes is not read again for a node that is not in it.
const LOOK_UP_APART: Duration = Duration::from_millis(100);

/// Names that were lost and nobody has looked at.
const LOST_MAX: usize = 4_096;

/// A name is not this node's.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TakeError {
    /// Somebody else has it, or it is not given away yet.
    #[error("{name} is held by {}", holder.map_or_else(|| "nobody yet: the store has just begun".to_owned(),
        |node| format!("node {node}")))]
    Busy {
        /// The name.
        name: String,
        /// Who has it.
        holder: Option<NodeId>,
    },
    /// It was given to somebody else.
    #[error("{0} was given to another node")]
    Lost(String),
    /// The name is too long, or there are too many.
    #[error("{0} is too long a name, or there are too many")]
    Refused(String),
    /// Whether it was done is not known.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a process knows of its cluster, and what it asks of it. Nothing of it blocks; what is `async` can be awaited on
/// any runtime.
#[derive(Clone)]
pub struct ClusterHandle(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) node: NodeId,
    pub(crate) card: Card,
    pub(crate) timing: Timing,
    pub(crate) store: Store,
    begun: Instant,
    member: Mutex<Member>,
    pub(crate) known: Mutex<Known>,
    /// When the store has answered last, in milliseconds since the start; 0 before the first time.
    answered_at_ms: AtomicU64,
    /// The store's time less this node's, in milliseconds.
    ahead_ms: AtomicI64,
    /// When the list of nodes was read for somebody who was missed in it.
    read_nodes: tokio::sync::Mutex<Option<Instant>>,
    lost: broadcast::Sender<String>,
}

/// What is remembered besides.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) load: Load,
    pub(crate) nodes: Arc<Vec<NodeView>>,
    /// Since when those are missed that were there.
    pub(crate) missed: Missed,
    /// Rooms of which it was said that they are gone with their nodes.
    pub(crate) lost_rooms: LostRooms,
    /// Where rooms were placed that were opened through this node.
    placement: Placement,
    /// Names that were taken for a room that is about to be opened.
    pub(crate) pinned: BTreeMap<String, Instant>,
    /// Names that were handed over while the room was still there.
    pub(crate) passed: BTreeMap<String, Instant>,
    /// Names of rooms that have come from a node: it may not have handed them over yet.
    pub(crate) expected: BTreeMap<String, Expected>,
    /// Names of rooms that gave way to those of other nodes, and when.
    gave_way: BTreeMap<String, Instant>,
    /// Whether names of rooms are kept when this node says goodbye.
    pub(crate) keeps_names: bool,
    /// Since when the store serves.
    pub(crate) store_since_ms: Option<u64>,
}

/// A room that has come from another node.
pub(crate) struct Expected {
    /// The node's name.
    from: String,
    /// Its number, when it gave the room away.
    node: Option<NodeId>,
    pub(crate) since: Instant,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(member: Member, card: Card, timing: Timing, store: Store) -> Self {
        Self {
            node: member.node(),
            card,
            timing,
            store,
            begun: Instant::now(),
            member: Mutex::new(member),
            known: Mutex::default(),
            answered_at_ms: AtomicU64::new(0),
            ahead_ms: AtomicI64::new(0),
            read_nodes: tokio::sync::Mutex::default(),
            lost: broadcast::Sender::new(LOST_MAX),
        }
    }

    /// Milliseconds since the start, and one: what nodes count their leases by.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    pub(crate) fn member(&self) -> MutexGuard<'_, Member> {
        lock(&self.member)
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.known)
    }

    /// These nodes are there.
    pub(crate) fn note_nodes(&self, nodes: Vec<NodeView>) {
        let known = &mut *self.known();
        let times = self.times(known);
        known.missed.note(Instant::now(), times, &known.nodes, &nodes);
        known.nodes = nodes.into();
    }

    /// How long a lease is, and how long after it a node is given up.
    pub(crate) fn times(&self, known: &Known) -> (Duration, Duration) {
        let lease = Duration::from_millis(self.timing.lease_ms);
        (lease, patience(lease, known.nodes.iter().any(|view| view.card.heirs)))
    }

    /// The store's time, about.
    pub(crate) fn store_now_ms(&self) -> u64 {
        self.now_ms().saturating_add_signed(self.ahead_ms.load(Ordering::Relaxed))
    }

    /// That is the store's time now.
    pub(crate) fn note_time(&self, store_ms: u64) {
        let own_ms = i64::try_from(self.now_ms()).unwrap_or(0);
        self.ahead_ms.store(i64::try_from(store_ms).unwrap_or(0) - own_ms, Ordering::Relaxed);
    }

    /// The store serves since then.
    pub(crate) fn note_store(&self, since_ms: u64) {
        let known = &mut *self.known();
        if known.store_since_ms.replace(since_ms) != Some(since_ms) {
            known.missed.begin(Instant::now());
        }
    }

    pub(crate) fn heard(&self) {
        self.answered_at_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    pub(crate) fn tell_lost(&self, name: &str) {
        let mut known = self.known();
        known.gave_way.retain(|_, at| at.elapsed() < REPORTED_WITHIN);
        known.gave_way.insert(name.to_owned(), Instant::now());
        drop(known);
        // Nobody may be listening.
        let _ = self.lost.send(name.to_owned());
    }
}

impl ClusterHandle {
    /// Which node this process is, from its start to its end.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.0.node
    }

    /// What does not change of this node.
    #[must_use]
    pub fn card(&self) -> &Card {
        &self.0.card
    }

    /// The nodes that are there, by number, as the store said last.
    #[must_use]
    pub fn nodes(&self) -> Arc<Vec<NodeView>> {
        self.0.known().nodes.clone()
    }

    /// The node of that number or name.
    #[must_use]
    pub fn find(&self, node: &str) -> Option<NodeView> {
        let nodes = self.nodes();
        let by_number = |view: &&NodeView| node.parse() == Ok(view.node);
        let found = nodes.iter().find(by_number).or_else(|| nodes.iter().find(|view| view.card.name == node));
        found.cloned()
    }

    /// The same by what the store says now: a node may have come since it was asked last. It is asked for all names
    /// that are looked up at once in one go, and not again for a moment.
    pub async fn look_up(&self, node: &str) -> Option<NodeView> {
        let mut read_at = self.0.read_nodes.lock().await;
        if read_at.is_none_or(|at| at.elapsed() > LOOK_UP_APART)
            && let Ok(Reply::Nodes(nodes)) = self.0.store.one(Request::Nodes).await
        {
            self.0.note_nodes(nodes);
            *read_at = Some(Instant::now());
        }
        drop(read_at);
        self.find(node)
    }

    /// Whether a room of this node gave way a moment ago: it may still be in the server's last report.
    #[must_use]
    pub fn has_given_way(&self, name: &str) -> bool {
        self.0.known().gave_way.get(name).is_some_and(|at| at.elapsed() < REPORTED_WITHIN)
    }

    /// Whether rooms of a node that is gone are opened again at others.
    #[must_use]
    pub fn reopens(&self) -> bool {
        self.nodes().iter().any(|view| view.card.heirs)
    }

    /// The node at which a room is opened that somebody asks this one for, as a match would be placed: by region, load
    /// and what is taken of it, and only at one that `can` have it. It counts there from now on.
    #[must_use]
    pub fn place_room(&self, can: impl Fn(&NodeView) -> bool) -> Option<NodeView> {
        self.placed(|placement, now_ms, nodes, region| placement.place_room(now_ms, nodes, region, can))
    }

    /// The same, where nothing is opened yet.
    #[must_use]
    pub fn idlest(&self, can: impl Fn(&NodeView) -> bool) -> Option<NodeView> {
        self.placed(|placement, now_ms, nodes, region| placement.look(now_ms, nodes, region, can))
    }

    fn placed(
        &self,
        place: impl FnOnce(&mut Placement, u64, &[NodeView], &str) -> Option<NodeId>,
    ) -> Option<NodeView> {
        let now_ms = self.0.now_ms();
        let mut known = self.0.known();
        let (nodes, region) = (known.nodes.clone(), known.load.region.clone());
        let node = place(&mut known.placement, now_ms, &nodes, &region)?;
        nodes.iter().find(|view| view.node == node).cloned()
    }

    /// Whether the store has answered within the time of a lease.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.silent_for().is_some_and(|silent| silent < Duration::from_millis(self.0.timing.lease_ms))
    }

    /// How long the store has not answered; `None` before its first answer.
    #[must_use]
    pub fn silent_for(&self) -> Option<Duration> {
        let at_ms = self.0.answered_at_ms.load(Ordering::Relaxed);
        (at_ms > 0).then(|| Duration::from_millis(self.0.now_ms().saturating_sub(at_ms)))
    }

    /// Whether this node forms the matches of all.
    #[must_use]
    pub fn is_coordinator(&self) -> bool {
        self.0.member().is_coordinator(self.0.now_ms())
    }

    /// The number under which this node may act for a name now; `None` if it may not.
    #[must_use]
    pub fn epoch(&self, name: &str) -> Option<Epoch> {
        self.0.member().epoch(name, self.0.now_ms())
    }

    /// Takes a name that is free, for a room that is about to be opened.
    ///
    /// # Errors
    /// [`TakeError`] if it is somebody else's, or the store does not answer.
    pub async fn take(&self, name: &str) -> Result<Epoch, TakeError> {
        self.ask_for(name, None, OPEN_WITHIN).await
    }

    /// Takes a name whose holder is proven to be dead.
    ///
    /// # Errors
    /// [`TakeError`] if it is somebody else's, or the store does not answer.
    pub async fn take_over(&self, name: &str, dead: NodeId) -> Result<Epoch, TakeError> {
        self.ask_for(name, Some(dead), ROOM_WITHIN).await
    }

    async fn ask_for(&self, name: &str, over: Option<NodeId>, within: Duration) -> Result<Epoch, TakeError> {
        // What is this node's already is not asked for again: a higher number that this node does not hear of in time
        // would end the room that runs under the one it has.
        if let Some(epoch) = self.epoch(name) {
            self.0.known().pinned.insert(name.to_owned(), Instant::now() + within);
            return Ok(epoch);
        }
        let asked_at_ms = self.0.now_ms();
        let take = Request::Take { name: name.to_owned(), node: self.0.node, over, rank: 0 };
        match self.0.store.one(take).await? {
            Reply::Granted(epoch) => {
                self.keep(name, epoch, asked_at_ms, within);
                Ok(epoch)
            }
            Reply::Busy { holder, .. } => Err(TakeError::Busy { name: name.to_owned(), holder }),
            Reply::Lost => Err(TakeError::Lost(name.to_owned())),
            _ => Err(TakeError::Refused(name.to_owned())),
        }
    }

    /// Holds a name, for a room that is there `within` that time.
    fn keep(&self, name: &str, epoch: Epoch, asked_at_ms: u64, within: Duration) {
        self.0.heard();
        let mut known = self.0.known();
        known.passed.remove(name);
        known.pinned.insert(name.to_owned(), Instant::now() + within);
        self.0.member().hold(name, epoch, asked_at_ms);
    }

    /// Gives a name up: what was done under it has ended. The store hears of it soon.
    pub fn give_up(&self, name: &str) {
        self.0.known().pinned.remove(name);
        self.0.member().give_up(name);
    }

    /// Hands a name that this node holds to another, in one step of the store: from then on it is the other's, under a
    /// higher number, and this node may not act for it. If the store does not answer, ask [`holder`](Self::holder)
    /// which of both it is before anything else is done.
    ///
    /// # Errors
    /// [`TakeError`] if it is not this node's, or the store does not answer.
    pub async fn hand_over(&self, name: &str, to: NodeId) -> Result<Epoch, TakeError> {
        let epoch = self.epoch(name).ok_or_else(|| TakeError::Lost(name.to_owned()))?;
        let pass = Request::Pass { name: name.to_owned(), node: self.0.node, epoch, to };
        match self.0.store.one(pass).await? {
            Reply::Granted(epoch) => {
                self.0.heard();
                let mut known = self.0.known();
                known.pinned.remove(name);
                known.passed.insert(name.to_owned(), Instant::now());
                self.0.member().forget(name);
                Ok(epoch)
            }
            Reply::Lost => Err(TakeError::Lost(name.to_owned())),
            _ => Err(TakeError::Refused(name.to_owned())),
        }
    }

    /// Hands a name of a room that has gone to another node, as often as it is asked: it may be that node's already, or
    /// still be that of a node that had this one's data folder before.
    ///
    /// # Errors
    /// [`TakeError`] if it is neither, or the store does not answer.
    pub async fn pass_on(&self, name: &str, to: NodeId) -> Result<Epoch, TakeError> {
        match self.hand_over(name, to).await {
            Err(TakeError::Lost(_)) => {}
            done => return done,
        }
        match self.holder(name).await? {
            Some(lease) if lease.node == to => Ok(lease.epoch),
            Some(lease) if self.0.member().knows_dead(lease.node) => {
                self.take_over(name, lease.node).await?;
                self.hand_over(name, to).await
            }
            _ => Err(TakeError::Lost(name.to_owned())),
        }
    }

    /// A room has come from another node: while that one has its name still, this one goes on with the room and asks
    /// for the name again.
    pub fn expect(&self, name: &str, from: &str) {
        let node = self.find(from).map(|view| view.node);
        let mut known = self.0.known();
        known.passed.remove(name);
        if known.expected.len() < EXPECTED_MAX {
            let expected = Expected { from: from.to_owned(), node, since: Instant::now() };
            known.expected.insert(name.to_owned(), expected);
        }
    }

    /// Whether a name that this node wants is only not handed over yet, by the node whose room has come here.
    pub(crate) fn is_expected(&self, name: &str, holder: NodeId) -> bool {
        let known = self.0.known();
        let Some(expected) = known.expected.get(name) else { return false };
        let view = known.nodes.iter().find(|view| view.node == holder);
        // A node that is gone comes back and hands it over, or is proven to be dead.
        view.is_none_or(|view| view.card.name == expected.from)
    }

    /// Takes the name of a room that has come from its holder, and which that one has not handed over.
    pub(crate) async fn take_given(&self, name: &str, holder: NodeId) {
        let is_given = self.0.known().expected.get(name).is_some_and(|it| it.node == Some(holder));
        if is_given && self.take_over(name, holder).await.is_ok() {
            self.0.known().expected.remove(name);
        }
    }

    /// Wants a name that another node has, for a room that was opened here while the store was away: whether it is this
    /// node's now, as more is done here. `None` if the store does not say.
    pub(crate) async fn challenge(&self, name: &str, rank: u64) -> Option<bool> {
        let asked_at_ms = self.0.now_ms();
        let challenge = Request::Challenge { name: name.to_owned(), node: self.0.node, rank };
        match self.0.store.one(challenge).await.ok()? {
            Reply::Granted(epoch) => {
                self.keep(name, epoch, asked_at_ms, ROOM_WITHIN);
                Some(true)
            }
            Reply::Busy { holder: Some(_), .. } => Some(false),
            _ => None,
        }
    }

    /// Keeps a name that another node has handed to this one under that number.
    ///
    /// # Errors
    /// [`TakeError`] if it is somebody else's, or the store does not answer.
    pub async fn adopt(&self, name: &str, epoch: Epoch) -> Result<(), TakeError> {
        let asked_at_ms = self.0.now_ms();
        let renew = Request::Renew { name: name.to_owned(), node: self.0.node, epoch, rank: 0 };
        match self.0.store.one(renew).await? {
            Reply::Granted(epoch) => {
                self.keep(name, epoch, asked_at_ms, ROOM_WITHIN);
                Ok(())
            }
            Reply::Lost => Err(TakeError::Lost(name.to_owned())),
            _ => Err(TakeError::Refused(name.to_owned())),
        }
    }

    /// Who has a name, or had it last and has not given it up.
    ///
    /// # Errors
    /// [`TakeError`] if the store does not answer.
    pub async fn holder(&self, name: &str) -> Result<Option<Lease>, TakeError> {
        match self.0.store.one(Request::Holder(name.to_owned())).await? {
            Reply::Holder(lease) => Ok(lease),
            other => Err(StoreError::Nonsense(format!("{other:?}")).into()),
        }
    }

    /// Which names a node has, or did have and has not given up.
    ///
    /// # Errors
    /// [`TakeError`] if the store does not answer.
    pub async fn names_of(&self, node: NodeId) -> Result<Vec<(String, Lease)>, TakeError> {
        match self.0.store.one(Request::Held(node)).await? {
            Reply::Held(names) => Ok(names),
            other => Err(StoreError::Nonsense(format!("{other:?}")).into()),
        }
    }

    /// Names that the store has given to another node: what was done under them has to stop. The cluster closes such
    /// rooms itself.
    #[must_use]
    pub fn lost(&self) -> broadcast::Receiver<String> {
        self.0.lost.subscribe()
    }
}
