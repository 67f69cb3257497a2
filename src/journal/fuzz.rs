//! The corpus of the fuzz targets as plain tests, and how its first files are made.

use std::fs;
use std::path::{Path, PathBuf};

use framekeep_sim::Tick;

use crate::{
    MatchEnd, MatchStarted, Record, Replay, RoomOpened, SegmentHeader, SegmentReader, SegmentWriter,
    pack_snapshot, sample,
};

#[path = "../../tools/fuzz/bodies/journal_segment.rs"]
mod journal_segment;
#[path = "../../tools/fuzz/bodies/replay_file.rs"]
mod replay_file;

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/fuzz/corpus").join(target)
}

fn run_corpus(target: &str, run: fn(&[u8])) {
    let mut files: Vec<_> = fs::read_dir(corpus(target)).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty() && files.len() < 50, "{} files of {target}", files.len());
    for file in files {
        eprintln!("{}", file.display());
        run(&fs::read(&file).unwrap());
    }
}

#[test]
fn journal_segment_corpus() {
    run_corpus("journal_segment", journal_segment::run);
}

#[test]
fn replay_file_corpus() {
    run_corpus("replay_file", replay_file::run);
}

/// Writes the files that fuzzing starts from: `cargo test -p framekeep_journal -- --ignored first_corpus`.
#[test]
#[ignore = "writes files"]
fn first_corpus() {
    for (name, seats, ticks) in [("empty", 1, 0), ("short", 2, 9), ("keyframe", 3, 513)] {
        fs::write(corpus("replay_file").join(name), sample::replay(seats, ticks).bytes()).unwrap();
    }
    let mut writer = SegmentWriter::new(Vec::new(), SegmentHeader { node: 1, sequence: 2 });
    fs::write(corpus("journal_segment").join("empty"), []).unwrap();
    let mut packed = Vec::new();
    pack_snapshot(&[1, 2, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4], &mut packed);
    let opened = RoomOpened { name: "hall".into(), game: "drift".into(), seats: 2, ..RoomOpened::default() };
    let started = Box::new(MatchStarted { epoch: 1, header: sample::header(2) });
    let records = [
        Record::RoomOpened(opened),
        Record::Seats(sample::header(2).players),
        Record::MatchStarted(started),
        Record::Frame { tick: Tick(0), delta: &[3] },
        Record::Hash { tick: Tick(0), hash: 5 },
        Record::Snapshot { tick: Tick(1), hash: 5, packed: &packed },
        Record::MatchEnded { epoch: 1, end: MatchEnd::default() },
        Record::RoomClosed,
        Record::CleanShutdown,
    ];
    for record in &records {
        writer.append(7, record);
    }
    writer.flush().unwrap();
    fs::write(corpus("journal_segment").join("every_kind"), writer.into_inner()).unwrap();
}

/// These files were written when the format was new; they stay readable for as long as its version stays.
#[test]
fn the_first_files_stay_readable() {
    for (name, ticks) in [("empty", 0), ("short", 9), ("keyframe", 513)] {
        let replay = Replay::read(fs::read(corpus("replay_file").join(name)).unwrap()).unwrap();
        assert_eq!((replay.end().ticks, replay.header().game.as_str()), (Tick(ticks), "drift"));
    }
    let segment = fs::read(corpus("journal_segment").join("every_kind")).unwrap();
    let (mut reader, mut kinds) = (SegmentReader::open(&segment[..]).unwrap(), Vec::new());
    while let Some(entry) = reader.next_entry().unwrap() {
        kinds.push(entry.record.kind());
    }
    assert_eq!(kinds, (1..=9).collect::<Vec<_>>());
}
