//! A character that something is pressed into: whatever it is in, nothing else lets it through. Floats only measure.

use super::character::{START, block, floor, walk};
use super::scenes::{cube, earth, float, ground, open, ratio};
use crate::{Angle, BodyDesc, BodyId, Filter, Fx, Mover, Pcg32, Shape, Vec2, World, WorldDesc};

const FALL: Vec2 = Vec2::new(Fx::ZERO, Fx::from_ratio(-1, 20));
/// Where a default character stands on a floor with its top at 0.
const STANDS: f64 = 0.5 + 1.0 / 128.0;

fn shapes() -> [Shape; 2] {
    [Shape::Circle { radius: Fx::HALF }, Shape::Box { half: Vec2::splat(Fx::HALF) }]
}

/// Whether an outline is in a body.
fn is_in(world: &World, mover: &Mover, at: Vec2, body: BodyId) -> bool {
    let mut inside = Vec::new();
    world.overlap_shape(mover.shape, Angle::ZERO, at, Filter::ALL, &mut inside);
    inside.contains(&body)
}

/// A fixed box from a corner to another.
fn slab(world: &mut World, low: (i32, i32), high: (i32, i32)) -> BodyId {
    let half = Vec2::new(ratio(high.0 - low.0, 2), ratio(high.1 - low.1, 2));
    let middle = Vec2::new(ratio(high.0 + low.0, 2), ratio(high.1 + low.1, 2));
    world.add(BodyDesc::rect(half).at(middle).fixed()).unwrap()
}

/// From straight above or beside its middle, onto ground of any kind.
#[test]
fn a_crate_that_falls_on_it_does_not_press_it_into_the_floor() {
    for shape in shapes() {
        for (side, lifts) in [(0, false), (30, false), (-45, false), (0, true)] {
            let mut world = earth();
            let floor = if lifts {
                let lift = BodyDesc::rect(Vec2::from_ints(50, 1)).at(Vec2::from_ints(0, -1));
                world.add(lift.kinematic()).unwrap()
            } else {
                ground(&mut world)
            };
            world.add(cube().at(Vec2::new(ratio(side, 100), Fx::from_int(3)))).unwrap();
            let (mover, mut at) = (Mover { shape, ..Mover::default() }, START);
            for tick in 0..200 {
                let moved = mover.go(&mut world, at, FALL);
                world.step();
                at = moved.position;
                assert!(moved.grounded && !is_in(&world, &mover, at, floor), "{side}, {tick}: {moved:?}");
                assert!((float(at.y) - STANDS).abs() < 0.02 || at.y > Fx::ONE, "{side}, {tick}: {moved:?}");
            }
        }
    }
}

#[test]
fn a_door_presses_it_neither_into_the_wall_nor_into_the_floor() {
    for shape in shapes() {
        for speed in [Fx::HALF, Fx::from_int(2), Fx::from_int(10)] {
            let mut world = earth();
            let floor = ground(&mut world);
            let wall = slab(&mut world, (2, 0), (4, 6));
            let door = BodyDesc::rect(Vec2::from_ints(1, 3)).at(Vec2::from_ints(-3, 3)).kinematic();
            world.add(door.moving(Vec2::new(speed, Fx::ZERO))).unwrap();
            let (mover, mut at) = (Mover { shape, ..Mover::default() }, START);
            for tick in 0..600 {
                at = mover.go(&mut world, at, FALL).position;
                world.step();
                let held = [floor, wall].iter().all(|&body| !is_in(&world, &mover, at, body));
                assert!(held && float(at.y) < 0.52, "{speed}, {tick}: {at:?}");
            }
        }
    }
}

#[test]
fn a_lift_presses_it_not_into_the_ceiling_and_holds_it() {
    for shape in shapes() {
        for speed in [Fx::HALF, Fx::from_int(2), Fx::from_int(10)] {
            let mut world = earth();
            let ceiling = slab(&mut world, (-5, 4), (5, 5));
            let lift = BodyDesc::rect(Vec2::from_ints(3, 1)).at(Vec2::from_ints(0, -1)).kinematic();
            let lift = world.add(lift.moving(Vec2::new(Fx::ZERO, speed))).unwrap();
            let (mover, mut at) = (Mover { shape, ..Mover::default() }, START);
            for tick in 0..600 {
                let top = world.position(lift).unwrap().y + Fx::ONE;
                if top > ratio(36, 10) {
                    // Six tenths of it are in the lift.
                    world.set_velocity(lift, Vec2::ZERO);
                }
                let moved = mover.go(&mut world, at, FALL);
                at = moved.position;
                world.step();
                assert!(moved.ground == Some(lift), "{speed}, {tick}: {moved:?}");
                assert!(!is_in(&world, &mover, at, ceiling), "{speed}, {tick}: {moved:?}");
            }
            assert!(float(at.y) > 3.4, "{at:?}");
        }
    }
}

#[test]
fn who_begins_in_something_goes_through_nothing_else() {
    for shape in shapes() {
        for from in [(0, 0), (30, 10), (-30, 10), (60, -20), (120, 0), (140, 0)] {
            let mut world = open();
            block(&mut world, Vec2::splat(Fx::ONE), Vec2::ZERO, Angle::ZERO);
            let wall = slab(&mut world, (3, -9), (4, 9));
            let mover = Mover { shape, ..Mover::default() };
            let from = Vec2::new(ratio(from.0, 100), ratio(from.1, 100));
            let moved = mover.go(&mut world, from, Vec2::from_ints(8, 0));
            let at = moved.position;
            assert!(float(at.x) < 2.5 && !is_in(&world, &mover, at, wall), "{from:?}: {moved:?}");
        }
    }
}

/// From wherever it is in a box, there is a side to which it can walk out.
#[test]
fn who_is_in_something_gets_out_of_it() {
    for from in [(0, 0), (30, 10), (-30, 40), (10, -90), (120, 100)] {
        let from = Vec2::new(ratio(from.0, 100), ratio(from.1, 100));
        let ways = [(1, 0), (-1, 0), (0, 1), (0, -1)];
        let gets_out = ways.iter().filter(|&&(x, y)| {
            let mut world = open();
            let body = world.add(BodyDesc::rect(Vec2::splat(Fx::ONE)).fixed()).unwrap();
            let way = Vec2::new(ratio(x, 10), ratio(y, 10));
            let end = walk(&mut world, &Mover::default(), from, way, 40)[39].position;
            !is_in(&world, &Mover::default(), end, body)
        });
        assert!(gets_out.count() >= 3, "{from:?}");
    }
}

#[test]
fn who_climbs_no_steps_is_held_and_let_out_too() {
    for shape in shapes() {
        let mover = Mover { step: Fx::ZERO, shape, ..Mover::default() };
        for from in [60, 51, 50, 49, 48] {
            let end = walk(&mut floor(), &mover, Vec2::new(Fx::ZERO, ratio(from, 100)), FALL, 100)[99];
            assert!(end.grounded && (float(end.position.y) - STANDS).abs() < 0.01, "{from}: {end:?}");
        }
    }
}

/// So flat that it comes to touch the floor, by ways that end beyond a wall.
#[test]
fn long_flat_ways_end_in_front_of_the_wall() {
    let bits = |x: i32, y: i32| Vec2::new(Fx::from_bits(x), Fx::from_bits(y));
    let ways = [(3, bits(-306_584, 32_789), bits(655_360, -114)), (1, bits(6_132, 32_771), bits(32_768, -7))];
    for (end, from, way) in ways {
        let mut world = floor();
        let wall = slab(&mut world, (end, 0), (end + 2, 6));
        let mover = Mover::default();
        let moved = mover.go(&mut world, from, way);
        let x = float(moved.position.x);
        assert!(x > f64::from(end) - 0.6 && x <= f64::from(end) - 0.5, "{moved:?}");
        assert!(!is_in(&world, &mover, moved.position, wall), "{moved:?}");
    }
}

/// Of boxes, or of the border of the world.
#[test]
fn nobody_leaves_a_closed_room() {
    for shape in shapes() {
        for walls in [false, true] {
            let desc = WorldDesc { half_extent: Vec2::from_ints(6, 6), ..WorldDesc::default() };
            let mut world = World::new(WorldDesc { walls, ..desc });
            if !walls {
                for (low, high) in
                    [((-8, -8), (8, -6)), ((-8, 6), (8, 8)), ((-8, -8), (-6, 8)), ((6, -8), (8, 8))]
                {
                    slab(&mut world, low, high);
                }
            }
            let mover = Mover { shape, ..Mover::default() };
            let mut rng = Pcg32::new(27, 18);
            let mut bits = |most: u32| Fx::from_bits(rng.below(most).cast_signed());
            let mut left = 0;
            for nth in 0..20_000 {
                let low = bits(1 << 11) - ratio(11, 2);
                let from = Vec2::new(bits(11 << 16) - ratio(11, 2), low);
                // A quarter of them go flat along the floor.
                let angle = if nth % 4 == 0 { 65_536 - 200 } else { 0 };
                let turn = bits(if nth % 4 == 0 { 400 } else { 65_536 }).to_bits() + angle;
                let way = Vec2::from_angle(Angle(turn as u16), Fx::from_int(100));
                let at = mover.go(&mut world, from, way).position;
                let farthest = at.x.abs().max(at.y.abs());
                left += u32::from(farthest > ratio(11, 2) + ratio(1, 1_000));
            }
            assert_eq!(left, 0, "{shape:?} {walls}");
        }
    }
}

#[test]
fn the_border_of_a_world_with_walls_is_ground_and_wall() {
    let mut world = World::new(WorldDesc::default());
    let from = Vec2::from_ints(0, -15);
    let moved = walk(&mut world, &Mover::default(), from, Vec2::new(ratio(1, 5), ratio(-1, 10)), 200);
    assert!(moved[10..].iter().all(|moved| moved.grounded && moved.ground.is_none()), "{:?}", moved[10]);
    let end = moved[199];
    assert!((float(end.position.x) - 16.0 + STANDS).abs() < 0.01, "{end:?}");
    assert!((float(end.position.y) + 16.0 - STANDS).abs() < 0.01, "{end:?}");
    assert_eq!(end.wall, Vec2::from_ints(-1, 0));
    // Who is a little out of it is let in, and without walls it goes on.
    let out = Vec2::new(Fx::from_int(16) - ratio(3, 10), Fx::ZERO);
    let moved = Mover::default().go(&mut world, out, Vec2::ZERO).position;
    assert!((float(moved.x) - 16.0 + STANDS).abs() < 0.01, "{moved:?}");
    let gone = Mover::default().go(&mut open(), Vec2::ZERO, Vec2::from_ints(21, 0)).position;
    assert_eq!(gone, Vec2::from_ints(21, 0));
}

/// Crates fall about it, doors go to and fro through everything, and it goes anywhere by ways of any length.
#[test]
fn nobody_is_pressed_out_of_a_closed_room() {
    for (shape, seed) in shapes().into_iter().zip([5, 6]) {
        let desc = WorldDesc { half_extent: Vec2::from_ints(6, 6), ..WorldDesc::default() };
        let mut world = World::new(WorldDesc { gravity: Vec2::from_ints(0, -10), ..desc });
        slab(&mut world, (-7, -7), (7, -5));
        slab(&mut world, (4, -7), (5, 7));
        for nth in 0..12 {
            let at = Vec2::new(ratio(nth % 4 * 2 - 4, 1), ratio(nth / 4 * 2 - 3, 1));
            world.add(cube().at(at)).unwrap();
        }
        let doors = [(-5, 0), (0, 5)]
            .map(|(x, y)| world.add(cube().at(Vec2::from_ints(x, y)).kinematic().sleepless()).unwrap());
        let mut rng = Pcg32::new(seed, 9);
        let mut part =
            |most: u32| Fx::from_bits(rng.below(most << 17).cast_signed()) - Fx::from_int(most as i32);
        let mover = Mover { shape, ..Mover::default() };
        let mut at = Vec2::from_ints(-2, -3);
        for tick in 0..6_000 {
            for door in doors {
                if tick % 30 == 0 {
                    let to = Vec2::new(part(6), part(6)) - world.position(door).unwrap();
                    world.set_velocity(door, to);
                }
            }
            let length = if tick % 50 == 0 { 20 } else { 1 };
            at = mover.go(&mut world, at, Vec2::new(part(length), part(length))).position;
            world.step();
            let slack = ratio(1, 1_000);
            let is_right = at.x > ratio(-11, 2) - slack && at.x < ratio(7, 2) + slack;
            let is_up = at.y > ratio(-9, 2) - slack && at.y < ratio(11, 2) + slack;
            assert!(is_right && is_up, "{shape:?}, tick {tick}: {at:?}");
        }
    }
}
