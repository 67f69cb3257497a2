//! Random worlds: whatever is in them, nothing panics, nobody gets out, and nothing comes from nothing.
//!
//! `cargo test --release -p framekeep_sim random -- --ignored` runs a million steps.

use super::events::{Touching, follow};
use super::scenes::{bytes_of, float, hash_of, kick, ratio};
use crate::{
    Angle, BodyDesc, BodyId, BodyKind, Combine, ContactEvent, Filter, Fx, JointDesc, JointKind, Locks,
    Material, Motor, Mover, Pcg32, Polygon, Shape, ShapeDesc, TileMap, Vec2, World, WorldDesc, decode,
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

/// The kinds of joints: the first six push two bodies apart or together, and a mouse pulls to a place of the world.
const PAIRED: u32 = 6;
const ANY_JOINT: u32 = 7;

fn joint(rng: &mut Pcg32, kinds: u32) -> JointKind {
    let limits = (rng.below(2) == 0).then(|| (-part(rng, 0, 2), part(rng, 0, 2)));
    let motor = (rng.below(2) == 0).then(|| Motor { speed: part(rng, -9, 9), force_max: part(rng, 0, 100) });
    let hertz = part(rng, 1, 9);
    match rng.below(kinds) {
        0 => JointKind::Rod { length: part(rng, 1, 4) },
        1 => JointKind::Rope { length: part(rng, 0, 4) },
        2 => JointKind::Spring { length: part(rng, 0, 4), hertz, damping_ratio: part(rng, 0, 2) },
        3 => JointKind::Revolute { limits, motor },
        4 => JointKind::Prismatic {
            axis: Vec2::from_angle(Angle(rng.below(1 << 16) as u16), Fx::ONE),
            limits,
            motor,
        },
        5 => JointKind::Weld,
        _ => JointKind::Mouse {
            target: Vec2::new(part(rng, -30, 30), part(rng, -30, 30)),
            hertz,
            damping_ratio: part(rng, 0, 2),
            force_max: part(rng, 0, 1_000),
        },
    }
}

fn join_some(world: &mut World, ids: &[BodyId], kinds: u32, rng: &mut Pcg32) {
    for pair in ids.windows(2) {
        if rng.below(4) == 0 {
            let anchors = [(); 2].map(|()| Vec2::new(part(rng, -1, 1), part(rng, -1, 1)));
            let joint = JointDesc::new(pair[0], pair[1], joint(rng, kinds)).anchors(anchors[0], anchors[1]);
            world.join(joint).expect("all its numbers are in range");
        }
    }
}

/// A walled world with up to sixty bodies of every kind, joined at random; most have a dozen at most.
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
    let most = if seed.is_multiple_of(4) { 60 } else { 12 };
    for _ in 0..rng.below(most) {
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
    join_some(&mut world, &ids, ANY_JOINT, &mut rng);
    land(&mut world, half, &mut rng);
    (world, half)
}

/// Puts in what stands for ever: segments, a chain or a tile map, one of them or none; the latter two go with a body
/// that the game moves, or stand.
fn land(world: &mut World, half: i32, rng: &mut Pcg32) {
    let place = |rng: &mut Pcg32| Vec2::new(part(rng, -half, half), part(rng, -half, half));
    let kind = rng.below(4);
    if kind == 0 {
        for _ in 0..6 {
            let (from, to) = (place(rng), place(rng));
            let segment = BodyDesc::new(Shape::Segment { from, to }).fixed();
            world.add(segment).expect("there is room");
        }
        return;
    }
    let mut base = BodyDesc::circle(ratio(1, 8)).turned(Angle(rng.below(1 << 16) as u16));
    base = if rng.below(2) == 0 { base.fixed() } else { base.kinematic().spinning(part(rng, -2, 2)) };
    let base = world.add(base).expect("there is room");
    let ground = ShapeDesc::new(Shape::Circle { radius: Fx::ONE });
    if kind == 1 {
        let points: Vec<Vec2> =
            (0..12).map(|x| Vec2::new(Fx::from_int(x - 6), part(rng, -half, half) * Fx::HALF)).collect();
        world.attach_chain(base, &points, rng.below(2) == 0, ground).expect("its points are apart");
    } else if kind == 2 {
        let mut map = TileMap::new(12, 6, Fx::ONE).expect("it is small");
        (0..40).for_each(|_| map.set(rng.below(12) as usize, rng.below(6) as usize, rng.below(3) > 0));
        map.attach_to(world, base, ground).expect("there is room");
    }
}

/// In every third world a character goes anywhere and pushes.
fn mover(seed: u64) -> Option<(Mover, Vec2)> {
    let slim = Shape::Capsule { half_length: ratio(1, 4), radius: ratio(1, 4) };
    let shape = if seed.is_multiple_of(2) { slim } else { Mover::default().shape };
    seed.is_multiple_of(3).then(|| (Mover { shape, push: Fx::from_int(20), ..Mover::default() }, Vec2::ZERO))
}

fn nobody_gets_out(seed: u64) {
    let (mut world, half) = walled(seed);
    let (mut mover, mut rng) = (mover(seed), Pcg32::new(seed, 4));
    let half = Fx::from_int(half);
    for tick in 0..TICKS {
        if let Some((mover, at)) = &mut mover {
            *at = mover.go(&mut world, *at, kick(&mut rng, 2)).position;
            assert!(at.x.abs() <= half && at.y.abs() <= half, "seed {seed}, tick {tick}: a mover at {at:?}");
        }
        world.step();
        for (id, body) in world.bodies() {
            let at = body.centre;
            assert!(at.x.abs() <= half && at.y.abs() <= half, "seed {seed}, tick {tick}: {id:?} {body:?}");
        }
    }
}

/// Any number, the ends being frequent.
fn any(rng: &mut Pcg32) -> Fx {
    let bits = rng.next_u32().cast_signed();
    [Fx::MIN, Fx::MAX, Fx::ZERO, Fx::STEP, Fx::from_bits(bits), Fx::from_bits(bits >> 14)]
        [rng.below(6) as usize]
}

fn toss(rng: &mut Pcg32) -> bool {
    rng.below(2) == 0
}

fn filter(rng: &mut Pcg32) -> Filter {
    let (layer, mask) = (rng.next_u32(), rng.next_u32());
    let groups = [-1, 1, 2].map(|group| Filter { layer, mask, group });
    [Filter::ALL, Filter { mask, ..Filter::ALL }, groups[0], groups[1], groups[2]][rng.below(5) as usize]
}

fn material(rng: &mut Pcg32) -> Material {
    let rules = [Combine::Average, Combine::Minimum, Combine::Multiply, Combine::Maximum];
    Material {
        friction: any(rng),
        restitution: any(rng),
        friction_combine: rules[rng.below(4) as usize],
        restitution_combine: rules[rng.below(4) as usize],
        surface_speed: if toss(rng) { any(rng) } else { Fx::ZERO },
        one_way: rng.below(4) == 0,
    }
}

/// Changes something of a body, of a shape or of the world.
fn change(world: &mut World, rng: &mut Pcg32) {
    let Some((id, body)) = world.bodies().nth(rng.below(world.len().max(1) as u32) as usize) else { return };
    let shape = rng.below(world.shapes(id).count() as u32) as u16;
    let dynamic = body.kind == BodyKind::Dynamic;
    let done = match rng.below(28) {
        0 => world.set_kind(id, BodyKind::Static),
        // What the game moves is kept by nothing.
        1 => world.set_kind(id, BodyKind::Kinematic) && world.set_velocity(id, Vec2::ZERO),
        2..=4 => world.set_kind(id, BodyKind::Dynamic),
        5 => world.set_mass(id, toss(rng).then(|| any(rng))) == dynamic,
        6 => world.set_gravity_scale(id, any(rng)),
        7 => world.set_damping(id, any(rng)),
        8 => world.set_spin_damping(id, any(rng)),
        9 => world.set_locks(id, Locks { rotation: toss(rng), x: toss(rng), y: toss(rng) }),
        10 => world.set_bullet(id, toss(rng)) == dynamic,
        11 => world.set_can_sleep(id, toss(rng)) == dynamic,
        12 => world.set_shape_filter(id, shape, filter(rng)),
        13 => world.set_shape_material(id, shape, material(rng)),
        14 => world.set_shape_sensor(id, shape, toss(rng)),
        15 => world.set_shape_density(id, shape, any(rng)),
        16 => world.detach(id, shape) == (shape > 0),
        17 => {
            let offset = Vec2::new(part(rng, -1, 1), part(rng, -1, 1));
            world.attach(id, ShapeDesc::new(outline(rng)).offset(offset, Angle(99))).is_ok()
        }
        18 => world.len() < 4 || world.remove(id),
        19 => world.apply_force(id, kick(rng, 2_000)) == dynamic,
        20 => world.apply_force_at(id, kick(rng, 100), kick(rng, 9)) == dynamic,
        21 => world.apply_torque(id, any(rng)) == dynamic,
        22 => world.apply_impulse_at(id, kick(rng, 100), kick(rng, 9)) == dynamic,
        23 => world.apply_torque_impulse(id, any(rng)) == dynamic,
        24 => world.set_position(id, kick(rng, 4)) && world.set_angle(id, Angle(rng.below(1 << 16) as u16)),
        25 => {
            let (other, ignored) = (world.bodies().next().map_or(id, |(other, _)| other), toss(rng));
            world.ignore(id, other, ignored) || id == other
        }
        26 => {
            let joint = world.joints().next().map(|(joint, ..)| joint);
            joint.is_none_or(
                |joint| if toss(rng) { world.unjoin(joint) } else { world.joint(joint).is_some() },
            )
        }
        _ => {
            world.set_gravity(kick(rng, 20));
            true
        }
    };
    assert!(done, "{id:?} {shape} {body:?}");
    let gone = BodyId { generation: id.generation.wrapping_sub(1), ..id };
    assert!(!world.set_kind(gone, BodyKind::Static) && !world.detach(gone, 1));
}

/// A random world of which the game changes something again and again: what is dynamic stays within it, events begin
/// and end in turns. It may be written and read before and after each change. Gives what each tick came to.
fn changed(seed: u64, restored: bool) -> Vec<(u64, Vec<ContactEvent>)> {
    let ((mut world, half), mut rng) = (walled(seed), Pcg32::new(seed, 3));
    let (half, every) = (Fx::from_int(half), 1 + rng.below(20));
    let again =
        |world: World| if restored { decode(&bytes_of(&world)).expect("its own bytes") } else { world };
    let (mut ticks, mut touching) = (Vec::new(), Touching::new());
    for tick in 0..TICKS {
        world = again(world);
        if tick % every == 0 {
            (0..1 + rng.below(4)).for_each(|_| change(&mut world, &mut rng));
            world = again(world);
        }
        world.step();
        follow(&mut touching, &format!("seed {seed}"), tick, world.events());
        for (id, body) in world.bodies().filter(|(_, body)| body.kind == BodyKind::Dynamic) {
            let at = body.centre;
            assert!(at.x.abs() <= half && at.y.abs() <= half, "seed {seed}, tick {tick}: {id:?} {body:?}");
        }
        let key = |it: &crate::Contact| (it.a, it.b, it.shape_a, it.shape_b);
        let unknown = world.contacts().iter().find(|it| touching.get(&key(it)) != Some(&true));
        assert_eq!(unknown, None, "seed {seed}, tick {tick}");
        ticks.push((hash_of(&world), world.events().to_vec()));
    }
    ticks
}

/// What the game changes is the same for a world that was read from bytes.
fn changes_are_the_same(seed: u64) {
    let (one, other) = (changed(seed, false), changed(seed, true));
    let differs = one.iter().zip(&other).position(|(one, other)| one != other);
    assert_eq!(differs, None, "seed {seed}: they differ from this tick on");
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
    join_some(&mut world, &ids, PAIRED, &mut rng);
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

/// A million steps in all.
#[test]
fn nobody_gets_out_of_a_random_world() {
    let worlds = 1_000_000 / u64::from(TICKS);
    std::thread::scope(|scope| {
        for half in 0..2 {
            scope.spawn(move || (half..worlds).step_by(2).for_each(nobody_gets_out));
        }
    });
}

#[test]
fn random_worlds_are_changed_by_the_game() {
    (0..40).chain([1_239]).for_each(changes_are_the_same);
}

#[test]
fn random_worlds_keep_their_momentum() {
    (0..400).chain([1_723, 1_966]).for_each(momentum_stays);
}

#[test]
#[ignore = "a million steps take a minute"]
fn random_worlds_of_a_million_steps() {
    for seed in 1_000..3_000 {
        nobody_gets_out(seed);
        momentum_stays(seed);
        changes_are_the_same(seed);
    }
}
