//! `AdmitPlugin`: connections become links, links become admitted players, and go again.

use std::net::SocketAddr;
use std::time::Duration;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{Entity, IntoScheduleConfigs, QueryState, World};
use framekeep_link::{LinkFault, QuietRenet};
use framekeep_protocol::{
    CloseReason, GameRules, LeftReason, PROTOCOL_VERSION, Refusal, SPECTATOR_SEAT, Side, Ticket, ToClient,
};
use tracing::debug;

use crate::deadlines::Due;
use crate::limits::{HELLO_TIMEOUT, LINGER, SLOW_LINGER};
use crate::link::{BusyLinks, Control};
use crate::player::{Player, Players};
use crate::seat::SeatOf;
use crate::shard::Arrival;
use crate::ticket::{TicketRefused, UsedTickets};
use crate::{
    Clock, Counters, Dispatch, Games, Link, LinkStage, NodeKey, Pump, Rooms, Seat, SeatPlay, ServerConfig,
    ServerSystems, Shard, Stage, events, moves, rooms, seating,
};

/// Connections become links, links become admitted players, and go again.
pub(crate) struct AdmitPlugin;

impl Plugin for AdmitPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<UsedTickets>().init_resource::<Players>().add_systems(
            Pump,
            (admit_arrivals, crate::control::hear_links, events::send_views, close_waiting)
                .chain()
                .in_set(ServerSystems::Admit),
        );
    }
}

/// Turns what the shards saw of connections into links, and empties their inboxes.
fn admit_arrivals(world: &mut World, shards: &mut QueryState<(Entity, &mut Shard)>) {
    let mut arrivals = Vec::new();
    for (entity, mut shard) in shards.iter_mut(world) {
        if shard.arrivals.is_empty() && !shard.has_inbox() {
            continue;
        }
        for arrival in std::mem::take(&mut shard.arrivals) {
            match arrival {
                Arrival::Payload { .. } => {}
                Arrival::Answered { from } => arrivals.push((entity, Coming::Answered(from))),
                Arrival::Unanswered { from, range } => {
                    let request = shard.inbox_bytes(&range).to_vec();
                    arrivals.push((entity, Coming::Unanswered(from, request)));
                }
                Arrival::Connected { client_id, from, user_data } => {
                    arrivals.push((entity, Coming::Connected(client_id, from, user_data)));
                }
                Arrival::Disconnected { link, from } => arrivals.push((entity, Coming::Gone(link, from))),
            }
        }
        shard.clear_inbox();
    }
    for (shard, coming) in arrivals {
        match coming {
            Coming::Connected(client_id, from, user_data) => {
                connect(world, shard, client_id, from, &user_data)
            }
            Coming::Gone(link, from) => {
                world.resource_mut::<Dispatch>().forget(from);
                if let Some(link) = link {
                    drop_link(world, link);
                }
            }
            Coming::Answered(from) => world.resource_mut::<Dispatch>().answered(from),
            Coming::Unanswered(from, request) => try_another_shard(world, shard, from, &request),
        }
    }
}

enum Coming {
    Connected(u64, SocketAddr, Box<[u8; 256]>),
    Gone(Option<Entity>, SocketAddr),
    Answered(SocketAddr),
    Unanswered(SocketAddr, Vec<u8>),
}

/// netcode does not answer a player who is linked in the same shard. A newer ticket may take that link over, so
/// the request gets to see one other shard.
fn try_another_shard(world: &mut World, shard: Entity, from: SocketAddr, request: &[u8]) {
    let clients_max = world.resource::<ServerConfig>().shard_clients_max;
    let mut shards = world.query::<(Entity, &Shard)>();
    let other = shards
        .iter(world)
        .filter(|(entity, other)| *entity != shard && other.load() < clients_max)
        .min_by_key(|(entity, other)| (other.load(), *entity))
        .map(|(entity, _)| entity);
    let left = other.and_then(|other| world.resource_mut::<Dispatch>().reroute(from, other));
    let (Some(other), Some(left)) = (other, left) else {
        // Nobody answers it: forged, expired, or for a player who is linked. It keeps no place.
        world.resource_mut::<Counters>().requests_refused += 1;
        if world.resource_mut::<Dispatch>().give_up(from)
            && let Some(mut shard) = world.get_mut::<Shard>(shard)
        {
            shard.give_up_link();
        }
        return;
    };
    if let Some(mut left) = world.get_mut::<Shard>(left) {
        left.give_up_link();
    }
    if let Some(mut other) = world.get_mut::<Shard>(other) {
        other.expect_link();
        other.enqueue(from, None, request);
    }
}

/// A netcode connection is made: checks its ticket and greets it.
fn connect(world: &mut World, shard: Entity, client_id: u64, from: SocketAddr, user_data: &[u8; 256]) {
    let now = world.resource::<Clock>().now();
    let redeemed = world.resource_scope(|world, mut used: bevy_ecs::prelude::Mut<'_, UsedTickets>| {
        used.redeem(world.resource::<NodeKey>(), user_data, client_id, now)
    });
    let ticket = match redeemed {
        Ok(ticket) => ticket,
        Err(refused) => {
            world.resource_mut::<Counters>().tickets_refused += 1;
            debug!(%from, %refused, "a connection is refused");
            refuse_connection(world, shard, client_id, from, refused);
            return;
        }
    };
    if let Some(old) = linked(world, &ticket) {
        if world.get::<Link>(old).is_some_and(|link| link.issued_at_s > ticket.issued_at_s) {
            refuse_connection(world, shard, client_id, from, TicketRefused::Reused);
            return;
        }
        supersede(world, old);
    }
    open_link(world, shard, from, ticket, now);
}

/// Another link of its player takes a link over. The new one may yet fail its greeting: until then the seat is held
/// like any other.
pub(crate) fn supersede(world: &mut World, old: Entity) {
    close_link(world, old, CloseReason::TakenOver);
    if let Some(seat) = detach(world, old) {
        seating::hold_seat(world, seat);
    }
}

pub(crate) fn linked(world: &World, ticket: &Ticket) -> Option<Entity> {
    let player = world.resource::<Players>().get(ticket.player)?;
    world.get::<Player>(player)?.link
}

/// Tells a client why it is refused, as far as netcode lets it be heard, and ends the connection.
fn refuse_connection(
    world: &mut World,
    shard: Entity,
    client_id: u64,
    from: SocketAddr,
    refused: TicketRefused,
) {
    let refusal = match refused {
        TicketRefused::Reused => Refusal::TicketReused,
        TicketRefused::Expired { ago_s } => Refusal::TicketExpired { ago_s },
        TicketRefused::Malformed | TicketRefused::Forged | TicketRefused::Foreign => Refusal::TicketForeign,
    };
    let now = world.resource::<Clock>().now();
    if let Some(mut shard) = world.get_mut::<Shard>(shard) {
        let mut control = QuietRenet::new(Side::Server);
        if control.send(framekeep_protocol::CONTROL, ToClient::Refused(refusal).encode()).is_ok() {
            control.transmit(now, |payload| shard.push(client_id, payload));
            shard.seal();
        }
        shard.disconnect(client_id);
    }
    world.resource_mut::<Dispatch>().forget(from);
}

fn open_link(world: &mut World, shard: Entity, from: SocketAddr, ticket: Ticket, now: Duration) {
    let mut nonce = [0; 16];
    if getrandom::fill(&mut nonce).is_err() {
        return;
    }
    let player_entity = player_of(world, &ticket);
    let until = now + HELLO_TIMEOUT;
    let player = ticket.player;
    let link = Link::open(ticket, from, LinkStage::Greeting { nonce, until }, (shard, player_entity), now);
    let entity = world.spawn((link, Control(QuietRenet::new(Side::Server), [0; 2]))).id();
    if let Some(mut player) = world.get_mut::<Player>(player_entity) {
        player.link = Some(entity);
    }
    if let Some(mut shard) = world.get_mut::<Shard>(shard) {
        shard.adopt(player.0, entity);
    }
    world.resource_mut::<Dispatch>().link(from, entity);
    world.resource_mut::<BusyLinks>().waiting.insert(entity);
    world.resource_mut::<Counters>().links_opened += 1;
    let server = world.resource::<ServerConfig>().name.clone();
    tell(world, entity, &ToClient::Welcome { protocol_version: PROTOCOL_VERSION, nonce, server });
}

pub(crate) fn player_of(world: &mut World, ticket: &Ticket) -> Entity {
    if let Some(entity) = world.resource::<Players>().get(ticket.player) {
        return entity;
    }
    let player = Player { id: ticket.player, name: ticket.name.clone(), link: None, seat: None };
    let entity = world.spawn(player).id();
    world.resource_mut::<Players>().by_id.insert(ticket.player, entity);
    entity
}

/// Queues a control message. A link that does not drain is closed when its lane says so.
pub(crate) fn tell(world: &mut World, link: Entity, message: &ToClient) {
    if crate::gate::tell(world, link, message) {
        return;
    }
    if let Some(mut control) = world.get_mut::<Control>(link) {
        // A lane that is full has a fault from now on, for which the link is closed in `close_waiting`.
        let _ = control.0.send(framekeep_protocol::CONTROL, message.encode());
        world.resource_mut::<BusyLinks>().links.insert(link);
    }
}

/// A `Hello`: checks nonce, version and rules, and admits the link.
pub(crate) fn admit(
    world: &mut World,
    entity: Entity,
    version: u16,
    nonce: [u8; 16],
    games: Vec<GameRules>,
) -> Result<(), Refusal> {
    let Some(mut link) = world.get_mut::<Link>(entity) else { return Ok(()) };
    let LinkStage::Greeting { nonce: expected, .. } = link.stage else { return Err(Refusal::BadMessage) };
    if version != PROTOCOL_VERSION {
        return Err(Refusal::WrongVersion { server: PROTOCOL_VERSION, client: version });
    }
    if nonce != expected {
        return Err(Refusal::BadNonce);
    }
    let games: Vec<_> = games.into_iter().map(|game| (game.name, game.fingerprint)).collect();
    link.stage = LinkStage::Admitted { games: games.clone() };
    let (player, address) = (link.player, link.address);
    world.resource_mut::<BusyLinks>().waiting.remove(&entity);
    let known = world.resource::<Games>();
    for (game, client) in games {
        if let Some(server) = known.fingerprint(&game)
            && server != client
        {
            return Err(Refusal::WrongRules { game, server, client });
        }
    }
    debug!(player = player.0, %address, "a player is admitted");
    tell(world, entity, &ToClient::Admitted { player });
    let idle_at = world.resource::<Clock>().now() + world.resource::<ServerConfig>().idle_kick;
    world.resource_mut::<Rooms>().deadlines.put(idle_at, Due::LinkIdle, entity);
    seating::resume_seat(world, entity);
    moves::send_after(world, entity);
    Ok(())
}

/// Says good-bye; the connection ends when the words had time to arrive.
pub(crate) fn close_link(world: &mut World, entity: Entity, reason: CloseReason) {
    tell(world, entity, &ToClient::Closing { reason });
    linger(world, entity);
}

/// Hears no more of a link and ends it when its last words had time to arrive.
pub(crate) fn linger(world: &mut World, entity: Entity) {
    linger_for(world, entity, LINGER);
}

fn linger_for(world: &mut World, entity: Entity, time: Duration) {
    let until = world.resource::<Clock>().now() + time;
    let Some(mut link) = world.get_mut::<Link>(entity) else { return };
    link.stage = LinkStage::Closing { until };
    world.resource_mut::<BusyLinks>().waiting.insert(entity);
}

/// Closes a link whose player has done nothing for too long, or looks again when that would be.
pub(crate) fn close_if_idle(world: &mut World, entity: Entity) {
    let idle_max = world.resource::<ServerConfig>().idle_kick;
    let now = world.resource::<Clock>().now();
    let Some(link) = world.get::<Link>(entity) else { return };
    if idle_max.is_zero() || matches!(link.stage, LinkStage::Closing { .. }) {
        return;
    }
    let acted_at = link.seat.and_then(|seat| world.get::<SeatPlay>(seat)).map(|play| play.acted_at);
    let until = link.active_at.max(acted_at.unwrap_or_default()) + idle_max;
    if until > now {
        world.resource_mut::<Rooms>().deadlines.put(until, Due::LinkIdle, entity);
        return;
    }
    if watches_a_match(world, entity) {
        // Who watches has nothing to do; the time counts from the end of the match.
        if let Some(mut link) = world.get_mut::<Link>(entity) {
            link.active_at = now;
        }
        world.resource_mut::<Rooms>().deadlines.put(now + idle_max, Due::LinkIdle, entity);
        return;
    }
    debug!(player = link.player.0, "a player has done nothing for too long");
    world.resource_mut::<Counters>().links_idle += 1;
    if let Some(seat) = link_seat(world, entity) {
        rooms::free_seat(world, seat, LeftReason::Idle);
    }
    close_link(world, entity, CloseReason::Idle);
}

fn watches_a_match(world: &World, link: Entity) -> bool {
    let Some(seat) = link_seat(world, link) else { return false };
    world.get::<Seat>(seat).is_some_and(|seat| seat.index == SPECTATOR_SEAT)
        && world.get::<SeatOf>(seat).is_some_and(|room| world.get::<Stage>(room.0).is_some())
}

fn link_seat(world: &World, link: Entity) -> Option<Entity> {
    world.get::<Link>(link)?.seat
}

/// Separates a link from its player and seat, which both stay; gives the seat.
pub(crate) fn detach(world: &mut World, entity: Entity) -> Option<Entity> {
    let now = world.resource::<Clock>().now();
    let mut link = world.get_mut::<Link>(entity)?;
    let (seat, player) = (link.seat.take(), link.player_entity);
    if let Some(mut seat) = seat.and_then(|seat| world.get_mut::<Seat>(seat))
        && seat.link == Some(entity)
    {
        seat.link = None;
        seat.lost_at = Some(now);
    }
    if let Some(mut player) = world.get_mut::<Player>(player)
        && player.link == Some(entity)
    {
        player.link = None;
    }
    seat
}

/// Removes a link whose connection is gone; its seat is held.
pub(crate) fn drop_link(world: &mut World, entity: Entity) {
    let Some(link) = world.get::<Link>(entity) else { return };
    let (seat, player, player_id, shard, address) =
        (link.seat, link.player_entity, link.player, link.shard, link.address);
    detach(world, entity);
    if let Some(mut shard) = world.get_mut::<Shard>(shard) {
        shard.forget(player_id.0);
    }
    world.resource_mut::<Dispatch>().forget(address);
    world.despawn(entity);
    world.resource_mut::<Rooms>().deadlines.forget(entity);
    let mut busy = world.resource_mut::<BusyLinks>();
    busy.links.remove(&entity);
    busy.waiting.remove(&entity);
    world.resource_mut::<Counters>().links_closed += 1;
    match seat {
        Some(seat) => seating::hold_seat(world, seat),
        None => forget_player(world, player),
    }
}

/// Forgets a player who has neither link nor seat.
pub(crate) fn forget_player(world: &mut World, entity: Entity) {
    let Some(player) = world.get::<Player>(entity) else { return };
    if player.link.is_none() && player.seat.is_none() {
        let id = player.id;
        world.despawn(entity);
        world.resource_mut::<Players>().by_id.remove(&id);
    }
}

/// Ends links whose greeting took too long, whose last words had their time, or whose reliable lane is stuck.
fn close_waiting(world: &mut World) {
    let now = world.resource::<Clock>().now();
    let mut over = Vec::new();
    let busy = world.resource::<BusyLinks>();
    for &entity in &busy.waiting {
        match world.get::<Link>(entity).map(|link| &link.stage) {
            Some(LinkStage::Greeting { until, .. } | LinkStage::Closing { until }) if now < *until => {}
            Some(LinkStage::Admitted { .. }) => {}
            _ => over.push(entity),
        }
    }
    let is_faulty = |&link: &Entity| world.get::<Control>(link).is_some_and(|lane| lane.0.fault().is_some());
    let faulty: Vec<Entity> = busy.links.iter().copied().filter(is_faulty).collect();
    for entity in faulty {
        if !say_too_slow(world, entity) {
            over.push(entity);
        }
    }
    for entity in over {
        let Some(link) = world.get::<Link>(entity) else {
            world.resource_mut::<BusyLinks>().waiting.remove(&entity);
            continue;
        };
        let (shard, player, stage) = (link.shard, link.player, link.stage.clone());
        if matches!(stage, LinkStage::Greeting { .. }) {
            world.resource_mut::<Counters>().handshakes_timed_out += 1;
        }
        debug!(player = player.0, "a link is closed");
        if let Some(mut shard) = world.get_mut::<Shard>(shard) {
            shard.disconnect(player.0);
        }
        drop_link(world, entity);
    }
}

/// A link whose reliable lane takes nothing more is told so, once, in place of what waited; tells whether it can be.
fn say_too_slow(world: &mut World, entity: Entity) -> bool {
    let Some(link) = world.get::<Link>(entity) else { return false };
    let (player, is_closing) = (link.player.0, matches!(link.stage, LinkStage::Closing { .. }));
    let Some(mut control) = world.get_mut::<Control>(entity) else { return false };
    let Some(fault) = control.0.fault().cloned() else { return true };
    debug!(player, %fault, "the reliable lane of a link is stuck");
    if is_closing || !matches!(fault, LinkFault::NotDraining { .. }) {
        return false;
    }
    let words = ToClient::Closing { reason: CloseReason::TooSlow }.encode();
    let is_said = control.0.send_last(framekeep_protocol::CONTROL, words).is_ok();
    world.resource_mut::<Counters>().links_too_slow += 1;
    if is_said {
        linger_for(world, entity, SLOW_LINGER);
    }
    is_said
}

#[cfg(test)]
mod tests;
