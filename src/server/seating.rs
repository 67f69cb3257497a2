//! Seats of a room as entities: taken, held while a link is lost, resumed, and freed.

use bevy_ecs::prelude::{Entity, World};
use framekeep_protocol::{LeftReason, PlayerId, RoomEventKind, SPECTATOR_SEAT, ToClient};

use crate::admit::{forget_player, tell};
use crate::deadlines::Due;
use crate::matches::LastEnd;
use crate::room::{Room, Rooms};
use crate::seat::SeatOf;
use crate::{
    Clock, Link, LinkStage, Player, Players, Seat, SeatPlay, ServerConfig, Stage, cleanup, events, holders,
    leaderboard, matches, moves, record, recover, rooms,
};

/// Gives a player a seat that the lobby has assigned. A link of the player joins it with [`resume_player`].
pub(crate) fn take_seat(world: &mut World, room: Entity, player: PlayerId, index: u8) {
    let Some(player_entity) = world.resource::<Players>().get(player) else { return };
    let seat = world.spawn((Seat { index, player, link: None, lost_at: None }, SeatOf(room))).id();
    if let Some(mut identity) = world.get_mut::<Player>(player_entity) {
        identity.seat = Some(seat);
    }
    record::room_changed(world, room);
    holders::note_taken(world, room, player, index);
}

/// Joins a player's link, if there is one, with the seat that the player has got.
pub(crate) fn resume_player(world: &mut World, player: PlayerId) {
    let player = world.resource::<Players>().get(player).and_then(|player| world.get::<Player>(player));
    if let Some(link) = player.and_then(|player| player.link) {
        resume_seat(world, link);
    }
}

/// Lets a player watch: a place like a seat, of which no frame knows.
pub(crate) fn watch(world: &mut World, room: Entity, player: PlayerId) {
    take_seat(world, room, player, SPECTATOR_SEAT);
}

/// Joins a link with the seat its player holds, if any, and tells it everything it needs to play. A link that another
/// has taken over, or that is being closed, has no claim to it.
pub(crate) fn resume_seat(world: &mut World, link: Entity) {
    let Some(this) = world.get::<Link>(link) else { return };
    let player = this.player;
    let Some(identity) = world.get::<Player>(this.player_entity) else { return };
    if identity.link != Some(link) || !matches!(this.stage, LinkStage::Admitted { .. }) {
        return;
    }
    let Some(seat_entity) = identity.seat else { return };
    let Some(&SeatOf(room)) = world.get::<SeatOf>(seat_entity) else { return };
    if moves::is_arriving(world, room) {
        world.resource_mut::<Rooms>().deadlines.cancel(Due::SeatGrace, seat_entity);
        note_presence(world, room, player, true);
        return moves::attach(world, link, seat_entity);
    }
    let (mut was_lost, mut plays) = (false, false);
    if let Some(mut seat) = world.get_mut::<Seat>(seat_entity) {
        seat.link = Some(link);
        (was_lost, plays) = (seat.lost_at.take().is_some(), seat.index != SPECTATOR_SEAT);
    }
    note_presence(world, room, player, true);
    world.resource_mut::<Rooms>().deadlines.cancel(Due::SeatGrace, seat_entity);
    if let Some(mut this) = world.get_mut::<Link>(link) {
        this.seat = Some(seat_entity);
    }
    let begin = world.resource::<Clock>().now() + world.resource::<ServerConfig>().start_delay;
    // A match that stands still waits for somebody who plays it.
    if plays {
        recover::wake(world, room, begin);
    }
    events::show_room(world, room, link);
    leaderboard::show_board(world, room, link);
    if was_lost {
        events::tell_all(world, room, vec![RoomEventKind::LinkBack { player }]);
    }
    match world.get::<Stage>(room).map(Stage::is_over) {
        Some(false) => matches::enter(world, room, seat_entity),
        // The client that had a part in what is over is gone, and with it what it had received.
        Some(true) => drop(world.entity_mut(seat_entity).remove::<SeatPlay>()),
        None => {}
    }
    if was_lost && let Some(LastEnd(ended)) = world.get::<LastEnd>(room).cloned() {
        tell(world, link, &ToClient::Ended(ended));
    }
}

/// A seat whose link is lost is held for the grace period.
pub(crate) fn hold_seat(world: &mut World, seat: Entity) {
    let grace = world.resource::<ServerConfig>().reconnect_grace;
    let until = world.resource::<Clock>().now() + grace;
    let (Some(&SeatOf(room)), Some(player)) =
        (world.get::<SeatOf>(seat), world.get::<Seat>(seat).map(|seat| seat.player))
    else {
        return;
    };
    note_presence(world, room, player, false);
    world.resource_mut::<Rooms>().deadlines.put(until, Due::SeatGrace, seat);
    let held_ms = grace.as_millis() as u32;
    events::tell_all(world, room, vec![RoomEventKind::LinkLost { player, held_ms }]);
}

fn note_presence(world: &mut World, room: Entity, player: PlayerId, present: bool) {
    if let Some(mut room) = world.get_mut::<Room>(room) {
        room.lobby.note_presence(player, present);
    }
}

/// Takes a player's place away, which the lobby has done already, and tells its link.
pub(crate) fn leave_seat(world: &mut World, room: Entity, player: PlayerId, reason: LeftReason) {
    let of_player = |seat: &Entity| world.get::<Seat>(*seat).is_some_and(|seat| seat.player == player);
    let Some(seat_entity) = rooms::seats_of(world, room).into_iter().find(of_player) else { return };
    let Some(seat) = world.get::<Seat>(seat_entity).cloned() else { return };
    if let Some(link) = seat.link {
        if let Some(mut link) = world.get_mut::<Link>(link) {
            link.seat = None;
        }
        crate::gate::let_go(world, link);
        tell(world, link, &ToClient::Left { reason });
    }
    world.despawn(seat_entity);
    holders::note_left(world, room, player);
    if let Some(player) = world.resource::<Players>().get(player) {
        if let Some(mut player) = world.get_mut::<Player>(player) {
            player.seat = None;
        }
        forget_player(world, player);
    }
    if seat.index != SPECTATOR_SEAT {
        cleanup::player_left(world, room, seat.index);
        record::room_changed(world, room);
    }
}

#[cfg(test)]
pub(crate) mod tests;
