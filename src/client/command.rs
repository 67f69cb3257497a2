//! `ClientCommand`, what a game asks of its client.

use bevy_ecs::prelude::Message;
use framekeep_protocol::{JoinRoom, ToServer};

/// What a game asks of its client. What the server does not do comes back as [`Failed`](crate::Failed).
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub enum ClientCommand {
    /// Connect with a ticket of [`Tickets`](crate::Tickets).
    Connect,
    /// Leave room and server.
    Disconnect,
    /// Sit down in a room, or watch it. A client that is not connected does so as soon as it is.
    Join(JoinRoom),
    /// Leave the room.
    Leave,
    /// Be ready for the next match, or not any more.
    Ready(bool),
    /// Start the match; for the host.
    Start,
    /// Play another match in a room that has finished one; for the host.
    PlayAgain,
    /// Say something to everybody in the room.
    Chat(String),
    /// Anything else: choose, abort, reserve, kick, hand over, lock, close.
    Ask(ToServer),
}
