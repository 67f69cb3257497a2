//! `Routine`, whether a step has the contacts of the one before: those of a heap that lies as it lay.

use alloc::vec::Vec;

use super::blueprint::Edition;
use super::state::{Extra, Mass, State};

/// What the colours, masses and materials of the contacts of a step follow from, but for who meets.
#[derive(Debug, Default)]
pub(crate) struct Routine {
    known: bool,
    edition: Edition,
    flags: Vec<u8>,
    kinds: Vec<u16>,
    masses: Vec<Mass>,
    extras: Vec<Extra>,
}

impl Routine {
    /// Room for that many bodies.
    pub(crate) fn reserve(&mut self, slots: usize, extras: usize) {
        self.flags.reserve(slots.saturating_sub(self.flags.len()));
        self.kinds.reserve(slots.saturating_sub(self.kinds.len()));
        self.masses.reserve(slots.saturating_sub(self.masses.len()));
        self.extras.reserve(extras.saturating_sub(self.extras.len()));
    }

    /// The contacts of this step are nobody's.
    pub(crate) const fn forget(&mut self) {
        self.known = false;
    }

    /// The contacts of this step are those of a state.
    pub(crate) fn keep(&mut self, state: &State) {
        self.known = true;
        self.edition = state.blueprints.edition();
        self.flags.clear();
        self.flags.extend_from_slice(&state.flags);
        self.kinds.clear();
        self.kinds.extend_from_slice(&state.kinds);
        self.masses.clear();
        self.masses.extend_from_slice(&state.masses);
        self.extras.clear();
        self.extras.extend_from_slice(&state.extras);
    }

    /// Whether the contacts of the last step are those of a state in which the same shapes meet.
    pub(crate) fn is_of(&self, state: &State) -> bool {
        self.known
            && self.edition == state.blueprints.edition()
            && self.flags[..] == state.flags[..]
            && self.kinds[..] == state.kinds[..]
            && self.masses[..] == state.masses[..]
            && self.extras[..] == state.extras[..]
    }
}
