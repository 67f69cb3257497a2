//! A room that goes to another node: this node's half.

use std::time::Duration;

use bevy_ecs::prelude::{Component, Entity, World};
use framekeep_journal::{Departure, MoveId};
use framekeep_protocol::{CloseReason, PlayerId, Redirect, RoomName, ToClient};
use framekeep_sim::Tick;
use tracing::{debug, info, warn};

use super::message::{Due, Pass, PeerMessage};
use super::parcel::{self, Segment};
use super::{MoveOutcome, Moves, moved, open};
use crate::limits::{
    MOVE_ANSWER_MAX, MOVE_APPROACH, MOVE_HOLD_MAX, MOVE_REPEAT_EVERY, MOVE_SAID_MAX, MOVE_TAIL_BYTES,
    MOVE_TAIL_EVERY, MOVE_TRIES, MOVE_WAIT_MAX,
};
use crate::record::{self, Written};
use crate::schedule::DueRooms;
use crate::{Clock, Link, Player, Players, Room, Stage, admit, control, gate};

/// A room whose move is decided: nothing is told of it any more.
#[derive(Component)]
pub(crate) struct Leaving;

/// How far a room has come on its way to another node.
#[derive(Debug)]
pub(super) enum Step {
    /// It cannot go yet: a match sends its last frames.
    Waits,
    /// The other node was asked.
    Offered,
    /// The players are told, and open links there; the room goes on here up to a tick, or a time if none is played.
    Approaches { tick: Tick, at: Duration },
    /// It stands still; the other node has been sent the last of it.
    Handed,
    /// The other node has it; that it goes is on its way to the disk.
    Decided(Departure, Written),
}

impl Step {
    /// What operators call it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Waits => "waits",
            Self::Offered => "offered",
            Self::Approaches { .. } => "approaches",
            Self::Handed => "stands_still",
            Self::Decided(..) => "decided",
        }
    }
}

/// A room that is to go on at another node.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) room: Entity,
    pub(super) name: RoomName,
    /// Those that are tried in turn, of which there is one.
    pub(super) nodes: Vec<String>,
    /// How often it was tried before.
    pub(super) tries: u32,
}

impl Wish {
    /// The one that is tried now.
    pub(super) fn node(&self) -> &String {
        &self.nodes[self.tries as usize % self.nodes.len()]
    }

    /// The next try, if there is one: each node is tried, and a single one several times.
    fn again(self) -> Option<Self> {
        let most = MOVE_TRIES.max(self.nodes.len() as u32);
        (self.tries + 1 < most).then(|| Self { tries: self.tries + 1, ..self })
    }
}

/// A room on its way to another node.
pub(super) struct Outgoing {
    pub(super) room: Entity,
    pub(super) name: RoomName,
    pub(super) node: String,
    pub(super) step: Step,
    nodes: Vec<String>,
    tries: u32,
    since: Duration,
    tail: Segment,
    /// When frames are sent ahead next.
    tail_at: Duration,
    /// The next frame that is not in the tail.
    next: Tick,
    /// Whether a match was played when it was offered.
    plays: bool,
    /// What its players said while it stood still.
    said: Vec<(PlayerId, Vec<u8>)>,
    /// The links that were told where it goes.
    told: Vec<Entity>,
}

/// A room that went, until the other node says that it goes on there.
pub(super) struct Departed {
    pub(super) departure: Departure,
    pub(super) room: u64,
    pub(super) due_at: Option<Duration>,
    pub(super) said: Vec<(PlayerId, Vec<u8>)>,
    pub(super) repeat_at: Duration,
    pub(super) since: Duration,
}

impl Departed {
    /// A room that an earlier run gave away.
    pub(super) fn before(departure: Departure, room: u64) -> Self {
        let (repeat_at, since) = (Duration::ZERO, Duration::ZERO);
        Self { departure, room, due_at: None, said: Vec::new(), repeat_at, since }
    }

    /// The room's name.
    pub(super) fn name(&self) -> Option<RoomName> {
        RoomName::try_from(self.departure.room.as_str()).ok()
    }
}

impl Outgoing {
    pub(super) fn new(wish: Wish, now: Duration) -> Self {
        let node = wish.node().clone();
        let Wish { room, name, nodes, tries } = wish;
        Self {
            room,
            name,
            node,
            step: Step::Waits,
            nodes,
            tries,
            since: now,
            tail: Segment::new(),
            tail_at: now,
            next: Tick(0),
            plays: false,
            said: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Since when it is as far as it is.
    pub(super) fn since(&self) -> Duration {
        self.since
    }

    fn enter(&mut self, step: Step, now: Duration) {
        (self.step, self.since) = (step, now);
    }
}

/// Does what is due for every room that is on its way.
pub(super) fn advance(world: &mut World) {
    let ids: Vec<MoveId> = world.resource::<Moves>().outgoing.keys().copied().collect();
    for id in ids {
        let Some(mut going) = world.resource_mut::<Moves>().outgoing.remove(&id) else { continue };
        match advance_one(world, id, &mut going) {
            Ok(true) => drop(world.resource_mut::<Moves>().outgoing.insert(id, going)),
            Ok(false) => {}
            Err(why) => stay(world, id, going, &why),
        }
    }
    remind(world);
}

/// `false` if the move is over.
fn advance_one(world: &mut World, id: MoveId, going: &mut Outgoing) -> Result<bool, String> {
    let now = world.resource::<Clock>().now();
    let waited = now.saturating_sub(going.since);
    if world.get::<Room>(going.room).is_none() {
        return Err("the room was closed".to_owned());
    }
    match &going.step {
        Step::Waits if waited > MOVE_WAIT_MAX => return Err("its match does not end".to_owned()),
        Step::Waits => offer(world, id, going)?,
        Step::Offered if waited > MOVE_ANSWER_MAX => {
            return Err(format!("the node {} does not answer", going.node));
        }
        Step::Offered => gather(world, going)?,
        Step::Approaches { tick, at } => {
            let (tick, at) = (*tick, *at);
            gather(world, going)?;
            let stage = world.get::<Stage>(going.room);
            // A match that waits for the first of its players comes to no tick.
            let is_there = match stage {
                Some(stage) if !stage.is_asleep => stage.tick() >= tick,
                _ => now >= at,
            };
            if is_there {
                hand(world, id, going)?;
            } else if going.tail.bytes() > MOVE_TAIL_BYTES || now >= going.tail_at {
                going.tail_at = now + MOVE_TAIL_EVERY;
                send_tail(world, id, going);
            }
        }
        Step::Handed if waited > MOVE_HOLD_MAX => {
            return Err(format!("the node {} does not take it", going.node));
        }
        Step::Handed => {}
        Step::Decided(departure, written) => match record::is_written(world, written) {
            Some(true) => {
                let departure = departure.clone();
                depart(world, going, departure);
                return Ok(false);
            }
            Some(false) => {}
            None => return Err("the disk did not take the decision".to_owned()),
        },
    }
    Ok(true)
}

/// Asks the other node whether it takes the room.
fn offer(world: &mut World, id: MoveId, going: &mut Outgoing) -> Result<(), String> {
    let now = world.resource::<Clock>().now();
    let Some(room) = world.get::<Room>(going.room) else { return Ok(()) };
    if world.get::<Stage>(going.room).is_some_and(Stage::is_over) || room.play_again {
        return Ok(());
    }
    let room_id = room.id.0;
    let Some((segment, next)) = parcel::offer(world, going.room) else { return Ok(()) };
    if segment.len() > crate::limits::MOVE_BYTES_MAX / 2 {
        return Err(format!("it takes {} bytes, too many to be moved", segment.len()));
    }
    (going.next, going.plays) = (next, world.get::<Stage>(going.room).is_some());
    let wishes = parcel::wishes(world, going.room);
    going.enter(Step::Offered, now);
    let message = PeerMessage::Offer { id, room: room_id, segment, wishes };
    world.resource_mut::<Moves>().post(&going.node, &message);
    Ok(())
}

/// Puts the frames that were committed since into the tail.
fn gather(world: &mut World, going: &mut Outgoing) -> Result<(), String> {
    let stage = world.get::<Stage>(going.room);
    if stage.is_some() != going.plays || stage.is_some_and(Stage::is_over) {
        return Err("a match has started or ended meanwhile".to_owned());
    }
    if going.plays {
        let gathered = parcel::append_steps(world, going.room, going.next, &mut going.tail);
        going.next = gathered.ok_or("frames were put away too early")?;
    }
    Ok(())
}

fn send_tail(world: &mut World, id: MoveId, going: &mut Outgoing) {
    if going.plays {
        let segment = going.tail.take();
        world.resource_mut::<Moves>().post(&going.node, &PeerMessage::Tail { id, segment });
    }
}

/// The other node takes the room: the players are told where it goes, and when.
pub(super) fn be_welcome(world: &mut World, id: MoveId, from: &str, passes: Vec<Pass>) {
    let now = world.resource::<Clock>().now();
    let Some(mut going) = world.resource_mut::<Moves>().outgoing.remove(&id) else { return };
    if matches!(going.step, Step::Offered) && going.node == from {
        // Nobody has to come along.
        let lead = if passes.is_empty() { Duration::ZERO } else { MOVE_APPROACH };
        let lead = world.resource_mut::<Moves>().slot(now + lead) - now;
        let stage = world.get::<Stage>(going.room);
        let ticks =
            stage.map_or(0, |stage| (lead.as_millis() * u128::from(stage.timing.rate_hz) / 1_000) as u32);
        let tick = stage.map_or(Tick(0), |stage| stage.tick().later(ticks));
        going.told = passes.into_iter().filter_map(|pass| redirect(world, &going.name, tick, pass)).collect();
        debug!(%id, room = %going.name, node = going.node, tick = tick.0, "a room is about to move");
        going.enter(Step::Approaches { tick, at: now + lead }, now);
    }
    world.resource_mut::<Moves>().outgoing.insert(id, going);
}

/// Tells a player's link where a room goes on; gives the link, if there is one.
pub(super) fn redirect(world: &mut World, room: &RoomName, tick: Tick, pass: Pass) -> Option<Entity> {
    let player = world.resource::<Players>().get(pass.player)?;
    let link = world.get::<Player>(player)?.link?;
    let Pass { address, token, .. } = pass;
    admit::tell(world, link, &ToClient::Redirect(Redirect { room: room.clone(), tick, address, token }));
    Some(link)
}

/// The room stands still from now on, and the other node is sent the last of it.
fn hand(world: &mut World, id: MoveId, going: &mut Outgoing) -> Result<(), String> {
    let now = world.resource::<Clock>().now();
    if let Some(mut stage) = world.get_mut::<Stage>(going.room) {
        stage.is_held = true;
    }
    let room_id = world.get::<Room>(going.room).map_or(0, |room| room.id.0);
    let owner_epoch = world.resource::<Moves>().owner_epoch(room_id) + 1;
    let tail = std::mem::replace(&mut going.tail, Segment::new());
    let handover =
        parcel::handover(world, going.room, (id, owner_epoch), tail).ok_or("the room was closed")?;
    world.entity_mut(going.room).insert(Held);
    world.resource_mut::<Moves>().post(&going.node, &PeerMessage::Hand(Box::new(handover)));
    debug!(%id, room = %going.name, "a room stands still");
    going.enter(Step::Handed, now);
    Ok(())
}

/// A room that stands still because it moves: what its players say waits.
#[derive(Component)]
pub(crate) struct Held;

/// Keeps what a player of a room says that stands still; it is heard where the room goes on. `false` if it does not
/// stand still.
pub(crate) fn keep_said(world: &mut World, room: Entity, player: PlayerId, bytes: &[u8]) -> bool {
    if world.get::<Held>(room).is_none() {
        return false;
    }
    let mut moves = world.resource_mut::<Moves>();
    let Some(going) = moves.outgoing.values_mut().find(|going| going.room == room) else { return false };
    if going.said.len() < MOVE_SAID_MAX {
        going.said.push((player, bytes.to_vec()));
    }
    true
}

/// The other node has the whole room on its disk. Whose it is, is decided here.
pub(super) fn be_taken(world: &mut World, id: MoveId, from: &str) {
    let now = world.resource::<Clock>().now();
    let Some(mut going) = world.resource_mut::<Moves>().outgoing.remove(&id) else { return };
    let room = world.get::<Room>(going.room).map(|room| room.id.0);
    if let (Step::Handed, true, Some(room)) = (&going.step, going.node == from, room) {
        let owner_epoch = world.resource::<Moves>().owner_epoch(room) + 1;
        let (node, name) = (going.node.clone(), going.name.as_str().to_owned());
        let departure = Departure { id, node, owner_epoch, room: name };
        world.entity_mut(going.room).insert(Leaving);
        let written = record::moved_away(world, room, &departure);
        going.enter(Step::Decided(departure, written), now);
    }
    world.resource_mut::<Moves>().outgoing.insert(id, going);
}

/// The decision is durable: the room is the other node's.
fn depart(world: &mut World, going: &mut Outgoing, departure: Departure) {
    let now = world.resource::<Clock>().now();
    let room = world.get::<Room>(going.room).map_or(0, |room| room.id.0);
    // A match that waits for the first of its players does so there, too.
    let awake = world.get::<Stage>(going.room).filter(|stage| !stage.is_asleep);
    let due_at = awake.map(|stage| stage.timing.due);
    let members = moved::members(world, going.room);
    let links = open::forget(world, going.room);
    // A player who came after the room was offered does not know yet where it is.
    let is_late = |link: &Entity| !going.told.contains(link) && !gate::is_web(world, *link);
    let (late, links): (Vec<_>, Vec<_>) = links.into_iter().partition(is_late);
    for link in links {
        gate::note_moved(world, link);
        admit::close_link(world, link, CloseReason::Moved);
    }
    info!(room = %going.name, node = going.node, owner_epoch = departure.owner_epoch, "a room has moved");
    let said = std::mem::take(&mut going.said);
    let (said, others): (Vec<_>, Vec<_>) = said.into_iter().partition(|(player, _)| members.contains(player));
    moved::note(world, going.name.clone(), &going.node, members, now);
    for (player, bytes) in others {
        // Whoever wanted to join is sent after it.
        hear_again(world, player, &bytes);
    }
    late.into_iter().for_each(|link| moved::send_late(world, link, &going.name));
    let mut moves = world.resource_mut::<Moves>();
    moves.arrivals.remove(&room);
    moves.rooms_moved_away += 1;
    moves.end(going.name.clone(), MoveOutcome::Moved { node: going.node.clone() });
    let departed = Departed { departure, room, due_at, said, repeat_at: now, since: now };
    moves.departed.insert(departed.departure.id, departed);
}

/// Tells other nodes that rooms are theirs, until they say that they know.
fn remind(world: &mut World) {
    let now = world.resource::<Clock>().now();
    let mut moves = world.resource_mut::<Moves>();
    let mut letters = Vec::new();
    for (id, gone) in moves.departed.iter_mut().filter(|(_, gone)| now >= gone.repeat_at) {
        gone.repeat_at = now + MOVE_REPEAT_EVERY;
        letters.push((gone.departure.node.clone(), go(*id, gone, now)));
    }
    for (node, message) in letters {
        moves.post(&node, &message);
    }
}

fn go(id: MoveId, gone: &Departed, now: Duration) -> PeerMessage {
    let due = gone.due_at.map(|due| match due.checked_sub(now) {
        Some(left) => Due::In(left.as_micros() as u64),
        None => Due::Ago((now - due).as_micros() as u64),
    });
    PeerMessage::Go { id, due, said: gone.said.clone() }
}

/// The other node goes on with a room: it need not be reminded, nor remembered.
pub(super) fn be_gone(world: &mut World, id: MoveId) {
    let gone = world.resource_mut::<Moves>().departed.remove(&id);
    if let Some(gone) = gone {
        record::forget_room(world, gone.room);
    }
}

/// A node asks whose a room is.
pub(super) fn tell_whose(world: &mut World, id: MoveId, from: &str) {
    let now = world.resource::<Clock>().now();
    let moves = world.resource::<Moves>();
    let message = match (moves.departed.get(&id), moves.outgoing.get(&id)) {
        (Some(gone), _) => go(id, gone, now),
        // It will hear.
        (None, Some(_)) => return,
        // What was not decided has not happened.
        (None, None) => PeerMessage::Stay { id },
    };
    world.resource_mut::<Moves>().post(from, &message);
}

/// The other node does not take the room.
pub(super) fn be_refused(world: &mut World, id: MoveId, from: &str, why: &str) {
    let Some(going) = world.resource_mut::<Moves>().outgoing.remove(&id) else { return };
    // Once it is decided there is no way back but through the other node, which has the room.
    if going.node != from || matches!(going.step, Step::Decided(..)) {
        world.resource_mut::<Moves>().outgoing.insert(id, going);
        return;
    }
    stay(world, id, going, why);
}

/// The room stays here after all, and goes on where it stood still.
fn stay(world: &mut World, id: MoveId, going: Outgoing, why: &str) {
    warn!(room = %going.name, node = going.node, why, "a room does not move");
    let Outgoing { room, name, node, nodes, tries, said, step, .. } = going;
    world.resource_mut::<Moves>().post(&node, &PeerMessage::Stay { id });
    let is_there = world.get::<Room>(room).is_some();
    if is_there {
        world.entity_mut(room).remove::<(Held, Leaving)>();
        if let Some(mut stage) = world.get_mut::<Stage>(room) {
            stage.is_held = false;
            let due = stage.timing.due;
            if matches!(step, Step::Handed | Step::Decided(..)) {
                world.resource_mut::<DueRooms>().put(due, room);
            }
        }
        if matches!(step, Step::Decided(..)) {
            // The decision may be on the disk: what is told now comes after it.
            record::retell(world, room);
        }
        for (player, bytes) in said {
            hear_again(world, player, &bytes);
        }
    }
    let may_retry = is_there && !matches!(step, Step::Waits);
    let wish = Wish { room, name: name.clone(), nodes, tries };
    let mut moves = world.resource_mut::<Moves>();
    moves.moves_given_up += 1;
    match wish.again().filter(|_| may_retry) {
        Some(wish) => moves.begin(wish),
        None => moves.end(name, MoveOutcome::Stayed { why: why.to_owned() }),
    }
}

/// Hears what a player said while the room stood still.
pub(super) fn hear_again(world: &mut World, player: PlayerId, bytes: &[u8]) {
    let player = world.resource::<Players>().get(player);
    let link = player.and_then(|player| world.get::<Player>(player)?.link);
    if let Some(link) = link.filter(|link| world.get::<Link>(*link).is_some()) {
        control::hear(world, link, bytes);
    }
}
