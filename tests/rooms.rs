//! Rooms: joining, starting, playing again; coming late, going, and coming back.

use std::time::Duration;

use framekeep_protocol::{
    ClosedReason, CommitPolicy, EndReason, JoinRoom, Refusal, RoomEventKind, RoomOptions, RoomPhase,
    StartRule, ToServer,
};
use framekeep_server::{RoomList, ServerConfig};
use framekeep_tests::Scenario;

#[test]
fn the_fifth_of_four_is_told_that_the_room_is_full() {
    let mut play = Scenario::new(11).room("brawl", 4);
    play.run_for(1.0);
    let fifth = play.come("late");
    play.run_until("connected", |play| play.clients[fifth].is_connected());
    play.clients[fifth].join("brawl", 4);
    play.run_until("refused", |play| !play.clients[fifth].refusals.is_empty());
    assert!(matches!(play.clients[fifth].refusals[..], [Refusal::RoomFull { seats: 4, .. }]));
    assert_eq!(play.room_of("brawl").unwrap().roster().taken(), 4);
    play.assert_all_agree();
}

#[test]
fn a_host_starts_before_the_room_is_full_and_a_late_comer_gets_a_snapshot() {
    let mut play = Scenario::new(12);
    let (host, guest, late) = (play.come("host"), play.come("guest"), play.come("late"));
    play.run_until("connected", |play| play.clients.iter().all(|client| client.is_connected()));
    play.clients[host].join("brawl", 4);
    play.run_for(0.2);
    play.clients[host].say(&ToServer::Start);
    play.run_until("refused", |play| !play.clients[host].refusals.is_empty());
    assert_eq!(play.clients[host].refusals, [Refusal::TooFewPlayers { players: 1, needed: 2 }]);
    play.clients[guest].join("brawl", 4);
    play.run_for(0.2);
    play.clients[host].say(&ToServer::Start);
    play.run_for(5.0);
    play.clients[late].join("brawl", 4);
    play.run_for(5.0);
    assert_eq!(play.clients[late].snapshots, 1);
    assert!(play.clients[late].hashes.len() > 100, "{} ticks", play.clients[late].hashes.len());
    play.assert_all_agree();
}

#[test]
fn only_the_host_starts_a_room() {
    let mut play = Scenario::new(13);
    for name in ["host", "guest"] {
        let number = play.come(name);
        play.run_until("connected", |play| play.clients[number].is_connected());
        play.clients[number].join("brawl", 4);
        play.run_for(0.2);
    }
    play.clients[1].say(&ToServer::Start);
    play.run_until("refused", |play| !play.clients[1].refusals.is_empty());
    assert_eq!(play.clients[1].refusals, [Refusal::NotHost]);
    assert!(play.stage("brawl").is_none());
}

#[test]
fn a_match_ends_with_the_same_outcome_for_all_and_is_played_again() {
    let mut play = Scenario::new(14).link("wifi").room("duel", 2);
    play.run_for(55.0);
    play.run_until("ended", |play| play.clients.iter().all(|client| client.ended.len() == 1));
    let ends: Vec<_> = play.clients.iter().map(|client| client.ended[0].0.clone()).collect();
    assert_eq!(ends[0], ends[1]);
    assert_eq!(ends[0].reason, EndReason::Outcome);
    assert!(ends[0].outcome.is_some());
    // The view of the room may come later than the end of its match.
    play.run_for(0.5);
    assert_eq!(play.clients[0].room.as_ref().unwrap().phase, RoomPhase::Finished);
    let is_host = |client: &framekeep_tests::Client| {
        let room = client.room.as_ref().unwrap();
        room.members.iter().any(|member| member.host && member.seat == room.seat)
    };
    let host = play.clients.iter().position(is_host).unwrap();
    play.clients[host].say(&ToServer::PlayAgain);
    play.run_for(8.0);
    assert!(play.stage("duel").is_some_and(|stage| stage.tick().0 > 100));
    play.assert_all_agree();
}

#[test]
fn a_client_that_is_killed_comes_back_to_its_seat_and_state() {
    let mut play = Scenario::new(15).link("lan").room("brawl", 4);
    play.run_for(5.0);
    let seat = play.clients[2].room.as_ref().unwrap().seat;
    play.clients[2].vanish();
    play.run_for(3.0);
    play.reconnect(2);
    play.run_until("playing again", |play| play.clients[2].hashes.len() > 60);
    assert_eq!(play.clients[2].room.as_ref().unwrap().seat, seat);
    assert_eq!(play.clients[2].snapshots, 1);
    play.assert_all_agree();
}

#[test]
fn a_client_that_was_cut_off_for_long_is_healed_by_a_snapshot() {
    let mut play = Scenario::new(16).room("brawl", 4);
    play.run_for(3.0);
    play.clients[1].set_partitioned(true);
    play.run_for(8.0);
    play.clients[1].set_partitioned(false);
    let before = play.clients[1].hashes.len();
    play.run_for(5.0);
    assert!(
        play.clients[1].hashes.len() > before + 60,
        "{} ticks after {before}",
        play.clients[1].hashes.len()
    );
    play.assert_all_agree();
}

#[test]
fn a_seat_is_held_for_the_grace_and_then_freed() {
    let mut play = Scenario::new(17).room("brawl", 4);
    play.run_for(2.0);
    play.clients[3].vanish();
    play.run_for(25.0);
    assert_eq!(play.room_of("brawl").unwrap().roster().taken(), 4);
    play.run_for(20.0);
    assert_eq!(play.room_of("brawl").unwrap().roster().taken(), 3);
    play.assert_all_agree();
}

#[test]
fn an_empty_room_gives_up_its_match_and_closes_in_time() {
    let mut play = Scenario::with_config(18, |config| {
        config.empty_room_life = std::time::Duration::from_secs(5);
    })
    .room("brawl", 2);
    play.run_for(2.0);
    for client in &mut play.clients {
        client.say(&ToServer::Leave);
    }
    play.run_for(1.0);
    assert!(play.stage("brawl").is_none(), "nobody lacks a frame, so the match is put away");
    play.run_for(6.0);
    assert!(play.room_of("brawl").is_none());
    assert_eq!(play.counters().rooms_closed, 1);
}

#[test]
fn a_newer_ticket_takes_the_link_over() {
    let mut play = Scenario::new(19).room("duel", 2);
    play.run_for(2.0);
    let seat = play.clients[0].room.as_ref().unwrap().seat;
    let name = play.clients[0].name.as_str().to_owned();
    let second = play.come(&name);
    play.run_until("taken over", |play| play.clients[second].is_connected());
    play.run_for(2.0);
    assert!(!play.clients[0].is_connected(), "the old link must be closed");
    assert!(play.clients[second].hashes.len() > 20, "{}", play.clients[second].hashes.len());
    assert_eq!(play.clients[second].room.as_ref().unwrap().seat, seat);
    play.assert_all_agree();
}

/// A host and guests of a room with these options.
fn gathered(seed: u64, guests: &[&str], options: &RoomOptions) -> Scenario {
    let mut play = Scenario::new(seed);
    for name in std::iter::once(&"host").chain(guests) {
        let number = play.come(name);
        play.run_until("connected", |play| play.clients[number].is_connected());
        play.clients[number]
            .say(&ToServer::Join(JoinRoom::seat("den".parse().unwrap(), Some(options.clone()))));
        play.run_for(0.2);
    }
    play
}

fn by_readiness(start: StartRule) -> RoomOptions {
    RoomOptions { start, spectators_max: 1, ..RoomOptions::new("arena", 4) }
}

#[test]
fn a_match_starts_when_everybody_is_ready_and_the_host_says_so() {
    let mut play = gathered(50, &["guest"], &by_readiness(StartRule::Host));
    assert_eq!(play.clients[1].room.as_ref().unwrap().phase, RoomPhase::Preparing);
    play.clients[0].say(&ToServer::Start);
    play.run_for(0.2);
    assert_eq!(play.clients[0].refusals, [Refusal::NotReady { missing: 2, players: 2 }]);
    play.clients[0].say(&ToServer::Ready { ready: true });
    play.clients[1].say(&ToServer::Ready { ready: true });
    play.run_for(0.2);
    assert_eq!(play.clients[1].room.as_ref().unwrap().phase, RoomPhase::Ready);
    play.clients[0].say(&ToServer::Start);
    play.run_for(4.0);
    play.assert_all_agree();
    assert!(play.clients[1].hashes.len() > 60);
    let numbers: Vec<u64> = play.clients[0].events.iter().map(|event| event.number).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "events come in one order: {numbers:?}");
}

#[test]
fn a_spectator_sees_every_frame_and_acts_in_none() {
    let mut play = gathered(51, &["guest", "watcher"], &by_readiness(StartRule::Ready));
    play.clients[2].say(&ToServer::Leave);
    play.run_for(0.2);
    let watch = JoinRoom { spectate: true, ..JoinRoom::seat("den".parse().unwrap(), None) };
    play.clients[2].say(&ToServer::Join(watch));
    play.clients[0].say(&ToServer::Ready { ready: true });
    play.clients[1].say(&ToServer::Ready { ready: true });
    play.run_for(5.0);
    assert!(play.clients[2].hashes.len() > 100, "{} ticks seen", play.clients[2].hashes.len());
    assert_eq!(play.room_of("den").unwrap().roster().taken(), 2);
    play.assert_all_agree();
}

#[test]
fn a_member_gives_up_and_keeps_the_seat_and_the_host_gives_up_for_all() {
    let mut play = gathered(52, &["guest"], &by_readiness(StartRule::Ready));
    for number in [0, 1] {
        play.clients[number].say(&ToServer::Ready { ready: true });
    }
    play.run_for(2.0);
    play.clients[1].say(&ToServer::Abort);
    play.run_for(1.0);
    assert_eq!(play.clients[0].room.as_ref().unwrap().phase, RoomPhase::Playing);
    assert!(play.clients[0].room.as_ref().unwrap().members[1].out);
    play.clients[0].say(&ToServer::Abort);
    play.run_for(1.0);
    assert_eq!(play.clients[1].room.as_ref().unwrap().phase, RoomPhase::Finished);
    assert_eq!(play.clients[0].last_end.as_ref().unwrap().reason, EndReason::Aborted);
}

#[test]
fn who_leaves_and_joins_again_and_again_gets_no_more_snapshots_for_it() {
    let mut play = gathered(57, &["guest", "late"], &RoomOptions::new("arena", 4));
    play.clients[0].say(&ToServer::Start);
    play.run_for(2.0);
    for _ in 0..30 {
        play.clients[2].say(&ToServer::Leave);
        play.run_for(0.1);
        play.clients[2].say(&ToServer::Join(JoinRoom::seat("den".parse().unwrap(), None)));
        play.run_for(0.1);
    }
    let snapshots = play.clients[2].snapshots;
    assert!((3..=9).contains(&snapshots), "{snapshots} in six seconds and 30 seats");
    play.run_for(3.0);
    assert!(play.clients[2].snapshots > snapshots, "and what it needs when it stays");
    play.assert_all_agree();
}

#[test]
fn who_is_banned_is_told_and_stays_out() {
    let mut play = gathered(53, &["guest"], &by_readiness(StartRule::Host));
    let player = play.clients[0].room.as_ref().unwrap().members[1].player;
    play.clients[0].say(&ToServer::Kick { player, ban: true });
    play.run_for(0.3);
    assert!(play.clients[1].room.is_none());
    play.clients[1].say(&ToServer::Join(JoinRoom::seat("den".parse().unwrap(), None)));
    play.run_for(0.3);
    assert_eq!(play.clients[1].refusals, [Refusal::Banned { room: "den".parse().unwrap() }]);
}

#[test]
fn a_lockstep_room_waits_for_an_input_that_is_late_and_not_for_ever() {
    let options = RoomOptions { commit: CommitPolicy::Lockstep, ..RoomOptions::new("arena", 2) };
    let mut play = gathered(54, &["guest"], &options);
    play.run_for(4.0);
    let ticks = |play: &Scenario| play.stage("den").unwrap().tick().0;
    assert!(ticks(&play) > 90, "{}", ticks(&play));
    play.clients[1].kind = framekeep_tests::ClientKind::Silent;
    let before = ticks(&play);
    play.run_for(4.0);
    let slow = ticks(&play) - before;
    assert!((15..60).contains(&slow), "a frame waits 200 ms for who is silent: {slow} in 4 s");
    let pauses = play.clients[0].pauses;
    assert!((slow..10 * slow).contains(&pauses), "each wait is told, once a tick: {pauses} times");
    assert_eq!(play.counters().desyncs, 0);
}

#[test]
fn a_room_that_waits_for_nobody_never_says_that_it_stands_still() {
    let mut play = Scenario::new(56).link("wifi").room("den", 2);
    play.run_for(5.0);
    assert_eq!(play.clients.iter().map(|client| client.pauses).sum::<u32>(), 0);
}

#[test]
fn a_silent_link_is_given_up_after_the_configured_time() {
    for (timeout_s, heartbeat_ms) in [(3, 250), (6, 1_000)] {
        let change = |config: &mut ServerConfig| {
            config.link_timeout = Duration::from_secs(timeout_s);
            config.heartbeat = Duration::from_millis(heartbeat_ms);
        };
        let mut play = Scenario::with_config(59, change).room("den", 2);
        play.run_for(2.0);
        play.clients[0].vanish();
        play.run_for(timeout_s as f64 - 0.1);
        assert_eq!(play.counters().links_closed, 0, "{timeout_s} s");
        play.run_for(0.3 + heartbeat_ms as f64 / 1_000.0);
        assert_eq!(play.counters().links_closed, 1, "{timeout_s} s");
        assert!(play.clients[1].is_connected(), "who says nothing gets signs of life");
    }
}

#[test]
fn the_list_of_rooms_is_written_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_owned();
    let mut play = Scenario::with_config(60, |config| config.data = Some(data)).room("den", 2);
    play.run_for(6.0);
    play.clients[1].vanish();
    play.run_for(14.0);
    let now_ms = play.now().as_millis() as u64;
    // What was handed to the writing thread is on the disk when the server is gone.
    drop(play);
    let text = std::fs::read_to_string(folder.path().join("rooms.json")).unwrap();
    let list: RoomList = serde_json::from_str(&text).unwrap();
    assert!(now_ms - list.unix_ms <= 2_100, "it is written every two seconds: {} {now_ms}", list.unix_ms);
    let [row] = &list.rooms[..] else { panic!("{list:?}") };
    assert_eq!((row.name.as_str(), row.phase.as_str(), row.game.as_str()), ("den", "playing", "arena"));
    assert_eq!((row.seats, row.connected), (2, 1));
    assert!(row.tick.is_some_and(|tick| tick > 400) && row.bytes > 1_000, "{row:?}");
    assert!(row.holds.iter().any(|hold| hold.what.starts_with("seat 1 is held")), "{row:?}");
}

#[test]
fn a_join_that_is_refused_opens_no_room() {
    let mut play = Scenario::new(57);
    let client = play.come("ada");
    play.run_until("connected", |play| play.clients[client].is_connected());
    let name = || "den".parse().unwrap();
    let private = RoomOptions { code: "sesame".to_owned(), ..RoomOptions::new("arena", 2) };
    let wrong = JoinRoom { code: "simsalabim".to_owned(), ..JoinRoom::seat(name(), Some(private)) };
    let watching = JoinRoom { spectate: true, ..JoinRoom::seat(name(), Some(RoomOptions::new("arena", 2))) };
    for join in [wrong, watching] {
        play.clients[client].say(&ToServer::Join(join));
        play.run_for(0.3);
        assert!(play.room_of("den").is_none());
    }
    assert_eq!(
        play.clients[client].refusals,
        [Refusal::WrongCode { room: name() }, Refusal::SpectatorsFull { room: name(), limit: 0 }]
    );
    assert_eq!((play.counters().rooms_opened, play.counters().rooms_closed), (0, 0));
}

#[test]
fn who_comes_late_to_a_closed_room_is_told_so_and_only_its_closer_opens_another() {
    let mut play = gathered(58, &["guest"], &RoomOptions::new("arena", 4));
    play.clients[0].say(&ToServer::Close);
    play.run_for(0.5);
    let closed = RoomEventKind::Closed(ClosedReason::Host);
    assert!(play.clients[1].events.iter().any(|event| event.kind == closed), "members are told");
    play.clients[1].say(&ToServer::Join(JoinRoom::seat("den".parse().unwrap(), None)));
    play.clients[1].join("den", 4);
    play.run_for(0.5);
    let refused = |free_in_s| Refusal::RoomClosed {
        room: "den".parse().unwrap(),
        reason: ClosedReason::Host,
        free_in_s,
    };
    assert_eq!(play.clients[1].refusals, [refused(60), refused(60)]);
    play.clients[0].join("den", 4);
    play.run_for(0.5);
    assert!(play.room_of("den").is_some(), "who closed it may open it again");
    play.clients[0].say(&ToServer::Close);
    play.run_for(60.5);
    play.clients[1].join("den", 4);
    play.run_for(0.5);
    assert!(play.room_of("den").is_some(), "after a minute the name is free");
}

#[test]
fn who_makes_a_private_room_need_not_repeat_its_code() {
    let options = RoomOptions { code: "sesame".to_owned(), ..RoomOptions::new("arena", 4) };
    let mut play = gathered(55, &["guest"], &options);
    assert!(play.clients[0].room.as_ref().is_some_and(|room| room.private));
    assert_eq!(play.clients[1].refusals, [Refusal::WrongCode { room: "den".parse().unwrap() }]);
    let join = JoinRoom { code: "sesame".to_owned(), ..JoinRoom::seat("den".parse().unwrap(), None) };
    play.clients[1].say(&ToServer::Join(join));
    play.run_for(0.3);
    assert_eq!(play.room_of("den").unwrap().roster().taken(), 2);
}
