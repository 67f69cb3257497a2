//! The contacts of a step that are those of the step before, or nearly.

use super::{Report, Scratch, touches};
use crate::Fx;
use crate::physics::contact_solver::ContactTimes;
use crate::physics::meeting::Meeting;
use crate::physics::pairing::{Ended, Pairing, TOUCHING};
use crate::physics::state::{State, is_moving};

#[cfg(test)]
std::thread_local! {
    /// In how many steps nearly all contacts were those of the step before.
    pub(crate) static REVISED: core::cell::Cell<u32> = const { core::cell::Cell::new(0) };
}

impl Scratch {
    /// Whether the contacts of this step are nearly those of the step before, and which are not.
    pub(super) fn plan(&mut self, state: &State) -> bool {
        let all = self.recent.order.sorted.len();
        let known = state.joints.is_empty()
            && state.pairings.len() == all
            && self.contacts.are_plain(all)
            && !self.contacts.are_scattered()
            && self.revision.plan(state, &self.recent.order.sorted, &self.found.order.sorted);
        let moves = |slot: u16| state.flags.get(usize::from(slot)).is_some_and(|&flags| is_moving(flags));
        known
            && state
                .pairings
                .iter()
                .zip(&self.recent.order.sorted)
                .all(|(before, (key, _))| before.sort_key() == *key)
            && self.revision.gone.iter().all(|&number| {
                let before = &state.pairings[number as usize];
                moves(before.a) || moves(before.b)
            })
            && self.revision.fresh.iter().all(|&number| {
                let meeting = &self.found.meetings[self.found.order.sorted[number as usize].1 as usize];
                is_plain(state, meeting)
            })
    }

    /// As [`Self::merge`], where nearly all contacts are those of the step before.
    #[inline(never)]
    pub(super) fn revise(&mut self, state: &State, times: &ContactTimes) {
        #[cfg(test)]
        REVISED.set(REVISED.get() + 1);
        self.movers.begin_again(state);
        self.contacts.begin_revised();
        for &number in &self.revision.gone {
            self.contacts.release(number as usize);
            self.ended.extend(Ended::of(state, &state.pairings[number as usize]));
        }
        let meetings = core::mem::take(&mut self.found.meetings);
        let former = core::mem::take(&mut self.revision.former);
        for (place, &number) in former.iter().enumerate() {
            let (_, index) = self.found.order.sorted[place];
            let meeting = &meetings[index as usize];
            let before = state.pairings.get(number as usize);
            let was_touching = before.is_some_and(|before| before.bits & TOUCHING != 0);
            self.reports.push(Report { was_touching, met: true, meeting: index, impulse: 0 });
            let Some(before) = before else {
                self.meet(state, meeting, None, times);
                continue;
            };
            let bits = TOUCHING * u8::from(touches(meeting, was_touching));
            let pairing = self.pairings.len() as u32;
            self.pairings.push(Pairing { bits, ..meeting.pairing() });
            self.contacts.keep(number as usize, pairing, meeting, before);
        }
        self.revision.former = former;
        self.found.meetings = meetings;
    }

    /// Whether of all meetings something is remembered, and of nothing else.
    pub(super) fn is_remembered(&self, state: &State) -> bool {
        let mut pairs = state.pairings.iter().zip(&self.found.order.sorted);
        state.joints.is_empty()
            && state.pairings.len() == self.found.order.sorted.len()
            && pairs.all(|(before, &(key, _))| before.sort_key() == key)
    }

    /// As [`Self::merge`], of the contacts of the step before, which are solved in the same order.
    #[inline(never)]
    pub(super) fn repeat(&mut self, state: &State) {
        self.movers.begin_again(state);
        self.contacts.begin_again();
        for (number, (before, &(_, index))) in state.pairings.iter().zip(&self.found.order.sorted).enumerate()
        {
            let meeting = &self.found.meetings[index as usize];
            let was_touching = before.bits & TOUCHING != 0;
            let bits = TOUCHING * u8::from(touches(meeting, was_touching));
            self.pairings.push(Pairing { bits, ..meeting.pairing() });
            self.reports.push(Report { was_touching, met: true, meeting: index, impulse: 0 });
            self.contacts.renew(number, meeting, before);
        }
    }
}

/// Whether two shapes that meet push each other and rub, and do nothing else.
fn is_plain(state: &State, meeting: &Meeting) -> bool {
    let material = |kind: u16| &state.blueprints.brief(kind).material;
    let turns = |slot: u16| {
        let mass = state.masses.get(usize::from(slot));
        mass.is_some_and(|mass| mass.inverse_gyration != 0) && is_moving(state.flags[usize::from(slot)])
    };
    let [one, other] = [meeting.kind_a, meeting.kind_b].map(material);
    let rule = one.restitution_combine;
    !(meeting.sensor || one.one_way || other.one_way)
        && rule.of(other.restitution_combine, one.restitution, other.restitution) <= Fx::ZERO
        && (turns(meeting.a) || turns(meeting.b))
}
