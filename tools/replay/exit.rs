//! `Exit`, the exit codes.

use std::process::ExitCode;

/// How a run ended, as exit codes that scripts may rely on; of several files the highest code counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Everything agrees.
    Ok = 0,
    /// Something could not be done: a file is missing, a game is unknown.
    Failure = 1,
    /// A match does not agree with its record, or other rules recorded it.
    Disagrees = 3,
    /// A file is damaged, or not what was sealed.
    Damaged = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
