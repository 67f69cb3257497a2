//! `Match`, who plays with whom.

use std::sync::Arc;

use core::fmt;

use framekeep_protocol::PlayerId;
use serde::{Deserialize, Serialize};

use crate::TicketId;

/// The number of a match, never used again by its matcher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MatchId(pub u64);

impl fmt::Display for MatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A player's place in a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Who.
    pub player: PlayerId,
    /// By which ticket.
    pub ticket: TicketId,
    /// In which team, from 0.
    pub team: u8,
    /// In which role, by the order of the mode's roles; `None` where roles do not matter.
    pub role: Option<u8>,
}

/// Who plays with whom, on what and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its number.
    pub id: MatchId,
    /// The game.
    pub game: Arc<str>,
    /// The mode.
    pub mode: Arc<str>,
    /// What it is played on; empty for the game's default.
    pub content: Arc<str>,
    /// Where; empty where regions do not matter.
    pub region: Arc<str>,
    /// Ticks a second; 0 for the server's default.
    pub tick_rate_hz: u16,
    /// The running room these players come into; `None` for a new one.
    pub room: Option<Arc<str>>,
    /// The players by team, those of a ticket together.
    pub places: Vec<Place>,
}

impl Match {
    /// Its tickets, each once.
    pub fn tickets(&self) -> impl Iterator<Item = TicketId> {
        let mut tickets: Vec<_> = self.places.iter().map(|place| place.ticket).collect();
        tickets.dedup();
        tickets.into_iter()
    }
}
