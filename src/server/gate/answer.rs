//! Answers to operators and back ends.

use bevy_ecs::prelude::World;
use framekeep_gate::{Answer, Question};
use framekeep_protocol::{CloseReason, ClosedReason, LeftReason, PlayerId, Refusal, RoomName, RoomOptions};

use super::report::row;
use crate::{Player, Players, Rooms, admit, rooms};

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
        Question::Kick(player) => kick(world, player),
    }
}

fn show(world: &World, name: &RoomName) -> Answer {
    let room = world.resource::<Rooms>().get(name).and_then(|room| row(world, room));
    room.map_or(Answer::Missing, |row| Answer::Room(Box::new(row)))
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
