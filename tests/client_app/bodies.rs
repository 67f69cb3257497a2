//! What is drawn: own input at once, others without jumps.

use std::collections::BTreeMap;
use std::time::Duration;

use bevy_app::{App, PreUpdate};
use bevy_ecs::prelude::{IntoScheduleConfigs, Res, ResMut, Resource};
use framekeep_client::prelude::{
    ActiveMatch, ClientConfig, ClientSystems, DrawnPose, FramekeepClientPlugins, LocalInput, Mirrored,
};
use framekeep_client::{ClientClock, LinkConditions, Pose, Smoothing};
use framekeep_games::arena::{Arena, ArenaInput, Direction, Kind};
use framekeep_tests::Apps;

use super::{arena_app, brawl, games, is_playing};

const BAD: &str = "delay=75,jitter=30,loss=5";
/// Faster than anything of the arena but a shot: a dash starts with 20 units a second.
const SPEED_MAX: f32 = 20.5;
/// A shot flies with 14 units a second, and bounces off whoever dashes against it with twice his speed on top.
const SHOT_SPEED_MAX: f32 = 14.0 + 2.0 * SPEED_MAX;

/// The key that is held.
#[derive(Resource, Default)]
struct Held(Option<Direction>);

fn hold(held: Res<Held>, mut input: ResMut<LocalInput<Arena>>) {
    input.0 = ArenaInput { walk: held.0, ..ArenaInput::default() };
}

fn keyboard_app(seed: u64) -> impl Fn(&mut App) + 'static {
    let conditions: LinkConditions = BAD.parse().unwrap();
    move |app| {
        let config = ClientConfig { conditions, seed, ..brawl(2) };
        app.add_plugins(FramekeepClientPlugins::<Arena>::new(config))
            .init_resource::<Held>()
            .add_systems(PreUpdate, hold.in_set(ClientSystems::Input));
    }
}

/// Where everything is drawn, by id and whose it is.
fn drawn(app: &mut App) -> BTreeMap<(u32, u8), (Mirrored, Pose)> {
    let world = app.world_mut();
    let mut query = world.query::<(&Mirrored, &DrawnPose)>();
    query.iter(world).map(|(is, at)| ((is.id, is.seat), (*is, at.pose))).collect()
}

fn own_x(app: &mut App) -> Option<f32> {
    drawn(app).values().find(|(is, _)| is.is_own && is.kind == Kind::Player as u8).map(|(_, at)| at.x)
}

#[test]
fn a_key_shows_in_the_frame_it_is_read_in() {
    for fps in [10, 60, 240] {
        let mut apps = Apps::new(5, games(), |_| {});
        for number in 0..2 {
            apps.come(&format!("p{number}"), fps, keyboard_app(number));
        }
        apps.run_until("both play", |apps| is_playing(apps, 0) && is_playing(apps, 1));
        let (mut late, mut pressed) = (0, 0);
        let part = |app: &App| {
            let play = app.world().resource::<ActiveMatch<Arena>>().rollback().expect("a match");
            play.view_time(app.world().resource::<ClientClock>().now()).part
        };
        for round in 0..30 {
            apps.apps[0].app.world_mut().resource_mut::<Held>().0 = None;
            apps.run_for(0.75 + f64::from(round) * 0.0037);
            let before = own_x(&mut apps.apps[0].app).expect("the own player is drawn");
            let (way, sign) = if round % 2 == 0 { (Direction::Right, 1.0) } else { (Direction::Left, -1.0) };
            apps.apps[0].app.world_mut().resource_mut::<Held>().0 = Some(way);
            let mut after = None;
            while after.is_none() {
                apps.turn_with(|number, app| {
                    if number == 0 {
                        after = after.or(own_x(app).map(|x| (x, part(app))));
                    }
                });
            }
            let (after, part) = after.unwrap();
            // A frame that falls right on a tick draws that tick, of which the key is no part yet.
            if part > 0.001 {
                pressed += 1;
                late += u32::from((after - before) * sign <= 0.0);
            }
        }
        assert!(pressed >= 25, "at {fps} fps, only {pressed} keys fell between ticks");
        assert_eq!(late, 0, "at {fps} fps, of {pressed} keys did not show at once");
    }
}

/// A key that went down for one frame only, and is to be latched.
#[derive(Resource, Default)]
struct Tapped(Option<Direction>);

fn tap(mut tapped: ResMut<Tapped>, mut input: ResMut<LocalInput<Arena>>) {
    if let Some(way) = tapped.0.take() {
        input.latch(|it| it.walk = Some(way));
    }
}

#[test]
fn a_key_that_is_latched_is_seen_by_a_tick_at_any_frame_rate() {
    for fps in [60, 240] {
        let mut apps = Apps::new(8, games(), |_| {});
        for number in 0..2 {
            let build = keyboard_app(number);
            apps.come(&format!("p{number}"), fps, move |app| {
                build(app);
                app.init_resource::<Tapped>()
                    .add_systems(PreUpdate, tap.in_set(ClientSystems::Input).after(hold));
            });
        }
        apps.run_until("both play", |apps| is_playing(apps, 0) && is_playing(apps, 1));
        for round in 0..20 {
            apps.run_for(0.5 + f64::from(round) * 0.0037);
            let before = own_x(&mut apps.apps[0].app).expect("the own player is drawn");
            let (way, sign) = if round % 2 == 0 { (Direction::Right, 1.0) } else { (Direction::Left, -1.0) };
            apps.apps[0].app.world_mut().resource_mut::<Tapped>().0 = Some(way);
            apps.run_for(0.5);
            let after = own_x(&mut apps.apps[0].app).expect("the own player is drawn");
            assert!((after - before) * sign > 0.001, "at {fps} fps, key {round}: from {before} to {after}");
        }
    }
}

#[test]
fn remote_bodies_never_jump_more_than_smoothing_allows() {
    let mut apps = Apps::new(6, games(), |_| {});
    for number in 0..2 {
        apps.come(&format!("p{number}"), 60, arena_app(number, 2, BAD));
    }
    apps.run_until("both play", |apps| is_playing(apps, 0) && is_playing(apps, 1));
    let (mut last, mut steps) = (BTreeMap::new(), Vec::new());
    let frame = Duration::from_millis(18);
    let smoothing = Smoothing::default();
    let allowed = |is_shot| {
        let speed = if is_shot { SHOT_SPEED_MAX } else { SPEED_MAX };
        speed * frame.as_secs_f32() + smoothing.jump_max(frame)
    };
    apps.run_for_with(120.0, |number, app| {
        if number == 0 {
            let now = drawn(app);
            for (id, (is, at)) in now.iter().filter(|(_, (is, _))| !is.is_own) {
                let Some((_, before)) = last.get(id) else { continue };
                let step = at.distance(*before);
                if is.kind == Kind::Player as u8 {
                    steps.push(step);
                }
                // A shot that was never fired may have had the number of one that was: another thing.
                let is_shot = is.kind == Kind::Projectile as u8;
                let is_other = is_shot && step > smoothing.snap_distance;
                let kind = is.kind;
                assert!(
                    step <= allowed(is_shot) || is_other,
                    "body {id:?} of kind {kind} jumped {step} from {before:?}"
                );
            }
            last = now;
        }
    });
    steps.sort_unstable_by(f32::total_cmp);
    let p99 = steps[steps.len() * 99 / 100];
    assert!(steps.len() > 3_000, "{} steps", steps.len());
    // A player walks 0.1 units a frame and dashes 0.3; corrections add that much again, as a rule.
    assert!(p99 <= 0.9, "the p99 step of the other player is {p99} units, the largest {:?}", steps.last());
}
