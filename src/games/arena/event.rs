//! `ArenaEvent`, what to tell people about a tick.

use serde::{Deserialize, Serialize};

use crate::arena::PickupKind;

/// What happened in a tick, in the order it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArenaEvent {
    /// A shot hurt a player.
    Hit {
        /// The seat that was hit.
        seat: u8,
        /// The seat whose shot it was; may be the same.
        by: u8,
        /// The health left, 0 to 100.
        health: u8,
    },
    /// A player's health reached zero.
    KnockedOut {
        /// The seat that is out.
        seat: u8,
        /// The seat whose shot it was; may be the same.
        by: u8,
    },
    /// A player is back.
    Respawned {
        /// The seat.
        seat: u8,
    },
    /// A player took a pick-up.
    PickedUp {
        /// The seat.
        seat: u8,
        /// What it was.
        kind: PickupKind,
    },
}
