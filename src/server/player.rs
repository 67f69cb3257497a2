//! Players: identities that outlive links.

use std::collections::HashMap;

use bevy_ecs::prelude::{Component, Entity, Resource};
use framekeep_protocol::{PlayerId, PlayerName};

/// An identity known to the node.
#[derive(Component, Clone, Debug)]
pub struct Player {
    /// Who it is.
    pub id: PlayerId,
    /// The name others see.
    pub name: PlayerName,
    /// The open link, if any; there is one at most.
    pub link: Option<Entity>,
    /// The seat held, if any.
    pub seat: Option<Entity>,
}

/// The players the node knows.
#[derive(Resource, Default)]
pub struct Players {
    pub(crate) by_id: HashMap<PlayerId, Entity, foldhash::fast::RandomState>,
}

impl Players {
    /// The entity of a player.
    #[must_use]
    pub fn get(&self, id: PlayerId) -> Option<Entity> {
        self.by_id.get(&id).copied()
    }

    /// How many players are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether no player is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}
