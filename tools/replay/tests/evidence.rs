//! Who sealed a match, and where it was changed.

use std::fs;

use framekeep_journal::{Replay, SealKey, reseal};

use super::{Exit, Recorded, json, run};

/// A match of bots that a node signed, and the node's public key.
fn signed(ticks: &str) -> (Recorded, String) {
    let recorded = Recorded::new(1);
    let key_file = recorded.beside("node.key");
    fs::write(&key_file, format!("{}\n", "0123456789abcdef".repeat(4))).unwrap();
    let words = [
        "record",
        "--replace",
        "--seed=7",
        "--ticks",
        ticks,
        "--key-file",
        &key_file,
        "--out",
        recorded.path(),
    ];
    assert_eq!(run(&words).0, Exit::Ok);
    let secret: Vec<u8> =
        (0..32).map(|at| [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef][at % 8]).collect();
    let key = SealKey::derive(secret.as_slice().try_into().unwrap()).public().to_string();
    (recorded, key)
}

#[test]
fn a_key_proves_who_sealed_a_match() {
    let (recorded, key) = signed("300");
    let (exit, text) = run(&["verify", "--key", &key, recorded.path()]);
    assert!(exit == Exit::Ok && text.contains(&format!("sealed by {key}")), "{text}");
    // The same from a file.
    let file = recorded.beside("node.pub");
    fs::write(&file, format!("{key}\n")).unwrap();
    assert_eq!(run(&["verify", "--key", &file, recorded.path()]).0, Exit::Ok);
    let (_, info) = json(&["info", "--json", recorded.path()]);
    assert_eq!(info["sealed_by"], key.as_str());
}

#[test]
fn another_key_and_no_signature_are_refused() {
    let (recorded, key) = signed("20");
    let other = SealKey::derive(&[9; 32]).public().to_string();
    let (exit, text) = run(&["verify", "--key", &other, recorded.path()]);
    assert_eq!(exit, Exit::Disagrees);
    assert!(text.contains(&key) && text.contains(&other), "{text}");
    let unsigned = Recorded::new(20);
    let (exit, text) = run(&["verify", "--key", &key, unsigned.path()]);
    assert!(exit == Exit::Disagrees && text.contains("nobody signed"), "{text}");
    assert_eq!(run(&["verify", unsigned.path()]).0, Exit::Ok);
}

#[test]
fn a_forged_chunk_is_named_with_its_tick() {
    let (recorded, key) = signed("700");
    let file = fs::read(&recorded.file).unwrap();
    let replay = Replay::read(file.clone()).unwrap();
    let part = replay.parts().find(|part| part.name == "chunk of frames" && part.tick.0 == 256).unwrap();
    // The last byte of the chunk is of its last frame; some bit of it leaves a chunk that can be read.
    let last = (part.offset + part.bytes) as usize - 9;
    let forged = (0..8).find_map(|bit| {
        let mut forged = file.clone();
        forged[last] ^= 1 << bit;
        (reseal(&mut forged) && Replay::read(forged.clone()).is_ok()).then_some(forged)
    });
    fs::write(&recorded.file, forged.expect("a bit that can be forged")).unwrap();
    for words in [&["--key", key.as_str()][..], &[]] {
        let words = [&["verify", "--json"], words, &[recorded.path()]].concat();
        let (exit, report) = json(&words);
        let verdict = &report["files"][0];
        assert_eq!((exit, &verdict["verdict"]), (Exit::Damaged, &"forged".into()), "{verdict}");
        assert_eq!((&verdict["part"], &verdict["tick"]), (&"chunk of frames".into(), &256.into()));
        assert_eq!(verdict["offset"], part.offset);
    }
}

#[test]
fn what_is_no_key_is_a_wrong_command_line() {
    use clap::Parser;
    for key in ["", "12", &"0".repeat(63)] {
        let words = ["framekeep-replay", "verify", "--key", key, "match.fkr"];
        assert!(crate::args::Args::try_parse_from(words).is_err(), "{key}");
    }
}
