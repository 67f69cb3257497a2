//! The rules as numbers: whoever changes one of these changes what every client, server and replay must agree
//! on.

use super::scenes::{gas, mixture};
use crate::{World, encode_into, hash_bytes};

/// Ticks of each golden.
const TICKS: u32 = 300;
const MIXTURE: u64 = 0xa87b_69cd_7f1e_6bee;
const GAS: u64 = 0xc4f4_5c65_a0c3_6df0;

fn hash_after(mut world: World) -> u64 {
    (0..TICKS).for_each(|_| world.step());
    let mut bytes = Vec::new();
    encode_into(&world, &mut bytes);
    hash_bytes(&bytes)
}

#[test]
fn a_hundred_bodies_of_every_kind() {
    let hash = hash_after(mixture());
    assert_eq!(hash, MIXTURE, "the new value would be {hash:#018x}");
}

#[test]
fn a_hundred_circles_in_a_box() {
    let hash = hash_after(gas(10));
    assert_eq!(hash, GAS, "the new value would be {hash:#018x}");
}
