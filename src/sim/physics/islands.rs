//! `Islands`, which bodies hang together, and which of them may sleep.

use alloc::vec::Vec;

use super::pairing::{BORDER, PASSING, Pairing, SENSOR, TOUCHING};
use super::state::{ASLEEP, DYNAMIC, KINEMATIC, Motion, State};

/// What moves and turns more slowly than this, in 1/2²⁰, may fall asleep: 1/20 of a unit or of a radian per second.
pub(crate) const SLOW: u32 = (1 << 20) / 20;

/// Which bodies hang together: a forest by slot, the root of each tree being its lowest slot.
#[derive(Debug, Default)]
pub(crate) struct Islands {
    parents: Vec<u16>,
    /// By root: for how long all of the island has been slow; or whether one of it is awake.
    marks: Vec<u32>,
}

impl Islands {
    /// Joins all that touch or are joined.
    fn fill(&mut self, state: &State) {
        self.parents.clear();
        self.parents.extend(0..state.slots() as u16);
        for pairing in state.pairings.iter().filter(|pairing| holds(pairing)) {
            self.join(state, pairing.a, pairing.b);
        }
        for (_, joint) in state.joints.iter() {
            self.join(state, joint.a, joint.b);
        }
    }

    fn root(&mut self, slot: u16) -> u16 {
        let mut at = slot;
        loop {
            let parent = self.parents[usize::from(at)];
            let grand = self.parents[usize::from(parent)];
            if parent == grand {
                return parent;
            }
            self.parents[usize::from(at)] = grand;
            at = grand;
        }
    }

    fn join(&mut self, state: &State, a: u16, b: u16) {
        let pushed = |slot: u16| state.flags.get(usize::from(slot)).is_some_and(|flags| flags & DYNAMIC != 0);
        if pushed(a) && pushed(b) {
            let (a, b) = (self.root(a), self.root(b));
            self.parents[usize::from(a.max(b))] = a.min(b);
        }
    }

    /// Wakes all that hangs together with something that is awake.
    pub(crate) fn wake(&mut self, state: &mut State) {
        if !is_disturbed(state) {
            return;
        }
        self.fill(state);
        self.marks.clear();
        self.marks.resize(state.slots(), 0);
        for slot in 0..state.slots() {
            if state.flags[slot] & (DYNAMIC | ASLEEP) == DYNAMIC {
                let root = self.root(slot as u16);
                self.marks[usize::from(root)] = 1;
            }
        }
        self.mark_driven(state, 1);
        for slot in 0..state.slots() {
            if state.flags[slot] & ASLEEP != 0 {
                let root = self.root(slot as u16);
                if self.marks[usize::from(root)] != 0 {
                    state.wake(slot);
                }
            }
        }
    }

    /// Lets islands fall asleep all of which was slow for `ticks`; to be called when a body was.
    #[inline(never)]
    pub(crate) fn rest(&mut self, state: &mut State, ticks: u32) {
        self.fill(state);
        self.marks.clear();
        self.marks.resize(state.slots(), u32::MAX);
        for slot in 0..state.slots() {
            if state.flags[slot] & (DYNAMIC | ASLEEP) == DYNAMIC {
                let root = usize::from(self.root(slot as u16));
                self.marks[root] = self.marks[root].min(state.motions[slot].slow_ticks);
            }
        }
        self.mark_driven(state, 0);
        self.put_to_sleep(state, ticks);
    }

    /// Marks the islands that touch something the game moves, or are joined to it.
    fn mark_driven(&mut self, state: &State, mark: u32) {
        let touching = state.pairings.iter().filter(|pairing| holds(pairing));
        let touching = touching.map(|pairing| (pairing.a, pairing.b));
        let joined = state.joints.iter().map(|(_, joint)| (joint.a, joint.b));
        for (a, b) in touching.chain(joined) {
            for (one, other) in [(a, b), (b, a)] {
                if drives(state, one) {
                    let root = usize::from(self.root(other));
                    self.marks[root] = mark;
                }
            }
        }
    }

    fn put_to_sleep(&mut self, state: &mut State, ticks: u32) {
        for slot in 0..state.slots() {
            if state.flags[slot] & (DYNAMIC | ASLEEP) == DYNAMIC {
                let root = usize::from(self.root(slot as u16));
                if self.marks[root] >= ticks {
                    state.flags[slot] |= ASLEEP;
                    state.stills.forget();
                    state.motions[slot] = Motion::default();
                }
            }
        }
        let (flags, pairings) = (&state.flags, &mut state.pairings);
        let moves =
            |slot: u16| flags.get(usize::from(slot)).is_some_and(|&flags| super::state::is_moving(flags));
        for pairing in pairings.iter_mut().filter(|pairing| !moves(pairing.a) && !moves(pairing.b)) {
            pairing.rest();
        }
        for joint in state.joints.iter_mut() {
            if !moves(joint.a) && !moves(joint.b) {
                joint.totals = Default::default();
            }
        }
    }
}

/// Whether a pairing holds bodies together.
fn holds(pairing: &Pairing) -> bool {
    pairing.bits & (TOUCHING | SENSOR | PASSING) == TOUCHING && pairing.b != BORDER
}

/// Whether a sleeper touches something that is awake, or is joined to it: as it does if a part of an island sleeps and
/// another does not.
fn is_disturbed(state: &State) -> bool {
    let rouses = |one: u16, other: u16| {
        let flags = |slot: u16| state.flags[usize::from(slot)];
        flags(other) & ASLEEP != 0 && (flags(one) & (DYNAMIC | ASLEEP) == DYNAMIC || drives(state, one))
    };
    let touching = state.pairings.iter().filter(|pairing| holds(pairing));
    let joined = state.joints.iter().map(|(_, joint)| (joint.a, joint.b));
    let mut edges = touching.map(|pairing| (pairing.a, pairing.b)).chain(joined);
    edges.any(|(a, b)| rouses(a, b) || rouses(b, a))
}

/// Whether a body is moved by the game now.
fn drives(state: &State, slot: u16) -> bool {
    let motion = &state.motions[usize::from(slot)];
    state.flags[usize::from(slot)] & KINEMATIC != 0 && (motion.x != 0 || motion.y != 0 || motion.spin != 0)
}

pub(crate) fn is_slow(motion: &Motion) -> bool {
    motion.x.unsigned_abs().max(motion.y.unsigned_abs()).max(motion.spin.unsigned_abs()) < SLOW
}
