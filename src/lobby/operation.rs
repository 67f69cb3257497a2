//! `Operation`, what can be asked of a room, and what comes of it.

use framekeep_protocol::{
    CommitPolicy, LeftReason, PlayerId, PlayerName, RoomEventKind, RoomName, StartRule,
};

use crate::Action;

/// What a room is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LobbyOptions {
    /// The room's name.
    pub name: RoomName,
    /// How many seats.
    pub seats: u8,
    /// Fewest players a match of the game needs.
    pub seats_min: u8,
    /// When a match starts.
    pub start: StartRule,
    /// What one has to know to join; empty for an open room.
    pub code: String,
    /// How many may watch.
    pub spectators_max: u8,
    /// When frames are committed.
    pub commit: CommitPolicy,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A player.
    Player(PlayerId),
    /// The server, for itself or for who operates it.
    Server,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Take a seat.
    Join {
        /// What to call the player.
        name: PlayerName,
        /// The code they gave.
        code: String,
    },
    /// Watch.
    Spectate {
        /// What to call the player.
        name: PlayerName,
        /// The code they gave.
        code: String,
    },
    /// Watch for whoever operates the server, whether the room admits spectators or not.
    Oversee {
        /// What to call them.
        name: PlayerName,
    },
    /// Leave the room, with or without a seat.
    Leave(LeftReason),
    /// Keep a free seat for a player.
    Reserve(PlayerId),
    /// Be ready for the next match, or not any more.
    Ready(bool),
    /// Play the next match on this content, which exists.
    Choose(String),
    /// Open a room that waits, or start a match that everybody is ready for.
    Start,
    /// Give the match up: a member for itself, host and server for all.
    Abort,
    /// The match has an outcome, or failed.
    Finish,
    /// Prepare another match.
    Rematch,
    /// Send a player away.
    Kick {
        /// Who.
        player: PlayerId,
        /// Whether they may not come back.
        ban: bool,
    },
    /// Make a member host.
    HandOver(PlayerId),
    /// Let nobody else in, or let people in again.
    Lock(bool),
    /// Say something to all.
    Chat(String),
    /// End the room.
    Close,
}

impl Operation {
    /// The action of the table of permissions.
    #[must_use]
    pub const fn action(&self) -> Action {
        match self {
            Self::Join { .. } => Action::Join,
            Self::Spectate { .. } | Self::Oversee { .. } => Action::Spectate,
            Self::Leave(_) => Action::Leave,
            Self::Reserve(_) => Action::Reserve,
            Self::Ready(true) => Action::Ready,
            Self::Ready(false) => Action::Unready,
            Self::Choose(_) => Action::Choose,
            Self::Start => Action::Start,
            Self::Abort => Action::Abort,
            Self::Finish => Action::Finish,
            Self::Rematch => Action::Rematch,
            Self::Kick { ban: false, .. } => Action::Kick,
            Self::Kick { ban: true, .. } => Action::Ban,
            Self::HandOver(_) => Action::HandOver,
            Self::Lock(true) => Action::Lock,
            Self::Lock(false) => Action::Unlock,
            Self::Chat(_) => Action::Chat,
            Self::Close => Action::Close,
        }
    }
}

/// What the room's keeper has to do, in order, besides telling the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Give the player this seat.
    Seat(PlayerId, u8),
    /// Let the player watch.
    Watch(PlayerId),
    /// Take the player's place away.
    Remove(PlayerId, LeftReason),
    /// Start a match.
    StartMatch,
    /// End the running match without an outcome.
    AbortMatch,
    /// The player's part in the running match is over; the seat stays.
    Bench(PlayerId),
    /// Clear the room away.
    Close,
}

/// What came of an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// What everybody is told, in order.
    pub events: Vec<RoomEventKind>,
    /// What is to be done, in order.
    pub effects: Vec<Effect>,
}
