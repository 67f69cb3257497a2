//! `Tick`, the number of a simulation step.

use core::fmt;

use serde::{Deserialize, Serialize};

/// The number of a simulation step. The first frame of a match is tick 0; the state *before* it is the start state.
///
/// At 30 Hz a `u32` lasts four and a half years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tick(pub u32);

impl Tick {
    /// The tick after this one; stays at the largest tick.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// This tick moved later by `ticks`; stays at the largest tick.
    #[must_use]
    pub const fn later(self, ticks: u32) -> Self {
        Self(self.0.saturating_add(ticks))
    }

    /// This tick moved earlier by `ticks`; stays at zero.
    #[must_use]
    pub const fn earlier(self, ticks: u32) -> Self {
        Self(self.0.saturating_sub(ticks))
    }

    /// How many ticks this one is after `other`; zero if it is not.
    #[must_use]
    pub const fn since(self, other: Self) -> u32 {
        self.0.saturating_sub(other.0)
    }
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
