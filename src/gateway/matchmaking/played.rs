//! `Played`, the numbers of tickets that had their match: one that is sent again is not taken in again.

use std::collections::{HashMap, VecDeque};

use framekeep_matchmaking::limits::REMEMBERED_MS;
use framekeep_matchmaking::{MatchId, TicketId};

/// How long a number is remembered after its ticket is forgotten, in milliseconds, and how many are: as in a cluster
/// (`src/cluster/board.rs`).
const KEPT_MS: u64 = 1_800_000;
const KEPT_MAX: usize = 500_000;

/// Tickets that had their match.
#[derive(Debug, Default)]
pub(super) struct Played {
    matches: HashMap<TicketId, MatchId>,
    /// The oldest first, with when they are forgotten.
    order: VecDeque<(u64, TicketId)>,
}

impl Played {
    /// The match of a ticket, if it had one.
    pub(super) fn of(&self, id: TicketId) -> Option<MatchId> {
        self.matches.get(&id).copied()
    }

    /// A ticket has its match.
    pub(super) fn add(&mut self, now_ms: u64, id: TicketId, of: MatchId) {
        self.forget(now_ms, KEPT_MAX - 1);
        if self.matches.insert(id, of).is_none() {
            self.order.push_back((now_ms + REMEMBERED_MS + KEPT_MS, id));
        }
    }

    /// A ticket has no match after all.
    pub(super) fn remove(&mut self, id: TicketId) {
        if self.matches.remove(&id).is_some() {
            self.order.retain(|(_, other)| *other != id);
        }
    }

    /// Forgets what is too old, and the oldest of those that are too many.
    pub(super) fn forget(&mut self, now_ms: u64, most: usize) {
        while let Some((until_ms, id)) = self.order.front()
            && (*until_ms <= now_ms || self.order.len() > most)
        {
            self.matches.remove(id);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_forgotten_after_their_time_and_the_oldest_of_too_many() {
        let mut played = Played::default();
        for id in 0..=KEPT_MAX as u128 {
            played.add(7, TicketId(id), MatchId(1));
        }
        let known = |played: &Played, id: u128| played.of(TicketId(id)).is_some();
        assert_eq!((known(&played, 0), known(&played, 1), played.order.len()), (false, true, KEPT_MAX));
        played.forget(6 + REMEMBERED_MS + KEPT_MS, KEPT_MAX);
        assert!(known(&played, 1));
        played.forget(7 + REMEMBERED_MS + KEPT_MS, KEPT_MAX);
        assert!(!known(&played, 1) && played.matches.is_empty());
    }
}
