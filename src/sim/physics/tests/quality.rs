//! Piles, and what hits them: they stand, they keep their energy and momentum, and nothing gets through.

use super::scenes::{cube, earth, float, gas, ground, kick, kinetic_energy, open, pyramid, ratio, steps};
use crate::{Angle, BodyDesc, BodyId, Fx, Pcg32, Shape, ShapeDesc, Vec2, World, WorldDesc};

fn places(world: &World, ids: &[BodyId]) -> Vec<Vec2> {
    ids.iter().map(|&id| world.body(id).unwrap().position).collect()
}

fn farthest(before: &[Vec2], after: &[Vec2]) -> f64 {
    before.iter().zip(after).map(|(one, other)| float(one.distance(*other))).fold(0.0, f64::max)
}

/// After two seconds, in which the boxes settle, none moves by 1 % of a side any more; and the settling, that is what
/// twenty soft contacts upon each other give way, is a tenth of a box at most.
#[test]
fn a_pyramid_of_twenty_rows_stands_for_ten_thousand_steps() {
    let mut world = earth();
    ground(&mut world);
    let ids = pyramid(&mut world, 20);
    let start = places(&world, &ids);
    steps(&mut world, 120);
    let settled = places(&world, &ids);
    assert!(farthest(&start, &settled) < 0.1, "they settled by {}", farthest(&start, &settled));
    for round in 0..19 {
        steps(&mut world, 520);
        let drift = farthest(&settled, &places(&world, &ids));
        assert!(drift < 0.01, "they moved by {drift} in round {round}");
    }
}

/// From 1 below to 10 above, with the usual substeps: it settles by a fifth of a box in all at most, and sways by
/// less than a tenth of a box then.
#[test]
fn a_stack_of_ten_stands_whose_top_is_ten_times_as_heavy() {
    let mut world = earth();
    ground(&mut world);
    let body = |level: i32| {
        let mass = Fx::from_int(level + 1);
        cube().mass(mass).at(Vec2::new(Fx::ZERO, ratio(2 * level + 1, 2))).sleepless()
    };
    let ids: Vec<_> = (0..10).map(|level| world.add(body(level)).unwrap()).collect();
    let start = places(&world, &ids);
    steps(&mut world, 300);
    let settled = places(&world, &ids);
    assert!(farthest(&start, &settled) < 0.2, "they settled to {settled:?}");
    for round in 0..20 {
        steps(&mut world, 100);
        let now = places(&world, &ids);
        assert!(farthest(&settled, &now) < 0.1, "round {round}: {settled:?} became {now:?}");
    }
}

/// Nothing sleeps: contacts are springs, under which a slender column bends if they are too soft for what stands on it,
/// and what pushed at the corners of boxes that stand exactly above each other must not be forgotten. Straight, and
/// leaning by a hundredth of a box in all, it sways by less than a tenth of a box, at 60 and at 30 ticks per second.
#[test]
fn a_stack_stands_of_which_only_the_top_is_ten_times_as_heavy() {
    for (ticks_per_second, lean, rounds) in [(60, 0, 20), (60, 1, 4), (30, 0, 20), (30, 1, 4)] {
        let desc = WorldDesc { ticks_per_second, sleep: false, ..*earth().desc() };
        let mut world = World::new(desc);
        ground(&mut world);
        let body = |level: i32| {
            let mass = Fx::from_int(if level == 9 { 10 } else { 1 });
            cube().mass(mass).at(Vec2::new(ratio(lean * level, 900), ratio(2 * level + 1, 2)))
        };
        let ids: Vec<_> = (0..10).map(|level| world.add(body(level)).unwrap()).collect();
        let start = places(&world, &ids);
        for round in 0..rounds {
            steps(&mut world, 500);
            let now = places(&world, &ids);
            let aside = |(one, other): (&Vec2, &Vec2)| (float(one.x) - float(other.x)).abs();
            let swayed = start.iter().zip(&now).map(aside).fold(0.0, f64::max);
            let top = float(now[9].y);
            assert!(
                swayed < 0.1 && top > 9.4,
                "{ticks_per_second} t/s, lean {lean}, round {round}: {swayed}, {top}"
            );
        }
    }
}

/// One box of mass 10 on one of mass 1: it sinks in by 2 % of a box at most.
#[test]
fn a_heavy_box_stands_on_a_light_one() {
    let mut world = earth();
    ground(&mut world);
    let light = world.add(cube().at(Vec2::new(Fx::ZERO, Fx::HALF)).sleepless()).unwrap();
    let heavy = cube().mass(Fx::from_int(10)).at(Vec2::new(Fx::ZERO, ratio(3, 2))).sleepless();
    let heavy = world.add(heavy).unwrap();
    steps(&mut world, 1_000);
    let (light, heavy) = (world.body(light).unwrap().position, world.body(heavy).unwrap().position);
    assert!(
        (float(light.y) - 0.5).abs() < 0.02 && (float(heavy.y) - 1.5).abs() < 0.02,
        "{light:?} {heavy:?}"
    );
}

/// A wall 0.1 thick stops whatever comes at up to 1,500 units per second, head on or slanting.
#[test]
fn a_bullet_never_passes_a_thin_wall() {
    for (speed, angle) in [(500, 0_u16), (500, 3_000), (500, 9_000), (1_500, 1_000), (200, 6_000)] {
        let mut world = open();
        world
            .add(BodyDesc::rect(Vec2::new(ratio(1, 20), Fx::from_int(30))).at(Vec2::from_ints(10, 0)).fixed())
            .unwrap();
        let velocity = Vec2::from_angle(Angle(angle), Fx::from_int(speed));
        let shots = [
            BodyDesc::circle(ratio(1, 10)),
            BodyDesc::rect(Vec2::splat(ratio(1, 10))),
            BodyDesc::capsule(ratio(1, 5), ratio(1, 20)),
        ];
        let ids = shots
            .map(|shot| world.add(shot.moving(velocity).bullet().restitution(Fx::ONE).group(-1)).unwrap());
        for _ in 0..10 {
            world.step();
            for id in ids {
                let x = float(world.body(id).unwrap().position.x);
                assert!(x < 10.0, "{speed} {angle}: it is at {x}");
            }
        }
    }
}

/// Whichever of a bullet's shapes comes to the wall first stops the body: here the first one would fly past it.
#[test]
fn no_shape_of_a_bullet_passes_a_thin_wall() {
    let parts = [Shape::Circle { radius: ratio(1, 10) }, Shape::Box { half: Vec2::splat(ratio(1, 10)) }];
    for (speed, angle) in [(500, 0_u16), (500, 3_000), (1_500, 1_000), (200, 62_000)] {
        for part in parts {
            let mut world = open();
            let wall = BodyDesc::rect(Vec2::new(ratio(1, 20), Fx::from_int(30)));
            world.add(wall.at(Vec2::from_ints(10, 40)).fixed()).unwrap();
            let shot = BodyDesc::circle(ratio(1, 10)).bullet().lock_rotation().restitution(Fx::ONE);
            let id = world.add(shot.moving(Vec2::from_angle(Angle(angle), Fx::from_int(speed)))).unwrap();
            let arm = Vec2::from_ints(0, 25);
            world.attach(id, ShapeDesc::new(part).offset(arm, Angle::ZERO)).unwrap();
            for _ in 0..10 {
                world.step();
                let x = float(world.body(id).unwrap().position.x);
                assert!(x < 10.0, "{speed} {angle}: it is at {x}");
            }
        }
    }
}

/// A mill with a disc at the end of an arm that is not there: it knocks away each ball on its way, wherever on that way
/// the ball is; none is passed over.
#[test]
fn a_mill_knocks_away_what_is_on_its_way() {
    for place in 0..40 {
        let mut world = open();
        let mill = world.add(BodyDesc::circle(ratio(1, 4)).kinematic().spinning(Fx::from_int(4))).unwrap();
        let disc = ShapeDesc::new(Shape::Circle { radius: ratio(1, 4) });
        world.attach(mill, disc.offset(Vec2::from_ints(10, 0), Angle::ZERO)).unwrap();
        let at = Vec2::from_angle(Angle(8_000 + 50 * place), Fx::from_int(10));
        let ball = world.add(BodyDesc::circle(ratio(1, 4)).at(at).sleepless()).unwrap();
        steps(&mut world, 30);
        let velocity = world.body(ball).unwrap().velocity;
        let ahead = Vec2::new(-at.y, at.x);
        assert!(float(velocity.length()) > 20.0, "{place}: it was hit with {velocity:?} only");
        assert!(float(velocity.dot(ahead)) > 0.0, "{place}: it was hit from behind, to {velocity:?}");
    }
}

/// With gravity, and nothing that throws it back: it stays between two walls, higher than it can fly, and on the ground
/// for ten seconds.
#[test]
fn a_bullet_without_restitution_never_passes_a_thin_wall() {
    for (speed, angle) in [(500, 0_u16), (500, 3_000), (1_500, 1_000), (60, 0), (200, 63_000)] {
        let mut world = earth();
        ground(&mut world);
        let wall = BodyDesc::rect(Vec2::new(ratio(1, 20), Fx::from_int(1_000))).fixed();
        for x in [-10, 10] {
            world.add(wall.at(Vec2::from_ints(x, 1_000))).unwrap();
        }
        let velocity = Vec2::from_angle(Angle(angle), Fx::from_int(speed));
        let shots = [
            BodyDesc::circle(ratio(1, 10)),
            BodyDesc::rect(Vec2::splat(ratio(1, 10))),
            BodyDesc::capsule(ratio(1, 5), ratio(1, 20)),
        ];
        let start = Vec2::from_ints(0, 6);
        let ids = shots.map(|shot| world.add(shot.at(start).moving(velocity).bullet().group(-1)).unwrap());
        for tick in 0..600 {
            world.step();
            for id in ids {
                let at = world.body(id).unwrap().position;
                let inside = float(at.x).abs() < 9.95 && float(at.y) > 0.0;
                assert!(inside, "{speed} {angle} {tick}: it is at {at:?}");
            }
        }
    }
}

/// A bullet meets what moves as well, and each other.
#[test]
fn bullets_hit_what_moves() {
    let mut world = open();
    let plate =
        BodyDesc::rect(Vec2::new(ratio(1, 20), Fx::from_int(4))).mass(Fx::from_int(4)).lock_rotation();
    let plate = world.add(plate.at(Vec2::from_ints(8, 0)).moving(Vec2::from_ints(-20, 0))).unwrap();
    let shot = BodyDesc::circle(ratio(1, 10)).bullet().mass(Fx::ONE).moving(Vec2::from_ints(500, 0));
    let shot = world.add(shot).unwrap();
    for _ in 0..20 {
        world.step();
        let (shot, plate) = (world.body(shot).unwrap(), world.body(plate).unwrap());
        assert!(shot.position.x < plate.position.x, "{shot:?} {plate:?}");
    }
    // Without restitution they go on together: (500 − 80) / 5.
    let speed = float(world.body(plate).unwrap().velocity.x);
    assert!((speed - 84.0).abs() < 1.0, "{speed}");
}

/// A step adds 0.1 % at most, which is what rounding and overlaps give.
#[test]
fn a_gas_never_gains_energy() {
    let mut world = gas(16);
    let mut energy = kinetic_energy(&world);
    for tick in 0..600 {
        world.step();
        let now = kinetic_energy(&world);
        assert!(now <= energy * 1.001 + 0.1, "tick {tick}: {energy} became {now}");
        energy = now;
    }
}

/// Of bodies with a mass of 1 to 8: 200 of them lose less than 0.1 of mass times speed in 300 steps, in which
/// thousands of contacts are solved; and their angular momentum stays within 1 % of what its parts are together.
#[test]
fn momentum_is_kept_without_walls() {
    let mut world = World::new(WorldDesc { walls: false, ..WorldDesc::default() });
    let mut rng = Pcg32::new(9, 9);
    for index in 0..200 {
        let at = Vec2::from_ints(index % 14 - 7, index / 14 - 7);
        let body = if index % 2 == 0 { BodyDesc::circle(ratio(3, 5)) } else { cube() };
        let mass = Fx::from_int(1 << (index % 4));
        world
            .add(body.mass(mass).restitution(Fx::HALF).at(at).moving(kick(&mut rng, 4)).sleepless())
            .unwrap();
    }
    let momentum = |world: &World| {
        world.bodies().fold((0.0, 0.0), |(x, y), (_, body)| {
            let mass = float(body.mass);
            (x + mass * float(body.velocity.x), y + mass * float(body.velocity.y))
        })
    };
    // Of each body: what is in its way around the origin, and in its spin (mass r² / 2, mass / 6 for a cube).
    let angular = |world: &World, sum: fn(f64) -> f64| {
        let of = |(id, body): (BodyId, crate::Body)| {
            let (x, y) = (float(body.position.x), float(body.position.y));
            let inertia = if id.index % 2 == 0 { 0.18 } else { 1.0 / 6.0 };
            let way = x * float(body.velocity.y) - y * float(body.velocity.x);
            sum(float(body.mass) * (way + inertia * float(body.spin)))
        };
        world.bodies().map(of).sum::<f64>()
    };
    let (before, turning, parts) =
        (momentum(&world), angular(&world, |part| part), angular(&world, f64::abs));
    steps(&mut world, 300);
    let after = momentum(&world);
    let off = (angular(&world, |part| part) - turning).abs();
    assert!(off < 0.01 * parts, "{off} of {turning}, the parts of which are {parts}");
    assert!((before.0 - after.0).abs() + (before.1 - after.1).abs() < 0.1, "{before:?} became {after:?}");
}

#[test]
fn bodies_at_one_place_come_apart() {
    let mut world = World::new(WorldDesc::default());
    for _ in 0..60 {
        world.add(BodyDesc::circle(Fx::HALF)).unwrap();
    }
    steps(&mut world, 300);
    let ids: Vec<_> = world.bodies().map(|(id, _)| id).collect();
    let places = places(&world, &ids);
    let pairs = || {
        places
            .iter()
            .enumerate()
            .flat_map(|(index, one)| places[index + 1..].iter().map(move |other| one.distance(*other)))
    };
    assert!(pairs().all(|apart| float(apart) > 0.95), "{:?}", pairs().min());
}
