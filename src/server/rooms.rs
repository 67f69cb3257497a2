//! What players do to rooms: create, join, leave, start, play again. Rare, so each operation has the whole world.

use bevy_ecs::prelude::{Entity, World};
use framekeep_journal::RoomOpened;
use framekeep_lobby::{RoomEvent, Roster, transition};
use framekeep_protocol::{
    Epoch, JoinRoom, LeftReason, Member, PlayerId, Refusal, Role, RoomId, RoomName, RoomOptions, RoomPhase,
    RoomView, ToClient,
};
use tracing::{debug, info};

use crate::admit::{forget_player, tell};
use crate::deadlines::Due;
use crate::limits::{ROOMS_OPENED_MAX, ROOMS_OPENED_WINDOW_S, UNPLAYED_ROOM_LIFE};
use crate::matches::{self, Chance};
use crate::room::{Phase, Room, Rooms};
use crate::seat::{SeatOf, Seats};
use crate::{Clock, Counters, Games, Link, LinkStage, Player, Seat, SeatPlay, ServerConfig, Stage, record};

/// Slowest and fastest tick rate a room may ask for.
const TICK_RATES_HZ: std::ops::RangeInclusive<u16> = 10..=128;
/// Most ticks that may share a datagram.
const SEND_EVERY_TICKS_MAX: u8 = 8;

/// Joins a room, or creates it and joins.
pub(crate) fn join(world: &mut World, link: Entity, join: JoinRoom) -> Result<(), Refusal> {
    let Some(this) = world.get::<Link>(link) else { return Ok(()) };
    let (player, player_entity) = (this.player, this.player_entity);
    if this.role != Role::Player || this.only_room.as_ref().is_some_and(|only| *only != join.room) {
        return Err(Refusal::TicketForeign);
    }
    if let Some(name) = seated_room_name(world, player_entity) {
        // Saying it again changes nothing: a seat that is held is resumed when its player is admitted.
        return if name == join.room { Ok(()) } else { Err(Refusal::AlreadyInRoom { room: name }) };
    }
    let room = match (world.resource::<Rooms>().get(&join.room), join.create) {
        (Some(room), _) => room,
        (None, None) => return Err(Refusal::NoSuchRoom { room: join.room }),
        (None, Some(options)) => {
            spend_room(world, player_entity)?;
            create(world, join.room, &options)?
        }
    };
    check_rules(world, link, room)?;
    take_seat(world, room, link, player, player_entity)
}

fn seated_room_name(world: &World, player: Entity) -> Option<RoomName> {
    let seat = world.get::<Player>(player)?.seat?;
    let SeatOf(room) = world.get::<SeatOf>(seat)?;
    world.get::<Room>(*room).map(|room| room.name.clone())
}

/// A player may open so many rooms in a while, so that nobody can use up the node's.
fn spend_room(world: &mut World, player: Entity) -> Result<(), Refusal> {
    let window = world.resource::<Clock>().now().as_secs() / ROOMS_OPENED_WINDOW_S;
    let Some(mut player) = world.get_mut::<Player>(player) else { return Ok(()) };
    if player.opened.0 != window {
        player.opened = (window, 0);
    }
    player.opened.1 += 1;
    let limit = ROOMS_OPENED_MAX;
    if player.opened.1 > limit { Err(Refusal::TooFast { limit }) } else { Ok(()) }
}

fn create(world: &mut World, name: RoomName, options: &RoomOptions) -> Result<Entity, Refusal> {
    let config = world.resource::<ServerConfig>();
    let rooms_max = config.rooms_max;
    if world.resource::<Rooms>().len() >= rooms_max {
        return Err(Refusal::TooManyRooms { limit: rooms_max as u32 });
    }
    let or_default = |asked: u16, default: u16| if asked == 0 { default } else { asked };
    let rate = or_default(options.tick_rate_hz, config.tick_rate_hz);
    let every = or_default(options.send_every_ticks.into(), config.send_every_ticks.into());
    let (min, max) = (*TICK_RATES_HZ.start(), *TICK_RATES_HZ.end());
    if !TICK_RATES_HZ.contains(&rate) {
        return Err(Refusal::RateOutOfRange { asked: rate, min, max });
    }
    if every > u16::from(SEND_EVERY_TICKS_MAX) {
        return Err(Refusal::RateOutOfRange { asked: every, min: 1, max: SEND_EVERY_TICKS_MAX.into() });
    }
    let (game, content) = world.resource::<Games>().find(&options.game, &options.content)?;
    if !game.seats().contains(&options.seats) {
        let (min, max) = (*game.seats().start(), *game.seats().end());
        return Err(Refusal::SeatsOutOfRange { asked: options.seats, min, max });
    }
    let id = RoomId(world.resource_mut::<Chance>().next());
    let opened = RoomOpened {
        name: name.as_str().to_owned(),
        game: options.game.clone(),
        content: options.content.clone(),
        seats: options.seats,
        tick_rate_hz: rate,
        send_every_ticks: every as u8,
    };
    record::room_opened(world, id, opened);
    let room = Room {
        id,
        name: name.clone(),
        roster: Roster::new(options.seats),
        game,
        content,
        tick_rate_hz: rate,
        send_every_ticks: every as u8,
        epoch: Epoch::new(0),
        play_again: false,
    };
    debug!(room = %name, id = id.0, "a room is opened");
    let entity = world.spawn((room, Phase(RoomPhase::Waiting), Seats::default())).id();
    world.resource_mut::<Rooms>().by_name.insert(name, entity);
    world.resource_mut::<Counters>().rooms_opened += 1;
    Ok(entity)
}

/// A client that simulates the room's game must do so by the same rules.
fn check_rules(world: &World, link: Entity, room: Entity) -> Result<(), Refusal> {
    let (Some(link), Some(room)) = (world.get::<Link>(link), world.get::<Room>(room)) else { return Ok(()) };
    let LinkStage::Admitted { games } = &link.stage else { return Err(Refusal::BadMessage) };
    let name = room.game.name();
    let server = world.resource::<Games>().fingerprint(name).unwrap_or_default();
    match games.iter().find(|(game, _)| game == name) {
        Some(&(_, client)) if client != server => {
            Err(Refusal::WrongRules { game: name.to_owned(), server, client })
        }
        _ => Ok(()),
    }
}

fn take_seat(
    world: &mut World,
    room_entity: Entity,
    link: Entity,
    player: PlayerId,
    player_entity: Entity,
) -> Result<(), Refusal> {
    let Some(identity) = world.get::<Player>(player_entity) else { return Ok(()) };
    let name = identity.name.clone();
    let Some(mut room) = world.get_mut::<Room>(room_entity) else { return Ok(()) };
    let index = room
        .roster
        .join(player, name)
        .map_err(|full| Refusal::RoomFull { room: room.name.clone(), seats: full.0 })?;
    let seat = Seat { index, player, link: None, lost_at: None };
    let seat = world.spawn((seat, SeatOf(room_entity))).id();
    if let Some(mut identity) = world.get_mut::<Player>(player_entity) {
        identity.seat = Some(seat);
    }
    record::seats_changed(world, room_entity);
    resume_seat(world, link);
    let room = world.get::<Room>(room_entity);
    let full = room.is_some_and(|room| room.roster.is_full());
    if full && phase_of(world, room_entity) == Some(RoomPhase::Waiting) {
        begin(world, room_entity, RoomEvent::Start)?;
    }
    Ok(())
}

/// Joins a link with the seat its player holds, if any, and tells it everything it needs to play.
pub(crate) fn resume_seat(world: &mut World, link: Entity) {
    let Some(this) = world.get::<Link>(link) else { return };
    let Some(seat_entity) = world.get::<Player>(this.player_entity).and_then(|player| player.seat) else {
        return;
    };
    let Some(&SeatOf(room)) = world.get::<SeatOf>(seat_entity) else { return };
    if let Some(mut seat) = world.get_mut::<Seat>(seat_entity) {
        seat.link = Some(link);
        seat.lost_at = None;
    }
    if let Some(mut this) = world.get_mut::<Link>(link) {
        this.seat = Some(seat_entity);
    }
    announce(world, room, Some(link));
    match world.get::<Stage>(room).map(Stage::is_over) {
        Some(false) => matches::enter(world, room, seat_entity),
        // The client that had a part in what is over is gone, and with it what it had received.
        Some(true) => drop(world.entity_mut(seat_entity).remove::<SeatPlay>()),
        None => {}
    }
}

/// A seat whose link is lost is held for the grace period.
pub(crate) fn hold_seat(world: &mut World, seat: Entity) {
    let until = world.resource::<Clock>().now() + world.resource::<ServerConfig>().reconnect_grace;
    world.resource_mut::<Rooms>().deadlines.put(until, Due::SeatGrace, seat);
    if let Some(&SeatOf(room)) = world.get::<SeatOf>(seat) {
        announce(world, room, None);
    }
}

/// Leaves the room the link's player sits in.
pub(crate) fn leave(world: &mut World, link: Entity) -> Result<(), Refusal> {
    let seat = world.get::<Link>(link).and_then(|link| link.seat).ok_or(Refusal::NotInRoom)?;
    free_seat(world, seat, LeftReason::Asked);
    Ok(())
}

/// Frees a seat; an empty room gives its match up and waits for its end.
pub(crate) fn free_seat(world: &mut World, seat_entity: Entity, reason: LeftReason) {
    let (Some(seat), Some(&SeatOf(room_entity))) =
        (world.get::<Seat>(seat_entity).cloned(), world.get::<SeatOf>(seat_entity))
    else {
        return;
    };
    if let Some(link) = seat.link {
        if let Some(mut link) = world.get_mut::<Link>(link) {
            link.seat = None;
        }
        tell(world, link, &ToClient::Left { reason });
    }
    world.despawn(seat_entity);
    if let Some(player) = world.resource::<crate::Players>().get(seat.player) {
        if let Some(mut player) = world.get_mut::<Player>(player) {
            player.seat = None;
        }
        forget_player(world, player);
    }
    let Some(mut room) = world.get_mut::<Room>(room_entity) else { return };
    room.roster.leave(seat.player);
    let (empty, played) = (room.roster.is_empty(), room.epoch.get() > 0);
    record::seats_changed(world, room_entity);
    if empty {
        matches::abort(world, room_entity);
        let life = world.resource::<ServerConfig>().empty_room_life;
        let life = if played { life } else { life.min(UNPLAYED_ROOM_LIFE) };
        let until = world.resource::<Clock>().now() + life;
        world.resource_mut::<Rooms>().deadlines.put(until, Due::RoomRule, room_entity);
    } else {
        announce(world, room_entity, None);
    }
}

/// The host starts a room that is not full.
pub(crate) fn start(world: &mut World, link: Entity) -> Result<(), Refusal> {
    let room = hosted_room(world, link)?;
    begin(world, room, RoomEvent::Start)
}

/// The host wants another match.
pub(crate) fn play_again(world: &mut World, link: Entity) -> Result<(), Refusal> {
    let entity = hosted_room(world, link)?;
    let draining = world.get::<Stage>(entity).is_some_and(Stage::is_over);
    if draining && let Some(mut room) = world.get_mut::<Room>(entity) {
        room.play_again = true;
        return Ok(());
    }
    begin(world, entity, RoomEvent::PlayAgain)
}

fn hosted_room(world: &World, link: Entity) -> Result<Entity, Refusal> {
    let this = world.get::<Link>(link).ok_or(Refusal::NotInRoom)?;
    let seat = this.seat.ok_or(Refusal::NotInRoom)?;
    let SeatOf(entity) = world.get::<SeatOf>(seat).ok_or(Refusal::NotInRoom)?;
    let room = world.get::<Room>(*entity).ok_or(Refusal::NotInRoom)?;
    if room.roster.host() == Some(this.player) { Ok(*entity) } else { Err(Refusal::NotHost) }
}

/// Moves a room into its next match.
pub(crate) fn begin(world: &mut World, room: Entity, event: RoomEvent) -> Result<(), Refusal> {
    change_phase(world, room, event)?;
    matches::start(world, room);
    announce(world, room, None);
    Ok(())
}

/// Changes a room's phase by the rules.
pub(crate) fn change_phase(world: &mut World, room: Entity, event: RoomEvent) -> Result<RoomPhase, Refusal> {
    let phase = phase_of(world, room).ok_or(Refusal::NotInRoom)?;
    let next = transition(phase, event).map_err(|not_now| Refusal::WrongPhase { phase: not_now.phase })?;
    world.entity_mut(room).insert(Phase(next));
    Ok(next)
}

pub(crate) fn phase_of(world: &World, room: Entity) -> Option<RoomPhase> {
    world.get::<Phase>(room).map(|phase| phase.0)
}

/// Closes a room and everything that hangs on it.
pub(crate) fn close(world: &mut World, entity: Entity) {
    let Some(room) = world.get::<Room>(entity) else { return };
    let (name, id) = (room.name.clone(), room.id);
    for seat in seats_of(world, entity) {
        free_seat(world, seat, LeftReason::RoomClosed);
    }
    matches::abort(world, entity);
    matches::finish(world, entity);
    record::room_closed(world, id);
    world.resource_mut::<Rooms>().by_name.remove(&name);
    world.despawn(entity);
    world.resource_mut::<Counters>().rooms_closed += 1;
    info!(room = %name, "a room is closed");
}

/// The seats of a room that are taken.
pub(crate) fn seats_of(world: &World, room: Entity) -> Vec<Entity> {
    Seats::entities(world.get::<Seats>(room)).collect()
}

/// Tells all members how the room is now; `joined` hears it as its own arrival.
pub(crate) fn announce(world: &mut World, entity: Entity, joined: Option<Entity>) {
    let seats: Vec<Seat> =
        seats_of(world, entity).into_iter().filter_map(|seat| world.get::<Seat>(seat).cloned()).collect();
    let (Some(room), Some(phase)) = (world.get::<Room>(entity), phase_of(world, entity)) else { return };
    let host = room.roster.host();
    let mut members: Vec<Member> = room
        .roster
        .seats()
        .iter()
        .zip(0_u8..)
        .filter_map(|(occupant, seat)| {
            let occupant = occupant.as_ref()?;
            let connected = seats.iter().any(|taken| taken.index == seat && taken.link.is_some());
            let (player, name) = (occupant.player, occupant.name.clone());
            Some(Member { seat, player, name, connected, host: host == Some(player) })
        })
        .collect();
    members.sort_by_key(|member| member.seat);
    let view = RoomView {
        room: room.id,
        name: room.name.clone(),
        game: room.game.name().to_owned(),
        seats: room.roster.capacity(),
        seat: 0,
        phase,
        members,
    };
    for seat in seats {
        let Some(link) = seat.link else { continue };
        let view = RoomView { seat: seat.index, ..view.clone() };
        let message = if joined == Some(link) { ToClient::Joined(view) } else { ToClient::Room(view) };
        tell(world, link, &message);
    }
}
