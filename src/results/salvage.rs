//! What can still be read of a damaged file: every result whose checksum fits, wherever in the file it lies.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use redb::{ReadableDatabase, ReadableTable};

use crate::sealed_row::{self, HEAD_BYTES};
use crate::store::{IDS, builder, guarded};
use crate::{MatchResult, ResultError, ResultStore};

/// Bytes that are looked through at once.
const BLOCK_BYTES: u64 = 4 << 20;
/// Longest row; one of the most turns of players that a match remembers is a third of it.
const ROW_BYTES_MAX: usize = 256 << 10;
/// Results that are written in one transaction.
const BATCH: usize = 4_096;

/// A damaged file that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is now.
    pub path: PathBuf,
    /// How many results of it are in the new file.
    pub kept: u64,
    /// How many are not; `None` if the file does not say any more how many there were.
    pub lost: Option<u64>,
}

/// Puts a new file in the place of a damaged one, with every result of it whose checksum fits.
pub(crate) fn set_aside(path: &Path, now_unix_s: u64) -> Result<SetAside, ResultError> {
    let failed = |error: io::Error| ResultError::Unusable { path: path.to_owned(), what: error.to_string() };
    let (fresh, aside) = (path.with_extension("new"), path.with_extension(format!("damaged-{now_unix_s}")));
    // Of a start that was killed over it.
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut store = ResultStore::open(&fresh)?;
    let mut batch = Vec::new();
    salvage(File::open(path).map_err(failed)?, |result| {
        batch.push(result);
        if batch.len() == BATCH { store.insert(&std::mem::take(&mut batch)) } else { Ok(()) }
    })?;
    store.insert(&batch)?;
    let kept = store.count()?;
    let lost = ids(path).map(|ids| store.lacks(&ids)).transpose()?;
    drop(store);
    fs::rename(path, &aside).and_then(|()| fs::rename(&fresh, path)).map_err(failed)?;
    Ok(SetAside { path: aside, kept, lost })
}

/// The ids the file says it has.
fn ids(path: &Path) -> Option<Vec<String>> {
    let ids = || -> Result<Vec<String>, redb::Error> {
        let (database, mut ids) = (builder().open_read_only(path)?, Vec::new());
        for entry in database.begin_read()?.open_table(IDS)?.iter()? {
            ids.push(entry?.0.value().to_owned());
        }
        Ok(ids)
    };
    guarded(path, ids).ok()
}

/// Gives every result whose checksum fits. A file that cannot be read any further ends there.
fn salvage(
    mut file: impl Read,
    mut give: impl FnMut(MatchResult) -> Result<(), ResultError>,
) -> Result<(), ResultError> {
    let mut bytes = Vec::new();
    loop {
        // What was read before it failed is there all the same.
        let read = file.by_ref().take(BLOCK_BYTES).read_to_end(&mut bytes);
        let is_last = !matches!(read, Ok(1..));
        // A row is looked at when it is there as a whole.
        let until = if is_last { bytes.len() } else { bytes.len().saturating_sub(ROW_BYTES_MAX) };
        let mut at = HEAD_BYTES;
        while at < until {
            match sealed_row::sound_at(&bytes, at) {
                Some((result, length)) => {
                    give(result)?;
                    at += length;
                }
                None => at += 1,
            }
        }
        if is_last {
            return Ok(());
        }
        bytes.drain(..at - HEAD_BYTES);
    }
}
