//! Pauses, lost links, new ports, killed clients: the seat and the state come back.

use std::time::Duration;

use framekeep_client::Connection;
use framekeep_client::prelude::{ActiveMatch, ConnectionState};
use framekeep_games::arena::Arena;
use framekeep_tests::Apps;

use super::{Told, arena_app, assert_agree, games, is_playing};

/// Two apps that play, on a server that holds seats long enough for a minute's pause.
fn duel(seed: u64) -> Apps {
    let mut apps = Apps::new(seed, games(), |config| {
        config.reconnect_grace = Duration::from_secs(120);
    });
    for number in 0..2 {
        apps.come(&format!("p{number}"), 60, arena_app(seed + number, 2, "lan"));
    }
    apps.run_until("both play", |apps| is_playing(apps, 0) && is_playing(apps, 1));
    apps.run_for(3.0);
    apps
}

fn seat(apps: &Apps, number: usize) -> Option<u8> {
    apps.of::<ActiveMatch<Arena>>(number).seat()
}

/// Waits until app 0 plays again; checks how long that took, its seat, and everybody's state.
fn assert_back_within_a_second(apps: &mut Apps, before: Option<u8>) {
    let took = apps.run_until("it plays again", |apps| {
        let is_online = apps.of::<Connection>(0).state() == ConnectionState::Online;
        is_online && is_playing(apps, 0)
    });
    assert!(took <= Duration::from_secs(1), "it took {took:?}");
    assert_eq!(seat(apps, 0), before);
    apps.run_for(5.0);
    assert!(is_playing(apps, 0));
    assert_agree(apps);
}

#[test]
fn a_pause_of_five_seconds_and_of_a_minute() {
    for (seed, seconds) in [(11, 5.0), (12, 60.0)] {
        let mut apps = duel(seed);
        let before = seat(&apps, 0);
        apps.apps[0].is_paused = true;
        apps.run_for(seconds);
        apps.apps[0].is_paused = false;
        // The first frame after the pause is the first in which anything can be noticed.
        apps.turn();
        assert_back_within_a_second(&mut apps, before);
    }
}

#[test]
fn a_new_port_from_the_translator() {
    let mut apps = duel(13);
    let before = seat(&apps, 0);
    apps.apps[0].net.rebind();
    apps.run_for(0.1);
    let tick = apps.of::<ActiveMatch<Arena>>(0).confirmed().unwrap().tick();
    apps.run_until("frames come again", |apps| {
        apps.of::<ActiveMatch<Arena>>(0).confirmed().is_some_and(|play| play.tick().0 > tick.0 + 12)
    });
    assert_back_within_a_second(&mut apps, before);
    assert_eq!(apps.of::<Connection>(0).reconnections(), 1);
}

#[test]
fn a_client_that_is_killed_and_started_again() {
    let mut apps = duel(14);
    let before = seat(&apps, 0);
    apps.restart(0);
    assert_back_within_a_second(&mut apps, before);
}

#[test]
fn a_link_that_is_only_silent_for_a_while_is_kept() {
    let mut apps = duel(15);
    let net = apps.apps[0].net.clone();
    let until = apps.now() + Duration::from_millis(300);
    while apps.now() < until {
        apps.turn_with(|_, _| while net.take().is_some() {});
    }
    apps.run_for(3.0);
    assert_agree(&apps);
    assert_eq!(apps.of::<Connection>(0).reconnections(), 0);
}

#[test]
fn a_flipped_bit_is_told_with_its_field_and_healed() {
    let mut apps = duel(16);
    apps.apps[0].app.world_mut().resource_mut::<ActiveMatch<Arena>>().flip_bit(5);
    apps.run_until("it is told", |apps| apps.of::<Told>(0).desyncs > 0);
    apps.run_for(3.0);
    let told = apps.of::<Told>(0);
    assert_eq!(told.desyncs, 1);
    assert!(!told.fields.is_empty(), "no field is named");
    let play = apps.of::<ActiveMatch<Arena>>(0).rollback().unwrap();
    let expected = apps.stage("brawl").and_then(|stage| stage.hash_at(play.confirmed().tick()));
    assert_eq!(Some(play.confirmed_hash()), expected);
}
