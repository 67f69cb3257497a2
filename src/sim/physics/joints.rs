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

/// The joints of a world by slot; the lowest free slot is used next.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Joints {
    slots: Vec<JointSlot>,
}

impl Clone for Joints {
    fn clone(&self) -> Self {
        Self { slots: self.slots.clone() }
    }

    fn clone_from(&mut self, source: &Self) {
        self.slots.clone_from(&source.slots);
    }
}

impl Joints {
    pub(crate) fn add(&mut self, desc: &JointDesc, rest: Rot) -> Option<JointId> {
        let free = self.slots.iter().position(|slot| slot.joint.is_none());
        let index = free.unwrap_or(self.slots.len());
        if index >= usize::from(u16::MAX) {
            return None;
        }
        if free.is_none() {
            self.slots.push(JointSlot { generation: 0, joint: None });
        }
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
        let slot = self.slots.get_mut(usize::from(id.index))?;
        if slot.generation != id.generation {
            return None;
        }
        let joint = slot.joint.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        Some(joint)
    }

    /// Removes all joints of the body in `slot`.
    pub(crate) fn remove_of(&mut self, body: u16) {
        for slot in &mut self.slots {
            if slot.joint.is_some_and(|joint| joint.a == body || joint.b == body) {
                slot.joint = None;
                slot.generation = slot.generation.wrapping_add(1);
            }
        }
    }

    /// Whether there is no joint, whatever there was.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.iter().all(|slot| slot.joint.is_none())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (JointId, &Joint)> {
        (0_u16..).zip(&self.slots).filter_map(|(index, slot)| {
            Some((JointId { index, generation: slot.generation }, slot.joint.as_ref()?))
        })
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Joint> {
        self.slots.iter_mut().filter_map(|slot| slot.joint.as_mut())
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
