//! How a server comes to rest.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use framekeep_journal::{EndReason, Record, Replay, SegmentEnd, SegmentReader, Verifier};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::serving::{API_KEY, Serving};
use crate::web::Web;

/// A server on which a match runs, and its players.
fn playing(settings: &[(&str, &str)]) -> (Serving, Web, Web) {
    let serving = Serving::start(settings);
    let (mut ada, mut bob) = (Web::enter(&serving, "ada"), Web::enter(&serving, "bob"));
    ada.join("friday", 2);
    ada.hear("joined");
    bob.join("friday", 2);
    bob.hear("started");
    (serving, ada, bob)
}

/// Somebody who was here, with a ticket that a back end got.
fn again(serving: &Serving, who: &Web) -> Web {
    let key = format!("Bearer {API_KEY}");
    let wish = json!({ "name": "again", "player": who.player }).to_string();
    let minted = serving.post("/api/v1/tickets", &[("Authorization", &key)], &wish).json();
    let mut web = Web::connect(serving);
    web.authenticate(minted["websocket"]["ticket"].as_str().expect("a ticket"));
    web.hear("welcome");
    web.player.clone_from(&who.player);
    web
}

/// The only file in a folder of the data folder.
fn only_file(folder: &Path, of: &str) -> Vec<u8> {
    let files = fs::read_dir(folder.join("data").join(of)).expect("a folder").flatten();
    let files: Vec<_> = files.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    let [file] = &files[..] else { panic!("one file of {of}: {files:?}") };
    fs::read(file).expect("it can be read")
}

/// Reads the journal record by record: it is whole, ends in order, and has every frame of its match, whose number is
/// given. The match is sealed and plays again with the hash of every tick.
fn whole_journal(folder: &Path) -> u32 {
    let bytes = only_file(folder, "journal");
    let mut reader = SegmentReader::open(&bytes[..]).expect("a segment");
    let (mut frames, mut is_in_order) = (0, false);
    while let Some(entry) = reader.next_entry().expect("it can be read") {
        if let Record::Step { tick, .. } = &entry.record {
            assert_eq!(tick.0, frames, "no frame is missing");
            frames += 1;
        }
        is_in_order = matches!(entry.record, Record::CleanShutdown);
    }
    assert!(is_in_order, "its last record is that of a clean shutdown");
    assert_eq!(reader.end(), Some(&SegmentEnd::Whole { offset: bytes.len() as u64 }));
    let replay = Replay::read(only_file(folder, "replays")).expect("a whole replay");
    let verified = Verifier::new(framekeep_games::registry()).verify(&replay, &mut |_, _| {});
    let verified = verified.expect("every hash is the one that was recorded");
    assert_eq!((verified.ticks.0, replay.end().reason), (frames, EndReason::Aborted));
    assert!(replay.check_seal(None).is_ok());
    frames
}

#[test]
fn sigterm_drains_and_a_second_one_ends_it_within_a_second_with_the_journal_whole() {
    // A busy machine holds everybody up now and then, not each time.
    let took = (0..3).map(|_| sigterm_twice()).find(|took| *took <= Duration::from_secs(1));
    assert!(took.is_some(), "the lines above say how long");
}

/// Ends a server that drains; gives how long it took to end.
fn sigterm_twice() -> Duration {
    let (serving, mut ada, _bob) = playing(&[("FRAMEKEEP__DATA__SEALED_AFTER_S", "0")]);
    serving.signal(Signal::SIGTERM);
    serving.until("it is not ready", |serving| serving.get("/readyz").body == "draining\n");
    assert_eq!(serving.get("/healthz").status, 200);
    let mut eve = Web::enter(&serving, "eve");
    eve.join("monday", 2);
    assert_eq!(eve.hear("refused")["code"], "shutting_down");
    ada.hear_if("view", |view| view["tick"].as_u64() > Some(30));
    let told = Instant::now();
    serving.signal(Signal::SIGTERM);
    assert_eq!(ada.until_closed(), "shutting_down");
    let (code, folder) = serving.end_in_folder();
    let took = told.elapsed();
    println!("it ended after {took:?}");
    assert_eq!(code, 0);
    let shown = ada.heard.iter().filter_map(|message| message["view"]["tick"].as_u64()).max();
    let frames = whole_journal(folder.path());
    assert!(Some(u64::from(frames)) >= shown, "{frames} frames, and ada has seen {shown:?}");
    // The next start finds nothing to mend and nothing to go on with.
    fs::write(folder.path().join("log"), "").expect("a log");
    let serving = Serving::start_in(folder, &[]);
    assert_eq!(serving.rooms().len(), 0);
    assert!(!serving.log().contains("ERROR"), "{}", serving.log());
    assert!(serving.get("/metrics").body.contains("\nframekeep_rooms_recovered_total 0\n"));
    took
}

#[test]
fn matches_that_are_kept_go_on_at_the_next_start_where_they_were() {
    // However short it was, the match leaves a replay.
    let settings = [
        ("FRAMEKEEP__DRAIN__UNFINISHED", "keep"),
        ("FRAMEKEEP__DATA__DURABILITY", "tick"),
        ("FRAMEKEEP__DATA__SEALED_AFTER_S", "0"),
    ];
    // The first time the grace passes, the second time it is cut short.
    let (mut serving, mut ada, mut bob) = playing(&settings);
    for (tick, grace_s) in [(30, 0), (60, 3_600)] {
        ada.hear_if("view", |view| view["tick"].as_u64() > Some(tick));
        let drained = serving.operate("POST", "/admin/v1/drain", &format!("{{\"grace_s\":{grace_s}}}"));
        assert_eq!(drained.status, 202, "{}", drained.body);
        if grace_s > 0 {
            serving.signal(Signal::SIGTERM);
            serving.signal(Signal::SIGTERM);
        }
        assert_eq!(
            (ada.until_closed(), bob.until_closed()),
            ("restarting".to_owned(), "restarting".to_owned())
        );
        let shown = ada.heard.iter().filter_map(|message| message["view"]["tick"].as_u64()).max();
        let (code, folder) = serving.end_in_folder();
        assert_eq!(code, 0);
        let is_sealed = fs::read_dir(folder.path().join("data/replays")).is_ok_and(|found| found.count() > 0);
        assert!(!is_sealed, "the match is not over");
        serving = Serving::start_in(folder, &settings);
        let room = serving.get("/api/v1/rooms/friday").json();
        assert!(room["tick"].as_u64() >= shown, "{shown:?} was shown: {room}");
        (ada, bob) = (again(&serving, &ada), again(&serving, &bob));
        for player in [&mut ada, &mut bob] {
            player.join("friday", 2);
            player.hear("started");
        }
        let metrics = serving.get("/metrics").body;
        assert!(metrics.contains("\nframekeep_rooms_recovered_total 1\n"), "{metrics}");
    }
    ada.ask("abort", json!({}));
    ada.hear("ended");
    let drained = serving.operate("POST", "/admin/v1/drain", "{\"grace_s\":0}");
    assert_eq!(drained.status, 202, "{}", drained.body);
    let (code, folder) = serving.end_in_folder();
    assert_eq!(code, 0);
    let replay = Replay::read(only_file(folder.path(), "replays")).expect("a whole replay");
    let verified = Verifier::new(framekeep_games::registry()).verify(&replay, &mut |_, _| {});
    assert!(verified.expect("every hash is the one that was recorded").ticks.0 > 60);
}

#[test]
fn a_server_that_drains_ends_when_the_last_match_does() {
    let (serving, mut ada, _bob) = playing(&[]);
    let drained = serving.operate("POST", "/admin/v1/drain", "{\"grace_s\":3600}");
    assert_eq!(drained.status, 202, "{}", drained.body);
    ada.ask("abort", json!({}));
    assert_eq!(serving.end(), 0);
}

#[test]
fn a_server_on_which_nothing_runs_ends_at_once() {
    let serving = Serving::start(&[]);
    serving.signal(Signal::SIGTERM);
    assert_eq!(serving.end(), 0);
}
