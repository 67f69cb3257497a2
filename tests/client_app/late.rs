//! Watching minutes late: nothing is seen early, nothing jumps, and the end is told when it is seen.

use std::time::Duration;

use bevy_app::App;
use framekeep_client::prelude::{ActiveMatch, ClientConfig, FramekeepClientPlugins};
use framekeep_client::{Connection, PlayMode};
use framekeep_games::arena::Arena;
use framekeep_tests::Apps;

use super::rooms::{Log, logged};
use super::{arena_app, games, is_playing};

/// Two players, on the minute-long arena if `is_short`, and a spectator so much later.
fn watched(seed: u64, is_short: bool, delay_s: u64) -> (Apps, usize) {
    let mut apps = Apps::new(seed, games(), |_| {});
    for number in 0..2 {
        let build = arena_app(seed + number, 2, "lan");
        apps.come(&format!("p{number}"), 60, move |app: &mut App| {
            build(app);
            let mut config = app.world_mut().resource_mut::<ClientConfig>();
            let options = config.room.as_mut().and_then(|join| join.create.as_mut()).unwrap();
            if is_short {
                options.content = String::new();
            }
        });
    }
    apps.run_until("both play", |apps| is_playing(apps, 0) && is_playing(apps, 1));
    apps.run_for(10.0);
    let spectator_delay = Duration::from_secs(delay_s);
    let eve = apps.come(
        "eve",
        60,
        logged(move |app: &mut App| {
            let config = ClientConfig { spectator_delay, ..ClientConfig::watch("brawl") };
            app.add_plugins(FramekeepClientPlugins::<Arena>::new(config));
        }),
    );
    (apps, eve)
}

fn shown(app: &App) -> Option<u32> {
    app.world().resource::<ActiveMatch<Arena>>().current().map(|play| play.tick().0)
}

#[test]
fn nothing_is_seen_before_it_is_old_enough_and_a_new_link_changes_nothing() {
    let (mut apps, eve) = watched(71, false, 10);
    apps.run_for(9.5);
    assert_eq!(shown(&apps.apps[eve].app), None, "it is too early");
    apps.run_for(5.0);
    assert!(shown(&apps.apps[eve].app).is_some());
    apps.apps[eve].net.rebind();
    // What was lost between the links is a gap of some tenths of a second, over which the picture stands.
    let (mut last, mut stood, mut stood_most) = (shown(&apps.apps[eve].app).unwrap(), 0, 0);
    for _ in 0..20 {
        apps.run_for_with(1.0, |number, app| {
            if number == eve {
                let tick = shown(app).expect("the picture stays");
                assert!(tick >= last && tick - last <= 20, "from tick {last} to {tick}");
                stood = if tick == last { stood + 1 } else { 0 };
                (last, stood_most) = (tick, stood_most.max(stood));
            }
        });
        let late = apps.stage("brawl").unwrap().tick().0 - last;
        assert!((292..=315).contains(&late), "{late} ticks late");
    }
    assert_eq!(apps.of::<Connection>(eve).reconnections(), 1);
    assert!(stood_most < 60, "the picture stood for {stood_most} frames");
}

#[test]
fn the_end_is_told_when_it_is_seen() {
    let (mut apps, eve) = watched(72, true, 10);
    apps.run_until("it is over", |apps| apps.of::<ActiveMatch<Arena>>(0).ended().is_some());
    apps.run_for(1.0);
    let ended = |apps: &Apps| apps.of::<Log>(eve).ended.len();
    assert_eq!((ended(&apps), apps.of::<ActiveMatch<Arena>>(eve).ended()), (0, None));
    let took = apps.run_until("it is told", |apps| ended(apps) == 1);
    assert!((8.0..10.0).contains(&took.as_secs_f64()), "{took:?}");
    let game = apps.of::<ActiveMatch<Arena>>(eve);
    assert_eq!(game.ended().map(|end| end.ticks), game.current().map(|play| play.tick()));
    apps.run_for(3.0);
    assert_eq!(ended(&apps), 1);
}

#[test]
fn a_delay_longer_than_the_match_ends_too() {
    let (mut apps, eve) = watched(73, true, 120);
    apps.run_for(40.0);
    assert_eq!(shown(&apps.apps[eve].app), None);
    apps.run_until("its end is seen", |apps| apps.of::<Log>(eve).ended.len() == 1);
    assert_eq!(apps.of::<ActiveMatch<Arena>>(eve).mode(), PlayMode::Watching);
}

#[test]
fn a_shorter_delay_is_caught_up_with_in_steps() {
    let (mut apps, eve) = watched(74, false, 60);
    apps.run_for(65.0);
    let mut last = shown(&apps.apps[eve].app).unwrap();
    apps.apps[eve].app.world_mut().resource_mut::<ClientConfig>().spectator_delay =
        Duration::from_millis(500);
    apps.run_for_with(3.0, |number, app| {
        if number == eve {
            let tick = shown(app).unwrap();
            assert!(tick - last <= 64, "{} ticks in one frame", tick - last);
            last = tick;
        }
    });
    let late = apps.stage("brawl").unwrap().tick().0 - last;
    assert!(late < 70, "{late} ticks late");
}
