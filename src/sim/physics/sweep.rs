//! How far a bullet gets before it touches something: conservative advancement (Mirtich, "Impulse-based
//! Dynamic Simulation of Rigid Body Systems", 1996), for bodies that do not turn.

use super::entry::Entry;
use super::grid::Grid;
use super::state::{BOX, SENSOR, State};
use crate::root::sqrt_u64;
use crate::{Fx, Vec2};

/// Steps after which a bullet stops where it is, which is never beyond what it could have hit.
const STEPS_MAX: u32 = 32;

/// A body whose way is searched for obstacles.
pub(crate) struct Bullet {
    entry: Entry,
    position: Vec2,
    half: Vec2,
}

impl Bullet {
    /// The bullet in `slot`.
    pub(crate) fn of(state: &State, slot: usize) -> Self {
        Self { entry: Entry::of(state, slot), position: state.positions[slot], half: state.halves[slot] }
    }

    /// The part of `way` that the bullet can go until it touches a body where that was at the start of the
    /// step. What it touches from the beginning does not hold it: the solver has pushed those apart.
    pub(crate) fn free_way(&self, state: &State, grid: &Grid, way: Vec2) -> Vec2 {
        let length = way.length();
        if self.entry.flags & SENSOR != 0 || length <= self.half.x.min(self.half.y) {
            return way;
        }
        let end = self.position + way;
        let (x, y) = (self.position.x, self.position.y);
        let low = Vec2::new(x.min(end.x), y.min(end.y)) - self.half;
        let high = Vec2::new(x.max(end.x), y.max(end.y)) + self.half;
        let small = grid.runs(low, high).flat_map(|run| &grid.slots()[run]);
        let mut free = length;
        for &slot in small.chain(grid.large()) {
            let other = Entry::of(state, usize::from(slot));
            let (other_low, other_high) = other.corners();
            let near = (other_low.x <= high.x && other_high.x >= low.x)
                & (other_low.y <= high.y && other_high.y >= low.y);
            if near && self.is_held_by(&other) {
                free = self.free_until(&other, way, length, free);
            }
        }
        if free < length { self.part_of(way, length, free) } else { way }
    }

    fn is_held_by(&self, other: &Entry) -> bool {
        other.slot != self.entry.slot && other.flags & SENSOR == 0 && self.entry.filter.meets(other.filter)
    }

    fn part_of(&self, way: Vec2, length: Fx, part: Fx) -> Vec2 {
        let scale = |value: Fx| {
            let product = i64::from(value.to_bits()) * i64::from(part.to_bits());
            Fx::from_wide(product / i64::from(length.to_bits().max(1)))
        };
        Vec2::new(scale(way.x), scale(way.y))
    }

    /// How far the bullet gets along `way` before it touches `other`, `free` at most.
    fn free_until(&self, other: &Entry, way: Vec2, length: Fx, free: Fx) -> Fx {
        let step_min = (self.half.x.min(self.half.y) * Fx::from_ratio(1, 16)).max(Fx::STEP);
        let mut gone = Fx::ZERO;
        for step in 0..STEPS_MAX {
            let gap = self.gap(self.position + self.part_of(way, length, gone), other);
            if gap <= Fx::ZERO {
                return if step == 0 { free } else { gone };
            }
            gone += gap.max(step_min);
            if gone >= free {
                return free;
            }
        }
        gone
    }

    /// A lower bound of the distance between the bullet at `position` and `other`; 0 or less if they touch.
    fn gap(&self, position: Vec2, other: &Entry) -> Fx {
        let centre = Vec2::new(Fx::from_bits(other.x), Fx::from_bits(other.y));
        let other_half = Vec2::new(Fx::from_bits(other.half_x), Fx::from_bits(other.half_y));
        let offset = centre - position;
        let (bullet_is_box, other_is_box) = (self.entry.flags & BOX != 0, other.flags & BOX != 0);
        if bullet_is_box && other_is_box {
            let apart = Vec2::new(offset.x.abs(), offset.y.abs()) - self.half - other_half;
            return apart.x.max(apart.y);
        }
        let (inner, radius) = match (bullet_is_box, other_is_box) {
            (true, _) => (self.half, other_half.x),
            (_, true) => (other_half, self.half.x),
            _ => (Vec2::ZERO, self.half.x + other_half.x),
        };
        let outside = offset - offset.clamped(-inner, inner);
        Fx::from_wide(i64::from(sqrt_u64(outside.length_squared_wide()))) - radius
    }
}
