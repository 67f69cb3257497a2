//! How a match starts and ends, as told to its players.

use alloc::string::String;
use alloc::vec::Vec;

use framekeep_sim::{INPUT_BITS_MAX, Outcome, SEATS_MAX, Tick};
use serde::{Deserialize, Serialize};

use crate::codec::{at_most, within};
use crate::{CONTENT_SENT_BYTES_MAX, CodecError, Epoch, GAME_NAME_BYTES_MAX, RoomId, SeatIndex, raw_bytes};

/// The seat number of somebody who watches.
pub const SPECTATOR_SEAT: SeatIndex = 255;

/// Everything a client needs to simulate a match from its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchStart {
    /// The room.
    pub room: RoomId,
    /// The match within the room.
    pub epoch: Epoch,
    /// The game.
    pub game: String,
    /// The fingerprint of the server's rules.
    pub fingerprint: u64,
    /// How many bits an input has, 1 to 64.
    pub input_bits: u8,
    /// The content in its canonical encoding, at most [`CONTENT_SENT_BYTES_MAX`] bytes.
    #[serde(with = "raw_bytes")]
    pub content: Vec<u8>,
    /// The seed of the start state.
    pub seed: u64,
    /// How many seats the match has.
    pub seats: u8,
    /// The seat of the client that is told; [`SPECTATOR_SEAT`] for a spectator.
    pub seat: SeatIndex,
    /// Ticks per second.
    pub tick_rate_hz: u16,
    /// Both sides send one datagram in this many ticks.
    pub send_every_ticks: u8,
    /// How many ticks in a row a missing input is replaced by the last one.
    pub input_repeat_ticks_max: u8,
    /// The tick the server will commit next: 0 at the start, later for who comes late.
    pub next: Tick,
    /// How long after this was said that tick is committed, in microseconds; inputs for it are due by then.
    pub due_in_us: u32,
}

impl MatchStart {
    pub(crate) fn validate(&self) -> Result<(), CodecError> {
        at_most("game name bytes", self.game.len(), GAME_NAME_BYTES_MAX)?;
        at_most("content bytes", self.content.len(), CONTENT_SENT_BYTES_MAX)?;
        within("seats", self.seats.into(), 1, SEATS_MAX.into())?;
        within("input bits", self.input_bits.into(), 1, INPUT_BITS_MAX as usize)?;
        within("tick rate", self.tick_rate_hz.into(), 1, usize::from(u16::MAX))?;
        within("send interval", self.send_every_ticks.into(), 1, usize::from(u8::MAX))?;
        if self.seat == SPECTATOR_SEAT {
            return Ok(());
        }
        at_most("seat", self.seat.into(), usize::from(self.seats) - 1)
    }
}

/// Why a match ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndReason {
    /// The game says so.
    Outcome,
    /// Nobody was left, or somebody who may ended it.
    Aborted,
    /// The server could not go on with it.
    Failed,
}

/// How a match ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchEnd {
    /// The match within the room.
    pub epoch: Epoch,
    /// How many frames were committed.
    pub ticks: Tick,
    /// The hash of the state after all of them.
    pub hash: u64,
    /// The result, if the game has one.
    pub outcome: Option<Outcome>,
    /// Why it ended.
    pub reason: EndReason,
}
