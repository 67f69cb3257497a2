//! What comes of time: limits widen, questions and tickets run out, what is over is forgotten.

use super::Matcher;
use crate::limits::{RETRY_EVERY_MS, WIDEN_EVERY_MS};
use crate::queue::Slot;
use crate::{Ended, Operation, TicketState};

impl Matcher {
    /// Lets time pass without forming matches: questions and tickets run out, and what is over is forgotten.
    pub fn wait(&mut self, now_ms: u64) {
        let operation = self.to_log(|| Operation::Wait);
        let done = self.logged(now_ms, operation, |it| {
            it.elapse(now_ms);
            Ok::<_, core::convert::Infallible>(())
        });
        let Ok(()) = done;
    }

    /// Whether anything is to be done when that time has come, be it that no matches are formed.
    #[must_use]
    pub fn is_due(&self, now_ms: u64) -> bool {
        let has_come = |at_ms: Option<u64>| at_ms.is_some_and(|at_ms| at_ms <= now_ms);
        has_come(self.asked.first().map(|(until_ms, _)| *until_ms))
            || has_come(self.queue.next_at())
            || has_come(self.settled.front().map(|(at_ms, _)| *at_ms))
    }

    /// Lets time pass; gives how many tickets were looked at again.
    pub(super) fn elapse(&mut self, now_ms: u64) -> usize {
        self.now_ms = self.now_ms.max(now_ms);
        while let Some(&(until_ms, of)) = self.asked.first()
            && until_ms <= self.now_ms
        {
            let silent = self.silent(of);
            self.fall_through(of, |slot| silent.contains(&slot).then_some(Ended::NoAnswer));
        }
        let mut count = 0;
        while let Some(woken) = self.queue.take_woken(self.now_ms) {
            count += woken.len();
            woken.into_iter().for_each(|slot| self.look_again(slot));
        }
        self.forget();
        while let Some(&(at_ms, of)) = self.settled.front()
            && at_ms <= self.now_ms
        {
            self.settled.pop_front();
            self.matches.remove(&of);
        }
        count
    }

    /// The time has come that was set for a waiting ticket.
    fn look_again(&mut self, slot: Slot) {
        // The same time may have been set twice.
        if self.queue.card(slot).state != TicketState::Waiting {
            return;
        }
        if self.expires_at(slot) <= self.now_ms {
            let pool = self.queue.record(slot).wish.pool;
            self.pools[pool].expired += 1;
            self.stop_waiting(slot);
            self.end(slot, Ended::Expired);
        } else {
            self.refresh(slot);
        }
    }

    /// Widens the limits of a waiting ticket to its age, lets it be tried, and sets when it is looked at again.
    pub(super) fn refresh(&mut self, slot: Slot) {
        let age_ms = self.age(slot);
        let record = self.queue.record(slot);
        let mode = &self.rules[record.wish.rules].mode;
        let allowed_ms = mode.latency_ms.at(age_ms);
        let near = record.wish.regions.iter().take_while(|(_, latency_ms)| *latency_ms <= allowed_ms).count();
        self.queue.hot[slot as usize].window = mode.rating.at(age_ms);
        for _ in self.queue.record(slot).near..near {
            self.enter_region(slot);
        }
        self.try_later(slot);
        self.queue.wake(slot, self.wake_at(slot));
    }

    /// A waiting ticket is tried in the next round that comes to it.
    pub(super) fn try_later(&mut self, slot: Slot) {
        if !std::mem::replace(&mut self.queue.hot[slot as usize].due, true) {
            self.due.add(slot, &self.queue);
        }
    }

    pub(super) fn age(&self, slot: Slot) -> u64 {
        self.now_ms - self.queue.hot[slot as usize].queued_at_ms
    }

    pub(super) fn expires_at(&self, slot: Slot) -> u64 {
        self.queue.hot[slot as usize].queued_at_ms + self.queue.record(slot).wish.expires_after_ms
    }

    /// When a ticket may start a match with free seats.
    pub(super) fn fewer_at(&self, slot: Slot) -> Option<u64> {
        let fewer = self.rules_of_ticket(slot).mode.fewer?;
        Some(self.queue.hot[slot as usize].queued_at_ms + fewer.after_ms)
    }

    /// When the limits of a ticket widen next; `None` if they are as wide as they get.
    pub(super) fn widens_at(&self, slot: Slot) -> Option<u64> {
        let (hot, record) = (&self.queue.hot[slot as usize], self.queue.record(slot));
        let mode = &self.rules[record.wish.rules].mode;
        let wider_window = hot.window < mode.rating.at(u64::MAX);
        let next_region = record.wish.regions.get(record.near);
        let wider_reach = next_region.is_some_and(|(_, ms)| *ms <= mode.latency_ms.at(u64::MAX));
        let next = self.age(slot) / WIDEN_EVERY_MS + 1;
        (wider_window || wider_reach).then(|| hot.queued_at_ms + next * WIDEN_EVERY_MS)
    }

    /// When a waiting ticket is looked at again.
    fn wake_at(&self, slot: Slot) -> u64 {
        let again = self.widens_at(slot).unwrap_or(self.now_ms + RETRY_EVERY_MS);
        let fewer = self.fewer_at(slot).filter(|at_ms| *at_ms > self.now_ms);
        again.min(self.expires_at(slot)).min(fewer.unwrap_or(u64::MAX)).max(self.now_ms + 1)
    }
}
