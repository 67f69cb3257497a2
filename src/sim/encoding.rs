//! The canonical encoding: little-endian, fixed-width integers, by bincode. What is hashed, sent and stored.
//!
//! bincode 2.0.1 is pinned; golden bytes in the tests hold it to this layout. Should it have to be replaced,
//! postcard with fixed-width integers is the intended way out, and only this file and the protocol's codec change.

use alloc::vec::Vec;

use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64;

use crate::STATE_BYTES_MAX;

#[cfg(not(target_endian = "little"))]
compile_error!("the canonical encoding copies columns as they lie in memory, which must be little-endian");

type Config = bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Fixint,
    bincode::config::Limit<STATE_BYTES_MAX>,
>;

const CONFIG: Config = bincode::config::standard()
    .with_little_endian()
    .with_fixed_int_encoding()
    .with_limit::<STATE_BYTES_MAX>();

struct Appender<'a>(&'a mut Vec<u8>);

impl bincode::enc::write::Writer for Appender<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Bytes that are not the canonical encoding of the expected type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes do not describe a value of the type, or describe one over the size limit.
    #[error("the bytes are not a canonical encoding: {0}")]
    Malformed(alloc::string::String),
    /// A value was read and bytes were left over.
    #[error("{0} bytes follow the value")]
    Trailing(usize),
}

/// Appends the canonical encoding of `value` to `out`.
///
/// A value that serde cannot serialise this way (a map of unknown length, an error of its own) appends nothing
/// beyond what was written; game states are plain values, for which this does not happen.
pub fn encode_into<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let result = bincode::serde::encode_into_writer(value, Appender(out), CONFIG);
    debug_assert!(result.is_ok(), "a plain value failed to encode: {result:?}");
}

/// Reads a value from its canonical encoding; all bytes must be used.
///
/// # Errors
/// [`DecodeError`] if the bytes are malformed, too long ([`STATE_BYTES_MAX`]) or not all used.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (value, used) = bincode::serde::decode_from_slice(bytes, CONFIG)
        .map_err(|error| DecodeError::Malformed(alloc::format!("{error}")))?;
    if used == bytes.len() { Ok(value) } else { Err(DecodeError::Trailing(bytes.len() - used)) }
}

/// The hash of a canonical encoding: XXH3, 64 bits, seed 0.
#[must_use]
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}
