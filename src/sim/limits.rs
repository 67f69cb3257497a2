//! Every bound of the simulation, in one place.

/// Most seats one match can have.
pub const SEATS_MAX: u8 = 64;

/// Most bits one packed input can take.
pub const INPUT_BITS_MAX: u32 = 64;

/// Largest canonical encoding of a state that is decoded, in bytes (8 MiB).
pub const STATE_BYTES_MAX: usize = 8 << 20;

/// Largest canonical encoding of a game's content that is decoded, in bytes (1 MiB).
pub const CONTENT_BYTES_MAX: usize = 1 << 20;

/// Most bodies one physics world can hold.
pub const BODIES_MAX: u16 = u16::MAX;

/// Most steps per second of a physics world.
pub const TICKS_PER_SECOND_MAX: u16 = 1_000;

/// Most parts of a step of a physics world.
pub const SUBSTEPS_MAX: u8 = 16;
