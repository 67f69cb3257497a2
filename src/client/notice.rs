//! Messages to the game: what happened in the room, on the link and in the match.

use bevy_ecs::prelude::Message;
use framekeep_protocol::{MatchEnd, MatchStart, RoomEvent};
use framekeep_rollback::{Cause, EventId};
use framekeep_sim::{FieldDiff, Tick};

use crate::Reason;

/// Something was not done, or was lost. [`Reason::sentence`] is what to show a player.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub struct Failed(pub Reason);

/// Something happened in the room.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub struct RoomHappened(pub RoomEvent);

/// A match begins here: anew, after coming late, or after a reconnection.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub struct MatchStarted(pub MatchStart);

/// The match is over.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub struct MatchEnded(pub MatchEnd);

/// This client's state differed from the server's, and was healed.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub struct DesyncDetected {
    /// The state before this tick differed, or already one before it.
    pub tick: Tick,
    /// The low 32 bits of the server's hash.
    pub expected: u32,
    /// The low 32 bits of this client's hash.
    pub got: u32,
    /// Fields that differed when the server's state came, this client's on the left. If that state was ahead of what
    /// was confirmed here, they were compared with what was predicted, and some may only have been guessed wrong. Empty
    /// if there was nothing to compare; the server's report has it all.
    pub fields: Vec<FieldDiff>,
}

/// Predicted ticks were played again.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollbackHappened {
    /// The first of them.
    pub from: Tick,
    /// How many.
    pub depth: u32,
    /// Why.
    pub cause: Cause,
}

/// A game event that happens if nobody does anything unforeseen. Exactly one [`Confirmed`] or [`Cancelled`] of the same
/// id follows.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub struct Predicted<E: Send + Sync + 'static> {
    /// Which.
    pub id: EventId,
    /// The tick in whose step it happens.
    pub tick: Tick,
    /// What.
    pub event: E,
}

/// A game event that has happened: told exactly once for each.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub struct Confirmed<E: Send + Sync + 'static> {
    /// Which.
    pub id: EventId,
    /// The tick in whose step it happened.
    pub tick: Tick,
    /// Whether it was told as [`Predicted`] before: its sound has been played.
    pub predicted: bool,
    /// What.
    pub event: E,
}

/// A game event that was predicted and does not happen.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub struct Cancelled<E: Send + Sync + 'static> {
    /// Which.
    pub id: EventId,
    /// The tick in whose step it was predicted.
    pub tick: Tick,
    /// What.
    pub event: E,
}
