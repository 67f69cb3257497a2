//! Links without a network, for tests that drive rooms by hand. No part of the promise of this crate.

use std::net::SocketAddr;
use std::time::Duration;

use bevy_ecs::prelude::{Entity, World};
use framekeep_link::QuietRenet;
use framekeep_protocol::{PROTOCOL_VERSION, PlayerId, PlayerName, Refusal, Role, Side, ToServer};

use crate::link::{BusyLinks, Control};
use crate::schedule::DueRooms;
use crate::{Clock, Link, LinkStage, Player, Players, Rooms, StaleViews, admit, control};

const NONCE: [u8; 16] = [7; 16];

/// What is there beside the components of rooms; all of it goes when nobody is there any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leftovers {
    /// Entities of any kind.
    pub entities: usize,
    /// Rooms by name.
    pub names: usize,
    /// Everything that is due some day.
    pub deadlines: usize,
    /// Frames that are due some day.
    pub due_rooms: usize,
    /// Players the node knows.
    pub players: usize,
    /// Links with something to say.
    pub busy_links: usize,
    /// Links with a deadline.
    pub waiting_links: usize,
    /// Views that are not the newest.
    pub stale_views: usize,
}

/// Admits a player through a link without a network; the player must have no other link.
pub fn link(world: &mut World, player: PlayerId, name: PlayerName) -> Entity {
    let now = world.resource::<Clock>().now();
    let known = world.resource::<Players>().get(player);
    let player_entity = known.unwrap_or_else(|| {
        let entity = world.spawn(Player { id: player, name, link: None, seat: None, opened: (0, 0) }).id();
        world.resource_mut::<Players>().by_id.insert(player, entity);
        entity
    });
    let link = Link {
        player,
        address: SocketAddr::from(([127, 0, 0, 1], 1)),
        stage: LinkStage::Greeting { nonce: NONCE, until: now + Duration::from_secs(1) },
        shard: Entity::PLACEHOLDER,
        player_entity,
        seat: None,
        only_room: None,
        role: Role::Player,
        issued_at_s: 0,
        heard: (0, 0),
        active_at: now,
    };
    let entity = world.spawn((link, Control(QuietRenet::new(Side::Server)))).id();
    if let Some(mut player) = world.get_mut::<Player>(player_entity) {
        player.link = Some(entity);
    }
    // Neither version nor nonce can be wrong.
    let _ = admit::admit(world, entity, PROTOCOL_VERSION, NONCE, Vec::new());
    entity
}

/// Has the server hear a message of a link, whatever the link and its player have asked for in this second; gives why
/// not, if it is refused.
pub fn say(world: &mut World, link: Entity, message: &ToServer) -> Option<Refusal> {
    let mut this = world.get_mut::<Link>(link)?;
    this.heard = (0, 0);
    let player = this.player_entity;
    if let Some(mut player) = world.get_mut::<Player>(player) {
        player.opened = (0, 0);
    }
    control::hear(world, link, &message.encode())
}

/// Throws away what waits on the reliable lane of a link.
pub fn hush(world: &mut World, link: Entity) {
    if let Some(mut control) = world.get_mut::<Control>(link) {
        control.0 = QuietRenet::new(Side::Server);
        world.resource_mut::<BusyLinks>().links.remove(&link);
    }
}

/// Loses a link; its seat is held.
pub fn lose(world: &mut World, link: Entity) {
    admit::drop_link(world, link);
}

/// Waits until the journal has all that was told.
pub fn settle(world: &mut World) {
    crate::record::settle(world);
}

/// When the next deadline is.
pub fn next_deadline(world: &mut World) -> Option<Duration> {
    world.resource_mut::<Rooms>().deadlines.next_at()
}

/// What is there.
pub fn leftovers(world: &mut World) -> Leftovers {
    let entities = world.query::<Entity>().iter(world).count();
    let (rooms, busy) = (world.resource::<Rooms>(), world.resource::<BusyLinks>());
    Leftovers {
        entities,
        names: rooms.len(),
        deadlines: rooms.deadlines.len(),
        due_rooms: world.resource::<DueRooms>().len(),
        players: world.resource::<Players>().len(),
        busy_links: busy.links.len(),
        waiting_links: busy.waiting.len(),
        stale_views: world.resource::<StaleViews>().len(),
    }
}
