//! `Backfill`, a running room that looks for players.

use framekeep_protocol::PlayerId;
use serde::{Deserialize, Serialize};

use crate::limits::{RATING_MAX, ROOM_PLAYERS_MAX};
use crate::ticket::{distinct, within, word};
use crate::{Mode, TicketFault};

/// The free seats of a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreeSeats {
    /// How many.
    pub seats: u8,
    /// How many of each role, in the order of the mode's roles; none where roles do not matter.
    pub by_role: Vec<u8>,
}

/// A running room that looks for players.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfill {
    /// Its name.
    pub room: String,
    /// The game.
    pub game: String,
    /// The mode.
    pub mode: String,
    /// What it plays on; empty for the game's default.
    pub content: String,
    /// Where it is; empty where regions do not matter.
    pub region: String,
    /// Ticks a second; 0 is the mode's first.
    pub tick_rate_hz: u16,
    /// The free seats of each team.
    pub teams: Vec<FreeSeats>,
    /// The mean rating of who is in it.
    pub rating: i32,
    /// Who is in it.
    pub players: Vec<PlayerId>,
    /// With whom somebody in it does not play.
    pub blocked: Vec<PlayerId>,
}

impl Backfill {
    /// Refuses what is not a room of the mode.
    ///
    /// # Errors
    /// [`TicketFault`] names the field, the value and the limit.
    pub fn validate(&self, mode: &Mode) -> Result<(), TicketFault> {
        word("room", &self.room)?;
        let teams = usize::from(mode.teams);
        within("teams", self.teams.len(), teams, teams)?;
        within("players", self.players.len(), 0, ROOM_PLAYERS_MAX)?;
        within("blocked", self.blocked.len(), 0, ROOM_PLAYERS_MAX)?;
        distinct("players", self.players.iter())?;
        if self.rating.unsigned_abs() > RATING_MAX.unsigned_abs() {
            return Err(TicketFault::Rating { rating: self.rating });
        }
        for team in &self.teams {
            within("seats", team.seats.into(), 0, mode.team_seats.into())?;
            within("by_role", team.by_role.len(), mode.roles.len(), mode.roles.len())?;
            if !mode.roles.is_empty() {
                let sum: usize = team.by_role.iter().map(|seats| usize::from(*seats)).sum();
                within("by_role", sum, team.seats.into(), team.seats.into())?;
            }
        }
        Ok(())
    }
}
