//! The wire: control messages, hot-lane packets, bit-packed inputs, delta-coded frames, and the guards before
//! the transport libraries.
//!
//! Nothing here knows of a socket, a clock or a file: bytes in, values out, time as an argument. Every byte
//! is described in `docs/PROTOCOL.md`; its worked examples are tests of this crate.
//!
//! ```
//! use framekeep_protocol::{Epoch, InputHead, decode_inputs, encode_inputs};
//! use framekeep_sim::Tick;
//!
//! let (newest, ack, hash) = (Tick(100), Tick(96), Some(0xfeed_f00d));
//! let head = InputHead { epoch: Epoch::new(1), newest, ack, hash, gap: false };
//! let mut wire = Vec::new();
//! encode_inputs(&head, 12, &[0x0a5, 0x0a5, 0x0a5], &mut wire);
//! assert_eq!(wire.len(), 11);
//!
//! let mut inputs = Vec::new();
//! assert_eq!(decode_inputs(&wire, 12, Tick(98), &mut inputs), Ok(head));
//! assert_eq!(inputs, [0x0a5, 0x0a5, 0x0a5]); // ticks 98, 99 and 100
//! ```
#![cfg_attr(not(test), no_std)]

extern crate alloc;
// The fuzz bodies name this crate from outside.
#[cfg(test)]
extern crate self as framekeep_protocol;

mod bits;
#[cfg(test)]
mod budget;
mod channel;
mod codec;
mod control;
mod datagram;
mod delta;
mod desync;
#[cfg(test)]
mod examples;
mod frames;
#[cfg(test)]
mod fuzz;
mod hot;
mod ids;
mod inputs;
mod limits;
mod match_start;
mod names;
mod payload;
mod raw_bytes;
mod redirect;
mod redundancy;
mod refusal;
mod renet_packet;
mod room;
mod room_event;
mod side;
mod snapshot;
mod ticket;
mod version;

pub use bits::{BitReader, BitWriter};
pub use channel::{CHANNELS, CONTROL, Channel, SNAPSHOT, channel};
pub use codec::{CodecError, decode, encode};
pub use control::{CloseReason, GameRules, JoinRoom, LeftReason, RoomOptions, ToClient, ToServer};
pub use datagram::{DatagramFault, DatagramKind, SenderState, check_datagram};
pub use delta::{decode_frame, encode_frame};
pub use desync::{DesyncAnswer, DesyncAsk};
pub use frames::{FramesHead, begin_frames, decode_frames};
pub use hot::{HotError, is_hot, peek_epoch};
pub use ids::{Epoch, PlayerId, RoomId, SeatIndex, TokenId};
pub use inputs::{InputHead, decode_inputs, encode_inputs};
pub use limits::{
    ACK_RANGES_MAX, CHAT_BYTES_MAX, CONTENT_SENT_BYTES_MAX, CONTROL_BYTES_MAX, CONTROL_FROM_SERVER_BYTES_MAX,
    DATAGRAM_BYTES_MAX, DATAGRAM_BYTES_MIN, DESYNC_HASHES_MAX, DESYNC_PACKED_BYTES_MAX, DESYNC_PART_BYTES,
    FRAMES_PER_PACKET_MAX, GAME_NAME_BYTES_MAX, GAMES_MAX, GAP_MS_MAX, HOT_BYTES_MAX, INPUT_AHEAD_TICKS_MAX,
    INPUTS_PER_PACKET_MAX, MATCH_ROOM_PREFIX, MESSAGE_IDS_AHEAD_MAX, MESSAGES_PER_PACKET_MAX,
    PAYLOAD_BYTES_MAX, PLAYER_NAME_BYTES_MAX, REDIRECT_ADDRESS_BYTES_MAX, REDIRECT_TOKEN_BYTES_MAX,
    ROOM_CODE_BYTES_MAX, ROOM_NAME_BYTES_MAX, SEQUENCE_AHEAD_MAX, SEQUENCE_BEHIND_MAX, SERVER_NAME_BYTES_MAX,
    SLICE_BYTES, SNAPSHOT_BYTES_MAX, SNAPSHOT_MESSAGE_BYTES_MAX,
};
pub use match_start::{EndReason, MatchEnd, MatchStart, SPECTATOR_SEAT};
pub use names::{NameFault, PlayerName, RoomName, is_unprintable};
pub use payload::{Lane, PayloadFault, PayloadGuard};
pub use redirect::Redirect;
pub use redundancy::Redundancy;
pub use refusal::Refusal;
pub use renet_packet::{AckRanges, PacketPeek, peek_packet};
pub use room::{CommitPolicy, Member, RoomPhase, RoomView, StartRule, Watcher};
pub use room_event::{ClosedReason, RoomEvent, RoomEventKind, Urgency};
pub use side::Side;
pub use snapshot::{Snapshot, SnapshotFault};
pub use ticket::{Role, SIGNED_BYTES, TICKET_BYTES, Ticket, TicketFault};
pub use version::{NETCODE_PROTOCOL_ID, PROTOCOL_VERSION};
