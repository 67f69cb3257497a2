//! `RecordPlugin`: every room's life into the journal, every match into its archive and, at its end, a file.

mod desk;
mod sealer;
mod segments;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{Component, Entity, IntoScheduleConfigs, Query, Res, ResMut, Resource, World};
use framekeep_journal::{
    EndReason, MatchEnd, MatchHeader, MatchStarted, Record, ReplayBuilder, RoomOpened, Seated, SegmentWriter,
    pack_snapshot,
};
use framekeep_protocol::{PROTOCOL_VERSION, RoomId};
use framekeep_sim::{Tick, hash_bytes};
use tracing::error;

use sealer::Sealing;
pub use writer::RecordError;
use writer::Writer;

use crate::frame::{CommittedFrame, Frames};
use crate::room::Room;
use crate::schedule::DueRooms;
use crate::{Clock, Games, Pump, RoomList, ServerSystems, Stage};

/// Ticks between two hashes in the journal.
const HASH_EVERY_TICKS: u32 = 30;
/// Ticks between two snapshots in the journal.
const SNAPSHOT_EVERY_TICKS: u32 = 900;

/// Every room's life into the journal, every match into its archive and, at its end, a file.
pub(crate) struct RecordPlugin;

impl Plugin for RecordPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Pump, (record_frames, hand_over).chain().in_set(ServerSystems::Record));
    }
}

/// All frames of the running match, compressed, with their hashes: the replay as it grows.
#[derive(Component)]
pub struct FrameArchive(ReplayBuilder);

impl FrameArchive {
    /// How many frames it holds.
    #[must_use]
    pub fn ticks(&self) -> Tick {
        self.0.next()
    }

    /// Bytes of memory its closed chunks take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// The open end of the journal; does nothing where nothing is recorded.
#[derive(Resource, Default)]
pub struct Recorder(Option<Journal>);

struct Journal {
    writer: Writer,
    batch: SegmentWriter<Vec<u8>>,
    packed: Vec<u8>,
}

impl Recorder {
    /// Opens the journal in a data folder; `node` stands for this run, and should be random; `sync_every` is how
    /// often the journal is made durable, if at all.
    ///
    /// Segments of earlier runs that ended in order are deleted; those of killed runs are kept, up to 1 GiB of them.
    ///
    /// # Errors
    /// [`RecordError`] names the folder or file that cannot be used, or says that another server uses the folder.
    pub fn open(folder: &Path, node: u64, sync_every: Option<Duration>) -> Result<Self, RecordError> {
        let writer = Writer::start(folder, node, sync_every)?;
        let journal = Journal { writer, batch: segments::batch(), packed: Vec::new() };
        Ok(Self(Some(journal)))
    }

    /// Writes the status file of the node.
    pub(crate) fn write_status(&self, json: String) {
        if let Some(journal) = &self.0 {
            journal.writer.status(json);
        }
    }

    /// Whether anything is recorded.
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// Writes the list of the node's rooms.
    pub(crate) fn write_rooms(&self, list: RoomList) {
        if let Some(journal) = &self.0 {
            journal.writer.rooms(list);
        }
    }

    /// Writes what is pending, waits until it is durable and every match is sealed, and ends the run.
    pub(crate) fn close(&mut self) {
        if let Some(mut journal) = self.0.take() {
            journal.hand_over();
            journal.writer.stop();
        }
    }

    /// How many batches and files the writer could not write.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.0.as_ref().map_or(0, |journal| journal.writer.failures())
    }

    fn append(&mut self, room: RoomId, record: &Record<'_>) {
        if let Some(journal) = &mut self.0 {
            journal.batch.append(room.0, record);
        }
    }
}

impl Journal {
    fn hand_over(&mut self) {
        if self.batch.pending_bytes() == 0 {
            return;
        }
        if let Err(error) = self.batch.flush() {
            error!(%error, "records are lost");
        }
        self.writer.append(std::mem::take(self.batch.get_mut()));
    }
}

/// Puts the frames of this pump into journal and archive.
fn record_frames(
    due: Res<DueRooms>,
    mut recorder: ResMut<Recorder>,
    mut rooms: Query<(&Room, &Stage, &Frames, &mut FrameArchive)>,
    committed: Query<&CommittedFrame>,
) {
    for &entity in &due.due {
        let Ok((room, stage, frames, mut archive)) = rooms.get_mut(entity) else { continue };
        if !stage.fresh || !stage.holds_frame() {
            continue;
        }
        let next = stage.tick();
        let hash = stage.hash_at(next).unwrap_or_default();
        if let Err(error) = archive.0.push(&stage.frame, hash) {
            error!(%error, "a frame does not fit the archive");
        }
        if archive.0.keyframe_due() {
            archive.0.push_keyframe(&stage.state);
        }
        let Some(journal) = &mut recorder.0 else { continue };
        let newest = frames.entities().last().and_then(|&frame| committed.get(frame).ok());
        if let Some(frame) = newest {
            journal.batch.append(room.id.0, &Record::Frame { tick: frame.tick, delta: &frame.delta });
        }
        if next.0.is_multiple_of(HASH_EVERY_TICKS) {
            journal.batch.append(room.id.0, &Record::Hash { tick: stage.frame.tick, hash });
        }
        if next.0.is_multiple_of(SNAPSHOT_EVERY_TICKS) {
            pack_snapshot(&stage.state, &mut journal.packed);
            let record = Record::Snapshot { tick: next, hash, packed: &journal.packed };
            journal.batch.append(room.id.0, &record);
        }
    }
}

/// Hands the records of this pump to the writer as one batch.
fn hand_over(mut recorder: ResMut<Recorder>) {
    if let Some(journal) = &mut recorder.0 {
        journal.hand_over();
    }
}

/// A room was opened.
pub(crate) fn room_opened(world: &mut World, room: RoomId, opened: RoomOpened) {
    world.resource_mut::<Recorder>().append(room, &Record::RoomOpened(opened));
}

/// A room was closed.
pub(crate) fn room_closed(world: &mut World, room: RoomId) {
    world.resource_mut::<Recorder>().append(room, &Record::RoomClosed);
}

/// Who sits where has changed.
pub(crate) fn seats_changed(world: &mut World, room: Entity) {
    let Some(this) = world.get::<Room>(room) else { return };
    let (id, seats) = (this.id, seated(this));
    world.resource_mut::<Recorder>().append(id, &Record::Seats(seats));
}

fn seated(room: &Room) -> Vec<Seated> {
    let seats = room.lobby.roster().seats().iter().zip(0_u8..);
    seats
        .filter_map(|(occupant, seat)| {
            let occupant = occupant.as_ref()?;
            Some(Seated { seat, player: occupant.player.0, name: occupant.name.as_str().to_owned() })
        })
        .collect()
}

/// A match starts: its archive is opened, and the journal told.
pub(crate) fn match_started(world: &mut World, entity: Entity, stage: &Stage) {
    let Some(room) = world.get::<Room>(entity) else { return };
    let header = MatchHeader {
        room: room.name.as_str().to_owned(),
        game: stage.game.name().to_owned(),
        fingerprint: world.resource::<Games>().fingerprint(stage.game.name()).unwrap_or_default(),
        protocol_version: PROTOCOL_VERSION,
        content: stage.content.to_vec(),
        content_hash: hash_bytes(&stage.content),
        seed: stage.seed,
        seats: stage.play.seats(),
        input_bits: stage.game.input_bits() as u8,
        tick_rate_hz: stage.timing.rate_hz,
        started_unix_s: world.resource::<Clock>().now().as_secs(),
        players: seated(room),
    };
    let id = room.id;
    match ReplayBuilder::new(&header) {
        Ok(builder) => drop(world.entity_mut(entity).insert(FrameArchive(builder))),
        Err(error) => error!(%error, "a match cannot be archived"),
    }
    let started = MatchStarted { epoch: stage.epoch.get(), header };
    world.resource_mut::<Recorder>().append(id, &Record::MatchStarted(Box::new(started)));
}

fn replay_name(room: RoomId, stage: &Stage) -> String {
    format!("{:016x}-{:010}-{}.fkr", room.0, stage.started_at.as_secs(), stage.epoch.get())
}

/// The file that the running match of a room becomes at its end, if it has frames and replays are kept.
pub(crate) fn replay_path(world: &World, room: Entity) -> Option<PathBuf> {
    let (stage, archive) = (world.get::<Stage>(room)?, world.get::<FrameArchive>(room)?);
    let journal = world.resource::<Recorder>().0.as_ref()?;
    let file = replay_name(world.get::<Room>(room)?.id, stage);
    (archive.ticks() > Tick(0)).then(|| journal.writer.replays().join(file))
}

/// A match is over and put away: the archive is sealed into a file.
pub(crate) fn match_ended(world: &mut World, entity: Entity, stage: &Stage) {
    let Some(archive) = world.entity_mut(entity).take::<FrameArchive>() else { return };
    let (Some(room), Some(ending)) = (world.get::<Room>(entity), &stage.ending) else { return };
    let (id, file) = (room.id, replay_name(room.id, stage));
    let reason = match ending.reason {
        framekeep_protocol::EndReason::Outcome => EndReason::Outcome,
        framekeep_protocol::EndReason::Aborted => EndReason::Aborted,
        framekeep_protocol::EndReason::Failed => EndReason::Failed,
    };
    let end = MatchEnd { ticks: stage.tick(), hash: ending.hash, outcome: ending.outcome.clone(), reason };
    let mut recorder = world.resource_mut::<Recorder>();
    recorder.append(id, &Record::MatchEnded { epoch: stage.epoch.get(), end: end.clone() });
    let Some(journal) = &mut recorder.0 else { return };
    if archive.0.next() == Tick(0) {
        return;
    }
    let path = journal.writer.replays().join(file);
    journal.writer.seal(Sealing { builder: archive.0, end, path });
}
