//! Rooms as data: phases and who sits where. Pure: no clock, no sockets, no entities.
//!
//! ```
//! use framekeep_lobby::{Roster, RoomEvent, transition};
//! use framekeep_protocol::{PlayerId, PlayerName, RoomPhase};
//!
//! let mut roster = Roster::new(2);
//! let ada = PlayerName::try_from("ada".to_owned()).unwrap();
//! assert_eq!(roster.join(PlayerId(1), ada), Ok(0));
//! assert_eq!(transition(RoomPhase::Waiting, RoomEvent::Start), Ok(RoomPhase::Playing));
//! ```

mod phase;
mod roster;

pub use phase::{NotNow, RoomEvent, transition};
pub use roster::{Full, Occupant, Roster};
