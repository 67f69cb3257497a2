//! The rules fingerprint: what a build's rules do, as a number.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use crate::{Frame, Game, Input, Match, Pcg32, SeatInput, Tick, encode_into, hash_bytes, input_mask};

/// Ticks of the probe match: a minute at 30 Hz. Rules that show later than that are not in the fingerprint.
const PROBE_TICKS: u32 = 1_800;
const PROBE_SEED: u64 = 0x6b65_6570_2e34;
/// An input is held for up to so many ticks: who changes his mind each tick gets nowhere.
const HELD_TICKS_MAX: u32 = 90;

/// The hash of a built-in probe match: random inputs on the default content, every state hashed.
///
/// Builds whose rules behave differently get different fingerprints, so they are refused at connect instead of
/// drifting apart an hour later.
#[must_use]
pub fn fingerprint<G: Game>() -> u64 {
    probe::<G>(|_| ())
}

/// Plays the probe match, shows it after each tick, and gives its fingerprint.
///
/// For a game's tests, which should see to it that whatever the rules can do happens in it.
pub fn probe<G: Game>(mut observe: impl FnMut(&Match<G>)) -> u64 {
    let seats = (*G::SEATS.end()).min(4).max(*G::SEATS.start());
    let mut play = Match::<G>::start(Arc::new(G::default_content()), PROBE_SEED, seats);
    let mut rng = Pcg32::new(PROBE_SEED, 1);
    let mut held = vec![(0, 0); usize::from(seats)];
    let (mut scratch, mut trace) = (Vec::new(), Vec::new());
    encode_into(&(G::NAME, G::VERSION, G::Input::BITS), &mut trace);
    for tick in 0..PROBE_TICKS {
        let mut frame = Frame::absent(Tick(tick), seats);
        for (seat, (bits, until)) in (0..).zip(&mut held) {
            if tick >= *until {
                *bits = rng.next_u64() & input_mask(G::Input::BITS);
                *until = tick + 1 + rng.below(HELD_TICKS_MAX);
            }
            frame.set(seat, SeatInput::arrived(G::Input::unpack(*bits).pack()));
        }
        play.step(&frame);
        trace.extend_from_slice(&play.hash(&mut scratch).to_le_bytes());
        observe(&play);
    }
    hash_bytes(&trace)
}
