//! `Record`, one entry of a room's life.

use framekeep_sim::{CONTENT_BYTES_MAX, SEATS_MAX, STATE_BYTES_MAX, Tick, decode, encode_into};
use serde::{Deserialize, Serialize};

use crate::header::validate_players;
use crate::limits::LZ4_RATIO_MAX;
use crate::{
    Arrival, Departure, FRAME_BYTES_MAX, GAME_NAME_BYTES_MAX, InvalidHeader, MatchEnd, MatchHeader,
    NODE_NAME_BYTES_MAX, ROOM_NAME_BYTES_MAX, RoomState, Seated,
};

/// A room was opened, and with which options.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomOpened {
    /// The room's name, at most [`ROOM_NAME_BYTES_MAX`] bytes.
    pub name: String,
    /// The name of the rules.
    pub game: String,
    /// The name of the content; empty for the game's default.
    pub content: String,
    /// How many seats the room has, 1 to 64.
    pub seats: u8,
    /// Ticks a second.
    pub tick_rate_hz: u16,
    /// Ticks between two packets to a client.
    pub send_every_ticks: u8,
}

/// A match started in a room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchStarted {
    /// The number of the match within its room, modulo 16.
    pub epoch: u8,
    /// What the match is played with.
    pub header: MatchHeader,
}

/// A match that is told once more from its start, so that what was said of it before is not needed any longer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchResumed {
    /// The match as it started.
    pub started: MatchStarted,
    /// How many frames follow before what was said before is replaced; without them all it is not.
    pub ticks: Tick,
}

/// One entry of a room's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// The room was opened. Of version 1; [`Record::Room`] takes its place.
    RoomOpened(RoomOpened),
    /// Who sits where from now on, in the order of seats. Of version 1; [`Record::Room`] takes its place.
    Seats(Vec<Seated>),
    /// A match started.
    MatchStarted(Box<MatchStarted>),
    /// A frame was committed. Of version 1; [`Record::Step`] takes its place.
    Frame {
        /// The frame's tick.
        tick: Tick,
        /// The frame, coded against the frame before it by `framekeep_protocol::delta`; against the absent frame
        /// at tick 0. At most [`FRAME_BYTES_MAX`] bytes.
        delta: &'a [u8],
    },
    /// The hash of the state after a tick. Of version 1; [`Record::Step`] takes its place.
    Hash {
        /// The tick that was stepped.
        tick: Tick,
        /// The hash of the state after it.
        hash: u64,
    },
    /// A state.
    Snapshot {
        /// The tick of the next frame.
        tick: Tick,
        /// The hash of the state.
        hash: u64,
        /// The state as made by [`pack_snapshot`]; [`Record::unpack_snapshot`] reads it.
        packed: &'a [u8],
    },
    /// The match ended.
    MatchEnded {
        /// The number of the match within its room, modulo 16.
        epoch: u8,
        /// How it ended.
        end: MatchEnd,
    },
    /// The room was closed; it has no further records.
    RoomClosed,
    /// The node stopped in order: every room's records are complete up to here. Written with room 0.
    CleanShutdown,
    /// All there is to know of the room besides its match; replaces what was said before.
    Room(Box<RoomState>),
    /// A frame was committed and stepped.
    Step {
        /// The frame's tick.
        tick: Tick,
        /// The hash of the state after it.
        hash: u64,
        /// The frame as in [`Record::Frame`].
        delta: &'a [u8],
    },
    /// A match is told once more from its start.
    MatchResumed(Box<MatchResumed>),
    /// Up to [`CHUNK_FRAMES`](crate::CHUNK_FRAMES) frames of a match that is told once more, with their hashes.
    Frames {
        /// The version of the replays of which it is a chunk.
        version: u16,
        /// A chunk as in such a replay, packed by [`pack_snapshot`].
        packed: &'a [u8],
    },
    /// The room goes on at another node. What is told of it after this is of another stay.
    MovedAway(Departure),
    /// The room that is told after this came from another node.
    MovedIn(Arrival),
}

/// A record whose checksum is right and whose payload is not that of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// No record has this kind.
    #[error("record kind {0} is unknown")]
    UnknownKind(u8),
    /// The payload is not one of this kind.
    #[error("the payload of a {kind} record is malformed: {what}")]
    Malformed {
        /// The kind's name.
        kind: &'static str,
        /// What is wrong.
        what: String,
    },
}

const KINDS: [&str; 16] = [
    "reserved",
    "room opened",
    "seats",
    "match started",
    "frame",
    "hash",
    "snapshot",
    "match ended",
    "room closed",
    "clean shutdown",
    "room",
    "step",
    "match resumed",
    "frames",
    "moved away",
    "moved in",
];

/// Overwrites `out` with a state's canonical encoding as a snapshot record holds it: its length (`u32`, little
/// endian), then the bytes as one LZ4 block.
pub fn pack_snapshot(state: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&(state.len() as u32).to_le_bytes());
    let start = out.len();
    out.resize(start + lz4_flex::block::get_maximum_output_size(state.len()), 0);
    let used = lz4_flex::block::compress_into(state, &mut out[start..]).unwrap_or(0);
    out.truncate(start + used);
}

impl<'a> Record<'a> {
    /// The number of the kind on disk, 1 to 15.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        match self {
            Self::RoomOpened(_) => 1,
            Self::Seats(_) => 2,
            Self::MatchStarted(_) => 3,
            Self::Frame { .. } => 4,
            Self::Hash { .. } => 5,
            Self::Snapshot { .. } => 6,
            Self::MatchEnded { .. } => 7,
            Self::RoomClosed => 8,
            Self::CleanShutdown => 9,
            Self::Room(_) => 10,
            Self::Step { .. } => 11,
            Self::MatchResumed(_) => 12,
            Self::Frames { .. } => 13,
            Self::MovedAway(_) => 14,
            Self::MovedIn(_) => 15,
        }
    }

    /// Whether there are records of this kind.
    pub(crate) fn is_kind(kind: u8) -> bool {
        (1..KINDS.len()).contains(&usize::from(kind))
    }

    /// The kind in words.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        KINDS[usize::from(self.kind())]
    }

    /// Appends the payload.
    pub(crate) fn encode_payload(&self, out: &mut Vec<u8>) {
        match self {
            Self::RoomOpened(opened) => encode_into(opened, out),
            Self::Seats(seats) => encode_into(seats, out),
            Self::MatchStarted(started) => encode_into(&**started, out),
            Self::Frame { tick, delta } => {
                out.extend_from_slice(&tick.0.to_le_bytes());
                out.extend_from_slice(delta);
            }
            Self::Hash { tick, hash } => {
                out.extend_from_slice(&tick.0.to_le_bytes());
                out.extend_from_slice(&hash.to_le_bytes());
            }
            Self::Snapshot { tick, hash, packed } => {
                out.extend_from_slice(&tick.0.to_le_bytes());
                out.extend_from_slice(&hash.to_le_bytes());
                out.extend_from_slice(packed);
            }
            Self::MatchEnded { epoch, end } => encode_into(&(epoch, end), out),
            Self::RoomClosed | Self::CleanShutdown => {}
            Self::Room(state) => encode_into(&**state, out),
            Self::Step { tick, hash, delta } => {
                out.extend_from_slice(&tick.0.to_le_bytes());
                out.extend_from_slice(&hash.to_le_bytes());
                out.extend_from_slice(delta);
            }
            Self::MatchResumed(resumed) => encode_into(&**resumed, out),
            Self::Frames { version, packed } => {
                out.extend_from_slice(&version.to_le_bytes());
                out.extend_from_slice(packed);
            }
            Self::MovedAway(departure) => encode_into(departure, out),
            Self::MovedIn(arrival) => encode_into(arrival, out),
        }
    }

    /// Reads a payload; every bound is checked, all bytes must be used.
    ///
    /// # Errors
    /// [`RecordFault`] names the kind and what is wrong.
    pub(crate) fn parse(kind: u8, payload: &'a [u8]) -> Result<Self, RecordFault> {
        let name = KINDS.get(usize::from(kind)).filter(|_| kind > 0).ok_or(RecordFault::UnknownKind(kind))?;
        parse_known(kind, payload).map_err(|what| RecordFault::Malformed { kind: name, what })
    }

    /// Overwrites `out` with the state that `packed` of a [`Record::Snapshot`] holds.
    ///
    /// # Errors
    /// [`RecordFault`] if the bytes are not what [`pack_snapshot`] makes.
    pub fn unpack_snapshot(packed: &[u8], out: &mut Vec<u8>) -> Result<(), RecordFault> {
        unpack(packed, out).map_err(|what| RecordFault::Malformed { kind: "snapshot", what })
    }
}

fn parse_known(kind: u8, payload: &[u8]) -> Result<Record<'_>, String> {
    match kind {
        1 => {
            let opened: RoomOpened = decoded(payload)?;
            validate_room(&opened)?;
            Ok(Record::RoomOpened(opened))
        }
        2 => {
            let seats: Vec<Seated> = decoded(payload)?;
            validate_players(&seats, SEATS_MAX)?;
            Ok(Record::Seats(seats))
        }
        3 => {
            let started: MatchStarted = decoded(payload)?;
            started.header.validate().map_err(|error: InvalidHeader| error.to_string())?;
            Ok(Record::MatchStarted(Box::new(started)))
        }
        4 => {
            let (tick, delta) = split_u32(payload)?;
            check_frame(delta)?;
            Ok(Record::Frame { tick: Tick(tick), delta })
        }
        5 => {
            let (tick, rest) = split_u32(payload)?;
            let (hash, rest) = split_u64(rest)?;
            if rest.is_empty() { Ok(Record::Hash { tick: Tick(tick), hash }) } else { Err(trailing(rest)) }
        }
        6 => {
            let (tick, rest) = split_u32(payload)?;
            let (hash, packed) = split_u64(rest)?;
            Ok(Record::Snapshot { tick: Tick(tick), hash, packed })
        }
        7 => {
            let (epoch, end): (u8, MatchEnd) = decoded(payload)?;
            Ok(Record::MatchEnded { epoch, end })
        }
        8 if payload.is_empty() => Ok(Record::RoomClosed),
        9 if payload.is_empty() => Ok(Record::CleanShutdown),
        8 | 9 => Err(trailing(payload)),
        _ => parse_since_2(kind, payload),
    }
}

/// The kinds that versions 2 and 3 have brought.
fn parse_since_2(kind: u8, payload: &[u8]) -> Result<Record<'_>, String> {
    match kind {
        10 => {
            let state: RoomState = decoded(payload)?;
            state.validate()?;
            Ok(Record::Room(Box::new(state)))
        }
        11 => {
            let (tick, rest) = split_u32(payload)?;
            let (hash, delta) = split_u64(rest)?;
            check_frame(delta)?;
            Ok(Record::Step { tick: Tick(tick), hash, delta })
        }
        12 => {
            let resumed: MatchResumed = decoded(payload)?;
            resumed.started.header.validate().map_err(|error: InvalidHeader| error.to_string())?;
            Ok(Record::MatchResumed(Box::new(resumed)))
        }
        13 => {
            let (head, packed) = payload.split_first_chunk().ok_or("it is cut short")?;
            Ok(Record::Frames { version: u16::from_le_bytes(*head), packed })
        }
        14 => {
            let departure: Departure = decoded(payload)?;
            check_node(&departure.node)?;
            Ok(Record::MovedAway(departure))
        }
        _ => {
            let arrival: Arrival = decoded(payload)?;
            check_node(&arrival.node)?;
            Ok(Record::MovedIn(arrival))
        }
    }
}

fn check_node(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > NODE_NAME_BYTES_MAX {
        return Err(format!("a node's name of {} bytes, not 1 to {NODE_NAME_BYTES_MAX}", name.len()));
    }
    Ok(())
}

fn check_frame(delta: &[u8]) -> Result<(), String> {
    if delta.is_empty() || delta.len() > FRAME_BYTES_MAX {
        return Err(format!("a frame of {} bytes, not 1 to {FRAME_BYTES_MAX}", delta.len()));
    }
    Ok(())
}

fn decoded<T: serde::de::DeserializeOwned>(payload: &[u8]) -> Result<T, String> {
    decode(payload).map_err(|error| error.to_string())
}

fn validate_room(opened: &RoomOpened) -> Result<(), String> {
    if opened.name.len() > ROOM_NAME_BYTES_MAX {
        return Err(format!("a room name of {} bytes, over {ROOM_NAME_BYTES_MAX}", opened.name.len()));
    }
    if opened.game.len() > GAME_NAME_BYTES_MAX {
        return Err(format!("a game name of {} bytes, over {GAME_NAME_BYTES_MAX}", opened.game.len()));
    }
    if opened.content.len() > CONTENT_BYTES_MAX {
        return Err(format!("a content name of {} bytes, over {CONTENT_BYTES_MAX}", opened.content.len()));
    }
    Ok(())
}

fn trailing(rest: &[u8]) -> String {
    format!("{} bytes too many", rest.len())
}

fn split_u32(bytes: &[u8]) -> Result<(u32, &[u8]), String> {
    let (head, rest) = bytes.split_first_chunk().ok_or("it is cut short")?;
    Ok((u32::from_le_bytes(*head), rest))
}

fn split_u64(bytes: &[u8]) -> Result<(u64, &[u8]), String> {
    let (head, rest) = bytes.split_first_chunk().ok_or("it is cut short")?;
    Ok((u64::from_le_bytes(*head), rest))
}

pub(crate) fn unpack(packed: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let (length, block) = split_u32(packed)?;
    let length = length as usize;
    let possible = STATE_BYTES_MAX.min(block.len().saturating_mul(LZ4_RATIO_MAX));
    if length > possible {
        return Err(format!("it claims {length} bytes, over the {possible} that are possible"));
    }
    out.clear();
    out.resize(length, 0);
    match lz4_flex::block::decompress_into(block, out) {
        Ok(used) if used == length => Ok(()),
        Ok(used) => Err(format!("it claims {length} bytes and has {used}")),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Record, RecordFault, pack_snapshot};

    #[test]
    fn a_snapshot_comes_back() {
        for state in [vec![], vec![7; 100_000], (0..50_000_u32).flat_map(u32::to_le_bytes).collect()] {
            let (mut packed, mut back) = (vec![9], vec![9]);
            pack_snapshot(&state, &mut packed);
            Record::unpack_snapshot(&packed, &mut back).unwrap();
            assert_eq!(back, state);
        }
    }

    #[test]
    fn a_snapshot_that_claims_too_much_allocates_nothing() {
        let mut out = Vec::new();
        let error = Record::unpack_snapshot(&[0xff, 0xff, 0xff, 0xff, 1, 2, 3], &mut out).unwrap_err();
        assert!(error.to_string().contains("over the 765"), "{error}");
        assert_eq!(out.capacity(), 0);
    }

    #[test]
    fn unknown_kinds_are_named() {
        assert_eq!(Record::parse(0, &[]), Err(RecordFault::UnknownKind(0)));
        assert_eq!(Record::parse(16, &[]), Err(RecordFault::UnknownKind(16)));
    }

    #[test]
    fn no_payload_has_bytes_left_over() {
        for kind in [5, 8, 9] {
            let fault = Record::parse(kind, &[0; 13]).unwrap_err();
            assert!(matches!(fault, RecordFault::Malformed { .. }), "{fault}");
        }
    }
}
