//! `Player`, what presses the buttons, and `GameChoice`, which games there are players for.

use std::time::Duration;

use clap::ValueEnum;
use framekeep_games::arena::{Arena, ArenaBot};
use framekeep_games::rhythm::{Rhythm, RhythmBot};
use framekeep_protocol::{GameRules, MatchStart};
use framekeep_rollback::StartError;
use framekeep_sim::{Game, Match, Tick, fingerprint};

use crate::side::{Side, blind, simulating};

/// What presses the buttons of one seat.
pub(crate) trait Player {
    type Game: Game;

    fn new(seed: u64) -> Self;

    /// The input for a tick of a player that sees what its client predicts.
    fn input(&mut self, predicted: &Match<Self::Game>, seat: u8, tick: Tick) -> <Self::Game as Game>::Input;

    /// The input for a tick of a player that sees nothing.
    fn blind_input(&mut self, tick: Tick) -> <Self::Game as Game>::Input;
}

impl Player for ArenaBot {
    type Game = Arena;

    fn new(seed: u64) -> Self {
        Self::new(seed)
    }

    fn input(&mut self, predicted: &Match<Arena>, seat: u8, tick: Tick) -> <Arena as Game>::Input {
        self.input(predicted.state(), seat, tick.0)
    }

    fn blind_input(&mut self, tick: Tick) -> <Arena as Game>::Input {
        self.blind_input(tick.0)
    }
}

impl Player for RhythmBot {
    type Game = Rhythm;

    fn new(seed: u64) -> Self {
        Self::new(seed)
    }

    fn input(&mut self, predicted: &Match<Rhythm>, seat: u8, tick: Tick) -> <Rhythm as Game>::Input {
        self.input(predicted.content(), predicted.state(), seat, tick.0)
    }

    fn blind_input(&mut self, tick: Tick) -> <Rhythm as Game>::Input {
        self.blind_input(tick.0)
    }
}

/// The games there are players for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum GameChoice {
    #[default]
    Arena,
    Rhythm,
}

impl GameChoice {
    /// The name the game registers under.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Arena => Arena::NAME,
            Self::Rhythm => Rhythm::NAME,
        }
    }

    /// What a client says of its rules.
    pub(crate) fn rules(self) -> GameRules {
        let fingerprint = match self {
            Self::Arena => fingerprint::<Arena>(),
            Self::Rhythm => fingerprint::<Rhythm>(),
        };
        GameRules { name: self.name().to_owned(), fingerprint }
    }

    /// A bot's part in a match.
    pub(crate) fn side(
        self,
        start: &MatchStart,
        thin: bool,
        seed: u64,
        now: Duration,
        rtt: Duration,
    ) -> Result<Box<dyn Side>, StartError> {
        match (self, thin) {
            (Self::Arena, false) => simulating::<ArenaBot>(start, seed, now, rtt),
            (Self::Arena, true) => Ok(blind::<ArenaBot>(start, seed, now, rtt)),
            (Self::Rhythm, false) => simulating::<RhythmBot>(start, seed, now, rtt),
            (Self::Rhythm, true) => Ok(blind::<RhythmBot>(start, seed, now, rtt)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::GameChoice;

    #[test]
    fn every_game_with_players_ships() {
        let games = framekeep_games::registry();
        for choice in [GameChoice::Arena, GameChoice::Rhythm] {
            let game = games.get(choice.name()).unwrap();
            assert_eq!(game.fingerprint(), choice.rules().fingerprint, "{choice:?}");
        }
    }
}
