//! What the server and its front door (HTTP, WebSocket) say to each other, over bounded queues that neither waits on.
//!
//! ```
//! use framekeep_gate::{Order, Question, gate};
//! use framekeep_protocol::RoomName;
//!
//! let (door, mut keeper) = gate(2);
//! let question = Question::Room(RoomName::try_from("friday").unwrap());
//! door.send(Order::Ask(question, Box::new(|answer| println!("{answer:?}")))).unwrap();
//! assert!(keeper.take().is_some() && keeper.take().is_none());
//! assert!(door.report().rooms.is_empty()); // nothing has been reported yet
//! ```
//!
//! The server holds the [`Keeper`]: a turn of it takes a bounded number of orders and never waits. The front door holds
//! [`Door`]s: an order is queued or given back at once. What links are told goes the other way through a [`LinkSink`],
//! which the front door brings, and what operators look at through a [`Report`] that is replaced once a second.

mod bell;
mod door;
mod match_log;
mod member;
mod order;
mod report;
mod shared;
mod sink;
mod web_ticket;

pub use bell::Bell;
pub use door::{Detour, Door, GateFull, Keeper, Letter, gate};
pub use match_log::MatchLog;
pub use member::MemberRow;
pub use order::{
    Answer, LaterReplay, MoveReply, MoveState, NewLink, Order, Question, Reply, RoomHappening, Viewer,
    WebInput, WebLinkId,
};
pub use report::{HistogramSample, Hold, MoveRow, Report, RoomRow, Sample, SampleKind};
pub use shared::{
    AloneMatch, Claim, ClusterNode, ClusterStatus, Later, SharedMatch, SharedOffer, SharedQueue,
    SharedRefused, SharedRoom, SharedState, SharedStatus, SharedTicket,
};
pub use sink::{KindBytes, LinkSink, LinkWay, StateView};
pub use web_ticket::{Mint, MintFailed, Minted, TicketWish};
