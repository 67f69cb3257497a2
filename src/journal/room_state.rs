//! `RoomState`, all there is to know of a room besides its match.

use framekeep_protocol::{
    CommitPolicy, PlayerId, PlayerName, RoomName, RoomPhase, SPECTATOR_SEAT, StartRule,
};
use framekeep_sim::{CONTENT_BYTES_MAX, SEATS_MAX};
use serde::{Deserialize, Serialize};

use crate::{GAME_NAME_BYTES_MAX, TICK_RATE_HZ_MAX};

/// Longest list of players besides those who sit: spectators, bans.
const OTHERS_MAX: usize = 256;

/// Who has a seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberState {
    /// The seat, 0 to 63.
    pub seat: u8,
    /// The player.
    pub player: PlayerId,
    /// What others call them.
    pub name: PlayerName,
    /// Ready for the next match.
    pub ready: bool,
    /// Has given the running match up.
    pub out: bool,
}

/// All there is to know of a room besides its match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomState {
    /// The name players join by.
    pub name: RoomName,
    /// The name of the rules.
    pub game: String,
    /// The name of the content of the next match; empty for the game's default.
    pub content: String,
    /// How many seats, 1 to 64.
    pub seats: u8,
    /// Ticks a second.
    pub tick_rate_hz: u16,
    /// Ticks between two packets to a client.
    pub send_every_ticks: u8,
    /// When a match starts.
    pub start: StartRule,
    /// When frames are committed.
    pub commit: CommitPolicy,
    /// What one has to know to join; empty for an open room.
    pub code: String,
    /// How many may watch.
    pub spectators_max: u8,
    /// Where it is in its life.
    pub phase: RoomPhase,
    /// The number of the last match, modulo 16.
    pub epoch: u8,
    /// The number of the last event.
    pub events: u64,
    /// Nobody else is let in.
    pub locked: bool,
    /// The host has opened a room that is not full.
    pub opened: bool,
    /// Another match was to start when the last one had sent its frames.
    pub play_again: bool,
    /// Who may start matches; `None` in an empty room.
    pub host: Option<PlayerId>,
    /// Who sits where, in the order of seats.
    pub members: Vec<MemberState>,
    /// For whom which seat is kept.
    pub reserved: Vec<(u8, PlayerId)>,
    /// Who watches.
    pub spectators: Vec<(PlayerId, PlayerName)>,
    /// Who may not come back.
    pub banned: Vec<PlayerId>,
}

impl RoomState {
    /// An empty room that waits for players, 30 ticks a second, with open seats and nobody who watches.
    #[must_use]
    pub fn empty(name: RoomName, game: &str, seats: u8) -> Self {
        Self {
            name,
            game: game.to_owned(),
            content: String::new(),
            seats,
            tick_rate_hz: 30,
            send_every_ticks: 1,
            start: StartRule::Full,
            commit: CommitPolicy::Deadline,
            code: String::new(),
            spectators_max: 0,
            phase: RoomPhase::Waiting,
            epoch: 0,
            events: 0,
            locked: false,
            opened: false,
            play_again: false,
            host: None,
            members: Vec::new(),
            reserved: Vec::new(),
            spectators: Vec::new(),
            banned: Vec::new(),
        }
    }

    /// Checks every bound.
    pub(crate) fn validate(&self) -> Result<(), String> {
        let long =
            |what: &str, bytes: usize, limit: usize| Err(format!("{what} of {bytes} bytes, over {limit}"));
        if self.game.len() > GAME_NAME_BYTES_MAX {
            return long("a game name", self.game.len(), GAME_NAME_BYTES_MAX);
        }
        if self.content.len() > CONTENT_BYTES_MAX {
            return long("a content name", self.content.len(), CONTENT_BYTES_MAX);
        }
        if self.seats == 0 || self.seats > SEATS_MAX {
            return Err(format!("{} seats, not 1 to {SEATS_MAX}", self.seats));
        }
        if self.tick_rate_hz == 0 || self.tick_rate_hz > TICK_RATE_HZ_MAX {
            return Err(format!("a tick rate of {} Hz, not 1 to {TICK_RATE_HZ_MAX}", self.tick_rate_hz));
        }
        if self.spectators.len().max(self.banned.len()) > OTHERS_MAX {
            return Err(format!("{} spectators and {} bans", self.spectators.len(), self.banned.len()));
        }
        let sits = |player: PlayerId| self.members.iter().any(|member| member.player == player);
        if self.members.is_empty() != self.host.is_none() || self.host.is_some_and(|host| !sits(host)) {
            return Err("a host without a seat, or seats without a host".to_owned());
        }
        let seats = self.members.iter().map(|member| (member.seat, member.player));
        self.check_seats(seats.chain(self.reserved.iter().copied()))
    }

    /// Every seat is there and taken or kept once, and every player is there once.
    fn check_seats(&self, seats: impl Iterator<Item = (u8, PlayerId)>) -> Result<(), String> {
        let mut taken: Vec<(u8, PlayerId)> = Vec::new();
        for (seat, player) in seats {
            if seat >= self.seats || seat == SPECTATOR_SEAT {
                return Err(format!("a player in seat {seat}, with {} seats", self.seats));
            }
            if taken.iter().any(|&(other, who)| other == seat || who == player) {
                return Err(format!("seat {seat} or its player twice"));
            }
            taken.push((seat, player));
        }
        Ok(())
    }
}
