//! The codec of control messages: bincode with variable-length little-endian integers, under a limit.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a small message may take in memory while it is decoded, in bytes.
const SMALL_BYTES: usize = 16 << 10;

/// What any message may take in memory while it is decoded, in bytes.
const LARGE_BYTES: usize = 4 << 20;

const CONFIG: bincode::config::Configuration = bincode::config::standard();

/// Bytes that are not a message of the expected type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The message is longer than its kind may be.
    #[error("a message of {bytes} bytes is over the limit of {limit}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The longest allowed.
        limit: usize,
    },
    /// The bytes do not describe a value of the type.
    #[error("the bytes are not a message: {0}")]
    Malformed(String),
    /// A value was read and bytes were left over.
    #[error("{0} bytes follow the message")]
    Trailing(usize),
    /// A field is out of its range.
    #[error("{field}: {value} is not within {min} and {max}")]
    OutOfRange {
        /// Which field.
        field: &'static str,
        /// What it holds: a number, or the length of a list or text.
        value: usize,
        /// The smallest allowed.
        min: usize,
        /// The largest allowed.
        max: usize,
    },
}

/// The bytes of a message.
///
/// Messages are plain values, which bincode always encodes; a value that it cannot encode becomes no bytes,
/// which no decoder accepts.
#[must_use]
pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    let result = bincode::serde::encode_to_vec(message, CONFIG);
    debug_assert!(result.is_ok(), "a plain value failed to encode: {:?}", result.as_ref().err());
    result.unwrap_or_default()
}

/// Reads a message of at most `max` bytes; all bytes must be used.
///
/// # Errors
/// [`CodecError`] if the bytes are too many, malformed, or not all used.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], max: usize) -> Result<T, CodecError> {
    if bytes.len() > max {
        return Err(CodecError::TooLong { bytes: bytes.len(), limit: max });
    }
    let result = if bytes.len() <= crate::CONTROL_BYTES_MAX {
        bincode::serde::decode_from_slice(bytes, CONFIG.with_limit::<SMALL_BYTES>())
    } else {
        bincode::serde::decode_from_slice(bytes, CONFIG.with_limit::<LARGE_BYTES>())
    };
    let (message, used) = result.map_err(|error| CodecError::Malformed(alloc::format!("{error}")))?;
    if used == bytes.len() { Ok(message) } else { Err(CodecError::Trailing(bytes.len() - used)) }
}

/// Refuses a value outside `min..=max`.
pub(crate) const fn within(
    field: &'static str,
    value: usize,
    min: usize,
    max: usize,
) -> Result<(), CodecError> {
    if value >= min && value <= max { Ok(()) } else { Err(CodecError::OutOfRange { field, value, min, max }) }
}

/// Refuses a value over `max`.
pub(crate) const fn at_most(field: &'static str, value: usize, max: usize) -> Result<(), CodecError> {
    within(field, value, 0, max)
}
