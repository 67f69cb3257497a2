//! `Input`, what one seat does in one tick.

use core::fmt::Debug;

/// What one seat does in one tick: small, `Copy`, quantised.
///
/// An input that exists is valid: [`Input::unpack`] clamps whatever bits it is given, so a peer cannot construct
/// an input that a player could not have made. `unpack(pack(x)) == x` for every `x`.
pub trait Input: Copy + Default + PartialEq + Debug + Send + Sync + 'static {
    /// How many bits [`Input::pack`] uses, 1 to 64. Part of the rules: the wire and the journal store this many.
    const BITS: u32;

    /// The bits of this input, in the low [`Input::BITS`] bits.
    fn pack(self) -> u64;

    /// The input nearest to `bits`. Total: every value of `bits` gives a valid input.
    fn unpack(bits: u64) -> Self;
}

/// The mask of the low `bits` bits, `bits` clamped to 0..=64.
#[must_use]
pub const fn input_mask(bits: u32) -> u64 {
    if bits >= 64 { u64::MAX } else { (1 << bits) - 1 }
}
