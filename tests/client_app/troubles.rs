//! Pauses, lost links, new ports, killed clients: the seat and the state come back.

use std::time::Duration;

use framekeep_client::Connection;
use framekeep_client::prelude::{ActiveMatch, ConnectionState};
use framekeep_games::arena::Arena;
use framekeep_server::ServerConfig;
use framekeep_tests::Apps;

use super::{Told, arena_app, assert_agree, games, is_playing};

/// 150 ms there and back, 30 ms of jitter each way, one datagram of twenty lost.
const BAD: &str = "delay=75,jitter=30,loss=5";

/// Two apps that play, on a server that holds seats long enough for a minute's pause.
pub(super) fn duel(seed: u64) -> Apps {
    duel_over(seed, "lan")
}

fn duel_over(seed: u64, link: &str) -> Apps {
    duel_with(seed, link, Duration::from_secs(120))
}

fn duel_with(seed: u64, link: &str, grace: Duration) -> Apps {
    let mut apps = Apps::new(seed, games(), |config| config.reconnect_grace = grace);
    for number in 0..2 {
        apps.come(&format!("p{number}"), 60, arena_app(seed + number, 2, link));
    }
    apps.run_until("both play", |apps| is_playing(apps, 0) && is_playing(apps, 1));
    apps.run_for(3.0);
    apps
}

fn seat(apps: &Apps, number: usize) -> Option<u8> {
    apps.of::<ActiveMatch<Arena>>(number).seat()
}

/// Freezes app 0 for a while.
fn pause(apps: &mut Apps, seconds: f64) {
    apps.apps[0].is_paused = true;
    apps.run_for(seconds);
    apps.apps[0].is_paused = false;
    // The first frame after the pause is the first in which anything can be noticed.
    apps.turn();
}

/// Waits until app 0 plays again; checks how long that took, its seat, and everybody's state.
fn assert_back_within_a_second(apps: &mut Apps, before: Option<u8>) {
    let took = apps.run_until("it plays again", |apps| {
        let is_online = apps.of::<Connection>(0).state() == ConnectionState::Online;
        is_online && is_playing(apps, 0)
    });
    println!("it plays again after {took:?}");
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
        pause(&mut apps, seconds);
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
    let took = apps.run_until("frames come again", |apps| {
        apps.of::<ActiveMatch<Arena>>(0).confirmed().is_some_and(|play| play.tick().0 > tick.0 + 12)
    });
    // Counted from the new port on, the silence that has to be noticed included.
    assert!(took <= Duration::from_millis(900), "it took {took:?}");
    assert_back_within_a_second(&mut apps, before);
    assert_eq!(apps.of::<Connection>(0).reconnections(), 1);
}

#[test]
fn a_new_port_on_a_way_that_loses_one_of_twenty() {
    for link in ["loss=5,delay=50", BAD] {
        for seed in 50..56 {
            let mut apps = duel_over(seed, link);
            let before = seat(&apps, 0);
            apps.apps[0].net.rebind();
            let tick = apps.of::<ActiveMatch<Arena>>(0).confirmed().unwrap().tick();
            let took = apps.run_until("frames come again", |apps| {
                apps.of::<ActiveMatch<Arena>>(0).confirmed().is_some_and(|play| play.tick().0 > tick.0 + 12)
            });
            println!("{link}, seed {seed}: {took:?}");
            assert!(took <= Duration::from_secs(1), "{link}, seed {seed}: it took {took:?}");
            assert_back_within_a_second(&mut apps, before);
        }
    }
}

#[test]
fn pauses_and_kills_on_a_bad_way() {
    for (seed, seconds) in [(80, 5.0), (81, 60.0), (82, 60.0), (83, 0.0), (84, 0.0), (85, 0.0)] {
        let mut apps = duel_over(seed, BAD);
        let before = seat(&apps, 0);
        if seconds > 0.0 {
            pause(&mut apps, seconds);
        } else {
            apps.restart(0);
        }
        assert_back_within_a_second(&mut apps, before);
    }
}

/// The seat is free after half of the pause, and nobody has taken it.
#[test]
fn a_pause_of_a_minute_with_the_grace_that_a_server_gives_by_itself() {
    for (seed, link) in [(86, "lan"), (87, "wifi"), (88, BAD)] {
        let mut apps = duel_with(seed, link, ServerConfig::default().reconnect_grace);
        let before = seat(&apps, 0);
        pause(&mut apps, 60.0);
        assert_back_within_a_second(&mut apps, before);
    }
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
    let report = told.report.as_ref().expect("a report");
    assert_eq!(report.seat, seat(&apps, 0));
    assert!(
        report.first.is_some_and(|first| first <= report.tick && first.0 + 30 > report.tick.0),
        "{report:?}"
    );
    assert_ne!(report.expected, report.got);
    let field = report.fields.first().expect("a field is named");
    assert!(!field.path.is_empty() && field.left != field.right, "{report:?}");
    let play = apps.of::<ActiveMatch<Arena>>(0).rollback().unwrap();
    let expected = apps.stage("brawl").and_then(|stage| stage.hash_at(play.confirmed().tick()));
    assert_eq!(Some(play.confirmed_hash()), expected);
}
