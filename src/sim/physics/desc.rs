//! `WorldDesc`, what a world is like.

use serde::{Deserialize, Serialize};

use crate::{Fx, SUBSTEPS_MAX, TICKS_PER_SECOND_MAX, Vec2};

/// What a world is like; part of its state. Of it only gravity ever changes, by [`World::set_gravity`].
///
/// [`World::set_gravity`]: crate::World::set_gravity
///
/// ```
/// use framekeep_sim::{Vec2, WorldDesc};
/// let desc = WorldDesc { half_extent: Vec2::from_ints(20, 12), ..WorldDesc::default() };
/// assert!(desc.walls);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorldDesc {
    /// Half the width and height: the world reaches from `-half_extent` to `half_extent`. At least 1 each.
    pub half_extent: Vec2,
    /// Acceleration of every dynamic body, in units per second per second.
    pub gravity: Vec2,
    /// Side of the cells in which neighbours are looked for; 0 chooses it from the bodies' sizes at every
    /// step. It changes the speed and nothing else: where cells of this side would hold so many bodies that pairs were
    /// left out, it is chosen all the same.
    pub cell: Fx,
    /// Steps per second, 1 to [`TICKS_PER_SECOND_MAX`].
    pub ticks_per_second: u16,
    /// Most bodies at one time, up to [`BODIES_MAX`](crate::BODIES_MAX).
    pub bodies_max: u16,
    /// Parts into which a step is cut, 1 to [`SUBSTEPS_MAX`]: more make piles and joints firmer and cost time.
    pub substeps: u8,
    /// Whether bodies that rest fall asleep, which makes them next to free.
    pub sleep: bool,
    /// Whether bodies bounce off the border. Without walls they may leave, up to ±32,767 units from the middle.
    pub walls: bool,
}

impl Default for WorldDesc {
    /// 32 by 32 units with walls, no gravity, 30 ticks per second, at most 1,024 bodies.
    fn default() -> Self {
        Self {
            half_extent: Vec2::from_ints(16, 16),
            gravity: Vec2::ZERO,
            cell: Fx::ZERO,
            ticks_per_second: 30,
            bodies_max: 1_024,
            substeps: 4,
            sleep: true,
            walls: true,
        }
    }
}

impl WorldDesc {
    /// The nearest description that keeps the bounds of every field.
    #[must_use]
    pub fn sanitised(mut self) -> Self {
        self.half_extent.x = self.half_extent.x.abs().max(Fx::ONE);
        self.half_extent.y = self.half_extent.y.abs().max(Fx::ONE);
        self.cell = self.cell.max(Fx::ZERO);
        self.ticks_per_second = self.ticks_per_second.clamp(1, TICKS_PER_SECOND_MAX);
        self.substeps = self.substeps.clamp(1, SUBSTEPS_MAX);
        self
    }

    /// Bodies that meet more slowly do not bounce: half a unit per second; with gravity, two ticks' worth of
    /// it at least, so that what lies on the ground lies still.
    pub(crate) fn bounce_speed_min(&self) -> Fx {
        let gravity = i64::from(self.gravity.length().to_bits());
        Fx::from_wide((gravity * self.tick_seconds()) >> 31).max(Fx::HALF)
    }

    /// A substep in 1/2³² of a second.
    pub(crate) fn substep_seconds(&self) -> i64 {
        self.tick_seconds() / i64::from(self.substeps.max(1))
    }

    /// One second divided by the tick rate, in 1/2³² of a second.
    pub(crate) fn tick_seconds(&self) -> i64 {
        (1 << 32) / i64::from(self.ticks_per_second.max(1))
    }
}
