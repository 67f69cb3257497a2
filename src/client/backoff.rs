//! `Backoff`, when to try again.

use std::time::Duration;

use framekeep_sim::Pcg32;

use crate::ReconnectConfig;

/// When to try again: pauses that double, with chance added.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    failed: u32,
    at: Duration,
    rng: Pcg32,
}

impl Backoff {
    pub(crate) fn new(seed: u64) -> Self {
        Self { failed: 0, at: Duration::ZERO, rng: Pcg32::new(seed, 0x7265_7472) }
    }

    /// Whether the next attempt is due.
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        now >= self.at
    }

    /// How many attempts have failed in a row.
    pub(crate) fn failed(&self) -> u32 {
        self.failed
    }

    /// It worked: the next loss begins anew.
    pub(crate) fn reset(&mut self) {
        (self.failed, self.at) = (0, Duration::ZERO);
    }

    /// An attempt has failed.
    pub(crate) fn note_failure(&mut self, now: Duration, config: &ReconnectConfig) {
        let pause = config.first.saturating_mul(1 << self.failed.min(16)).min(config.longest);
        let extra = pause * self.rng.below(config.jitter_percent.min(1_000) + 1) / 100;
        self.failed = self.failed.saturating_add(1);
        self.at = now + pause + extra;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_are_not_the_same_for_all() {
        let config = ReconnectConfig::default();
        let pauses = |seed| {
            let mut backoff = Backoff::new(seed);
            (0..12)
                .map(|_| {
                    backoff.note_failure(Duration::ZERO, &config);
                    backoff.at
                })
                .collect::<Vec<_>>()
        };
        let (one, other) = (pauses(1), pauses(2));
        assert_ne!(one, other);
        for (step, pause) in one.iter().enumerate() {
            let base = (config.first * (1 << step)).min(config.longest);
            assert!((base..=base * 3 / 2).contains(pause), "{step}: {pause:?}");
        }
    }
}
