//! `Sealer`, the thread that seals matches into files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use framekeep_journal::{MatchEnd, ReplayBuilder, SealKey};
use tracing::{error, info};

use super::writer::Shared;

/// How long a disk that did not take a replay is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// A finished match and the file it is to become.
pub(super) struct Sealing {
    pub(super) builder: ReplayBuilder,
    pub(super) end: MatchEnd,
    pub(super) path: PathBuf,
    pub(super) key: SealKey,
}

/// The thread that seals matches into files: apart from the journal's, which must not wait for it.
pub(super) struct Sealer {
    shared: Arc<Shared>,
}

impl Sealer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Seals until nothing more can come; gives whether every match became a file. What a full or broken disk does not
    /// take is tried again.
    pub(super) fn work(self, sealings: &Receiver<Sealing>) -> bool {
        let mut left: Vec<Sealing> = Vec::new();
        loop {
            let wait = if left.is_empty() { Duration::MAX } else { RETRY_AFTER };
            match sealings.recv_timeout(wait) {
                Ok(sealing) => left.extend(self.try_to_seal(sealing)),
                Err(RecvTimeoutError::Timeout) => {
                    left = left.into_iter().filter_map(|sealing| self.try_to_seal(sealing)).collect();
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        left.into_iter().filter_map(|sealing| self.try_to_seal(sealing)).count() == 0
    }

    /// Gives back what the disk does not take.
    fn try_to_seal(&self, sealing: Sealing) -> Option<Sealing> {
        let Err(error) = seal(&sealing) else { return None };
        self.shared.count_failure();
        error!(%error, file = %sealing.path.display(), "a match could not be sealed; it is tried again");
        Some(sealing)
    }
}

fn seal(sealing: &Sealing) -> io::Result<()> {
    let Sealing { builder, end, path, key } = sealing;
    let ticks = builder.next();
    let mut bytes = Vec::new();
    let sealed = builder.clone().seal_signed(end.clone(), key, &mut bytes)?;
    replace_durably(path, &bytes)?;
    info!(file = %path.display(), ticks = ticks.0, bytes = sealed.bytes, "a match is sealed");
    Ok(())
}

/// Writes a file as a whole or not at all; what was there survives a kill of the process, not a loss of power.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    fs::write(&temporary, bytes)?;
    fs::rename(&temporary, path)
}

/// Writes a file as a whole or not at all; once it returns the file outlasts a loss of power.
fn replace_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    if let Err(error) = written.and_then(|()| fs::rename(&temporary, path)) {
        // A half-written file takes room on a disk that may be full.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes durable which files a folder has. Only Unix can, and needs to.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Deletes files that a killed run did not finish.
pub(super) fn forget_unfinished(replays: &Path) -> io::Result<()> {
    for entry in fs::read_dir(replays)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "tmp") {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
