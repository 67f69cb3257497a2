//! `Failure`, why a command could not do what it was asked to.

use std::io;
use std::path::Path;

use framekeep_journal::{NotSeekable, VerifyError};

use crate::exit::Exit;
use crate::load::LoadError;

/// Why a command could not do what it was asked to.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The output cannot be written.
    Output(io::Error),
    /// Told on standard error, and an exit code.
    Told(Exit, String),
}

impl Failure {
    /// Something could not be done.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::Told(Exit::Failure, message.into())
    }

    /// A file that is not a whole replay.
    pub(crate) fn load(path: &Path, error: &LoadError) -> Self {
        Self::Told(error.exit(), format!("{}: {error}", path.display()))
    }

    /// A replay that this build cannot play.
    pub(crate) fn verify(path: &Path, error: &VerifyError) -> Self {
        let (exit, hint) = match error {
            VerifyError::OtherRules { .. } => (Exit::Disagrees, "; --force plays it anyway"),
            VerifyError::Disagrees(_) => (Exit::Disagrees, ""),
            _ => (Exit::Failure, ""),
        };
        Self::Told(exit, format!("{}: {error}{hint}", path.display()))
    }

    pub(crate) fn seek(path: &Path, error: &NotSeekable) -> Self {
        Self::new(format!("{}: {error}", path.display()))
    }

    /// A file that cannot be read or written.
    pub(crate) fn file(doing: &str, path: &Path, error: &dyn std::fmt::Display) -> Self {
        Self::new(format!("cannot {doing} {}: {error}", path.display()))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
