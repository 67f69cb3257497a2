//! `survey`, what earlier runs have left in the journal: the rooms that were not closed.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use framekeep_journal::{
    EndedMatch, Lives, Record, SegmentEnd, SegmentFault, SegmentHeader, SegmentReader, SegmentWriter,
};
use tracing::{error, info, warn};

use crate::limits::DAMAGED_BYTES_MAX;

/// Matches that ended shortly before a kill, at most.
const UNSEALED_MAX: usize = 256;
/// What the name of a damaged segment that is kept ends in.
const DAMAGED: &str = "damaged";

/// What earlier runs have left.
pub(super) struct Survey {
    /// The header of the first segment of the run that begins: no earlier run has its node.
    pub(super) next: SegmentHeader,
    /// The segments that are left, by number, with their bytes.
    pub(super) segments: BTreeMap<u64, u64>,
    /// The rooms that were not closed.
    pub(super) lives: Lives,
    /// Matches that ended and of which no replay is there: the server was killed before it was written.
    pub(super) unsealed: Vec<EndedMatch>,
}

/// The file of a segment.
pub(super) fn path_of(journal: &Path, sequence: u64) -> PathBuf {
    journal.join(format!("{sequence:012}.fkj"))
}

fn sequence_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_suffix(".fkj")?.parse().ok()
}

/// Reads what earlier runs have left. Segments of a run that ended in order are deleted, and all before them: whatever
/// they held was taken over by that run. Damaged segments are kept beside the journal, up to a limit.
pub(super) fn survey(journal: &Path, replays: &Path, mut node: u64) -> io::Result<Survey> {
    let (mut segments, sequence) = segments_in(journal)?;
    while segments.values().any(|segment| segment.node == node) {
        node = node.wrapping_add(1);
    }
    let ended = last_clean_end(&segments)?;
    while let Some(first) =
        segments.first_entry().filter(|first| ended.is_some_and(|end| *first.key() <= end))
    {
        // From the first on: what would be left is a run that looks ended.
        fs::remove_file(&first.get().path)?;
        first.remove();
    }
    let (mut lives, mut unsealed) = (Lives::default(), VecDeque::new());
    for segment in segments.values() {
        read(&segment.path, &mut lives, |ended| {
            if !replays.join(replay_of(&ended)).exists() {
                unsealed.push_back(ended);
            }
            // Of those that ended long ago the file was there, and is not wanted any more.
            if unsealed.len() > UNSEALED_MAX {
                unsealed.pop_front();
            }
        })?;
    }
    bound_damaged(journal)?;
    let segments = segments.into_iter().map(|(sequence, segment)| (sequence, segment.bytes)).collect();
    Ok(Survey { next: SegmentHeader { node, sequence }, segments, lives, unsealed: unsealed.into() })
}

/// A segment on disk.
struct Segment {
    path: PathBuf,
    bytes: u64,
    node: u64,
}

/// All segments that can be read, and the number after the last.
fn segments_in(journal: &Path) -> io::Result<(BTreeMap<u64, Segment>, u64)> {
    let (mut segments, mut next) = (BTreeMap::new(), 0);
    for entry in fs::read_dir(journal)? {
        let entry = entry?;
        let path = entry.path();
        let Some(sequence) = sequence_of(&path) else { continue };
        next = next.max(sequence.saturating_add(1));
        let bytes = entry.metadata()?.len();
        match SegmentReader::open(BufReader::new(File::open(&path)?)) {
            Ok(reader) => {
                let node = reader.header().node;
                segments.insert(sequence, Segment { path, bytes, node });
            }
            // A kill within the header: it holds nothing.
            Err(SegmentFault::Short(_)) => fs::remove_file(&path)?,
            Err(fault) => {
                let file = path.display();
                error!(%file, offset = 0, %fault, "a segment of the journal cannot be read and is left out");
                fs::rename(&path, path.with_extension(DAMAGED))?;
            }
        }
    }
    Ok((segments, next))
}

/// The name of a match's replay.
fn replay_of(ended: &EndedMatch) -> String {
    let started = ended.play.started();
    super::file_name(ended.room, started.header.started_unix_s, started.epoch)
}

/// Takes every record of a segment up to the last whole one.
fn read(path: &Path, lives: &mut Lives, mut ended: impl FnMut(EndedMatch)) -> io::Result<()> {
    let mut reader = match SegmentReader::open(BufReader::with_capacity(1 << 18, File::open(path)?)) {
        Ok(reader) => reader,
        Err(SegmentFault::Io(error)) => return Err(error),
        Err(_) => return Ok(()),
    };
    while let Some(entry) = reader.next_entry()? {
        if let Err(fault) = lives.take(&entry) {
            let (offset, room, tick) = (fault.offset, fault.room, fault.tick.0);
            error!(file = %path.display(), offset, room, tick, what = fault.what, "the journal of a room ends here");
        }
        lives.take_ended().into_iter().for_each(&mut ended);
    }
    lives.take_ended().into_iter().for_each(&mut ended);
    let (room, tick) = lives.newest().map_or((0, 0), |(room, tick)| (room, tick.0));
    match reader.end() {
        Some(SegmentEnd::Torn { offset, what }) => {
            let file = path.display();
            info!(%file, offset, room, tick, what, "a segment ends within a record: the server was killed there");
        }
        Some(SegmentEnd::Damaged { offset, what }) => {
            let file = path.display();
            error!(%file, offset, room, tick, what, "a segment is damaged; what follows in it is lost");
            // A second name keeps it when the journal needs it no longer.
            let _ = fs::hard_link(path, path.with_extension(DAMAGED));
        }
        Some(SegmentEnd::Whole { .. }) | None => {}
    }
    Ok(())
}

/// The last segment of a run that ended in order, if there is one: then all its matches are sealed.
fn last_clean_end(segments: &BTreeMap<u64, Segment>) -> io::Result<Option<u64>> {
    let mut lasts: BTreeMap<u64, u64> = BTreeMap::new();
    for (&sequence, segment) in segments {
        lasts.insert(segment.node, sequence);
    }
    let mut found = None;
    for &sequence in lasts.values() {
        if ends_cleanly(&segments[&sequence])? {
            found = found.max(Some(sequence));
        }
    }
    Ok(found)
}

/// Whether the last record says that the node stopped in order.
fn ends_cleanly(last: &Segment) -> io::Result<bool> {
    let expected = clean_end();
    if last.bytes < header_bytes(SegmentHeader::default()).len() as u64 + expected.len() as u64 {
        return Ok(false);
    }
    let mut file = File::open(&last.path)?;
    file.seek(SeekFrom::End(-(expected.len() as i64)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    Ok(tail == expected)
}

/// Deletes the oldest of the damaged segments as far as they are too large together.
fn bound_damaged(journal: &Path) -> io::Result<()> {
    bound_damaged_to(journal, DAMAGED_BYTES_MAX)
}

pub(super) fn bound_damaged_to(journal: &Path, bytes_max: u64) -> io::Result<()> {
    let mut damaged: BTreeMap<PathBuf, u64> = BTreeMap::new();
    for entry in fs::read_dir(journal)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == DAMAGED) {
            damaged.insert(entry.path(), entry.metadata()?.len());
        }
    }
    let mut bytes: u64 = damaged.values().sum();
    for (path, length) in damaged {
        if bytes <= bytes_max {
            break;
        }
        warn!(file = %path.display(), limit = bytes_max, "damaged segments are over the limit; the oldest is deleted");
        fs::remove_file(&path)?;
        bytes -= length;
    }
    Ok(())
}

/// The bytes of a segment's header.
pub(super) fn header_bytes(header: SegmentHeader) -> Vec<u8> {
    let mut segment = SegmentWriter::new(Vec::new(), header);
    // A vector takes everything.
    let _ = segment.flush();
    segment.into_inner()
}

/// Puts records into bytes without a header before them: a batch.
pub(super) fn batch() -> SegmentWriter<Vec<u8>> {
    let mut batch = SegmentWriter::new(Vec::new(), SegmentHeader::default());
    let _ = batch.flush();
    batch.get_mut().clear();
    batch
}

/// The record that ends a run, as it is on disk.
pub(super) fn clean_end() -> Vec<u8> {
    let mut end = batch();
    end.append(0, &Record::CleanShutdown);
    let _ = end.flush();
    end.into_inner()
}
