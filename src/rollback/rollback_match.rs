//! `RollbackMatch`, a client's match: confirmed by the server, predicted ahead of it.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;

use framekeep_protocol::{DesyncAnswer, DesyncAsk, Epoch, MatchEnd, MatchStart, Snapshot, SnapshotFault};
use framekeep_sim::{DecodeError, Frame, Game, Input, Mark, Match, SeatInput, Tick, decode, hash_bytes};

use crate::backlog::Backlog;
use crate::exchange::Exchange;
use crate::input_delay::InputDelay;
use crate::limits::{ADVANCE_TICKS_MAX, EVENTS_MAX};
use crate::timeline::{RestoreError, Rollback, Timeline};
use crate::{
    GameEvent, Injected, InputStatus, LeadClock, MatchStats, RollbackConfig, RollbackEvent, StreamError,
    ViewTime,
};

/// A match that cannot be played here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// It is a match of another game.
    #[error("the match is of the game {got}, this is {expected}")]
    WrongGame {
        /// The game of this client.
        expected: &'static str,
        /// The match's.
        got: String,
    },
    /// Inputs have another width than here.
    #[error("inputs have {got} bits, here {expected}")]
    InputBits {
        /// This build's.
        expected: u32,
        /// The match's.
        got: u8,
    },
    /// The game is not played by that many, or the own seat is not among them.
    #[error("seat {seat} of {seats} does not exist in this game")]
    Seats {
        /// How many seats the match has.
        seats: u8,
        /// The own one.
        seat: u8,
    },
    /// The content is not this game's.
    #[error("the content is not this game's: {0}")]
    Content(#[from] DecodeError),
}

/// A snapshot that cannot be used; the match goes on as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It belongs to another match of the room.
    #[error("a snapshot of match {got}, this is match {expected}")]
    OtherMatch {
        /// The number of this match within the room, modulo 16.
        expected: Epoch,
        /// The snapshot's.
        got: Epoch,
    },
    /// It cannot be unpacked.
    #[error(transparent)]
    Fault(#[from] SnapshotFault),
    /// Its bytes do not have the hash it names.
    #[error("the snapshot names the hash {expected:016x}, its bytes have {got:016x}")]
    WrongHash {
        /// What it names.
        expected: u64,
        /// What its bytes have.
        got: u64,
    },
    /// The frame before it has another number of seats than the match.
    #[error("the snapshot has a frame of {got} seats, the match has {expected}")]
    Seats {
        /// The match's.
        expected: u8,
        /// The snapshot's.
        got: u8,
    },
    /// Its bytes are not a state of this game.
    #[error("the snapshot is not a state of this game: {0}")]
    Decode(DecodeError),
    /// It is older than the frames that are kept.
    #[error("the snapshot of tick {0} is too old to be of use")]
    TooOld(Tick),
}

/// A client's match as a value: packets, inputs and time go in, packets, events and states come out.
///
/// `confirmed` is the state after every frame that has arrived without a gap; it equals the server's, bit for bit.
/// `predicted` goes on from there with the own inputs and with everybody else doing what they did last. When a frame
/// says otherwise, the ticks after it are played again.
///
/// ```text
/// handle_frames ─► confirmed ─► predicted ─► draw
///                     ▲  local inputs ─┘└─► poll_transmit
/// handle_snapshot ────┘
/// ```
pub struct RollbackMatch<G: Game> {
    exchange: Exchange,
    timeline: Timeline<G>,
    config: RollbackConfig,
    delay: InputDelay,
    /// Frames that have arrived and are not simulated.
    backlog: Backlog,
    /// Ticks simulated since the last [`RollbackMatch::advance`].
    spent: u32,
    events: VecDeque<RollbackEvent>,
    stalled: bool,
}

impl<G: Game> RollbackMatch<G> {
    /// A match as the server announced it, at `now`; `rtt` is what is known of the round trip.
    ///
    /// # Errors
    /// [`StartError`] if the match is not one that this build can play.
    pub fn new(
        start: &MatchStart,
        config: RollbackConfig,
        now: Duration,
        rtt: Duration,
    ) -> Result<Self, StartError> {
        let config = config.clamped();
        if start.game != G::NAME {
            return Err(StartError::WrongGame { expected: G::NAME, got: start.game.clone() });
        }
        if u32::from(start.input_bits) != G::Input::BITS {
            return Err(StartError::InputBits { expected: G::Input::BITS, got: start.input_bits });
        }
        let exchange = Exchange::new(start, &config, now, rtt);
        if !G::SEATS.contains(&start.seats) || exchange.seat.is_some_and(|seat| seat >= start.seats) {
            return Err(StartError::Seats { seats: start.seats, seat: start.seat });
        }
        let content: G::Config = decode(&start.content)?;
        let first = Match::start(Arc::new(content), start.seed, start.seats);
        let timeline = Timeline::new(first, exchange.seat, &config, start.input_repeat_ticks_max);
        Ok(Self {
            exchange,
            timeline,
            delay: InputDelay::new(&config),
            config,
            backlog: Backlog::default(),
            spent: 0,
            events: VecDeque::new(),
            stalled: false,
        })
    }

    /// Takes a hot-lane packet of frames. What was predicted wrong is played again by the next
    /// [`RollbackMatch::advance`].
    ///
    /// # Errors
    /// [`StreamError`] if it was of no use; the match goes on.
    pub fn handle_frames(&mut self, now: Duration, packet: &[u8]) -> Result<(), StreamError> {
        let Self { exchange, backlog, .. } = self;
        let result = exchange.handle_frames(now, packet, |frame| backlog.push(frame));
        self.ask_for_snapshot(now);
        self.confirm_backlog(now);
        result
    }

    /// Takes a snapshot: after a gap that frames no longer close, for a late joiner, or to heal a desync.
    ///
    /// # Errors
    /// [`SnapshotError`] if it cannot be used; the match goes on as it was.
    pub fn handle_snapshot(&mut self, now: Duration, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        let expected = self.exchange.stream.epoch();
        if snapshot.epoch != expected {
            return Err(SnapshotError::OtherMatch { expected, got: snapshot.epoch });
        }
        let bytes = snapshot.unpack()?;
        let got = hash_bytes(&bytes);
        if got != snapshot.hash {
            return Err(SnapshotError::WrongHash { expected: snapshot.hash, got });
        }
        let before = snapshot.frame_before();
        let seats = self.timeline.confirmed().seats();
        if before.seat_count() != seats {
            return Err(SnapshotError::Seats { expected: seats, got: before.seat_count() });
        }
        let reached = self.timeline.confirmed_tick();
        let rollback =
            self.timeline.restore(snapshot.tick, &before, &bytes).map_err(|error| match error {
                RestoreError::Decode(error) => SnapshotError::Decode(error),
                RestoreError::TooOld => SnapshotError::TooOld(snapshot.tick),
            })?;
        self.backlog.forget_before(snapshot.tick);
        if snapshot.tick > self.exchange.stream.next() {
            self.exchange.restart(now, snapshot.tick, &before);
        }
        self.exchange.waiting = false;
        if snapshot.tick > reached {
            push(&mut self.events, RollbackEvent::Skipped { from: reached, to: snapshot.tick });
        }
        self.note_rollback(rollback);
        let confirmed =
            RollbackEvent::Confirmed { tick: self.timeline.confirmed_tick(), hash: self.timeline.hash() };
        push(&mut self.events, confirmed);
        Ok(())
    }

    /// What to answer when the server asks where the state began to differ, in order.
    #[must_use]
    pub fn explain(&self, ask: DesyncAsk) -> Vec<DesyncAnswer> {
        let (DesyncAsk::Hashes { epoch, .. } | DesyncAsk::State { epoch, .. }) = ask;
        if epoch == self.exchange.stream.epoch() { self.timeline.explain(ask) } else { Vec::new() }
    }

    /// A drill: flips a bit of the state of the next tick that is confirmed and can take it, chosen by `seed`. The
    /// bit is one after which the state is still a state of the game and another one for a while.
    pub fn flip_bit(&mut self, seed: u64) {
        self.timeline.flip_bit(seed);
    }

    /// The bit that [`RollbackMatch::flip_bit`] has flipped, once it has.
    pub fn take_injected(&mut self) -> Option<Injected> {
        self.timeline.take_injected()
    }

    /// The match is over: nothing is predicted past its last tick. Frames that are still missing may follow.
    pub fn finish(&mut self, end: &MatchEnd) {
        if end.epoch == self.exchange.stream.epoch() {
            self.exchange.finish(end.ticks);
            self.timeline.cut(end.ticks);
        }
    }

    /// Whether the match is over and every frame of it is confirmed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.exchange.is_complete() && self.backlog.is_empty()
    }

    /// Makes every input that is due and predicts up to it. `local` is asked once for each tick, in order.
    ///
    /// Gives how many inputs were made: 0 or 1 as a rule, more after a hitch.
    pub fn advance(&mut self, now: Duration, mut local: impl FnMut(Tick) -> G::Input) -> u32 {
        self.advance_with(now, |tick, _| local(tick))
    }

    /// As [`RollbackMatch::advance`], for players that look at the predicted match to decide: bots.
    pub fn advance_with(&mut self, now: Duration, mut local: impl FnMut(Tick, &Match<G>) -> G::Input) -> u32 {
        let mut made = 0;
        self.confirm_backlog(now);
        let (delay, ahead_max) = (self.delay.ticks(), self.config.rollback_ticks_max);
        if let Some((rollback, ticks)) = self.timeline.settle(self.left()) {
            self.spent += ticks;
            self.note_rollback(rollback);
        }
        self.predict_made_inputs();
        while made < ADVANCE_TICKS_MAX {
            let Some(tick) = self.exchange.input_due(now, Tick(u32::MAX)) else { break };
            if tick.earlier(delay).since(self.timeline.confirmed_tick()) >= ahead_max {
                self.note_stall(tick);
                break;
            }
            self.stalled = false;
            self.exchange.push(now, local(tick, self.timeline.predicted()).pack());
            made += 1;
            self.predict_made_inputs();
        }
        self.ask_for_snapshot(now);
        self.end_call();
        made
    }

    /// Appends the packet that is due to `out`, if one is: a whole hot-lane payload. At most one is due at a time.
    pub fn poll_transmit(&mut self, now: Duration, out: &mut Vec<u8>) -> bool {
        let confirmed = self.timeline.confirmed_tick();
        let simulated =
            !self.exchange.waiting && confirmed > Tick(0) && confirmed == self.exchange.stream.next();
        let hash = simulated.then_some(self.timeline.hash() as u32);
        self.exchange.poll_transmit(now, hash, out)
    }

    /// The oldest event that was not polled yet.
    pub fn poll_event(&mut self) -> Option<RollbackEvent> {
        self.events.pop_front()
    }

    /// The oldest game event that was not polled yet: what was predicted, confirmed or taken back.
    pub fn poll_game_event(&mut self) -> Option<GameEvent<G::Event>> {
        let events = self.timeline.events();
        let event = events.poll();
        self.exchange.stats.game_events_dropped += events.take_dropped();
        event
    }

    /// When to call `advance` and `poll_transmit` next if nothing arrives until then.
    #[must_use]
    pub fn wake_at(&self) -> Duration {
        let ahead = self.delay.ticks() + self.config.rollback_ticks_max;
        self.exchange.wake_at(self.timeline.confirmed_tick().later(ahead))
    }

    /// The state after every frame that has arrived without a gap.
    #[must_use]
    pub fn confirmed(&self) -> &Match<G> {
        self.timeline.confirmed()
    }

    /// The hash of the confirmed state.
    #[must_use]
    pub fn confirmed_hash(&self) -> u64 {
        self.timeline.hash()
    }

    /// The state to draw: the confirmed one and what is guessed to follow.
    #[must_use]
    pub fn predicted(&self) -> &Match<G> {
        self.timeline.predicted()
    }

    /// The state before `tick` as things stand, if it is kept: from one tick before the confirmed state (unless a
    /// snapshot came between) to the predicted one.
    #[must_use]
    pub fn at(&self, tick: Tick) -> Option<&Match<G>> {
        self.timeline.at(tick)
    }

    /// Changes whenever what is predicted does: something else is to be drawn.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.timeline.revision()
    }

    /// Which moment is drawn at `now`, for [`crate::ViewTimeline`]: between the last two predicted states, or the
    /// newest of them while nothing more can be predicted.
    #[must_use]
    pub fn view_time(&self, now: Duration) -> ViewTime {
        let (tick, next) = (self.timeline.predicted_tick(), self.exchange.sender.next());
        let made = self.exchange.clock.due_at(next.earlier(1));
        let part = now.saturating_sub(made).as_secs_f32() / self.clock().period().as_secs_f32();
        // Less can be predicted than there are inputs, or the delay has just grown.
        let stands = tick != next.earlier(self.delay.ticks());
        ViewTime { tick, part: if stands { 1.0 } else { part.min(1.0) } }
    }

    /// The committed frame of a confirmed tick; [`crate::HISTORY_TICKS_MAX`] ticks are kept.
    #[must_use]
    pub fn frame(&self, tick: Tick) -> Option<&Frame> {
        self.timeline.frame(tick)
    }

    /// What is known of a seat's input in a tick, and the input. `None` for a tick that is not predicted yet, or is
    /// [`crate::HISTORY_TICKS_MAX`] ticks behind the confirmed one.
    #[must_use]
    pub fn input(&self, tick: Tick, seat: u8) -> Option<(InputStatus, G::Input)> {
        let (status, input) = self.timeline.input(tick, seat)?;
        let absent = input.mark == Mark::Absent;
        Some((status, if absent { G::Input::default() } else { G::Input::unpack(input.bits) }))
    }

    /// The match within the room.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.exchange.stream.epoch()
    }

    /// The own seat; `None` for a spectator.
    #[must_use]
    pub fn seat(&self) -> Option<u8> {
        self.exchange.seat
    }

    /// Whether there is no state to go on from yet: a late joiner before his snapshot.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.exchange.waiting
    }

    /// Whether the server says that the match stands still: it waits for somebody's input, or for its disk.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.exchange.is_paused()
    }

    /// How many ticks after it is made an own input is played here: [`RollbackConfig::input_delay_ticks`], and more
    /// where the way is long ([`RollbackConfig::predicted_ticks_aim`]).
    #[must_use]
    pub fn input_delay_ticks(&self) -> u32 {
        self.delay.ticks()
    }

    /// The own input that was made for a tick, also if it is not predicted yet; the newest ones are kept.
    #[must_use]
    pub fn made(&self, tick: Tick) -> Option<u64> {
        self.exchange.sender.get(tick)
    }

    /// Figures so far.
    #[must_use]
    pub fn stats(&self) -> &MatchStats {
        &self.exchange.stats
    }

    /// Figures so far, to be cleared.
    pub fn stats_mut(&mut self) -> &mut MatchStats {
        &mut self.exchange.stats
    }

    /// The clock that paces the inputs.
    #[must_use]
    pub fn clock(&self) -> &LeadClock {
        &self.exchange.clock
    }

    fn predict_made_inputs(&mut self) {
        if self.exchange.waiting {
            return;
        }
        let made = self.exchange.sender.next().earlier(self.delay.ticks());
        let target = self.exchange.end().map_or(made, |end| made.min(end));
        // What is predicted must be playable again within one call.
        let ahead_max = self.config.rollback_ticks_max.min(self.config.simulate_ticks_max);
        while self.timeline.predicted_tick() < target
            && self.timeline.ahead() < ahead_max
            && self.left() > 0
            && self.exchange.seat.is_some()
        {
            self.spent += 1;
            let own = self.exchange.sender.get(self.timeline.predicted_tick()).map(SeatInput::arrived);
            self.timeline.predict(own);
        }
    }

    /// Simulates the frames that have arrived, as many as may be; none while a snapshot comes that skips them.
    fn confirm_backlog(&mut self, now: Duration) {
        let skipped = self.exchange.awaits_snapshot(now);
        if let Some(frame) = self.backlog.first()
            && self.exchange.seat.is_some()
        {
            self.delay.note_arrival(self.exchange.sender.next().since(frame.tick));
        }
        while self.backlog.is_full() || (!skipped && self.left() > 0) {
            let Some(frame) = self.backlog.first() else { break };
            self.spent += self.timeline.confirm(frame);
            self.backlog.pop();
            let tick = self.timeline.confirmed_tick();
            push(&mut self.events, RollbackEvent::Confirmed { tick, hash: self.timeline.hash() });
        }
    }

    /// The next call may simulate as much again.
    fn end_call(&mut self) {
        let stats = &mut self.exchange.stats;
        stats.simulated_ticks += u64::from(self.spent);
        stats.simulated_ticks_max = stats.simulated_ticks_max.max(self.spent);
        self.spent = 0;
    }

    /// How many ticks may still be simulated in this call.
    fn left(&self) -> u32 {
        self.config.simulate_ticks_max.saturating_sub(self.spent)
    }

    fn note_rollback(&mut self, rollback: Rollback) {
        let Rollback { from, depth, cause } = rollback;
        if depth > 0 {
            self.exchange.stats.rollback_ticks.record(depth.into());
            push(&mut self.events, RollbackEvent::RolledBack { from, depth, cause });
        }
    }

    fn note_stall(&mut self, at: Tick) {
        if !self.stalled {
            self.stalled = true;
            self.exchange.stats.stalls += 1;
            push(&mut self.events, RollbackEvent::Stalled { at });
        }
    }

    fn ask_for_snapshot(&mut self, now: Duration) {
        if self.exchange.needs_snapshot(now) {
            push(&mut self.events, RollbackEvent::NeedSnapshot { from: self.exchange.stream.next() });
        }
    }
}

fn push(events: &mut VecDeque<RollbackEvent>, event: RollbackEvent) {
    if events.len() >= EVENTS_MAX {
        events.pop_front();
    }
    events.push_back(event);
}
