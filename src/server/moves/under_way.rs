//! The rooms that are on their way from or to this node, and how far each is.

use std::time::Duration;

use bevy_ecs::prelude::World;
use framekeep_gate::MoveRow;

use super::{Moves, incoming, outgoing};
use crate::limits::MOVES_LISTED_MAX;
use crate::{Clock, Room};

/// The rooms under way: those that go first, then those that come, then those that wait for their turn.
pub(crate) fn under_way(world: &World) -> Vec<MoveRow> {
    let (now, moves) = (world.resource::<Clock>().now(), world.resource::<Moves>());
    let row = |room: &str, (from, to): (&str, &str), step, since: Duration| MoveRow {
        room: room.to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
        step,
        for_ms: now.saturating_sub(since).as_millis() as u64,
    };
    let own = moves.node.as_str();
    let going =
        moves.outgoing.values().map(|it| row(it.name.as_str(), (own, &it.node), it.step.name(), it.since()));
    let gone = moves.departed.values().map(|it: &outgoing::Departed| {
        row(&it.departure.room, (own, &it.departure.node), "handed_over", it.since)
    });
    let coming = moves.incoming.values().map(|it: &incoming::Incoming| {
        let opened = it.room.and_then(|room| world.get::<Room>(room)).map(|room| room.name.as_str());
        row(opened.or(it.offered_name()).unwrap_or_default(), (&it.from, own), it.step_name(), it.since)
    });
    let waiting = moves.queue.iter().map(|wish| row(wish.name.as_str(), (own, wish.node()), "queued", now));
    going.chain(gone).chain(coming).chain(waiting).take(MOVES_LISTED_MAX).collect()
}
