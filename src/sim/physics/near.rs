//! `Near`, for each body which of the next ones may touch it: the wide, branch-free part of the search for
//! pairs.

use alloc::vec::Vec;
use core::ops::Range;

use super::grid::{Grid, LANES, Lanes};

/// Most neighbours per body, on average, that are compared in one step: bounds what bodies that all lie in
/// one place can cost.
const NEIGHBOURS_PER_BODY_MAX: usize = 512;
/// Pairs that are gathered before they are looked at.
const PAIRS: usize = 2_048;
/// The most that one body adds at once.
const PAIRS_AT_ONCE: usize = 2 * LANES + 2;

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
    pairs: Pairs,
}

/// Two places whose boxes touch.
pub(crate) type Places = [u16; 2];

/// Pairs of places that are to be looked at.
#[derive(Debug, Default)]
struct Pairs {
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
    /// Compares every body with the next ones in its own cell, the one to the right and those in the row
    /// above.
    #[inline(never)]
    pub(crate) fn fill(&mut self, grid: &Grid) {
        let (places, columns) = (grid.spots().len(), grid.columns());
        let mut left = places * NEIGHBOURS_PER_BODY_MAX;
        let shapes = places + grid.large().len();
        self.by_place.reserve(shapes.saturating_sub(self.by_place.len()));
        self.by_place.resize(places, Neighbourhood::default());
        for (place, near) in self.by_place.iter_mut().enumerate() {
            let (beside_end, above) = columns.neighbours(place);
            (near.beside_end, near.above_start, near.above_end) = (beside_end, above.start, above.end);
            columns.compare(place, place + 1, &mut near.beside);
            columns.compare(place, usize::from(above.start), &mut near.above);
            let longest = longest(place, beside_end, &above);
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

    /// Calls `look` for all pairs of places that may touch, in order and some at a time, until it returns false. It may
    /// change what it is given.
    pub(crate) fn for_each_pair(&mut self, grid: &Grid, mut look: impl FnMut(&mut [Places]) -> bool) {
        let pairs = &mut self.pairs;
        pairs.list.resize(PAIRS + 2 * PAIRS_AT_ONCE, [0; 2]);
        pairs.count = 0;
        for (place, near) in self.by_place.iter().enumerate() {
            let beside = usize::from(near.beside_end) - place - 1;
            let above = usize::from(near.above_end - near.above_start);
            let marks = marks(&near.beside, beside) | marks(&near.above, above) << LANES;
            pairs.add(place, [place + 1, usize::from(near.above_start)], marks);
            if near.crowded {
                let rests = [(place + 1, beside), (usize::from(near.above_start), above)];
                if !rests.iter().all(|&(start, count)| pairs.rest(grid, place, start, count, &mut look)) {
                    return;
                }
            }
            if pairs.count >= PAIRS && !pairs.flush(&mut look) {
                return;
            }
        }
        pairs.flush(&mut look);
    }
}

impl Pairs {
    /// Adds the marked ones of two runs of places. Nearly always there are two at most: those are written without a
    /// question.
    #[inline(always)]
    fn add(&mut self, place: usize, starts: [usize; 2], marks: u32) {
        let other = |marks: u32| {
            let lane = marks.trailing_zeros() as usize;
            [place as u16, (starts[lane / LANES % 2] + lane % LANES) as u16]
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
            let (from, mut lanes) = (start + done, Lanes::default());
            grid.columns().compare(place, from, &mut lanes);
            let marks = marks(&lanes, count - done);
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

/// A bit for each of the first `count` lanes that is marked.
#[inline(always)]
fn marks(lanes: &Lanes, count: usize) -> u32 {
    let bits = (u64::from_le_bytes(*lanes).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32;
    bits & ((1 << count.min(LANES)) - 1)
}
