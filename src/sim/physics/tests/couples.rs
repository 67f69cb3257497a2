//! Pushes that nothing else is near are solved eight at once: nobody can tell, whatever their bodies do besides.

use crate::{BodyDesc, BodyId, Fx, JointDesc, JointKind, Pcg32, Vec2, World, WorldDesc};

const DISCS: u32 = 240;

/// Discs of three masses, some of which stand still, and squares that are turned, which move as fast as is told. With a
/// joint of two that meet nothing, all pushes are solved one after the other.
fn discs(speed: i32, joint: bool) -> (World, Vec<BodyId>) {
    let mut world = World::new(WorldDesc {
        half_extent: Vec2::splat(Fx::from_int(60)),
        ticks_per_second: 30,
        substeps: 3,
        sleep: false,
        ..WorldDesc::default()
    });
    let mut rng = Pcg32::new(9, speed.unsigned_abs().into());
    let mut some = |most: i32| {
        Fx::from_bits(rng.below((2 * most.unsigned_abs()) << 16).cast_signed()) - Fx::from_int(most)
    };
    let ids = (0..DISCS).map(|number| {
        let rotor = BodyDesc::rect(Vec2::splat(Fx::ONE)).kinematic().spinning(Fx::from_int(2));
        let disc = BodyDesc::circle(Fx::ONE).lock_rotation();
        let body = if number % 20 == 10 { rotor } else { disc };
        let body = body.friction(Fx::ZERO).restitution(Fx::from_ratio(3, 4));
        let body = body.at(Vec2::new(some(25), some(25))).moving(Vec2::new(some(speed), some(speed)));
        let body = body.mass(Fx::from_int([1, 2, 20][number as usize % 3]));
        let body = if number % 20 == 0 { body.fixed() } else { body };
        world.add(body).expect("there is room")
    });
    let ids = ids.collect();
    if joint {
        let end = |x: i32| BodyDesc::circle(Fx::HALF).at(Vec2::from_ints(x, 55)).mask(0);
        let (one, other) = (world.add(end(-2)).expect("room"), world.add(end(2)).expect("room"));
        let weld = JointDesc::new(one, other, JointKind::Weld)
            .anchors(Vec2::from_ints(2, 0), Vec2::from_ints(-2, 0));
        let weld = weld.colliding();
        world.join(weld).expect("both are there");
    }
    (world, ids)
}

#[test]
fn couples_are_solved_as_if_one_after_the_other() {
    for speed in [3, 40, 110, 900] {
        let ((mut together, ids), (mut single, _)) = (discs(speed, false), discs(speed, true));
        let mut contacts = 0;
        for tick in 0..60 {
            together.step();
            single.step();
            contacts += together.contacts().len();
            for &id in &ids {
                assert_eq!(together.body(id), single.body(id), "tick {tick} at {speed}");
            }
            assert_eq!(together.contacts().len(), single.contacts().len(), "tick {tick} at {speed}");
            for (one, other) in together.contacts().iter().zip(single.contacts()) {
                assert_eq!(one, other, "tick {tick} at {speed}");
            }
        }
        assert!(contacts > 300, "{contacts} contacts at {speed}");
    }
}
