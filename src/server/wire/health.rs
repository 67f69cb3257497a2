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
    use std::io;
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use framekeep_sim::GameRegistry;

    use super::*;
    use crate::{
        Chance, Clock, Counters, Datagrams, FaultKind, Games, MemoryWire, NodeKey, Recorder, Server,
        ServerConfig, Wire,
    };

    /// A wire that fails as long as it is told to.
    struct Flaky {
        wire: MemoryWire,
        fails: Arc<AtomicBool>,
        reopened: Arc<AtomicU32>,
    }

    impl Flaky {
        fn check(&self) -> io::Result<()> {
            let fails = self.fails.load(Ordering::Relaxed);
            if fails { Err(io::Error::other("the cable is out")) } else { Ok(()) }
        }
    }

    impl Wire for Flaky {
        fn local_addr(&self) -> SocketAddr {
            self.wire.local_addr()
        }

        fn receive(
            &mut self,
            limit: usize,
            visit: &mut dyn FnMut(SocketAddr, &mut [u8]),
        ) -> io::Result<usize> {
            self.check()?;
            self.wire.receive(limit, visit)
        }

        fn send(&mut self, datagrams: &Datagrams) -> io::Result<usize> {
            self.check()?;
            self.wire.send(datagrams)
        }

        fn reopen(&mut self) -> io::Result<()> {
            self.reopened.fetch_add(1, Ordering::Relaxed);
            self.check()
        }

        fn wait(&self, _timeout: Duration) {}
    }

    #[test]
    fn a_server_whose_socket_fails_opens_it_anew_until_it_works() {
        let config = ServerConfig { threads: 1, ..ServerConfig::default() };
        let (wire, end) = MemoryWire::pair(config.udp);
        let (fails, reopened) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU32::new(0)));
        let flaky = Flaky { wire, fails: fails.clone(), reopened: reopened.clone() };
        let clock = Clock::manual(Duration::from_secs(1_000));
        let (games, key) = (Games::new(GameRegistry::new()), NodeKey::new([1; 32]));
        let (chance, recorder) = (Chance::seeded(1), Recorder::default());
        let mut server = Server::new(config, games, key, Box::new(flaky), clock, chance, recorder);
        let mut pump = |from_ms: u64, to_ms: u64| {
            for ms in (from_ms..to_ms).step_by(8) {
                server.pump_at(Duration::from_secs(1_000) + Duration::from_millis(ms));
            }
            server.world().resource::<Counters>().clone()
        };
        let failing = pump(0, 5_000);
        let tries = reopened.load(Ordering::Relaxed);
        assert!((5..9).contains(&tries), "{tries} tries in 5 s");
        assert_eq!((failing.faults.0[FaultKind::Network as usize], failing.sockets_reopened), (1, 0));
        fails.store(false, Ordering::Relaxed);
        end.deliver(SocketAddr::from(([127, 0, 0, 1], 9)), vec![7; 40]);
        let working = pump(5_000, 10_000);
        assert_eq!((working.sockets_reopened, working.datagrams_in), (1, 1));
    }

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
