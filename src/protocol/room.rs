//! `RoomView`, what a member is told about a room.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use framekeep_sim::SEATS_MAX;
use serde::{Deserialize, Serialize};

use crate::codec::at_most;
use crate::{CodecError, GAME_NAME_BYTES_MAX, PlayerId, PlayerName, RoomId, RoomName, SeatIndex};

/// Where a room is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RoomPhase {
    /// Seats are being taken.
    #[default]
    Waiting,
    /// Players get ready.
    Preparing,
    /// Everybody is ready; the match is about to start.
    Ready,
    /// A match is being played.
    Playing,
    /// The match is over; another may follow.
    Finished,
    /// The room is gone.
    Closed,
}

impl RoomPhase {
    /// All phases in the order of a room's life.
    pub const ALL: [Self; 6] =
        [Self::Waiting, Self::Preparing, Self::Ready, Self::Playing, Self::Finished, Self::Closed];

    /// The phase in one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Preparing => "preparing",
            Self::Ready => "ready",
            Self::Playing => "playing",
            Self::Finished => "finished",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for RoomPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// When a room's match starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartRule {
    /// As soon as every seat is taken, or the host starts it.
    #[default]
    Full,
    /// As soon as everybody who is there is ready, and they are enough for the game.
    Ready,
    /// When everybody is ready and the host starts it.
    Host,
}

/// When the frame of a tick is committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommitPolicy {
    /// At its deadline, with what has arrived.
    #[default]
    Deadline,
    /// When every connected seat's input has arrived, at the latest a while after the deadline.
    Lockstep,
}

/// One taken seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The seat.
    pub seat: SeatIndex,
    /// Who has it.
    pub player: PlayerId,
    /// What to call them.
    pub name: PlayerName,
    /// Whether they have a link now.
    pub connected: bool,
    /// Whether they may start the match.
    pub host: bool,
    /// Whether they are ready for the next match.
    pub ready: bool,
    /// Whether they gave the running match up.
    pub out: bool,
}

/// Somebody who watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watcher {
    /// Who.
    pub player: PlayerId,
    /// What to call them.
    pub name: PlayerName,
}

/// What a member is told about a room, whole, whenever it changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomView {
    /// The room.
    pub room: RoomId,
    /// Its name.
    pub name: RoomName,
    /// The game that is played in it.
    pub game: String,
    /// How many seats it has.
    pub seats: u8,
    /// The seat of the member that is told; [`crate::SPECTATOR_SEAT`] for a spectator.
    pub seat: SeatIndex,
    /// Where it is in its life.
    pub phase: RoomPhase,
    /// The taken seats in seat order.
    pub members: Vec<Member>,
    /// The name of the content that is played on; empty for the game's default.
    pub content: String,
    /// When its matches start.
    pub start: StartRule,
    /// Whether nobody else is let in.
    pub locked: bool,
    /// Whether one needs a code to join.
    pub private: bool,
    /// Who watches, in the order in which they came.
    pub watchers: Vec<Watcher>,
    /// For whom seats are kept, in seat order.
    pub kept: Vec<PlayerId>,
    /// The number of the last event that this view stands for.
    pub event: u64,
}

impl RoomView {
    pub(crate) fn validate(&self) -> Result<(), CodecError> {
        at_most("game name bytes", self.game.len(), GAME_NAME_BYTES_MAX)?;
        at_most("content name bytes", self.content.len(), GAME_NAME_BYTES_MAX)?;
        at_most("seats", self.seats.into(), SEATS_MAX.into())?;
        at_most("members", self.members.len(), self.seats.into())?;
        at_most("watchers", self.watchers.len(), u8::MAX.into())?;
        at_most("kept seats", self.kept.len(), self.seats.into())?;
        self.members.iter().try_for_each(|member| at_most("seat", member.seat.into(), SEATS_MAX.into()))
    }
}
