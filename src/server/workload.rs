//! `Workload`, how much of its time the server works.

use std::time::Duration;

use bevy_ecs::prelude::Resource;

/// Time that is looked at as one.
const WINDOW: Duration = Duration::from_millis(500);

/// How much of its time the server works: what only helps is left out before it takes the time of what is needed.
#[derive(Resource, Debug, Default)]
pub(crate) struct Workload {
    since: Duration,
    worked: Duration,
    is_busy: bool,
}

impl Workload {
    /// Notes a pump that began and ended.
    pub(crate) fn note(&mut self, began: Duration, ended: Duration) {
        self.worked += ended.saturating_sub(began);
        let window = ended.saturating_sub(self.since);
        if window >= WINDOW {
            self.is_busy = self.worked * 2 > window;
            (self.since, self.worked) = (ended, Duration::ZERO);
        }
    }

    /// Whether more than half of the last half second went into pumps.
    pub(crate) const fn is_busy(&self) -> bool {
        self.is_busy
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Workload};

    fn pumps(workload: &mut Workload, from_ms: u64, each_ms: u64) {
        for at in (from_ms..from_ms + 1_000).step_by(10) {
            workload.note(Duration::from_millis(at), Duration::from_millis(at + each_ms));
        }
    }

    #[test]
    fn a_server_is_busy_when_it_works_more_than_it_waits() {
        let mut workload = Workload::default();
        pumps(&mut workload, 0, 4);
        assert!(!workload.is_busy());
        pumps(&mut workload, 1_000, 7);
        assert!(workload.is_busy());
        pumps(&mut workload, 2_000, 4);
        assert!(!workload.is_busy());
    }
}
