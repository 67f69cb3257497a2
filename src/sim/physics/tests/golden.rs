//! The rules as numbers: whoever changes one of these changes what every client, server and replay must agree on.

use super::scenes::{all, bytes_of, hash_of, mixed_bodies, mixing_bowl, steps};
use crate::{BodyDesc, BodyId, Fx, Pcg32, World, decode};

/// Ticks of each golden.
const TICKS: u32 = 600;
/// Size and hash of the state of each scene then.
const GOLDEN: [(&str, usize, u64); 6] = [
    ("gas", 3_585, 0x2a53_8bcd_6146_7bab),
    ("mixture", 13_991, 0x6c50_598a_f39e_8e9d),
    ("ruins", 2_678, 0x3739_2a05_01f6_2da7),
    ("machine", 1_973, 0x26d2_7198_e00a_1495),
    ("terrain", 7_942, 0x46f2_0e63_f569_6f09),
    ("shower", 4_307, 0xc340_eb57_263b_4121),
];

#[test]
fn six_scenes_end_as_recorded() {
    let found = all().map(|(name, mut world)| {
        steps(&mut world, TICKS);
        (name, bytes_of(&world).len(), hash_of(&world))
    });
    let shown =
        found.map(|(name, size, hash)| std::format!("(\"{name}\", {size}, {hash:#018x}),\n")).concat();
    assert_eq!(found, GOLDEN, "the new values would be\n{shown}");
}

/// A world that is written and read at every step goes on like one that never was, with the same events.
#[test]
fn restoring_at_every_step_changes_nothing() {
    for (name, mut world) in all() {
        let mut restored = world.clone();
        for tick in 0..TICKS {
            restored = decode::<World>(&bytes_of(&restored))
                .unwrap_or_else(|error| panic!("{name} {tick}: {error}"));
            world.step();
            restored.step();
            assert_eq!(world.contacts(), restored.contacts(), "{name} {tick}");
            assert_eq!(world.events(), restored.events(), "{name} {tick}");
            assert!(world == restored, "{name} {tick}");
        }
        assert_eq!(bytes_of(&world), bytes_of(&restored), "{name}");
    }
}

/// The hundred bodies, put in in an order; each gets the id that it has in any other order.
fn mixture_in(order: &[usize]) -> World {
    let (mut world, bodies) = (mixing_bowl(), mixed_bodies());
    let holders: Vec<BodyId> = bodies.iter().map(|_| world.add(BodyDesc::circle(Fx::ONE)).unwrap()).collect();
    // The slot that was left last is taken first.
    for &index in order.iter().rev() {
        assert!(world.remove(holders[index]));
    }
    for &index in order {
        assert_eq!(world.add(bodies[index]).map(|id| usize::from(id.index)), Ok(index));
    }
    world
}

/// The order in which bodies are put in is of no matter if each gets the same id: the same bytes, and the same after
/// six hundred steps.
#[test]
fn the_order_of_insertion_changes_nothing() {
    let mut order: Vec<usize> = (0..100).collect();
    let mut first = mixture_in(&order);
    let mut rng = Pcg32::new(2, 2);
    let mut others: Vec<World> = (0..4)
        .map(|_| {
            (1..order.len()).rev().for_each(|at| order.swap(at, rng.below(at as u32 + 1) as usize));
            mixture_in(&order)
        })
        .collect();
    assert!(others.iter().all(|other| bytes_of(other) == bytes_of(&first)));
    steps(&mut first, TICKS);
    for other in &mut others {
        steps(other, TICKS);
        assert!(bytes_of(other) == bytes_of(&first));
    }
}
