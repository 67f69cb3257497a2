//! Reports come back, within their bounds, and damage never passes.

use framekeep_sim::{FieldDiff, Frame, SeatInput, Tick, hash_bytes};

use super::{DesyncCause, DesyncReport, HashPair, ReportError, StateAt, cut_text};
use crate::{MatchHeader, sample};

/// The size of the sample report's file, and the XXH3 of it.
const GOLDEN: (usize, u64) = (1_775, 6_066_519_753_886_185_426);

fn state(tick: u32, last: u8) -> StateAt {
    StateAt { tick: Tick(tick), bytes: vec![1, 2, 3, last] }
}

fn report() -> DesyncReport {
    let frames = (100..220).map(|tick| {
        let mut frame = Frame::absent(Tick(tick), 2);
        frame.set(0, SeatInput::arrived(u64::from(tick % 3)));
        frame
    });
    let pair = |tick: u32| HashPair { tick: Tick(tick), server: u64::from(tick), client: tick.min(219) };
    DesyncReport {
        // The bytes are to say nothing of the rules of the sample.
        header: MatchHeader { fingerprint: 0xfeed_f00d, ..sample::header(2) },
        room: 7,
        epoch: 3,
        made_unix_s: 1_800_000_000,
        seat: 1,
        player: 99,
        cause: DesyncCause::StateDiffers,
        noticed: Tick(223),
        first_bad: Tick(220),
        exact: true,
        hashes: (200..224).map(pair).collect(),
        fields: vec![FieldDiff { path: "places[1]".into(), left: "10".into(), right: "11".into() }],
        server: state(220, 4),
        client: Some(state(220, 5)),
        base: state(100, 0),
        frames: frames.collect(),
    }
}

#[test]
fn a_report_comes_back_and_its_bytes_stay_what_they_are() {
    let report = report();
    let file = report.write().unwrap();
    assert_eq!(DesyncReport::read(&file), Ok(report.clone()));
    assert_eq!((file.len(), hash_bytes(&file)), GOLDEN, "the bytes of reports have changed");
    assert_eq!((report.entity(), report.hashes[19].agrees()), (Some("places[1]"), true));
    assert!(!report.hashes[20].agrees());
    let without = DesyncReport { client: None, fields: Vec::new(), cause: DesyncCause::NoState, ..report };
    assert_eq!(DesyncReport::read(&without.write().unwrap()), Ok(without));
}

#[test]
fn each_bound_is_checked_and_named() {
    let long = FieldDiff { path: "x".repeat(257), left: String::new(), right: String::new() };
    let mut gap = report();
    gap.frames.remove(5);
    let mut hashes = report();
    hashes.hashes.remove(3);
    let cases: [(&str, DesyncReport); 8] = [
        ("65 fields", DesyncReport { fields: vec![FieldDiff::clone(&report().fields[0]); 65], ..report() }),
        ("257 bytes of text", DesyncReport { fields: vec![long], ..report() }),
        ("a server's state at tick 9", DesyncReport { server: state(9, 0), ..report() }),
        ("a client's state at tick 9", DesyncReport { client: Some(state(9, 0)), ..report() }),
        (
            "bytes of a state",
            DesyncReport { base: StateAt { tick: Tick(100), bytes: vec![0; (1 << 20) + 1] }, ..report() },
        ),
        ("a frame of tick 106", gap),
        ("the hash of tick 204", hashes),
        (
            "frames up to tick 220",
            DesyncReport { first_bad: Tick(221), server: state(221, 0), client: None, ..report() },
        ),
    ];
    for (words, case) in cases {
        let message = case.write().unwrap_err().to_string();
        assert!(message.contains(words), "{message} should say {words}");
    }
}

#[test]
fn every_flipped_bit_and_every_cut_is_found() {
    let file = report().write().unwrap();
    for bit in 0..file.len() * 8 {
        let mut bytes = file.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(DesyncReport::read(&bytes), Err(ReportError::Damaged(_))), "bit {bit}");
    }
    for end in 0..file.len() {
        assert!(matches!(DesyncReport::read(&file[..end]), Err(ReportError::Damaged(_))), "cut at {end}");
    }
    assert!(DesyncReport::read(&[&file[..], &[0]].concat()).is_err());
}

#[test]
fn what_is_whole_and_out_of_bounds_is_refused() {
    let mut raw = Vec::new();
    framekeep_sim::encode_into(&DesyncReport { exact: false, frames: Vec::new(), ..report() }, &mut raw);
    let packed = lz4_flex::block::compress(&raw);
    let seal = |raw_len: u32| {
        let mut file = b"FKDESYNC\x01\x00".to_vec();
        file.extend_from_slice(&raw_len.to_le_bytes());
        file.extend_from_slice(&(packed.len() as u32).to_le_bytes());
        file.extend_from_slice(&packed);
        let check = blake3::hash(&file);
        file.extend_from_slice(check.as_bytes());
        file
    };
    assert!(matches!(DesyncReport::read(&seal(raw.len() as u32)), Err(ReportError::Invalid(_))));
    assert!(matches!(DesyncReport::read(&seal(u32::MAX)), Err(ReportError::Damaged(_))));
    assert!(matches!(DesyncReport::read(&seal(raw.len() as u32 + 1)), Err(ReportError::Damaged(_))));
}

#[test]
fn long_texts_are_cut_between_letters() {
    assert_eq!(cut_text("short"), "short");
    assert_eq!(cut_text(&"ä".repeat(200)).len(), 256);
    assert_eq!(cut_text(&format!("x{}", "ä".repeat(200))).len(), 255);
}
