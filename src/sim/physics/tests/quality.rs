//! Worlds against what books say of them. Floats only measure.

use super::scenes::{cube, earth, float, gas, ground, kick, kinetic_energy, open, pyramid, ratio, steps};
use crate::{Angle, BodyDesc, BodyId, Fx, JointDesc, JointKind, Pcg32, Vec2, World, WorldDesc};

fn places(world: &World, ids: &[BodyId]) -> Vec<Vec2> {
    ids.iter().map(|&id| world.body(id).unwrap().position).collect()
}

fn farthest(before: &[Vec2], after: &[Vec2]) -> f64 {
    before.iter().zip(after).map(|(one, other)| float(one.distance(*other))).fold(0.0, f64::max)
}

/// After a second, in which the boxes settle, none moves by 1 % of a side any more.
#[test]
fn a_pyramid_of_twenty_rows_stands() {
    let mut world = earth();
    ground(&mut world);
    let ids = pyramid(&mut world, 20);
    steps(&mut world, 60);
    let settled = places(&world, &ids);
    steps(&mut world, 9_940);
    let drift = farthest(&settled, &places(&world, &ids));
    assert!(drift < 0.01, "they moved by {drift}");
}

#[test]
fn a_stack_of_ten_stands_whose_top_is_ten_times_as_heavy() {
    // Twice the usual substeps: the weight on a light box bends a stack of soft contacts.
    let mut world = World::new(WorldDesc { substeps: 8, ..*earth().desc() });
    ground(&mut world);
    let body = |level: i32| {
        let mass = Fx::from_int(level + 1);
        cube().mass(mass).at(Vec2::new(Fx::ZERO, ratio(2 * level + 1, 2))).sleepless()
    };
    let ids: Vec<_> = (0..10).map(|level| world.add(body(level)).unwrap()).collect();
    for round in 0..20 {
        steps(&mut world, 100);
        let now = places(&world, &ids);
        let lean = now.iter().map(|at| float(at.x.abs())).fold(0.0, f64::max);
        assert!(lean < 0.1 && float(now[9].y) > 9.3, "round {round}: {now:?}");
    }
}

#[test]
fn a_cradle_passes_the_speed_on() {
    let mut world = open();
    let ball = BodyDesc::circle(Fx::HALF).restitution(Fx::ONE).friction(Fx::ZERO);
    let at = |index: i32| Vec2::new(ratio(index * 12, 10), Fx::ZERO);
    let ids: Vec<_> = (0..5).map(|index| world.add(ball.at(at(index))).unwrap()).collect();
    let first = world.add(ball.at(Vec2::from_ints(-3, 0)).moving(Vec2::from_ints(4, 0))).unwrap();
    steps(&mut world, 90);
    let speeds: Vec<f64> = ids.iter().map(|&id| float(world.body(id).unwrap().velocity.x)).collect();
    let all: f64 = speeds.iter().sum::<f64>() + float(world.body(first).unwrap().velocity.x);
    assert!((all - 4.0).abs() < 0.01 && speeds[4] > 3.0, "{speeds:?}");
}

/// On a slope of 0.4 a friction of 0.45 holds and one of 0.35 does not; that slides with g (sin − 0.35 cos).
#[test]
fn an_incline_holds_up_to_the_critical_angle() {
    let turn = Angle::atan2(ratio(4, 10), Fx::ONE);
    let slide = |friction: Fx| {
        let mut world = earth();
        let slope = BodyDesc::rect(Vec2::from_ints(40, 1)).turned(turn).friction(friction).fixed();
        world.add(slope).unwrap();
        let up = Vec2::from_angle(turn + Angle::QUARTER, ratio(3, 2));
        let id = world.add(cube().turned(turn).at(up).friction(friction).sleepless()).unwrap();
        steps(&mut world, 120);
        float(world.body(id).unwrap().position.distance(up))
    };
    let (held, slid) = (slide(ratio(45, 100)), slide(ratio(35, 100)));
    let angle = 0.4_f64.atan();
    let expected = 10.0 * (angle.sin() - 0.35 * angle.cos()) * 2.0;
    assert!(held < 0.02, "it slid by {held}");
    assert!((slid - expected).abs() < 0.05 * expected, "it slid by {slid} instead of {expected}");
}

#[test]
fn a_projectile_follows_its_arc() {
    let mut world = earth();
    let id = world.add(BodyDesc::circle(Fx::HALF).moving(Vec2::from_ints(8, 12))).unwrap();
    steps(&mut world, 120);
    let at = world.body(id).unwrap().position;
    // Semi-implicit steps fall by g t h / 2 more than the parabola.
    let fall = 0.5 * 10.0 * 4.0 + 0.5 * 10.0 * 2.0 / 240.0;
    assert!((float(at.x) - 16.0).abs() < 0.001 && (float(at.y) - (24.0 - fall)).abs() < 0.01, "{at:?}");
}

#[test]
fn a_pendulum_keeps_its_energy() {
    let mut world = earth();
    let hook = world.add(BodyDesc::circle(ratio(1, 4)).fixed()).unwrap();
    let bob = world
        .add(BodyDesc::circle(ratio(1, 4)).at(Vec2::from_ints(4, 0)).lock_rotation().sleepless())
        .unwrap();
    world.join(JointDesc::new(hook, bob, JointKind::Rod { length: Fx::from_int(4) })).unwrap();
    let energy = |world: &World| {
        let body = world.body(bob).unwrap();
        10.0 * (float(body.position.y) + 4.0)
            + (float(body.velocity.x).powi(2) + float(body.velocity.y).powi(2)) / 2.0
    };
    let mut worst: f64 = 0.0;
    for _ in 0..1_000 {
        world.step();
        worst = worst.max((energy(&world) - 40.0).abs());
        let length = float(world.body(bob).unwrap().position.length());
        assert!((length - 4.0).abs() < 0.01, "the rod is {length} long");
    }
    let off = (energy(&world) - 40.0).abs() / 40.0;
    assert!(off < 0.01, "{off} of the energy was lost; {worst} at most");
}

#[test]
fn a_chain_of_forty_hangs_together() {
    let mut world = earth();
    let mut last = world.add(BodyDesc::circle(ratio(1, 4)).at(Vec2::from_ints(0, 30)).fixed()).unwrap();
    let link = BodyDesc::rect(Vec2::new(Fx::HALF, ratio(1, 8)));
    let mut ids = Vec::new();
    for index in 0..40 {
        let id = world.add(link.at(Vec2::new(ratio(2 * index + 1, 2), Fx::from_int(30)))).unwrap();
        let from = if index == 0 { Vec2::ZERO } else { Vec2::new(Fx::HALF, Fx::ZERO) };
        let kind = JointKind::Revolute { limits: None, motor: None };
        world.join(JointDesc::new(last, id, kind).anchors(from, Vec2::new(-Fx::HALF, Fx::ZERO))).unwrap();
        (last, _) = (id, ids.push(id));
    }
    let mut gap: f64 = 0.0;
    for _ in 0..600 {
        world.step();
        gap = world.joints().map(|(_, _, a, b)| float(a.distance(b))).fold(gap, f64::max);
    }
    assert!(gap < 0.1, "a joint came apart by {gap}");
    let end = world.body(last).unwrap().position;
    assert!(float(end.distance(Vec2::from_ints(0, 30))) < 40.1, "{end:?}");
}

#[test]
fn a_bullet_never_passes_a_thin_wall() {
    for (speed, angle) in [(500, 0_u16), (500, 3_000), (1_500, 1_000), (200, 6_000)] {
        let mut world = open();
        world
            .add(BodyDesc::rect(Vec2::new(ratio(1, 20), Fx::from_int(30))).at(Vec2::from_ints(10, 0)).fixed())
            .unwrap();
        let velocity = Vec2::from_angle(Angle(angle), Fx::from_int(speed));
        let shots = [BodyDesc::circle(ratio(1, 10)), BodyDesc::rect(Vec2::splat(ratio(1, 10)))];
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
    let before = momentum(&world);
    steps(&mut world, 300);
    let after = momentum(&world);
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
