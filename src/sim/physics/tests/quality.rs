//! Whether what is seen looks right: little overlap, no energy from nowhere, momentum kept.

use super::scenes::{float, gas, heap, kinetic_energy, ratio, worst_overlap};
use crate::{BodyDesc, Fx, Pcg32, Vec2, World, WorldDesc};

#[test]
fn a_gas_never_gains_energy_and_hardly_overlaps() {
    let mut world = gas(16);
    let mut energy = kinetic_energy(&world);
    for tick in 0..600 {
        world.step();
        let now = kinetic_energy(&world);
        assert!(now <= energy * 1.000_1 + 0.01, "tick {tick}: {energy} became {now}");
        energy = now;
        let overlap = worst_overlap(&world);
        assert!(overlap < 0.1, "tick {tick}: bodies overlap by {overlap}");
    }
}

#[test]
fn heaps_come_to_rest_without_sinking_into_themselves() {
    let circle = BodyDesc::circle(Fx::HALF);
    let square = BodyDesc::rect(Vec2::splat(Fx::HALF));
    for (name, body) in [("circles", circle), ("boxes", square)] {
        let mut world = heap(150, body, Vec2::from_ints(0, -10));
        for _ in 0..600 {
            world.step();
        }
        let (overlap, energy) = (worst_overlap(&world), kinetic_energy(&world) / 150.0);
        assert!(overlap < 0.06, "{name} overlap by {overlap}");
        assert!(energy < 0.03, "{name} still move with an energy of {energy} each");
    }
}

#[test]
fn gravity_may_point_anywhere() {
    for down in [(0, 10), (10, 0), (-10, 0), (7, -7)] {
        let mut world = heap(100, BodyDesc::circle(Fx::HALF), Vec2::from_ints(down.0, down.1));
        for _ in 0..600 {
            world.step();
        }
        let overlap = worst_overlap(&world);
        assert!(overlap < 0.1, "{down:?}: they overlap by {overlap}");
    }
}

#[test]
fn a_stack_of_ten_stands() {
    let mut world = World::new(WorldDesc { gravity: Vec2::from_ints(0, -10), ..WorldDesc::default() });
    let cube = BodyDesc::rect(Vec2::splat(Fx::HALF));
    let ids: Vec<_> = (0..10)
        .map(|level| world.add(cube.at(Vec2::new(Fx::ZERO, ratio(2 * level - 31, 2)))).unwrap())
        .collect();
    for _ in 0..600 {
        world.step();
    }
    let top = world.body(ids[9]).unwrap().position;
    assert!(top.distance(Vec2::new(Fx::ZERO, ratio(-13, 2))) < ratio(1, 10), "{top:?}");
}

#[test]
fn momentum_is_kept_without_walls() {
    let mut world = World::new(WorldDesc { walls: false, ..WorldDesc::default() });
    let mut rng = Pcg32::new(9, 9);
    for index in 0..200 {
        let at = Vec2::from_ints(index % 14 - 7, index / 14 - 7);
        let mass = Fx::from_int(1 + index % 5);
        let velocity = super::scenes::kick(&mut rng, 4);
        world
            .add(BodyDesc::circle(ratio(3, 5)).mass(mass).restitution(Fx::HALF).at(at).moving(velocity))
            .unwrap();
    }
    let momentum = |world: &World| {
        world.bodies().fold((0.0, 0.0), |(x, y), (id, body)| {
            let mass = f64::from(1 + id.index % 5);
            (x + mass * float(body.velocity.x), y + mass * float(body.velocity.y))
        })
    };
    let before = momentum(&world);
    for _ in 0..300 {
        world.step();
    }
    let after = momentum(&world);
    assert!((before.0 - after.0).abs() + (before.1 - after.1).abs() < 0.1, "{before:?} became {after:?}");
}

#[test]
fn bodies_at_one_place_come_apart() {
    let mut world = World::new(WorldDesc::default());
    for _ in 0..60 {
        world.add(BodyDesc::circle(Fx::HALF)).unwrap();
    }
    for _ in 0..300 {
        world.step();
    }
    let overlap = worst_overlap(&world);
    assert!(overlap < 0.05, "they overlap by {overlap}");
    assert!(kinetic_energy(&world) < 0.01);
}
