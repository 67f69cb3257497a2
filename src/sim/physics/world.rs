//! `World`, bodies in a walled or open plane.

use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::state::{ALIVE, DYNAMIC, State};
use super::{Body, BodyDesc, BodyId, Contact, WorldDesc};
use crate::{Fx, Vec2};

/// Bodies in a walled or open plane, stepped with a fixed tick.
///
/// Equal worlds that get the same calls stay equal, bit by bit, on every machine. What is remembered between
/// steps is the state: it alone is compared, serialized and cloned. Buffers of the step, and the contacts,
/// are not part of it.
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
    /// What the last step found; not part of the state.
    contacts: Vec<Contact>,
}

/// A world that holds as many bodies as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the world is full: it holds {bodies_max} bodies")]
pub struct WorldFull {
    /// The limit ([`WorldDesc::bodies_max`]).
    pub bodies_max: u16,
}

impl World {
    /// A world without bodies. Values out of bounds are brought to the nearest bound.
    #[must_use]
    pub fn new(desc: WorldDesc) -> Self {
        Self { state: State::new(desc), contacts: Vec::new() }
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
    /// [`WorldFull`] if there are [`WorldDesc::bodies_max`] bodies already.
    pub fn add(&mut self, body: BodyDesc) -> Result<BodyId, WorldFull> {
        self.state.add(&body).ok_or(WorldFull { bodies_max: self.state.desc.bodies_max })
    }

    /// Takes a body out of the world; false if it is not there.
    pub fn remove(&mut self, id: BodyId) -> bool {
        let slot = self.state.slot(id);
        if let Some(slot) = slot {
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

    /// All bodies in the order of their indices.
    pub fn bodies(&self) -> impl Iterator<Item = (BodyId, Body)> {
        let alive = |&slot: &usize| self.state.flags[slot] & ALIVE != 0;
        (0..self.state.slots()).filter(alive).map(|slot| (self.state.id(slot), self.state.body(slot)))
    }

    /// Puts a body somewhere else; false if it is not there.
    pub fn set_position(&mut self, id: BodyId, position: Vec2) -> bool {
        let slot = self.state.slot(id);
        if let Some(slot) = slot {
            self.state.positions[slot] = position;
        }
        slot.is_some()
    }

    /// Sets a dynamic body's velocity, in units per second; false if it is not there or static.
    pub fn set_velocity(&mut self, id: BodyId, velocity: Vec2) -> bool {
        let slot = self.dynamic_slot(id);
        if let Some(slot) = slot {
            self.state.velocities[slot] = velocity;
        }
        slot.is_some()
    }

    /// Changes a dynamic body's velocity by `impulse` / mass; false if it is not there or static.
    pub fn apply_impulse(&mut self, id: BodyId, impulse: Vec2) -> bool {
        let slot = self.dynamic_slot(id);
        if let Some(slot) = slot {
            let inverse = i64::from(self.state.inverse_masses[slot]);
            let change = |part: Fx| Fx::from_wide((i64::from(part.to_bits()) * inverse + (1 << 23)) >> 24);
            self.state.velocities[slot] += Vec2::new(change(impulse.x), change(impulse.y));
        }
        slot.is_some()
    }

    /// Sets the layers a body is in and the layers it meets; false if it is not there.
    pub fn set_filter(&mut self, id: BodyId, layer: u16, mask: u16) -> bool {
        let slot = self.state.slot(id);
        if let Some(slot) = slot {
            self.state.filters[slot] = super::state::Filter { layer, mask };
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

    fn dynamic_slot(&self, id: BodyId) -> Option<usize> {
        self.state.slot(id).filter(|&slot| self.state.flags[slot] & DYNAMIC != 0)
    }

    /// The bodies that met in the last step, in a fixed order; empty after cloning or decoding.
    #[must_use]
    pub fn contacts(&self) -> &[Contact] {
        &self.contacts
    }

    /// Appends the bodies in any of `layers` that overlap a disc, in the order of their indices; radius 0 is
    /// a point.
    pub fn overlap_circle(&self, centre: Vec2, radius: Fx, layers: u16, found: &mut Vec<BodyId>) {
        super::query::overlap_circle(&self.state, centre, radius, layers, found);
    }

    /// Advances the world by one tick.
    pub fn step(&mut self) {
        super::step::step(&mut self.state, &mut self.contacts);
    }
}

impl Clone for World {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), contacts: Vec::new() }
    }

    /// Copies the state into the memory this world already has, and keeps its buffers.
    fn clone_from(&mut self, source: &Self) {
        self.state.clone_from(&source.state);
        self.contacts.clear();
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
        let state = State::deserialize(deserializer)?;
        state.validate().map_err(serde::de::Error::custom)?;
        Ok(Self { state, contacts: Vec::new() })
    }
}
