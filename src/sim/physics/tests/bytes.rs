//! The canonical bytes of a world, and what is refused.

use proptest::prelude::{ProptestConfig, any, prop, proptest};

use super::scenes::{mixture, ratio};
use crate::{BodyDesc, DecodeError, Fx, Vec2, World, WorldDesc, decode, encode_into, hash_bytes};

fn bytes_of(world: &World) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_into(world, &mut bytes);
    bytes
}

fn small_world() -> World {
    let mut world = World::new(WorldDesc { bodies_max: 4, ..WorldDesc::default() });
    let gone = world.add(BodyDesc::circle(Fx::ONE)).unwrap();
    let ball = BodyDesc::circle(Fx::HALF)
        .at(Vec2::from_ints(1, -2))
        .moving(Vec2::from_ints(-3, 4))
        .mass(Fx::from_int(2));
    world
        .add(ball.restitution(Fx::HALF).damping(Fx::ONE).layer(3).mask(5).bullet().user(0x0102_0304))
        .unwrap();
    world.add(BodyDesc::rect(Vec2::new(Fx::ONE, ratio(1, 4))).fixed().sensor()).unwrap();
    world.remove(gone);
    world
}

/// Every byte of a world of two bodies and a free slot.
#[test]
fn the_encoding_is_golden() {
    let golden: &[&[u8]] = &[
        // Half extent, gravity, cell.
        &[0, 0, 16, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        // Ticks per second, most bodies, iterations, walls.
        &[30, 0, 4, 0, 8, 1],
        // Flags.
        &[3, 0, 0, 0, 0, 0, 0, 0, 0, 19, 13],
        // Generations.
        &[6, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0],
        // Positions.
        &[24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0, 0, 1, 0, 0, 0, 254, 255, 0, 0, 0, 0, 0, 0, 0, 0],
        // Velocities.
        &[24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0, 0, 253, 255, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        // Half sizes.
        &[24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0, 128, 0, 0, 0, 128, 0, 0, 0, 0, 1, 0, 0, 64, 0, 0],
        // Inverse masses.
        &[12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128, 0, 0, 0, 0, 0],
        // Restitution and drag.
        &[12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 136, 8, 0, 0, 0, 0],
        // Layers and masks.
        &[12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 5, 0, 1, 0, 255, 255],
        // The game's own numbers.
        &[12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 3, 2, 1, 0, 0, 0, 0],
        // Free slots.
        &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ];
    assert_eq!(bytes_of(&small_world()), golden.concat());
}

#[test]
fn bytes_give_the_world_back() {
    for world in [small_world(), mixture(), World::default()] {
        let back: World = decode(&bytes_of(&world)).unwrap();
        assert_eq!(back, world);
    }
}

/// Where in the golden bytes above something is changed, and to what.
#[test]
fn impossible_worlds_are_refused() {
    let changes: [(&str, usize, u8); 11] = [
        ("a negative extent", 3, 255),
        ("no ticks", 20, 0),
        ("fewer bodies than slots", 22, 2),
        ("iterations", 24, 65),
        ("a flag nobody knows", 35, 0x93),
        ("a dead body that is not listed", 35, 0),
        ("a circle that is not round", 131, 1),
        ("a moving static body", 107, 1),
        ("a mass beyond the lightest", 162, 255),
        ("a bounce above one", 180, 255),
        ("a free slot that is not free", 235, 1),
    ];
    for (what, at, value) in changes {
        let mut bytes = bytes_of(&small_world());
        bytes[at] = value;
        assert!(matches!(decode::<World>(&bytes), Err(DecodeError::Malformed(_))), "{what}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Bytes from outside are refused, or are a world that steps.
    #[test]
    fn changed_bytes_never_panic(
        changes in prop::collection::vec(any::<(u16, u8)>(), 1..8),
        small in any::<bool>(),
    ) {
        let mut bytes = bytes_of(&if small { small_world() } else { mixture() });
        for (at, value) in changes {
            let at = usize::from(at) % bytes.len();
            bytes[at] = value;
        }
        if let Ok(mut world) = decode::<World>(&bytes) {
            (0..4).for_each(|_| world.step());
            let again = bytes_of(&world);
            assert_eq!(hash_bytes(&again), hash_bytes(&bytes_of(&decode::<World>(&again).unwrap())));
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode::<World>(&bytes);
    }
}
