//! The corpus of the fuzz targets as plain tests.

use std::fs;

use framekeep_sim::Tick;

use crate::{Lives, Replay, SegmentReader, Verifier, sample};

#[path = "../../tools/fuzz/bodies/corpus.rs"]
mod corpus;
#[path = "../../tools/fuzz/bodies/desync_report.rs"]
mod desync_report;
#[path = "../../tools/fuzz/bodies/journal_segment.rs"]
mod journal_segment;
#[path = "../../tools/fuzz/bodies/replay_file.rs"]
mod replay_file;

#[test]
fn desync_report_corpus() {
    corpus::run("desync_report", desync_report::run);
}

#[test]
fn journal_segment_corpus() {
    corpus::run("journal_segment", journal_segment::run);
}

#[test]
fn replay_file_corpus() {
    corpus::run("replay_file", replay_file::run);
}

/// Files of every version of the format, written when it was new: format, file, ticks, whether it is signed.
const RELEASED: [(u16, &str, u32, bool); 6] = [
    (1, "empty", 0, false),
    (1, "short", 9, false),
    (1, "keyframe", 513, false),
    (2, "two_empty", 0, false),
    (2, "two_signed", 9, true),
    (2, "two_keyframe", 513, true),
];

/// What was sealed once stays readable, and comes to the same states.
#[test]
fn files_of_every_version_stay_readable() {
    let mut verifier = Verifier::new(sample::registry());
    // The probe that makes fingerprints has changed since; the rules have not.
    verifier.ignore_fingerprint = true;
    for (version, name, ticks, signed) in RELEASED {
        let replay = Replay::read(fs::read(corpus::folder("replay_file").join(name)).unwrap()).unwrap();
        assert_eq!((replay.version(), replay.end().ticks), (version, Tick(ticks)), "{name}");
        assert_eq!(replay.header().game, "drift");
        let verified =
            verifier.verify(&replay, &mut |_, _| {}).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(verified.hash, replay.end().hash, "{name}");
        let key = sample::key().public();
        assert_eq!(replay.check_seal(Some(key)).ok(), signed.then_some(key), "{name}");
    }
}

#[test]
fn the_first_segment_stays_readable() {
    let segment = fs::read(corpus::folder("journal_segment").join("every_kind")).unwrap();
    let (mut reader, mut kinds) = (SegmentReader::open(&segment[..]).unwrap(), Vec::new());
    while let Some(entry) = reader.next_entry().unwrap() {
        kinds.push(entry.record.kind());
    }
    assert_eq!(kinds, (1..=9).collect::<Vec<_>>());
    let segment = fs::read(corpus::folder("journal_segment").join("version_2")).unwrap();
    let (mut reader, mut lives) = (SegmentReader::open(&segment[..]).unwrap(), Lives::default());
    while let Some(entry) = reader.next_entry().unwrap() {
        lives.take(&entry).unwrap();
    }
    let play = lives.get(7).unwrap().play.as_ref().unwrap();
    let resumed = play.resume(sample::registry().get("drift").unwrap().as_ref()).unwrap();
    assert_eq!((play.next(), resumed.disagreed), (Tick(40), None));
}
