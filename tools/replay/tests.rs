//! The commands as a user runs them, in this process.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use framekeep_journal::{Replay, ReplayBuilder};
use framekeep_sim::{SeatInput, Tick};
use serde_json::Value;
use tempfile::TempDir;

use crate::args::Args;
use crate::exit::Exit;

mod documents;
mod evidence;
mod parts;
mod reports;

/// Runs a command line; gives its exit code and what it printed.
fn run(words: &[&str]) -> (Exit, String) {
    let args = Args::try_parse_from([&["framekeep-replay"], words].concat()).unwrap();
    let mut out = Vec::new();
    let exit = crate::run(&args, &mut out).unwrap();
    (exit, String::from_utf8(out).unwrap())
}

fn json(words: &[&str]) -> (Exit, Value) {
    let (exit, text) = run(words);
    (exit, serde_json::from_str(&text).unwrap())
}

/// A folder with a match of bots in it.
struct Recorded {
    _folder: TempDir,
    file: PathBuf,
}

impl Recorded {
    fn new(ticks: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("match.fkr");
        let ticks = ticks.to_string();
        let words = ["record", "--seats=4", "--seed=7", "--ticks", &ticks, "--out", file.to_str().unwrap()];
        assert_eq!(run(&words).0, Exit::Ok);
        Self { _folder: folder, file }
    }

    fn path(&self) -> &str {
        self.file.to_str().unwrap()
    }

    /// Another file in the same folder.
    fn beside(&self, name: &str) -> String {
        self.file.with_file_name(name).to_str().unwrap().to_owned()
    }

    /// Replaces one input by another and makes every check right again.
    fn change_input(&self, tick: u32) {
        fs::write(&self.file, self.changed(tick, false)).unwrap();
    }

    /// The match with one input replaced, with the hashes of the original, or played on from there.
    fn changed(&self, tick: u32, play_on: bool) -> Vec<u8> {
        let replay = Replay::read(fs::read(&self.file).unwrap()).unwrap();
        let mut builder = ReplayBuilder::new(replay.header()).unwrap();
        let (header, games) = (replay.header(), framekeep_games::registry());
        let game = games.get(&header.game).unwrap();
        let mut play = game.start(&header.content, header.seed, header.seats).unwrap();
        let (mut frames, mut state) = (replay.frames(), Vec::new());
        while let Some((frame, _)) = frames.next_frame() {
            let mut changed = frame.clone();
            if frame.tick == Tick(tick) {
                let bits = frame.seat(1).bits;
                changed.set(1, SeatInput::arrived(bits ^ 0b111));
            }
            play.step(if play_on { &changed } else { frame });
            let (frame, hash) = (changed, play.hash(&mut state));
            builder.push(&frame, hash).unwrap();
            if builder.keyframe_due() {
                builder.push_keyframe(&state);
            }
        }
        let mut file = Vec::new();
        builder.seal(replay.end().clone(), &mut file).unwrap();
        file
    }
}

#[test]
fn a_recorded_match_agrees() {
    let recorded = Recorded::new(300);
    let (exit, text) = run(&["verify", recorded.path()]);
    assert_eq!(exit, Exit::Ok);
    assert!(text.contains("match.fkr: agrees, 300 ticks, final hash "), "{text}");
    let (exit, report) = json(&["verify", "--json", recorded.path()]);
    assert_eq!((exit, &report["agrees"], &report["schema_version"]), (Exit::Ok, &true.into(), &1.into()));
    assert_eq!(
        (&report["files"][0]["verdict"], &report["files"][0]["ticks"]),
        (&"agrees".into(), &300.into())
    );
}

#[test]
fn hashes_are_printed_and_nothing_else() {
    let recorded = Recorded::new(40);
    let (exit, text) = run(&["verify", "--hashes", recorded.path()]);
    assert_eq!((exit, text.lines().count()), (Exit::Ok, 40));
    for (tick, line) in text.lines().enumerate() {
        let (number, hash) = line.split_once(' ').unwrap();
        assert_eq!((number, hash.len()), (tick.to_string().as_str(), 16));
        assert!(u64::from_str_radix(hash, 16).is_ok());
    }
}

#[test]
fn the_same_arguments_record_the_same_bytes() {
    let (one, two) = (Recorded::new(200), Recorded::new(200));
    assert_eq!(fs::read(&one.file).unwrap(), fs::read(&two.file).unwrap());
}

#[test]
fn a_flipped_byte_is_damage_with_its_place() {
    let recorded = Recorded::new(30);
    let whole = fs::read(&recorded.file).unwrap();
    for at in (0..whole.len()).step_by(97) {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        fs::write(&recorded.file, changed).unwrap();
        let (exit, report) = json(&["verify", "--json", recorded.path()]);
        assert_eq!((exit, &report["files"][0]["verdict"]), (Exit::Damaged, &"damaged".into()));
        assert!(report["files"][0]["offset"].as_u64().unwrap() <= at as u64);
        assert_eq!(run(&["info", recorded.path()]).0, Exit::Damaged);
    }
}

#[test]
fn what_is_no_replay_is_known_by_its_first_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge");
    // Sparse, and larger than any replay: nothing of it but the first bytes is read.
    fs::File::create(&path).unwrap().set_len(1 << 34).unwrap();
    for short in [false, true] {
        if short {
            fs::write(&path, "FKREP").unwrap();
        }
        let (exit, text) = run(&["verify", path.to_str().unwrap()]);
        assert_eq!(exit, Exit::Damaged);
        assert!(text.ends_with("damaged at byte 0: not a replay file\n"), "{text}");
        assert_eq!(run(&["info", path.to_str().unwrap()]).0, Exit::Damaged);
    }
}

#[test]
fn a_changed_input_names_the_tick_and_fields() {
    let recorded = Recorded::new(700);
    recorded.change_input(33);
    let (exit, report) = json(&["verify", "--json", recorded.path()]);
    let verdict = &report["files"][0];
    assert_eq!((exit, &verdict["verdict"]), (Exit::Disagrees, &"disagrees".into()), "{verdict}");
    assert_eq!((&verdict["tick"], &verdict["fields_at"]), (&33.into(), &512.into()));
    assert!(!verdict["fields"].as_array().unwrap().is_empty());
    let (exit, text) = run(&["verify", recorded.path()]);
    assert_eq!(exit, Exit::Disagrees);
    assert!(text.contains("disagrees at tick 33") && text.contains("in the record"), "{text}");
}

#[test]
fn other_rules_are_refused_with_both_fingerprints() {
    let recorded = Recorded::new(10);
    let replay = Replay::read(fs::read(&recorded.file).unwrap()).unwrap();
    let mut header = replay.header().clone();
    header.fingerprint = 0xabc;
    let mut file = Vec::new();
    ReplayBuilder::new(&header).unwrap().seal(replay.end().clone(), &mut file).unwrap();
    fs::write(&recorded.file, file).unwrap();
    let (exit, text) = run(&["verify", recorded.path()]);
    assert_eq!(exit, Exit::Disagrees);
    let both = text.contains("0000000000000abc in the record") && text.contains("--force");
    assert!(both && text.contains(&format!("{:016x} here", replay.header().fingerprint)), "{text}");
}

#[test]
fn of_several_files_the_worst_counts() {
    let recorded = Recorded::new(10);
    let missing = recorded.file.with_file_name("missing.fkr");
    let (exit, text) = run(&["verify", recorded.path(), missing.to_str().unwrap()]);
    assert_eq!(exit, Exit::Failure);
    assert!(text.contains("agrees") && text.contains("missing.fkr: cannot be read"), "{text}");
}

#[test]
fn info_tells_what_is_in_it() {
    let recorded = Recorded::new(90);
    let (exit, text) = run(&["info", recorded.path()]);
    assert_eq!(exit, Exit::Ok);
    for part in ["the same here", "90 ticks at 30 Hz (0:03.0)", "\"bot 4\"", "100.0 % arrived"] {
        assert!(text.contains(part), "{text} has no {part}");
    }
    let (_, info) = json(&["info", "--json", recorded.path()]);
    assert_eq!((&info["game"], &info["seats"], &info["ticks"]), (&"arena".into(), &4.into(), &90.into()));
}

#[test]
fn what_cannot_be_recorded_is_refused() {
    for wrong in [["--seats", "1"], ["--game", "chess"], ["--content", "nowhere.toml"]] {
        let words = [&["record", "--out", "never-written.fkr"], &wrong[..]].concat();
        assert_eq!(run(&words).0, Exit::Failure, "{wrong:?}");
    }
    assert!(!Path::new("never-written.fkr").exists());
}
