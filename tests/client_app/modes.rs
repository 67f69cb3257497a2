//! Watching, replaying, playing alone, and putting a game to the test.

use std::time::Duration;

use bevy_app::{App, PluginGroup as _};
use bevy_ecs::prelude::{Entity, On, ResMut, Resource, With};
use framekeep_client::prelude::{ActiveMatch, ClientConfig, FramekeepClientPlugins, LocalMatch, Mirrored};
use framekeep_client::{
    ClientClock, DiagnosticsPlugin, FramePlugin, LinkPlugin, MatchEnded, MirrorPlugin, PlayMode, PlayPlugin,
};
use framekeep_games::arena::{Arena, ArenaBot};
use framekeep_journal::Replay;
use framekeep_sim::{Game, Tick};
use framekeep_tests::Apps;

use super::faulty::Faulty;
use super::{arena_app, games, is_playing};

const BEGIN: Duration = Duration::from_secs(1);
const FRAME: Duration = Duration::from_micros(16_667);

/// An app without a network, and frames for it.
fn alone<G: Game>() -> App {
    let mut app = App::new();
    app.insert_resource(ClientClock::manual(BEGIN)).add_plugins(FramekeepClientPlugins::<G>::default());
    app
}

fn run(app: &mut App, seconds: f64) {
    let until = app.world().resource::<ClientClock>().now() + Duration::from_secs_f64(seconds);
    while app.world().resource::<ClientClock>().now() < until {
        let now = app.world().resource::<ClientClock>().now() + FRAME;
        app.world_mut().resource_mut::<ClientClock>().set(now);
        app.update();
    }
}

fn active<G: Game>(app: &mut App) -> bevy_ecs::change_detection::Mut<'_, ActiveMatch<G>> {
    app.world_mut().resource_mut::<ActiveMatch<G>>()
}

#[test]
fn a_spectator_sees_the_match_evenly_and_late() {
    let mut apps = Apps::new(21, games(), |_| {});
    for number in 0..2 {
        apps.come(&format!("p{number}"), 60, arena_app(number, 2, "lan"));
    }
    apps.run_until("both play", |apps| is_playing(apps, 0) && is_playing(apps, 1));
    let spectator = apps.come("eve", 60, |app| {
        let spectator_delay = Duration::from_millis(500);
        let conditions = "delay=40,jitter=20,loss=2".parse().unwrap();
        let config = ClientConfig { spectator_delay, conditions, ..ClientConfig::watch("brawl") };
        app.add_plugins(FramekeepClientPlugins::<Arena>::new(config));
    });
    apps.run_for(20.0);
    let (mut last, mut stood, mut frames) = (0, 0, 0);
    apps.run_for_with(10.0, |number, app| {
        if number == spectator {
            let tick = app.world().resource::<ActiveMatch<Arena>>().current().unwrap().tick().0;
            assert!((last == 0 || tick - last <= 1) && tick >= last, "from tick {last} to {tick}");
            (stood, frames) = if tick == last { (stood + 1, frames + 1) } else { (0, frames + 1) };
            assert!(stood < 5, "it stood still at {tick}");
            last = tick;
        }
    });
    let game = apps.of::<ActiveMatch<Arena>>(spectator);
    assert_eq!((game.mode(), game.seat()), (PlayMode::Watching, None));
    let (shown, stage) = (game.current().unwrap(), apps.stage("brawl").unwrap());
    assert_eq!(stage.hash_at(shown.tick()), Some(shown.hash(&mut Vec::new())));
    let late = stage.tick().since(shown.tick());
    assert!((14..=22).contains(&late), "{late} ticks late");
}

#[test]
fn a_replay_is_played_paused_sought_and_hurried() {
    let file = include_bytes!("../../assets/replays/courtyard_duel.fkr").to_vec();
    let replay = Replay::read(file).unwrap();
    let mut app = alone::<Arena>();
    active::<Arena>(&mut app).play_replay_by_any_rules(&replay).unwrap();
    run(&mut app, 5.0);
    let player = app.world().resource::<ActiveMatch<Arena>>().replay().unwrap();
    assert!((147..=150).contains(&player.tick().0), "{}", player.tick());
    assert!(app.world_mut().query::<&Mirrored>().iter(app.world()).count() > 10);
    active::<Arena>(&mut app).replay_mut().unwrap().pause();
    let paused = active::<Arena>(&mut app).replay_mut().unwrap().tick();
    run(&mut app, 1.0);
    let mut game = active::<Arena>(&mut app);
    let player = game.replay_mut().unwrap();
    assert_eq!(player.tick(), paused);
    for tick in [900, 30, 600] {
        player.seek(Tick(tick)).unwrap();
        assert_eq!(player.tick(), Tick(tick));
        let expected =
            replay.seek(&*framekeep_games::registry().get(Arena::NAME).unwrap().clone(), Tick(tick)).unwrap();
        assert_eq!(game_hash(player), expected.hash(&mut Vec::new()));
    }
    player.play();
    player.set_speed(16.0);
    run(&mut app, 8.0);
    let mut game = active::<Arena>(&mut app);
    let player = game.replay_mut().unwrap();
    assert_eq!(player.tick(), player.end());
    assert_eq!(game_hash(player), replay.end().hash);
}

fn game_hash(player: &framekeep_client::ReplayPlayer<Arena>) -> u64 {
    player.current().hash(&mut Vec::new())
}

/// How often the end of a match was told.
#[derive(Resource, Default)]
struct Ends(u32);

#[test]
fn a_match_alone_needs_no_network() {
    let mut app = alone::<Arena>();
    let mut bots: Vec<_> = (0..4).map(ArenaBot::new).collect();
    let bots = Box::new(move |play: &framekeep_sim::Match<Arena>, seat: u8, tick: Tick| {
        bots[usize::from(seat)].input(play.state(), seat, tick.0)
    });
    let start = LocalMatch { seats: 4, bots: Some(bots), sync_test_ticks: Some(6), ..LocalMatch::default() };
    app.init_resource::<Ends>().add_observer(|_: On<MatchEnded>, mut ends: ResMut<Ends>| ends.0 += 1);
    active::<Arena>(&mut app).play_local(start);
    run(&mut app, 20.0);
    let game = app.world().resource::<ActiveMatch<Arena>>();
    assert_eq!((game.mode(), game.seat()), (PlayMode::Local, Some(0)));
    assert_eq!(game.sync_fault(), None);
    assert!((590..=600).contains(&game.current().unwrap().tick().0));
    run(&mut app, 41.0);
    let game = app.world().resource::<ActiveMatch<Arena>>();
    let end = game.ended().expect("a minute is over");
    assert_eq!((end.ticks, end.hash), (Tick(1_800), game.current().unwrap().hash(&mut Vec::new())));
    assert_eq!(app.world().resource::<Ends>().0, 1);
    active::<Arena>(&mut app).stop();
    run(&mut app, 0.1);
    assert_eq!(active::<Arena>(&mut app).ended(), None);
    assert_eq!(app.world_mut().query::<&Mirrored>().iter(app.world()).count(), 0);
}

#[test]
fn another_match_has_entities_of_its_own() {
    let mut app = alone::<Arena>();
    let entities = |app: &mut App| {
        active::<Arena>(app).play_local(LocalMatch { seats: 2, ..LocalMatch::default() });
        run(app, 1.0);
        let world = app.world_mut();
        world.query_filtered::<Entity, With<Mirrored>>().iter(world).collect::<Vec<_>>()
    };
    let (first, second) = (entities(&mut app), entities(&mut app));
    assert_eq!(first.len(), second.len());
    assert!(first.iter().all(|entity| !second.contains(entity)));
}

#[test]
fn a_game_that_is_not_deterministic_is_found_out() {
    let mut app = alone::<Faulty>();
    active::<Faulty>(&mut app).play_local(LocalMatch { sync_test_ticks: Some(4), ..LocalMatch::default() });
    run(&mut app, 3.0);
    let game = app.world().resource::<ActiveMatch<Faulty>>();
    let fault = game.sync_fault().expect("the fault is found");
    assert!(fault.to_string().contains("differs in"), "{fault}");
    assert!(game.current().unwrap().tick().0 < 10, "the match stands still");
}

#[test]
fn every_part_but_the_frame_may_be_left_out() {
    type Plugins = FramekeepClientPlugins<Arena>;
    let groups = [
        Plugins::default().build().disable::<LinkPlugin<Arena>>(),
        Plugins::default().build().disable::<PlayPlugin<Arena>>(),
        Plugins::default().build().disable::<MirrorPlugin<Arena>>(),
        Plugins::default().build().disable::<DiagnosticsPlugin<Arena>>(),
        Plugins::default().build().set(FramePlugin { config: ClientConfig::watch("brawl") }),
    ];
    for (number, group) in groups.into_iter().enumerate() {
        let mut app = App::new();
        app.insert_resource(ClientClock::manual(BEGIN)).add_plugins(group);
        active::<Arena>(&mut app).play_local(LocalMatch::default());
        run(&mut app, 1.0);
        let ticks = active::<Arena>(&mut app).current().unwrap().tick();
        assert_eq!(ticks > Tick(20), number != 1, "only what plays lets ticks pass");
    }
}
