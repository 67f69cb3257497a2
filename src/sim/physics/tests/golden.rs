//! The rules as numbers: whoever changes one of these changes what every client, server and replay must agree on.

use super::scenes::{
    GOLDEN, GOLDEN_TICKS, Stroll, all, bytes_of, digests, earth, float, ground, mixed_bodies, mixing_bowl,
    ratio, steps,
};
use crate::{
    Angle, BodyDesc, BodyId, Fx, JointDesc, JointKind, Pcg32, Shape, ShapeDesc, Vec2, World, decode,
};

#[test]
fn seven_scenes_end_as_recorded() {
    let found = digests();
    let shown =
        found.map(|(name, size, hash)| std::format!("(\"{name}\", {size}, {hash:#018x}),\n")).concat();
    assert_eq!(found, GOLDEN, "the new values would be\n{shown}");
}

/// A world that is written and read at every step goes on like one that never was, with the same events.
#[test]
fn restoring_at_every_step_changes_nothing() {
    for (name, mut world) in all() {
        let mut restored = world.clone();
        for tick in 0..GOLDEN_TICKS {
            restored = decode::<World>(&bytes_of(&restored))
                .unwrap_or_else(|error| panic!("{name} {tick}: {error}"));
            world.step();
            restored.step();
            assert_eq!(world.contacts(), restored.contacts(), "{name} {tick}");
            assert_eq!(world.events(), restored.events(), "{name} {tick}");
            assert!(world == restored, "{name} {tick}");
        }
        assert_eq!(bytes_of(&world), bytes_of(&restored), "{name}");
    }
}

/// The same of a world in which a character walks.
#[test]
fn restoring_under_a_character_changes_nothing() {
    let (mut one, mut other) = (Stroll::new(), Stroll::new());
    let (mut left, mut right, mut highest) = (0.0_f64, 0.0_f64, 0.0_f64);
    for tick in 0..GOLDEN_TICKS {
        other.world = decode(&bytes_of(&other.world)).unwrap_or_else(|error| panic!("{tick}: {error}"));
        one.steps(1);
        other.steps(1);
        assert!(one.world == other.world && one.moved == other.moved, "{tick}");
        let at = one.moved.position;
        (left, right, highest) = (left.min(float(at.x)), right.max(float(at.x)), highest.max(float(at.y)));
    }
    assert!(
        left < -10.0 && right > 2.0 && highest > 3.0,
        "it walked from {left} to {right}, up to {highest}"
    );
}

/// The hundred bodies, put in in an order; each gets the id that it has in any other order.
fn mixture_in(order: &[usize]) -> World {
    let (mut world, bodies) = (mixing_bowl(), mixed_bodies());
    let holders: Vec<BodyId> = bodies.iter().map(|_| world.add(BodyDesc::circle(Fx::ONE)).unwrap()).collect();
    // The slot that was left last is taken first.
    for &index in order.iter().rev() {
        assert!(world.remove(holders[index]));
    }
    for &index in order {
        assert_eq!(world.add(bodies[index]).map(|id| usize::from(id.index)), Ok(index));
    }
    world
}

fn shuffle(order: &mut [usize], rng: &mut Pcg32) {
    (1..order.len()).rev().for_each(|at| order.swap(at, rng.below(at as u32 + 1) as usize));
}

/// The order in which bodies are put in is of no matter if each gets the same id: the same bytes, and the same after
/// six hundred steps.
#[test]
fn the_order_of_insertion_changes_nothing() {
    let mut order: Vec<usize> = (0..100).collect();
    let mut first = mixture_in(&order);
    let mut rng = Pcg32::new(2, 2);
    let mut others: Vec<World> = (0..4)
        .map(|_| {
            shuffle(&mut order, &mut rng);
            mixture_in(&order)
        })
        .collect();
    assert!(others.iter().all(|other| bytes_of(other) == bytes_of(&first)));
    steps(&mut first, GOLDEN_TICKS);
    for other in &mut others {
        steps(other, GOLDEN_TICKS);
        assert!(bytes_of(other) == bytes_of(&first));
    }
}

/// Twenty bodies of two shapes each, on a chain, every one joined to the next: bodies, shapes and joints put in in an
/// order, and with the ids that they have in any other order.
fn machine_in(order: &[usize]) -> World {
    let mut world = earth();
    let land = ground(&mut world);
    let hills: Vec<Vec2> =
        (0..30).rev().map(|x| Vec2::new(Fx::from_int(x - 15), ratio(x * 7 % 5, 4) + Fx::ONE)).collect();
    let holders: Vec<BodyId> = order.iter().map(|_| world.add(BodyDesc::circle(Fx::ONE)).unwrap()).collect();
    for &index in order.iter().rev() {
        assert!(world.remove(holders[index]));
    }
    let mut ids = holders;
    for &index in order {
        let at = Vec2::from_ints(index as i32 * 2 % 24 - 10, 5 + index as i32 / 5);
        ids[index] = world.add(mixed_bodies()[10 * (index % 10) + 6].at(at)).unwrap();
    }
    let part =
        |index: usize| Shape::Capsule { half_length: ratio(index as i32 % 4 + 1, 4), radius: ratio(1, 5) };
    for &index in order {
        let part = ShapeDesc::new(part(index)).offset(Vec2::splat(ratio(1, 3)), Angle(999 * index as u16));
        assert_eq!(world.attach(ids[index], part), Ok(1));
    }
    world.attach_chain(land, &hills, false, ShapeDesc::new(Shape::Circle { radius: Fx::ONE })).unwrap();
    let weld = |pair: &[BodyId]| JointDesc::new(pair[0], pair[1], JointKind::Weld);
    let joints: Vec<_> = ids.windows(2).map(|pair| world.join(weld(pair)).unwrap()).collect();
    // The lowest slot that is free is taken next.
    for &index in order.iter().filter(|&&index| index < joints.len()) {
        assert!(world.unjoin(joints[index]));
        let kind = match index % 3 {
            0 => JointKind::Rope { length: Fx::from_int(4) },
            1 => JointKind::Spring { length: Fx::ONE, hertz: Fx::from_int(2), damping_ratio: Fx::HALF },
            _ => JointKind::Revolute { limits: Some((-Fx::ONE, Fx::ONE)), motor: None },
        };
        let joint = world.join(JointDesc::new(ids[index], ids[index + 1], kind)).unwrap();
        assert_eq!(joint.index, joints[index].index);
    }
    world
}

/// The order of shapes and joints is of no matter either.
#[test]
fn the_order_of_shapes_and_joints_changes_nothing() {
    let mut order: Vec<usize> = (0..20).collect();
    let mut first = machine_in(&order);
    let mut rng = Pcg32::new(3, 3);
    let mut others: Vec<World> = (0..4)
        .map(|_| {
            shuffle(&mut order, &mut rng);
            machine_in(&order)
        })
        .collect();
    assert!(others.iter().all(|other| bytes_of(other) == bytes_of(&first)));
    steps(&mut first, GOLDEN_TICKS);
    for other in &mut others {
        steps(other, GOLDEN_TICKS);
        assert!(bytes_of(other) == bytes_of(&first));
    }
}
