//! `World`, bodies in a walled or open plane.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::blueprint::{Blueprint, LOCK_ROTATION, is_within_bounds};
use super::rot::Rot;
use super::state::{ALIVE, DYNAMIC, KINEMATIC, State, speed_of_fx};
use super::step::Told;
use super::{
    Body, BodyDesc, BodyId, Contact, ContactEvent, JointDesc, JointError, JointId, JointKind, Shape,
    ShapeDesc, WorldDesc,
};
use crate::{Angle, Fx, Vec2};

/// Bodies in a walled or open plane, stepped with a fixed tick.
///
/// Equal worlds that get the same calls stay equal, bit by bit, on every machine. What is remembered between
/// steps is the state: it alone is compared, serialized and cloned. Buffers of the step, the contacts and the events
/// are not part of it.
///
/// Places are within ±32,767 units, with a step of 1/65,536; speeds below 2,048 units per second in each direction and
/// 100 units per tick, spins below 2,048 radians per second. What would be beyond stays at that bound.
///
/// ```
/// use framekeep_sim::{BodyDesc, Fx, Vec2, World, WorldDesc};
/// let mut world = World::new(WorldDesc::default());
/// let ball = world.add(BodyDesc::circle(Fx::HALF).moving(Vec2::from_ints(3, 0)))?;
/// for _ in 0..30 {
///     world.step();
/// }
/// let ball = world.body(ball).expect("nobody removed it");
/// assert!(ball.position.distance(Vec2::from_ints(3, 0)) < Fx::from_ratio(1, 1_000));
/// # Ok::<(), framekeep_sim::WorldFull>(())
/// ```
#[derive(Debug, Default)]
pub struct World {
    state: State,
    told: Told,
}

/// A world that holds as many bodies as it may, or 65,535 shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the world is full: it holds {bodies_max} bodies, or 65535 shapes")]
pub struct WorldFull {
    /// The limit ([`WorldDesc::bodies_max`]).
    pub bodies_max: u16,
}

/// Why a shape was not attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachError {
    /// The body is not there.
    #[error("there is no body {0:?}")]
    NoBody(BodyId),
    /// The world holds 65,535 shapes; a slot that was freed and is not used again counts as one.
    #[error("the world holds 65535 shapes already: remove bodies and add others, or merge shapes")]
    Full,
    /// A chain needs two points at least, three if it is closed.
    #[error("a chain needs two points, or three if it is closed; it has {0}")]
    TooShort(usize),
    /// A point of a chain is beyond 4,095 from its body in a direction, by itself or with the offset.
    #[error(
        "point {0} of the chain, or the chain's offset, is more than 4095 away from the body: cut the chain"
    )]
    TooFar(usize),
}

impl World {
    /// A world without bodies. Values out of bounds are brought to the nearest bound.
    #[must_use]
    pub fn new(desc: WorldDesc) -> Self {
        Self { state: State::new(desc), told: Told::default() }
    }

    /// What the world is like.
    #[must_use]
    pub fn desc(&self) -> &WorldDesc {
        &self.state.desc
    }

    /// How many bodies there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state.slots() - self.state.free.len()
    }

    /// Whether there is no body.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts a body into the world.
    ///
    /// # Errors
    /// [`WorldFull`] if there are [`WorldDesc::bodies_max`] bodies or 65,535 shapes already.
    pub fn add(&mut self, body: BodyDesc) -> Result<BodyId, WorldFull> {
        let full = WorldFull { bodies_max: self.state.desc.bodies_max };
        let id = self.state.add(&body).ok_or(full)?;
        self.state.wake_overlapped(usize::from(id.index));
        Ok(id)
    }

    /// Adds a shape to a body; gives its number.
    ///
    /// # Errors
    /// [`AttachError`] if the body is not there or the world holds too many shapes.
    pub fn attach(&mut self, id: BodyId, shape: ShapeDesc) -> Result<u16, AttachError> {
        self.attach_blueprint(id, Blueprint::of_part(&shape))
    }

    /// Adds a chain of segments to a body, of the material and filter of `shape` (its outline is of no meaning): solid
    /// from the right side of its direction only, and smooth where segments meet. Around something solid it runs
    /// counter-clockwise. Gives the number of segments.
    ///
    /// # Errors
    /// [`AttachError`]; if it is [`AttachError::Full`], the segments before the one that failed are attached.
    pub fn attach_chain(
        &mut self,
        id: BodyId,
        points: &[Vec2],
        closed: bool,
        shape: ShapeDesc,
    ) -> Result<usize, AttachError> {
        let count = points.len();
        if count < 2 || closed && count < 3 {
            return Err(AttachError::TooShort(count));
        }
        let rot = Rot::from_angle(shape.angle);
        let fits = |&point: &Vec2| {
            let placed = super::state::turned(rot, point) + shape.offset;
            [point, shape.offset, placed].into_iter().all(is_within_bounds)
        };
        if let Some(index) = points.iter().position(|point| !fits(point)) {
            return Err(AttachError::TooFar(index));
        }
        let segments = if closed { count } else { count - 1 };
        for index in 0..segments {
            let (from, to) = (points[index], points[(index + 1) % count]);
            let end = |at: usize, open: bool, own: Vec2| if open { own } else { points[at % count] };
            let before = end(index + count - 1, !closed && index == 0, from);
            let after = end(index + 2, !closed && index + 2 == count, to);
            let part = ShapeDesc { shape: Shape::Segment { from, to }, ..shape };
            self.attach_blueprint(
                id,
                Blueprint { chained: Some([before, after]), ..Blueprint::of_part(&part) },
            )?;
        }
        Ok(segments)
    }

    fn attach_blueprint(&mut self, id: BodyId, blueprint: Blueprint) -> Result<u16, AttachError> {
        let slot = self.state.slot(id).ok_or(AttachError::NoBody(id))?;
        if !self.state.attach(slot, blueprint) {
            return Err(AttachError::Full);
        }
        let sub = self.state.extras_of(slot).len() as u16;
        self.state.wake_overlapped_by(slot, sub);
        Ok(sub)
    }

    /// Takes a body out of the world, with its joints; false if it is not there. Contacts that end by that are told by
    /// the next step.
    pub fn remove(&mut self, id: BodyId) -> bool {
        let slot = self.state.slot(id);
        if let Some(slot) = slot {
            self.state.wake_joined(slot);
            self.state.remove(slot);
        }
        slot.is_some()
    }

    /// Whether a body is there.
    #[must_use]
    pub fn contains(&self, id: BodyId) -> bool {
        self.state.slot(id).is_some()
    }

    /// A copy of what is known of a body.
    #[must_use]
    pub fn body(&self, id: BodyId) -> Option<Body> {
        self.state.slot(id).map(|slot| self.state.body(slot))
    }

    /// Where a body's origin is.
    #[must_use]
    pub fn position(&self, id: BodyId) -> Option<Vec2> {
        self.state.slot(id).map(|slot| self.state.origin(slot))
    }

    /// Units per second of a body's centre of mass.
    #[must_use]
    pub fn velocity(&self, id: BodyId) -> Option<Vec2> {
        self.state.slot(id).map(|slot| self.state.motions[slot].velocity())
    }

    /// The game's own number of a body.
    #[must_use]
    pub fn user(&self, id: BodyId) -> Option<u32> {
        self.state.slot(id).map(|slot| self.state.users[slot])
    }

    /// All bodies in the order of their indices.
    pub fn bodies(&self) -> impl Iterator<Item = (BodyId, Body)> {
        let alive = |&slot: &usize| self.state.flags[slot] & ALIVE != 0;
        (0..self.state.slots()).filter(alive).map(|slot| (self.state.id(slot), self.state.body(slot)))
    }

    /// The shapes of a body, in the order of their numbers.
    pub fn shapes(&self, id: BodyId) -> impl Iterator<Item = ShapeDesc> {
        let slot = self.state.slot(id);
        let numbers = slot.map_or(0, |slot| 1 + self.state.extras_of(slot).len() as u16);
        (0..numbers).filter_map(move |sub| Some(self.state.part(slot?, sub)?.blueprint.part.desc()))
    }

    /// Puts a body somewhere else; false if it is not there.
    pub fn set_position(&mut self, id: BodyId, position: Vec2) -> bool {
        let slot = self.state.slot(id);
        if let Some(slot) = slot {
            self.state.wake_touching(slot);
            self.state.positions[slot] = position + self.state.lever(slot);
            self.state.changed(slot);
            self.state.wake_overlapped(slot);
        }
        slot.is_some()
    }

    /// Turns a body; false if it is not there.
    pub fn set_angle(&mut self, id: BodyId, angle: Angle) -> bool {
        let slot = self.state.slot(id);
        if let Some(slot) = slot {
            self.state.wake_touching(slot);
            let origin = self.state.origin(slot);
            self.state.rotations[slot] = Rot::from_angle(angle);
            self.state.positions[slot] = origin + self.state.lever(slot);
            self.state.changed(slot);
            self.state.wake_overlapped(slot);
        }
        slot.is_some()
    }

    /// Sets the velocity of a body that moves, in units per second; false if it is not there or static.
    pub fn set_velocity(&mut self, id: BodyId, velocity: Vec2) -> bool {
        let slot = self.slot_of(id, DYNAMIC | KINEMATIC);
        if let Some(slot) = slot {
            self.state.wake(slot);
            self.state.motions[slot].set_velocity(velocity);
        }
        slot.is_some()
    }

    /// Sets the spin of a body that moves, in radians per second; false if it is not there, static or never turns.
    pub fn set_spin(&mut self, id: BodyId, spin: Fx) -> bool {
        let turns = |slot: &usize| self.state.kind(*slot).blueprint.locks & LOCK_ROTATION == 0;
        let slot = self.slot_of(id, DYNAMIC | KINEMATIC).filter(turns);
        if let Some(slot) = slot {
            self.state.wake(slot);
            self.state.motions[slot].spin = speed_of_fx(spin);
        }
        slot.is_some()
    }

    /// Sets the game's own number of a body; false if it is not there.
    pub fn set_user(&mut self, id: BodyId, user: u32) -> bool {
        let slot = self.state.slot(id);
        if let Some(slot) = slot {
            self.state.users[slot] = user;
        }
        slot.is_some()
    }

    /// Ends the sleep of a body; false if it is not there.
    pub fn wake(&mut self, id: BodyId) -> bool {
        let slot = self.state.slot(id);
        if let Some(slot) = slot {
            self.state.wake(slot);
        }
        slot.is_some()
    }

    /// Keeps two bodies from meeting, or lets them meet again; false if one of them is not there.
    pub fn ignore(&mut self, a: BodyId, b: BodyId, ignore: bool) -> bool {
        let (Some(one), Some(other)) = (self.state.slot(a), self.state.slot(b)) else { return false };
        let pair = [one.min(other) as u16, one.max(other) as u16];
        self.state.wake_touching(one);
        self.state.wake_touching(other);
        match self.state.ignored.binary_search(&pair) {
            Err(at) if ignore && one != other => self.state.ignored.insert(at, pair),
            Ok(at) if !ignore => drop(self.state.ignored.remove(at)),
            _ => {}
        }
        true
    }

    /// Joins two bodies.
    ///
    /// # Errors
    /// [`JointError`] if one of them is not there, both are the same, or a number is out of range.
    pub fn join(&mut self, joint: JointDesc) -> Result<JointId, JointError> {
        let a = self.state.slot(joint.a).ok_or(JointError::NoBody(joint.a))?;
        let b = self.state.slot(joint.b).ok_or(JointError::NoBody(joint.b))?;
        if a == b {
            return Err(JointError::SameBody);
        }
        super::joint::checked(joint.kind)?;
        super::joint::checked_anchors(joint.anchor_a, joint.anchor_b)?;
        let rest = self.state.rotations[a].to(self.state.rotations[b]);
        self.state.wake(a);
        self.state.wake(b);
        self.state.joints.add(&joint, rest).ok_or(JointError::Full)
    }

    /// Takes a joint away; false if it is not there.
    pub fn unjoin(&mut self, id: JointId) -> bool {
        let Some(joint) = self.state.joints.remove(id) else { return false };
        self.state.wake(usize::from(joint.a));
        self.state.wake(usize::from(joint.b));
        true
    }

    /// What a joint allows.
    #[must_use]
    pub fn joint(&self, id: JointId) -> Option<JointKind> {
        self.state.joints.get(id).map(|joint| joint.kind)
    }

    /// The two bodies of a joint.
    #[must_use]
    pub fn joint_bodies(&self, id: JointId) -> Option<(BodyId, BodyId)> {
        let id_of = |slot: u16| self.state.id(usize::from(slot));
        self.state.joints.get(id).map(|joint| (id_of(joint.a), id_of(joint.b)))
    }

    /// What a joint gave its second body in the last step, and took from the first: an impulse at the anchor, in units
    /// of mass times units per second, and one around it by its motor, its limits, or what keeps the bodies from
    /// turning, in units of inertia times radians per second. Times the ticks per second that is a force and a torque.
    /// It is measured in the last substep, and zero while the bodies sleep.
    #[must_use]
    pub fn joint_impulse(&self, id: JointId) -> Option<(Vec2, Fx)> {
        let joint = self.state.joints.get(id)?;
        Some(super::joint_solver::impulse_of(&self.state, joint))
    }

    /// All joints, with the places of their anchors.
    pub fn joints(&self) -> impl Iterator<Item = (JointId, JointKind, Vec2, Vec2)> {
        let anchor = |slot: u16, anchor: Vec2| {
            let slot = usize::from(slot);
            self.state.origin(slot) + super::state::turned(self.state.rotations[slot], anchor)
        };
        self.state.joints.iter().map(move |(id, joint)| {
            (id, joint.kind, anchor(joint.a, joint.anchor_a), anchor(joint.b, joint.anchor_b))
        })
    }

    /// Changes what a joint allows, its motor or its target; false if it is not there, or a number is out of range.
    pub fn set_joint(&mut self, id: JointId, kind: JointKind) -> bool {
        let Some(joint) = self.state.joints.get_mut(id) else { return false };
        let Ok(kind) = super::joint::checked(kind) else { return false };
        joint.kind = kind;
        let (a, b) = (usize::from(joint.a), usize::from(joint.b));
        self.state.wake(a);
        self.state.wake(b);
        true
    }

    pub(crate) fn slot_of(&self, id: BodyId, kinds: u8) -> Option<usize> {
        self.state.slot(id).filter(|&slot| self.state.flags[slot] & kinds != 0)
    }

    /// The shapes that touched in the last step, in the order of their bodies and numbers; empty after cloning or
    /// decoding. Those of bodies that sleep are not among them.
    #[must_use]
    pub fn contacts(&self) -> &[Contact] {
        &self.told.contacts
    }

    /// What began and ended to touch in the last step, each once, in the order of bodies and shapes; empty after
    /// cloning or decoding.
    #[must_use]
    pub fn events(&self) -> &[ContactEvent] {
        &self.told.events
    }

    pub(crate) const fn state(&self) -> &State {
        &self.state
    }

    pub(crate) const fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// Advances the world by one tick.
    pub fn step(&mut self) {
        super::step::step(&mut self.state, &mut self.told);
    }
}

impl Clone for World {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), told: Told::default() }
    }

    /// Copies the state into the memory this world already has, and keeps its buffers.
    fn clone_from(&mut self, source: &Self) {
        self.state.clone_from(&source.state);
        self.told.contacts.clear();
        self.told.events.clear();
    }
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state
    }
}

impl Eq for World {}

impl Serialize for World {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.state.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for World {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { state: State::deserialize(deserializer)?, told: Told::default() })
    }
}
