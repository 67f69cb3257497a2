//! `Backoff`, how often connecting has failed, and when to try again.

use std::time::Duration;

use framekeep_link::Retry;

use crate::ReconnectConfig;

/// How often connecting has failed in a row, and when to try again: [`Retry`] with a memory.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    failed: u32,
    at: Duration,
    seed: u64,
}

impl Backoff {
    pub(crate) fn new(seed: u64) -> Self {
        Self { failed: 0, at: Duration::ZERO, seed }
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

    /// The next attempt is due at once.
    pub(crate) fn hurry(&mut self) {
        self.at = Duration::ZERO;
    }

    /// An attempt has failed; tells whether there is to be another.
    pub(crate) fn note_failure(&mut self, now: Duration, config: &ReconnectConfig) -> bool {
        self.failed = self.failed.saturating_add(1);
        let retry = Retry {
            first: config.first,
            cap: config.longest,
            retries_max: config.attempts_max.max(1) - 1,
            jitter_percent: config.jitter_percent,
        };
        let wait = retry.wait(self.failed, self.seed);
        self.at = now + wait.unwrap_or(config.longest);
        wait.is_some()
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
                    assert!(backoff.note_failure(Duration::ZERO, &config));
                    backoff.at
                })
                .collect::<Vec<_>>()
        };
        let (one, other) = (pauses(1), pauses(2));
        assert_ne!(one, other);
        for (step, pause) in one.iter().enumerate() {
            let base = (config.first * (1 << step)).min(config.longest);
            assert!((base / 2..=base).contains(pause), "{step}: {pause:?}");
        }
    }

    #[test]
    fn after_the_last_attempt_there_is_none() {
        let config = ReconnectConfig { attempts_max: 3, ..ReconnectConfig::default() };
        let mut backoff = Backoff::new(1);
        assert_eq!([0; 3].map(|_| backoff.note_failure(Duration::ZERO, &config)), [true, true, false]);
    }
}
