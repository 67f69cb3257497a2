//! `Pairing`, two shapes that touch or are about to: what a world remembers of them.

use serde::{Deserialize, Serialize};

use super::BodyId;
use super::state::State;

/// The two touched in the last step.
pub(crate) const TOUCHING: u8 = 1;
/// One of them is a sensor.
pub(crate) const SENSOR: u8 = 2;
/// One is on its way through the other, which holds only what comes from above.
pub(crate) const PASSING: u8 = 4;
pub(crate) const ALL_BITS: u8 = TOUCHING | SENSOR | PASSING;

/// The slot of the border: the second body of a pairing with it, its number of the shape says which side.
pub(crate) const BORDER: u16 = u16::MAX;

/// One of at most two points at which shapes push each other.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, bytemuck::Pod, bytemuck::Zeroable,
)]
#[repr(C)]
pub(crate) struct PointMemory {
    /// Which corners or sides it is made of.
    pub(crate) feature: u32,
    /// By how much their speed along the normal was changed in a substep, in 1/2²⁰.
    pub(crate) normal: i32,
    /// The same along the surface.
    pub(crate) tangent: i32,
}

/// Two shapes that touch or are about to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pairing {
    /// The lower slot, or the body that is at the border.
    pub(crate) a: u16,
    pub(crate) b: u16,
    pub(crate) sub_a: u16,
    pub(crate) sub_b: u16,
    pub(crate) bits: u8,
    pub(crate) count: u8,
    /// Of those not used, all is zero.
    pub(crate) points: [PointMemory; 2],
}

/// Two slots and the numbers of the shapes, in the order in which contacts are solved and told.
pub(crate) type PairKey = (u16, u16, u16, u16);

impl Pairing {
    #[inline]
    pub(crate) const fn key(&self) -> PairKey {
        (self.a, self.b, self.sub_a, self.sub_b)
    }

    /// The key as one number.
    #[inline(always)]
    pub(crate) const fn sort_key(&self) -> u64 {
        (self.a as u64) << 48 | (self.b as u64) << 32 | (self.sub_a as u64) << 16 | self.sub_b as u64
    }

    /// What is remembered of a point: how hard it pushed in the step before, if it was there.
    #[inline(always)]
    pub(crate) fn memory(before: Option<&Self>, feature: u32) -> PointMemory {
        before.map_or(PointMemory { feature, ..PointMemory::default() }, |before| before.recall(feature))
    }

    /// What is remembered of so many points; of those there are not, nothing.
    #[inline(always)]
    pub(crate) fn recall_all(&self, count: u8, features: [u32; 2]) -> [PointMemory; 2] {
        let [first, second] = &self.points;
        // They nearly always are the same.
        if (self.count == count) & (features == [first.feature, second.feature]) {
            return self.points;
        }
        let of = |index: u8| {
            let feature = features[usize::from(index)];
            if index < count {
                self.recall(feature)
            } else {
                PointMemory { feature, ..PointMemory::default() }
            }
        };
        [of(0), of(1)]
    }

    /// What is remembered of a point. Without a branch: which point it is cannot be foretold.
    #[inline(always)]
    fn recall(&self, feature: u32) -> PointMemory {
        let [first, second] = &self.points;
        let is_first = (self.count > 0) & (first.feature == feature);
        let is_second = (self.count > 1) & (second.feature == feature) & !is_first;
        let part =
            |first: i32, second: i32| (first & -i32::from(is_first)) | (second & -i32::from(is_second));
        PointMemory {
            feature,
            normal: part(first.normal, second.normal),
            tangent: part(first.tangent, second.tangent),
        }
    }

    /// Forgets how hard they pushed, as bodies do that fall asleep.
    pub(crate) const fn rest(&mut self) {
        self.count = 0;
        self.points = [PointMemory { feature: 0, normal: 0, tangent: 0 }; 2];
    }
}

/// A contact that ended because one of its bodies was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Ended {
    pub(crate) a: [u16; 2],
    pub(crate) b: [u16; 2],
    pub(crate) sub_a: u16,
    pub(crate) sub_b: u16,
    pub(crate) sensor: u16,
}

impl Ended {
    /// As that of a [`Pairing`].
    #[inline(always)]
    pub(crate) const fn sort_key(&self) -> u64 {
        (self.a[0] as u64) << 48 | (self.b[0] as u64) << 32 | (self.sub_a as u64) << 16 | self.sub_b as u64
    }

    /// Nothing for those that did not touch, or touched the border.
    pub(crate) fn of(state: &State, pairing: &Pairing) -> Option<Self> {
        if pairing.bits & TOUCHING == 0 || pairing.b == BORDER {
            return None;
        }
        let id = |slot: u16| [slot, state.generations[usize::from(slot)]];
        Some(Self {
            a: id(pairing.a),
            b: id(pairing.b),
            sub_a: pairing.sub_a,
            sub_b: pairing.sub_b,
            sensor: u16::from(pairing.bits & SENSOR != 0),
        })
    }
}

pub(crate) const fn id(bits: [u16; 2]) -> BodyId {
    BodyId { index: bits[0], generation: bits[1] }
}
