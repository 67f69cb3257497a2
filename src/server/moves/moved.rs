//! Rooms that have gone from here: who asks for them is sent after them.

use std::time::Duration;

use bevy_ecs::prelude::{Entity, World};
use framekeep_protocol::{CloseReason, PlayerId, Refusal, RoomName};
use framekeep_sim::Tick;

use super::message::{Pass, PeerMessage, Wish};
use super::{Moves, outgoing, parcel, passes, seek};
use crate::limits::{MOVED_LIFE, MOVED_NAMES_MAX};
use crate::{Clock, Link, Player, Rooms, Seat, admit, rooms};

/// A player whose room has gone, and whom the other node was asked to let in.
pub(super) struct SentAfter {
    /// Until when it may say that it does.
    pub(super) until: Duration,
    /// The link that is closed then, if the player was in the room as it went.
    pub(super) late: Option<Entity>,
}

/// Where a room has gone.
pub(super) struct Moved {
    pub(super) node: String,
    pub(super) until: Duration,
}

/// Everybody who has a place in a room.
pub(super) fn members(world: &World, room: Entity) -> Vec<PlayerId> {
    let player = |seat: Entity| world.get::<Seat>(seat).map(|seat| seat.player);
    rooms::seats_of(world, room).into_iter().filter_map(player).collect()
}

/// A room has gone, and its players with it; some may come back here and look for it.
pub(super) fn note(world: &mut World, room: RoomName, node: &str, players: Vec<PlayerId>, now: Duration) {
    let until = now + MOVED_LIFE;
    let mut moves = world.resource_mut::<Moves>();
    moves.moved.retain(|_, moved| moved.until > now);
    let Moves { moved, moved_players, .. } = &mut *moves;
    moved_players.retain(|_, room| moved.contains_key(room));
    if moved.len() < MOVED_NAMES_MAX {
        moved_players.extend(players.into_iter().map(|player| (player, room.clone())));
        moved.insert(room, Moved { node: node.to_owned(), until });
    }
}

/// Why a room cannot be joined here: it has gone. The link is sent after it.
pub(crate) fn check(world: &mut World, link: Entity, room: &RoomName) -> Result<(), Refusal> {
    let now = world.resource::<Clock>().now();
    let Some(moved) = world.resource::<Moves>().moved.get(room) else { return Ok(()) };
    if moved.until <= now {
        return Ok(());
    }
    let node = moved.node.clone();
    if let Some(wish) = parcel::wish_of(world, link) {
        let mut moves = world.resource_mut::<Moves>();
        moves.expect(wish.player, now);
        moves.post(&node, &PeerMessage::LetIn { room: room.clone(), wish });
    }
    Err(Refusal::RoomMoved { room: room.clone() })
}

/// Somebody is back whose room has gone: the link is sent after it.
pub(crate) fn send_after(world: &mut World, link: Entity) {
    let Some(this) = world.get::<Link>(link) else { return };
    let (player, entity) = (this.player, this.player_entity);
    if world.get::<Player>(entity).is_some_and(|player| player.seat.is_some()) {
        return;
    }
    let room = world.resource::<Moves>().moved_players.get(&player).cloned();
    if let Some(room) = room {
        // That it has gone is what the redirect says.
        let _ = check(world, link, &room);
    }
}

/// A room goes from here and nobody has told a link's player where to: the link is sent after it, and closed then, or
/// when the other node does not say for so long that it lets the player in.
pub(super) fn send_late(world: &mut World, link: Entity, room: &RoomName) {
    let player = world.get::<Link>(link).map(|link| link.player);
    let is_sent = check(world, link, room).is_err();
    let moves = &mut *world.resource_mut::<Moves>();
    match player.and_then(|player| moves.sent_after.get_mut(&player)).filter(|_| is_sent) {
        Some(sent) => sent.late = Some(link),
        None => admit::close_link(world, link, CloseReason::Moved),
    }
}

/// Closes the links of those whom nobody has let in.
pub(super) fn give_up(world: &mut World) {
    let now = world.resource::<Clock>().now();
    let mut moves = world.resource_mut::<Moves>();
    if moves.sent_after.values().all(|sent| sent.until > now) {
        return;
    }
    let over: Vec<_> =
        moves.sent_after.values().filter(|sent| sent.until <= now).map(|sent| sent.late).collect();
    moves.sent_after.retain(|_, sent| sent.until > now);
    for link in over.into_iter().flatten() {
        admit::close_link(world, link, CloseReason::Moved);
    }
}

/// What a player says who has not heard yet that the room has gone, and the link with it: it is heard there.
pub(crate) fn say_after(world: &mut World, player: PlayerId, bytes: Vec<u8>) {
    let mut moves = world.resource_mut::<Moves>();
    let room = moves.moved_players.get(&player);
    let Some(node) = room.and_then(|room| moves.moved.get(room)).map(|moved| moved.node.clone()) else {
        return;
    };
    moves.post(&node, &PeerMessage::Said { said: vec![(player, bytes)] });
}

/// Another node has somebody who asks for a room that is here, or was.
pub(super) fn let_in(world: &mut World, from: &str, room: RoomName, wish: Wish) {
    let message = if world.resource::<Rooms>().get(&room).is_some() {
        passes::mint(world, &wish).map(|pass| PeerMessage::In { room, pass })
    } else {
        let moved = world.resource::<Moves>().moved.get(&room);
        moved.map(|moved| PeerMessage::Elsewhere { node: moved.node.clone(), room, wish })
    };
    // Whoever asks for it elsewhere is told nothing else, and finds it gone when its name is free there.
    if let Some(message) = message {
        world.resource_mut::<Moves>().post(from, &message);
    }
}

/// Where a player is let in.
pub(super) fn be_let_in(world: &mut World, room: &RoomName, pass: Pass) {
    seek::be_found(world, room, pass.player);
    let sent = world.resource_mut::<Moves>().sent_after.remove(&pass.player);
    let told = outgoing::redirect(world, room, Tick(0), pass);
    if let Some(late) = sent.and_then(|sent| sent.late).filter(|late| told == Some(*late)) {
        admit::close_link(world, late, CloseReason::Moved);
    }
}

/// A room has gone further.
pub(super) fn be_elsewhere(world: &mut World, from: &str, room: &RoomName, node: &str, wish: Wish) {
    let mut moves = world.resource_mut::<Moves>();
    let is_own = node == moves.node;
    // Several may have asked before the first heard of it.
    let is_known = |moved: &&mut Moved| moved.node == from || moved.node == node;
    let Some(moved) = moves.moved.get_mut(room).filter(|moved| is_known(moved) && !is_own) else { return };
    moved.node = node.to_owned();
    moves.post(node, &PeerMessage::LetIn { room: room.clone(), wish });
}

/// A room that has gone is offered by another node: it has arrived there, whatever was heard of that.
pub(super) fn has_come_back(world: &mut World, room: u64) {
    let gone = world.resource::<Moves>().departed.iter().find(|(_, gone)| gone.room == room);
    if let Some(id) = gone.map(|(id, _)| *id) {
        outgoing::be_gone(world, id);
    }
}
