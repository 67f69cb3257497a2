//! Rooms that go from node to node, as operators and other nodes see it.

use bevy_ecs::prelude::{Res, ResMut, World};
use framekeep_gate::{Letter, MoveState};
use framekeep_protocol::RoomName;

use super::Gate;
use crate::moves::{self, MoveOutcome, Moves, NotMovable};
use crate::{PeerMail, Rooms};

/// Lets a room go on at another node, or looks what became of that.
pub(super) fn start(world: &mut World, room: &RoomName, node: Option<&str>) -> MoveState {
    let Some(node) = node else { return state(world, room) };
    match moves::move_room(world, room, node) {
        Ok(()) => MoveState::Going { node: node.to_owned() },
        Err(NotMovable::OnItsWay { .. }) => state(world, room),
        Err(NotMovable::NoSuchRoom { .. }) => MoveState::Missing,
        Err(why) => MoveState::Stayed { why: why.to_string() },
    }
}

fn state(world: &World, room: &RoomName) -> MoveState {
    match world.resource::<Moves>().outcome(room) {
        Some(MoveOutcome::Going { node }) => MoveState::Going { node },
        Some(MoveOutcome::Moved { node }) => MoveState::Moved { node },
        Some(MoveOutcome::Stayed { why }) => MoveState::Stayed { why },
        None => MoveState::Missing,
    }
}

/// Lets all rooms go on at other nodes, in turn. What one of them does not take is offered to the next.
pub(super) fn start_all(world: &mut World, nodes: &[String]) {
    let mut rooms: Vec<RoomName> = world.resource::<Rooms>().by_name.keys().cloned().collect();
    rooms.sort_unstable();
    let mut nodes = nodes.to_vec();
    for room in &rooms {
        // One that is on its way goes on, one that cannot go stays and says so.
        if let Err(why) = moves::move_to_any(world, room, nodes.clone()) {
            tracing::warn!(%room, ?nodes, %why, "a room is not moved");
        }
        nodes.rotate_left(1);
    }
}

/// Hands over what other nodes are to be told.
pub(super) fn post_mail(mut moves: ResMut<Moves>, gate: Option<Res<Gate>>) {
    if let Some(gate) = gate
        && moves.has_mail()
    {
        for PeerMail { node, body, hands_over, seeks, opens } in moves.take_mail() {
            gate.0.post(Letter { node, body, hands_over, seeks, opens });
        }
    }
}
