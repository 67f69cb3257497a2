//! `Damaged`, what is wrong with a file's bytes and where.

use std::fmt;

/// A file whose bytes are not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("damaged at byte {offset}: {what}")]
pub struct Damaged {
    /// Where the damaged part starts, in bytes from the start of the file.
    pub offset: u64,
    /// What is wrong there.
    pub what: String,
}

impl Damaged {
    pub(crate) fn new(offset: usize, what: impl fmt::Display) -> Self {
        Self { offset: offset as u64, what: what.to_string() }
    }
}
