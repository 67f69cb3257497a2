//! `RoomEvent`, something that happened in a room, as told to everybody in it.

use alloc::string::String;
use alloc::vec::Vec;

use framekeep_sim::{SEATS_MAX, SeatScore};
use serde::{Deserialize, Serialize};

use crate::codec::at_most;
use crate::{
    CHAT_BYTES_MAX, CodecError, Epoch, GAME_NAME_BYTES_MAX, LeftReason, MatchEnd, PlayerId, PlayerName,
    RoomPhase, SERVER_NAME_BYTES_MAX, SeatIndex,
};

/// Something that happened in a room. Numbers rise by one within a room; a gap means that events were left out for
/// a link that is too slow, and a [`RoomView`](crate::RoomView) that stands for them follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomEvent {
    /// The event's number in its room, from 1.
    pub number: u64,
    /// What happened.
    pub kind: RoomEventKind,
}

/// What happened in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoomEventKind {
    /// A player has a seat.
    Joined {
        /// The seat.
        seat: SeatIndex,
        /// Who.
        player: PlayerId,
        /// What to call them.
        name: PlayerName,
    },
    /// Somebody watches.
    Watching {
        /// Who.
        player: PlayerId,
        /// What to call them.
        name: PlayerName,
    },
    /// A player is no longer in the room.
    Left {
        /// Who.
        player: PlayerId,
        /// Why.
        reason: LeftReason,
    },
    /// A player's link is lost; the seat is held.
    LinkLost {
        /// Who.
        player: PlayerId,
        /// For how long, in milliseconds.
        held_ms: u32,
    },
    /// A player is back.
    LinkBack {
        /// Who.
        player: PlayerId,
    },
    /// A seat is kept for a player.
    Reserved {
        /// For whom.
        player: PlayerId,
    },
    /// A player is ready, or not any more.
    Ready {
        /// Who.
        player: PlayerId,
        /// Ready or not.
        ready: bool,
    },
    /// The next match is played on this.
    ContentChosen {
        /// The name of the content; empty for the game's default.
        content: String,
    },
    /// The room is in another phase.
    Phase(RoomPhase),
    /// A match is about to start.
    Countdown {
        /// When its first frame is committed, in milliseconds from now.
        in_ms: u32,
    },
    /// A match has started.
    Started {
        /// The match.
        epoch: Epoch,
    },
    /// A player has given the match up and keeps the seat.
    GaveUp {
        /// Who.
        player: PlayerId,
    },
    /// The host, or the server if nobody, has given the match up for all.
    Aborted {
        /// Who.
        by: Option<PlayerId>,
    },
    /// The match is over.
    Finished(MatchEnd),
    /// Another member decides.
    HostChanged {
        /// Who.
        host: PlayerId,
    },
    /// The host lets nobody else in, or lets people in again.
    Locked {
        /// Locked or not.
        locked: bool,
    },
    /// Somebody said something; the server, if nobody.
    Chat {
        /// Who.
        player: Option<PlayerId>,
        /// What.
        text: String,
    },
    /// How the match stands, best first.
    Leaderboard(Vec<SeatScore>),
    /// The room will be closed.
    ClosingSoon {
        /// In how many seconds.
        in_s: u32,
    },
    /// The room is closed; nothing follows.
    Closed(ClosedReason),
    /// How those seats stand whose score has changed within the last second, in seat order.
    Scores(Vec<SeatScore>),
    /// A seat is no longer kept for a player who did not come, or may not.
    Released {
        /// For whom it was.
        player: PlayerId,
    },
    /// Another node has a room of this name, which stays; this one is about to be closed.
    Elsewhere {
        /// The name of that node, at most [`SERVER_NAME_BYTES_MAX`] bytes; empty if it is not known.
        node: String,
    },
}

/// Why a room was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClosedReason {
    /// The host closed it.
    Host,
    /// Nobody was in it for too long.
    Empty,
    /// It was open for too long, or nothing happened in it.
    Expired,
    /// Whoever runs the server closed it, or the server stops.
    Server,
    /// Its matches failed again and again.
    Failing,
    /// Another node has a room of its name, and that one stays.
    Elsewhere,
}

impl core::fmt::Display for ClosedReason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Host => "by its host",
            Self::Empty => "nobody was in it",
            Self::Expired => "nothing happened in it",
            Self::Server => "by the server",
            Self::Failing => "its matches kept failing",
            Self::Elsewhere => "a room of its name is at another node",
        })
    }
}

/// What may be done with an event that a slow link cannot take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// It is told, or the link is closed.
    Critical,
    /// A later one of its kind, or a view of the room, stands for it.
    State,
    /// It may be left out, and is counted.
    Ordinary,
}

impl RoomEventKind {
    /// What may be done with it if a link is too slow.
    #[must_use]
    pub const fn urgency(&self) -> Urgency {
        match self {
            Self::Started { .. }
            | Self::Aborted { .. }
            | Self::Finished(_)
            | Self::Countdown { .. }
            | Self::Left { .. }
            | Self::ClosingSoon { .. }
            | Self::Elsewhere { .. }
            | Self::Closed(_) => Urgency::Critical,
            Self::Leaderboard(_) | Self::Scores(_) | Self::Chat { .. } => Urgency::Ordinary,
            _ => Urgency::State,
        }
    }
}

impl RoomEvent {
    pub(crate) fn validate(&self) -> Result<(), CodecError> {
        match &self.kind {
            RoomEventKind::ContentChosen { content } => {
                at_most("content name bytes", content.len(), GAME_NAME_BYTES_MAX)
            }
            RoomEventKind::Elsewhere { node } => {
                at_most("node name bytes", node.len(), SERVER_NAME_BYTES_MAX)
            }
            RoomEventKind::Chat { text, .. } => at_most("chat bytes", text.len(), CHAT_BYTES_MAX),
            RoomEventKind::Leaderboard(scores) | RoomEventKind::Scores(scores) => {
                at_most("scores", scores.len(), SEATS_MAX.into())
            }
            _ => Ok(()),
        }
    }
}
