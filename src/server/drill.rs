//! Links without a network, for tests that drive rooms by hand. No part of the promise of this crate.

use std::net::SocketAddr;
use std::time::Duration;

use bevy_ecs::prelude::{Entity, World};
use framekeep_link::QuietRenet;
use framekeep_protocol::{
    PROTOCOL_VERSION, PlayerId, PlayerName, Refusal, Role, RoomName, RoomOptions, Side, ToServer,
};

use crate::allowance::Allowances;
use crate::cleanup_stats::CleanupStats;
use crate::copies::Copies;
use crate::deadlines::Due;
use crate::link::{BusyLinks, Control};
use crate::schedule::DueRooms;
use crate::{Clock, Link, LinkStage, Player, Players, Rooms, SeatOf, StaleViews, admit, control, rooms};

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
    /// Names of closed rooms that are kept for a while.
    pub closed_names: usize,
    /// Players and addresses that may do something only so often.
    pub allowances: usize,
    /// Packets of matches, as the statistics have counted them.
    pub packets: u64,
    /// Links that came through the front door.
    pub web_links: usize,
    /// Copies of packets that are not sent yet.
    pub copies: usize,
}

/// Admits a player through a link without a network; the player must have no other link.
pub fn link(world: &mut World, player: PlayerId, name: PlayerName) -> Entity {
    let now = world.resource::<Clock>().now();
    let known = world.resource::<Players>().get(player);
    let player_entity = known.unwrap_or_else(|| {
        let entity = world.spawn(Player { id: player, name, link: None, seat: None }).id();
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
    let entity = world.spawn((link, Control(QuietRenet::new(Side::Server), [0; 2]))).id();
    if let Some(mut player) = world.get_mut::<Player>(player_entity) {
        player.link = Some(entity);
    }
    // Neither version nor nonce can be wrong.
    let _ = admit::admit(world, entity, PROTOCOL_VERSION, NONCE, Vec::new());
    entity
}

/// Admits a player through a second link, which takes the first one over.
pub fn take_over(world: &mut World, old: Entity, name: PlayerName) -> Option<Entity> {
    let player = world.get::<Link>(old)?.player;
    admit::supersede(world, old);
    Some(link(world, player, name))
}

/// A link asks to be shown its room and its match again, as those through the front door can.
pub fn sync(world: &mut World, link: Entity) {
    crate::seating::resume_seat(world, link);
}

/// Has the server hear a message of a link, whatever the link and its player have asked for in this second; gives why
/// not, if it is refused.
pub fn say(world: &mut World, link: Entity, message: &ToServer) -> Option<Refusal> {
    let mut this = world.get_mut::<Link>(link)?;
    this.heard = (0, 0);
    let player = this.player;
    world.resource_mut::<Allowances>().forget(player);
    let seat = world.get::<Link>(link).and_then(|link| link.seat);
    if let Some(&SeatOf(room)) = seat.and_then(|seat| world.get::<SeatOf>(seat)) {
        rooms::starts::restore(world, room);
    }
    control::hear(world, link, &message.encode())
}

/// Bytes that wait on the reliable lane of a link to be acknowledged.
pub fn waiting_bytes(world: &World, link: Entity) -> usize {
    crate::events::waiting_bytes(world, link)
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

/// Whether frames wait for the disk.
pub fn holds_frames(world: &World) -> bool {
    world.resource::<crate::Recorder>().holds_frames()
}

/// When the next deadline is.
pub fn next_deadline(world: &mut World) -> Option<Duration> {
    world.resource_mut::<Rooms>().deadlines.next_at()
}

/// Opens a room that waits for its players.
///
/// # Errors
/// The [`Refusal`] of a room that the node cannot have.
pub fn open_room(world: &mut World, name: RoomName, options: &RoomOptions) -> Result<Entity, Refusal> {
    let room = rooms::plan(world, name, options)?;
    let room = rooms::open(world, room);
    crate::expire::keep_while_empty(world, room);
    Ok(room)
}

/// Puts a room down to be looked at now.
pub fn look_at(world: &mut World, room: Entity) {
    let now = world.resource::<Clock>().now();
    world.resource_mut::<Rooms>().deadlines.put(now, Due::RoomRule, room);
}

/// Does what is due by the clock.
pub fn expire(world: &mut World) {
    crate::expire::expire(world);
}

/// Comes to rest, as when it is told to drain.
pub fn drain(world: &mut World, grace: Duration) {
    crate::gate::drain(world, grace);
}

/// Whether the node has come to rest.
pub fn is_drained(world: &mut World) -> bool {
    crate::gate::is_drained(world)
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
        closed_names: rooms.closed.len(),
        allowances: world.resource::<Allowances>().len(),
        packets: world.resource::<CleanupStats>().packets.iter().sum(),
        web_links: world.resource::<crate::gate::WebLinks>().len(),
        copies: world.resource::<Copies>().len(),
    }
}
