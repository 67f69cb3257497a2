//! How much an address, a key or a link may ask for.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::clock::DefaultClock;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

/// Addresses that are remembered at one time; while there are more, new ones wait.
const ADDRESSES_MAX: usize = 65_536;

/// Requests at once, in seconds' worth.
const BURST_S: u32 = 6;

type Buckets<K> = RateLimiter<K, HashMapStateStore<K>, DefaultClock>;

/// How much each address, and whoever has the key, may ask for.
pub(crate) struct Budgets {
    by_address: Option<Buckets<IpAddr>>,
    with_key: Option<Buckets<()>>,
    /// What an address may ask for at once.
    burst: u32,
    asked: AtomicU64,
}

impl Budgets {
    /// Budgets of so many requests a second; 0 is no limit.
    pub(crate) fn new(per_address: u32, with_key: u32) -> Self {
        let burst = per_address.saturating_mul(BURST_S);
        Self {
            by_address: buckets(per_address),
            with_key: buckets(with_key),
            burst,
            asked: AtomicU64::new(0),
        }
    }

    /// Takes one request from an address's budget.
    pub(crate) fn take(&self, address: IpAddr) -> bool {
        self.take_many(address, NonZeroU32::MIN)
    }

    /// Takes a request that costs as much as several; one that costs more than there ever is takes all there is.
    pub(crate) fn take_many(&self, address: IpAddr, cost: NonZeroU32) -> bool {
        let Some(buckets) = &self.by_address else { return true };
        // Addresses whose budget is full again are forgotten now and then.
        if self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(4_096) {
            buckets.retain_recent();
            buckets.shrink_to_fit();
        }
        let cost = NonZeroU32::new(self.burst).map_or(cost, |burst| cost.min(burst));
        buckets.len() < ADDRESSES_MAX && matches!(buckets.check_key_n(&network(address), cost), Ok(Ok(())))
    }

    /// Takes one request from the budget of whoever has the key.
    pub(crate) fn take_with_key(&self) -> bool {
        self.with_key.as_ref().is_none_or(|buckets| buckets.check_key(&()).is_ok())
    }
}

/// What is given to one customer: an address of IPv4, a /64 of IPv6.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
        address => address,
    }
}

fn buckets<K: std::hash::Hash + Eq + Clone>(per_s: u32) -> Option<Buckets<K>> {
    let per_second = NonZeroU32::new(per_s)?;
    let burst = NonZeroU32::new(per_s.saturating_mul(BURST_S))?;
    Some(RateLimiter::hashmap(Quota::per_second(per_second).allow_burst(burst)))
}

/// So many more messages over the budget than within it, and a link is not heard any more: who asks for a little too
/// much for ever is not let go, who floods is, however slowly a busy machine reads the flood.
const OVER_MAX: u32 = 600;

/// A bucket of messages of one link, which fills with time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageBudget {
    per_s: f64,
    level: f64,
    at: Instant,
    /// How many more messages there were over the budget than within it.
    over: u32,
}

impl MessageBudget {
    pub(crate) fn new(per_s: u32, now: Instant) -> Self {
        Self { per_s: per_s.into(), level: per_s.into(), at: now, over: 0 }
    }

    /// Takes one message; `false` if there is none left.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        self.level = (self.level + passed * self.per_s).min(self.per_s);
        if self.level < 1.0 {
            self.over = self.over.saturating_add(1);
            return false;
        }
        self.level -= 1.0;
        self.over = self.over.saturating_sub(1);
        true
    }

    /// Whether so much was over the budget that nobody means well who says it.
    pub(crate) fn is_flooded(&self) -> bool {
        self.over > OVER_MAX
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_is_spent_and_fills_with_time() {
        let start = Instant::now();
        let mut budget = MessageBudget::new(60, start);
        assert_eq!((0..100).filter(|_| budget.take(start)).count(), 60);
        let later = start + Duration::from_millis(500);
        assert_eq!((0..100).filter(|_| budget.take(later)).count(), 30);
    }

    #[test]
    fn a_flood_is_one_however_slowly_it_is_read_and_a_little_too_much_is_none() {
        let start = Instant::now();
        for (per_s, is_flood) in [(6_000, true), (200, true), (130, true), (110, false), (60, false)] {
            let mut budget = MessageBudget::new(60, start);
            let mut flooded = false;
            for nth in 0..per_s * 120 {
                budget.take(start + Duration::from_secs(1) * nth / per_s);
                flooded |= budget.is_flooded();
            }
            assert_eq!(flooded, is_flood, "{per_s} a second");
        }
    }

    #[test]
    fn every_address_has_a_budget_and_zero_is_no_limit() {
        let budgets = Budgets::new(1, 0);
        let address = |last| IpAddr::from([10, 0, 0, last]);
        assert_eq!((0..20).filter(|_| budgets.take(address(1))).count(), BURST_S as usize);
        assert!(budgets.take(address(2)));
        assert!((0..10_000).all(|_| budgets.take_with_key()));
    }
}
