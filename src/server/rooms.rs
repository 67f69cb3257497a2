//! What players do to rooms. Rare, so each operation has the whole world; what is allowed is decided by the `Lobby`.

#[cfg(test)]
mod opening;
pub(crate) mod starts;

use bevy_ecs::prelude::{Entity, World};
use framekeep_lobby::{Actor, Change, Effect, Lobby, LobbyOptions, Operation};
use framekeep_protocol::{
    ClosedReason, Epoch, JoinRoom, LeftReason, MATCH_ROOM_PREFIX, PlayerId, PlayerName, Refusal, Role,
    RoomEventKind, RoomId, RoomName, RoomOptions, RoomPhase, SERVER_NAME_BYTES_MAX, SPECTATOR_SEAT,
};
use tracing::{debug, info};

use crate::allowance::{Allowances, Spent};
use crate::closed::{self, Closing};
use crate::deadlines::Due;
use crate::limits::RESERVATION_LIFE;
use crate::matches::{self, Chance};
use crate::room::{Phase, Room, Rooms};
use crate::seat::{SeatOf, Seats};
use crate::{
    Clock, Counters, Games, Link, LinkStage, Player, SeatPlay, ServerConfig, Stage, cleanup, events, holders,
    moves, record, seating,
};

/// Slowest and fastest tick rate a room may ask for.
const TICK_RATES_HZ: std::ops::RangeInclusive<u16> = 10..=128;
/// Most ticks that may share a datagram.
const SEND_EVERY_TICKS_MAX: u8 = 8;

/// Joins a room, or creates it and joins.
pub(crate) fn join(world: &mut World, link: Entity, join: JoinRoom) -> Result<(), Refusal> {
    let Some(this) = world.get::<Link>(link) else { return Ok(()) };
    let (player, player_entity, role) = (this.player, this.player_entity, this.role);
    let watches_only = role != Role::Player && !join.spectate;
    if watches_only || this.only_room.as_ref().is_some_and(|only| *only != join.room) {
        return Err(Refusal::TicketForeign);
    }
    if let Some(place) = world.get::<Player>(player_entity).and_then(|player| player.seat) {
        return join_again(world, link, place, &join);
    }
    let Some(name) = world.get::<Player>(player_entity).map(|player| player.name.clone()) else {
        return Ok(());
    };
    if role == Role::Operator {
        return oversee(world, link, (player, name), &join.room);
    }
    let is_elsewhere = world.resource::<Rooms>().get(&join.room).is_none();
    if is_elsewhere {
        moves::check_moved(world, link, &join.room)?;
        if moves::seek(world, link, &join) {
            return Ok(());
        }
    }
    if let Some(room) = world.resource::<Rooms>().get(&join.room) {
        check_rules(world, link, room_game(world, room))?;
        return enter(world, room, link, entering(name, &join, join.code.clone()));
    }
    check_opens(world, player, &join)?;
    let now = world.resource::<Clock>().now();
    let mut allowances = world.resource_mut::<Allowances>();
    if !allowances.take_paid(player, &join.room, now) {
        allowances.check(player, Spent::Room, now)?;
        allowances.spend(player, Spent::Room, now);
    }
    let (room, operation) = planned(world, link, (player, name), &join)?;
    let room = open(world, room);
    operate(world, room, Actor::Player(player), operation)
}

/// An operator watches a room of this node.
fn oversee(
    world: &mut World,
    link: Entity,
    (player, name): (PlayerId, PlayerName),
    room: &RoomName,
) -> Result<(), Refusal> {
    let Some(entity) = world.resource::<Rooms>().get(room) else {
        moves::check_moved(world, link, room)?;
        return Err(Refusal::NoSuchRoom { room: room.clone() });
    };
    check_rules(world, link, room_game(world, entity))?;
    operate(world, entity, Actor::Player(player), Operation::Oversee { name })
}

fn entering(name: PlayerName, join: &JoinRoom, code: String) -> Operation {
    if join.spectate { Operation::Spectate { name, code } } else { Operation::Join { name, code } }
}

/// Whether a player may open a room of that name at all.
fn check_opens(world: &World, player: PlayerId, join: &JoinRoom) -> Result<(), Refusal> {
    let room = join.room.clone();
    closed::check_name(world, &room, player, join.create.is_some())?;
    if join.create.is_none() {
        return Err(Refusal::NoSuchRoom { room });
    }
    if room.as_str().starts_with(MATCH_ROOM_PREFIX) {
        return Err(Refusal::NameReserved { room, prefix: MATCH_ROOM_PREFIX.to_owned() });
    }
    Ok(())
}

/// A room as a player wants it, and how it is entered.
fn planned(
    world: &mut World,
    link: Entity,
    (player, name): (PlayerId, PlayerName),
    join: &JoinRoom,
) -> Result<(Room, Operation), Refusal> {
    let Some(options) = &join.create else { return Err(Refusal::NoSuchRoom { room: join.room.clone() }) };
    // Who makes a room knows its code.
    let code = if join.code.is_empty() { &options.code } else { &join.code };
    let room = plan(world, join.room.clone(), options)?;
    check_rules(world, link, room.game.name())?;
    let operation = entering(name, join, code.clone());
    // Tried on a copy first: a room that its maker cannot join is never opened.
    room.lobby.clone().apply(Actor::Player(player), operation.clone())?;
    Ok((room, operation))
}

/// Whether a link may open the room that it asks for, by all that is known here; what that costs its player is paid.
/// Only then is the name claimed where names are shared: for what would be refused, none is kept from others.
pub(crate) fn may_open(world: &mut World, link: Entity, join: &JoinRoom) -> bool {
    let Some(this) = world.get::<Link>(link) else { return false };
    let (player, player_entity) = (this.player, this.player_entity);
    let watches_only = this.role != Role::Player && !join.spectate;
    let is_foreign = watches_only
        || this.role == Role::Operator
        || this.only_room.as_ref().is_some_and(|only| *only != join.room);
    let Some(who) = world.get::<Player>(player_entity) else { return false };
    if is_foreign || who.seat.is_some() || world.resource::<Rooms>().get(&join.room).is_some() {
        return false;
    }
    let name = who.name.clone();
    let is_sound =
        check_opens(world, player, join).is_ok() && planned(world, link, (player, name), join).is_ok();
    let now = world.resource::<Clock>().now();
    is_sound && world.resource_mut::<Allowances>().pay(player, &join.room, now)
}

fn room_game(world: &World, room: Entity) -> &'static str {
    world.get::<Room>(room).map_or("", |room| room.game.name())
}

/// Who is in the room already and asks for the same place is shown the room; for another place one has to leave.
fn join_again(world: &mut World, link: Entity, place: Entity, join: &JoinRoom) -> Result<(), Refusal> {
    let Some(&SeatOf(entity)) = world.get::<SeatOf>(place) else { return Ok(()) };
    let Some(room) = world.get::<Room>(entity).map(|room| room.name.clone()) else { return Ok(()) };
    let watches = world.get::<crate::Seat>(place).is_some_and(|seat| seat.index == SPECTATOR_SEAT);
    let holds_it = world.get::<Link>(link).is_some_and(|link| link.seat == Some(place));
    if room != join.room || watches != join.spectate || !holds_it {
        return Err(Refusal::AlreadyInRoom { room });
    }
    events::show_room(world, entity, link);
    Ok(())
}

/// Enters a room that is there. Codes cannot be guessed for long.
fn enter(world: &mut World, room: Entity, link: Entity, operation: Operation) -> Result<(), Refusal> {
    let now = world.resource::<Clock>().now();
    let Some((player, from)) = world.get::<Link>(link).map(|link| (link.player, link.address.ip())) else {
        return Ok(());
    };
    if world.get::<Room>(room).is_some_and(|room| !room.lobby.options().code.is_empty()) {
        let allowances = world.resource::<Allowances>();
        allowances.check(player, Spent::Code, now)?;
        allowances.check(from, Spent::CodeFrom, now)?;
    }
    let entered = operate(world, room, Actor::Player(player), operation);
    if matches!(entered, Err(Refusal::WrongCode { .. })) {
        let mut allowances = world.resource_mut::<Allowances>();
        allowances.spend(player, Spent::Code, now);
        allowances.spend(from, Spent::CodeFrom, now);
    }
    entered
}

/// A room as it is asked for, if the node can have it; nothing knows of it yet.
pub(crate) fn plan(world: &mut World, name: RoomName, options: &RoomOptions) -> Result<Room, Refusal> {
    crate::gate::check_open(world)?;
    let config = world.resource::<ServerConfig>();
    let rooms_max = config.rooms_max;
    if world.resource::<Rooms>().len() >= rooms_max {
        return Err(Refusal::TooManyRooms { limit: rooms_max as u32 });
    }
    let (tick_rate_hz, send_every_ticks) = rates(config, options)?;
    let (game, content) = world.resource::<Games>().find(&options.game, &options.content)?;
    if !game.seats().contains(&options.seats) {
        let (min, max) = (*game.seats().start(), *game.seats().end());
        return Err(Refusal::SeatsOutOfRange { asked: options.seats, min, max });
    }
    let lobby = LobbyOptions {
        name: name.clone(),
        seats: options.seats,
        seats_min: *game.seats().start(),
        start: options.start,
        code: options.code.clone(),
        spectators_max: options.spectators_max,
        commit: options.commit,
    };
    Ok(Room {
        id: RoomId::new(world.resource_mut::<Chance>().next(), !options.code.is_empty()),
        name,
        lobby: Lobby::new(lobby, options.content.clone()),
        game,
        content,
        tick_rate_hz,
        send_every_ticks,
        epoch: Epoch::new(0),
        play_again: false,
        events: 0,
        reservations: Vec::new(),
    })
}

/// Adds a room to the world.
pub(crate) fn open(world: &mut World, room: Room) -> Entity {
    let (id, name, phase) = (room.id, room.name.clone(), room.lobby.phase());
    closed::free_name(world, &name);
    debug!(room = %name, id = id.0, "a room is opened");
    let entity = world.spawn((room, Phase(phase), Seats::default())).id();
    world.resource_mut::<Rooms>().by_name.insert(name, entity);
    record::room_opened(world, entity);
    world.resource_mut::<Counters>().rooms_opened += 1;
    entity
}

/// Tick rate and send interval of a room, the server's own where none is asked for.
fn rates(config: &ServerConfig, options: &RoomOptions) -> Result<(u16, u8), Refusal> {
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
    Ok((rate, every as u8))
}

/// A client that simulates the room's game must do so by the same rules.
fn check_rules(world: &World, link: Entity, name: &str) -> Result<(), Refusal> {
    let Some(link) = world.get::<Link>(link) else { return Ok(()) };
    let LinkStage::Admitted { games } = &link.stage else { return Err(Refusal::BadMessage) };
    let server = world.resource::<Games>().fingerprint(name).unwrap_or_default();
    match games.iter().find(|(game, _)| game == name) {
        Some(&(_, client)) if client != server => {
            Err(Refusal::WrongRules { game: name.to_owned(), server, client })
        }
        _ => Ok(()),
    }
}

/// What a link asks of the room that its player is in.
pub(crate) fn ask(world: &mut World, link: Entity, operation: Operation) -> Result<(), Refusal> {
    let this = world.get::<Link>(link).ok_or(Refusal::NotInRoom)?;
    let actor = Actor::Player(this.player);
    let seat = this.seat.ok_or(Refusal::NotInRoom)?;
    let &SeatOf(room) = world.get::<SeatOf>(seat).ok_or(Refusal::NotInRoom)?;
    operate(world, room, actor, operation)
}

/// Chooses what is played on next.
pub(crate) fn choose(world: &mut World, link: Entity, content: String) -> Result<(), Refusal> {
    let seat = world.get::<Link>(link).and_then(|link| link.seat).ok_or(Refusal::NotInRoom)?;
    let &SeatOf(entity) = world.get::<SeatOf>(seat).ok_or(Refusal::NotInRoom)?;
    let game = world.get::<Room>(entity).ok_or(Refusal::NotInRoom)?.game.name();
    let (_, bytes) = world.resource::<Games>().find(game, &content)?;
    ask(world, link, Operation::Choose(content))?;
    if let Some(mut room) = world.get_mut::<Room>(entity) {
        room.content = bytes;
    }
    Ok(())
}

/// Does something to a room, tells everybody in it, and does what follows.
pub(crate) fn operate(
    world: &mut World,
    entity: Entity,
    actor: Actor,
    operation: Operation,
) -> Result<(), Refusal> {
    starts::check(world, entity, actor, &operation)?;
    let reserved = match &operation {
        Operation::Reserve(player) => Some(*player),
        _ => None,
    };
    let by_whom = closing_by(actor);
    // To keep somebody out who is not there is no news to the room.
    let is_ban = matches!(operation, Operation::Kick { ban: true, .. });
    let is_chat = matches!(operation, Operation::Chat(_));
    let mut room = world.get_mut::<Room>(entity).ok_or(Refusal::NotInRoom)?;
    let is_overseeing = is_of_operator(&room.lobby, actor, &operation);
    let Change { events, effects } = room.lobby.apply(actor, operation)?;
    let phase = room.lobby.phase();
    // What changes nothing, what is only said, and operators who come and go keep no room alive.
    let changes = is_ban || !(is_chat || is_overseeing || (events.is_empty() && effects.is_empty()));
    if let Some(player) = reserved {
        let until = world.resource::<Clock>().now() + RESERVATION_LIFE;
        let mut first = until;
        if let Some(mut room) = world.get_mut::<Room>(entity) {
            room.reservations.retain(|(other, _)| *other != player);
            room.reservations.push((player, until));
            first = room.reservations.iter().map(|(_, until)| *until).min().unwrap_or(until);
        }
        // A seat kept later does not keep the earlier ones longer.
        world.resource_mut::<Rooms>().deadlines.put(first, Due::Reservation, entity);
    }
    if phase_of(world, entity) != Some(phase) {
        world.entity_mut(entity).insert(Phase(phase));
    } else if changes {
        crate::expire::touch_room(world, entity);
    }
    if changes {
        record::room_changed(world, entity);
    }
    follow(world, entity, events, &effects, by_whom);
    Ok(())
}

/// Whether it is only an operator who comes or goes.
fn is_of_operator(lobby: &Lobby, actor: Actor, operation: &Operation) -> bool {
    match (operation, actor) {
        (Operation::Oversee { .. }, _) => true,
        (Operation::Leave(_), Actor::Player(player)) => lobby.is_operator(player),
        (Operation::Kick { player, .. }, _) => lobby.is_operator(*player),
        _ => false,
    }
}

fn closing_by(actor: Actor) -> Closing {
    match actor {
        Actor::Server => ClosedReason::Server.into(),
        Actor::Player(player) => Closing { reason: ClosedReason::Host, by: Some(player) },
    }
}

/// Members first, then what the others are told, then whoever is new: the view that they begin with stands for all of
/// it. Matches come last.
fn follow(world: &mut World, room: Entity, told: Vec<RoomEventKind>, effects: &[Effect], by_whom: Closing) {
    for effect in effects {
        match *effect {
            Effect::Seat(player, seat) => seating::take_seat(world, room, player, seat),
            Effect::Watch(player) => seating::watch(world, room, player),
            Effect::Bench(player) => bench(world, room, player),
            _ => {}
        }
    }
    events::tell_all(world, room, told);
    for effect in effects {
        if let Effect::Seat(player, _) | Effect::Watch(player) = *effect {
            seating::resume_player(world, player);
        }
    }
    for effect in effects {
        match *effect {
            Effect::Remove(player, reason) => seating::leave_seat(world, room, player, reason),
            Effect::StartMatch => start_match(world, room),
            Effect::AbortMatch => abort_match(world, room),
            Effect::Close => clear_away(world, room, by_whom),
            Effect::Seat(..) | Effect::Watch(_) | Effect::Bench(_) => {}
        }
    }
}

/// Only the player's own part in the match ends.
fn bench(world: &mut World, room: Entity, player: PlayerId) {
    for seat in seats_of(world, room) {
        let Some(index) =
            world.get::<crate::Seat>(seat).filter(|seat| seat.player == player).map(|seat| seat.index)
        else {
            continue;
        };
        // Who gives up what has not begun still gets the last frames of the match before.
        if world.get::<Stage>(room).is_some_and(|stage| !stage.is_over()) {
            world.entity_mut(seat).remove::<SeatPlay>();
        }
        holders::note_left(world, room, player);
        cleanup::player_aborted(world, room, index);
    }
}

fn start_match(world: &mut World, entity: Entity) {
    if !starts::take(world, entity) {
        // Somebody left, and the others are ready. The phase has just been looked at.
        let _ = operate(world, entity, Actor::Server, Operation::Abort);
        return;
    }
    let draining = world.get::<Stage>(entity).is_some_and(Stage::is_over);
    if draining && let Some(mut room) = world.get_mut::<Room>(entity) {
        // Slow clients still get the last frames of the match before.
        room.play_again = true;
        return;
    }
    matches::start(world, entity);
}

fn abort_match(world: &mut World, entity: Entity) {
    if let Some(mut room) = world.get_mut::<Room>(entity) {
        room.play_again = false;
    }
    matches::abort(world, entity);
    cleanup::host_aborted(world, entity);
}

/// A match is over: its room is told, unless it knows.
pub(crate) fn match_over(world: &mut World, room: Entity) {
    if phase_of(world, room) == Some(RoomPhase::Playing) {
        // The phase has just been looked at.
        let _ = operate(world, room, Actor::Server, Operation::Finish);
    }
}

pub(crate) fn phase_of(world: &World, room: Entity) -> Option<RoomPhase> {
    world.get::<Phase>(room).map(|phase| phase.0)
}

/// A seat's time is up, or its player goes.
pub(crate) fn free_seat(world: &mut World, seat_entity: Entity, reason: LeftReason) {
    let (Some(seat), Some(&SeatOf(room))) =
        (world.get::<crate::Seat>(seat_entity), world.get::<SeatOf>(seat_entity))
    else {
        return;
    };
    let player = seat.player;
    if operate(world, room, Actor::Player(player), Operation::Leave(reason)).is_err() {
        seating::leave_seat(world, room, player, reason);
    }
}

/// Seats whose players did not come are no longer kept.
pub(crate) fn release_reservations(world: &mut World, entity: Entity) {
    let now = world.resource::<Clock>().now();
    let Some(mut room) = world.get_mut::<Room>(entity) else { return };
    let Room { lobby, reservations, .. } = &mut *room;
    let mut released = Vec::new();
    reservations.retain(|&(player, until)| {
        let keep = until > now;
        if !keep && lobby.release(player) {
            released.push(RoomEventKind::Released { player });
        }
        keep
    });
    if let Some(next) = reservations.iter().map(|(_, until)| *until).min() {
        world.resource_mut::<Rooms>().deadlines.put(next, Due::Reservation, entity);
    }
    if !released.is_empty() {
        events::tell_all(world, entity, released);
        record::room_changed(world, entity);
    }
}

/// Closes a room and everything that hangs on it.
pub(crate) fn close(world: &mut World, entity: Entity, reason: ClosedReason) {
    let Some(mut room) = world.get_mut::<Room>(entity) else { return };
    let Ok(Change { events, effects }) = room.lobby.apply(Actor::Server, Operation::Close) else { return };
    world.entity_mut(entity).insert(Phase(RoomPhase::Closed));
    follow(world, entity, events, &effects, reason.into());
}

/// Closes a room of whose name another node has one that stays.
pub(crate) fn give_way(world: &mut World, entity: Entity, mut node: String) {
    if node.len() > SERVER_NAME_BYTES_MAX {
        node.clear();
    }
    events::tell_all(world, entity, vec![RoomEventKind::Elsewhere { node }]);
    close(world, entity, ClosedReason::Elsewhere);
}

/// The last of a room: everybody is told, everything that hangs on it goes.
fn clear_away(world: &mut World, entity: Entity, closing: Closing) {
    let reason = closing.reason;
    let Some(room) = world.get::<Room>(entity) else { return };
    let (name, id) = (room.name.clone(), room.id);
    let left = match reason {
        ClosedReason::Elsewhere => LeftReason::Elsewhere,
        _ => LeftReason::RoomClosed,
    };
    events::tell_all(world, entity, vec![RoomEventKind::Closed(reason)]);
    for seat in seats_of(world, entity) {
        let player = world.get::<crate::Seat>(seat).map(|seat| seat.player);
        if let Some(player) = player {
            seating::leave_seat(world, entity, player, left);
        }
    }
    matches::abort(world, entity);
    matches::finish(world, entity);
    cleanup::room_closing(world, entity);
    record::room_closed(world, id);
    world.resource_mut::<Rooms>().by_name.remove(&name);
    world.despawn(entity);
    world.resource_mut::<Counters>().rooms_closed += 1;
    info!(room = %name, ?reason, "a room is closed");
    closed::keep_name(world, name, closing);
}

/// The seats of a room that are taken, and the places of those who watch.
pub(crate) fn seats_of(world: &World, room: Entity) -> Vec<Entity> {
    Seats::entities(world.get::<Seats>(room)).collect()
}

#[cfg(test)]
mod tests;
