//! What a bot went through in the measured window, and what of it is a failure.

use std::time::Duration;

use framekeep_protocol::EndReason;

/// A link hears something several times a second; a bot that heard nothing for longer has nobody at the other end.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(2);
/// Frames that may still be on their way, or begin late after a change of matches, at the end of a window.
const SHORT_TICKS: u64 = 30;
/// Two clocks of which neither is exact.
const SHORT_PERCENT: u64 = 2;

/// One bot in the measured window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watch {
    /// Ticks a second of the bot's matches.
    pub(crate) tick_rate_hz: u16,
    /// Length of the window.
    pub(crate) window: Duration,
    /// How much of it lay between the end of a match and the first frame of the next.
    pub(crate) between: Duration,
    /// Frames that came, and those that a snapshot stood for.
    pub(crate) frames: u64,
}

impl Watch {
    /// Frames that should have come in the window and did not; zero while it is no more than 2 % and 30 ticks.
    pub(crate) fn frames_short(&self) -> u64 {
        let played = self.window.saturating_sub(self.between);
        let wanted = (played.as_micros() * u128::from(self.tick_rate_hz) / 1_000_000) as u64;
        let short = wanted.saturating_sub(self.frames);
        if short > wanted * SHORT_PERCENT / 100 + SHORT_TICKS { short } else { 0 }
    }
}

/// Whether a bot that heard something last at `heard_at` has nobody at the other end.
pub(crate) fn is_silent(heard_at: Duration, now: Duration) -> bool {
    now.saturating_sub(heard_at) > SILENCE_MAX
}

/// Whether a match that ended so, while everybody wanted to play on, was lost.
pub(crate) fn is_lost(reason: EndReason) -> bool {
    matches!(reason, EndReason::Aborted | EndReason::Failed)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use framekeep_protocol::EndReason;

    use super::{SILENCE_MAX, Watch, is_lost, is_silent};

    fn watch(frames: u64, between_ms: u64) -> Watch {
        let (window, between) = (Duration::from_secs(10), Duration::from_millis(between_ms));
        Watch { tick_rate_hz: 30, window, between, frames }
    }

    #[test]
    fn a_few_frames_may_be_on_their_way() {
        assert_eq!(watch(300, 0).frames_short(), 0);
        assert_eq!(watch(264, 0).frames_short(), 0);
        assert_eq!(watch(263, 0).frames_short(), 37);
        assert_eq!(watch(400, 0).frames_short(), 0);
    }

    #[test]
    fn a_server_that_stopped_in_mid_window_leaves_its_frames_missing() {
        assert_eq!(watch(150, 0).frames_short(), 150);
        assert_eq!(watch(0, 0).frames_short(), 300);
    }

    #[test]
    fn no_frames_are_due_between_matches() {
        assert_eq!(watch(150, 5_000).frames_short(), 0);
        assert_eq!(watch(0, 10_000).frames_short(), 0);
        assert_eq!(watch(0, 20_000).frames_short(), 0);
        assert_eq!(watch(50, 5_000).frames_short(), 100);
    }

    #[test]
    fn silence_begins_after_two_seconds() {
        let heard_at = Duration::from_secs(100);
        assert!(!is_silent(heard_at, heard_at + SILENCE_MAX));
        assert!(is_silent(heard_at, heard_at + SILENCE_MAX + Duration::from_millis(1)));
        assert!(!is_silent(heard_at, Duration::ZERO));
    }

    #[test]
    fn only_a_result_is_a_good_end() {
        assert!(!is_lost(EndReason::Outcome));
        assert!(is_lost(EndReason::Aborted) && is_lost(EndReason::Failed));
    }
}
