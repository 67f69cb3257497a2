//! A pretend network for the tests: two links in one thread, under one clock and one seed.

use std::time::Duration;

use framekeep_protocol::Side;
use framekeep_sim::Pcg32;

use crate::{Lane, QuietRenet};

/// Two links and the packets between them.
pub(crate) struct Wire {
    pub(crate) now: Duration,
    pub(crate) client: QuietRenet,
    pub(crate) server: QuietRenet,
    /// Packets that were sent, from the client and from the server, lost ones included.
    pub(crate) sent: [usize; 2],
    /// Bytes of them.
    pub(crate) sent_bytes: [usize; 2],
    /// Lost packets in a thousand, from the client and from the server.
    pub(crate) loss_permille: [u32; 2],
    delay: Duration,
    jitter_ms: u32,
    flying: Vec<(Duration, Side, Vec<u8>)>,
    rng: Pcg32,
}

impl Wire {
    pub(crate) fn new(loss_permille: u32, delay_ms: u64, jitter_ms: u32, seed: u64) -> Self {
        Self {
            now: Duration::from_secs(1_700_000_000),
            client: QuietRenet::new(Side::Client),
            server: QuietRenet::new(Side::Server),
            sent: [0; 2],
            sent_bytes: [0; 2],
            loss_permille: [loss_permille; 2],
            delay: Duration::from_millis(delay_ms),
            jitter_ms,
            flying: Vec::new(),
            rng: Pcg32::new(seed, 7),
        }
    }

    /// One tick of a 30 Hz loop on both sides.
    pub(crate) fn tick(&mut self) {
        self.now += Duration::from_millis(33);
        self.deliver();
        self.transmit(Side::Client);
        self.transmit(Side::Server);
    }

    pub(crate) fn run(&mut self, ticks: u32) {
        (0..ticks).for_each(|_| self.tick());
    }

    fn deliver(&mut self) {
        let now = self.now;
        let mut due: Vec<_> = self.flying.extract_if(.., |(at, ..)| *at <= now).collect();
        due.sort_by_key(|(at, ..)| *at);
        for (_, from, packet) in due {
            let to = if from == Side::Client { &mut self.server } else { &mut self.client };
            let lane = to.receive(now, &packet).expect("links accept each other's packets");
            assert!(matches!(lane, Lane::Renet { .. }));
        }
    }

    fn transmit(&mut self, from: Side) {
        let Self { now, client, server, sent, sent_bytes, loss_permille, delay, jitter_ms, flying, rng } =
            self;
        let (link, i) = if from == Side::Client { (client, 0) } else { (server, 1) };
        link.transmit(*now, |packet| {
            sent[i] += 1;
            sent_bytes[i] += packet.len();
            if rng.below(1_000) >= loss_permille[i] {
                let at = *now + *delay + Duration::from_millis(rng.below(*jitter_ms + 1).into());
                flying.push((at, from, packet.to_vec()));
            }
        });
    }
}
