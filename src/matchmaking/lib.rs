//! Who plays with whom, as data: tickets wait in modes, rounds form matches. Pure: no clock, no sockets, no threads,
//! and the same operations at the same times give the same matches.
//!
//! ```
//! use framekeep_matchmaking::{Event, Matcher, Mode, Ticket, TicketId};
//! use framekeep_protocol::PlayerId;
//!
//! let mut matcher = Matcher::new(vec![Mode::new("arena", "duel", 2, 1)])?;
//! for (number, rating) in [(1, 1_500), (2, 1_520)] {
//!     let ticket = Ticket::solo(TicketId(number), "arena", "duel", PlayerId(number as u64), rating);
//!     matcher.submit(0, ticket)?;
//! }
//! matcher.round(100);
//! let Some(Event::Formed(of)) = matcher.poll() else { panic!("two are enough for a duel") };
//! assert_eq!(of.places.len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`Mode`] says what a match has to look like, [`Ticket`] what somebody wants, [`Backfill`] what a running room
//!   lacks, [`limits`] how much of everything there may be.
//! - [`Matcher`] takes [`Operation`]s and time, and gives [`Event`]s.
//! - [`Matcher::with_log`] keeps what was asked, and [`replay`] plays it again.

mod backfill;
mod group;
mod kinds;
mod lane;
pub mod limits;
mod log;
mod marks;
mod matched;
mod matcher;
mod mode;
mod operation;
mod pool;
mod queue;
mod regions;
mod replay;
mod roles;
mod rules;
mod seating;
mod supply;
#[cfg(test)]
mod tests;
mod ticket;
mod view;

pub use backfill::{Backfill, FreeSeats};
pub use log::{LogEntry, LogError, LogReader, Outcome, log_header, log_operation};
pub use matched::{Match, MatchId, Place};
pub use matcher::Matcher;
pub use mode::{Fewer, Mode, ModeFault, RoleSeats, Widening};
pub use operation::{Event, Operation, Refused};
pub use replay::{Replayed, replay};
pub use ticket::{NoTicketId, PartyMember, RegionLatency, Ticket, TicketFault, TicketId};
pub use view::{Ended, Hindrance, LaneView, QueueView, RegionsView, TicketState, TicketView, Why};
