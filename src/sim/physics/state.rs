//! `State`, everything a world remembers from one step to the next.

use serde::{Deserialize, Serialize};

use super::column::Column;
use super::{Body, BodyDesc, BodyId, BodyKind, Shape, WorldDesc};
use crate::{Fx, Vec2};

/// A slot holds a body.
pub(crate) const ALIVE: u8 = 1;
/// The body moves.
pub(crate) const DYNAMIC: u8 = 2;
/// The body is a box, not a disc.
pub(crate) const BOX: u8 = 4;
/// The body only reports.
pub(crate) const SENSOR: u8 = 8;
/// The body's way is searched for obstacles.
pub(crate) const BULLET: u8 = 16;
const ALL_FLAGS: u8 = ALIVE | DYNAMIC | BOX | SENSOR | BULLET;

/// Largest half size, so that the sum of two stays below the largest distance.
const HALF_MAX: Fx = Fx::from_int(8_191);
/// Restitution 1 in [`Surface::bounce`].
pub(crate) const BOUNCE_ONE: u16 = 1 << 15;
/// 1 in the inverse masses.
const INVERSE_MASS_BITS: u32 = 24;
const MASS_MIN: Fx = Fx::from_ratio(1, 128);

/// How a body loses speed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, bytemuck::Pod, bytemuck::Zeroable,
)]
#[repr(C)]
pub(crate) struct Surface {
    /// Restitution in 1/32,768, at most 1.
    pub(crate) bounce: u16,
    /// Part of the speed lost per tick, in 1/65,536.
    pub(crate) drag: u16,
}

/// Whom a body meets.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, bytemuck::Pod, bytemuck::Zeroable,
)]
#[repr(C)]
pub(crate) struct Filter {
    pub(crate) layer: u16,
    pub(crate) mask: u16,
}

impl Filter {
    #[inline]
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.mask & other.layer != 0 && other.mask & self.layer != 0
    }
}

/// Everything a world remembers from one step to the next; columns by slot, all of one length.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) desc: WorldDesc,
    pub(crate) flags: Column<u8>,
    pub(crate) generations: Column<u16>,
    pub(crate) positions: Column<Vec2>,
    pub(crate) velocities: Column<Vec2>,
    pub(crate) halves: Column<Vec2>,
    /// 1 / mass in 1/2²⁴; 0 for static bodies.
    pub(crate) inverse_masses: Column<u32>,
    pub(crate) surfaces: Column<Surface>,
    pub(crate) filters: Column<Filter>,
    pub(crate) users: Column<u32>,
    /// Slots without a body; the last one is used next.
    pub(crate) free: Column<u16>,
}

/// A state that no world can be in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadState {
    #[error("the world's description is out of bounds")]
    Desc,
    #[error("the columns of the bodies differ in length, or are longer than {0}")]
    Length(u16),
    #[error("the body in slot {0} is out of bounds")]
    Body(usize),
    #[error("the free list does not list the free slots")]
    FreeList,
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
        self.velocities.clone_from(&source.velocities);
        self.halves.clone_from(&source.halves);
        self.inverse_masses.clone_from(&source.inverse_masses);
        self.surfaces.clone_from(&source.surfaces);
        self.filters.clone_from(&source.filters);
        self.users.clone_from(&source.users);
        self.free.clone_from(&source.free);
    }
}

impl State {
    pub(crate) fn new(desc: WorldDesc) -> Self {
        Self { desc: desc.sanitised(), ..Self::default() }
    }

    /// How many slots there are, free ones included.
    pub(crate) fn slots(&self) -> usize {
        self.flags.len()
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

    /// How far the body in `slot` goes in one tick.
    pub(crate) fn way(&self, slot: u16) -> Vec2 {
        super::motion::travel(self.velocities[usize::from(slot)], self.desc.tick_seconds())
    }

    pub(crate) fn body(&self, slot: usize) -> Body {
        let (flags, half, filter) = (self.flags[slot], self.halves[slot], self.filters[slot]);
        Body {
            kind: if flags & DYNAMIC == 0 { BodyKind::Static } else { BodyKind::Dynamic },
            shape: if flags & BOX == 0 { Shape::Circle { radius: half.x } } else { Shape::Box { half } },
            position: self.positions[slot],
            velocity: self.velocities[slot],
            layer: filter.layer,
            mask: filter.mask,
            sensor: flags & SENSOR != 0,
            bullet: flags & BULLET != 0,
            user: self.users[slot],
        }
    }

    /// Puts a body into a free slot; nothing if there is none.
    pub(crate) fn add(&mut self, desc: &BodyDesc) -> Option<BodyId> {
        let slot = match self.free.pop() {
            Some(slot) => usize::from(slot),
            None if self.slots() < usize::from(self.desc.bodies_max) => self.grow(),
            None => return None,
        };
        let dynamic = desc.kind == BodyKind::Dynamic;
        let flag = |condition: bool, flag: u8| if condition { flag } else { 0 };
        self.flags[slot] = ALIVE
            | flag(dynamic, DYNAMIC)
            | flag(matches!(desc.shape, Shape::Box { .. }), BOX)
            | flag(desc.sensor, SENSOR)
            | flag(desc.bullet && dynamic, BULLET);
        self.positions[slot] = desc.position;
        self.velocities[slot] = if dynamic { desc.velocity } else { Vec2::ZERO };
        self.halves[slot] = desc.shape.half().clamped(Vec2::splat(Fx::STEP), Vec2::splat(HALF_MAX));
        self.inverse_masses[slot] = if dynamic { inverse_mass(desc.mass) } else { 0 };
        self.surfaces[slot] = surface(desc, self.desc.tick_seconds());
        self.filters[slot] = Filter { layer: desc.layer, mask: desc.mask };
        self.users[slot] = desc.user;
        Some(self.id(slot))
    }

    fn grow(&mut self) -> usize {
        self.flags.push(0);
        self.generations.push(0);
        self.positions.push(Vec2::ZERO);
        self.velocities.push(Vec2::ZERO);
        self.halves.push(Vec2::ZERO);
        self.inverse_masses.push(0);
        self.surfaces.push(Surface::default());
        self.filters.push(Filter::default());
        self.users.push(0);
        self.slots() - 1
    }

    /// Takes a body out. Its slot is all zero afterwards, but for the generation.
    pub(crate) fn remove(&mut self, slot: usize) {
        self.flags[slot] = 0;
        self.generations[slot] = self.generations[slot].wrapping_add(1);
        self.positions[slot] = Vec2::ZERO;
        self.velocities[slot] = Vec2::ZERO;
        self.halves[slot] = Vec2::ZERO;
        self.inverse_masses[slot] = 0;
        self.surfaces[slot] = Surface::default();
        self.filters[slot] = Filter::default();
        self.users[slot] = 0;
        self.free.push(slot as u16);
    }

    /// Checks everything that stepping relies on.
    pub(crate) fn validate(&self) -> Result<(), BadState> {
        if self.desc != self.desc.sanitised() {
            return Err(BadState::Desc);
        }
        let slots = self.slots();
        let lengths = [
            self.generations.len(),
            self.positions.len(),
            self.velocities.len(),
            self.halves.len(),
            self.inverse_masses.len(),
            self.surfaces.len(),
            self.filters.len(),
            self.users.len(),
        ];
        if lengths.iter().any(|&length| length != slots) || slots > usize::from(self.desc.bodies_max) {
            return Err(BadState::Length(self.desc.bodies_max));
        }
        if let Some(slot) = (0..slots).find(|&slot| !self.is_sound(slot)) {
            return Err(BadState::Body(slot));
        }
        self.validate_free_list()
    }

    fn is_sound(&self, slot: usize) -> bool {
        let (flags, half) = (self.flags[slot], self.halves[slot]);
        if flags & ALIVE == 0 {
            return flags == 0 && half == Vec2::ZERO && self.inverse_masses[slot] == 0;
        }
        let sizes = Fx::STEP..=HALF_MAX;
        let dynamic = flags & DYNAMIC != 0;
        flags & !ALL_FLAGS == 0
            && sizes.contains(&half.x)
            && sizes.contains(&half.y)
            && (flags & BOX != 0 || half.x == half.y)
            && (self.inverse_masses[slot] != 0) == dynamic
            && self.inverse_masses[slot] <= inverse_mass(MASS_MIN)
            && (dynamic || (self.velocities[slot] == Vec2::ZERO && flags & BULLET == 0))
            && self.surfaces[slot].bounce <= BOUNCE_ONE
    }

    fn validate_free_list(&self) -> Result<(), BadState> {
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
}

fn inverse_mass(mass: Fx) -> u32 {
    let mass = mass.max(MASS_MIN).to_bits().unsigned_abs();
    ((1_u64 << (INVERSE_MASS_BITS + 16)) / u64::from(mass)) as u32
}

fn surface(desc: &BodyDesc, tick_seconds: i64) -> Surface {
    let bounce = desc.restitution.max(Fx::ZERO).min(Fx::ONE).to_bits() >> 1;
    let drag = ((i64::from(desc.damping.max(Fx::ZERO).to_bits()) * tick_seconds) >> 32).min(0xffff);
    Surface { bounce: bounce as u16, drag: drag as u16 }
}
