//! Every bound of the journal, in one place.

use framekeep_sim::{CONTENT_BYTES_MAX, SEATS_MAX, STATE_BYTES_MAX};

/// Longest room name, in bytes of UTF-8.
pub const ROOM_NAME_BYTES_MAX: usize = 64;

/// Longest player name, in bytes of UTF-8.
pub const PLAYER_NAME_BYTES_MAX: usize = 32;

/// Longest game name, in bytes of UTF-8.
pub const GAME_NAME_BYTES_MAX: usize = 64;

/// Highest tick rate that a header may claim, in ticks a second.
pub const TICK_RATE_HZ_MAX: u16 = 1_000;

/// Largest delta-coded frame, in bytes: every seat changes its mark and a 64-bit input.
pub const FRAME_BYTES_MAX: usize = SEATS_MAX as usize * 68 / 8 + 1;

/// Largest payload of one record, in bytes: a state that does not compress, and its head.
pub const RECORD_BYTES_MAX: usize = STATE_BYTES_MAX + STATE_BYTES_MAX / 64 + 64;

/// A batch of records this large, in bytes, should be written without waiting for more.
pub const BATCH_BYTES: usize = 256 << 10;

/// Frames in one chunk of a replay; the last chunk may hold fewer.
pub const CHUNK_FRAMES: u32 = 256;

/// Most ticks between two keyframes of a replay; a multiple of [`CHUNK_FRAMES`]. To seek is to simulate half of them
/// on average, a few milliseconds; keyframes as close as the first ones would be a third of a long file.
pub const KEYFRAME_TICKS: u32 = 2_048;

/// The tick of a replay's first keyframe; a multiple of [`CHUNK_FRAMES`]. The next ones are at twice the tick before
/// until they are [`KEYFRAME_TICKS`] apart, so that short matches have some too.
pub const KEYFRAME_FIRST_TICK: u32 = 512;

/// Largest section of a replay before compression, in bytes.
pub(crate) const SECTION_RAW_BYTES_MAX: usize = STATE_BYTES_MAX + 64;

/// Largest section of a replay after compression, in bytes.
pub(crate) const SECTION_PACKED_BYTES_MAX: usize = SECTION_RAW_BYTES_MAX + SECTION_RAW_BYTES_MAX / 64 + 64;

/// Largest chunk of frames before compression, in bytes.
pub(crate) const CHUNK_RAW_BYTES_MAX: usize = CHUNK_FRAMES as usize * (FRAME_BYTES_MAX + 8);

/// Largest header before compression, in bytes.
pub(crate) const HEADER_RAW_BYTES_MAX: usize = CONTENT_BYTES_MAX + 16 * 1024;

/// Largest desync report before compression, in bytes: content, three states, frames and fields.
pub(crate) const REPORT_RAW_BYTES_MAX: usize = 5 << 20;

/// Most bytes that one compressed byte can become: LZ4's best case.
pub(crate) const LZ4_RATIO_MAX: usize = 255;
