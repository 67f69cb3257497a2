//! `Desk`, the thread that writes the journal.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use framekeep_journal::SegmentHeader;
use tracing::{debug, error};

use super::disk::{Disk, DiskFile};
use super::sealer::replace;
use super::segments::{clean_end, header_bytes, path_of};
use super::writer::Shared;
use crate::{Durability, RoomList};

/// A segment this large is followed by the next.
const SEGMENT_BYTES: u64 = 64 << 20;
/// How long a disk that does not take the beginning of a segment is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How often what need not be done at once is done: making durable, deleting segments.
const CHORES_EVERY: Duration = Duration::from_secs(1);
/// Orders taken together at most before what they wrote is made durable.
const GROUP_MAX: usize = 64;

/// What records say of where a room's journal begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// All that is needed of the room is in this batch or after it.
    Begins,
    /// Nothing is needed of the room.
    Ends,
}

/// Records that are written together.
#[derive(Default)]
pub(super) struct Batch {
    /// The records, whole.
    pub(super) records: Vec<u8>,
    /// Counts up.
    pub(super) number: u64,
    /// Records before them were lost: they begin a segment.
    pub(super) after_hole: bool,
    /// Rooms whose journal begins or ends here.
    pub(super) marks: Vec<(u64, Mark)>,
}

/// What the journal's thread is to do.
pub(super) enum Order {
    /// Append records.
    Batch(Batch),
    /// Replace the status file.
    Status { json: String },
    /// Replace the file of rooms.
    Rooms { list: RoomList },
    /// Make all durable and delete what is not needed; then tell.
    Settle(Sender<()>),
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
    disk: Box<dyn Disk>,
    durability: Durability,
    segment: Option<Segment>,
    /// The header of the next segment.
    next: SegmentHeader,
    /// Before this no new segment is begun.
    retry_at: Option<Instant>,
    /// The segments on disk by number, with their bytes.
    segments: BTreeMap<u64, u64>,
    /// The first segment that each room needs.
    needs: HashMap<u64, u64>,
    /// Some segment is perhaps not needed any more.
    reclaimable: bool,
    /// The last batch that came.
    newest: u64,
    shared: Arc<Shared>,
}

/// The open segment.
struct Segment {
    file: Box<dyn DiskFile>,
    sequence: u64,
    bytes: u64,
    dirty: bool,
}

impl Desk {
    pub(super) fn new(
        folder: &Path,
        next: SegmentHeader,
        durability: Durability,
        disk: Box<dyn Disk>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            journal: folder.join("journal"),
            status: folder.join("status.json"),
            rooms: folder.join("rooms.json"),
            disk,
            durability,
            segment: None,
            next,
            retry_at: None,
            segments: BTreeMap::new(),
            needs: HashMap::new(),
            reclaimable: false,
            newest: 0,
            shared,
        }
    }

    /// Takes over the segments of earlier runs, which these rooms need until they are told once more.
    pub(super) fn inherit(&mut self, segments: BTreeMap<u64, u64>, rooms: impl Iterator<Item = u64>) {
        if let Some(&first) = segments.keys().next() {
            self.needs = rooms.map(|room| (room, first)).collect();
            self.segments = segments;
            self.reclaimable = true;
        }
    }

    /// Works until nothing more can come, and makes all durable then.
    pub(super) fn work(mut self, orders: &Receiver<Order>) {
        let mut chores_at = Instant::now() + CHORES_EVERY;
        loop {
            match orders.recv_timeout(chores_at.saturating_duration_since(Instant::now())) {
                Ok(order) => {
                    self.carry_out(order);
                    orders.try_iter().take(GROUP_MAX).for_each(|order| self.carry_out(order));
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.durability == Durability::Tick {
                self.sync();
            }
            if Instant::now() >= chores_at {
                chores_at = Instant::now() + CHORES_EVERY;
                self.do_chores();
            }
        }
        self.sync();
        self.reclaim();
    }

    fn do_chores(&mut self) {
        if self.durability != Durability::Off {
            self.sync();
        }
        self.reclaim();
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Batch(batch) => {
                if batch.after_hole {
                    self.give_up();
                }
                self.append(&batch);
                self.shared.pending_bytes.fetch_sub(batch.records.len(), Ordering::Relaxed);
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
            Order::Settle(done) => {
                self.sync();
                self.reclaim();
                // Whoever asked may have given up waiting.
                let _ = done.send(());
            }
            Order::EndRun => {
                self.retry_at = None;
                self.append(&Batch { records: clean_end(), number: self.newest, ..Batch::default() });
            }
        }
    }

    /// Appends to the segment, or begins the next one with these records.
    pub(super) fn append(&mut self, batch: &Batch) {
        self.newest = batch.number;
        if self.segment.as_ref().is_some_and(|segment| segment.bytes >= SEGMENT_BYTES) {
            self.sync();
            self.segment = None;
        }
        if let Some(segment) = &mut self.segment {
            if let Err(error) = segment.file.append(&batch.records) {
                // How much arrived is unknown: nothing may follow it.
                self.lost(&error);
                return self.give_up();
            }
            segment.bytes += batch.records.len() as u64;
            segment.dirty = true;
        } else {
            self.begin(&batch.records);
        }
        self.note_marks(&batch.marks);
    }

    fn begin(&mut self, records: &[u8]) {
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            return self.shared.count_loss();
        }
        let sequence = self.next.sequence;
        let path = path_of(&self.journal, sequence);
        let mut bytes = header_bytes(self.next);
        bytes.extend_from_slice(records);
        self.next.sequence = sequence.saturating_add(1);
        let created = self.disk.create(&path).and_then(|mut file| {
            file.append(&bytes).inspect_err(|_| drop(self.disk.remove(&path)))?;
            Ok(file)
        });
        match created {
            Ok(file) => {
                self.retry_at = None;
                self.segment = Some(Segment { file, sequence, bytes: bytes.len() as u64, dirty: true });
            }
            Err(error) => {
                // Records are missing here, whether or not something of the file is left.
                self.next.sequence = self.next.sequence.saturating_add(1);
                self.retry_at = Some(Instant::now() + RETRY_AFTER);
                self.lost(&error);
            }
        }
    }

    fn note_marks(&mut self, marks: &[(u64, Mark)]) {
        let Some(segment) = &self.segment else { return };
        self.segments.insert(segment.sequence, segment.bytes);
        for &(room, mark) in marks {
            match mark {
                Mark::Begins => drop(self.needs.insert(room, segment.sequence)),
                Mark::Ends => drop(self.needs.remove(&room)),
            }
            self.reclaimable = true;
        }
    }

    /// Deletes the segments that no room needs, once those it needs instead are durable.
    pub(super) fn reclaim(&mut self) {
        let Some(current) = self.segment.as_ref().map(|segment| segment.sequence) else { return };
        if !std::mem::take(&mut self.reclaimable) {
            return;
        }
        self.sync();
        if self.segment.is_none() {
            self.reclaimable = true;
            return;
        }
        let floor = self.needs.values().copied().min().unwrap_or(current).min(current);
        while let Some((&sequence, _)) = self.segments.first_key_value().filter(|(first, _)| **first < floor)
        {
            if let Err(error) = self.disk.remove(&path_of(&self.journal, sequence)) {
                self.reclaimable = true;
                return self.failed(&error);
            }
            debug!(sequence, "a segment is not needed any more");
            self.segments.remove(&sequence);
        }
        self.shared.journal_bytes.store(self.segments.values().sum(), Ordering::Relaxed);
    }

    /// Ends the segment where records are missing.
    fn give_up(&mut self) {
        self.sync();
        if self.segment.take().is_some() {
            self.next.sequence = self.next.sequence.saturating_add(1);
        }
    }

    pub(super) fn sync(&mut self) {
        let newest = self.newest;
        if let Some(segment) = &mut self.segment
            && std::mem::take(&mut segment.dirty)
            && let Err(error) = segment.file.sync()
        {
            // After a failed fsync the pages may be gone; the segment is not to be trusted any further.
            self.lost(&error);
            self.give_up();
        }
        self.shared.note_durable(newest);
    }

    #[cfg(test)]
    pub(super) fn retry_now(&mut self) {
        self.retry_at = None;
    }

    /// Records are lost.
    fn lost(&self, error: &io::Error) {
        self.shared.count_loss();
        self.tell(error);
    }

    fn failed(&self, error: &io::Error) {
        self.shared.count_failure();
        self.tell(error);
    }

    fn tell(&self, error: &io::Error) {
        error!(%error, folder = %self.journal.display(), "the data folder cannot be written");
    }
}
