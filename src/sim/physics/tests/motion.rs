//! Single bodies against the formulas of a textbook. Floats only measure.

use std::f64::consts::{FRAC_PI_4, TAU};

use super::scenes::{cube, earth, float, ground, open, ratio, steps};
use crate::{Angle, BodyDesc, BodyId, Fx, JointDesc, JointKind, Vec2, World};

const GRAVITY: f64 = 10.0;
const TICK: f64 = 1.0 / 60.0;

/// Substeps fall by g t h / 2 more than the parabola, h being a substep; within 1/1,000 of a unit of that.
#[test]
fn a_projectile_follows_its_arc() {
    let mut world = earth();
    let id = world.add(BodyDesc::circle(Fx::HALF).moving(Vec2::from_ints(8, 12))).unwrap();
    for tick in 1..=180 {
        world.step();
        let (at, seconds) = (world.body(id).unwrap().position, f64::from(tick) * TICK);
        let fall = GRAVITY * seconds * seconds / 2.0 + GRAVITY * seconds * TICK / 8.0;
        let off = (float(at.x) - 8.0 * seconds).abs().max((float(at.y) - 12.0 * seconds + fall).abs());
        assert!(off < 0.001 + 0.001 * seconds, "after {seconds} s it is {off} off");
    }
}

/// Without gravity and drag a body goes on for ever: after 100 s it is within 1/100 of where it has to be.
#[test]
fn a_body_in_free_flight_keeps_its_speed_and_its_spin() {
    let mut world = open();
    let body = cube().moving(Vec2::new(ratio(5, 3), ratio(-7, 11))).spinning(Fx::from_int(3)).sleepless();
    let id = world.add(body).unwrap();
    steps(&mut world, 3_000);
    let body = world.body(id).unwrap();
    assert!((float(body.position.x) - 500.0 / 3.0).abs() < 0.01, "{body:?}");
    assert!((float(body.position.y) + 700.0 / 11.0).abs() < 0.01, "{body:?}");
    let turned = float(body.angle.to_turns()) * TAU;
    let off = (turned - 300.0).rem_euclid(TAU);
    assert!(off.min(TAU - off) < 0.02 && body.spin == Fx::from_int(3), "{turned} {body:?}");
}

/// Damping takes the stated part of the speed each second: v(t) = v e^(−d t), within 2 %; and the spin alike, within
/// 4 %.
#[test]
fn damping_is_exponential() {
    let mut world = open();
    let body = cube().moving(Vec2::from_ints(10, 0)).spinning(Fx::from_int(10)).sleepless();
    let id = world.add(body.damping(Fx::HALF).spin_damping(Fx::ONE)).unwrap();
    steps(&mut world, 60);
    let body = world.body(id).unwrap();
    let (speed, spin) = (float(body.velocity.x) / 10.0, float(body.spin) / 10.0);
    assert!((speed / (-1.0_f64).exp() - 1.0).abs() < 0.02, "{speed}");
    assert!((spin / (-2.0_f64).exp() - 1.0).abs() < 0.04, "{spin}");
}

fn slope(tangent: Fx, friction: Fx) -> (World, BodyId, Angle, Vec2) {
    let turn = Angle::atan2(tangent, Fx::ONE);
    let mut world = earth();
    let slope = BodyDesc::rect(Vec2::from_ints(60, 1)).turned(turn).friction(friction).fixed();
    world.add(slope).unwrap();
    let at = Vec2::from_angle(turn + Angle::QUARTER, ratio(3, 2));
    let id = world.add(cube().turned(turn).at(at).friction(friction).sleepless()).unwrap();
    (world, id, turn, at)
}

/// A friction of 0.5 holds on a slope of 0.499 and not on one of 0.501, on which 4 s are 0.07 of a unit.
#[test]
fn friction_holds_up_to_the_critical_angle_and_no_further() {
    let slid = |tangent: Fx| {
        let (mut world, id, _, start) = slope(tangent, Fx::HALF);
        steps(&mut world, 240);
        float(world.body(id).unwrap().position.distance(start))
    };
    let (held, slides) = (slid(ratio(499, 1_000)), slid(ratio(501, 1_000)));
    assert!(held < 0.01, "it slid by {held} on a slope that holds it");
    assert!(slides > 0.05, "it slid by {slides} on a slope that does not");
}

/// Down a slope it goes with g (sin − friction · cos), within 2 % of the way and 1/200 of a unit.
#[test]
fn what_slides_speeds_up_as_friction_lets_it() {
    for (tangent, friction) in [(ratio(51, 100), 50), (ratio(3, 5), 50), (ratio(2, 5), 0), (Fx::ONE, 30)] {
        let (mut world, id, turn, start) = slope(tangent, ratio(friction, 100));
        steps(&mut world, 120);
        let slid = float(world.body(id).unwrap().position.distance(start));
        let angle = float(turn.to_turns()) * TAU;
        let speeding = GRAVITY * (angle.sin() - f64::from(friction) / 100.0 * angle.cos());
        let expected = speeding * 2.0 * (1.0 + TICK / 8.0);
        assert!((slid - expected).abs() < 0.02 * expected + 0.005, "it slid by {slid} instead of {expected}");
    }
}

/// A disc that rolls down a slope without slipping does so with 2/3 g sin, within 2 %.
#[test]
fn a_disc_rolls_with_two_thirds() {
    let turn = Angle::atan2(ratio(3, 10), Fx::ONE);
    let mut world = earth();
    world.add(BodyDesc::rect(Vec2::from_ints(60, 1)).turned(turn).fixed()).unwrap();
    let start = Vec2::from_angle(turn + Angle::QUARTER, ratio(3, 2));
    let id = world.add(BodyDesc::circle(Fx::HALF).at(start).sleepless()).unwrap();
    steps(&mut world, 120);
    let body = world.body(id).unwrap();
    let expected = GRAVITY * (float(turn.to_turns()) * TAU).sin() * 2.0 / 3.0 * 2.0;
    let rolled = float(body.position.distance(start));
    assert!((rolled - expected).abs() < 0.02 * expected, "it rolled by {rolled} instead of {expected}");
    // It slips by no more than 1 %: the spin is the speed over the radius.
    let slip = float(body.spin.abs()) * 0.5 - float(body.velocity.length());
    assert!(slip.abs() < 0.01 * float(body.velocity.length()), "it slips with {slip}");
}

/// What falls from a height comes back to the height times the square of its restitution, within 4 %: a tick's worth
/// of gravity in its speed is 2 %.
#[test]
fn a_ball_bounces_as_high_as_its_restitution_says() {
    for percent in [50, 80, 100] {
        let mut world = earth();
        ground(&mut world);
        let ball =
            BodyDesc::circle(Fx::HALF).restitution(ratio(percent, 100)).at(Vec2::new(Fx::ZERO, ratio(9, 2)));
        let id = world.add(ball).unwrap();
        let (mut highest, mut bounced) = (0.0_f64, false);
        for _ in 0..140 {
            world.step();
            let body = world.body(id).unwrap();
            bounced |= body.velocity.y > Fx::ONE;
            if bounced {
                highest = highest.max(float(body.position.y) - 0.5);
            }
        }
        let expected = 4.0 * (f64::from(percent) / 100.0).powi(2);
        assert!((highest / expected - 1.0).abs() < 0.04, "{percent} %: {highest} instead of {expected}");
    }
}

fn pendulum(angle: f64, length: i32) -> (World, BodyId) {
    let mut world = earth();
    let hook = world.add(BodyDesc::circle(ratio(1, 4)).fixed()).unwrap();
    let turn = Angle((angle / TAU * 65_536.0) as u16) - Angle::QUARTER;
    let at = Vec2::from_angle(turn, Fx::from_int(length));
    let bob = BodyDesc::circle(ratio(1, 4)).at(at).lock_rotation().sleepless();
    let bob = world.add(bob).unwrap();
    world.join(JointDesc::new(hook, bob, JointKind::Rod { length: Fx::from_int(length) })).unwrap();
    (world, bob)
}

/// From level: its energy drifts by less than 1 % in 1,000 steps, and its rod by less than 1/100 of a unit.
#[test]
fn a_pendulum_keeps_its_energy() {
    let (mut world, bob) = pendulum(2.0 * FRAC_PI_4, 4);
    let energy = |world: &World| {
        let body = world.body(bob).unwrap();
        GRAVITY * (float(body.position.y) + 4.0)
            + (float(body.velocity.x).powi(2) + float(body.velocity.y).powi(2)) / 2.0
    };
    // Over a whole swing, so that what is lent within it does not count.
    let mean = |world: &mut World, ticks: u32| {
        let sum: f64 = (0..ticks)
            .map(|_| {
                world.step();
                let length = float(world.body(bob).unwrap().position.length());
                assert!((length - 4.0).abs() < 0.01, "the rod is {length} long");
                energy(world)
            })
            .sum();
        sum / f64::from(ticks)
    };
    let first = mean(&mut world, 281);
    mean(&mut world, 1_000 - 281);
    let last = mean(&mut world, 281);
    assert!((first / 40.0 - 1.0).abs() < 0.01, "{first}");
    assert!((last / first - 1.0).abs() < 0.01, "{first} became {last}");
}

/// T = 2π √(L/g) (1 + θ²/16), within half a percent over ten swings.
#[test]
fn a_pendulum_swings_in_its_time() {
    let (mut world, bob) = pendulum(0.2, 4);
    let (mut crossings, mut last) = (Vec::new(), 1.0);
    for tick in 0..3_000 {
        world.step();
        let x = float(world.body(bob).unwrap().position.x);
        if last > 0.0 && x <= 0.0 {
            crossings.push(f64::from(tick) + last / (last - x));
        }
        last = x;
    }
    let swings = 10;
    let period = (crossings[swings] - crossings[0]) * TICK / swings as f64;
    let expected = TAU * (4.0 / GRAVITY).sqrt() * (1.0 + 0.2 * 0.2 / 16.0);
    assert!((period / expected - 1.0).abs() < 0.005, "{period} instead of {expected}");
}

/// Balls in a row pass the speed of one on to the last, within 1 %; all others stop.
#[test]
fn a_cradle_passes_the_speed_on() {
    let mut world = open();
    let ball = BodyDesc::circle(Fx::HALF).restitution(Fx::ONE).friction(Fx::ZERO).sleepless();
    let at = |index: i32| Vec2::new(ratio(index * 12, 10), Fx::ZERO);
    let ids: Vec<_> = (0..5).map(|index| world.add(ball.at(at(index))).unwrap()).collect();
    let first = world.add(ball.at(Vec2::from_ints(-3, 0)).moving(Vec2::from_ints(4, 0))).unwrap();
    steps(&mut world, 90);
    let speed = |id: BodyId| float(world.body(id).unwrap().velocity.x);
    assert!((speed(ids[4]) - 4.0).abs() < 0.04, "the last one has {}", speed(ids[4]));
    for &id in ids[..4].iter().chain([&first]) {
        assert!(speed(id).abs() < 0.04, "one that should rest has {}", speed(id));
    }
}

/// Five balls on rods, a little more apart than one moves in a tick: the last one rises to 95 % of the height from
/// which the first one came, while those between them hang nearly still.
#[test]
fn a_hanging_cradle_swings_from_end_to_end() {
    let mut world = earth();
    let ball = BodyDesc::circle(Fx::HALF).restitution(Fx::ONE).friction(Fx::ZERO).lock_rotation().sleepless();
    let rod = JointKind::Rod { length: Fx::from_int(4) };
    let balls: Vec<_> = (0..5)
        .map(|index| {
            let top = Vec2::new(ratio(index * 112, 100), Fx::from_int(4));
            let hook = world.add(BodyDesc::circle(ratio(1, 8)).at(top).fixed().sensor()).unwrap();
            let lifted = if index == 0 { Angle(9_000) } else { Angle::ZERO };
            let at = top + Vec2::from_angle(-Angle::QUARTER - lifted, Fx::from_int(4));
            let id = world.add(ball.at(at)).unwrap();
            world.join(JointDesc::new(hook, id, rod)).unwrap();
            id
        })
        .collect();
    let height = |world: &World, index: usize| float(world.body(balls[index]).unwrap().position.y);
    let lifted = height(&world, 0);
    let mut highest = [0.0_f64; 5];
    // Until the last one is at its highest.
    for _ in 0..135 {
        world.step();
        for (index, highest) in highest.iter_mut().enumerate() {
            *highest = highest.max(height(&world, index));
        }
    }
    assert!(lifted > 1.0 && highest[4] > 0.95 * lifted, "{highest:?} of {lifted}");
    assert!(highest[1..4].iter().all(|&middle| middle < 0.02 * lifted), "{highest:?}");
}

/// Balls that touch when they are hit share the hit among them, as rigid bodies of which each pair meets once in a step
/// do: what they have together is the momentum of before, within 0.1 %, and no more energy; in the end each goes at
/// least as fast as the one behind it; none is ever in another by more than 1/50.
#[test]
fn a_cradle_of_balls_that_touch_shares_the_hit() {
    let mut world = open();
    let ball = BodyDesc::circle(Fx::HALF).restitution(Fx::ONE).friction(Fx::ZERO).sleepless();
    let hits = ball.at(Vec2::from_ints(-3, 0)).moving(Vec2::from_ints(4, 0));
    let mut ids = vec![world.add(hits).unwrap()];
    ids.extend((0..5).map(|index| world.add(ball.at(Vec2::from_ints(index, 0))).unwrap()));
    for tick in 0..150 {
        world.step();
        let bodies = ids.iter().map(|&id| world.body(id).unwrap());
        let (places, speeds): (Vec<f64>, Vec<f64>) =
            bodies.map(|body| (float(body.position.x), float(body.velocity.x))).unzip();
        let (momentum, twice): (f64, f64) =
            (speeds.iter().sum(), speeds.iter().map(|speed| speed * speed).sum());
        assert!((momentum - 4.0).abs() < 0.004 && twice < 16.016, "tick {tick}: {speeds:?}");
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] > 0.98), "tick {tick}: {places:?}");
        if tick == 149 {
            assert!(speeds.windows(2).all(|pair| pair[1] > pair[0] - 0.001), "{speeds:?}");
            assert!(speeds[5] > 1.0, "the last one goes: {speeds:?}");
        }
    }
}
