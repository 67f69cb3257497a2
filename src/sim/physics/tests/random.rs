//! Random worlds: whatever is in them, nothing panics, nobody gets out, and nothing comes from nothing.
//!
//! `cargo test --release -p framekeep_sim random -- --ignored` runs a million steps.

use super::scenes::{float, kick, ratio};
use crate::{
    Angle, BodyDesc, BodyId, Fx, JointDesc, JointKind, Motor, Pcg32, Polygon, Shape, ShapeDesc, Vec2, World,
    WorldDesc,
};

const TICKS: u32 = 250;

fn part(rng: &mut Pcg32, from: i32, to: i32) -> Fx {
    ratio(from * 100 + rng.below((to - from) as u32 * 100) as i32, 100)
}

fn outline(rng: &mut Pcg32) -> Shape {
    // Of 1/50 to 3 units, small ones being as frequent as large ones.
    let sizes = [ratio(1, 50), ratio(1, 8), ratio(1, 4), Fx::HALF, Fx::ONE, Fx::from_int(3)];
    let mut size = || sizes[rng.below(6) as usize];
    let (one, other) = (size(), size());
    match rng.below(5) {
        0 | 1 => Shape::Circle { radius: one },
        2 => Shape::Box { half: Vec2::new(one, other) },
        3 => Shape::Capsule { half_length: one, radius: other },
        _ => Shape::Polygon(Polygon::regular(3 + rng.below(6) as u8, one)),
    }
}

fn body(rng: &mut Pcg32, half: i32) -> BodyDesc {
    let mut body = BodyDesc::new(outline(rng));
    body.position = Vec2::new(part(rng, -half, half), part(rng, -half, half));
    body.angle = Angle(rng.below(1 << 16) as u16);
    let speed = [1, 10, 100, 2_000][rng.below(4) as usize];
    body.velocity = kick(rng, speed);
    body.spin = part(rng, -20, 20);
    body.shape.material.restitution = part(rng, 0, 1);
    body.shape.material.friction = part(rng, 0, 2);
    (body.bullet, body.can_sleep) = (rng.below(5) == 0, rng.below(4) > 0);
    if rng.below(3) == 0 {
        body.mass = Some([ratio(1, 128), Fx::ONE, Fx::from_int(1_000), Fx::MAX][rng.below(4) as usize]);
    }
    body
}

fn joint(rng: &mut Pcg32) -> JointKind {
    let limits = (rng.below(2) == 0).then(|| (-part(rng, 0, 2), part(rng, 0, 2)));
    let motor = (rng.below(2) == 0).then(|| Motor { speed: part(rng, -9, 9), force_max: part(rng, 0, 100) });
    let hertz = part(rng, 1, 9);
    match rng.below(6) {
        0 => JointKind::Rod { length: part(rng, 1, 4) },
        1 => JointKind::Rope { length: part(rng, 0, 4) },
        2 => JointKind::Spring { length: part(rng, 0, 4), hertz, damping_ratio: part(rng, 0, 2) },
        3 => JointKind::Revolute { limits, motor },
        4 => JointKind::Prismatic {
            axis: Vec2::from_angle(Angle(rng.below(1 << 16) as u16), Fx::ONE),
            limits,
            motor,
        },
        _ => JointKind::Weld,
    }
}

fn join_some(world: &mut World, ids: &[BodyId], rng: &mut Pcg32) {
    for pair in ids.windows(2) {
        if rng.below(4) == 0 {
            let anchors = [(); 2].map(|()| Vec2::new(part(rng, -1, 1), part(rng, -1, 1)));
            let joint = JointDesc::new(pair[0], pair[1], joint(rng)).anchors(anchors[0], anchors[1]);
            world.join(joint).expect("all its numbers are in range");
        }
    }
}

/// A walled world with up to sixty bodies of every kind, joined at random.
fn walled(seed: u64) -> (World, i32) {
    let mut rng = Pcg32::new(seed, 1);
    let half = 4 + rng.below(20) as i32;
    let mut world = World::new(WorldDesc {
        half_extent: Vec2::from_ints(half, half),
        gravity: kick(&mut rng, 20),
        ticks_per_second: [20, 30, 60, 128][rng.below(4) as usize],
        substeps: 1 + rng.below(6) as u8,
        ..WorldDesc::default()
    });
    let mut ids = Vec::new();
    for _ in 0..rng.below(60) {
        let body = match (rng.below(10), body(&mut rng, half)) {
            (0, body) => body.fixed(),
            (1, body) => body.kinematic().moving(Vec2::ZERO),
            (2, body) => body.sensor(),
            (3, body) => body.lock_rotation(),
            (_, body) => body,
        };
        ids.push(world.add(body).expect("there is room"));
    }
    for &id in &ids {
        if rng.below(5) == 0 {
            let arm = ShapeDesc::new(outline(&mut rng));
            let offset = Vec2::new(part(&mut rng, -1, 1), part(&mut rng, -1, 1));
            world.attach(id, arm.offset(offset, Angle(seed as u16))).expect("there is room");
        }
    }
    join_some(&mut world, &ids, &mut rng);
    (world, half)
}

fn nobody_gets_out(seed: u64) {
    let (mut world, half) = walled(seed);
    let half = Fx::from_int(half);
    for tick in 0..TICKS {
        world.step();
        for (id, body) in world.bodies() {
            let at = body.centre;
            assert!(at.x.abs() <= half && at.y.abs() <= half, "seed {seed}, tick {tick}: {id:?} {body:?}");
        }
    }
}

/// An open world of dynamic bodies alone, joined at random.
fn momentum_stays(seed: u64) {
    let mut rng = Pcg32::new(seed, 2);
    let mut world = World::new(WorldDesc { walls: false, ..WorldDesc::default() });
    let mut ids = Vec::new();
    for _ in 0..2 + rng.below(40) {
        let mut body = body(&mut rng, 8);
        (body.velocity, body.mass) = (kick(&mut rng, 10), Some(part(&mut rng, 1, 10)));
        ids.push(world.add(body).expect("there is room"));
    }
    join_some(&mut world, &ids, &mut rng);
    let (before, mass) = momentum(&world);
    for _ in 0..TICKS {
        world.step();
    }
    let (after, _) = momentum(&world);
    let off = (before.0 - after.0).hypot(before.1 - after.1);
    assert!(off < mass * MOMENTUM_BOUND, "seed {seed}: {off} of {before:?} went, with a mass of {mass}");
}

/// What is lost or won of the mean speed in ten seconds, in units per second: see the numbers in docs/PHYSICS.md.
const MOMENTUM_BOUND: f64 = 0.002;

fn momentum(world: &World) -> ((f64, f64), f64) {
    world.bodies().fold(((0.0, 0.0), 0.0), |((x, y), all), (_, body)| {
        let mass = float(body.mass);
        ((x + mass * float(body.velocity.x), y + mass * float(body.velocity.y)), all + mass)
    })
}

#[test]
fn nobody_gets_out_of_a_random_world() {
    (0..40).for_each(nobody_gets_out);
}

#[test]
fn random_worlds_keep_their_momentum() {
    (0..40).chain([1_723, 1_966]).for_each(momentum_stays);
}

#[test]
#[ignore = "a million steps take a minute"]
fn random_worlds_of_a_million_steps() {
    for seed in 1_000..3_000 {
        nobody_gets_out(seed);
        momentum_stays(seed);
    }
}
