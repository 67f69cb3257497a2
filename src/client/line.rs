//! `Line`, a link with its wire.

use std::time::Duration;

use framekeep_conditioner::{Conditioner, LinkConditions};
use framekeep_protocol::{Snapshot, ToClient, ToServer};

use crate::wire::ClientWire;
use crate::{ClientLink, LinkEnd, LinkState, Traffic};

/// Datagrams taken from a wire in one frame at most.
const DATAGRAMS_MAX: usize = 4_096;
/// The largest datagram the guard lets through, and one byte more, so that a longer one is noticed.
const BUFFER_BYTES: usize = 1_401;
/// Commands kept at most until the server acknowledges them.
const UNHEARD_MAX: usize = 64;

/// A link with its wire, and between them the bad network that a developer asked for.
pub(crate) struct Line {
    link: ClientLink,
    wire: Box<dyn ClientWire>,
    up: Conditioner<Vec<u8>>,
    down: Conditioner<Vec<u8>>,
    is_conditioned: bool,
    /// Commands of the game that the server may not have, oldest first.
    unheard: Vec<ToServer>,
    /// When something of the server came last.
    pub(crate) heard_at: Duration,
    pub(crate) traffic: Traffic,
}

impl Line {
    pub(crate) fn new(
        link: ClientLink,
        wire: Box<dyn ClientWire>,
        conditions: LinkConditions,
        seed: u64,
        now: Duration,
    ) -> Self {
        Self {
            link,
            wire,
            up: Conditioner::new(conditions, seed ^ 1),
            down: Conditioner::new(conditions, seed ^ 2),
            is_conditioned: !conditions.is_perfect(),
            unheard: Vec::new(),
            heard_at: now,
            traffic: Traffic::default(),
        }
    }

    /// Takes what has arrived.
    pub(crate) fn receive(&mut self, now: Duration) {
        let mut buffer = [0; BUFFER_BYTES];
        for _ in 0..DATAGRAMS_MAX {
            let Some((from, len)) = self.wire.receive(&mut buffer) else { break };
            if from != self.link.server_addr() {
                continue;
            }
            if self.is_conditioned {
                self.down.send(now, buffer[..len].to_vec());
            } else {
                self.take(now, &mut buffer[..len]);
            }
        }
        while let Some(mut datagram) = self.down.receive(now) {
            self.take(now, &mut datagram);
        }
        if !self.unheard.is_empty() && self.link.is_all_acknowledged() {
            self.unheard.clear();
        }
    }

    fn take(&mut self, now: Duration, datagram: &mut [u8]) {
        self.heard_at = now;
        self.traffic.down_bytes += datagram.len() as u64;
        self.traffic.down_datagrams += 1;
        self.link.handle_datagram(now, datagram);
    }

    /// Sends what is due.
    pub(crate) fn transmit(&mut self, now: Duration) {
        let Self { link, wire, up, is_conditioned, traffic, .. } = self;
        let server = link.server_addr();
        link.transmit(now, |datagram| {
            traffic.note_up(datagram.len());
            if *is_conditioned { up.send(now, datagram.to_vec()) } else { wire.send(server, datagram) }
        });
        while let Some(datagram) = up.receive(now) {
            wire.send(server, &datagram);
        }
    }

    /// Sends a hot payload at once.
    pub(crate) fn send_hot(&mut self, now: Duration, payload: &[u8]) {
        let Self { link, wire, up, is_conditioned, traffic, .. } = self;
        let server = link.server_addr();
        link.send_hot(payload, |datagram| {
            traffic.note_up(datagram.len());
            if *is_conditioned { up.send(now, datagram.to_vec()) } else { wire.send(server, datagram) }
        });
    }

    /// Says goodbye, on the wire itself: nobody is there to carry it out later.
    pub(crate) fn close(&mut self) {
        let Self { link, wire, up, .. } = self;
        let server = link.server_addr();
        // What the bad network still holds goes first: it may be the last word.
        while let Some(datagram) = up.receive(Duration::MAX) {
            wire.send(server, &datagram);
        }
        link.close(|datagram| wire.send(server, datagram));
    }

    pub(crate) fn say(&mut self, message: &ToServer) {
        // A link that cannot take it is ending, and says why by itself.
        let _ = self.link.send_control(message);
    }

    /// As [`Self::say`], of what another link is to say if this one does not bring it to the server.
    pub(crate) fn command(&mut self, message: ToServer) {
        self.say(&message);
        if self.unheard.len() < UNHEARD_MAX {
            self.unheard.push(message);
        }
    }

    /// What the server may not have been told.
    pub(crate) fn take_unheard(&mut self) -> Vec<ToServer> {
        std::mem::take(&mut self.unheard)
    }

    pub(crate) fn poll_control(&mut self) -> Option<ToClient> {
        self.link.poll_control()
    }

    pub(crate) fn poll_snapshot(&mut self) -> Option<Snapshot> {
        self.link.poll_snapshot()
    }

    pub(crate) fn poll_hot(&mut self) -> Option<&[u8]> {
        self.link.poll_hot()
    }

    pub(crate) fn rtt(&self) -> Option<Duration> {
        self.link.rtt()
    }

    pub(crate) fn is_connected(&self) -> bool {
        *self.link.state() == LinkState::Connected
    }

    /// Whether the server has accepted the connection, and closed any other of the player for it.
    pub(crate) fn is_reached(&self) -> bool {
        self.link.is_reached()
    }

    /// Why it is over, if it is.
    pub(crate) fn end(&self) -> Option<&LinkEnd> {
        match self.link.state() {
            LinkState::Closed { reason } => Some(reason),
            _ => None,
        }
    }
}
