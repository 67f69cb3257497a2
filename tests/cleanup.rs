//! Cleanup: packets of matches, rooms nobody needs, and what the sweep must never find.

use std::time::Duration;

use framekeep_protocol::{
    JoinRoom, Refusal, RoomEvent, RoomEventKind, RoomOptions, RoomPhase, StartRule, ToServer,
};
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
fn a_room_whose_match_is_over_closes_when_nobody_wants_another() {
    let mut play = Scenario::with_config(65, |config| {
        config.finished_room_life = Duration::from_secs(70);
    })
    .room("duel", 2);
    play.run_for(3.0);
    for number in [0, 1] {
        play.clients[number].say(&ToServer::Abort);
    }
    play.run_for(65.0);
    assert_eq!(row(&play, "duel").map(|row| row.phase).as_deref(), Some("finished"));
    let is_told = |event: &RoomEvent| matches!(event.kind, RoomEventKind::ClosingSoon { in_s } if in_s <= 60);
    assert!(play.clients[0].events.iter().any(is_told), "{:?}", play.clients[0].events);
    play.run_for(10.0);
    assert!(row(&play, "duel").is_none());
    assert!(play.clients[0].is_connected(), "its members are told and stay connected");
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

/// Clients come one after another and join the room that the first of them opens; `spectate` tells who watches.
fn come(play: &mut Scenario, options: &RoomOptions, spectate: &[bool]) {
    for (number, &spectate) in spectate.iter().enumerate() {
        let client = play.come(&format!("p{number}"));
        play.run_until("connected", |play| play.clients[client].is_connected());
        let join = JoinRoom::seat("den".parse().unwrap(), Some(options.clone()));
        play.clients[client].say(&ToServer::Join(JoinRoom { spectate, ..join }));
        play.run_for(0.2);
    }
}

#[test]
fn a_room_that_is_only_watched_is_unlocked_and_closes_as_an_empty_one() {
    let mut play = Scenario::new(66);
    let options = RoomOptions { start: StartRule::Host, spectators_max: 2, ..RoomOptions::new("arena", 4) };
    come(&mut play, &options, &[false, true]);
    play.clients[0].say(&ToServer::Lock { locked: true });
    play.run_for(0.2);
    assert!(play.room_of("den").unwrap().lobby.is_locked());
    play.clients[0].say(&ToServer::Leave);
    for _ in 0..9 {
        play.run_for(1.0);
        assert!(!play.room_of("den").unwrap().lobby.is_locked(), "nobody is left who could unlock it");
        play.clients[1].say(&ToServer::Chat { text: "anybody?".to_owned() });
    }
    play.run_for(1.5);
    assert!(row(&play, "den").is_none(), "who only watches keeps no room");
    assert!(play.clients[1].is_connected());
    assert_eq!(play.counters().swept.total(), 0);
}

#[test]
fn talk_and_what_changes_nothing_keep_no_room_alive() {
    let mut play = Scenario::with_config(67, |config| config.room_life_max = Duration::from_secs(70));
    let options = RoomOptions { start: StartRule::Host, ..RoomOptions::new("arena", 4) };
    come(&mut play, &options, &[false]);
    for _ in 0..14 {
        play.clients[0].say(&ToServer::Ready { ready: false });
        play.clients[0].say(&ToServer::Lock { locked: false });
        play.clients[0].say(&ToServer::Chat { text: "la la".to_owned() });
        play.run_for(5.0);
    }
    assert!(row(&play, "den").is_none(), "nothing has happened in it");
    assert_eq!(play.clients[0].refusals, []);
}

#[test]
fn matches_that_are_given_up_at_once_fill_neither_disk_nor_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut play = Scenario::with_config(68, |config| config.data = Some(folder.path().to_owned()));
    let options = RoomOptions { start: StartRule::Full, ..RoomOptions::new("arena", 2) };
    come(&mut play, &options, &[false, false]);
    for _ in 0..30 {
        play.clients[0].say(&ToServer::Abort);
        play.run_for(0.3);
        play.clients[0].say(&ToServer::PlayAgain);
        play.run_for(0.7);
    }
    let started = play.counters().matches_started;
    assert_eq!(started, 12, "{:?}", play.clients[0].refusals);
    let refusal = play.clients[0].refusals.iter().find(|it| matches!(it, Refusal::TooManyMatches { .. }));
    let Some(&Refusal::TooManyMatches { limit: 12, wait_s }) = refusal else { panic!("{refusal:?}") };
    assert_eq!(play.room_of("den").unwrap().lobby.phase(), RoomPhase::Finished);
    play.run_for(f64::from(wait_s));
    play.clients[0].say(&ToServer::PlayAgain);
    play.run_for(1.0);
    assert_eq!(play.counters().matches_started, 13, "after a while there is one more");
    play.clients[0].say(&ToServer::Abort);
    play.run_for(2.0);
    drop(play);
    let replays = std::fs::read_dir(folder.path().join("replays")).unwrap().count();
    assert_eq!(replays, 0, "nobody played them");
}

#[test]
fn nobody_is_kept_from_leaving_where_no_more_matches_may_start() {
    let mut play = Scenario::new(69);
    let options = RoomOptions { start: StartRule::Ready, ..RoomOptions::new("arena", 4) };
    come(&mut play, &options, &[false, false, false]);
    let ready = |play: &mut Scenario, client: usize| {
        play.clients[client].say(&ToServer::Ready { ready: true });
    };
    for _ in 0..12 {
        (0..3).for_each(|client| ready(&mut play, client));
        play.run_for(0.4);
        play.clients[0].say(&ToServer::Abort);
        play.run_for(0.2);
        play.clients[0].say(&ToServer::PlayAgain);
        play.run_for(0.2);
    }
    (0..2).for_each(|client| ready(&mut play, client));
    play.run_for(0.2);
    play.clients[2].say(&ToServer::Leave);
    play.run_for(0.5);
    assert_eq!(play.counters().matches_started, 12);
    let lobby = &play.room_of("den").unwrap().lobby;
    assert_eq!((lobby.phase(), lobby.roster().taken()), (RoomPhase::Finished, 2));
}
