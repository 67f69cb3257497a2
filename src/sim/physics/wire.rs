//! The canonical form of a `State`, and what is refused of one from outside.
//!
//! What rests has no velocity and no impulses, so neither is written for it; blueprints are numbered in the order of
//! their first use, so that equal worlds have equal bytes however they came about.

use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::WorldDesc;
use super::blueprint::{Blueprint, Blueprints, NONE};
use super::column::Column;
use super::joints::Joints;
use super::pairing::{ALL_BITS, BORDER, Ended, Pairing, PointMemory, SENSOR};
use super::rot::Rot;
use super::state::{
    ALIVE, ALL_FLAGS, ASLEEP, COMPOUND, DYNAMIC, Extra, KINEMATIC, Mass, Motion, State, is_moving,
};
use crate::Vec2;

/// Two slots and the bits of a pairing: its own, the number of points, and whether shapes are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct PairBits {
    a: u16,
    b: u16,
    bits: u16,
}

const COUNT_SHIFT: u32 = 8;
const NUMBERED: u16 = 1 << 12;

#[derive(Serialize)]
struct Sent<'a> {
    desc: WorldDesc,
    blueprints: Vec<Blueprint>,
    flags: &'a Column<u8>,
    generations: &'a Column<u16>,
    positions: &'a Column<Vec2>,
    rotations: &'a Column<Rot>,
    kinds: Column<u16>,
    users: &'a Column<u32>,
    free: &'a Column<u16>,
    motions: Column<Motion>,
    extras: Column<Extra>,
    ignored: &'a Column<[u16; 2]>,
    pairs: Column<PairBits>,
    numbers: Column<[u16; 2]>,
    points: Column<PointMemory>,
    ended: &'a Column<Ended>,
    joints: &'a Joints,
}

#[derive(Deserialize)]
struct Received {
    desc: WorldDesc,
    blueprints: Vec<Blueprint>,
    flags: Column<u8>,
    generations: Column<u16>,
    positions: Column<Vec2>,
    rotations: Column<Rot>,
    kinds: Column<u16>,
    users: Column<u32>,
    free: Column<u16>,
    motions: Column<Motion>,
    extras: Column<Extra>,
    ignored: Column<[u16; 2]>,
    pairs: Column<PairBits>,
    numbers: Column<[u16; 2]>,
    points: Column<PointMemory>,
    ended: Column<Ended>,
    joints: Joints,
}

/// A state that no world can be in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadState {
    #[error("the world's description is out of bounds")]
    Desc,
    #[error("a blueprint is out of bounds, is there twice or is not used")]
    Blueprint,
    #[error("the columns of the bodies differ in length, or are longer than {0}")]
    Length(u16),
    #[error("the body in slot {0} is out of bounds")]
    Body(usize),
    #[error("the further shapes are not those of bodies, or not in order")]
    Extras,
    #[error("the free list does not list the free slots")]
    FreeList,
    #[error("the pairs are not those of bodies, or not in order")]
    Pairs,
    #[error("a joint is not one of two bodies, or out of bounds")]
    Joint,
}

/// Numbers blueprints in the order of their first use.
struct Numbering<'a> {
    table: &'a Blueprints,
    numbers: Vec<u16>,
    used: Vec<Blueprint>,
}

impl Numbering<'_> {
    fn number(&mut self, kind: u16) -> u16 {
        let Some(number) = self.numbers.get_mut(usize::from(kind)) else { return NONE };
        if *number == NONE {
            *number = self.used.len() as u16;
            self.used.push(self.table.get(kind).blueprint);
        }
        *number
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let table = &self.blueprints;
        let mut numbering = Numbering { table, numbers: alloc::vec![NONE; table.len()], used: Vec::new() };
        let kinds = self.kinds.iter().map(|&kind| numbering.number(kind)).collect();
        let extras = self
            .extras
            .iter()
            .map(|extra| Extra { slot: extra.slot, kind: numbering.number(extra.kind) })
            .collect();
        let moving = |(&flags, &motion): (&u8, &Motion)| is_moving(flags).then_some(motion);
        let numbered = |pairing: &&Pairing| pairing.sub_a | pairing.sub_b != 0;
        Sent {
            desc: self.desc,
            blueprints: numbering.used,
            flags: &self.flags,
            generations: &self.generations,
            positions: &self.positions,
            rotations: &self.rotations,
            kinds,
            users: &self.users,
            free: &self.free,
            motions: self.flags.iter().zip(self.motions.iter()).filter_map(moving).collect(),
            extras,
            ignored: &self.ignored,
            pairs: self.pairings.iter().map(PairBits::of).collect(),
            numbers: self
                .pairings
                .iter()
                .filter(numbered)
                .map(|pairing| [pairing.sub_a, pairing.sub_b])
                .collect(),
            points: self
                .pairings
                .iter()
                .flat_map(|pairing| &pairing.points[..usize::from(pairing.count & 3)])
                .copied()
                .collect(),
            ended: &self.ended,
            joints: &self.joints,
        }
        .serialize(serializer)
    }
}

impl PairBits {
    fn of(pairing: &Pairing) -> Self {
        let numbered = if pairing.sub_a | pairing.sub_b != 0 { NUMBERED } else { 0 };
        let bits = u16::from(pairing.bits) | u16::from(pairing.count) << COUNT_SHIFT | numbered;
        Self { a: pairing.a, b: pairing.b, bits }
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let received = Received::deserialize(deserializer)?;
        received.into_state().map_err(serde::de::Error::custom)
    }
}

impl Received {
    fn into_state(self) -> Result<State, BadState> {
        if self.desc != self.desc.sanitised() {
            return Err(BadState::Desc);
        }
        let slots = self.flags.len();
        let lengths = [
            self.generations.len(),
            self.positions.len(),
            self.rotations.len(),
            self.kinds.len(),
            self.users.len(),
        ];
        if lengths.iter().any(|&length| length != slots) || slots > usize::from(self.desc.bodies_max) {
            return Err(BadState::Length(self.desc.bodies_max));
        }
        let blueprints = Blueprints::from_outside(&self.blueprints).ok_or(BadState::Blueprint)?;
        let motions = spread(&self.flags, &self.motions)?;
        let pairings = gather(&self.pairs, &self.numbers, &self.points).ok_or(BadState::Pairs)?;
        let masses = (0..slots).map(|_| Mass::default()).collect();
        let mut state = State {
            desc: self.desc,
            flags: self.flags,
            generations: self.generations,
            positions: self.positions,
            rotations: self.rotations,
            motions,
            kinds: self.kinds,
            users: self.users,
            free: self.free,
            extras: self.extras,
            ignored: self.ignored,
            pairings,
            ended: self.ended,
            joints: self.joints,
            masses,
            blueprints,
        };
        state.check()?;
        Ok(state)
    }
}

/// The velocities of those that move, by slot.
fn spread(flags: &[u8], moving: &[Motion]) -> Result<Column<Motion>, BadState> {
    let mut left = moving.iter().copied();
    let motions =
        flags.iter().map(|&flags| if is_moving(flags) { left.next() } else { Some(Motion::default()) });
    let motions: Option<Vec<Motion>> = motions.collect();
    let all = motions.filter(|_| left.next().is_none()).ok_or(BadState::Body(flags.len()))?;
    Ok(all.into_iter().collect())
}

fn gather(pairs: &[PairBits], numbers: &[[u16; 2]], points: &[PointMemory]) -> Option<Column<Pairing>> {
    let (mut numbers, mut points) = (numbers.iter(), points.iter());
    let mut pairings = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let count = (pair.bits >> COUNT_SHIFT) & 3;
        let numbered = pair.bits & NUMBERED != 0;
        if count > 2 || pair.bits & !(NUMBERED | 3 << COUNT_SHIFT | u16::from(ALL_BITS)) != 0 {
            return None;
        }
        let [sub_a, sub_b] = if numbered { *numbers.next()? } else { [0, 0] };
        if numbered && sub_a | sub_b == 0 {
            return None;
        }
        let mut pairing = Pairing {
            a: pair.a,
            b: pair.b,
            sub_a,
            sub_b,
            bits: pair.bits as u8,
            count: count as u8,
            ..Pairing::default()
        };
        for point in &mut pairing.points[..usize::from(count)] {
            *point = *points.next()?;
        }
        pairings.push(pairing);
    }
    (numbers.next().is_none() && points.next().is_none()).then(|| pairings.into_iter().collect())
}

impl State {
    /// Checks everything that stepping relies on, and computes what follows from the rest.
    fn check(&mut self) -> Result<(), BadState> {
        for slot in 0..self.slots() {
            let alive = self.flags[slot] & ALIVE != 0;
            if !self.is_sound(slot) || alive && !self.blueprints.count_use(self.kinds[slot]) {
                return Err(BadState::Body(slot));
            }
        }
        for index in 0..self.extras.len() {
            let extra = self.extras[index];
            let compound = self.flags.get(usize::from(extra.slot)).is_some_and(|flags| flags & COMPOUND != 0);
            if !compound || !self.blueprints.count_use(extra.kind) {
                return Err(BadState::Extras);
            }
        }
        if !self.extras.is_sorted_by_key(|extra| extra.slot) || !self.blueprints.all_used() {
            return Err(BadState::Extras);
        }
        for slot in 0..self.slots() {
            if self.flags[slot] & ALIVE != 0 {
                if (self.flags[slot] & COMPOUND != 0) == self.extras_of(slot).is_empty() {
                    return Err(BadState::Extras);
                }
                self.masses[slot] = self.mass_of_parts(slot);
            }
        }
        self.check_free_list()?;
        self.check_pairs()?;
        let is_body = |slot: u16| self.flags.get(usize::from(slot)).is_some_and(|flags| flags & ALIVE != 0);
        if self.joints.are_sound(is_body) { Ok(()) } else { Err(BadState::Joint) }
    }

    fn is_sound(&self, slot: usize) -> bool {
        let (flags, kind) = (self.flags[slot], self.kinds[slot]);
        if flags & ALIVE == 0 {
            return flags == 0
                && kind == NONE
                && self.rotations[slot] == Rot::NONE
                && self.positions[slot] == Vec2::ZERO;
        }
        let kinds = flags & (DYNAMIC | KINEMATIC);
        flags & !ALL_FLAGS == 0
            && kinds != DYNAMIC | KINEMATIC
            && (kinds == DYNAMIC || flags & (ASLEEP | super::state::BULLET | super::state::SLEEPLESS) == 0)
            && self.rotations[slot].is_unit()
            && usize::from(kind) < self.blueprints.len()
            && (self.kind(slot).blueprint.mass == crate::Fx::ZERO || kinds == DYNAMIC)
    }

    fn check_free_list(&self) -> Result<(), BadState> {
        let dead = self.flags.iter().filter(|&&flags| flags == 0).count();
        if self.free.len() != dead {
            return Err(BadState::FreeList);
        }
        if dead == 0 {
            return Ok(());
        }
        let mut listed = alloc::vec![false; self.slots()];
        for &slot in self.free.iter() {
            let slot = usize::from(slot);
            if self.flags.get(slot) != Some(&0) || core::mem::replace(&mut listed[slot], true) {
                return Err(BadState::FreeList);
            }
        }
        Ok(())
    }

    fn check_pairs(&self) -> Result<(), BadState> {
        let known = |slot: u16, sub: u16| {
            self.flags.get(usize::from(slot)).is_some_and(|flags| flags & ALIVE != 0)
                && self.part(usize::from(slot), sub).is_some()
        };
        let sound = |pairing: &Pairing| {
            known(pairing.a, pairing.sub_a)
                && (pairing.b == BORDER && pairing.sub_b < 4
                    || pairing.a < pairing.b && known(pairing.b, pairing.sub_b))
                && (pairing.bits & SENSOR == 0 || pairing.count == 0)
        };
        let ascending = self.pairings.windows(2).all(|two| two[0].key() < two[1].key());
        let ignored = |pair: &[u16; 2]| pair[0] < pair[1] && known(pair[0], 0) && known(pair[1], 0);
        let ended = |ended: &Ended| ended.sensor <= 1;
        let sane = ascending
            && self.pairings.iter().all(sound)
            && self.ignored.is_sorted()
            && self.ignored.iter().all(ignored)
            && self.ended.iter().all(ended);
        if sane { Ok(()) } else { Err(BadState::Pairs) }
    }
}
