//! `ClosedRoom`, the name of a room that somebody closed, which stays taken for a while.

use std::time::Duration;

use bevy_ecs::prelude::{Component, World};
use framekeep_protocol::{ClosedReason, PlayerId, Refusal, RoomName};

use crate::deadlines::Due;
use crate::{Clock, Rooms, ServerConfig};

/// Who closes a room, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closing {
    pub(crate) reason: ClosedReason,
    /// The player, if it is one.
    pub(crate) by: Option<PlayerId>,
}

impl From<ClosedReason> for Closing {
    fn from(reason: ClosedReason) -> Self {
        Self { reason, by: None }
    }
}

/// The name of a room that somebody closed. Who comes late is told so instead of sitting alone in another room of the
/// same name; only who closed it may open that at once.
#[derive(Component, Clone, Debug)]
pub(crate) struct ClosedRoom {
    name: RoomName,
    closing: Closing,
    until: Duration,
}

/// Keeps the name of a room that is gone, if somebody closed it. Nobody comes late to one that was empty or forgotten.
pub(crate) fn keep_name(world: &mut World, name: RoomName, closing: Closing) {
    let config = world.resource::<ServerConfig>();
    let (life, most) = (config.closed_room_life, config.rooms_max);
    let by_clock = matches!(closing.reason, ClosedReason::Empty | ClosedReason::Expired);
    if by_clock || life.is_zero() || world.resource::<Rooms>().closed.len() >= most {
        return;
    }
    let until = world.resource::<Clock>().now() + life;
    let entity = world.spawn(ClosedRoom { name: name.clone(), closing, until }).id();
    let mut rooms = world.resource_mut::<Rooms>();
    rooms.deadlines.put(until, Due::ClosedRoom, entity);
    rooms.closed.insert(name, entity);
}

/// Whether there is a name to join, or to open a room under.
///
/// # Errors
/// [`Refusal::RoomClosed`] while it stays with a room that was closed, unless its closer opens another.
pub(crate) fn check_name(
    world: &World,
    name: &RoomName,
    player: PlayerId,
    opens: bool,
) -> Result<(), Refusal> {
    let entity = world.resource::<Rooms>().closed.get(name);
    let Some(closed) = entity.and_then(|&entity| world.get::<ClosedRoom>(entity)) else { return Ok(()) };
    if opens && closed.closing.by == Some(player) {
        return Ok(());
    }
    let left = closed.until.saturating_sub(world.resource::<Clock>().now());
    let free_in_s = left.as_secs() as u32 + u32::from(left.subsec_nanos() > 0);
    Err(Refusal::RoomClosed { room: name.clone(), reason: closed.closing.reason, free_in_s })
}

/// Frees a name: its time is over, or its closer opens another room.
pub(crate) fn free_name(world: &mut World, name: &RoomName) {
    let mut rooms = world.resource_mut::<Rooms>();
    if let Some(entity) = rooms.closed.remove(name) {
        rooms.deadlines.forget(entity);
        world.despawn(entity);
    }
}

/// The time of a closed room's name is over.
pub(crate) fn forget_closed(world: &mut World, entity: bevy_ecs::prelude::Entity) {
    if let Some(name) = world.get::<ClosedRoom>(entity).map(|closed| closed.name.clone()) {
        free_name(world, &name);
    }
}
