//! `Retry`, when to try something again that has failed: exponential backoff with a cap, bounded, with jitter.

use std::time::Duration;

/// When to try something again that has failed. Pure: whoever retries keeps the count and looks at the clock.
///
/// The method is capped exponential backoff with partial jitter (Brooker, "Exponential Backoff And Jitter", 2015); a
/// seed stands for the jitter, so that the same failure of the same thing waits as long each time it is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Wait after the first failure; doubles with each one. Zero tries again at once, always.
    pub first: Duration,
    /// The longest wait.
    pub cap: Duration,
    /// How often a thing is tried again before it is given up.
    pub retries_max: u32,
    /// By how many percent of it a wait may be shorter, at most 100, so that not all come back together.
    pub jitter_percent: u32,
}

impl Retry {
    /// A policy without waits.
    #[must_use]
    pub const fn at_once(retries_max: u32) -> Self {
        Self { first: Duration::ZERO, cap: Duration::ZERO, retries_max, jitter_percent: 0 }
    }

    /// How long to wait after the `failures`th failure, counted from 1; `None` when it is time to give up.
    #[must_use]
    pub fn wait(&self, failures: u32, seed: u64) -> Option<Duration> {
        if failures > self.retries_max {
            return None;
        }
        let doublings = failures.saturating_sub(1).min(31);
        let wait = self.first.saturating_mul(1 << doublings).min(self.cap);
        let most = u64::from(self.jitter_percent.min(100));
        // In thousandths of a percent.
        let less = mix(seed ^ u64::from(failures)) % (most * 1_000 + 1);
        let less = wait.as_nanos() * u128::from(less) / 100_000;
        Some(wait.saturating_sub(Duration::from_nanos(u64::try_from(less).unwrap_or(u64::MAX))))
    }
}

/// Spreads a seed over all bits (the finalizer of SplitMix64).
const fn mix(seed: u64) -> u64 {
    let seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let seed = (seed ^ (seed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ (seed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn waits_double_up_to_the_cap_and_then_it_is_given_up() {
        let retry = Retry { first: ms(100), cap: ms(1_000), retries_max: 6, jitter_percent: 0 };
        let waits: Vec<_> = (1..=7).map(|failures| retry.wait(failures, 9)).collect();
        let expected = [100, 200, 400, 800, 1_000, 1_000].map(|wait| Some(ms(wait)));
        assert_eq!(waits[..6], expected);
        assert_eq!(waits[6], None);
    }

    #[test]
    fn jitter_only_shortens_and_repeats_itself() {
        let retry = Retry { first: ms(800), cap: ms(60_000), retries_max: u32::MAX, jitter_percent: 25 };
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..1_000 {
            let wait = retry.wait(1, seed).unwrap();
            assert!((ms(600)..=ms(800)).contains(&wait), "seed {seed}: {wait:?}");
            assert_eq!(retry.wait(1, seed), Some(wait));
            seen.insert(wait);
        }
        assert!(seen.len() > 900, "{} waits", seen.len());
    }

    #[test]
    fn at_once_means_at_once_and_a_long_life_does_not_overflow() {
        assert_eq!((1..=4).filter_map(|n| Retry::at_once(3).wait(n, 0)).collect::<Vec<_>>(), [ms(0); 3]);
        let retry = Retry { first: ms(1), cap: Duration::MAX, retries_max: u32::MAX, jitter_percent: 100 };
        for failures in [0, 31, 32, 33, 1_000, u32::MAX] {
            assert!(retry.wait(failures, 7).is_some());
        }
    }
}
