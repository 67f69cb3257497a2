//! `Office`, what a node has said of its coordinating, and when it goes on after an error. Time is an argument.

use std::time::{Duration, Instant};

use crate::Epoch;

/// How long it pauses after the first of several errors, and the longest pause.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Whether this node coordinates, as far as it was said.
#[derive(Debug, Default)]
pub(super) struct Office {
    /// Under which number it was said that it does.
    told: Option<Epoch>,
    /// Errors since it has worked last, and until when it pauses for them.
    errors: u32,
    paused_until: Option<Instant>,
}

impl Office {
    /// It coordinates under that number: whether that is to be said.
    pub(super) fn take(&mut self, epoch: Epoch) -> bool {
        self.told.replace(epoch) != Some(epoch)
    }

    /// It does not coordinate: whether that is to be said.
    pub(super) fn leave(&mut self) -> bool {
        (self.errors, self.paused_until) = (0, None);
        self.told.take().is_some()
    }

    /// Whether it pauses after an error.
    pub(super) fn pauses(&self, now: Instant) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }

    /// A round has failed: whether that is to be said. It reads all tickets again, after a pause that doubles.
    pub(super) fn fail(&mut self, now: Instant) -> bool {
        let pause = PAUSE_FIRST * 2_u32.pow(self.errors.min(8));
        self.paused_until = Some(now + pause.min(PAUSE_MAX));
        self.errors = self.errors.saturating_add(1);
        self.errors == 1
    }

    /// A round has worked: whether that is to be said.
    pub(super) fn work(&mut self) -> bool {
        self.paused_until = None;
        std::mem::take(&mut self.errors) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND: Duration = Duration::from_millis(100);

    #[test]
    fn while_the_store_errs_it_is_said_once_and_seldom_tried() {
        let (mut office, mut now) = (Office::default(), Instant::now());
        let (mut taken, mut failed, mut tried) = (0, 0, 0);
        for _ in 0..300 {
            now += ROUND;
            if office.pauses(now) {
                continue;
            }
            taken += u32::from(office.take(Epoch(7)));
            failed += u32::from(office.fail(now));
            tried += 1;
        }
        // 100, 200, … 1,600 ms, then every 2 s: half a minute.
        assert_eq!((taken, failed), (1, 1));
        assert!((15..=20).contains(&tried), "{tried}");
        now += PAUSE_MAX;
        assert!(!office.pauses(now) && !office.take(Epoch(7)) && office.work() && !office.work());
        // The next error is one of its own, and so is another office.
        assert!(office.fail(now) && office.pauses(now) && !office.pauses(now + ROUND));
        assert!(office.take(Epoch(9)) && office.leave() && !office.leave() && office.take(Epoch(9)));
    }
}
