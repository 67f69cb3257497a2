//! `InputStatus`, what is known of a seat's input in a tick.

use framekeep_sim::{Mark, SeatInput};

/// What is known of a seat's input in a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InputStatus {
    /// The server has committed it as the player made it.
    Confirmed,
    /// The server has committed the player's last input again: the one for this tick did not arrive in time.
    Repeated,
    /// The server has committed that nobody acted.
    Absent,
    /// The server has not spoken: a guess, or the own input that is still under way.
    Predicted,
}

impl InputStatus {
    pub(crate) fn committed(input: SeatInput) -> Self {
        match input.mark {
            Mark::Arrived => Self::Confirmed,
            Mark::Repeated => Self::Repeated,
            Mark::Absent => Self::Absent,
        }
    }
}
