//! `RollbackConfig`, how a client plays.

use crate::limits::{
    INPUT_DELAY_TICKS_MAX, ROLLBACK_TICKS_MAX, SIMULATE_TICKS_MAX, SIMULATE_TICKS_MIN, TRAIL_TICKS_MAX,
};

/// How a client plays a match. Values out of range are clamped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollbackConfig {
    /// Most ticks the prediction may be ahead of the confirmed state, 1 to [`ROLLBACK_TICKS_MAX`]. Default 20.
    ///
    /// Too small and a slow link stalls the game; too large and a correction can throw away half a second.
    pub rollback_ticks_max: u32,
    /// Ticks between making an input and the tick it is for, 0 to [`INPUT_DELAY_TICKS_MAX`]. Default 0.
    ///
    /// Each tick of delay is a tick less of prediction, and a tick more until the player sees what he did.
    pub input_delay_ticks: u32,
    /// How many ticks are predicted as a rule, 1 to [`ROLLBACK_TICKS_MAX`]. Default 10, a third of a second.
    ///
    /// Where the way is so long that more than one rollback in a hundred would go deeper, own inputs are delayed by as
    /// many ticks as it takes: what a player does shows that much later, and the others are not drawn where they were
    /// half a second ago. A round trip up to about a quarter of a second is not delayed.
    /// [`ROLLBACK_TICKS_MAX`] never delays.
    pub predicted_ticks_aim: u32,
    /// Most ticks one call of `advance`, with the packets since the call before, simulates: frames that came, ticks
    /// played again and ticks predicted, [`SIMULATE_TICKS_MIN`](crate::SIMULATE_TICKS_MIN) to
    /// [`SIMULATE_TICKS_MAX`](crate::SIMULATE_TICKS_MAX). Default 60.
    ///
    /// Over it the match predicts less far ahead, and then confirms later; inputs are made and sent in time all the
    /// same. Too small and a hitch takes long to make up; too large and a slow machine falls behind ever further.
    pub simulate_ticks_max: u32,
    /// How many ticks behind the server a client catches up with frame by frame, at least twice what it may predict.
    /// Default 60. One that is further behind (it was paused) asks for a snapshot.
    pub catch_up_ticks_max: u32,
    /// How long before its deadline an input should reach the server, in 1/8 ticks, 0 to 64. Default 4 (half a tick).
    /// On the worst recent path a quarter of it is left; measured jitter and losses beyond that add to it.
    pub lead_margin_eighths: u32,
    /// How much faster or slower than the server the clock may run to correct the lead, in permille, 1 to 100.
    /// Default 30.
    pub drift_permille_max: u32,
    /// For how many ticks confirmed states are kept to explain a desync to the server, 0 to [`TRAIL_TICKS_MAX`].
    /// Default 64; they take 1 MiB at most. With 0 a desync is healed and never explained.
    pub trail_ticks: u32,
}

impl Default for RollbackConfig {
    fn default() -> Self {
        Self {
            rollback_ticks_max: 20,
            input_delay_ticks: 0,
            predicted_ticks_aim: 10,
            simulate_ticks_max: 60,
            catch_up_ticks_max: 60,
            lead_margin_eighths: 4,
            drift_permille_max: 30,
            trail_ticks: 64,
        }
    }
}

impl RollbackConfig {
    /// The same with every value in its range.
    #[must_use]
    pub(crate) fn clamped(self) -> Self {
        let rollback_ticks_max = self.rollback_ticks_max.clamp(1, ROLLBACK_TICKS_MAX);
        Self {
            rollback_ticks_max,
            simulate_ticks_max: self.simulate_ticks_max.clamp(SIMULATE_TICKS_MIN, SIMULATE_TICKS_MAX),
            catch_up_ticks_max: self.catch_up_ticks_max.max(2 * rollback_ticks_max),
            input_delay_ticks: self.input_delay_ticks.min(INPUT_DELAY_TICKS_MAX),
            predicted_ticks_aim: self.predicted_ticks_aim.clamp(1, ROLLBACK_TICKS_MAX),
            lead_margin_eighths: self.lead_margin_eighths.min(64),
            drift_permille_max: self.drift_permille_max.clamp(1, 100),
            trail_ticks: self.trail_ticks.min(TRAIL_TICKS_MAX),
        }
    }
}
