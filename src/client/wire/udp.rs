//! `UdpWires`, sockets of the machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use super::{ClientWire, WireSource};

/// UDP sockets of the machine, each on a port that the system chooses.
#[derive(Clone, Copy, Debug, Default)]
pub struct UdpWires;

struct UdpWire(UdpSocket);

impl WireSource for UdpWires {
    fn open(&mut self, server: SocketAddr) -> io::Result<Box<dyn ClientWire>> {
        let any = match server {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let socket = UdpSocket::bind((any, 0))?;
        socket.set_nonblocking(true)?;
        Ok(Box::new(UdpWire(socket)))
    }
}

impl ClientWire for UdpWire {
    fn receive(&mut self, buffer: &mut [u8]) -> Option<(SocketAddr, usize)> {
        loop {
            match self.0.recv_from(buffer) {
                Ok((len, from)) => return Some((from, len)),
                // What came back of a datagram that nobody took; the next may be one for us.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                Err(_) => return None,
            }
        }
    }

    fn send(&mut self, to: SocketAddr, datagram: &[u8]) {
        // Lost like any other datagram; the link's own time-outs tell if that lasts.
        let _ = self.0.send_to(datagram, to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wire_sends_and_receives_without_blocking() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = server.local_addr().unwrap();
        let mut wire = UdpWires.open(to).unwrap();
        let mut buffer = [0; 64];
        assert_eq!(wire.receive(&mut buffer), None);
        wire.send(to, b"ping");
        let (len, from) = server.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], b"ping");
        server.send_to(b"pong", from).unwrap();
        let answer = std::iter::from_fn(|| Some(wire.receive(&mut buffer))).take(100_000).flatten().next();
        assert_eq!(answer, Some((to, 4)));
    }
}
