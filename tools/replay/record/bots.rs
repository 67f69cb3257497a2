//! Bots of every game that has some.

use framekeep_games::arena::{Arena, ArenaBot, ArenaInput};
use framekeep_games::rhythm::{Rhythm, RhythmBot, RhythmInput};
use framekeep_sim::{Game, Match};

/// A player without a person.
pub(crate) trait Bot {
    type Game: Game;

    /// Bots of different seeds play differently.
    fn new(seed: u64) -> Self;

    /// What it does next.
    fn input(&mut self, play: &Match<Self::Game>, seat: u8) -> <Self::Game as Game>::Input;
}

impl Bot for ArenaBot {
    type Game = Arena;

    fn new(seed: u64) -> Self {
        Self::new(seed)
    }

    fn input(&mut self, play: &Match<Arena>, seat: u8) -> ArenaInput {
        self.input(play.state(), seat, play.tick().0)
    }
}

impl Bot for RhythmBot {
    type Game = Rhythm;

    fn new(seed: u64) -> Self {
        Self::new(seed)
    }

    fn input(&mut self, play: &Match<Rhythm>, seat: u8) -> RhythmInput {
        self.input(play.content(), play.state(), seat, play.tick().0)
    }
}
