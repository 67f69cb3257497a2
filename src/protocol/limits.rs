//! Every bound of the wire, in one place.

/// Shortest datagram that can be of netcode, in bytes: a prefix, one byte and the authentication tag.
pub const DATAGRAM_BYTES_MIN: usize = 18;

/// Longest datagram that is sent or received, in bytes. Fits any path that carries 1,428-byte IPv4 packets.
pub const DATAGRAM_BYTES_MAX: usize = 1_400;

/// Longest payload that netcode carries in one datagram, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 1_300;

/// Longest hot-lane payload that is sent, in bytes.
pub const HOT_BYTES_MAX: usize = 1_100;

/// Longest control message a client may send, in bytes. It always fits one packet: clients never send slices.
pub const CONTROL_BYTES_MAX: usize = 1_024;

/// Longest control message a server may send, in bytes: a `Started` with its content, and some room.
pub const CONTROL_FROM_SERVER_BYTES_MAX: usize = CONTENT_SENT_BYTES_MAX + 4_096;

/// Longest canonical encoding of a match's content that a server sends, in bytes (64 KiB).
pub const CONTENT_SENT_BYTES_MAX: usize = 64 << 10;

/// Longest canonical encoding of a state that is sent as a snapshot, in bytes, before compression (1 MiB).
pub const SNAPSHOT_BYTES_MAX: usize = 1 << 20;

/// Longest snapshot message, in bytes: an incompressible state, a frame of 64 seats and the fields around
/// them.
pub const SNAPSHOT_MESSAGE_BYTES_MAX: usize = SNAPSHOT_BYTES_MAX + 2_048;

/// Most inputs in one packet: one second at 32 Hz.
pub const INPUTS_PER_PACKET_MAX: usize = 32;

/// Most frames in one packet.
pub const FRAMES_PER_PACKET_MAX: usize = 64;

/// How many ticks an input may be ahead of the tick the server commits next.
pub const INPUT_AHEAD_TICKS_MAX: u32 = 64;

/// Longest room name, in bytes of UTF-8.
pub const ROOM_NAME_BYTES_MAX: usize = 64;

/// What the names of rooms begin with that matchmaking opens; players open none of such a name.
pub const MATCH_ROOM_PREFIX: &str = "match-";

/// Longest player name, in bytes of UTF-8.
pub const PLAYER_NAME_BYTES_MAX: usize = 32;

/// Longest name of a game or of a content file, in bytes of UTF-8.
pub const GAME_NAME_BYTES_MAX: usize = 64;

/// Longest name a server gives itself, in bytes of UTF-8.
pub const SERVER_NAME_BYTES_MAX: usize = 64;

/// Most games a client may say that it can simulate.
pub const GAMES_MAX: usize = 16;

/// Payload bytes of one slice of a large message (renet's `SLICE_SIZE`).
pub const SLICE_BYTES: usize = 1_200;

/// Most messages in one packet.
pub const MESSAGES_PER_PACKET_MAX: u16 = 64;

/// Most ranges in one acknowledgement packet.
pub const ACK_RANGES_MAX: u64 = 256;

/// How far a packet's sequence may lie below the highest one seen.
pub const SEQUENCE_BEHIND_MAX: u64 = 1_024;

/// How far a packet's sequence may lie above the highest one seen.
pub const SEQUENCE_AHEAD_MAX: u64 = 4_096;

/// How far a message id may lie above the oldest one that is missing.
pub const MESSAGE_IDS_AHEAD_MAX: u64 = 256;

/// How long an ordered message may be missing while later ones are there, in milliseconds.
pub const GAP_MS_MAX: u64 = 5_000;

/// Longest code of a private room, in bytes of UTF-8.
pub const ROOM_CODE_BYTES_MAX: usize = 32;

/// Longest thing said in a room, in bytes of UTF-8.
pub const CHAT_BYTES_MAX: usize = 256;

/// Most hashes of its last confirmed ticks that a client tells at once.
pub const DESYNC_HASHES_MAX: usize = 128;

/// Bytes of a state in one part of a client's answer.
pub const DESYNC_PART_BYTES: usize = 960;

/// Largest compressed state that a client sends to explain a desync, in bytes (96 KiB).
pub const DESYNC_PACKED_BYTES_MAX: usize = 96 << 10;

/// Longest address of a redirect, in bytes.
pub const REDIRECT_ADDRESS_BYTES_MAX: usize = 256;

/// Longest token of a redirect, in bytes: as much as a connect token of netcode takes.
pub const REDIRECT_TOKEN_BYTES_MAX: usize = 2_048;
