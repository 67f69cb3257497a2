//! `WebLink`, what makes a link one that came through the front door.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bevy_ecs::prelude::{Component, Entity, On, Query, Remove, Res, ResMut, Resource, World};
use framekeep_gate::{LinkSink, NewLink, WebInput, WebLinkId};
use framekeep_protocol::{
    JoinRoom, LeftReason, PROTOCOL_VERSION, PlayerId, Refusal, SPECTATOR_SEAT, Ticket, ToClient, ToServer,
};
use framekeep_sim::{Tick, input_mask};
use tracing::debug;

use super::{drain, ticket};
use crate::link::BusyLinks;
use crate::schedule::DueRooms;
use crate::seat::Seats;
use crate::{
    Clock, Counters, Inserted, Link, LinkStage, Player, Players, Seat, SeatPlay, ServerConfig, Stage, admit,
    control, moves, rooms, seating,
};

/// Changes of the controls that wait for a tick of their own; what is over takes the place of the last.
const CHANGES_WAITING_MAX: usize = 2;

/// How long what a link has on its way is sent after its room.
const MOVED_LINK_LIFE: Duration = Duration::from_secs(2);

/// Links of which that is known; what others have on its way is lost.
const MOVED_LINKS_MAX: usize = 1_024;

/// What nobody but this process can have said.
const NONCE: [u8; 16] = [0; 16];

/// What makes a link one that came through the front door.
#[derive(Component)]
pub(crate) struct WebLink {
    id: WebLinkId,
    sink: Arc<dyn LinkSink>,
    /// State views a second, 0 for none.
    pub(super) views_hz: u8,
    /// The number of what it has said and is being answered.
    answering: u64,
    /// The controls as they are held, until the next input.
    held: Option<u64>,
    /// Inputs that wait for a tick of their own.
    changes: VecDeque<u64>,
    /// Its connection is lost; it may come back. Whether it had a seat then.
    away: Option<bool>,
}

impl WebLink {
    pub(super) fn sink(&self) -> &dyn LinkSink {
        self.sink.as_ref()
    }

    /// Nothing is held any more.
    fn let_go(&mut self) {
        self.held = None;
        self.changes.clear();
    }
}

/// The links that came through the front door.
#[derive(Resource, Default)]
pub(crate) struct WebLinks {
    by_id: HashMap<WebLinkId, Entity, foldhash::fast::RandomState>,
    /// Those that were told or shown something in this turn, some of them more than once.
    told: Vec<Entity>,
    /// Those whose room went to another node a moment ago, and until when that counts.
    moved: VecDeque<(WebLinkId, PlayerId, Duration)>,
}

impl WebLinks {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// A link was told or shown something.
    pub(super) fn note_told(&mut self, link: Entity) {
        if self.told.last() != Some(&link) {
            self.told.push(link);
        }
    }
}

/// A link goes, for whatever reason.
pub(super) fn forget_web_link(
    removed: On<Remove<WebLink>>,
    links: Query<&WebLink>,
    mut known: ResMut<WebLinks>,
) {
    if let Ok(link) = links.get(removed.entity) {
        known.by_id.remove(&link.id);
    }
}

fn entity_of(world: &World, id: WebLinkId) -> Option<Entity> {
    world.resource::<WebLinks>().by_id.get(&id).copied()
}

/// Opens a link, if its ticket is good. A refusal is told to the sink, which is dropped then.
pub(super) fn open(world: &mut World, new: NewLink) {
    // Nobody waits for it any more; the ticket is good for the next try.
    if new.sink.is_gone() {
        return;
    }
    let refusal = match admissible(world, &new) {
        Ok(ticket) => return admit_link(world, new, ticket),
        Err(refusal) => refusal,
    };
    debug!(from = %new.from, %refusal, "a link is refused");
    let _ = new.sink.tell(&ToClient::Refused(refusal), 0);
}

fn admissible(world: &mut World, new: &NewLink) -> Result<Ticket, Refusal> {
    drain::check_door(world)?;
    let ticket = ticket::check(world, &new.ticket)?;
    if let Some(old) = admit::linked(world, &ticket) {
        if world.get::<Link>(old).is_some_and(|link| link.issued_at_s > ticket.issued_at_s) {
            return Err(Refusal::TicketReused);
        }
        // Who comes back takes no further place.
        admit::supersede(world, old);
        ticket::use_up(world, &ticket);
        return Ok(ticket);
    }
    let limit = world.resource::<ServerConfig>().clients_max;
    if world.query::<&Link>().iter(world).len() >= limit {
        return Err(Refusal::ServerFull { limit: limit as u32 });
    }
    ticket::use_up(world, &ticket);
    Ok(ticket)
}

fn admit_link(world: &mut World, new: NewLink, ticket: Ticket) {
    let now = world.resource::<Clock>().now();
    let player_entity = admit::player_of(world, &ticket);
    // The port is one of TCP: no datagram comes from it.
    let address = SocketAddr::new(new.from.ip(), 0);
    let stage = LinkStage::Greeting { nonce: NONCE, until: now + Duration::from_secs(1) };
    let link = Link::open(ticket, address, stage, (Entity::PLACEHOLDER, player_entity), now);
    let web = WebLink {
        id: new.link,
        sink: new.sink,
        views_hz: new.views_hz,
        answering: 0,
        held: None,
        changes: VecDeque::with_capacity(CHANGES_WAITING_MAX),
        away: None,
    };
    let entity = world.spawn((link, web)).id();
    world.resource_mut::<WebLinks>().by_id.insert(new.link, entity);
    if let Some(mut player) = world.get_mut::<Player>(player_entity) {
        player.link = Some(entity);
    }
    world.resource_mut::<Counters>().links_opened += 1;
    // Neither version nor nonce can be wrong.
    let _ = admit::admit(world, entity, PROTOCOL_VERSION, NONCE, Vec::new());
}

/// A link is closed because its room goes on at another node: what it has on its way here is for that one.
pub(crate) fn note_moved(world: &mut World, entity: Entity) {
    let now = world.resource::<Clock>().now();
    let found = world.get::<WebLink>(entity).map(|web| web.id);
    let (Some(id), Some(player)) = (found, world.get::<Link>(entity).map(|link| link.player)) else { return };
    let mut known = world.resource_mut::<WebLinks>();
    while known.moved.front().is_some_and(|(.., until)| *until <= now) {
        known.moved.pop_front();
    }
    if known.moved.len() < MOVED_LINKS_MAX {
        known.moved.push_back((id, player, now + MOVED_LINK_LIFE));
    }
}

/// Whose a link was that has moved, for a moment.
fn moved_player(world: &World, id: WebLinkId) -> Option<PlayerId> {
    let moved = &world.resource::<WebLinks>().moved;
    moved.iter().find(|(moved, ..)| *moved == id).map(|(_, player, _)| *player)
}

/// Hears what a link says. Every rule for links holds: how much, from whom, and in which phase.
pub(super) fn say(world: &mut World, id: WebLinkId, number: u64, message: &ToServer) {
    if let Some(player) = moved_player(world, id) {
        return moves::say_after(world, player, message.encode());
    }
    let Some(entity) = entity_of(world, id) else { return };
    if let Some(mut web) = world.get_mut::<WebLink>(entity) {
        web.answering = number;
    }
    control::hear(world, entity, &message.encode());
    if let Some(mut web) = world.get_mut::<WebLink>(entity) {
        web.answering = 0;
    }
}

/// Whether a link may open the room that it wants to join.
pub(super) fn may_open(world: &mut World, id: WebLinkId, join: &JoinRoom) -> bool {
    entity_of(world, id).is_some_and(|link| rooms::may_open(world, link, join))
}

/// Keeps what a player does for its tick, or until the next input.
pub(super) fn input(world: &mut World, id: WebLinkId, input: WebInput) {
    let now = world.resource::<Clock>().now();
    let Some(entity) = entity_of(world, id) else { return };
    let seat = world.get::<Link>(entity).and_then(|link| link.seat);
    let Some(seat) = seat.filter(|seat| world.get::<SeatPlay>(*seat).is_some()) else {
        // Between matches a key may be let go, or pressed for the next.
        if let Some(mut web) = world.get_mut::<WebLink>(entity)
            && input.tick.is_none()
        {
            web.let_go();
            web.held = Some(input.bits);
        }
        return;
    };
    let Some(mut play) = world.get_mut::<SeatPlay>(seat) else { return };
    let bits = input.bits & input_mask(play.input_bits);
    if let Some(tick) = input.tick {
        if play.last.is_none_or(|(last, _)| last != bits) {
            play.acted_at = now;
        }
        play.note_web_arrival(tick, now);
        let inserted = play.inputs.insert(tick, bits);
        let mut counters = world.resource_mut::<Counters>();
        match inserted {
            Inserted::Late => counters.inputs_late += 1,
            Inserted::Early => counters.inputs_early += 1,
            Inserted::New | Inserted::Again => {}
        }
        return;
    }
    let Some(mut web) = world.get_mut::<WebLink>(entity) else { return };
    if web.changes.back().copied().or(web.held) == Some(bits) {
        return;
    }
    if web.changes.len() == CHANGES_WAITING_MAX {
        web.changes.pop_back();
    }
    web.changes.push_back(bits);
    if let Some(mut play) = world.get_mut::<SeatPlay>(seat) {
        play.acted_at = now;
        let next = play.inputs.next();
        play.note_web_arrival(next, now);
    }
}

/// A link has left its place: what its player held down there is let go.
pub(crate) fn let_go(world: &mut World, entity: Entity) {
    if let Some(mut web) = world.get_mut::<WebLink>(entity) {
        web.let_go();
    }
}

/// Shows a link its room and its match again.
pub(super) fn sync(world: &mut World, id: WebLinkId) {
    if let Some(entity) = entity_of(world, id) {
        seating::resume_seat(world, entity);
    }
}

/// The connection of a link is lost: its seat is held, and it does nothing there.
pub(super) fn leave(world: &mut World, id: WebLinkId) {
    let now = world.resource::<Clock>().now();
    let Some(entity) = entity_of(world, id) else { return };
    let Some(mut link) = world.get_mut::<Link>(entity) else { return };
    let seat = link.seat.take();
    if let Some(mut web) = world.get_mut::<WebLink>(entity) {
        web.let_go();
        web.away = Some(seat.is_some());
    }
    let Some(seat) = seat else { return };
    if let Some(mut seat) = world.get_mut::<Seat>(seat) {
        (seat.link, seat.lost_at) = (None, Some(now));
    }
    seating::hold_seat(world, seat);
}

/// The link of a player whose connection is lost and may come back.
pub(crate) fn away_link(world: &World, player: PlayerId) -> Option<Entity> {
    let player = world.get::<Player>(world.resource::<Players>().get(player)?)?;
    player.link.filter(|link| world.get::<WebLink>(*link).is_some_and(|web| web.away.is_some()))
}

/// Whether a link came through the front door.
pub(crate) fn is_web(world: &World, entity: Entity) -> bool {
    world.get::<WebLink>(entity).is_some()
}

/// The connection is there again: the seat is resumed, if it is still held.
pub(super) fn come_back(world: &mut World, id: WebLinkId) {
    let Some(entity) = entity_of(world, id) else { return };
    let Some(had_seat) = world.get_mut::<WebLink>(entity).and_then(|mut web| web.away.take()) else { return };
    seating::resume_seat(world, entity);
    if had_seat && world.get::<Link>(entity).is_some_and(|link| link.seat.is_none()) {
        tell(world, entity, &ToClient::Left { reason: LeftReason::Lost });
    }
}

/// A link is gone; its seat is held.
pub(super) fn close(world: &mut World, id: WebLinkId) {
    if let Some(entity) = entity_of(world, id) {
        admit::drop_link(world, entity);
    }
}

/// Tells a link that came through the front door; `false` if it did not.
pub(crate) fn tell(world: &mut World, entity: Entity, message: &ToClient) -> bool {
    let Some(web) = world.get::<WebLink>(entity) else { return false };
    let is_told = web.sink.tell(message, web.answering);
    world.resource_mut::<WebLinks>().note_told(entity);
    if !is_told && let Some(mut link) = world.get_mut::<Link>(entity) {
        // A client that takes nothing is not told why by us; it is gone at the end of this pump.
        let before = std::mem::replace(&mut link.stage, LinkStage::Closing { until: Duration::ZERO });
        world.resource_mut::<BusyLinks>().waiting.insert(entity);
        world.resource_mut::<Counters>().links_too_slow +=
            u64::from(!matches!(before, LinkStage::Closing { .. }));
    }
    true
}

/// Lets go what links were told and shown in this turn: whoever passes it on is woken once, and finds all of it.
pub(super) fn let_told_go(mut known: ResMut<WebLinks>, links: Query<&WebLink>) {
    for link in known.told.drain(..) {
        if let Ok(web) = links.get(link) {
            web.sink.let_go();
        }
    }
}

/// How much of a link's queue is used, in thousandths; `None` for links over UDP.
pub(crate) fn waiting_share(world: &World, entity: Entity) -> Option<usize> {
    let sink = world.get::<WebLink>(entity)?.sink();
    let capacity = sink.capacity().max(1);
    Some(capacity.saturating_sub(sink.room()) * 1_000 / capacity)
}

/// Acts for the seats of due rooms whose players came through the front door: their controls go on until they change,
/// and they need no frames.
pub(super) fn act_for_web_seats(
    due: Res<DueRooms>,
    known: Res<WebLinks>,
    rooms: Query<(&Stage, Option<&Seats>)>,
    mut seats: Query<(&Seat, &mut SeatPlay)>,
    mut links: Query<&mut WebLink>,
    clock: Res<Clock>,
) {
    if known.is_empty() {
        return;
    }
    let now = clock.now();
    for &room in &due.due {
        let Ok((stage, taken)) = rooms.get(room) else { continue };
        // A room that was put down for an earlier match; its own time comes.
        if stage.timing.due > now {
            continue;
        }
        for entity in Seats::entities(taken) {
            let Ok((seat, mut play)) = seats.get_mut(entity) else { continue };
            let Some(Ok(mut link)) = seat.link.map(|link| links.get_mut(link)) else { continue };
            needs_no_frames(&mut play, stage.tick());
            if seat.index == SPECTATOR_SEAT || stage.is_over() {
                continue;
            }
            if let Some(bits) = link.changes.pop_front() {
                link.held = Some(bits);
            }
            // Who has pressed nothing yet is there all the same, and holds up nobody.
            let bits = link.held.unwrap_or(0);
            let (next, mask) = (play.inputs.next(), input_mask(play.input_bits));
            let _ = play.inputs.insert(next, bits & mask);
        }
    }
}

/// Whoever is shown states has every frame and is owed no snapshot.
fn needs_no_frames(play: &mut SeatPlay, next: Tick) {
    play.acked = next;
    play.snapshot_owed = false;
}

#[cfg(test)]
mod tests;
