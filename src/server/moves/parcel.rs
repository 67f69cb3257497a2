//! A room as bytes: what another node needs to go on with it.

use std::time::Duration;

use bevy_ecs::prelude::{Entity, World};
use framekeep_journal::{Life, Lives, MoveId, Record, SegmentHeader, SegmentReader, SegmentWriter};
use framekeep_protocol::PlayerId;
use framekeep_sim::Tick;

use super::message::{Handover, HolderParcel, PacketParcel, PlayParcel, SeatParcel, Wish};
use crate::frame::Frames;
use crate::holders::Holders;
use crate::limits::INPUTS_PARCEL_MAX;
use crate::matches::LastEnd;
use crate::{
    Clock, CommittedFrame, Link, Player, Players, Room, RoomLife, Seat, SeatPlay, Stage, gate, packet,
    record, rooms,
};

/// Records as a segment of a journal.
pub(super) struct Segment(SegmentWriter<Vec<u8>>);

impl Segment {
    pub(super) fn new() -> Self {
        Self(SegmentWriter::new(Vec::new(), SegmentHeader::default()))
    }

    pub(super) fn append(&mut self, room: u64, record: &Record<'_>) {
        self.0.append(room, record);
    }

    /// The bytes so far; it begins anew.
    pub(super) fn take(&mut self) -> Vec<u8> {
        // A vector takes everything.
        let _ = self.0.flush();
        std::mem::replace(self, Self::new()).0.into_inner()
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.pending_bytes()
    }
}

/// The room with its match so far, and the tick of the next frame.
pub(super) fn offer(world: &World, entity: Entity) -> Option<(Vec<u8>, Tick)> {
    let room = world.get::<Room>(entity)?;
    let mut segment = Segment::new();
    segment.append(room.id.0, &Record::Room(Box::new(record::state_of(room))));
    let stage = world.get::<Stage>(entity);
    if let (Some(stage), Some(archive)) = (stage, world.get::<record::FrameArchive>(entity)) {
        record::tell_match(&mut segment.0, room.id.0, stage, archive);
    }
    Some((segment.take(), stage.map_or(Tick(0), Stage::tick)))
}

/// Who of a room has a link here, and comes along.
pub(super) fn wishes(world: &World, entity: Entity) -> Vec<Wish> {
    let wish = |seat: Entity| {
        let link = world.get::<Seat>(seat)?.link?;
        wish_of(world, link)
    };
    rooms::seats_of(world, entity).into_iter().filter_map(wish).collect()
}

/// What a link's player needs elsewhere.
pub(super) fn wish_of(world: &World, entity: Entity) -> Option<Wish> {
    let link = world.get::<Link>(entity)?;
    let name = world.get::<Player>(link.player_entity)?.name.clone();
    Some(Wish {
        player: link.player,
        name,
        role: link.role,
        room: link.only_room.clone(),
        is_web: gate::is_web(world, entity),
    })
}

/// Appends the frames of a room from tick `from` on; gives the tick after the last.
pub(super) fn append_steps(world: &World, entity: Entity, from: Tick, segment: &mut Segment) -> Option<Tick> {
    let (room, stage) = (world.get::<Room>(entity)?, world.get::<Stage>(entity)?);
    let mut next = from;
    for frame in live_frames(world, entity).filter(|frame| frame.tick >= from && frame.tick < stage.tick()) {
        // A gap: somebody despawned what was not told yet.
        let hash = stage.hash_at(frame.tick.next()).filter(|_| frame.tick == next)?;
        segment.append(room.id.0, &Record::Step { tick: frame.tick, hash, delta: &frame.delta });
        next = next.next();
    }
    (next == stage.tick()).then_some(next)
}

fn live_frames(world: &World, entity: Entity) -> impl Iterator<Item = &CommittedFrame> {
    let frames = world.get::<Frames>(entity).map_or(&[][..], Frames::entities);
    frames.iter().filter_map(|&frame| world.get::<CommittedFrame>(frame))
}

/// The last of a room that stands still.
pub(super) fn handover(
    world: &World,
    entity: Entity,
    (id, owner_epoch): (MoveId, u64),
    mut segment: Segment,
) -> Option<Handover> {
    let now = world.resource::<Clock>().now();
    let room = world.get::<Room>(entity)?;
    let stage = world.get::<Stage>(entity);
    segment.append(room.id.0, &Record::Room(Box::new(record::state_of(room))));
    let holder = |holder: &crate::holders::Holder| HolderParcel {
        seat: holder.seat,
        player: holder.player,
        name: holder.name.clone(),
        from: holder.from,
        until: holder.until,
    };
    let packet = |(_, packet): (Entity, &crate::BufferedPacket)| PacketParcel {
        kind: packet.kind as u8,
        seat: packet.seat,
        tick: packet.tick,
        made_us: packet.made_at.as_micros() as u64,
        bytes: packet.bytes.to_vec(),
    };
    let seats = rooms::seats_of(world, entity);
    Some(Handover {
        id,
        owner_epoch,
        segment: segment.take(),
        at: stage.map(|stage| (stage.tick(), stage.hash_at(stage.tick()).unwrap_or_default())),
        started_us: stage.map_or(0, |stage| stage.started_at.as_micros() as u64),
        frames: live_frames(world, entity).map(|frame| (frame.tick, frame.delta.to_vec())).collect(),
        seats: seats.into_iter().filter_map(|seat| seat_parcel(world, seat)).collect(),
        holders: world
            .get::<Holders>(entity)
            .map_or_else(Vec::new, |it| it.all().iter().map(holder).collect()),
        last_end: world.get::<LastEnd>(entity).map(|end| end.0.clone()),
        packets: packet::of_room(world, entity).map(packet).collect(),
        reserved: reserved(room, now),
        operators: room.lobby.operators().to_vec(),
        played: world.get::<RoomLife>(entity).is_some_and(|life| life.played),
    })
}

fn reserved(room: &Room, now: Duration) -> Vec<(PlayerId, u32)> {
    let left = |until: Duration| until.saturating_sub(now).as_millis() as u32;
    room.reservations.iter().map(|(player, until)| (*player, left(*until))).collect()
}

fn seat_parcel(world: &World, entity: Entity) -> Option<SeatParcel> {
    let seat = world.get::<Seat>(entity)?;
    let play = world.get::<SeatPlay>(entity).map(|play| PlayParcel {
        acked: play.acked,
        inputs: play.inputs.waiting().take(INPUTS_PARCEL_MAX).collect(),
        last: play.last,
        newest: play.newest,
        compared: play.compared,
        agreed: play.agreed,
        lead: play.lead_eighths(),
        copies: play.redundancy.wanted(),
        snapshot_owed: play.snapshot_owed,
    });
    Some(SeatParcel { player: seat.player, is_linked: seat.link.is_some(), play })
}

/// Whether a player sits in some room of this node, and in which.
pub(super) fn sits_in(world: &World, player: PlayerId) -> Option<Entity> {
    let player = world.resource::<Players>().get(player)?;
    let seat = world.get::<Player>(player)?.seat?;
    world.get::<crate::SeatOf>(seat).map(|room| room.0)
}

/// Reads what another node tells of a room.
pub(super) fn read_offer(room: u64, segment: &[u8]) -> Result<Life, String> {
    let mut lives = Lives::default();
    let mut reader = SegmentReader::open(segment).map_err(|fault| fault.to_string())?;
    while let Some(entry) = reader.next_entry().map_err(|error| error.to_string())? {
        lives.take(&entry).map_err(|fault| fault.to_string())?;
    }
    let mut rooms = lives.into_rooms();
    match (rooms.next(), rooms.next()) {
        (Some((id, life)), None) if id == room => Ok(life),
        _ => Err("it tells of another room, or of none".to_owned()),
    }
}
