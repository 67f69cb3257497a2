//! `SeatScore`, how one seat stands while a match runs.

use serde::{Deserialize, Serialize};

/// How one seat stands: what score frames and leaderboards carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatScore {
    /// Whose it is.
    pub seat: u8,
    /// What the game ranks by; more is better.
    pub score: i64,
    /// Hits in a row up to now; 0 in a game that counts none.
    pub combo: u32,
    /// How exact the play was, 0 to 1,000 thousandths; 0 in a game that does not measure it.
    pub accuracy_permille: u16,
}
