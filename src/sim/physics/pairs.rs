//! Which shapes may touch.

use super::Filter;
use super::grid::Grid;
use super::near::Near;
use super::proxy::{Proxies, Proxy};
use super::sides::Sides;
use super::sieve::sift;
use super::spot::{LISTED, MOVES, OPEN, PUSHED, SENSOR, Spot};
use super::state::State;

/// Most pairs per shape that are looked at in one step; more only exist where bodies lie in each other.
const PAIRS_PER_SHAPE_MAX: usize = 16;
/// What every world may find, however few its bodies.
const PAIRS_MIN: usize = 64;

/// Most pairs of so many shapes that are looked at in one step, and most of them with sensors besides.
pub(crate) const fn pairs_max(shapes: usize) -> usize {
    shapes * PAIRS_PER_SHAPE_MAX + PAIRS_MIN
}

/// The pairs of slots that do not meet, the lower one first, sorted.
#[derive(Clone, Copy)]
pub(crate) struct Apart<'a>(pub(crate) &'a [[u16; 2]]);

impl Apart<'_> {
    pub(crate) fn has(self, a: u16, b: u16) -> bool {
        !self.0.is_empty() && self.0.binary_search(&[a.min(b), a.max(b)]).is_ok()
    }
}

/// Two shapes, that of the lower slot first.
#[inline(always)]
pub(crate) fn in_order<'a>(one: &'a Proxy, other: &'a Proxy) -> (&'a Proxy, &'a Proxy) {
    if (one.slot, one.sub) < (other.slot, other.sub) { (one, other) } else { (other, one) }
}

/// Whether anything comes of it if two shapes touch.
#[inline(always)]
pub(crate) fn may_meet(state: &State, apart: Apart, a: &Proxy, b: &Proxy) -> bool {
    let either = a.traits | b.traits;
    if a.slot == b.slot || either & MOVES == 0 || either & (PUSHED | SENSOR) == 0 {
        return false;
    }
    let filter = |proxy: &Proxy| state.blueprints.brief(proxy.kind).filter;
    (a.traits & b.traits & OPEN != 0 || filter(a).meets(filter(b))) && !apart.has(a.slot, b.slot)
}

/// For each pair that may be found, how many may be looked at of a kind of which no more may be.
const LOOKS_IN_VAIN: usize = 16;

/// How many pairs may still be found in a step. Those with sensors are counted for themselves: they push nothing, and
/// however many there are, what is stood on is found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pushes: usize,
    sensors: usize,
    /// Pairs that may be looked at in vain: where all of a crowd are in one place, the few of the other kind are not
    /// searched among all its pairs.
    looks: usize,
}

impl Budget {
    pub(crate) const fn of(shapes: usize) -> Self {
        let most = pairs_max(shapes);
        Self { pushes: most, sensors: most, looks: LOOKS_IN_VAIN * most }
    }

    /// Counts a pair as found.
    #[inline(always)]
    pub(crate) const fn spend(&mut self, sensor: bool) {
        let left = if sensor { &mut self.sensors } else { &mut self.pushes };
        *left = left.saturating_sub(1);
    }

    /// Whether no more of the kind may be found; then it was looked at in vain.
    #[inline(always)]
    pub(crate) const fn is_spent_for(&mut self, sensor: bool) -> bool {
        let is_spent = if sensor { self.sensors == 0 } else { self.pushes == 0 };
        self.looks -= (is_spent && self.looks > 0) as usize;
        is_spent
    }

    pub(crate) const fn is_any_spent(&self) -> bool {
        self.pushes == 0 || self.sensors == 0
    }

    const fn is_spent(&self) -> bool {
        self.looks == 0 || self.pushes == 0 && self.sensors == 0
    }
}

/// The search for pairs in one step.
pub(crate) struct Search<'a, F> {
    pub(crate) state: &'a State,
    pub(crate) proxies: &'a Proxies,
    pub(crate) grid: &'a Grid,
    pub(crate) near: &'a mut Near,
    /// Pairs of slots that do not meet, sorted.
    pub(crate) apart: &'a [[u16; 2]],
    pub(crate) left: Budget,
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
    /// Calls `found` for every two shapes whose boxes touch and that meet, at least one of which moves. Large shapes
    /// come first: where there are too many pairs, those with the ground are not the ones that are left out.
    pub(crate) fn run(mut self) {
        self.run_large();
        if self.left.is_spent() {
            return;
        }
        let grid = self.grid;
        let (spots, small_half) = (grid.spots(), grid.small_half());
        let mut near = core::mem::take(self.near);
        near.for_each_pair(grid, |pairs| {
            let kept = sift(spots, pairs, small_half);
            pairs[..kept].iter().all(|&pair| {
                let [a, b] = pair.map(|place| &spots[usize::from(place)]);
                self.meet_spots(a, b);
                !self.left.is_spent()
            })
        });
        *self.near = near;
    }

    fn run_large(&mut self) {
        let grid = self.grid;
        for (index, spot) in grid.large().iter().enumerate() {
            let large = self.proxies.of(self.state, spot);
            let (low, high) = large.corners();
            let filter = self.state.blueprints.brief(large.kind).filter;
            // What does not move meets what does; and who has the filter that all have need not be asked for it.
            let needed = !large.traits & MOVES;
            let unmet = if filter.meets(Filter::ALL) { 0 } else { OPEN };
            let mut sides = Sides::of(self.state, self.proxies, &large);
            for other in grid.within(low, high).chain(&grid.large()[index + 1..]) {
                let cares = other.traits & (needed | unmet) == needed;
                if cares && !sides.leave_out(other) && spot.boxes_touch(other) {
                    self.meet(&large, &self.proxies.of(self.state, other));
                    if self.left.is_spent() {
                        return;
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn meet_spots(&mut self, a: &Spot, b: &Spot) {
        if a.are_discs(b) && self.apart.is_empty() {
            let (a, b) = if a.shape < b.shape { (a, b) } else { (b, a) };
            if !self.left.is_spent_for(false) && (self.found)(Found::Discs(a, b)) {
                self.spend(false);
            }
            return;
        }
        self.meet_shapes(a, b);
    }

    #[inline(never)]
    fn meet_shapes(&mut self, a: &Spot, b: &Spot) {
        let list = &self.proxies.list;
        if a.traits & b.traits & LISTED != 0 {
            return self.meet(&list[usize::from(a.shape)], &list[usize::from(b.shape)]);
        }
        let (a, b) = (self.proxies.of(self.state, a), self.proxies.of(self.state, b));
        self.meet(&a, &b);
    }

    #[inline]
    fn meet(&mut self, one: &Proxy, other: &Proxy) {
        let (a, b) = in_order(one, other);
        let sensor = (a.traits | b.traits) & SENSOR != 0;
        let meets = may_meet(self.state, Apart(self.apart), a, b);
        if meets && !self.left.is_spent_for(sensor) && (self.found)(Found::Shapes(a, b)) {
            self.spend(sensor);
        }
    }

    #[inline(always)]
    fn spend(&mut self, sensor: bool) {
        self.left.spend(sensor);
        if self.left.pushes == 0 && !sensor {
            self.see_whether_all_is_found();
        }
    }

    /// What has no sensors need not be searched any further for them.
    #[cold]
    fn see_whether_all_is_found(&mut self) {
        if !self.grid.all().any(|spot| spot.traits & SENSOR != 0) {
            self.left.sensors = 0;
        }
    }
}
