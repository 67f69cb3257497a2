//! `Rhythm`, a score attack for 1 to 64 seats: everybody plays the same song and hits its notes as they are due.
//!
//! One file for one noun. A tick reads from top to bottom in `rules.rs`.

mod bot;
mod content;
mod event;
mod file;
mod input;
mod judgement;
mod player;
mod rules;
mod state;
#[cfg(test)]
mod tests;
mod view;

use framekeep_sim::{ContentError, Frame, Game, Outcome, SeatScore, View};

pub use bot::RhythmBot;
pub use content::{LANES, Note, RhythmContent};
pub use event::RhythmEvent;
pub use input::{EIGHTHS_PER_TICK, RhythmInput};
pub use judgement::{EARLY_RELEASE_EIGHTHS, GOOD_EIGHTHS, GREAT_EIGHTHS, Judgement, PERFECT_EIGHTHS};
pub use player::{LanePlay, RhythmPlayer, SCORE_COMBO, SCORE_FULL, SCORE_HITS};
pub use rules::TICKS_PER_S;
pub use state::RhythmState;
pub use view::Kind;

/// A run of so many hits is worth telling when it ends.
const LONG_COMBO: u32 = 20;

/// The rules of the rhythm game.
#[derive(Clone, Copy, Debug)]
pub enum Rhythm {}

impl Game for Rhythm {
    const NAME: &'static str = "rhythm";
    const VERSION: u32 = 1;
    const SEATS: core::ops::RangeInclusive<u8> = 1..=64;

    type Config = RhythmContent;
    type Input = RhythmInput;
    type State = RhythmState;
    type Event = RhythmEvent;

    fn default_content() -> RhythmContent {
        let first = crate::CONTENT.iter().find(|file| file.game == Self::NAME).expect("songs ship");
        RhythmContent::parse(first.text).expect("a test reads every song that ships")
    }

    fn parse_content(text: &str) -> Result<RhythmContent, ContentError> {
        RhythmContent::parse(text)
    }

    fn start(_: &RhythmContent, _: u64, seats: u8) -> RhythmState {
        RhythmState::new(seats)
    }

    fn step(content: &RhythmContent, state: &mut RhythmState, frame: &Frame, events: &mut Vec<RhythmEvent>) {
        rules::step(content, state, frame, events);
    }

    fn outcome(content: &RhythmContent, state: &RhythmState) -> Option<Outcome> {
        rules::outcome(content, state)
    }

    fn is_landmark(event: &RhythmEvent) -> bool {
        matches!(event, RhythmEvent::ComboBroken { combo, .. } if *combo >= LONG_COMBO)
    }

    fn scores(content: &RhythmContent, state: &RhythmState, out: &mut Vec<SeatScore>) {
        rules::scores(content, state, out);
    }

    fn view(content: &RhythmContent, state: &RhythmState, view: &mut View) {
        view::view(content, state, view);
    }
}
