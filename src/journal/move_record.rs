//! `Departure` and `Arrival`, what the journals of two nodes say of a room that moves from one to the other.

use serde::{Deserialize, Serialize};

/// Longest name of a node, in bytes.
pub const NODE_NAME_BYTES_MAX: usize = 64;

/// One attempt to move a room; random, and never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MoveId(pub u128);

impl core::fmt::Display for MoveId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A room goes on at another node: the decision, from which on this node does not own it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Departure {
    /// The move.
    pub id: MoveId,
    /// The node that owns the room from now on.
    pub node: String,
    /// The epoch of its ownership; rises with every move.
    pub owner_epoch: u64,
    /// The room's name.
    pub room: String,
}

/// A room came from another node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// The move.
    pub id: MoveId,
    /// The node it came from.
    pub node: String,
    /// The epoch of its ownership.
    pub owner_epoch: u64,
    /// This node owns the room. Until then it has it whole, and only the other node knows which of the two owns it.
    pub is_owned: bool,
}
