//! The rules fingerprint: what a build's rules do, as a number.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::{Frame, Game, Input, Match, Pcg32, SeatInput, Tick, encode_into, hash_bytes, input_mask};

/// Ticks of the probe match: ten seconds at 30 Hz.
const PROBE_TICKS: u32 = 300;
const PROBE_SEED: u64 = 0x6b65_6570_2e31;

/// The hash of a built-in probe match: random inputs on the default content, every state hashed.
///
/// Builds whose rules behave differently get different fingerprints, so they are refused at connect instead of
/// drifting apart an hour later.
#[must_use]
pub fn fingerprint<G: Game>() -> u64 {
    let seats = (*G::SEATS.end()).min(4).max(*G::SEATS.start());
    let mut play = Match::<G>::start(Arc::new(G::default_content()), PROBE_SEED, seats);
    let mut rng = Pcg32::new(PROBE_SEED, 1);
    let (mut scratch, mut trace) = (Vec::new(), Vec::new());
    encode_into(&(G::NAME, G::VERSION, G::Input::BITS), &mut trace);
    for tick in 0..PROBE_TICKS {
        let mut frame = Frame::absent(Tick(tick), seats);
        for seat in 0..seats {
            let bits = rng.next_u64() & input_mask(G::Input::BITS);
            frame.set(seat, SeatInput::arrived(G::Input::unpack(bits).pack()));
        }
        play.step(&frame);
        trace.extend_from_slice(&play.hash(&mut scratch).to_le_bytes());
    }
    hash_bytes(&trace)
}
