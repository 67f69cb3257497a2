//! What worlds tell: each beginning and each end once, the same after a rollback.

use std::collections::BTreeMap;

use super::scenes::{all, bytes_of, cube, earth, ground, open, ratio, steps};
use crate::{
    BodyDesc, ContactEvent, ContactPhase, Fx, JointDesc, JointKind, Shape, ShapeDesc, Vec2, World, decode,
};

pub(super) type Touching = BTreeMap<(crate::BodyId, crate::BodyId, u16, u16), bool>;

/// Follows who touches whom; panics if something begins or ends twice.
pub(super) fn follow(touching: &mut Touching, name: &str, tick: u32, events: &[ContactEvent]) {
    for event in events {
        assert!(event.a.index <= event.b.index, "{name} {tick}: {event:?}");
        let key = (event.a, event.b, event.shape_a, event.shape_b);
        let before = touching.insert(key, event.phase == ContactPhase::Began).unwrap_or(false);
        assert_eq!(before, event.phase == ContactPhase::Ended, "{name} {tick}: {event:?}");
    }
}

/// In every scene, with bodies and joints removed meanwhile: what begins ends before it begins again, and what is
/// there at the end touches in fact.
#[test]
fn everything_begins_and_ends_in_turns() {
    for (name, mut world) in all() {
        let mut touching = Touching::new();
        for tick in 0..400 {
            if tick % 40 == 39 {
                let id = world.bodies().map(|(id, _)| id).nth(tick as usize / 13);
                id.map(|id| world.remove(id));
            }
            world.step();
            follow(&mut touching, name, tick, world.events());
            for contact in world.contacts() {
                let key = (contact.a, contact.b, contact.shape_a, contact.shape_b);
                assert_eq!(touching.get(&key), Some(&true), "{name} {tick}: {contact:?} never began");
            }
        }
        assert!(touching.keys().all(|key| key.0.index <= key.1.index));
        let gone = touching.iter().filter(|(_, touches)| **touches);
        gone.for_each(|(key, _)| {
            assert!(world.contains(key.0) && world.contains(key.1), "{name}: {key:?} is gone and touches");
        });
    }
}

/// Whatever touches has begun to in this step, or is said to persist; a box on the ground does, until it falls asleep.
#[test]
fn what_goes_on_touching_persists() {
    for (name, mut world) in all() {
        for tick in 0..200 {
            world.step();
            let began = world.events().iter().filter(|event| event.phase == ContactPhase::Began);
            let began: Vec<_> = began.map(|it| (it.a, it.b, it.shape_a, it.shape_b)).collect();
            for contact in world.contacts() {
                let key = (contact.a, contact.b, contact.shape_a, contact.shape_b);
                assert_ne!(contact.persisted, began.contains(&key), "{name} {tick}: {contact:?}");
            }
        }
    }
    let mut world = earth();
    ground(&mut world);
    let id = world.add(cube().at(Vec2::new(Fx::ZERO, Fx::HALF))).unwrap();
    let mut persisted = 0;
    while !world.body(id).unwrap().asleep {
        world.step();
        persisted += world.contacts().iter().filter(|contact| contact.b == id && contact.persisted).count();
    }
    assert!((25..200).contains(&persisted), "{persisted}");
}

/// Every seven ticks the world goes back by eight, as a client does, through bytes or a copy: each tick tells the same
/// each time.
#[test]
fn a_rolled_back_tick_tells_the_same_again() {
    for (name, mut world) in all() {
        let (mut kept, mut told) = (Vec::new(), Vec::new());
        for tick in 0_usize..240 {
            kept.push(world.clone());
            world.step();
            told.push((world.events().to_vec(), world.contacts().to_vec()));
            if tick % 7 != 6 || tick < 8 {
                continue;
            }
            let from = tick - 8;
            world = if tick % 2 == 0 {
                kept[from].clone()
            } else {
                decode(&bytes_of(&kept[from])).expect("a world's own bytes")
            };
            for (again, (events, contacts)) in (from..).zip(&told[from..]) {
                assert!(world == kept[again], "{name}: tick {again} differs after a rollback");
                world.step();
                assert_eq!(
                    (world.events(), world.contacts()),
                    (&events[..], &contacts[..]),
                    "{name} {again}"
                );
            }
        }
    }
}

/// A push is told with its strength: mass times the change of speed, within 2 %.
#[test]
fn an_impact_tells_how_hard_it_was() {
    let mut world = open();
    world.add(BodyDesc::rect(Vec2::from_ints(1, 5)).at(Vec2::from_ints(6, 0)).fixed()).unwrap();
    let ball = BodyDesc::circle(Fx::HALF).mass(Fx::from_int(3)).restitution(Fx::HALF);
    world.add(ball.moving(Vec2::from_ints(8, 0))).unwrap();
    let mut impulses = Vec::new();
    for _ in 0..40 {
        world.step();
        impulses
            .extend(world.events().iter().map(|event| (event.phase, super::scenes::float(event.impulse))));
    }
    let [(ContactPhase::Began, impulse), (ContactPhase::Ended, _)] = impulses[..] else {
        panic!("{impulses:?}")
    };
    assert!((impulse - 36.0).abs() < 0.72, "{impulse}");
}

/// What rests is pushed with its weight for the length of a tick, within 5 %.
#[test]
fn a_resting_box_tells_its_weight() {
    let mut world = earth();
    ground(&mut world);
    world.add(cube().at(Vec2::new(Fx::ZERO, Fx::HALF)).mass(Fx::from_int(3)).sleepless()).unwrap();
    steps(&mut world, 120);
    let impulses: Vec<f64> =
        world.contacts().iter().map(|contact| super::scenes::float(contact.impulse)).collect();
    assert!(impulses.len() == 1 && (impulses[0] - 0.5).abs() < 0.025, "{impulses:?}");
}

/// Two shapes of a body touch the same ground: two contacts, told apart by their numbers, in order.
#[test]
fn shapes_of_a_body_are_told_apart() {
    let mut world = earth();
    let floor = ground(&mut world);
    let body = world.add(cube().at(Vec2::new(Fx::ZERO, ratio(11, 20)))).unwrap();
    let foot = ShapeDesc::new(Shape::Box { half: Vec2::splat(Fx::HALF) });
    let number = world.attach(body, foot.offset(Vec2::from_ints(2, 0), crate::Angle::ZERO)).unwrap();
    let mut began = Vec::new();
    for _ in 0..60 {
        world.step();
        began.extend(world.events().iter().map(|event| (event.a, event.b, event.shape_b, event.phase)));
    }
    let phase = ContactPhase::Began;
    assert_eq!(began, [(floor, body, 0, phase), (floor, body, number, phase)]);
}

/// Sensors meet sensors' bodies but push nothing; what is moved out of one by hand leaves it.
#[test]
fn a_body_that_is_moved_by_hand_leaves_a_sensor() {
    let mut world = open();
    let zone = world.add(BodyDesc::rect(Vec2::from_ints(2, 2)).fixed().sensor()).unwrap();
    let ball = world.add(BodyDesc::circle(Fx::HALF).sleepless()).unwrap();
    world.step();
    assert_eq!(world.events().iter().map(|event| event.phase).collect::<Vec<_>>(), [ContactPhase::Began]);
    assert!(world.set_position(ball, Vec2::from_ints(9, 0)));
    world.step();
    let ended = world.events().iter().map(|event| (event.a, event.b, event.sensor, event.phase));
    assert_eq!(ended.collect::<Vec<_>>(), [(zone, ball, true, ContactPhase::Ended)]);
    world.step();
    assert!(world.events().is_empty() && world.contacts().is_empty());
}

/// Bodies that hang on each other and rest fall asleep together, and wake together: an island is never half asleep.
#[test]
fn islands_sleep_and_wake_as_one() {
    let mut world = earth();
    ground(&mut world);
    let ids: Vec<_> = (0..5)
        .map(|level| world.add(cube().at(Vec2::new(Fx::ZERO, ratio(2 * level + 1, 2)))).unwrap())
        .collect();
    let hanging = world.add(cube().at(Vec2::from_ints(3, 1))).unwrap();
    world.join(JointDesc::new(ids[0], hanging, JointKind::Rope { length: Fx::from_int(4) })).unwrap();
    let asleep = |world: &World| {
        let count = world.bodies().filter(|(_, body)| body.asleep).count();
        assert!(count == 0 || count == 6, "{count} of six sleep");
        count == 6
    };
    let mut ticks = 0;
    while !asleep(&world) {
        world.step();
        ticks += 1;
        assert!(ticks < 600, "they never fall asleep");
    }
    let before = bytes_of(&world);
    steps(&mut world, 100);
    assert!(asleep(&world) && bytes_of(&world) == before, "what sleeps does not change");
    let shot = BodyDesc::circle(ratio(1, 4)).at(Vec2::from_ints(-5, 4)).moving(Vec2::from_ints(20, 0));
    let shot = world.add(shot.mass(Fx::from_int(4)).sleepless()).unwrap();
    let mut woke = false;
    for _ in 0..40 {
        world.step();
        woke |= ids.iter().all(|&id| !world.body(id).unwrap().asleep);
    }
    assert!(woke && world.contains(shot), "a shot wakes the stack");
}
