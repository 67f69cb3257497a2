//! How bodies gain and lose speed, and move.

use alloc::vec::Vec;

use super::blueprint::{LOCK_X, LOCK_Y};
use super::joint_solver::turned_by;
use super::row::{Offset, Velocity};
use super::state::{ALIVE, DYNAMIC, State, is_moving};
use crate::fx::clamp_to_i32;
use crate::{Fx, Vec2};

/// Farthest way in a tick, in 1/2²⁴: 100 units.
const WAY_MAX: i64 = 100 << 24;

/// All bodies while they are solved, by slot; the last one is the border of the world.
#[derive(Debug, Default)]
pub(crate) struct Movers {
    pub(crate) velocities: Vec<Velocity>,
    pub(crate) offsets: Vec<Offset>,
    /// What gravity adds in a substep; empty without gravity.
    pulls: Vec<[i32; 2]>,
    /// Slots of bodies that are held in a direction, and in which.
    held: Vec<(u16, u8)>,
}

impl Movers {
    /// Takes the velocities out of a state, less what damping takes in a tick.
    pub(crate) fn load(&mut self, state: &State, substep: i64) {
        let slots = state.slots();
        self.velocities.clear();
        self.offsets.clear();
        self.offsets.resize(slots + 1, Offset::default());
        self.pulls.clear();
        self.held.clear();
        let gravity = [state.desc.gravity.x, state.desc.gravity.y]
            .map(|part| ((i128::from(part.to_bits()) * i128::from(substep)) >> 28) as i64);
        let pulled = gravity != [0, 0];
        for slot in 0..slots {
            let flags = state.flags[slot];
            let (mut velocity, mut pull) = (Velocity::default(), [0; 2]);
            if is_moving(flags) {
                let motion = state.motions[slot];
                velocity = Velocity { x: motion.x, y: motion.y, spin: motion.spin };
                if flags & DYNAMIC != 0 {
                    let plan = &state.kind(slot).blueprint;
                    if plan.drag | plan.spin_drag != 0 {
                        velocity = slowed(velocity, plan.drag, plan.spin_drag);
                    }
                    if pulled {
                        pull = gravity
                            .map(|part| clamp_to_i32((part * i64::from(plan.gravity_scale.to_bits())) >> 16));
                    }
                    if plan.locks & (LOCK_X | LOCK_Y) != 0 {
                        self.held.push((slot as u16, plan.locks));
                    }
                }
            }
            self.velocities.push(velocity);
            if pulled {
                self.pulls.push(pull);
            }
        }
        self.velocities.push(Velocity::default());
    }

    /// Gravity of a substep.
    pub(crate) fn pull(&mut self) {
        for (velocity, pull) in self.velocities.iter_mut().zip(&self.pulls) {
            velocity.x = velocity.x.saturating_add(pull[0]);
            velocity.y = velocity.y.saturating_add(pull[1]);
        }
    }

    /// Takes the speed from what is held in a direction.
    pub(crate) fn hold(&mut self) {
        for &(slot, locks) in &self.held {
            let velocity = &mut self.velocities[usize::from(slot)];
            velocity.x = if locks & LOCK_X == 0 { velocity.x } else { 0 };
            velocity.y = if locks & LOCK_Y == 0 { velocity.y } else { 0 };
        }
    }

    /// Moves everything for a substep, in 1/2³² of a second.
    pub(crate) fn advance(&mut self, substep: i64) {
        let way = |speed: i32| {
            clamp_to_i32(((i64::from(speed) * substep + (1 << 27)) >> 28).clamp(-WAY_MAX, WAY_MAX))
        };
        for (offset, velocity) in self.offsets.iter_mut().zip(&self.velocities) {
            offset.x = offset.x.saturating_add(way(velocity.x));
            offset.y = offset.y.saturating_add(way(velocity.y));
            offset.turn = offset.turn.saturating_add(way(velocity.spin));
        }
    }

    /// Puts positions and velocities back into the state.
    pub(crate) fn store(&self, state: &mut State) {
        for slot in 0..state.slots() {
            if !is_moving(state.flags[slot]) {
                continue;
            }
            let (velocity, offset) = (self.velocities[slot], self.offsets[slot]);
            let motion = &mut state.motions[slot];
            (motion.x, motion.y, motion.spin) = (velocity.x, velocity.y, velocity.spin);
            state.positions[slot] += offset.way();
            if offset.turn != 0 {
                state.rotations[slot] = turned_by(state.rotations[slot], offset.turn);
            }
        }
    }
}

impl Offset {
    /// In whole steps of positions.
    pub(crate) fn way(&self) -> Vec2 {
        let part = |offset: i32| Fx::from_bits((offset >> 8) + ((offset >> 7) & 1));
        Vec2::new(part(self.x), part(self.y))
    }
}

/// What is left of a velocity of which parts in 1/65,536 are lost, the loss rounded to the nearest step.
fn slowed(velocity: Velocity, drag: u16, spin_drag: u16) -> Velocity {
    let slow = |speed: i32, drag: u16| {
        let lost = (i64::from(speed) * i64::from(drag) + (1 << 15)) >> 16;
        (i64::from(speed) - lost) as i32
    };
    Velocity { x: slow(velocity.x, drag), y: slow(velocity.y, drag), spin: slow(velocity.spin, spin_drag) }
}

/// Keeps the centres of dynamic bodies within a world with walls.
pub(crate) fn keep_inside(state: &mut State) {
    let limit = state.desc.half_extent;
    for slot in 0..state.slots() {
        let position = state.positions[slot];
        if (position.x.abs() > limit.x || position.y.abs() > limit.y)
            && state.flags[slot] & (ALIVE | DYNAMIC) == ALIVE | DYNAMIC
        {
            state.positions[slot] = position.clamped(-limit, limit);
        }
    }
}
