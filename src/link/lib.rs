//! Reliable messages between two sides of a link: renet behind a guard, silent when there is nothing to say. And
//! [`Retry`], when to try again what has failed.
//!
//! The only crate that names renet; server and client both hold a [`QuietRenet`] per link. No socket, no
//! clock.
//!
//! ```
//! use std::time::Duration;
//! use framekeep_link::{Lane, QuietRenet};
//! use framekeep_protocol::{CONTROL, Side};
//!
//! let (mut client, mut server) = (QuietRenet::new(Side::Client), QuietRenet::new(Side::Server));
//! let now = Duration::from_secs(1);
//! assert!(!client.wants_to_send(now));
//! client.send(CONTROL, &b"hello"[..]).unwrap();
//! assert!(client.wants_to_send(now));
//! client.transmit(now, |payload| {
//!     assert!(matches!(server.receive(now, payload), Ok(Lane::Renet { owes_ack: true, .. })));
//! });
//! assert_eq!(server.poll(CONTROL).as_deref(), Some(&b"hello"[..]));
//! ```

mod fault;
mod outbox;
mod pace;
mod quiet;
mod retry;
mod round_trip;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wire;

pub use bytes::Bytes;
pub use fault::LinkFault;
pub use framekeep_protocol::{Lane, PayloadFault};
pub use quiet::QuietRenet;
pub use retry::Retry;
