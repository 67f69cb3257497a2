//! Which bodies touch, in a fixed order.

use super::grid::{Entry, Grid};
use super::state::{ALIVE, DYNAMIC};
use super::touch::{Touch, touch};

/// Most touching pairs per body that are looked at in one step; more only exist where bodies lie in each other.
const PAIRS_PER_BODY_MAX: usize = 16;
/// Most neighbours per body, on average, that are looked at in one step.
const NEIGHBOURS_PER_BODY_MAX: usize = 512;
const PAIRS_MIN: usize = 64;

/// Two bodies that touch, the one in the lower slot first.
pub(crate) struct Pair<'a> {
    pub(crate) a: &'a Entry,
    pub(crate) b: &'a Entry,
    pub(crate) touch: Touch,
}

/// How much work is left for one step: bounds what bodies that all lie in each other can cost.
struct Budget {
    neighbours: usize,
    pairs: usize,
}

impl Budget {
    fn of(grid: &Grid) -> Self {
        let bodies = grid.entries().len() + grid.large().len();
        Self { neighbours: bodies * NEIGHBOURS_PER_BODY_MAX, pairs: bodies * PAIRS_PER_BODY_MAX + PAIRS_MIN }
    }

    #[inline]
    fn take(&mut self, neighbours: usize) -> bool {
        let enough = self.neighbours >= neighbours && self.pairs > 0;
        self.neighbours = self.neighbours.saturating_sub(neighbours);
        enough
    }
}

/// Calls `found` for every two bodies that touch and meet, at least one of which moves. The order depends on the
/// state only: by cell and slot, then the large ones.
pub(crate) fn for_each_pair(grid: &Grid, mut found: impl FnMut(&Pair<'_>)) {
    let mut budget = Budget::of(grid);
    for (index, entry) in grid.entries().iter().enumerate() {
        let (beside, above) = (grid.beside(index, entry.cell), grid.above(entry.cell));
        if !budget.take(beside.len() + above.len()) {
            return;
        }
        against(entry, beside, &mut budget, &mut found);
        against(entry, above, &mut budget, &mut found);
    }
    large_pairs(grid, &mut budget, &mut found);
}

fn large_pairs(grid: &Grid, budget: &mut Budget, found: &mut impl FnMut(&Pair<'_>)) {
    for (index, large) in grid.large().iter().enumerate() {
        let (low, high) = large.corners();
        for run in grid.runs(low, high) {
            if !budget.take(run.len()) {
                return;
            }
            against(large, run, budget, found);
        }
        let others = &grid.large()[index + 1..];
        if !budget.take(others.len()) {
            return;
        }
        against(large, others, budget, found);
    }
}

#[inline]
fn against(entry: &Entry, others: &[Entry], budget: &mut Budget, found: &mut impl FnMut(&Pair<'_>)) {
    for other in others {
        if entry.touches(other) {
            meet(entry, other, budget, found);
        }
    }
}

#[inline]
fn meet(one: &Entry, other: &Entry, budget: &mut Budget, found: &mut impl FnMut(&Pair<'_>)) {
    debug_assert!(one.flags & other.flags & ALIVE != 0);
    if (one.flags | other.flags) & DYNAMIC == 0 || !one.filter.meets(other.filter) || budget.pairs == 0 {
        return;
    }
    let (a, b) = if one.slot < other.slot { (one, other) } else { (other, one) };
    if let Some(touch) = touch(a, b) {
        budget.pairs -= 1;
        found(&Pair { a, b, touch });
    }
}
