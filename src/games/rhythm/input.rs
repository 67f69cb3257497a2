//! `RhythmInput`, what one player does in one tick: which lanes are pressed and when in the tick. Seven bits.

use framekeep_sim::Input;

use crate::rhythm::LANES;

/// How finely a tick is divided: at 30 ticks a second an eighth is about 4.2 ms.
pub const EIGHTHS_PER_TICK: u32 = 8;

/// What one player does in one tick.
///
/// Lanes are a state, not strokes: a lane that stays pressed stays set, so an input that is used again because the
/// next one is late makes no stroke. Send an offset of 0 when no lane changes: equal inputs cost one bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RhythmInput {
    lanes: u8,
    offset: u8,
}

const LANE_MASK: u8 = (1 << LANES) - 1;
const OFFSET_SHIFT: u32 = LANES as u32;
const OFFSET_MASK: u8 = EIGHTHS_PER_TICK as u8 - 1;

impl RhythmInput {
    /// Bit `n` of `lanes` is set while lane `n` is pressed; what changed against the tick before did so `offset`
    /// eighths into the tick. Higher bits of both are dropped.
    #[must_use]
    pub const fn new(lanes: u8, offset: u8) -> Self {
        Self { lanes: lanes & LANE_MASK, offset: offset & OFFSET_MASK }
    }

    /// The pressed lanes, lane 0 in the lowest bit.
    #[must_use]
    pub const fn lanes(self) -> u8 {
        self.lanes
    }

    /// When in the tick the change happened, 0 to 7 eighths after its start.
    #[must_use]
    pub const fn offset(self) -> u8 {
        self.offset
    }
}

impl Input for RhythmInput {
    /// Bits 0 to 3 lanes, 4 to 6 offset.
    const BITS: u32 = 7;

    fn pack(self) -> u64 {
        u64::from(self.lanes) | u64::from(self.offset) << OFFSET_SHIFT
    }

    fn unpack(bits: u64) -> Self {
        Self::new(bits as u8, (bits >> OFFSET_SHIFT) as u8)
    }
}
