//! A character that walks. Floats only measure.

use super::scenes::{cube, earth, float, ground, open, ratio};
use crate::{Angle, BodyDesc, Fx, Moved, Mover, Shape, Vec2, World};

pub(super) fn block(world: &mut World, half: Vec2, at: Vec2, turned: Angle) {
    world.add(BodyDesc::rect(half).at(at).turned(turned).fixed()).unwrap();
}

/// Flat ground with its top at 0.
pub(super) fn floor() -> World {
    let mut world = open();
    ground(&mut world);
    world
}

pub(super) fn walk(world: &mut World, mover: &Mover, from: Vec2, way: Vec2, ticks: u32) -> Vec<Moved> {
    let mut moved = Vec::new();
    let mut at = from;
    for _ in 0..ticks {
        moved.push(mover.go(world, at, way));
        at = moved[moved.len() - 1].position;
    }
    moved
}

pub(super) const START: Vec2 = Vec2::new(Fx::ZERO, Fx::from_ratio(51, 100));
pub(super) const WAY: Vec2 = Vec2::new(Fx::from_ratio(1, 10), Fx::from_ratio(-1, 20));

#[test]
fn it_walks_on_flat_ground_as_fast_as_it_is_told() {
    let moved = walk(&mut floor(), &Mover::default(), START, WAY, 100);
    assert!(moved.iter().all(|moved| moved.grounded && moved.ground.is_some()));
    let at = moved[99].position;
    assert!((float(at.x) - 10.0).abs() < 0.1 && (float(at.y) - 0.5).abs() < 0.02, "{at:?}");
}

#[test]
fn it_slides_along_walls_and_stops_in_corners() {
    let mut world = open();
    block(&mut world, Vec2::from_ints(1, 20), Vec2::from_ints(4, 0), Angle::ZERO);
    block(&mut world, Vec2::from_ints(20, 1), Vec2::from_ints(0, 8), Angle::ZERO);
    let way = Vec2::new(ratio(1, 10), ratio(1, 10));
    let moved = walk(&mut world, &Mover::default(), Vec2::ZERO, way, 60);
    let at = moved[40].position;
    assert!((float(at.x) - 2.49).abs() < 0.02 && (float(at.y) - 4.1).abs() < 0.1, "{at:?}");
    let end = walk(&mut world, &Mover::default(), at, way, 60)[59];
    assert!((float(end.position.x) - 2.49).abs() < 0.02, "{end:?}");
    assert!((float(end.position.y) - 6.49).abs() < 0.02, "{end:?}");
}

/// It climbs stairs of 1/4 and not of 1/2.
#[test]
fn it_climbs_low_steps_only() {
    for (rise, climbs) in [(ratio(1, 4), true), (Fx::HALF, false)] {
        let mut world = floor();
        for step in 1..=4 {
            let height = rise.times(step);
            let half = Vec2::new(Fx::from_int(20), height * Fx::HALF);
            block(&mut world, half, Vec2::new(Fx::from_int(20 + step * 2), half.y), Angle::ZERO);
        }
        let shape = Shape::Capsule { half_length: Fx::ZERO, radius: Fx::HALF };
        for shape in [shape, Shape::Box { half: Vec2::splat(Fx::HALF) }] {
            let mover = Mover { shape, ..Mover::default() };
            let end = walk(&mut world, &mover, START, WAY, 140)[139].position;
            let (x, y) = (float(end.x), float(end.y));
            assert_eq!(x > 10.0 && y > 1.4, climbs, "{rise:?}: {end:?}");
            assert!(climbs || x < 2.0, "{rise:?}: {end:?}");
        }
    }
}

/// It stands on 40 degrees and not on 50.
#[test]
fn it_stands_on_slopes_up_to_its_limit() {
    for (degrees, stands) in [(40, true), (50, false)] {
        let mut world = open();
        let turn = Angle((degrees * 65_536 / 360) as u16);
        block(&mut world, Vec2::from_ints(20, 1), Vec2::ZERO, turn);
        let from = Vec2::from_angle(turn + Angle::QUARTER, ratio(152, 100));
        let down = Vec2::new(Fx::ZERO, ratio(-1, 10));
        let moved = walk(&mut world, &Mover::default(), from, down, 30)[29];
        assert_eq!(moved.grounded, stands, "{degrees}: {moved:?}");
        let way = float(moved.position.distance(from));
        assert!(if stands { way < 0.6 } else { way > 1.0 }, "{degrees}: it slid by {way}");
    }
}

/// Downhill and down steps it keeps to the ground.
#[test]
fn it_keeps_to_the_ground_downhill() {
    let mut world = open();
    let turn = -Angle((20 * 65_536 / 360) as u16);
    block(&mut world, Vec2::from_ints(20, 1), Vec2::ZERO, turn);
    let from = Vec2::from_angle(turn + Angle::QUARTER, ratio(152, 100));
    let way = Vec2::new(ratio(1, 5), ratio(-1, 100));
    let moved = walk(&mut world, &Mover::default(), from, way, 60);
    let off = moved.iter().position(|moved| !moved.grounded);
    assert_eq!(off, None, "it left the ground");
    // A jump is not held down.
    let jump = Mover::default().go(&mut world, moved[59].position, Vec2::new(ratio(1, 5), ratio(1, 5)));
    assert!(!jump.grounded, "{jump:?}");
}

/// It pushes what is light and in its way, if it is told to.
#[test]
fn it_pushes_bodies() {
    for (push, pushed) in [(Fx::from_int(10), true), (Fx::ZERO, false)] {
        let mut world = earth();
        ground(&mut world);
        let load = world.add(cube().at(Vec2::new(Fx::from_int(2), Fx::HALF)).friction(ratio(1, 10))).unwrap();
        let mover = Mover { push, ..Mover::default() };
        let mut at = START;
        for _ in 0..120 {
            at = mover.go(&mut world, at, Vec2::new(ratio(1, 20), ratio(-1, 50))).position;
            world.step();
        }
        let load = float(world.body(load).unwrap().position.x);
        assert_eq!(load > 3.0, pushed, "{load} {at:?}");
    }
}

#[test]
fn what_it_touches_or_has_risen_into_it_lets_it_out() {
    let mut world = floor();
    for depth in [0, 1, 10, 25] {
        let at = Vec2::new(Fx::ZERO, Fx::HALF - ratio(depth, 100));
        let moved = walk(&mut world, &Mover::default(), at, WAY, 20);
        assert!(moved.iter().all(|moved| moved.grounded), "{depth}: {:?}", moved[0]);
        let at = moved[19].position;
        assert!((float(at.y) - 0.5).abs() < 0.02 && (float(at.x) - 2.0).abs() < 0.05, "{depth}: {at:?}");
    }
}

/// One that is tall pushes a low crate along where it touches it, and does not throw it over.
#[test]
fn who_is_tall_pushes_where_it_touches() {
    let mut world = earth();
    ground(&mut world);
    let load = BodyDesc::rect(Vec2::splat(ratio(2, 5))).at(Vec2::new(Fx::from_int(2), ratio(2, 5)));
    let load = world.add(load.friction(ratio(1, 10)).sleepless()).unwrap();
    let shape = Shape::Box { half: Vec2::new(ratio(2, 5), Fx::ONE) };
    let mover = Mover { push: Fx::from_int(10), shape, ..Mover::default() };
    let mut at = Vec2::new(Fx::ZERO, ratio(101, 100));
    for _ in 0..240 {
        at = mover.go(&mut world, at, Vec2::new(ratio(1, 20), ratio(-1, 50))).position;
        world.step();
        let load = world.body(load).unwrap();
        assert!(load.position.y < ratio(42, 100) && load.spin.abs() < ratio(1, 10), "{load:?}");
    }
    assert!(world.position(load).unwrap().x > Fx::from_int(3), "{at:?}");
}
