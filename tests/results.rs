//! Results: a finished match is found in the store by its players, also where the store was damaged before.

use std::fs;
use std::path::Path;

use framekeep_protocol::ToServer;
use framekeep_results::{MatchResult, Query, ResultReader};
use framekeep_tests::Scenario;

/// Two play for a while, and the host gives the match up.
fn play_a_match(seed: u64, data: &Path) {
    let mut play = Scenario::with_config(seed, |config| config.data = Some(data.to_owned())).room("duel", 2);
    play.run_for(4.0);
    for client in &mut play.clients {
        client.say(&ToServer::Abort);
    }
    play.run_for(5.0);
    // What was put is kept before the server is gone.
    drop(play);
}

fn results_of(data: &Path, player: &str) -> Vec<MatchResult> {
    let query = Query { player: Some(player.to_owned()), ..Query::default() };
    ResultReader::open(&data.join("results.redb")).unwrap().find(&query).unwrap().results
}

#[test]
fn a_finished_match_is_found_by_its_players_with_its_replay() {
    let folder = tempfile::tempdir().unwrap();
    play_a_match(21, folder.path());
    let found = results_of(folder.path(), "duel-1");
    assert_eq!(found.len(), 1, "{found:?}");
    let result = &found[0];
    assert_eq!(
        (result.room.as_str(), result.game.as_str(), result.reason.as_str()),
        ("duel", "arena", "aborted")
    );
    assert_eq!((result.seats, result.players.len()), (2, 2));
    assert!(result.ticks > 30 && result.duration_ms() > 1_000, "{result:?}");
    let replay = folder.path().join("replays").join(result.replay.as_ref().unwrap());
    let replay = framekeep_journal::Replay::read(fs::read(replay).unwrap()).unwrap();
    assert_eq!(
        (replay.end().ticks.0, format!("{:016x}", replay.end().hash)),
        (result.ticks, result.hash.clone())
    );
    assert!(results_of(folder.path(), "nobody").is_empty());
}

#[test]
fn a_damaged_store_is_set_aside_and_the_next_match_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("results.redb"), b"not what was written".repeat(1_000)).unwrap();
    play_a_match(22, folder.path());
    assert_eq!(results_of(folder.path(), "duel-0").len(), 1);
    let aside = fs::read_dir(folder.path()).unwrap().filter_map(Result::ok);
    let is_aside = |name: &str| name.starts_with("results.damaged-");
    assert_eq!(aside.filter(|entry| entry.file_name().to_str().is_some_and(is_aside)).count(), 1);
}

#[test]
fn a_result_names_everybody_who_had_a_seat_and_when() {
    let folder = tempfile::tempdir().unwrap();
    let with = |config: &mut framekeep_server::ServerConfig| config.data = Some(folder.path().to_owned());
    let mut play = Scenario::with_config(23, with).room("duel", 2);
    play.run_for(3.0);
    play.clients[1].say(&ToServer::Leave);
    play.run_for(1.0);
    let heir = play.come("heir");
    play.run_until("connected", |play| play.clients[heir].is_connected());
    play.clients[heir].join("duel", 2);
    play.run_for(3.0);
    play.clients[0].say(&ToServer::Abort);
    play.run_for(5.0);
    drop(play);
    let found = results_of(folder.path(), "heir");
    let seats: Vec<_> = found[0].players.iter().map(|seat| (seat.seat, seat.name.as_str())).collect();
    assert_eq!(seats, [(0, "duel-0"), (1, "duel-1"), (1, "heir")]);
    let [host, left, heir] = &found[0].players[..] else { panic!("{found:?}") };
    assert!(host.from_tick == 0 && left.from_tick == 0 && heir.until_tick.is_none());
    assert!(left.until_tick.is_some_and(|until| until > 30 && until < heir.from_tick), "{found:?}");
}
