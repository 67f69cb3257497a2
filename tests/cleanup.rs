//! Cleanup: packets of matches, rooms nobody needs, and what the sweep must never find.

use std::time::Duration;

use framekeep_protocol::ToServer;
use framekeep_server::{CleanupStats, RoomRow, list_rooms, sweep, why_alive};
use framekeep_tests::Scenario;

fn stats(play: &Scenario) -> &CleanupStats {
    play.server.world().resource::<CleanupStats>()
}

fn row(play: &Scenario, name: &str) -> Option<RoomRow> {
    list_rooms(play.server.world()).into_iter().find(|row| row.name == name)
}

fn holds(play: &Scenario, name: &str) -> Vec<String> {
    row(play, name).map(|row| row.holds.into_iter().map(|hold| hold.what).collect()).unwrap_or_default()
}

#[test]
fn scores_are_kept_while_a_match_plays_and_go_when_everybody_has_left() {
    let mut play = Scenario::new(60).room("duel", 2);
    play.run_for(10.0);
    let [scores, states, boards] = stats(&play).packets;
    assert!((2..=100).contains(&scores), "{scores} score frames of two seats");
    assert_eq!((states, boards), (2, 4), "one state a seat, the last leaderboards");
    for client in &mut play.clients {
        client.say(&ToServer::Leave);
    }
    play.run_for(7.0);
    assert_eq!(stats(&play).packets, [0, 0, 0]);
    assert!(row(&play, "duel").is_some(), "the room stays for a while");
    assert_eq!(stats(&play).failures, 0);
}

#[test]
fn a_rooms_packets_go_with_the_room() {
    let mut play = Scenario::with_config(61, |config| {
        config.empty_room_life = Duration::from_secs(2);
        config.cleanup_delay = Duration::from_secs(20);
    })
    .room("duel", 2);
    play.run_for(6.0);
    for client in &mut play.clients {
        client.say(&ToServer::Leave);
    }
    play.run_for(6.0);
    assert!(row(&play, "duel").is_none());
    assert_eq!(stats(&play).packets, [0, 0, 0]);
    assert_eq!(stats(&play).finished[2], 1, "the room tier ran");
}

#[test]
fn why_alive_names_what_holds_a_room() {
    let mut play = Scenario::new(62).room("duel", 2);
    play.run_for(5.0);
    let playing = holds(&play, "duel");
    assert!(playing.iter().any(|what| what.contains("a match runs")), "{playing:?}");
    assert_eq!(playing.iter().filter(|what| what.contains("is taken by")).count(), 2, "{playing:?}");
    play.clients[0].vanish();
    play.run_for(20.0);
    let held = holds(&play, "duel");
    assert!(held.iter().any(|what| what.contains("is held for")), "{held:?}");
    let duel = row(&play, "duel").unwrap();
    assert_eq!((duel.seats, duel.connected, duel.phase.as_str()), (2, 1, "playing"));
    assert!(duel.bytes > 1_000 && duel.next_deadline_unix_ms.is_some());
}

#[test]
fn a_room_in_which_nothing_happens_closes_in_time() {
    let mut play = Scenario::with_config(63, |config| {
        config.room_life_max = Duration::from_secs(70);
    });
    let host = play.come("host");
    play.run_until("connected", |play| play.clients[host].is_connected());
    play.clients[host].join("lonely", 4);
    play.run_for(65.0);
    assert!(row(&play, "lonely").is_some());
    play.run_for(10.0);
    assert!(row(&play, "lonely").is_none());
    assert!(play.clients[host].is_connected(), "its member is told and stays connected");
}

#[test]
fn a_sweep_finds_nothing_after_rooms_came_and_went() {
    let mut play = Scenario::with_config(64, |config| {
        config.empty_room_life = Duration::from_secs(3);
        config.reconnect_grace = Duration::from_secs(5);
        config.sweep_every = Duration::from_secs(1);
    })
    .room("one", 2)
    .room("two", 4)
    .room("three", 2);
    play.run_for(3.0);
    for client in &mut play.clients[..3] {
        client.say(&ToServer::Leave);
    }
    play.clients[4].vanish();
    play.clients[6].vanish();
    play.clients[7].vanish();
    play.run_for(40.0);
    let found = sweep(play.server.world_mut());
    assert_eq!((found, play.counters().swept.total()), (0, 0), "{:?}", play.counters().swept);
    assert!(row(&play, "one").is_none() && row(&play, "three").is_none());
    assert!(row(&play, "two").is_some());
}

#[test]
fn an_entity_that_is_no_room_is_held_by_nothing() {
    let mut play = Scenario::new(65);
    let entity = play.server.world_mut().spawn_empty().id();
    assert_eq!(why_alive(play.server.world(), entity), []);
}
