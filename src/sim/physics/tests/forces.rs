//! What the game pulls at. Floats only measure.

use super::scenes::{bytes_of, cube, earth, float, ground, open, ratio, steps};
use crate::{Body, BodyDesc, BodyId, BodyKind, Fx, Vec2, World, WorldDesc, decode};

/// Ten units per second per second, downwards.
const GRAVITY: Fx = Fx::from_int(10);

fn seen(world: &World, id: BodyId) -> Body {
    world.body(id).expect("nobody removed it")
}

/// Sixty ticks per second and no gravity.
fn space() -> World {
    World::new(WorldDesc { gravity: Vec2::ZERO, ..*earth().desc() })
}

/// Sixty steps of a second with a force of 3, of a hundredth, or beside the middle, and with a torque: a cube of mass
/// 2 and inertia 1/3 has the speed and spin of the formula, within 0.1 % and half a step of its speed for each tick,
/// and goes on with them when nothing pulls.
#[test]
fn forces_last_for_a_step() {
    type Pull = fn(&mut World, BodyId) -> bool;
    let pulls: [(Pull, f64, f64); 5] = [
        (|world, id| world.apply_force(id, Vec2::from_ints(3, 0)), 1.5, 0.0),
        (|world, id| world.apply_force(id, Vec2::new(-ratio(1, 100), Fx::ZERO)), -0.005, 0.0),
        (
            |world, id| {
                let above = world.position(id).unwrap() + Vec2::new(Fx::ZERO, Fx::HALF);
                world.apply_force_at(id, Vec2::from_ints(1, 0), above)
            },
            0.5,
            -1.5,
        ),
        (|world, id| world.apply_torque(id, ratio(1, 100)), 0.0, 0.03),
        (|world, id| world.apply_torque(id, -ratio(1, 100)), 0.0, -0.03),
    ];
    for (number, (pull, speed, spin)) in pulls.into_iter().enumerate() {
        let mut world = space();
        let id = world.add(cube().mass(Fx::from_int(2)).sleepless()).unwrap();
        for tick in 0..120 {
            assert!(tick >= 60 || pull(&mut world, id));
            world.step();
            let body = seen(&world, id);
            let near = |value: Fx, end: f64| {
                let ticks = f64::from(tick.min(59) + 1);
                let (expected, steps) = (end * ticks / 60.0, ticks / 2.0 / f64::from(1 << 20));
                (float(value) - expected).abs() <= 0.001 * expected.abs() + steps + 1.0 / 65_536.0
            };
            assert!(near(body.velocity.x, speed) && near(body.spin, spin), "{number}, {tick}: {body:?}");
        }
    }
}

/// Force and gravity are added together in each substep: who is held up by as much as gravity pulls stays where it is,
/// to the last bit, whatever pulls it; and who falls by a force falls as by gravity, within
/// 1/1,000 of a unit in two seconds.
#[test]
fn a_force_pulls_as_gravity_does() {
    let (mut world, mut other) = (earth(), space());
    for (pull, scale, mass) in [(-1, 1, 1), (-7, 1, 3), (-20, 1, 10), (-10, 3, 7), (9, -2, 11)] {
        let mut world = World::new(WorldDesc { gravity: Vec2::from_ints(1, pull), ..*earth().desc() });
        let body = BodyDesc { gravity_scale: Fx::from_int(scale), ..cube() };
        let id = world.add(body.mass(Fx::from_int(mass))).unwrap();
        for _ in 0..600 {
            assert!(world.apply_force(id, Vec2::from_ints(-scale * mass, -pull * scale * mass)));
            world.step();
            assert_eq!((seen(&world, id).position, seen(&world, id).velocity), (Vec2::ZERO, Vec2::ZERO));
        }
    }
    let held = world.add(cube().mass(Fx::ONE)).unwrap();
    let [falls, pulled] = [&mut world, &mut other].map(|world| {
        let body = cube().mass(Fx::ONE).at(Vec2::from_ints(5, 0)).moving(Vec2::from_ints(3, 4));
        world.add(body.turned(crate::Angle(500))).unwrap()
    });
    for tick in 0..120 {
        assert!(world.apply_force(held, Vec2::new(Fx::ZERO, GRAVITY)));
        assert!(other.apply_force(pulled, Vec2::new(Fx::ZERO, -GRAVITY)));
        world.step();
        other.step();
        assert_eq!((seen(&world, held).position, seen(&world, held).velocity), (Vec2::ZERO, Vec2::ZERO));
        let (one, two) = (seen(&world, falls), seen(&other, pulled));
        assert!(float(one.position.distance(two.position)) < 0.001, "{tick}: {one:?} {two:?}");
    }
}

/// On ground with a friction of 1/2, a force of 0.4 of the weight moves nothing, and one of 0.6 does, with a tenth of
/// gravity; within 2 %. A ball that is pressed down does not begin to bounce.
#[test]
fn friction_holds_against_a_force() {
    for (part, holds) in [(4, true), (6, false)] {
        let mut world = earth();
        ground(&mut world);
        let id = world.add(cube().mass(Fx::ONE).lock_rotation().at(Vec2::new(Fx::ZERO, Fx::HALF))).unwrap();
        for _ in 0..120 {
            world.apply_force(id, Vec2::new(Fx::from_int(part), Fx::ZERO));
            world.step();
        }
        let body = seen(&world, id);
        let expected = if holds { 0.0 } else { 2.0 };
        assert!((float(body.velocity.x) - expected).abs() < 0.04, "{part}: {body:?}");
        assert!(!holds || body.position.x == Fx::ZERO, "{part}: {body:?}");
    }
    let mut world = earth();
    ground(&mut world);
    let ball = BodyDesc::circle(Fx::HALF).restitution(Fx::ONE).mass(Fx::ONE);
    let id = world.add(ball.at(Vec2::new(Fx::ZERO, Fx::HALF))).unwrap();
    for _ in 0..240 {
        world.apply_force(id, Vec2::from_ints(0, -90));
        world.step();
        assert!((float(seen(&world, id).position.y) - 0.5).abs() < 0.05, "{:?}", seen(&world, id));
    }
}

/// What is to pull is a part of the state, as long as it is something.
#[test]
fn forces_are_a_part_of_the_state() {
    let mut world = earth();
    let ids = [9, 3, 6].map(|x| world.add(cube().at(Vec2::from_ints(x, 0))).unwrap());
    let before = bytes_of(&world);
    assert!(world.apply_force(ids[2], Vec2::from_ints(1, 2)) && world.apply_torque(ids[0], Fx::ONE));
    assert!(bytes_of(&world) != before);
    let mut restored: World = decode(&bytes_of(&world)).expect("a world's own bytes");
    let mut copy = world.clone();
    assert!(restored == world && copy == world);
    steps(&mut world, 2);
    steps(&mut restored, 2);
    steps(&mut copy, 2);
    assert!(restored == world && copy == world);
    // Two that come to nothing, of a body that goes, and of one that is not pulled from now on.
    let still = bytes_of(&world);
    assert!(
        world.apply_force(ids[1], Vec2::from_ints(1, 2))
            && world.apply_force(ids[1], Vec2::from_ints(-1, -2))
    );
    assert!(still == bytes_of(&world));
    let mut other = world.clone();
    assert!(world.apply_torque(ids[1], Fx::ONE) && world.remove(ids[1]) && other.remove(ids[1]));
    assert!(world == other);
    assert!(world.apply_torque(ids[2], Fx::ONE) && world.set_kind(ids[2], BodyKind::Kinematic));
    assert!(other.set_kind(ids[2], BodyKind::Kinematic) && world == other);
}

/// A body that never turns takes no torque, others than dynamic bodies take nothing; a zero wakes nobody.
#[test]
fn not_everything_is_pulled() {
    let mut world = open();
    let disc = world.add(BodyDesc::circle(Fx::ONE).mass(Fx::from_int(2))).unwrap();
    steps(&mut world, 60);
    assert!(world.apply_force(disc, Vec2::ZERO) && world.apply_impulse(disc, Vec2::ZERO));
    assert!(
        world.apply_impulse_at(disc, Vec2::ZERO, Vec2::ZERO) && world.apply_torque_impulse(disc, Fx::ZERO)
    );
    assert!(world.apply_force_at(disc, Vec2::ZERO, Vec2::from_ints(1, 1)));
    assert!(world.apply_torque(disc, Fx::ZERO) && seen(&world, disc).asleep);
    assert!(world.apply_torque_impulse(disc, Fx::from_int(3)) && !seen(&world, disc).asleep);
    assert!((float(seen(&world, disc).spin) - 3.0).abs() < 0.003, "{:?}", seen(&world, disc));
    let locked = world.add(cube().lock_rotation().at(Vec2::from_ints(5, 0))).unwrap();
    assert!(world.apply_torque(locked, Fx::MAX));
    world.step();
    assert_eq!(seen(&world, locked).spin, Fx::ZERO);
    for other in [cube().fixed(), cube().kinematic()] {
        let other = world.add(other.at(Vec2::from_ints(9, 9))).unwrap();
        assert!(
            !world.apply_force(other, Vec2::from_ints(1, 1)) && !world.apply_torque_impulse(other, Fx::ONE)
        );
    }
}

/// Levers of a large ship: a force of 1,000 at 50 units from the middle for ten seconds turns it as one of 20,000 at 25
/// units for one does, both within 3 % of the formula, as a tick of the first adds 22 steps of its spin; and what
/// cancels out leaves nothing, in any order.
#[test]
fn great_torques_add_up() {
    let spins = [(1_000, 50, 1), (20_000, 25, 10)].map(|(force, lever, times)| {
        let mut world = space();
        let ship = BodyDesc::rect(Vec2::from_ints(60, 20)).mass(Fx::from_int(30_000));
        let id = world.add(ship).unwrap();
        for _ in 0..600 / times {
            world.apply_force_at(id, Vec2::from_ints(0, force), Vec2::from_ints(lever, 0));
            world.apply_force_at(id, Vec2::from_ints(0, -force), Vec2::ZERO);
            world.step();
        }
        float(seen(&world, id).spin)
    });
    // The torque, for ten seconds, by the inertia of the ship.
    let inertia = 30_000.0 * (120.0 * 120.0 + 40.0 * 40.0) / 12.0;
    assert!((spins[0] / (50_000.0 * 10.0 / inertia) - 1.0).abs() < 0.03, "{spins:?}");
    assert!((spins[1] / spins[0] - 1.0).abs() < 0.03, "{spins:?}");
    let mut world = space();
    let id = world.add(cube()).unwrap();
    let before = bytes_of(&world);
    for torque in [30_000, 30_000, -32_767, 5_534, -32_767] {
        assert!(world.apply_torque(id, Fx::from_int(torque)));
    }
    assert!(before == bytes_of(&world));
}

/// What is held in a direction meets nobody by a force along it; and it lies on what is below it as heavily as ever
/// while a force pulls it aside.
#[test]
fn a_force_along_a_locked_axis_pushes_nobody() {
    let mut world = space();
    let locked = BodyDesc { lock_x: true, ..BodyDesc::circle(Fx::HALF) };
    let locked = world.add(locked).unwrap();
    let ball = world.add(BodyDesc::circle(Fx::HALF).at(Vec2::from_ints(1, 0))).unwrap();
    for _ in 0..60 {
        world.apply_force(locked, Vec2::from_ints(30_000, 0));
        world.step();
    }
    assert_eq!(seen(&world, locked).position, Vec2::ZERO);
    assert!(float(seen(&world, ball).velocity.x).abs() < 0.1, "{:?}", seen(&world, ball));
    let [alone, pulled] = [Fx::ZERO, Fx::ONE].map(|force| {
        let mut world = earth();
        let below = world.add(cube().lock_rotation()).unwrap();
        let above = BodyDesc { lock_y: true, ..cube() };
        let above = world.add(above.lock_rotation().at(Vec2::from_ints(0, 1))).unwrap();
        for _ in 0..10 {
            world.apply_force(above, Vec2::new(force, Fx::ZERO));
            world.step();
        }
        seen(&world, below).position.y
    });
    assert_eq!(alone, pulled);
}

/// The bytes of forces that no world has: of a body that stands, that sleeps, or that is not there; twice, out of
/// order, or of nothing.
#[test]
fn forces_of_nobody_are_refused() {
    let mut world = World::new(WorldDesc { gravity: Vec2::ZERO, ..*earth().desc() });
    for body in [cube().fixed(), cube(), cube(), cube()] {
        world.add(body.at(Vec2::from_ints(4 * world.len() as i32, 0))).unwrap();
    }
    let ids: Vec<BodyId> = world.bodies().map(|(id, _)| id).collect();
    steps(&mut world, 60);
    assert!(seen(&world, ids[1]).asleep && world.wake(ids[2]) && world.wake(ids[3]));
    let none = bytes_of(&world);
    let pull = |slots: &[usize]| {
        let mut pulled = world.clone();
        slots.iter().for_each(|&slot| assert!(pulled.apply_force(ids[slot], Vec2::from_ints(1, 1))));
        bytes_of(&pulled)
    };
    let good = pull(&[2, 3]);
    // Where the two of them begin: a number of a slot, and three of what pulls, of eight bytes each.
    let at = good.iter().zip(&none).position(|(one, other)| one != other).unwrap() + 8;
    assert!(decode::<World>(&good).is_ok() && good.len() == none.len() + 64);
    let changed = |offset: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at + offset] = value;
        decode::<World>(&bytes)
    };
    assert!((good[at], good[at + 32]) == (2, 3) && changed(8, 9).is_ok());
    for (offset, value) in [(0, 0), (0, 1), (0, 3), (32, 2), (32, 4), (39, 1), (15, 64), (23, 64), (31, 64)] {
        assert!(changed(offset, value).is_err(), "{value} at {offset}");
    }
    let mut swapped = good.clone();
    (swapped[at], swapped[at + 32]) = (3, 2);
    assert!(decode::<World>(&swapped).is_err());
    let mut nothing = good.clone();
    nothing[at + 8..at + 32].fill(0);
    assert!(decode::<World>(&nothing).is_err());
}
