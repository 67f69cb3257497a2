//! `WatchedMatch`, a match on a server that this client only watches, a little late and evenly.

use std::collections::VecDeque;
use std::time::Duration;

use framekeep_rollback::{EventId, EventStage, GameEvent, RollbackMatch, ViewTimeline};
use framekeep_sim::{Frame, Game, Match, Tick, View};

use super::Sketch;

/// Most frames that wait to be shown beyond those of the delay; with more, what is shown jumps.
const FRAMES_MAX: usize = 4_096;
/// The longest delay.
const DELAY_MAX: Duration = Duration::from_secs(600);
/// Most ticks that are played in one frame of the app; the rest of a leap follows in the next.
const STEPS_MAX: usize = 64;
/// How much faster or slower than the match the picture may run to keep its distance, as a part.
const DRIFT: f64 = 0.05;
/// By how many ticks the distance may be off before the rate differs by all of [`DRIFT`].
const DRIFT_TICKS: f64 = 8.0;

/// What waits to be shown.
enum Waiting<G: Game> {
    /// The next tick.
    Frame(Frame),
    /// The beginning, or what follows a gap.
    State(Box<Match<G>>),
}

/// A match on a server that this client only watches, a little late and evenly.
pub(crate) struct WatchedMatch<G: Game> {
    pub(crate) play: RollbackMatch<G>,
    /// What is confirmed and was not shown.
    waiting: VecDeque<Waiting<G>>,
    /// The tick after the newest of them, once there is one.
    taken: Option<Tick>,
    /// The last two states that were shown; none until the first is old enough.
    shown: Option<(Match<G>, Match<G>)>,
    /// How far the picture is from the older to the newer; more than 1 over a gap.
    part: f64,
    /// How many frames the delay is.
    wanted: f64,
    now: Option<Duration>,
    events: u64,
    /// Whether nothing of the match will come any more, although not all of it has.
    is_cut: bool,
    /// Whether the game knows that the picture is at the end.
    is_end_told: bool,
}

impl<G: Game> WatchedMatch<G> {
    pub(crate) fn new(play: RollbackMatch<G>) -> Self {
        Self {
            play,
            waiting: VecDeque::new(),
            taken: None,
            shown: None,
            part: 0.0,
            wanted: 1.0,
            now: None,
            events: 0,
            is_cut: false,
            is_end_told: false,
        }
    }

    /// The match goes on over another link: what is shown, and what waits, stays.
    pub(crate) fn go_on(&mut self, play: RollbackMatch<G>) {
        self.play = play;
    }

    /// The match is over, and what is missing of it will not come.
    pub(crate) fn cut(&mut self) {
        self.is_cut = true;
    }

    pub(crate) fn current(&self) -> Option<&Match<G>> {
        self.shown.as_ref().map(|(_, newer)| newer)
    }

    /// Whether all of the match that there will be is here.
    fn is_over(&self) -> bool {
        self.is_cut || self.play.is_complete()
    }

    /// Whether the picture has come to the end.
    pub(crate) fn is_at_end(&self) -> bool {
        self.is_over() && self.shown.is_some() && self.waiting.is_empty() && self.part >= 1.0
    }

    /// As [`Self::is_at_end`], once.
    pub(crate) fn notice_end(&mut self) -> bool {
        let is_new = self.is_at_end() && !self.is_end_told;
        self.is_end_told |= is_new;
        is_new
    }

    pub(crate) fn is_end_told(&self) -> bool {
        self.is_end_told
    }

    /// Takes over what the last packet has confirmed; to be called after each, before the next.
    pub(crate) fn take_frames(&mut self) {
        let confirmed = self.play.confirmed();
        let tick = confirmed.tick();
        if self.play.is_waiting() || self.taken.is_some_and(|taken| tick <= taken) {
            return;
        }
        if self.waiting.len() > FRAMES_MAX + self.wanted as usize * 2 {
            // Nobody looks: what is missing then is not shown.
            self.waiting.clear();
        }
        let first = self.taken.filter(|first| {
            let is_next = self.newest() == Some(*first);
            is_next && (first.0..tick.0).all(|tick| self.play.frame(Tick(tick)).is_some())
        });
        if let Some(first) = first {
            let frames = (first.0..tick.0).filter_map(|tick| self.play.frame(Tick(tick)).cloned());
            self.waiting.extend(frames.map(Waiting::Frame));
        } else {
            self.waiting.push_back(Waiting::State(Box::new(confirmed.clone())));
        }
        self.taken = Some(tick);
    }

    /// The tick up to which there is something to show.
    fn newest(&self) -> Option<Tick> {
        match self.waiting.back() {
            Some(Waiting::Frame(frame)) => Some(frame.tick.next()),
            Some(Waiting::State(state)) => Some(state.tick()),
            None => self.current().map(Match::tick),
        }
    }

    /// Moves the picture on.
    pub(crate) fn advance(&mut self, now: Duration, delay: Duration, events: &mut Vec<GameEvent<G::Event>>) {
        self.play.advance(now, |_| G::Input::default());
        self.take_frames();
        // They are told when they are seen.
        while self.play.poll_game_event().is_some() {}
        let passed = now.saturating_sub(self.now.replace(now).unwrap_or(now));
        let period = self.play.clock().period().as_secs_f64();
        let wanted = (delay.min(DELAY_MAX).as_secs_f64() / period).max(1.0);
        self.wanted = wanted;
        let behind = f64::from(self.behind());
        if self.shown.is_none() {
            if behind >= wanted || self.is_over() {
                self.show_next(events);
                self.part = 1.0;
            }
            return;
        }
        let ahead = behind + 1.0 - self.part;
        let drift = DRIFT * ((ahead - wanted) / DRIFT_TICKS).clamp(-1.0, 1.0);
        self.part += passed.as_secs_f64() / period * if self.is_over() { 1.0 } else { 1.0 + drift };
        for _ in 0..STEPS_MAX {
            // Far behind after a pause of the app, or with a shorter delay than before: the rest is played through.
            let hurries = f64::from(self.behind()) > wanted * 2.0 + 30.0;
            let Some(ticks) = self.ticks_to_next() else {
                self.part = self.part.min(1.0);
                break;
            };
            if !hurries && self.part < ticks {
                break;
            }
            self.part -= if hurries { ticks.min(self.part) } else { ticks };
            self.show_next(events);
        }
    }

    /// How many ticks what is shown is behind what has come.
    fn behind(&self) -> u32 {
        let first = match (&self.shown, self.waiting.front()) {
            (Some((_, newer)), _) => newer.tick(),
            (None, Some(Waiting::State(state))) => state.tick(),
            (None, Some(Waiting::Frame(frame))) => frame.tick,
            (None, None) => return 0,
        };
        self.taken.map_or(0, |taken| taken.since(first))
    }

    /// How many ticks after the newest that is shown the next follows.
    fn ticks_to_next(&self) -> Option<f64> {
        let (shown, next) = self.current().zip(self.waiting.front())?;
        Some(match next {
            Waiting::Frame(_) => 1.0,
            Waiting::State(state) => f64::from(state.tick().since(shown.tick())).max(1.0),
        })
    }

    fn show_next(&mut self, events: &mut Vec<GameEvent<G::Event>>) {
        let frame = match self.waiting.pop_front() {
            None => return,
            Some(Waiting::State(state)) => {
                self.shown = Some(((*state).clone(), *state));
                return;
            }
            Some(Waiting::Frame(frame)) => frame,
        };
        let Some((older, newer)) = &mut self.shown else { return };
        older.clone_from(newer);
        newer.step(&frame);
        for event in newer.events() {
            self.events += 1;
            let (id, stage) = (EventId(self.events), EventStage::Confirmed { predicted: false });
            events.push(GameEvent { id, tick: frame.tick, stage, event: event.clone() });
        }
    }

    pub(crate) fn draw(
        &self,
        sketch: &mut Sketch<G>,
        timeline: &mut ViewTimeline<u64>,
        view: &mut View,
    ) -> Option<f32> {
        let Some((older, newer)) = &self.shown else { return None };
        sketch.between(older, newer, timeline, view);
        Some(self.part.min(1.0) as f32)
    }
}
