//! The reliable channels of a link: one table for both sides.

use crate::{CONTROL_FROM_SERVER_BYTES_MAX, SNAPSHOT_MESSAGE_BYTES_MAX, Side};

/// The channel of control messages: reliable and ordered, both ways.
pub const CONTROL: u8 = 0;

/// The channel of snapshots: reliable and ordered, from the server only.
pub const SNAPSHOT: u8 = 1;

/// One channel in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its number on the wire.
    pub id: u8,
    /// Who sends on it.
    pub from: Side,
    /// Most bytes of messages that are sent and not acknowledged, or received and not taken.
    pub memory_bytes_max: usize,
    /// Longest message, in bytes.
    pub message_bytes_max: usize,
    /// How long to wait for an acknowledgement before sending again, in milliseconds, at least.
    pub resend_ms: u32,
}

/// All channels. Every one is reliable and ordered; what is unreliable goes over the hot lane.
pub const CHANNELS: [Channel; 3] = [
    Channel {
        id: CONTROL,
        from: Side::Client,
        memory_bytes_max: 256 << 10,
        message_bytes_max: crate::CONTROL_BYTES_MAX,
        resend_ms: 100,
    },
    Channel {
        id: CONTROL,
        from: Side::Server,
        memory_bytes_max: 256 << 10,
        message_bytes_max: CONTROL_FROM_SERVER_BYTES_MAX,
        resend_ms: 100,
    },
    Channel {
        id: SNAPSHOT,
        from: Side::Server,
        memory_bytes_max: (1 << 20) + (64 << 10),
        message_bytes_max: SNAPSHOT_MESSAGE_BYTES_MAX,
        resend_ms: 100,
    },
];

/// The channel `id` on which `from` sends; `None` if there is none.
#[must_use]
pub fn channel(from: Side, id: u8) -> Option<&'static Channel> {
    CHANNELS.iter().find(|channel| channel.from == from && channel.id == id)
}
