//! `RecordPlugin`: every room's life into the journal, every match into its archive and, at its end, a file.

mod clerk;
mod desk;
mod disk;
mod durable;
mod held;
mod holds;
mod left;
mod partings;
mod retell;
mod sealer;
mod segments;
mod so_far;
mod status_file;
#[cfg(test)]
mod tests;
mod writer;
mod written;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{
    Component, Entity, IntoScheduleConfigs, Query, Res, ResMut, Resource, Without, World,
};
use framekeep_journal::{
    EndReason, MatchEnd, MatchHeader, MatchStarted, Record, ReplayBuilder, Seated, SegmentWriter,
    pack_snapshot,
};
use framekeep_protocol::{PROTOCOL_VERSION, RoomId};
use framekeep_sim::{Tick, hash_bytes};
use tracing::error;

use desk::Mark;
pub use disk::{Disk, DiskFile, SystemDisk};
use durable::{hand_over, look_after, release_frames};
pub use held::Journaled;
pub(crate) use held::Outgoing;
use held::{Held, HeldFrame};
pub(crate) use holds::Hold;
pub(crate) use left::{is_sealed, keep_left, seal_left};
use partings::{Parting, Partings};
use retell::Retelling;
pub(crate) use retell::{retell, state_of, tell_match};
use sealer::{Sealing, is_kept};
pub(crate) use segments::LeftMatch;
pub use segments::has_left_rooms;
pub use writer::RecordError;
use writer::{DiskTimes, Left, Writer};
pub(crate) use written::{Written, is_written, moved_away, moved_in, written};

use crate::frame::{CommittedFrame, Frames};
use crate::holders::Holders;
use crate::room::Room;
use crate::schedule::DueRooms;
use crate::{
    Clock, Durability, Games, NodeKey, Pump, RoomList, ServerConfig, ServerSystems, Stage, moves, results,
};

/// Ticks between two snapshots of a room in the journal, at least and at most.
const SNAPSHOT_TICKS_MIN: u32 = 32;
const SNAPSHOT_TICKS_MAX: u32 = 512;

/// Every room's life into the journal, every match into its archive and, at its end, a file.
pub(crate) struct RecordPlugin;

impl Plugin for RecordPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Outgoing>().add_systems(
            Pump,
            (
                record_rooms,
                record_frames,
                moves::advance_moves,
                retell::retell_rooms,
                hand_over,
                release_frames,
                look_after,
            )
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
    /// Matches that ended in this batch.
    holds: Vec<(u64, Hold)>,
    /// Of matches that earlier runs have left.
    left_hold: Option<Hold>,
    packed: Vec<u8>,
    /// What is handed over next is made durable at once.
    is_urgent: bool,
    /// Rooms that are not as they were told last.
    changed: Vec<Entity>,
    held: Held,
    partings: Partings,
    retelling: Retelling,
    /// What earlier runs have left, until it is taken.
    left: Option<Left>,
    /// Rooms that would lose frames if the machine stopped now, as it was found when last looked.
    behind: usize,
    /// It is said that rooms are not durable.
    is_told: bool,
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
            holds: Vec::new(),
            left_hold: None,
            packed: Vec::new(),
            is_urgent: false,
            changed: Vec::new(),
            held: Held::default(),
            partings: Partings::default(),
            retelling: Retelling::default(),
            left: Some(left),
            behind: 0,
            is_told: false,
            looked_at: Duration::ZERO,
        })))
    }

    /// What runs before this one have left; once. What is made of it keeps its segments until it is on the disk.
    pub(crate) fn take_left(&mut self) -> Option<Left> {
        let journal = self.0.as_mut()?;
        let left = journal.left.take()?;
        journal.left_hold = Some(left.hold.clone());
        Some(left)
    }

    /// Everything is made of what earlier runs have left.
    pub(crate) fn left_is_taken(&mut self) {
        if let Some(journal) = &mut self.0 {
            journal.left_hold = None;
        }
    }

    fn left_hold(&self) -> Hold {
        self.0.as_ref().and_then(|journal| journal.left_hold.clone()).unwrap_or_default()
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

    /// Writes the names of rooms that were closed.
    pub(crate) fn write_names(&self, json: Vec<u8>) {
        if let Some(journal) = &self.0 {
            journal.writer.names(json);
        }
    }

    /// Writes what is pending, waits until it is durable and every match is sealed, and ends the run; it has a clean
    /// end only if its results are kept too, for the next start makes them from the journal. Gives how many matches
    /// were not sealed.
    pub(crate) fn close(&mut self, results_are_kept: bool) -> u64 {
        let Some(mut journal) = self.0.take() else { return 0 };
        journal.hand_over();
        journal.writer.stop(results_are_kept)
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

    /// Whether records were lost and nothing has become durable since.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.0.as_ref().is_some_and(|journal| journal.writer.shared().refuses())
    }

    /// Whether it was said that rooms are not durable, and not yet that all are again.
    #[must_use]
    pub fn is_undurable(&self) -> bool {
        self.0.as_ref().is_some_and(|journal| journal.is_told)
    }

    /// Bytes of the journal's segments on disk, as of a second ago.
    #[must_use]
    pub fn journal_bytes(&self) -> u64 {
        self.0.as_ref().map_or(0, |journal| journal.writer.journal_bytes())
    }

    /// Looks at how long the disk takes, where anything is recorded.
    pub(crate) fn with_times<T>(&self, look: impl FnOnce(&mut DiskTimes) -> T) -> T {
        match &self.0 {
            Some(journal) => look(&mut journal.writer.shared().times()),
            None => look(&mut DiskTimes::default()),
        }
    }

    /// For how long the oldest records have been on their way to the disk.
    pub(crate) fn lag(&self, now: Duration) -> Duration {
        self.0.as_ref().map_or(Duration::ZERO, |journal| journal.held.lag(now))
    }

    /// Bytes that wait for the disk: of the journal, and of matches to be sealed.
    pub(crate) fn waiting_bytes(&self) -> (usize, usize) {
        self.0.as_ref().map_or((0, 0), |journal| {
            let shared = journal.writer.shared();
            (shared.pending_bytes.load(Ordering::Relaxed), shared.unsealed_bytes())
        })
    }

    /// How the journal is, as fields of the status.
    pub(crate) fn json(&self) -> String {
        format!(
            "\"journal_bytes\":{},\"journal_given_up\":{},\"undurable_rooms\":{},\"journal_failures\":{},\
             \"disk_refuses\":{}",
            self.journal_bytes(),
            self.0.as_ref().map_or(0, |journal| journal.writer.shared().given_up()),
            self.undurable_rooms(),
            self.failures(),
            self.refuses()
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
        let (marks, holds) = (std::mem::take(&mut self.marks), std::mem::take(&mut self.holds));
        let number = self.writer.append(records, marks, holds);
        if std::mem::take(&mut self.is_urgent) {
            self.writer.hurry();
        }
        self.partings.hand_over(number);
        Some(number)
    }

    /// Tells that a room or its match is over, until that is durable.
    fn tell_end(&mut self, room: u64, parting: Parting) {
        let holes = self.writer.shared().holes();
        self.partings.tell(room, parting, holes, &mut self.batch, &mut self.marks);
    }

    fn append_snapshot(&mut self, room: u64, stage: &Stage) {
        let tick = stage.tick();
        let hash = stage.hash_at(tick).unwrap_or_default();
        pack_snapshot(&stage.state, &mut self.packed);
        self.batch.append(room, &Record::Snapshot { tick, hash, packed: &self.packed });
    }
}

/// Tells rooms that are not as they were told last.
pub(crate) fn record_rooms(mut recorder: ResMut<Recorder>, rooms: Query<&Room, Without<moves::Leaving>>) {
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
            if journaled.is_behind {
                journaled.unheld = journal.writer.next_batch();
            }
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

/// How many ticks lie between two snapshots of a room that may take `share` to be stepped from one to the next.
fn snapshot_ticks(share: Duration, step_took: Duration) -> u32 {
    let ticks = share.as_nanos() / step_took.as_nanos().max(1);
    let ticks = u32::try_from(ticks).unwrap_or(u32::MAX).clamp(SNAPSHOT_TICKS_MIN, SNAPSHOT_TICKS_MAX);
    // A power of two, so that a room whose steps take now more, now less, keeps its rhythm.
    1 << ticks.ilog2()
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
    world.resource_mut::<moves::Moves>().forget(room.0);
    forget_room(world, room.0);
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
    world.entity_mut(entity).insert(Holders::of(&header));
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

/// Nothing is needed of a room any more that earlier runs have left.
pub(crate) fn forget_room(world: &mut World, room: u64) {
    if let Some(journal) = &mut world.resource_mut::<Recorder>().0 {
        journal.tell_end(room, Parting::Room);
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

/// The archive of a match that came with its room, which is told later.
pub(crate) fn bring_archive(world: &mut World, entity: Entity, archive: FrameArchive) {
    let ticks = archive.ticks();
    world.entity_mut(entity).insert(archive);
    if let Some(mut journaled) = world.get_mut::<Journaled>(entity) {
        journaled.sendable = ticks;
    }
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
    let is_kept = is_kept(&end, stage.timing.rate_hz, world.resource::<ServerConfig>().sealed_after);
    let hold = Hold::default();
    if is_kept {
        results::keep(world, entity, &archive.header, &end, (&file, room.lobby.content()), hold.clone());
    }
    let key = world.resource::<NodeKey>().seal();
    let mut recorder = world.resource_mut::<Recorder>();
    let Some(journal) = &mut recorder.0 else { return };
    journal.tell_end(id.0, Parting::Match(stage.epoch.get(), end.clone()));
    if !is_kept {
        return;
    }
    journal.holds.push((id.0, hold.clone()));
    let path = journal.writer.replays().join(file);
    journal.writer.seal(Sealing { builder: archive.builder, end, path, key, ended: None, _hold: hold });
}
