//! `Lease`, the right to a name for a while.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A node, from one start to its end: a process that starts again is another one. Lower ones come first where several
/// could do the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u64);

/// What the names of rooms begin with.
pub(crate) const ROOM_PREFIX: &str = "room/";

/// The name of a room in the directory.
#[must_use]
pub fn room_name(room: &str) -> String {
    format!("{ROOM_PREFIX}{room}")
}

/// A number that is none: 16 hexadecimal digits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a node's number has 16 hexadecimal digits")]
pub struct NoNodeId;

impl core::str::FromStr for NodeId {
    type Err = NoNodeId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() == 16 && text.bytes().all(|c| c.is_ascii_hexdigit());
        u64::from_str_radix(text, 16).ok().filter(|_| digits).map(Self).ok_or(NoNodeId)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The fencing number of a grant: whatever is done under a lower one, once a higher one was seen, is refused. It is
/// never given twice: the next is one more, and at least the store's time in milliseconds, so that grants which a
/// store has lost are not repeated by the one that follows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch(pub u64);

/// Who has a name, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who.
    pub node: NodeId,
    /// Under which number.
    pub epoch: Epoch,
    /// Until when by the store's time, in milliseconds; 0 once it was given up.
    pub until_ms: u64,
    /// How much is done under it, as its node said last: of two rooms of one name the higher stays.
    pub rank: u64,
}

/// How long things are good for. All nodes of a cluster and its store have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// How long a grant is good, in milliseconds. Default 3 s: a coordinator that is gone is followed within 6 s.
    pub lease_ms: u64,
    /// How often who holds something says so, in milliseconds. Default 750.
    pub renew_every_ms: u64,
    /// How much earlier a node stops than the store says, in milliseconds: by so much may its clock be slower.
    /// Default 200.
    pub drift_ms: u64,
    /// How much later the second, third, … node asks for what has become free, in milliseconds. Default 100.
    pub rank_step_ms: u64,
    /// What becomes of rooms whose node cannot say that it has them. Default [`Lapsed::Kept`].
    pub lapsed: Lapsed,
}

/// What becomes of a room whose claim was not renewed in time: its node is gone, or cannot reach the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lapsed {
    /// Its node goes on with it, and nobody else gets it before that node is proven to be dead.
    #[default]
    Kept,
    /// Its node stops it in time, and anybody may have it.
    Free,
}

impl Timing {
    /// Whether a claim of that name outlives its time.
    pub(crate) fn keeps(&self, name: &str) -> bool {
        self.lapsed == Lapsed::Kept && name.starts_with(ROOM_PREFIX)
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self { lease_ms: 3_000, renew_every_ms: 750, drift_ms: 200, rank_step_ms: 100, lapsed: Lapsed::Kept }
    }
}
