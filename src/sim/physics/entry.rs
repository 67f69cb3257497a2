//! `Entry`, a body as the search for contacts sees it.

use super::state::{Filter, State};
use crate::{Fx, Vec2};

/// A body as the search for contacts sees it. Lengths in bits of [`Fx`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) half_x: i32,
    pub(crate) half_y: i32,
    pub(crate) filter: Filter,
    pub(crate) slot: u16,
    pub(crate) flags: u8,
}

impl Entry {
    /// The body in `slot`.
    #[inline]
    pub(crate) fn of(state: &State, slot: usize) -> Self {
        let (position, half) = (state.positions[slot], state.halves[slot]);
        Self {
            x: position.x.to_bits(),
            y: position.y.to_bits(),
            half_x: half.x.to_bits(),
            half_y: half.y.to_bits(),
            filter: state.filters[slot],
            slot: slot as u16,
            flags: state.flags[slot],
        }
    }

    /// The lower left and upper right corner of the box around the body.
    pub(crate) fn corners(&self) -> (Vec2, Vec2) {
        let centre = Vec2::new(Fx::from_bits(self.x), Fx::from_bits(self.y));
        let half = Vec2::new(Fx::from_bits(self.half_x), Fx::from_bits(self.half_y));
        (centre - half, centre + half)
    }

    /// Whether the boxes around two bodies touch.
    #[inline]
    pub(crate) fn touches(&self, other: &Self) -> bool {
        let x = self.x.abs_diff(other.x) <= (self.half_x + other.half_x).unsigned_abs();
        let y = self.y.abs_diff(other.y) <= (self.half_y + other.half_y).unsigned_abs();
        x & y
    }
}
