//! The corpus of the fuzz targets as plain tests.

use std::fs;
use std::path::{Path, PathBuf};

#[expect(unreachable_pub, reason = "a fuzz target is a crate of its own")]
#[path = "../../tools/fuzz/bodies/control_codec.rs"]
mod control_codec;
#[expect(unreachable_pub, reason = "a fuzz target is a crate of its own")]
#[path = "../../tools/fuzz/bodies/guard_datagram.rs"]
mod guard_datagram;
#[expect(unreachable_pub, reason = "a fuzz target is a crate of its own")]
#[path = "../../tools/fuzz/bodies/guard_payload.rs"]
mod guard_payload;
#[expect(unreachable_pub, reason = "a fuzz target is a crate of its own")]
#[path = "../../tools/fuzz/bodies/hot_lane.rs"]
mod hot_lane;

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
fn control_codec_corpus() {
    run_corpus("control_codec", control_codec::run);
}

#[test]
fn guard_datagram_corpus() {
    run_corpus("guard_datagram", guard_datagram::run);
}

#[test]
fn guard_payload_corpus() {
    run_corpus("guard_payload", guard_payload::run);
}

#[test]
fn hot_lane_corpus() {
    run_corpus("hot_lane", hot_lane::run);
}
