//! `Effort`, how much one round does.

use crate::limits::{ROUND_LOOKS_MAX, ROUND_SEARCH_STEPS_MAX, TICKET_SEARCH_STEPS_MAX, WOKEN_LOOKS};

/// How much of a round's work is left. Counted and not timed: the same queue gives the same matches on every machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// Entries that may be read in a round.
    looks_max: usize,
    /// Steps of searches in a round.
    steps_max: u32,
    looks: usize,
    steps: u32,
    /// Steps of searches that are left for the ticket that is tried.
    ticket_steps: u32,
    /// Whether it may be searched through: in all of its lanes, or in none.
    may_search: bool,
}

impl Default for Effort {
    fn default() -> Self {
        Self {
            looks_max: ROUND_LOOKS_MAX,
            steps_max: ROUND_SEARCH_STEPS_MAX,
            looks: 0,
            steps: 0,
            ticket_steps: 0,
            may_search: false,
        }
    }
}

impl Effort {
    /// So much in a round.
    #[cfg(test)]
    pub(super) fn limit(&mut self, looks_max: usize, steps_max: u32) {
        (self.looks_max, self.steps_max) = (looks_max, steps_max);
    }

    /// A round begins, with the time that has passed: so many tickets were woken by it.
    pub(super) fn begin_round(&mut self, woken: usize) {
        (self.looks, self.steps) = (self.looks_max, self.steps_max);
        self.spend((WOKEN_LOOKS * woken).min(self.looks_max / 2));
    }

    /// A ticket is tried.
    pub(super) fn begin_ticket(&mut self) {
        (self.ticket_steps, self.may_search) = (TICKET_SEARCH_STEPS_MAX, self.has_steps());
    }

    /// So many entries were read, or something was done that takes as long.
    pub(super) fn spend(&mut self, looks: usize) {
        self.looks = self.looks.saturating_sub(looks);
    }

    /// Whether more tickets may be tried in this round.
    pub(super) fn is_left(&self) -> bool {
        self.looks > 0
    }

    /// Whether what was left over by earlier rounds may go on: it leaves something of a round to the others.
    pub(super) fn is_left_for_old(&self) -> bool {
        self.looks > self.looks_max / 4
    }

    /// Whether searches may begin in this round.
    pub(super) fn has_steps(&self) -> bool {
        self.steps > 0
    }

    /// Whether the ticket that is tried may be searched through in this round.
    pub(super) fn may_search(&self) -> bool {
        self.may_search
    }

    /// A search of at most so many steps, which are counted down; gives what it found.
    pub(super) fn search(&mut self, most: u32, search: impl FnOnce(&mut u32) -> bool) -> bool {
        let before = most.min(self.ticket_steps);
        let mut left = before;
        let found = search(&mut left);
        self.ticket_steps -= before - left;
        self.steps = self.steps.saturating_sub(before - left);
        self.spend((before - left) as usize);
        found
    }
}
