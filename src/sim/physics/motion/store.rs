//! What a step writes into the state of how bodies move.

use super::{FREE, Movers, TURN_MIN, Velocity};
use crate::Vec2;
use crate::physics::blueprint::Blueprints;
use crate::physics::bundle::{one_flags, one_kind};
use crate::physics::grid::LANES;
use crate::physics::islands::{SLOW, is_slow};
use crate::physics::joint_solver::turned_by;
use crate::physics::lanes::Vector;
use crate::physics::row::Offset;
use crate::physics::spot::CALM;
use crate::physics::state::{DYNAMIC, Motion, SLEEPLESS, State, is_moving};

/// How eight bodies move after a step: velocities, ways in steps of positions, and turns in 1/2²⁴.
struct Moved {
    velocity: [Vector; 3],
    way: [Vector; 2],
    turn: Vector,
}

impl Movers {
    /// Puts positions and velocities back into the state, and counts for how long each body has been slow, up to
    /// `rest_ticks`; tells whether one has been for so long.
    #[inline(never)]
    pub(crate) fn store(&self, state: &mut State, rest_ticks: u32) -> bool {
        let mut rests = false;
        for slot in (0..state.slots()).step_by(LANES) {
            match self.store_eight(state, slot, rest_ticks) {
                Some(rest) => rests |= rest,
                None => {
                    let end = (slot + LANES).min(state.slots());
                    rests |=
                        (slot..end).fold(false, |any, slot| any | self.store_one(state, slot, rest_ticks));
                }
            }
        }
        rests
    }

    /// Does it for one body.
    fn store_one(&self, state: &mut State, slot: usize, rest_ticks: u32) -> bool {
        let flags = state.flags[slot];
        if !is_moving(flags) {
            return false;
        }
        let (velocity, offset) = match self.index[slot] {
            FREE => self.laws.run(self.laws.glide(state, slot)),
            index => {
                let offset = self.offsets[index as usize];
                let offset = if flags & DYNAMIC != 0 { offset.settled() } else { offset };
                (self.velocities[index as usize], offset)
            }
        };
        put(state, slot, (velocity, offset), rest_ticks)
    }

    /// Does it for eight bodies; nothing if one of them needs a closer look.
    #[inline(always)]
    fn store_eight(&self, state: &mut State, slot: usize, rest_ticks: u32) -> Option<bool> {
        let flags: &[u8; LANES] = state.flags.get(slot..)?.first_chunk()?;
        let (dynamic, rests) = roles_of(flags)?;
        let moved = self.moved(state, slot, dynamic)?;
        let motions: &mut [Motion; LANES] = state.motions.get_mut(slot..)?.first_chunk_mut()?;
        let [.., ticks] = Vector::of_fours(motions);
        let ([x, y, spin], mut ticks, mut any) = (moved.velocity, ticks, false);
        if state.desc.sleep {
            let most = Vector::splat(rest_ticks.cast_signed());
            let slower = Vector::splat(SLOW.cast_signed() - 1);
            let fastest = x.abs().max_unsigned(y.abs()).max_unsigned(spin.abs());
            let slow = fastest.max_unsigned(slower).equals(slower) & rests;
            let next = (ticks + Vector::splat(1)).min(most) & slow & dynamic;
            ticks = next + (ticks - (ticks & dynamic));
            any = next.above(most - Vector::splat(1)).bits() != 0;
        }
        Vector::put_fours([x, y, spin, ticks], motions);
        let places: &mut [Vec2; LANES] = state.positions.get_mut(slot..)?.first_chunk_mut()?;
        let [at_x, at_y] = Vector::of_twos(places);
        Vector::put_twos([at_x.plus(moved.way[0]), at_y.plus(moved.way[1])], places);
        let turns = moved.turn.array();
        let mut turning = !moved.turn.equals(Vector::splat(0)).signs() & ((1 << LANES) - 1);
        while turning != 0 {
            let lane = turning.trailing_zeros() as usize % LANES;
            turning &= turning - 1;
            let rot = &mut state.rotations[slot + lane];
            *rot = turned_by(*rot, turns[lane]);
        }
        Some(any)
    }

    /// How the bodies from `slot` on move; nothing if one that nothing pushes needs a closer look.
    #[inline(always)]
    fn moved(&self, state: &State, slot: usize, dynamic: Vector) -> Option<Moved> {
        let index: &[u32; LANES] = self.index.get(slot..)?.first_chunk()?;
        let free = Vector::of(&index.map(u32::cast_signed)).equals(Vector::splat(FREE.cast_signed()));
        if free.signs() == 0 {
            return Some(self.pushed(index, dynamic));
        }
        let gliding = self.gliding(state, slot, free)?;
        if free.signs() == (1 << LANES) - 1 {
            return Some(gliding);
        }
        // Those that glide are taken for what stands still here, which is nobody's number.
        let pushed = self.pushed(&index.map(|index| if index == FREE { 0 } else { index }), dynamic);
        let either = |pushed: Vector, gliding: Vector| (pushed - (pushed & free)) + (gliding & free);
        let [x, y, spin] = pushed.velocity;
        let [glide_x, glide_y, glide_spin] = gliding.velocity;
        Some(Moved {
            velocity: [either(x, glide_x), either(y, glide_y), either(spin, glide_spin)],
            way: [either(pushed.way[0], gliding.way[0]), either(pushed.way[1], gliding.way[1])],
            turn: pushed.turn - (pushed.turn & free),
        })
    }

    /// How those move that are solved, by their numbers.
    #[inline(always)]
    fn pushed(&self, index: &[u32; LANES], dynamic: Vector) -> Moved {
        let velocity = Vector::columns(&self.velocities, index);
        let [x, y, turn] = Vector::columns(&self.offsets, index);
        // As [`Offset::way`] and [`Offset::settled`] have it.
        let steps = |offset: Vector| offset.shr::<8>() + (offset.shr::<7>() & Vector::splat(1));
        let way = [x, y].map(steps);
        let least = Vector::splat(TURN_MIN.cast_signed() - 1);
        let trembles = turn.abs().max_unsigned(least).equals(least);
        let stays = (way[0] | way[1]).equals(Vector::splat(0)) & trembles & dynamic;
        Moved { velocity, way, turn: turn - (turn & stays) }
    }

    /// How those of the bodies from `slot` on move that nothing pushes; nothing if that is not by their velocity alone.
    #[inline(always)]
    fn gliding(&self, state: &State, slot: usize, free: Vector) -> Option<Moved> {
        let kinds: &[u16; LANES] = state.kinds.get(slot..)?.first_chunk()?;
        let pulled = self.laws.gravity != [0, 0] || self.laws.forced && state.pulls_any(slot, slot + LANES);
        if pulled || !are_calm(&state.blueprints, kinds) {
            return None;
        }
        let motions: &[Motion; LANES] = state.motions.get(slot..)?.first_chunk()?;
        let [x, y, spin, _] = Vector::of_fours(motions);
        // Slow enough that no way of a tick leaves its range.
        let bound = Vector::splat(self.laws.speed_max / i32::from(self.laws.substeps));
        let fast = x.abs().max_unsigned(y.abs()).max_unsigned(bound) - bound;
        if ((fast | spin) & free).any() {
            return None;
        }
        let way = [self.laws.tick_ways(x), self.laws.tick_ways(y)];
        Some(Moved { velocity: [x, y, spin], way, turn: Vector::splat(0) })
    }
}

/// Of bodies that all move, which are dynamic and which may fall asleep, by all ones; nothing if one does not.
#[inline(always)]
fn roles_of(flags: &[u8; LANES]) -> Option<(Vector, Vector)> {
    let dynamic = |flags: u8| -i32::from(flags & DYNAMIC != 0);
    let rests = |flags: u8| -i32::from(flags & SLEEPLESS == 0);
    // Nearly always they are alike.
    if let Some(one) = one_flags(flags) {
        return is_moving(one).then(|| (Vector::splat(dynamic(one)), Vector::splat(rests(one))));
    }
    let all = flags.iter().all(|&flags| is_moving(flags));
    all.then(|| (Vector::of(&flags.map(dynamic)), Vector::of(&flags.map(rests))))
}

/// Whether all are of blueprints that leave the motion of a body alone.
#[inline(always)]
fn are_calm(blueprints: &Blueprints, kinds: &[u16; LANES]) -> bool {
    let is_calm = |kind: u16| blueprints.try_brief(kind).is_some_and(|brief| brief.traits & CALM != 0);
    match one_kind(kinds) {
        Some(kind) => is_calm(kind),
        None => kinds.iter().all(|&kind| is_calm(kind)),
    }
}

/// Puts down how one body moves.
#[inline(always)]
fn put(state: &mut State, slot: usize, (velocity, offset): (Velocity, Offset), rest_ticks: u32) -> bool {
    let flags = state.flags[slot];
    let motion = &mut state.motions[slot];
    (motion.x, motion.y, motion.spin) = (velocity.x, velocity.y, velocity.spin);
    let mut rests = false;
    if state.desc.sleep && flags & DYNAMIC != 0 {
        motion.rest(flags, rest_ticks);
        rests = motion.slow_ticks >= rest_ticks;
    }
    state.positions[slot] += offset.way();
    if offset.turn != 0 {
        state.rotations[slot] = turned_by(state.rotations[slot], offset.turn);
    }
    rests
}

impl Motion {
    /// Counts one more tick if it is slow.
    #[inline(always)]
    fn rest(&mut self, flags: u8, rest_ticks: u32) {
        let slow = is_slow(self) & (flags & SLEEPLESS == 0);
        self.slow_ticks = if slow { (self.slow_ticks + 1).min(rest_ticks) } else { 0 };
    }
}
