//! What a server leaves on disk: sealed matches, and the journal of a run that was killed.

use std::fs;
use std::path::{Path, PathBuf};

use framekeep_journal::{EndReason, Record, Replay, SegmentEnd, SegmentReader, Verifier};
use framekeep_tests::Scenario;

fn on(folder: &Path, seed: u64) -> Scenario {
    Scenario::with_config(seed, |config| config.data = Some(folder.to_owned()))
}

/// The files in a folder, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Reads the only replay there is and plays it again.
fn verified(folder: &Path) -> Replay {
    let replays = files(&folder.join("replays"));
    assert_eq!(replays.len(), 1, "{replays:?}");
    assert_eq!(replays[0].extension().unwrap(), "fkr");
    let replay = Replay::read(fs::read(&replays[0]).unwrap()).unwrap();
    let verified = Verifier::new(framekeep_games::registry()).verify(&replay, &mut |_, _| {}).unwrap();
    assert_eq!((verified.ticks, verified.hash), (replay.end().ticks, replay.end().hash));
    assert!(replay.check_seal(None).is_ok(), "the node signs what it seals");
    replay
}

#[test]
fn a_match_that_was_played_out_is_sealed_with_its_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let mut play = on(folder.path(), 51).room("duel", 2);
    play.run_for(55.0);
    play.run_until("ended", |play| play.clients.iter().all(|client| client.ended.len() == 1));
    let told = play.clients[0].ended[0].0.clone();
    play.run_until("put away", |play| play.stage("duel").is_none());
    play.server.shut_down().unwrap();
    let replay = verified(folder.path());
    let end = replay.end();
    assert_eq!(end.reason, EndReason::Outcome);
    assert!(end.outcome.is_some());
    assert_eq!((end.ticks, end.hash, &end.outcome), (told.ticks, told.hash, &told.outcome));
    assert_eq!(replay.header().room, "duel");
    assert_eq!(replay.header().players.len(), 2);
}

#[test]
fn a_server_that_stops_in_order_seals_what_runs_and_leaves_no_journal() {
    let folder = tempfile::tempdir().unwrap();
    let mut play = on(folder.path(), 52).room("duel", 2);
    play.run_for(5.0);
    let ticks = play.stage("duel").unwrap().tick();
    play.server.shut_down().unwrap();
    let replay = verified(folder.path());
    assert_eq!((replay.end().reason, &replay.end().outcome), (EndReason::Aborted, &None));
    assert_eq!(replay.end().ticks, ticks);
    assert_eq!(files(&folder.path().join("journal")).len(), 1);
    let next = on(folder.path(), 53);
    assert_eq!(next.counters().rooms_opened, 0);
    // A journal begins with its first record.
    assert_eq!(files(&folder.path().join("journal")), [] as [PathBuf; 0]);
}

#[test]
fn the_journal_of_a_killed_server_holds_the_room_and_every_frame() {
    let folder = tempfile::tempdir().unwrap();
    let mut play = on(folder.path(), 54).room("duel", 2);
    play.run_for(5.0);
    let ticks = play.stage("duel").unwrap().tick().0;
    drop(play);
    assert_eq!(files(&folder.path().join("replays")), [] as [PathBuf; 0]);
    let segments = files(&folder.path().join("journal"));
    assert_eq!(segments.len(), 1, "{segments:?}");
    let bytes = fs::read(&segments[0]).unwrap();
    let mut reader = SegmentReader::open(&bytes[..]).unwrap();
    let (mut seated, mut started, mut frames) = (0, 0, 0);
    while let Some(entry) = reader.next_entry().unwrap() {
        match entry.record {
            Record::Room(room) => {
                assert_eq!((room.name.as_str(), room.seats), ("duel", 2));
                seated = room.members.len();
            }
            Record::MatchStarted(started_with) => {
                assert_eq!(started_with.header.players.len(), 2);
                started += 1;
            }
            Record::Step { tick, .. } => {
                assert_eq!(tick.0, frames, "no frame is missing");
                frames += 1;
            }
            Record::Snapshot { .. } => {}
            other => panic!("{other:?} of a server that was killed"),
        }
    }
    assert_eq!(reader.end(), Some(&SegmentEnd::Whole { offset: bytes.len() as u64 }));
    assert_eq!((seated, started, frames), (2, 1, ticks));
}
