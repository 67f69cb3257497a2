//! Values at the ends of their ranges: nothing panics, and everything repeats.

use proptest::prelude::{
    ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, prop_compose, prop_oneof, proptest,
};

use crate::{BodyDesc, BodyKind, Fx, Shape, Vec2, World, WorldDesc, decode, encode_into};

fn number() -> impl Strategy<Value = Fx> {
    let ends = [Fx::ZERO, Fx::STEP, -Fx::STEP, Fx::ONE, Fx::MAX, Fx::MIN];
    prop_oneof![
        prop::sample::select(ends.to_vec()),
        any::<i32>().prop_map(Fx::from_bits),
        (-20_i32..20).prop_map(Fx::from_int),
    ]
}

fn vector() -> impl Strategy<Value = Vec2> {
    (number(), number()).prop_map(|(x, y)| Vec2::new(x, y))
}

prop_compose! {
    fn body()(
        (round, fixed, sensor, bullet) in any::<(bool, bool, bool, bool)>(),
        (half, position, velocity) in (vector(), vector(), vector()),
        (mass, restitution, damping) in (number(), number(), number()),
        (layer, mask, user) in any::<(u16, u16, u32)>(),
    ) -> BodyDesc {
        BodyDesc {
            kind: if fixed { BodyKind::Static } else { BodyKind::Dynamic },
            shape: if round { Shape::Circle { radius: half.x } } else { Shape::Box { half } },
            position, velocity, mass, restitution, damping, layer, mask, sensor, bullet, user,
        }
    }
}

prop_compose! {
    fn desc()(
        (half_extent, gravity, cell) in (vector(), vector(), number()),
        (ticks_per_second, bodies_max, iterations, walls) in any::<(u16, u16, u8, bool)>(),
    ) -> WorldDesc {
        WorldDesc { half_extent, gravity, cell, ticks_per_second, bodies_max, iterations, walls }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_everything_repeats(desc in desc(), bodies in prop::collection::vec(body(), 0..60)) {
        let mut world = World::new(desc);
        let ids: Vec<_> = bodies.into_iter().filter_map(|body| world.add(body).ok()).collect();
        for (tick, &id) in (0..12).zip(ids.iter().cycle()) {
            world.step();
            if tick % 4 == 1 {
                world.remove(id);
                world.apply_impulse(ids[0], Vec2::new(Fx::MIN, Fx::MAX));
            }
            let mut bytes = Vec::new();
            encode_into(&world, &mut bytes);
            let mut restored: World = decode(&bytes).expect("a world's own bytes");
            prop_assert_eq!(&restored, &world);
            let mut copy = world.clone();
            restored.step();
            copy.step();
            prop_assert_eq!(&restored, &copy);
            prop_assert_eq!(restored.contacts(), copy.contacts());
            for contact in copy.contacts() {
                prop_assert!(contact.a.index < contact.b.index && contact.depth >= Fx::ZERO);
            }
        }
    }

    #[test]
    fn walled_bodies_stay_inside(bodies in prop::collection::vec(body(), 0..40)) {
        let mut world = World::new(WorldDesc::default());
        for body in bodies {
            let _ = world.add(BodyDesc { kind: BodyKind::Dynamic, ..body });
        }
        for _ in 0..8 {
            world.step();
            for (_, body) in world.bodies() {
                let limit = Vec2::from_ints(16, 16) - body.shape.half();
                prop_assert!(body.position.x.abs() <= limit.x.max(Fx::ZERO), "{:?}", body);
                prop_assert!(body.position.y.abs() <= limit.y.max(Fx::ZERO), "{:?}", body);
            }
        }
    }
}

#[test]
fn thousands_at_one_place_cost_bounded_work() {
    let mut world = World::new(WorldDesc { bodies_max: 20_000, ..WorldDesc::default() });
    for _ in 0..20_000 {
        world.add(BodyDesc::circle(Fx::from_int(3)).sensor()).unwrap();
    }
    world.step();
    assert_eq!(world.contacts().len(), 20_000 * 16 + 64);
}

#[test]
fn a_world_of_the_most_bodies_steps() {
    let desc = WorldDesc { half_extent: Vec2::splat(Fx::MAX), bodies_max: u16::MAX, ..WorldDesc::default() };
    let mut world = World::new(desc);
    let mut index = 0;
    while world.add(BodyDesc::circle(Fx::HALF).at(Vec2::from_ints(index % 256, index / 256))).is_ok() {
        index += 1;
    }
    world.step();
    assert_eq!((world.len(), world.contacts().is_empty()), (65_535, false));
}
