//! Answers to operators and back ends.

use bevy_ecs::prelude::{Entity, World};
use framekeep_gate::{Answer, Question, RoomRow, Viewer};
use framekeep_lobby::{Actor, Operation, Role};
use framekeep_protocol::{CloseReason, ClosedReason, LeftReason, PlayerId, Refusal, RoomName, RoomOptions};
use framekeep_sim::Tick;

use super::members::{members, traffic};
use super::report::row;
use crate::limits::PAST_BYTES_MAX;
use crate::room::log::RoomLog;
use crate::{FrameArchive, Journaled, Player, Players, Room, Rooms, admit, rooms};

/// Answers a question.
pub(super) fn answer(world: &mut World, question: Question) -> Answer {
    match question {
        Question::Room(name) => show(world, &name),
        Question::OpenRoom(name, options) => match open(world, name.clone(), &options) {
            Ok(()) => show(world, &name),
            Err(refusal) => Answer::Refused(refusal),
        },
        Question::CloseRoom(name) => match world.resource::<Rooms>().get(&name) {
            Some(room) => {
                rooms::close(world, room, ClosedReason::Server);
                Answer::Done
            }
            None => Answer::Missing,
        },
        Question::GiveWay(name, node) => match world.resource::<Rooms>().get(&name) {
            Some(room) => {
                rooms::give_way(world, room, node);
                Answer::Done
            }
            None => Answer::Missing,
        },
        Question::MayLook(name, viewer) => match watchable(world, &name, viewer) {
            Ok(_) => Answer::Done,
            Err(answer) => answer,
        },
        Question::Past(name, viewer) => past(world, &name, viewer),
        Question::Happenings { room, viewer, after, limit } => {
            happenings(world, &room, viewer, (after, limit))
        }
        Question::Kick(player) => kick(world, player),
        Question::Reserve(name, players) => match reserve(world, &name, &players) {
            Ok(()) => Answer::Done,
            Err(refusal) => Answer::Refused(refusal),
        },
    }
}

fn show(world: &World, name: &RoomName) -> Answer {
    let room = world.resource::<Rooms>().get(name);
    let found = room.and_then(|room| {
        let (members, traffic) = (members(world, room), traffic(world, room));
        Some(RoomRow { members, traffic, ..row(world, room)? })
    });
    found.map_or(Answer::Missing, |row| Answer::Room(Box::new(row)))
}

/// What was played so far, for whoever may watch.
fn past(world: &World, name: &RoomName, viewer: Viewer) -> Answer {
    let entity = match watchable(world, name, viewer) {
        Ok(entity) => entity,
        Err(answer) => return answer,
    };
    let archive = world.get::<FrameArchive>(entity);
    let Some((archive, replay)) = archive.and_then(|one| Some((one, one.so_far(PAST_BYTES_MAX)?))) else {
        return Answer::Past { replay: None, until: Tick(0) };
    };
    // What players are not sent before it is durable is not shown before either.
    let sendable = world.get::<Journaled>(entity).map_or(archive.ticks(), |journaled| journaled.sendable);
    Answer::Past { replay: Some(replay), until: archive.ticks().min(sendable) }
}

/// What has happened in a room, for whoever may watch it.
fn happenings(world: &World, name: &RoomName, viewer: Viewer, (after, limit): (u64, usize)) -> Answer {
    let entity = match watchable(world, name, viewer) {
        Ok(entity) => entity,
        Err(answer) => return answer,
    };
    let Some(log) = world.get::<RoomLog>(entity) else { return Answer::Missing };
    let (found, more) = log.after(after, limit);
    Answer::Happenings { found, more }
}

/// A room that may be watched: by anybody one that lets whoever comes watch now, by a player also one that the player
/// was let into.
fn watchable(world: &World, name: &RoomName, viewer: Viewer) -> Result<Entity, Answer> {
    let entity = world.resource::<Rooms>().get(name).ok_or(Answer::Missing)?;
    if viewer == Viewer::Operator {
        return Ok(entity);
    }
    let lobby = &world.get::<Room>(entity).ok_or(Answer::Missing)?.lobby;
    if let Viewer::Player(player) = viewer
        && lobby.role(Actor::Player(player)) != Role::Stranger
    {
        return Ok(entity);
    }
    lobby.check_watchable().map(|()| entity).map_err(Answer::Refused)
}

/// Opens a room that waits for its players as long as one whose players have left.
fn open(world: &mut World, name: RoomName, options: &RoomOptions) -> Result<(), Refusal> {
    if world.resource::<Rooms>().get(&name).is_some() {
        return Err(Refusal::AlreadyInRoom { room: name });
    }
    let room = rooms::plan(world, name, options)?;
    let room = rooms::open(world, room);
    crate::expire::keep_while_empty(world, room);
    Ok(())
}

/// Keeps a seat for each of the players, in their order; all of them or none.
fn reserve(world: &mut World, name: &RoomName, players: &[PlayerId]) -> Result<(), Refusal> {
    let missing = || Refusal::NoSuchRoom { room: name.clone() };
    let entity = world.resource::<Rooms>().get(name).ok_or_else(missing)?;
    // Tried on a copy first: half a party is of no use.
    let mut tried = world.get::<Room>(entity).ok_or_else(missing)?.lobby.clone();
    for player in players {
        tried.apply(Actor::Server, Operation::Reserve(*player))?;
    }
    players
        .iter()
        .try_for_each(|player| rooms::operate(world, entity, Actor::Server, Operation::Reserve(*player)))
}

/// Sends a player away from the node: the seat is freed, the link closed.
fn kick(world: &mut World, player: PlayerId) -> Answer {
    let Some(entity) = world.resource::<Players>().get(player) else { return Answer::Missing };
    let Some((link, seat)) = world.get::<Player>(entity).map(|player| (player.link, player.seat)) else {
        return Answer::Missing;
    };
    if let Some(seat) = seat {
        rooms::free_seat(world, seat, LeftReason::Removed);
    }
    if let Some(link) = link {
        admit::close_link(world, link, CloseReason::Kicked);
    }
    Answer::Done
}
