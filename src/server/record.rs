//! `RecordPlugin`: every room's life into the journal, every match into its archive and, at its end, a file.

mod desk;
mod disk;
mod held;
mod retell;
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
    EndReason, MatchEnd, MatchHeader, MatchStarted, Record, ReplayBuilder, Seated, SegmentWriter,
    pack_snapshot,
};
use framekeep_protocol::{PROTOCOL_VERSION, RoomId};
use framekeep_sim::{Tick, hash_bytes};
use tracing::{error, info};

use desk::Mark;
pub use disk::{Disk, DiskFile, SystemDisk};
pub use held::Journaled;
pub(crate) use held::Outgoing;
use held::{Held, HeldFrame};
use retell::Retelling;
pub(crate) use retell::retell;
use sealer::Sealing;
pub use writer::RecordError;
use writer::{Left, Writer};

use crate::frame::{CommittedFrame, Frames};
use crate::room::Room;
use crate::schedule::DueRooms;
use crate::{
    Clock, Counters, Durability, Games, NodeKey, Pump, RoomList, ServerConfig, ServerSystems, Stage, results,
};

/// Ticks between two snapshots of a room in the journal, at least and at most.
const SNAPSHOT_TICKS_MIN: u32 = 32;
const SNAPSHOT_TICKS_MAX: u32 = 512;
/// A journal that is made durable once a second is late after this.
const SECOND_LATE: Duration = Duration::from_millis(2_500);
/// How often it is looked whether all rooms are durable.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Every room's life into the journal, every match into its archive and, at its end, a file.
pub(crate) struct RecordPlugin;

impl Plugin for RecordPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Outgoing>().add_systems(
            Pump,
            (record_rooms, record_frames, retell::retell_rooms, hand_over, release_frames, look_after)
                .chain()
                .in_set(ServerSystems::Record),
        );
    }
}

/// All frames of the running match, compressed, with their hashes: the replay as it grows.
#[derive(Component)]
pub struct FrameArchive {
    builder: ReplayBuilder,
    header: MatchHeader,
}

impl FrameArchive {
    pub(crate) fn new(builder: ReplayBuilder, header: MatchHeader) -> Self {
        Self { builder, header }
    }

    /// How many frames it holds.
    #[must_use]
    pub fn ticks(&self) -> Tick {
        self.builder.next()
    }

    /// Bytes of memory its closed chunks take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.builder.bytes()
    }
}

/// The open end of the journal; does nothing where nothing is recorded.
#[derive(Resource, Default)]
pub struct Recorder(Option<Journal>);

struct Journal {
    writer: Writer,
    durability: Durability,
    batch: SegmentWriter<Vec<u8>>,
    marks: Vec<(u64, Mark)>,
    packed: Vec<u8>,
    /// Rooms that are not as they were told last.
    changed: Vec<Entity>,
    held: Held,
    retelling: Retelling,
    /// What earlier runs have left, until it is taken.
    left: Option<Left>,
    /// Rooms that would lose frames if the machine stopped now, as it was found when last looked.
    behind: usize,
    looked_at: Duration,
}

impl Recorder {
    /// Opens the journal in a data folder; `node` stands for this run, and should be random.
    ///
    /// Reads what runs that were killed have left: their rooms are opened again by [`Server::new`](crate::Server::new).
    ///
    /// # Errors
    /// [`RecordError`] names the folder or file that cannot be used, or says that another server uses the folder.
    pub fn open(folder: &Path, node: u64, durability: Durability) -> Result<Self, RecordError> {
        Self::open_on(folder, node, durability, Box::new(SystemDisk))
    }

    /// The same with segments on a disk of another kind.
    ///
    /// # Errors
    /// As [`Recorder::open`].
    pub fn open_on(
        folder: &Path,
        node: u64,
        durability: Durability,
        disk: Box<dyn Disk>,
    ) -> Result<Self, RecordError> {
        let (writer, left) = Writer::start(folder, node, durability, disk)?;
        Ok(Self(Some(Journal {
            writer,
            durability,
            batch: segments::batch(),
            marks: Vec::new(),
            packed: Vec::new(),
            changed: Vec::new(),
            held: Held::default(),
            retelling: Retelling::default(),
            left: Some(left),
            behind: 0,
            looked_at: Duration::ZERO,
        })))
    }

    /// What runs before this one have left; once.
    pub(crate) fn take_left(&mut self) -> Option<Left> {
        self.0.as_mut()?.left.take()
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

    /// How many rooms go on without being as durable as they should be.
    #[must_use]
    pub fn undurable_rooms(&self) -> usize {
        self.0.as_ref().map_or(0, |journal| journal.behind)
    }

    /// Bytes of the journal's segments on disk, as of a second ago.
    #[must_use]
    pub fn journal_bytes(&self) -> u64 {
        self.0.as_ref().map_or(0, |journal| journal.writer.journal_bytes())
    }

    /// How the journal is, as fields of the status.
    pub(crate) fn json(&self) -> String {
        format!(
            "\"journal_bytes\":{},\"undurable_rooms\":{},\"journal_failures\":{}",
            self.journal_bytes(),
            self.undurable_rooms(),
            self.failures()
        )
    }

    /// Whether frames wait for the disk.
    pub(crate) fn holds_frames(&self) -> bool {
        self.0.as_ref().is_some_and(|journal| journal.held.holds_any())
    }

    fn append(&mut self, room: RoomId, record: &Record<'_>) {
        if let Some(journal) = &mut self.0 {
            journal.batch.append(room.0, record);
        }
    }
}

impl Journal {
    /// Hands the batch over; gives its number if there was anything in it.
    fn hand_over(&mut self) -> Option<u64> {
        if self.batch.pending_bytes() == 0 {
            return None;
        }
        if let Err(error) = self.batch.flush() {
            error!(%error, "records are lost");
        }
        let records = std::mem::take(self.batch.get_mut());
        self.retelling.count(records.len());
        Some(self.writer.append(records, std::mem::take(&mut self.marks)))
    }

    fn append_snapshot(&mut self, room: u64, stage: &Stage) {
        let tick = stage.tick();
        let hash = stage.hash_at(tick).unwrap_or_default();
        pack_snapshot(&stage.state, &mut self.packed);
        self.batch.append(room, &Record::Snapshot { tick, hash, packed: &self.packed });
    }
}

/// Tells rooms that are not as they were told last.
pub(crate) fn record_rooms(mut recorder: ResMut<Recorder>, rooms: Query<&Room>) {
    let Some(journal) = &mut recorder.0 else { return };
    let mut changed = std::mem::take(&mut journal.changed);
    changed.sort_unstable();
    changed.dedup();
    for entity in changed.drain(..) {
        let Ok(room) = rooms.get(entity) else { continue };
        journal.batch.append(room.id.0, &Record::Room(Box::new(retell::state_of(room))));
    }
    journal.changed = changed;
}

/// Puts the frames of this pump into journal and archive, and finds the rooms that need not wait for the disk.
fn record_frames(
    due: Res<DueRooms>,
    clock: Res<Clock>,
    config: Res<ServerConfig>,
    mut recorder: ResMut<Recorder>,
    mut rooms: Query<(&Room, &Stage, &Frames, &mut FrameArchive, Option<&mut Journaled>)>,
    committed: Query<&CommittedFrame>,
    mut outgoing: ResMut<Outgoing>,
) {
    outgoing.0.clear();
    let share = config.recovery_target / (rooms.iter().len().max(1) as u32);
    for &entity in &due.due {
        let Ok((room, stage, frames, mut archive, journaled)) = rooms.get_mut(entity) else {
            outgoing.0.push(entity);
            continue;
        };
        let next = stage.tick();
        if !stage.fresh || !stage.holds_frame() {
            if let Some(mut journaled) = journaled.filter(|_| stage.is_over()) {
                journaled.sendable = next;
            }
            outgoing.0.push(entity);
            continue;
        }
        let hash = stage.hash_at(next).unwrap_or_default();
        archive.take(stage, hash);
        let (Some(journal), Some(mut journaled)) = (&mut recorder.0, journaled) else {
            outgoing.0.push(entity);
            continue;
        };
        let holes = journal.writer.shared().holes();
        let newest = frames.entities().last().and_then(|&frame| committed.get(frame).ok());
        // What is told of a room of which something is lost says nothing, until it is told whole.
        if let Some(frame) = newest.filter(|_| journaled.told == holes) {
            journal.batch.append(room.id.0, &Record::Step { tick: frame.tick, hash, delta: &frame.delta });
            if next.0.is_multiple_of(snapshot_ticks(share, stage.health.step_took)) {
                journal.append_snapshot(room.id.0, stage);
            }
        }
        let lag = journal.held.lag(clock.now());
        if !journal.holds_back(&mut journaled, holes, lag < stage.timing.period) {
            journaled.sendable = next;
            outgoing.0.push(entity);
            continue;
        }
        journal.held.filling.push(HeldFrame { room: entity, next, period: stage.timing.period });
    }
}

impl FrameArchive {
    fn take(&mut self, stage: &Stage, hash: u64) {
        if let Err(error) = self.builder.push(&stage.frame, hash) {
            error!(%error, "a frame does not fit the archive");
        }
        if self.builder.keyframe_due() {
            self.builder.push_keyframe(&stage.state);
        }
    }
}

impl Journal {
    /// Whether a room's newest frame waits for the disk. A room that is behind catches up where it can.
    fn holds_back(&self, journaled: &mut Journaled, holes: u64, is_quick: bool) -> bool {
        if self.durability != Durability::Tick {
            return false;
        }
        if journaled.told != holes {
            journaled.is_behind = true;
        } else if is_quick {
            journaled.is_behind = false;
        }
        !journaled.is_behind
    }
}

/// How many ticks lie between two snapshots of a room that may take `share` to be stepped from one to the next.
fn snapshot_ticks(share: Duration, step_took: Duration) -> u32 {
    let ticks = share.as_nanos() / step_took.as_nanos().max(1);
    let ticks = u32::try_from(ticks).unwrap_or(u32::MAX).clamp(SNAPSHOT_TICKS_MIN, SNAPSHOT_TICKS_MAX);
    // A power of two, so that a room whose steps take now more, now less, keeps its rhythm.
    1 << ticks.ilog2()
}

/// Hands the records of this pump to the writer as one batch.
fn hand_over(mut recorder: ResMut<Recorder>, clock: Res<Clock>) {
    let Some(journal) = &mut recorder.0 else { return };
    if let Some(number) = journal.hand_over()
        && journal.durability != Durability::Off
    {
        journal.held.hand_over(number, clock.now());
    }
}

/// Lets rooms send what has become durable, and what has waited for a tick.
fn release_frames(
    mut recorder: ResMut<Recorder>,
    clock: Res<Clock>,
    mut journaled: Query<&mut Journaled>,
    mut outgoing: ResMut<Outgoing>,
    mut counters: ResMut<Counters>,
) {
    let Some(journal) = &mut recorder.0 else { return };
    let durable = journal.writer.shared().durable();
    journal.held.release(durable, |frame| {
        if let Ok(mut journaled) = journaled.get_mut(frame.room) {
            journaled.sendable = journaled.sendable.max(frame.next);
            outgoing.0.push(frame.room);
        }
    });
    journal.held.release_late(clock.now(), |frame| {
        if let Ok(mut journaled) = journaled.get_mut(frame.room) {
            journaled.sendable = journaled.sendable.max(frame.next);
            if !std::mem::replace(&mut journaled.is_behind, true) {
                counters.rooms_behind += 1;
                // It is said before the frame is sent.
                journal.looked_at = Duration::ZERO;
            }
            outgoing.0.push(frame.room);
        }
    });
    if journal.durability == Durability::Tick {
        outgoing.0.sort_unstable();
        outgoing.0.dedup();
    }
}

/// Says so when rooms go on without being as durable as they should be, and when they are again.
fn look_after(mut recorder: ResMut<Recorder>, clock: Res<Clock>, journaled: Query<&Journaled>) {
    let Some(journal) = &mut recorder.0 else { return };
    let now = clock.now();
    if now < journal.looked_at + LOOK_EVERY {
        return;
    }
    journal.looked_at = now;
    let (holes, lag) = (journal.writer.shared().holes(), journal.held.lag(now));
    let all_late = journal.durability == Durability::Second && lag > SECOND_LATE;
    let is_behind = |journaled: &&Journaled| all_late || journaled.is_behind || journaled.told != holes;
    let behind = journaled.iter().filter(is_behind).count();
    let before = std::mem::replace(&mut journal.behind, behind);
    if before == 0 && behind > 0 {
        let (lag_ms, failures) = (lag.as_millis() as u64, journal.writer.failures());
        error!(
            rooms = behind,
            lag_ms, failures, "rooms go on without being durable: the disk is slow, full or broken"
        );
    } else if before > 0 && behind == 0 {
        info!(rooms = journaled.iter().len(), "all rooms are durable again");
    }
}

/// A room was opened.
pub(crate) fn room_opened(world: &mut World, entity: Entity) {
    let mut recorder = world.resource_mut::<Recorder>();
    let Some(journal) = &mut recorder.0 else { return };
    let told = journal.writer.shared().holes();
    world.entity_mut(entity).insert(Journaled::new(told));
    retell(world, entity);
}

/// A room was closed.
pub(crate) fn room_closed(world: &mut World, room: RoomId) {
    let mut recorder = world.resource_mut::<Recorder>();
    recorder.append(room, &Record::RoomClosed);
    if let Some(journal) = &mut recorder.0 {
        journal.marks.push((room.0, Mark::Ends));
    }
}

/// Something of a room besides its match has changed.
pub(crate) fn room_changed(world: &mut World, room: Entity) {
    if let Some(journal) = &mut world.resource_mut::<Recorder>().0 {
        journal.changed.push(room);
    }
}

/// Whether all frames of a room may be told of.
pub(crate) fn is_settled(world: &World, room: Entity, tick: Tick) -> bool {
    world.get::<Journaled>(room).is_none_or(|journaled| journaled.sendable >= tick)
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

/// What a match is played with.
pub(crate) fn header_of(world: &World, room: &Room, stage: &Stage) -> MatchHeader {
    MatchHeader {
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
        started_unix_s: stage.started_at.as_secs(),
        players: seated(room),
    }
}

/// A match starts: its archive is opened, and the journal told.
pub(crate) fn match_started(world: &mut World, entity: Entity, stage: &Stage) {
    let Some(room) = world.get::<Room>(entity) else { return };
    let header = header_of(world, room, stage);
    let (id, state) = (room.id, Box::new(retell::state_of(room)));
    match ReplayBuilder::new(&header) {
        Ok(builder) => drop(world.entity_mut(entity).insert(FrameArchive::new(builder, header.clone()))),
        Err(error) => error!(%error, "a match cannot be archived"),
    }
    if let Some(mut journaled) = world.get_mut::<Journaled>(entity) {
        journaled.sendable = Tick(0);
    }
    let started = MatchStarted { epoch: stage.epoch.get(), header };
    let mut recorder = world.resource_mut::<Recorder>();
    // That the room plays comes first: a match without it would be taken for one that was given up.
    recorder.append(id, &Record::Room(state));
    recorder.append(id, &Record::MatchStarted(Box::new(started)));
}

fn replay_name(room: RoomId, stage: &Stage) -> String {
    file_name(room.0, stage.started_at.as_secs(), stage.epoch.get())
}

fn file_name(room: u64, started_unix_s: u64, epoch: u8) -> String {
    format!("{room:016x}-{started_unix_s:010}-{epoch}.fkr")
}

/// A match of an earlier run is over: what there is of it is sealed into a file, unless there is one.
pub(crate) fn seal_left(
    world: &mut World,
    room: u64,
    started: &MatchStarted,
    builder: ReplayBuilder,
    end: MatchEnd,
) {
    let key = world.resource::<NodeKey>().seal();
    let Some(journal) = &world.resource::<Recorder>().0 else { return };
    let file = file_name(room, started.header.started_unix_s, started.epoch);
    let path = journal.writer.replays().join(&file);
    results::keep(world, &started.header, &end, &file, "");
    if builder.next() > Tick(0) && !path.exists() {
        journal.writer.seal(Sealing { builder, end, path, key });
    }
}

/// Nothing is needed of a room any more that earlier runs have left.
pub(crate) fn forget_room(world: &mut World, room: u64) {
    if let Some(journal) = &mut world.resource_mut::<Recorder>().0 {
        journal.batch.append(room, &Record::RoomClosed);
        journal.marks.push((room, Mark::Ends));
    }
}

/// Waits until everything that was told is on the disk, for a while at most; before players are there it may.
pub(crate) fn settle(world: &mut World) {
    if let Some(journal) = &mut world.resource_mut::<Recorder>().0 {
        journal.hand_over();
        journal.writer.settle();
    }
}

/// Bytes that are told and not handed over.
pub(crate) fn pending_bytes(world: &World) -> usize {
    world.resource::<Recorder>().0.as_ref().map_or(0, |journal| journal.batch.pending_bytes())
}

/// A match goes on whose frames are durable.
pub(crate) fn match_resumed(world: &mut World, entity: Entity, archive: FrameArchive) {
    let ticks = archive.ticks();
    world.entity_mut(entity).insert(archive);
    if let Some(mut journaled) = world.get_mut::<Journaled>(entity) {
        journaled.sendable = ticks;
    }
    retell(world, entity);
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
    results::keep(world, &archive.header, &end, &file, room.lobby.content());
    let key = world.resource::<NodeKey>().seal();
    let mut recorder = world.resource_mut::<Recorder>();
    recorder.append(id, &Record::MatchEnded { epoch: stage.epoch.get(), end: end.clone() });
    let Some(journal) = &mut recorder.0 else { return };
    if archive.builder.next() == Tick(0) {
        return;
    }
    let path = journal.writer.replays().join(file);
    journal.writer.seal(Sealing { builder: archive.builder, end, path, key });
}
