//! `survey`, what earlier runs have left in the journal: the rooms that were not closed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use framekeep_journal::{
    EndedMatch, Lives, Record, SEGMENT_VERSION, SegmentEnd, SegmentFault, SegmentHeader, SegmentReader,
    SegmentWriter,
};
use tracing::{error, info, warn};

use crate::limits::DAMAGED_BYTES_MAX;

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
    /// Matches that ended: a server that was killed has perhaps not written their replays or results.
    pub(super) ended: Vec<LeftMatch>,
}

/// A match that ended in an earlier run.
pub(crate) struct LeftMatch {
    /// Without its frames, if it is sealed.
    pub(crate) ended: EndedMatch,
    /// There is a replay of it.
    pub(crate) is_sealed: bool,
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
    let ended = last_clean_end(&segments);
    while let Some(first) =
        segments.first_entry().filter(|first| ended.is_some_and(|end| *first.key() <= end))
    {
        // From the first on: what would be left is a run that looks ended.
        fs::remove_file(&first.get().path)?;
        first.remove();
    }
    let (mut lives, mut left) = (Lives::default(), Vec::new());
    for segment in segments.values() {
        read(segment, &mut lives, |mut ended| {
            let is_sealed = replays.join(replay_of(&ended)).exists();
            if is_sealed {
                ended.play.forget_frames();
            }
            left.push(LeftMatch { ended, is_sealed });
        })?;
    }
    bound_damaged(journal)?;
    let segments = segments.into_iter().map(|(sequence, segment)| (sequence, segment.bytes)).collect();
    Ok(Survey { next: SegmentHeader { node, sequence }, segments, lives, ended: left })
}

/// Whether a data folder has a journal that did not end in order, and nobody uses it.
///
/// # Errors
/// If it cannot be read.
pub fn has_left_rooms(folder: &Path) -> io::Result<bool> {
    let journal = folder.join("journal");
    let lock = File::options().create(true).write(true).truncate(false).open(folder.join("lock"))?;
    if lock.try_lock().is_err() {
        return Ok(false);
    }
    let (segments, _) = segments_in(&journal)?;
    let ended = last_clean_end(&segments);
    Ok(segments.keys().any(|sequence| ended.is_none_or(|end| *sequence > end)))
}

/// A segment on disk.
struct Segment {
    path: PathBuf,
    bytes: u64,
    node: u64,
    /// Its header is not what was written, its records are.
    is_headless: bool,
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
        // A file that cannot even be opened is for somebody to look at: nothing may be wrong with it.
        let (node, is_headless) = match SegmentReader::open(File::open(&path)?) {
            Ok(reader) => (reader.header().node, false),
            // A kill within the header: it holds nothing.
            Err(SegmentFault::Short(_)) => {
                fs::remove_file(&path)?;
                continue;
            }
            // Its rooms would be lost without anything being wrong with it.
            Err(fault @ SegmentFault::Version(version)) if version > SEGMENT_VERSION => {
                let file = path.display();
                return Err(io::Error::other(format!("{file}: {fault}; start the version that wrote it")));
            }
            Err(fault) => {
                let (file, found) = (path.display(), past_header(&path));
                let Some(header) = found else {
                    error!(%file, offset = 0, %fault, "a segment of the journal cannot be read and is left out");
                    fs::rename(&path, path.with_extension(DAMAGED))?;
                    continue;
                };
                error!(%file, offset = 0, %fault, "a segment's header is damaged; the records after it are read");
                (header.node, true)
            }
        };
        segments.insert(sequence, Segment { path, bytes, node, is_headless });
    }
    Ok((segments, next))
}

/// What the header of a file says, though it is damaged, if records follow it. A record's checksum stands for itself:
/// bytes that are something else have none that fits.
fn past_header(path: &Path) -> Option<SegmentHeader> {
    let mut reader = SegmentReader::open_past_header(File::open(path).ok()?).ok()?;
    matches!(reader.next_entry(), Ok(Some(_))).then(|| reader.header())
}

/// The name of a match's replay.
fn replay_of(ended: &EndedMatch) -> String {
    let started = ended.play.started();
    super::file_name(ended.room, started.header.started_unix_s, started.epoch)
}

/// Takes every record of a segment up to the last whole one.
fn read(segment: &Segment, lives: &mut Lives, ended: impl FnMut(EndedMatch)) -> io::Result<()> {
    let source = File::open(&segment.path)?;
    let opened = if segment.is_headless {
        SegmentReader::open_past_header(source)
    } else {
        SegmentReader::open(source)
    };
    match opened {
        Ok(reader) => read_records(reader, &segment.path, lives, ended),
        // It could be read a moment ago.
        Err(fault) => keep_damaged(&segment.path, 0, lives, &fault.to_string()),
    }
    Ok(())
}

/// A disk that cannot read some record costs what follows in this segment, and no other room.
fn read_records(
    mut reader: SegmentReader<impl Read>,
    path: &Path,
    lives: &mut Lives,
    mut ended: impl FnMut(EndedMatch),
) {
    let mut read_to = 0;
    loop {
        match reader.next_entry() {
            Ok(Some(entry)) => {
                read_to = entry.offset;
                if let Err(fault) = lives.take(&entry) {
                    let (file, offset, room, tick) = (path.display(), fault.offset, fault.room, fault.tick.0);
                    error!(%file, offset, room, tick, what = fault.what, "the journal of a room ends here");
                }
            }
            Ok(None) => break,
            Err(error) => {
                keep_damaged(path, read_to, lives, &format!("after this record: {error}"));
                break;
            }
        }
        lives.take_ended().into_iter().for_each(&mut ended);
    }
    lives.take_ended().into_iter().for_each(&mut ended);
    match reader.end() {
        Some(SegmentEnd::Torn { offset, what }) => {
            let (room, tick) = newest(lives);
            let file = path.display();
            info!(%file, offset, room, tick, what, "a segment ends within a record: the server was killed there");
        }
        Some(SegmentEnd::Damaged { offset, what }) => keep_damaged(path, *offset, lives, what),
        Some(SegmentEnd::Whole { .. }) | None => {}
    }
}

/// Room and tick of the last record of a match.
fn newest(lives: &Lives) -> (u64, u32) {
    lives.newest().map_or((0, 0), |(room, tick)| (room, tick.0))
}

/// Says that a segment is not what was written, and keeps it for whoever wants to look at it.
fn keep_damaged(path: &Path, offset: u64, lives: &Lives, what: &str) {
    let (room, tick) = newest(lives);
    let file = path.display();
    error!(%file, offset, room, tick, what, "a segment is damaged; what follows in it is lost");
    // A second name keeps it when the journal needs it no longer.
    let _ = fs::hard_link(path, path.with_extension(DAMAGED));
}

/// The last segment of a run that ended in order, if there is one: then all its matches are sealed.
fn last_clean_end(segments: &BTreeMap<u64, Segment>) -> Option<u64> {
    let mut lasts: BTreeMap<u64, u64> = BTreeMap::new();
    for (&sequence, segment) in segments {
        lasts.insert(segment.node, sequence);
    }
    // Of one whose end cannot be read the rooms are opened again: too many are better than too few.
    let ends = |sequence: &u64| ends_cleanly(&segments[sequence]).unwrap_or(false);
    lasts.into_values().filter(ends).max()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk that cannot read beyond some byte.
    struct Unreadable<'a>(&'a [u8]);

    impl Read for Unreadable<'_> {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            let read = self.0.read(bytes)?;
            if read == 0 { Err(io::Error::from_raw_os_error(5)) } else { Ok(read) }
        }
    }

    #[test]
    fn what_the_disk_cannot_read_costs_no_more_than_what_follows_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_of(folder.path(), 3);
        let mut bytes = header_bytes(SegmentHeader::default());
        let mut records = batch();
        records.append(1, &Record::RoomClosed);
        records.append(2, &Record::RoomClosed);
        records.flush().unwrap();
        bytes.extend(records.into_inner());
        fs::write(&path, &bytes).unwrap();
        let reader = SegmentReader::open(Unreadable(&bytes[..bytes.len() - 3])).unwrap();
        read_records(reader, &path, &mut Lives::default(), |_| {});
        assert_eq!(fs::read(path.with_extension(DAMAGED)).unwrap(), bytes, "it is kept");
    }
}
