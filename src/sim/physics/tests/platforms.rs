//! A character on what moves, on what holds from above only, and against what is steep. Floats only measure.

use super::character::{START, WAY, block, floor, walk};
use super::scenes::{earth, float, ratio};
use crate::{Angle, BodyDesc, BodyId, Filter, Fx, Mover, Pcg32, Shape, Vec2, World};

/// Half the height of a character, and what it keeps away from the ground.
const STANDS: f64 = 0.5 + 1.0 / 128.0;
const FALL: Vec2 = Vec2::new(Fx::ZERO, Fx::from_ratio(-1, 20));

fn degrees(degrees: i32) -> Angle {
    Angle((degrees * 65_536 / 360) as u16)
}

/// A platform from -3 to 3 with its top at a height.
fn one_way(world: &mut World, top: Fx) -> BodyId {
    let mut platform = BodyDesc::rect(Vec2::new(Fx::from_int(3), ratio(1, 4)));
    platform.shape.material.one_way = true;
    world.add(platform.at(Vec2::new(Fx::ZERO, top - ratio(1, 4))).kinematic()).unwrap()
}

#[test]
fn it_jumps_through_a_platform_from_below_and_lands_on_it() {
    for shape in [Shape::Circle { radius: Fx::HALF }, Shape::Box { half: Vec2::splat(Fx::HALF) }] {
        let mut world = floor();
        let platform = one_way(&mut world, Fx::from_int(2));
        let mover = Mover { shape, ..Mover::default() };
        let (mut at, mut speed, mut moved) = (START, ratio(30, 100), None);
        for _ in 0..80 {
            let gone = mover.go(&mut world, at, Vec2::new(Fx::ZERO, speed));
            assert!(gone.position.x == Fx::ZERO && gone.wall == Vec2::ZERO, "{gone:?}");
            (at, speed, moved) = (gone.position, speed - ratio(1, 100), Some(gone));
        }
        let moved = moved.unwrap();
        assert!(moved.grounded && moved.ground == Some(platform), "{moved:?}");
        assert!((float(at.y) - 2.0 - STANDS).abs() < 0.01, "{at:?}");
    }
}

#[test]
fn it_walks_through_a_platform_from_the_side_and_falls_through_one_it_is_in() {
    let mut world = floor();
    one_way(&mut world, Fx::ONE);
    let from = Vec2::new(Fx::from_int(-5), START.y);
    let moved = walk(&mut world, &Mover::default(), from, WAY, 100);
    let at = moved[99].position;
    assert!(moved.iter().all(|moved| moved.grounded && moved.wall == Vec2::ZERO));
    assert!((float(at.x) - 5.0).abs() < 0.01 && (float(at.y) - STANDS).abs() < 0.01, "{at:?}");
    // It is let out upwards no more than it stands on it.
    let inside = walk(&mut world, &Mover::default(), Vec2::new(Fx::ZERO, ratio(14, 10)), FALL, 40);
    assert!((float(inside[39].position.y) - STANDS).abs() < 0.01, "{:?}", inside[39]);
}

/// One tick of it is enough, also of a platform that goes up or down, and however slowly it falls.
#[test]
fn it_drops_off_a_platform_if_it_is_told_to() {
    for speed in [0, 3, -3, 12] {
        let mut world = earth();
        let platform = one_way(&mut world, Fx::ZERO);
        world.set_velocity(platform, Vec2::from_ints(0, speed));
        let (mover, mut at) = (Mover::default(), START);
        // A thousandth a tick faster than the platform.
        let slow = Vec2::new(Fx::ZERO, ratio(speed.min(0), 60) - ratio(1, 1_000));
        for tick in 0..30 {
            let drop = tick == 10;
            let moved = Mover { drop, ..mover }.go(&mut world, at, slow);
            assert_eq!(moved.grounded, tick < 10, "{speed}, tick {tick}: {moved:?}");
            at = moved.position;
            world.step();
        }
    }
    // Solid ground is not left.
    let moved = Mover { drop: true, ..Mover::default() }.go(&mut floor(), START, FALL);
    assert!(moved.grounded && float(moved.position.y) > 0.5, "{moved:?}");
}

/// A gate holds what comes against it and lets through what goes its way.
#[test]
fn a_gate_lets_through_in_one_direction() {
    for (way, through) in [(ratio(1, 10), true), (ratio(-1, 10), false)] {
        let mut world = floor();
        let mut gate = BodyDesc::rect(Vec2::new(Fx::from_int(3), ratio(1, 8))).fixed();
        gate.shape.material.one_way = true;
        // Its up is to the right.
        world.add(gate.at(Vec2::from_ints(0, 3)).turned(-Angle::QUARTER)).unwrap();
        let from = Vec2::new(-way.times(30), START.y);
        let end = walk(&mut world, &Mover::default(), from, Vec2::new(way, FALL.y), 60)[59];
        assert_eq!(float(end.position.x * way) > 0.0, through, "{end:?}");
        assert!(end.grounded);
    }
}

/// However slowly, and although a slope that it can walk leads up to it.
#[test]
fn it_does_not_walk_up_what_is_too_steep() {
    for steep in [50, 60, 75, 85] {
        for way in [ratio(1, 10), ratio(1, 50), ratio(1, 500)] {
            let mut world = floor();
            let turn = degrees(steep);
            // Its upper side begins at 5, 0.
            let middle =
                Vec2::from_angle(turn, Fx::from_int(10)) - Vec2::from_angle(turn, Fx::ONE).turned_left();
            block(&mut world, Vec2::from_ints(10, 1), Vec2::from_ints(5, 0) + middle, turn);
            let from = Vec2::new(Fx::from_int(4), START.y);
            for fall in [FALL.y, Fx::ZERO] {
                let moved = walk(&mut world, &Mover::default(), from, Vec2::new(way, fall), 300);
                let highest = moved.iter().map(|moved| moved.position.y).max().unwrap();
                assert!(float(highest) < 0.52, "{steep} degrees by {way}: {highest}");
                assert!(moved[299].grounded && moved[299].position.x < Fx::from_int(5), "{:?}", moved[299]);
            }
        }
    }
}

/// Also while the game pushes it against the slope: by the textbook, as far along the slope as its sine.
#[test]
fn it_slides_down_what_is_too_steep() {
    for way in [Fx::ZERO, ratio(1, 10)] {
        let mut world = crate::physics::tests::scenes::open();
        let turn = degrees(60);
        block(&mut world, Vec2::from_ints(20, 1), Vec2::ZERO, turn);
        let from = Vec2::from_angle(turn + Angle::QUARTER, ratio(151, 100));
        let moved = walk(&mut world, &Mover::default(), from, Vec2::new(way, FALL.y), 50);
        let (at, grounded) = (moved[49].position - from, moved.iter().any(|moved| moved.grounded));
        // 50 times 1/20 of fall: down by the square of the sine, and to the left by sine times cosine.
        assert!(!grounded && (float(at.y) + 2.5 * 0.75).abs() < 0.03, "{way}: {at:?}");
        assert!((float(at.x) + 2.5 * 0.433).abs() < 0.03, "{way}: {at:?}");
    }
}

/// Where a character stands on a lift after each step of a second: how far above it, at least and at most.
fn ride(speed: i32, before_step: bool, one_way: bool) -> (f64, f64) {
    let mut world = earth();
    let mut lift = BodyDesc::rect(Vec2::from_ints(3, 1)).kinematic().at(Vec2::from_ints(0, -1));
    lift.shape.material.one_way = one_way;
    let lift = world.add(lift).unwrap();
    let (mover, mut at) = (Mover::default(), START);
    let (mut least, mut most) = (f64::MAX, f64::MIN);
    for tick in 0..60 {
        if tick == 10 {
            world.set_velocity(lift, Vec2::from_ints(0, speed));
        }
        if !before_step {
            world.step();
        }
        let moved = mover.go(&mut world, at, FALL);
        assert!(moved.grounded && moved.ground == Some(lift), "{speed}, tick {tick}: {moved:?}");
        assert!(tick < 10 || moved.ground_velocity == Vec2::from_ints(0, speed), "{moved:?}");
        at = moved.position;
        if before_step {
            world.step();
        }
        let above = float(at.y - world.position(lift).unwrap().y) - 1.0 - STANDS;
        (least, most) = (least.min(above), most.max(above));
    }
    (least, most)
}

/// As fast as it goes; whoever moves it after the step has it ahead by the way of a tick.
#[test]
fn it_stays_on_lifts_that_go_down_and_up() {
    for (speed, one_way) in
        [-60, -20, -5, -1, 1, 5, 12].into_iter().flat_map(|speed| [(speed, false), (speed, true)])
    {
        let (least, most) = ride(speed, true, one_way);
        assert!(least > -0.002 && most < 0.01, "{speed} {one_way}: {least} {most}");
        let (least, most) = ride(speed, false, one_way);
        let ahead = f64::from(speed) / 60.0;
        let is_within = least > ahead.min(0.0) - 0.01 && most < ahead.max(0.0) + 0.01;
        assert!(is_within, "{speed} {one_way}: {least} {most}");
    }
}

#[test]
fn what_goes_sideways_carries_it_and_what_stands_holds_it_up() {
    let mut world = earth();
    let raft =
        world.add(BodyDesc::rect(Vec2::from_ints(2, 1)).kinematic().at(Vec2::from_ints(0, -1))).unwrap();
    world.set_velocity(raft, Vec2::new(Fx::from_int(3), ratio(1, 2)));
    block(&mut world, Vec2::from_ints(1, 8), Vec2::from_ints(7, 8), Angle::ZERO);
    let (mover, mut at) = (Mover::default(), START);
    for tick in 1..=120 {
        let moved = mover.go(&mut world, at, FALL);
        at = moved.position;
        world.step();
        assert!(moved.ground == Some(raft) && moved.ground_velocity.x == Fx::from_int(3), "{moved:?}");
        // Three units per second, to the wall at 6 and no farther.
        let x = (f64::from(tick) / 20.0).min(6.0 - STANDS);
        assert!((float(at.x) - x).abs() < 0.01, "tick {tick}: {at:?}");
        assert!((float(at.y) - STANDS - f64::from(tick) / 120.0).abs() < 0.01, "tick {tick}: {at:?}");
    }
}

/// On a wheel it goes with the rim; on its raft it walks as on land; a belt takes it along.
#[test]
fn what_turns_or_runs_carries_it_too() {
    let mut world = earth();
    let wheel = BodyDesc::circle(Fx::from_int(3)).kinematic().at(Vec2::from_ints(0, -3));
    let wheel = world.add(wheel).unwrap();
    world.set_spin(wheel, -Fx::ONE);
    let (mover, mut at) = (Mover::default(), START);
    for tick in 1..=30 {
        let moved = mover.go(&mut world, at, FALL);
        at = moved.position;
        let speed = float(moved.ground_velocity.length());
        assert!(moved.ground == Some(wheel) && (speed - 3.0).abs() < 0.01, "{moved:?}");
        world.step();
        let turned = (f64::from(tick) / 60.0).sin_cos();
        // The place below it goes round the wheel; what stands there does not turn, and is as far out as ever.
        let from_middle = (float(at.x), float(at.y) + 3.0);
        assert!((from_middle.0 / from_middle.1 - turned.0 / turned.1).abs() < 0.1, "tick {tick}: {at:?}");
        let out = from_middle.0.hypot(from_middle.1);
        assert!((out - 3.0 - STANDS).abs() < 0.01, "tick {tick}: {out}");
    }
    let mut belt = BodyDesc::rect(Vec2::from_ints(10, 1)).fixed().at(Vec2::from_ints(0, 20));
    belt.shape.material.surface_speed = Fx::from_int(-2);
    world.add(belt).unwrap();
    let from = Vec2::new(Fx::ZERO, Fx::from_int(21) + START.y);
    let moved = walk(&mut world, &mover, from, FALL, 60)[59];
    assert!((float(moved.position.x) - 2.0).abs() < 0.01, "{moved:?}");
    assert_eq!(moved.ground_velocity, Vec2::from_ints(2, 0));
}

/// A step is climbed by who is slow as by who is fast, by any outline, and round ones as well.
#[test]
fn it_climbs_steps_however_slow_it_is_and_whatever_they_are() {
    for way in [ratio(1, 10), ratio(1, 50), ratio(1, 300)] {
        for shape in
            [Shape::Circle { radius: Fx::HALF }, Shape::Box { half: Vec2::new(ratio(1, 4), Fx::HALF) }]
        {
            for round in [false, true] {
                let mut world = floor();
                for step in 0..3 {
                    let (x, top) = (ratio(3 * step, 4), ratio(step + 1, 4));
                    let body = if round {
                        BodyDesc::circle(Fx::HALF).at(Vec2::new(x + Fx::HALF, top - Fx::HALF))
                    } else {
                        BodyDesc::rect(Vec2::from_ints(3, 1))
                            .at(Vec2::new(x + Fx::from_int(3), top - Fx::ONE))
                    };
                    world.add(body.fixed()).unwrap();
                }
                let mover = Mover { shape, ..Mover::default() };
                let from = Vec2::new(-Fx::ONE, START.y);
                let ticks = (float(Fx::from_int(6) / way) as u32).min(2_000);
                let moved = walk(&mut world, &mover, from, Vec2::new(way, FALL.y), ticks);
                let highest = moved.iter().map(|moved| moved.position.y).max().unwrap();
                let what = std::format!("{way} {shape:?} {round}");
                assert!((float(highest) - 0.75 - STANDS).abs() < 0.02, "{what}: {highest}");
                assert!(float(moved[ticks as usize - 1].position.x) > 4.0, "{what}: {:?}", moved.last());
            }
        }
    }
}

/// Between two discs that are too steep on both sides it stands, and may climb out again.
#[test]
fn it_stands_between_two_steep_things_and_climbs_out() {
    for way in [ratio(1, 10), ratio(1, 100)] {
        let mut world = crate::physics::tests::scenes::open();
        for nth in 0..6 {
            let at = Vec2::new(ratio(13 * nth, 10), Fx::ZERO);
            world.add(BodyDesc::circle(ratio(3, 10)).at(at).fixed()).unwrap();
        }
        let mover = Mover { step: ratio(4, 10), ..Mover::default() };
        let fallen = walk(&mut world, &mover, Vec2::new(ratio(7, 10), Fx::ONE), FALL, 40)[39];
        assert!(fallen.grounded && (float(fallen.position.x) - 0.65).abs() < 0.02, "{fallen:?}");
        let ticks = (float(Fx::from_int(7) / way) as u32).min(700);
        let moved = walk(&mut world, &mover, fallen.position, Vec2::new(way, FALL.y), ticks);
        let off = moved.iter().filter(|moved| !moved.grounded && float(moved.position.x) < 6.5).count();
        let farthest = moved.iter().map(|moved| moved.position.x).max().unwrap();
        assert!(farthest > Fx::from_int(6), "{way}: {farthest}");
        assert!(off < ticks as usize / 4, "{way}: {off} of {ticks} in the air");
    }
}

/// A step is as high as its top, not as what a round one reaches of its corner.
#[test]
fn it_climbs_nothing_that_is_higher_than_a_step() {
    for height in [35, 40, 50, 70] {
        let mut world = floor();
        block(
            &mut world,
            Vec2::from_ints(3, 1),
            Vec2::new(Fx::from_int(4), ratio(height, 100) - Fx::ONE),
            Angle::ZERO,
        );
        let mover = Mover { slope: ratio(1, 3), ..Mover::default() };
        let moved = walk(&mut world, &mover, START, WAY, 200);
        let highest = moved.iter().map(|moved| moved.position.y).max().unwrap();
        assert!(float(highest) < 0.52 && moved[199].grounded, "{height}: {highest}");
    }
}

/// Wherever it goes among things that stand, it is in none of them.
#[test]
fn it_goes_into_nothing() {
    let mut rng = Pcg32::new(3, 14);
    let mut world = crate::physics::tests::scenes::open();
    let mut part =
        |size: u32| Fx::from_bits(rng.below(size << 16).cast_signed()) - Fx::from_int(size as i32 / 2);
    for nth in 0..60 {
        let at = Vec2::new(part(30), part(30));
        let body = match nth % 3 {
            0 => BodyDesc::circle(part(2).abs() + ratio(1, 4)),
            1 => BodyDesc::rect(Vec2::new(part(4).abs() + ratio(1, 4), ratio(1, 3))),
            _ => BodyDesc::new(Shape::Capsule { half_length: part(4).abs(), radius: ratio(1, 3) }),
        };
        world.add(body.at(at).turned(Angle(part(2).to_bits() as u16)).fixed()).unwrap();
    }
    for shape in [Shape::Circle { radius: Fx::HALF }, Shape::Box { half: Vec2::new(ratio(1, 4), Fx::HALF) }] {
        let (mover, mut inside) = (Mover { shape, ..Mover::default() }, Vec::new());
        for _ in 0..20 {
            let (mut at, side) = (Vec2::new(part(30), part(30)), part(2) * ratio(1, 4));
            world.overlap_shape(shape, Angle::ZERO, at, Filter::ALL, &mut inside);
            if !inside.is_empty() {
                inside.clear();
                continue;
            }
            for _ in 0..100 {
                let moved = mover.go(&mut world, at, Vec2::new(side, FALL.y * Fx::from_int(2)));
                at = moved.position;
                world.overlap_shape(shape, Angle::ZERO, at, Filter::ALL, &mut inside);
                assert_eq!(inside, [], "{moved:?}");
            }
        }
    }
}
