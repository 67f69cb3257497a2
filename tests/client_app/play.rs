//! Two apps play.

use framekeep_client::prelude::{ActiveMatch, ConnectionState, RoomState};
use framekeep_client::{Connection, NetDiagnostics};
use framekeep_games::arena::Arena;
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
fn a_minute_over_a_bad_network_without_a_desync() {
    play_over_a_bad_network(60.0);
}

#[test]
#[ignore = "takes a minute or two"]
fn ten_minutes_over_a_bad_network_without_a_desync() {
    play_over_a_bad_network(600.0);
}

fn play_over_a_bad_network(seconds: f64) {
    let mut apps = duel(2, [60, 60], "delay=75,jitter=30,loss=5");
    apps.run_for(seconds);
    for number in [0, 1] {
        assert_eq!(apps.of::<Told>(number).desyncs, 0);
        let diagnostics = apps.of::<NetDiagnostics>(number);
        let p99 = diagnostics.rollback_ticks.quantile(990);
        assert!(diagnostics.rollbacks > 100, "{} rollbacks", diagnostics.rollbacks);
        println!("app {number}: {} rollbacks, p99 {p99} ticks", diagnostics.rollbacks);
        assert!(p99 <= 10, "rollback p99 {p99} ticks");
        assert_eq!(diagnostics.reconnections, 0);
    }
    assert_eq!(apps.counters().desyncs, 0);
}

#[test]
fn any_frame_rate_plays_without_falling_behind() {
    let mut apps = duel(3, [10, 240], "wifi");
    apps.run_for(20.0);
    assert_agree(&apps);
    let server = apps.stage("brawl").unwrap().tick();
    for number in [0, 1] {
        let play = apps.of::<ActiveMatch<Arena>>(number).rollback().unwrap();
        let behind = server.since(play.confirmed().tick());
        assert!(behind <= 8, "app {number} is {behind} ticks behind");
        let (late, frames) = (play.stats().inputs_late, play.stats().frames);
        // At ten frames a second a lost datagram holds three inputs.
        assert!(late * 10 < frames, "app {number}: {late} of {frames} inputs came late");
    }
}
