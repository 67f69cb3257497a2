//! The same scene here and in rapier2d, tick by tick: how far do they come apart in the first second?

use framekeep_sim::{Angle, BodyDesc, Fx, Polygon, Vec2, WorldDesc};

use crate::engine::{Engine, Own};
use crate::peer::Rapier;
use crate::scene::Scene;

/// Units that a body may be elsewhere at any tick of the first second: a fifth of a box, as the peer overlaps by
/// half of that when something hits the ground.
const APART_MAX: f64 = 0.2;
const TICKS: u32 = 60;

/// What one can foresee: flight, falls, a pile, slides and rolls down a slope, bounces and a push.
fn scene() -> Scene {
    let ratio = Fx::from_ratio;
    let at = |x: i32, y: i32| Vec2::new(ratio(x, 10), ratio(y, 10));
    let cube = BodyDesc::rect(Vec2::splat(Fx::HALF)).sleepless();
    let ball = BodyDesc::circle(Fx::HALF).sleepless();
    let turn = Angle::atan2(ratio(1, 2), Fx::ONE);
    // On a slope through (x, 0), a body whose middle is half a unit above it.
    let upon = |x: i32| {
        Vec2::from_ints(-20, 0)
            + Vec2::from_angle(turn, Fx::from_int(x))
            + Vec2::from_angle(turn + Angle::QUARTER, ratio(3, 2))
    };
    let bodies = vec![
        BodyDesc::rect(Vec2::from_ints(30, 1)).at(at(200, -10)).fixed(),
        BodyDesc::rect(Vec2::from_ints(12, 1)).at(at(-200, 0)).turned(turn).fixed(),
        ball.at(at(-50, 50)).moving(Vec2::from_ints(3, 6)),
        cube.at(at(0, 20)),
        ball.at(at(30, 30)).restitution(Fx::HALF),
        cube.at(at(60, 5)),
        cube.at(at(60, 15)),
        cube.at(at(60, 25)),
        BodyDesc::capsule(Fx::HALF, ratio(1, 4)).sleepless().at(at(90, 10)),
        BodyDesc::polygon(Polygon::regular(4, Fx::ONE)).sleepless().turned(Angle(8_192)).at(at(120, 20)),
        cube.at(at(160, 5)).moving(Vec2::from_ints(4, 0)).friction(ratio(1, 5)),
        ball.at(at(180, 5)).friction(Fx::ZERO),
        cube.at(upon(4)).turned(turn).friction(ratio(1, 5)),
        ball.at(upon(7)),
        cube.at(upon(0)).turned(turn).friction(Fx::ONE),
    ];
    let world = WorldDesc {
        half_extent: Vec2::from_ints(64, 64),
        gravity: Vec2::from_ints(0, -10),
        ticks_per_second: TICKS as u16,
        walls: false,
        ..WorldDesc::default()
    };
    Scene { world, bodies }
}

#[test]
fn the_first_second_is_that_of_rapier() {
    let scene = scene();
    let (mut own, mut peer) = (Own::build(&scene), Rapier::build(&scene));
    for tick in 1..=TICKS {
        own.step(1);
        peer.step(1);
        for (index, (here, there)) in own.places().into_iter().zip(peer.places()).enumerate() {
            let apart = (here.0 - there.0).hypot(here.1 - there.1);
            assert!(apart < APART_MAX, "tick {tick}, body {index}: {here:?} here and {there:?} there");
        }
    }
}
