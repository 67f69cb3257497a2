//! `Force`, what pulls a body during the next step.

use serde::{Deserialize, Serialize};

use super::column::Column;
use super::state::{ASLEEP, DYNAMIC, Mass, State};
use crate::{Fx, Vec2};

/// The largest sum, in 1/2¹⁶.
const MOST: i64 = 1 << 44;

/// The sum of what pulls on a body until the end of the next step, in 1/2¹⁶.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, bytemuck::Pod, bytemuck::Zeroable,
)]
#[repr(C)]
pub(crate) struct Force {
    pub(crate) x: i64,
    pub(crate) y: i64,
    /// Around the centre of mass.
    pub(crate) torque: i64,
}

/// What pulls the body in a slot, as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Pulled {
    slot: u64,
    force: Force,
}

impl Force {
    pub(crate) fn of(force: Vec2) -> Self {
        Self { x: force.x.to_bits().into(), y: force.y.to_bits().into(), torque: 0 }
    }

    pub(crate) fn around(torque: Fx) -> Self {
        Self { torque: torque.to_bits().into(), ..Self::default() }
    }

    /// At a place, around a centre.
    pub(crate) fn at(force: Vec2, place: Vec2, centre: Vec2) -> Self {
        let torque =
            ((twist_of(force, place, centre) + (1 << 15)) >> 16).clamp(i128::from(-MOST), i128::from(MOST));
        Self { torque: torque as i64, ..Self::of(force) }
    }

    fn plus(self, other: Self) -> Self {
        let sum = |one: i64, other: i64| (one + other).clamp(-MOST, MOST);
        let (x, y) = (sum(self.x, other.x), sum(self.y, other.y));
        Self { x, y, torque: sum(self.torque, other.torque) }
    }

    const fn is_none(self) -> bool {
        self.x | self.y | self.torque == 0
    }

    const fn is_sound(self) -> bool {
        let most = MOST.unsigned_abs();
        self.x.unsigned_abs() <= most
            && self.y.unsigned_abs() <= most
            && self.torque.unsigned_abs() <= most
            && !self.is_none()
    }

    /// What it and gravity add in a tick to both speeds and to the spin; gravity is given as it is for the body, in
    /// 1/2³², and the tick in 1/2³² of a second. Rounded once, so that the one may hold
    /// up what the other pulls down, as exactly as the inverse mass is.
    pub(crate) fn gain(&self, mass: &Mass, gravity: [i64; 2], tick: i64) -> [i32; 3] {
        let rounded = |value: i128, bits: u32| {
            let value = value.saturating_add(1 << (bits - 1)) >> bits;
            value.clamp(i128::from(i32::MIN), i128::from(i32::MAX)) as i32
        };
        let tick = i128::from(tick);
        // In 1/2⁴⁰: a force of 45 bits and an inverse mass of 32 are 77 together, and a tick has 33.
        let change = |part: i64| i128::from(part) * i128::from(mass.inverse);
        let speed = |part: i64, gravity: i64| rounded((change(part) + (i128::from(gravity) << 8)) * tick, 52);
        // A radius of gyration has 28 bits.
        let gyration = i128::from(mass.inverse_gyration);
        let turn = ((change(self.torque) * tick) >> 32) * gyration;
        [speed(self.x, gravity[0]), speed(self.y, gravity[1]), rounded(turn.saturating_mul(gyration), 60)]
    }
}

/// A force, or an impulse, at a place, around a centre, in 1/2³². Levers are more than a place of a world may be.
pub(crate) fn twist_of(force: Vec2, place: Vec2, centre: Vec2) -> i128 {
    let lever = |place: Fx, at: Fx| i128::from(place.to_bits()) - i128::from(at.to_bits());
    let (x, y) = (lever(place.x, centre.x), lever(place.y, centre.y));
    x * i128::from(force.y.to_bits()) - y * i128::from(force.x.to_bits())
}

impl State {
    /// Adds to what pulls a dynamic body in the next step.
    pub(crate) fn add_force(&mut self, slot: usize, force: Force) {
        let slots = self.slots();
        self.forces.resize(slots, Force::default());
        self.forces[slot] = self.forces[slot].plus(force);
    }

    /// What pulls a body in this step.
    pub(crate) fn force(&self, slot: usize) -> Option<&Force> {
        self.forces.get(slot).filter(|force| !force.is_none())
    }

    /// Whether anything pulls one of the bodies from a slot to before another.
    pub(crate) fn pulls_any(&self, from: usize, to: usize) -> bool {
        let forces = self.forces.get(from..to.min(self.forces.len()));
        forces.is_some_and(|forces| forces.iter().any(|force| !force.is_none()))
    }

    /// Nothing pulls a body any more: it goes, or is not dynamic from now on.
    pub(crate) fn forget_force(&mut self, slot: usize) {
        if let Some(force) = self.forces.get_mut(slot) {
            *force = Force::default();
        }
    }

    /// All that are something, by slot.
    pub(crate) fn pulled(&self) -> impl Iterator<Item = Pulled> {
        let all = (0..).zip(self.forces.iter()).filter(|(_, force)| !force.is_none());
        all.map(|(slot, &force)| Pulled { slot, force })
    }

    /// Takes those from outside; false if they are not in order, come to nothing, or are not of bodies that can be
    /// pulled.
    pub(crate) fn take_forces(&mut self, pulled: &Column<Pulled>) -> bool {
        let can_be = |pulled: &Pulled| {
            let flags = usize::try_from(pulled.slot).ok().and_then(|slot| self.flags.get(slot));
            flags.is_some_and(|&flags| flags & (DYNAMIC | ASLEEP) == DYNAMIC) && pulled.force.is_sound()
        };
        let are_sound = pulled.is_sorted_by(|one, other| one.slot < other.slot) && pulled.iter().all(can_be);
        if are_sound {
            pulled.iter().for_each(|pulled| self.add_force(pulled.slot as usize, pulled.force));
        }
        are_sound
    }
}
