//! What a match tells and asks.

use framekeep_sim::Tick;

/// Why predicted ticks were played again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Another seat did something else than was guessed.
    WrongGuess {
        /// The first seat, in seat order, that was guessed wrong.
        seat: u8,
    },
    /// The own input was committed otherwise than it was made: it reached the server too late.
    LateInput,
    /// A snapshot replaced the confirmed state.
    Snapshot,
}

/// What happened in a match; polled, in order. Nobody has to look, except at [`RollbackEvent::NeedSnapshot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RollbackEvent {
    /// A tick is confirmed: `hash` is that of the state after all frames below `tick`.
    Confirmed {
        /// How many frames the state has seen.
        tick: Tick,
        /// Its hash.
        hash: u64,
    },
    /// Predicted ticks were played again.
    RolledBack {
        /// The first tick that was played again.
        from: Tick,
        /// How many ticks had been predicted on top of the wrong one, itself included.
        depth: u32,
        /// Why.
        cause: Cause,
    },
    /// The prediction is as far ahead as it may be: the game stands still until frames arrive. Told once a stall.
    Stalled {
        /// The tick that would have been predicted next.
        at: Tick,
    },
    /// A snapshot stands in for ticks that were not played through: their game events are not told.
    Skipped {
        /// The first of them.
        from: Tick,
        /// The first tick after them.
        to: Tick,
    },
    /// The frames in between are gone: ask the server for a snapshot (`ToServer::NeedSnapshot`).
    NeedSnapshot {
        /// The tick that is missing.
        from: Tick,
    },
}
