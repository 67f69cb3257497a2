//! `ConnectionState` and `RoomState`: where a client is, as states of Bevy.

use bevy_ecs::prelude::Res;
use bevy_state::state::{State, States};
use framekeep_protocol::RoomPhase;
use framekeep_sim::Game;

use crate::ActiveMatch;

/// Where the connection is in its life. Use it with `in_state`, `OnEnter` and the like.
#[derive(States, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// Nobody has asked to connect.
    #[default]
    Offline,
    /// The server has not answered yet.
    Connecting,
    /// The server has admitted the client.
    Online,
    /// The link is lost; another is on its way.
    Reconnecting,
    /// It is over; [`Connection::reason`](crate::Connection::reason) says why.
    Closed,
}

/// Where the room is in its life, if the client is in one.
#[derive(States, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RoomState {
    /// In no room.
    #[default]
    Outside,
    /// Seats are being taken.
    Waiting,
    /// Players get ready.
    Preparing,
    /// Everybody is ready; the match is about to start.
    Ready,
    /// A match is being played.
    Playing,
    /// The match is over; another may follow.
    Finished,
}

impl From<RoomPhase> for RoomState {
    fn from(phase: RoomPhase) -> Self {
        match phase {
            RoomPhase::Waiting => Self::Waiting,
            RoomPhase::Preparing => Self::Preparing,
            RoomPhase::Ready => Self::Ready,
            RoomPhase::Playing => Self::Playing,
            RoomPhase::Finished => Self::Finished,
            RoomPhase::Closed => Self::Outside,
        }
    }
}

/// A run condition: the server has admitted the client, and the link stands. `system.run_if(is_connected)`.
#[must_use]
pub fn is_connected(state: Option<Res<State<ConnectionState>>>) -> bool {
    state.is_some_and(|state| *state.get() == ConnectionState::Online)
}

/// A run condition: the client is in a room, whatever goes on there.
#[must_use]
pub fn is_in_room(state: Option<Res<State<RoomState>>>) -> bool {
    state.is_some_and(|state| *state.get() != RoomState::Outside)
}

/// A run condition: a match of this game goes on, on a server, in this process or from a replay, and there is a state
/// of it to show.
#[must_use]
pub fn is_match_running<G: Game>(active: Option<Res<ActiveMatch<G>>>) -> bool {
    active.is_some_and(|active| active.current().is_some() && active.ended().is_none())
}
