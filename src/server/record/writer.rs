//! `Writer`, the way to the threads that write the data folder.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use framekeep_journal::SegmentHeader;
use tracing::error;

use super::desk::{Desk, Order};
use super::sealer::{Sealer, Sealing};
use super::segments;
use crate::RoomList;
use crate::limits::JOURNAL_PENDING_BYTES_MAX;

/// A data folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Something in it cannot be made, read or written.
    #[error("{}: {source}; choose another data folder with --data", path.display())]
    Unusable {
        /// Which folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Two servers would mix up their journals.
    #[error(
        "{}: another server uses this data folder; stop it, or choose another data folder with --data",
        folder.display()
    )]
    InUse {
        /// The data folder.
        folder: PathBuf,
    },
}

impl RecordError {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Unusable { path: path.to_owned(), source }
    }
}

/// What the game thread and the writing threads tell each other besides orders.
#[derive(Default)]
pub(super) struct Shared {
    /// Batches and files that were not written.
    failures: AtomicU64,
    /// Bytes of batches that wait.
    pub(super) pending_bytes: AtomicUsize,
    /// A status waits; a second one would be of no use.
    pub(super) status_waits: AtomicBool,
    /// A list of rooms waits; the same.
    pub(super) rooms_wait: AtomicBool,
}

impl Shared {
    pub(super) fn count_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

/// The threads that write the data folder, one for the journal and one for replays, and the ways to them.
///
/// Giving an order never waits. Batches are bounded by their bytes, seals by the rooms that play; the rest is one of
/// each. Dropping the writer writes what was handed over and leaves the run without its clean end, as a kill would.
pub(super) struct Writer {
    journal: Option<Sender<Order>>,
    seals: Option<Sender<Sealing>>,
    journal_thread: Option<JoinHandle<()>>,
    /// Gives whether every match was sealed.
    seal_thread: Option<JoinHandle<bool>>,
    shared: Arc<Shared>,
    replays: PathBuf,
    /// A batch was lost: the next one must not follow in the same segment.
    hole: bool,
    /// Held as long as the folder is in use.
    _lock: File,
}

impl Writer {
    /// Takes the folder, clears it of journals that are not needed, and starts the threads. `node` stands for this
    /// run in its segments' headers; if an earlier run has it, the next free one is taken.
    pub(super) fn start(folder: &Path, node: u64, sync_every: Option<Duration>) -> Result<Self, RecordError> {
        let (journal, replays) = (folder.join("journal"), folder.join("replays"));
        for path in [&journal, &replays] {
            fs::create_dir_all(path).map_err(RecordError::at(path))?;
        }
        let lock = lock(folder)?;
        let header = segments::tidy_up(&journal, node).map_err(RecordError::at(&journal))?;
        super::sealer::forget_unfinished(&replays).map_err(RecordError::at(&replays))?;
        Self::start_threads(folder, header, sync_every, lock).map_err(RecordError::at(folder))
    }

    fn start_threads(
        folder: &Path,
        header: SegmentHeader,
        sync_every: Option<Duration>,
        lock: File,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (journal, orders) = mpsc::channel();
        let desk = Desk::new(folder, header, shared.clone());
        let journal_thread = std::thread::Builder::new()
            .name("framekeep-journal".to_owned())
            .spawn(move || desk.work(&orders, sync_every))?;
        let (seals, sealings) = mpsc::channel();
        let sealer = Sealer::new(shared.clone());
        let seal_thread = std::thread::Builder::new()
            .name("framekeep-seal".to_owned())
            .spawn(move || sealer.work(&sealings))?;
        Ok(Self {
            journal: Some(journal),
            seals: Some(seals),
            journal_thread: Some(journal_thread),
            seal_thread: Some(seal_thread),
            shared,
            replays: folder.join("replays"),
            hole: false,
            _lock: lock,
        })
    }

    pub(super) fn replays(&self) -> &Path {
        &self.replays
    }

    /// Hands whole records over. If too much waits for the disk they are lost and counted: the game never waits.
    pub(super) fn append(&mut self, records: Vec<u8>) {
        let bytes = records.len();
        let waiting = self.shared.pending_bytes.load(Ordering::Relaxed);
        if waiting > 0 && waiting + bytes > JOURNAL_PENDING_BYTES_MAX {
            self.shared.count_failure();
            if !std::mem::replace(&mut self.hole, true) {
                error!(waiting, "the disk is too slow: the journal loses records");
            }
            return;
        }
        self.shared.pending_bytes.fetch_add(bytes, Ordering::Relaxed);
        let after_hole = std::mem::take(&mut self.hole);
        self.order(Order::Batch { records, after_hole });
    }

    /// Hands a finished match over to be sealed.
    pub(super) fn seal(&self, sealing: Sealing) {
        if self.seals.as_ref().is_none_or(|seals| seals.send(sealing).is_err()) {
            self.shared.count_failure();
        }
    }

    /// Hands the status over, unless the one before still waits.
    pub(super) fn status(&self, json: String) {
        if !self.shared.status_waits.swap(true, Ordering::Relaxed) {
            self.order(Order::Status { json });
        }
    }

    /// Hands the list of rooms over, unless the one before still waits.
    pub(super) fn rooms(&self, list: RoomList) {
        if !self.shared.rooms_wait.swap(true, Ordering::Relaxed) {
            self.order(Order::Rooms { list });
        }
    }

    fn order(&self, order: Order) {
        if self.journal.as_ref().is_none_or(|journal| journal.send(order).is_err()) {
            self.shared.count_failure();
        }
    }

    pub(super) fn failures(&self) -> u64 {
        self.shared.failures()
    }

    #[cfg(test)]
    pub(super) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    /// Waits until everything is written. If every match was sealed, ends the journal of this run cleanly.
    pub(super) fn stop(mut self) {
        if self.join_sealer() {
            self.order(Order::EndRun);
        }
    }

    fn join_sealer(&mut self) -> bool {
        self.seals = None;
        self.seal_thread.take().is_some_and(|thread| thread.join().unwrap_or(false))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.join_sealer();
        self.journal = None;
        if self.journal_thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("the journal's thread has panicked");
        }
    }
}

/// Takes the data folder for this process. The system gives it back, however the process ends.
fn lock(folder: &Path) -> Result<File, RecordError> {
    let path = folder.join("lock");
    let file = File::options().create(true).write(true).truncate(false).open(&path);
    let file = file.map_err(RecordError::at(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RecordError::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(RecordError::Unusable { path, source }),
    }
}
