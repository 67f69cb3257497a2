//! What bounces without losing anything keeps its energy, whatever its outline, and never gains any.

use super::scenes::{float, kick, ratio, steps};
use crate::{BodyDesc, Fx, Pcg32, Polygon, Vec2, World, WorldDesc};

const RADIUS: Fx = Fx::HALF;

/// Discs for 0 corners, or polygons of as many: in a walled box, spinning, with restitution 1 and this friction.
fn bouncing(corners: u8, count: i32, friction: Fx, seed: u64) -> World {
    let half_extent = Vec2::from_ints(8, 8);
    let mut world = World::new(WorldDesc { half_extent, ticks_per_second: 60, ..WorldDesc::default() });
    let mut rng = Pcg32::new(seed, 7);
    for index in 0..count {
        let body = if corners == 0 {
            BodyDesc::circle(RADIUS)
        } else {
            BodyDesc::polygon(Polygon::regular(corners, RADIUS))
        };
        let at = Vec2::from_ints(index % 4 * 3 - 5, index / 4 * 3 - 5);
        let body = body.at(at).moving(kick(&mut rng, 5)).spinning(Fx::ONE).restitution(Fx::ONE);
        world.add(body.friction(friction).sleepless()).unwrap();
    }
    world
}

/// Of ways and spins; a regular polygon has m r² (2 + cos 2π/n) / 6 / 2, a disc m r² / 2.
fn energy(world: &World, corners: u8) -> f64 {
    let squared = float(RADIUS).powi(2);
    let inertia = match corners {
        0 => squared / 2.0,
        _ => squared / 6.0 * (2.0 + (std::f64::consts::TAU / f64::from(corners)).cos()),
    };
    let of = |body: crate::Body| {
        let speed = float(body.velocity.x).powi(2) + float(body.velocity.y).powi(2);
        float(body.mass) * (speed + inertia * float(body.spin).powi(2)) / 2.0
    };
    world.bodies().map(|(_, body)| of(body)).sum()
}

/// One body in a box without friction, for five minutes: discs keep it all, squares four fifths at least, hexagons half
/// and triangles, which often hit with two corners one after the other, three tenths. None gains more than rounding.
#[test]
fn one_body_keeps_its_energy() {
    for (corners, least) in [(0, 0.94), (3, 0.3), (4, 0.8), (6, 0.5)] {
        let mut world = bouncing(corners, 1, Fx::ZERO, 3);
        let start = energy(&world, corners);
        for round in 0..18 {
            steps(&mut world, 1_000);
            let part = energy(&world, corners) / start;
            assert!(part > least && part < 1.005, "{corners} corners, round {round}: {part} of it");
        }
    }
}

/// Sixteen in a box, which meet each other and the walls in the same step: at no time more than 2 % above what they
/// began with, and with friction less and less.
#[test]
fn many_bodies_never_gain_energy() {
    for corners in [0, 3, 4, 5, 6, 8] {
        for seed in 0..4 {
            for friction in [Fx::ZERO, ratio(1, 10), Fx::ONE] {
                let mut world = bouncing(corners, 16, friction, seed);
                let start = energy(&world, corners);
                for round in 0..60 {
                    steps(&mut world, 100);
                    let part = energy(&world, corners) / start;
                    assert!(part < 1.02, "{corners} corners, seed {seed}, round {round}: {part} of it");
                }
            }
        }
    }
}

/// What falls flat is thrown back with its restitution and does not turn, however wide or tall it is.
#[test]
fn what_falls_flat_bounces_flat() {
    for (width, height) in [(2, 2), (4, 2), (16, 1), (1, 4), (1, 8)] {
        for restitution in [5, 9, 10] {
            for (substeps, ticks_per_second) in [(1, 30), (2, 60), (4, 30), (4, 60)] {
                let walls = WorldDesc { walls: false, substeps, ticks_per_second, ..WorldDesc::default() };
                let mut world = World::new(walls);
                let ground = BodyDesc::rect(Vec2::from_ints(50, 1)).at(Vec2::from_ints(0, -1));
                world.add(ground.fixed()).unwrap();
                let half = Vec2::new(ratio(width, 4), ratio(height, 4));
                let at = Vec2::new(Fx::ZERO, half.y + ratio(13, 10));
                let body = BodyDesc::rect(half).at(at).moving(Vec2::from_ints(0, -8)).sleepless();
                let id = world.add(body.restitution(ratio(restitution, 10))).unwrap();
                steps(&mut world, 40);
                let body = world.body(id).unwrap();
                let wanted = 0.8 * f64::from(restitution);
                let what = std::format!("{width} {height} {restitution} {substeps}: {body:?}");
                assert!((float(body.velocity.y) - wanted).abs() < 0.01 * wanted, "{what}");
                assert!(float(body.spin).abs() < 0.05, "{what}");
            }
        }
    }
}
