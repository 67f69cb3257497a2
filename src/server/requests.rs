//! `RequestBudget`, how many connection requests an IP address may send.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::limits::{REQUEST_ADDRESSES_MAX, REQUESTS_BURST, REQUESTS_PER_SECOND};

/// A token bucket per IP address. Time is an argument; memory is bounded.
#[derive(Debug, Default)]
pub(crate) struct RequestBudget {
    buckets: HashMap<IpAddr, Bucket, foldhash::fast::RandomState>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Thousandths of a request.
    level: u64,
    at: Duration,
}

impl RequestBudget {
    /// Takes one request from the address's budget; `false` if there is none left.
    pub(crate) fn take(&mut self, address: IpAddr, now: Duration) -> bool {
        if self.buckets.len() >= REQUEST_ADDRESSES_MAX && !self.buckets.contains_key(&address) {
            self.forget_full(now);
            if self.buckets.len() >= REQUEST_ADDRESSES_MAX {
                return false;
            }
        }
        let full = u64::from(REQUESTS_BURST) * 1_000;
        let bucket = self.buckets.entry(address).or_insert(Bucket { level: full, at: now });
        bucket.refill(now);
        if bucket.level < 1_000 {
            return false;
        }
        bucket.level -= 1_000;
        true
    }

    /// Addresses whose budget is full again need not be remembered.
    fn forget_full(&mut self, now: Duration) {
        self.buckets.retain(|_, bucket| {
            bucket.refill(now);
            bucket.level < u64::from(REQUESTS_BURST) * 1_000
        });
    }
}

impl Bucket {
    fn refill(&mut self, now: Duration) {
        let passed_ms = now.saturating_sub(self.at).as_millis() as u64;
        if passed_ms == 0 {
            return;
        }
        self.at = now;
        let gained = passed_ms.saturating_mul(u64::from(REQUESTS_PER_SECOND));
        self.level = self.level.saturating_add(gained).min(u64::from(REQUESTS_BURST) * 1_000);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + last).into())
    }

    #[test]
    fn a_burst_is_spent_and_comes_back_with_time() {
        let mut budget = RequestBudget::default();
        let start = Duration::from_secs(10);
        assert_eq!(
            (0..2 * REQUESTS_BURST).filter(|_| budget.take(ip(1), start)).count(),
            REQUESTS_BURST as usize
        );
        assert!(budget.take(ip(2), start), "another address has a budget of its own");
        let later = start + Duration::from_millis(100);
        let back = (0..REQUESTS_BURST).filter(|_| budget.take(ip(1), later)).count();
        assert_eq!(back, (REQUESTS_PER_SECOND / 10) as usize);
    }

    #[test]
    fn addresses_without_end_are_not_remembered_without_end() {
        let mut budget = RequestBudget::default();
        let now = Duration::from_secs(1);
        for last in 0..3 * REQUEST_ADDRESSES_MAX as u32 {
            let _ = budget.take(ip(last), now);
        }
        assert!(budget.buckets.len() <= REQUEST_ADDRESSES_MAX);
        assert!(
            budget.take(ip(u32::MAX / 2), now + Duration::from_secs(5)),
            "budgets that are full again give way"
        );
    }
}
