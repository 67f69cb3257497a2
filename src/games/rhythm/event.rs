//! `RhythmEvent`, what to tell people about a tick.

use serde::{Deserialize, Serialize};

use crate::rhythm::Judgement;

/// What happened in a tick, in the order of seats and lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RhythmEvent {
    /// A note was hit, or can no longer be.
    Judged {
        /// Whose stroke.
        seat: u8,
        /// Where, 0 to 3.
        lane: u8,
        /// How well.
        judgement: Judgement,
        /// Eighths of a tick after the note; negative is early; 0 for a miss.
        late_eighths: i8,
    },
    /// A hold was kept to its end.
    HoldCompleted {
        /// Whose.
        seat: u8,
        /// Where, 0 to 3.
        lane: u8,
    },
    /// A hold was let go too early, or never begun.
    HoldDropped {
        /// Whose.
        seat: u8,
        /// Where, 0 to 3.
        lane: u8,
    },
    /// A run of hits ended: by a miss, a dropped hold or a stroke that met no note.
    ComboBroken {
        /// Whose.
        seat: u8,
        /// How long it was; at least 1.
        combo: u32,
    },
}
