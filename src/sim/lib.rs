//! Deterministic fixed-point simulation: numbers, RNG, physics, the [`Game`] trait, canonical encoding and hash.
//!
//! Nothing here knows of a clock, a socket, a file or a thread: a game is `start(content, seed, seats)` and
//! `step(state, frame)`, and the same frames give the same bytes on every machine.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod diff;
mod encoding;
mod erased;
mod fingerprint;
mod frame;
mod game;
mod input;
mod limits;
mod outcome;
mod play;
mod registry;
mod rng;
mod tick;
mod view;
mod walk;

pub use diff::{FieldDiff, diff_values};
pub use encoding::{DecodeError, decode, encode_into, hash_bytes};
pub use erased::{AnyGame, AnyMatch};
pub use fingerprint::fingerprint;
pub use frame::{Frame, Mark, SeatInput};
pub use game::{ContentError, Game};
pub use input::{Input, input_mask};
pub use limits::{CONTENT_BYTES_MAX, INPUT_BITS_MAX, SEATS_MAX, STATE_BYTES_MAX};
pub use outcome::Outcome;
pub use play::Match;
pub use registry::{GameRegistry, UnknownGame};
pub use rng::Pcg32;
pub use tick::Tick;
pub use view::{View, ViewBody};
