//! Clients that render seldom or often, over networks that are far away and bad.

use std::time::Duration;

use framekeep_rollback::{MatchStats, RollbackConfig};
use framekeep_tests::Scenario;

/// Virtual seconds until a match is measured.
const SETTLE_S: f64 = 5.0;

/// Two players over a network; the second renders every so often, and plays as `config` says.
fn play_for(seconds: f64, link: &str, every: Duration, config: RollbackConfig, seed: u64) -> Scenario {
    let mut play = Scenario::new(seed).long().link(link);
    for name in ["near", "far"] {
        play.come(name);
    }
    play.clients[1].rendered_every = every;
    play.clients[1].config = config;
    play.run_until("both are connected", |play| {
        play.clients.iter().all(framekeep_tests::Client::is_connected)
    });
    play.clients.iter_mut().for_each(|client| client.join("pair", 2));
    play.run_for(SETTLE_S);
    play.clients.iter_mut().filter_map(|client| client.play.as_mut()).for_each(|own| own.stats_mut().clear());
    play.run_for(seconds);
    play.assert_all_agree();
    play
}

fn stats(play: &Scenario) -> &MatchStats {
    play.clients[1].play.as_ref().expect("it plays").stats()
}

/// How many ticks the second player's confirmed state is behind the server.
fn behind(play: &Scenario) -> u32 {
    let (stage, own) =
        (play.stage("pair").expect("it plays"), play.clients[1].play.as_ref().expect("it plays"));
    stage.tick().since(own.confirmed().tick())
}

/// Asserts that of 300 inputs of each match 15 are late on the average, and never more than 30. Who renders every third
/// tick exactly is as early or late as the room's tick begins, by its seed, and stays so.
fn assert_few_late(what: &str, late: &[u64]) {
    let mean = late.iter().sum::<u64>() as f64 / late.len() as f64;
    assert!(mean <= 15.0 && late.iter().all(|late| *late <= 30), "{what}: {late:?} inputs late");
}

#[test]
fn ten_frames_a_second_are_enough_wherever_a_tick_begins() {
    let every = Duration::from_millis(100);
    let late = (1..=24).map(|seed| {
        let play = play_for(10.0, "loss=2,delay=40,jitter=10", every, RollbackConfig::default(), seed);
        stats(&play).inputs_late
    });
    assert_few_late("10 frames/s", &late.collect::<Vec<_>>());
}

#[test]
fn any_frame_rate_is_correct_and_no_spiral() {
    for (seed, per_second) in [(1, 10), (2, 30), (3, 60), (4, 240)] {
        let every = Duration::from_secs(1) / per_second;
        let config = RollbackConfig::default();
        let play = play_for(10.0, "loss=2,delay=40,jitter=10", every, config, seed);
        let (stats, late) = (stats(&play), stats(&play).inputs_late);
        let simulated = stats.simulated_ticks as f64 / 300.0;
        let depth = stats.rollback_ticks.quantile(990);
        let worst = stats.simulated_ticks_max;
        println!(
            "{per_second} frames/s: {late} late of 300, depth p99 {depth}, {simulated:.1} ticks a tick, {worst} a call"
        );
        assert!(late <= if per_second == 10 { 30 } else { 15 }, "{per_second} frames/s: {late} inputs late");
        assert!(worst <= config.simulate_ticks_max && simulated < 12.0, "{per_second} frames/s: {simulated}");
        assert_eq!((stats.frames_skipped, stats.stalls), (0, 0), "{per_second} frames/s");
        assert!(behind(&play) <= 8, "{per_second} frames/s: {} behind", behind(&play));
    }
}

#[test]
fn a_machine_that_may_simulate_little_keeps_up() {
    // Ten frames a second with four ticks each: the confirmed ticks, and hardly a predicted one.
    let config = RollbackConfig { simulate_ticks_max: 4, ..RollbackConfig::default() };
    let late = (5..17).map(|seed| {
        let play = play_for(10.0, "wifi", Duration::from_millis(100), config, seed);
        let stats = stats(&play);
        assert!(stats.simulated_ticks_max <= 4, "{seed}: {}", stats.simulated_ticks_max);
        assert!(behind(&play) <= 12, "{seed}: {} behind", behind(&play));
        stats.inputs_late
    });
    assert_few_late("four ticks a frame", &late.collect::<Vec<_>>());
}

#[test]
fn corrections_stay_short_far_away() {
    let wide = RollbackConfig::default();
    let delayed = RollbackConfig { input_delay_ticks: 4, ..wide };
    for (seed, link, config) in
        [(6, "loss=5,delay=75,jitter=15", wide), (7, "loss=5,delay=150,jitter=30", delayed)]
    {
        let play = play_for(20.0, link, Duration::ZERO, config, seed);
        let depth = &stats(&play).rollback_ticks;
        let (p50, p99, delay) = (depth.quantile(500), depth.quantile(990), config.input_delay_ticks);
        println!("{link}, input delay {delay}: depth p50 {p50}, p99 {p99}, max {}", depth.max());
        assert!(p99 <= 10, "{link}: {p99} ticks");
    }
}

#[test]
fn no_false_alarm_in_a_minute_under_heavy_loss() {
    no_false_alarm(60.0, 8);
}

#[test]
#[ignore = "an hour of virtual time: minutes"]
fn no_false_alarm_in_an_hour_under_heavy_loss() {
    // In two matches: one of the arena is an hour long at most, with its start.
    no_false_alarm(1_800.0, 8);
    no_false_alarm(1_800.0, 9);
}

fn no_false_alarm(seconds: f64, seed: u64) {
    let play =
        play_for(seconds, "loss=20,delay=40,jitter=20", Duration::ZERO, RollbackConfig::default(), seed);
    let counters = play.counters();
    println!("{seconds} s: {} hashes compared, {} differ", counters.hashes_agreed, counters.desyncs);
    assert_eq!(counters.desyncs, 0);
    assert!(counters.hashes_agreed as f64 > seconds * 30.0, "{}", counters.hashes_agreed);
}
