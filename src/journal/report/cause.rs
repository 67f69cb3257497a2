//! `DesyncCause`, what a desync turned out to be.

use serde::{Deserialize, Serialize};

/// What a desync turned out to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DesyncCause {
    /// The client's state decodes and differs in the fields that are named.
    #[default]
    StateDiffers,
    /// The client's bytes are not a state of the game.
    Undecodable,
    /// The client told its hashes and gave no state.
    NoState,
    /// The client did not tell its hashes either; there is no report of it.
    Silent,
    /// What the client gave contradicts what it had claimed; there is no report of it.
    Forged,
    /// The server's own re-simulation did not come to the hash it had sent: the fault is here.
    ServerDiffers,
    /// The budget of the link or of the node was used up, and nothing was asked; there is no report of it.
    NotAsked,
}

impl DesyncCause {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::StateDiffers,
        Self::Undecodable,
        Self::NoState,
        Self::Silent,
        Self::Forged,
        Self::ServerDiffers,
        Self::NotAsked,
    ];

    /// The cause as a word for counters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::StateDiffers => "state_differs",
            Self::Undecodable => "undecodable",
            Self::NoState => "no_state",
            Self::Silent => "silent",
            Self::Forged => "forged",
            Self::ServerDiffers => "server_differs",
            Self::NotAsked => "not_asked",
        }
    }
}
