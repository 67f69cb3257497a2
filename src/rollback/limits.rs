//! Every bound of the client's match, in one place.

use core::time::Duration;

/// Most ticks a prediction may be ahead of the confirmed state, whatever the configuration says.
pub const ROLLBACK_TICKS_MAX: u32 = 60;

/// How many of the newest own inputs are remembered, in ticks; a power of two above [`ROLLBACK_TICKS_MAX`].
pub const OWN_INPUTS_MAX: usize = 128;

/// How many committed frames are kept to replay from a snapshot that is older than the confirmed state, in ticks.
pub const HISTORY_TICKS_MAX: usize = 128;

/// Most events that wait to be polled; the oldest is dropped for a new one.
pub const EVENTS_MAX: usize = 512;

/// Most game events that wait to be polled; the oldest is dropped for a new one, and counted.
pub const GAME_EVENTS_MAX: usize = 1_024;

/// Most ticks of delay between making an input and the tick it is for.
pub const INPUT_DELAY_TICKS_MAX: u32 = 16;

/// Most ticks one call of `advance` makes up for.
pub const ADVANCE_TICKS_MAX: u32 = 32;

/// How long frames may be missing before a snapshot is asked for.
pub const GAP_PATIENCE: Duration = Duration::from_millis(300);

/// Shortest time between two requests for a snapshot.
pub const SNAPSHOT_REQUEST_EVERY: Duration = Duration::from_secs(1);

/// Least and most ticks that one call of `advance` may be allowed to simulate.
pub const SIMULATE_TICKS_MIN: u32 = 4;
/// See [`SIMULATE_TICKS_MIN`].
pub const SIMULATE_TICKS_MAX: u32 = 512;

/// Most frames that wait to be simulated; beyond it the oldest is simulated, whatever the configuration says.
pub const BACKLOG_TICKS_MAX: usize = 256;

/// Most ticks for which states are kept to explain a desync.
pub const TRAIL_TICKS_MAX: u32 = 128;

/// Bytes of states that are kept to explain a desync; larger states are kept for fewer ticks.
pub const TRAIL_BYTES_MAX: usize = 1 << 20;
