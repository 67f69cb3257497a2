//! `Lanes`, numbers of several contacts that are computed at once.
//!
//! Whatever is computed is one loop over the lanes of arrays in memory, long enough not to be unrolled and without
//! branches, in which every product is one of two 32-bit numbers: that is what becomes instructions for vectors.

use super::row::{Offset, Velocity};
use crate::fx::clamp_to_i32;
use crate::root::UNIT_BITS;

/// Contacts that are solved at once.
pub(crate) const WIDTH: usize = 8;

const ROUND: i64 = 1 << (UNIT_BITS - 1);
const SPIN_BITS: u32 = 20;
const ARM_BITS: u32 = 16;

/// One number of each contact.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(32))]
pub(crate) struct Lanes(pub(crate) [i32; WIDTH]);

/// Velocities, or offsets, of one body of each contact.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bodies {
    x: Lanes,
    y: Lanes,
    spin: Lanes,
}

/// One direction in which the two bodies of each contact push each other, as
/// [`Row`](super::row::Row) but with the direction multiplied in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rows {
    pub(crate) arm_a: Lanes,
    pub(crate) arm_b: Lanes,
    /// The change of the velocity of each body for a change of speed, in 1/2³⁰.
    pub(crate) a_x: Lanes,
    pub(crate) a_y: Lanes,
    pub(crate) b_x: Lanes,
    pub(crate) b_y: Lanes,
    /// The same of the spin, in 1/2²⁰.
    pub(crate) spin_a: Lanes,
    pub(crate) spin_b: Lanes,
    /// By how much the speed was changed.
    pub(crate) total: Lanes,
}

impl Lanes {
    #[inline(always)]
    pub(crate) fn wide(&self, lane: usize) -> i64 {
        i64::from(self.0[lane])
    }
}

impl Bodies {
    #[inline(always)]
    pub(crate) fn velocities(list: &[Velocity], index: &[u32; WIDTH]) -> Self {
        let mut bodies = Self::default();
        for lane in 0..WIDTH {
            let one = &list[index[lane] as usize];
            (bodies.x.0[lane], bodies.y.0[lane], bodies.spin.0[lane]) = (one.x, one.y, one.spin);
        }
        bodies
    }

    #[inline(always)]
    pub(crate) fn offsets(list: &[Offset], index: &[u32; WIDTH]) -> Self {
        let mut bodies = Self::default();
        for lane in 0..WIDTH {
            let one = &list[index[lane] as usize];
            (bodies.x.0[lane], bodies.y.0[lane], bodies.spin.0[lane]) = (one.x, one.y, one.turn);
        }
        bodies
    }

    #[inline(always)]
    pub(crate) fn store(&self, list: &mut [Velocity], index: &[u32; WIDTH]) {
        for lane in 0..WIDTH {
            let (x, y, spin) = (self.x.0[lane], self.y.0[lane], self.spin.0[lane]);
            list[index[lane] as usize] = Velocity { x, y, spin, unused: 0 };
        }
    }
}

impl Rows {
    /// How fast the second body of a lane moves away from the first along a direction.
    #[inline(always)]
    pub(crate) fn speed(&self, (x, y): (i32, i32), a: &Bodies, b: &Bodies, lane: usize) -> i32 {
        let to_x = i64::from(b.x.0[lane].saturating_sub(a.x.0[lane]));
        let to_y = i64::from(b.y.0[lane].saturating_sub(a.y.0[lane]));
        let straight = i64::from(x) * to_x + i64::from(y) * to_y + ROUND;
        let turning = self.arm_b.wide(lane) * b.spin.wide(lane) - self.arm_a.wide(lane) * a.spin.wide(lane);
        clamp_to_i32((straight >> UNIT_BITS) + ((turning + (1 << (ARM_BITS - 1))) >> ARM_BITS))
    }

    /// Changes the speed in a lane.
    #[inline(always)]
    pub(crate) fn push(&self, a: &mut Bodies, b: &mut Bodies, change: i32, lane: usize) {
        let change = i64::from(change);
        let part = |share: &Lanes| ((share.wide(lane) * change + ROUND) >> UNIT_BITS) as i32;
        let turn = |share: &Lanes| (share.wide(lane) * change + (1 << (SPIN_BITS - 1))) >> SPIN_BITS;
        a.x.0[lane] = a.x.0[lane].saturating_sub(part(&self.a_x));
        a.y.0[lane] = a.y.0[lane].saturating_sub(part(&self.a_y));
        b.x.0[lane] = b.x.0[lane].saturating_add(part(&self.b_x));
        b.y.0[lane] = b.y.0[lane].saturating_add(part(&self.b_y));
        a.spin.0[lane] = clamp_to_i32(a.spin.wide(lane) - turn(&self.spin_a));
        b.spin.0[lane] = clamp_to_i32(b.spin.wide(lane) + turn(&self.spin_b));
    }
}
