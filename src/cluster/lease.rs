//! `Lease`, the right to a name for a while.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A node, from one start to its end: a process that starts again is another one. Lower ones come first where several
/// could do the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u64);

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
    /// Until when by the store's time, in milliseconds.
    pub until_ms: u64,
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
}

impl Default for Timing {
    fn default() -> Self {
        Self { lease_ms: 3_000, renew_every_ms: 750, drift_ms: 200, rank_step_ms: 100 }
    }
}
