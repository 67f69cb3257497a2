//! `Writer`, the way to the threads that write the data folder.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use framekeep_journal::{EndedMatch, Lives};
use tracing::error;

use super::desk::{Batch, Desk, Mark, Order};
use super::disk::Disk;
use super::sealer::{Sealer, Sealing};
use super::segments::{self, Survey};
use crate::limits::JOURNAL_PENDING_BYTES_MAX;
use crate::{Durability, RoomList};

/// How long the start of a server waits for its disk at most.
const SETTLE_MAX: Duration = Duration::from_secs(10);

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

/// What earlier runs have left.
pub(crate) struct Left {
    /// The rooms that were not closed.
    pub(crate) lives: Lives,
    /// Matches that ended and of which no replay is there.
    pub(crate) unsealed: Vec<EndedMatch>,
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
    /// How often records were lost: what is told of a room before the last time is not whole.
    holes: AtomicU64,
    /// The last batch that is durable, or lost.
    durable: AtomicU64,
    /// Bytes of the segments on disk.
    pub(super) journal_bytes: AtomicU64,
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

    /// Records are lost; to be called before their batch is said to be done with.
    pub(super) fn count_loss(&self) {
        self.count_failure();
        self.holes.fetch_add(1, Ordering::Release);
    }

    pub(super) fn holes(&self) -> u64 {
        self.holes.load(Ordering::Acquire)
    }

    pub(super) fn note_durable(&self, batch: u64) {
        self.durable.store(batch, Ordering::Release);
    }

    /// To be read before [`Shared::holes`].
    pub(super) fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
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
    /// The number of the last batch.
    batches: u64,
    /// Held as long as the folder is in use.
    _lock: File,
}

impl Writer {
    /// Takes the folder, reads what earlier runs have left in it, and starts the threads. `node` stands for this run
    /// in its segments' headers; if an earlier run has it, the next free one is taken.
    pub(super) fn start(
        folder: &Path,
        node: u64,
        durability: Durability,
        disk: Box<dyn Disk>,
    ) -> Result<(Self, Left), RecordError> {
        let (journal, replays) = (folder.join("journal"), folder.join("replays"));
        for path in [&journal, &replays] {
            fs::create_dir_all(path).map_err(RecordError::at(path))?;
        }
        let lock = lock(folder)?;
        let Survey { next, segments, lives, unsealed } =
            segments::survey(&journal, &replays, node).map_err(RecordError::at(&journal))?;
        super::sealer::forget_unfinished(&replays).map_err(RecordError::at(&replays))?;
        let shared = Arc::new(Shared::default());
        let mut desk = Desk::new(folder, next, durability, disk, shared.clone());
        desk.inherit(segments, lives.rooms());
        let writer = Self::start_threads(folder, desk, shared, lock).map_err(RecordError::at(folder))?;
        Ok((writer, Left { lives, unsealed }))
    }

    fn start_threads(folder: &Path, desk: Desk, shared: Arc<Shared>, lock: File) -> io::Result<Self> {
        let (journal, orders) = mpsc::channel();
        let journal_thread = std::thread::Builder::new()
            .name("framekeep-journal".to_owned())
            .spawn(move || desk.work(&orders))?;
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
            batches: 0,
            _lock: lock,
        })
    }

    pub(super) fn replays(&self) -> &Path {
        &self.replays
    }

    /// Hands whole records over; gives the number of their batch. If too much waits for the disk they are lost and
    /// counted: the game never waits.
    pub(super) fn append(&mut self, records: Vec<u8>, marks: Vec<(u64, Mark)>) -> u64 {
        let bytes = records.len();
        self.batches += 1;
        let number = self.batches;
        let waiting = self.shared.pending_bytes.load(Ordering::Relaxed);
        if waiting > 0 && waiting + bytes > JOURNAL_PENDING_BYTES_MAX {
            self.shared.count_loss();
            if !std::mem::replace(&mut self.hole, true) {
                error!(waiting, "the disk is too slow: the journal loses records");
            }
            return number;
        }
        self.shared.pending_bytes.fetch_add(bytes, Ordering::Relaxed);
        let after_hole = std::mem::take(&mut self.hole);
        self.order(Order::Batch(Batch { records, number, after_hole, marks }));
        number
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

    /// Waits until what was handed over is durable and older segments are deleted, but not for ever.
    pub(super) fn settle(&self) {
        let (done, wait) = mpsc::channel();
        self.order(Order::Settle(done));
        if wait.recv_timeout(SETTLE_MAX).is_err() {
            error!(waited = ?SETTLE_MAX, "the disk does not take the journal; the server starts all the same");
        }
    }

    pub(super) fn journal_bytes(&self) -> u64 {
        self.shared.journal_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
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
