//! What a server does that has the folder of a node that is gone: its rooms go on at the other nodes, each at the one
//! that has the least to do and takes it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use framekeep_cluster::{ClusterHandle, NodeId, NodeView};
use framekeep_gate::{Door, MoveState, Order};
use framekeep_protocol::RoomName;
use tracing::{info, warn};

use super::{NONE_TAKEN, SOME_TAKEN};
use crate::config::Settings;
use crate::identity::HAND_ON_ENV;

/// How often it is looked how far the rooms are.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long the cluster may take to say where its nodes are.
const FOUND_WITHIN: Duration = Duration::from_secs(20);

/// How long the nodes that took the last rooms may take to say so.
const SAID_WITHIN: Duration = Duration::from_secs(60);

/// How long rooms may be here at least. They may be for as long as seats are held: a match to which nobody comes back
/// would be given up then, and the next server with this folder holds them anew.
const HERE_AT_LEAST: Duration = Duration::from_secs(10);

/// How long the server may take for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Lets all rooms of this process go on at the other nodes if the environment says so, and the process end.
pub(crate) fn hand_on(settings: &Settings, handle: ClusterHandle, door: Door) -> io::Result<()> {
    if std::env::var_os(HAND_ON_ENV).is_none_or(|heir| heir.is_empty()) {
        return Ok(());
    }
    // Nothing new comes here.
    let _ = door.send(Order::Rest);
    let here_max = Duration::from_secs(settings.rooms.reconnect_grace_s).mul_f32(0.8).max(HERE_AT_LEAST);
    let region = settings.cluster.region.clone();
    let work = move || match place_all(&handle, &door, &region, here_max) {
        Left::Nothing => {
            info!("all rooms of this folder go on at other nodes");
            // A server that does not take orders any more ends by itself.
            let _ = door.send(Order::Drain { grace: SAID_WITHIN });
        }
        // As if it had been killed: what is in the folder is there for the next one.
        Left::Some => std::process::exit(SOME_TAKEN),
        Left::All => std::process::exit(NONE_TAKEN),
    };
    std::thread::Builder::new().name("framekeep-heir".to_owned()).spawn(work).map(drop)
}

/// What stays in the folder.
enum Left {
    Nothing,
    Some,
    All,
}

fn place_all(handle: &ClusterHandle, door: &Door, region: &str, here_max: Duration) -> Left {
    let own = handle.node();
    let begun = Instant::now();
    let others = |handle: &ClusterHandle| handle.nodes().iter().any(|view| can_take(view, own));
    while (!others(handle) || door.report().unix_ms == 0) && begun.elapsed() < FOUND_WITHIN {
        std::thread::sleep(LOOK_EVERY);
    }
    let begun = Instant::now();
    let mut placing = Placing { own, region: region.to_owned(), ..Placing::default() };
    loop {
        match placing.turn(&handle.nodes(), door) {
            Turn::Done => return Left::Nothing,
            Turn::GoesOn if begun.elapsed() < here_max => std::thread::sleep(LOOK_EVERY),
            Turn::GoesOn | Turn::Stuck if placing.has_placed => return Left::Some,
            Turn::GoesOn | Turn::Stuck => return Left::All,
        }
    }
}

fn can_take(view: &NodeView, own: NodeId) -> bool {
    view.node != own && !view.card.is_gateway && !view.load.draining && view.card.peer.is_some()
}

enum Turn {
    /// Every room is another node's.
    Done,
    /// Rooms are on their way.
    GoesOn,
    /// No node takes what is left.
    Stuck,
}

/// Which room was tried where.
#[derive(Default)]
struct Placing {
    own: NodeId,
    region: String,
    tried: BTreeMap<RoomName, BTreeSet<String>>,
    /// Rooms that were sent to a node and that it may not have counted yet.
    sent: BTreeMap<String, u32>,
    has_placed: bool,
}

impl Placing {
    /// Looks after every room that is here.
    fn turn(&mut self, nodes: &[NodeView], door: &Door) -> Turn {
        let report = door.report();
        let (mut goes_on, mut is_stuck) = (false, false);
        for row in report.rooms.iter().filter(|row| row.phase != "closed") {
            let Ok(room) = RoomName::try_from(row.name.clone()) else { continue };
            let state = match state(door, &room, None) {
                // It is not to go anywhere yet, or a node did not take it.
                Some(MoveState::Missing | MoveState::Stayed { .. }) => self.send(nodes, door, &room),
                state => state,
            };
            match state {
                Some(MoveState::Moved { .. }) => self.has_placed = true,
                Some(MoveState::Stayed { .. }) => is_stuck = true,
                Some(MoveState::Going { .. } | MoveState::Missing) | None => goes_on = true,
            }
        }
        match (goes_on, is_stuck) {
            (true, _) => Turn::GoesOn,
            (false, true) => Turn::Stuck,
            (false, false) => Turn::Done,
        }
    }

    /// Lets a room go to a node where it was not tried; [`MoveState::Stayed`] if there is none.
    fn send(&mut self, nodes: &[NodeView], door: &Door, room: &RoomName) -> Option<MoveState> {
        let Some(node) = self.choose(nodes, room) else {
            return Some(MoveState::Stayed { why: String::new() });
        };
        info!(%room, node, "a room of this folder is to go on at another node");
        let told = state(door, room, Some(node));
        if let Some(MoveState::Stayed { why }) = &told {
            warn!(%room, why, "a room of this folder does not go");
            // There may be others.
            return None;
        }
        told
    }

    /// The node that has the least to do of those that were not asked; one of this region if there is one.
    fn choose(&mut self, nodes: &[NodeView], room: &RoomName) -> Option<String> {
        let tried = self.tried.entry(room.clone()).or_default();
        let can = |view: &&NodeView| can_take(view, self.own) && !tried.contains(&view.card.name);
        let cost = |view: &&NodeView| {
            let rooms = view.load.rooms + self.sent.get(&view.card.name).copied().unwrap_or(0);
            let is_far = !self.region.is_empty() && view.load.region != self.region;
            (is_far, rooms, view.load.players, view.node)
        };
        let node = nodes.iter().filter(can).min_by_key(cost)?.card.name.clone();
        tried.insert(node.clone());
        *self.sent.entry(node.clone()).or_default() += 1;
        Some(node)
    }
}

/// Lets a room go, or looks what became of it; `None` if the server does not say.
fn state(door: &Door, room: &RoomName, node: Option<String>) -> Option<MoveState> {
    let (reply, answer) = mpsc::sync_channel(1);
    let order = Order::Move(room.clone(), node, Box::new(move |state| drop(reply.send(state))));
    door.send(order).ok()?;
    answer.recv_timeout(ANSWER_WITHIN).ok()
}

#[cfg(test)]
mod tests {
    use framekeep_cluster::{Card, Load};

    use super::*;

    fn node(number: u64, rooms: u32) -> NodeView {
        let peer = Some(([127, 0, 0, 1], 1).into());
        let card = Card { name: format!("eu{number}"), peer, ..Card::default() };
        NodeView { node: NodeId(number), card, load: Load { rooms, ..Load::default() } }
    }

    #[test]
    fn rooms_are_spread_over_all_nodes_and_each_is_tried_at_every_one() {
        let nodes = [node(0, 0), node(1, 4), node(2, 1)];
        let mut placing = Placing { own: NodeId(0), ..Placing::default() };
        let room = |nth: u32| RoomName::try_from(format!("room-{nth}")).expect("a name");
        let chosen: Vec<_> = (0..6).filter_map(|nth| placing.choose(&nodes, &room(nth))).collect();
        assert_eq!(chosen, ["eu2", "eu2", "eu2", "eu1", "eu2", "eu1"]);
        assert_eq!(placing.choose(&nodes, &room(0)).as_deref(), Some("eu1"), "eu2 did not take it");
        assert_eq!(placing.choose(&nodes, &room(0)), None, "nor did eu1");
    }
}
