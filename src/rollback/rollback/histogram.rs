//! `Histogram`, a fixed amount of memory for any number of measurements.

/// Buckets per doubling: a value is known to 1/32.
const SUB: u64 = 32;
const SUB_BITS: u32 = 5;
const BUCKETS: usize = 736;

/// Counts of values in buckets whose width grows with the value (values below 32 are exact, others within 3 %).
///
/// The layout is that of HdrHistogram (Tene): linear inside a doubling, logarithmic across doublings. Values of 2^27
/// and more share the last bucket; in microseconds that is over two minutes.
///
/// ```
/// use framekeep_rollback::Histogram;
/// let mut times = Histogram::default();
/// (1..=100).for_each(|value| times.record(value));
/// assert_eq!(times.quantile(500), 50); // the median: 500 permille, as the top of its bucket, 2 wide here
/// assert_eq!(times.max(), 100);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<u32>,
    total: u64,
    max: u64,
}

impl Histogram {
    /// Counts one value.
    pub fn record(&mut self, value: u64) {
        self.add(bucket(value), 1);
        self.max = self.max.max(value);
    }

    /// Adds what another histogram counted.
    pub fn merge(&mut self, other: &Self) {
        for (index, &count) in other.counts.iter().enumerate().filter(|&(_, &count)| count > 0) {
            self.add(index, count);
        }
        self.max = self.max.max(other.max);
    }

    /// Forgets every value and keeps the memory.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        (self.total, self.max) = (0, 0);
    }

    /// How many values were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The largest value, exactly; 0 if there is none.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The value that `permille` of all values do not exceed (the top of its bucket); 0 if there is none.
    #[must_use]
    pub fn quantile(&self, permille: u32) -> u64 {
        let rank = (self.total * u64::from(permille.min(1_000))).div_ceil(1_000).max(1);
        let mut seen = 0;
        for (index, &count) in self.counts.iter().enumerate() {
            seen += u64::from(count);
            if seen >= rank {
                return top(index).min(self.max);
            }
        }
        self.max
    }

    fn add(&mut self, index: usize, count: u32) {
        if self.counts.is_empty() {
            self.counts.resize(BUCKETS, 0);
        }
        if let Some(slot) = self.counts.get_mut(index) {
            *slot = slot.saturating_add(count);
            self.total += u64::from(count);
        }
    }
}

fn bucket(value: u64) -> usize {
    if value < SUB {
        return value as usize;
    }
    let shift = value.ilog2() - SUB_BITS;
    (((u64::from(shift) + 1) * SUB + ((value >> shift) & (SUB - 1))) as usize).min(BUCKETS - 1)
}

/// The largest value that falls into a bucket.
fn top(index: usize) -> u64 {
    let (octave, sub) = (index as u64 / SUB, index as u64 % SUB);
    if octave == 0 { sub } else { ((SUB + sub + 1) << (octave - 1)) - 1 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BUCKETS, Histogram, bucket, top};

    proptest! {
        #[test]
        fn a_value_is_known_to_one_part_in_32(value in 0_u64..(1 << 27)) {
            let index = bucket(value);
            prop_assert!(index < BUCKETS);
            prop_assert!(top(index) >= value);
            prop_assert!(top(index) - value <= value / 32);
        }

        #[test]
        fn any_value_is_counted(values in proptest::collection::vec(any::<u64>(), 1..50)) {
            let mut histogram = Histogram::default();
            values.iter().for_each(|&value| histogram.record(value));
            prop_assert_eq!(histogram.count(), values.len() as u64);
            prop_assert_eq!(Some(histogram.max()), values.iter().copied().max());
        }
    }

    #[test]
    fn merging_is_counting_both() {
        let (mut left, mut right, mut both) =
            (Histogram::default(), Histogram::default(), Histogram::default());
        for value in 0..1_000 {
            if value % 3 == 0 {
                left.record(value)
            } else {
                right.record(value)
            }
            both.record(value);
        }
        left.merge(&right);
        assert_eq!(left, both);
        assert_eq!(left.quantile(1_000), 999);
    }
}
