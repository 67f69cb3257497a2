//! `TransportPlugin`: from the socket to the links, and back.

use std::time::Duration;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{Commands, Entity, IntoScheduleConfigs, Local, NonSendMut, Query, Res, ResMut};
use framekeep_protocol::{InputHead, PayloadFault, decode_inputs, is_hot, peek_epoch};
use tracing::{error, info};

use crate::dispatch::Route;
use crate::input_buffer::Inserted;
use crate::limits::DATAGRAMS_PER_PUMP_MAX;
use crate::link::{BusyLinks, Control};
use crate::log_budget::LogBudget;
use crate::shard::Arrival;
use crate::wire::{SocketHealth, Wire};
use crate::{
    Clock, Counters, Dispatch, Fault, Faults, Link, LinkStage, NodeKey, Pump, SeatPlay, ServerConfig,
    ServerSystems,
};
use crate::{Shard, Socket, Timings};

/// From the socket to the links, and back: guard, netcode, hot lane, renet.
pub(crate) struct TransportPlugin;

impl Plugin for TransportPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Dispatch>()
            .init_resource::<BusyLinks>()
            .init_resource::<SocketHealth>()
            .add_systems(Pump, (drain_socket, open_datagrams, deliver).chain().in_set(ServerSystems::Receive))
            .add_systems(
                Pump,
                (send_control, seal_datagrams, flush_socket).chain().in_set(ServerSystems::Send),
            );
    }
}

/// Takes datagrams from the socket, applies the guard and hands each to its shard.
fn drain_socket(
    mut socket: NonSendMut<Socket>,
    mut dispatch: ResMut<Dispatch>,
    mut shards: Query<(Entity, &mut Shard)>,
    mut counters: ResMut<Counters>,
    (mut log, mut health, mut faults): (ResMut<LogBudget>, ResMut<SocketHealth>, ResMut<Faults>),
    clock: Res<Clock>,
    config: Res<ServerConfig>,
    key: Res<NodeKey>,
    mut commands: Commands,
) {
    let now = clock.now();
    let Socket(wire) = &mut *socket;
    if health.take_reopen(now) {
        reopen(wire.as_mut(), &mut health, &mut counters, now);
    }
    if !health.is_usable() {
        return;
    }
    let address = wire.local_addr();
    let mut short_of_shards = false;
    let result = wire.receive(DATAGRAMS_PER_PUMP_MAX, &mut |from, datagram| {
        counters.datagrams_in += 1;
        counters.bytes_in += datagram.len() as u64;
        match dispatch.route(from, datagram, now, &mut counters) {
            Route::To(shard, link) => {
                if let Ok((_, mut shard)) = shards.get_mut(shard) {
                    shard.enqueue(from, link, datagram);
                }
            }
            Route::New => match least_loaded(&shards, config.shard_clients_max, None) {
                Some(entity) => {
                    dispatch.begin(from, entity, now);
                    if let Ok((_, mut shard)) = shards.get_mut(entity) {
                        shard.expect_link();
                        shard.enqueue(from, None, datagram);
                    }
                }
                // The client asks again in a quarter of a second; then there is one.
                None => short_of_shards = true,
            },
            Route::Refused => {}
        }
    });
    match result {
        Ok(_) => health.note_success(),
        Err(error) => {
            if log.take(now) {
                error!(%error, "the UDP socket cannot be read and is opened anew");
            }
            faults.note_node(Fault::Socket(error.to_string()));
            health.note_failure(now, u64::from(address.port()));
        }
    }
    dispatch.sweep(now, &mut counters, |shard| {
        if let Ok((_, mut shard)) = shards.get_mut(shard) {
            shard.give_up_link();
        }
    });
    let shards_max = config.clients_max.div_ceil(config.shard_clients_max).max(2);
    if short_of_shards && shards.iter().len() < shards_max {
        let public = public_addresses(&config, address);
        commands.spawn(Shard::new(&key, &public, &config, now));
    }
}

/// Opens a socket that has failed anew, or says when to try again.
fn reopen(wire: &mut dyn Wire, health: &mut SocketHealth, counters: &mut Counters, now: Duration) {
    match wire.reopen() {
        Ok(()) => {
            info!(udp = %wire.local_addr(), "the UDP socket is open again");
            counters.sockets_reopened += 1;
        }
        Err(error) => {
            error!(%error, "the UDP socket cannot be opened anew; it is tried again");
            health.note_failure(now, u64::from(wire.local_addr().port()));
        }
    }
}

/// The addresses under which clients know this node.
pub(crate) fn public_addresses(
    config: &ServerConfig,
    local: std::net::SocketAddr,
) -> Vec<std::net::SocketAddr> {
    let mut addresses = config.public.clone();
    addresses.push(local);
    addresses
}

/// The shard with the fewest links that has room for one more.
fn least_loaded(
    shards: &Query<(Entity, &mut Shard)>,
    clients_max: usize,
    not: Option<Entity>,
) -> Option<Entity> {
    shards
        .iter()
        .filter(|(entity, shard)| Some(*entity) != not && shard.load() < clients_max)
        .min_by_key(|(entity, shard)| (shard.load(), *entity))
        .map(|(entity, _)| entity)
}

/// Opens what arrived, on all cores.
fn open_datagrams(mut shards: Query<&mut Shard>, clock: Res<Clock>) {
    let now = clock.now();
    shards.par_iter_mut().for_each(|mut shard| shard.open(now));
}

/// Hands payloads to seats and links. Connections come and go in the `Admit` systems.
pub(crate) fn deliver(
    mut shards: Query<(Entity, &mut Shard)>,
    links: Query<&Link>,
    mut controls: Query<&mut Control>,
    mut seats: Query<&mut SeatPlay>,
    mut busy: ResMut<BusyLinks>,
    mut counters: ResMut<Counters>,
    mut faults: ResMut<Faults>,
    mut timings: ResMut<Timings>,
    clock: Res<Clock>,
    mut scratch: Local<Vec<u64>>,
) {
    let now = clock.now();
    for (_, shard) in &shards {
        for arrival in &shard.arrivals {
            let Arrival::Payload { link: entity, range } = arrival else { continue };
            let payload = shard.inbox_bytes(range);
            let Ok(link) = links.get(*entity) else { continue };
            if !is_hot(payload) {
                counters.control_bytes[0] += payload.len() as u64;
                if let Err(fault) = receive_control(*entity, payload, &mut controls, &mut busy, now) {
                    counters.payloads_refused.add(fault.index());
                    faults.note(*entity, fault);
                }
                continue;
            }
            counters.hot_bytes[0] += payload.len() as u64;
            let seat = link.seat.and_then(|seat| seats.get_mut(seat).ok());
            match (&link.stage, seat) {
                (LinkStage::Admitted { .. }, Some(mut seat)) => {
                    seat.traffic[0] += payload.len() as u64;
                    let told = (&mut *counters, &mut *timings);
                    let received = receive_inputs(payload, &mut seat, &mut scratch, told, now);
                    let Err(fault) = received else { continue };
                    counters.hot_malformed += 1;
                    if now >= seat.judged_from {
                        faults.note(*entity, fault);
                    }
                }
                _ => counters.hot_stray += 1,
            }
        }
    }
    for (_, mut shard) in &mut shards {
        counters.decoder_panics += std::mem::take(&mut shard.panics);
    }
}

fn receive_control(
    entity: Entity,
    payload: &[u8],
    controls: &mut Query<&mut Control>,
    busy: &mut BusyLinks,
    now: Duration,
) -> Result<(), PayloadFault> {
    let Ok(mut control) = controls.get_mut(entity) else { return Ok(()) };
    busy.links.insert(entity);
    control.1[0] += payload.len() as u64;
    control.0.receive(now, payload).map(|_| ())
}

fn receive_inputs(
    payload: &[u8],
    seat: &mut SeatPlay,
    scratch: &mut Vec<u64>,
    (counters, timings): (&mut Counters, &mut Timings),
    now: Duration,
) -> Result<(), Fault> {
    // Inputs of another match may be of another size.
    if peek_epoch(payload) != Some(seat.epoch) {
        counters.hot_stray += 1;
        return Ok(());
    }
    let InputHead { newest, ack, hash, gap, .. } =
        decode_inputs(payload, seat.input_bits, seat.inputs.next(), scratch)?;
    // An acknowledgement of frames that do not exist yet is a lie; the rest of the packet is not trusted either.
    if ack > seat.inputs.next() {
        return Err(Fault::AckAhead { ack, next: seat.inputs.next() });
    }
    counters.hot_received += 1;
    let age = seat.age_of(ack, now);
    if let Some(age) = age {
        timings.ack_us.record(age.as_micros() as u64);
    }
    let missing = seat.packets_missing(newest);
    seat.way.note(age, missing);
    counters.packets_lost[0] += u64::from(missing);
    counters.packets_lost[1] += u64::from(seat.note_ack(newest, ack));
    if gap {
        seat.note_gap(now);
    }
    if let Some(hash) = hash
        && seat.claim.is_none_or(|(tick, _)| ack > tick)
    {
        seat.claim = Some((ack, hash));
    }
    // The reader has seen to it that a packet holds no inputs of ticks before 0.
    let oldest = (newest.0 + 1).saturating_sub(scratch.len() as u32);
    let mut any_new = false;
    for (tick, &bits) in (oldest..).zip(scratch.iter()) {
        match seat.inputs.insert(framekeep_sim::Tick(tick), bits) {
            Inserted::New => {
                any_new = true;
                if seat.last.is_some_and(|(last, _)| last != bits) {
                    seat.acted_at = now;
                }
            }
            Inserted::Again => {}
            Inserted::Late => counters.inputs_late += u64::from(seat.is_first_sight(tick)),
            Inserted::Early => counters.inputs_early += 1,
        }
    }
    if any_new || !scratch.is_empty() {
        seat.note_arrival(newest, now);
    }
    Ok(())
}

/// Sends what the reliable lanes have to say; silent lanes cost nothing.
fn send_control(
    mut busy: ResMut<BusyLinks>,
    mut controls: Query<(&Link, &mut Control)>,
    mut shards: Query<&mut Shard>,
    mut counters: ResMut<Counters>,
    clock: Res<Clock>,
) {
    let now = clock.now();
    busy.links.retain(|&entity| {
        let Ok((link, mut control)) = controls.get_mut(entity) else { return false };
        if control.0.wants_to_send(now)
            && let Ok(mut shard) = shards.get_mut(link.shard)
        {
            let mut sent = 0;
            control.0.transmit(now, |payload| {
                sent += payload.len() as u64;
                shard.push(link.player.0, payload);
            });
            counters.control_bytes[1] += sent;
            control.1[1] += sent;
        }
        !control.0.is_idle()
    });
}

/// Seals what is to be sent, on all cores.
fn seal_datagrams(mut shards: Query<&mut Shard>) {
    shards.par_iter_mut().for_each(|mut shard| {
        if shard.has_unsealed() {
            shard.seal();
        }
    });
}

/// Hands sealed datagrams to the socket.
fn flush_socket(
    mut socket: NonSendMut<Socket>,
    mut shards: Query<&mut Shard>,
    mut counters: ResMut<Counters>,
    (mut log, mut health, mut faults): (ResMut<LogBudget>, ResMut<SocketHealth>, ResMut<Faults>),
    clock: Res<Clock>,
) {
    for mut shard in &mut shards {
        if shard.sealed.is_empty() {
            continue;
        }
        if !health.is_usable() {
            counters.datagrams_unsent += shard.sealed.len() as u64;
            shard.sealed.clear();
            continue;
        }
        counters.datagrams_out += shard.sealed.len() as u64;
        counters.bytes_out += shard.sealed.byte_count() as u64;
        match socket.0.send(&shard.sealed) {
            Ok(unsent) => counters.datagrams_unsent += unsent as u64,
            Err(error) => {
                counters.datagrams_unsent += shard.sealed.len() as u64;
                if log.take(clock.now()) {
                    error!(%error, "the UDP socket cannot be written and is opened anew");
                }
                faults.note_node(Fault::Socket(error.to_string()));
                health.note_failure(clock.now(), u64::from(socket.0.local_addr().port()));
            }
        }
        shard.sealed.clear();
    }
}
