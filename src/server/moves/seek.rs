//! Rooms that are at no node that this one knows of: whoever asks for one waits until it is known whose it is.

use std::time::Duration;

use bevy_ecs::prelude::{Entity, World};
use framekeep_protocol::{JoinRoom, PlayerId, Refusal, RoomName, ToClient, ToServer};

use super::message::{PeerMail, PeerMessage};
use super::outgoing::hear_again;
use super::{Moves, parcel};
use crate::limits::{SEEK_MAX, SEEK_TRIES, SEEKING_MAX};
use crate::{Clock, Link, Player, Players, ServerConfig, admit, gate, rooms};

/// Somebody who waits until it is known whose a room is.
pub(super) struct Seeking {
    room: RoomName,
    /// What was asked for.
    said: Vec<u8>,
    /// When it is asked again, and how often still.
    until: Duration,
    tries_left: u32,
}

/// Finds out whose a room is that is not here, where names are shared. `false` if nobody else can have it; else the
/// link is sent to its node, or heard again.
pub(crate) fn seek(world: &mut World, link: Entity, join: &JoinRoom) -> bool {
    // For whoever comes through the front door the relay has found that out.
    if !world.resource::<ServerConfig>().shares_names || gate::is_web(world, link) {
        return false;
    }
    let now = world.resource::<Clock>().now();
    let Some(wish) = parcel::wish_of(world, link) else { return false };
    let player = wish.player;
    let moves = world.resource::<Moves>();
    let is_nobodys = moves.nobodys.get(&join.room).is_some_and(|until| *until > now);
    if is_nobodys || moves.seeking.len() >= SEEKING_MAX && !moves.seeking.contains_key(&player) {
        return false;
    }
    let opens = rooms::may_open(world, link, join);
    let mut moves = world.resource_mut::<Moves>();
    let (room, said) = (join.room.clone(), ToServer::Join(join.clone()).encode());
    let until = now + SEEK_MAX;
    moves.seeking.insert(player, Seeking { room: room.clone(), said, until, tries_left: SEEK_TRIES });
    let body = PeerMessage::LetIn { room: room.clone(), wish }.encode();
    moves.send(PeerMail { body, seeks: Some(room), opens, ..PeerMail::default() });
    true
}

/// Nobody has a room that was sought, or a node that is gone.
pub(crate) fn be_sought(world: &mut World, letter: &[u8], is_lost: bool) {
    let Ok(PeerMessage::LetIn { room, wish }) = PeerMessage::decode(letter) else { return };
    let now = world.resource::<Clock>().now();
    let mut moves = world.resource_mut::<Moves>();
    let Some(seeking) = moves.seeking.remove(&wish.player).filter(|seeking| seeking.room == room) else {
        return;
    };
    if !is_lost {
        moves.nobodys.insert(room, now + SEEK_MAX);
        hear_again(world, wish.player, &seeking.said);
    } else {
        tell_lost(world, wish.player, room);
    }
}

fn tell_lost(world: &mut World, player: PlayerId, room: RoomName) {
    if let Some(link) = link_of(world, player) {
        admit::tell(world, link, &ToClient::Refused(Refusal::RoomLost { room }));
    }
}

/// A node that has a room and does not answer is asked again, until it does, the directory knows better, or it has had
/// time enough.
pub(super) fn give_up(world: &mut World) {
    let now = world.resource::<Clock>().now();
    let moves = world.resource::<Moves>();
    if moves.seeking.is_empty() && moves.nobodys.is_empty() {
        return;
    }
    let mut moves = world.resource_mut::<Moves>();
    moves.nobodys.retain(|_, until| *until > now);
    let late = moves.seeking.iter().filter(|(_, seeking)| seeking.until <= now);
    let mut late: Vec<_> = late.map(|(player, _)| *player).collect();
    late.sort_unstable();
    for player in late {
        let Some(mut seeking) = world.resource_mut::<Moves>().seeking.remove(&player) else { continue };
        let wish = link_of(world, player).and_then(|link| parcel::wish_of(world, link));
        // Whoever has gone asks for nothing.
        let Some(wish) = wish else { continue };
        if seeking.tries_left == 0 {
            tell_lost(world, player, seeking.room);
            continue;
        }
        (seeking.tries_left, seeking.until) = (seeking.tries_left - 1, now + SEEK_MAX);
        let room = seeking.room.clone();
        let mut moves = world.resource_mut::<Moves>();
        moves.seeking.insert(player, seeking);
        let body = PeerMessage::LetIn { room: room.clone(), wish }.encode();
        moves.send(PeerMail { body, seeks: Some(room), ..PeerMail::default() });
    }
}

/// The room that was sought is at another node, to which a redirect follows.
pub(super) fn be_found(world: &mut World, room: &RoomName, player: PlayerId) {
    let sought = world.resource_mut::<Moves>().seeking.remove(&player);
    if let (Some(_), Some(link)) = (sought.filter(|it| it.room == *room), link_of(world, player)) {
        admit::tell(world, link, &ToClient::Refused(Refusal::RoomMoved { room: room.clone() }));
    }
}

fn link_of(world: &World, player: PlayerId) -> Option<Entity> {
    let player = world.resource::<Players>().get(player)?;
    let link = world.get::<Player>(player)?.link?;
    world.get::<Link>(link).map(|_| link)
}
