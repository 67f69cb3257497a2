//! `Judgement`, how well a note was hit, and the windows that decide it.
//!
//! All windows are in eighths of a tick, about 4.2 ms at 30 ticks a second, and count to both sides of the note.

use serde::{Deserialize, Serialize};

/// Farthest from a note that is still perfect: 33 ms.
pub const PERFECT_EIGHTHS: u32 = 8;
/// Farthest from a note that is still great: 67 ms.
pub const GREAT_EIGHTHS: u32 = 16;
/// Farthest from a note that is still good: 117 ms. Farther away, the stroke does not meet the note.
pub const GOOD_EIGHTHS: u32 = 28;
/// How much before its end a hold may be let go: 117 ms.
pub const EARLY_RELEASE_EIGHTHS: u32 = 28;

/// How well a note was hit, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Judgement {
    /// Within [`PERFECT_EIGHTHS`].
    Perfect,
    /// Within [`GREAT_EIGHTHS`].
    Great,
    /// Within [`GOOD_EIGHTHS`].
    Good,
    /// Not at all.
    Miss,
}

impl Judgement {
    /// The judgement of a stroke `error` eighths before or after its note.
    #[must_use]
    pub const fn of(error: u32) -> Self {
        if error <= PERFECT_EIGHTHS {
            Self::Perfect
        } else if error <= GREAT_EIGHTHS {
            Self::Great
        } else if error <= GOOD_EIGHTHS {
            Self::Good
        } else {
            Self::Miss
        }
    }
}
