//! `State`, everything a world remembers from one step to the next.

use serde::{Deserialize, Serialize};

use super::base::Base;
use super::blueprint::{
    Blueprint, Blueprints, Kind, LOCK_ROTATION, LOCK_X, LOCK_Y, MASS_MIN, NONE, damping_of,
};
use super::column::Column;
use super::force::Force;
use super::pairing::{Ended, Pairing};
use super::rot::Rot;
use super::still::{Stills, is_still};
use super::tally::Tally;
use super::{Body, BodyDesc, BodyId, BodyKind, Locks, WorldDesc};
use crate::fx::clamp_to_i32;
use crate::{Fx, Vec2};

/// A slot holds a body.
pub(crate) const ALIVE: u8 = 1;
/// The body is pushed.
pub(crate) const DYNAMIC: u8 = 2;
/// The body moves and is not pushed.
pub(crate) const KINEMATIC: u8 = 4;
/// The body rests.
pub(crate) const ASLEEP: u8 = 8;
/// The body's way is searched for obstacles.
pub(crate) const BULLET: u8 = 16;
/// The body never falls asleep.
pub(crate) const SLEEPLESS: u8 = 32;
/// The body has more than one shape.
pub(crate) const COMPOUND: u8 = 64;
pub(crate) const ALL_FLAGS: u8 = ALIVE | DYNAMIC | KINEMATIC | ASLEEP | BULLET | SLEEPLESS | COMPOUND;

/// 1 in the inverse masses.
pub(crate) const INVERSE_MASS_BITS: u32 = 24;
/// Most shapes of a world, free slots included: their numbers, and where they end in the grid, are 16 bits wide.
pub(crate) const SHAPES_MAX: usize = u16::MAX as usize;
/// Fraction bits of a velocity here.
pub(crate) const SPEED_BITS: u32 = 20;

/// How a body moves, in 1/2²⁰ of a unit or of a radian per second, and for how many ticks it has been slow.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, bytemuck::Pod, bytemuck::Zeroable,
)]
#[repr(C)]
pub(crate) struct Motion {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) spin: i32,
    pub(crate) slow_ticks: u32,
}

impl Motion {
    pub(crate) fn velocity(self) -> Vec2 {
        Vec2::new(fx_of_speed(self.x), fx_of_speed(self.y))
    }

    pub(crate) const fn set_velocity(&mut self, velocity: Vec2) {
        self.x = speed_of_fx(velocity.x);
        self.y = speed_of_fx(velocity.y);
    }
}

/// Rounded to the nearest.
pub(crate) const fn fx_of_speed(speed: i32) -> Fx {
    Fx::from_bits(((speed as i64 + (1 << 3)) >> 4) as i32)
}

pub(crate) const fn speed_of_fx(speed: Fx) -> i32 {
    clamp_to_i32((speed.to_bits() as i64) << (SPEED_BITS - 16))
}

/// How hard it is to move a body; follows from its shapes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mass {
    /// 1 / mass in 1/2²⁴; 0 for what is not dynamic.
    pub(crate) inverse: u32,
    /// 1 / radius of gyration in 1/2²⁰; 0 for what never turns.
    pub(crate) inverse_gyration: i32,
    /// The centre of mass in the body.
    pub(crate) centre: Vec2,
}

/// A further shape of a body.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    bytemuck::Pod,
    bytemuck::Zeroable,
)]
#[repr(C)]
pub(crate) struct Extra {
    pub(crate) slot: u16,
    pub(crate) kind: u16,
}

/// Everything a world remembers from one step to the next; columns by slot, all of one length.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) desc: WorldDesc,
    pub(crate) flags: Column<u8>,
    pub(crate) generations: Column<u16>,
    /// Of the centres of mass.
    pub(crate) positions: Column<Vec2>,
    pub(crate) rotations: Column<Rot>,
    pub(crate) motions: Column<Motion>,
    /// Where the search for contacts sees those that may lag; of others of no meaning.
    pub(crate) bases: Column<Base>,
    /// The blueprint of the first shape.
    pub(crate) kinds: Column<u16>,
    pub(crate) users: Column<u32>,
    /// Slots without a body; the last one is used next.
    pub(crate) free: Column<u16>,
    /// By slot; those of a slot in the order in which they were attached.
    pub(crate) extras: Column<Extra>,
    /// Pairs of slots that do not meet, sorted, the lower slot first.
    pub(crate) ignored: Column<[u16; 2]>,
    /// What touches or is about to, by slots and shapes.
    pub(crate) pairings: Column<Pairing>,
    /// Contacts that ended because a body was removed, told at the next step.
    pub(crate) ended: Column<Ended>,
    /// What pulls bodies in the next step, by slot; empty if there was nothing yet.
    pub(crate) forces: Column<Force>,
    pub(crate) joints: super::joints::Joints,
    /// Follows from the blueprints.
    pub(crate) masses: Column<Mass>,
    /// Follows from the bodies that rest.
    pub(crate) stills: Stills,
    pub(crate) blueprints: Blueprints,
    /// Of the body to which a shape was attached last, or from which one was detached. Follows from its shapes;
    /// forgotten when they may be others.
    pub(crate) tally: Option<(u16, Tally)>,
}

impl Clone for State {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        copy.clone_from(self);
        copy
    }

    fn clone_from(&mut self, source: &Self) {
        self.desc = source.desc;
        self.flags.clone_from(&source.flags);
        self.generations.clone_from(&source.generations);
        self.positions.clone_from(&source.positions);
        self.rotations.clone_from(&source.rotations);
        self.motions.clone_from(&source.motions);
        self.bases.clone_from(&source.bases);
        self.kinds.clone_from(&source.kinds);
        self.users.clone_from(&source.users);
        self.free.clone_from(&source.free);
        self.extras.clone_from(&source.extras);
        self.ignored.clone_from(&source.ignored);
        self.pairings.clone_from(&source.pairings);
        self.ended.clone_from(&source.ended);
        self.forces.clone_from(&source.forces);
        self.joints.clone_from(&source.joints);
        self.masses.clone_from(&source.masses);
        self.stills.clone_from(&source.stills);
        self.blueprints.clone_from(&source.blueprints);
        self.tally = None;
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.desc == other.desc
            && self.flags == other.flags
            && self.generations == other.generations
            && self.positions == other.positions
            && self.rotations == other.rotations
            && self.motions == other.motions
            && self.is_seen_as(other)
            && self.users == other.users
            && self.free == other.free
            && self.ignored == other.ignored
            && self.pairings == other.pairings
            && self.ended == other.ended
            && self.pulled().eq(other.pulled())
            && self.joints == other.joints
            && self.extras.len() == other.extras.len()
            && self.parts().zip(other.parts()).all(|(one, other)| one == other)
    }
}

impl Eq for State {}

impl State {
    pub(crate) fn new(desc: WorldDesc) -> Self {
        Self { desc: desc.sanitised(), ..Self::default() }
    }

    /// How many slots there are, free ones included.
    pub(crate) fn slots(&self) -> usize {
        self.flags.len()
    }

    /// How many shapes there are at most: a slot has a first one, if it is not free.
    pub(crate) fn places(&self) -> usize {
        self.slots() + self.extras.len()
    }

    /// The slot of a body that is there.
    pub(crate) fn slot(&self, id: BodyId) -> Option<usize> {
        let slot = usize::from(id.index);
        let alive = *self.flags.get(slot)? & ALIVE != 0;
        (alive && self.generations[slot] == id.generation).then_some(slot)
    }

    pub(crate) fn id(&self, slot: usize) -> BodyId {
        BodyId { index: slot as u16, generation: self.generations[slot] }
    }

    /// The first shape of the body in `slot`, and what all of it has in common.
    #[inline]
    pub(crate) fn kind(&self, slot: usize) -> &Kind {
        self.blueprints.get(self.kinds[slot])
    }

    /// The further shapes of the body in `slot`.
    pub(crate) fn extras_of(&self, slot: usize) -> &[Extra] {
        if self.flags[slot] & COMPOUND == 0 {
            return &[];
        }
        let slot = slot as u16;
        let first = self.extras.partition_point(|extra| extra.slot < slot);
        let count = self.extras[first..].partition_point(|extra| extra.slot == slot);
        &self.extras[first..first + count]
    }

    /// The shape of that number of the body in `slot`.
    pub(crate) fn part(&self, slot: usize, sub: u16) -> Option<&Kind> {
        match sub {
            0 => self.blueprints.try_get(*self.kinds.get(slot)?),
            _ => Some(self.blueprints.get(self.extras_of(slot).get(usize::from(sub) - 1)?.kind)),
        }
    }

    /// Every blueprint by slot, then those of the further shapes.
    fn parts(&self) -> impl Iterator<Item = Option<(u16, Blueprint)>> {
        let blueprint = |kind: u16| self.blueprints.try_get(kind).map(|kind| kind.blueprint);
        let first = self.kinds.iter().map(move |&kind| Some((0, blueprint(kind)?)));
        first.chain(self.extras.iter().map(move |extra| Some((extra.slot, blueprint(extra.kind)?))))
    }

    /// Where the body's origin is.
    pub(crate) fn origin(&self, slot: usize) -> Vec2 {
        self.positions[slot] - self.lever(slot)
    }

    /// From the origin to the centre of mass, in the world.
    pub(crate) fn lever(&self, slot: usize) -> Vec2 {
        turned(self.rotations[slot], self.masses[slot].centre)
    }

    pub(crate) fn body(&self, slot: usize) -> Body {
        let (flags, kind, motion) = (self.flags[slot], self.kind(slot), self.motions[slot]);
        let (part, locks) = (kind.blueprint.part.desc(), kind.blueprint.locks);
        let damping = |drag: u16| damping_of(drag, self.desc.tick_seconds());
        Body {
            kind: match flags & (DYNAMIC | KINEMATIC) {
                0 => BodyKind::Static,
                DYNAMIC => BodyKind::Dynamic,
                _ => BodyKind::Kinematic,
            },
            shape: part.shape,
            position: self.origin(slot),
            angle: self.rotations[slot].angle(),
            velocity: motion.velocity(),
            spin: fx_of_speed(motion.spin),
            centre: self.positions[slot],
            mass: mass_of(self.masses[slot].inverse),
            filter: part.filter,
            sensor: part.sensor,
            damping: damping(kind.blueprint.drag),
            spin_damping: damping(kind.blueprint.spin_drag),
            gravity_scale: kind.blueprint.gravity_scale,
            locks: Locks {
                rotation: locks & LOCK_ROTATION != 0,
                x: locks & LOCK_X != 0,
                y: locks & LOCK_Y != 0,
            },
            bullet: flags & BULLET != 0,
            can_sleep: flags & SLEEPLESS == 0,
            asleep: flags & ASLEEP != 0,
            user: self.users[slot],
        }
    }

    /// Puts a body into a free slot; nothing if there is none.
    pub(crate) fn add(&mut self, desc: &BodyDesc) -> Option<BodyId> {
        let full = self.slots() >= usize::from(self.desc.bodies_max) || self.places() >= SHAPES_MAX;
        if self.free.is_empty() && full {
            return None;
        }
        let kind = self.blueprints.add(Blueprint::of_body(desc, self.desc.tick_seconds()))?;
        let slot = match self.free.pop() {
            Some(slot) => usize::from(slot),
            None => self.grow(),
        };
        let flag = |condition: bool, flag: u8| if condition { flag } else { 0 };
        let dynamic = desc.kind == BodyKind::Dynamic;
        self.flags[slot] = ALIVE
            | flag(dynamic, DYNAMIC)
            | flag(desc.kind == BodyKind::Kinematic, KINEMATIC)
            | flag(!desc.can_sleep && dynamic, SLEEPLESS)
            | flag(desc.bullet && dynamic, BULLET);
        self.kinds[slot] = kind;
        self.users[slot] = desc.user;
        self.rotations[slot] = Rot::from_angle(desc.angle);
        self.masses[slot] = self.mass_of_parts(slot);
        self.positions[slot] = desc.position + self.lever(slot);
        if desc.kind != BodyKind::Static {
            self.motions[slot].set_velocity(desc.velocity);
            let turns = self.kind(slot).blueprint.locks & LOCK_ROTATION == 0;
            self.motions[slot].spin = if turns { speed_of_fx(desc.spin) } else { 0 };
        }
        self.changed(slot);
        Some(self.id(slot))
    }

    /// To be called when the place, the turn or a shape of a body is another one than before, or it comes or goes.
    pub(crate) fn changed(&mut self, slot: usize) {
        if is_still(self.flags[slot]) {
            self.stills.forget();
        }
        self.bases[slot] = self.pose(slot);
    }

    fn grow(&mut self) -> usize {
        self.flags.push(0);
        self.generations.push(0);
        self.positions.push(Vec2::ZERO);
        self.rotations.push(Rot::NONE);
        self.motions.push(Motion::default());
        self.bases.push(Base::default());
        self.kinds.push(NONE);
        self.users.push(0);
        self.masses.push(Mass::default());
        self.slots() - 1
    }

    /// Takes a body out. Its slot is as new afterwards, but for the generation.
    pub(crate) fn remove(&mut self, slot: usize) {
        self.changed(slot);
        self.end_pairings(slot);
        self.tally = None;
        self.joints.remove_of(slot as u16);
        self.forget_force(slot);
        self.ignored.retain(|pair| !pair.contains(&(slot as u16)));
        if self.flags[slot] & COMPOUND != 0 {
            let blueprints = &mut self.blueprints;
            self.extras.retain(|extra| {
                let kept = usize::from(extra.slot) != slot;
                if !kept {
                    blueprints.remove(extra.kind);
                }
                kept
            });
        }
        self.blueprints.remove(self.kinds[slot]);
        self.flags[slot] = 0;
        self.generations[slot] = self.generations[slot].wrapping_add(1);
        self.positions[slot] = Vec2::ZERO;
        self.rotations[slot] = Rot::NONE;
        self.motions[slot] = Motion::default();
        self.kinds[slot] = NONE;
        self.users[slot] = 0;
        self.masses[slot] = Mass::default();
        self.free.push(slot as u16);
    }

    /// Forgets whom the body in `slot` touches; what rested on it wakes up.
    fn end_pairings(&mut self, slot: usize) {
        let mut pairings = core::mem::take(&mut self.pairings);
        pairings.retain(|pairing| {
            let other = match (usize::from(pairing.a) == slot, usize::from(pairing.b) == slot) {
                (false, false) => return true,
                (true, _) => pairing.b,
                _ => pairing.a,
            };
            if let Some(ended) = Ended::of(self, pairing) {
                self.ended.push(ended);
            }
            if usize::from(other) < self.slots() {
                self.wake(usize::from(other));
            }
            false
        });
        self.pairings = pairings;
    }

    /// Adds a shape to a body; false if there are too many.
    pub(crate) fn attach(&mut self, slot: usize, blueprint: Blueprint) -> bool {
        if self.places() >= SHAPES_MAX {
            return false;
        }
        let Some(kind) = self.blueprints.add(blueprint) else { return false };
        let at = self.extras.partition_point(|extra| usize::from(extra.slot) <= slot);
        self.extras.insert(at, Extra { slot: slot as u16, kind });
        self.flags[slot] |= COMPOUND;
        let origin = self.origin(slot);
        self.masses[slot] = self.mass_with(slot, kind);
        self.positions[slot] = origin + self.lever(slot);
        self.changed(slot);
        self.wake(slot);
        true
    }

    /// Ends the sleep of a body.
    pub(crate) fn wake(&mut self, slot: usize) {
        if self.flags[slot] & ASLEEP != 0 {
            self.stills.forget();
            self.bases[slot] = self.pose(slot);
        }
        self.flags[slot] &= !ASLEEP;
        self.motions[slot].slow_ticks = 0;
    }

    /// Mass and centre of mass by the shapes of the body in `slot`.
    pub(crate) fn mass_of_parts(&self, slot: usize) -> Mass {
        let (first, flags) = (self.kind(slot), self.flags[slot]);
        let extras = self.extras_of(slot);
        // What is never pushed needs no centre of all its shapes.
        if extras.is_empty() || flags & DYNAMIC == 0 {
            let mass = if first.blueprint.mass > Fx::ZERO {
                i64::from(first.blueprint.mass.to_bits())
            } else {
                first.mass()
            };
            return Mass::new(
                flags,
                first.blueprint.locks,
                mass,
                u128::from(first.extent.gyration),
                first.extent.centroid,
            );
        }
        self.tally(slot).mass_of(flags, first)
    }

    /// The sums of all shapes of the body in `slot`.
    pub(crate) fn tally(&self, slot: usize) -> Tally {
        let mut tally = Tally::default();
        tally.add(self.kind(slot));
        self.extras_of(slot).iter().for_each(|extra| tally.add(self.blueprints.get(extra.kind)));
        tally
    }

    /// The mass of the body in `slot`, to which a shape of a kind was attached: many are attached one after the other.
    fn mass_with(&mut self, slot: usize, kind: u16) -> Mass {
        let flags = self.flags[slot];
        if flags & DYNAMIC == 0 {
            return self.mass_of_parts(slot);
        }
        let before = self.extras_of(slot).len();
        let tally = match self.tally.take() {
            Some((of, mut tally)) if usize::from(of) == slot && tally.shapes == before => {
                tally.add(self.blueprints.get(kind));
                tally
            }
            _ => self.tally(slot),
        };
        self.tally = Some((slot as u16, tally));
        tally.mass_of(flags, self.kind(slot))
    }
}

impl Mass {
    /// `mass` in 1/2¹⁶, `gyration` squared in 1/2³².
    pub(crate) fn new(flags: u8, locks: u8, mass: i64, gyration: u128, centre: Vec2) -> Self {
        if flags & DYNAMIC == 0 {
            return Self { centre, ..Self::default() };
        }
        let mass = mass.max(i64::from(MASS_MIN.to_bits())).min(i64::from(i32::MAX)).unsigned_abs();
        let inverse = ((1_u64 << (INVERSE_MASS_BITS + 16)) / mass) as u32;
        // The root of what has 48 fraction bits has 24 of them.
        let radius = (gyration << 16).isqrt().max(1 << 16);
        let turns = locks & LOCK_ROTATION == 0;
        let inverse_gyration = if turns { ((1_u128 << 44) / radius).max(1) as i32 } else { 0 };
        Self { inverse, inverse_gyration, centre }
    }
}

/// A mass from its inverse.
fn mass_of(inverse: u32) -> Fx {
    if inverse == 0 {
        return Fx::ZERO;
    }
    let (one, inverse) = (1_u64 << (INVERSE_MASS_BITS + 16), u64::from(inverse));
    Fx::from_wide(((one + inverse / 2) / inverse) as i64)
}

/// Whether a body with these flags moves by itself now.
#[inline(always)]
pub(crate) const fn is_moving(flags: u8) -> bool {
    flags & (DYNAMIC | KINEMATIC) != 0 && flags & ASLEEP == 0
}

/// A vector of a body in the world.
#[inline]
pub(crate) fn turned(rot: Rot, vector: Vec2) -> Vec2 {
    if vector == Vec2::ZERO {
        return vector;
    }
    let (x, y) = rot.apply(i64::from(vector.x.to_bits()), i64::from(vector.y.to_bits()));
    Vec2::new(Fx::from_wide(x), Fx::from_wide(y))
}
