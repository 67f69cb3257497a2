//! Impulses and forces that the game gives to bodies.

use super::state::{DYNAMIC, State};
use super::{BodyId, World};
use crate::{Fx, Vec2};

/// Impulses, which are over with the call, and forces, which last for the step that follows: what is to be pulled on
/// and on is given its force before every step. All are mass times units per second (per second), and wake the body.
/// Each tells whether it was done: not if the body is not there or not dynamic.
impl World {
    /// Changes a body's velocity by `impulse` / mass.
    pub fn apply_impulse(&mut self, id: BodyId, impulse: Vec2) -> bool {
        self.push(id, |_| Push::of(impulse, 1 << 32), None)
    }

    /// Changes a body's velocity and spin by an impulse at a place of the world.
    pub fn apply_impulse_at(&mut self, id: BodyId, impulse: Vec2, place: Vec2) -> bool {
        self.push(id, |_| Push::of(impulse, 1 << 32), Some(place))
    }

    /// Changes a body's spin by `impulse` / its inertia around its centre of mass.
    pub fn apply_torque_impulse(&mut self, id: BodyId, impulse: Fx) -> bool {
        self.push(id, |_| Push::around(impulse, 1 << 32), None)
    }

    /// Pulls a body at its centre of mass during the next step.
    ///
    /// ```
    /// use framekeep_sim::{BodyDesc, Fx, Vec2, World, WorldDesc};
    /// let mut world = World::new(WorldDesc::default());
    /// let rocket = world.add(BodyDesc::circle(Fx::HALF).mass(Fx::from_int(2)))?;
    /// for _ in 0..30 {
    ///     assert!(world.apply_force(rocket, Vec2::from_ints(0, 6)));
    ///     world.step();
    /// }
    /// let speed = world.velocity(rocket).unwrap().y; // one second of 6 / 2
    /// assert!((speed - Fx::from_int(3)).abs() < Fx::from_ratio(1, 1_000));
    /// # Ok::<(), framekeep_sim::WorldFull>(())
    /// ```
    pub fn apply_force(&mut self, id: BodyId, force: Vec2) -> bool {
        self.push(id, |tick| Push::of(force, tick), None)
    }

    /// Pulls a body at a place of the world during the next step.
    pub fn apply_force_at(&mut self, id: BodyId, force: Vec2, place: Vec2) -> bool {
        self.push(id, |tick| Push::of(force, tick), Some(place))
    }

    /// Turns a body around its centre of mass during the next step.
    pub fn apply_torque(&mut self, id: BodyId, torque: Fx) -> bool {
        self.push(id, |tick| Push::around(torque, tick), None)
    }

    /// `push` is told how long a tick is, in 1/2³² of a second.
    fn push(&mut self, id: BodyId, push: impl FnOnce(i64) -> Push, place: Option<Vec2>) -> bool {
        let Some(slot) = self.slot_of(id, DYNAMIC) else { return false };
        let mut push = push(self.desc().tick_seconds());
        let state = self.state_mut();
        state.wake(slot);
        if let Some(place) = place {
            push.twist = push.around_centre(place, state.positions[slot]);
        }
        state.push(slot, push);
        true
    }
}

/// What is given to a body.
#[derive(Clone, Copy)]
struct Push {
    /// The impulse, in 1/2³².
    x: i64,
    y: i64,
    /// The impulse around the centre of mass, in 1/2³².
    twist: i128,
}

impl Push {
    /// A force for as many 1/2³² of a second; an impulse is one for a second.
    fn of(force: Vec2, time: i64) -> Self {
        let part = |force: Fx| (i64::from(force.to_bits()) * time) >> 16;
        Self { x: part(force.x), y: part(force.y), twist: 0 }
    }

    fn around(torque: Fx, time: i64) -> Self {
        Self { x: 0, y: 0, twist: i128::from((i64::from(torque.to_bits()) * time) >> 16) }
    }

    /// Levers are more than a place of a world may be.
    fn around_centre(&self, place: Vec2, centre: Vec2) -> i128 {
        let lever = |place: Fx, at: Fx| i128::from(place.to_bits()) - i128::from(at.to_bits());
        let (x, y) = (lever(place.x, centre.x), lever(place.y, centre.y));
        (x * i128::from(self.y) - y * i128::from(self.x)) >> 16
    }
}

impl State {
    fn push(&mut self, slot: usize, push: Push) {
        let (mass, motion) = (&self.masses[slot], &mut self.motions[slot]);
        let (inverse, gyration) = (i128::from(mass.inverse), i128::from(mass.inverse_gyration));
        let clamped = |speed: i128| speed.clamp(i128::from(i32::MIN), i128::from(i32::MAX)) as i32;
        let change = |part: i64| clamped((i128::from(part) * inverse + (1 << 35)) >> 36);
        motion.x = motion.x.saturating_add(change(push.x));
        motion.y = motion.y.saturating_add(change(push.y));
        // A lever of 2³³, an impulse of 2⁴⁷ and an inverse of 2³¹ are 2⁹⁵ together.
        let turn = (push.twist * inverse * gyration).saturating_mul(gyration) >> 76;
        motion.spin = motion.spin.saturating_add(clamped(turn));
    }
}
