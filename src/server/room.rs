//! Rooms: the unit of isolation.

pub(crate) mod log;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bevy_ecs::prelude::{Component, Entity, Resource};
use framekeep_lobby::{Lobby, Occupant, Roster};
use framekeep_protocol::{Epoch, PlayerId, PlayerName, RoomId, RoomName, RoomPhase};
use framekeep_sim::AnyGame;

use self::log::RoomLog;
use crate::deadlines::Deadlines;
use crate::rooms::starts::Starts;

/// A room: seats, a phase, and at most one running match.
#[derive(Component)]
#[require(Starts, RoomLog)]
pub struct Room {
    /// Unique on this node, across restarts.
    pub id: RoomId,
    /// The name players join by.
    pub name: RoomName,
    /// Who sits where, who may do what, and the phase.
    pub lobby: Lobby,
    pub(crate) game: Arc<dyn AnyGame>,
    pub(crate) content: Arc<[u8]>,
    pub(crate) tick_rate_hz: u16,
    pub(crate) send_every_ticks: u8,
    /// The number of the last match.
    pub(crate) epoch: Epoch,
    /// Another match starts as soon as the last one has sent its frames.
    pub(crate) play_again: bool,
    /// The number of the last event.
    pub(crate) events: u64,
    /// For whom a seat is kept, and until when.
    pub(crate) reservations: Vec<(PlayerId, Duration)>,
}

impl Room {
    /// Who sits where.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        self.lobby.roster()
    }

    /// How much memory it takes, about: names and texts have bounds, and few are long.
    pub(crate) fn bytes(&self) -> usize {
        /// What a name or a text takes.
        const TEXT: usize = 32;
        let seats = usize::from(self.roster().capacity()) * (size_of::<Option<Occupant>>() + TEXT);
        let watchers = self.lobby.watchers().count() * (size_of::<(PlayerId, PlayerName)>() + TEXT);
        size_of::<Self>() + seats + watchers + size_of_val(&*self.reservations) + self.content.len()
    }
}

/// A room's phase. Replaced as a whole, never changed in place.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
#[component(immutable)]
pub struct Phase(pub RoomPhase);

/// The rooms of the node by name.
#[derive(Resource, Default)]
pub struct Rooms {
    pub(crate) by_name: HashMap<RoomName, Entity>,
    /// The names of rooms that were closed and are not free yet.
    pub(crate) closed: HashMap<RoomName, Entity>,
    /// Rooms and seats with a deadline.
    pub(crate) deadlines: Deadlines,
}

impl Rooms {
    /// The room of a name.
    #[must_use]
    pub fn get(&self, name: &RoomName) -> Option<Entity> {
        self.by_name.get(name).copied()
    }

    /// How many rooms there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}
