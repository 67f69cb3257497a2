//! `RhythmState`, everything a match knows between two ticks.

use serde::{Deserialize, Serialize};

use crate::rhythm::RhythmPlayer;

/// Everything a match knows between two ticks.
///
/// A state from outside may hold anything its types allow: the rules look everything up and rely on nothing.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RhythmState {
    /// The tick of the song that comes next.
    pub tick: u32,
    /// In seat order.
    pub players: Vec<RhythmPlayer>,
}

impl Clone for RhythmState {
    fn clone(&self) -> Self {
        Self { tick: self.tick, players: self.players.clone() }
    }

    /// Copies into the memory this state already has.
    fn clone_from(&mut self, source: &Self) {
        self.tick = source.tick;
        self.players.clone_from(&source.players);
    }
}

impl RhythmState {
    /// Nothing was played yet.
    pub(crate) fn new(seats: u8) -> Self {
        Self { tick: 0, players: vec![RhythmPlayer::default(); usize::from(seats)] }
    }
}
