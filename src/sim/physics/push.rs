//! Impulses and forces that the game gives to bodies.

use super::force::{Force, twist_of};
use super::state::{DYNAMIC, State};
use super::{BodyId, World};
use crate::{Fx, Vec2};

/// Impulses change how a body moves at once. Forces pull it during the step that follows, as gravity does, and are
/// over with that: what is to be pulled on and on is given its force before every step, and never sleeps. Those of one
/// body add up, each sum to 2²⁸; they are a part of the state. Impulses are in units of mass times units per second,
/// forces are that per second. Each tells whether it was done: not if the body is not there or not dynamic. It wakes
/// the body, unless it is zero.
impl World {
    /// Changes a body's velocity by `impulse` / mass.
    pub fn apply_impulse(&mut self, id: BodyId, impulse: Vec2) -> bool {
        self.push(id, impulse != Vec2::ZERO, |state, slot| state.push(slot, impulse, 0))
    }

    /// Changes a body's velocity and spin by an impulse at a place of the world.
    pub fn apply_impulse_at(&mut self, id: BodyId, impulse: Vec2, place: Vec2) -> bool {
        self.push(id, impulse != Vec2::ZERO, |state, slot| {
            let twist = twist_of(impulse, place, state.positions[slot]);
            state.push(slot, impulse, twist);
        })
    }

    /// Changes a body's spin by `impulse` / its inertia around its centre of mass.
    pub fn apply_torque_impulse(&mut self, id: BodyId, impulse: Fx) -> bool {
        self.push(id, impulse != Fx::ZERO, |state, slot| {
            state.push(slot, Vec2::ZERO, i128::from(impulse.to_bits()) << 16);
        })
    }

    /// Pulls a body at its centre of mass during the next step.
    ///
    /// ```
    /// use framekeep_sim::{BodyDesc, Fx, Vec2, World, WorldDesc};
    /// let mut world = World::new(WorldDesc { gravity: Vec2::from_ints(0, -10), ..WorldDesc::default() });
    /// let drone = world.add(BodyDesc::circle(Fx::HALF).mass(Fx::from_int(2)))?;
    /// for _ in 0..30 {
    ///     assert!(world.apply_force(drone, Vec2::from_ints(6, 20))); // 20 is what gravity pulls it down with
    ///     world.step();
    /// }
    /// let drone = world.body(drone).unwrap(); // one second of 6 / 2
    /// assert!(drone.velocity.distance(Vec2::from_ints(3, 0)) < Fx::from_ratio(1, 1_000));
    /// assert!(drone.position.y.abs() < Fx::from_ratio(1, 1_000));
    /// # Ok::<(), framekeep_sim::WorldFull>(())
    /// ```
    pub fn apply_force(&mut self, id: BodyId, force: Vec2) -> bool {
        self.push(id, force != Vec2::ZERO, |state, slot| state.add_force(slot, Force::of(force)))
    }

    /// Pulls a body at a place of the world during the next step: by the lever that this is now.
    pub fn apply_force_at(&mut self, id: BodyId, force: Vec2, place: Vec2) -> bool {
        self.push(id, force != Vec2::ZERO, |state, slot| {
            state.add_force(slot, Force::at(force, place, state.positions[slot]));
        })
    }

    /// Turns a body around its centre of mass during the next step.
    pub fn apply_torque(&mut self, id: BodyId, torque: Fx) -> bool {
        self.push(id, torque != Fx::ZERO, |state, slot| state.add_force(slot, Force::around(torque)))
    }

    fn push(&mut self, id: BodyId, is_any: bool, push: impl FnOnce(&mut State, usize)) -> bool {
        let Some(slot) = self.slot_of(id, DYNAMIC) else { return false };
        if is_any {
            self.state_mut().wake(slot);
            push(self.state_mut(), slot);
        }
        true
    }
}

impl State {
    /// `twist` is the impulse around the centre of mass, in 1/2³².
    fn push(&mut self, slot: usize, impulse: Vec2, twist: i128) {
        let (mass, motion) = (&self.masses[slot], &mut self.motions[slot]);
        let (inverse, gyration) = (i64::from(mass.inverse), i128::from(mass.inverse_gyration));
        let change =
            |part: Fx| crate::fx::clamp_to_i32((i64::from(part.to_bits()) * inverse + (1 << 19)) >> 20);
        motion.x = motion.x.saturating_add(change(impulse.x));
        motion.y = motion.y.saturating_add(change(impulse.y));
        // A twist of 2⁶⁵ and an inverse of 2³¹ are 2⁹⁶ together, and the inverse gyration has 28 bits.
        let turn = (twist * i128::from(inverse) * gyration).saturating_mul(gyration).saturating_add(1 << 75);
        let turn = (turn >> 76).clamp(i128::from(i32::MIN), i128::from(i32::MAX));
        motion.spin = motion.spin.saturating_add(turn as i32);
    }
}
