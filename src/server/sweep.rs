//! `SweepPlugin`: once a minute everything is looked through for what should not be there. It proves that ownership
//! and deadlines leave nothing behind, and repairs what it finds; what it finds is a fault of ours.

use std::time::Duration;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{Entity, IntoScheduleConfigs, Resource, With, Without, World};
use tracing::error;

use crate::deadlines::Due;
use crate::expire::room_deadline;
use crate::packet::{BufferedPacket, PacketOf};
use crate::schedule::DueRooms;
use crate::seat::{SeatOf, Seats};
use crate::{
    Clock, Counters, Link, Player, Players, Pump, Room, Rooms, Seat, ServerConfig, ServerSystems, admit,
};

/// Once a minute everything is looked through for what should not be there.
pub(crate) struct SweepPlugin;

impl Plugin for SweepPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<SweptAt>()
            .add_systems(Pump, sweep_in_time.in_set(ServerSystems::Expire).after(crate::expire::expire));
    }
}

#[derive(Resource, Default)]
struct SweptAt(Option<Duration>);

/// What a sweep can find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stray {
    /// A seat whose room is gone.
    SeatWithoutRoom,
    /// A player with neither link nor seat.
    IdlePlayer,
    /// A packet whose room is gone.
    PacketWithoutRoom,
    /// A link whose player is gone.
    LinkWithoutPlayer,
    /// A room that nothing would ever close.
    RoomWithoutDeadline,
    /// A room that is gone and is still put down for a frame.
    DeadRoomDue,
    /// A name whose room is gone.
    DeadName,
}

impl Stray {
    /// Everything a sweep can find.
    pub const ALL: [Self; 7] = [
        Self::SeatWithoutRoom,
        Self::IdlePlayer,
        Self::PacketWithoutRoom,
        Self::LinkWithoutPlayer,
        Self::RoomWithoutDeadline,
        Self::DeadRoomDue,
        Self::DeadName,
    ];

    /// The kind's name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SeatWithoutRoom => "seat_without_room",
            Self::IdlePlayer => "idle_player",
            Self::PacketWithoutRoom => "packet_without_room",
            Self::LinkWithoutPlayer => "link_without_player",
            Self::RoomWithoutDeadline => "room_without_deadline",
            Self::DeadRoomDue => "dead_room_due",
            Self::DeadName => "dead_name",
        }
    }
}

fn sweep_in_time(world: &mut World) {
    let (now, every) = (world.resource::<Clock>().now(), world.resource::<ServerConfig>().sweep_every);
    let mut swept_at = world.resource_mut::<SweptAt>();
    let last = *swept_at.0.get_or_insert(now);
    if now < last + every {
        return;
    }
    swept_at.0 = Some(now);
    sweep(world);
}

/// Finds, counts ([`Counters::swept`]) and repairs everything that nothing owns; gives how much it was.
pub fn sweep(world: &mut World) -> u64 {
    let found = [
        despawn_all::<(With<Seat>, Without<SeatOf>)>(world),
        forget_players(world),
        despawn_all::<(With<BufferedPacket>, Without<PacketOf>)>(world),
        drop_links(world),
        schedule_rooms(world),
        forget_due_rooms(world),
        forget_names(world),
    ];
    let total = found.iter().sum();
    if total > 0 {
        error!(?found, kinds = ?Stray::ALL, "the sweep found what nothing owns");
    }
    let mut counters = world.resource_mut::<Counters>();
    for (count, more) in counters.swept.0.iter_mut().zip(found) {
        *count += more;
    }
    total
}

fn despawn_all<F: bevy_ecs::query::QueryFilter>(world: &mut World) -> u64 {
    let strays: Vec<Entity> = world.query_filtered::<Entity, F>().iter(world).collect();
    for &stray in &strays {
        world.despawn(stray);
    }
    strays.len() as u64
}

fn forget_players(world: &mut World) -> u64 {
    let players = world.query::<(Entity, &Player)>();
    let is_there = |entity: Option<Entity>| entity.is_some_and(|entity| world.get_entity(entity).is_ok());
    let idle: Vec<_> = players
        .iter_manual(world)
        .filter(|(_, player)| !is_there(player.link) && !is_there(player.seat))
        .map(|(entity, player)| (entity, player.id))
        .collect();
    for &(entity, id) in &idle {
        world.despawn(entity);
        world.resource_mut::<Players>().by_id.remove(&id);
    }
    idle.len() as u64
}

fn drop_links(world: &mut World) -> u64 {
    let links = world.query::<(Entity, &Link)>();
    let strays: Vec<Entity> = links
        .iter_manual(world)
        .filter(|(_, link)| world.get::<Player>(link.player_entity).is_none())
        .map(|(entity, _)| entity)
        .collect();
    for &link in &strays {
        admit::drop_link(world, link);
    }
    strays.len() as u64
}

fn schedule_rooms(world: &mut World) -> u64 {
    let rooms = world.query_filtered::<(Entity, Option<&Seats>), With<Room>>();
    let deadlines = &world.resource::<Rooms>().deadlines;
    let strays: Vec<Entity> = rooms
        .iter_manual(world)
        .filter(|(room, seats)| {
            Seats::entities(*seats).next().is_none() && deadlines.get(Due::RoomRule, *room).is_none()
        })
        .map(|(room, _)| room)
        .collect();
    for &room in &strays {
        let at = room_deadline(world, room).map_or(world.resource::<Clock>().now(), |(at, _)| at);
        world.resource_mut::<Rooms>().deadlines.put(at, Due::RoomRule, room);
    }
    strays.len() as u64
}

/// A room that closes stays put down for its next frame, which comes in a moment; only what lies further off is astray.
fn forget_due_rooms(world: &mut World) -> u64 {
    let now = world.resource::<Clock>().now();
    let soon = now + world.resource::<ServerConfig>().start_delay + Duration::from_secs(1);
    world.resource_scope(|world, mut due: bevy_ecs::prelude::Mut<'_, DueRooms>| {
        due.forget(|at, room| at > soon && world.get_entity(room).is_err())
    })
}

fn forget_names(world: &mut World) -> u64 {
    world.resource_scope(|world, mut rooms: bevy_ecs::prelude::Mut<'_, Rooms>| {
        let before = rooms.by_name.len();
        rooms.by_name.retain(|_, room| world.get::<Room>(*room).is_some());
        let (named, closed) = (before - rooms.by_name.len(), rooms.closed.len());
        rooms.closed.retain(|_, closed| world.get_entity(*closed).is_ok());
        (named + closed - rooms.closed.len()) as u64
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::PacketKind;

    fn world() -> World {
        let mut world = World::new();
        world.insert_resource(Clock::manual(Duration::from_secs(100)));
        world.init_resource::<ServerConfig>();
        world.init_resource::<Rooms>();
        world.init_resource::<Players>();
        world.init_resource::<DueRooms>();
        world.init_resource::<Counters>();
        world
    }

    #[test]
    fn a_world_in_order_has_no_strays() {
        let mut world = world();
        assert_eq!(sweep(&mut world), 0);
        assert_eq!(world.resource::<Counters>().swept.total(), 0);
    }

    #[test]
    fn what_nothing_owns_is_counted_and_goes() {
        let mut world = world();
        let dead = world.spawn_empty().id();
        world.despawn(dead);
        let player = framekeep_protocol::PlayerId(1);
        world.spawn(Seat { index: 0, player, link: None, lost_at: None });
        let (tick, made_at) = (framekeep_sim::Tick(1), Duration::ZERO);
        let bytes = Box::default();
        world.spawn(BufferedPacket { kind: PacketKind::Score, seat: None, tick, made_at, bytes });
        world.resource_mut::<DueRooms>().put(Duration::from_secs(1_000), dead);
        let name = framekeep_protocol::RoomName::try_from("gone".to_owned()).unwrap();
        world.resource_mut::<Rooms>().by_name.insert(name, dead);
        assert_eq!(sweep(&mut world), 4);
        assert_eq!(world.resource::<Counters>().swept.0, [1, 0, 1, 0, 0, 1, 1]);
        assert_eq!(sweep(&mut world), 0, "and it is repaired");
    }
}
