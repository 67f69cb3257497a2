//! What is known of bodies that rest is no part of the state: a world that remembers it goes on like one that does not.

use super::scenes::{bytes_of, kick, ratio, ruins};
use crate::{Angle, BodyDesc, BodyId, Filter, Fx, Pcg32, Shape, ShapeDesc, Vec2, World, decode};

/// One of all the changes that a game may make to a body.
fn change(world: &mut World, rng: &mut Pcg32) {
    let ids: Vec<BodyId> = world.bodies().map(|(id, _)| id).collect();
    let id = ids[rng.below(ids.len() as u32) as usize];
    let place = kick(rng, 10);
    let changed = match rng.below(10) {
        0 => world.set_position(id, place),
        1 => world.set_angle(id, Angle(rng.below(1 << 16) as u16)),
        2 => world.set_filter(id, Filter { layer: 1 + rng.below(3), ..Filter::ALL }),
        3 => world.attach(id, ShapeDesc::new(Shape::Circle { radius: ratio(1, 3) })).is_ok(),
        4 => world.remove(id),
        5 => world.add(BodyDesc::circle(Fx::HALF).at(place).fixed()).is_ok(),
        6 => world.add(BodyDesc::rect(Vec2::splat(Fx::HALF)).at(place)).is_ok(),
        7 => world.apply_impulse(id, place) || world.contains(id),
        8 => world.ignore(id, ids[0], rng.below(2) == 0),
        _ => world.wake(id),
    };
    assert!(changed);
}

/// Six hundred steps with a change in every fourth: the copy is read from bytes before each step.
#[test]
fn what_rests_is_looked_at_again_when_it_changes() {
    let mut world = ruins();
    let (mut restored, mut rng) = (world.clone(), Pcg32::new(3, 3));
    for tick in 0..600 {
        if tick % 4 == 0 {
            let mut same = rng.clone();
            change(&mut world, &mut rng);
            change(&mut restored, &mut same);
        }
        restored = decode::<World>(&bytes_of(&restored)).expect("it was written just now");
        world.step();
        restored.step();
        assert_eq!(world.contacts(), restored.contacts(), "tick {tick}");
        assert_eq!(world.events(), restored.events(), "tick {tick}");
        assert!(world == restored, "tick {tick}");
    }
}
