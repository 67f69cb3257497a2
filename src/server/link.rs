//! Links: one live connection of a player.

use std::net::SocketAddr;
use std::time::Duration;

use bevy_ecs::entity::EntityHashSet;
use bevy_ecs::prelude::{Component, Entity, Resource};
use framekeep_link::QuietRenet;
use framekeep_protocol::{PlayerId, Role, RoomName, Ticket};

/// One live connection of a player.
#[derive(Component, Debug)]
pub struct Link {
    /// Whose link it is.
    pub player: PlayerId,
    /// Where the datagrams come from.
    pub address: SocketAddr,
    /// How far the hand-shake has come.
    pub stage: LinkStage,
    pub(crate) shard: Entity,
    pub(crate) player_entity: Entity,
    /// The seat that payloads act for; always from the link, never from a payload.
    pub(crate) seat: Option<Entity>,
    /// The only room the ticket allows.
    pub(crate) only_room: Option<RoomName>,
    /// What the ticket allows.
    pub(crate) role: Role,
    pub(crate) issued_at_s: u64,
    /// How many control messages came in which second.
    pub(crate) heard: (u64, u32),
    /// When the player did something last: said something, or changed an input.
    pub(crate) active_at: Duration,
}

impl Link {
    /// The link that a ticket opens, over `shard` and from `address`.
    pub(crate) fn open(
        ticket: Ticket,
        address: SocketAddr,
        stage: LinkStage,
        (shard, player_entity): (Entity, Entity),
        now: Duration,
    ) -> Self {
        Self {
            player: ticket.player,
            address,
            stage,
            shard,
            player_entity,
            seat: None,
            only_room: ticket.room,
            role: ticket.role,
            issued_at_s: ticket.issued_at_s,
            heard: (0, 0),
            active_at: now,
        }
    }
}

/// How far a link's hand-shake has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkStage {
    /// Welcomed; the nonce is to be echoed before `until`.
    Greeting {
        /// What the client must echo.
        nonce: [u8; 16],
        /// When the link is given up.
        until: Duration,
    },
    /// Admitted; the fingerprints of games the client can simulate.
    Admitted {
        /// Name and fingerprint.
        games: Vec<(String, u64)>,
    },
    /// Told to go; nothing is heard any more, the last words are still sent.
    Closing {
        /// When the connection ends.
        until: Duration,
    },
}

/// The reliable lane of a link, and how many bytes it has carried in and out.
#[derive(Component)]
pub(crate) struct Control(pub(crate) QuietRenet, pub(crate) [u64; 2]);

/// Links whose reliable lane has something to do; the others cost nothing.
#[derive(Resource, Default)]
pub struct BusyLinks {
    pub(crate) links: EntityHashSet,
    /// Links with a deadline: in greeting or closing.
    pub(crate) waiting: EntityHashSet,
}

impl BusyLinks {
    /// Whether no link has something to do or a deadline.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.links.is_empty() && self.waiting.is_empty()
    }
}
