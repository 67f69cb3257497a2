//! Bad input: an error that says why, or a defined result.

use super::scenes::{bytes_of, cube, earth, float, ground, open, ratio, steps};
use crate::physics::blueprint::{Blueprint, Blueprints};
use crate::{
    AttachError, BodyDesc, BodyId, Filter, Fx, JointDesc, JointId, JointKind, Polygon, PolygonError, Shape,
    ShapeDesc, TileMap, Vec2, World, WorldDesc, WorldFull,
};

/// Sizes of zero, below zero and beyond what is stated become such as are allowed.
#[test]
fn sizes_are_brought_to_their_bounds() {
    let bad = [Fx::ZERO, -Fx::ONE, Fx::MIN, Fx::MAX];
    for size in bad {
        let shapes = [
            Shape::Circle { radius: size },
            Shape::Box { half: Vec2::splat(size) },
            Shape::Capsule { half_length: size, radius: size },
            Shape::Polygon(Polygon::regular(0, size)),
            Shape::Segment { from: Vec2::splat(size), to: Vec2::splat(size) },
        ];
        for shape in shapes {
            let mut world = open();
            let one = world.add(BodyDesc::new(shape).moving(Vec2::splat(size)).mass(size)).unwrap();
            world.add(cube()).unwrap();
            steps(&mut world, 3);
            let body = world.body(one).unwrap();
            let half = body.shape.half();
            assert!(
                half.x > Fx::ZERO || matches!(body.shape, Shape::Segment { .. }),
                "{shape:?} became {body:?}"
            );
            assert!(half.x <= Fx::from_int(8_192) && body.mass > Fx::ZERO, "{shape:?} became {body:?}");
        }
    }
}

/// Masses keep to 1/128 to 32,767.
#[test]
fn masses_keep_their_range() {
    let mass = |mass: Fx| {
        let mut world = open();
        let id = world.add(cube().mass(mass)).unwrap();
        float(world.body(id).unwrap().mass)
    };
    for (given, kept) in
        [(Fx::ZERO, 1.0 / 128.0), (Fx::MIN, 1.0 / 128.0), (Fx::STEP, 1.0 / 128.0), (Fx::ONE, 1.0)]
    {
        assert!((mass(given) / kept - 1.0).abs() < 0.01, "{given:?} became {}", mass(given));
    }
    assert!((mass(Fx::MAX) / 32_767.0 - 1.0).abs() < 0.01, "{}", mass(Fx::MAX));
}

/// Between the lightest and the heaviest body: the heavy one goes on, the light one is thrown, nothing else happens.
#[test]
fn the_lightest_meets_the_heaviest() {
    let mut world = open();
    let ball = BodyDesc::circle(Fx::HALF).restitution(Fx::ONE);
    let heavy = world.add(ball.mass(Fx::MAX).moving(Vec2::from_ints(4, 0))).unwrap();
    let light = world.add(ball.mass(ratio(1, 128)).at(Vec2::from_ints(3, 0))).unwrap();
    steps(&mut world, 60);
    let (heavy, light) = (world.body(heavy).unwrap(), world.body(light).unwrap());
    assert!((float(heavy.velocity.x) - 4.0).abs() < 0.01, "{heavy:?}");
    assert!((float(light.velocity.x) - 8.0).abs() < 0.1, "{light:?}");
}

#[test]
fn degenerate_polygons_say_why() {
    let corners =
        |points: &[(i32, i32)]| points.iter().map(|&(x, y)| Vec2::from_ints(x, y)).collect::<Vec<_>>();
    let bad = |points: &[(i32, i32)]| Polygon::new(&corners(points)).unwrap_err();
    assert_eq!(bad(&[]), PolygonError::Count(0));
    assert_eq!(bad(&[(0, 0), (1, 0)]), PolygonError::Count(2));
    assert_eq!(bad(&[(0, 0); 9]), PolygonError::Count(9));
    assert_eq!(bad(&[(0, 0); 3]), PolygonError::NotConvex(0));
    assert_eq!(bad(&[(0, 0), (1, 0), (2, 0)]), PolygonError::NotConvex(0));
    assert_eq!(bad(&[(0, 0), (0, 1), (1, 0)]), PolygonError::NotConvex(0));
    assert_eq!(bad(&[(0, 0), (2, 0), (1, 1), (2, 2), (0, 2)]), PolygonError::NotConvex(1));
    assert_eq!(bad(&[(0, 0), (9_000, 0), (0, 1)]), PolygonError::TooFar(1));
    // A star runs around twice.
    assert!(Polygon::new(&corners(&[(0, 3), (-2, -2), (3, 1), (-3, 1), (2, -2)])).is_err());
}

#[test]
fn stale_ids_name_nothing() {
    let mut world = World::new(WorldDesc { bodies_max: 2, ..WorldDesc::default() });
    let first = world.add(BodyDesc::circle(Fx::ONE)).unwrap();
    let other = world.add(BodyDesc::circle(Fx::ONE)).unwrap();
    assert_eq!(world.add(BodyDesc::circle(Fx::ONE)), Err(WorldFull { bodies_max: 2 }));
    let joint = world.join(JointDesc::new(first, other, JointKind::Weld)).unwrap();
    assert!(world.remove(first));
    let second = world.add(BodyDesc::circle(Fx::HALF).user(7)).unwrap();
    assert_eq!(second, BodyId { index: 0, generation: 1 });
    let before = bytes_of(&world);
    let never = BodyId { index: 99, generation: 0 };
    for id in [first, never] {
        assert!(!world.remove(id) && !world.contains(id) && world.body(id).is_none());
        assert!(!world.set_position(id, Vec2::ZERO) && !world.set_angle(id, crate::Angle::QUARTER));
        assert!(!world.set_velocity(id, Vec2::ZERO) && !world.set_spin(id, Fx::ONE) && !world.wake(id));
        assert!(!world.apply_impulse(id, Vec2::ZERO) && !world.set_filter(id, Filter::ALL));
        assert!(!world.apply_force(id, Vec2::ZERO) && !world.apply_torque(id, Fx::ONE));
        assert!(
            !world.apply_force_at(id, Vec2::ZERO, Vec2::ZERO) && !world.apply_torque_impulse(id, Fx::ONE)
        );
        assert!(!world.ignore(id, second, true) && world.shapes(id).count() == 0);
        let shape = ShapeDesc::new(Shape::Circle { radius: Fx::ONE });
        assert_eq!(world.attach(id, shape), Err(AttachError::NoBody(id)));
        assert_eq!(world.attach_chain(id, &[Vec2::ZERO; 3], true, shape), Err(AttachError::NoBody(id)));
        assert_eq!(world.attach_chain(second, &[Vec2::ZERO], false, shape), Err(AttachError::TooShort(1)));
    }
    assert!(!world.unjoin(joint) && !world.unjoin(JointId { index: 9, generation: 9 }));
    assert!(before == bytes_of(&world), "nothing changed");
}

#[test]
fn maps_of_no_size_are_refused() {
    assert!(TileMap::new(0, 4, Fx::ONE).is_err() && TileMap::new(usize::MAX, 2, Fx::ONE).is_err());
    let mut map = TileMap::new(2, 2, -Fx::ONE).unwrap();
    map.set(9, 0, true);
    map.set(0, 9, true);
    map.set(usize::MAX, usize::MAX, true);
    assert!(map.outlines().is_empty() && !map.is_solid(9, 9) && !map.is_solid(0, usize::MAX));
}

/// A hundred thousand bodies at one place: as many as there may be are taken, the others are refused, and steps stay
/// bounded.
#[test]
fn a_hundred_thousand_bodies_in_one_cell_cost_bounded_work() {
    let mut world = World::new(WorldDesc { bodies_max: u16::MAX, ..WorldDesc::default() });
    let mut refused = 0;
    for _ in 0..100_000 {
        refused += u32::from(world.add(BodyDesc::circle(Fx::HALF)).is_err());
    }
    assert_eq!((world.len(), refused), (65_535, 100_000 - 65_535));
    steps(&mut world, 2);
    assert!(world.contacts().len() < 65_535 * 20, "{}", world.contacts().len());
}

/// Without walls, what flies on stops at the end of the numbers: it never comes back on the other side.
#[test]
fn places_never_wrap() {
    let mut world = World::new(WorldDesc { walls: false, ticks_per_second: 20, ..WorldDesc::default() });
    let fast = BodyDesc::circle(Fx::HALF).moving(Vec2::new(Fx::MAX, Fx::MIN)).sleepless();
    let id = world.add(fast.bullet()).unwrap();
    let mut last = Vec2::ZERO;
    for _ in 0..800 {
        world.step();
        let at = world.body(id).unwrap().position;
        assert!(at.x >= last.x && at.y <= last.y, "{last:?} became {at:?}");
        last = at;
    }
    assert!(last.x > Fx::from_int(32_700) && last.y < Fx::from_int(-32_700), "{last:?}");
}

/// At ±32,000 units bodies stand, fall and hit as they do in the middle.
#[test]
fn the_edge_of_the_largest_world_is_like_its_middle() {
    let rests = |at: Vec2| {
        let half_extent = Vec2::splat(Fx::from_int(32_000));
        let mut world = World::new(WorldDesc { half_extent, ..*earth().desc() });
        let floor = ground(&mut world);
        assert!(world.set_position(floor, at));
        let id = world.add(cube().at(at + Vec2::from_ints(2, 4)).moving(Vec2::from_ints(3, 0))).unwrap();
        steps(&mut world, 240);
        world.body(id).unwrap().position - at
    };
    let middle = rests(Vec2::ZERO);
    for (x, y) in [(31_900, 31_900), (-31_900, 31_900), (31_900, -31_900), (-31_900, -31_900)] {
        assert_eq!(rests(Vec2::from_ints(x, y)), middle, "{x} {y}");
    }
}

/// A chain that reaches beyond what shapes may is refused as a whole; one at the bound is solid.
#[test]
fn chains_beyond_the_bound_are_refused() {
    let mut world = open();
    let land = world.add(cube().fixed()).unwrap();
    let part = ShapeDesc::new(Shape::Circle { radius: Fx::ONE });
    let ends = |x: i32| [Vec2::from_ints(4_095, -4_095), Vec2::ZERO, Vec2::from_ints(x, 4_095)];
    assert_eq!(world.attach_chain(land, &ends(-4_096), false, part), Err(AttachError::TooFar(2)));
    let moved = part.offset(Vec2::from_ints(1, 0), crate::Angle::ZERO);
    assert_eq!(world.attach_chain(land, &ends(0), false, moved), Err(AttachError::TooFar(0)));
    let turned = part.offset(Vec2::ZERO, crate::Angle(8_192));
    assert_eq!(world.attach_chain(land, &ends(0), false, turned), Err(AttachError::TooFar(0)));
    assert_eq!(world.shapes(land).count(), 1);
    assert_eq!(world.attach_chain(land, &ends(-4_095), true, part), Ok(3));
    world.add(cube().at(Vec2::from_ints(2, 0)).moving(Vec2::from_ints(-3, 1))).unwrap();
    steps(&mut world, 60);
    let far = |end: i32| Blueprint {
        chained: Some([Vec2::from_ints(end, 0), Vec2::ZERO]),
        ..Blueprint::of_part(&ShapeDesc::new(Shape::Segment { from: Vec2::ZERO, to: Vec2::from_ints(1, 0) }))
    };
    assert!(Blueprints::from_outside(&[far(-4_095)]).is_some());
    assert!(Blueprints::from_outside(&[far(-32_768)]).is_none());
}

/// A chain that is moved within its body is as smooth as one of which the body is moved.
#[test]
fn chains_with_an_offset_are_smooth() {
    let slides = |lift: i32| {
        let mut world = earth();
        let land = world.add(cube().at(Vec2::from_ints(0, -9 - lift)).fixed().sensor()).unwrap();
        let points: Vec<_> = (0..30).map(|x| Vec2::from_ints(14 - x, 0)).collect();
        let part = ShapeDesc::new(Shape::Circle { radius: Fx::ONE }).friction(Fx::ZERO);
        let part = part.offset(Vec2::from_ints(0, lift), crate::Angle::ZERO);
        world.attach_chain(land, &points, false, part).unwrap();
        let at = Vec2::new(Fx::from_int(-10), Fx::from_ratio(-85, 10));
        let id = world.add(cube().at(at).moving(Vec2::from_ints(4, 0)).friction(Fx::ZERO)).unwrap();
        steps(&mut world, 180);
        world.body(id).unwrap()
    };
    assert_eq!(slides(6), slides(0));
    assert!(slides(6).velocity.x > ratio(39, 10), "{:?}", slides(6));
}
