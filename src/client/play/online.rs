//! `OnlineMatch`, a match on a server in which this client has a seat.

use std::time::Duration;

use framekeep_rollback::{GameEvent, InputStatus, RollbackMatch, ViewTimeline};
use framekeep_sim::{Frame, Game, Input, SeatInput, Tick, View};

use super::Sketch;

/// A match on a server in which this client has a seat.
pub(crate) struct OnlineMatch<G: Game> {
    pub(crate) play: RollbackMatch<G>,
    /// Whether predicted ticks were played again since the last drawing.
    pub(crate) was_rolled_back: bool,
}

impl<G: Game> OnlineMatch<G> {
    pub(crate) fn new(play: RollbackMatch<G>) -> Self {
        Self { play, was_rolled_back: false }
    }

    pub(crate) fn advance(
        &mut self,
        now: Duration,
        own: &mut dyn FnMut() -> G::Input,
        events: &mut Vec<GameEvent<G::Event>>,
    ) {
        self.play.advance(now, |_| own());
        while let Some(event) = self.play.poll_game_event() {
            events.push(event);
        }
    }

    pub(crate) fn draw(
        &mut self,
        now: Duration,
        own: G::Input,
        sketch: &mut Sketch<G>,
        timeline: &mut ViewTimeline<u64>,
        view: &mut View,
    ) -> Option<f32> {
        let Self { play, was_rolled_back } = self;
        if play.is_waiting() {
            return Some(1.0);
        }
        let seat = play.seat();
        if std::mem::take(was_rolled_back)
            && let Some((tick, own)) = sketch.made_of()
            && let Some(current) = play.at(tick)
        {
            sketch.correct(current, timeline, |frame| guess(play, tick, seat.map(|seat| (seat, own)), frame));
        }
        let current = play.predicted();
        let tick = current.tick();
        // Where inputs are delayed, the one for this tick is made already.
        let own = play.made(tick).unwrap_or(own.pack());
        sketch.ahead(current, play.revision(), own, timeline, view, |frame| {
            guess(play, tick, seat.map(|seat| (seat, own)), frame);
        });
        Some(play.view_time(now).part)
    }
}

/// Everybody's input for a tick as it is predicted, or else as it would be: everybody does what they did last.
fn guess<G: Game>(play: &RollbackMatch<G>, tick: Tick, own: Option<(u8, u64)>, frame: &mut Frame) {
    for seat in 0..frame.seat_count() {
        let input = play.input(tick, seat).or_else(|| play.input(tick.earlier(1), seat));
        if let Some((status, input)) = input
            && status != InputStatus::Absent
        {
            frame.set(seat, SeatInput::repeated(input.pack()));
        }
    }
    if let Some((seat, bits)) = own {
        frame.set(seat, SeatInput::arrived(bits));
    }
}
