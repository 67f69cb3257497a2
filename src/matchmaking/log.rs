//! The log of a matcher: its modes and every operation with its time, as bytes. Played again it gives the same matches.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | `FKMM` |
//! | 1 | layout version, 1 |
//! | 4, n | length and encoding of the modes |
//! | 8, 4, n | of each operation the time in milliseconds, the length and the encoding |
//!
//! Integers are little-endian; what is encoded is encoded as control messages of the wire are.

use framekeep_protocol::{CodecError, decode, encode};

use crate::limits::{MODES_BYTES_MAX, OPERATION_BYTES_MAX};
use crate::{Mode, ModeFault, Operation};

const MAGIC: [u8; 4] = *b"FKMM";
const LAYOUT_VERSION: u8 = 1;

/// Bytes that are no log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// It does not begin as one.
    #[error("this is no log of a matcher: it does not begin with FKMM")]
    NoLog,
    /// It is of another version.
    #[error("a log of layout {0}, this build reads {LAYOUT_VERSION}")]
    UnknownLayout(u8),
    /// It ends within something; what is before it is good.
    #[error("the log ends within an operation, {0} bytes after its beginning")]
    Torn(usize),
    /// A length is over its limit.
    #[error("{bytes} bytes at {at}, the limit is {limit}")]
    TooLong {
        /// Where.
        at: usize,
        /// The length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Something is not what it should be.
    #[error("at {at}: {source}")]
    Codec {
        /// Where.
        at: usize,
        /// Why.
        source: CodecError,
    },
    /// The modes cannot be played.
    #[error(transparent)]
    Modes(#[from] ModeFault),
}

/// The beginning of a log.
#[must_use]
pub fn log_header(modes: &[Mode]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.push(LAYOUT_VERSION);
    put(&mut bytes, &encode(&modes));
    bytes
}

/// Adds an operation to a log.
pub fn log_operation(log: &mut Vec<u8>, at_ms: u64, operation: &Operation) {
    log.extend_from_slice(&at_ms.to_le_bytes());
    put(log, &encode(operation));
}

fn put(log: &mut Vec<u8>, bytes: &[u8]) {
    log.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    log.extend_from_slice(bytes);
}

/// Reads a log, operation by operation.
#[derive(Clone, Debug)]
pub struct LogReader<'a> {
    modes: Vec<Mode>,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> LogReader<'a> {
    /// Reads the beginning.
    ///
    /// # Errors
    /// [`LogError`] if it is not that of a log of this layout.
    pub fn new(bytes: &'a [u8]) -> Result<Self, LogError> {
        if !bytes.starts_with(&MAGIC) {
            return Err(LogError::NoLog);
        }
        let version = *bytes.get(MAGIC.len()).ok_or(LogError::Torn(bytes.len()))?;
        if version != LAYOUT_VERSION {
            return Err(LogError::UnknownLayout(version));
        }
        let mut reader = Self { modes: Vec::new(), bytes, at: MAGIC.len() + 1 };
        let at = reader.at;
        let modes = reader.take_counted(MODES_BYTES_MAX)?;
        reader.modes = decode(modes, MODES_BYTES_MAX).map_err(|source| LogError::Codec { at, source })?;
        crate::mode::validate_all(&reader.modes)?;
        Ok(reader)
    }

    /// The modes of the matcher.
    #[must_use]
    pub fn modes(&self) -> &[Mode] {
        &self.modes
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], LogError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..count).ok_or(LogError::Torn(self.at))?;
        self.at += count;
        Ok(taken)
    }

    fn take_counted(&mut self, limit: usize) -> Result<&'a [u8], LogError> {
        let at = self.at;
        let length = self.take(4)?.try_into().map(u32::from_le_bytes).unwrap_or_default();
        let bytes = usize::try_from(length).unwrap_or(usize::MAX);
        if bytes > limit {
            return Err(LogError::TooLong { at, bytes, limit });
        }
        self.take(bytes)
    }

    fn operation(&mut self) -> Result<(u64, Operation), LogError> {
        let at_ms = self.take(8)?.try_into().map(u64::from_le_bytes).unwrap_or_default();
        let at = self.at;
        let bytes = self.take_counted(OPERATION_BYTES_MAX)?;
        let operation =
            decode(bytes, OPERATION_BYTES_MAX).map_err(|source| LogError::Codec { at, source })?;
        Ok((at_ms, operation))
    }
}

impl Iterator for LogReader<'_> {
    type Item = Result<(u64, Operation), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let next = self.operation();
        if next.is_err() {
            // Nothing after it can be read.
            self.at = self.bytes.len();
        }
        Some(next)
    }
}
