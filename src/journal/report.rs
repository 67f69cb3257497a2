//! `DesyncReport`, everything that is known of a client whose state differed from the server's, as one file.
//!
//! `magic, version u16, raw length u32, packed length u32, packed bytes (one LZ4 block), BLAKE3 digest of all before`.
//! Unpacked it is the canonical encoding of [`DesyncReport`]; `docs/PROTOCOL.md` has the fields.

mod cause;
mod file;
#[cfg(test)]
mod tests;

use framekeep_protocol::SNAPSHOT_BYTES_MAX;
use framekeep_sim::{FieldDiff, Frame, Tick, hash_bytes};
use serde::{Deserialize, Serialize};

pub use cause::DesyncCause;
pub use file::ReportError;

use crate::MatchHeader;

/// The version of the report format that this crate writes, and the only one it reads.
pub const REPORT_VERSION: u16 = 1;

/// Most frames a report holds: those before its first bad tick, in ticks.
pub const REPORT_FRAMES_MAX: usize = 120;

/// Most ticks whose hashes a report holds.
pub const REPORT_HASHES_MAX: usize = 256;

/// Most differing fields a report names.
pub const REPORT_FIELDS_MAX: usize = 64;

/// Longest path or value of a differing field, in bytes; longer ones are cut.
pub const REPORT_TEXT_BYTES_MAX: usize = 256;

/// The hashes of both sides for one tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashPair {
    /// They are of the state after all frames before this tick.
    pub tick: Tick,
    /// The server's.
    pub server: u64,
    /// The low 32 bits of the client's, as it said.
    pub client: u32,
}

impl HashPair {
    /// Whether both sides had the same state, as far as hashes tell.
    #[must_use]
    pub const fn agrees(&self) -> bool {
        self.server as u32 == self.client
    }
}

/// A state in its canonical encoding, and when it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateAt {
    /// It is the state after all frames before this tick.
    pub tick: Tick,
    /// The canonical encoding, at most 1 MiB.
    pub bytes: Vec<u8>,
}

/// What is known of a client whose state differed from the server's.
///
/// `left` in [`DesyncReport::fields`] is the server's value, `right` the client's. A *state at tick t* is the one after
/// all frames before `t`, so the step that went wrong is that of the tick before [`DesyncReport::first_bad`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesyncReport {
    /// The match, with its content and seed: whoever has the rules can play it again.
    pub header: MatchHeader,
    /// The room's id.
    pub room: u64,
    /// Which match of the room, modulo 16.
    pub epoch: u8,
    /// When the report was made, in seconds since 1970 (UTC).
    pub made_unix_s: u64,
    /// The client's seat; 255 for one that watches.
    pub seat: u8,
    /// The client's player.
    pub player: u64,
    /// What it was.
    pub cause: DesyncCause,
    /// The tick of the hash by which the server noticed.
    pub noticed: Tick,
    /// The first tick at which the states differ.
    pub first_bad: Tick,
    /// Whether the tick before is known to be good; otherwise it may have begun earlier.
    pub exact: bool,
    /// The hashes of both sides, tick by tick, as far as the client still had them.
    pub hashes: Vec<HashPair>,
    /// The fields that differ at the first bad tick, in the order of the encoding, the server's value on the left.
    pub fields: Vec<FieldDiff>,
    /// The server's state at the first bad tick.
    pub server: StateAt,
    /// The client's state at the first bad tick, if it gave one.
    pub client: Option<StateAt>,
    /// The server's state before the first of [`DesyncReport::frames`]: stepped with them it becomes
    /// [`DesyncReport::server`].
    pub base: StateAt,
    /// The frames from the base to the first bad tick.
    pub frames: Vec<Frame>,
}

/// A report with a value out of range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the report has {what}")]
pub struct InvalidReport {
    what: String,
}

impl DesyncReport {
    /// The first differing field, if one is known.
    #[must_use]
    pub fn field(&self) -> Option<&FieldDiff> {
        self.fields.first()
    }

    /// The entity of the first differing field; see [`entity_of`].
    #[must_use]
    pub fn entity(&self) -> Option<&str> {
        self.field().and_then(|field| entity_of(&field.path))
    }

    /// The hash of the server's state at the first bad tick.
    #[must_use]
    pub fn server_hash(&self) -> u64 {
        hash_bytes(&self.server.bytes)
    }

    /// The hash of the client's state at the first bad tick, if it gave one.
    #[must_use]
    pub fn client_hash(&self) -> Option<u64> {
        self.client.as_ref().map(|state| hash_bytes(&state.bytes))
    }

    /// Checks every bound, and that ticks fit each other.
    ///
    /// # Errors
    /// [`InvalidReport`] names the first value that is out of range.
    pub fn validate(&self) -> Result<(), InvalidReport> {
        self.check().map_err(|what| InvalidReport { what })
    }

    fn check(&self) -> Result<(), String> {
        self.header.validate().map_err(|error| error.to_string())?;
        at_most("frames", self.frames.len(), REPORT_FRAMES_MAX)?;
        at_most("hashes", self.hashes.len(), REPORT_HASHES_MAX)?;
        at_most("fields", self.fields.len(), REPORT_FIELDS_MAX)?;
        for field in &self.fields {
            for text in [&field.path, &field.left, &field.right] {
                at_most("bytes of text of a field", text.len(), REPORT_TEXT_BYTES_MAX)?;
            }
        }
        for (name, state) in [("server", Some(&self.server)), ("client", self.client.as_ref())] {
            let Some(state) = state else { continue };
            if state.tick != self.first_bad {
                return Err(format!(
                    "a {name}'s state at tick {}, its first bad one is {}",
                    state.tick, self.first_bad
                ));
            }
        }
        for state in [Some(&self.server), self.client.as_ref(), Some(&self.base)].into_iter().flatten() {
            at_most("bytes of a state", state.bytes.len(), SNAPSHOT_BYTES_MAX)?;
        }
        if let Some(pair) = self.hashes.windows(2).find(|pair| pair[0].tick.next() != pair[1].tick) {
            return Err(format!("the hash of tick {} after that of {}", pair[1].tick, pair[0].tick));
        }
        self.check_frames()
    }

    fn check_frames(&self) -> Result<(), String> {
        let mut next = self.base.tick;
        for frame in &self.frames {
            if (frame.tick, frame.seat_count()) != (next, self.header.seats) {
                return Err(format!(
                    "a frame of tick {} and {} seats, tick {next} and {} seats are due",
                    frame.tick,
                    frame.seat_count(),
                    self.header.seats
                ));
            }
            next = next.next();
        }
        if next == self.first_bad {
            Ok(())
        } else {
            Err(format!("frames up to tick {next}, its first bad one is {}", self.first_bad))
        }
    }
}

/// The thing that a field is of: the path up to and with its first index, or up to its last name if it has none.
///
/// ```
/// use framekeep_journal::entity_of;
/// assert_eq!(entity_of("players[2].health"), Some("players[2]"));
/// assert_eq!(entity_of("world.place[17].x"), Some("world.place[17]"));
/// assert_eq!(entity_of("rng.state"), Some("rng"));
/// assert_eq!(entity_of("ticks_left"), None);
/// ```
#[must_use]
pub fn entity_of(path: &str) -> Option<&str> {
    let end = path.find(']').map(|at| at + 1).or_else(|| path.rfind('.'))?;
    path.get(..end)
}

/// A text cut to what a report may hold.
#[must_use]
pub fn cut_text(text: &str) -> String {
    let mut end = text.len().min(REPORT_TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

fn at_most(what: &str, count: usize, limit: usize) -> Result<(), String> {
    if count <= limit { Ok(()) } else { Err(format!("{count} {what}, over {limit}")) }
}
