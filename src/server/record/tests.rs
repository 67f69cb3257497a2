//! What stays on disk when disks are slow, full or gone, and what the next start makes of it.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use framekeep_journal::{
    MatchEnd, MatchHeader, Record, ReplayBuilder, SealKey, SegmentEnd, SegmentHeader, SegmentReader,
};
use framekeep_sim::hash_bytes;
use tempfile::TempDir;

use super::desk::Desk;
use super::sealer::Sealing;
use super::segments::{batch, clean_end, header_bytes, path_of, tidy_up, tidy_up_to};
use super::writer::{RecordError, Shared, Writer};

/// A folder with a journal in it.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("journal")).unwrap();
    folder
}

/// One record of a room, as a batch.
fn record_of(room: u64) -> Vec<u8> {
    let mut records = batch();
    records.append(room, &Record::RoomClosed);
    records.flush().unwrap();
    records.into_inner()
}

fn put_segment(journal: &Path, node: u64, sequence: u64, records: &[u8]) {
    let mut bytes = header_bytes(SegmentHeader { node, sequence });
    bytes.extend_from_slice(records);
    fs::write(path_of(journal, sequence), bytes).unwrap();
}

/// The numbers of the segments that there are.
fn numbers(journal: &Path) -> Vec<u64> {
    let names = fs::read_dir(journal).unwrap().map(|entry| entry.unwrap().path());
    let mut numbers: Vec<u64> =
        names.map(|path| path.file_stem().unwrap().to_str().unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

/// The rooms of a segment's records, and whether it ends cleanly.
fn rooms_in(journal: &Path, sequence: u64) -> (Vec<u64>, bool) {
    let bytes = fs::read(path_of(journal, sequence)).unwrap();
    let mut reader = SegmentReader::open(&bytes[..]).unwrap();
    assert_eq!(reader.header().sequence, sequence);
    let (mut rooms, mut clean) = (Vec::new(), false);
    while let Some(entry) = reader.next_entry().unwrap() {
        clean = entry.record == Record::CleanShutdown;
        if !clean {
            rooms.push(entry.room);
        }
    }
    assert!(matches!(reader.end(), Some(SegmentEnd::Whole { .. })), "{:?}", reader.end());
    (rooms, clean)
}

#[test]
fn a_run_that_ended_in_order_goes_with_all_its_segments() {
    let folder = tempfile::tempdir().unwrap();
    let ended = [record_of(3), clean_end()].concat();
    put_segment(folder.path(), 7, 0, &record_of(1));
    put_segment(folder.path(), 8, 1, &record_of(2));
    put_segment(folder.path(), 7, 2, &record_of(2));
    put_segment(folder.path(), 7, 3, &ended);
    // An end that is not the run's last record, and one that is cut short.
    put_segment(folder.path(), 9, 4, &[clean_end(), record_of(1)].concat());
    put_segment(folder.path(), 10, 5, &ended[..ended.len() - 1]);
    fs::write(path_of(folder.path(), 6), &header_bytes(SegmentHeader::default())[..29]).unwrap();
    let next = tidy_up(folder.path(), 7).unwrap();
    assert_eq!(numbers(folder.path()), [1, 4, 5]);
    assert_eq!((next.node, next.sequence), (11, 7), "no earlier run has the node, no segment the number");
}

#[test]
fn killed_runs_are_bounded_and_the_oldest_goes_first() {
    let folder = tempfile::tempdir().unwrap();
    for (node, sequence) in [(9, 0), (9, 1), (5, 2), (7, 3)] {
        put_segment(folder.path(), node, sequence, &record_of(1));
    }
    fs::write(path_of(folder.path(), 4), b"not a segment at all, of forty-seven bytes long").unwrap();
    let killed: u64 = 4 * 47 + 47;
    tidy_up_to(folder.path(), 1, killed).unwrap();
    assert_eq!(numbers(folder.path()), [0, 1, 2, 3, 4]);
    tidy_up_to(folder.path(), 1, killed - 1).unwrap();
    assert_eq!(numbers(folder.path()), [2, 3, 4]);
    tidy_up_to(folder.path(), 1, 47).unwrap();
    assert_eq!(numbers(folder.path()), [4]);
}

#[test]
fn a_second_server_is_refused_the_folder_until_the_first_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let first = Writer::start(folder.path(), 1, None).unwrap();
    let Err(error) = Writer::start(folder.path(), 2, None) else { panic!("two servers share a folder") };
    assert!(matches!(error, RecordError::InUse { .. }));
    let text = error.to_string();
    assert!(text.contains(folder.path().to_str().unwrap()) && text.contains("--data"), "{text}");
    drop(first);
    Writer::start(folder.path(), 2, None).unwrap();
}

#[test]
fn nothing_follows_lost_records_in_the_same_segment() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::start(folder.path(), 1, None).unwrap();
    writer.append(record_of(1));
    let shared = writer.shared();
    let waiting = crate::limits::JOURNAL_PENDING_BYTES_MAX;
    shared.pending_bytes.fetch_add(waiting, Ordering::Relaxed);
    writer.append(record_of(2));
    writer.append(record_of(3));
    shared.pending_bytes.fetch_sub(waiting, Ordering::Relaxed);
    writer.append(record_of(4));
    assert_eq!(writer.failures(), 2);
    writer.stop();
    let journal = folder.path().join("journal");
    assert_eq!(numbers(&journal), [0, 2], "the number in between tells of the loss");
    assert_eq!(rooms_in(&journal, 0), (vec![1], false));
    assert_eq!(rooms_in(&journal, 2), (vec![4], true));
    assert_eq!(shared.pending_bytes.load(Ordering::Relaxed), 0);
}

#[test]
fn a_failed_write_ends_the_segment_and_not_the_journal() {
    let folder = folder();
    let journal = folder.path().join("journal");
    let shared = Arc::new(Shared::default());
    let mut desk = Desk::new(folder.path(), SegmentHeader { node: 1, sequence: 5 }, shared.clone());
    desk.append(&record_of(1));
    desk.break_file(File::open(path_of(&journal, 5)).unwrap());
    desk.append(&record_of(2));
    assert_eq!(shared.failures(), 1);
    desk.append(&record_of(3));
    desk.append(&record_of(4));
    assert_eq!(shared.failures(), 1);
    assert_eq!(numbers(&journal), [5, 7]);
    assert_eq!(rooms_in(&journal, 5).0, [1]);
    assert_eq!(rooms_in(&journal, 7).0, [3, 4]);
}

#[test]
fn a_disk_that_takes_nothing_is_tried_again_later() {
    let folder = folder();
    let journal = folder.path().join("journal");
    fs::remove_dir(&journal).unwrap();
    let shared = Arc::new(Shared::default());
    let mut desk = Desk::new(folder.path(), SegmentHeader { node: 1, sequence: 0 }, shared.clone());
    for room in 0..10 {
        desk.append(&record_of(room));
    }
    assert_eq!(shared.failures(), 10, "each lost batch is counted");
    fs::create_dir(&journal).unwrap();
    desk.retry_now();
    desk.append(&record_of(10));
    assert_eq!(numbers(&journal), [2], "only one attempt was made before");
    assert_eq!(rooms_in(&journal, 2).0, [10]);
}

#[test]
fn a_match_that_could_not_be_sealed_keeps_its_journal() {
    for (seal_into, kept) in [("nowhere/match.fkr", 1), ("replays/match.fkr", 0)] {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::start(folder.path(), 1, None).unwrap();
        let header = MatchHeader {
            game: "arena".to_owned(),
            content_hash: hash_bytes(&[]),
            seats: 1,
            input_bits: 1,
            tick_rate_hz: 30,
            ..MatchHeader::default()
        };
        let builder = ReplayBuilder::new(&header).unwrap();
        writer.append(record_of(1));
        let (end, path) = (MatchEnd::default(), folder.path().join(seal_into));
        writer.seal(Sealing { builder, end, path, key: SealKey::derive(&[7; 32]) });
        writer.stop();
        fs::write(folder.path().join("replays/torn.tmp"), "half").unwrap();
        drop(Writer::start(folder.path(), 2, None).unwrap());
        assert_eq!(numbers(&folder.path().join("journal")).len(), kept, "{seal_into}");
        assert_eq!(folder.path().join(seal_into).exists(), kept == 0);
        assert!(!folder.path().join("replays/torn.tmp").exists());
    }
}
