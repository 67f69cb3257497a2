//! Values at the ends of their ranges: nothing panics, and everything repeats.

use proptest::prelude::{
    ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, prop_compose, prop_oneof, proptest,
};

use super::scenes::bytes_of;
use crate::{
    Angle, BodyDesc, BodyKind, Combine, Filter, Fx, JointDesc, JointKind, Material, Motor, Polygon, Shape,
    ShapeDesc, Vec2, World, WorldDesc, decode,
};

fn number() -> impl Strategy<Value = Fx> {
    let ends = [Fx::ZERO, Fx::STEP, -Fx::STEP, Fx::ONE, Fx::MAX, Fx::MIN];
    prop_oneof![
        prop::sample::select(ends.to_vec()),
        any::<i32>().prop_map(Fx::from_bits),
        (-20_i32..20).prop_map(Fx::from_int),
        (-200_000_i32..200_000).prop_map(Fx::from_bits),
    ]
}

fn vector() -> impl Strategy<Value = Vec2> {
    (number(), number()).prop_map(|(x, y)| Vec2::new(x, y))
}

fn shape() -> impl Strategy<Value = Shape> {
    (0..5, vector(), vector(), any::<u8>()).prop_map(|(kind, half, to, corners)| match kind {
        0 => Shape::Circle { radius: half.x },
        1 => Shape::Box { half },
        2 => Shape::Capsule { half_length: half.x, radius: half.y },
        3 => Shape::Polygon(Polygon::regular(corners, half.x)),
        _ => Shape::Segment { from: half, to },
    })
}

prop_compose! {
    fn part()(
        (shape, offset, angle, density) in (shape(), vector(), any::<u16>(), number()),
        (friction, restitution, surface_speed, one_way) in (number(), number(), number(), any::<bool>()),
        (layer, mask, group, sensor) in any::<(u32, u32, i16, bool)>(),
    ) -> ShapeDesc {
        ShapeDesc {
            shape, offset, angle: Angle(angle), density, sensor,
            material: Material {
                friction, restitution, surface_speed, one_way,
                friction_combine: Combine::Multiply, restitution_combine: Combine::Minimum,
            },
            filter: Filter { layer, mask, group: group % 3 },
        }
    }
}

prop_compose! {
    fn body()(
        shape in part(),
        (kind, bullet, can_sleep, lock_rotation) in (0..4, any::<bool>(), any::<bool>(), any::<bool>()),
        (lock_x, lock_y, angle, user) in any::<(bool, bool, u16, u32)>(),
        (position, velocity, spin) in (vector(), vector(), number()),
        (mass, damping, spin_damping, gravity_scale) in (number(), number(), number(), number()),
    ) -> BodyDesc {
        BodyDesc {
            kind: [BodyKind::Static, BodyKind::Kinematic, BodyKind::Dynamic, BodyKind::Dynamic][kind as usize],
            shape, position, velocity, spin, damping, spin_damping, gravity_scale, lock_rotation,
            bullet, can_sleep, user,
            lock_x: lock_x && lock_y, lock_y: lock_y && !lock_x, angle: Angle(angle),
            mass: if user % 2 == 0 { Some(mass) } else { None },
        }
    }
}

prop_compose! {
    fn desc()(
        (half_extent, gravity, cell) in (vector(), vector(), number()),
        (ticks_per_second, bodies_max, substeps, walls, sleep) in any::<(u16, u16, u8, bool, bool)>(),
    ) -> WorldDesc {
        WorldDesc { half_extent, gravity, cell, ticks_per_second, bodies_max, substeps, walls, sleep }
    }
}

fn joint() -> impl Strategy<Value = JointKind> {
    (0..7, vector(), vector(), number()).prop_map(|(kind, a, b, c)| {
        let (limits, motor) = (Some((a.x, a.y)), Some(Motor { speed: b.x, force_max: b.y }));
        match kind {
            0 => JointKind::Rod { length: a.x },
            1 => JointKind::Rope { length: a.x },
            2 => JointKind::Spring { length: a.x, hertz: a.y, damping_ratio: b.x },
            3 => JointKind::Revolute { limits, motor },
            4 => JointKind::Prismatic { axis: Vec2::new(c, b.x), limits, motor },
            5 => JointKind::Weld,
            _ => JointKind::Mouse { target: a, hertz: b.x, damping_ratio: b.y, force_max: c },
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_everything_repeats(
        desc in desc(),
        bodies in prop::collection::vec(body(), 0..40),
        parts in prop::collection::vec(part(), 0..10),
        joints in prop::collection::vec((joint(), vector(), vector()), 0..10),
    ) {
        let mut world = World::new(desc);
        let ids: Vec<_> = bodies.into_iter().filter_map(|body| world.add(body).ok()).collect();
        for (&id, part) in ids.iter().zip(parts) {
            let _ = world.attach(id, part);
        }
        for ((kind, a, b), pair) in joints.into_iter().zip(ids.windows(2)) {
            let _ = world.join(JointDesc::new(pair[0], pair[1], kind).anchors(a, b));
        }
        for (tick, &id) in (0..12).zip(ids.iter().cycle()) {
            world.step();
            if tick % 4 == 1 {
                world.remove(id);
                world.apply_impulse_at(ids[0], Vec2::new(Fx::MIN, Fx::MAX), Vec2::ZERO);
                let (corner, other) = (Vec2::new(Fx::MAX, Fx::MIN), Vec2::new(Fx::MIN, Fx::MIN));
                for &id in &ids[ids.len() / 2..] {
                    world.apply_impulse_at(id, corner, other);
                    world.apply_force_at(id, other, corner);
                    world.apply_torque_impulse(id, Fx::MAX);
                    world.apply_torque(id, Fx::MIN);
                    world.apply_force(id, corner);
                }
                let _ = world.cast_ray(Vec2::new(Fx::MIN, Fx::ONE), Vec2::new(Fx::MAX, Fx::MAX), Filter::ALL);
            }
            let mut restored: World = decode(&bytes_of(&world)).expect("a world's own bytes");
            prop_assert_eq!(&restored, &world);
            let mut copy = world.clone();
            restored.step();
            copy.step();
            prop_assert_eq!(&restored, &copy);
            prop_assert_eq!(restored.contacts(), copy.contacts());
            prop_assert_eq!(restored.events(), copy.events());
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
                prop_assert!(body.centre.x.abs() <= Fx::from_int(16), "{:?}", body);
                prop_assert!(body.centre.y.abs() <= Fx::from_int(16), "{:?}", body);
            }
        }
    }

    /// Bytes from outside are refused, or are a world that steps.
    #[test]
    fn changed_bytes_never_panic(changes in prop::collection::vec(any::<(u16, u8)>(), 1..8), scene in 0_usize..6) {
        let (_, mut world) = super::scenes::all().into_iter().nth(scene).expect("there are six");
        super::scenes::steps(&mut world, 3);
        let mut bytes = bytes_of(&world);
        for (at, value) in changes {
            let at = usize::from(at) % bytes.len();
            bytes[at] = value;
        }
        if let Ok(mut world) = decode::<World>(&bytes) {
            (0..4).for_each(|_| world.step());
            let again = bytes_of(&world);
            prop_assert_eq!(&bytes_of(&decode::<World>(&again).expect("a world's own bytes")), &again);
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode::<World>(&bytes);
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
fn one_sensor_far_from_a_crowd_at_one_place_costs_no_more() {
    let mut world = World::new(WorldDesc { bodies_max: u16::MAX, ..WorldDesc::default() });
    world.add(BodyDesc::circle(Fx::ONE).sensor().at(Vec2::from_ints(100, 0))).unwrap();
    for _ in 0..60_000 {
        world.add(BodyDesc::circle(Fx::HALF)).unwrap();
    }
    world.step();
    assert!((60_000..=60_001 * 16 + 64).contains(&world.contacts().len()));
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

/// One tick a second, in one piece, is as long as a step can be.
#[test]
fn what_spins_as_fast_as_it_can_is_held_in_a_step_of_a_second() {
    for kind in [JointKind::Rod { length: Fx::ONE }, JointKind::Weld] {
        let mut world = World::new(WorldDesc { ticks_per_second: 1, substeps: 1, ..WorldDesc::default() });
        let disc = |x| BodyDesc::circle(Fx::HALF).at(Vec2::from_ints(x, 0)).spinning(Fx::from_int(2_048));
        let ends = [0, 1].map(|x| world.add(disc(x)).unwrap());
        world.join(JointDesc::new(ends[0], ends[1], kind)).unwrap();
        (0..20).for_each(|_| world.step());
        assert!(ends.iter().all(|id| world.body(*id).is_some()));
    }
}
