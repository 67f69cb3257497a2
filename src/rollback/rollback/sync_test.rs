//! `SyncTest`, a game's determinism put to the test at every tick.

use std::sync::Arc;

use framekeep_sim::{FieldDiff, Frame, Game, Match, Tick, diff_values};

/// How many differing fields are named.
const FIELDS_MAX: usize = 16;

/// How the ticks were played a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Replayed {
    /// From a copy of the state: a difference means that `step` does not depend on state and frame alone, or that
    /// the state's `clone_from` forgets something.
    FromCopy,
    /// From the state's encoding: a difference means also that something is missing in the encoding.
    FromBytes,
}

/// Two plays of the same frames that differ.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("played again from tick {from}, the state before tick {tick} differs in {}", names(.fields))]
pub struct SyncFault {
    /// The tick that was rolled back to.
    pub from: Tick,
    /// The first tick before which the states differ.
    pub tick: Tick,
    /// How the ticks were played again.
    pub replayed: Replayed,
    /// The hash of the state as it was played first.
    pub expected: u64,
    /// The hash of the state as it was played again.
    pub got: u64,
    /// The first fields that differ, the first play on the left. Empty if only the encoding tells them apart.
    pub fields: Vec<FieldDiff>,
}

/// Plays a match and at every tick rolls back, plays the same frames again and compares hashes: what GGRS calls a
/// sync test session. Run it over a game's bots while writing the game.
pub struct SyncTest<G: Game> {
    /// The state before tick `t` and the frame of `t`, by tick modulo the length.
    states: Vec<Match<G>>,
    frames: Vec<Frame>,
    again: Match<G>,
    first: Tick,
    next: Tick,
    bytes: Vec<u8>,
    scratch: Vec<u8>,
}

impl<G: Game> SyncTest<G> {
    /// A test that rolls back `ticks` ticks (at least 1) at every tick.
    #[must_use]
    pub fn new(content: Arc<G::Config>, seed: u64, seats: u8, ticks: u32) -> Self {
        let first = Match::<G>::start(content, seed, seats);
        let slots = ticks.max(1) as usize + 1;
        Self {
            frames: vec![Frame::absent(Tick(0), first.seats()); slots],
            again: first.clone(),
            states: vec![first; slots],
            first: Tick(0),
            next: Tick(0),
            bytes: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// The match after the last step.
    #[must_use]
    pub fn current(&self) -> &Match<G> {
        &self.states[self.slot(self.next)]
    }

    /// The match after the last step, to be changed from outside: for drills.
    pub fn current_mut(&mut self) -> &mut Match<G> {
        let slot = self.slot(self.next);
        &mut self.states[slot]
    }

    /// Steps one frame, then goes back and plays the last ticks again, twice.
    ///
    /// # Errors
    /// [`SyncFault`] with the first tick and the fields that differ.
    pub fn step(&mut self, frame: &Frame) -> Result<(), SyncFault> {
        let (from, to) = (self.slot(self.next), self.slot(self.next.next()));
        self.frames[from].copy_from(frame);
        if let Ok([before, after]) = self.states.get_disjoint_mut([from, to]) {
            after.clone_from(before);
            after.step(frame);
        }
        self.next = self.next.next();
        self.first = self.first.max(self.next.earlier(self.states.len() as u32 - 1));
        self.play_again(Replayed::FromCopy)?;
        self.play_again(Replayed::FromBytes)
    }

    fn play_again(&mut self, replayed: Replayed) -> Result<(), SyncFault> {
        let first = self.slot(self.first);
        match replayed {
            Replayed::FromCopy => self.again.clone_from(&self.states[first]),
            Replayed::FromBytes => {
                self.bytes.clear();
                self.states[first].encode(&mut self.bytes);
                if self.again.restore(self.first, &self.bytes).is_err() {
                    return Err(self.fault(self.first, replayed));
                }
            }
        }
        for tick in self.first.0..self.next.0 {
            self.again.step(&self.frames[self.slot(Tick(tick))]);
            let after = Tick(tick).next();
            let played = &self.states[self.slot(after)];
            if played.hash(&mut self.scratch) != self.again.hash(&mut self.bytes) {
                return Err(self.fault(after, replayed));
            }
        }
        Ok(())
    }

    fn fault(&self, tick: Tick, replayed: Replayed) -> SyncFault {
        let played = &self.states[self.slot(tick)];
        let mut scratch = Vec::new();
        SyncFault {
            from: self.first,
            tick,
            replayed,
            expected: played.hash(&mut scratch),
            got: self.again.hash(&mut scratch),
            fields: diff_values(played.state(), self.again.state(), FIELDS_MAX),
        }
    }

    fn slot(&self, tick: Tick) -> usize {
        tick.0 as usize % self.states.len()
    }
}

fn names(fields: &[FieldDiff]) -> String {
    if fields.is_empty() {
        return "its encoding".into();
    }
    let one = |field: &FieldDiff| format!("{}: {} at first, {} again", field.path, field.left, field.right);
    fields.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use framekeep_sim::{Pcg32, SeatInput};

    use super::{Replayed, SyncTest};
    use crate::fake::SumGame;
    use crate::sync_test::{Frame, Tick};
    use std::sync::Arc;

    fn frame(tick: u32, rng: &mut Pcg32) -> Frame {
        let mut frame = Frame::absent(Tick(tick), 2);
        frame.set(0, SeatInput::arrived(rng.below(4_096).into()));
        frame.set(1, SeatInput::repeated(rng.below(4_096).into()));
        frame
    }

    #[test]
    fn an_honest_game_passes() {
        let (mut test, mut rng) = (SyncTest::<SumGame>::new(Arc::new(3), 1, 2, 8), Pcg32::new(1, 1));
        for tick in 0..100 {
            assert_eq!(test.step(&frame(tick, &mut rng)), Ok(()));
        }
        assert_eq!(test.current().tick(), Tick(100));
    }

    #[test]
    fn a_state_changed_behind_its_back_is_named() {
        let (mut test, mut rng) = (SyncTest::<SumGame>::new(Arc::new(3), 1, 2, 8), Pcg32::new(1, 1));
        for tick in 0..20 {
            test.step(&frame(tick, &mut rng)).unwrap();
        }
        test.current_mut().state_mut().sums[1] ^= 1;
        let fault = test.step(&frame(20, &mut rng)).unwrap_err();
        assert_eq!((fault.tick, fault.replayed), (Tick(20), Replayed::FromCopy));
        assert_ne!(fault.expected, fault.got);
        assert_eq!(fault.fields[0].path, "sums[1]");
        assert!(fault.to_string().contains("the state before tick 20 differs in sums[1]: "), "{fault}");
    }
}
