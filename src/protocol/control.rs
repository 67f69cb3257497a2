//! Control messages: what client and server say to each other reliably and in order.

use alloc::string::String;
use alloc::vec::Vec;

use framekeep_sim::Tick;
use serde::{Deserialize, Serialize};

use crate::codec::{self, at_most};
use crate::{
    CONTROL_BYTES_MAX, CONTROL_FROM_SERVER_BYTES_MAX, CodecError, Epoch, GAME_NAME_BYTES_MAX, GAMES_MAX,
    MatchEnd, MatchStart, PlayerId, PlayerName, Refusal, RoomName, RoomView, SERVER_NAME_BYTES_MAX,
};

/// A game a client can simulate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GameRules {
    /// The game's name.
    pub name: String,
    /// The fingerprint of the client's rules.
    pub fingerprint: u64,
}

/// What a room is to be like, if it has to be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomOptions {
    /// The game.
    pub game: String,
    /// The name of a content file of the server; empty for the game's default.
    pub content: String,
    /// How many seats.
    pub seats: u8,
    /// Ticks per second; 0 for the server's default.
    pub tick_rate_hz: u16,
    /// One datagram each way in this many ticks; 0 for the server's default.
    pub send_every_ticks: u8,
}

/// A wish to sit down in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRoom {
    /// The room's name.
    pub room: RoomName,
    /// What it is to be like if it does not exist; `None` to join an existing one only.
    pub create: Option<RoomOptions>,
}

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToServer {
    /// The first message of a link, in answer to the welcome.
    Hello {
        /// The client's [`crate::PROTOCOL_VERSION`].
        protocol_version: u16,
        /// The nonce of the welcome.
        nonce: [u8; 16],
        /// What to call the player.
        name: PlayerName,
        /// Games the client can simulate, at most [`GAMES_MAX`]; none for a client that only shows states.
        games: Vec<GameRules>,
    },
    /// Sit down in a room.
    Join(JoinRoom),
    /// Leave the room.
    Leave,
    /// Start the match; for the host of a room.
    Start,
    /// Play another match in a room that has finished one.
    PlayAgain,
    /// The client cannot go on from what it has: send it a snapshot.
    NeedSnapshot {
        /// The match it is for.
        epoch: Epoch,
    },
    /// The client is about to close the link.
    Bye,
}

/// Why somebody is no longer in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeftReason {
    /// They asked to.
    Asked,
    /// The room was closed.
    RoomClosed,
    /// The host removed them.
    Removed,
}

/// Why the server closes a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CloseReason {
    /// The server stops.
    ShuttingDown,
    /// The player has connected again elsewhere.
    TakenOver,
    /// The link did nothing for too long.
    Idle,
    /// The player was removed from the server.
    Kicked,
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToClient {
    /// The first message of a link.
    Welcome {
        /// The server's [`crate::PROTOCOL_VERSION`].
        protocol_version: u16,
        /// Random; the hello must echo it.
        nonce: [u8; 16],
        /// The server's name and version, for people.
        server: String,
    },
    /// The hello was accepted.
    Admitted {
        /// Who the client is.
        player: PlayerId,
    },
    /// The last request was not done.
    Refused(Refusal),
    /// The client sits in a room.
    Joined(RoomView),
    /// The room has changed.
    Room(RoomView),
    /// The client is no longer in its room.
    Left {
        /// Why.
        reason: LeftReason,
    },
    /// A match starts, or goes on for who comes late.
    Started(MatchStart),
    /// The match is over.
    Ended(MatchEnd),
    /// The client's state differs from the server's; a snapshot follows.
    Desynced {
        /// The match.
        epoch: Epoch,
        /// The hash was of the state before this tick.
        tick: Tick,
        /// The low 32 bits of the server's hash.
        expected: u32,
        /// What the client sent.
        got: u32,
    },
    /// The server closes the link.
    Closing {
        /// Why.
        reason: CloseReason,
    },
}

impl ToServer {
    /// The bytes of the message. A message that [`ToServer::validate`] passes has at most
    /// [`CONTROL_BYTES_MAX`] bytes unless its hello names many games by long names.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads a message and checks its fields.
    ///
    /// # Errors
    /// [`CodecError`] if it is no message, too long, or has a field out of range.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let message: Self = codec::decode(bytes, CONTROL_BYTES_MAX)?;
        message.validate()?;
        Ok(message)
    }

    /// Checks what the types leave open.
    ///
    /// # Errors
    /// [`CodecError::OutOfRange`].
    pub fn validate(&self) -> Result<(), CodecError> {
        match self {
            Self::Hello { games, .. } => {
                at_most("games", games.len(), GAMES_MAX)?;
                games
                    .iter()
                    .try_for_each(|game| at_most("game name bytes", game.name.len(), GAME_NAME_BYTES_MAX))
            }
            Self::Join(JoinRoom { create: Some(options), .. }) => {
                at_most("game name bytes", options.game.len(), GAME_NAME_BYTES_MAX)?;
                at_most("content name bytes", options.content.len(), GAME_NAME_BYTES_MAX)
            }
            _ => Ok(()),
        }
    }
}

impl ToClient {
    /// The bytes of the message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads a message and checks its fields.
    ///
    /// # Errors
    /// [`CodecError`] if it is no message, too long, or has a field out of range.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let message: Self = codec::decode(bytes, CONTROL_FROM_SERVER_BYTES_MAX)?;
        message.validate()?;
        Ok(message)
    }

    /// Checks what the types leave open.
    ///
    /// # Errors
    /// [`CodecError::OutOfRange`].
    pub fn validate(&self) -> Result<(), CodecError> {
        match self {
            Self::Welcome { server, .. } => at_most("server name bytes", server.len(), SERVER_NAME_BYTES_MAX),
            Self::Joined(view) | Self::Room(view) => view.validate(),
            Self::Started(start) => start.validate(),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
