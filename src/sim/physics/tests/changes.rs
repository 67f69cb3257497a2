//! What the game changes of bodies, shapes and worlds that are there.

use super::events::{Touching, follow};
use super::scenes::{all, bytes_of, cube, earth, float, ground, open, pyramid, ratio, steps};
use crate::{
    Angle, Body, BodyDesc, BodyId, BodyKind, Combine, ContactPhase, Filter, Fx, JointDesc, JointKind, Locks,
    Material, Shape, ShapeDesc, Vec2, World, decode,
};

const BEGAN: ContactPhase = ContactPhase::Began;
const ENDED: ContactPhase = ContactPhase::Ended;

fn seen(world: &World, id: BodyId) -> Body {
    world.body(id).expect("nobody removed it")
}

/// What is told of a step: of whom, which shapes, what, and whether of a sensor.
fn told(world: &mut World) -> Vec<(BodyId, BodyId, [u16; 2], ContactPhase, bool)> {
    world.step();
    let told = world.events().iter();
    told.map(|it| (it.a, it.b, [it.shape_a, it.shape_b], it.phase, it.sensor)).collect()
}

/// A change of a body, and the description of a body that is so from the start.
type Change = (fn(&mut World, BodyId) -> bool, fn(BodyDesc) -> BodyDesc);

const CHANGES: [Change; 18] = [
    (|world, id| world.set_kind(id, BodyKind::Static), BodyDesc::fixed),
    (|world, id| world.set_kind(id, BodyKind::Kinematic), BodyDesc::kinematic),
    (|world, id| world.set_kind(id, BodyKind::Dynamic), |body| body),
    (|world, id| world.set_mass(id, Some(Fx::from_int(7))), |body| body.mass(Fx::from_int(7))),
    (|world, id| world.set_mass(id, Some(-Fx::ONE)), |body| body.mass(ratio(1, 128))),
    (|world, id| world.set_mass(id, None), |body| body),
    (|world, id| world.set_gravity_scale(id, Fx::HALF), |body| body.gravity_scale(Fx::HALF)),
    (|world, id| world.set_gravity_scale(id, Fx::MIN), |body| body.gravity_scale(Fx::from_int(-16))),
    (|world, id| world.set_damping(id, Fx::HALF), |body| body.damping(Fx::HALF)),
    (|world, id| world.set_damping(id, -Fx::ONE), |body| body.damping(Fx::ZERO)),
    (|world, id| world.set_spin_damping(id, Fx::MAX), |body| body.spin_damping(Fx::MAX)),
    (
        |world, id| world.set_locks(id, Locks { rotation: true, x: false, y: true }),
        |body| BodyDesc { lock_rotation: true, lock_y: true, ..body },
    ),
    (|world, id| world.set_bullet(id, true), BodyDesc::bullet),
    (|world, id| world.set_can_sleep(id, false), BodyDesc::sleepless),
    (|world, id| world.set_filter(id, only(2)), |body| body.mask(2)),
    (|world, id| world.set_shape_sensor(id, 0, true), BodyDesc::sensor),
    (|world, id| world.set_shape_density(id, 0, Fx::from_int(-4)), |body| body.density(Fx::ZERO)),
    (
        |world, id| world.set_shape_material(id, 0, Material { friction: Fx::MAX, ..ice() }),
        |body| body.friction(Fx::from_int(16)).restitution(Fx::ONE),
    ),
];

fn only(mask: u32) -> Filter {
    Filter { mask, ..Filter::ALL }
}

fn ice() -> Material {
    Material { friction: Fx::ZERO, restitution: Fx::from_int(9), ..Material::DEFAULT }
}

/// What was changed is as what was so from the start, to the byte, whether it was awake or not; and a body that is gone
/// is not changed.
#[test]
fn what_was_changed_is_as_if_it_had_always_been_so() {
    let body = BodyDesc::capsule(Fx::ONE, Fx::HALF).at(Vec2::from_ints(3, 4)).turned(Angle(777));
    for (index, (change, described)) in CHANGES.into_iter().enumerate() {
        let (mut changed, mut made) = (earth(), earth());
        let id = changed.add(body).unwrap();
        assert_eq!(made.add(described(body)).unwrap(), id);
        assert!(change(&mut changed, id), "{index}");
        assert_eq!(seen(&changed, id), seen(&made, id), "{index}");
        assert!(changed == made && bytes_of(&changed) == bytes_of(&made), "{index}");
        assert!(change(&mut changed, id) && changed == made, "{index}: once more changes nothing");
        steps(&mut changed, 20);
        steps(&mut made, 20);
        assert!(changed == made, "{index}");
        assert!(changed.remove(id));
        let before = bytes_of(&changed);
        assert!(!change(&mut changed, id) && bytes_of(&changed) == before, "{index}");
        assert!(!changed.detach(id, 1));
    }
}

/// What only dynamic bodies have is refused for others, and lost by those that are none any more.
#[test]
fn what_is_not_dynamic_has_no_mass_and_is_no_bullet() {
    let mut world = open();
    let id =
        world.add(cube().mass(Fx::from_int(9)).bullet().sleepless().moving(Vec2::from_ints(3, 0))).unwrap();
    assert!(world.set_kind(id, BodyKind::Kinematic));
    let body = seen(&world, id);
    assert_eq!((body.kind, body.mass, body.velocity), (BodyKind::Kinematic, Fx::ZERO, Vec2::from_ints(3, 0)));
    assert!(!body.bullet && body.can_sleep);
    assert!(
        !world.set_mass(id, Some(Fx::ONE)) && !world.set_bullet(id, true) && !world.set_can_sleep(id, false)
    );
    steps(&mut world, 30);
    assert!(float(seen(&world, id).position.x) > 2.9);
    assert!(world.set_kind(id, BodyKind::Static));
    assert_eq!(seen(&world, id).velocity, Vec2::ZERO);
    assert!(world.set_kind(id, BodyKind::Dynamic));
    assert_eq!((seen(&world, id).mass, seen(&world, id).bullet), (Fx::ONE, false));
    let again: World = decode(&bytes_of(&world)).expect("its own bytes");
    assert!(again == world);
}

/// What a body shows can be set again, and is the same then.
#[test]
fn a_body_shows_what_it_was_set_to() {
    for ticks_per_second in [1, 7, 30, 60, 128] {
        let desc = crate::WorldDesc { ticks_per_second, ..crate::WorldDesc::default() };
        for nth in 0..200 {
            let mut world = World::new(desc);
            let damping = Fx::from_bits(nth * nth * 211);
            let id =
                world.add(cube().damping(damping).spin_damping(Fx::MAX).gravity_scale(-Fx::ONE)).unwrap();
            let body = seen(&world, id);
            let off = float(damping.min(Fx::from_int(ticks_per_second.into()))) - float(body.damping);
            assert!((0.0..=f64::from(ticks_per_second) / 65_536.0).contains(&off), "{body:?} {off}");
            assert_eq!((body.gravity_scale, body.locks, body.can_sleep), (-Fx::ONE, Locks::default(), true));
            let before = bytes_of(&world);
            assert!(world.set_damping(id, body.damping) && world.set_spin_damping(id, body.spin_damping));
            assert!(bytes_of(&world) == before, "{ticks_per_second} {nth}");
        }
    }
}

/// A box on the ground becomes a part of it: its contact has ended, once, and what stands on it stands.
#[test]
fn a_box_that_becomes_static_holds_what_stands_on_it() {
    let mut world = earth();
    let floor = ground(&mut world);
    let ids = [1, 3].map(|y| world.add(cube().at(Vec2::new(Fx::ZERO, ratio(y, 2)))).unwrap());
    steps(&mut world, 120);
    assert!(ids.iter().all(|&id| seen(&world, id).asleep));
    assert!(world.set_kind(ids[0], BodyKind::Static) && !seen(&world, ids[1]).asleep);
    assert_eq!(told(&mut world), [(floor, ids[0], [0, 0], ENDED, false)]);
    assert!(world.remove(floor));
    for _ in 0..120 {
        assert_eq!(told(&mut world), []);
    }
    assert!((float(seen(&world, ids[1]).position.y) - 1.5).abs() < 0.01 && seen(&world, ids[1]).asleep);
    assert!(world.set_kind(ids[0], BodyKind::Dynamic));
    steps(&mut world, 60);
    assert!(float(seen(&world, ids[1]).position.y) < -3.0 && float(seen(&world, ids[0]).position.y) < -4.0);
}

/// What is at the border, or hangs on a joint, leaves nothing of that behind when it becomes static.
#[test]
fn what_becomes_static_pushes_nothing_any_more() {
    let mut world = World::new(crate::WorldDesc { gravity: Vec2::from_ints(0, -10), ..Default::default() });
    let id = world.add(cube().at(Vec2::from_ints(0, -15))).unwrap();
    let hook = world.add(cube().fixed().at(Vec2::from_ints(5, 5))).unwrap();
    let load = world.add(cube().at(Vec2::from_ints(5, 2)).sleepless()).unwrap();
    let rope = JointDesc::new(hook, load, JointKind::Rope { length: Fx::from_int(3) });
    let rope = world.join(rope).unwrap();
    steps(&mut world, 60);
    assert!(world.joint_impulse(rope).unwrap().0 != Vec2::ZERO && world.state().pairings.len() == 1);
    assert!(world.set_kind(id, BodyKind::Static) && world.set_kind(load, BodyKind::Static));
    assert_eq!((world.joint_impulse(rope), world.state().pairings.len()), (Some((Vec2::ZERO, Fx::ZERO)), 0));
    let (mut still, before) = (world.clone(), [id, load].map(|id| seen(&world, id)));
    steps(&mut still, 30);
    assert!(still == world && [id, load].map(|id| seen(&still, id)) == before);
    assert!(world.set_kind(load, BodyKind::Dynamic));
    steps(&mut world, 30);
    assert!((float(seen(&world, load).position.y) - 2.0).abs() < 0.02 && world.events().is_empty());
}

/// Contacts that were of a sensor, and are of something solid now, end as what they were before they begin as what they
/// are; and the other way round.
#[test]
fn a_sensor_that_becomes_solid_ends_and_begins() {
    let mut world = earth();
    let floor = ground(&mut world);
    let id = world.add(cube().at(Vec2::new(Fx::ZERO, Fx::HALF))).unwrap();
    let zone = world.add(cube().sensor().fixed().at(Vec2::new(ratio(1, 2), Fx::HALF))).unwrap();
    steps(&mut world, 120);
    assert!(seen(&world, id).asleep);
    assert!(world.set_shape_sensor(zone, 0, false) && !seen(&world, zone).sensor);
    assert_eq!(told(&mut world), [(id, zone, [0, 0], ENDED, true), (id, zone, [0, 0], BEGAN, false)]);
    steps(&mut world, 60);
    assert!(float(seen(&world, id).position.x) < -0.4, "it was pushed out");
    steps(&mut world, 120);
    assert!(seen(&world, id).asleep && world.set_shape_sensor(floor, 0, true));
    assert_eq!(told(&mut world), [(floor, id, [0, 0], ENDED, false), (floor, id, [0, 0], BEGAN, true)]);
    steps(&mut world, 60);
    assert!(float(seen(&world, id).position.y) < -3.0, "it fell through");
}

/// A foot that is taken off: what it touched has ended, once; the foot behind it goes on under its number, and stands
/// as it stood.
#[test]
fn a_shape_that_is_detached_touches_nothing_any_more() {
    let mut world = earth();
    let floor = ground(&mut world);
    let id = world.add(cube().at(Vec2::new(Fx::ZERO, Fx::HALF))).unwrap();
    let foot = ShapeDesc::new(Shape::Box { half: Vec2::splat(Fx::HALF) });
    for x in [-3, 3, 6] {
        world.attach(id, foot.offset(Vec2::from_ints(x, 0), Angle::ZERO)).unwrap();
    }
    steps(&mut world, 120);
    assert!(
        seen(&world, id).asleep && !world.detach(id, 0) && !world.detach(id, 4) && !world.detach(floor, 1)
    );
    let before = seen(&world, id);
    assert!(world.detach(id, 2) && world.shapes(id).count() == 3);
    assert!(seen(&world, id).position.distance(before.position) <= Fx::STEP && !seen(&world, id).asleep);
    let mut touching = Touching::from([0, 1, 2, 3].map(|sub| ((floor, id, 0, sub), true)));
    world.step();
    follow(&mut touching, "feet", 0, world.events());
    let left: Vec<_> = touching.iter().filter(|(_, touches)| **touches).map(|(key, _)| key.3).collect();
    assert_eq!(left, [0, 1, 2]);
    let events: Vec<_> = world.events().iter().map(|it| (it.shape_b, it.phase)).collect();
    assert_eq!(events, [(2, ENDED), (2, BEGAN), (3, ENDED)]);
    assert!(seen(&world, id).velocity.length() < ratio(1, 100), "it stands as it stood");
    steps(&mut world, 120);
    assert!(seen(&world, id).asleep && world.detach(id, 1) && world.detach(id, 1));
    let plain = told(&mut world).iter().filter(|event| event.3 == ENDED).count();
    assert_eq!((plain, world.shapes(id).count(), seen(&world, id).mass), (2, 1, Fx::ONE));
}

/// Attached and detached again, in any order: as it was, to the byte.
#[test]
fn what_is_detached_leaves_nothing_behind() {
    for kind in [BodyDesc::fixed, BodyDesc::kinematic, |body| body] as [fn(BodyDesc) -> BodyDesc; 3] {
        let mut world = open();
        let id = world.add(kind(cube().at(Vec2::from_ints(3, 1)).turned(Angle(12_345)))).unwrap();
        let before = bytes_of(&world);
        for nth in 1..5 {
            let part = ShapeDesc::new(Shape::Circle { radius: ratio(nth, 3) });
            world.attach(id, part.offset(Vec2::new(ratio(nth, 7), Fx::ONE), Angle::ZERO)).unwrap();
        }
        for nth in [2, 3, 1, 1] {
            assert!(world.detach(id, nth));
            let mut again: World = decode(&bytes_of(&world)).expect("its own bytes");
            let mut world = world.clone();
            steps(&mut world, 3);
            steps(&mut again, 3);
            assert!(world == again, "{nth}");
        }
        assert_eq!(bytes_of(&world), before);
    }
}

/// The filter, the material and the density of a shape that is not the first.
#[test]
fn further_shapes_are_changed_by_their_numbers() {
    let mut world = earth();
    let floor = ground(&mut world);
    let id = world.add(cube().at(Vec2::from_ints(0, 2)).lock_rotation()).unwrap();
    let foot = ShapeDesc::new(Shape::Box { half: Vec2::splat(Fx::HALF) });
    world.attach(id, foot.offset(Vec2::new(Fx::ZERO, ratio(-3, 2)), Angle::ZERO)).unwrap();
    steps(&mut world, 120);
    assert!(seen(&world, id).asleep);
    assert!(world.set_shape_density(id, 1, Fx::from_int(3)) && seen(&world, id).mass == Fx::from_int(4));
    assert!((float(seen(&world, id).centre.y) - 0.875).abs() < 0.01, "{:?}", seen(&world, id));
    assert!((float(seen(&world, id).position.y) - 2.0).abs() < 0.01, "{:?}", seen(&world, id));
    assert!(world.set_shape_filter(id, 1, only(2)));
    assert_eq!(told(&mut world), [(floor, id, [0, 1], ENDED, false)]);
    steps(&mut world, 60);
    assert!((float(seen(&world, id).position.y) - 0.5).abs() < 0.01, "{:?}", seen(&world, id));
    let parts: Vec<_> = world.shapes(id).collect();
    assert_eq!((parts[0].filter, parts[1].filter), (Filter::ALL, only(2)));
    assert!(!world.set_shape_filter(id, 2, Filter::ALL) && !world.set_shape_sensor(id, 9, true));
    assert!(!world.set_shape_density(id, 2, Fx::ONE) && !world.set_shape_material(id, u16::MAX, ice()));
}

/// A belt that starts, a floor that freezes, a platform that opens: what slept there does not sleep on.
#[test]
fn sleepers_notice_what_their_ground_is_made_of() {
    let sleeper = |turned: Angle, kind: BodyKind| {
        let mut world = earth();
        let plank = BodyDesc::rect(Vec2::from_ints(20, 1)).at(Vec2::from_ints(0, -1)).turned(turned);
        let plank = BodyDesc { kind, ..plank.friction(Fx::from_int(2)) };
        let plank = world.add(plank).unwrap();
        let up = Vec2::from_angle(turned, ratio(3, 2)).turned_left();
        let id = world.add(cube().at(Vec2::from_ints(0, -1) + up).turned(turned)).unwrap();
        steps(&mut world, 120);
        assert!(seen(&world, id).asleep);
        (world, plank, id)
    };
    let (mut world, plank, id) = sleeper(Angle::ZERO, BodyKind::Kinematic);
    let belt = Material { surface_speed: -Fx::from_int(2), friction_combine: Combine::Maximum, ..ice() };
    assert!(world.set_shape_material(plank, 0, Material { friction: Fx::ONE, ..belt }));
    steps(&mut world, 60);
    assert!((float(seen(&world, id).velocity.x) - 2.0).abs() < 0.05, "{:?}", seen(&world, id));
    let (mut world, plank, id) = sleeper(Angle(2_000), BodyKind::Static);
    let slick = Material { friction_combine: Combine::Minimum, restitution: Fx::ZERO, ..ice() };
    assert!(world.set_shape_material(plank, 0, slick));
    steps(&mut world, 60);
    assert!(float(seen(&world, id).velocity.length()) > 1.5, "{:?}", seen(&world, id));
}

/// Zones that a sleeper lies in without a word, until they are for it, or stand.
#[test]
fn sleepers_notice_zones_that_are_for_them_now() {
    let mut world = earth();
    let floor = ground(&mut world);
    let id = world.add(cube().at(Vec2::new(Fx::ZERO, Fx::HALF))).unwrap();
    let zone = world.add(cube().sensor().fixed().mask(2)).unwrap();
    steps(&mut world, 120);
    assert!(seen(&world, id).asleep && world.set_filter(zone, Filter::ALL));
    assert_eq!(told(&mut world), [(id, zone, [0, 0], BEGAN, true)]);
    steps(&mut world, 120);
    let other = world.add(cube().sensor().kinematic()).unwrap();
    assert!(seen(&world, id).asleep && world.set_kind(other, BodyKind::Static));
    assert_eq!(told(&mut world), [(id, other, [0, 0], BEGAN, true)]);
    assert!(world.set_kind(other, BodyKind::Kinematic) && world.set_filter(zone, only(2)));
    // A zone that moves is told of what stands as well.
    assert_eq!(told(&mut world), [(floor, other, [0, 0], BEGAN, true), (id, zone, [0, 0], ENDED, true)]);
    assert!(world.set_kind(other, BodyKind::Static));
    assert_eq!(told(&mut world), [(floor, other, [0, 0], ENDED, true)]);
}

/// Gravity that turns wakes all; a body of which it does not count any more stays where it is.
#[test]
fn gravity_is_changed() {
    let mut world = earth();
    ground(&mut world);
    let ids = [0, 3, 6].map(|x| world.add(cube().at(Vec2::new(Fx::from_int(x), Fx::HALF))).unwrap());
    steps(&mut world, 120);
    assert!(ids.iter().all(|&id| seen(&world, id).asleep));
    world.set_gravity(Vec2::from_ints(0, -10));
    assert!(ids.iter().all(|&id| seen(&world, id).asleep), "it is as it was");
    assert!(world.set_gravity_scale(ids[0], Fx::ZERO) && world.set_gravity_scale(ids[1], Fx::from_int(2)));
    world.set_gravity(Vec2::from_ints(0, 10));
    assert_eq!(world.desc().gravity, Vec2::from_ints(0, 10));
    steps(&mut world, 60);
    let speeds = ids.map(|id| float(seen(&world, id).velocity.y));
    assert!(speeds[0].abs() < 0.01 && (speeds[1] - 20.0).abs() < 0.4, "{speeds:?}");
    assert!((speeds[2] - 10.0).abs() < 0.2, "{speeds:?}");
}

/// A shot goes through a thin wall until it is a bullet; and a body that is to stay awake does.
#[test]
fn bullets_and_the_sleepless_are_made_of_what_is_there() {
    let shot = |bullet: bool| {
        let mut world = open();
        world
            .add(BodyDesc::rect(Vec2::new(ratio(1, 20), Fx::from_int(5))).at(Vec2::from_ints(9, 0)).fixed())
            .unwrap();
        let id = world.add(BodyDesc::circle(ratio(1, 20)).moving(Vec2::from_ints(200, 0))).unwrap();
        assert!(
            world.set_bullet(id, true) && world.set_bullet(id, bullet) && seen(&world, id).bullet == bullet
        );
        steps(&mut world, 10);
        float(seen(&world, id).position.x)
    };
    assert!(shot(false) > 20.0 && shot(true) < 9.0);
    let mut world = open();
    let id = world.add(cube()).unwrap();
    steps(&mut world, 60);
    assert!(seen(&world, id).asleep && world.set_can_sleep(id, false) && !seen(&world, id).asleep);
    steps(&mut world, 60);
    assert!(!seen(&world, id).asleep && world.set_can_sleep(id, true));
    steps(&mut world, 60);
    assert!(seen(&world, id).asleep);
}

/// What is locked while it turns and goes stops doing so.
#[test]
fn what_is_locked_stops() {
    let mut world = open();
    let id = world.add(cube().moving(Vec2::from_ints(3, 2)).spinning(Fx::ONE)).unwrap();
    assert!(world.set_locks(id, Locks { rotation: true, x: true, y: false }));
    assert_eq!((seen(&world, id).spin, world.set_spin(id, Fx::ONE)), (Fx::ZERO, false));
    steps(&mut world, 30);
    let body = seen(&world, id);
    assert!(body.position.x == Fx::ZERO && float(body.position.y) > 1.9 && body.angle == Angle::ZERO);
    assert!(world.set_locks(id, Locks::default()) && world.set_spin(id, Fx::ONE));
    world.apply_impulse_at(id, Vec2::from_ints(1, 0), body.position + Vec2::from_ints(0, 1));
    assert!(seen(&world, id).velocity.x == Fx::ONE && seen(&world, id).spin != Fx::ONE);
}

/// Everything is changed in every scene, again and again: what is told begins and ends in turns, and a world that is
/// written and read before and after each change comes to the same, to the byte.
#[test]
fn changed_worlds_go_on_the_same_after_they_were_read() {
    let meddle = |world: &mut World, tick: usize| {
        let ids: Vec<_> = world.bodies().map(|(id, _)| id).collect();
        let (change, _) = CHANGES[tick * 7 % CHANGES.len()];
        let id = ids[tick * 13 % ids.len()];
        change(world, id);
        match tick % 6 {
            0 => drop(world.set_kind(ids[tick * 5 % ids.len()], BodyKind::Dynamic)),
            1 => drop(world.attach(id, ShapeDesc::new(Shape::Circle { radius: ratio(1, 3) }))),
            2 => drop(world.detach(ids[tick * 11 % ids.len()], 1)),
            3 => drop(world.set_shape_sensor(id, 1, tick % 4 == 3)),
            4 => drop(world.set_filter(ids[tick * 3 % ids.len()], Filter::ALL)),
            _ => world.set_gravity(Vec2::from_ints(0, tick as i32 % 3 * 5 - 10)),
        }
    };
    for (name, mut world) in all() {
        let (mut restored, mut hashes) = (world.clone(), Vec::new());
        let mut touching = Touching::new();
        for tick in 0..240 {
            if tick % 2 == 0 {
                meddle(&mut world, tick);
            }
            world.step();
            follow(&mut touching, name, tick as u32, world.events());
            for contact in world.contacts() {
                let key = (contact.a, contact.b, contact.shape_a, contact.shape_b);
                assert_eq!(touching.get(&key), Some(&true), "{name} {tick}: {contact:?} never began");
            }
            hashes.push((super::scenes::hash_of(&world), world.events().to_vec()));
        }
        let again = |world: &World| decode(&bytes_of(world)).expect("a world's own bytes");
        for (tick, (hash, events)) in hashes.iter().enumerate() {
            restored = again(&restored);
            if tick % 2 == 0 {
                meddle(&mut restored, tick);
                restored = again(&restored);
            }
            restored.step();
            assert_eq!(super::scenes::hash_of(&restored), *hash, "{name} {tick}");
            assert_eq!(restored.events(), events, "{name} {tick}");
        }
    }
}

/// A heap that lies still, of which much is remembered from step to step: what is changed of one box now and then comes
/// to the same, to the byte, as where nothing can be remembered.
#[test]
fn a_heap_that_lies_still_notices_what_is_changed_of_it() {
    let mut heap = earth();
    ground(&mut heap);
    let ids = pyramid(&mut heap, 16);
    steps(&mut heap, 60);
    let change = |world: &mut World, nth: usize| {
        let id = ids[nth * 31 % ids.len()];
        let rough = Material { friction: ratio(2 + nth as i32 % 3, 5), ..Material::DEFAULT };
        let pebble = ShapeDesc::new(Shape::Circle { radius: ratio(1, 8) });
        let done = match nth % 9 {
            0 => world.set_shape_material(id, 0, rough),
            1 => world.set_shape_density(id, 0, ratio(5, 4)),
            2 => world.set_damping(id, Fx::HALF),
            3 => world.set_kind(id, BodyKind::Static),
            4 => world.attach(id, pebble.sensor()).is_ok(),
            5 => ids.iter().filter(|&&id| world.set_shape_sensor(id, 1, false)).count() > 0,
            6 => ids.iter().all(|&id| world.set_kind(id, BodyKind::Dynamic)),
            7 => ids.iter().filter(|&&id| world.detach(id, 1)).count() > 0,
            _ => world.set_gravity_scale(id, ratio(9, 10)),
        };
        assert!(done, "{nth}");
    };
    let run = |restored: bool| {
        let (mut world, mut ticks) = (heap.clone(), Vec::new());
        for tick in 0..240 {
            if tick % 6 == 0 {
                change(&mut world, tick / 6);
            }
            if restored {
                world = decode(&bytes_of(&world)).expect("its own bytes");
            }
            world.step();
            ticks.push((super::scenes::hash_of(&world), world.events().to_vec()));
        }
        (ticks, world)
    };
    let ((one, world), (other, _)) = (run(false), run(true));
    assert_eq!(one.iter().zip(&other).position(|(one, other)| one != other), None);
    let top = seen(&world, ids[ids.len() - 1]).position.y;
    assert!((float(top) - 15.5).abs() < 0.1, "it stands: {top}");
}
