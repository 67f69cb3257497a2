//! `Writer`, the thread that writes the journal and seals replays.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use framekeep_journal::{MatchEnd, Record, ReplayBuilder, SegmentReader};
use tracing::{error, info};

use crate::limits::JOURNAL_BATCHES_MAX;

/// A data folder that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}; choose another data folder with --data", path.display())]
pub struct RecordError {
    /// Which folder or file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// What the writer is to do.
pub(super) enum Order {
    /// Begin the segment of this number.
    Open { sequence: u64 },
    /// Append a batch to the segment.
    Batch(Vec<u8>),
    /// Seal a match into a file.
    Seal { builder: Box<ReplayBuilder>, end: MatchEnd, path: PathBuf },
    /// Replace the status file.
    Status { json: String },
    /// Make all durable and stop.
    Stop,
}

/// The thread that writes the journal and seals replays, and the bounded channel to it.
pub(super) struct Writer {
    orders: SyncSender<Order>,
    failures: Arc<AtomicU64>,
    replays: PathBuf,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Makes the folders, forgets segments that are complete, and starts the thread. Gives the number of the next
    /// segment.
    pub(super) fn start(folder: &Path, sync_every: Option<Duration>) -> Result<(Self, u64), RecordError> {
        let (journal, replays) = (folder.join("journal"), folder.join("replays"));
        for path in [&journal, &replays] {
            fs::create_dir_all(path).map_err(|source| RecordError { path: path.clone(), source })?;
        }
        let sequence =
            next_sequence(&journal).map_err(|source| RecordError { path: journal.clone(), source })?;
        let (orders, inbox) = mpsc::sync_channel(JOURNAL_BATCHES_MAX);
        let failures = Arc::new(AtomicU64::new(0));
        let desk = Desk {
            journal,
            status: folder.join("status.json"),
            segment: None,
            dirty: false,
            failures: failures.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("framekeep-journal".to_owned())
            .spawn(move || desk.work(&inbox, sync_every))
            .map_err(|source| RecordError { path: folder.to_owned(), source })?;
        Ok((Self { orders, failures, replays, thread: Some(thread) }, sequence))
    }

    pub(super) fn replays(&self) -> &Path {
        &self.replays
    }

    pub(super) fn sink(&self) -> BatchSink {
        BatchSink { orders: self.orders.clone(), failures: self.failures.clone() }
    }

    /// Gives an order. One that finds the channel full is lost and counted: the game never waits for the disk.
    pub(super) fn order(&self, order: Order) {
        if self.orders.try_send(order).is_err() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Has everything made durable and waits for it.
    pub(super) fn stop(&mut self) {
        // At the end waiting is right: nothing is stepped any more.
        let _ = self.orders.send(Order::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A sink of batches: each write is handed to the writer as it is.
pub(super) struct BatchSink {
    orders: SyncSender<Order>,
    failures: Arc<AtomicU64>,
}

impl Write for BatchSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.orders.try_send(Order::Batch(bytes.to_vec())) {
            Ok(()) => Ok(bytes.len()),
            Err(TrySendError::Full(_)) => {
                // The disk is too slow: the batch is lost, the game goes on.
                self.failures.fetch_add(1, Ordering::Relaxed);
                Ok(bytes.len())
            }
            Err(TrySendError::Disconnected(_)) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn next_sequence(journal: &Path) -> io::Result<u64> {
    let mut next = 0;
    for entry in fs::read_dir(journal)? {
        let path = entry?.path();
        let Some(sequence) = sequence_of(&path) else { continue };
        next = next.max(sequence + 1);
        if ends_cleanly(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(next)
}

fn sequence_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_suffix(".fkj")?.parse().ok()
}

/// Whether a segment's last record says that the node stopped in order; then all its matches are sealed.
fn ends_cleanly(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let Ok(mut reader) = SegmentReader::open(io::BufReader::new(file)) else { return false };
    let mut clean = false;
    while let Ok(Some(entry)) = reader.next_entry() {
        clean = matches!(entry.record, Record::CleanShutdown);
    }
    clean
}

/// What the thread holds.
struct Desk {
    journal: PathBuf,
    status: PathBuf,
    segment: Option<File>,
    dirty: bool,
    failures: Arc<AtomicU64>,
}

impl Desk {
    fn work(mut self, inbox: &Receiver<Order>, sync_every: Option<Duration>) {
        let every = sync_every.unwrap_or(Duration::from_secs(3_600));
        let mut sync_at = Instant::now() + every;
        loop {
            match inbox.recv_timeout(sync_at.saturating_duration_since(Instant::now())) {
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(order) => self.carry_out(order),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if Instant::now() >= sync_at {
                sync_at = Instant::now() + every;
                self.sync(sync_every.is_some());
            }
        }
        self.sync(true);
    }

    fn carry_out(&mut self, order: Order) {
        let result = match order {
            Order::Open { sequence } => self.open(sequence),
            Order::Batch(bytes) => self.append(&bytes),
            Order::Seal { builder, end, path } => seal(*builder, end, &path),
            Order::Status { json } => replace(&self.status, json.as_bytes()),
            Order::Stop => Ok(()),
        };
        if let Err(error) = result {
            self.failures.fetch_add(1, Ordering::Relaxed);
            error!(%error, folder = %self.journal.display(), "the data folder cannot be written");
        }
    }

    fn open(&mut self, sequence: u64) -> io::Result<()> {
        self.sync(true);
        let path = self.journal.join(format!("{sequence:012}.fkj"));
        self.segment = Some(OpenOptions::new().create_new(true).append(true).open(path)?);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(segment) = &mut self.segment else { return Ok(()) };
        if let Err(error) = segment.write_all(bytes) {
            // How much arrived is unknown: nothing may follow it.
            self.segment = None;
            return Err(error);
        }
        self.dirty = true;
        Ok(())
    }

    fn sync(&mut self, durable: bool) {
        if !std::mem::take(&mut self.dirty) || !durable {
            return;
        }
        if let Some(segment) = &self.segment
            && let Err(error) = segment.sync_data()
        {
            // After a failed fsync the pages may be gone; the segment is not to be trusted any further.
            self.failures.fetch_add(1, Ordering::Relaxed);
            error!(%error, "the journal could not be made durable; its segment is given up");
            self.segment = None;
        }
    }
}

fn seal(builder: ReplayBuilder, end: MatchEnd, path: &Path) -> io::Result<()> {
    let ticks = builder.next();
    let mut bytes = Vec::new();
    let sealed = builder.seal(end, &mut bytes)?;
    replace(path, &bytes)?;
    info!(file = %path.display(), ticks = ticks.0, bytes = sealed.bytes, "a match is sealed");
    Ok(())
}

/// Writes a file as a whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    fs::write(&temporary, bytes)?;
    fs::rename(&temporary, path)
}
