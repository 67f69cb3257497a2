//! Records, segments and sealed replay files.
//!
//! A *segment* is the durable log of a node while rooms live: records of every room's life and frames, appended in
//! batches, read back up to the last whole record. A *replay* (`.fkr`) is one sealed match: anyone who has the same
//! rules can re-simulate it and compare every hash. Every byte of both is described in `docs/PROTOCOL.md`.
//!
//! Nothing here opens a file, starts a thread or reads a clock: bytes come from [`std::io::Read`] or slices, and go
//! to [`std::io::Write`].

// The fuzz bodies name this crate from outside.
#[cfg(test)]
extern crate self as framekeep_journal;

mod chunk;
mod damage;
#[cfg(test)]
mod flips;
mod frames;
#[cfg(test)]
mod fuzz;
mod header;
mod history;
mod keyframe;
mod life;
mod limits;
mod move_record;
mod part;
mod reader;
mod record;
mod replay;
mod report;
mod reseal;
mod resume;
mod room_state;
#[cfg(test)]
mod sample;
mod seal;
mod seal_check;
mod seal_key;
mod section;
mod segment;
mod signatures;
mod tick_hash;
mod trailer;
mod turns;
mod verify;

pub use damage::Damaged;
pub use frames::Frames;
pub use header::{EndReason, InvalidHeader, MatchEnd, MatchHeader, Seated};
pub use history::Told;
pub use keyframe::Keyframe;
pub use life::{EndedMatch, Life, LifeFault, Lives, MatchLife};
pub use limits::{
    BATCH_BYTES, CHUNK_FRAMES, FRAME_BYTES_MAX, GAME_NAME_BYTES_MAX, KEYFRAME_FIRST_TICK, KEYFRAME_TICKS,
    PLAYER_NAME_BYTES_MAX, RECORD_BYTES_MAX, ROOM_NAME_BYTES_MAX, TICK_RATE_HZ_MAX,
};
pub use move_record::{Arrival, Departure, MoveId, NODE_NAME_BYTES_MAX};
pub use part::Part;
pub use reader::{Entry, SegmentEnd, SegmentFault, SegmentReader};
pub use record::{MatchResumed, MatchStarted, Record, RecordFault, RoomOpened, pack_snapshot};
pub use replay::{NotSeekable, Replay};
pub use report::{
    DesyncCause, DesyncReport, HashPair, InvalidReport, REPORT_FIELDS_MAX, REPORT_FRAMES_MAX,
    REPORT_HASHES_MAX, REPORT_TEXT_BYTES_MAX, REPORT_VERSION, ReportError, StateAt, cut_text, entity_of,
};
pub use reseal::reseal;
pub use resume::{Disagreed, NotResumed, Resumed};
pub use room_state::{MemberState, RoomState};
pub use seal::{OutOfOrder, ReplayBuilder, Sealed};
pub use seal_check::SealFault;
pub use seal_key::{NotAPublicKey, PublicKey, SealKey};
pub use segment::{SEGMENT_VERSION, SegmentHeader, SegmentWriter};
pub use tick_hash::TickHash;
pub use turns::Turn;
pub use verify::{Disagreement, Mismatch, Verified, Verifier, VerifyError};

/// The version of the replay file format that this crate writes. It reads all from 1 on.
pub const REPLAY_VERSION: u16 = 2;
