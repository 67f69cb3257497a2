//! Two apps play.

use std::ops::RangeInclusive;
use std::time::Duration;

use framekeep_client::prelude::{ActiveMatch, ClientConfig, ConnectionState, RoomState};
use framekeep_client::{Connection, NetDiagnostics};
use framekeep_games::arena::Arena;
use framekeep_protocol::CommitPolicy;
use framekeep_tests::Apps;

use super::{Told, arena_app, assert_agree, games, is_playing};

fn duel(seed: u64, fps: [u32; 2], link: &str) -> Apps {
    let mut apps = Apps::new(seed, games(), |_| {});
    for (number, fps) in fps.into_iter().enumerate() {
        apps.come(&format!("p{number}"), fps, arena_app(seed + number as u64, 2, link));
    }
    apps.run_until("both play", |apps| is_playing(apps, 0) && is_playing(apps, 1));
    apps
}

#[test]
fn two_apps_play_and_agree() {
    let mut apps = duel(1, [60, 60], "lan");
    apps.run_for(10.0);
    assert_agree(&apps);
    for number in [0, 1] {
        assert_eq!(apps.of::<Connection>(number).state(), ConnectionState::Online);
        let state = apps.of::<bevy_state::state::State<RoomState>>(number);
        assert_eq!(*state.get(), RoomState::Playing);
        assert_eq!(apps.of::<Connection>(number).reconnections(), 0);
    }
    let seat = |number| apps.of::<ActiveMatch<Arena>>(number).seat().unwrap();
    assert_eq!(seat(0) + seat(1), 1);
}

#[test]
fn who_waits_for_another_in_lockstep_is_told_so() {
    let mut apps = Apps::new(7, games(), |config| config.lockstep_wait = Duration::from_secs(5));
    for number in 0..2 {
        let build = arena_app(number, 2, "lan");
        apps.come(&format!("p{number}"), 60, move |app| {
            build(app);
            let mut config = app.world_mut().resource_mut::<ClientConfig>();
            let options = config.room.as_mut().and_then(|join| join.create.as_mut());
            options.expect("a room to create").commit = CommitPolicy::Lockstep;
        });
    }
    apps.run_until("both play", |apps| is_playing(apps, 0) && is_playing(apps, 1));
    apps.run_for(2.0);
    assert!(!apps.of::<ActiveMatch<Arena>>(0).is_paused());
    apps.apps[1].is_paused = true;
    apps.run_for(1.0);
    assert!(apps.of::<ActiveMatch<Arena>>(0).is_paused() && apps.of::<NetDiagnostics>(0).is_paused);
    apps.apps[1].is_paused = false;
    apps.run_for(2.0);
    assert!(!apps.of::<ActiveMatch<Arena>>(0).is_paused());
    assert_agree(&apps);
}

#[test]
fn a_minute_over_a_bad_network_without_a_desync() {
    play_over_a_bad_network(60.0);
}

#[test]
#[ignore = "takes a minute or two"]
fn ten_minutes_over_a_bad_network_without_a_desync() {
    play_over_a_bad_network(600.0);
}

/// Twice as far: there own inputs are delayed a little, so that rollbacks stay within ten ticks.
#[test]
fn a_minute_over_a_network_of_300_ms() {
    let mut apps = duel(4, [60, 60], "delay=150,jitter=30,loss=5");
    // The delay finds its place.
    apps.run_for(30.0);
    for number in [0, 1] {
        let mut net = apps.apps[number].app.world_mut().resource_mut::<NetDiagnostics>();
        (net.rollback_ticks, net.rollbacks) = Default::default();
    }
    assert_rollbacks(&mut apps, 60.0, 1..=4);
}

fn play_over_a_bad_network(seconds: f64) {
    let mut apps = duel(2, [60, 60], "delay=75,jitter=30,loss=5");
    assert_rollbacks(&mut apps, seconds, 0..=0);
}

fn assert_rollbacks(apps: &mut Apps, seconds: f64, delay_ticks: RangeInclusive<u32>) {
    apps.run_for(seconds);
    for number in [0, 1] {
        assert_eq!(apps.of::<Told>(number).desyncs, 0);
        let diagnostics = apps.of::<NetDiagnostics>(number);
        let p99 = diagnostics.rollback_ticks.quantile(990);
        assert!(diagnostics.rollbacks > 100, "{} rollbacks", diagnostics.rollbacks);
        println!("app {number}: {} rollbacks, p99 {p99} ticks", diagnostics.rollbacks);
        assert!(p99 <= 10, "rollback p99 {p99} ticks");
        assert!(
            delay_ticks.contains(&diagnostics.input_delay_ticks),
            "{} ticks",
            diagnostics.input_delay_ticks
        );
        assert_eq!(diagnostics.reconnections, 0);
    }
    assert_eq!(apps.counters().desyncs, 0);
}

#[test]
fn any_frame_rate_plays_without_falling_behind() {
    let mut apps = duel(3, [10, 240], "wifi");
    apps.run_for(5.0);
    let figures = |apps: &Apps, number: usize| {
        let stats = apps.of::<ActiveMatch<Arena>>(number).stats().unwrap();
        (stats.inputs_late, stats.frames)
    };
    let before = [0, 1].map(|number| figures(&apps, number));
    apps.run_for(30.0);
    assert_agree(&apps);
    let server = apps.stage("brawl").unwrap().tick();
    for number in [0, 1] {
        let play = apps.of::<ActiveMatch<Arena>>(number).rollback().unwrap();
        let behind = server.since(play.confirmed().tick());
        assert!(behind <= 8, "app {number} is {behind} ticks behind");
        let (late, frames) = figures(&apps, number);
        let (late, frames) = (late - before[number].0, frames - before[number].1);
        let most = play.stats().simulated_ticks_max;
        println!("app {number}: {late} of {frames} inputs late, at most {most} ticks simulated in a call");
        // At ten frames a second three inputs are made at once and go in one datagram, so that what is lost or held up
        // makes three late: not before its next frame can the app send them again. At 240 it does in time.
        let late_percent_max = [8, 1][number];
        assert!(late * 100 <= frames * late_percent_max, "app {number}: {late} of {frames} inputs came late");
        assert!(most <= [16, 8][number], "app {number}: {most} ticks were simulated in one call");
    }
}
