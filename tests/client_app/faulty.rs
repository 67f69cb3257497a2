//! `Faulty`, a game whose step depends on more than its state.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU32, Ordering};

use framekeep_sim::{Frame, Game, Input, Outcome};

/// How often any match was stepped: what a rule must never look at.
static STEPS: AtomicU32 = AtomicU32::new(0);

/// A game whose step depends on more than its state.
pub(super) enum Faulty {}

/// Nothing to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Nothing;

impl Input for Nothing {
    const BITS: u32 = 1;

    fn pack(self) -> u64 {
        0
    }

    fn unpack(_bits: u64) -> Self {
        Self
    }
}

impl Game for Faulty {
    const NAME: &'static str = "faulty";
    const VERSION: u32 = 1;
    const SEATS: RangeInclusive<u8> = 1..=2;

    type Config = ();
    type Input = Nothing;
    type State = u32;
    type Event = ();

    fn default_content() {}

    fn start((): &(), _seed: u64, _seats: u8) -> u32 {
        0
    }

    fn step((): &(), state: &mut u32, _frame: &Frame, _events: &mut Vec<()>) {
        *state = state.wrapping_add(STEPS.fetch_add(1, Ordering::Relaxed));
    }

    fn outcome((): &(), _state: &u32) -> Option<Outcome> {
        None
    }
}
