//! `Lanes`, numbers of several contacts that are computed at once.
//!
//! Whatever is computed is one loop over the lanes of arrays in memory, long enough not to be unrolled and without
//! branches, in which every product is one of two 32-bit numbers: that is what becomes instructions for vectors.

use super::row::{Offset, Velocity};

/// Contacts that are solved at once.
pub(crate) const WIDTH: usize = 8;

/// One number of each contact.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(32))]
pub(crate) struct Lanes(pub(crate) [i32; WIDTH]);

/// Velocities, or offsets, of one body of each contact.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bodies {
    pub(crate) x: Lanes,
    pub(crate) y: Lanes,
    pub(crate) spin: Lanes,
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
