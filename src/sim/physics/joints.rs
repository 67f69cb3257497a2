//! `Joints`, the joints of a world.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::joint::{checked, checked_anchors};
use super::rot::Rot;
use super::{JointDesc, JointId, JointKind};
use crate::Vec2;

/// Most rows a joint is made of.
pub(crate) const ROWS_MAX: usize = 4;

/// A joint in a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Joint {
    pub(crate) a: u16,
    pub(crate) b: u16,
    pub(crate) anchor_a: Vec2,
    pub(crate) anchor_b: Vec2,
    pub(crate) kind: JointKind,
    pub(crate) collide: bool,
    /// How the second body was turned, as seen from the first, when the joint was made.
    pub(crate) rest: Rot,
    /// By how much each row changed the speed in a substep.
    pub(crate) totals: [i32; ROWS_MAX],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct JointSlot {
    generation: u16,
    joint: Option<Joint>,
}

impl JointSlot {
    /// Frees it, if it is used for that often.
    fn take(&mut self, generation: u16) -> Option<Joint> {
        let joint = self.joint.take_if(|_| self.generation == generation)?;
        self.generation = self.generation.wrapping_add(1);
        Some(joint)
    }
}

/// The joints of a world by slot; the lowest free slot is used next.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(from = "Received")]
pub(crate) struct Joints {
    slots: Vec<JointSlot>,
    /// How many joints there are. Follows from the slots.
    #[serde(skip)]
    count: usize,
    /// No slot before this is free. Follows from what was done, and says nothing of what is there.
    #[serde(skip)]
    free_from: usize,
}

#[derive(Deserialize)]
#[serde(rename = "Joints")]
struct Received {
    slots: Vec<JointSlot>,
}

impl From<Received> for Joints {
    fn from(Received { slots }: Received) -> Self {
        let count = slots.iter().filter(|slot| slot.joint.is_some()).count();
        Self { slots, count, free_from: 0 }
    }
}

impl PartialEq for Joints {
    fn eq(&self, other: &Self) -> bool {
        self.slots == other.slots
    }
}

impl Eq for Joints {}

impl Clone for Joints {
    fn clone(&self) -> Self {
        Self { slots: self.slots.clone(), ..*self }
    }

    fn clone_from(&mut self, source: &Self) {
        self.slots.clone_from(&source.slots);
        (self.count, self.free_from) = (source.count, source.free_from);
    }
}

impl Joints {
    pub(crate) fn add(&mut self, desc: &JointDesc, rest: Rot) -> Option<JointId> {
        let rest_of_slots = self.slots.iter().skip(self.free_from);
        let taken = rest_of_slots.take_while(|slot| slot.joint.is_some()).count();
        let index = self.free_from + taken;
        self.free_from = index;
        if index >= usize::from(u16::MAX) {
            return None;
        }
        if index == self.slots.len() {
            self.slots.push(JointSlot { generation: 0, joint: None });
        }
        (self.count, self.free_from) = (self.count + 1, index + 1);
        let slot = &mut self.slots[index];
        slot.joint = Some(Joint {
            a: desc.a.index,
            b: desc.b.index,
            anchor_a: desc.anchor_a,
            anchor_b: desc.anchor_b,
            kind: desc.kind,
            collide: desc.collide,
            rest,
            totals: [0; ROWS_MAX],
        });
        Some(JointId { index: index as u16, generation: slot.generation })
    }

    pub(crate) fn get_mut(&mut self, id: JointId) -> Option<&mut Joint> {
        let slot = self.slots.get_mut(usize::from(id.index))?;
        if slot.generation == id.generation { slot.joint.as_mut() } else { None }
    }

    pub(crate) fn get(&self, id: JointId) -> Option<&Joint> {
        let slot = self.slots.get(usize::from(id.index))?;
        if slot.generation == id.generation { slot.joint.as_ref() } else { None }
    }

    pub(crate) fn remove(&mut self, id: JointId) -> Option<Joint> {
        let index = usize::from(id.index);
        let joint = self.slots.get_mut(index)?.take(id.generation)?;
        self.count -= 1;
        self.free_from = self.free_from.min(index);
        Some(joint)
    }

    /// Removes all joints of the body in `slot`.
    pub(crate) fn remove_of(&mut self, body: u16) {
        if self.is_empty() {
            return;
        }
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if slot.joint.is_some_and(|joint| joint.a == body || joint.b == body) {
                slot.take(slot.generation);
                self.count -= 1;
                self.free_from = self.free_from.min(index);
            }
        }
    }

    /// Whether there is no joint, whatever there was.
    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (JointId, &Joint)> {
        let slots = if self.is_empty() { &[][..] } else { &self.slots[..] };
        (0_u16..).zip(slots).filter_map(|(index, slot)| {
            Some((JointId { index, generation: slot.generation }, slot.joint.as_ref()?))
        })
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Joint> {
        let slots = if self.is_empty() { &mut [][..] } else { &mut self.slots[..] };
        slots.iter_mut().filter_map(|slot| slot.joint.as_mut())
    }

    /// Whether all joints are of bodies that are there and within their bounds.
    pub(crate) fn are_sound(&self, is_body: impl Fn(u16) -> bool) -> bool {
        self.slots.len() <= usize::from(u16::MAX)
            && self.iter().all(|(_, joint)| {
                joint.a != joint.b
                    && is_body(joint.a)
                    && is_body(joint.b)
                    && joint.rest.is_unit()
                    && checked_anchors(joint.anchor_a, joint.anchor_b).is_ok()
                    && checked(joint.kind) == Ok(joint.kind)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::Joints;
    use crate::physics::rot::Rot;
    use crate::{BodyId, JointDesc, JointId, JointKind, Pcg32, decode, encode_into};

    fn joint(a: u16, b: u16) -> JointDesc {
        let body = |index| BodyId { index, generation: 0 };
        JointDesc::new(body(a), body(b), JointKind::Weld)
    }

    fn read_again(joints: &Joints) -> Joints {
        let mut bytes = Vec::new();
        encode_into(joints, &mut bytes);
        decode(&bytes).expect("their own bytes")
    }

    /// However they come and go, through copies and bytes: the lowest free slot is the next one, and what is counted is
    /// what is there.
    #[test]
    fn the_lowest_free_slot_is_used_next() {
        let (mut rng, mut joints) = (Pcg32::new(1, 9), Joints::default());
        let mut ids: Vec<Option<JointId>> = Vec::new();
        for round in 0..4_000 {
            let lowest = ids.iter().position(Option::is_none).unwrap_or(ids.len());
            match rng.below(9) {
                0..=3 => {
                    let id = joints.add(&joint(rng.below(40) as u16, 40), Rot::NONE).unwrap();
                    assert_eq!(usize::from(id.index), lowest, "{round}");
                    ids.resize(ids.len().max(lowest + 1), None);
                    ids[lowest] = Some(id);
                }
                4..=6 if !ids.is_empty() => {
                    let at = rng.below(ids.len() as u32) as usize;
                    let id = ids[at].take();
                    assert_eq!(id.and_then(|id| joints.remove(id)).is_some(), id.is_some(), "{round}");
                    assert!(id.is_none_or(|id| joints.remove(id).is_none() && joints.get(id).is_none()));
                }
                7 => {
                    let body = rng.below(40) as u16;
                    joints.remove_of(body);
                    ids.iter_mut().for_each(|id| *id = id.filter(|&id| joints.get(id).is_some()));
                    assert!(joints.iter().all(|(_, joint)| joint.a != body), "{round}");
                }
                _ => {
                    let again = read_again(&joints);
                    assert!(again == joints, "{round}");
                    let mut copy = Joints::default();
                    copy.clone_from(&again);
                    joints = if rng.below(2) == 0 { copy } else { again.clone() };
                }
            }
            let there: Vec<_> = ids.iter().flatten().copied().collect();
            assert!(joints.iter().map(|(id, _)| id).eq(there.iter().copied()), "{round}");
            assert_eq!(
                (joints.is_empty(), joints.iter_mut().count()),
                (there.is_empty(), there.len()),
                "{round}"
            );
        }
    }

    /// So many that whoever goes through all of them for each does not come to an end.
    #[test]
    fn tens_of_thousands_come_and_go() {
        let mut joints = Joints::default();
        for round in 0..20 {
            let ids: Vec<_> = (0..65_535).map(|_| joints.add(&joint(0, 1), Rot::NONE).unwrap()).collect();
            assert!(joints.add(&joint(0, 1), Rot::NONE).is_none() && !joints.is_empty());
            assert!(ids.iter().all(|&id| joints.remove(id).is_some() && id.generation == round));
            assert!((0..100_000).all(|_| joints.is_empty() && joints.iter().next().is_none()));
        }
    }
}
