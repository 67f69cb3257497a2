//! The corpus of the fuzz target as a plain test.

#[path = "../../tools/fuzz/bodies/corpus.rs"]
mod corpus;
#[expect(unreachable_pub, reason = "a fuzz target is a crate of its own")]
#[path = "../../tools/fuzz/bodies/world_state.rs"]
mod world_state;

use std::fs;

use framekeep_sim::{World, decode};

#[test]
fn world_state_corpus() {
    corpus::run("world_state", world_state::run);
}

/// Those that `examples/physics_scenes` writes are among them, so that fuzzing begins with whole worlds.
#[test]
fn worlds_of_the_scenes_are_read_and_go_on() {
    for (name, bodies) in [
        ("gas-60", 100),
        ("machine-60", 22),
        ("ruins-60", 33),
        ("ruins-600", 33),
        ("shower-60", 84),
        ("terrain-60", 27),
    ] {
        let bytes = fs::read(corpus::folder("world_state").join(name)).expect("it is in the corpus");
        let mut world: World = decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(world.len(), bodies, "{name}");
        (0..60).for_each(|_| world.step());
    }
}
