//! Impulses and positional correction: sequential impulses (Catto, "Iterative Dynamics with Temporal
//! Coherence", 2005) without friction, and a correction of the positions that adds no speed.

use alloc::vec::Vec;

use super::entry::Entry;
use super::motion::keep_inside;
use super::pairs::Pair;
use super::state::State;
use crate::fx::clamp_to_i32;
use crate::root::{Polar, UNIT_BITS, polar};
use crate::{Fx, Vec2};

const ONE: i64 = 1 << UNIT_BITS;
const ROUND: i64 = 1 << (UNIT_BITS - 1);

/// Overlap that is left alone: 1/256 of a unit.
const SLOP: i64 = 1 << 8;
/// Passes over the positions at most: the normals are those from before the first one, and far from there
/// they mislead.
const POSITION_PASSES_MAX: u8 = 4;
/// Passes in which what lies on something is pushed up and nothing is pushed down: the "shock propagation" of
/// Guendelman, Bridson and Fedkiw, "Nonconvex Rigid Bodies with Stacking", 2003. Without it, high piles would
/// sink into themselves.
const SETTLING_PASSES: usize = 4;
/// A body lies on another if the cosine between gravity and the normal is above 1/4.
const RESTING: i64 = ONE / 4;
/// A pass that changes no speed by more than this (1/4,096 of a unit per second) is the last one.
const SPEED_TOLERANCE: i64 = 1 << 4;

/// Two bodies that push each other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Push {
    a: u16,
    b: u16,
    /// From `a` to `b`, in 1/2³⁰.
    normal_x: i32,
    /// From `a` to `b`, in 1/2³⁰.
    normal_y: i32,
    /// The distance along the normal at which they just touch.
    reach: i32,
    /// The part of every change that `a` takes, in 1/2³⁰.
    share_a: i32,
    /// The same while bodies settle: where one rests on the other, the upper one takes all.
    settling_share_a: i32,
    /// How far along gravity the lower body is, for [`Solver::settle`].
    fall: i32,
    /// Which contact this is.
    contact: u32,
    /// The speed at which they are to part.
    parting: i32,
    /// By how much their speed along the normal was changed.
    total: i32,
    /// The walls that `a` (low four bits) and `b` (high four bits) touch.
    walls: u8,
}

/// The pushes of one step.
#[derive(Debug, Default)]
pub(crate) struct Solver {
    pushes: Vec<Push>,
    bounce_speed_min: i64,
    /// The direction of gravity, in 1/2³⁰.
    down: Polar,
}

impl Solver {
    /// Forgets the last step's pushes.
    pub(crate) fn begin(&mut self, state: &State) {
        self.pushes.clear();
        self.pushes.reserve(state.slots() * 2);
        self.bounce_speed_min = i64::from(state.desc.bounce_speed_min().to_bits());
        self.down = polar(state.desc.gravity.x.to_bits(), state.desc.gravity.y.to_bits());
    }

    /// Adds two bodies that touch; `contact` is given back with the impulse.
    #[inline]
    pub(crate) fn add(&mut self, state: &State, pair: &Pair, contact: usize) {
        let (a, b) = (usize::from(pair.a.slot), usize::from(pair.b.slot));
        let touch = pair.touch;
        let offset_x = i64::from(pair.b.x) - i64::from(pair.a.x);
        let offset_y = i64::from(pair.b.y) - i64::from(pair.a.y);
        let apart = along(touch.normal_x, touch.normal_y, offset_x, offset_y);
        let share_a = share(state.inverse_masses[a], state.inverse_masses[b]);
        let mut push = Push {
            a: pair.a.slot,
            b: pair.b.slot,
            normal_x: touch.normal_x,
            normal_y: touch.normal_y,
            reach: clamp_to_i32(apart + i64::from(touch.depth)),
            share_a,
            settling_share_a: share_a,
            walls: if state.desc.walls { walls(state, a) | walls(state, b) << 4 } else { 0 },
            contact: contact as u32,
            ..Push::default()
        };
        let approach = -push.speed(state.velocities[a], state.velocities[b]);
        if approach > self.bounce_speed_min {
            let bounce = state.surfaces[a].bounce.max(state.surfaces[b].bounce);
            push.parting = clamp_to_i32((approach * i64::from(bounce)) >> 15);
        }
        if self.has_gravity() {
            self.prepare_to_settle(&mut push, &pair.a, &pair.b);
        }
        self.pushes.push(push);
    }

    fn has_gravity(&self) -> bool {
        self.down.length != 0
    }

    fn prepare_to_settle(&self, push: &mut Push, a: &Entry, b: &Entry) {
        let fall = |x: i32, y: i32| along(self.down.unit_x, self.down.unit_y, i64::from(x), i64::from(y));
        push.fall = clamp_to_i32(fall(a.x, a.y).max(fall(b.x, b.y)));
        let a_below = -fall(push.normal_x, push.normal_y);
        let both_move = push.share_a != 0 && i64::from(push.share_a) != ONE;
        if both_move && a_below.abs() > RESTING {
            push.settling_share_a = if a_below > 0 { 0 } else { ONE as i32 };
        }
    }

    /// The number of each contact and by how much the speed changed at which its bodies part.
    pub(crate) fn speed_changes(&self) -> impl Iterator<Item = (usize, i32)> {
        self.pushes.iter().map(|push| (push.contact as usize, push.total))
    }

    /// Pushes the velocities apart, in as many passes as change something, `passes` at most.
    pub(crate) fn solve_velocities(&mut self, velocities: &mut [Vec2], passes: u8) {
        if self.has_gravity() {
            // The lowest first. The key is different for any two of them, so that their order is certain.
            self.pushes.sort_unstable_by_key(|push| (-i64::from(push.fall), push.a, push.b));
        }
        let all = (0..passes).all(|_| self.push_velocities(velocities, |push| push.share_a));
        if all && self.has_gravity() {
            for _ in 0..SETTLING_PASSES {
                self.settle_velocities(velocities);
            }
        }
    }

    /// Pushes the positions apart, in as many passes as change something, `passes` at most.
    pub(crate) fn solve_positions(&self, state: &mut State, passes: u8) {
        let all =
            (0..passes.min(POSITION_PASSES_MAX)).all(|_| self.push_positions(state, |push| push.share_a));
        if all && self.has_gravity() {
            for _ in 0..SETTLING_PASSES {
                self.push_positions(state, |push| push.settling_share_a);
            }
        }
    }

    /// One pass over the velocities; whether another one would change anything.
    #[inline]
    fn push_velocities(&mut self, velocities: &mut [Vec2], share: impl Fn(&Push) -> i32) -> bool {
        let mut largest = 0;
        for push in &mut self.pushes {
            let (a, b) = (usize::from(push.a), usize::from(push.b));
            if push.walls != 0 {
                stop_at_walls(&mut velocities[a], push.walls);
                stop_at_walls(&mut velocities[b], push.walls >> 4);
            }
            let missing = i64::from(push.parting) - push.speed(velocities[a], velocities[b]);
            let total = clamp_to_i32((i64::from(push.total) + missing).max(0));
            let change = i64::from(total) - i64::from(push.total);
            if change != 0 {
                push.total = total;
                push.part(velocities, change, share(push));
                largest = largest.max(change.abs());
            }
        }
        largest > SPEED_TOLERANCE
    }

    /// One pass over the velocities that pushes nothing down.
    fn settle_velocities(&mut self, velocities: &mut [Vec2]) {
        for push in &mut self.pushes {
            let (a, b) = (usize::from(push.a), usize::from(push.b));
            if push.walls != 0 {
                stop_at_walls(&mut velocities[a], push.walls);
                stop_at_walls(&mut velocities[b], push.walls >> 4);
            }
            let missing = -push.speed(velocities[a], velocities[b]);
            if missing > 0 {
                push.part(velocities, missing, push.settling_share_a);
            }
        }
    }

    /// One pass over the positions; whether another one would change anything.
    #[inline]
    fn push_positions(&self, state: &mut State, share: impl Fn(&Push) -> i32) -> bool {
        let mut moved = false;
        for push in &self.pushes {
            let (a, b) = (usize::from(push.a), usize::from(push.b));
            let excess = i64::from(push.reach) - push.speed(state.positions[a], state.positions[b]) - SLOP;
            if excess > 0 {
                push.part(&mut state.positions, (excess + 1) >> 1, share(push));
                if state.desc.walls {
                    keep_inside(state, a);
                    keep_inside(state, b);
                }
                moved |= excess > 2 * SLOP;
            }
        }
        moved
    }
}

impl Push {
    /// How fast `b` moves away from `a` along the normal; of two positions, how far it is away.
    #[inline]
    fn speed(&self, a: Vec2, b: Vec2) -> i64 {
        let x = i64::from(b.x.to_bits()) - i64::from(a.x.to_bits());
        let y = i64::from(b.y.to_bits()) - i64::from(a.y.to_bits());
        along(self.normal_x, self.normal_y, x, y)
    }

    /// Moves the two apart by `change` along the normal, of which `a` takes `share_a`.
    #[inline]
    fn part(&self, values: &mut [Vec2], change: i64, share_a: i32) {
        let share = i64::from(share_a);
        let (change, normal_x, normal_y) =
            (i64::from(clamp_to_i32(change)), i64::from(self.normal_x), i64::from(self.normal_y));
        let (of_a, of_b) = (rounded(change * share), rounded(change * (ONE - share)));
        let a = &mut values[usize::from(self.a)];
        a.x = moved(a.x, -rounded(of_a * normal_x));
        a.y = moved(a.y, -rounded(of_a * normal_y));
        let b = &mut values[usize::from(self.b)];
        b.x = moved(b.x, rounded(of_b * normal_x));
        b.y = moved(b.y, rounded(of_b * normal_y));
    }
}

const LEFT: u8 = 1;
const RIGHT: u8 = 2;
const BELOW: u8 = 4;
const ABOVE: u8 = 8;

/// The walls that a body touches.
#[inline]
fn walls(state: &State, slot: usize) -> u8 {
    let (position, limit) = (state.positions[slot], state.desc.half_extent - state.halves[slot]);
    let flag = |condition: bool, flag: u8| if condition { flag } else { 0 };
    flag(position.x <= -limit.x, LEFT)
        | flag(position.x >= limit.x, RIGHT)
        | flag(position.y <= -limit.y, BELOW)
        | flag(position.y >= limit.y, ABOVE)
}

fn stop_at_walls(velocity: &mut Vec2, walls: u8) {
    if walls & LEFT != 0 {
        velocity.x = velocity.x.max(Fx::ZERO);
    }
    if walls & RIGHT != 0 {
        velocity.x = velocity.x.min(Fx::ZERO);
    }
    if walls & BELOW != 0 {
        velocity.y = velocity.y.max(Fx::ZERO);
    }
    if walls & ABOVE != 0 {
        velocity.y = velocity.y.min(Fx::ZERO);
    }
}

#[inline]
fn rounded(product: i64) -> i64 {
    (product + ROUND) >> UNIT_BITS
}

#[inline]
fn moved(value: Fx, by: i64) -> Fx {
    Fx::from_wide(i64::from(value.to_bits()) + by)
}

/// The part of `(x, y)` along the normal. Both are below 2³², the normal is below 2³⁰ and no longer than
/// that.
#[inline]
fn along(normal_x: i32, normal_y: i32, x: i64, y: i64) -> i64 {
    rounded(i64::from(normal_x) * x + i64::from(normal_y) * y)
}

/// The part of a change that the first of two bodies takes, in 1/2³⁰; they are not both static.
#[inline]
fn share(inverse_a: u32, inverse_b: u32) -> i32 {
    if inverse_a == inverse_b {
        return 1 << (UNIT_BITS - 1);
    }
    let (a, sum) = (u64::from(inverse_a), u64::from(inverse_a) + u64::from(inverse_b));
    ((a << UNIT_BITS) / sum) as i32
}
