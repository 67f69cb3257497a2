//! The client's side of a link: netcode and renet behind the guard, without a socket or a clock.
//!
//! Datagrams in, datagrams out, time in; the caller owns the socket. A turn of the caller's loop is
//!
//! 1. every datagram from [`ClientLink::server_addr`] to [`ClientLink::handle_datagram`],
//! 2. [`ClientLink::poll_control`], [`ClientLink::poll_snapshot`] and [`ClientLink::poll_hot`] until
//!    they are empty,
//! 3. [`ClientLink::send_control`] and [`ClientLink::send_hot`] as the game goes,
//! 4. [`ClientLink::transmit`], and a look at [`ClientLink::state`].
//!
//! ```no_run
//! use std::net::UdpSocket;
//! use std::time::{Duration, SystemTime};
//! use framekeep_client::{ClientHello, ClientLink, LinkState};
//!
//! let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
//! let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
//! socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
//! let token = std::fs::read("ada.token").unwrap();
//! let hello = ClientHello { name: "Ada".parse().unwrap(), games: Vec::new() };
//! let mut link = ClientLink::new(&token, hello, now()).unwrap();
//! while !matches!(link.state(), LinkState::Closed { .. }) {
//!     let mut datagram = [0; 1_500];
//!     if let Ok((len, from)) = socket.recv_from(&mut datagram)
//!         && from == link.server_addr()
//!     {
//!         link.handle_datagram(now(), &mut datagram[..len]);
//!     }
//!     while let Some(message) = link.poll_control() {
//!         println!("{message:?}");
//!     }
//!     let server = link.server_addr();
//!     link.transmit(now(), |datagram| drop(socket.send_to(datagram, server)));
//! }
//! ```

mod counters;
mod end;
mod hot_queue;
mod link;
#[cfg(test)]
mod tests;
mod token;

pub use counters::LinkCounters;
pub use end::LinkEnd;
pub use framekeep_link::LinkFault;
pub use link::{ClientHello, ClientLink, LinkState};
pub use token::TokenError;
