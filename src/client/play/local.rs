//! `LocalMatch`, a match in this process alone.

use std::sync::Arc;
use std::time::Duration;

use framekeep_protocol::{EndReason, Epoch, MatchEnd};
use framekeep_rollback::{EventId, EventStage, GameEvent, SyncFault, SyncTest, ViewTimeline};
use framekeep_sim::{Frame, Game, Input, Match, SeatInput, Tick, View};

use super::Sketch;

/// Ticks that one frame makes up for; the rest of a longer pause is left out.
const CATCH_UP_TICKS_MAX: u32 = 8;

/// Decides what the other seats do: the match as it stands, the seat, the tick.
pub type LocalBots<G> = Box<dyn FnMut(&Match<G>, u8, Tick) -> <G as Game>::Input + Send + Sync>;

/// A match in this process alone: no server, no ticket, no network.
pub struct LocalMatch<G: Game> {
    /// What it is played on. Default: the game's.
    pub content: G::Config,
    /// The seed of its chance. Default 1.
    pub seed: u64,
    /// How many seats. Default: the fewest the game allows.
    pub seats: u8,
    /// The seat of [`LocalInput`](crate::LocalInput). Default 0.
    pub seat: u8,
    /// Ticks a second. Default 30.
    pub tick_rate_hz: u16,
    /// What the other seats do. Default nothing.
    pub bots: Option<LocalBots<G>>,
    /// Goes back this many ticks at every tick, plays them again and compares hashes; the match stops at the first
    /// difference. Default none.
    pub sync_test_ticks: Option<u32>,
}

impl<G: Game> Default for LocalMatch<G> {
    fn default() -> Self {
        Self {
            content: G::default_content(),
            seed: 1,
            seats: *G::SEATS.start(),
            seat: 0,
            tick_rate_hz: 30,
            bots: None,
            sync_test_ticks: None,
        }
    }
}

enum Stepper<G: Game> {
    Plain(Box<Match<G>>),
    Tested(Box<SyncTest<G>>),
}

/// A local match that runs.
pub(crate) struct LocalPlay<G: Game> {
    stepper: Stepper<G>,
    /// What is done in the next tick, the own seat apart.
    frame: Frame,
    bots: Option<LocalBots<G>>,
    seat: u8,
    period: Duration,
    /// When the newest tick was made.
    made_at: Option<Duration>,
    fault: Option<SyncFault>,
    events: u64,
    content: Arc<G::Config>,
}

impl<G: Game> LocalPlay<G> {
    pub(crate) fn new(start: LocalMatch<G>) -> Self {
        let LocalMatch { content, seed, seats, seat, tick_rate_hz, bots, sync_test_ticks } = start;
        let content = Arc::new(content);
        let seats = seats.clamp(*G::SEATS.start(), *G::SEATS.end());
        let stepper = match sync_test_ticks {
            Some(ticks) => Stepper::Tested(Box::new(SyncTest::new(content.clone(), seed, seats, ticks))),
            None => Stepper::Plain(Box::new(Match::start(content.clone(), seed, seats))),
        };
        let mut play = Self {
            stepper,
            frame: Frame::absent(Tick(0), seats),
            bots,
            seat: seat.min(seats - 1),
            period: Duration::from_secs(1) / u32::from(tick_rate_hz.max(1)),
            made_at: None,
            fault: None,
            events: 0,
            content,
        };
        play.ask_bots();
        play
    }

    pub(crate) fn seat(&self) -> u8 {
        self.seat
    }

    pub(crate) fn fault(&self) -> Option<&SyncFault> {
        self.fault.as_ref()
    }

    pub(crate) fn current(&self) -> &Match<G> {
        match &self.stepper {
            Stepper::Plain(play) => play,
            Stepper::Tested(test) => test.current(),
        }
    }

    pub(crate) fn advance(
        &mut self,
        now: Duration,
        own: &mut dyn FnMut() -> G::Input,
        events: &mut Vec<GameEvent<G::Event>>,
    ) {
        let mut made_at = *self.made_at.get_or_insert(now);
        if now.saturating_sub(made_at) > self.period * CATCH_UP_TICKS_MAX {
            made_at = now - self.period * CATCH_UP_TICKS_MAX;
        }
        while made_at + self.period <= now && !self.is_over() {
            made_at += self.period;
            self.step(own(), events);
        }
        self.made_at = Some(made_at);
    }

    fn is_over(&self) -> bool {
        self.fault.is_some() || G::outcome(&self.content, self.current().state()).is_some()
    }

    /// How the match ended, if the game says that it did.
    pub(crate) fn end(&self) -> Option<MatchEnd> {
        let play = self.current();
        let outcome = G::outcome(&self.content, play.state())?;
        let (ticks, hash) = (play.tick(), play.hash(&mut Vec::new()));
        let (epoch, reason) = (Epoch::new(0), EndReason::Outcome);
        Some(MatchEnd { epoch, ticks, hash, outcome: Some(outcome), reason })
    }

    fn step(&mut self, own: G::Input, events: &mut Vec<GameEvent<G::Event>>) {
        self.frame.set(self.seat, SeatInput::arrived(own.pack()));
        match &mut self.stepper {
            Stepper::Plain(play) => play.step(&self.frame),
            Stepper::Tested(test) => self.fault = test.step(&self.frame).err(),
        }
        let told = match &self.stepper {
            Stepper::Plain(play) => play.events(),
            Stepper::Tested(test) => test.current().events(),
        };
        for event in told {
            self.events += 1;
            let (id, stage) = (EventId(self.events), EventStage::Confirmed { predicted: false });
            events.push(GameEvent { id, tick: self.frame.tick, stage, event: event.clone() });
        }
        self.frame.tick = self.frame.tick.next();
        self.ask_bots();
    }

    /// The bots decide about the next tick as soon as they can see this one, so that what is drawn is what happens.
    fn ask_bots(&mut self) {
        let current = match &self.stepper {
            Stepper::Plain(play) => &**play,
            Stepper::Tested(test) => test.current(),
        };
        let Some(bots) = &mut self.bots else { return };
        for seat in (0..self.frame.seat_count()).filter(|&seat| seat != self.seat) {
            let input = bots(current, seat, self.frame.tick);
            self.frame.set(seat, SeatInput::arrived(input.pack()));
        }
    }

    pub(crate) fn draw(
        &self,
        now: Duration,
        own: G::Input,
        sketch: &mut Sketch<G>,
        timeline: &mut ViewTimeline<u64>,
        view: &mut View,
    ) -> Option<f32> {
        let own = own.pack();
        sketch.ahead(self.current(), 0, own, timeline, view, |frame| {
            frame.copy_from(&self.frame);
            frame.set(self.seat, SeatInput::arrived(own));
        });
        let passed = now.saturating_sub(self.made_at.unwrap_or(now));
        Some((passed.as_secs_f32() / self.period.as_secs_f32()).min(1.0))
    }
}
