//! The log of a matcher: its modes and limits, and every operation with its time and a digest of what came of it, as
//! bytes. Played again it gives the same matches and the same refusals.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | `FKMM` |
//! | 1 | version, 4: of the layout, and of the way in which matches are formed |
//! | 4 | most tickets that are not over |
//! | 4, n | length and encoding of the modes |
//! | 8, 4, n | of each operation the time in milliseconds, the length and the encoding |
//! | 8 | and the digest of what came of it |
//!
//! Integers are little-endian; what is encoded is encoded as control messages of the wire are.

use framekeep_protocol::{CodecError, decode, encode};

use crate::limits::{MODES_BYTES_MAX, OPERATION_BYTES_MAX};
use crate::{Mode, ModeFault, Operation};

const MAGIC: [u8; 4] = *b"FKMM";
/// Another one wherever the same operations would give other matches: an old log is refused then, and not said to
/// differ.
const LAYOUT_VERSION: u8 = 4;

/// A digest of what came of an operation: whether it was done, and its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome(pub u64);

/// An operation of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// When, in milliseconds.
    pub at_ms: u64,
    /// What was asked.
    pub operation: Operation,
    /// What came of it.
    pub outcome: Outcome,
}

/// Bytes that are no log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// It does not begin as one.
    #[error("this is no log of a matcher: it does not begin with FKMM")]
    NoLog,
    /// It is of another version.
    #[error(
        "a log of version {0}, this build forms matches as version {LAYOUT_VERSION} does: read it with its own build"
    )]
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
pub fn log_header(modes: &[Mode], tickets_max: usize) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.push(LAYOUT_VERSION);
    bytes.extend_from_slice(&u32::try_from(tickets_max).unwrap_or(u32::MAX).to_le_bytes());
    put(&mut bytes, &encode(&modes));
    bytes
}

/// Adds an operation to a log.
pub fn log_operation(log: &mut Vec<u8>, at_ms: u64, operation: &Operation, outcome: Outcome) {
    log.extend_from_slice(&at_ms.to_le_bytes());
    put(log, &encode(operation));
    log.extend_from_slice(&outcome.0.to_le_bytes());
}

fn put(log: &mut Vec<u8>, bytes: &[u8]) {
    log.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    log.extend_from_slice(bytes);
}

/// Reads a log, operation by operation.
#[derive(Clone, Debug)]
pub struct LogReader<'a> {
    modes: Vec<Mode>,
    tickets_max: usize,
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
        let mut reader = Self { modes: Vec::new(), tickets_max: 0, bytes, at: MAGIC.len() + 1 };
        reader.tickets_max = reader.take_u32()? as usize;
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

    /// Most tickets of the matcher that are not over.
    #[must_use]
    pub fn tickets_max(&self) -> usize {
        self.tickets_max
    }

    fn take_u32(&mut self) -> Result<u32, LogError> {
        Ok(self.take(4)?.try_into().map(u32::from_le_bytes).unwrap_or_default())
    }

    fn take_u64(&mut self) -> Result<u64, LogError> {
        Ok(self.take(8)?.try_into().map(u64::from_le_bytes).unwrap_or_default())
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], LogError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..count).ok_or(LogError::Torn(self.at))?;
        self.at += count;
        Ok(taken)
    }

    fn take_counted(&mut self, limit: usize) -> Result<&'a [u8], LogError> {
        let at = self.at;
        let bytes = usize::try_from(self.take_u32()?).unwrap_or(usize::MAX);
        if bytes > limit {
            return Err(LogError::TooLong { at, bytes, limit });
        }
        self.take(bytes)
    }

    fn operation(&mut self) -> Result<LogEntry, LogError> {
        let at_ms = self.take_u64()?;
        let at = self.at;
        let bytes = self.take_counted(OPERATION_BYTES_MAX)?;
        let operation =
            decode(bytes, OPERATION_BYTES_MAX).map_err(|source| LogError::Codec { at, source })?;
        Ok(LogEntry { at_ms, operation, outcome: Outcome(self.take_u64()?) })
    }
}

impl Iterator for LogReader<'_> {
    type Item = Result<LogEntry, LogError>;

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
