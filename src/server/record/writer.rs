//! `Writer`, the way to the threads that write the data folder.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use framekeep_journal::Lives;
use tracing::error;

use super::clerk::{Clerk, Notice};
use super::desk::{Batch, Desk, Mark, Order};
use super::disk::Disk;
use super::holds::Hold;
use super::sealer::{Sealer, Sealing};
use super::segments::{self, LeftMatch, Survey};
use crate::limits::{JOURNAL_PENDING_BYTES_MAX, SEALS_WAITING_BYTES_MAX};
use crate::{Durability, Histogram, RoomList};

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
    /// Matches that ended: of some there is perhaps no replay, or no result.
    pub(crate) ended: Vec<LeftMatch>,
    /// Keeps the segments they are made from.
    pub(crate) hold: Hold,
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
    /// Records were lost, and nothing has become durable since.
    refuses: AtomicBool,
    /// Bytes of the segments on disk.
    pub(super) journal_bytes: AtomicU64,
    /// Bytes of batches that wait.
    pub(super) pending_bytes: AtomicUsize,
    /// Memory of matches that wait to be sealed.
    unsealed_bytes: AtomicUsize,
    /// Matches that were given up because too many waited.
    seals_lost: AtomicU64,
    /// Matches whose journal was given up before their replay and result were on the disk, counted for each of the two.
    given_up: AtomicU64,
    /// The last one was.
    seals_full: AtomicBool,
    /// A status waits; a second one would be of no use.
    pub(super) status_waits: AtomicBool,
    /// A list of rooms waits; the same.
    pub(super) rooms_wait: AtomicBool,
    /// How long the disk takes.
    times: Mutex<DiskTimes>,
}

/// How long the disk takes, in microseconds.
#[derive(Default)]
pub(crate) struct DiskTimes {
    /// One `fsync` of the journal.
    pub(crate) sync_us: Histogram,
    /// From the moment a batch of records is handed over to the moment it is durable.
    pub(crate) durable_us: Histogram,
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
        self.refuses.store(true, Ordering::Relaxed);
        self.holes.fetch_add(1, Ordering::Release);
    }

    /// The disk has made something durable.
    pub(super) fn note_taken(&self) {
        self.refuses.store(false, Ordering::Relaxed);
    }

    /// Whether records were lost and nothing has become durable since.
    pub(super) fn refuses(&self) -> bool {
        self.refuses.load(Ordering::Relaxed)
    }

    /// Whether a match of that size may wait to be sealed; if not, it is lost and counted.
    pub(super) fn admit_seal(&self, bytes: usize) -> bool {
        let waiting = self.unsealed_bytes.fetch_add(bytes, Ordering::Relaxed);
        if waiting == 0 || waiting + bytes <= SEALS_WAITING_BYTES_MAX {
            self.seals_full.store(false, Ordering::Relaxed);
            return true;
        }
        self.sealed(bytes);
        self.count_failure();
        self.seals_lost.fetch_add(1, Ordering::Relaxed);
        if !self.seals_full.swap(true, Ordering::Relaxed) {
            error!(waiting, "the disk takes no replays and too many wait: matches that end are lost");
        }
        false
    }

    /// A match that waited does so no longer.
    pub(super) fn sealed(&self, bytes: usize) {
        self.unsealed_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// How long the disk takes. Held for a moment only, by either side.
    pub(super) fn times(&self) -> MutexGuard<'_, DiskTimes> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Memory of matches that wait to be sealed, in bytes.
    pub(super) fn unsealed_bytes(&self) -> usize {
        self.unsealed_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn seals_lost(&self) -> u64 {
        self.seals_lost.load(Ordering::Relaxed)
    }

    /// The journal of matches is given up whose replay or result is not on the disk.
    pub(super) fn count_given_up(&self, count: u64) {
        self.failures.fetch_add(count, Ordering::Relaxed);
        self.given_up.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn given_up(&self) -> u64 {
        self.given_up.load(Ordering::Relaxed)
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

/// The threads that write the data folder, for the journal, for replays and for the status, and the ways to them.
///
/// Giving an order never waits. Batches and seals are bounded by their bytes; the rest is one of
/// each. Dropping the writer writes what was handed over and leaves the run without its clean end, as a kill would.
pub(super) struct Writer {
    journal: Option<Sender<Order>>,
    seals: Option<Sender<Sealing>>,
    notices: Option<Sender<Notice>>,
    notice_thread: Option<JoinHandle<()>>,
    journal_thread: Option<JoinHandle<()>>,
    /// Gives how many matches were not sealed.
    seal_thread: Option<JoinHandle<u64>>,
    shared: Arc<Shared>,
    replays: PathBuf,
    /// A batch was lost: the next one must not follow in the same segment.
    hole: bool,
    /// Holds of batches that were lost: they go with the next one.
    holds: Vec<(u64, Hold)>,
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
        let Survey { next, segments, lives, ended } =
            segments::survey(&journal, &replays, node).map_err(RecordError::at(&journal))?;
        super::sealer::forget_unfinished(&replays).map_err(RecordError::at(&replays))?;
        let shared = Arc::new(Shared::default());
        let mut desk = Desk::new(folder, next, durability, disk, shared.clone());
        let hold = Hold::default();
        desk.inherit(segments, lives.rooms(), hold.clone());
        let writer = Self::start_threads(folder, desk, shared, lock).map_err(RecordError::at(folder))?;
        Ok((writer, Left { lives, ended, hold }))
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
        let (notices, told) = mpsc::channel();
        let clerk = Clerk::new(folder, shared.clone());
        let notice_thread = std::thread::Builder::new()
            .name("framekeep-status".to_owned())
            .spawn(move || clerk.work(&told))?;
        Ok(Self {
            journal: Some(journal),
            seals: Some(seals),
            notices: Some(notices),
            notice_thread: Some(notice_thread),
            journal_thread: Some(journal_thread),
            seal_thread: Some(seal_thread),
            shared,
            replays: folder.join("replays"),
            hole: false,
            holds: Vec::new(),
            batches: 0,
            _lock: lock,
        })
    }

    pub(super) fn replays(&self) -> &Path {
        &self.replays
    }

    /// Hands whole records over; gives the number of their batch. If too much waits for the disk they are lost and
    /// counted: the game never waits.
    pub(super) fn append(
        &mut self,
        records: Vec<u8>,
        marks: Vec<(u64, Mark)>,
        holds: Vec<(u64, Hold)>,
    ) -> u64 {
        self.holds.extend(holds);
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
        let (handed_at, holds) = (Some(Instant::now()), std::mem::take(&mut self.holds));
        self.order(Order::Batch(Batch { records, number, after_hole, marks, holds, handed_at }));
        number
    }

    /// The number of the next batch.
    pub(super) fn next_batch(&self) -> u64 {
        self.batches + 1
    }

    /// Hands a finished match over to be sealed, unless too many wait that the disk does not take.
    pub(super) fn seal(&self, sealing: Sealing) {
        if !self.shared.admit_seal(sealing.bytes()) {
            return;
        }
        if self.seals.as_ref().is_none_or(|seals| seals.send(sealing).is_err()) {
            self.shared.count_failure();
        }
    }

    /// Hands the status over, unless the one before still waits.
    pub(super) fn status(&self, json: String) {
        if !self.shared.status_waits.swap(true, Ordering::Relaxed) {
            self.notify(Notice::Status { json });
        }
    }

    /// Hands the list of rooms over, unless the one before still waits.
    pub(super) fn rooms(&self, list: RoomList) {
        if !self.shared.rooms_wait.swap(true, Ordering::Relaxed) {
            self.notify(Notice::Rooms { list });
        }
    }

    /// Makes what was handed over durable at once, whatever is configured.
    pub(super) fn hurry(&self) {
        self.order(Order::Sync);
    }

    /// Hands the names of closed rooms over.
    pub(super) fn names(&self, json: Vec<u8>) {
        self.order(Order::Names { json });
    }

    pub(super) fn notify(&self, notice: Notice) {
        if self.notices.as_ref().is_none_or(|notices| notices.send(notice).is_err()) {
            self.shared.count_failure();
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
        self.order(Order::Settle(done.clone()));
        self.notify(Notice::Settle(done));
        if (0..2).any(|_| wait.recv_timeout(SETTLE_MAX).is_err()) {
            error!(waited = ?SETTLE_MAX, "the disk does not take the journal; the server starts all the same");
        }
    }

    pub(super) fn journal_bytes(&self) -> u64 {
        self.shared.journal_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Waits until everything is written; gives how many matches were not sealed. If every one was, and results are
    /// kept too, ends the journal of this run cleanly.
    pub(super) fn stop(mut self, results_are_kept: bool) -> u64 {
        let unsealed = self.join_sealer();
        if unsealed == 0 && results_are_kept {
            self.order(Order::EndRun);
        }
        unsealed
    }

    fn join_sealer(&mut self) -> u64 {
        self.seals = None;
        // Of a thread that has panicked nobody knows.
        self.seal_thread.take().map_or(0, |thread| thread.join().unwrap_or(1))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.join_sealer();
        (self.journal, self.notices) = (None, None);
        if self.notice_thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("the thread of the status has panicked");
        }
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
