//! Which bodies touch, in a fixed order.

use super::entry::Entry;
use super::grid::Grid;
use super::near::Near;
use super::state::{DYNAMIC, State};
use super::touch::{Touch, touch};

/// Most touching pairs per body that are looked at in one step; more only exist where bodies lie in each
/// other.
const PAIRS_PER_BODY_MAX: usize = 16;
/// What every world may find, however few its bodies.
const PAIRS_MIN: usize = 64;

/// Two bodies that touch, the one in the lower slot first.
pub(crate) struct Pair {
    pub(crate) a: Entry,
    pub(crate) b: Entry,
    pub(crate) touch: Touch,
}

/// The search for pairs in one step.
pub(crate) struct Search<'a, F> {
    state: &'a State,
    grid: &'a Grid,
    near: &'a Near,
    found: F,
    /// How many pairs may still be found.
    pairs_left: usize,
}

impl<'a, F: FnMut(&Pair)> Search<'a, F> {
    /// A search that calls `found` for every two bodies that touch and meet, at least one of which moves.
    pub(crate) fn new(state: &'a State, grid: &'a Grid, near: &'a Near, found: F) -> Self {
        let pairs_left = grid.bodies() * PAIRS_PER_BODY_MAX + PAIRS_MIN;
        Self { state, grid, near, found, pairs_left }
    }

    /// Searches. The order of the pairs depends on the state only: by cell and slot, then the large bodies.
    pub(crate) fn run(mut self) {
        let (grid, near) = (self.grid, self.near);
        near.for_each_pair(grid, |place, other| {
            self.meet(usize::from(grid.slots()[place]), usize::from(grid.slots()[other]));
            self.pairs_left > 0
        });
        for (index, &large) in grid.large().iter().enumerate() {
            self.large_pairs(usize::from(large), &grid.large()[index + 1..]);
        }
    }

    /// The pairs of a large body with the small ones and with `others`, which are large as well.
    fn large_pairs(&mut self, large: usize, others: &[u16]) {
        let (low, high) = Entry::of(self.state, large).corners();
        let grid = self.grid;
        let small = grid.runs(low, high).flat_map(|run| &grid.slots()[run]);
        for &other in small.chain(others) {
            if self.pairs_left == 0 {
                return;
            }
            self.meet(large, usize::from(other));
        }
    }

    fn meet(&mut self, one: usize, other: usize) {
        let (a, b) = (Entry::of(self.state, one.min(other)), Entry::of(self.state, one.max(other)));
        let moves = (a.flags | b.flags) & DYNAMIC != 0;
        if !moves || !a.touches(&b) || !a.filter.meets(b.filter) {
            return;
        }
        if let Some(touch) = touch(&a, &b, || self.state.way(b.slot) - self.state.way(a.slot)) {
            self.pairs_left -= 1;
            (self.found)(&Pair { a, b, touch });
        }
    }
}
