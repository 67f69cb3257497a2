//! What is set of a body: kinds, locks, gravity, impulses.

use super::scenes::{cube, earth, float, open, ratio, steps};
use crate::{Angle, Body, BodyDesc, BodyId, Fx, Shape, ShapeDesc, Vec2, World};

fn seen(world: &World, id: BodyId) -> Body {
    world.body(id).expect("nobody removed it")
}

/// A box that may not leave its column falls straight though it is hit from the side; one that may not leave its row
/// does not fall; neither turns if it may not.
#[test]
fn a_locked_axis_is_kept() {
    let mut world = earth();
    let hit = Vec2::from_ints(3, 0);
    let column = BodyDesc { lock_x: true, ..cube() };
    let column = world.add(column.at(Vec2::from_ints(0, 20))).unwrap();
    let row = BodyDesc { lock_y: true, ..cube() };
    let row = world.add(row.at(Vec2::from_ints(10, 20)).moving(hit)).unwrap();
    let upright = world.add(cube().lock_rotation().at(Vec2::from_ints(-10, 20))).unwrap();
    world.add(BodyDesc::circle(Fx::HALF).at(Vec2::from_ints(-3, 20)).moving(Vec2::from_ints(30, 0))).unwrap();
    world.apply_impulse_at(upright, hit, Vec2::from_ints(-10, 21));
    steps(&mut world, 30);
    let (column, row, upright) = (seen(&world, column), seen(&world, row), seen(&world, upright));
    assert_eq!((column.position.x, column.velocity.x), (Fx::ZERO, Fx::ZERO));
    assert!(column.position.y < Fx::from_int(19), "{column:?}");
    assert_eq!((row.position.y, row.velocity.y), (Fx::from_int(20), Fx::ZERO));
    assert!(row.position.x > Fx::from_int(11), "{row:?}");
    assert_eq!((upright.angle, upright.spin), (Angle::ZERO, Fx::ZERO));
    assert!(upright.velocity.x > Fx::ONE, "{upright:?}");
}

/// After a second, each has the speed of its part of gravity; within 0.1 %.
#[test]
fn gravity_pulls_each_as_it_is_told() {
    let mut world = earth();
    let scales = [-1, 0, 1, 2];
    let body = |scale: i32| BodyDesc { gravity_scale: Fx::from_int(scale), ..cube() };
    let at = |scale: i32| Vec2::from_ints(4 * scale, 30);
    let ids = scales.map(|scale| world.add(body(scale).at(at(scale)).sleepless()).unwrap());
    steps(&mut world, 60);
    for (id, scale) in ids.into_iter().zip(scales) {
        let speed = float(seen(&world, id).velocity.y);
        assert!((speed + 10.0 * f64::from(scale)).abs() < 0.02, "{speed} of {scale}");
    }
}

/// Half a unit above the middle of a cube of mass 1 and inertia 1/6, an impulse of 1 to the right gives it a speed of
/// 1 and a spin of −3; within 0.5 %.
#[test]
fn an_impulse_beside_the_middle_turns() {
    let mut world = open();
    let id = world.add(cube().mass(Fx::ONE)).unwrap();
    assert!(world.apply_impulse_at(id, Vec2::from_ints(1, 0), Vec2::new(Fx::ZERO, Fx::HALF)));
    let body = seen(&world, id);
    assert_eq!(body.velocity, Vec2::from_ints(1, 0));
    assert!((float(body.spin) + 3.0).abs() < 0.015, "{}", body.spin);
}

/// What is kinematic goes its way whatever is in it, and pushes that along.
#[test]
fn nothing_stops_a_kinematic_body() {
    let mut world = open();
    let plate = BodyDesc::rect(Vec2::from_ints(1, 4)).kinematic().moving(Vec2::from_ints(2, 0));
    let plate = world.add(plate).unwrap();
    let load = world.add(cube().mass(Fx::from_int(1_000)).at(Vec2::from_ints(3, 0)).sleepless()).unwrap();
    steps(&mut world, 180);
    let (plate, load) = (seen(&world, plate), seen(&world, load));
    let seconds = 180.0 / f64::from(world.desc().ticks_per_second);
    assert!((float(plate.position.x) - 2.0 * seconds).abs() < 0.001, "{plate:?}");
    let gap = float(load.position.x - plate.position.x) - 1.5;
    assert!(gap.abs() < 0.02 && (float(load.velocity.x) - 2.0).abs() < 0.02, "{load:?}");
    assert!(plate.spin == Fx::ZERO && plate.position.y == Fx::ZERO);
}

/// A body that is turned by hand is turned around its origin.
#[test]
fn a_body_is_turned_by_hand() {
    let mut world = open();
    let id = world.add(cube().at(Vec2::from_ints(3, 2))).unwrap();
    let part = crate::ShapeDesc::new(crate::Shape::Circle { radius: ratio(1, 4) });
    world.attach(id, part.offset(Vec2::from_ints(2, 0), Angle::ZERO)).unwrap();
    assert!(world.set_angle(id, Angle::QUARTER));
    let body = seen(&world, id);
    assert!(body.position.distance(Vec2::from_ints(3, 2)) < ratio(1, 10_000), "{body:?}");
    assert!(body.centre.y > Fx::from_int(2) && body.angle == Angle::QUARTER);
    let mut found = Vec::new();
    world.overlap_circle(Vec2::from_ints(3, 4), Fx::ZERO, crate::Filter::ALL, &mut found);
    assert_eq!(found, [id]);
}

/// Shapes are attached to two bodies in turns, of which one goes and another comes in its place: the masses are those
/// of a world that was read from bytes, which knows only the shapes.
#[test]
fn what_was_attached_in_any_order_weighs_as_much() {
    let mut world = open();
    let mut ids = [0, 9].map(|x| world.add(cube().at(Vec2::from_ints(x, 0))).unwrap());
    for nth in 0..60_i32 {
        if nth == 40 {
            assert!(world.remove(ids[0]));
            ids[0] = world.add(BodyDesc::circle(Fx::ONE).moving(Vec2::from_ints(1, 0))).unwrap();
        }
        let part = ShapeDesc::new(Shape::Circle { radius: ratio(1 + nth % 4, 8) });
        let offset = Vec2::new(ratio(nth, 16), ratio(nth % 5, 3));
        world.attach(ids[nth as usize / 3 % 2], part.offset(offset, Angle::ZERO)).unwrap();
        let mut again: World = crate::decode(&super::scenes::bytes_of(&world)).unwrap();
        assert_eq!(ids.map(|id| seen(&world, id)), ids.map(|id| seen(&again, id)), "{nth}");
        let mut world = world.clone();
        steps(&mut world, 3);
        steps(&mut again, 3);
        assert!(world == again, "{nth}");
    }
}

/// So many, and all but one of them are taken away again, that whoever weighs all of them for each does not come to an
/// end.
#[test]
fn a_body_has_tens_of_thousands_of_shapes() {
    let mut world = open();
    let id = world.add(cube().density(ratio(1, 4))).unwrap();
    for nth in 0..40_000 {
        let part = ShapeDesc::new(Shape::Circle { radius: ratio(1, 16) }).density(ratio(1, 4));
        let offset = Vec2::new(ratio(nth % 200 - 100, 8), ratio(nth / 200 % 4, 8));
        world.attach(id, part.offset(offset, Angle::ZERO)).unwrap();
    }
    // The cube, and 40,000 discs of 1/16.
    let mass = (1.0 + 40_000.0 * std::f64::consts::PI / 256.0) / 4.0;
    assert!((float(seen(&world, id).mass) - mass).abs() < mass * 0.01, "{}", seen(&world, id).mass);
    assert!((1..40_000).rev().all(|nth| world.detach(id, nth)));
    let mut other = open();
    assert_eq!(other.add(cube().density(ratio(1, 4))), Ok(id));
    other.attach(id, world.shapes(id).nth(1).unwrap()).unwrap();
    assert!(world == other && seen(&world, id) == seen(&other, id));
}

/// An impulse far from the middle of something large and heavy: the two together are more than a number of a world.
#[test]
fn a_hard_impulse_far_out_turns() {
    for (impulse, lever) in [(10_000, 5), (30_000, 5), (-30_000, 4)] {
        let mut world = open();
        let plate = BodyDesc::rect(Vec2::splat(Fx::from_int(5))).mass(Fx::from_int(10_000));
        let id = world.add(plate).unwrap();
        assert!(world.apply_impulse_at(id, Vec2::from_ints(0, impulse), Vec2::from_ints(lever, 0)));
        let (spin, turn) = (float(seen(&world, id).spin), f64::from(impulse) * f64::from(lever));
        let expected = turn / (10_000.0 * 100.0 / 6.0);
        assert!((spin / expected - 1.0).abs() < 0.005, "{spin} instead of {expected}");
    }
}
