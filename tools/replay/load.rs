//! Replays from files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use framekeep_journal::{Damaged, Replay};

/// Largest file that is read, in bytes (1 GiB): months of one match.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// A file that is not a whole replay.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("is larger than any replay: over {FILE_BYTES_MAX} bytes")]
    TooLarge,
    #[error(transparent)]
    Damaged(#[from] Damaged),
}

pub(crate) fn load(path: &Path) -> Result<Replay, LoadError> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(LoadError::TooLarge);
    }
    Ok(Replay::read(bytes)?)
}
