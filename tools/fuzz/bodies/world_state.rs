//! Any bytes as a world of the physics. What is read goes on for three steps without a panic, and is written and read
//! again as an equal world at each of them.

use framekeep_sim::{World, decode, encode_into};

pub fn run(data: &[u8]) {
    let Ok(mut world) = decode::<World>(data) else { return };
    for _ in 0..3 {
        world = read_again(&world);
        let mut kept = world.clone();
        world.step();
        kept.step();
        assert!(world == kept, "a copy goes on otherwise");
    }
    read_again(&world);
}

/// The same world from its own bytes.
fn read_again(world: &World) -> World {
    let bytes = bytes_of(world);
    let again: World = decode(&bytes).expect("a world's own bytes");
    assert!(*world == again && bytes == bytes_of(&again), "a world has two encodings");
    again
}

fn bytes_of(world: &World) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_into(world, &mut bytes);
    bytes
}
