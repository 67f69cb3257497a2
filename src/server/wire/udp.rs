//! `UdpWire`, a UDP socket read and written in batches.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    MsgFlags, MultiHeaders, SockaddrIn, SockaddrIn6, SockaddrLike, recvmmsg, sendmmsg, setsockopt, sockopt,
};

use super::Wire;
use crate::Datagrams;
use crate::limits::DATAGRAMS_PER_CALL;

/// Passing errors in one call after which the rest is left for the next.
const FAILURES_MAX: usize = 16;

/// Room for one datagram; longer ones are cut by the system and then refused by the guard.
const DATAGRAM_ROOM: usize = 1_536;

/// A socket that could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is taken, not ours, or not allowed.
    #[error("cannot listen on UDP {address}: {source}{}; choose another address with --udp", hint(source))]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system would not give the receive buffer that was asked for.
    #[error(
        "the system gives a UDP receive buffer of {got} bytes, {asked} were asked for (net.receive_buffer_bytes): \
         raise net.core.rmem_max, or lower the setting and expect lost inputs under load"
    )]
    ReceiveBuffer {
        /// Bytes asked for.
        asked: usize,
        /// Bytes there are.
        got: usize,
    },
}

fn hint(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::AddrInUse { " (another server is running there?)" } else { "" }
}

/// A UDP socket read and written in batches (`recvmmsg`, `sendmmsg`), for both address families.
pub struct UdpWire {
    socket: UdpSocket,
    address: SocketAddr,
    receive_buffer_bytes: usize,
    room: Vec<u8>,
    family: Family,
}

enum Family {
    V4(Headers<SockaddrIn>),
    V6(Headers<SockaddrIn6>),
}

struct Headers<A> {
    receive: MultiHeaders<A>,
    send: MultiHeaders<A>,
    to: Vec<Option<A>>,
}

impl<A: SockaddrLike + Copy> Headers<A> {
    fn new() -> Self {
        Self {
            receive: MultiHeaders::preallocate(DATAGRAMS_PER_CALL, None),
            send: MultiHeaders::preallocate(DATAGRAMS_PER_CALL, None),
            to: Vec::with_capacity(DATAGRAMS_PER_CALL),
        }
    }
}

impl UdpWire {
    /// Opens a socket on `address` with a receive buffer of at least `receive_buffer_bytes`.
    ///
    /// # Errors
    /// [`BindError`] if the address cannot be had. A receive buffer that is smaller than asked is an error too:
    /// the default one silently lost three quarters of the inputs of 1,024 clients.
    pub fn bind(address: SocketAddr, receive_buffer_bytes: usize) -> Result<Self, BindError> {
        let bind_error = |source| BindError::Bind { address, source };
        let socket = UdpSocket::bind(address).map_err(bind_error)?;
        socket.set_nonblocking(true).map_err(bind_error)?;
        let got = grow_receive_buffer(&socket, receive_buffer_bytes);
        if got < receive_buffer_bytes {
            return Err(BindError::ReceiveBuffer { asked: receive_buffer_bytes, got });
        }
        let address = socket.local_addr().map_err(bind_error)?;
        let family = if address.is_ipv4() { Family::V4(Headers::new()) } else { Family::V6(Headers::new()) };
        let room = vec![0; DATAGRAM_ROOM * DATAGRAMS_PER_CALL];
        Ok(Self { socket, address, receive_buffer_bytes, room, family })
    }
}

/// Sets the receive buffer, past the system's limit where this process may; returns its usable size in bytes.
fn grow_receive_buffer(socket: &UdpSocket, bytes: usize) -> usize {
    if setsockopt(socket, sockopt::RcvBufForce, &bytes).is_err() {
        let _ = setsockopt(socket, sockopt::RcvBuf, &bytes);
    }
    let _ = setsockopt(socket, sockopt::SndBufForce, &bytes);
    // The kernel reports twice what is usable: the other half is its own bookkeeping.
    nix::sys::socket::getsockopt(socket, sockopt::RcvBuf).unwrap_or(0) / 2
}

impl Wire for UdpWire {
    fn local_addr(&self) -> SocketAddr {
        self.address
    }

    fn receive(&mut self, limit: usize, visit: &mut dyn FnMut(SocketAddr, &mut [u8])) -> io::Result<usize> {
        match &mut self.family {
            Family::V4(headers) => {
                receive_all(&self.socket, &mut self.room, &mut headers.receive, limit, visit, |a| {
                    SocketAddr::from(std::net::SocketAddrV4::from(*a))
                })
            }
            Family::V6(headers) => {
                receive_all(&self.socket, &mut self.room, &mut headers.receive, limit, visit, |a| {
                    SocketAddr::from(std::net::SocketAddrV6::from(*a))
                })
            }
        }
    }

    fn send(&mut self, datagrams: &Datagrams) -> io::Result<usize> {
        match &mut self.family {
            Family::V4(headers) => send_all(&self.socket, headers, datagrams, |address| match address {
                SocketAddr::V4(address) => Some(SockaddrIn::from(address)),
                SocketAddr::V6(_) => None,
            }),
            Family::V6(headers) => send_all(&self.socket, headers, datagrams, |address| match address {
                SocketAddr::V6(address) => Some(SockaddrIn6::from(address)),
                SocketAddr::V4(_) => None,
            }),
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        // The address is free only once the failed socket is gone; another one keeps its place meanwhile.
        self.socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        self.socket.set_nonblocking(true)?;
        let socket = UdpSocket::bind(self.address)?;
        socket.set_nonblocking(true)?;
        grow_receive_buffer(&socket, self.receive_buffer_bytes);
        self.socket = socket;
        Ok(())
    }

    fn wait(&self, timeout: Duration) {
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        // An interrupted wait is only a short one.
        let _ = poll(&mut [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)], timeout);
    }
}

/// Errors that a peer or a moment of load can cause, after which the socket is as good as before.
fn is_passing(error: Errno) -> bool {
    matches!(
        error,
        Errno::EAGAIN
            | Errno::EINTR
            | Errno::ECONNREFUSED
            | Errno::EHOSTUNREACH
            | Errno::ENETUNREACH
            | Errno::ENOBUFS
            | Errno::EPERM
            | Errno::EINVAL
            | Errno::EMSGSIZE
    )
}

fn receive_all<A: SockaddrLike + Copy>(
    socket: &UdpSocket,
    room: &mut [u8],
    headers: &mut MultiHeaders<A>,
    limit: usize,
    visit: &mut dyn FnMut(SocketAddr, &mut [u8]),
    address_of: impl Fn(&A) -> SocketAddr,
) -> io::Result<usize> {
    let (mut total, mut failures) = (0, 0);
    while total < limit && failures < FAILURES_MAX {
        let mut lengths = [(None, 0_usize); DATAGRAMS_PER_CALL];
        let mut count = 0;
        {
            let mut places: [[IoSliceMut<'_>; 1]; DATAGRAMS_PER_CALL] = {
                let mut chunks = room.chunks_exact_mut(DATAGRAM_ROOM);
                std::array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())])
            };
            match recvmmsg(socket.as_raw_fd(), headers, places.iter_mut(), MsgFlags::MSG_DONTWAIT, None) {
                Ok(results) => {
                    for message in results {
                        lengths[count] = (message.address.as_ref().map(&address_of), message.bytes);
                        count += 1;
                    }
                }
                Err(Errno::EAGAIN) => {}
                Err(error) if is_passing(error) => {
                    failures += 1;
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
        }
        for (chunk, (from, length)) in room.chunks_exact_mut(DATAGRAM_ROOM).zip(lengths).take(count) {
            if let Some(from) = from {
                visit(from, &mut chunk[..length]);
            }
        }
        total += count;
        if count < DATAGRAMS_PER_CALL {
            break;
        }
    }
    Ok(total)
}

fn send_all<A: SockaddrLike + Copy>(
    socket: &UdpSocket,
    headers: &mut Headers<A>,
    datagrams: &Datagrams,
    address_of: impl Fn(SocketAddr) -> Option<A>,
) -> io::Result<usize> {
    let (mut next, mut refused) = (0, 0);
    while next < datagrams.len() {
        headers.to.clear();
        let mut count = 0;
        let slices: [[IoSlice<'_>; 1]; DATAGRAMS_PER_CALL] = std::array::from_fn(|offset| {
            datagrams.get(next + offset).map_or([IoSlice::new(&[])], |(to, datagram)| {
                headers.to.push(address_of(to));
                count += 1;
                [IoSlice::new(datagram)]
            })
        });
        match sendmmsg(
            socket.as_raw_fd(),
            &mut headers.send,
            slices.iter().take(count),
            &headers.to,
            [],
            MsgFlags::MSG_DONTWAIT,
        ) {
            Ok(results) => next += results.count().max(1),
            Err(Errno::EINTR) => {}
            // The first datagram is the one that was refused; the others may still pass.
            Err(error) if is_passing(error) => {
                next += 1;
                refused += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_opened_anew_has_the_same_address_and_hears() {
        let mut wire = UdpWire::bind(SocketAddr::from(([127, 0, 0, 1], 0)), 64 * 1024).unwrap();
        let address = wire.local_addr();
        for _ in 0..2 {
            wire.reopen().unwrap();
            assert_eq!(wire.local_addr(), address);
            let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            client.send_to(b"hello", address).unwrap();
            wire.wait(Duration::from_secs(5));
            let mut heard = Vec::new();
            let count = wire.receive(10, &mut |from, bytes| heard.push((from, bytes.to_vec()))).unwrap();
            assert_eq!((count, heard), (1, vec![(client.local_addr().unwrap(), b"hello".to_vec())]));
        }
    }
}
