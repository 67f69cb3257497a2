//! Why a ticket has no match yet.

use super::Matcher;
use crate::limits::REMEMBERED_MS;
use crate::queue::Slot;
use crate::{Hindrance, Refused, TicketId, TicketState, Why};

impl Matcher {
    /// Why a ticket has no match yet, and what happens next, as of the last round.
    ///
    /// # Errors
    /// [`Refused::UnknownTicket`] if there is no such ticket.
    pub fn why(&self, now_ms: u64, id: TicketId) -> Result<Why, Refused> {
        let slot = self.queue.find(id).ok_or(Refused::UnknownTicket(id))?;
        let view = self.queue.view(slot);
        let wish = &self.queue.record(slot).wish;
        let mode = &self.rules[wish.rules].mode;
        // Who has a match, or is over, waits no more.
        let until_ms = self.queue.over_at(slot, REMEMBERED_MS).unwrap_or(now_ms.max(self.now_ms));
        let waited_ms = until_ms.saturating_sub(view.queued_at_ms);
        let (hindrance, unanswered) = match view.state {
            TicketState::Waiting => (self.hindrance(slot), Vec::new()),
            TicketState::Asked { of, .. } => {
                let mut missing = self.missing(of);
                let (there, of) = self.answers(of);
                let hindrance = Hindrance::Answers { there, of };
                missing.retain(|player| self.queue.of_player(*player) == Some(slot));
                (hindrance, missing)
            }
            TicketState::Matched { .. } | TicketState::Ended(_) => (Hindrance::None, Vec::new()),
        };
        let is_waiting = view.state == TicketState::Waiting;
        let usual_ms = self.pools[wish.pool].wait_ms(50).filter(|_| is_waiting);
        Ok(Why {
            view,
            waited_ms,
            hindrance,
            rating_allowed: mode.rating.limit_at(self.age(slot)),
            latency_allowed_ms: mode.latency_ms.limit_at(self.age(slot)),
            widens_at_ms: self.widens_at(slot).filter(|_| is_waiting),
            fewer_at_ms: self.fewer_at(slot).filter(|_| is_waiting),
            expires_at_ms: self.expires_at(slot),
            estimate_ms: Why::estimate(usual_ms, waited_ms),
            unanswered,
        })
    }

    /// What keeps a waiting ticket from a match, by the lane where most go with it.
    fn hindrance(&self, slot: Slot) -> Hindrance {
        let record = self.queue.record(slot);
        let rules = &self.rules[record.wish.rules];
        if record.near == 0 {
            let nearest_ms = record.wish.regions.first().map_or(0, |(_, latency_ms)| *latency_ms);
            return Hindrance::TooFar { nearest_ms, allowed_ms: rules.mode.latency_ms.at(self.age(slot)) };
        }
        if self.queue.stamps[slot as usize] > self.looked {
            return Hindrance::NotYet;
        }
        // Who of them goes with it, a node that forms no matches could not say.
        let players = self.lanes_of(slot).map(|lane| self.lanes[lane as usize].players).max();
        let (there, needed) =
            (u32::try_from(players.unwrap_or(0)).unwrap_or(u32::MAX), rules.mode.seats() as u32);
        let enough = there >= needed;
        let hot = &self.queue.hot[slot as usize];
        match (enough, hot.due || hot.searches) {
            (false, _) => Hindrance::TooFew { there, needed },
            (true, true) => Hindrance::Turn { there, needed },
            (true, false) => Hindrance::DoNotFit { there, needed },
        }
    }
}
