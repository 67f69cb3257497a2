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
use super::holds::{Hold, Holds};
use super::segments::{clean_end, header_bytes, path_of};
use super::status_file;
use super::writer::Shared;
use crate::Durability;
use crate::limits::HELD_BYTES_MAX;

/// A segment this large is followed by the next.
const SEGMENT_BYTES: u64 = 64 << 20;
/// How long a disk that does not take the beginning of a segment is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How often what need not be done at once is done: making durable, deleting segments.
const CHORES_EVERY: Duration = Duration::from_millis(500);
/// Orders taken together at most before what they wrote is made durable. A disk that takes seconds for that has some
/// hundred to make up for: taken a few at a time, they would become more and more.
const GROUP_MAX: usize = 4_096;

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
    /// Rooms with a match that ends here, and for how long what was told of it is kept.
    pub(super) holds: Vec<(u64, Hold)>,
    /// When they were handed over.
    pub(super) handed_at: Option<Instant>,
}

/// What the journal's thread is to do.
pub(super) enum Order {
    /// Append records.
    Batch(Batch),
    /// Replace the file of the names of closed rooms.
    Names { json: Vec<u8> },
    /// Make all durable.
    Sync,
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
    names: PathBuf,
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
    /// Marks of the open segment that are not durable: they change what is needed only once they are.
    coming: Vec<(u64, Mark)>,
    /// What is kept besides.
    holds: Holds,
    /// Bytes of segments that are kept for nothing else at most.
    held_bytes_max: u64,
    /// Some segment is perhaps not needed any more.
    reclaimable: bool,
    /// The last batch that came.
    newest: u64,
    /// When the batches were handed over that are not durable.
    handed_at: Vec<Instant>,
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
            names: folder.join(crate::closed::FILE),
            disk,
            durability,
            segment: None,
            next,
            retry_at: None,
            segments: BTreeMap::new(),
            needs: HashMap::new(),
            coming: Vec::new(),
            holds: Holds::default(),
            held_bytes_max: HELD_BYTES_MAX,
            reclaimable: false,
            newest: 0,
            handed_at: Vec::new(),
            shared,
        }
    }

    /// Takes over the segments of earlier runs, which these rooms need until they are told once more, and matches that
    /// are over until they are sealed.
    pub(super) fn inherit(
        &mut self,
        segments: BTreeMap<u64, u64>,
        rooms: impl Iterator<Item = u64>,
        hold: Hold,
    ) {
        if let Some(&first) = segments.keys().next() {
            self.holds.take(first, hold);
            self.held_bytes_max += segments.values().sum::<u64>();
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
                    let group = std::iter::once(order).chain(orders.try_iter().take(GROUP_MAX));
                    // However many want it, what was taken together is made durable once.
                    let mut is_urgent = false;
                    for order in group {
                        is_urgent |= matches!(order, Order::Sync);
                        self.carry_out(order);
                    }
                    if is_urgent {
                        self.sync();
                    }
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
            Order::Names { json } => {
                if let Err(error) = status_file::write(&self.names, &json) {
                    self.failed(&error);
                }
            }
            // At the end of its group.
            Order::Sync => {}
            Order::Settle(done) => {
                // Whoever waits for it does not wait for a disk to be left alone, too.
                self.retry_at = None;
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
        for (room, hold) in &batch.holds {
            // Where nothing is known of the room, it began in the open segment.
            let open = self.segment.as_ref().map_or(self.next.sequence, |segment| segment.sequence);
            self.holds.take(self.needs.get(room).copied().unwrap_or(open), hold.clone());
        }
        self.write(batch);
        // Not before: what is made durable on the way there is what came earlier.
        self.newest = batch.number;
        self.handed_at.extend(batch.handed_at.filter(|_| self.durability != Durability::Off));
    }

    fn write(&mut self, batch: &Batch) {
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
        if self.durability == Durability::Off {
            self.shared.note_taken();
        }
        self.coming.extend_from_slice(marks);
        self.reclaimable |= !marks.is_empty();
    }

    /// What the marks say holds once they are durable. Where they are lost no room needs less than before: what they
    /// say is told once more.
    fn settle_marks(&mut self, sequence: u64, is_durable: bool) {
        for (room, mark) in self.coming.drain(..) {
            match (mark, is_durable) {
                (Mark::Begins, true) => drop(self.needs.insert(room, sequence)),
                (Mark::Begins, false) => drop(self.needs.entry(room).or_insert(sequence)),
                (Mark::Ends, true) => drop(self.needs.remove(&room)),
                (Mark::Ends, false) => {}
            }
        }
    }

    /// Deletes the segments that no room needs, once those it needs instead are durable.
    pub(super) fn reclaim(&mut self) {
        let Some(current) = self.segment.as_ref().map(|segment| segment.sequence) else { return };
        self.reclaimable |= self.holds.forget();
        if !std::mem::take(&mut self.reclaimable) {
            return;
        }
        self.sync();
        if self.segment.is_none() {
            self.reclaimable = true;
            return;
        }
        let needed = self.needs.values().copied().min().unwrap_or(current).min(current);
        self.bound_held(needed);
        let floor = self.holds.floor().map_or(needed, |held| needed.min(held));
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

    /// Gives up the oldest holds as far as too much is kept for them before the first segment that a room needs.
    fn bound_held(&mut self, needed: u64) {
        while let Some(held) = self.holds.floor().filter(|held| *held < needed) {
            let bytes: u64 = self.segments.range(held..needed).map(|(_, bytes)| bytes).sum();
            if bytes <= self.held_bytes_max {
                return;
            }
            let given_up = self.holds.give_up_oldest();
            self.shared.count_given_up(given_up);
            error!(
                bytes,
                given_up, "the journal keeps too much for replays and results that the disk does not take"
            );
        }
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
        {
            let began = Instant::now();
            let (sequence, synced) = (segment.sequence, segment.file.sync());
            self.note_times(began);
            self.settle_marks(sequence, synced.is_ok());
            match synced {
                Ok(()) => self.shared.note_taken(),
                Err(error) => {
                    // After a failed fsync the pages may be gone; the segment is not to be trusted any further.
                    self.lost(&error);
                    self.give_up();
                }
            }
        }
        // Of what never came into a segment there is nothing to tell.
        self.handed_at.clear();
        self.shared.note_durable(newest);
    }

    /// Notes how long the disk took for what is durable now.
    fn note_times(&mut self, began: Instant) {
        let now = Instant::now();
        let mut times = self.shared.times();
        times.sync_us.record((now - began).as_micros() as u64);
        for handed_at in self.handed_at.drain(..) {
            times.durable_us.record((now - handed_at).as_micros() as u64);
        }
    }

    #[cfg(test)]
    pub(super) fn hold_at_most(&mut self, bytes: u64) {
        self.held_bytes_max = bytes;
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
