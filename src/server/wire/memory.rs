//! `MemoryWire`, a wire of two queues.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Wire;
use crate::Datagrams;

type Queue = Arc<Mutex<VecDeque<(SocketAddr, Vec<u8>)>>>;

/// A wire of two queues: the server's side. For tests and for playing in one process.
pub struct MemoryWire {
    address: SocketAddr,
    arriving: Queue,
    leaving: Queue,
}

/// The other end of a [`MemoryWire`].
#[derive(Clone)]
pub struct MemoryWireEnd {
    arriving: Queue,
    leaving: Queue,
}

impl MemoryWire {
    /// A wire that pretends to be at `address`, and its other end.
    #[must_use]
    pub fn pair(address: SocketAddr) -> (Self, MemoryWireEnd) {
        let (arriving, leaving) = (Queue::default(), Queue::default());
        let end = MemoryWireEnd { arriving: arriving.clone(), leaving: leaving.clone() };
        (Self { address, arriving, leaving }, end)
    }
}

impl MemoryWireEnd {
    /// Delivers a datagram to the server.
    pub fn deliver(&self, from: SocketAddr, datagram: Vec<u8>) {
        self.arriving.lock().unwrap_or_else(PoisonError::into_inner).push_back((from, datagram));
    }

    /// Takes a datagram that the server sent, with the address it is for.
    #[must_use]
    pub fn take(&self) -> Option<(SocketAddr, Vec<u8>)> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl Wire for MemoryWire {
    fn local_addr(&self) -> SocketAddr {
        self.address
    }

    fn receive(&mut self, limit: usize, visit: &mut dyn FnMut(SocketAddr, &mut [u8])) -> io::Result<usize> {
        let mut arriving = self.arriving.lock().unwrap_or_else(PoisonError::into_inner);
        let count = arriving.len().min(limit);
        for (from, mut datagram) in arriving.drain(..count) {
            visit(from, &mut datagram);
        }
        Ok(count)
    }

    fn send(&mut self, datagrams: &Datagrams) -> io::Result<usize> {
        let mut leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        leaving.extend(datagrams.iter().map(|(to, datagram)| (to, datagram.to_vec())));
        Ok(0)
    }

    fn wait(&self, _timeout: Duration) {}
}
