//! `Timeline`, the confirmed state and the predicted ones after it.

use framekeep_protocol::{DesyncAnswer, DesyncAsk};
use framekeep_sim::{DecodeError, Frame, Game, Mark, Match, Pcg32, SeatInput, Tick, hash_bytes};

use crate::drill::{Injected, flip_bit};
use crate::game_event::EventLog;
use crate::limits::HISTORY_TICKS_MAX;
use crate::trail::Trail;
use crate::{Cause, InputStatus, RollbackConfig};

/// A correction: ticks from `from` on were predicted wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rollback {
    pub(crate) from: Tick,
    pub(crate) depth: u32,
    pub(crate) cause: Cause,
}

/// Why a state could not be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RestoreError {
    Decode(DecodeError),
    TooOld,
}

/// The confirmed state and the predicted ones after it, in a ring: the state before tick `t` is in slot `t`.
///
/// A right guess is confirmed by moving an index. A wrong one is corrected by stepping from the confirmed slot again;
/// every slot keeps its memory, so nothing is allocated if the state's `clone_from` allocates nothing.
pub(crate) struct Timeline<G: Game> {
    states: Vec<Match<G>>,
    /// The frame that tick `t` was predicted with, in slot `t`.
    guesses: Vec<Frame>,
    /// The newest committed frames, by tick modulo the length.
    history: Vec<Frame>,
    /// The newest committed frame, and for how many ticks each seat's input has been repeated in it.
    last: Frame,
    repeats: Vec<u32>,
    repeats_max: u32,
    own: Option<u8>,
    confirmed: Tick,
    predicted: Tick,
    wrong: Option<Rollback>,
    events: EventLog<G::Event>,
    /// Counts every change of what is predicted.
    revision: u64,
    scratch: Vec<u8>,
    hash: u64,
    trail: Trail,
    /// The chance of a drill that is to flip a bit at the next tick that is confirmed.
    drill: Option<Pcg32>,
    injected: Option<Injected>,
}

impl<G: Game> Timeline<G> {
    pub(crate) fn new(first: Match<G>, own: Option<u8>, config: &RollbackConfig, repeats_max: u8) -> Self {
        let seats = first.seats();
        let slots = config.rollback_ticks_max as usize + 2;
        let none = Frame::absent(Tick(u32::MAX), seats);
        let mut scratch = Vec::new();
        let hash = first.hash(&mut scratch);
        Self {
            guesses: vec![none.clone(); slots],
            history: vec![none; HISTORY_TICKS_MAX],
            last: Frame::absent(Tick(0), seats),
            repeats: vec![0; usize::from(seats)],
            repeats_max: repeats_max.into(),
            own,
            confirmed: first.tick(),
            predicted: first.tick(),
            states: vec![first; slots],
            wrong: None,
            events: EventLog::new(slots),
            revision: 0,
            scratch,
            hash,
            trail: Trail::new(config.trail_ticks),
            drill: None,
            injected: None,
        }
    }

    pub(crate) fn confirmed(&self) -> &Match<G> {
        &self.states[self.slot(self.confirmed)]
    }

    pub(crate) fn predicted(&self) -> &Match<G> {
        &self.states[self.slot(self.predicted)]
    }

    pub(crate) fn confirmed_tick(&self) -> Tick {
        self.confirmed
    }

    pub(crate) fn predicted_tick(&self) -> Tick {
        self.predicted
    }

    /// The state before `tick` as things stand, if it is kept: the predicted ones, the confirmed one, and the one
    /// before that if no snapshot came between.
    pub(crate) fn at(&self, tick: Tick) -> Option<&Match<G>> {
        let state = &self.states[self.slot(tick)];
        let kept = (self.confirmed.earlier(1)..=self.predicted).contains(&tick);
        (kept && state.tick() == tick).then_some(state)
    }

    /// The committed frame of a confirmed tick, if it is kept.
    pub(crate) fn frame(&self, tick: Tick) -> Option<&Frame> {
        let frame = &self.history[tick.0 as usize % HISTORY_TICKS_MAX];
        (tick < self.confirmed && frame.tick == tick).then_some(frame)
    }

    /// What is known of a seat's input in a tick, and the input; `None` if the tick is forgotten or not predicted.
    pub(crate) fn input(&self, tick: Tick, seat: u8) -> Option<(InputStatus, SeatInput)> {
        if tick < self.confirmed {
            let input = self.frame(tick)?.seat(seat);
            return Some((InputStatus::committed(input), input));
        }
        let guess = &self.guesses[self.slot(tick)];
        (tick < self.predicted).then_some((InputStatus::Predicted, guess.seat(seat)))
    }

    pub(crate) fn events(&mut self) -> &mut EventLog<G::Event> {
        &mut self.events
    }

    /// Changes whenever what is predicted does.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// The hash of the confirmed state.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// How many ticks the prediction is ahead of the confirmed state.
    pub(crate) fn ahead(&self) -> u32 {
        self.predicted.since(self.confirmed)
    }

    /// Takes the committed frame of the confirmed tick and gives how many ticks were simulated for it, 0 if it was
    /// guessed right. [`Timeline::settle`] must follow before anything else is predicted.
    pub(crate) fn confirm(&mut self, frame: &Frame) -> u32 {
        let tick = self.confirmed;
        let guessed = self.wrong.is_none() && tick < self.predicted;
        let right = guessed && self.guesses[self.slot(tick)] == *frame;
        if guessed && !right {
            let cause = self.cause(tick, frame);
            self.wrong = Some(Rollback { from: tick, depth: self.predicted.since(tick), cause });
        }
        if !right {
            step_slot(&mut self.states, tick, frame);
        }
        self.remember(frame);
        self.confirmed = tick.next();
        self.predicted = self.predicted.max(self.confirmed);
        let slot = self.slot(self.confirmed);
        self.events.confirmed(tick, self.states[slot].events());
        self.hash = self.states[slot].hash(&mut self.scratch);
        self.revision += u64::from(self.predicted == self.confirmed);
        if self.drill.is_some() {
            self.inject();
        }
        self.trail.push(self.confirmed, self.hash, &self.scratch);
        u32::from(!right)
    }

    /// What is known of the last confirmed ticks.
    pub(crate) fn explain(&self, ask: DesyncAsk) -> Vec<DesyncAnswer> {
        self.trail.answer(ask)
    }

    /// Flips a bit of the state of the next tick that is confirmed and has one that lasts.
    pub(crate) fn flip_bit(&mut self, seed: u64) {
        self.drill = Some(Pcg32::new(seed, 0xd5));
    }

    /// The bit that was flipped, once.
    pub(crate) fn take_injected(&mut self) -> Option<Injected> {
        self.injected.take()
    }

    fn inject(&mut self) {
        let (slot, tick) = (self.slot(self.confirmed), self.confirmed);
        let Some(rng) = &mut self.drill else { return };
        let flipped = flip_bit(&mut self.states[slot], &mut self.scratch, &self.last, rng);
        let Some(injected) = flipped else { return };
        (self.drill, self.injected) = (None, Some(injected));
        self.hash = self.states[slot].hash(&mut self.scratch);
        // What was predicted stands on the state as it was.
        let depth = self.predicted.since(tick);
        self.wrong.get_or_insert(Rollback { from: tick, depth, cause: Cause::Snapshot });
    }

    /// Predicts again what stood on a wrong guess, if there was one: `ticks_max` ticks at most, what is beyond is given
    /// up. Gives also how many were simulated.
    pub(crate) fn settle(&mut self, ticks_max: u32) -> Option<(Rollback, u32)> {
        let wrong = self.wrong.take()?;
        self.cut(self.confirmed.later(ticks_max));
        self.predict_again();
        Some((wrong, self.ahead()))
    }

    /// Predicts one tick more. `own` is the own input, `None` if none was made for this tick.
    pub(crate) fn predict(&mut self, own: Option<SeatInput>) {
        let tick = self.predicted;
        self.step_guess(tick, own);
        self.predicted = tick.next();
    }

    /// Replaces the confirmed state by one from its encoding: the state before `tick`, after the frame `before`.
    ///
    /// An older state than the confirmed one is brought up to it with the frames in between.
    pub(crate) fn restore(
        &mut self,
        tick: Tick,
        before: &Frame,
        bytes: &[u8],
    ) -> Result<Rollback, RestoreError> {
        let reached = self.confirmed;
        if (tick.0..reached.0).any(|past| self.history[past as usize % HISTORY_TICKS_MAX].tick != Tick(past))
        {
            return Err(RestoreError::TooOld);
        }
        let slot = self.slot(tick);
        self.states[slot].restore(tick, bytes).map_err(RestoreError::Decode)?;
        let done = Rollback { from: tick, depth: self.predicted.since(tick), cause: Cause::Snapshot };
        for past in tick.0..reached.0 {
            step_slot(&mut self.states, Tick(past), &self.history[past as usize % HISTORY_TICKS_MAX]);
            // What was claimed of the snapshot's own tick stays as it was claimed.
            let after = self.slot(Tick(past).next());
            let hash = self.states[after].hash(&mut self.scratch);
            self.trail.push(Tick(past).next(), hash, &self.scratch);
        }
        if tick > reached {
            self.repeats.fill(0);
            self.remember(before);
            self.trail.push(tick, hash_bytes(bytes), bytes);
        }
        self.wrong = None;
        self.confirmed = reached.max(tick);
        self.predicted = self.predicted.max(self.confirmed);
        self.events.keep(self.confirmed, self.predicted);
        self.revision += 1;
        self.predict_again();
        let slot = self.slot(self.confirmed);
        self.hash = self.states[slot].hash(&mut self.scratch);
        Ok(done)
    }

    /// Gives up what was predicted for `end` and later ticks.
    pub(crate) fn cut(&mut self, end: Tick) {
        self.predicted = self.predicted.min(end.max(self.confirmed));
        self.events.keep(self.confirmed, self.predicted);
        self.revision += 1;
    }

    fn predict_again(&mut self) {
        for tick in self.confirmed.0..self.predicted.0 {
            let slot = self.slot(Tick(tick));
            let own = self.own.map(|own| self.guesses[slot].seat(own));
            self.step_guess(Tick(tick), own);
        }
    }

    fn step_guess(&mut self, tick: Tick, own: Option<SeatInput>) {
        self.guess(tick, own);
        let slot = self.slot(tick);
        step_slot(&mut self.states, tick, &self.guesses[slot]);
        let after = self.slot(tick.next());
        self.events.predicted(tick, self.states[after].events());
        self.revision += 1;
    }

    /// Everybody does what they did last; a repeated input is repeated no longer than the server repeats it.
    fn guess(&mut self, tick: Tick, own: Option<SeatInput>) {
        let slot = self.slot(tick);
        let distance = tick.since(self.confirmed) + 1;
        let guess = &mut self.guesses[slot];
        guess.copy_from(&self.last);
        guess.tick = tick;
        for (seat, &repeats) in self.repeats.iter().enumerate() {
            let seat = seat as u8;
            let is_own = self.own == Some(seat);
            let before = guess.seat(seat);
            if is_own && before.mark == Mark::Arrived {
                guess.set(seat, SeatInput::repeated(before.bits));
            }
            if guess.seat(seat).mark == Mark::Repeated && repeats + distance > self.repeats_max {
                guess.set(seat, SeatInput::ABSENT);
            }
        }
        if let Some((seat, own)) = self.own.zip(own) {
            guess.set(seat, own);
        }
    }

    fn remember(&mut self, frame: &Frame) {
        for (repeats, input) in self.repeats.iter_mut().zip(frame.seats()) {
            *repeats = if input.mark == Mark::Repeated { repeats.saturating_add(1) } else { 0 };
        }
        self.last.copy_from(frame);
        self.history[frame.tick.0 as usize % HISTORY_TICKS_MAX].copy_from(frame);
    }

    fn cause(&self, tick: Tick, frame: &Frame) -> Cause {
        let guess = &self.guesses[self.slot(tick)];
        let differs = |&seat: &u8| guess.seat(seat) != frame.seat(seat);
        match (0..frame.seat_count()).filter(|&seat| Some(seat) != self.own).find(differs) {
            Some(seat) => Cause::WrongGuess { seat },
            None => Cause::LateInput,
        }
    }

    fn slot(&self, tick: Tick) -> usize {
        tick.0 as usize % self.states.len()
    }
}

/// Makes the state after `tick` from the one before it.
fn step_slot<G: Game>(states: &mut [Match<G>], tick: Tick, frame: &Frame) {
    let slots = states.len();
    let (from, to) = (tick.0 as usize % slots, tick.next().0 as usize % slots);
    if let Ok([from, to]) = states.get_disjoint_mut([from, to]) {
        to.clone_from(from);
        to.step(frame);
    }
}
