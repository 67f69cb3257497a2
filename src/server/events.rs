//! What the members of a room are told, in one order, without waiting for anybody.
//!
//! Every event gets the room's next number and goes to each member's reliable lane at once. What waits there is bounded
//! by the lane; a member whose lane is half full gets no more state and no chat, which is counted, and a whole view of
//! the room once it has caught up. What is critical is queued as long as the lane has room at all, and a lane without
//! room closes its link.

use bevy_ecs::entity::EntityHashSet;
use bevy_ecs::prelude::{Entity, Resource, World};
use framekeep_protocol::{
    CONTROL, Member, RoomEvent, RoomEventKind, RoomView, SPECTATOR_SEAT, ToClient, Urgency, Watcher,
};

use crate::admit::tell;
use crate::limits::{EVENTS_HALF_BYTES, EVENTS_LOW_BYTES};
use crate::link::Control;
use crate::room::{self, Room};
use crate::{Counters, Link, Seat, rooms};

/// Rooms and links whose view of their room is not the newest.
#[derive(Resource, Default)]
pub struct StaleViews {
    rooms: EntityHashSet,
    links: EntityHashSet,
}

impl StaleViews {
    /// How many rooms and links wait for a newer view.
    pub(crate) fn len(&self) -> usize {
        self.rooms.len() + self.links.len()
    }
}

/// Tells everybody in a room what happened, in this order.
pub(crate) fn tell_all(world: &mut World, room: Entity, kinds: Vec<RoomEventKind>) {
    if kinds.is_empty() {
        return;
    }
    let links = listeners(world, room);
    let is_stale = kinds.iter().any(changes_view);
    for kind in kinds {
        number_and_offer(world, room, &links, kind);
    }
    if is_stale {
        world.resource_mut::<StaleViews>().rooms.insert(room);
    }
}

/// Whether a view of the room shows what happened. What is only said, and a match's own, it does not.
const fn changes_view(kind: &RoomEventKind) -> bool {
    use RoomEventKind as Kind;
    !matches!(
        kind,
        Kind::Chat { .. }
            | Kind::ClosingSoon { .. }
            | Kind::Countdown { .. }
            | Kind::Started { .. }
            | Kind::Leaderboard(_)
            | Kind::Scores(_)
    )
}

/// How seats stand. No view of the room changes by it.
pub(crate) fn tell_scores(world: &mut World, room: Entity, kind: RoomEventKind) {
    let links = listeners(world, room);
    number_and_offer(world, room, &links, kind);
}

/// Tells one link, which was just shown the room, something that the others know. It has the number of the event that
/// the view stands for.
pub(crate) fn tell_newest(world: &mut World, room: Entity, link: Entity, kind: RoomEventKind) {
    let Some(number) = world.get::<Room>(room).map(|room| room.events) else { return };
    offer(world, link, kind.urgency(), &ToClient::Event(RoomEvent { number, kind }));
}

/// The room closes in so many seconds if nothing happens in it.
pub(crate) fn closing_soon(world: &mut World, room: Entity, in_s: u32) {
    tell_all(world, room, vec![RoomEventKind::ClosingSoon { in_s }]);
}

/// Gives an event the room's next number and offers it to every link.
fn number_and_offer(world: &mut World, room: Entity, links: &[Entity], kind: RoomEventKind) {
    let Some(mut this) = world.get_mut::<Room>(room) else { return };
    this.events += 1;
    let number = this.events;
    room::log::note(world, room, number, &kind);
    let urgency = kind.urgency();
    let message = ToClient::Event(RoomEvent { number, kind });
    for &link in links {
        offer(world, link, urgency, &message);
    }
}

/// Queues an event for one link, if it can be taken or must be.
fn offer(world: &mut World, link: Entity, urgency: Urgency, message: &ToClient) {
    if urgency != Urgency::Critical && waiting_bytes(world, link) > EVENTS_HALF_BYTES {
        let mut counters = world.resource_mut::<Counters>();
        match urgency {
            Urgency::State => counters.events_coalesced += 1,
            _ => counters.events_dropped += 1,
        }
        world.resource_mut::<StaleViews>().links.insert(link);
        return;
    }
    world.resource_mut::<Counters>().events_sent += 1;
    tell(world, link, message);
}

/// Bytes that wait for a link's acknowledgement.
pub(crate) fn waiting_bytes(world: &World, link: Entity) -> usize {
    let most = framekeep_protocol::channel(framekeep_protocol::Side::Server, CONTROL)
        .map_or(0, |channel| channel.memory_bytes_max);
    if let Some(share) = crate::gate::waiting_share(world, link) {
        return most * share / 1_000;
    }
    let Some(control) = world.get::<Control>(link) else { return 0 };
    most.saturating_sub(control.0.room(CONTROL))
}

/// The links of a room, and those through the front door whose connection is lost and may come back: they are told what
/// they missed then.
fn listeners(world: &World, room: Entity) -> Vec<Entity> {
    let listener = |seat: Entity| {
        let seat = world.get::<Seat>(seat)?;
        seat.link.or_else(|| crate::gate::away_link(world, seat.player))
    };
    rooms::seats_of(world, room).into_iter().filter_map(listener).collect()
}

fn links_of(world: &World, room: Entity) -> Vec<Entity> {
    let seats = rooms::seats_of(world, room);
    seats.into_iter().filter_map(|seat| world.get::<Seat>(seat)?.link).collect()
}

/// Shows a room to a link that has just come into it.
pub(crate) fn show_room(world: &mut World, room: Entity, link: Entity) {
    if let Some(view) = view_for(world, room, link) {
        tell(world, link, &ToClient::Joined(view));
    }
}

/// Sends every view that is not the newest, once a pump, to links that can take it. The others get theirs later.
pub(crate) fn send_views(world: &mut World) {
    let stale = world.resource::<StaleViews>();
    if stale.rooms.is_empty() && stale.links.is_empty() {
        return;
    }
    let StaleViews { rooms, links } = std::mem::take(&mut *world.resource_mut::<StaleViews>());
    let mut rooms: Vec<Entity> = rooms.into_iter().collect();
    rooms.sort_unstable();
    let mut due: Vec<(Entity, Entity)> = Vec::new();
    for room in rooms {
        due.extend(links_of(world, room).into_iter().map(|link| (room, link)));
    }
    let mut late: Vec<Entity> = links.into_iter().collect();
    late.sort_unstable();
    for link in late {
        let seat = world.get::<Link>(link).and_then(|link| link.seat);
        let room = seat.and_then(|seat| world.get::<crate::SeatOf>(seat)).map(|seat| seat.0);
        if let Some(room) = room
            && !due.contains(&(room, link))
        {
            due.push((room, link));
        }
    }
    let mut shown: Option<(Entity, RoomView)> = None;
    for (room, link) in due {
        if waiting_bytes(world, link) > EVENTS_LOW_BYTES {
            world.resource_mut::<StaleViews>().links.insert(link);
            continue;
        }
        if shown.as_ref().is_none_or(|(of, _)| *of != room) {
            shown = view_of(world, room).map(|view| (room, view));
        }
        let Some((_, view)) = &shown else { continue };
        let seat = seat_index(world, link);
        tell(world, link, &ToClient::Room(RoomView { seat, ..view.clone() }));
    }
}

fn seat_index(world: &World, link: Entity) -> u8 {
    let seat = world.get::<Link>(link).and_then(|link| link.seat);
    seat.and_then(|seat| world.get::<Seat>(seat)).map_or(SPECTATOR_SEAT, |seat| seat.index)
}

fn view_for(world: &World, room: Entity, link: Entity) -> Option<RoomView> {
    Some(RoomView { seat: seat_index(world, link), ..view_of(world, room)? })
}

/// How a room is now.
fn view_of(world: &World, entity: Entity) -> Option<RoomView> {
    let room = world.get::<Room>(entity)?;
    let seats = rooms::seats_of(world, entity);
    let linked = |index: u8| {
        let seat = seats.iter().filter_map(|seat| world.get::<Seat>(*seat)).find(|seat| seat.index == index);
        seat.is_some_and(|seat| seat.link.is_some())
    };
    let (lobby, host) = (&room.lobby, room.lobby.roster().host());
    let members = lobby.roster().seats().iter().zip(0_u8..).filter_map(|(occupant, seat)| {
        let occupant = occupant.as_ref()?;
        Some(Member {
            seat,
            player: occupant.player,
            name: occupant.name.clone(),
            connected: linked(seat),
            host: host == Some(occupant.player),
            ready: occupant.ready,
            out: occupant.out,
        })
    });
    let watchers = lobby.watchers().map(|(player, name)| Watcher { player: *player, name: name.clone() });
    Some(RoomView {
        room: room.id,
        name: room.name.clone(),
        game: room.game.name().to_owned(),
        seats: lobby.roster().capacity(),
        seat: SPECTATOR_SEAT,
        phase: lobby.phase(),
        members: members.collect(),
        content: lobby.content().to_owned(),
        start: lobby.options().start,
        locked: lobby.is_locked(),
        private: !lobby.options().code.is_empty(),
        watchers: watchers.collect(),
        kept: lobby.roster().reserved_seats().map(|(_, player)| player).collect(),
        event: room.events,
    })
}
