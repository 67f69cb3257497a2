//! What the game changes of bodies that are there, of their shapes, and of the world.
//!
//! Whatever is set as it is already changes nothing. What may end the rest of a sleeper wakes it, and what touches it
//! or is joined to it where that may end theirs. Contacts that end by it are told by the next step.

use super::blueprint::{Blueprint, LOCK_ROTATION, drag_of, gravity_scale_of, locks_of, own_mass};
use super::pairing::{BORDER, Ended, Pairing, SENSOR, TOUCHING};
use super::state::{ASLEEP, BULLET, COMPOUND, DYNAMIC, KINEMATIC, Motion, SLEEPLESS, State};
use super::{BodyId, BodyKind, Filter, Locks, Material, ShapeDesc, World};
use crate::{Fx, Vec2};

/// Changes of bodies. Each tells whether it was done: not if the body is not there, or, where that is said, not
/// dynamic, or if 65,535 different shapes are in use. Values out of bounds are brought to the nearest bound, as those
/// of a [`BodyDesc`](crate::BodyDesc) are.
impl World {
    /// Makes a body static, kinematic or dynamic. It keeps its velocity, unless it becomes static; what only dynamic
    /// bodies have (a mass of its own, whether it is a bullet or never sleeps) is forgotten if it is none any more.
    pub fn set_kind(&mut self, id: BodyId, kind: BodyKind) -> bool {
        let Some(slot) = self.state().slot(id) else { return false };
        let kinds = match kind {
            BodyKind::Static => 0,
            BodyKind::Kinematic => KINEMATIC,
            BodyKind::Dynamic => DYNAMIC,
        };
        let state = self.state_mut();
        state.flags[slot] & (DYNAMIC | KINEMATIC) == kinds || state.set_kind(slot, kinds)
    }

    /// Sets the mass of a whole dynamic body, 1/128 to 32,767; without one it is that of its shapes by their density.
    pub fn set_mass(&mut self, id: BodyId, mass: Option<Fx>) -> bool {
        let Some(slot) = self.slot_of(id, DYNAMIC) else { return false };
        self.state_mut().change_body(slot, true, |body| body.mass = own_mass(mass))
    }

    /// Sets by how much gravity counts for a body, −16 to 16.
    pub fn set_gravity_scale(&mut self, id: BodyId, scale: Fx) -> bool {
        let Some(slot) = self.state().slot(id) else { return false };
        self.state_mut().change_body(slot, true, |body| body.gravity_scale = gravity_scale_of(scale))
    }

    /// Sets the part of the speed that a body loses per second, 0 or more; all of it from `ticks_per_second` on.
    pub fn set_damping(&mut self, id: BodyId, damping: Fx) -> bool {
        let Some(slot) = self.state().slot(id) else { return false };
        let drag = drag_of(damping, self.desc().tick_seconds());
        self.state_mut().change_body(slot, false, |body| body.drag = drag)
    }

    /// The same for the spin.
    pub fn set_spin_damping(&mut self, id: BodyId, damping: Fx) -> bool {
        let Some(slot) = self.state().slot(id) else { return false };
        let drag = drag_of(damping, self.desc().tick_seconds());
        self.state_mut().change_body(slot, false, |body| body.spin_drag = drag)
    }

    /// Sets in which ways a body never moves. One that never turns loses its spin.
    pub fn set_locks(&mut self, id: BodyId, locks: Locks) -> bool {
        let Some(slot) = self.state().slot(id) else { return false };
        let state = self.state_mut();
        let set = state.change_body(slot, true, |body| body.locks = locks_of(locks));
        if state.kind(slot).blueprint.locks & LOCK_ROTATION != 0 {
            state.motions[slot].spin = 0;
        }
        set
    }

    /// Sets whether a dynamic body's way is searched for obstacles at every step.
    pub fn set_bullet(&mut self, id: BodyId, bullet: bool) -> bool {
        self.set_flag(id, BULLET, bullet)
    }

    /// Sets whether a dynamic body may fall asleep; wakes it if not.
    pub fn set_can_sleep(&mut self, id: BodyId, can_sleep: bool) -> bool {
        let set = self.set_flag(id, SLEEPLESS, !can_sleep);
        if set && !can_sleep {
            self.wake(id);
        }
        set
    }

    fn set_flag(&mut self, id: BodyId, flag: u8, set: bool) -> bool {
        let Some(slot) = self.slot_of(id, DYNAMIC) else { return false };
        let state = self.state_mut();
        let flags = state.flags[slot] & !flag | if set { flag } else { 0 };
        if flags != state.flags[slot] {
            state.flags[slot] = flags;
            state.changed(slot);
        }
        true
    }
}

/// Changes of shapes, by their numbers: 0 is the shape of the [`BodyDesc`](crate::BodyDesc), the others follow as they
/// were attached. Each tells whether it was done: not if there is no such body or shape, or if 65,535 different ones
/// are in use. Values out of bounds are brought to the nearest bound.
impl World {
    /// Sets whom a body's first shape meets.
    pub fn set_filter(&mut self, id: BodyId, filter: Filter) -> bool {
        self.set_shape_filter(id, 0, filter)
    }

    /// Sets whom a shape meets. What it touches and meets no more has ended.
    pub fn set_shape_filter(&mut self, id: BodyId, shape: u16, filter: Filter) -> bool {
        self.change_shape(id, shape, |part| part.filter = filter)
    }

    /// Sets how a shape slides and bounces, whether it is a belt, and whether it holds only what comes from above.
    pub fn set_shape_material(&mut self, id: BodyId, shape: u16, material: Material) -> bool {
        self.change_shape(id, shape, |part| part.material = material)
    }

    /// Sets whether a shape only reports what overlaps it. What it touches has ended by that, and begins anew if it
    /// still overlaps: an end and its beginning are of one kind.
    pub fn set_shape_sensor(&mut self, id: BodyId, shape: u16, sensor: bool) -> bool {
        self.change_shape(id, shape, |part| part.sensor = sensor)
    }

    /// Sets the mass per square unit of a shape, 0 or more. It changes how the body turns and where its centre of mass
    /// is, and its mass unless it has one of its own.
    pub fn set_shape_density(&mut self, id: BodyId, shape: u16, density: Fx) -> bool {
        self.change_shape(id, shape, |part| part.density = density)
    }

    /// Takes away a shape that was attached; false also for the first one, which stays. Those attached later have their
    /// number less one from then on: what they touch has ended under the old number and begins under the new one. The
    /// body stays where it is, and its centre of mass keeps its velocity.
    pub fn detach(&mut self, id: BodyId, shape: u16) -> bool {
        let Some(slot) = self.state().slot(id) else { return false };
        let state = self.state_mut();
        let is_there = shape > 0 && usize::from(shape) <= state.extras_of(slot).len();
        if is_there {
            state.wake_touching(slot);
            state.detach(slot, shape);
        }
        is_there
    }

    fn change_shape(&mut self, id: BodyId, shape: u16, change: impl FnOnce(&mut ShapeDesc)) -> bool {
        let Some(slot) = self.state().slot(id) else { return false };
        let state = self.state_mut();
        let Some(kind) = state.part(slot, shape) else { return false };
        let (before, mut part) = (kind.blueprint, kind.blueprint.part.desc());
        change(&mut part);
        let blueprint = before.with_part(&part);
        if blueprint == before {
            return true;
        }
        if !state.set_blueprint(slot, shape, blueprint) {
            return false;
        }
        state.wake_touching(slot);
        if part.density != before.part.desc().density {
            state.weigh_again(slot);
        }
        if blueprint.part.sensor != before.part.sensor {
            state.end_other_contacts(slot, shape);
        }
        state.wake_overlapped_by(slot, shape);
        true
    }
}

impl World {
    /// Sets the acceleration of every dynamic body, in units per second per second; wakes all that sleep.
    pub fn set_gravity(&mut self, gravity: Vec2) {
        let state = self.state_mut();
        if state.desc.gravity == gravity {
            return;
        }
        state.desc.gravity = gravity;
        for slot in 0..state.slots() {
            if state.flags[slot] & ASLEEP != 0 {
                state.wake(slot);
            }
        }
    }
}

impl State {
    /// Replaces the blueprint of a shape; false if there are too many different ones.
    fn set_blueprint(&mut self, slot: usize, sub: u16, blueprint: Blueprint) -> bool {
        let Some(kind) = self.blueprints.add(blueprint) else { return false };
        let further = self.place_of(slot, sub);
        let place = if sub == 0 { &mut self.kinds[slot] } else { &mut self.extras[further].kind };
        let before = core::mem::replace(place, kind);
        self.blueprints.remove(before);
        self.tally = None;
        self.changed(slot);
        true
    }

    /// Changes what all shapes of a body have in common; false if there are too many different ones.
    fn change_body(&mut self, slot: usize, wakes: bool, change: impl FnOnce(&mut Blueprint)) -> bool {
        let before = self.kind(slot).blueprint;
        let mut blueprint = before;
        change(&mut blueprint);
        if blueprint == before {
            return true;
        }
        if !self.set_blueprint(slot, 0, blueprint) {
            return false;
        }
        self.weigh_again(slot);
        if wakes {
            self.wake(slot);
        }
        true
    }

    /// To be called when the mass of a body may be another; its origin stays where it is.
    fn weigh_again(&mut self, slot: usize) {
        let (origin, before) = (self.origin(slot), self.masses[slot].centre);
        self.masses[slot] = self.mass_of_parts(slot);
        if self.masses[slot].centre != before {
            self.positions[slot] = origin + self.lever(slot);
            self.changed(slot);
        }
    }

    fn set_kind(&mut self, slot: usize, kinds: u8) -> bool {
        let blueprint = Blueprint { mass: Fx::ZERO, ..self.kind(slot).blueprint };
        if !self.set_blueprint(slot, 0, blueprint) {
            return false;
        }
        self.wake_touching(slot);
        self.forget_force(slot);
        self.flags[slot] = self.flags[slot] & !(DYNAMIC | KINEMATIC | BULLET | SLEEPLESS) | kinds;
        if kinds == 0 {
            self.motions[slot] = Motion::default();
        }
        self.weigh_again(slot);
        self.stills.forget();
        self.end_contacts(slot, |state, pairing| {
            let flags = |slot: u16| state.flags.get(usize::from(slot)).map_or(0, |&flags| flags);
            let either = flags(pairing.a) | flags(pairing.b);
            either & DYNAMIC == 0 && (either & KINEMATIC == 0 || pairing.bits & SENSOR == 0)
        });
        self.wake_overlapped(slot);
        true
    }

    /// Ends those contacts of a shape that were between solid shapes and are no more, or the other way round.
    fn end_other_contacts(&mut self, slot: usize, sub: u16) {
        self.end_contacts(slot, |state, pairing| {
            let sensor = |slot: u16, sub: u16| {
                let part = if slot == BORDER { None } else { state.part(usize::from(slot), sub) };
                part.is_some_and(|kind| kind.blueprint.part.sensor)
            };
            let own = if usize::from(pairing.a) == slot { pairing.sub_a } else { pairing.sub_b };
            let either = sensor(pairing.a, pairing.sub_a) || sensor(pairing.b, pairing.sub_b);
            own == sub && either != (pairing.bits & SENSOR != 0)
        });
    }

    /// Ends those contacts of a body of which `ends` is true.
    fn end_contacts(&mut self, slot: usize, ends: impl Fn(&Self, &Pairing) -> bool) {
        let mut pairings = core::mem::take(&mut self.pairings);
        pairings.retain(|pairing| {
            let own = usize::from(pairing.a) == slot || usize::from(pairing.b) == slot;
            let ends = own && ends(self, pairing);
            let ended = if ends { Ended::of(self, pairing) } else { None };
            self.ended.extend(ended);
            !ends
        });
        self.pairings = pairings;
    }

    /// Takes away a further shape of a body. What those behind it push is remembered under their new numbers.
    fn detach(&mut self, slot: usize, sub: u16) {
        let mut pairings = core::mem::take(&mut self.pairings);
        pairings.retain_mut(|pairing| {
            let [a, b] = [pairing.a, pairing.b].map(|of| usize::from(of) == slot);
            let own = if a { pairing.sub_a } else { pairing.sub_b };
            if !(a || b) || own < sub {
                return true;
            }
            let ended = Ended::of(self, pairing);
            self.ended.extend(ended);
            pairing.bits &= !TOUCHING;
            let own = if a { &mut pairing.sub_a } else { &mut pairing.sub_b };
            let stays = *own > sub;
            *own -= 1;
            stays
        });
        self.pairings = pairings;
        let mut tally = match self.tally.take() {
            Some((of, tally)) if usize::from(of) == slot && tally.shapes > self.extras_of(slot).len() => {
                tally
            }
            _ => self.tally(slot),
        };
        let place = self.place_of(slot, sub);
        let extra = self.extras.remove(place);
        tally.take(self.blueprints.get(extra.kind));
        self.blueprints.remove(extra.kind);
        let (flags, origin) = (self.flags[slot], self.origin(slot));
        if self.extras_of(slot).is_empty() {
            self.flags[slot] &= !COMPOUND;
            self.masses[slot] = self.mass_of_parts(slot);
        } else if flags & DYNAMIC != 0 {
            self.masses[slot] = tally.mass_of(flags, self.kind(slot));
            self.tally = Some((slot as u16, tally));
        }
        self.positions[slot] = origin + self.lever(slot);
        self.changed(slot);
    }

    /// Where a further shape of a body is among those of all.
    fn place_of(&self, slot: usize, sub: u16) -> usize {
        let first = self.extras.partition_point(|extra| usize::from(extra.slot) < slot);
        (first + usize::from(sub)).saturating_sub(1)
    }
}
