//! `BroadcastPlugin`: to each seat the frames it lacks, in one datagram.

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{Commands, Entity, IntoScheduleConfigs, Local, Query, Res, ResMut, Resource, World};
use framekeep_protocol::{
    FRAMES_PER_PACKET_MAX, FramesHead, HOT_BYTES_MAX, SNAPSHOT, Snapshot, begin_frames,
};
use framekeep_sim::Tick;
use tracing::warn;

use crate::allowance::{Allowances, Spent};
use crate::copies::{Copies, send_copies};
use crate::frame::{CommittedFrame, Frames};
use crate::limits::{DRAIN_TIMEOUT, DRAIN_WAITED, SNAPSHOT_EVERY};
use crate::link::{BusyLinks, Control};
use crate::record::Outgoing;
use crate::room::Room;
use crate::schedule::DueRooms;
use crate::seat::Seats;
use crate::tick::is_out_of_reach;
use crate::workload::Workload;
use crate::{Clock, Counters, Journaled, Link, Pump, Seat, SeatPlay, ServerSystems, Shard, Stage, matches};

/// Bytes kept for the head of a packet of frames.
const HEAD_BYTES: usize = 16;

/// To each seat the frames it lacks, in one datagram; snapshots to those who lack too many.
pub(crate) struct BroadcastPlugin;

impl Plugin for BroadcastPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<SnapshotsOwed>()
            .init_resource::<Copies>()
            .init_resource::<Workload>()
            .add_systems(
                Pump,
                (send_frames, send_copies, send_snapshots).chain().in_set(ServerSystems::Broadcast),
            )
            .add_systems(Pump, finish_matches.in_set(ServerSystems::Release));
    }
}

/// Rooms and seats that are owed a snapshot, found while their frames are sent.
#[derive(Resource, Default)]
pub(crate) struct SnapshotsOwed(Vec<(Entity, Entity)>);

/// The frames of one room, joined: what each seat gets is the end of it.
#[derive(Default)]
struct Window {
    bytes: Vec<u8>,
    /// Where each frame ends.
    ends: Vec<usize>,
    first: Tick,
}

impl Window {
    /// Joins the frames since `from` that are before `until`.
    fn fill(&mut self, frames: &[Entity], from: Tick, until: Tick, committed: &Query<&CommittedFrame>) {
        self.bytes.clear();
        self.ends.clear();
        self.first = from;
        let newest = frames.last().and_then(|&frame| committed.get(frame).ok()).map(|frame| frame.tick);
        let Some(newest) = newest else { return };
        let wanted = (newest.next().since(from) as usize).min(frames.len());
        for &frame in &frames[frames.len() - wanted..] {
            let Ok(frame) = committed.get(frame) else { continue };
            if frame.tick >= until {
                return;
            }
            if self.ends.is_empty() {
                self.first = frame.tick;
            }
            self.bytes.extend_from_slice(&frame.delta);
            self.ends.push(self.bytes.len());
        }
    }

    /// The frames from `from` on that fit into one packet: how many, and their bytes.
    fn since(&self, from: Tick) -> (u8, &[u8]) {
        let skipped = from.since(self.first) as usize;
        let start =
            if skipped == 0 { 0 } else { self.ends.get(skipped - 1).copied().unwrap_or(self.bytes.len()) };
        let fits = |&&end: &&usize| end - start <= HOT_BYTES_MAX - HEAD_BYTES;
        let later = self.ends.get(skipped..).unwrap_or_default();
        let count = later.iter().take(FRAMES_PER_PACKET_MAX).take_while(fits).count();
        let end = if count == 0 { start } else { later[count - 1] };
        (count as u8, &self.bytes[start..end])
    }
}

/// Queues for each linked seat of each room that may send the frames since its acknowledgement, and despawns those
/// that all linked seats have: the archive holds them since they were committed.
fn send_frames(
    outgoing: Res<Outgoing>,
    mut rooms: Query<(&mut Stage, Option<&Seats>, &Frames, Option<&Journaled>)>,
    mut seats: Query<(&Seat, &mut SeatPlay)>,
    committed: Query<&CommittedFrame>,
    links: Query<&Link>,
    mut shards: Query<&mut Shard>,
    mut counters: ResMut<Counters>,
    mut owed: ResMut<SnapshotsOwed>,
    (mut copies, workload): (ResMut<Copies>, Res<Workload>),
    mut commands: Commands,
    clock: Res<Clock>,
    mut window: Local<Window>,
) {
    let now = clock.now();
    owed.0.clear();
    for &room in &outgoing.0 {
        let Ok((mut stage, taken, frames, journaled)) = rooms.get_mut(room) else { continue };
        let paused = stage.timing.waited && stage.ending.is_none();
        if paused && !stage.timing.take_pause_telling(now) {
            continue;
        }
        let next = stage.tick();
        let every = u32::from(stage.timing.send_every_ticks.max(1));
        // What is not durable, in a room where that counts, nobody is told.
        let until = journaled.map_or(next, |journaled| journaled.sendable.min(next));
        if !until.0.is_multiple_of(every) && stage.ending.is_none() && !paused {
            continue;
        }
        let can_take = until == next;
        let oldest = oldest_lacked(&mut seats, taken, next, |seat| {
            if can_take {
                owed.0.push((room, seat));
            }
        });
        let live = (next.since(oldest) as usize).min(frames.entities().len());
        for &frame in &frames.entities()[..frames.entities().len() - live] {
            commands.entity(frame).despawn();
        }
        window.fill(frames.entities(), oldest, until, &committed);
        for seat in Seats::entities(taken) {
            let Ok((seat, mut play)) = seats.get_mut(seat) else { continue };
            let Some(link) = seat.link.and_then(|link| links.get(link).ok()) else { continue };
            let Ok(mut shard) = shards.get_mut(link.shard) else { continue };
            if stage.ending.is_some() && play.acked >= next {
                continue;
            }
            let (count, bytes) = window.since(play.acked);
            let head = head(&stage, &mut play, count, paused);
            play.note_sent(head.first.later(count.into()), every, now);
            shard.push_with(link.player.0, |out| {
                let start = out.len();
                begin_frames(&head, out);
                out.extend_from_slice(bytes);
                let sent = (out.len() - start) as u64;
                counters.hot_bytes[1] += sent;
                play.traffic[1] += sent;
                // Copies that make a server late make more copies: they are the first thing it leaves out.
                if !workload.is_busy() {
                    let interval = stage.timing.period * every;
                    copies.put(&mut play, (link.shard, link.player.0), &out[start..], interval, now);
                }
            });
            counters.hot_sent += 1;
        }
    }
}

/// The first frame that a linked seat of a room lacks. Who lacks too many is owed a snapshot instead, as `owe` hears.
fn oldest_lacked(
    seats: &mut Query<(&Seat, &mut SeatPlay)>,
    taken: Option<&Seats>,
    next: Tick,
    mut owe: impl FnMut(Entity),
) -> Tick {
    let mut oldest = next;
    for entity in Seats::entities(taken) {
        let Ok((seat, mut play)) = seats.get_mut(entity) else { continue };
        if is_out_of_reach(play.acked, next) {
            play.snapshot_owed = true;
            play.acked = next;
        }
        if seat.link.is_some() {
            oldest = oldest.min(play.acked);
        }
        if play.snapshot_owed {
            owe(entity);
        }
    }
    oldest
}

/// What a packet of frames says of the link.
fn head(stage: &Stage, play: &mut SeatPlay, count: u8, paused: bool) -> FramesHead {
    FramesHead {
        epoch: stage.epoch,
        first: play.acked,
        count,
        input_next: play.inputs.missing(),
        lead: play.report_lead(),
        paused,
    }
}

/// Sends the snapshots that are owed, each seat's at most once a second.
pub(crate) fn send_snapshots(
    owed: Res<SnapshotsOwed>,
    rooms: Query<&Stage>,
    mut seats: Query<(&Seat, &mut SeatPlay)>,
    mut controls: Query<&mut Control>,
    mut busy: ResMut<BusyLinks>,
    mut counters: ResMut<Counters>,
    mut allowances: ResMut<Allowances>,
    clock: Res<Clock>,
) {
    let now = clock.now();
    for &(room, seat) in &owed.0 {
        let (Ok(stage), Ok((seat, mut play))) = (rooms.get(room), seats.get_mut(seat)) else { continue };
        let Some(link) = seat.link else { continue };
        // Who leaves and joins again has another seat and is the same player.
        if play.snapshot_at.is_some_and(|at| now < at + SNAPSHOT_EVERY)
            || !allowances.allows(seat.player, Spent::Snapshot, now)
        {
            continue;
        }
        let Ok(mut control) = controls.get_mut(link) else { continue };
        let tick = stage.tick();
        let hash = stage.hash_at(tick).unwrap_or_default();
        match Snapshot::new(stage.epoch, tick, stage.last_frame(), hash, &stage.state) {
            // A lane that is full has a fault from now on, for which the link is closed.
            Ok(snapshot) => drop(control.0.send(SNAPSHOT, snapshot.encode())),
            Err(fault) => warn!(%fault, "a state cannot be sent"),
        }
        play.snapshot_owed = false;
        play.snapshot_at = Some(now);
        allowances.spend(seat.player, Spent::Snapshot, now);
        play.acked = play.acked.max(tick);
        play.claim = None;
        busy.links.insert(link);
        counters.snapshots += 1;
    }
}

/// Puts matches away that are over and have sent their last frames.
fn finish_matches(world: &mut World, mut over: Local<Vec<Entity>>) {
    let now = world.resource::<Clock>().now();
    for &room in &world.resource::<DueRooms>().due {
        let Some(stage) = world.get::<Stage>(room) else { continue };
        let Some(ending) = &stage.ending else { continue };
        let all_have_it = crate::rooms::seats_of(world, room).into_iter().all(|seat| {
            let linked = world.get::<Seat>(seat).is_some_and(|seat| seat.link.is_some());
            !linked || world.get::<SeatPlay>(seat).is_none_or(|play| play.acked >= stage.tick())
        });
        // Who waits for the next match does not wait long for those who are perhaps gone.
        let waiting = world.get::<Room>(room).is_some_and(|room| room.play_again);
        let until = if waiting { ending.until - (DRAIN_TIMEOUT - DRAIN_WAITED) } else { ending.until };
        if all_have_it || now >= until {
            over.push(room);
        }
    }
    for room in over.drain(..) {
        matches::finish(world, room);
    }
}
