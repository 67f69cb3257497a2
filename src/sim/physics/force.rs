//! `Force`, what pulls a body during the next step.

use serde::{Deserialize, Serialize};

use super::state::{ASLEEP, DYNAMIC, Mass, State};
use crate::fx::clamp_to_i32;
use crate::{Fx, Vec2};

/// The sum of what pulls on a body until the end of the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Force {
    /// Of the body.
    pub(crate) slot: u32,
    /// In 1/2¹⁶.
    x: i32,
    y: i32,
    /// Around the centre of mass.
    torque: i32,
}

impl Force {
    fn add(&mut self, force: Vec2, torque: Fx) {
        self.x = self.x.saturating_add(force.x.to_bits());
        self.y = self.y.saturating_add(force.y.to_bits());
        self.torque = self.torque.saturating_add(torque.to_bits());
    }

    const fn is_none(&self) -> bool {
        self.x | self.y | self.torque == 0
    }

    /// The speeds and the spin that a body of a mass gains in a substep, which is given in 1/2³² of a second.
    pub(crate) fn gain(&self, mass: &Mass, substep: i64) -> [i32; 3] {
        let (inverse, gyration) = (i128::from(mass.inverse), i128::from(mass.inverse_gyration));
        // Each product of force, inverse mass and time has 94 bits at most, and the inverse gyration 28.
        let gain = |part: i32| i128::from(part) * inverse * i128::from(substep);
        let rounded = |value: i128, bits: u32| {
            let value = (value + (1 << (bits - 1))) >> bits;
            value.clamp(i128::from(i32::MIN), i128::from(i32::MAX)) as i32
        };
        let turn = (gain(self.torque) >> 32) * gyration * gyration;
        [rounded(gain(self.x), 52), rounded(gain(self.y), 52), rounded(turn, 60)]
    }
}

impl State {
    /// Adds to what pulls a dynamic body in the next step. What comes to nothing is not remembered.
    pub(crate) fn add_force(&mut self, slot: usize, force: Vec2, torque: Fx) {
        let slot = slot as u32;
        let at = self.forces.partition_point(|force| force.slot < slot);
        if self.forces.get(at).is_none_or(|force| force.slot != slot) {
            self.forces.insert(at, Force { slot, x: 0, y: 0, torque: 0 });
        }
        self.forces[at].add(force, torque);
        if self.forces[at].is_none() {
            self.forces.remove(at);
        }
    }

    /// What pulls a body in this step.
    pub(crate) fn force(&self, slot: usize) -> Option<&Force> {
        let at = self.forces.binary_search_by_key(&(slot as u32), |force| force.slot);
        self.forces.get(at.ok()?)
    }

    /// Nothing pulls a body any more: it goes, or is not dynamic from now on.
    pub(crate) fn forget_force(&mut self, slot: usize) {
        self.forces.retain(|force| force.slot as usize != slot);
    }

    /// Whether all of them are of bodies that can be pulled, and in order.
    pub(crate) fn are_forces_sound(&self) -> bool {
        let pulled = |force: &Force| {
            let flags = self.flags.get(force.slot as usize).map_or(0, |&flags| flags);
            flags & (DYNAMIC | ASLEEP) == DYNAMIC && !force.is_none()
        };
        self.forces.is_sorted_by(|one, other| one.slot < other.slot) && self.forces.iter().all(pulled)
    }
}

/// The torque of a force at a place around a centre; levers are more than a place of a world may be.
pub(crate) fn torque_of(force: Vec2, place: Vec2, centre: Vec2) -> Fx {
    let lever = |place: Fx, at: Fx| i64::from(place.to_bits()) - i64::from(at.to_bits());
    let (x, y) = (i128::from(lever(place.x, centre.x)), i128::from(lever(place.y, centre.y)));
    let torque = x * i128::from(force.y.to_bits()) - y * i128::from(force.x.to_bits());
    let bits = (torque + (1 << 15)) >> 16;
    Fx::from_bits(clamp_to_i32(bits.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64))
}
