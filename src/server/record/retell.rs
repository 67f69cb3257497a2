//! Rooms told once more, whole, so that earlier records of them are not needed.

use std::collections::VecDeque;
use std::time::Duration;

use bevy_ecs::prelude::{Entity, World};
use framekeep_journal::{
    MatchResumed, MatchStarted, MemberState, REPLAY_VERSION, Record, RoomState, SegmentWriter, Told,
    pack_snapshot,
};
use framekeep_lobby::LobbyState;

use super::desk::Mark;
use super::held::Journaled;
use super::written::tell_departure;
use super::{FrameArchive, Recorder};
use crate::limits::{RETELL_AFTER, RETELL_BYTES, RETELL_PUMP_BYTES};
use crate::moves::{Leaving, Moves};
use crate::room::{Room, Rooms};
use crate::{Clock, Stage};

/// Which rooms are to be told once more, and when that begins again.
#[derive(Default)]
pub(super) struct Retelling {
    rooms: VecDeque<Entity>,
    /// How often records had been lost when it began last.
    holes: u64,
    /// When records were lost, if rooms are to be told for it.
    lost_at: Option<Duration>,
    /// Bytes handed over since it began last, and how many of them it took itself.
    bytes: u64,
    own_bytes: u64,
}

impl Retelling {
    pub(super) fn count(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// Whether it begins now.
    fn is_due(&mut self, holes: u64, now: Duration) -> bool {
        if holes != self.holes {
            self.holes = holes;
            self.lost_at = Some(now);
            self.rooms.clear();
        }
        if let Some(lost_at) = self.lost_at {
            return now >= lost_at + RETELL_AFTER;
        }
        self.rooms.is_empty() && self.bytes > RETELL_BYTES.max(2 * self.own_bytes)
    }

    fn begin(&mut self, rooms: impl Iterator<Item = Entity>) {
        self.rooms = rooms.collect();
        self.lost_at = None;
        (self.bytes, self.own_bytes) = (0, 0);
    }
}

/// Goes on telling rooms once more, if that is due; a bounded part of them in one pump.
pub(super) fn retell_rooms(world: &mut World) {
    let now = world.resource::<Clock>().now();
    let mut recorder = world.resource_mut::<Recorder>();
    let Some(journal) = &mut recorder.0 else { return };
    let durable = journal.writer.shared().durable();
    let holes = journal.writer.shared().holes();
    journal.partings.forget(durable, holes);
    if journal.retelling.is_due(holes, now) {
        let rooms: Vec<Entity> = world.resource::<Rooms>().by_name.values().copied().collect();
        let mut recorder = world.resource_mut::<Recorder>();
        let Some(journal) = &mut recorder.0 else { return };
        journal.retelling.begin(rooms.into_iter());
        // First what is over: a room may play its next match by now.
        journal.partings.tell_again(holes, &mut journal.batch, &mut journal.marks);
        for (room, departure) in world.resource::<Moves>().departures() {
            tell_departure(&mut world.resource_mut::<Recorder>(), room, &departure);
        }
    }
    let mut told = 0;
    while told < RETELL_PUMP_BYTES {
        let mut recorder = world.resource_mut::<Recorder>();
        let Some(journal) = &mut recorder.0 else { return };
        let Some(room) = journal.retelling.rooms.pop_front() else { return };
        let bytes = retell(world, room);
        told += bytes;
        let mut recorder = world.resource_mut::<Recorder>();
        let Some(journal) = &mut recorder.0 else { return };
        journal.retelling.own_bytes += bytes as u64;
    }
}

/// Tells one room once more; gives how many bytes that took.
pub(crate) fn retell(world: &mut World, entity: Entity) -> usize {
    world.resource_scope(|world, mut recorder: bevy_ecs::prelude::Mut<'_, Recorder>| {
        let Some(journal) = &mut recorder.0 else { return 0 };
        let before = journal.batch.pending_bytes();
        let Some(room) = world.get::<Room>(entity) else { return 0 };
        let id = room.id.0;
        if world.get::<Leaving>(entity).is_some() {
            return 0;
        }
        if let Some(arrival) = world.resource::<Moves>().arrival(id) {
            // Before the room: without it the room would be this node's.
            journal.batch.append(id, &Record::MovedIn(arrival.clone()));
        }
        journal.batch.append(id, &Record::Room(Box::new(state_of(room))));
        journal.marks.push((id, Mark::Begins));
        if let (Some(stage), Some(archive)) = (world.get::<Stage>(entity), world.get::<FrameArchive>(entity))
        {
            tell_match(&mut journal.batch, id, stage, archive);
        }
        let holes = journal.writer.shared().holes();
        if let Some(mut journaled) = world.get_mut::<Journaled>(entity) {
            journaled.told = holes;
        }
        journal.batch.pending_bytes() - before
    })
}

/// Tells a match from its start, and its state.
pub(crate) fn tell_match(
    batch: &mut SegmentWriter<Vec<u8>>,
    room: u64,
    stage: &Stage,
    archive: &FrameArchive,
) {
    let started = MatchStarted { epoch: stage.epoch.get(), header: archive.header.clone() };
    let (ticks, builder) = (archive.builder.next(), &archive.builder);
    batch.append(room, &Record::MatchResumed(Box::new(MatchResumed { started, ticks })));
    let (mut newest, mut packed) = (None, Vec::new());
    builder.tell(|told| match told {
        Told::Frames { raw } => {
            pack_snapshot(raw, &mut packed);
            batch.append(room, &Record::Frames { version: REPLAY_VERSION, packed: &packed });
        }
        Told::State { tick, hash, state } => {
            newest = Some(tick);
            pack_snapshot(state, &mut packed);
            batch.append(room, &Record::Snapshot { tick, hash, packed: &packed });
        }
    });
    if newest != Some(ticks) && ticks == stage.tick() {
        let hash = stage.hash_at(ticks).unwrap_or_default();
        pack_snapshot(&stage.state, &mut packed);
        batch.append(room, &Record::Snapshot { tick: ticks, hash, packed: &packed });
    }
}

/// All there is to know of a room besides its match.
pub(crate) fn state_of(room: &Room) -> RoomState {
    let (options, lobby) = (room.lobby.options(), room.lobby.state());
    // Operators come again by themselves where it is opened again, with a new ticket.
    let LobbyState {
        phase,
        seats,
        reserved,
        host,
        spectators,
        operators: _,
        banned,
        locked,
        opened,
        content,
    } = lobby;
    let member = |(seat, taken): (u8, framekeep_lobby::Occupant)| MemberState {
        seat,
        player: taken.player,
        name: taken.name,
        ready: taken.ready,
        out: taken.out,
    };
    RoomState {
        name: room.name.clone(),
        game: room.game.name().to_owned(),
        content,
        seats: options.seats,
        tick_rate_hz: room.tick_rate_hz,
        send_every_ticks: room.send_every_ticks,
        start: options.start,
        commit: options.commit,
        code: options.code.clone(),
        spectators_max: options.spectators_max,
        phase,
        epoch: room.epoch.get(),
        events: room.events,
        locked,
        opened,
        play_again: room.play_again,
        host,
        members: seats.into_iter().map(member).collect(),
        reserved,
        spectators,
        banned,
    }
}
