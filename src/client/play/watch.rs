//! `WatchedMatch`, a match on a server that this client only watches, a little late and evenly.

use std::collections::VecDeque;
use std::time::Duration;

use framekeep_rollback::{EventId, EventStage, GameEvent, RollbackMatch, ViewTimeline};
use framekeep_sim::{Frame, Game, Match, Tick, View};

use super::Sketch;

/// Most frames that wait to be shown; with more, what is shown jumps.
const FRAMES_MAX: usize = 4_096;
/// How much faster or slower than the match the picture may run to keep its distance, as a part.
const DRIFT: f64 = 0.05;
/// By how many ticks the distance may be off before the rate differs by all of [`DRIFT`].
const DRIFT_TICKS: f64 = 8.0;

/// A match on a server that this client only watches, a little late and evenly.
pub(crate) struct WatchedMatch<G: Game> {
    pub(crate) play: RollbackMatch<G>,
    /// Confirmed frames that were not shown.
    frames: VecDeque<Frame>,
    /// The tick after the newest of them.
    taken: Tick,
    /// The last two states that were shown.
    shown: Option<(Match<G>, Match<G>)>,
    /// How far the picture is from the older to the newer.
    part: f64,
    /// Waits at the beginning until there is the distance that is wanted.
    is_filling: bool,
    now: Option<Duration>,
    events: u64,
}

impl<G: Game> WatchedMatch<G> {
    pub(crate) fn new(play: RollbackMatch<G>) -> Self {
        let (frames, taken) = (VecDeque::new(), Tick(0));
        Self { play, frames, taken, shown: None, part: 0.0, is_filling: true, now: None, events: 0 }
    }

    pub(crate) fn current(&self) -> Option<&Match<G>> {
        self.shown.as_ref().map(|(_, newer)| newer)
    }

    /// Takes over what the last packet has confirmed; to be called after each, before the next.
    pub(crate) fn take_frames(&mut self) {
        if self.play.is_waiting() {
            return;
        }
        let confirmed = self.play.confirmed();
        let first = self.taken;
        let goes_on = self.shown.is_some()
            && (first.0..confirmed.tick().0).all(|tick| self.play.frame(Tick(tick)).is_some());
        if !goes_on || self.frames.len() > FRAMES_MAX {
            // The beginning, or a snapshot: what is missing between is not shown.
            self.frames.clear();
            self.shown = Some((confirmed.clone(), confirmed.clone()));
            (self.part, self.is_filling) = (1.0, true);
        } else {
            let ticks = first.0..confirmed.tick().0;
            self.frames.extend(ticks.filter_map(|tick| self.play.frame(Tick(tick)).cloned()));
        }
        self.taken = self.play.confirmed().tick();
    }

    /// Moves the picture on.
    pub(crate) fn advance(&mut self, now: Duration, delay: Duration, events: &mut Vec<GameEvent<G::Event>>) {
        self.play.advance(now, |_| G::Input::default());
        self.take_frames();
        // They are told when they are seen.
        while self.play.poll_game_event().is_some() {}
        let passed = now.saturating_sub(self.now.replace(now).unwrap_or(now));
        let period = self.play.clock().period().as_secs_f64();
        let ahead = self.frames.len() as f64 + 1.0 - self.part;
        let wanted = (delay.as_secs_f64() / period).max(1.0);
        self.is_filling &= ahead < wanted;
        if self.is_filling {
            return;
        }
        let rate = 1.0 + DRIFT * ((ahead - wanted) / DRIFT_TICKS).clamp(-1.0, 1.0);
        self.part += passed.as_secs_f64() / period * rate;
        // Far behind after a pause of the app: the rest is played through at once.
        while self.frames.len() as f64 > wanted * 2.0 + 30.0 {
            self.show_next(events);
        }
        while self.part >= 1.0 {
            if !self.show_next(events) {
                self.part = 1.0;
                break;
            }
            self.part -= 1.0;
        }
    }

    fn show_next(&mut self, events: &mut Vec<GameEvent<G::Event>>) -> bool {
        let Some(((older, newer), frame)) = self.shown.as_mut().zip(self.frames.pop_front()) else {
            return false;
        };
        older.clone_from(newer);
        newer.step(&frame);
        for event in newer.events() {
            self.events += 1;
            let (id, stage) = (EventId(self.events), EventStage::Confirmed { predicted: false });
            events.push(GameEvent { id, tick: frame.tick, stage, event: event.clone() });
        }
        true
    }

    pub(crate) fn draw(
        &self,
        sketch: &mut Sketch<G>,
        timeline: &mut ViewTimeline<u64>,
        view: &mut View,
    ) -> Option<f32> {
        let Some((older, newer)) = &self.shown else { return Some(1.0) };
        sketch.between(older, newer, timeline, view);
        Some(self.part as f32)
    }
}
