//! `SweepPlugin`: once a minute everything is looked through for what should not be there. It proves that ownership
//! and deadlines leave nothing behind, and repairs what it finds; what it finds is a fault of ours.

use std::time::Duration;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{Entity, IntoScheduleConfigs, Resource, With, Without, World};
use framekeep_lobby::{Actor, Operation};
use framekeep_protocol::{LeftReason, PlayerId};
use tracing::error;

use crate::allowance::Allowances;
use crate::deadlines::Due;
use crate::expire::room_deadline;
use crate::link::BusyLinks;
use crate::packet::{BufferedPacket, PacketOf};
use crate::schedule::DueRooms;
use crate::seat::{SeatOf, Seats};
use crate::{
    Clock, Counters, Link, LinkStage, Player, Players, Pump, Room, Rooms, Seat, ServerConfig, ServerSystems,
    admit, rooms, seating,
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
    /// A seat whose link acts for another seat or for none.
    SeatOfAnotherLink,
    /// A seat without a link that nothing would ever free.
    SeatWithoutDeadline,
    /// A member or watcher of a room for whom there is no seat.
    MemberWithoutSeat,
}

impl Stray {
    /// Everything a sweep can find.
    pub const ALL: [Self; 10] = [
        Self::SeatWithoutRoom,
        Self::IdlePlayer,
        Self::PacketWithoutRoom,
        Self::LinkWithoutPlayer,
        Self::RoomWithoutDeadline,
        Self::DeadRoomDue,
        Self::DeadName,
        Self::SeatOfAnotherLink,
        Self::SeatWithoutDeadline,
        Self::MemberWithoutSeat,
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
            Self::SeatOfAnotherLink => "seat_of_another_link",
            Self::SeatWithoutDeadline => "seat_without_deadline",
            Self::MemberWithoutSeat => "member_without_seat",
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
    world.resource_mut::<Allowances>().forget_old(now);
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
        part_seats(world),
        hold_seats(world),
        free_places(world),
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
        .filter(|(entity, link)| {
            !is_awaited(world, *entity) && world.get::<Player>(link.player_entity).is_none()
        })
        .map(|(entity, _)| entity)
        .collect();
    for &link in &strays {
        admit::drop_link(world, link);
    }
    strays.len() as u64
}

/// Whether a link says its last words and will be dropped when it has; its player may be gone before it.
fn is_awaited(world: &World, link: Entity) -> bool {
    let is_closing = |link: &Link| matches!(link.stage, LinkStage::Closing { .. });
    world.get::<Link>(link).is_some_and(is_closing) && world.resource::<BusyLinks>().waiting.contains(&link)
}

fn schedule_rooms(world: &mut World) -> u64 {
    let rooms = world.query_filtered::<Entity, With<Room>>();
    let deadlines = &world.resource::<Rooms>().deadlines;
    let strays: Vec<Entity> =
        rooms.iter_manual(world).filter(|room| deadlines.get(Due::RoomRule, *room).is_none()).collect();
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

/// A seat and its link name each other; otherwise the player is as good as gone until they come back.
fn part_seats(world: &mut World) -> u64 {
    let seats = world.query::<(Entity, &Seat)>();
    let acts = |link: Entity, seat| world.get::<Link>(link).is_some_and(|link| link.seat == Some(seat));
    let strays: Vec<Entity> = seats
        .iter_manual(world)
        .filter(|(entity, seat)| seat.link.is_some_and(|link| !acts(link, *entity)))
        .map(|(entity, _)| entity)
        .collect();
    let now = world.resource::<Clock>().now();
    for &stray in &strays {
        if let Some(mut seat) = world.get_mut::<Seat>(stray) {
            (seat.link, seat.lost_at) = (None, Some(now));
        }
        seating::hold_seat(world, stray);
    }
    strays.len() as u64
}

/// A seat without a link is held until a time that comes.
fn hold_seats(world: &mut World) -> u64 {
    let seats = world.query::<(Entity, &Seat)>();
    let deadlines = &world.resource::<Rooms>().deadlines;
    let strays: Vec<Entity> = seats
        .iter_manual(world)
        .filter(|(entity, seat)| seat.link.is_none() && deadlines.get(Due::SeatGrace, *entity).is_none())
        .map(|(entity, _)| entity)
        .collect();
    let now = world.resource::<Clock>().now();
    for &stray in &strays {
        if let Some(mut seat) = world.get_mut::<Seat>(stray) {
            seat.lost_at.get_or_insert(now);
        }
        seating::hold_seat(world, stray);
    }
    strays.len() as u64
}

/// Whom the lobby of a room knows has a seat there; otherwise nobody could ever free that place.
pub(crate) fn free_places(world: &mut World) -> u64 {
    let rooms = world.query::<(Entity, &Room, Option<&Seats>)>();
    let mut strays = Vec::new();
    for (entity, room, seats) in rooms.iter_manual(world) {
        let is_seated = |player: PlayerId| {
            let mut seats = Seats::entities(seats).filter_map(|seat| world.get::<Seat>(seat));
            seats.any(|seat| seat.player == player)
        };
        let members = room.roster().occupants().map(|occupant| occupant.player);
        let everybody = members.chain(room.lobby.watchers().map(|(player, _)| *player));
        strays.extend(everybody.filter(|player| !is_seated(*player)).map(|player| (entity, player)));
    }
    for &(room, player) in &strays {
        // That somebody leaves is never refused.
        let _ = rooms::operate(world, room, Actor::Player(player), Operation::Leave(LeftReason::Lost));
    }
    strays.len() as u64
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
        assert_eq!(world.resource::<Counters>().swept.0, [1, 0, 1, 0, 0, 1, 1, 0, 0, 0]);
        assert_eq!(sweep(&mut world), 0, "and it is repaired");
    }
}
