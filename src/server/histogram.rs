//! `Histogram`, how a duration is distributed.

/// How a duration in microseconds is distributed: 16 buckets per doubling, so quantiles are right to 1/16.
#[derive(Clone, Debug)]
pub struct Histogram {
    buckets: Box<[u64; BUCKETS]>,
    count: u64,
    sum: u64,
    max: u64,
    /// The largest value since somebody asked last.
    recent_max: u64,
}

const SUB: u32 = 4;
const BUCKETS: usize = ((33 - SUB as usize) << SUB) + (1 << SUB);

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: Box::new([0; BUCKETS]), count: 0, sum: 0, max: 0, recent_max: 0 }
    }
}

impl Histogram {
    /// Adds a value; those over 2^32 count as that.
    pub fn record(&mut self, value: u64) {
        self.buckets[bucket(value)] += 1;
        self.count += 1;
        self.sum += value;
        self.max = self.max.max(value);
        self.recent_max = self.recent_max.max(value);
    }

    /// All values together.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The largest value since this was asked last; 0 if there was none.
    pub fn take_recent_max(&mut self) -> u64 {
        std::mem::take(&mut self.recent_max)
    }

    /// How many values were at most `value`, right to a sixteenth of it.
    #[must_use]
    pub fn at_most(&self, value: u64) -> u64 {
        self.buckets[..=bucket(value)].iter().sum()
    }

    /// How many values there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The largest value.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The value that `share` (0 to 1) of all values do not exceed; 0 if there are none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> u64 {
        let wanted = (self.count as f64 * share.clamp(0.0, 1.0)).ceil() as u64;
        let mut seen = 0;
        for (number, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted && *count > 0 {
                return upper_end(number).min(self.max);
            }
        }
        0
    }
}

fn bucket(value: u64) -> usize {
    let value = value.min(u64::from(u32::MAX));
    let magnitude = (value | ((1 << SUB) - 1)).ilog2();
    let shift = magnitude + 1 - SUB;
    if value < (1 << SUB) {
        return value as usize;
    }
    let shift = shift - 1;
    ((shift as usize + 1) << SUB) + ((value >> shift) as usize - (1 << SUB))
}

fn upper_end(number: usize) -> u64 {
    let (row, column) = (number >> SUB, (number & ((1 << SUB) - 1)) as u64);
    if row == 0 { column } else { ((1 << SUB) + column + 1) * (1 << (row - 1)) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_a_sixteenth() {
        let mut histogram = Histogram::default();
        (1..=100_000).for_each(|value| histogram.record(value));
        for share in [0.01, 0.5, 0.9, 0.99] {
            let (got, exact) = (histogram.quantile(share) as f64, 100_000.0 * share);
            assert!(got >= exact && got <= exact * 1.0625 + 1.0, "{share}: {got} for {exact}");
        }
        assert_eq!(histogram.quantile(1.0), 100_000);
        assert_eq!(Histogram::default().quantile(0.5), 0);
    }

    #[test]
    fn every_value_lies_in_its_bucket() {
        for value in (0..70_000).chain([u64::from(u32::MAX), u64::MAX]) {
            let number = bucket(value);
            assert!(upper_end(number) >= value.min(u64::from(u32::MAX)), "{value}");
            assert!(number == 0 || upper_end(number - 1) < value, "{value}");
        }
    }
}
