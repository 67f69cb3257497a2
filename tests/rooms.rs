//! Rooms: joining, starting, playing again; coming late, going, and coming back.

use framekeep_protocol::{EndReason, Refusal, RoomPhase, ToServer};
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
    let (host, late) = (play.come("host"), play.come("late"));
    play.run_until("connected", |play| play.clients.iter().all(|client| client.is_connected()));
    play.clients[host].join("brawl", 4);
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
