//! `Arena`, a top-down brawl for 2 to 16 seats: walk, dash, shoot bouncing projectiles, pick things up, knock out.
//!
//! One file for one noun. A tick reads from top to bottom in `rules.rs`.

mod bot;
mod content;
mod decimal;
mod event;
mod input;
mod kind;
mod pickup;
mod player;
mod projectile;
mod rules;
mod state;
#[cfg(test)]
mod tests;
mod view;

use framekeep_sim::{ContentError, Frame, Game, Outcome, SeatScore, View};

pub use bot::ArenaBot;
pub use content::{ArenaContent, Belt, Crate, Gate, PickupPlace, Pillar, Rotor, Spawn, Wall};
pub use event::ArenaEvent;
pub use input::{Aim, ArenaInput, Direction};
pub use kind::Kind;
pub use pickup::{Pickup, PickupKind};
pub use player::Player;
pub use projectile::Projectile;
pub use rules::TICKS_PER_S;
pub use state::ArenaState;

/// The rules of the arena.
#[derive(Clone, Copy, Debug)]
pub enum Arena {}

impl Game for Arena {
    const NAME: &'static str = "arena";
    const VERSION: u32 = 3;
    const SEATS: core::ops::RangeInclusive<u8> = 2..=16;

    type Config = ArenaContent;
    type Input = ArenaInput;
    type State = ArenaState;
    type Event = ArenaEvent;

    fn default_content() -> ArenaContent {
        ArenaContent::parse(crate::CONTENT[0].text).expect("a test reads every arena that ships")
    }

    fn parse_content(text: &str) -> Result<ArenaContent, ContentError> {
        ArenaContent::parse(text)
    }

    fn start(content: &ArenaContent, seed: u64, seats: u8) -> ArenaState {
        rules::start(content, seed, seats)
    }

    fn step(content: &ArenaContent, state: &mut ArenaState, frame: &Frame, events: &mut Vec<ArenaEvent>) {
        rules::step(content, state, frame, events);
    }

    fn outcome(content: &ArenaContent, state: &ArenaState) -> Option<Outcome> {
        rules::outcome(content, state)
    }

    fn is_landmark(event: &ArenaEvent) -> bool {
        matches!(event, ArenaEvent::KnockedOut { .. })
    }

    fn scores(_: &ArenaContent, state: &ArenaState, out: &mut Vec<SeatScore>) {
        out.extend((0..).zip(&state.players).map(|(seat, player)| SeatScore {
            seat,
            score: player.score.into(),
            ..SeatScore::default()
        }));
    }

    fn view(_: &ArenaContent, state: &ArenaState, view: &mut View) {
        view::view(state, view);
    }
}
