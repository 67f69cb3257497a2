//! What stays on disk when disks are slow, full or gone, and what the next start makes of it.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use framekeep_journal::{
    MatchEnd, MatchHeader, Record, ReplayBuilder, RoomState, SealKey, SegmentEnd, SegmentHeader,
    SegmentReader,
};
use framekeep_sim::hash_bytes;
use tempfile::TempDir;

use super::desk::{Batch, Desk, Mark};
use super::holds::Hold;
use super::sealer::Sealing;
use super::segments::{batch, bound_damaged_to, clean_end, header_bytes, path_of, survey};
use super::writer::{RecordError, Shared, Writer};
use super::{Disk, DiskFile, SystemDisk};
use crate::Durability;

/// A folder with a journal in it.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("journal")).unwrap();
    folder
}

fn start(folder: &Path, node: u64) -> Result<Writer, RecordError> {
    Writer::start(folder, node, Durability::Off, Box::new(SystemDisk)).map(|(writer, _)| writer)
}

fn desk(folder: &Path, sequence: u64, disk: impl Disk + 'static) -> (Desk, Arc<Shared>) {
    let shared = Arc::new(Shared::default());
    let header = SegmentHeader { node: 1, sequence };
    (Desk::new(folder, header, Durability::Tick, Box::new(disk), shared.clone()), shared)
}

/// A batch of one record of a room, whose journal begins with it.
fn batch_of(room: u64) -> Batch {
    Batch { records: record_of(room), number: room, marks: vec![(room, Mark::Begins)], ..Batch::default() }
}

/// One record of a room.
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

/// The rooms of a segment's records up to the last whole one.
fn whole_rooms_in(journal: &Path, sequence: u64) -> Vec<u64> {
    let bytes = fs::read(path_of(journal, sequence)).unwrap();
    let mut reader = SegmentReader::open(&bytes[..]).unwrap();
    let mut rooms = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        rooms.push(entry.room);
    }
    rooms
}

#[test]
fn a_run_that_ended_in_order_goes_with_all_that_came_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let ended = [record_of(3), clean_end()].concat();
    // What a run finds it takes over, so what is older than a clean end is of no use.
    put_segment(folder.path(), 7, 0, &record_of(1));
    put_segment(folder.path(), 8, 1, &record_of(2));
    put_segment(folder.path(), 7, 3, &ended);
    // An end that is not the run's last record, and one that is cut short.
    put_segment(folder.path(), 9, 4, &[clean_end(), record_of(1)].concat());
    put_segment(folder.path(), 10, 5, &ended[..ended.len() - 1]);
    fs::write(path_of(folder.path(), 6), &header_bytes(SegmentHeader::default())[..29]).unwrap();
    let found = survey(folder.path(), folder.path(), 9).unwrap();
    assert_eq!(numbers(folder.path()), [4, 5]);
    assert_eq!(found.segments.keys().copied().collect::<Vec<_>>(), [4, 5]);
    let next = found.next;
    assert_eq!((next.node, next.sequence), (11, 7), "no earlier run has the node, no segment the number");
}

#[test]
fn damaged_segments_are_kept_and_bounded() {
    let folder = tempfile::tempdir().unwrap();
    for sequence in 0..3 {
        put_segment(folder.path(), 1, sequence, &[record_of(1), vec![0xff; 53]].concat());
    }
    fs::write(path_of(folder.path(), 3), b"not a segment at all, in some fifty bytes of text.").unwrap();
    let found = survey(folder.path(), folder.path(), 2).unwrap();
    assert_eq!((found.segments.len(), found.lives.len()), (3, 0));
    let damaged = || {
        let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().unwrap() == "damaged").count()
    };
    assert_eq!(damaged(), 4);
    bound_damaged_to(folder.path(), 249).unwrap();
    assert_eq!(damaged(), 2);
}

#[test]
fn a_length_that_points_past_the_end_is_damage_and_a_record_cut_short_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let records = [record_of(1), record_of(2), record_of(3)].concat();
    put_segment(folder.path(), 1, 0, &records[..records.len() - 1]);
    put_segment(folder.path(), 1, 1, &records);
    let changed = path_of(folder.path(), 1);
    let mut bytes = fs::read(&changed).unwrap();
    // The second byte of the length of the second record.
    bytes[30 + record_of(1).len() + 1] ^= 1 << 6;
    fs::write(&changed, &bytes).unwrap();
    survey(folder.path(), folder.path(), 9).unwrap();
    assert_eq!(fs::read(changed.with_extension("damaged")).unwrap(), bytes, "it is kept");
    assert!(!path_of(folder.path(), 0).with_extension("damaged").exists(), "that was a kill");
}

#[test]
fn a_second_server_is_refused_the_folder_until_the_first_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(folder.path(), 1).unwrap();
    let Err(error) = start(folder.path(), 2) else { panic!("two servers share a folder") };
    assert!(matches!(error, RecordError::InUse { .. }));
    let text = error.to_string();
    assert!(text.contains(folder.path().to_str().unwrap()) && text.contains("--data"), "{text}");
    drop(first);
    start(folder.path(), 2).unwrap();
}

#[test]
fn nothing_follows_lost_records_in_the_same_segment() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = start(folder.path(), 1).unwrap();
    writer.append(record_of(1), Vec::new(), Vec::new());
    let shared = writer.shared().clone();
    let waiting = crate::limits::JOURNAL_PENDING_BYTES_MAX;
    shared.pending_bytes.fetch_add(waiting, Ordering::Relaxed);
    writer.append(record_of(2), Vec::new(), Vec::new());
    writer.append(record_of(3), Vec::new(), Vec::new());
    shared.pending_bytes.fetch_sub(waiting, Ordering::Relaxed);
    writer.append(record_of(4), Vec::new(), Vec::new());
    assert_eq!(writer.failures(), 2);
    writer.stop(true);
    let journal = folder.path().join("journal");
    assert_eq!(numbers(&journal), [0, 2], "the number in between tells of the loss");
    assert_eq!(rooms_in(&journal, 0), (vec![1], false));
    assert_eq!(rooms_in(&journal, 2), (vec![4], true));
    assert_eq!(shared.pending_bytes.load(Ordering::Relaxed), 0);
}

/// A disk whose next calls fail: so many appends, so many syncs.
#[derive(Clone, Default)]
struct Faulty {
    appends: Arc<AtomicU64>,
    syncs: Arc<AtomicU64>,
}

struct FaultyFile(Box<dyn DiskFile>, Faulty);

fn fails(left: &AtomicU64) -> io::Result<()> {
    let left = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
    if left.is_ok() { Err(io::Error::from_raw_os_error(5)) } else { Ok(()) }
}

impl Disk for Faulty {
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(FaultyFile(SystemDisk.create(path)?, self.clone())))
    }
}

impl DiskFile for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = fails(&self.1.appends) {
            // Half of it arrives.
            self.0.append(&bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        self.0.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        fails(&self.1.syncs).and_then(|()| self.0.sync())
    }
}

#[test]
fn a_failed_write_ends_the_segment_and_not_the_journal() {
    let folder = folder();
    let journal = folder.path().join("journal");
    let disk = Faulty::default();
    let (mut desk, shared) = desk(folder.path(), 5, disk.clone());
    desk.append(&batch_of(1));
    disk.appends.store(1, Ordering::Relaxed);
    desk.append(&batch_of(2));
    assert_eq!((shared.failures(), shared.holes()), (1, 1));
    desk.append(&batch_of(3));
    desk.append(&batch_of(4));
    assert_eq!(shared.failures(), 1);
    assert_eq!(numbers(&journal), [5, 7]);
    assert_eq!(whole_rooms_in(&journal, 5), [1]);
    assert_eq!(rooms_in(&journal, 7).0, [3, 4]);
}

/// The system's device that is always full.
struct DevFull;

impl Disk for DevFull {
    fn create(&mut self, _: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(fs::File::options().append(true).open("/dev/full")?))
    }

    fn remove(&mut self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_device_that_is_always_full_costs_records_and_nothing_else() {
    let folder = folder();
    let (mut desk, shared) = desk(folder.path(), 0, DevFull);
    for round in 1..=5 {
        desk.append(&batch_of(round));
        desk.sync();
        assert_eq!((shared.failures(), shared.holes(), shared.durable()), (round, round, round));
        desk.retry_now();
    }
}

#[test]
fn a_failed_fsync_poisons_its_segment() {
    let folder = folder();
    let journal = folder.path().join("journal");
    let disk = Faulty::default();
    let (mut desk, shared) = desk(folder.path(), 0, disk.clone());
    desk.append(&batch_of(1));
    desk.sync();
    assert_eq!((shared.durable(), shared.holes()), (1, 0));
    desk.append(&batch_of(2));
    disk.syncs.store(1, Ordering::Relaxed);
    desk.sync();
    assert_eq!((shared.durable(), shared.holes()), (2, 1), "done with, and lost");
    desk.append(&batch_of(3));
    desk.sync();
    assert_eq!((shared.durable(), shared.holes()), (3, 1));
    assert_eq!(numbers(&journal), [0, 2]);
    assert_eq!(rooms_in(&journal, 2).0, [3]);
}

#[test]
fn segments_go_when_no_room_needs_them() {
    let folder = folder();
    let journal = folder.path().join("journal");
    put_segment(&journal, 9, 3, &record_of(1));
    put_segment(&journal, 9, 4, &record_of(2));
    let (mut desk, shared) = desk(folder.path(), 5, Faulty::default());
    desk.inherit([(3, 47), (4, 47)].into(), [1, 2].into_iter(), Hold::default());
    desk.append(&batch_of(1));
    desk.reclaim();
    assert_eq!(numbers(&journal), [3, 4, 5], "the second room is told nowhere else");
    desk.append(&Batch { after_hole: true, ..batch_of(7) });
    desk.append(&Batch { marks: vec![(2, Mark::Ends)], ..batch_of(2) });
    desk.reclaim();
    assert_eq!(numbers(&journal), [5]);
    assert_eq!(shared.journal_bytes.load(Ordering::Relaxed), 30 + 3 * 17);
}

#[test]
fn a_disk_that_takes_nothing_is_tried_again_later() {
    let folder = folder();
    let journal = folder.path().join("journal");
    fs::remove_dir(&journal).unwrap();
    let (mut desk, shared) = desk(folder.path(), 0, SystemDisk);
    for room in 0..10 {
        desk.append(&batch_of(room));
    }
    assert_eq!(shared.failures(), 10, "each lost batch is counted");
    fs::create_dir(&journal).unwrap();
    desk.retry_now();
    desk.append(&batch_of(10));
    assert_eq!(numbers(&journal), [2], "only one attempt was made before");
    assert_eq!(rooms_in(&journal, 2).0, [10]);
}

#[test]
fn a_match_that_could_not_be_sealed_keeps_its_journal() {
    for (seal_into, kept) in [("nowhere/match.fkr", 1), ("replays/match.fkr", 0)] {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = start(folder.path(), 1).unwrap();
        let header = MatchHeader {
            game: "arena".to_owned(),
            content_hash: hash_bytes(&[]),
            seats: 1,
            input_bits: 1,
            tick_rate_hz: 30,
            ..MatchHeader::default()
        };
        let builder = ReplayBuilder::new(&header).unwrap();
        writer.append(record_of(1), Vec::new(), Vec::new());
        let (end, path) = (MatchEnd::default(), folder.path().join(seal_into));
        writer.seal(Sealing {
            builder,
            end,
            path,
            key: SealKey::derive(&[7; 32]),
            ended: None,
            _hold: Hold::default(),
        });
        assert_eq!(writer.stop(true), kept as u64);
        fs::write(folder.path().join("replays/torn.tmp"), "half").unwrap();
        drop(start(folder.path(), 2).unwrap());
        assert_eq!(numbers(&folder.path().join("journal")).len(), kept, "{seal_into}");
        assert_eq!(folder.path().join(seal_into).exists(), kept == 0);
        assert!(!folder.path().join("replays/torn.tmp").exists());
    }
}

/// Notes what was said to be durable when a segment was begun.
struct Watching(Arc<AtomicU64>, Arc<Mutex<Option<Arc<Shared>>>>);

impl Disk for Watching {
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        if let Some(shared) = &*self.1.lock().unwrap() {
            self.0.store(shared.durable(), Ordering::Relaxed);
        }
        SystemDisk.create(path)
    }
}

/// A batch after which the next segment is begun.
fn filling(batch: Batch) -> Batch {
    Batch { records: vec![0; 65 << 20], ..batch }
}

#[test]
fn a_batch_is_not_durable_before_its_segment_is_there() {
    let folder = folder();
    let (seen, cell) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(None)));
    let (mut desk, shared) = desk(folder.path(), 0, Watching(seen.clone(), cell.clone()));
    *cell.lock().unwrap() = Some(shared.clone());
    desk.append(&filling(batch_of(1)));
    desk.sync();
    assert_eq!(shared.durable(), 1);
    desk.append(&batch_of(2));
    assert_eq!(seen.load(Ordering::Relaxed), 1);
    desk.sync();
    assert_eq!(shared.durable(), 2);
}

#[test]
fn a_room_told_again_keeps_its_old_records_until_the_new_ones_are_durable() {
    let folder = folder();
    let journal = folder.path().join("journal");
    let disk = Faulty::default();
    let (mut desk, _) = desk(folder.path(), 0, disk.clone());
    desk.append(&filling(batch_of(1)));
    desk.sync();
    desk.append(&batch_of(1));
    disk.syncs.store(1, Ordering::Relaxed);
    desk.sync();
    desk.append(&batch_of(7));
    desk.sync();
    desk.reclaim();
    assert_eq!(numbers(&journal), [0, 1, 3], "the room is durable only in the first");
    desk.append(&batch_of(1));
    desk.reclaim();
    assert_eq!(numbers(&journal), [3]);
}

#[test]
fn the_end_of_a_room_that_was_lost_and_is_told_again_frees_its_segments() {
    let folder = folder();
    let journal = folder.path().join("journal");
    let disk = Faulty::default();
    let (mut desk, _) = desk(folder.path(), 0, disk.clone());
    let end_of =
        |number| Batch { records: record_of(1), number, marks: vec![(1, Mark::Ends)], ..Batch::default() };
    desk.append(&batch_of(1));
    desk.sync();
    disk.appends.store(1, Ordering::Relaxed);
    desk.append(&end_of(2));
    desk.append(&batch_of(3));
    desk.reclaim();
    assert_eq!(numbers(&journal), [0, 2], "that it ended is not on the disk");
    desk.append(&end_of(4));
    desk.reclaim();
    assert_eq!(numbers(&journal), [2]);
}

#[test]
fn a_match_that_is_over_keeps_its_segments_until_its_replay_and_result_are_there() {
    let folder = folder();
    let journal = folder.path().join("journal");
    let (mut desk, _) = desk(folder.path(), 0, Faulty::default());
    desk.append(&filling(batch_of(1)));
    let (replay, result) = (Hold::default(), Hold::default());
    let holds = vec![(1, replay.clone()), (1, result.clone())];
    desk.append(&Batch {
        records: record_of(1),
        number: 2,
        marks: vec![(1, Mark::Ends)],
        holds,
        ..Batch::default()
    });
    desk.append(&batch_of(3));
    desk.reclaim();
    assert_eq!(numbers(&journal), [0, 1], "no open room needs the first");
    drop(replay);
    desk.reclaim();
    assert_eq!(numbers(&journal), [0, 1]);
    drop(result);
    desk.reclaim();
    assert_eq!(numbers(&journal), [1]);
}

#[test]
fn what_is_held_is_bounded_and_the_oldest_is_given_up_and_counted() {
    let folder = folder();
    let journal = folder.path().join("journal");
    let (mut desk, shared) = desk(folder.path(), 0, Faulty::default());
    let kept: Vec<Hold> = (0..3).map(|_| Hold::default()).collect();
    for (number, hold) in (1..).zip(&kept) {
        desk.append(&filling(batch_of(number)));
        let (marks, holds) = (vec![(number, Mark::Ends)], vec![(number, hold.clone())]);
        desk.append(&Batch { records: record_of(number), number, marks, holds, ..Batch::default() });
    }
    desk.append(&batch_of(9));
    desk.reclaim();
    assert_eq!((numbers(&journal).first(), shared.given_up()), (Some(&0), 0));
    let segment = fs::metadata(path_of(&journal, 1)).unwrap().len();
    desk.hold_at_most(2 * segment + segment / 2);
    desk.append(&Batch {
        records: record_of(9),
        number: 10,
        marks: vec![(9, Mark::Begins)],
        ..Batch::default()
    });
    desk.reclaim();
    assert_eq!((numbers(&journal).first(), shared.given_up(), shared.failures()), (Some(&1), 1, 1));
}

#[test]
fn what_an_earlier_run_left_is_kept_until_it_is_sealed() {
    let folder = folder();
    let journal = folder.path().join("journal");
    put_segment(&journal, 9, 3, &record_of(1));
    let (mut desk, _) = desk(folder.path(), 5, Faulty::default());
    let hold = Hold::default();
    desk.inherit([(3, 47)].into(), std::iter::empty(), hold.clone());
    desk.append(&batch_of(7));
    desk.reclaim();
    assert_eq!(numbers(&journal), [3, 5]);
    drop(hold);
    desk.reclaim();
    assert_eq!(numbers(&journal), [5]);
}

#[test]
fn a_flipped_bit_in_a_header_costs_no_room() {
    let header = header_bytes(SegmentHeader { node: 1, sequence: 0 });
    let mut records = batch();
    records.append(7, &Record::Room(Box::new(room_state())));
    records.flush().unwrap();
    let records = records.into_inner();
    for bit in 0..header.len() * 8 {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = [&header[..], &records[..]].concat();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(path_of(folder.path(), 0), &bytes).unwrap();
        let found = survey(folder.path(), folder.path(), 1).unwrap();
        assert_eq!(found.lives.rooms().collect::<Vec<_>>(), [7], "bit {bit}");
        assert_eq!(found.segments.len(), 1, "it is reclaimed like others");
    }
}

#[test]
fn a_segment_that_cannot_be_read_costs_its_own_rooms_and_no_start() {
    let folder = tempfile::tempdir().unwrap();
    // A folder can be opened, and not be read.
    fs::create_dir(path_of(folder.path(), 0)).unwrap();
    let mut records = batch();
    records.append(7, &Record::Room(Box::new(room_state())));
    records.flush().unwrap();
    put_segment(folder.path(), 1, 1, &records.into_inner());
    let found = survey(folder.path(), folder.path(), 2).unwrap();
    assert_eq!(found.lives.rooms().collect::<Vec<_>>(), [7]);
    assert!(path_of(folder.path(), 0).with_extension("damaged").exists(), "it is kept");
}

fn room_state() -> RoomState {
    RoomState::empty("hall".parse().unwrap(), "arena", 2)
}

/// CRC-32 (IEEE 802.3), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let bit = |rest: u32| (rest >> 1) ^ (0xedb8_8320 & (rest & 1).wrapping_neg());
    !bytes.iter().fold(u32::MAX, |rest, byte| (0..8).fold(rest ^ u32::from(*byte), |rest, _| bit(rest)))
}

#[test]
fn a_journal_of_a_later_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(start(folder.path(), 1).unwrap());
    let path = path_of(&folder.path().join("journal"), 0);
    let mut bytes = header_bytes(SegmentHeader::default());
    bytes[8..10].copy_from_slice(&(framekeep_journal::SEGMENT_VERSION + 1).to_le_bytes());
    let checksum = crc32(&bytes[..26]);
    bytes[26..30].copy_from_slice(&checksum.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let Err(error) = start(folder.path(), 2) else { panic!("its rooms are lost") };
    assert!(error.to_string().contains("start the version that wrote it"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}
