//! `TickPlugin`: collect inputs, commit the frame, step the game, check what clients claim.

use std::time::Duration;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{Commands, Entity, IntoScheduleConfigs, Local, Query, Res, ResMut, World};
use framekeep_protocol::{EndReason, SPECTATOR_SEAT, ToClient, encode_frame};
use framekeep_sim::{Frame, SeatInput, Tick};
use smallvec::SmallVec;
use tracing::{debug, error, warn};

use crate::desync::Notice;
use crate::frame::{CommittedFrame, FrameOf, Frames};
use crate::limits::{FRAMES_LIVE_MAX, SNAPSHOT_EVERY, STEP_SHARE};
use crate::log_budget::LogBudget;
use crate::schedule::DueRooms;
use crate::seat::Seats;
use crate::step::{self, SlowestStep, StepBudget};
use crate::{
    Clock, Counters, Desyncs, Fault, Faults, Pump, Room, Seat, SeatPlay, ServerConfig, ServerSystems, Stage,
    StepTimer, Timing, admit, matches, record, rooms,
};

/// A room that is later than this has its time moved instead of its frames caught up.
const LATENESS_MAX: Duration = Duration::from_secs(1);

/// How often a frame that waits for inputs is looked at again.
const LOCKSTEP_LOOK_EVERY: Duration = Duration::from_millis(4);

/// Collect inputs, commit the frame, step the game, check what clients claim.
pub(crate) struct TickPlugin;

impl Plugin for TickPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<DueRooms>()
            .init_resource::<StepTimer>()
            .init_resource::<SlowestStep>()
            .add_systems(Pump, collect_due_rooms.in_set(ServerSystems::Collect))
            .add_systems(Pump, commit_frames.in_set(ServerSystems::Commit))
            .add_systems(Pump, (step_rooms, note_endings).chain().in_set(ServerSystems::Step))
            .add_systems(Pump, check_hashes.in_set(ServerSystems::Check));
    }
}

/// Finds the rooms whose next frame is due.
fn collect_due_rooms(mut due: ResMut<DueRooms>, clock: Res<Clock>) {
    due.collect(clock.now());
}

/// Commits the frame of each due room: what arrived, else what was done before, else nothing.
pub(crate) fn commit_frames(
    mut due: ResMut<DueRooms>,
    mut rooms: Query<(&mut Stage, Option<&Seats>)>,
    mut seats: Query<(&Seat, &mut SeatPlay)>,
    mut counters: ResMut<Counters>,
    mut commands: Commands,
    clock: Res<Clock>,
    mut log: ResMut<LogBudget>,
    mut bytes: Local<Vec<u8>>,
    mut requeue: Local<Vec<(Duration, Entity)>>,
) {
    let now = clock.now();
    let mut again = std::mem::take(&mut *requeue);
    let mut claims = std::mem::take(&mut due.claims);
    for &room in &due.due {
        let Ok((mut stage, taken)) = rooms.get_mut(room) else { continue };
        let stage = &mut *stage;
        let timing = &mut stage.timing;
        stage.fresh = false;
        // It goes on here, or elsewhere, and is put down again then.
        if stage.is_held {
            continue;
        }
        // A room that was put down for an earlier match; its own time comes.
        if timing.due > now {
            continue;
        }
        if now < timing.due + timing.wait_max && stage.ending.is_none() && lacks_input(taken, &seats) {
            if !std::mem::replace(&mut timing.waited, true) {
                timing.pause_told_at = now;
            }
            again.push((now + LOCKSTEP_LOOK_EVERY, room));
            continue;
        }
        timing.catch_up(now, &mut log);
        timing.due += timing.period;
        again.push((timing.due, room));
        stage.fresh = stage.ending.is_none() && stage.outcome.is_none() && stage.health.failure.is_none();
        if !stage.fresh {
            // Nothing more is committed, and the last hashes are still to be compared.
            claims.extend(Seats::entities(taken).map(|seat| (room, seat)));
            continue;
        }
        let tick = stage.hashes.newest();
        std::mem::swap(&mut stage.previous, &mut stage.frame);
        stage.frame.copy_from(&stage.previous);
        stage.frame.tick = tick;
        stage.frame.clear();
        for entity in Seats::entities(taken) {
            let Ok((seat, mut play)) = seats.get_mut(entity) else { continue };
            if play.claim.is_some() {
                claims.push((room, entity));
            }
            play.deadline = timing.due;
            if seat.index == SPECTATOR_SEAT {
                // Whoever watches acts in no frame.
                let _ = play.inputs.take();
                continue;
            }
            stage.frame.set(seat.index, seat_input(&mut play, timing.repeat_ticks_max, &mut counters));
        }
        bytes.clear();
        encode_frame(&stage.previous, &stage.frame, stage.game.input_bits(), &mut bytes);
        commands.spawn((CommittedFrame { tick, delta: SmallVec::from_slice(&bytes) }, FrameOf(room)));
        counters.frames += 1;
        counters.frames_changed += u64::from(differs(&stage.previous, &stage.frame));
    }
    for (at, room) in again.drain(..) {
        due.put(at, room);
    }
    *requeue = again;
    due.claims = claims;
}

/// Whether somebody does something else than in the frame before.
fn differs(before: &Frame, now: &Frame) -> bool {
    before.seats().iter().zip(now.seats()).any(|(before, now)| before.bits != now.bits)
}

impl Timing {
    /// Whether it is time to tell seats that the match stands still: at once, and then once a tick.
    pub(crate) fn take_pause_telling(&mut self, now: Duration) -> bool {
        let tell = now >= self.pause_told_at;
        if tell {
            self.pause_told_at = now + self.period;
        }
        tell
    }

    /// Moves the time of a room that has waited for inputs, or is so late that it cannot make it up.
    fn catch_up(&mut self, now: Duration, log: &mut LogBudget) {
        let late = now.saturating_sub(self.due);
        if late > LATENESS_MAX && log.take(now) {
            warn!(late_ms = late.as_millis() as u64, "a room is late and its time is moved");
        }
        if late > LATENESS_MAX || std::mem::take(&mut self.waited) {
            self.due = now;
        }
    }
}

/// Whether the next input of somebody who is connected has not arrived.
fn lacks_input(taken: Option<&Seats>, seats: &Query<(&Seat, &mut SeatPlay)>) -> bool {
    Seats::entities(taken).filter_map(|seat| seats.get(seat).ok()).any(|(seat, play)| {
        let acts = seat.link.is_some() && seat.index != SPECTATOR_SEAT;
        acts && play.inputs.missing() == play.inputs.next()
    })
}

/// What one seat does in this frame.
fn seat_input(play: &mut SeatPlay, repeat_ticks_max: u8, counters: &mut Counters) -> SeatInput {
    if let Some(bits) = play.inputs.take() {
        play.last = Some((bits, 0));
        counters.inputs_arrived += 1;
        return SeatInput::arrived(bits);
    }
    match &mut play.last {
        Some((bits, repeats)) if *repeats < repeat_ticks_max => {
            *repeats += 1;
            counters.inputs_repeated += 1;
            SeatInput::repeated(*bits)
        }
        _ => {
            counters.inputs_absent += 1;
            SeatInput::ABSENT
        }
    }
}

/// Steps the due rooms on all cores. What a game does wrong harms only its own room.
fn step_rooms(
    due: Res<DueRooms>,
    mut rooms: Query<&mut Stage>,
    timer: Res<StepTimer>,
    clock: Res<Clock>,
    config: Res<ServerConfig>,
) {
    let budget = StepBudget::of(&config);
    rooms.par_iter_many_unique_mut(&due.due_set).for_each(|stage| {
        let Ok(mut stage) = stage else { return };
        if stage.fresh {
            step::step(&mut stage, &timer, budget);
            stage.stepped_at = clock.precise();
        }
    });
}

/// Ends matches that have an outcome, and those whose game has failed.
fn note_endings(
    world: &mut World,
    mut noted: Local<Vec<(Entity, Noted)>>,
    mut unsendable: Local<Vec<Entity>>,
    mut slow: Local<Vec<(Entity, Duration)>>,
) {
    let due = world.resource::<DueRooms>();
    let mut slowest = SlowestStep::default();
    for &room in &due.due {
        let Some(stage) = world.get::<Stage>(room).filter(|stage| stage.ending.is_none()) else { continue };
        let health = &stage.health;
        if stage.fresh && health.step_took > slowest.took {
            slowest =
                SlowestStep { room: world.get::<Room>(room).map(|room| room.id), took: health.step_took };
        }
        if stage.fresh && health.is_slowed && health.failure.is_none() {
            slow.push((room, health.step_took));
        }
        if stage.fresh && !stage.holds_frame() {
            // The frame that nobody can step is not sent: clients have the same rules and would fail as well.
            unsendable.extend(world.get::<Frames>(room).and_then(|frames| frames.entities().last()));
        }
        if health.recovered.is_some() {
            noted.push((room, Noted::Rebuilt));
        }
        if stage.outcome.is_some() && !record::is_settled(world, room, stage.tick()) {
            // A result is told when the frames it comes of are durable.
        } else if stage.outcome.is_some() {
            noted.push((room, Noted::Outcome));
        } else if health.failure.is_some() {
            noted.push((room, Noted::Failure));
        }
    }
    world.insert_resource(slowest);
    for (room, took) in slow.drain(..) {
        slow_down(world, room, took);
    }
    for frame in unsendable.drain(..) {
        world.despawn(frame);
    }
    for (room, noted) in noted.drain(..) {
        match noted {
            Noted::Rebuilt => note_rebuild(world, room),
            Noted::Outcome => matches::end(world, room, EndReason::Outcome),
            Noted::Failure => fail(world, room),
        }
    }
}

/// A room that has taken too much of the time is not due again before it has had its share at most: it is slower for
/// it, and rooms that it has made late catch up meanwhile.
fn slow_down(world: &mut World, room: Entity, took: Duration) {
    let due = world.resource::<Clock>().now() + (took * STEP_SHARE).min(LATENESS_MAX);
    let Some(mut stage) = world.get_mut::<Stage>(room).filter(|stage| stage.timing.due < due) else { return };
    stage.timing.due = due;
    world.resource_mut::<DueRooms>().put(due, room);
    for seat in rooms::seats_of(world, room) {
        if let Some(mut play) = world.get_mut::<SeatPlay>(seat) {
            play.deadline = due;
        }
    }
    world.resource_mut::<Counters>().matches_slowed += 1;
}

/// What is to be done about a room after its step.
enum Noted {
    Rebuilt,
    Outcome,
    Failure,
}

/// Logs that a match went on after a panic.
fn note_rebuild(world: &mut World, room: Entity) {
    let id = world.get::<Room>(room).map_or(0, |room| room.id.0);
    let Some(mut stage) = world.get_mut::<Stage>(room) else { return };
    let Some(panicked) = stage.health.recovered.take() else { return };
    let (tick, game, rebuilds) = (stage.frame.tick.0, stage.game.name(), stage.health.rebuilds);
    warn!(room = id, tick, game, rebuilds, %panicked, "a game panicked; its match was rebuilt and goes on");
    world.resource_mut::<Counters>().matches_rebuilt += 1;
    world.resource_mut::<Faults>().note(room, panicked);
}

/// Ends a match whose game has failed; its replay is sealed as any other, and the log says where.
fn fail(world: &mut World, room: Entity) {
    let id = world.get::<Room>(room).map_or(0, |room| room.id.0);
    let Some(stage) = world.get::<Stage>(room) else { return };
    let Some(failure) = stage.health.failure.clone() else { return };
    // The inputs of the frame it failed at are in no replay.
    let frame = &stage.frame;
    let inputs: Vec<_> = (0..frame.seat_count()).map(|seat| frame.seat(seat).bits).collect();
    let replay = record::replay_path(world, room).map(|path| path.display().to_string());
    error!(
        room = id,
        tick = frame.tick.0,
        game = stage.game.name(),
        cause = ?failure.cause,
        %failure,
        ?inputs,
        replay = replay.as_deref().unwrap_or("none"),
        "a game has failed; its match is ended"
    );
    world.resource_mut::<Counters>().failures.add(failure.cause as usize);
    world.resource_mut::<Faults>().note(room, failure);
    matches::end(world, room, EndReason::Failed);
}

/// Compares the hashes that clients claim with ours. A client that differs is healed by a snapshot.
pub(crate) fn check_hashes(
    due: Res<DueRooms>,
    rooms: Query<&Stage>,
    mut seats: Query<(&Seat, &mut SeatPlay)>,
    mut counters: ResMut<Counters>,
    mut faults: ResMut<Faults>,
    mut desyncs: ResMut<Desyncs>,
    mut commands: Commands,
    clock: Res<Clock>,
) {
    let now = clock.now();
    for &(room, entity) in &due.claims {
        let (Ok(stage), Ok((seat, mut play))) = (rooms.get(room), seats.get_mut(entity)) else { continue };
        let Some((tick, got)) = play.claim else { continue };
        let Some(expected) = stage.hash_at(tick) else { continue };
        play.claim = None;
        // Packets overtake each other: what an older one says is no news.
        if play.compared.is_some_and(|compared| tick <= compared) {
            continue;
        }
        play.compared = Some(tick);
        let expected = expected as u32;
        if expected == got {
            counters.hashes_agreed += 1;
            play.agreed = Some(tick);
            if let Some(since) = play.differs_since.take() {
                desyncs.heal_ms.record((now - since).as_millis() as u64);
            }
            continue;
        }
        counters.desyncs += 1;
        let is_news = play.differs_since.is_none();
        // A client that goes on differing is told, logged and healed once a second, however often it says so.
        let is_healing = play.snapshot_owed || play.snapshot_at.is_some_and(|at| now < at + SNAPSHOT_EVERY);
        if is_healing && !is_news {
            continue;
        }
        if is_news {
            play.differs_since = Some(now);
            desyncs.notice(Notice { room, seat: entity, tick, got, good: play.agreed });
        }
        play.snapshot_owed = true;
        if let Some(link) = seat.link {
            faults.note(link, Fault::Desync { tick });
        }
        let message = ToClient::Desynced { epoch: stage.epoch, tick, expected, got };
        let (link, player) = (seat.link, seat.player.0);
        commands.queue(move |world: &mut World| {
            debug!(player, tick = tick.0, "a client's state differs from ours");
            if let Some(link) = link {
                admit::tell(world, link, &message);
            }
        });
    }
}

/// How many frames of a room stay entities for a seat that has everything before `acked`.
pub(crate) fn is_out_of_reach(acked: Tick, next: Tick) -> bool {
    next.since(acked) as usize > FRAMES_LIVE_MAX
}
