//! What every node does: it follows the changes of tickets, fetches the matches that are its own, and tells a store
//! that has forgotten something what it knows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use framekeep_matchmaking::TicketId;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::{debug, info};

use super::{ClusterQueue, KEPT_MAX, Published, State, shared_match};
use crate::StoreError;
use crate::board::{Ask, Change, Kept, Placed, Stage, Step, Told};
use crate::body::MatchBody;

/// How often changes and matches are asked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often it is read what the coordinator says to all.
const READ_EVERY: Duration = Duration::from_secs(1);

/// Changes that are asked for at once.
const CHANGES_MAX: u32 = 1_000;

/// Matches that are asked for at once.
const FETCH_MAX: u32 = 64;

/// How long a ticket that has a match is remembered while it is not known that its room is open: the store may forget
/// both. Longer than a coordinator waits for the room.
const KEPT_MATCHED: Duration = Duration::from_secs(60);

/// How long a match of another node is remembered whose room is open, and how many: the store may forget it when that
/// node is gone.
const THEIRS_KEPT: Duration = Duration::from_secs(10);
const THEIRS_MAX: usize = 50_000;

/// A store that has not answered for so long may be followed by another one.
const SILENCE: Duration = Duration::from_secs(1);

/// More than any change has as its number: asks for the newest only.
const NEWEST: u64 = 1 << 52;

/// Things that are told again at once.
const RETOLD_AT_ONCE: usize = 256;

/// Waits until one more may be told.
async fn room_for_one(under_way: &mut JoinSet<()>) {
    while under_way.len() >= RETOLD_AT_ONCE {
        under_way.join_next().await;
    }
}

impl State {
    /// Remembers a ticket that was taken in elsewhere, or the match of another node that it is in.
    fn witness(&mut self, id: TicketId, change: &Change) {
        let record = &change.record;
        if record.plays {
            if self.theirs.len() < THEIRS_MAX
                && !self.mine.contains_key(&record.of)
                && let Ok(placed) = serde_json::from_str::<Placed>(&change.body)
            {
                self.theirs.insert(placed.of.clone(), (placed, Instant::now()));
            }
            return;
        }
        if record.stage != Stage::Over && self.kept.len() < KEPT_MAX && !self.kept.contains_key(&id) {
            let kept = Kept {
                id: change.id.clone(),
                body: change.body.clone(),
                players: record.players.clone(),
                since_ms: record.since_ms.max(1),
            };
            self.kept.insert(id, (kept, None));
        }
    }
}

impl ClusterQueue {
    /// Follows the changes.
    pub(super) async fn follow(self: &Arc<Self>) {
        let mut turns = tokio::time::interval(LOOK_EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut cursor, mut store_since_ms, mut read) = (NEWEST, None, Instant::now());
        let mut witnesses = false;
        loop {
            turns.tick().await;
            let since_ms = self.handle.0.known().store_since_ms;
            if since_ms != store_since_ms {
                if store_since_ms.is_some() {
                    self.retell().await;
                    self.offer_again();
                    // What is read from now on is counted anew.
                    *self.coordinator() = None;
                    cursor = 0;
                }
                store_since_ms = since_ms;
            }
            if self.is_witness() != witnesses {
                witnesses = !witnesses;
                debug!(witnesses, "whether this node remembers tickets of others");
                // What was before is to be known as well.
                cursor = if witnesses { 0 } else { cursor };
            }
            // What is not answered now is asked again.
            if let Ok(next) = self.read_changes(cursor, witnesses).await {
                cursor = next;
            }
            if read.elapsed() >= READ_EVERY && !self.handle.is_coordinator() {
                read = Instant::now();
                self.read_published().await;
            }
        }
    }

    /// Whether this node remembers all tickets, though others took them in: of the nodes that do not coordinate the one
    /// with the lowest number. With the one that took a ticket in and the coordinator, which reads all, two nodes know
    /// it whichever of them is gone.
    fn is_witness(&self) -> bool {
        let coordinator = self.state().published.coordinator.clone();
        let nodes = self.handle.nodes();
        let others = nodes.iter().filter(|view| view.node.to_string() != coordinator);
        others.map(|view| view.node).min() == Some(self.handle.node())
    }

    async fn read_changes(&self, cursor: u64, bodies: bool) -> Result<u64, StoreError> {
        let mut after = cursor;
        loop {
            let ask = Ask::Changes { after, limit: CHANGES_MAX, bodies };
            let Told::Changes { tickets, last, newest, now_ms } = self.ask(&ask).await? else {
                return Err(StoreError::Nonsense("no changes".to_owned()));
            };
            self.note(&tickets, now_ms, bodies);
            if cursor == NEWEST {
                return Ok(newest);
            }
            after = last;
            if (tickets.len() as u32) < CHANGES_MAX {
                return Ok(after);
            }
        }
    }

    /// Notes what has changed, of all tickets where what they say is told, else of those that were taken in here.
    pub(super) fn note(&self, tickets: &[Change], now_ms: u64, bodies: bool) {
        let mut state = self.state();
        let own_ms = self.handle.0.now_ms();
        state.ahead_ms = i64::try_from(now_ms).unwrap_or(0) - i64::try_from(own_ms).unwrap_or(0);
        for change in tickets {
            let Ok(id) = change.id.parse::<TicketId>() else { continue };
            if bodies {
                state.witness(id, change);
            }
            match change.record.stage {
                Stage::Over => drop(state.kept.remove(&id)),
                // From now on its match is told, not the ticket.
                Stage::Matched if change.record.plays => drop(state.kept.remove(&id)),
                Stage::Matched => state.kept.get_mut(&id).into_iter().for_each(|(_, since)| {
                    since.get_or_insert_with(Instant::now);
                }),
                Stage::Waiting | Stage::Asked => {
                    state.kept.get_mut(&id).into_iter().for_each(|(_, since)| *since = None);
                }
            }
            if let Some(notify) = state.watchers.get(&id) {
                notify.notify_waiters();
            }
        }
        state.kept.retain(|_, (_, since)| since.is_none_or(|since| since.elapsed() < KEPT_MATCHED));
        if state.noted.replace(Instant::now()).is_some_and(|at| at.elapsed() > SILENCE) {
            // What the store knew before it fell silent may be missing in the next one.
            state.theirs.values_mut().for_each(|(_, since)| *since = Instant::now());
        }
        state.theirs.retain(|_, (_, since)| since.elapsed() < THEIRS_KEPT);
        // Nobody but the map knows those that nobody waits for.
        state.watchers.retain(|_, notify: &mut Arc<Notify>| Arc::strong_count(notify) > 1);
    }

    async fn read_published(&self) {
        let Ok(Some(text)) = self.handle.0.store.published("queues").await else { return };
        if let Ok(published) = serde_json::from_str::<Published>(&text) {
            self.state().published = published;
        }
    }

    /// Tells a store that has begun anew what this node knows and the store may not: matches that started here and
    /// those of others that it has seen, and tickets that have no match.
    async fn retell(self: &Arc<Self>) {
        let (mine, kept) = {
            let state = self.state();
            let started = state.mine.values().filter(|(placed, _)| placed.step == Step::Started);
            let started = started.chain(state.theirs.values());
            let started: Vec<_> = started.map(|(placed, _)| placed.clone()).collect();
            let kept: Vec<_> = state.kept.values().map(|(kept, _)| kept.clone()).collect();
            (started, kept)
        };
        info!(
            matches = mine.len(),
            tickets = kept.len(),
            "the store has begun anew: it is told what this node knows"
        );
        // What waits while others are asked goes in one call: all of it is told within the time of a lease.
        let mut under_way = JoinSet::new();
        for placed in mine {
            let queue = self.clone();
            room_for_one(&mut under_way).await;
            under_way.spawn(async move { queue.retell_match(placed).await });
        }
        // Matches first: a ticket that has one does not wait again.
        while under_way.join_next().await.is_some() {}
        for ticket in kept {
            let queue = self.clone();
            room_for_one(&mut under_way).await;
            under_way.spawn(async move {
                let told = queue.ask(&Ask::Submit { ticket, limit: u32::MAX }).await;
                debug!(?told, "a ticket is told again");
            });
        }
        while under_way.join_next().await.is_some() {}
    }

    async fn retell_match(&self, placed: Placed) {
        let tickets = MatchBody::read(&placed.body).map(|body| body.tickets).unwrap_or_default();
        let ask = Ask::Retell { placed: placed.clone(), tickets };
        if let Ok(Told::Gone) = self.ask(&ask).await
            && placed.node == self.handle.node().to_string()
        {
            self.close(&placed);
            self.state().mine.remove(&placed.of);
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
                    self.state().mine.insert(placed.of.clone(), (placed, Instant::now()));
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
