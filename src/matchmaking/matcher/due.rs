//! `Due`, whose turn it is.

use std::collections::VecDeque;

use crate::limits::PRIORITY_MAX;
use crate::queue::{Queue, Slot};

/// A ticket in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    queued_at_ms: u64,
    seq: u64,
    slot: Slot,
}

/// Tickets that are to be tried. They go in passes: all that are due when one begins are tried before any that come
/// later, however many rounds it takes, so that nobody waits for ever behind others that come again and again.
#[derive(Clone, Debug, Default)]
pub(super) struct Due {
    pass: VecDeque<Place>,
    /// Those of the next pass, by priority.
    next: [Vec<Place>; PRIORITY_MAX as usize + 1],
    /// Those whose choices are to be searched through, the first to come first.
    searches: VecDeque<Place>,
}

impl Due {
    /// A ticket is to be tried.
    pub(super) fn add(&mut self, slot: Slot, queue: &Queue) {
        let priority = queue.hot[slot as usize].priority;
        self.next[usize::from(priority)].push(Place::of(slot, queue));
    }

    /// The choices of a ticket are to be searched through.
    pub(super) fn add_search(&mut self, slot: Slot, queue: &Queue) {
        self.searches.push_back(Place::of(slot, queue));
    }

    /// The next to be tried: the highest priority first, then the oldest.
    pub(super) fn next(&mut self, queue: &Queue) -> Option<Slot> {
        loop {
            if self.pass.is_empty() {
                for places in self.next.iter_mut().rev() {
                    places.sort_unstable();
                    self.pass.extend(places.drain(..));
                }
            }
            let place = self.pass.pop_front()?;
            if place.is_held(queue) {
                return Some(place.slot);
            }
        }
    }

    /// Whether nobody is to be tried or searched through.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.pass.is_empty() && self.searches.is_empty() && self.next.iter().all(Vec::is_empty)
    }

    /// The next to be searched through.
    pub(super) fn next_search(&mut self, queue: &Queue) -> Option<Slot> {
        loop {
            let place = self.searches.pop_front()?;
            if place.is_held(queue) {
                return Some(place.slot);
            }
        }
    }
}

impl Place {
    fn of(slot: Slot, queue: &Queue) -> Self {
        Self { queued_at_ms: queue.hot[slot as usize].queued_at_ms, seq: queue.card(slot).seq, slot }
    }

    /// Whether the place in memory is still that of the ticket.
    fn is_held(&self, queue: &Queue) -> bool {
        queue.card(self.slot).seq == self.seq
    }
}
