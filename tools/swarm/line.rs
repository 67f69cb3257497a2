//! `Line`, a bot's socket, with a bad network in front of it.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use framekeep_conditioner::{Conditioner, LinkConditions};

use crate::tally::Traffic;

/// The kernel says so when nobody listens at the other end; the link notices by itself.
fn is_harmless(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::ConnectionRefused)
}

/// A bot's socket, with a bad network in front of it, both ways.
///
/// Traffic is counted on the side of the server: what the network loses on its way up has been sent and is counted,
/// what it loses on its way down has arrived at the socket and is counted.
pub(crate) struct Line {
    pub(crate) socket: UdpSocket,
    network: Option<Box<Network>>,
    conditions: LinkConditions,
    seed: u64,
    pub(crate) up: Traffic,
    pub(crate) down: Traffic,
}

struct Network {
    up: Conditioner<Box<[u8]>>,
    down: Conditioner<Box<[u8]>>,
}

impl Line {
    /// A socket of its own that talks to the server alone.
    pub(crate) fn open(server: SocketAddr, conditions: LinkConditions, seed: u64) -> io::Result<Self> {
        let any: SocketAddr = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }
            .parse()
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let socket = UdpSocket::bind(any)?;
        socket.connect(server)?;
        socket.set_nonblocking(true)?;
        let network = (!conditions.is_perfect()).then(|| {
            Box::new(Network {
                up: Conditioner::new(conditions, seed * 2),
                down: Conditioner::new(conditions, seed * 2 + 1),
            })
        });
        Ok(Self { socket, network, conditions, seed, up: Traffic::default(), down: Traffic::default() })
    }

    /// Another one to another server, on the same network.
    pub(crate) fn beside(&self, server: SocketAddr) -> io::Result<Self> {
        Self::open(server, self.conditions, self.seed.wrapping_add(1 << 40))
    }

    /// Takes one datagram from the socket into `buffer`. On a perfect line its length is given, to be handled at
    /// once; else it is under way for a while more, and comes out of [`Line::arrived`].
    pub(crate) fn receive(&mut self, now: Duration, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let length = match self.socket.recv(buffer) {
            Ok(length) => length,
            Err(error) if is_harmless(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        self.down.add(length);
        match &mut self.network {
            None => Ok(Some(length)),
            Some(network) => {
                network.down.send(now, buffer[..length].into());
                Ok(None)
            }
        }
    }

    /// The next datagram that a bad network has let through by now.
    pub(crate) fn arrived(&mut self, now: Duration) -> Option<Box<[u8]>> {
        self.network.as_mut()?.down.receive(now)
    }

    /// Sends a datagram, or puts it on its way.
    pub(crate) fn send(&mut self, now: Duration, datagram: &[u8]) {
        self.up.add(datagram.len());
        match &mut self.network {
            // A full socket buffer loses the datagram, as a network does.
            None => drop(self.socket.send(datagram)),
            Some(network) => network.up.send(now, datagram.into()),
        }
    }

    /// Sends what a bad network has let through by now.
    pub(crate) fn flush(&mut self, now: Duration) {
        if let Some(network) = &mut self.network {
            while let Some(datagram) = network.up.receive(now) {
                let _ = self.socket.send(&datagram);
            }
        }
    }

    /// When a bad network lets the next datagram through.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        let network = self.network.as_ref()?;
        [network.up.next_due(), network.down.next_due()].into_iter().flatten().min()
    }

    /// Closes the socket for another one; what was under way is lost, what was counted stays.
    pub(crate) fn replace(&mut self, other: Self) {
        let (up, down) = (self.up, self.down);
        *self = Self { up, down, ..other };
    }

    /// Counts anew.
    pub(crate) fn clear(&mut self) {
        (self.up, self.down) = (Traffic::default(), Traffic::default());
    }
}
