//! Rooms as data: phases, who may do what, who sits where. Pure: no clock, no sockets, no entities.
//!
//! ```
//! use framekeep_lobby::{Actor, Effect, Lobby, LobbyOptions, Operation};
//! use framekeep_protocol::{CommitPolicy, PlayerId, RoomPhase, StartRule};
//!
//! let options = LobbyOptions {
//!     name: "den".parse()?,
//!     seats: 2,
//!     seats_min: 1,
//!     start: StartRule::Ready,
//!     code: String::new(),
//!     spectators_max: 0,
//!     commit: CommitPolicy::Deadline,
//! };
//! let (mut lobby, ada) = (Lobby::new(options, String::new()), Actor::Player(PlayerId(1)));
//! let join = Operation::Join { name: "ada".parse()?, code: String::new() };
//! assert_eq!(lobby.apply(ada, join).unwrap().effects, [Effect::Seat(PlayerId(1), 0)]);
//! assert_eq!(lobby.apply(ada, Operation::Ready(true)).unwrap().effects, [Effect::StartMatch]);
//! assert_eq!(lobby.phase(), RoomPhase::Playing);
//! # Ok::<(), framekeep_protocol::NameFault>(())
//! ```

mod lobby;
mod operation;
mod permit;
mod phase;
mod restore;
mod roster;

pub use lobby::{BANS_MAX, Lobby, OPERATORS_MAX};
pub use operation::{Actor, Change, Effect, LobbyOptions, Operation};
pub use permit::{Action, Forbidden, Role, permit, table, transitions};
pub use phase::{NotNow, PHASES, PhaseEvent, transition};
pub use restore::LobbyState;
pub use roster::{Full, Occupant, Roster};
