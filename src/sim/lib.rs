//! Deterministic fixed-point simulation: numbers, RNG, physics, the [`Game`] trait, canonical encoding and hash.
//!
//! Nothing here knows of a clock, a socket, a file or a thread: a game is `start(content, seed, seats)` and
//! `step(state, frame)`, and the same frames give the same bytes on every machine.
#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::float_arithmetic))]
// Tests measure with floats.
#![cfg_attr(test, allow(clippy::disallowed_types))]

extern crate alloc;
// The fuzz body names this crate from outside.
#[cfg(test)]
extern crate self as framekeep_sim;
#[allow(unused_extern_crates)]
// For one thing: working memory that all worlds of a thread share (`physics/step.rs`).
extern crate std;

mod angle;
mod diff;
mod encoding;
mod erased;
mod fingerprint;
mod frame;
#[cfg(test)]
mod fuzz;
mod fx;
mod game;
mod input;
mod limits;
mod outcome;
mod physics;
mod play;
mod registry;
mod rng;
mod root;
mod score;
mod tick;
mod vec2;
mod view;
// Serde's interface names floats; nothing here computes with them.
#[allow(clippy::disallowed_types)]
mod walk;

pub use angle::Angle;
pub use diff::{FieldDiff, diff_values};
pub use encoding::{DecodeError, decode, encode_into, hash_bytes};
pub use erased::{AnyGame, AnyMatch, Landmark};
pub use fingerprint::{fingerprint, probe};
pub use frame::{Frame, Mark, SeatInput};
pub use fx::{Fx, ParseFxError};
pub use game::{ContentError, Game};
pub use input::{Input, input_mask};
pub use limits::{
    BODIES_MAX, CONTENT_BYTES_MAX, INPUT_BITS_MAX, SEATS_MAX, STATE_BYTES_MAX, SUBSTEPS_MAX,
    TICKS_PER_SECOND_MAX,
};
pub use outcome::Outcome;
pub use physics::{
    AttachError, Body, BodyDesc, BodyId, BodyKind, Cast, Combine, Contact, ContactEvent, ContactPhase,
    Filter, JointDesc, JointError, JointId, JointKind, Locks, Material, Motor, Moved, Mover, Polygon,
    PolygonError, QueryFilter, Shape, ShapeDesc, TileMap, TileMapError, World, WorldDesc, WorldFull,
};
pub use play::Match;
pub use registry::{GameRegistry, UnknownGame};
pub use rng::Pcg32;
pub use score::SeatScore;
pub use tick::Tick;
pub use vec2::Vec2;
pub use view::{View, ViewBody};

/// Runs the code of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../docs/PHYSICS.md")]
pub struct PhysicsGuide;
