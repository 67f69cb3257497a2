//! A room of another node is opened here, standing still.

use std::time::Duration;

use bevy_ecs::prelude::{Component, Entity, World};
use framekeep_journal::{MatchLife, Resumed, RoomState};
use framekeep_protocol::{Epoch, PlayerId, PlayerName};
use framekeep_sim::{Tick, hash_bytes};
use smallvec::SmallVec;

use super::message::{Handover, HolderParcel, PacketParcel, PlayParcel};
use super::parcel;
use crate::deadlines::Due;
use crate::desync::Recall;
use crate::frame::{CommittedFrame, FrameOf, Frames};
use crate::guard::discard;
use crate::holders::{Holder, Holders};
use crate::matches::LastEnd;
use crate::packet::buffer_packets;
use crate::record;
use crate::recover::{room_of, take_up};
use crate::{
    BufferedPacket, Clock, Link, PacketKind, Player, Players, Room, RoomLife, Rooms, Seat, SeatPlay,
    ServerConfig, Stage, admit, room, rooms, seating,
};

/// A room that came from another node and is not owned by this one: nothing happens in it.
#[derive(Component)]
pub(crate) struct Arriving;

/// A match that came with a room.
pub(super) struct Coming {
    pub(super) told: MatchLife,
    pub(super) resumed: Box<Resumed>,
}

/// Opens a room as it was at the other node. Who has a link here is joined with the seat, and told nothing yet.
pub(super) fn open(
    world: &mut World,
    room_id: u64,
    state: RoomState,
    play: Option<Coming>,
    handover: &Handover,
) -> Result<Entity, String> {
    let now = world.resource::<Clock>().now();
    // One may watch another room of this node by now.
    let operators = handover.operators.iter().filter(|(player, _)| parcel::sits_in(world, *player).is_none());
    let operators: Vec<(PlayerId, PlayerName)> = operators.cloned().collect();
    let room = room_of(world, room_id, &state, &operators, 0).ok_or("the node cannot have the room")?;
    let room = Room { reservations: reservations(handover, now), ..room };
    let entity = rooms::open(world, room);
    world.entity_mut(entity).insert(Arriving);
    if let Some(mut life) = world.get_mut::<RoomLife>(entity) {
        life.played |= handover.played;
    }
    crate::expire::keep_while_empty(world, entity);
    if let Some(first) = handover.reserved.iter().map(|(_, left_ms)| *left_ms).min() {
        let until = now + Duration::from_millis(first.into());
        world.resource_mut::<Rooms>().deadlines.put(until, Due::Reservation, entity);
    }
    let members = state.members.into_iter().map(|member| (member.player, member.name, Some(member.seat)));
    let watchers = state.spectators.into_iter().chain(operators).map(|(player, name)| (player, name, None));
    for (player, name, seat) in members.chain(watchers) {
        keep_place(world, entity, player, name, seat, now);
    }
    if let Some(ended) = handover.last_end.clone() {
        world.entity_mut(entity).insert(LastEnd(ended));
    }
    buffer_packets(world, entity, handover.packets.iter().filter_map(packet).collect());
    if let Some(coming) = play {
        put_on_stage(world, entity, coming, handover, now);
    }
    record::retell(world, entity);
    for link in admitted_members(world, entity) {
        seating::resume_seat(world, link);
    }
    Ok(entity)
}

fn reservations(handover: &Handover, now: Duration) -> Vec<(PlayerId, Duration)> {
    let until = |left_ms: u32| now + Duration::from_millis(left_ms.into());
    handover.reserved.iter().map(|(player, left_ms)| (*player, until(*left_ms))).collect()
}

fn packet(parcel: &PacketParcel) -> Option<BufferedPacket> {
    let kind = PacketKind::ALL.into_iter().find(|kind| *kind as u8 == parcel.kind)?;
    let made_at = Duration::from_micros(parcel.made_us);
    let bytes = parcel.bytes.clone().into_boxed_slice();
    Some(BufferedPacket { kind, seat: parcel.seat, tick: parcel.tick, made_at, bytes })
}

/// Keeps the place of a player who is not here yet, or whose link has no place yet.
fn keep_place(
    world: &mut World,
    room: Entity,
    id: PlayerId,
    name: PlayerName,
    seat: Option<u8>,
    now: Duration,
) {
    let known = world.resource::<Players>().get(id);
    let player = known.unwrap_or_else(|| {
        let player = world.spawn(Player { id, name, link: None, seat: None }).id();
        world.resource_mut::<Players>().by_id.insert(id, player);
        player
    });
    match seat {
        Some(seat) => seating::take_seat(world, room, id, seat),
        None => seating::watch(world, room, id),
    }
    let Some(seat) = world.get::<Player>(player).and_then(|player| player.seat) else { return };
    if let Some(mut seat) = world.get_mut::<Seat>(seat) {
        seat.lost_at = Some(now);
    }
    let grace = world.resource::<ServerConfig>().reconnect_grace;
    world.resource_mut::<Rooms>().deadlines.put(now + grace, Due::SeatGrace, seat);
}

/// The links of a room's members that are there already.
fn admitted_members(world: &World, room: Entity) -> Vec<Entity> {
    let link = |seat: Entity| {
        let player = world.resource::<Players>().get(world.get::<Seat>(seat)?.player)?;
        world.get::<Player>(player)?.link
    };
    rooms::seats_of(world, room).into_iter().filter_map(link).collect()
}

/// Puts the match on the room's stage, with the frames that some may lack and every seat's part in it.
fn put_on_stage(world: &mut World, entity: Entity, coming: Coming, handover: &Handover, now: Duration) {
    let Coming { told, resumed } = coming;
    let input_bits = resumed.input_bits;
    let started_at = Duration::from_micros(handover.started_us);
    let Some((stage, archive)) = take_up(world, entity, &told, *resumed, started_at) else { return };
    let (epoch, next, period) = (stage.epoch, stage.tick(), stage.timing.period);
    let recall = Recall::begin(next, stage.last_frame(), &stage.state);
    let holders = Holders::exactly(handover.holders.iter().map(holder).collect());
    world.entity_mut(entity).insert((stage, Frames::default(), recall, holders));
    room::log::retrace(world, entity);
    for (tick, delta) in &handover.frames {
        world.spawn((CommittedFrame { tick: *tick, delta: SmallVec::from_slice(delta) }, FrameOf(entity)));
    }
    record::bring_archive(world, entity, archive);
    for seat in rooms::seats_of(world, entity) {
        let Some(player) = world.get::<Seat>(seat).map(|seat| seat.player) else { continue };
        let parcel = handover.seats.iter().find(|parcel| parcel.player == player);
        if let Some(parcel) = parcel.filter(|parcel| parcel.is_linked).and_then(|parcel| parcel.play.as_ref())
        {
            let play = seat_play(parcel, (epoch, input_bits), next, now, period);
            world.entity_mut(seat).insert(play);
        }
    }
}

fn holder(parcel: &HolderParcel) -> Holder {
    let HolderParcel { seat, player, name, from, until } = parcel.clone();
    Holder { seat, player, name, from, until }
}

fn seat_play(
    parcel: &PlayParcel,
    (epoch, input_bits): (Epoch, u32),
    next: Tick,
    now: Duration,
    period: Duration,
) -> SeatPlay {
    let mut play = SeatPlay::new(epoch, input_bits, next, now, period);
    for (tick, bits) in &parcel.inputs {
        let _ = play.inputs.insert(*tick, *bits);
    }
    play.acked = parcel.acked.min(next);
    (play.last, play.newest) = (parcel.last, parcel.newest);
    (play.compared, play.agreed) = (parcel.compared, parcel.agreed);
    play.snapshot_owed = parcel.snapshot_owed;
    play.lead = Some(parcel.lead);
    if parcel.copies > 0 {
        play.redundancy.note_loss(now);
    }
    play
}

/// Takes a room away without a word: it goes on elsewhere. Its links have no seat any more.
pub(super) fn forget(world: &mut World, entity: Entity) -> Vec<Entity> {
    let mut links = Vec::new();
    for seat_entity in rooms::seats_of(world, entity) {
        let Some(seat) = world.get::<Seat>(seat_entity).cloned() else { continue };
        if let Some(link) = seat.link {
            if let Some(mut link) = world.get_mut::<Link>(link) {
                link.seat = None;
            }
            crate::gate::let_go(world, link);
            links.push(link);
        }
        world.despawn(seat_entity);
        world.resource_mut::<Rooms>().deadlines.forget(seat_entity);
        if let Some(player) = world.resource::<Players>().get(seat.player) {
            if let Some(mut player) = world.get_mut::<Player>(player) {
                player.seat = None;
            }
            admit::forget_player(world, player);
        }
    }
    if let Some(stage) = world.entity_mut(entity).take::<Stage>() {
        discard(stage.play);
    }
    if let Some(name) = world.get::<Room>(entity).map(|room| room.name.clone()) {
        world.resource_mut::<Rooms>().by_name.remove(&name);
    }
    world.despawn(entity);
    world.resource_mut::<Rooms>().deadlines.forget(entity);
    links
}

/// Whether the match that was played on here is the one that was handed over.
pub(super) fn agrees(resumed: &Resumed, at: (Tick, u64)) -> Result<(), String> {
    let (tick, hash) = at;
    let ours = hash_bytes(&resumed.state);
    if resumed.builder.next() != tick {
        return Err(format!("it is at tick {}, and was handed over at {tick}", resumed.builder.next()));
    }
    if ours != hash {
        return Err(format!("its hash at tick {tick} is {ours:016x} here, and {hash:016x} there"));
    }
    Ok(())
}
