//! `Conditioner`, one direction of a bad network.

use core::cmp::Ordering;
use core::time::Duration;
use std::collections::BinaryHeap;

use framekeep_sim::Pcg32;

use crate::LinkConditions;

/// Most packets under way in one direction; more are lost, as in a router.
pub const QUEUE_MAX: usize = 8_192;

const MILLION: u32 = 1_000_000;
const HELD_BACK_AT_LEAST: Duration = Duration::from_millis(10);

/// What became of the packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConditionerStats {
    /// Packets put in.
    pub sent: u64,
    /// Of these, lost by chance, in a partition or because too many were under way.
    pub lost: u64,
    /// Of these, doubled.
    pub duplicated: u64,
    /// Of these, held back.
    pub reordered: u64,
}

/// One direction of a bad network: packets go in, and come out later, doubled, out of order or never.
#[derive(Clone, Debug)]
pub struct Conditioner<P> {
    conditions: LinkConditions,
    rng: Pcg32,
    queue: BinaryHeap<Underway<P>>,
    count: u64,
    in_burst: bool,
    partitioned: bool,
    stats: ConditionerStats,
}

impl<P: Clone> Conditioner<P> {
    /// A network of these conditions; the same seed and the same packets at the same times have the same fate.
    #[must_use]
    pub fn new(conditions: LinkConditions, seed: u64) -> Self {
        Self {
            conditions,
            rng: Pcg32::new(seed, 0x6c69_6e6b),
            queue: BinaryHeap::new(),
            count: 0,
            in_burst: false,
            partitioned: false,
            stats: ConditionerStats::default(),
        }
    }

    /// Changes the conditions for packets that are sent from now on.
    pub fn set_conditions(&mut self, conditions: LinkConditions) {
        self.conditions = conditions;
    }

    /// While partitioned, every packet that is sent is lost; those under way arrive.
    pub fn set_partitioned(&mut self, partitioned: bool) {
        self.partitioned = partitioned;
    }

    /// Puts a packet in.
    pub fn send(&mut self, now: Duration, packet: P) {
        self.stats.sent += 1;
        if self.is_lost() {
            self.stats.lost += 1;
            return;
        }
        if self.chance(self.conditions.duplicate_ppm) {
            self.stats.duplicated += 1;
            let due = now + self.delay();
            self.push(due, packet.clone());
        }
        let due = now + self.delay();
        self.push(due, packet);
    }

    /// Takes out the next packet that has arrived by `now`.
    pub fn receive(&mut self, now: Duration) -> Option<P> {
        if self.next_due()? <= now { self.queue.pop().map(|underway| underway.packet) } else { None }
    }

    /// When the next packet arrives; `None` if none is under way.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        self.queue.peek().map(|underway| underway.due)
    }

    /// What became of the packets so far.
    #[must_use]
    pub fn stats(&self) -> ConditionerStats {
        self.stats
    }

    fn push(&mut self, due: Duration, packet: P) {
        if self.queue.len() >= QUEUE_MAX {
            self.stats.lost += 1;
            return;
        }
        self.queue.push(Underway { due, order: self.count, packet });
        self.count += 1;
    }

    /// Gilbert's model ("Capacity of a Burst-Noise Channel", 1960): a good state that loses nothing and a bad one
    /// that loses everything, left after `burst_packets` packets on average.
    fn is_lost(&mut self) -> bool {
        let LinkConditions { loss_ppm, burst_packets, .. } = self.conditions;
        if self.partitioned || loss_ppm >= MILLION {
            return true;
        }
        if burst_packets <= 1 {
            return self.chance(loss_ppm);
        }
        let change = if self.in_burst {
            MILLION / burst_packets
        } else {
            let good = u64::from(burst_packets) * u64::from(MILLION - loss_ppm);
            (u64::from(loss_ppm) * u64::from(MILLION) / good).min(MILLION.into()) as u32
        };
        self.in_burst ^= self.chance(change);
        self.in_burst
    }

    fn delay(&mut self) -> Duration {
        let mut delay = self.once_through();
        if self.chance(self.conditions.reorder_ppm) {
            self.stats.reordered += 1;
            delay += self.once_through().max(HELD_BACK_AT_LEAST);
        }
        delay
    }

    fn once_through(&mut self) -> Duration {
        let LinkConditions { delay, jitter, .. } = self.conditions;
        let range = (jitter.as_micros() as u32).saturating_mul(2);
        let offset = Duration::from_micros(if range == 0 { 0 } else { self.rng.below(range + 1).into() });
        (delay + offset).saturating_sub(jitter)
    }

    fn chance(&mut self, ppm: u32) -> bool {
        ppm > 0 && self.rng.below(MILLION) < ppm
    }
}

#[derive(Clone, Debug)]
struct Underway<P> {
    due: Duration,
    order: u64,
    packet: P,
}

/// The heap gives the greatest first, which is to be the packet that arrives first, or was sent first.
impl<P> Ord for Underway<P> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.order).cmp(&(self.due, self.order))
    }
}

impl<P> PartialOrd for Underway<P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<P> PartialEq for Underway<P> {
    fn eq(&self, other: &Self) -> bool {
        (self.due, self.order) == (other.due, other.order)
    }
}

impl<P> Eq for Underway<P> {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(conditions: LinkConditions, seed: u64, count: u32) -> (Vec<(Duration, u32)>, ConditionerStats) {
        let mut link = Conditioner::new(conditions, seed);
        let mut arrived = Vec::new();
        for ms in 0..count + 10_000 {
            let now = Duration::from_millis(ms.into());
            if ms < count {
                link.send(now, ms);
            }
            arrived.extend(std::iter::from_fn(|| link.receive(now)).map(|packet| (now, packet)));
        }
        (arrived, link.stats())
    }

    #[test]
    fn a_seed_decides_everything() {
        assert_eq!(run(LinkConditions::MOBILE, 1, 1_000), run(LinkConditions::MOBILE, 1, 1_000));
        assert_ne!(run(LinkConditions::MOBILE, 1, 1_000).0, run(LinkConditions::MOBILE, 2, 1_000).0);
    }

    #[test]
    fn loss_comes_at_its_rate_and_in_bursts() {
        let (arrived, stats) = run(LinkConditions::MOBILE, 3, 100_000);
        assert!((4_500..5_500).contains(&stats.lost), "{stats:?}");
        let mut numbers: Vec<u32> = arrived.iter().map(|&(_, packet)| packet).collect();
        numbers.sort_unstable();
        let bursts = numbers.windows(2).filter(|pair| pair[1] > pair[0] + 1).count() as u64;
        let mean_tenths = stats.lost * 10 / bursts;
        assert!((27..34).contains(&mean_tenths), "mean burst {mean_tenths} tenths");
    }

    #[test]
    fn a_perfect_link_is_a_queue() {
        let (arrived, _) = run(LinkConditions::PERFECT, 1, 100);
        assert!(arrived.iter().enumerate().all(|(index, &(_, packet))| packet == index as u32));
        assert_eq!(arrived.len(), 100);
    }

    #[test]
    fn a_partition_loses_what_is_sent_meanwhile() {
        let mut link = Conditioner::new(LinkConditions::PERFECT, 1);
        link.set_partitioned(true);
        link.send(Duration::ZERO, 1);
        link.set_partitioned(false);
        link.send(Duration::ZERO, 2);
        assert_eq!(link.receive(Duration::ZERO), Some(2));
        assert_eq!(link.receive(Duration::ZERO), None);
    }

    proptest! {
        #[test]
        fn delays_stay_in_their_range(seed: u64, delay in 0_u64..100, jitter in 0_u64..50) {
            let conditions = LinkConditions {
                delay: Duration::from_millis(delay),
                jitter: Duration::from_millis(jitter),
                ..LinkConditions::PERFECT
            };
            for (now, packet) in run(conditions, seed, 100).0 {
                let took = now.as_millis() as u64 - u64::from(packet);
                prop_assert!((delay.saturating_sub(jitter)..=delay + jitter).contains(&took));
            }
        }
    }
}
