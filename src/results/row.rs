//! `MatchResult`, what is kept of a finished match.

use serde::{Deserialize, Serialize};

/// Raised when a field changes its meaning or goes away; new fields do not raise it.
pub const RESULT_SCHEMA_VERSION: u32 = 1;

/// A finished match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MatchResult {
    /// [`RESULT_SCHEMA_VERSION`] of the program that wrote it.
    pub schema_version: u32,
    /// The match, unique on its node: room, start and number, as in the name of its replay.
    pub id: String,
    /// The room's name.
    pub room: String,
    /// The name of the rules.
    pub game: String,
    /// The rules fingerprint of the build that played it, 16 hexadecimal digits.
    pub fingerprint: String,
    /// The name of the content file it was played on; empty for the game's default.
    pub content: String,
    /// The hash of the content, 16 hexadecimal digits.
    pub content_hash: String,
    /// How many seats it had.
    pub seats: u8,
    /// Who sat where, in the order of seats.
    pub players: Vec<SeatResult>,
    /// The winning seat, if the game names one.
    pub winner: Option<u8>,
    /// Why it ended: `outcome`, `aborted` or `failed`.
    pub reason: String,
    /// When it started, in milliseconds since 1970 (UTC).
    pub started_unix_ms: u64,
    /// When it ended, in milliseconds since 1970 (UTC).
    pub ended_unix_ms: u64,
    /// How many ticks it had.
    pub ticks: u32,
    /// Ticks a second.
    pub tick_rate_hz: u16,
    /// The hash of the final state, 16 hexadecimal digits.
    pub hash: String,
    /// The replay's file in the folder of replays; it may be gone by the rules of retention.
    pub replay: Option<String>,
}

impl Default for MatchResult {
    fn default() -> Self {
        Self {
            schema_version: RESULT_SCHEMA_VERSION,
            id: String::new(),
            room: String::new(),
            game: String::new(),
            fingerprint: String::new(),
            content: String::new(),
            content_hash: String::new(),
            seats: 0,
            players: Vec::new(),
            winner: None,
            reason: String::new(),
            started_unix_ms: 0,
            ended_unix_ms: 0,
            ticks: 0,
            tick_rate_hz: 0,
            hash: String::new(),
            replay: None,
        }
    }
}

/// A player of a finished match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SeatResult {
    /// The seat.
    pub seat: u8,
    /// The player's id, 16 hexadecimal digits: JSON numbers do not hold 64 bits everywhere.
    pub player: String,
    /// The player's name.
    pub name: String,
    /// The score of the seat, with who had it last, if the match had an outcome.
    pub score: Option<i32>,
    /// The tick from which on the player had the seat.
    pub from_tick: u32,
    /// The tick before which the player left or gave up; `None` for who stayed to the end.
    pub until_tick: Option<u32>,
}

impl MatchResult {
    /// How long it took, by the clock.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        self.ended_unix_ms.saturating_sub(self.started_unix_ms)
    }

    /// Whether somebody of that id or name played in it.
    #[must_use]
    pub fn has_player(&self, player: &str) -> bool {
        self.players.iter().any(|seat| seat.name == player || seat.player == player)
    }
}
