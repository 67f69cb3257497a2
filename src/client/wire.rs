//! `ClientWire`, where a link's datagrams come from and go to.

mod memory;
mod udp;

use std::io;
use std::net::SocketAddr;

use bevy_ecs::prelude::Resource;

pub use memory::MemoryNet;
pub use udp::UdpWires;

/// Where one link's datagrams come from and go to. Never blocks.
pub trait ClientWire: Send + Sync + 'static {
    /// Takes the next datagram that has arrived: writes it to the front of `buffer`, and gives who sent it and its
    /// length.
    fn receive(&mut self, buffer: &mut [u8]) -> Option<(SocketAddr, usize)>;

    /// Sends a datagram. One that the system does not take is lost like any other.
    fn send(&mut self, to: SocketAddr, datagram: &[u8]);
}

/// Opens a wire for every link: each has an address of its own, so that a new link is not mistaken for the one that
/// it replaces.
pub trait WireSource: Send + Sync + 'static {
    /// A wire to a server.
    ///
    /// # Errors
    /// The system gives no socket.
    fn open(&mut self, server: SocketAddr) -> io::Result<Box<dyn ClientWire>>;
}

/// What opens the wires of this client; UDP sockets unless replaced before the plugins are added.
#[derive(Resource)]
pub struct Wires(pub Box<dyn WireSource>);

impl Default for Wires {
    fn default() -> Self {
        Self(Box::new(UdpWires))
    }
}
