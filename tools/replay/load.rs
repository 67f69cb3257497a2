//! Replays from files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use framekeep_journal::{Damaged, Replay};

use crate::exit::Exit;

/// Largest file that is read, in bytes (1 GiB): months of one match.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// What every replay starts with.
const MAGIC: &[u8] = b"FKREPLAY";

/// A file that is not a whole replay.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("is larger than any replay: over {FILE_BYTES_MAX} bytes (1 GiB)")]
    TooLarge,
    #[error(transparent)]
    Damaged(#[from] Damaged),
}

impl LoadError {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Damaged(_) => Exit::Damaged,
            Self::Io(_) | Self::TooLarge => Exit::Failure,
        }
    }
}

pub(crate) fn load(path: &Path) -> Result<Replay, LoadError> {
    let mut bytes = Vec::new();
    let mut file = File::open(path)?.take(FILE_BYTES_MAX + 1);
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut bytes)?;
    if bytes != MAGIC {
        return Err(Damaged { offset: 0, tick: None, what: "not a replay file".to_owned() }.into());
    }
    file.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(LoadError::TooLarge);
    }
    Ok(Replay::read(bytes)?)
}
