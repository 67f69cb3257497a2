//! Which shapes may touch.

use super::grid::Grid;
use super::near::Near;
use super::proxy::{Proxies, Proxy};
use super::sieve::sift;
use super::spot::{DISC, LISTED, MOVES, OPEN, PUSHED, SENSOR, Spot};
use super::state::State;
use super::vicinity::Vicinity;

/// Most pairs per shape that are looked at in one step; more only exist where bodies lie in each other.
const PAIRS_PER_SHAPE_MAX: usize = 16;
/// What every world may find, however few its bodies.
const PAIRS_MIN: usize = 64;

/// Most pairs of so many shapes that are looked at in one step.
pub(crate) const fn pairs_max(shapes: usize) -> usize {
    shapes * PAIRS_PER_SHAPE_MAX + PAIRS_MIN
}

/// The search for pairs in one step.
pub(crate) struct Search<'a, F> {
    pub(crate) state: &'a State,
    pub(crate) proxies: &'a Proxies,
    pub(crate) grid: &'a Grid,
    pub(crate) near: &'a mut Near,
    /// Pairs of slots that do not meet, sorted.
    pub(crate) apart: &'a [[u16; 2]],
    /// Called for two shapes that may touch, that of the lower slot first; tells whether they count.
    pub(crate) found: F,
}

/// Two shapes that may touch, that of the lower slot first.
pub(crate) enum Found<'a> {
    /// Two discs that both move.
    Discs(&'a Spot, &'a Spot),
    /// Any others.
    Shapes(&'a Proxy, &'a Proxy),
}

impl<F: FnMut(Found) -> bool> Search<'_, F> {
    /// Calls `found` for every two shapes whose boxes touch and that meet, at least one of which moves.
    pub(crate) fn run(mut self) {
        let grid = self.grid;
        let mut left = pairs_max(grid.spots().len() + grid.large().len());
        let (spots, small_half) = (grid.spots(), grid.small_half());
        let mut near = core::mem::take(self.near);
        near.for_each_pair(grid, |pairs| {
            let kept = sift(spots, pairs, small_half);
            pairs[..kept].iter().all(|&pair| {
                let [a, b] = pair.map(|place| &spots[usize::from(place)]);
                left -= usize::from(self.meet_spots(a, b));
                left > 0
            })
        });
        *self.near = near;
        for (index, spot) in grid.large().iter().enumerate() {
            let large = self.proxies.of(self.state, spot);
            let (low, high) = large.corners();
            for other in grid.within(low, high).chain(&grid.large()[index + 1..]) {
                if left == 0 {
                    return;
                }
                if spot.boxes_touch(other) {
                    left -= usize::from(self.meet(&large, &self.proxies.of(self.state, other)));
                }
            }
        }
    }

    /// As [`Self::run`], where all pairs of which the boxes touch are known; false if there are more than are looked at
    /// in a step.
    pub(crate) fn run_among(mut self, vicinity: &Vicinity) -> bool {
        let (small, large) = (self.grid.drafts(), self.grid.large());
        let mut left = pairs_max(small.len() + large.len());
        vicinity.all(|pair| {
            let [one, other] = pair.map(usize::from);
            let met = match (small.get(one), small.get(other)) {
                (Some(a), Some(b)) => a.may_touch(b) && self.meet_spots(a, b),
                (a, b) => {
                    let spot = |number: usize, small: Option<&Spot>| match small {
                        Some(small) => self.proxies.of(self.state, small),
                        None => self.proxies.of(self.state, &large[number - self.grid.drafts().len()]),
                    };
                    let (a, b) = (spot(one, a), spot(other, b));
                    self.meet(&a, &b)
                }
            };
            left -= usize::from(met);
            left > 0
        })
    }

    #[inline(always)]
    fn meet_spots(&mut self, a: &Spot, b: &Spot) -> bool {
        if a.traits & b.traits & (DISC | MOVES | OPEN) == DISC | MOVES | OPEN && self.apart.is_empty() {
            let (a, b) = if a.shape < b.shape { (a, b) } else { (b, a) };
            return (self.found)(Found::Discs(a, b));
        }
        self.meet_shapes(a, b)
    }

    #[inline(never)]
    fn meet_shapes(&mut self, a: &Spot, b: &Spot) -> bool {
        let list = &self.proxies.list;
        if a.traits & b.traits & LISTED != 0 {
            return self.meet(&list[usize::from(a.shape)], &list[usize::from(b.shape)]);
        }
        let (a, b) = (self.proxies.of(self.state, a), self.proxies.of(self.state, b));
        self.meet(&a, &b)
    }

    #[inline]
    fn meet(&mut self, one: &Proxy, other: &Proxy) -> bool {
        let (a, b) = if (one.slot, one.sub) < (other.slot, other.sub) { (one, other) } else { (other, one) };
        let either = a.traits | b.traits;
        if a.slot == b.slot || either & MOVES == 0 || either & (PUSHED | SENSOR) == 0 {
            return false;
        }
        let filter = |proxy: &Proxy| self.state.blueprints.brief(proxy.kind).filter;
        (a.traits & b.traits & OPEN != 0 || filter(a).meets(filter(b)))
            && (self.apart.is_empty() || self.apart.binary_search(&[a.slot, b.slot]).is_err())
            && (self.found)(Found::Shapes(a, b))
    }
}
