//! What wakes when the game changes something beside a sleeper.

use alloc::vec::Vec;

use super::query::{self, Whom};
use super::state::{ASLEEP, DYNAMIC, KINEMATIC, State, turned};

impl State {
    /// Wakes a body and all that touches it or is joined to it, before it is moved away from there.
    pub(crate) fn wake_touching(&mut self, slot: usize) {
        self.wake(slot);
        for index in 0..self.pairings.len() {
            let pairing = self.pairings[index];
            if usize::from(pairing.a) == slot || usize::from(pairing.b) == slot {
                self.wake_if_there(pairing.a);
                self.wake_if_there(pairing.b);
            }
        }
        self.wake_joined(slot);
    }

    /// Wakes all that a body is joined to.
    pub(crate) fn wake_joined(&mut self, slot: usize) {
        let mut joined: Vec<u16> = Vec::new();
        for (_, joint) in self.joints.iter() {
            match (usize::from(joint.a) == slot, usize::from(joint.b) == slot) {
                (true, _) => joined.push(joint.b),
                (_, true) => joined.push(joint.a),
                _ => {}
            }
        }
        joined.into_iter().for_each(|other| self.wake_if_there(other));
    }

    /// Wakes what overlaps a static body that has just come or changed: pairs of which none moves are not looked for,
    /// so that nobody would be told of them.
    pub(crate) fn wake_overlapped(&mut self, slot: usize) {
        (0..=self.extras_of(slot).len() as u16).for_each(|sub| self.wake_overlapped_by(slot, sub));
    }

    /// As [`Self::wake_overlapped`], by one of its shapes.
    pub(crate) fn wake_overlapped_by(&mut self, slot: usize, sub: u16) {
        let moves = self.flags[slot] & (DYNAMIC | KINEMATIC) != 0;
        if moves || self.flags.iter().fold(0, |any, flags| any | flags) & ASLEEP == 0 {
            return;
        }
        let (rot, centre) = (self.rotations[slot], self.masses[slot].centre);
        let Some(kind) = self.part(slot, sub) else { return };
        let at = self.positions[slot] + turned(rot, kind.extent.centroid - centre);
        let (mut hull, filter) = (kind.hull, kind.blueprint.part.filter);
        hull = hull.turned(rot);
        let mut found = Vec::new();
        query::overlap(self, &hull, at, Whom::all(filter), &mut found);
        found.into_iter().for_each(|id| self.wake_if_there(id.index));
    }

    fn wake_if_there(&mut self, slot: u16) {
        if usize::from(slot) < self.slots() {
            self.wake(usize::from(slot));
        }
    }
}
