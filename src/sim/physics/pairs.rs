//! Which shapes may touch.

use super::grid::Grid;
use super::near::Near;
use super::proxy::{Proxies, Proxy};
use super::state::{DYNAMIC, State, is_moving};

/// Most pairs per shape that are looked at in one step; more only exist where bodies lie in each other.
const PAIRS_PER_SHAPE_MAX: usize = 16;
/// What every world may find, however few its bodies.
const PAIRS_MIN: usize = 64;

/// The search for pairs in one step.
pub(crate) struct Search<'a, F> {
    pub(crate) state: &'a State,
    pub(crate) proxies: &'a Proxies,
    pub(crate) grid: &'a Grid,
    pub(crate) near: &'a Near,
    /// Pairs of slots that do not meet, sorted.
    pub(crate) apart: &'a [[u16; 2]],
    /// Called for two shapes that may touch, that of the lower slot first; tells whether they count.
    pub(crate) found: F,
}

impl<F: FnMut(&Proxy, &Proxy) -> bool> Search<'_, F> {
    /// Calls `found` for every two shapes whose boxes touch and that meet, at least one of which moves.
    pub(crate) fn run(mut self) {
        let (grid, near, list) = (self.grid, self.near, &self.proxies.list);
        let mut left = list.len() * PAIRS_PER_SHAPE_MAX + PAIRS_MIN;
        near.for_each_pair(grid, |place, other| {
            let (a, b) = (grid.shapes()[place], grid.shapes()[other]);
            left -= usize::from(self.meet(&list[usize::from(a)], &list[usize::from(b)]));
            left > 0
        });
        for (index, &large) in grid.large().iter().enumerate() {
            let large = &list[usize::from(large)];
            let (low, high) = large.corners();
            let small = grid.runs(low, high).flat_map(|run| &grid.shapes()[run]);
            for &other in small.chain(&grid.large()[index + 1..]) {
                if left == 0 {
                    return;
                }
                left -= usize::from(self.meet(large, &list[usize::from(other)]));
            }
        }
    }

    #[inline]
    fn meet(&mut self, one: &Proxy, other: &Proxy) -> bool {
        let (a, b) = if (one.slot, one.sub) < (other.slot, other.sub) { (one, other) } else { (other, one) };
        if !a.touches(b) || a.slot == b.slot || !(is_moving(a.flags) | is_moving(b.flags)) {
            return false;
        }
        let (part_a, part_b) = (
            &self.state.blueprints.get(a.kind).blueprint.part,
            &self.state.blueprints.get(b.kind).blueprint.part,
        );
        let counts = (a.flags | b.flags) & DYNAMIC != 0 || part_a.sensor | part_b.sensor;
        counts
            && part_a.filter.meets(part_b.filter)
            && (self.apart.is_empty() || self.apart.binary_search(&[a.slot, b.slot]).is_err())
            && (self.found)(a, b)
    }
}
