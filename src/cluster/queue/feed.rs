//! What every node does: it follows the changes of tickets, fetches the matches that are its own, and tells a store
//! that has forgotten something what it knows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use framekeep_matchmaking::TicketId;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::{debug, info, warn};

use super::memory::{Heard, is_witness};
use super::{ClusterQueue, Published, State, shared_match};
use crate::StoreError;
use crate::board::{Ask, Change, Stage, Told, parts};

/// How often changes and matches are asked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often it is read what the coordinator says to all.
const READ_EVERY: Duration = Duration::from_secs(1);

/// Matches that are asked for at once.
const FETCH_MAX: u32 = 64;

/// Things that are told again at once.
const RETOLD_AT_ONCE: usize = 512;

impl ClusterQueue {
    /// Follows the changes.
    pub(super) async fn follow(self: &Arc<Self>) {
        let mut turns = tokio::time::interval(LOOK_EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut read, mut is_there) = (Instant::now(), false);
        loop {
            turns.tick().await;
            // What is not answered now is told, and asked, again. A store that is away is told nothing.
            if is_there {
                self.tell().await;
            }
            let heard = self.read_changes().await;
            if heard.is_ok() && !is_there {
                self.tell().await;
            }
            is_there = heard.is_ok();
            if let Err(why) = heard {
                debug!(%why, "changes are not read");
            }
            if read.elapsed() >= READ_EVERY && !self.handle.is_coordinator() {
                read = Instant::now();
                self.read_published().await;
            }
        }
    }

    /// Whether this node remembers all tickets, though others took them in.
    fn is_witness(&self) -> bool {
        let coordinator = self.state().published.coordinator.parse().ok();
        let nodes: Vec<_> = self.handle.nodes().iter().map(|view| view.node).collect();
        is_witness(self.handle.node(), &nodes, coordinator)
    }

    async fn read_changes(&self) -> Result<(), StoreError> {
        let witnesses = self.is_witness();
        loop {
            let ask = self.state().memory.question(self.handle.0.now_ms(), witnesses);
            let told = self.ask(&ask).await?;
            let heard = {
                let mut state = self.state();
                let heard = state.memory.hear_changes(self.handle.0.now_ms(), &told);
                if let Told::Changes { tickets, now_ms, .. } = &told
                    && heard != Some(Heard::Anew)
                {
                    self.note(&mut state, tickets, *now_ms);
                }
                heard
            };
            match heard {
                Some(Heard::More) => {}
                Some(Heard::All) => return Ok(()),
                Some(Heard::Anew) => {
                    let (matches, tickets) = self.state().memory.untold();
                    info!(matches, tickets, "the store has begun anew: it is told what this node knows");
                    self.offer_again();
                    // What is read from now on is counted anew.
                    *self.coordinator() = None;
                    return Ok(());
                }
                None => return Err(StoreError::Nonsense("no changes".to_owned())),
            }
        }
    }

    /// Notes the store's time, and lets those know who wait for news.
    pub(super) fn note(&self, state: &mut State, tickets: &[Change], now_ms: u64) {
        self.handle.0.note_time(now_ms);
        for change in tickets {
            let Ok(id) = change.id.parse::<TicketId>() else { continue };
            state.sent.read(id, change.record.stage == Stage::Over || change.record.plays);
            if let Some(notify) = state.watchers.get(&id) {
                notify.notify_waiters();
            }
        }
        state.forget_watchers();
    }

    async fn read_published(&self) {
        let Ok(Some(text)) = self.handle.0.store.published("queues").await else { return };
        if let Ok(published) = serde_json::from_str::<Published>(&text) {
            self.state().published = published;
        }
    }

    /// Tells a store that has begun anew what it has not answered to yet: matches that started here and those of others
    /// that this node has seen, and tickets that have no match. What waits while others are asked goes in one call: all
    /// of it is told within the time of a lease.
    async fn tell(self: &Arc<Self>) {
        loop {
            let asks = self.state().memory.still_to_tell(self.handle.0.now_ms(), RETOLD_AT_ONCE);
            if asks.is_empty() {
                return;
            }
            let mut under_way = JoinSet::new();
            for ask in asks {
                let queue = self.clone();
                under_way.spawn(async move { (queue.ask(&ask).await, ask) });
            }
            let mut failed = None;
            while let Some(done) = under_way.join_next().await {
                match done {
                    Ok((Ok(told), ask)) => self.hear_told(&ask, &told),
                    Ok((Err(why), _)) => failed = Some(why.to_string()),
                    Err(why) => failed = Some(why.to_string()),
                }
            }
            if let Some(why) = failed {
                let (matches, tickets) = self.state().memory.untold();
                warn!(
                    why,
                    matches, tickets, "the store does not hear what this node knows: it is told again"
                );
                return;
            }
        }
    }

    fn hear_told(&self, ask: &Ask, told: &Told) {
        debug!(?told, "a match or ticket is told again");
        if let (Ask::Retire { ticket, .. }, Told::Done) = (ask, told) {
            self.give_up([&*ticket.id]);
        }
        let refused = {
            let memory = &mut self.state().memory;
            let refused = memory.hear_told(self.handle.0.now_ms(), ask, told);
            refused.filter(|placed| memory.is_own(placed))
        };
        if let Some(placed) = refused {
            self.give_up(parts(&placed.tickets));
            self.close(&placed);
        }
    }

    /// Fetches the matches that are to be opened here.
    pub(super) async fn fetch(&self) {
        let mut turns = tokio::time::interval(LOOK_EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let node = self.handle.node().to_string();
        loop {
            turns.tick().await;
            let ask = Ask::Fetch { node: node.clone(), limit: FETCH_MAX };
            while self.placed.0.capacity() >= FETCH_MAX as usize {
                let Ok(Told::Matches { matches }) = self.ask(&ask).await else { break };
                let count = matches.len();
                for placed in matches {
                    let Some(found) = shared_match(&placed) else { continue };
                    self.state().memory.open(self.handle.0.now_ms(), placed);
                    // There is room for it.
                    let _ = self.placed.0.try_send(found);
                }
                if count < FETCH_MAX as usize {
                    break;
                }
            }
        }
    }
}
