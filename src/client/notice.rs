//! Messages to the game: what happened in the room, on the link and in the match. Each is an event for observers too.

use bevy_app::{App, PreUpdate};
use bevy_ecs::event::GlobalTrigger;
use bevy_ecs::prelude::{Commands, Event, IntoScheduleConfigs, Message, MessageReader, Messages};
use framekeep_protocol::{MatchEnd, MatchStart, RoomEvent};
use framekeep_rollback::{Cause, EventId};
use framekeep_sim::{FieldDiff, Tick};

use crate::{ClientSystems, Reason};

/// Registers a message, which is told to observers (`app.add_observer(|told: On<RoomHappened>| ..)`) when the systems
/// of a frame are through.
pub(crate) fn add_notice<M>(app: &mut App)
where
    M: Message + Clone + for<'a> Event<Trigger<'a> = GlobalTrigger>,
{
    if app.world().contains_resource::<Messages<M>>() {
        return;
    }
    app.add_message::<M>().add_systems(PreUpdate, tell_observers::<M>.in_set(ClientSystems::Report));
}

fn tell_observers<M>(mut told: MessageReader<M>, mut commands: Commands)
where
    M: Message + Clone + for<'a> Event<Trigger<'a> = GlobalTrigger>,
{
    for message in told.read() {
        commands.trigger(message.clone());
    }
}

/// Something was not done, or was lost. [`Reason::sentence`] is what to show a player.
#[derive(Message, Event, Clone, Debug, PartialEq, Eq)]
pub struct Failed(pub Reason);

/// Something happened in the room.
#[derive(Message, Event, Clone, Debug, PartialEq, Eq)]
pub struct RoomHappened(pub RoomEvent);

/// A match begins here: anew, after coming late, or after a reconnection.
#[derive(Message, Event, Clone, Debug, PartialEq, Eq)]
pub struct MatchStarted(pub MatchStart);

/// The match is over.
#[derive(Message, Event, Clone, Debug, PartialEq, Eq)]
pub struct MatchEnded(pub MatchEnd);

/// A snapshot stands in for ticks that this client has not played through: after a pause, a long loss, a reconnection.
/// The game events of these ticks are not told; what had been predicted for them is [`Cancelled`], also if it happened.
/// Take from the state what must not be missed.
#[derive(Message, Event, Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicksSkipped {
    /// The first of them.
    pub from: Tick,
    /// The first tick after them.
    pub to: Tick,
}

/// This client's state differed from the server's, and was healed: as much of the report as the client has. The whole
/// one, with both states, is in the server's `desyncs` folder.
#[derive(Message, Event, Clone, Debug, PartialEq, Eq)]
pub struct DesyncDetected {
    /// The state before this tick differed, or already one before it.
    pub tick: Tick,
    /// The own seat; none for who watches.
    pub seat: Option<u8>,
    /// The first tick after whose frame the states differ, if the server has found it within two seconds.
    pub first: Option<Tick>,
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
#[derive(Message, Event, Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Message, Event, Clone, Debug, PartialEq, Eq)]
pub struct Predicted<E: Send + Sync + 'static> {
    /// Which.
    pub id: EventId,
    /// The tick in whose step it happens.
    pub tick: Tick,
    /// What.
    pub event: E,
}

/// A game event that has happened: told once for each that this client has played through. Those of ticks for which a
/// snapshot stands in (coming late, a longer reconnection, a gap) are not told, and what was predicted for such a tick
/// is [`Cancelled`], also if it happened; [`TicksSkipped`] names these ticks.
#[derive(Message, Event, Clone, Debug, PartialEq, Eq)]
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

/// A game event that was predicted and does not happen, or of which this client has not seen whether it did: a
/// snapshot stands in for its tick, or the match was left.
#[derive(Message, Event, Clone, Debug, PartialEq, Eq)]
pub struct Cancelled<E: Send + Sync + 'static> {
    /// Which.
    pub id: EventId,
    /// The tick in whose step it was predicted.
    pub tick: Tick,
    /// What.
    pub event: E,
}
