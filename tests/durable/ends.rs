//! Matches that end and rooms that close while the disk refuses what the journal says of it.

use std::fs;
use std::path::Path;

use framekeep_journal::Replay;
use framekeep_protocol::{RoomPhase, ToServer};
use framekeep_results::{MatchResult, Query, ResultReader};
use framekeep_server::Durability;

use framekeep_tests::Scenario;

use super::{Drill, recorder_of};

/// The only replay there is.
fn replay(folder: &Path) -> Vec<u8> {
    let files: Vec<_> =
        fs::read_dir(folder.join("replays")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    fs::read(&files[0]).unwrap()
}

fn result(folder: &Path) -> MatchResult {
    let found = ResultReader::open(&folder.join("results.redb")).unwrap().find(&Query::default()).unwrap();
    assert_eq!(found.results.len(), 1, "{found:?}");
    found.results.into_iter().next().unwrap()
}

/// Five seconds of a match are played; then the disk is full, the match is given up, and the room is closed.
fn over_while_full(folder: &Path, seed: u64) -> Drill {
    let mut drill = Drill::playing(folder, seed, Durability::Tick);
    drill.run_for(5_000);
    drill.gate.set_full(true);
    for client in &mut drill.play.clients {
        client.say(&ToServer::Abort);
    }
    drill.run_until("put away", |play| play.stage("duel").is_none());
    drill.play.clients[0].say(&ToServer::Close);
    drill.run_until("closed", |play| play.room_of("duel").is_none());
    drill
}

#[test]
fn what_was_over_while_the_disk_was_full_stays_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut drill = over_while_full(folder.path(), 97);
    drill.run_for(3_000);
    assert!(recorder_of(&drill.play).is_undurable(), "without a room the disk is as full");
    drill.gate.set_full(false);
    drill.run_until("durable again", |play| !recorder_of(play).is_undurable());
    assert_eq!(fs::read_dir(folder.path().join("journal")).unwrap().count(), 1, "no room needs the others");
    let before = (replay(folder.path()), result(folder.path()));
    drill.play.restart();
    assert!(drill.play.room_of("duel").is_none(), "the room was closed");
    drill.play.run_for(0.1);
    drill.play.server.shut_down().unwrap();
    assert_eq!((replay(folder.path()), result(folder.path())), before);
}

#[test]
fn of_what_was_over_when_a_full_disk_was_killed_replay_and_result_stay_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let mut drill = over_while_full(folder.path(), 98);
    drill.play.restart();
    let before = (replay(folder.path()), result(folder.path()));
    assert_eq!(before.1.reason, "aborted");
    let room = drill.play.room_of("duel").expect("that it was closed is not on the disk");
    assert_eq!(room.lobby.phase(), RoomPhase::Finished, "its match is sealed, and over");
    assert!(drill.play.stage("duel").is_none());
    drill.play.run_for(40.0);
    drill.play.server.shut_down().unwrap();
    assert_eq!((replay(folder.path()), result(folder.path())), before);
}

#[test]
fn of_a_match_that_had_just_ended_the_next_start_makes_replay_and_result() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut drill = Drill::playing(folder.path(), 99, Durability::Tick);
    drill.run_for(5_000);
    for client in &mut drill.play.clients {
        client.say(&ToServer::Abort);
    }
    drill.run_until("put away", |play| play.stage("duel").is_none());
    drill.turn();
    drop(drill);
    // As if the server had died before either was on the disk.
    fs::create_dir(other.path().join("journal")).unwrap();
    for file in fs::read_dir(folder.path().join("journal")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), other.path().join("journal").join(file.file_name())).unwrap();
    }
    let data = Some(other.path().to_owned());
    Scenario::with_config(102, |config| config.data = data).server.shut_down().unwrap();
    let [before, after] = [&folder, &other].map(|folder| Replay::read(replay(folder.path())).unwrap());
    assert_eq!((after.header(), after.end()), (before.header(), before.end()));
    let (before, after) = (result(folder.path()), result(other.path()));
    assert_eq!(after, MatchResult { ended_unix_ms: after.ended_unix_ms, ..before });
}
