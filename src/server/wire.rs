//! `Wire`, where datagrams come from and go to.

mod health;
mod memory;
mod udp;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

pub(crate) use health::SocketHealth;
pub use memory::{MemoryWire, MemoryWireEnd};
pub use udp::{BindError, UdpWire};

use crate::Datagrams;

/// Where datagrams come from and go to: a UDP socket, or memory in tests. Never blocks but in [`Wire::wait`].
pub trait Wire: 'static {
    /// The address clients reach.
    fn local_addr(&self) -> SocketAddr;

    /// Visits datagrams that have arrived, at most `limit`; returns how many there were.
    ///
    /// # Errors
    /// The socket failed in a way that is not a peer's doing.
    fn receive(&mut self, limit: usize, visit: &mut dyn FnMut(SocketAddr, &mut [u8])) -> io::Result<usize>;

    /// Sends all datagrams; returns how many the system would not take.
    ///
    /// # Errors
    /// The socket failed in a way that is not a peer's doing.
    fn send(&mut self, datagrams: &Datagrams) -> io::Result<usize>;

    /// Opens the wire anew at the same address, after it has failed. A wire that cannot fail need not.
    ///
    /// # Errors
    /// The address cannot be had at the moment; the wire stays unusable until this succeeds.
    fn reopen(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Waits until a datagram is there or `timeout` has passed.
    fn wait(&self, timeout: Duration);
}

/// The node's one wire: a resource of the main thread, because the buffers of batched calls hold pointers.
pub struct Socket(pub Box<dyn Wire>);
