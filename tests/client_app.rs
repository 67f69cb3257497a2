//! The client plugin: Bevy apps and the production server under one virtual clock.

mod bodies;
mod dying;
mod faulty;
mod late;
mod lost;
mod modes;
mod moves;
mod play;
mod real;
mod rooms;
mod troubles;

use bevy_app::{App, PreUpdate};
use bevy_ecs::prelude::{IntoScheduleConfigs, MessageReader, Res, ResMut, Resource};
use framekeep_client::prelude::{
    ActiveMatch, ClientConfig, ClientSystems, FramekeepClientPlugins, LocalInput,
};
use framekeep_client::{DesyncDetected, LinkConditions, RollbackHappened};
use framekeep_games::arena::{Arena, ArenaBot};
use framekeep_server::Games;
use framekeep_sim::Game as _;
use framekeep_tests::Apps;

/// What presses the buttons of an app.
#[derive(Resource)]
struct Bot(ArenaBot);

/// What an app was told.
#[derive(Resource, Default)]
struct Told {
    desyncs: u32,
    /// What was told of the last of them.
    report: Option<DesyncDetected>,
    rollbacks: Vec<u32>,
}

/// A bot looks at the newest state once a tick.
fn press(mut bot: ResMut<Bot>, active: Res<ActiveMatch<Arena>>, mut input: ResMut<LocalInput<Arena>>) {
    if let Some((play, seat)) = active.current().zip(active.seat()) {
        input.0 = bot.0.input(play.state(), seat, play.tick().0);
    }
}

fn take_notes(
    mut told: ResMut<Told>,
    mut desyncs: MessageReader<DesyncDetected>,
    mut rollbacks: MessageReader<RollbackHappened>,
) {
    for desync in desyncs.read() {
        told.desyncs += 1;
        told.report = Some(desync.clone());
    }
    told.rollbacks.extend(rollbacks.read().map(|rollback| rollback.depth));
}

/// The arena, also as `long`: an hour instead of a minute.
fn games() -> Games {
    let mut games = Games::new(framekeep_games::registry());
    let courtyard = include_str!("../assets/arenas/courtyard.toml");
    let long = courtyard.replace("time_limit_s = 60", "time_limit_s = 3600");
    games.add_content(Arena::NAME, "long", &long).unwrap();
    games
}

/// A seat in a room that plays the arena on `long`.
fn brawl(seats: u8) -> ClientConfig {
    let mut config = ClientConfig::seat::<Arena>("brawl", seats);
    if let Some(options) = config.room.as_mut().and_then(|join| join.create.as_mut()) {
        options.content = "long".to_owned();
        options.spectators_max = 4;
    }
    config
}

/// An app whose bot plays the arena in a room of `seats`.
fn arena_app(seed: u64, seats: u8, link: &str) -> impl Fn(&mut App) + 'static {
    let conditions: LinkConditions = link.parse().unwrap();
    move |app| {
        let config = ClientConfig { conditions, seed, ..brawl(seats) };
        app.add_plugins(FramekeepClientPlugins::<Arena>::new(config))
            .insert_resource(Bot(ArenaBot::new(seed)))
            .init_resource::<Told>()
            .add_systems(PreUpdate, press.in_set(ClientSystems::Input))
            .add_systems(PreUpdate, take_notes.after(ClientSystems::Report));
    }
}

/// Whether an app has a state of a running match that the server goes on with.
fn is_playing(apps: &Apps, number: usize) -> bool {
    let server = apps.stage("brawl").map_or(0, |stage| stage.tick().0);
    let active = apps.of::<ActiveMatch<Arena>>(number);
    active.confirmed().is_some_and(|play| play.tick().0 + 30 > server && play.tick().0 > 0)
}

/// Checks that every app's confirmed state is the server's.
fn assert_agree(apps: &Apps) {
    for number in 0..apps.apps.len() {
        let play = apps.of::<ActiveMatch<Arena>>(number).rollback().expect("a match");
        let tick = play.confirmed().tick();
        let expected = apps.stage("brawl").and_then(|stage| stage.hash_at(tick));
        assert_eq!(Some(play.confirmed_hash()), expected, "app {number} at tick {tick}");
        assert_eq!(apps.of::<Told>(number).desyncs, 0, "app {number}");
    }
    assert_eq!(apps.counters().desyncs, 0);
    assert_eq!(apps.counters().decoder_panics, 0);
}
