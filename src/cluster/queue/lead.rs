//! What the elected one of the nodes does: it forms the matches of all.

use std::mem::discriminant;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};

use super::office::Office;
use super::{ClusterQueue, Published};
use crate::board::{Ask, Told};
use crate::{COORDINATOR, Coordinator, Epoch, StoreError};

/// How often matches without a room are looked at, and all nodes are told how it is.
const LOOK_AFTER_EVERY: Duration = Duration::from_secs(1);

/// How often what is over is forgotten, and how many calls that may take at once: 256 tickets and matches each, so that
/// 20,000 a second may be over.
const FORGET_EVERY: Duration = Duration::from_millis(100);
const FORGET_TIMES: u32 = 8;

/// How often the directory is tidied; some of its names every 100 ms, in calls of a millisecond or two: 10,000 names a
/// second.
const TIDY_EVERY: Duration = Duration::from_secs(10);
const TIDY_SOME_EVERY: Duration = Duration::from_millis(100);
const TIDY_TIMES: u32 = 4;

/// How long it is true what all nodes are told.
const PUBLISHED_MS: u64 = 10_000;

/// Changes that are asked for at once.
const CHANGES_MAX: u32 = 1_000;

/// Matches without a room that are looked at.
const UNOPENED_MAX: u32 = 500;

/// Requests that are under way at once.
const AT_ONCE: usize = 64;

impl ClusterQueue {
    /// Forms matches while this node coordinates.
    pub(super) async fn lead(self: &Arc<Self>) {
        let mut turns = tokio::time::interval(self.config.round_every);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut looked, mut office) = (Instant::now(), Office::default());
        loop {
            turns.tick().await;
            if !self.take_office(&mut office) {
                continue;
            }
            let worked = self.work().await;
            let is_due = looked.elapsed() >= LOOK_AFTER_EVERY;
            let looked_after = match worked {
                Ok(()) if is_due => {
                    looked = Instant::now();
                    self.look_after().await
                }
                worked => worked,
            };
            match looked_after {
                Ok(()) if office.work() => info!("matches are formed again"),
                Ok(()) => {}
                Err(why) => {
                    if office.fail(Instant::now()) {
                        warn!(%why, "no matches are formed: the coordinator tries again, and reads all tickets");
                    }
                    *self.coordinator() = None;
                }
            }
        }
    }

    /// Forgets what is over, while this node coordinates: a little at a time, so that nobody waits for it, and as often
    /// as it takes.
    pub(super) async fn forget(&self) {
        let mut turns = tokio::time::interval(FORGET_EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            for _ in 0..FORGET_TIMES {
                let Some((epoch, _)) = self.cursor() else { break };
                // What is not forgotten now is forgotten later.
                if !matches!(self.ask(&Ask::Sweep { epoch }).await, Ok(Told::Swept { more: true })) {
                    break;
                }
            }
        }
    }

    /// Looks through the directory and tidies it, while this node coordinates, or is the first of nodes that have no
    /// modes and so no coordinator: some names at a time, as often as it takes.
    pub(super) async fn tidy(&self) {
        let mut turns = tokio::time::interval(TIDY_SOME_EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let unsaid_ms = self.config.unsaid_after.map_or(0, |after| after.as_millis() as u64);
        let (mut begun, mut sweep) = (Instant::now(), None);
        loop {
            turns.tick().await;
            if self.cursor().is_none() && !self.is_first_without_modes() {
                continue;
            }
            if sweep.is_none() && begun.elapsed() >= TIDY_EVERY {
                (begun, sweep) = (Instant::now(), Some(Default::default()));
            }
            let Some(under_way) = sweep.as_mut() else { continue };
            for _ in 0..TIDY_TIMES {
                match self.handle.0.store.sweep_some(under_way, unsaid_ms).await {
                    Ok(None) => continue,
                    Ok(Some(directory)) => self.note_directory(directory).await,
                    // It is begun anew.
                    Err(_) => {}
                }
                sweep = None;
                break;
            }
        }
    }

    /// Whether no node has modes, and this one has the lowest number of them.
    fn is_first_without_modes(&self) -> bool {
        let nodes = self.handle.nodes();
        let has_no_modes = nodes.iter().all(|view| view.card.modes_digest.is_empty());
        has_no_modes && nodes.iter().map(|view| view.node).min() == Some(self.handle.node())
    }

    /// How many names the directory has; a coordinator lets the others know, and where there is none, this node.
    async fn note_directory(&self, directory: u64) {
        let published = {
            let mut state = self.state();
            state.published.directory = directory;
            state.published.clone()
        };
        if self.cursor().is_none() {
            let text = serde_json::to_string(&published).unwrap_or_default();
            // What is not said now is said the next time.
            let _ = self.handle.0.store.publish("queues", &text, 3 * PUBLISHED_MS).await;
        }
    }

    /// Whether this node coordinates; makes the coordinator if it has just begun to.
    fn take_office(&self, office: &mut Office) -> bool {
        let epoch = self.handle.epoch(COORDINATOR);
        let mut place = self.coordinator();
        let Some(epoch) = epoch else {
            *place = None;
            if office.leave() {
                info!("this node does not coordinate any more");
            }
            return false;
        };
        if place.as_ref().is_some_and(|one| one.epoch() == epoch && !one.is_lost()) {
            return true;
        }
        if office.pauses(Instant::now()) {
            return false;
        }
        let (modes, most) = (self.config.modes.clone(), self.config.tickets_max);
        let nonce = self.handle.0.now_ms();
        match Coordinator::new(epoch, nonce, modes, most, &self.config.modes_digest) {
            Ok(new) => {
                if office.take(epoch) {
                    info!(epoch = epoch.0, "this node forms the matches of the cluster");
                }
                *place = Some(self.begin_log(new));
                true
            }
            Err(why) => {
                error!(%why, "no matches can be formed");
                false
            }
        }
    }

    /// A coordinator with a log if that is wanted, which begins anew with it.
    fn begin_log(&self, new: Coordinator) -> Coordinator {
        match self.log().as_mut() {
            Some(log) => {
                let mut new = new.with_log();
                log.begin(new.take_log());
                new
            }
            None => new,
        }
    }

    fn cursor(&self) -> Option<(Epoch, u64)> {
        self.coordinator().as_ref().map(|one| (one.epoch(), one.cursor()))
    }

    /// One round: reads what has changed, forms matches, asks the store for them.
    async fn work(self: &Arc<Self>) -> Result<(), StoreError> {
        let now_ms = loop {
            let Some((_, after)) = self.cursor() else { return Ok(()) };
            let ask = Ask::Changes { after, limit: CHANGES_MAX, bodies: true };
            let Told::Changes { tickets, last, now_ms, since_ms, .. } = self.ask(&ask).await? else {
                return Err(StoreError::Nonsense("no changes".to_owned()));
            };
            {
                let mut state = self.state();
                state.memory.hear_as_coordinator(self.handle.0.now_ms(), &tickets, since_ms);
                self.note(&mut state, &tickets, now_ms);
            }
            if let Some(one) = self.coordinator().as_mut() {
                one.take_in(now_ms, &tickets, last);
            }
            if (tickets.len() as u32) < CHANGES_MAX {
                break now_ms;
            }
        };
        self.read_offers(now_ms).await?;
        let nodes = self.handle.nodes();
        let asks = self.coordinator().as_mut().map(|one| one.round(now_ms, &nodes)).unwrap_or_default();
        let logged = self.coordinator().as_mut().map(Coordinator::take_log).unwrap_or_default();
        if let Some(log) = self.log().as_mut() {
            log.add(logged);
        }
        for group in asks.chunk_by(|a, b| discriminant(a) == discriminant(b)) {
            for some in group.chunks(AT_ONCE) {
                self.ask_all(now_ms, some).await?;
            }
        }
        Ok(())
    }

    /// Reads what has changed of the free seats of running rooms.
    async fn read_offers(&self, now_ms: u64) -> Result<(), StoreError> {
        loop {
            let Some(after) = self.coordinator().as_ref().map(Coordinator::offers_cursor) else {
                return Ok(());
            };
            let Told::Offers { offers, last } = self.ask(&Ask::Offers { after, limit: CHANGES_MAX }).await?
            else {
                return Err(StoreError::Nonsense("no offers".to_owned()));
            };
            if let Some(one) = self.coordinator().as_mut() {
                one.take_offers(now_ms, &offers, last);
            }
            if (offers.len() as u32) < CHANGES_MAX {
                return Ok(());
            }
        }
    }

    /// Asks for several things at once, which do not depend on each other.
    async fn ask_all(self: &Arc<Self>, now_ms: u64, asks: &[Ask]) -> Result<(), StoreError> {
        let mut under_way = JoinSet::new();
        for ask in asks.iter().cloned() {
            let queue = self.clone();
            under_way.spawn(async move { (queue.ask(&ask).await, ask) });
        }
        let mut failed = None;
        while let Some(done) = under_way.join_next().await {
            match done {
                Ok((Ok(told), ask)) => {
                    if let Some(one) = self.coordinator().as_mut() {
                        one.hear(now_ms, &ask, &told);
                    }
                }
                Ok((Err(why), _)) => failed = Some(why),
                Err(why) => failed = Some(StoreError::Nonsense(why.to_string())),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Takes matches back whose node is gone, and lets all nodes know how it is.
    async fn look_after(self: &Arc<Self>) -> Result<(), StoreError> {
        let told = self.ask(&Ask::Unopened { limit: UNOPENED_MAX }).await?;
        if let Told::Matches { matches } = told {
            let (now_ms, lease_ms) = (self.store_now_ms(), self.handle.0.timing.lease_ms);
            let nodes = self.handle.nodes();
            let asks =
                self.coordinator().as_ref().map(|one| one.look_after(now_ms, lease_ms, &matches, &nodes));
            for ask in asks.unwrap_or_default() {
                let told = self.ask(&ask).await?;
                warn!(?ask, ?told, "a match is taken back: its node does not open a room");
            }
        }
        let text = {
            let place = self.coordinator();
            let Some(one) = place.as_ref() else { return Ok(()) };
            let mut state = self.state();
            let directory = state.published.directory;
            state.published = Published::new(self.handle.node(), one, directory);
            serde_json::to_string(&state.published).unwrap_or_default()
        };
        self.handle.0.store.publish("queues", &text, PUBLISHED_MS).await
    }
}
