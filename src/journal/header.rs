//! `MatchHeader` and `MatchEnd`, what frames a match.

use framekeep_sim::{CONTENT_BYTES_MAX, INPUT_BITS_MAX, Outcome, SEATS_MAX, Tick, hash_bytes};
use serde::{Deserialize, Serialize};

use crate::{GAME_NAME_BYTES_MAX, PLAYER_NAME_BYTES_MAX, ROOM_NAME_BYTES_MAX, TICK_RATE_HZ_MAX};

/// A player in a seat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seated {
    /// The seat, 0 to 63.
    pub seat: u8,
    /// The player's id.
    pub player: u64,
    /// The player's name, at most [`PLAYER_NAME_BYTES_MAX`] bytes.
    pub name: String,
}

/// Everything that has to be known to play a match again from its frames.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchHeader {
    /// The room's name, at most [`ROOM_NAME_BYTES_MAX`] bytes.
    pub room: String,
    /// The name of the rules, as in the game registry.
    pub game: String,
    /// The rules fingerprint of the build that played the match.
    pub fingerprint: u64,
    /// The version of the wire protocol that the match was played with; for information.
    pub protocol_version: u16,
    /// What the match was played on, in its canonical encoding.
    pub content: Vec<u8>,
    /// [`hash_bytes`] of `content`; [`MatchHeader::validate`] compares it.
    pub content_hash: u64,
    /// The seed of the match's chance.
    pub seed: u64,
    /// How many seats the match has, 1 to 64.
    pub seats: u8,
    /// How many bits one packed input has, 1 to 64.
    pub input_bits: u8,
    /// Ticks a second, 1 to [`TICK_RATE_HZ_MAX`].
    pub tick_rate_hz: u16,
    /// When the match started, in seconds since 1970 (UTC); 0 if it is not known.
    pub started_unix_s: u64,
    /// Who sat where at the start, in the order of seats; a seat may be empty.
    pub players: Vec<Seated>,
}

/// A header with a value out of range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the match header has {what}")]
pub struct InvalidHeader {
    what: String,
}

impl MatchHeader {
    /// Checks every bound, and the hash of the content.
    ///
    /// # Errors
    /// [`InvalidHeader`] names the first value that is out of range.
    pub fn validate(&self) -> Result<(), InvalidHeader> {
        let invalid = |what: String| Err(InvalidHeader { what });
        if self.room.len() > ROOM_NAME_BYTES_MAX {
            return invalid(format!("a room name of {} bytes, over {ROOM_NAME_BYTES_MAX}", self.room.len()));
        }
        if self.game.is_empty() || self.game.len() > GAME_NAME_BYTES_MAX {
            return invalid(format!(
                "a game name of {} bytes, not 1 to {GAME_NAME_BYTES_MAX}",
                self.game.len()
            ));
        }
        if self.content.len() > CONTENT_BYTES_MAX {
            return invalid(format!("content of {} bytes, over {CONTENT_BYTES_MAX}", self.content.len()));
        }
        let content_hash = hash_bytes(&self.content);
        if self.content_hash != content_hash {
            return invalid(format!("content hash {:016x}, not {content_hash:016x}", self.content_hash));
        }
        if self.seats == 0 || self.seats > SEATS_MAX {
            return invalid(format!("{} seats, not 1 to {SEATS_MAX}", self.seats));
        }
        if self.input_bits == 0 || u32::from(self.input_bits) > INPUT_BITS_MAX {
            return invalid(format!("inputs of {} bits, not 1 to {INPUT_BITS_MAX}", self.input_bits));
        }
        if self.tick_rate_hz == 0 || self.tick_rate_hz > TICK_RATE_HZ_MAX {
            return invalid(format!("a tick rate of {} Hz, not 1 to {TICK_RATE_HZ_MAX}", self.tick_rate_hz));
        }
        validate_players(&self.players, self.seats).map_err(|what| InvalidHeader { what })
    }
}

/// Seats below `seats`, each at most once and in order, names bounded.
pub(crate) fn validate_players(players: &[Seated], seats: u8) -> Result<(), String> {
    if let Some(player) = players.iter().find(|player| player.seat >= seats) {
        return Err(format!("a player in seat {}, with {seats} seats", player.seat));
    }
    if let Some(pair) = players.windows(2).find(|pair| pair[0].seat >= pair[1].seat) {
        return Err(format!("seat {} after seat {}", pair[1].seat, pair[0].seat));
    }
    match players.iter().find(|player| player.name.len() > PLAYER_NAME_BYTES_MAX) {
        Some(player) => {
            Err(format!("a player name of {} bytes, over {PLAYER_NAME_BYTES_MAX}", player.name.len()))
        }
        None => Ok(()),
    }
}

/// Why a match ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndReason {
    /// The game had a result.
    #[default]
    Outcome,
    /// The players or an operator stopped it.
    Aborted,
    /// The room failed.
    Failed,
}

impl EndReason {
    /// The reason as a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Outcome => "outcome",
            Self::Aborted => "aborted",
            Self::Failed => "failed",
        }
    }
}

/// How a match ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchEnd {
    /// How many frames were committed.
    pub ticks: Tick,
    /// The hash of the state after the last frame; of the start state if there was none.
    pub hash: u64,
    /// The result, if the game had one.
    pub outcome: Option<Outcome>,
    /// Why it ended.
    pub reason: EndReason,
}

#[cfg(test)]
mod tests {
    use super::{MatchHeader, Seated};

    fn header() -> MatchHeader {
        let content = vec![1, 2, 3];
        MatchHeader {
            game: "arena".into(),
            content_hash: framekeep_sim::hash_bytes(&content),
            content,
            seats: 2,
            input_bits: 12,
            tick_rate_hz: 30,
            ..MatchHeader::default()
        }
    }

    #[test]
    fn each_bound_is_checked_and_named() {
        assert_eq!(header().validate(), Ok(()));
        let seated = |seat| Seated { seat, ..Seated::default() };
        let long = Seated { name: "x".repeat(33), ..Seated::default() };
        let cases: [(&str, MatchHeader); 10] = [
            ("room name", MatchHeader { room: "x".repeat(65), ..header() }),
            ("game name", MatchHeader { game: String::new(), ..header() }),
            ("content of", MatchHeader { content: vec![0; (1 << 20) + 1], ..header() }),
            ("content hash", MatchHeader { content_hash: 1, ..header() }),
            ("65 seats", MatchHeader { seats: 65, ..header() }),
            ("bits", MatchHeader { input_bits: 0, ..header() }),
            ("tick rate", MatchHeader { tick_rate_hz: 0, ..header() }),
            ("seat 2, with 2", MatchHeader { players: vec![seated(2)], ..header() }),
            ("seat 0 after seat 1", MatchHeader { players: vec![seated(1), seated(0)], ..header() }),
            ("player name", MatchHeader { players: vec![long], ..header() }),
        ];
        for (word, case) in cases {
            let message = case.validate().unwrap_err().to_string();
            assert!(message.contains(word), "{message} should name {word}");
        }
    }
}
