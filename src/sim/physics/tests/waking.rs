//! What sleeps wakes when what holds it goes, moves or comes.

use super::scenes::{cube, earth, float, ground, open, ratio, steps};
use crate::{Angle, BodyDesc, BodyId, ContactPhase, Fx, JointDesc, JointKind, Shape, ShapeDesc, Vec2, World};

fn asleep(world: &World, id: BodyId) -> bool {
    world.body(id).unwrap().asleep
}

fn height(world: &World, id: BodyId) -> f64 {
    float(world.body(id).unwrap().position.y)
}

/// A box that hangs asleep on a rope of 3 from a body at the origin.
fn hanging(holder: BodyDesc) -> (World, BodyId, BodyId) {
    let mut world = earth();
    let holder = world.add(holder).unwrap();
    let id = world.add(cube().at(Vec2::from_ints(0, -3))).unwrap();
    world.join(JointDesc::new(holder, id, JointKind::Rope { length: Fx::from_int(3) })).unwrap();
    steps(&mut world, 300);
    assert!(asleep(&world, id), "it hangs still");
    (world, holder, id)
}

fn hook() -> BodyDesc {
    BodyDesc::circle(ratio(1, 4)).fixed()
}

#[test]
fn what_hangs_on_a_hook_falls_when_the_hook_is_removed() {
    let (mut world, hook, id) = hanging(hook());
    assert!(world.remove(hook));
    steps(&mut world, 60);
    assert!(height(&world, id) < -7.0, "it is at {}", height(&world, id));
}

#[test]
fn what_hangs_on_a_rope_falls_when_the_rope_is_cut_and_follows_when_it_is_shortened() {
    let (mut world, _, id) = hanging(hook());
    let rope = world.joints().next().unwrap().0;
    assert!(world.set_joint(rope, JointKind::Rope { length: Fx::from_int(2) }));
    steps(&mut world, 60);
    assert!(height(&world, id) > -2.2, "it is at {}", height(&world, id));
    steps(&mut world, 300);
    assert!(asleep(&world, id) && world.unjoin(rope));
    steps(&mut world, 60);
    assert!(height(&world, id) < -6.0, "it is at {}", height(&world, id));
}

/// It follows, and does not fall asleep while the lift goes on.
#[test]
fn what_hangs_on_a_lift_goes_with_it() {
    let (mut world, lift, id) = hanging(BodyDesc::circle(ratio(1, 4)).kinematic());
    assert!(world.set_velocity(lift, Vec2::new(Fx::ZERO, ratio(1, 32))));
    for _ in 0..600 {
        world.step();
        assert!(!asleep(&world, id), "it sleeps on a lift that goes");
    }
    let rope = height(&world, lift) - height(&world, id);
    assert!((rope - 3.0).abs() < 0.02, "the rope is {rope} long");
}

#[test]
fn what_hangs_on_an_anchor_follows_where_it_is_put_and_turned() {
    let (mut world, hook, id) = hanging(hook());
    assert!(world.set_position(hook, Vec2::from_ints(0, 1)));
    steps(&mut world, 120);
    assert!((height(&world, id) + 2.0).abs() < 0.1, "it is at {}", height(&world, id));
    let mut world = earth();
    let arm = world.add(hook_arm()).unwrap();
    let id = world.add(cube().at(Vec2::from_ints(2, -3))).unwrap();
    let rope = JointDesc::new(arm, id, JointKind::Rope { length: Fx::from_int(3) });
    world.join(rope.anchors(Vec2::from_ints(2, 0), Vec2::ZERO)).unwrap();
    steps(&mut world, 300);
    assert!(asleep(&world, id) && world.set_angle(arm, Angle::QUARTER));
    steps(&mut world, 1);
    assert!(!asleep(&world, id), "its anchor went away");
}

fn hook_arm() -> BodyDesc {
    BodyDesc::rect(Vec2::new(Fx::from_int(2), ratio(1, 4))).fixed()
}

/// A world with a box asleep on the ground, at (0, 1/2).
fn sleeper() -> (World, BodyId) {
    let mut world = earth();
    ground(&mut world);
    let id = world.add(cube().at(Vec2::new(Fx::ZERO, Fx::HALF))).unwrap();
    steps(&mut world, 120);
    assert!(asleep(&world, id));
    (world, id)
}

fn began(world: &mut World, a: BodyId, b: BodyId) -> usize {
    world.step();
    let told = world.events().iter().filter(|event| event.phase == ContactPhase::Began);
    told.filter(|event| [event.a, event.b] == [a.min(b), a.max(b)]).count()
}

/// Each beginning and each end is told once, whether a zone is put in, moved there or gets a further shape.
#[test]
fn a_static_zone_that_comes_to_a_sleeper_tells_so() {
    let zone = BodyDesc::rect(Vec2::splat(Fx::ONE)).fixed().sensor();
    let (mut world, id) = sleeper();
    let added = world.add(zone).unwrap();
    assert_eq!(began(&mut world, id, added), 1, "it was put in");
    steps(&mut world, 120);
    assert!(asleep(&world, id) && world.events().is_empty());
    let moved = world.add(zone.at(Vec2::from_ints(5, 5))).unwrap();
    assert!(asleep(&world, id), "a zone far away wakes nobody");
    assert!(world.set_position(moved, Vec2::ZERO));
    assert_eq!(began(&mut world, id, moved), 1, "it was moved there");
    steps(&mut world, 120);
    let grown = world.add(zone.at(Vec2::from_ints(5, 0))).unwrap();
    assert!(asleep(&world, id));
    let part = ShapeDesc::new(Shape::Circle { radius: Fx::ONE }).sensor();
    world.attach(grown, part.offset(Vec2::from_ints(-5, 0), Angle::ZERO)).unwrap();
    assert_eq!(began(&mut world, id, grown), 1, "it got a further shape");
    steps(&mut world, 120);
    let turned = world.add(BodyDesc::rect(Vec2::new(ratio(1, 4), Fx::from_int(4))).sensor().fixed());
    let turned = turned.map(|bar| (bar, world.set_position(bar, Vec2::from_ints(3, 0)))).unwrap().0;
    steps(&mut world, 120);
    assert!(asleep(&world, id) && world.set_angle(turned, Angle::QUARTER));
    assert_eq!(began(&mut world, id, turned), 1, "it was turned there");
}

#[test]
fn a_wall_that_is_put_into_a_sleeper_pushes_it_out() {
    let mut world = open();
    let id = world.add(cube()).unwrap();
    steps(&mut world, 60);
    assert!(asleep(&world, id));
    let wall = world.add(cube().fixed().at(Vec2::new(ratio(3, 4), Fx::ZERO))).unwrap();
    assert_eq!(began(&mut world, id, wall), 1);
    steps(&mut world, 120);
    assert!(float(world.body(id).unwrap().position.x) < -0.2, "{:?}", world.body(id));
}
