//! `MemoryNet`, a network of queues.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{ClientWire, WireSource};

/// Most datagrams that wait in one direction; more are lost, as in a router.
const QUEUE_MAX: usize = 8_192;
/// The first port a client is given.
const PORT_FIRST: u16 = 40_000;
/// How far a rebinding moves the ports that others see.
const REBIND_STEP: u16 = 512;

#[derive(Default)]
struct Queues {
    /// From where, where to, and what.
    leaving: VecDeque<(SocketAddr, SocketAddr, Vec<u8>)>,
    arriving: BTreeMap<u16, VecDeque<(SocketAddr, Vec<u8>)>>,
    wires: u16,
    /// By how much the ports that others see differ from the wires' own.
    shift: u16,
}

/// A network of queues between one client and whoever holds the other end: for tests, and for playing in one process.
///
/// The client is behind a translator of addresses: [`MemoryNet::rebind`] gives all its wires new ports.
#[derive(Clone)]
pub struct MemoryNet {
    ip: IpAddr,
    queues: Arc<Mutex<Queues>>,
}

impl MemoryNet {
    /// A network on which the client is seen at `ip`.
    #[must_use]
    pub fn new(ip: Ipv4Addr) -> Self {
        Self { ip: IpAddr::V4(ip), queues: Arc::default() }
    }

    /// Takes a datagram that the client sent, with the address it comes from.
    #[must_use]
    pub fn take(&self) -> Option<(SocketAddr, Vec<u8>)> {
        self.take_for().map(|(from, _, datagram)| (from, datagram))
    }

    /// The same with the address that it is sent to, as second: where there are several servers.
    #[must_use]
    pub fn take_for(&self) -> Option<(SocketAddr, SocketAddr, Vec<u8>)> {
        self.lock().leaving.pop_front()
    }

    /// Delivers a datagram of `from` to the client's address `to`, if that is still one.
    pub fn deliver(&self, from: SocketAddr, to: SocketAddr, datagram: Vec<u8>) {
        let mut queues = self.lock();
        let port = to.port().wrapping_sub(queues.shift);
        if let Some(queue) = queues.arriving.get_mut(&port)
            && queue.len() < QUEUE_MAX
        {
            queue.push_back((from, datagram));
        }
    }

    /// Whether an address is the client's, of now or before.
    #[must_use]
    pub fn owns(&self, address: SocketAddr) -> bool {
        address.ip() == self.ip
    }

    /// Gives all wires new ports for others to see; what is sent to the old ones is lost.
    pub fn rebind(&self) {
        let mut queues = self.lock();
        queues.shift = queues.shift.wrapping_add(REBIND_STEP);
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WireSource for MemoryNet {
    fn open(&mut self, _server: SocketAddr) -> io::Result<Box<dyn ClientWire>> {
        let mut queues = self.lock();
        let port = PORT_FIRST.wrapping_add(queues.wires);
        queues.wires = queues.wires.wrapping_add(1);
        queues.arriving.insert(port, VecDeque::new());
        drop(queues);
        Ok(Box::new(MemoryWire { net: self.clone(), port }))
    }
}

struct MemoryWire {
    net: MemoryNet,
    port: u16,
}

impl ClientWire for MemoryWire {
    fn receive(&mut self, buffer: &mut [u8]) -> Option<(SocketAddr, usize)> {
        let (from, datagram) = self.net.lock().arriving.get_mut(&self.port)?.pop_front()?;
        let len = datagram.len().min(buffer.len());
        buffer[..len].copy_from_slice(&datagram[..len]);
        Some((from, len))
    }

    fn send(&mut self, to: SocketAddr, datagram: &[u8]) {
        let ip = self.net.ip;
        let mut queues = self.net.lock();
        if queues.leaving.len() < QUEUE_MAX {
            let from = SocketAddr::new(ip, self.port.wrapping_add(queues.shift));
            queues.leaving.push_back((from, to, datagram.to_vec()));
        }
    }
}

impl Drop for MemoryWire {
    fn drop(&mut self) {
        self.net.lock().arriving.remove(&self.port);
    }
}
