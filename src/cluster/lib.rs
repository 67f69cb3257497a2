//! Several nodes as one: who is there, who coordinates, who has which room. Pure state machines and the meaning of
//! what they ask of a shared store; sockets, clocks and the store itself are somebody else's.
//!
//! ```
//! use framekeep_cluster::{Card, Load, Member, NodeId, Table, Timing};
//!
//! let timing = Timing::default();
//! let (mut table, mut node) = (Table::new(0, timing), Member::new(NodeId(1), timing));
//! node.want("room/friday");
//! for now_ms in (0..10_000).step_by(100) {
//!     for request in node.poll(now_ms, &Card::default(), &Load::default()) {
//!         let reply = table.apply(now_ms, &request);
//!         node.hear(now_ms, &request, now_ms, &reply);
//!     }
//! }
//! assert!(node.epoch("room/friday", 10_000).is_some());
//! assert!(node.is_coordinator(10_000));
//! ```
//!
//! **What is exclusive.** A name (`coordinator`, `room/NAME`) is held by one node at a time, under an [`Epoch`] that
//! is larger than every one before it. A node counts its time from when it *asked*, the store from when it
//! *answered*: the node stops before the store gives the name to another. A store that begins anew (a replica that
//! was promoted, and may have lost the last writes) gives nothing away until every grant that it may have lost has
//! run out; who holds something says so meanwhile.
//!
//! **What is assumed.** Clocks run equally fast within [`Timing::drift_ms`] over the time of a grant, and a store
//! that was replaced takes no more writes.

pub mod board;
mod body;
mod coordinator;
mod handle;
mod lease;
mod load;
mod member;
mod missed;
mod placement;
mod queue;
mod redis;
mod run;
mod table;
#[cfg(test)]
mod tests;
mod whose;

pub use coordinator::Coordinator;
pub use handle::{ClusterHandle, TakeError};
pub use lease::{Epoch, Lapsed, Lease, NoNodeId, NodeId, Timing, room_name};
pub use member::{Member, News};
pub use placement::Placement;
pub use queue::{ClusterQueue, QueueConfig};
pub use redis::{Address, AddressFault, Copies, Store, StoreError, without_password};
pub use run::{Cluster, ClusterConfig, StartError};
pub use table::{Card, Load, NodeView, Reply, Request, Table};
pub use whose::Whose;

/// The name of the one who forms matches for all.
pub const COORDINATOR: &str = "coordinator";
