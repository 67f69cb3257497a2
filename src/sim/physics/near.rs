//! `Near`, for each shape which of the next ones may touch it: the wide part of the search for pairs.

use alloc::vec::Vec;
use core::ops::Range;

use super::grid::{Grid, LANES};

/// Most neighbours per body, on average, that are compared in one step: bounds what bodies that all lie in
/// one place can cost.
pub(crate) const NEIGHBOURS_PER_BODY_MAX: usize = 512;
/// Pairs that are gathered before they are looked at.
const PAIRS: usize = 2_048;
/// The most that one body adds at once.
const PAIRS_AT_ONCE: usize = 2 * LANES + 2;

/// Two places whose boxes touch.
pub(crate) type Places = [u16; 2];

/// Pairs of places that are to be looked at.
#[derive(Debug, Default)]
pub(crate) struct Near {
    list: Vec<Places>,
    count: usize,
}

/// How many are compared with the one at a place, of those beside it or of those above it.
fn longest(place: usize, beside_end: u16, above: &Range<u16>) -> usize {
    (usize::from(beside_end) - place - 1).max(above.len())
}

/// Whether so many shapes are beside each other that not all of them are going to be compared.
pub(crate) fn is_cut(grid: &Grid) -> bool {
    let (places, columns) = (grid.spots().len(), grid.columns());
    if 2 * places < NEIGHBOURS_PER_BODY_MAX {
        return false;
    }
    let mut left = places * NEIGHBOURS_PER_BODY_MAX;
    (0..places).any(|place| {
        let (beside_end, above) = columns.neighbours(place);
        let longest = longest(place, beside_end, &above);
        left = left.saturating_sub(if longest > LANES { 2 * longest } else { 0 });
        left == 0
    })
}

impl Near {
    /// Compares every shape with the next ones in its own cell, the one to the right and those in the row above. Calls
    /// `look` for all pairs of places that may touch, in order and some at a time, until it returns false. It may
    /// change what it is given.
    #[inline(always)]
    pub(crate) fn for_each_pair(&mut self, grid: &Grid, mut look: impl FnMut(&mut [Places]) -> bool) {
        self.list.resize(PAIRS + 2 * PAIRS_AT_ONCE, [0; 2]);
        self.count = 0;
        let (places, columns) = (grid.spots().len(), grid.columns());
        let mut left = places * NEIGHBOURS_PER_BODY_MAX;
        for place in 0..places {
            let (beside_end, above) = columns.neighbours(place);
            let starts = [place + 1, usize::from(above.start)];
            let counts = [usize::from(beside_end) - starts[0], above.len()];
            let beside = columns.touching(place, starts[0], counts[0]);
            let over = columns.touching(place, starts[1], counts[1]);
            let longest = longest(place, beside_end, &above);
            if longest > LANES {
                left = left.saturating_sub(2 * longest);
                if left == 0 {
                    break;
                }
            }
            self.add(place, starts, beside | over << LANES);
            if longest > LANES {
                let mut rest = |run: usize| self.rest(grid, place, starts[run], counts[run], &mut look);
                if !(rest(0) && rest(1)) {
                    return;
                }
            }
            if self.count >= PAIRS && !self.flush(&mut look) {
                return;
            }
        }
        self.flush(&mut look);
    }

    /// Adds the marked ones of two runs of places. Nearly always there are two at most: those are written without a
    /// question.
    #[inline(always)]
    fn add(&mut self, place: usize, starts: [usize; 2], marks: u32) {
        let other = |marks: u32| -> Places {
            let lane = marks.trailing_zeros() as usize;
            let other = if lane < LANES { starts[0] + lane } else { starts[1] + lane - LANES };
            // At once: of two halves, each would be written for itself.
            bytemuck::cast((place | other << u16::BITS) as u32)
        };
        let end = self.count + PAIRS_AT_ONCE;
        let Some(free) = self.list.get_mut(self.count..end) else { return };
        let mut rest = marks;
        free[0] = other(rest);
        rest &= rest.wrapping_sub(1);
        free[1] = other(rest);
        let mut at = 2;
        rest &= rest.wrapping_sub(1);
        while rest != 0 {
            free[at] = other(rest);
            at += 1;
            rest &= rest - 1;
        }
        self.count += marks.count_ones() as usize;
    }

    /// Adds those of a crowded run after the first lanes.
    #[inline(never)]
    fn rest(
        &mut self,
        grid: &Grid,
        place: usize,
        start: usize,
        count: usize,
        look: &mut impl FnMut(&mut [Places]) -> bool,
    ) -> bool {
        for done in (LANES..count).step_by(LANES) {
            let from = start + done;
            let marks = grid.columns().touching(place, from, count - done);
            if marks != 0 {
                self.add(place, [from; 2], marks);
                if self.count >= PAIRS && !self.flush(look) {
                    return false;
                }
            }
        }
        true
    }

    fn flush(&mut self, look: &mut impl FnMut(&mut [Places]) -> bool) -> bool {
        let count = core::mem::take(&mut self.count);
        look(&mut self.list[..count])
    }
}
