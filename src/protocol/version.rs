//! The version of the wire.

/// The version of everything in this crate. Both sides must have the same one; a client with another is
/// refused with a message that names both.
pub const PROTOCOL_VERSION: u16 = 3;

/// The protocol id of the netcode layer: `"framekee"` in ASCII, little-endian. It is the same for every
/// [`PROTOCOL_VERSION`], so that a client of another version connects far enough to be told.
pub const NETCODE_PROTOCOL_ID: u64 = u64::from_le_bytes(*b"framekee");
