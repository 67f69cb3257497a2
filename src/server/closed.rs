//! `ClosedRoom`, the name of a room that somebody closed, which stays taken for a while, also over a restart.

use std::fs;
use std::io;
use std::time::Duration;

use bevy_ecs::prelude::{Component, Local, Query, Res, World};
use framekeep_protocol::{ClosedReason, PlayerId, Refusal, RoomName};
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::deadlines::Due;
use crate::{Clock, Recorder, Rooms, ServerConfig};

/// The file of names in the data folder.
pub(crate) const FILE: &str = "closed.json";
/// How often it is looked whether they are others.
const LOOK_EVERY: Duration = Duration::from_millis(250);

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

/// A name on disk.
#[derive(Serialize, Deserialize)]
struct KeptName {
    name: RoomName,
    reason: ClosedReason,
    by: Option<PlayerId>,
    until_unix_ms: u64,
}

/// The name of a room that somebody closed. Who comes late is told so instead of sitting alone in another room of the
/// same name; only who closed it may open that at once.
#[derive(Component, Clone, Debug)]
pub(crate) struct ClosedRoom {
    name: RoomName,
    closing: Closing,
    until: Duration,
}

/// Keeps the name of a room that is gone, if somebody closed it. Nobody comes late to one that was empty or forgotten,
/// and for one that is another node's one is sent there.
pub(crate) fn keep_name(world: &mut World, name: RoomName, closing: Closing) {
    let config = world.resource::<ServerConfig>();
    let (life, most) = (config.closed_room_life, config.rooms_max);
    let is_free =
        matches!(closing.reason, ClosedReason::Empty | ClosedReason::Expired | ClosedReason::Elsewhere);
    if is_free || life.is_zero() || world.resource::<Rooms>().closed.len() >= most {
        return;
    }
    let until = world.resource::<Clock>().now() + life;
    put(world, ClosedRoom { name, closing, until });
}

fn put(world: &mut World, closed: ClosedRoom) {
    let (name, until) = (closed.name.clone(), closed.until);
    let entity = world.spawn(closed).id();
    let mut rooms = world.resource_mut::<Rooms>();
    rooms.deadlines.put(until, Due::ClosedRoom, entity);
    rooms.closed.insert(name, entity);
}

/// Writes the names down when they are others than before.
pub(crate) fn write_names(
    closed: Query<&ClosedRoom>,
    clock: Res<Clock>,
    recorder: Res<Recorder>,
    mut looked_at: Local<Duration>,
    mut written: Local<(usize, Duration)>,
) {
    let now = clock.now();
    if !recorder.is_open() || now < *looked_at + LOOK_EVERY {
        return;
    }
    *looked_at = now;
    let last = closed.iter().map(|closed| closed.until).max().unwrap_or_default();
    // One that comes ends later than those before it.
    if std::mem::replace(&mut *written, (closed.iter().len(), last)) == *written {
        return;
    }
    let kept = |closed: &ClosedRoom| KeptName {
        name: closed.name.clone(),
        reason: closed.closing.reason,
        by: closed.closing.by,
        until_unix_ms: closed.until.as_millis() as u64,
    };
    let names: Vec<KeptName> = closed.iter().map(kept).collect();
    // Names and numbers always have a JSON.
    recorder.write_names(serde_json::to_vec(&names).unwrap_or_default());
}

/// Keeps the names that an earlier run has kept, as far as their time is not over.
pub(crate) fn restore_names(world: &mut World) {
    let config = world.resource::<ServerConfig>();
    let most = config.rooms_max;
    let Some(file) = config.data.as_ref().map(|data| data.join(FILE)) else { return };
    if !world.resource::<Recorder>().is_open() {
        return;
    }
    let names = fs::read(&file).and_then(|text| serde_json::from_slice(&text).map_err(io::Error::other));
    let names: Vec<KeptName> = match names {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => return warn!(%error, file = %file.display(), "names of closed rooms are free again"),
    };
    let now = world.resource::<Clock>().now();
    for KeptName { name, reason, by, until_unix_ms } in names.into_iter().take(most) {
        let until = Duration::from_millis(until_unix_ms);
        let rooms = world.resource::<Rooms>();
        if until > now && rooms.get(&name).is_none() && !rooms.closed.contains_key(&name) {
            put(world, ClosedRoom { name, closing: Closing { reason, by }, until });
        }
    }
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
