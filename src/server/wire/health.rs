//! `SocketHealth`, when a socket that has failed is opened anew.

use std::time::Duration;

use bevy_ecs::prelude::Resource;

use crate::Retry;

/// When a failed socket is opened anew: soon, and ever later up to 10 s, for as long as the server runs.
const REOPEN: Retry = Retry {
    first: Duration::from_millis(50),
    cap: Duration::from_secs(10),
    retries_max: u32::MAX,
    jitter_percent: 20,
};

/// Whether the node's socket works, and when it is opened anew if not.
#[derive(Resource, Debug, Default)]
pub(crate) struct SocketHealth {
    failures: u32,
    reopen_at: Option<Duration>,
}

impl SocketHealth {
    /// Reading has worked.
    pub(crate) fn note_success(&mut self) {
        self.failures = 0;
    }

    /// The socket has failed; further failures before it is opened anew are the same.
    pub(crate) fn note_failure(&mut self, now: Duration, seed: u64) {
        if self.reopen_at.is_none() {
            self.failures = self.failures.saturating_add(1);
            self.reopen_at = REOPEN.wait(self.failures, seed).map(|wait| now + wait);
        }
    }

    /// Whether the socket is of any use now.
    pub(crate) fn is_usable(&self) -> bool {
        self.reopen_at.is_none()
    }

    /// Whether it is time to open the socket anew; says so once.
    pub(crate) fn take_reopen(&mut self, now: Duration) -> bool {
        self.reopen_at.take_if(|at| *at <= now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_keeps_failing_is_opened_ever_more_seldom() {
        let mut health = SocketHealth::default();
        let mut opened = Vec::new();
        for now in (0..60_000).map(Duration::from_millis) {
            if health.take_reopen(now) {
                opened.push(now);
            }
            health.note_failure(now, 7);
        }
        let waits: Vec<_> = opened.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
        assert!(waits[0] >= 80 && waits.iter().max() <= Some(&10_000), "{waits:?}");
        assert!(opened.len() < 15, "{waits:?}");
        health.take_reopen(Duration::from_secs(100));
        health.note_success();
        health.note_failure(Duration::from_secs(100), 7);
        assert!(!health.is_usable());
        assert!(health.take_reopen(Duration::from_millis(100_050)), "soon again after it has worked");
    }
}
