//! Links of one node to rooms of another: a client that is connected here plays in or watches a room that is there.
//!
//! A [`Relay`] stands between front door and server as a [`Detour`](framekeep_gate::Detour). Its *near end* knows where
//! each link is: at the server of this process, or at another node, to which there is one connection for all links. The
//! *far end* of a connection opens links at its own server as a front door does. Who watches is told what happens in the
//! room once for all who watch over the same connection: a stream with numbers, of which what is missing is asked for.
//!
//! ```
//! use framekeep_relay::ToFar;
//!
//! let frame = ToFar::Sync(7).frame();
//! assert_eq!(frame, [2, 0, 0, 0, 3, 7]); // two bytes follow: the fourth kind of message, for link 7
//! assert_eq!(ToFar::decode(&frame[4..]), Ok(ToFar::Sync(7)));
//! ```

// The fuzz body names this crate from outside.
#[cfg(test)]
extern crate self as framekeep_relay;

mod far;
#[cfg(test)]
mod fuzz;
mod greeting;
mod limits;
mod near;
mod outbox;
mod peer;
mod relay;
mod stats;
#[cfg(test)]
mod tests;
mod wire;

pub use greeting::{Greeting, GreetingFault, Name, answer, believe, challenge};
pub use limits::{
    CONNECTION_BYTES_MAX, GREETING_BYTES_MAX, LINK_MESSAGES_MAX, LINKS_PER_NODE_MAX, LOST_AFTER, NODES_MAX,
    STREAM_BYTES_MAX, STREAM_MESSAGES_MAX, TO_FAR_BYTES_MAX, TO_NEAR_BYTES_MAX,
};
pub use peer::{Admission, Awaited, Directory, PeerId, Place, RelaySecret};
pub use relay::{Relay, RelayConfig};
pub use stats::RelayStats;
pub use wire::{Channel, FrameFault, FrameReader, OpenLink, RELAY_VERSION, Shown, StreamId, ToFar, ToNear};
