//! What does not come back: places, matches, links that are over for good.

use std::time::Duration;

use framekeep_client::prelude::{ActiveMatch, ClientCommand, ConnectionState, Mirrored, RoomState};
use framekeep_client::{Connection, NetDiagnostics, PlayMode, Reason};
use framekeep_games::arena::Arena;
use framekeep_protocol::{CloseReason, LeftReason, Refusal, ToServer};
use framekeep_tests::Apps;

use super::rooms::{Log, command, logged, room_state};
use super::{arena_app, games, is_playing};

/// Two apps that play, on a server that holds seats for `grace_s`.
fn duel(seed: u64, grace_s: u64) -> Apps {
    let mut apps = Apps::new(seed, games(), |config| config.reconnect_grace = Duration::from_secs(grace_s));
    for number in 0..2 {
        let name = format!("p{number}");
        apps.come(&name, 60, logged(arena_app(seed + number, 2, "delay=60,jitter=20,loss=2")));
    }
    apps.run_until("both play", |apps| is_playing(apps, 0) && is_playing(apps, 1));
    apps.run_for(3.0);
    apps
}

/// Checks that nothing of a match is left in an app.
fn assert_nothing_is_played(apps: &mut Apps, number: usize) {
    assert_eq!(apps.of::<ActiveMatch<Arena>>(number).mode(), PlayMode::Idle);
    let world = apps.apps[number].app.world_mut();
    assert_eq!(world.query::<&Mirrored>().iter(world).count(), 0);
}

#[test]
fn a_server_that_is_not_heard_for_a_while_is_found_again() {
    let mut apps = duel(41, 120);
    for tenths in 4..12 {
        apps.apps[0].is_deaf = true;
        apps.run_for(f64::from(tenths) / 10.0);
        apps.apps[0].is_deaf = false;
        apps.run_for(6.0);
        let state = apps.of::<Connection>(0).state();
        assert_eq!(state, ConnectionState::Online, "after {tenths} tenths of a second");
        assert!(is_playing(&apps, 0), "after {tenths} tenths of a second");
    }
}

#[test]
fn a_seat_that_was_not_held_is_noticed() {
    let mut apps = duel(42, 2);
    apps.apps[0].is_paused = true;
    apps.run_until("its seat is free", |apps| apps.of::<Connection>(1).room().unwrap().members.len() == 1);
    command(&mut apps, 1, ClientCommand::Ask(ToServer::Lock { locked: true }));
    apps.run_for(0.5);
    apps.apps[0].is_paused = false;
    apps.run_until("it is told", |apps| {
        let failed = &apps.of::<Log>(0).failed;
        failed.contains(&Reason::Left(LeftReason::Lost))
    });
    apps.run_for(1.0);
    let failed = &apps.of::<Log>(0).failed;
    assert!(matches!(failed.last(), Some(Reason::Refused(Refusal::RoomLocked { .. }))), "{failed:?}");
    assert_eq!(room_state(&apps, 0), RoomState::Outside);
    assert_eq!(apps.of::<Connection>(0).state(), ConnectionState::Online);
    assert_nothing_is_played(&mut apps, 0);
}

#[test]
fn a_match_that_ends_while_a_client_is_away_ends_for_it_too() {
    let mut apps = duel(43, 120);
    apps.apps[1].is_paused = true;
    apps.run_for(8.0);
    command(&mut apps, 0, ClientCommand::Ask(ToServer::Abort));
    apps.run_for(4.0);
    assert_eq!(room_state(&apps, 0), RoomState::Finished);
    apps.apps[1].is_paused = false;
    apps.run_until("it is back", |apps| room_state(apps, 1) == RoomState::Finished);
    apps.run_for(0.5);
    assert_nothing_is_played(&mut apps, 1);
    let ended = &apps.of::<Log>(1).ended;
    assert_eq!(ended.len(), 1, "how it ended is told once");
    assert_eq!(*ended, apps.of::<Log>(0).ended);
    assert_eq!(apps.of::<ActiveMatch<Arena>>(1).ended(), ended.first());
}

#[test]
fn ticks_that_were_missed_are_named() {
    let mut apps = duel(47, 120);
    apps.apps[0].is_paused = true;
    let paused_at = apps.of::<ActiveMatch<Arena>>(0).confirmed().unwrap().tick();
    apps.run_for(20.0);
    apps.apps[0].is_paused = false;
    apps.run_until("it plays again", |apps| is_playing(apps, 0));
    apps.run_for(1.0);
    let [skipped] = apps.of::<Log>(0).skipped[..] else { panic!("{:?}", apps.of::<Log>(0).skipped) };
    assert!(skipped.from >= paused_at && skipped.from.0 < paused_at.0 + 60, "{skipped:?}, {paused_at}");
    assert!(skipped.to.0 > paused_at.0 + 590, "{skipped:?}, {paused_at}");
}

#[test]
fn a_client_that_was_taken_over_plays_no_more() {
    let mut apps = duel(44, 120);
    let other = apps.come("p0", 60, arena_app(44, 2, "lan"));
    apps.run_until("the other plays", |apps| is_playing(apps, other));
    apps.run_for(1.0);
    assert_eq!(apps.of::<Connection>(0).reason(), Some(&Reason::Closing(CloseReason::TakenOver)));
    assert_eq!(apps.of::<Connection>(0).state(), ConnectionState::Closed);
    assert_nothing_is_played(&mut apps, 0);
}

#[test]
fn what_was_predicted_of_a_match_that_is_left_is_taken_back() {
    let mut apps = duel(45, 120);
    let is_open = |told: &[u32; 3]| told[0] > 0 && told[1] + told[2] == 0;
    apps.run_until("something is predicted", |apps| apps.of::<Log>(0).events.values().any(is_open));
    command(&mut apps, 0, ClientCommand::Disconnect);
    apps.run_for(0.1);
    assert!(!apps.of::<Log>(0).events.values().any(is_open));
    assert_nothing_is_played(&mut apps, 0);
    command(&mut apps, 0, ClientCommand::Chat("hello".to_owned()));
    apps.run_for(1.0);
    assert_eq!(apps.of::<Log>(0).failed, [Reason::NotConnected]);
    command(&mut apps, 0, ClientCommand::Connect);
    apps.run_until("it is in the room again", |apps| room_state(apps, 0) != RoomState::Outside);
}

#[test]
fn a_good_network_is_said_to_be_good() {
    let mut apps = Apps::new(46, games(), |_| {});
    for number in 0..2 {
        apps.come(&format!("p{number}"), 60, arena_app(46 + number, 2, "perfect"));
    }
    apps.run_until("both play", |apps| is_playing(apps, 0) && is_playing(apps, 1));
    let before = apps.of::<Connection>(0).traffic();
    apps.run_for(10.0);
    let after = apps.of::<Connection>(0).traffic();
    let sent = after.up_datagrams - before.up_datagrams;
    let came = after.down_datagrams - before.down_datagrams;
    // One each way for each of 300 ticks, and a few for the room.
    assert!(sent <= 330 && came <= 330, "{sent} datagrams up and {came} down");
    let net = apps.of::<NetDiagnostics>(0);
    assert!(net.loss < 0.1 && net.jitter < Duration::from_millis(25), "{net:?}");
    assert_eq!(net.input_delay_ticks, 0);
    let text = net.to_string();
    assert_eq!(text.lines().count(), net.figures().len(), "{text}");
    assert!(text.contains("framekeep_client_rtt_seconds 0.0"), "{text}");
    assert_eq!(apps.counters().hot_copies, 0, "a good network costs no copies");
}
