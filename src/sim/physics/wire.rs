//! The canonical form of a `State`, and what is refused of one from outside.
//!
//! What rests has no velocity and no impulses, so neither is written for it, and a column in which all is as in a new
//! body is left out; blueprints are numbered in the order of their first use, so that equal worlds have equal bytes
//! however they came about.

use alloc::vec::Vec;
use core::cell::RefCell;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::WorldDesc;
use super::base::Base;
use super::blueprint::{Blueprint, Blueprints, NONE};
use super::column::Column;
use super::force::Pulled;
use super::joints::Joints;
use super::pairing::{ALL_BITS, BORDER, Ended, Pairing, PointMemory, SENSOR};
use super::rot::Rot;
use super::state::{
    ALIVE, ALL_FLAGS, ASLEEP, COMPOUND, DYNAMIC, Extra, KINEMATIC, Mass, Motion, SHAPES_MAX, State, is_moving,
};
use super::still::Stills;
use crate::{Fx, Vec2};

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
    kinds: &'a Column<u16>,
    users: &'a Column<u32>,
    free: &'a Column<u16>,
    velocities: &'a Column<[i32; 2]>,
    spins: &'a Column<i32>,
    slow: &'a Column<u16>,
    lags: &'a Column<[i16; 3]>,
    turns: &'a Column<Rot>,
    extras: &'a Column<Extra>,
    ignored: &'a Column<[u16; 2]>,
    pairs: &'a Column<PairBits>,
    numbers: &'a Column<[u16; 2]>,
    points: &'a Column<PointMemory>,
    ended: &'a Column<Ended>,
    forces: &'a Column<Pulled>,
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
    velocities: Column<[i32; 2]>,
    spins: Column<i32>,
    slow: Column<u16>,
    /// Slots of bodies that are seen where they were, and how far they went since; and how they were turned.
    lags: Column<[i16; 3]>,
    turns: Column<Rot>,
    extras: Column<Extra>,
    ignored: Column<[u16; 2]>,
    pairs: Column<PairBits>,
    numbers: Column<[u16; 2]>,
    points: Column<PointMemory>,
    ended: Column<Ended>,
    forces: Column<Pulled>,
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
    #[error("there are {0} shapes, more than {SHAPES_MAX}")]
    Shapes(usize),
    #[error("the free list does not list the free slots")]
    FreeList,
    #[error("the pairs are not those of bodies, or not in order")]
    Pairs,
    #[error("the bodies that are seen where they were are not in order")]
    Lags,
    #[error("what pulls is not in order, comes to nothing, or is of no body that can be pulled")]
    Forces,
    #[error("a joint is not one of two bodies, or out of bounds")]
    Joint,
}

/// Numbers blueprints in the order of their first use.
struct Numbering<'a> {
    table: &'a Blueprints,
    numbers: Vec<u16>,
    used: Vec<Blueprint>,
    /// The last one asked for, and its number: neighbours are often alike.
    last: (u16, u16),
}

impl Numbering<'_> {
    #[inline(always)]
    fn number(&mut self, kind: u16) -> u16 {
        if self.last.0 != kind {
            self.last = (kind, self.find(kind));
        }
        self.last.1
    }

    fn find(&mut self, kind: u16) -> u16 {
        let Some(number) = self.numbers.get_mut(usize::from(kind)) else { return NONE };
        if *number == NONE {
            *number = self.used.len() as u16;
            self.used.push(self.table.get(kind).blueprint);
        }
        *number
    }
}

std::thread_local! {
    /// Memory in which columns are put together, for all worlds of a thread.
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

/// Columns that are put together to be sent.
#[derive(Default)]
struct Buffers {
    kinds: Column<u16>,
    extras: Column<Extra>,
    velocities: Column<[i32; 2]>,
    spins: Column<i32>,
    slow: Column<u16>,
    lags: Column<[i16; 3]>,
    turns: Column<Rot>,
    pairs: Column<PairBits>,
    numbers: Column<[u16; 2]>,
    points: Column<PointMemory>,
    forces: Column<Pulled>,
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffers = BUFFERS.take();
        let blueprints = buffers.fill(self);
        let (still, empty, nobodys) = (Column::default(), Column::default(), Column::default());
        let sent = Sent {
            desc: self.desc,
            blueprints,
            flags: &self.flags,
            generations: if all(&self.generations, 0) { &empty } else { &self.generations },
            positions: &self.positions,
            rotations: if all(&self.rotations, Rot::NONE) { &still } else { &self.rotations },
            kinds: &buffers.kinds,
            users: if all(&self.users, 0) { &nobodys } else { &self.users },
            free: &self.free,
            velocities: &buffers.velocities,
            spins: &buffers.spins,
            slow: &buffers.slow,
            lags: &buffers.lags,
            turns: &buffers.turns,
            extras: &buffers.extras,
            ignored: &self.ignored,
            pairs: &buffers.pairs,
            numbers: &buffers.numbers,
            points: &buffers.points,
            ended: &self.ended,
            forces: &buffers.forces,
            joints: &self.joints,
        }
        .serialize(serializer);
        BUFFERS.set(buffers);
        sent
    }
}

impl Buffers {
    /// Puts together what is sent of a state; gives the blueprints in the order of their numbers.
    fn fill(&mut self, state: &State) -> Vec<Blueprint> {
        let table = &state.blueprints;
        let mut numbering = Numbering {
            table,
            numbers: alloc::vec![NONE; table.len()],
            used: Vec::new(),
            last: (NONE, NONE),
        };
        self.kinds.clear();
        self.extras.clear();
        // One blueprint for all needs no numbers.
        match state.kinds.first() {
            Some(&first) if first != NONE && all(&state.kinds, first) => drop(numbering.number(first)),
            _ => self.kinds.extend(state.kinds.iter().map(|&kind| numbering.number(kind))),
        }
        let renumbered = |extra: &Extra| Extra { slot: extra.slot, kind: numbering.number(extra.kind) };
        self.extras.extend(state.extras.iter().map(renumbered));
        self.fill_motions(state);
        self.fill_lags(state);
        self.fill_pairs(&state.pairings);
        self.forces.clear();
        self.forces.extend(state.pulled());
        numbering.used
    }

    fn fill_motions(&mut self, state: &State) {
        let motions = &state.motions;
        let moving = || {
            let all = state.flags.iter().zip(motions.iter());
            all.filter(|(flags, _)| is_moving(**flags)).map(|(_, motion)| motion)
        };
        self.velocities.clear();
        self.spins.clear();
        self.slow.clear();
        let velocity = |motion: &Motion| [motion.x, motion.y];
        if state.flags.iter().fold(false, |any, &flags| any | !is_moving(flags)) {
            self.velocities.extend(moving().map(velocity));
        } else {
            self.velocities.extend(motions.iter().map(velocity));
        }
        // What does not move has neither.
        if motions.iter().fold(0, |any, motion| any | motion.spin) != 0 {
            self.spins.extend(moving().map(|motion| motion.spin));
        }
        if motions.iter().fold(0, |any, motion| any | motion.slow_ticks) != 0 {
            // Half a second of ticks at most.
            self.slow.extend(moving().map(|motion| motion.slow_ticks as u16));
        }
    }

    fn fill_lags(&mut self, state: &State) {
        self.lags.clear();
        self.turns.clear();
        if !state.blueprints.has_outlines() {
            return;
        }
        for slot in 0..state.slots() {
            if let Some(lag) = state.lag(slot) {
                self.lags.push([(slot as u16).cast_signed(), lag.x as i16, lag.y as i16]);
                self.turns.push(state.bases[slot].rot);
            }
        }
    }

    fn fill_pairs(&mut self, pairings: &[Pairing]) {
        self.pairs.clear();
        self.numbers.clear();
        self.points.clear();
        self.pairs.extend(pairings.iter().map(PairBits::of));
        for pairing in pairings {
            if pairing.sub_a | pairing.sub_b != 0 {
                self.numbers.push([pairing.sub_a, pairing.sub_b]);
            }
            self.points.extend_from_slice(&pairing.points[..usize::from(pairing.count).min(2)]);
        }
    }
}

/// Whether all of a column is the same.
fn all<T: Copy + PartialEq>(column: &[T], value: T) -> bool {
    column.iter().fold(true, |all, &one| all & (one == value))
}

/// A whole column where one may be left out, and whether it is the one to send.
fn filled<T: Copy + PartialEq>(column: Column<T>, length: usize, value: T) -> Option<Column<T>> {
    if column.is_empty() {
        return Some(core::iter::repeat_n(value, length).collect());
    }
    (column.len() == length && !all(&column, value)).then_some(column)
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
        if self.positions.len() != slots || slots > usize::from(self.desc.bodies_max) {
            return Err(BadState::Length(self.desc.bodies_max));
        }
        let bad = BadState::Length(self.desc.bodies_max);
        let rotations = filled(self.rotations, slots, Rot::NONE).ok_or(bad.clone())?;
        let generations = filled(self.generations, slots, 0).ok_or(bad.clone())?;
        let users = filled(self.users, slots, 0).ok_or(bad.clone())?;
        let kinds = filled(self.kinds, slots, 0).ok_or(bad)?;
        let blueprints = Blueprints::from_outside(&self.blueprints).ok_or(BadState::Blueprint)?;
        let motions = spread(&self.flags, &self.velocities, self.spins, self.slow)?;
        let pairings = gather(&self.pairs, &self.numbers, &self.points).ok_or(BadState::Pairs)?;
        let masses = (0..slots).map(|_| Mass::default()).collect();
        let mut state = State {
            desc: self.desc,
            flags: self.flags,
            generations,
            positions: self.positions,
            rotations,
            bases: Column::default(),
            motions,
            kinds,
            users,
            free: self.free,
            extras: self.extras,
            ignored: self.ignored,
            pairings,
            ended: self.ended,
            forces: Column::default(),
            joints: self.joints,
            masses,
            stills: Stills::default(),
            blueprints,
            tally: None,
        };
        state.check()?;
        if !state.take_forces(&self.forces) {
            return Err(BadState::Forces);
        }
        state.see(&self.lags, &self.turns)?;
        Ok(state)
    }
}

/// The velocities of those that move, by slot.
fn spread(
    flags: &[u8],
    velocities: &[[i32; 2]],
    spins: Column<i32>,
    slow: Column<u16>,
) -> Result<Column<Motion>, BadState> {
    let (bad, count) = (|| BadState::Body(flags.len()), velocities.len());
    let spins = filled(spins, count, 0).ok_or_else(bad)?;
    let slow = filled(slow, count, 0).ok_or_else(bad)?;
    let mut left = velocities.iter().zip(spins.iter()).zip(slow.iter());
    let mut motion = |flags: u8| {
        if !is_moving(flags) {
            return Some(Motion::default());
        }
        let ((&[x, y], &spin), &slow_ticks) = left.next()?;
        Some(Motion { x, y, spin, slow_ticks: slow_ticks.into() })
    };
    let mut motions = Vec::with_capacity(flags.len());
    for &flags in flags {
        motions.push(motion(flags).ok_or_else(bad)?);
    }
    if left.next().is_some() { Err(bad()) } else { Ok(motions.into_iter().collect()) }
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
    /// Sees bodies where they were.
    fn see(&mut self, lags: &[[i16; 3]], turns: &[Rot]) -> Result<(), BadState> {
        self.bases = (0..self.slots()).map(|slot| self.pose(slot)).collect();
        let sorted = lags.is_sorted_by(|one, other| one[0].cast_unsigned() < other[0].cast_unsigned());
        if lags.len() != turns.len() || !sorted {
            return Err(BadState::Lags);
        }
        for (&[slot, x, y], &rot) in lags.iter().zip(turns) {
            let slot = usize::from(slot.cast_unsigned());
            let Some(base) = self.bases.get_mut(slot) else { return Err(BadState::Lags) };
            let lag = Vec2::new(Fx::from_bits(x.into()), Fx::from_bits(y.into()));
            *base = Base { at: self.positions[slot] - lag, rot };
            if !rot.is_unit() || self.lag(slot).is_none() {
                return Err(BadState::Body(slot));
            }
        }
        Ok(())
    }

    /// Checks everything that stepping relies on, and computes what follows from the rest.
    fn check(&mut self) -> Result<(), BadState> {
        if self.places() > SHAPES_MAX {
            return Err(BadState::Shapes(self.places()));
        }
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
        self.weigh()?;
        self.check_free_list()?;
        self.check_pairs()?;
        let is_body = |slot: u16| self.flags.get(usize::from(slot)).is_some_and(|flags| flags & ALIVE != 0);
        if self.joints.are_sound(is_body) { Ok(()) } else { Err(BadState::Joint) }
    }

    /// Computes all masses; those of bodies of one shape once for each kind.
    fn weigh(&mut self) -> Result<(), BadState> {
        let mut known = alloc::vec![None; 2 * self.blueprints.len()];
        for slot in 0..self.slots() {
            let flags = self.flags[slot];
            if flags & ALIVE == 0 {
                continue;
            }
            if flags & COMPOUND != 0 {
                if self.extras_of(slot).is_empty() {
                    return Err(BadState::Extras);
                }
                self.masses[slot] = self.mass_of_parts(slot);
                continue;
            }
            let index = 2 * usize::from(self.kinds[slot]) + usize::from(flags & DYNAMIC != 0);
            let mass = *known[index].get_or_insert_with(|| self.mass_of_parts(slot));
            self.masses[slot] = mass;
        }
        Ok(())
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
