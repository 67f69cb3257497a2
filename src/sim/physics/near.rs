//! `Near`, for each body which of the next ones may touch it: the wide, branch-free part of the search for
//! pairs.

use alloc::vec::Vec;
use core::ops::Range;

use super::grid::{Grid, LANES, Lanes};

/// Most neighbours per body, on average, that are compared in one step: bounds what bodies that all lie in
/// one place can cost.
const NEIGHBOURS_PER_BODY_MAX: usize = 512;

/// For the body at one place of the grid, which bodies may touch it.
#[derive(Clone, Copy, Debug, Default)]
struct Neighbourhood {
    /// Of the places after its own.
    beside: Lanes,
    /// Of the places from `above_start` on.
    above: Lanes,
    above_start: u16,
    above_end: u16,
    beside_end: u16,
    /// Whether there are more places than lanes.
    crowded: bool,
}

/// For each body which of the next ones may touch it.
#[derive(Debug, Default)]
pub(crate) struct Near {
    by_place: Vec<Neighbourhood>,
}

impl Near {
    /// Compares every body with the next ones in its own cell, the one to the right and those in the row
    /// above.
    pub(crate) fn fill(&mut self, grid: &Grid) {
        let (places, columns) = (grid.shapes().len(), grid.columns());
        let mut left = places * NEIGHBOURS_PER_BODY_MAX;
        self.by_place.resize(places, Neighbourhood::default());
        for (place, near) in self.by_place.iter_mut().enumerate() {
            let (beside_end, above) = columns.neighbours(place);
            (near.beside_end, near.above_start, near.above_end) = (beside_end, above.start, above.end);
            columns.compare(place, place + 1, &mut near.beside);
            columns.compare(place, usize::from(above.start), &mut near.above);
            let longest = (usize::from(beside_end) - place - 1).max(above.len());
            near.crowded = longest > LANES;
            if near.crowded {
                left = left.saturating_sub(2 * longest);
                if left == 0 {
                    self.by_place.truncate(place);
                    return;
                }
            }
        }
    }

    /// Calls `found` for every two places that may touch, in order, until it returns false.
    #[inline]
    pub(crate) fn for_each_pair(&self, grid: &Grid, mut found: impl FnMut(usize, usize) -> bool) {
        for (place, near) in self.by_place.iter().enumerate() {
            let marks = u64::from_le_bytes(near.beside) | u64::from_le_bytes(near.above);
            if marks != 0 || near.crowded {
                let beside = place + 1..usize::from(near.beside_end);
                let above = usize::from(near.above_start)..usize::from(near.above_end);
                let mut found = |other| found(place, other);
                let first =
                    marked(&near.beside, &beside, &mut found) && marked(&near.above, &above, &mut found);
                let go_on = first
                    && (!near.crowded
                        || (rest(grid, place, beside, &mut found) && rest(grid, place, above, &mut found)));
                if !go_on {
                    return;
                }
            }
        }
    }
}

/// Calls `found` for the marked places of the first lanes of a range.
#[inline]
fn marked(lanes: &Lanes, range: &Range<usize>, found: &mut impl FnMut(usize) -> bool) -> bool {
    let mut marks = u64::from_le_bytes(*lanes);
    while marks != 0 {
        let place = range.start + marks.trailing_zeros() as usize / 8;
        if place < range.end && !found(place) {
            return false;
        }
        marks &= marks - 1;
    }
    true
}

/// Calls `found` for the places of a crowded range that may touch, after the first lanes.
#[inline(never)]
fn rest(grid: &Grid, place: usize, range: Range<usize>, found: &mut impl FnMut(usize) -> bool) -> bool {
    (range.start + LANES..range.end).step_by(LANES).all(|from| {
        let mut lanes = Lanes::default();
        grid.columns().compare(place, from, &mut lanes);
        marked(&lanes, &(from..range.end), found)
    })
}
