//! The golden replays: what they come to on this machine is what they came to on every other.
//!
//! `cargo xtask golden` makes them again after a change of rules that was meant; the failure of the first test then
//! says what to write here.

use std::fs;
use std::path::{Path, PathBuf};

use framekeep_journal::{Replay, Verifier};

/// Name, ticks and hash of the last state.
const GOLDEN: &[(&str, u32, u64)] = &[
    ("clockwork_solo", 1_707, 0x249a_9fe3_509a_74a8),
    ("courtyard_duel", 900, 0xb784_775f_859b_1254),
    ("foundry_sixteen", 900, 0x8db3_3d0b_0b3c_6df9),
    ("pit_four", 1_800, 0xaf5c_8bd5_1886_d7c8),
    ("sunrise_four", 1_545, 0xcd3e_4aef_2e4a_0f48),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/replays")
}

fn read(name: &str) -> Replay {
    let path = folder().join(name).with_extension("fkr");
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Replay::read(bytes).unwrap_or_else(|damage| panic!("{}: {damage}", path.display()))
}

#[test]
fn golden_replays_come_to_the_same_states_as_ever() {
    let mut verifier = Verifier::new(framekeep_games::registry());
    for (name, ticks, hash) in GOLDEN {
        let verified =
            verifier.verify(&read(name), &mut |_, _| ()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let here = (*name, verified.ticks.0, verified.hash);
        assert_eq!(
            here,
            (*name, *ticks, *hash),
            "now ({name:?}, {}, {:#018x})",
            verified.ticks.0,
            verified.hash
        );
    }
}

#[test]
fn every_golden_replay_is_listed() {
    let mut files: Vec<_> = fs::read_dir(folder())
        .expect("the folder of golden replays")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "fkr"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    files.sort();
    let mut listed: Vec<_> = GOLDEN.iter().map(|(name, ..)| (*name).to_owned()).collect();
    listed.sort();
    assert_eq!(files, listed);
    assert!(listed.len() >= 3, "there are golden replays");
}
