//! Every kind of joint against what it promises. Floats only measure.

use std::f64::consts::TAU;

use super::scenes::{cube, earth, float, open, ratio, steps};
use crate::{
    Angle, BodyDesc, BodyId, Fx, JointDesc, JointError, JointId, JointKind, Motor, Vec2, World, WorldDesc,
};

const GRAVITY: f64 = 10.0;

fn hook(world: &mut World, at: Vec2) -> BodyId {
    world.add(BodyDesc::circle(ratio(1, 4)).at(at).fixed()).unwrap()
}

/// A hook at the origin and a box of mass 1 at a place, joined at their origins.
fn joined(mut world: World, at: Vec2, kind: JointKind) -> (World, BodyId, JointId) {
    let hook = hook(&mut world, Vec2::ZERO);
    let id = world.add(cube().at(at).sleepless()).unwrap();
    let joint = world.join(JointDesc::new(hook, id, kind)).unwrap();
    (world, id, joint)
}

fn place(world: &World, id: BodyId) -> (f64, f64) {
    let at = world.body(id).unwrap().position;
    (float(at.x), float(at.y))
}

fn apart(world: &World) -> f64 {
    world.joints().map(|(_, _, a, b)| float(a.distance(b))).fold(0.0, f64::max)
}

/// A rod keeps its length within 1/100 of a unit, also when the box spins around at 10 units per second.
#[test]
fn a_rod_keeps_its_length() {
    let (mut world, id, _) =
        joined(open(), Vec2::from_ints(3, 0), JointKind::Rod { length: Fx::from_int(3) });
    assert!(world.set_velocity(id, Vec2::from_ints(0, 10)));
    for _ in 0..600 {
        world.step();
        let (x, y) = place(&world, id);
        assert!((x.hypot(y) - 3.0).abs() < 0.01, "{}", x.hypot(y));
    }
    let speed = float(world.body(id).unwrap().velocity.length());
    assert!((speed - 10.0).abs() < 0.2, "{speed}");
}

/// A rope lets fall freely until it is taut, and then gives way by 1/100 of a unit at most once it hangs still.
#[test]
fn a_rope_is_slack_until_it_is_taut() {
    let (mut world, id, _) =
        joined(earth(), Vec2::from_ints(0, -1), JointKind::Rope { length: Fx::from_int(3) });
    steps(&mut world, 30);
    let fallen = -1.0 - GRAVITY * 0.25 / 2.0;
    assert!((place(&world, id).1 - fallen).abs() < 0.03, "{:?}", place(&world, id));
    steps(&mut world, 570);
    assert!((place(&world, id).1 + 3.0).abs() < 0.01, "{:?}", place(&world, id));
}

/// A box on a spring hangs g / ω² below its length, within 1/100 of a unit, and swings with its frequency, within 2 %.
#[test]
fn a_spring_swings_with_its_frequency() {
    let kind = |damping_ratio| JointKind::Spring { length: Fx::from_int(2), hertz: Fx::ONE, damping_ratio };
    let (mut world, id, _) = joined(earth(), Vec2::from_ints(0, -2), kind(Fx::ONE));
    steps(&mut world, 600);
    let hangs = 2.0 + GRAVITY / (TAU * TAU);
    assert!((place(&world, id).1 + hangs).abs() < 0.01, "{:?}", place(&world, id));
    let (mut world, id, _) = joined(open(), Vec2::from_ints(0, -3), kind(Fx::ZERO));
    let (mut crossings, mut last) = (Vec::new(), -1.0);
    for tick in 0..300 {
        world.step();
        let y = place(&world, id).1 + 2.0;
        if last < 0.0 && y >= 0.0 {
            crossings.push(f64::from(tick) + last / (last - y));
        }
        last = y;
    }
    let hertz = 5.0 / (crossings[5] - crossings[0]) * 30.0;
    assert!((hertz - 1.0).abs() < 0.02, "{hertz}");
}

/// An arm on a hinge swings like a physical pendulum: T = 2π √((1/12 · (w² + h²) + d²) / (g d)), within 1 %; the
/// hinge stays together within 1/100 of a unit.
#[test]
fn a_hinge_swings_like_a_physical_pendulum() {
    let mut world = earth();
    let hook = hook(&mut world, Vec2::ZERO);
    let turn = Angle(1_800) - Angle::QUARTER;
    let arm = BodyDesc::rect(Vec2::new(Fx::ONE, ratio(1, 4))).turned(turn);
    let arm = world.add(arm.at(Vec2::from_angle(turn, Fx::ONE)).sleepless()).unwrap();
    let kind = JointKind::Revolute { limits: None, motor: None };
    world.join(JointDesc::new(hook, arm, kind).anchors(Vec2::ZERO, Vec2::from_ints(-1, 0))).unwrap();
    let (mut crossings, mut last) = (Vec::new(), 1.0);
    for tick in 0..2_000 {
        world.step();
        assert!(apart(&world) < 0.01, "the hinge is {} apart", apart(&world));
        let x = place(&world, arm).0;
        if last > 0.0 && x <= 0.0 {
            crossings.push(f64::from(tick) + last / (last - x));
        }
        last = x;
    }
    let period = (crossings[8] - crossings[0]) / 8.0 / 60.0;
    let amplitude = 1_800.0 / 65_536.0 * TAU;
    let small = TAU * (((4.0 + 0.25) / 12.0 + 1.0) / GRAVITY).sqrt();
    let expected = small * (1.0 + amplitude * amplitude / 16.0);
    assert!((period / expected - 1.0).abs() < 0.01, "{period} instead of {expected}");
}

/// A motor turns at its speed within 3 %, not beyond a limit (0.05 of a radian), and no harder than it may.
#[test]
fn a_motor_turns_up_to_its_limit() {
    let motor = |force_max| Some(Motor { speed: Fx::from_int(2), force_max });
    let revolute = |limits, motor| JointKind::Revolute { limits, motor };
    let mut world = open();
    let base = hook(&mut world, Vec2::ZERO);
    let arm = BodyDesc::rect(Vec2::new(Fx::ONE, ratio(1, 4))).at(Vec2::from_ints(1, 0));
    let arm = world.add(arm).unwrap();
    let limits = Some((-Fx::ONE, Fx::ONE));
    let desc = JointDesc::new(base, arm, revolute(limits, motor(Fx::from_int(20))));
    let joint = world.join(desc.anchors(Vec2::ZERO, Vec2::from_ints(-1, 0))).unwrap();
    steps(&mut world, 10);
    assert!((float(world.body(arm).unwrap().spin) - 2.0).abs() < 0.06, "{:?}", world.body(arm));
    steps(&mut world, 60);
    let angle = |world: &World| float(world.body(arm).unwrap().angle.to_turns()) * TAU;
    assert!((angle(&world) - 1.0).abs() < 0.05, "{}", angle(&world));
    // Torque over moment of inertia: 1 / (mass (4 + 1/4) / 12 + mass), the mass being 1.
    assert!(world.set_joint(joint, revolute(None, motor(Fx::ONE))) && world.set_spin(arm, Fx::ZERO));
    assert!(world.set_velocity(arm, Vec2::ZERO));
    steps(&mut world, 30);
    let spin = float(world.body(arm).unwrap().spin);
    let expected = 1.0 / (1.0 * (4.25 / 12.0 + 1.0));
    assert!((spin / expected - 1.0).abs() < 0.03, "{spin} instead of {expected}");
}

/// A slider goes along its line only (1/100 of a unit off), does not turn (1/100 of a radian), stops at its limits
/// and is driven by its motor.
#[test]
fn a_slider_keeps_to_its_line() {
    let axis = Vec2::from_ints(4, -3);
    let kind = |limits, motor| JointKind::Prismatic { axis, limits, motor };
    let (mut world, id, joint) = joined(earth(), Vec2::ZERO, kind(None, None));
    assert!(world.set_spin(id, Fx::from_int(5)));
    for _ in 0..60 {
        world.step();
        let (x, y) = place(&world, id);
        let (off, body) = ((3.0 * x + 4.0 * y) / 5.0, world.body(id).unwrap());
        assert!(off.abs() < 0.01 && body.angle.0.cast_signed().abs() < 100, "{off} {body:?}");
    }
    // Down the line with g sin: 10 · 0.6 · t² / 2.
    let (x, y) = place(&world, id);
    assert!((x.hypot(y) - 3.0).abs() < 0.06, "{}", x.hypot(y));
    assert!(world.set_joint(joint, kind(Some((-Fx::ONE, Fx::from_int(5))), None)));
    steps(&mut world, 120);
    let (x, y) = place(&world, id);
    assert!((x.hypot(y) - 5.0).abs() < 0.02, "{}", x.hypot(y));
    let up = Some(Motor { speed: Fx::from_int(-1), force_max: Fx::from_int(100) });
    assert!(world.set_joint(joint, kind(None, up)));
    steps(&mut world, 60);
    let speed = float(world.body(id).unwrap().velocity.length());
    assert!((speed - 1.0).abs() < 0.02 && world.body(id).unwrap().velocity.y > Fx::ZERO, "{speed}");
}

/// Three boxes welded to a wall carry their weight: they bend by less than 1/20 of a unit.
#[test]
fn welds_make_one_of_many() {
    let mut world = earth();
    let mut last = hook(&mut world, Vec2::ZERO);
    let mut ids = Vec::new();
    for x in 1..=3 {
        let id = world.add(cube().at(Vec2::from_ints(x, 0)).sleepless()).unwrap();
        let anchor = if x == 1 { Vec2::ZERO } else { Vec2::new(Fx::HALF, Fx::ZERO) };
        let back = if x == 1 { Vec2::from_ints(-1, 0) } else { Vec2::new(-Fx::HALF, Fx::ZERO) };
        world.join(JointDesc::new(last, id, JointKind::Weld).anchors(anchor, back)).unwrap();
        (last, _) = (id, ids.push(id));
    }
    steps(&mut world, 600);
    for (x, &id) in (1..).zip(&ids) {
        let (at, angle) = (place(&world, id), world.body(id).unwrap().angle);
        assert!((at.0 - f64::from(x)).abs() < 0.05 && at.1.abs() < 0.05, "{at:?}");
        assert!(f64::from(angle.0.cast_signed()).abs() / 65_536.0 * TAU < 0.05, "{angle:?}");
    }
}

/// A mouse joint brings a body to its target within 1/100 of a unit, and no harder than it may.
#[test]
fn a_mouse_pulls_to_its_target() {
    let kind = |force_max| JointKind::Mouse {
        target: Vec2::from_ints(4, 3),
        hertz: Fx::from_int(2),
        damping_ratio: Fx::ONE,
        force_max,
    };
    let (mut world, id, joint) = joined(open(), Vec2::from_ints(-4, 0), kind(Fx::from_int(1_000)));
    steps(&mut world, 120);
    let (x, y) = place(&world, id);
    assert!((x - 4.0).abs() < 0.01 && (y - 3.0).abs() < 0.01, "{x} {y}");
    assert!(world.set_position(id, Vec2::from_ints(-4, 3)) && world.set_velocity(id, Vec2::ZERO));
    assert!(world.set_joint(joint, kind(Fx::from_int(2))));
    steps(&mut world, 30);
    let speed = float(world.body(id).unwrap().velocity.length());
    assert!((speed - 2.0).abs() < 0.05, "a force of 2 on a mass of 1 gave {speed} in a second");
}

/// Swung from level, no joint of forty comes apart by a tenth of a link; at rest the chain hangs straight down, longer
/// by 1 % at most.
#[test]
fn a_chain_of_forty_hangs_together() {
    let mut world = earth();
    let top = Vec2::from_ints(0, 30);
    let mut last = hook(&mut world, top);
    let link = BodyDesc::rect(Vec2::new(Fx::HALF, ratio(1, 8))).damping(Fx::ONE).spin_damping(Fx::ONE);
    for index in 0..40 {
        let id = world.add(link.at(Vec2::new(ratio(2 * index + 1, 2), Fx::from_int(30)))).unwrap();
        let from = if index == 0 { Vec2::ZERO } else { Vec2::new(Fx::HALF, Fx::ZERO) };
        let kind = JointKind::Revolute { limits: None, motor: None };
        world.join(JointDesc::new(last, id, kind).anchors(from, Vec2::new(-Fx::HALF, Fx::ZERO))).unwrap();
        last = id;
    }
    let mut gap: f64 = 0.0;
    for _ in 0..600 {
        world.step();
        gap = gap.max(apart(&world));
    }
    assert!(gap < 0.1, "a joint came apart by {gap}");
    steps(&mut world, 3_000);
    let (x, y) = place(&world, last);
    assert!(x.abs() < 0.5 && (y + 9.5).abs() < 0.4, "{x} {y}");
}

#[test]
fn bad_joints_say_why() {
    let mut world = open();
    let (one, other) = (hook(&mut world, Vec2::ZERO), world.add(cube()).unwrap());
    let mut refused = |kind: JointKind| world.join(JointDesc::new(one, other, kind)).unwrap_err();
    let motor = Some(Motor { speed: Fx::ONE, force_max: -Fx::ONE });
    assert_eq!(refused(JointKind::Rod { length: Fx::ZERO }), JointError::OutOfRange("length"));
    assert_eq!(refused(JointKind::Rope { length: -Fx::ONE }), JointError::OutOfRange("length"));
    let limits = Some((Fx::ONE, -Fx::ONE));
    assert_eq!(refused(JointKind::Revolute { limits, motor: None }), JointError::OutOfRange("limits"));
    assert_eq!(refused(JointKind::Revolute { limits: None, motor }), JointError::OutOfRange("force_max"));
    let no_axis = JointKind::Prismatic { axis: Vec2::ZERO, limits: None, motor: None };
    assert_eq!(refused(no_axis), JointError::OutOfRange("axis"));
    let far = JointDesc::new(one, other, JointKind::Weld).anchors(Vec2::from_ints(5_000, 0), Vec2::ZERO);
    assert_eq!(world.join(far), Err(JointError::OutOfRange("anchor")));
    assert_eq!(world.join(JointDesc::new(one, one, JointKind::Weld)), Err(JointError::SameBody));
    let joint = world.join(JointDesc::new(one, other, JointKind::Weld)).unwrap();
    assert!(world.remove(other) && world.joint(joint).is_none() && !world.unjoin(joint));
    assert_eq!(world.join(JointDesc::new(one, other, JointKind::Weld)), Err(JointError::NoBody(other)));
}

/// A motor of speed 0 is a brake: a box on a rail and an arm on a hinge stay where they are for a minute.
#[test]
fn a_brake_does_not_creep() {
    for ticks in [30, 60] {
        let desc = WorldDesc { sleep: false, ticks_per_second: ticks, ..*earth().desc() };
        let mut world = World::new(desc);
        let motor = Some(Motor { speed: Fx::ZERO, force_max: Fx::from_int(1_000) });
        let rail = hook(&mut world, Vec2::ZERO);
        let slider = world.add(cube()).unwrap();
        let kind = JointKind::Prismatic { axis: Vec2::from_ints(0, 1), limits: None, motor };
        world.join(JointDesc::new(rail, slider, kind)).unwrap();
        let hinge = hook(&mut world, Vec2::from_ints(9, 0));
        let arm = BodyDesc::rect(Vec2::new(Fx::ONE, ratio(1, 4)));
        let arm = world.add(arm.at(Vec2::from_ints(10, 0))).unwrap();
        let kind = JointKind::Revolute { limits: None, motor };
        world.join(JointDesc::new(hinge, arm, kind).anchors(Vec2::ZERO, Vec2::from_ints(-1, 0))).unwrap();
        steps(&mut world, 60 * u32::from(ticks));
        let (slider, arm) = (place(&world, slider), place(&world, arm));
        assert!(slider.1.abs() < 0.01 && arm.1.abs() < 0.01, "{ticks}: {slider:?} {arm:?}");
    }
}

/// A world whose joint is gone goes on to the bit as one that had none.
#[test]
fn a_joint_that_is_gone_leaves_nothing() {
    let [never, once] = [false, true].map(|once| {
        let mut world = earth();
        super::scenes::ground(&mut world);
        super::scenes::pyramid(&mut world, 6);
        if once {
            let ids = [40, 43].map(|x| hook(&mut world, Vec2::from_ints(x, 40)));
            let joint = world.join(JointDesc::new(ids[0], ids[1], JointKind::Weld)).unwrap();
            steps(&mut world.clone(), 1);
            assert!(world.unjoin(joint) && ids.into_iter().all(|id| world.remove(id)));
        }
        steps(&mut world, 120);
        world.bodies().collect::<Vec<_>>()
    });
    assert!(never == once);
}

/// A joint tells how hard it holds what hangs on it: a rope the weight, a weld the weight and its lever, a brake the
/// lever alone around it, each within 1 %; also in a world that was read from bytes, and from either side.
#[test]
fn a_joint_tells_how_hard_it_holds() {
    let weight = GRAVITY / 60.0 * 2.0;
    let brake = Some(Motor { speed: Fx::ZERO, force_max: Fx::from_int(1_000) });
    let kinds = [
        (JointKind::Rope { length: Fx::from_int(3) }, Vec2::ZERO, 0.0),
        (JointKind::Weld, Vec2::from_ints(-2, 0), -2.0 * weight),
        (JointKind::Revolute { limits: None, motor: brake }, Vec2::from_ints(-2, 0), -2.0 * weight),
        (
            JointKind::Revolute { limits: Some((Fx::ZERO, Fx::ONE)), motor: None },
            Vec2::from_ints(-2, 0),
            -2.0 * weight,
        ),
    ];
    for ((kind, anchor, lever), turned) in kinds.into_iter().flat_map(|kind| [(kind, false), (kind, true)]) {
        // The limits are those of the second body.
        let turned = turned && !matches!(kind, JointKind::Revolute { motor: None, .. });
        let mut world = earth();
        let hook = hook(&mut world, Vec2::ZERO);
        let at = if anchor == Vec2::ZERO { Vec2::from_ints(0, -3) } else { -anchor };
        let load = world.add(cube().mass(Fx::from_int(2)).at(at).sleepless()).unwrap();
        let joint = JointDesc::new(hook, load, kind).anchors(Vec2::ZERO, anchor);
        let other = JointDesc::new(load, hook, kind).anchors(anchor, Vec2::ZERO);
        let joint = world.join(if turned { other } else { joint }).unwrap();
        steps(&mut world, 600);
        let restored: World = crate::decode(&super::scenes::bytes_of(&world)).unwrap();
        let (impulse, around) = world.joint_impulse(joint).unwrap();
        assert_eq!(restored.joint_impulse(joint), Some((impulse, around)));
        let sign = if turned { -1.0 } else { 1.0 };
        let (x, y, around) = (float(impulse.x), sign * float(impulse.y), sign * float(around));
        assert!(x.abs() < 0.003 && (y / weight - 1.0).abs() < 0.01, "{kind:?} {turned}: {impulse:?}");
        assert!((around + lever).abs() < 0.01 * weight, "{kind:?} {turned}: {around} instead of {lever}");
        let bodies = if turned { (load, hook) } else { (hook, load) };
        assert_eq!(world.joint_bodies(joint), Some(bodies));
        assert!(world.unjoin(joint));
        assert!(world.joint_impulse(joint).is_none() && world.joint_bodies(joint).is_none());
    }
}

/// The first body of a mouse joint is of no meaning: a box that is dragged down, with the ground as that body, stays on
/// the ground.
#[test]
fn what_a_mouse_drags_meets_everything() {
    let mut world = earth();
    let floor = super::scenes::ground(&mut world);
    let id = world.add(cube().at(Vec2::from_ints(0, 2))).unwrap();
    let target = Vec2::from_ints(3, -4);
    let hertz = Fx::from_int(2);
    let kind = JointKind::Mouse { target, hertz, damping_ratio: Fx::ONE, force_max: Fx::from_int(40) };
    world.join(JointDesc::new(floor, id, kind)).unwrap();
    for _ in 0..300 {
        world.step();
        assert!(place(&world, id).1 > 0.4, "{:?}", place(&world, id));
    }
    assert!((place(&world, id).0 - 3.0).abs() < 1.0, "{:?}", place(&world, id));
}
