//! `LogBudget`, so that what repeats itself does not fill the log.

use std::time::Duration;

use bevy_ecs::prelude::Resource;

/// Lines that may repeat with each pump or each peer are logged at most this often in a second.
const LINES_PER_SECOND: u32 = 5;

/// At most five lines a second of warnings that could come with every pump or every peer; counters have them all.
#[derive(Resource, Debug, Default)]
pub(crate) struct LogBudget {
    second: u64,
    used: u32,
}

impl LogBudget {
    /// Whether one more line may be logged.
    pub(crate) fn take(&mut self, now: Duration) -> bool {
        if self.second != now.as_secs() {
            *self = Self { second: now.as_secs(), used: 0 };
        }
        self.used += 1;
        self.used <= LINES_PER_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_five_lines() {
        let mut budget = LogBudget::default();
        let lines = |budget: &mut LogBudget, now| (0..1_000).filter(|_| budget.take(now)).count();
        assert_eq!(lines(&mut budget, Duration::from_millis(1_500)), 5);
        assert_eq!(lines(&mut budget, Duration::from_millis(1_900)), 0);
        assert_eq!(lines(&mut budget, Duration::from_millis(2_000)), 5);
    }
}
