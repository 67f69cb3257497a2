//! `MovesPlugin`: rooms that go from node to node between two ticks.
//!
//! The node that has the room decides whose it is, by one record in its journal: before it the room is its own, after
//! it the other's. The other node has the room whole and durable by then, and goes on with it when it hears; a node
//! that was killed in between asks. What was not decided has not happened.

mod incoming;
mod message;
mod moved;
mod open;
mod outgoing;
mod parcel;
mod passes;
mod seek;
mod under_way;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{IntoScheduleConfigs, Resource, World};
use framekeep_journal::{Arrival, Departure, MoveId};
use framekeep_protocol::{PlayerId, RoomName};
use tracing::{debug, warn};

pub(crate) use incoming::{attach, is_arriving, recover};
pub use message::PeerMail;
use message::{PeerMessage, Unread};
pub(crate) use moved::{check as check_moved, say_after, send_after};
pub(crate) use outgoing::{Leaving, keep_said};
pub(crate) use seek::{be_sought, seek};
pub(crate) use under_way::under_way;

use crate::limits::{
    MOVE_OUTCOMES_KEPT, MOVES_APART, MOVES_AT_ONCE, PEER_MAIL_WAITING_MAX, SEND_AFTER_MAX, SENT_AFTER_MAX,
};
use crate::matches::Chance;
use crate::record::Written;
use crate::{Clock, Phase, Pump, Room, Rooms, ServerConfig, ServerSystems};
use outgoing::{Departed, Outgoing, Wish};

/// Rooms that go from node to node between two ticks.
pub(crate) struct MovesPlugin;

impl Plugin for MovesPlugin {
    fn build(&self, app: &mut App) {
        let node = app.world().resource::<ServerConfig>().node.clone();
        app.insert_resource(Moves { node, ..Moves::default() }).add_systems(
            Pump,
            hear_peers
                .after(crate::transport::deliver)
                .after(crate::gate::take_orders)
                .in_set(ServerSystems::Receive),
        );
    }
}

/// What became of a wish to move a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveOutcome {
    /// It is on its way.
    Going {
        /// The other node.
        node: String,
    },
    /// It goes on at another node.
    Moved {
        /// The other node.
        node: String,
    },
    /// It goes on here.
    Stayed {
        /// Why.
        why: String,
    },
}

/// A room that cannot be moved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMovable {
    /// There is no such room.
    #[error("there is no room {room} on this node")]
    NoSuchRoom {
        /// The name.
        room: RoomName,
    },
    /// It moves already.
    #[error("the room {room} is on its way already")]
    OnItsWay {
        /// The name.
        room: RoomName,
    },
    /// The name is not one of another node.
    #[error("{node:?} is not the name of another node")]
    NoSuchNode {
        /// The name.
        node: String,
    },
}

/// The rooms that are on their way from or to this node, and what is said about them.
#[derive(Resource, Default)]
pub struct Moves {
    node: String,
    /// Rooms that went to other nodes.
    pub rooms_moved_away: u64,
    /// Rooms that came from other nodes.
    pub rooms_moved_in: u64,
    /// Moves after which the room was where it had been.
    pub moves_given_up: u64,
    outgoing: BTreeMap<MoveId, Outgoing>,
    /// Before this no further room is to stand still.
    next_slot: Duration,
    queue: VecDeque<Wish>,
    departed: BTreeMap<MoveId, Departed>,
    incoming: BTreeMap<MoveId, incoming::Incoming>,
    /// Where the rooms that are here have come from.
    arrivals: HashMap<u64, Arrival>,
    /// Rooms that go on here, as soon as that is durable.
    settling: Vec<(MoveId, String, Written)>,
    moved: HashMap<RoomName, moved::Moved>,
    moved_players: HashMap<PlayerId, RoomName>,
    /// Who is to be told where a room has gone.
    sent_after: BTreeMap<PlayerId, moved::SentAfter>,
    outcomes: VecDeque<(RoomName, MoveOutcome)>,
    /// Who waits until it is known whose a room is.
    seeking: HashMap<PlayerId, seek::Seeking>,
    /// Rooms that nobody had a moment ago.
    nobodys: HashMap<RoomName, Duration>,
    inbox: VecDeque<PeerMail>,
    outbox: VecDeque<PeerMail>,
}

impl Moves {
    /// Takes what is to be brought to other nodes, in its order.
    pub fn take_mail(&mut self) -> Vec<PeerMail> {
        self.outbox.drain(..).collect()
    }

    /// Whether there is something to be brought to other nodes.
    #[must_use]
    pub fn has_mail(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Brings what another node says; it is heard in the next pump. What is over the bound is lost, as on the way.
    pub fn deliver(&mut self, mail: PeerMail) {
        if self.inbox.len() < PEER_MAIL_WAITING_MAX {
            self.inbox.push_back(mail);
        }
    }

    /// What became of the last wish to move a room of that name.
    #[must_use]
    pub fn outcome(&self, room: &RoomName) -> Option<MoveOutcome> {
        let going = self.outgoing.values().map(|going| (&going.name, &going.node));
        let mut going = going.chain(self.queue.iter().map(|wish| (&wish.name, wish.node())));
        if let Some((_, node)) = going.find(|(name, _)| *name == room) {
            return Some(MoveOutcome::Going { node: node.clone() });
        }
        self.outcomes.iter().rev().find(|(name, _)| name == room).map(|(_, outcome)| outcome.clone())
    }

    /// Whether a room is on its way from or to this node, or has gone and the other node has not said that it knows.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !(self.outgoing.is_empty()
            && self.queue.is_empty()
            && self.departed.is_empty()
            && self.incoming.is_empty()
            && self.settling.is_empty())
    }

    /// Another node was asked to let a player in. What is over the bound is not waited for.
    fn expect(&mut self, player: PlayerId, now: Duration) {
        if self.sent_after.len() < SENT_AFTER_MAX {
            let sent = moved::SentAfter { until: now + SEND_AFTER_MAX, late: None };
            // Whoever asks again is not waited for longer.
            self.sent_after.entry(player).or_insert(sent);
        }
    }

    /// Whether somebody is still to be told where a room has gone.
    pub(crate) fn sends_after(&self) -> bool {
        !self.sent_after.is_empty()
    }

    /// Whether something waits for the disk.
    #[must_use]
    pub fn waits_for_disk(&self) -> bool {
        let decided = |going: &Outgoing| matches!(going.step, outgoing::Step::Decided(..));
        !self.settling.is_empty()
            || self.incoming.values().any(incoming::Incoming::waits_for_disk)
            || self.outgoing.values().any(decided)
    }

    /// Where a room came from, if from another node.
    pub(crate) fn arrival(&self, room: u64) -> Option<&Arrival> {
        self.arrivals.get(&room)
    }

    /// A room is closed.
    pub(crate) fn forget(&mut self, room: u64) {
        self.arrivals.remove(&room);
    }

    /// What an earlier run has decided, and other nodes have perhaps not heard; and where its rooms had come from.
    pub(crate) fn take_over(
        &mut self,
        departed: &BTreeMap<u64, Departure>,
        arrived: &BTreeMap<u64, Arrival>,
    ) {
        self.arrivals.extend(arrived.iter().map(|(room, arrival)| (*room, arrival.clone())));
        for (&room, departure) in departed {
            let (id, departure) = (departure.id, departure.clone());
            self.departed.insert(id, Departed::before(departure, room));
        }
    }

    /// Rooms that went and are to be remembered over a restart.
    pub(crate) fn departures(&self) -> Vec<(u64, Departure)> {
        self.departed.values().map(|gone| (gone.room, gone.departure.clone())).collect()
    }

    /// The moment at which the next room with players stands still, not before `from`.
    fn slot(&mut self, from: Duration) -> Duration {
        let slot = self.next_slot.max(from);
        self.next_slot = slot + MOVES_APART;
        slot
    }

    fn owner_epoch(&self, room: u64) -> u64 {
        self.arrivals.get(&room).map_or(1, |arrival| arrival.owner_epoch)
    }

    fn post(&mut self, node: &str, message: &PeerMessage) {
        let hands_over = match message {
            PeerMessage::Go { id, .. } => self.departed.get(id).and_then(|gone| gone.name()),
            _ => None,
        };
        let body = message.encode();
        self.send(PeerMail { node: node.to_owned(), body, hands_over, ..PeerMail::default() });
    }

    fn send(&mut self, mail: PeerMail) {
        if self.outbox.len() < PEER_MAIL_WAITING_MAX {
            self.outbox.push_back(mail);
        }
    }

    fn begin(&mut self, wish: Wish) {
        self.queue.push_back(wish);
    }

    fn end(&mut self, room: RoomName, outcome: MoveOutcome) {
        if self.outcomes.len() >= MOVE_OUTCOMES_KEPT {
            self.outcomes.pop_front();
        }
        self.outcomes.push_back((room, outcome));
    }
}

/// Whether a room of that name is here and this node's own: one that is on its way here is not.
#[must_use]
pub fn owns_room(world: &World, room: &RoomName) -> bool {
    let here = world.resource::<Rooms>().get(room);
    here.is_some_and(|entity| !is_arriving(world, entity) && world.get::<Leaving>(entity).is_none())
}

/// Wants a room to go on at another node. It goes when it can: [`Moves::outcome`] says what became of it.
///
/// # Errors
/// [`NotMovable`] if there is no such room, it is on its way already, or the node is this one.
pub fn move_room(world: &mut World, room: &RoomName, node: &str) -> Result<(), NotMovable> {
    move_to_any(world, room, vec![node.to_owned()])
}

/// The same with several nodes, of which each is tried in turn.
///
/// # Errors
/// [`NotMovable`] if there is no such room, it is on its way already, or one of the nodes is this one.
pub fn move_to_any(world: &mut World, room: &RoomName, nodes: Vec<String>) -> Result<(), NotMovable> {
    let missing = || NotMovable::NoSuchRoom { room: room.clone() };
    let entity = world.resource::<Rooms>().get(room).ok_or_else(missing)?;
    if is_arriving(world, entity) {
        return Err(missing());
    }
    let mut moves = world.resource_mut::<Moves>();
    if nodes.is_empty() {
        return Err(NotMovable::NoSuchNode { node: String::new() });
    }
    if let Some(node) = nodes.iter().find(|node| !message::is_node_name(node) || **node == moves.node) {
        return Err(NotMovable::NoSuchNode { node: node.clone() });
    }
    if matches!(moves.outcome(room), Some(MoveOutcome::Going { .. })) {
        return Err(NotMovable::OnItsWay { room: room.clone() });
    }
    moves.begin(Wish { room: entity, name: room.clone(), nodes, tries: 0 });
    Ok(())
}

/// Hears what other nodes say.
pub(crate) fn hear_peers(world: &mut World) {
    while let Some(PeerMail { node, body, .. }) = world.resource_mut::<Moves>().inbox.pop_front() {
        match PeerMessage::decode(&body) {
            Ok(message) => hear(world, &node, message),
            Err(Unread { id, why }) => {
                warn!(node, why, "what another node says cannot be read");
                if let Some(id) = id {
                    be_unread(world, id, &node, &why);
                }
            }
        }
    }
}

/// Something about a move cannot be read: the room stays where it is, unless that is decided already, and the other
/// node is told why.
fn be_unread(world: &mut World, id: MoveId, from: &str, why: &str) {
    outgoing::be_refused(world, id, from, why);
    incoming::be_unread(world, id, from);
    let body = message::refusal(id, why);
    world.resource_mut::<Moves>().send(PeerMail { node: from.to_owned(), body, ..PeerMail::default() });
}

fn hear(world: &mut World, from: &str, message: PeerMessage) {
    match message {
        PeerMessage::Offer { id, room, segment, wishes } => {
            incoming::be_offered(world, (id, room), from, &segment, wishes);
        }
        PeerMessage::Willing { id, passes } => outgoing::be_welcome(world, id, from, passes),
        PeerMessage::Unwilling { id, why } => outgoing::be_refused(world, id, from, &why),
        PeerMessage::Tail { id, segment } => incoming::follow(world, id, from, &segment),
        PeerMessage::Hand(handover) => incoming::be_handed(world, from, &handover),
        PeerMessage::Taken { id } => outgoing::be_taken(world, id, from),
        PeerMessage::Go { id, due, said } => incoming::go_on(world, id, from, due, said),
        PeerMessage::Gone { id } => outgoing::be_gone(world, id),
        PeerMessage::Stay { id } => incoming::be_kept(world, id, from),
        PeerMessage::Whose { id } => outgoing::tell_whose(world, id, from),
        PeerMessage::LetIn { room, wish } => moved::let_in(world, from, room, wish),
        PeerMessage::In { room, pass } => moved::be_let_in(world, &room, pass),
        PeerMessage::Elsewhere { node, room, wish } => {
            moved::be_elsewhere(world, from, &room, &node, wish);
        }
        PeerMessage::Said { said } => {
            for (player, bytes) in said {
                outgoing::hear_again(world, player, &bytes);
            }
        }
    }
}

/// Does what is due for rooms on their way, once the frames of this pump are recorded.
pub(crate) fn advance_moves(world: &mut World) {
    seek::give_up(world);
    moved::give_up(world);
    if !world.resource::<Moves>().is_busy() {
        return;
    }
    set_out(world);
    outgoing::advance(world);
    incoming::advance(world);
    incoming::settle(world);
}

/// So many rooms go at one time; the others wait.
fn set_out(world: &mut World) {
    let now = world.resource::<Clock>().now();
    while world.resource::<Moves>().outgoing.len() < MOVES_AT_ONCE {
        let Some(wish) = world.resource_mut::<Moves>().queue.pop_front() else { return };
        if world.get::<Room>(wish.room).is_none() || world.get::<Phase>(wish.room).is_none() {
            let why = "the room was closed".to_owned();
            world.resource_mut::<Moves>().end(wish.name, MoveOutcome::Stayed { why });
            continue;
        }
        let mut chance = world.resource_mut::<Chance>();
        let id = MoveId(u128::from(chance.next()) << 64 | u128::from(chance.next()));
        debug!(%id, room = %wish.name, node = wish.node(), "a room is to move");
        let going = Outgoing::new(wish, now);
        world.resource_mut::<Moves>().outgoing.insert(id, going);
    }
}
