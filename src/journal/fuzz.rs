//! The corpus of the fuzz targets as plain tests.

use std::fs;
use std::path::{Path, PathBuf};

use framekeep_sim::Tick;

use crate::{Replay, SegmentReader};

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
