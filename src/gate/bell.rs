//! `Bell`, what wakes a server that rests.

use std::sync::{Condvar, Mutex, PoisonError};

use core::mem;
use core::time::Duration;

/// What wakes a server that rests between two turns. Ringing never waits; a bell that was rung before anybody waits is
/// heard at the next wait.
#[derive(Debug, Default)]
pub struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    /// Wakes who waits, or the next who would.
    pub fn ring(&self) {
        let was_rung = mem::replace(&mut *self.rung.lock().unwrap_or_else(PoisonError::into_inner), true);
        // Who rang first has woken whoever waits, and waking costs a call of the system.
        if !was_rung {
            self.heard.notify_one();
        }
    }

    /// Waits for the bell, at most `timeout`; says whether it was rung.
    pub fn wait(&self, timeout: Duration) -> bool {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.heard.wait_timeout_while(rung, timeout, |rung| !*rung);
        let (mut rung, _) = waited.unwrap_or_else(PoisonError::into_inner);
        mem::take(&mut *rung)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_that_was_rung_before_is_heard_once() {
        let bell = Bell::default();
        bell.ring();
        assert!(bell.wait(Duration::from_secs(3_600)));
        assert!(!bell.wait(Duration::ZERO));
    }
}
