//! `MatchStats`, figures of a client's match.

use core::time::Duration;

use crate::Histogram;

/// Figures of a client's match since it began, or since [`MatchStats::clear`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MatchStats {
    /// Frames received in order.
    pub frames: u64,
    /// Frames that a snapshot stood in for.
    pub frames_skipped: u64,
    /// Packets of frames that were refused: malformed, foreign, or beyond a gap.
    pub packets_refused: u64,
    /// Own inputs that were committed without having arrived in time.
    pub inputs_late: u64,
    /// Input made to frame with it received, in microseconds.
    pub confirm_us: Histogram,
    /// Ticks played again, one value for each rollback.
    pub rollback_ticks: Histogram,
    /// Ticks simulated: frames that were not guessed right, ticks played again, ticks predicted.
    pub simulated_ticks: u64,
    /// The most of them in one call of `advance` with the packets before it.
    pub simulated_ticks_max: u32,
    /// How often the game stood still because nothing more could be predicted.
    pub stalls: u64,
    /// Game events that nobody polled in time.
    pub game_events_dropped: u64,
    /// Input made to acknowledgement received, smoothed; zero before the first. Holds the wait for the server's tick.
    pub rtt: Duration,
    /// How long before its deadline the newest input arrived, in 1/8 ticks; the server's last word.
    pub lead_eighths: i8,
}

impl MatchStats {
    /// Starts counting anew; what is measured continuously (round trip, lead) stays.
    pub fn clear(&mut self) {
        let (rtt, lead_eighths) = (self.rtt, self.lead_eighths);
        self.confirm_us.clear();
        self.rollback_ticks.clear();
        *self = Self {
            confirm_us: core::mem::take(&mut self.confirm_us),
            rollback_ticks: core::mem::take(&mut self.rollback_ticks),
            rtt,
            lead_eighths,
            ..Self::default()
        };
    }

    /// Adds what another match counted; round trip and lead stay.
    pub fn merge(&mut self, other: &Self) {
        self.frames += other.frames;
        self.frames_skipped += other.frames_skipped;
        self.packets_refused += other.packets_refused;
        self.inputs_late += other.inputs_late;
        self.confirm_us.merge(&other.confirm_us);
        self.rollback_ticks.merge(&other.rollback_ticks);
        self.simulated_ticks += other.simulated_ticks;
        self.simulated_ticks_max = self.simulated_ticks_max.max(other.simulated_ticks_max);
        self.stalls += other.stalls;
        self.game_events_dropped += other.game_events_dropped;
    }
}
