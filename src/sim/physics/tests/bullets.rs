//! Bullets of any outline against walls that stand and walls that come.

use std::format;
use std::string::ToString as _;

use super::scenes::{float, ratio};
use crate::{
    Angle, BodyDesc, BodyId, ContactPhase, Fx, Pcg32, Polygon, Shape, ShapeDesc, Vec2, World, WorldDesc,
};

/// Without weight, and without an end that would hold anything back.
fn space() -> World {
    let half_extent = Vec2::splat(Fx::from_int(1_000));
    let desc = WorldDesc { half_extent, gravity: Vec2::ZERO, walls: false, ..WorldDesc::default() };
    World::new(WorldDesc { ticks_per_second: 60, ..desc })
}

fn wall(half_width: Fx) -> BodyDesc {
    BodyDesc::rect(Vec2::new(half_width, Fx::from_int(10)))
}

/// How many of so many shots at random are behind a wall within a second, however they lie and are thrown back.
fn behind(shape: Shape, half_width: Fx, shots: u32) -> u32 {
    let mut rng = Pcg32::new(31, 7);
    (0..shots)
        .filter(|shot| {
            let mut world = space();
            world.add(wall(half_width).fixed()).unwrap();
            let at = Vec2::new(Fx::from_bits(-(2 << 16) - rng.below(4 << 16).cast_signed()), Fx::ZERO);
            let speed = [30, 60, 100, 500][*shot as usize % 4];
            let body = BodyDesc::new(shape).at(at).turned(Angle(rng.below(1 << 16) as u16)).bullet();
            let body = world.add(body.moving(Vec2::from_ints(speed, 0))).unwrap();
            (0..60).any(|_| {
                world.step();
                let at = world.position(body).unwrap();
                float(at.x) > 0.6 && float(at.y).abs() < 9.0
            })
        })
        .count() as u32
}

/// For a second the first of two bodies stays on the left of the other one.
fn stay_in_order(world: &mut World, bodies: [BodyId; 2], what: &str) {
    for _ in 0..60 {
        world.step();
        let at = bodies.map(|id| float(world.position(id).unwrap().x));
        assert!(at[0] < at[1], "{what}: {at:?}");
    }
}

#[test]
fn a_bullet_that_is_not_round_stays_in_front_of_a_wall_although_the_wall_makes_it_spin() {
    let shapes = [
        Shape::Box { half: Vec2::splat(ratio(1, 5)) },
        Shape::Capsule { half_length: ratio(3, 10), radius: ratio(1, 20) },
        Shape::Polygon(Polygon::regular(3, ratio(3, 10))),
        Shape::Polygon(Polygon::regular(6, ratio(1, 5))),
    ];
    for shape in shapes {
        for half_width in [ratio(1, 20), Fx::HALF] {
            assert_eq!(behind(shape, half_width, 200), 0, "{shape:?} {half_width}");
        }
    }
    // Splinters turn fast when they hit with a corner.
    for (long, thin, half_width) in
        [(8, 1, ratio(1, 20)), (16, 1, ratio(1, 20)), (8, 1, ratio(1, 100)), (20, 2, Fx::HALF)]
    {
        let splinter = Shape::Box { half: Vec2::new(ratio(long, 20), ratio(thin, 20)) };
        assert_eq!(behind(splinter, half_width, 200), 0, "{long} {thin} {half_width}");
        let needle = Shape::Capsule { half_length: ratio(long, 20), radius: ratio(thin, 40) };
        assert_eq!(behind(needle, half_width, 200), 0, "{long} {thin} {half_width}");
    }
}

/// What stops a bullet does not keep it from tumbling: a box that is thrown onto the ground comes to lie on a side.
#[test]
fn a_bullet_with_corners_comes_to_rest_on_a_side() {
    for start in 0..20 {
        let mut world = World::new(WorldDesc {
            ticks_per_second: 60,
            gravity: Vec2::from_ints(0, -10),
            half_extent: Vec2::from_ints(500, 50),
            ..WorldDesc::default()
        });
        let shot = BodyDesc::rect(Vec2::new(ratio(1, 2), ratio(1, 5))).turned(Angle(start * 3_000)).bullet();
        let shot = world.add(shot.moving(Vec2::from_ints(60, -200))).unwrap();
        (0..900).for_each(|_| world.step());
        let body = world.body(shot).unwrap();
        let off = (float(body.position.y) + 50.0).abs();
        let lies = [0.2, 0.5].iter().any(|half| (off - half).abs() < 0.02);
        assert!(body.asleep && lies, "{start}: {body:?}");
    }
}

#[test]
fn a_bullet_does_not_pass_what_comes_towards_it() {
    for (speed, towards) in [(100, -30), (30, -10), (100, -100), (0, -100), (500, -50)] {
        for radius in [ratio(1, 20), ratio(1, 5), Fx::HALF] {
            for start in 0..40 {
                let mut world = space();
                let front = wall(ratio(1, 20)).kinematic().at(Vec2::from_ints(8, 0));
                let front = world.add(front.moving(Vec2::from_ints(towards, 0))).unwrap();
                let at = Vec2::new(-ratio(start, 20), Fx::ZERO);
                let shot = BodyDesc::circle(radius).at(at).bullet().moving(Vec2::from_ints(speed, 0));
                let shot = world.add(shot).unwrap();
                stay_in_order(&mut world, [shot, front], &format!("{speed} {towards} {radius} {start}"));
            }
        }
    }
}

#[test]
fn two_bullets_do_not_pass_each_other() {
    for start in 0..40 {
        let mut world = space();
        let shot = |x: Fx, speed: i32| {
            BodyDesc::circle(ratio(1, 10))
                .at(Vec2::new(x, Fx::ZERO))
                .bullet()
                .moving(Vec2::from_ints(speed, 0))
        };
        let left = world.add(shot(Fx::from_int(-5), 500)).unwrap();
        let right = world.add(shot(Fx::from_int(5) + ratio(start, 20), -500)).unwrap();
        stay_in_order(&mut world, [left, right], &start.to_string());
    }
}

/// What takes a bullet along does not push it through what stands.
#[test]
fn many_bullets_in_a_thin_box_stay_in_it() {
    let mut rng = Pcg32::new(5, 5);
    for round in 0..200 {
        let mut world = space();
        for (x, y) in [(3, 0), (-3, 0), (0, 3), (0, -3)] {
            let half = if x == 0 { (Fx::from_int(4), ratio(1, 20)) } else { (ratio(1, 20), Fx::from_int(4)) };
            let side = BodyDesc::rect(Vec2::new(half.0, half.1)).at(Vec2::from_ints(x, y)).fixed();
            world.add(side.restitution(Fx::ONE)).unwrap();
        }
        let shots: std::vec::Vec<_> = (0..10)
            .map(|nth| {
                let mut speed = || Fx::from_bits(rng.below(600 << 16).cast_signed()) - Fx::from_int(300);
                let at = Vec2::new(ratio(nth - 5, 4), ratio(nth % 3, 2));
                let shot = BodyDesc::circle(ratio(1, 10)).at(at).bullet().restitution(Fx::ONE);
                world.add(shot.moving(Vec2::new(speed(), speed()))).unwrap()
            })
            .collect();
        for tick in 0..120 {
            world.step();
            for id in &shots {
                let at = world.position(*id).unwrap();
                assert!(float(at.x).abs().max(float(at.y).abs()) < 3.1, "round {round}, tick {tick}: {at:?}");
            }
        }
    }
}

/// What lies on something is held by the contact, not by the sweep.
#[test]
fn a_bullet_without_a_width_slides_on_what_it_lies_on() {
    let gravity = Vec2::from_ints(0, -10);
    let mut world = World::new(WorldDesc { ticks_per_second: 60, gravity, ..WorldDesc::default() });
    world.add(BodyDesc::rect(Vec2::from_ints(20, 1)).fixed().friction(Fx::ZERO)).unwrap();
    let line = Shape::Segment { from: Vec2::new(-Fx::HALF, Fx::ZERO), to: Vec2::new(Fx::HALF, Fx::ZERO) };
    let at = Vec2::new(Fx::from_int(-5), Fx::ONE + ratio(1, 1_024));
    let body = BodyDesc::new(line).at(at).bullet().mass(Fx::ONE).lock_rotation().friction(Fx::ZERO);
    let body = world.add(body.moving(Vec2::from_ints(4, 0))).unwrap();
    (0..120).for_each(|_| world.step());
    let at = world.position(body).unwrap();
    assert!((float(at.x) - 3.0).abs() < 0.2 && (float(at.y) - 1.0).abs() < 0.05, "{at:?}");
}

/// What is told of two bodies in a step: which of them began and ended.
fn told(world: &World) -> std::vec::Vec<(BodyId, BodyId, ContactPhase)> {
    world.events().iter().filter(|event| event.sensor).map(|event| (event.a, event.b, event.phase)).collect()
}

fn gate(half_width: Fx) -> BodyDesc {
    BodyDesc::rect(Vec2::new(half_width, Fx::from_int(2))).fixed().sensor()
}

/// However fast, wherever it starts and whoever has the lower index: in and out once each, and both in one step if it
/// is in it at no step's end.
#[test]
fn a_bullet_is_told_in_and_out_of_every_sensor_on_its_way() {
    use ContactPhase::{Began, Ended};
    let mut at_once = 0;
    for (speed, width) in [(1_000, 100), (300, 100), (60, 50), (5, 20), (100, 1)] {
        for start in 0..40 {
            let mut world = space();
            let shot =
                BodyDesc::circle(ratio(1, 10)).at(Vec2::new(-ratio(40 + start, 10), Fx::ZERO)).bullet();
            let shot = shot.moving(Vec2::from_ints(speed, 0));
            let first = world.add(gate(ratio(1, width))).unwrap();
            let shot = world.add(shot).unwrap();
            let second = world.add(gate(ratio(1, width)).at(Vec2::from_ints(3, 0))).unwrap();
            let off = world.add(gate(ratio(1, width)).at(Vec2::from_ints(1, 4))).unwrap();
            let mut all = std::vec::Vec::new();
            for _ in 0..(720 / speed + 3) {
                world.step();
                at_once += usize::from(world.events().len() >= 2);
                all.extend(told(&world));
            }
            assert!(all.iter().all(|(a, b, _)| ![*a, *b].contains(&off)), "{speed} {width} {start}: {all:?}");
            let of = |a, b| {
                all.iter().filter(|it| (it.0, it.1) == (a, b)).map(|it| it.2).collect::<std::vec::Vec<_>>()
            };
            assert_eq!(of(first, shot), [Began, Ended], "{speed} {width} {start}");
            assert_eq!(of(shot, second), [Began, Ended], "{speed} {width} {start}");
            assert_eq!(all.len(), 4);
        }
    }
    assert!(at_once > 50, "{at_once}");
}

/// In the order of bodies and shapes, whatever else is told; nothing is told of what it does not meet, is stopped
/// before, or ignores; and after a rollback, through bytes, the same again.
#[test]
fn passages_are_told_in_order_and_again_after_a_rollback() {
    use ContactPhase::{Began, Ended};
    let mut world = space();
    let late = world.add(gate(ratio(1, 100)).at(Vec2::from_ints(6, 0))).unwrap();
    let shot = BodyDesc::circle(ratio(1, 10)).at(Vec2::from_ints(-5, 0)).bullet().layer(0b1);
    let shot = world.add(shot.moving(Vec2::from_ints(900, 0))).unwrap();
    let double = world.add(gate(ratio(1, 100))).unwrap();
    let part = ShapeDesc::new(Shape::Circle { radius: ratio(1, 10) }).sensor();
    world.attach(double, part.offset(Vec2::from_ints(2, 0), Angle::ZERO)).unwrap();
    let ignored = world.add(gate(ratio(1, 100)).at(Vec2::from_ints(1, 0))).unwrap();
    world.ignore(shot, ignored, true);
    world.add(gate(ratio(1, 100)).at(Vec2::from_ints(1, 0)).mask(0b10)).unwrap();
    let stop = world.add(wall(ratio(1, 10)).at(Vec2::from_ints(8, 0)).fixed()).unwrap();
    world.add(gate(ratio(1, 100)).at(Vec2::from_ints(9, 0))).unwrap();
    let before = world.clone();
    let play = |world: &mut World| {
        let mut all = std::vec::Vec::new();
        for _ in 0..3 {
            world.step();
            let one = |event: &crate::ContactEvent| (event.a, event.b, event.shape_b, event.phase);
            all.push(world.events().iter().map(one).collect::<std::vec::Vec<_>>());
        }
        all
    };
    let first = play(&mut world);
    let double_of = |shape, phase| (shot, double, shape, phase);
    let expected = [
        (late, shot, 0, Began),
        (late, shot, 0, Ended),
        double_of(0, Began),
        double_of(0, Ended),
        double_of(1, Began),
        double_of(1, Ended),
    ];
    assert_eq!(first[0], expected);
    assert!(first[1..].concat().iter().all(|event| event.1 == stop), "{first:?}");
    assert_eq!(first, play(&mut before.clone()));
    let mut bytes = std::vec::Vec::new();
    crate::encode_into(&before, &mut bytes);
    assert_eq!(first, play(&mut crate::decode(&bytes).unwrap()));
}

/// A sensor may come over a bullet, and a bullet may carry the sensor.
#[test]
fn sensors_that_move_tell_of_bullets_too() {
    use ContactPhase::{Began, Ended};
    let mut world = space();
    let shot = world.add(BodyDesc::circle(ratio(1, 10)).bullet().moving(Vec2::from_ints(0, 1))).unwrap();
    let sweep = gate(ratio(1, 100)).kinematic().sensor().at(Vec2::from_ints(-4, 0));
    let sweep = world.add(sweep.moving(Vec2::from_ints(400, 0))).unwrap();
    world.step();
    assert_eq!(told(&world), [(shot, sweep, Began), (shot, sweep, Ended)]);
    let mut world = space();
    let pin = world.add(BodyDesc::circle(ratio(1, 10)).at(Vec2::from_ints(3, 2)).fixed()).unwrap();
    let shot = world.add(BodyDesc::circle(ratio(1, 10)).bullet().moving(Vec2::from_ints(400, 0))).unwrap();
    let feeler = ShapeDesc::new(Shape::Circle { radius: ratio(1, 10) }).sensor();
    world.attach(shot, feeler.offset(Vec2::from_ints(0, 2), Angle::ZERO)).unwrap();
    world.step();
    assert_eq!(told(&world), [(pin, shot, Began), (pin, shot, Ended)]);
}

/// A bar that goes round hits a bullet that rests or passes, wherever it comes from, and throws it away about as fast
/// as it is there, four units from its middle.
#[test]
fn a_bar_that_spins_does_not_jump_over_a_bullet() {
    for (spin, heavy) in [(20, false), (-40, false), (100, false), (20, true), (-60, true)] {
        for start in 0..30 {
            for speed in [0, 2] {
                let mut world = space();
                let bar =
                    BodyDesc::rect(Vec2::new(Fx::from_int(5), ratio(1, 20))).turned(Angle(start * 1_000));
                let bar = if heavy { bar.mass(Fx::from_int(30_000)) } else { bar.kinematic() };
                let bar = world.add(bar).unwrap();
                world.set_spin(bar, Fx::from_int(spin));
                let shot =
                    BodyDesc::circle(ratio(1, 10)).at(Vec2::from_ints(0, 4)).bullet().mass(ratio(1, 8));
                let shot = world.add(shot.friction(Fx::ZERO).moving(Vec2::from_ints(0, -speed))).unwrap();
                // Half a turn passes every place once.
                let most = 60.0 * std::f64::consts::PI / f64::from(spin.abs()) + 3.0;
                let hit = (0..most as u32).any(|_| {
                    world.step();
                    float(world.velocity(shot).unwrap().length()) > 3.0 * f64::from(spin.abs())
                });
                assert!(hit, "{spin} {heavy} {start} {speed}: {:?}", world.body(shot));
            }
        }
    }
}

/// An arm that a body holds out swings as well, and what it sweeps along it does not push through a wall.
#[test]
fn an_arm_that_swings_takes_a_bullet_along_and_not_through_a_wall() {
    let mut hits = 0;
    for start in 0..40 {
        let mut world = space();
        let hub = BodyDesc::circle(ratio(1, 4)).turned(Angle(start * 1_500)).kinematic();
        let hub = world.add(hub).unwrap();
        let arm = ShapeDesc::new(Shape::Capsule { half_length: Fx::ONE, radius: ratio(1, 10) });
        world.attach(hub, arm.offset(Vec2::from_ints(3, 0), Angle::ZERO)).unwrap();
        world.set_spin(hub, Fx::from_int(50));
        // Beside the bullet, where the arm does not reach it.
        let wall =
            BodyDesc::rect(Vec2::new(ratio(1, 10), ratio(1, 2))).at(Vec2::new(-ratio(9, 2), Fx::from_int(2)));
        world.add(wall.fixed()).unwrap();
        let shot = BodyDesc::circle(ratio(1, 10)).at(Vec2::from_ints(0, 3)).bullet();
        let shot = world.add(shot).unwrap();
        for _ in 0..8 {
            let before = world.position(shot).unwrap();
            world.step();
            let after = world.position(shot).unwrap();
            let crosses = |at: Vec2| float(at.x) < -4.5 && (float(at.y) - 2.0).abs() < 0.4;
            assert!(
                !(crosses(after) && float(before.x) > -4.3 && (float(before.y) - 2.0).abs() < 0.4),
                "{start}"
            );
            hits += u32::from(world.velocity(shot).unwrap().length() > Fx::from_int(100));
        }
    }
    assert!(hits > 150, "{hits}");
}
