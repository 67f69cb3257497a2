//! Control messages: what client and server say to each other reliably and in order.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use framekeep_sim::Tick;
use serde::{Deserialize, Serialize};

use crate::codec::{self, at_most};
use crate::{
    CHAT_BYTES_MAX, CONTROL_BYTES_MAX, CONTROL_FROM_SERVER_BYTES_MAX, CodecError, CommitPolicy, DesyncAnswer,
    DesyncAsk, Epoch, GAME_NAME_BYTES_MAX, GAMES_MAX, MatchEnd, MatchStart, PlayerId, PlayerName,
    ROOM_CODE_BYTES_MAX, Redirect, Refusal, RoomEvent, RoomName, RoomView, SERVER_NAME_BYTES_MAX, StartRule,
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
    /// When a match starts.
    pub start: StartRule,
    /// What everybody who joins has to know, at most [`ROOM_CODE_BYTES_MAX`] bytes; empty for an open room.
    pub code: String,
    /// How many may watch; 0 for nobody.
    pub spectators_max: u8,
    /// When the frame of a tick is committed.
    pub commit: CommitPolicy,
}

impl RoomOptions {
    /// An open room for a game on its default content, at the server's rates, that plays as soon as it is full.
    #[must_use]
    pub fn new(game: &str, seats: u8) -> Self {
        Self {
            game: game.to_owned(),
            content: String::new(),
            seats,
            tick_rate_hz: 0,
            send_every_ticks: 0,
            start: StartRule::Full,
            code: String::new(),
            spectators_max: 0,
            commit: CommitPolicy::Deadline,
        }
    }
}

/// A wish to sit down in a room, or to watch it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRoom {
    /// The room's name.
    pub room: RoomName,
    /// What it is to be like if it does not exist; `None` to join an existing one only.
    pub create: Option<RoomOptions>,
    /// The code of a private room; empty if it has none.
    pub code: String,
    /// To watch without a seat.
    pub spectate: bool,
}

impl JoinRoom {
    /// A wish for a seat in an open room.
    #[must_use]
    pub fn seat(room: RoomName, create: Option<RoomOptions>) -> Self {
        Self { room, create, code: String::new(), spectate: false }
    }
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
    /// Say whether one is ready for the next match.
    Ready {
        /// Ready, or not any more.
        ready: bool,
    },
    /// Choose what is played on next; for the host of a room.
    Choose {
        /// The name of a content file of the server; empty for the game's default.
        content: String,
    },
    /// Start the match; for the host of a room.
    Start,
    /// Give the running match up: a member for itself, the host for all.
    Abort,
    /// Play another match in a room that has finished one; for the host.
    PlayAgain,
    /// Keep a free seat for a player for a while; for the host.
    Reserve {
        /// The player.
        player: PlayerId,
    },
    /// Send a player away; for the host.
    Kick {
        /// The player.
        player: PlayerId,
        /// Whether the player may not come back.
        ban: bool,
    },
    /// Make another member host; for the host.
    HandOver {
        /// The player.
        player: PlayerId,
    },
    /// Let nobody else in, or let people in again; for the host.
    Lock {
        /// Locked, or not any more.
        locked: bool,
    },
    /// Say something to everybody in the room.
    Chat {
        /// What, at most [`CHAT_BYTES_MAX`] bytes.
        text: String,
    },
    /// Close the room; for the host.
    Close,
    /// The client cannot go on from what it has: send it a snapshot.
    NeedSnapshot {
        /// The match it is for.
        epoch: Epoch,
    },
    /// The client is about to close the link.
    Bye,
    /// What the client answers to a question about its state.
    DesyncAnswer(DesyncAnswer),
}

/// The number of [`ToServer::DesyncAnswer`].
const DESYNC_ANSWER: u8 = 16;

/// Why somebody is no longer in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeftReason {
    /// They asked to.
    Asked,
    /// The room was closed.
    RoomClosed,
    /// The host removed them.
    Removed,
    /// Their link was lost and did not come back in time.
    Lost,
    /// They did nothing for too long.
    Idle,
    /// Another node has a room of this name, and that one stays: who joins it again is sent there.
    Elsewhere,
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
    /// The link does not take what it is told.
    TooSlow,
    /// Too much of what came over the link broke the rules.
    Faulty,
    /// The client's state differed from the server's again and again.
    Desynced,
    /// The room goes on at another node, to which the client was redirected.
    Moved,
    /// The server stops; its matches go on, and seats are held, when it is there again.
    Restarting,
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
    /// The room has changed; stands for everything before [`RoomView::event`].
    Room(RoomView),
    /// Something happened in the room.
    Event(RoomEvent),
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
    /// The server wants to know where the client's state began to differ.
    DesyncAsk(DesyncAsk),
    /// The room goes on at another node.
    Redirect(Redirect),
}

impl ToServer {
    /// The bytes of the message. A message that [`ToServer::validate`] passes has at most
    /// [`CONTROL_BYTES_MAX`] bytes unless its hello names many games by long names.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Whether the bytes, should they be a message, are a [`ToServer::DesyncAnswer`].
    #[must_use]
    pub fn is_desync_answer(bytes: &[u8]) -> bool {
        bytes.first() == Some(&DESYNC_ANSWER)
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
            Self::Join(JoinRoom { create: Some(options), code, .. }) => {
                at_most("game name bytes", options.game.len(), GAME_NAME_BYTES_MAX)?;
                at_most("room code bytes", options.code.len(), ROOM_CODE_BYTES_MAX)?;
                at_most("room code bytes", code.len(), ROOM_CODE_BYTES_MAX)?;
                at_most("content name bytes", options.content.len(), GAME_NAME_BYTES_MAX)
            }
            Self::Join(JoinRoom { code, .. }) => at_most("room code bytes", code.len(), ROOM_CODE_BYTES_MAX),
            Self::Choose { content } => at_most("content name bytes", content.len(), GAME_NAME_BYTES_MAX),
            Self::Chat { text } => at_most("chat bytes", text.len(), CHAT_BYTES_MAX),
            Self::DesyncAnswer(answer) => answer.validate(),
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
            Self::Event(event) => event.validate(),
            Self::Redirect(redirect) => redirect.validate(),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
