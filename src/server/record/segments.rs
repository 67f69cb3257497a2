//! `tidy_up`, which segments of earlier runs stay when a run begins.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use framekeep_journal::{Record, SegmentFault, SegmentHeader, SegmentReader, SegmentWriter};
use tracing::warn;

use crate::limits::KILLED_RUNS_BYTES_MAX;

/// A segment on disk.
struct Segment {
    path: PathBuf,
    bytes: u64,
}

/// The segments of one run, in order. A segment whose header cannot be read is a run of its own.
#[derive(Default)]
struct Run {
    segments: BTreeMap<u64, Segment>,
}

impl Run {
    fn bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.bytes).sum()
    }

    fn first_sequence(&self) -> u64 {
        self.segments.keys().next().copied().unwrap_or_default()
    }

    fn delete(&self) -> io::Result<()> {
        // From the first on: a run that lost its last segment would look killed.
        self.segments.values().try_for_each(|segment| fs::remove_file(&segment.path))
    }
}

/// The file of a segment.
pub(super) fn path_of(journal: &Path, sequence: u64) -> PathBuf {
    journal.join(format!("{sequence:012}.fkj"))
}

fn sequence_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_suffix(".fkj")?.parse().ok()
}

/// Deletes the segments of runs that ended cleanly, and the oldest killed runs as far as they are too large
/// together. Gives the header of the first segment of the run that begins: no earlier run has its node.
pub(super) fn tidy_up(journal: &Path, node: u64) -> io::Result<SegmentHeader> {
    tidy_up_to(journal, node, KILLED_RUNS_BYTES_MAX)
}

pub(super) fn tidy_up_to(journal: &Path, mut node: u64, killed_bytes_max: u64) -> io::Result<SegmentHeader> {
    let (runs, sequence) = runs_in(journal)?;
    while runs.iter().any(|(of, _)| *of == Some(node)) {
        node = node.wrapping_add(1);
    }
    let mut killed = Vec::new();
    for (of, run) in runs {
        if of.is_some() && ends_cleanly(&run)? {
            run.delete()?;
        } else {
            killed.push(run);
        }
    }
    killed.sort_by_key(Run::first_sequence);
    let mut bytes: u64 = killed.iter().map(Run::bytes).sum();
    for run in killed {
        if bytes <= killed_bytes_max {
            break;
        }
        warn!(
            first = run.first_sequence(),
            bytes = run.bytes(),
            limit = killed_bytes_max,
            "journals of killed runs are over the limit; the oldest is deleted"
        );
        bytes -= run.bytes();
        run.delete()?;
    }
    Ok(SegmentHeader { node, sequence })
}

/// All runs that have segments here, and the number after the last segment.
fn runs_in(journal: &Path) -> io::Result<(Vec<(Option<u64>, Run)>, u64)> {
    let mut runs: BTreeMap<u64, Run> = BTreeMap::new();
    let (mut unreadable, mut next) = (Vec::new(), 0);
    for entry in fs::read_dir(journal)? {
        let entry = entry?;
        let path = entry.path();
        let Some(sequence) = sequence_of(&path) else { continue };
        next = next.max(sequence.saturating_add(1));
        let segment = Segment { bytes: entry.metadata()?.len(), path };
        match SegmentReader::open(BufReader::new(File::open(&segment.path)?)) {
            Ok(reader) => {
                let run = runs.entry(reader.header().node).or_default();
                run.segments.insert(sequence, segment);
            }
            // A kill within the header: it holds nothing.
            Err(SegmentFault::Short(_)) => fs::remove_file(&segment.path)?,
            Err(_) => unreadable.push((None, Run { segments: BTreeMap::from([(sequence, segment)]) })),
        }
    }
    let runs = runs.into_iter().map(|(node, run)| (Some(node), run)).chain(unreadable).collect();
    Ok((runs, next))
}

/// Whether a run's last record says that the node stopped in order; then all its matches are sealed.
fn ends_cleanly(run: &Run) -> io::Result<bool> {
    let Some(last) = run.segments.values().next_back() else { return Ok(false) };
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
