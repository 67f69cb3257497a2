//! What each feature does.

use super::scenes::{cube, earth, float, ground, open, ratio, steps};
use crate::{Angle, BodyDesc, BodyId, ContactPhase, Filter, Fx, Mover, Shape, ShapeDesc, Vec2};

#[test]
fn equal_balls_swap_their_speeds() {
    let mut world = open();
    let ball = BodyDesc::circle(Fx::HALF).restitution(Fx::ONE);
    let left = world.add(ball.at(Vec2::from_ints(-2, 0)).moving(Vec2::from_ints(3, 0))).unwrap();
    let right = world.add(ball.at(Vec2::from_ints(2, 0))).unwrap();
    steps(&mut world, 60);
    assert!(world.body(left).unwrap().velocity.length() < ratio(1, 1_000));
    assert!(world.body(right).unwrap().velocity.distance(Vec2::from_ints(3, 0)) < ratio(1, 1_000));
}

#[test]
fn a_sensor_tells_once_who_came_and_who_left() {
    let mut world = open();
    let zone = world.add(BodyDesc::rect(Vec2::from_ints(1, 1)).fixed().sensor()).unwrap();
    let ball = world
        .add(BodyDesc::circle(Fx::HALF).at(Vec2::from_ints(-3, 0)).moving(Vec2::from_ints(6, 0)))
        .unwrap();
    let mut phases = Vec::new();
    for _ in 0..40 {
        world.step();
        phases.extend(world.events().iter().map(|event| (event.a, event.b, event.sensor, event.phase)));
    }
    assert_eq!(phases, [(zone, ball, true, ContactPhase::Began), (zone, ball, true, ContactPhase::Ended)]);
    assert_eq!(world.body(ball).unwrap().velocity, Vec2::from_ints(6, 0));
}

#[test]
fn a_contact_begins_once_while_a_box_rests_and_ends_when_it_is_removed() {
    let mut world = earth();
    let floor = ground(&mut world);
    let id = world.add(cube().at(Vec2::from_ints(0, 2))).unwrap();
    let mut events = Vec::new();
    for _ in 0..240 {
        world.step();
        events.extend_from_slice(world.events());
    }
    assert_eq!(events.iter().map(|event| event.phase).collect::<Vec<_>>(), [ContactPhase::Began]);
    assert!(events[0].impulse > Fx::ONE && world.body(id).unwrap().asleep, "{events:?}");
    assert!(world.remove(id));
    world.step();
    assert_eq!(
        world.events().iter().map(|event| (event.a, event.b, event.phase)).collect::<Vec<_>>(),
        [(floor, id, ContactPhase::Ended)]
    );
    world.step();
    assert!(world.events().is_empty());
}

#[test]
fn filters_and_groups_decide_who_meets() {
    let meets = |one: Filter, other: Filter| {
        let mut world = open();
        let mut body = BodyDesc::circle(Fx::HALF);
        for filter in [one, other] {
            body.shape.filter = filter;
            world.add(body).unwrap();
        }
        world.step();
        !world.contacts().is_empty()
    };
    let filter = |layer, mask, group| Filter { layer, mask, group };
    assert!(meets(filter(1, 2, 0), filter(2, 1, 0)) && !meets(filter(1, 2, 0), filter(2, 2, 0)));
    assert!(meets(filter(1, 0, 3), filter(1, 0, 3)) && !meets(filter(1, 1, -3), filter(1, 1, -3)));
    let mut world = open();
    let ids = [(); 2].map(|()| world.add(cube()).unwrap());
    assert!(world.ignore(ids[0], ids[1], true));
    world.step();
    assert!(world.contacts().is_empty() && world.ignore(ids[0], ids[1], false));
    world.step();
    assert_eq!(world.contacts().len(), 1);
}

#[test]
fn a_belt_carries_and_a_platform_lets_through_from_below() {
    let mut world = earth();
    let mut belt = BodyDesc::rect(Vec2::from_ints(20, 1)).at(Vec2::from_ints(0, -1)).fixed();
    belt.shape.material.surface_speed = -Fx::from_int(2);
    world.add(belt).unwrap();
    let load = world.add(cube().at(Vec2::new(Fx::ZERO, Fx::HALF))).unwrap();
    let mut platform =
        BodyDesc::rect(Vec2::new(Fx::from_int(2), ratio(1, 4))).at(Vec2::from_ints(10, 4)).fixed();
    platform.shape.material.one_way = true;
    world.add(platform).unwrap();
    let jumper = world
        .add(BodyDesc::circle(ratio(2, 5)).at(Vec2::from_ints(10, 1)).moving(Vec2::from_ints(0, 12)))
        .unwrap();
    steps(&mut world, 180);
    let (load, jumper) = (world.body(load).unwrap(), world.body(jumper).unwrap());
    assert!((float(load.velocity.x) - 2.0).abs() < 0.05, "{load:?}");
    assert!((float(jumper.position.y) - 4.65).abs() < 0.02, "{jumper:?}");
}

#[test]
fn a_chain_of_short_segments_is_as_smooth_as_a_long_one() {
    let mut world = earth();
    let land = world.add(BodyDesc::circle(ratio(1, 8)).at(Vec2::from_ints(0, -9)).fixed()).unwrap();
    let points: Vec<Vec2> = (0..80).rev().map(|x| Vec2::new(ratio(x, 2), Fx::from_int(9))).collect();
    let ice = ShapeDesc::new(Shape::Circle { radius: Fx::ONE }).friction(Fx::ZERO);
    assert_eq!(world.attach_chain(land, &points, false, ice), Ok(79));
    let shapes = [cube(), BodyDesc::circle(Fx::HALF), BodyDesc::capsule(ratio(1, 4), Fx::HALF)];
    let ids: Vec<_> = (1..)
        .zip(shapes)
        .map(|(index, shape)| {
            let at = Vec2::new(Fx::from_int(index * 3), Fx::HALF);
            world.add(shape.at(at).moving(Vec2::from_ints(5, 0)).friction(Fx::ZERO)).unwrap()
        })
        .collect();
    for _ in 0..240 {
        world.step();
        for &id in &ids {
            let body = world.body(id).unwrap();
            assert!(
                (float(body.position.y) - 0.5).abs() < 0.01 && (float(body.velocity.x) - 5.0).abs() < 0.01,
                "{body:?}"
            );
        }
    }
}

#[test]
fn rays_and_shapes_meet_what_is_on_their_way() {
    let mut world = open();
    let disc = world.add(BodyDesc::circle(Fx::ONE).at(Vec2::from_ints(5, 0)).fixed()).unwrap();
    let wall = world.add(cube().at(Vec2::from_ints(10, 0)).turned(Angle(1 << 13)).fixed()).unwrap();
    world.add(BodyDesc::circle(Fx::ONE).at(Vec2::from_ints(2, 0)).fixed().sensor()).unwrap();
    let hit = world.cast_ray(Vec2::ZERO, Vec2::from_ints(20, 0), Filter::ALL).unwrap();
    assert_eq!((hit.body, hit.normal.y.abs() < ratio(1, 1_000)), (disc, true));
    assert!(hit.position.distance(Vec2::from_ints(4, 0)) < ratio(1, 1_000), "{hit:?}");
    let mut all = Vec::new();
    world.cast_ray_all(Vec2::ZERO, Vec2::from_ints(20, 0), Filter::ALL, &mut all);
    assert_eq!(all.iter().map(|cast| cast.body).collect::<Vec<_>>(), [disc, wall]);
    assert!((float(all[1].position.x) - (10.0 - 0.5_f64.sqrt())).abs() < 0.001);
    let from = Vec2::from_ints(0, 2);
    assert_eq!(world.cast_ray(from, Vec2::from_ints(20, 0), Filter::ALL), None);
    let ball = world
        .cast_shape(
            Shape::Circle { radius: ratio(3, 2) },
            Angle::ZERO,
            from,
            Vec2::from_ints(20, 0),
            Filter::ALL,
        )
        .unwrap();
    assert!((float(ball.position.x) - 3.5).abs() < 0.001 && ball.body == disc, "{ball:?}");
    let (body, _, point) = world.closest_point(Vec2::from_ints(5, 3), Fx::from_int(4), Filter::ALL).unwrap();
    assert!(body == disc && point.distance(Vec2::from_ints(5, 1)) < ratio(1, 1_000));
    let mut found = Vec::new();
    world.overlap_circle(Vec2::from_ints(10, 1), ratio(1, 2), Filter::ALL, &mut found);
    world.overlap_shape(
        Shape::Box { half: Vec2::from_ints(3, 1) },
        Angle::ZERO,
        Vec2::ZERO,
        Filter::ALL,
        &mut found,
    );
    assert_eq!(found, [wall, BodyId { index: 2, generation: 0 }]);
}

#[test]
fn a_character_walks_climbs_and_stops() {
    let mut world = open();
    let block =
        |half_x, half_y, x, y: Fx| BodyDesc::rect(Vec2::new(half_x, half_y)).at(Vec2::new(x, y)).fixed();
    world.add(block(Fx::from_int(20), Fx::ONE, Fx::ZERO, -Fx::ONE)).unwrap();
    world.add(block(Fx::ONE, ratio(1, 8), Fx::from_int(4), ratio(1, 8))).unwrap();
    world.add(block(Fx::ONE, Fx::from_int(3), Fx::from_int(9), Fx::ZERO)).unwrap();
    let mover = Mover { shape: Shape::Box { half: Vec2::splat(ratio(2, 5)) }, ..Mover::default() };
    let mut at = Vec2::new(Fx::ZERO, ratio(1, 2));
    let mut highest = at.y;
    for _ in 0..120 {
        let moved = mover.go(&mut world, at, Vec2::new(ratio(1, 10), -ratio(1, 20)));
        at = moved.position;
        highest = highest.max(at.y);
    }
    assert!((float(highest) - 0.65).abs() < 0.1, "{highest:?}");
    assert!((float(at.x) - 7.6).abs() < 0.05 && float(at.y) < 0.5, "{at:?}");
}

/// Whatever the order of the calls, equal worlds have equal bytes; and what rests is small.
#[test]
fn bytes_are_canonical_and_short() {
    let build = |order: [usize; 3]| {
        let mut world = open();
        let ids = [(); 3].map(|()| world.add(BodyDesc::circle(Fx::STEP)).unwrap());
        for &index in order.iter().rev() {
            assert!(world.remove(ids[index]));
        }
        for index in order {
            let body =
                BodyDesc::circle(Fx::from_int(1 + index as i32)).at(Vec2::from_ints(9 * index as i32, 0));
            assert_eq!(world.add(body).unwrap().index, index as u16);
        }
        world
    };
    let (one, other) = (build([0, 1, 2]), build([2, 0, 1]));
    assert!(one == other && super::scenes::bytes_of(&one) == super::scenes::bytes_of(&other));
    let mut world = earth();
    ground(&mut world);
    for index in 0..200 {
        let at =
            Vec2::new(ratio(index % 40 * 11, 10) - Fx::from_int(22), Fx::from_int(index / 40) + Fx::HALF);
        world.add(cube().at(at)).unwrap();
    }
    let empty = super::scenes::bytes_of(&earth()).len();
    steps(&mut world, 600);
    let asleep = world.bodies().filter(|(_, body)| body.asleep).count();
    let each = (super::scenes::bytes_of(&world).len() - empty) / 201;
    assert!(asleep == 200 && each <= 40, "{asleep} sleep and take {each} bytes each");
}
