//! `why_alive`: what holds a room and until when; the rooms of the node, for operators.

use std::time::Duration;

use bevy_ecs::prelude::{Entity, Resource, World};
use framekeep_protocol::{RoomPhase, SPECTATOR_SEAT};
use serde::{Deserialize, Serialize};

use crate::cleanup::Cleanups;
use crate::desync::Recall;
use crate::expire::{RoomRule, room_deadline};
use crate::fault::{FaultKind, FaultLog};
use crate::limits::ROOMS_LISTED_PER_PUMP;
use crate::packet::{self, PacketKind};
use crate::room::log::RoomLog;
use crate::seat::Seats;
use crate::{Clock, FrameArchive, Phase, Recorder, Room, Rooms, Seat, SeatPlay, ServerConfig, Stage};

/// How often the list of rooms is written.
const ROOMS_EVERY: Duration = Duration::from_secs(2);

/// One thing that holds a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// What it is, in words.
    pub what: String,
    /// Until when, in milliseconds since the Unix epoch; without one it holds as long as it is there.
    pub until_unix_ms: Option<u64>,
}

impl Hold {
    fn new(what: impl Into<String>, until: Option<Duration>) -> Self {
        Self { what: what.into(), until_unix_ms: until.map(|until| until.as_millis() as u64) }
    }
}

/// A room as operators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomRow {
    /// The name players join by.
    pub name: String,
    /// Its id, 16 hexadecimal digits.
    pub id: String,
    /// The game it plays.
    pub game: String,
    /// Its phase.
    pub phase: String,
    /// Seats there are.
    #[serde(default)]
    pub capacity: u32,
    /// Seats that are taken or held.
    pub seats: u32,
    /// Seats whose player is connected.
    pub connected: u32,
    /// Players who watch.
    #[serde(default)]
    pub watching: u32,
    /// The tick of the match, while there is one.
    pub tick: Option<u32>,
    /// When something about it is decided next, in milliseconds since the Unix epoch.
    pub next_deadline_unix_ms: Option<u64>,
    /// Bytes of memory it takes, about.
    pub bytes: u64,
    /// What holds it.
    pub holds: Vec<Hold>,
}

/// `rooms.json`: the rooms of a node at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomList {
    /// 1.
    pub schema_version: u32,
    /// When it was written, in milliseconds since the Unix epoch.
    pub unix_ms: u64,
    /// The rooms by name.
    pub rooms: Vec<RoomRow>,
}

/// Everything that holds a room, and until when. An entity that is no room is held by nothing.
#[must_use]
pub fn why_alive(world: &World, room: Entity) -> Vec<Hold> {
    let mut holds = Vec::new();
    if world.get::<Room>(room).is_none() {
        return holds;
    }
    hold_seats(world, room, &mut holds);
    hold_kept(world, room, &mut holds);
    hold_match(world, room, &mut holds);
    hold_packets(world, room, &mut holds);
    tell_faults(world, room, &mut holds);
    if let Some((until, rule)) = room_deadline(world, room) {
        let what = match rule {
            RoomRule::Empty => "empty; kept for whoever comes back",
            RoomRule::Finished => "its match is over; kept for another one",
            RoomRule::Idle => "may live as long without anything happening",
        };
        holds.push(Hold::new(what, Some(until)));
    }
    holds
}

/// Who only watches keeps no room.
fn hold_seats(world: &World, room: Entity, holds: &mut Vec<Hold>) {
    let grace = world.resource::<ServerConfig>().reconnect_grace;
    for seat in seats(world, room).filter(|seat| seat.index != SPECTATOR_SEAT) {
        let (index, player) = (seat.index, seat.player.0);
        holds.push(match seat.lost_at {
            Some(lost) => {
                Hold::new(format!("seat {index} is held for player {player:016x}"), Some(lost + grace))
            }
            None => Hold::new(format!("seat {index} is taken by player {player:016x}"), None),
        });
    }
}

/// A seat that is kept holds the room as little as one that is free, but nobody else gets it.
fn hold_kept(world: &World, room: Entity, holds: &mut Vec<Hold>) {
    let Some(room) = world.get::<Room>(room) else { return };
    for &(player, until) in room.reservations.iter().filter(|(who, _)| room.roster().is_reserved(*who)) {
        holds.push(Hold::new(format!("a seat is kept for player {:016x}", player.0), Some(until)));
    }
}

fn hold_match(world: &World, room: Entity, holds: &mut Vec<Hold>) {
    let Some(stage) = world.get::<Stage>(room) else { return };
    let tick = stage.tick().0;
    holds.push(match &stage.ending {
        Some(ending) => {
            Hold::new(format!("a match is over at tick {tick} and sends its last frames"), Some(ending.until))
        }
        None if stage.is_asleep => {
            Hold::new(format!("a match stands still at tick {tick} until one of its players is back"), None)
        }
        None if stage.is_held => {
            Hold::new(format!("a match stands still at tick {tick}: the room goes to another node"), None)
        }
        None => Hold::new(format!("a match runs at tick {tick}"), None),
    });
}

fn hold_packets(world: &World, room: Entity, holds: &mut Vec<Hold>) {
    let mut counts = [0_u32; PacketKind::ALL.len()];
    for (_, packet) in packet::of_room(world, room) {
        counts[packet.kind as usize] += 1;
    }
    for (kind, count) in PacketKind::ALL.iter().zip(counts).filter(|&(_, count)| count > 0) {
        let wait = if count == 1 { "packet waits" } else { "packets wait" };
        holds.push(Hold::new(format!("{count} {} {wait}", kind.name()), None));
    }
    for task in world.get::<Cleanups>(room).map(|cleanups| cleanups.0.as_slice()).unwrap_or_default() {
        let (tier, failures) = (task.tier.name(), task.failures);
        let what = match failures {
            0 => format!("a cleanup of the {tier} tier is due"),
            _ => format!("a cleanup of the {tier} tier has failed {failures} times and is tried again"),
        };
        holds.push(Hold::new(what, Some(task.due_at)));
    }
}

/// Faults hold nothing, but with too many of them the room goes.
fn tell_faults(world: &World, room: Entity, holds: &mut Vec<Hold>) {
    let Some(log) = world.get::<FaultLog>(room) else { return };
    let (now, budgets) = (world.resource::<Clock>().now(), world.resource::<ServerConfig>().fault_budgets);
    for kind in FaultKind::ALL {
        let (spent, max) = (log.spent(kind, now, &budgets), budgets.max[kind as usize]);
        if spent > 0 {
            let window = budgets.window.as_secs();
            let what = format!("{spent} {} faults of at most {max} within {window} s", kind.name());
            holds.push(Hold::new(what, None));
        }
    }
}

fn seats(world: &World, room: Entity) -> impl Iterator<Item = &Seat> {
    Seats::entities(world.get::<Seats>(room)).filter_map(|seat| world.get::<Seat>(seat))
}

/// How many seats have a player who is connected.
pub(crate) fn connected(world: &World, room: Entity) -> u32 {
    let is_there = |seat: &&Seat| seat.link.is_some() && seat.index != SPECTATOR_SEAT;
    seats(world, room).filter(is_there).count() as u32
}

/// All rooms of the node by name, with what holds them.
#[must_use]
pub fn list_rooms(world: &World) -> Vec<RoomRow> {
    let mut rows: Vec<RoomRow> =
        world.resource::<Rooms>().by_name.values().filter_map(|&room| row(world, room)).collect();
    rows.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    rows
}

fn row(world: &World, entity: Entity) -> Option<RoomRow> {
    let room = world.get::<Room>(entity)?;
    let stage = world.get::<Stage>(entity);
    let holds = why_alive(world, entity);
    Some(RoomRow {
        name: room.name.as_str().to_owned(),
        id: format!("{:016x}", room.id.0),
        game: room.game.name().to_owned(),
        phase: world.get::<Phase>(entity).map_or(RoomPhase::Closed, |phase| phase.0).to_string(),
        capacity: room.roster().capacity().into(),
        seats: room.roster().taken().into(),
        connected: connected(world, entity),
        watching: room.lobby.watchers().count() as u32,
        tick: stage.map(|stage| stage.tick().0),
        next_deadline_unix_ms: holds.iter().filter_map(|hold| hold.until_unix_ms).min(),
        bytes: bytes(world, entity) as u64,
        holds,
    })
}

/// An estimate of the memory of a room: its match, the archive of that and what is remembered of it, its seats' rings,
/// frames and packets, and its members' names.
pub(crate) fn bytes(world: &World, room: Entity) -> usize {
    /// What an entity takes beside its components.
    const ENTITY: usize = 64;
    let archive = world.get::<FrameArchive>(room).map_or(0, FrameArchive::bytes);
    let recall = world.get::<Recall>(room).map_or(0, Recall::bytes);
    let stage = world.get::<Stage>(room).map_or(0, Stage::bytes);
    let seats = seats(world, room).count() * (ENTITY + size_of::<Seat>() + size_of::<SeatPlay>());
    let frames = world.get::<crate::Frames>(room).map_or(0, |frames| frames.entities().len());
    let frames = frames * (ENTITY + size_of::<crate::CommittedFrame>());
    let packets: usize = packet::of_room(world, room)
        .map(|(_, packet)| ENTITY + size_of_val(packet) + packet.bytes.len())
        .sum();
    let log = world.get::<RoomLog>(room).map_or(0, RoomLog::bytes);
    let room = world.get::<Room>(room).map_or(0, Room::bytes);
    ENTITY + room + log + stage + archive + recall + seats + frames + packets
}

/// The list of rooms as it grows, some rooms a pump, so that no frame waits for thousands of rows.
#[derive(Resource, Default)]
pub(crate) struct Listing {
    left: Vec<Entity>,
    rows: Vec<RoomRow>,
    begun_at: Duration,
    /// What was written last held no room.
    was_empty: bool,
}

/// Writes `rooms.json` into the data folder every two seconds; an empty list only once.
pub(crate) fn write_rooms(world: &mut World) {
    if !world.resource::<Recorder>().is_open() {
        return;
    }
    let now = world.resource::<Clock>().now();
    world.resource_scope(|world, mut listing: bevy_ecs::prelude::Mut<'_, Listing>| {
        if listing.left.is_empty() {
            if now < listing.begun_at + ROOMS_EVERY {
                return;
            }
            listing.begun_at = now;
            listing.left = world.resource::<Rooms>().by_name.values().copied().collect();
        }
        let rest = listing.left.len().saturating_sub(ROOMS_LISTED_PER_PUMP);
        let now_listed = listing.left.split_off(rest);
        listing.rows.extend(now_listed.into_iter().filter_map(|room| row(world, room)));
        if listing.left.is_empty() {
            let mut rooms = std::mem::take(&mut listing.rows);
            let was_empty = std::mem::replace(&mut listing.was_empty, rooms.is_empty());
            if !(was_empty && rooms.is_empty()) {
                rooms.sort_unstable_by(|a, b| a.name.cmp(&b.name));
                let list = RoomList { schema_version: 1, unix_ms: now.as_millis() as u64, rooms };
                world.resource::<Recorder>().write_rooms(list);
            }
        }
    });
}
