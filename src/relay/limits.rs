//! Every bound of the relay, in one place.

use std::time::Duration;

/// Longest frame from the near end, in bytes: a control message of a client and what is around it.
pub const TO_FAR_BYTES_MAX: usize = 2_048;

/// Longest frame from the far end, in bytes: a view of a large match.
pub const TO_NEAR_BYTES_MAX: usize = 256 << 10;

/// Longest frame of a hand-shake, in bytes.
pub const GREETING_BYTES_MAX: usize = 128;

/// Links that one node may have at another.
pub const LINKS_PER_NODE_MAX: usize = 16_384;

/// Messages of one link that wait for the connection; a link with more is closed as too slow.
pub const LINK_MESSAGES_MAX: usize = 256;

/// Bytes that wait for a connection. Over half of it streams of watched rooms leave messages out, which are asked for
/// again; over all of it links are closed as too slow.
pub const CONNECTION_BYTES_MAX: usize = 8 << 20;

/// Bytes that are written at once.
pub(crate) const WRITE_BYTES: usize = 64 << 10;

/// Messages of a watched room that are kept to be sent again.
pub const STREAM_MESSAGES_MAX: usize = 512;

/// Bytes of those.
pub const STREAM_BYTES_MAX: usize = 256 << 10;

/// Orders of other nodes that wait for a server that is behind; a link whose order finds no place is closed.
pub(crate) const ORDERS_WAITING_MAX: usize = 4_096;

/// Nodes that this one may be connected to.
pub const NODES_MAX: usize = 1_024;

/// Connections of other nodes at once that have not proven who they are.
pub(crate) const GREETING_MAX: usize = 64;

/// How long a hand-shake may take, the connection included.
pub(crate) const GREET_WITHIN: Duration = Duration::from_secs(2);

/// How often both ends of a connection say that they are there.
pub(crate) const BEAT_EVERY: Duration = Duration::from_secs(1);

/// How long the other end may be silent.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(3);

/// How long after the last word of a node its rooms are waited for; then the links are told that they are lost.
pub const LOST_AFTER: Duration = Duration::from_millis(4_500);

/// How long the directory may take to say where a room is; then it is as if nobody knew.
pub(crate) const FIND_WITHIN: Duration = Duration::from_secs(2);

/// How long a link may wait for an answer of the directory, and for the other node to let it in.
pub(crate) const JOIN_WITHIN: Duration = Duration::from_secs(5);

/// How long a room that was opened may be unknown to the directory.
pub(crate) const KNOWN_WITHIN: Duration = Duration::from_secs(5);

/// Rooms that were opened and are remembered so long; those over it may be opened twice.
pub(crate) const OPENED_MAX: usize = 65_536;

/// How long a room that moves is waited for.
pub(crate) const MOVE_WITHIN: Duration = Duration::from_secs(15);

/// How often the directory is asked again where a room of a lost node is.
pub(crate) const FIND_AGAIN_EVERY: Duration = Duration::from_secs(1);

/// How often it is asked where a room is that has moved.
pub(crate) const FIND_MOVED_EVERY: Duration = Duration::from_millis(100);

/// The first pause before a connection is tried again; it doubles.
pub(crate) const DIAL_AGAIN_FIRST: Duration = Duration::from_millis(100);

/// The longest pause before a connection is tried again.
pub(crate) const DIAL_AGAIN_MAX: Duration = Duration::from_secs(1);

/// How long what is missing of a stream is waited for before it is asked for again.
pub(crate) const REPAIR_AGAIN_EVERY: Duration = Duration::from_millis(250);

/// How often the relay looks at its clocks.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(50);
