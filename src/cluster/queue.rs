//! `ClusterQueue`, the tickets of the cluster as one node has them: it asks the store, follows what changes, and forms
//! the matches of all while it coordinates.

mod alone;
mod feed;
mod lead;
pub(crate) mod memory;
mod offers;
mod office;
pub(crate) mod published;
mod sent;
mod status;
mod whereabouts;
pub(crate) mod why;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use framekeep_gate::{
    AloneMatch, Claim, ClusterStatus, Door, Later, MatchLog, Order, Question, SharedMatch, SharedOffer,
    SharedQueue, SharedRefused, SharedStatus, SharedTicket,
};
use framekeep_matchmaking::{Ended, Matcher, Mode, ModeFault, QueueView, Refused, TicketId};
use framekeep_protocol::{PlayerId, RoomName};
use tokio::sync::{Notify, mpsc};
use tracing::warn;

use self::memory::Memory;
use self::offers::Offered;
use self::published::Published;
use self::sent::SentTickets;
use crate::board::{Ask, Kept, Placed, Told};
use crate::body::{MatchBody, TicketBody};
use crate::{ClusterHandle, Coordinator, StoreError, TakeError, room_name};

/// Matches that wait to be opened here.
const PLACED_MAX: usize = 4_096;

/// How long whoever opens a room waits for its name.
const CLAIM_WITHIN: Duration = Duration::from_secs(1);

/// How long is tried to tell the store that a room is open.
const TELL_WITHIN: Duration = Duration::from_secs(60);

/// How often.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// From how many on it is looked who of those that waited for news of a ticket waits no more, though there are no news.
const WATCHERS_LOOKED_AFTER: usize = 4_096;

/// Other nodes of which a client is told.
const OTHERS_MAX: usize = 8;

/// What an operator may change of it.
#[derive(Clone, Debug)]
pub struct QueueConfig {
    /// The modes.
    pub modes: Vec<Mode>,
    /// A digest of the modes' file: nodes with other modes are given no matches.
    pub modes_digest: String,
    /// How often matches are formed.
    pub round_every: Duration,
    /// Tickets that are not over, at most.
    pub tickets_max: usize,
    /// After how long names of rooms are free that their node has not said any more; never without.
    pub unsaid_after: Option<Duration>,
    /// The file that the log of the matcher is written to while this node coordinates; none without.
    pub log: Option<PathBuf>,
}

/// The tickets of the cluster as one node has them.
pub struct ClusterQueue {
    handle: ClusterHandle,
    name: String,
    config: QueueConfig,
    door: Door,
    state: Mutex<State>,
    coordinator: Mutex<Option<Coordinator>>,
    log: Mutex<Option<MatchLog>>,
    placed: (mpsc::Sender<SharedMatch>, tokio::sync::Mutex<mpsc::Receiver<SharedMatch>>),
    /// Tickets whose match gave way, for whoever has them.
    given_up: (Mutex<Vec<TicketId>>, Notify),
}

#[derive(Default)]
struct State {
    /// Tickets and matches for a store that has forgotten them.
    memory: Memory,
    /// Tickets that the store was asked to take in.
    sent: SentTickets,
    /// Running rooms of this node that may look for players.
    offers: BTreeMap<RoomName, Offered>,
    /// How often anything was said of them.
    said: u64,
    /// Who waits for news of a ticket.
    watchers: HashMap<TicketId, Arc<Notify>>,
    /// With how many it is looked next who of them does not wait any more.
    watched_most: usize,
    published: Published,
}

impl State {
    /// Nobody but the map knows those that nobody waits for.
    fn forget_watchers(&mut self) {
        self.watchers.retain(|_, notify| Arc::strong_count(notify) > 1);
        self.watched_most = 2 * self.watchers.len();
    }
}

impl ClusterQueue {
    /// The tickets of the cluster; [`run`](Self::run) has to be running for anything to happen.
    ///
    /// # Errors
    /// [`ModeFault`] if the modes cannot be played.
    pub fn new(
        handle: ClusterHandle,
        name: &str,
        config: QueueConfig,
        door: Door,
    ) -> Result<Arc<Self>, ModeFault> {
        Matcher::new(config.modes.clone())?;
        let (sender, receiver) = mpsc::channel(PLACED_MAX);
        let state = State { memory: Memory::new(handle.node().to_string()), ..State::default() };
        let told = |why: &str| warn!("the log of matches (matchmaking.log) {why}");
        let log = config.log.as_deref().and_then(|path| MatchLog::new(path, told).ok());
        Ok(Arc::new(Self {
            handle,
            name: name.to_owned(),
            config,
            door,
            state: Mutex::new(state),
            coordinator: Mutex::new(None),
            log: Mutex::new(log),
            placed: (sender, tokio::sync::Mutex::new(receiver)),
            given_up: (Mutex::default(), Notify::new()),
        }))
    }

    /// Follows what changes and forms matches, for as long as it is polled.
    pub async fn run(self: Arc<Self>) {
        tokio::join!(self.follow(), self.fetch(), self.lead(), self.forget(), self.tidy(), self.say_offers());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn coordinator(&self) -> MutexGuard<'_, Option<Coordinator>> {
        self.coordinator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, Option<MatchLog>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store's time, about.
    fn store_now_ms(&self) -> u64 {
        self.handle.0.store_now_ms()
    }

    async fn ask(&self, ask: &Ask) -> Result<Told, StoreError> {
        let told = self.handle.0.store.ask(ask).await;
        if told.is_ok() {
            self.handle.0.heard();
        }
        told
    }

    async fn ask_ticket(&self, id: TicketId, ask: Ask) -> Result<SharedStatus, SharedRefused> {
        let told = self.ask(&ask).await.map_err(|_| SharedRefused::Away)?;
        let at = self.whereabouts(&told).await;
        self.status_of(id, told, at)
    }

    /// Whether the changes of the store are followed.
    #[cfg(test)]
    pub(crate) fn follows(&self) -> bool {
        self.state().memory.store_since_ms().is_some()
    }

    /// How many tickets are remembered of which somebody waited for news.
    #[cfg(test)]
    pub(crate) fn watched(&self) -> usize {
        self.state().watchers.len()
    }

    /// Whether a ticket would be told to a store that has forgotten it.
    #[cfg(test)]
    pub(crate) fn may_tell(&self, id: TicketId) -> bool {
        self.state().memory.keeps(id)
    }

    /// What a matcher refuses of a ticket whoever else waits; of a new guest's ticket also regions that guests may not
    /// name any more, by what the coordinator said last.
    fn check(&self, ticket: &SharedTicket, is_new: bool) -> Result<(), SharedRefused> {
        let matcher = Matcher::new(self.config.modes.clone());
        let Ok(mut matcher) = matcher else { return Err(SharedRefused::Away) };
        matcher.submit(0, ticket.ticket.clone()).map_err(SharedRefused::Refused)?;
        let region = self.state().published.region_too_many(ticket).map(str::to_owned);
        match region.filter(|_| is_new && ticket.is_guest) {
            Some(region) => Err(SharedRefused::Refused(Refused::GuestRegions { region })),
            None => Ok(()),
        }
    }

    async fn take_in(&self, ticket: SharedTicket, waited: Duration) -> Result<SharedStatus, SharedRefused> {
        self.check(&ticket, waited.is_zero())?;
        let id = ticket.ticket.id;
        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(0);
        let since_ms = if waited_ms == 0 { 0 } else { self.store_now_ms().saturating_sub(waited_ms).max(1) };
        let kept = TicketBody::new(&ticket).kept(since_ms);
        let kept = kept.ok_or(SharedRefused::Refused(Refused::UnknownTicket(id)))?;
        let limit = u32::try_from(self.config.tickets_max).unwrap_or(u32::MAX);
        let (is_first, store_since_ms) = self.note_sent(id).ok_or(SharedRefused::Away)?;
        let told = match self.ask(&Ask::Submit { ticket: kept.clone(), limit }).await {
            // What it says is known here.
            Ok(Told::Ticket { record, placed, answers, .. }) => {
                Told::Ticket { record, body: kept.body.clone(), placed, answers }
            }
            Ok(told) => told,
            Err(StoreError::Unconnected(_)) if is_first => {
                self.state().sent.forget(id);
                return Err(SharedRefused::Away);
            }
            // It may be there, or come to be there: only the store can say so.
            Err(_) => {
                self.state().sent.doubt(Instant::now(), id);
                return Err(SharedRefused::Away);
            }
        };
        self.note_told(id, &told, kept, store_since_ms);
        let at = self.whereabouts(&told).await;
        self.status_of(id, told, at)
    }

    /// Notes what the store said to a ticket that it was asked to take in.
    fn note_told(&self, id: TicketId, told: &Told, kept: Kept, store_since_ms: Option<u64>) {
        let mut state = self.state();
        if let Told::Ticket { record, .. } = told {
            // It may be read before its answer is here that it is over.
            if !state.sent.is_over(id) {
                state.memory.take_in(id, kept, record, store_since_ms);
            }
            state.sent.know(Instant::now(), id);
        } else {
            state.sent.forget(id);
        }
    }

    /// Notes that the store is about to be asked for a ticket: whether for the first time, and which store; or `None`
    /// if there are too many of which nobody knows whether it has them.
    fn note_sent(&self, id: TicketId) -> Option<(bool, Option<u64>)> {
        let mut state = self.state();
        let is_first = state.sent.ask(Instant::now(), id)?;
        Some((is_first, state.memory.store_since_ms()))
    }

    /// Tells the store that the room of a match is open, until it has heard it.
    async fn tell_opened(&self, key: String, room: RoomName) -> bool {
        self.close_offer(&key);
        let room = self.line_of(&room);
        let node = self.handle.node().to_string();
        let begun = Instant::now();
        while begun.elapsed() < TELL_WITHIN {
            let ask = Ask::Started { of: key.clone(), node: node.clone(), room: room.clone() };
            match self.ask(&ask).await {
                Ok(Told::Done) => {
                    self.state().memory.started(self.handle.0.now_ms(), &key, room);
                    return true;
                }
                Ok(Told::Fenced) | Err(_) => tokio::time::sleep(TELL_EVERY).await,
                Ok(_) => {
                    self.state().memory.forget_match(&key);
                    return false;
                }
            }
        }
        false
    }

    /// A room is not needed: the store has given its players to another one. A room in which others play stays: the
    /// seats that are kept run out.
    fn close(&self, placed: &Placed) {
        if !placed.into.is_empty() {
            return;
        }
        let name = placed.room.split('\n').next().unwrap_or_default();
        let Ok(room) = RoomName::try_from(name) else { return };
        warn!(%room, of = placed.of, "the players of this room were given to another: it is closed");
        // A room that cannot be closed now runs out by itself.
        let _ = self.door.send(Order::Ask(Question::CloseRoom(room), Box::new(drop)));
    }
}

impl SharedQueue for ClusterQueue {
    fn node(&self) -> String {
        self.handle.node().to_string()
    }

    fn away_for(&self) -> Duration {
        let lease = Duration::from_millis(self.handle.0.timing.lease_ms);
        match self.handle.silent_for() {
            Some(silent) if silent < lease => Duration::ZERO,
            Some(silent) => silent,
            None => Duration::from_millis(self.handle.0.now_ms()),
        }
    }

    fn may_have(&self, id: TicketId) -> bool {
        let state = self.state();
        state.memory.keeps(id) || state.sent.may_have(Instant::now(), id)
    }

    fn submit(
        &self,
        ticket: SharedTicket,
        waited: Duration,
    ) -> Later<'_, Result<SharedStatus, SharedRefused>> {
        Box::pin(self.take_in(ticket, waited))
    }

    fn show(&self, id: TicketId) -> Later<'_, Result<SharedStatus, SharedRefused>> {
        Box::pin(self.ask_ticket(id, Ask::Show { id: id.to_string() }))
    }

    fn cancel(&self, id: TicketId) -> Later<'_, Result<SharedStatus, SharedRefused>> {
        Box::pin(self.ask_ticket(id, Ask::Cancel { id: id.to_string() }))
    }

    fn answer(
        &self,
        id: TicketId,
        player: PlayerId,
        accepts: bool,
    ) -> Later<'_, Result<SharedStatus, SharedRefused>> {
        let ask = Ask::Answer { id: id.to_string(), player: player.to_string(), accepts };
        Box::pin(self.ask_ticket(id, ask))
    }

    fn news(&self, id: TicketId) -> Later<'_, ()> {
        let notify = {
            let mut state = self.state();
            // Anybody may ask for anything, and while the store is away nothing is read that would look after them.
            if state.watchers.len() >= state.watched_most.max(WATCHERS_LOOKED_AFTER) {
                state.forget_watchers();
            }
            state.watchers.entry(id).or_default().clone()
        };
        let told = notify.clone().notified_owned();
        Box::pin(async move {
            told.await;
            drop(notify);
        })
    }

    fn queues(&self) -> Vec<QueueView> {
        self.state().published.queues.clone()
    }

    fn placed(&self) -> Later<'_, Vec<SharedMatch>> {
        Box::pin(async {
            let mut placed = Vec::new();
            self.placed.1.lock().await.recv_many(&mut placed, 64).await;
            placed
        })
    }

    fn claim(&self, room: RoomName) -> Later<'_, Claim> {
        Box::pin(async move {
            let name = room_name(room.as_str());
            // It is asked to its end, whoever waits for it: a name that is granted late has to be given up again.
            let handle = self.handle.clone();
            let taking = tokio::spawn(async move { handle.take(&name).await });
            match tokio::time::timeout(CLAIM_WITHIN, taking).await {
                Ok(Ok(Ok(_))) => Claim::Ours,
                Ok(Ok(Err(TakeError::Busy { holder: Some(node), .. }))) => Claim::Theirs(node.to_string()),
                _ => Claim::Unknown,
            }
        })
    }

    fn opened(&self, key: String, room: RoomName) -> Later<'_, bool> {
        Box::pin(self.tell_opened(key, room))
    }

    fn failed(&self, key: String) -> Later<'_, ()> {
        Box::pin(async move {
            self.close_offer(&key);
            self.state().memory.forget_match(&key);
            let node = self.handle.node().to_string();
            // If the store does not hear it, the coordinator takes the match back in time.
            let _ = self.ask(&Ask::TakeBack { epoch: crate::Epoch(0), of: key, node }).await;
        })
    }

    fn formed_alone(&self, alone: AloneMatch) {
        self.note_alone(alone);
    }

    fn over_alone(&self, ticket: &SharedTicket, waited: Duration, ended: Ended) {
        self.note_over(ticket, waited, ended);
    }

    fn given_up(&self) -> Later<'_, Vec<TicketId>> {
        Box::pin(self.take_given_up())
    }

    fn offer(&self, offer: SharedOffer) {
        self.note_offer(offer);
    }

    fn withdraw(&self, room: &RoomName) {
        self.note_withdrawn(room);
    }

    fn offered(&self, room: RoomName) -> Later<'_, Option<SharedOffer>> {
        Box::pin(self.offer_of(room))
    }

    fn others(&self) -> Vec<String> {
        let (own, nodes) = (self.handle.node(), self.handle.nodes());
        // Those after this one first, so that the clients of a node that is gone do not all go to the same.
        let (before, after): (Vec<_>, Vec<_>) =
            nodes.iter().filter(|view| view.node != own).partition(|view| view.node < own);
        let fronts = after.into_iter().chain(before).filter(|view| !view.load.draining);
        let urls = fronts.map(|view| view.card.http.clone()).filter(|url| !url.is_empty());
        urls.take(OTHERS_MAX).collect()
    }

    fn reopens(&self) -> bool {
        self.handle.reopens()
    }

    fn status(&self) -> Later<'_, ClusterStatus> {
        Box::pin(self.cluster_status())
    }
}

/// A match to be opened here, as the front door needs it.
fn shared_match(placed: &Placed) -> Option<SharedMatch> {
    Some(MatchBody::read(&placed.body)?.placed(placed.of.clone()))
}
