//! What each feature does.

use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};

use super::scenes::ratio;
use crate::{Angle, BodyDesc, BodyId, Contact, Fx, Vec2, World, WorldDesc, WorldFull};

fn open() -> World {
    World::new(WorldDesc { walls: false, ..WorldDesc::default() })
}

fn steps(world: &mut World, ticks: u32) {
    (0..ticks).for_each(|_| world.step());
}

#[test]
fn equal_balls_swap_their_speeds() {
    let mut world = open();
    let ball = BodyDesc::circle(Fx::HALF).restitution(Fx::ONE);
    let left = world.add(ball.at(Vec2::from_ints(-2, 0)).moving(Vec2::from_ints(3, 0))).unwrap();
    let right = world.add(ball.at(Vec2::from_ints(2, 0))).unwrap();
    steps(&mut world, 60);
    assert!(world.body(left).unwrap().velocity.length() < ratio(1, 1_000));
    assert!(world.body(right).unwrap().velocity.distance(Vec2::from_ints(3, 0)) < ratio(1, 1_000));
}

#[test]
fn a_contact_tells_who_how_hard_and_where_to() {
    let mut world = open();
    let left =
        world.add(BodyDesc::circle(Fx::ONE).mass(Fx::from_int(2)).moving(Vec2::from_ints(3, 0))).unwrap();
    let right = world.add(BodyDesc::rect(Vec2::from_ints(1, 1)).at(Vec2::from_ints(2, 0))).unwrap();
    world.step();
    let [contact] = world.contacts() else { panic!("one contact: {:?}", world.contacts()) };
    assert_eq!((contact.a, contact.b, contact.sensor), (left, right, false));
    assert!(contact.normal.distance(Vec2::from_ints(1, 0)) < ratio(1, 10_000));
    assert!((contact.impulse - Fx::from_int(2)).abs() < ratio(1, 100), "{contact:?}");
    assert!((contact.depth - ratio(1, 10)).abs() < ratio(1, 100), "{contact:?}");
}

#[test]
fn sensors_report_and_do_not_push() {
    let mut world = open();
    let zone = world.add(BodyDesc::rect(Vec2::from_ints(1, 1)).fixed().sensor()).unwrap();
    let ball = world
        .add(BodyDesc::circle(Fx::HALF).at(Vec2::from_ints(-3, 0)).moving(Vec2::from_ints(6, 0)))
        .unwrap();
    let mut met = 0;
    for _ in 0..30 {
        world.step();
        met += world.contacts().len();
        assert!(
            world.contacts().iter().all(|contact| contact.sensor && (contact.a, contact.b) == (zone, ball))
        );
    }
    assert!((13..=17).contains(&met), "{met}");
    assert_eq!(world.body(ball).unwrap().velocity, Vec2::from_ints(6, 0));
}

#[test]
fn bodies_meet_only_if_both_masks_agree() {
    for (mask_a, mask_b, meets) in [(0b10, 0b01, true), (0b10, 0b10, false), (0, 0b01, false)] {
        let mut world = open();
        world.add(BodyDesc::circle(Fx::HALF).layer(0b01).mask(mask_a)).unwrap();
        world.add(BodyDesc::circle(Fx::HALF).layer(0b10).mask(mask_b)).unwrap();
        world.step();
        assert_eq!(!world.contacts().is_empty(), meets, "{mask_a:b} {mask_b:b}");
    }
}

#[test]
fn static_bodies_neither_move_nor_meet_each_other() {
    let mut world = World::new(WorldDesc { gravity: Vec2::from_ints(0, -10), ..WorldDesc::default() });
    let block = BodyDesc::rect(Vec2::from_ints(1, 1)).fixed();
    let id = world.add(block).unwrap();
    world.add(block).unwrap();
    world.add(BodyDesc::circle(Fx::ONE).at(Vec2::from_ints(0, 4)).mass(Fx::MAX)).unwrap();
    assert!(
        !world.apply_impulse(id, Vec2::from_ints(9, 9)) && !world.set_velocity(id, Vec2::from_ints(9, 9))
    );
    steps(&mut world, 60);
    assert_eq!(world.body(id).unwrap().position, Vec2::ZERO);
    assert!(world.contacts().iter().all(|contact| contact.b.index == 2));
}

#[test]
fn a_bullet_hits_what_a_slow_look_would_miss() {
    for (bullet, through) in [(true, false), (false, true)] {
        let mut world = open();
        world
            .add(BodyDesc::rect(Vec2::new(ratio(1, 100), Fx::from_int(5))).at(Vec2::from_ints(10, 0)).fixed())
            .unwrap();
        let shot = BodyDesc::circle(ratio(1, 10)).moving(Vec2::from_ints(250, 0)).restitution(Fx::ONE);
        let shot = world.add(if bullet { shot.bullet() } else { shot }).unwrap();
        steps(&mut world, 2);
        let body = world.body(shot).unwrap();
        assert_eq!(body.position.x > Fx::from_int(10), through, "{body:?}");
        assert_eq!(body.velocity.x > Fx::ZERO, through, "{body:?}");
    }
}

#[test]
fn walls_give_back_the_restitution() {
    let mut world = World::new(WorldDesc::default());
    let ball = BodyDesc::circle(Fx::HALF).restitution(Fx::HALF);
    let ball = world.add(ball.at(Vec2::from_ints(14, 0)).moving(Vec2::from_ints(8, 2))).unwrap();
    steps(&mut world, 30);
    assert_eq!(world.body(ball).unwrap().velocity, Vec2::from_ints(-4, 2));
}

#[test]
fn damping_takes_its_part_per_second() {
    let mut world = open();
    let ball = world.add(BodyDesc::circle(Fx::HALF).damping(Fx::ONE).moving(Vec2::from_ints(10, 0))).unwrap();
    steps(&mut world, 30);
    // (1 - 1/30)^30 of the speed is left.
    assert!((world.body(ball).unwrap().velocity.x - ratio(3_617, 1_000)).abs() < ratio(1, 100));
}

#[test]
fn ids_of_removed_bodies_name_nothing() {
    let mut world = World::new(WorldDesc { bodies_max: 2, ..WorldDesc::default() });
    let first = world.add(BodyDesc::circle(Fx::ONE)).unwrap();
    world.add(BodyDesc::circle(Fx::ONE)).unwrap();
    assert_eq!(world.add(BodyDesc::circle(Fx::ONE)), Err(WorldFull { bodies_max: 2 }));
    assert!(world.remove(first) && !world.remove(first) && !world.contains(first));
    let second = world.add(BodyDesc::circle(Fx::HALF).user(7)).unwrap();
    assert_eq!(second, BodyId { index: 0, generation: 1 });
    assert_eq!((world.body(first), world.body(second).map(|body| body.user)), (None, Some(7)));
    assert_eq!(BodyId::from_bits(second.to_bits()), second);
    assert_eq!((world.len(), world.bodies().count()), (2, 2));
}

#[test]
fn overlap_answers_by_index() {
    let mut world = open();
    let circle = world.add(BodyDesc::circle(Fx::ONE).at(Vec2::from_ints(3, 0))).unwrap();
    let square = world.add(BodyDesc::rect(Vec2::from_ints(1, 1)).at(Vec2::from_ints(0, 3)).layer(2)).unwrap();
    let ask = |x, y, radius, layers| {
        let mut found = Vec::new();
        world.overlap_circle(Vec2::from_ints(x, y), radius, layers, &mut found);
        found
    };
    assert_eq!(ask(0, 0, Fx::from_int(2), u16::MAX), [circle, square]);
    assert_eq!(ask(0, 0, Fx::from_int(2), 2), [square]);
    assert_eq!(ask(1, 4, Fx::ZERO, u16::MAX), [square]);
    assert_eq!(ask(2, 5, Fx::ONE, u16::MAX), []);
}

#[test]
fn a_clone_remembers_the_state_and_no_contacts() {
    let mut world = super::scenes::mixture();
    steps(&mut world, 5);
    let mut copy = World::new(WorldDesc::default());
    copy.step();
    copy.clone_from(&world);
    assert!(copy == world && copy == world.clone() && !world.contacts().is_empty());
    assert_eq!(copy.contacts(), [] as [Contact; 0]);
    steps(&mut copy, 50);
    steps(&mut world, 50);
    assert_eq!((copy.contacts(), &copy), (world.contacts(), &world));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The grid finds what looking at every pair finds.
    #[test]
    fn no_pair_is_missed(seed in any::<u64>(), count in 2_u16..80, sizes in 1_i32..40) {
        let mut rng = crate::Pcg32::new(seed, 1);
        let mut world = open();
        for _ in 0..count {
            let mut part = |range: u32| Fx::from_bits(rng.below(range << 16).cast_signed());
            let at = Vec2::new(part(16), part(16)) - Vec2::from_ints(8, 8);
            let half = Vec2::new(part(2), part(2)) * Fx::from_ratio(sizes, 20);
            let body = if half.x > half.y { BodyDesc::circle(half.x) } else { BodyDesc::rect(half) };
            world.add(body.at(at).sensor()).unwrap();
        }
        let bodies: Vec<_> = world.bodies().collect();
        world.step();
        let indices = |contact: &Contact| (contact.a.index, contact.b.index);
        let mut found: Vec<_> = world.contacts().iter().map(indices).collect();
        found.sort_unstable();
        let mut expected = Vec::new();
        for (a, one) in &bodies {
            for (b, other) in bodies.iter().filter(|(b, _)| b.index > a.index) {
                if super::scenes::touch_plainly(one, other) {
                    expected.push((a.index, b.index));
                }
            }
        }
        let lost = expected.len().min(usize::from(count) * 16 + 64);
        prop_assert_eq!(found.len(), lost);
        if lost == expected.len() {
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn turning_a_direction_back_gives_the_angle(turn in any::<u16>(), length in 1_i32..30_000) {
        let back = Vec2::from_angle(Angle(turn), Fx::from_int(length)).angle();
        prop_assert_eq!((back - Angle(turn)).0.cast_signed().abs() <= 1, true);
    }
}
