//! `Desk`, the thread that writes the journal.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use framekeep_journal::SegmentHeader;
use tracing::error;

use super::sealer::{replace, sync_folder};
use super::segments::{clean_end, header_bytes, path_of};
use super::writer::Shared;
use crate::RoomList;

/// A segment this large is followed by the next.
const SEGMENT_BYTES: u64 = 64 << 20;
/// How long a disk that does not take the beginning of a segment is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How often a journal that need not be durable is looked after.
const LAZY_SYNC_EVERY: Duration = Duration::from_secs(3_600);

/// What the journal's thread is to do.
pub(super) enum Order {
    /// Append whole records.
    Batch {
        /// The records.
        records: Vec<u8>,
        /// Records before them were lost: they begin a segment.
        after_hole: bool,
    },
    /// Replace the status file.
    Status { json: String },
    /// Replace the file of rooms.
    Rooms { list: RoomList },
    /// Write that this run ended in order.
    EndRun,
}

/// The thread that writes the journal.
///
/// Within a segment records follow each other without a hole: where some are lost, by a failed write or before they
/// came here, the segment is given up, a number is skipped, and the next batch begins the next segment.
pub(super) struct Desk {
    journal: PathBuf,
    status: PathBuf,
    rooms: PathBuf,
    segment: Option<Segment>,
    /// The header of the next segment.
    next: SegmentHeader,
    /// Before this no new segment is begun.
    retry_at: Option<Instant>,
    shared: Arc<Shared>,
}

/// The open segment.
struct Segment {
    file: File,
    bytes: u64,
    dirty: bool,
}

impl Desk {
    pub(super) fn new(folder: &Path, next: SegmentHeader, shared: Arc<Shared>) -> Self {
        let (journal, status) = (folder.join("journal"), folder.join("status.json"));
        Self {
            journal,
            status,
            rooms: folder.join("rooms.json"),
            segment: None,
            next,
            retry_at: None,
            shared,
        }
    }

    /// Works until nothing more can come, and makes all durable then.
    pub(super) fn work(mut self, orders: &Receiver<Order>, sync_every: Option<Duration>) {
        let every = sync_every.unwrap_or(LAZY_SYNC_EVERY);
        let mut sync_at = Instant::now() + every;
        loop {
            match orders.recv_timeout(sync_at.saturating_duration_since(Instant::now())) {
                Ok(order) => self.carry_out(order),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if Instant::now() >= sync_at {
                sync_at = Instant::now() + every;
                if sync_every.is_some() {
                    self.sync();
                }
            }
        }
        self.sync();
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Batch { records, after_hole } => {
                if after_hole {
                    self.give_up();
                }
                self.append(&records);
                self.shared.pending_bytes.fetch_sub(records.len(), Ordering::Relaxed);
            }
            Order::Status { json } => {
                self.shared.status_waits.store(false, Ordering::Relaxed);
                if let Err(error) = replace(&self.status, json.as_bytes()) {
                    self.failed(&error);
                }
            }
            Order::Rooms { list } => {
                self.shared.rooms_wait.store(false, Ordering::Relaxed);
                let text = serde_json::to_vec(&list).map_err(io::Error::other);
                if let Err(error) = text.and_then(|text| replace(&self.rooms, &text)) {
                    self.failed(&error);
                }
            }
            Order::EndRun => {
                self.retry_at = None;
                self.append(&clean_end());
            }
        }
    }

    /// Appends to the segment, or begins the next one with these records.
    pub(super) fn append(&mut self, records: &[u8]) {
        if self.segment.as_ref().is_some_and(|segment| segment.bytes >= SEGMENT_BYTES) {
            self.sync();
            self.segment = None;
        }
        let Some(segment) = &mut self.segment else { return self.begin(records) };
        if let Err(error) = segment.file.write_all(records) {
            // How much arrived is unknown: nothing may follow it.
            self.give_up();
            return self.failed(&error);
        }
        segment.bytes += records.len() as u64;
        segment.dirty = true;
    }

    fn begin(&mut self, records: &[u8]) {
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            return self.shared.count_failure();
        }
        let path = path_of(&self.journal, self.next.sequence);
        let mut bytes = header_bytes(self.next);
        bytes.extend_from_slice(records);
        self.next.sequence = self.next.sequence.saturating_add(1);
        match create(&path, &bytes) {
            Ok(file) => {
                self.retry_at = None;
                self.segment = Some(Segment { file, bytes: bytes.len() as u64, dirty: true });
            }
            Err(error) => {
                // Records are missing here, whether or not something of the file is left.
                self.next.sequence = self.next.sequence.saturating_add(1);
                self.retry_at = Some(Instant::now() + RETRY_AFTER);
                self.failed(&error);
            }
        }
    }

    /// Ends the segment where records are missing.
    fn give_up(&mut self) {
        self.sync();
        if self.segment.take().is_some() {
            self.next.sequence = self.next.sequence.saturating_add(1);
        }
    }

    fn sync(&mut self) {
        let Some(segment) = &mut self.segment else { return };
        if !std::mem::take(&mut segment.dirty) {
            return;
        }
        if let Err(error) = segment.file.sync_data() {
            // After a failed fsync the pages may be gone; the segment is not to be trusted any further.
            self.give_up();
            self.failed(&error);
        }
    }

    #[cfg(test)]
    pub(super) fn break_file(&mut self, file: File) {
        if let Some(segment) = &mut self.segment {
            segment.file = file;
        }
    }

    #[cfg(test)]
    pub(super) fn retry_now(&mut self) {
        self.retry_at = None;
    }

    fn failed(&self, error: &io::Error) {
        self.shared.count_failure();
        error!(%error, folder = %self.journal.display(), "the data folder cannot be written");
    }
}

/// Creates a segment with its first bytes, or leaves nothing.
fn create(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new().create_new(true).append(true).open(path)?;
    let written = file.write_all(bytes).and_then(|()| path.parent().map_or(Ok(()), sync_folder));
    if let Err(error) = written {
        let _ = fs::remove_file(path);
        return Err(error);
    }
    Ok(file)
}
