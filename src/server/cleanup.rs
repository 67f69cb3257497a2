//! Cleanup in tiers: what belongs to one user, to one match, to the whole room, in that order.
//!
//! A trigger says what is no longer needed; the deadline queue says when. A cleanup that is not urgent does not run
//! while a match plays in the room, unless its forced time has come. A cleanup that fails is counted and tried again
//! later; it touches nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bevy_ecs::prelude::{Component, Entity, Resource, World};
use tracing::{debug, error};

use crate::cleanup_stats::CleanupStats;
use crate::deadlines::Due;
use crate::limits::{CLEANUP_JITTER_PERCENT, CLEANUP_RETRIES_MAX};
use crate::packet::{self, PacketScope};
use crate::{Clock, Faults, Retry, Rooms, ServerConfig, Stage};

/// The tiers of cleanup, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CleanupTier {
    /// What belongs to one player.
    User,
    /// What belongs to one match; the room stays.
    Session,
    /// Everything.
    Room,
}

impl CleanupTier {
    /// All tiers in their order.
    pub const ALL: [Self; 3] = [Self::User, Self::Session, Self::Room];

    /// The tier's name in status and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Session => "session",
            Self::Room => "room",
        }
    }
}

/// A cleanup could not be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CleanupError {
    /// A test wants it so.
    #[error("a fault was put in")]
    Injected,
    /// It panicked.
    #[error("the cleanup panicked")]
    Panicked,
}

/// Lets cleanups fail, for tests: asked before each one.
#[derive(Resource)]
pub struct CleanupFaults(pub Box<dyn Fn(Entity, CleanupTier) -> Result<(), CleanupError> + Send + Sync>);

/// The cleanups a room waits for, sorted by tier.
#[derive(Component, Debug, Default)]
pub struct Cleanups(pub(crate) Vec<CleanupTask>);

/// One cleanup that a room waits for.
#[derive(Clone, Debug)]
pub struct CleanupTask {
    /// Which tier.
    pub tier: CleanupTier,
    /// Which packets.
    pub scope: PacketScope,
    /// Whether the match it follows had an outcome.
    pub completed: bool,
    /// When it was first asked for.
    pub asked_at: Duration,
    /// When it is tried next.
    pub due_at: Duration,
    /// When it runs even though a match plays.
    pub forced_at: Duration,
    /// How often it has failed.
    pub failures: u32,
    /// Packets made later belong to something else.
    covers_until: Duration,
}

/// A match is over: its packets are no longer needed in a while.
pub fn match_ended(world: &mut World, room: Entity, completed: bool) {
    let delay = world.resource::<ServerConfig>().cleanup_delay;
    ask(world, room, CleanupTier::Session, PacketScope::All, completed, delay);
}

/// A player left the room: what is about that seat goes with the next batch.
pub fn player_left(world: &mut World, room: Entity, seat: u8) {
    ask(world, room, CleanupTier::User, PacketScope::Seat(seat), false, Duration::ZERO);
}

/// A player gave the match up and stays: only that seat's gameplay packets go; other seats' and leaderboards stay.
pub fn player_aborted(world: &mut World, room: Entity, seat: u8) {
    player_left(world, room, seat);
}

/// The host gave the match up for everybody: all seats' packets go with the next batch. The rest goes as after any
/// match, which [`match_ended`] is told of.
pub fn host_aborted(world: &mut World, room: Entity) {
    ask(world, room, CleanupTier::User, PacketScope::Seats, false, Duration::ZERO);
}

/// A room closes: all three tiers at once and in order. The room itself is despawned by who closes it, and takes along
/// what a failing cleanup has left.
pub fn room_closing(world: &mut World, room: Entity) {
    let now = world.resource::<Clock>().now();
    if let Ok(mut this) = world.get_entity_mut(room) {
        this.remove::<Cleanups>();
    }
    let tiers = CleanupTier::ALL.into_iter().zip([PacketScope::Seats, PacketScope::All, PacketScope::All]);
    for (tier, scope) in tiers {
        let task = task(tier, scope, false, now, now);
        match attempt(world, room, &task, usize::MAX) {
            Ok(_) => world.resource_mut::<CleanupStats>().note_finished(tier),
            Err(error) => {
                error!(%error, tier = tier.name(), "a cleanup of a closing room failed");
                world.resource_mut::<CleanupStats>().failures += 1;
            }
        }
    }
    world.resource_mut::<Rooms>().deadlines.forget(room);
}

const fn task(
    tier: CleanupTier,
    scope: PacketScope,
    completed: bool,
    now: Duration,
    due_at: Duration,
) -> CleanupTask {
    CleanupTask {
        tier,
        scope,
        completed,
        asked_at: now,
        due_at,
        forced_at: due_at,
        failures: 0,
        covers_until: now,
    }
}

/// Puts a cleanup down. One of the same tier and scope that waits already takes this one in and keeps its forced time.
fn ask(
    world: &mut World,
    room: Entity,
    tier: CleanupTier,
    scope: PacketScope,
    completed: bool,
    delay: Duration,
) {
    let now = world.resource::<Clock>().now();
    let forced_after = world.resource::<ServerConfig>().cleanup_forced_after;
    let Ok(mut this) = world.get_entity_mut(room) else { return };
    if !this.contains::<Cleanups>() {
        this.insert(Cleanups::default());
    }
    let Some(mut cleanups) = this.get_mut::<Cleanups>() else { return };
    let tasks = &mut cleanups.0;
    match tasks.iter_mut().find(|task| task.tier == tier && task.scope == scope) {
        Some(task) => {
            task.covers_until = now;
            task.completed = completed;
            task.due_at = task.forced_at.min(now + delay);
        }
        None => {
            let mut task = task(tier, scope, completed, now, now + delay);
            task.forced_at = now + forced_after.max(delay);
            tasks.push(task);
            tasks.sort_by_key(|task| task.tier);
        }
    }
    schedule(world, room);
}

/// Puts the room down for the next of its cleanups.
fn schedule(world: &mut World, room: Entity) {
    let next =
        world.get::<Cleanups>(room).and_then(|cleanups| cleanups.0.iter().map(|task| task.due_at).min());
    let mut rooms = world.resource_mut::<Rooms>();
    match next {
        Some(at) => rooms.deadlines.put(at, Due::Cleanup, room),
        None => {
            rooms.deadlines.cancel(Due::Cleanup, room);
            if let Ok(mut this) = world.get_entity_mut(room) {
                this.remove::<Cleanups>();
            }
        }
    }
}

/// Runs the cleanups of a room that are due, with at most `budget` packets; gives how many packets went.
pub(crate) fn run_due(world: &mut World, room: Entity, budget: usize) -> usize {
    let Some(mut cleanups) = world.get_mut::<Cleanups>(room) else { return 0 };
    let mut tasks = std::mem::take(&mut cleanups.0);
    let playing = world.get::<Stage>(room).is_some_and(|stage| !stage.is_over());
    let mut cleaned = 0;
    tasks.retain_mut(|task| {
        let (goes_on, packets) = run_one(world, room, task, playing, budget - cleaned);
        cleaned += packets;
        goes_on
    });
    if let Some(mut cleanups) = world.get_mut::<Cleanups>(room) {
        cleanups.0 = tasks;
    }
    schedule(world, room);
    cleaned
}

/// Runs one cleanup if it is due; gives whether it still waits, and how many packets went.
fn run_one(
    world: &mut World,
    room: Entity,
    task: &mut CleanupTask,
    playing: bool,
    budget: usize,
) -> (bool, usize) {
    let now = world.resource::<Clock>().now();
    if task.due_at > now {
        return (true, 0);
    }
    let forced = now >= task.forced_at;
    if playing && !forced && task.tier != CleanupTier::User {
        let delay = world.resource::<ServerConfig>().cleanup_delay.max(Duration::from_millis(1));
        task.due_at = task.forced_at.min(now + delay);
        return (true, 0);
    }
    match attempt(world, room, task, budget) {
        Ok((packets, true)) => {
            let mut stats = world.resource_mut::<CleanupStats>();
            stats.note_finished(task.tier);
            stats.forced += u64::from(forced && task.forced_at > task.asked_at);
            debug!(tier = task.tier.name(), packets, forced, completed = task.completed, "cleaned up");
            (false, packets)
        }
        Ok((packets, false)) => {
            // The rest goes with the next pump.
            task.due_at = now + Duration::from_nanos(1);
            (true, packets)
        }
        Err(error) => (postpone(world, room, task, now, error), 0),
    }
}

/// After a failure: later, and later each time, but at the forced time once more whatever happened. Gives whether it
/// is tried again at all.
fn postpone(
    world: &mut World,
    room: Entity,
    task: &mut CleanupTask,
    now: Duration,
    error: CleanupError,
) -> bool {
    task.failures += 1;
    let (tier, failures) = (task.tier.name(), task.failures);
    let config = world.resource::<ServerConfig>();
    let retry = Retry {
        first: config.cleanup_retry_first,
        cap: config.cleanup_retry_max,
        retries_max: CLEANUP_RETRIES_MAX,
        jitter_percent: CLEANUP_JITTER_PERCENT,
    };
    let wait = retry.wait(failures, room.to_bits());
    world.resource_mut::<CleanupStats>().failures += 1;
    error!(%error, tier, failures, retried = wait.is_some(), "a cleanup failed");
    if let Some(mut faults) = world.get_resource_mut::<Faults>() {
        faults.note(room, error);
    }
    let Some(wait) = wait else {
        world.resource_mut::<CleanupStats>().given_up += 1;
        return false;
    };
    task.due_at = now + wait.max(Duration::from_millis(1));
    if now < task.forced_at {
        task.due_at = task.due_at.min(task.forced_at);
    }
    world.resource_mut::<CleanupStats>().retries += 1;
    true
}

/// Despawns packets of a task, oldest first; gives how many, and whether none is left. A panic harms nobody else.
fn attempt(
    world: &mut World,
    room: Entity,
    task: &CleanupTask,
    budget: usize,
) -> Result<(usize, bool), CleanupError> {
    let attempted = catch_unwind(AssertUnwindSafe(|| {
        if let Some(faults) = world.get_resource::<CleanupFaults>() {
            (faults.0)(room, task.tier)?;
        }
        let wanted = |packet: &packet::BufferedPacket| {
            packet.made_at <= task.covers_until && task.scope.covers(packet)
        };
        let mut found: Vec<_> = packet::of_room(world, room)
            .filter(|(_, packet)| wanted(packet))
            .map(|(entity, packet)| (entity, packet.kind))
            .take(budget.saturating_add(1))
            .collect();
        let done = found.len() <= budget;
        found.truncate(budget);
        for &(entity, kind) in &found {
            world.despawn(entity);
            world.resource_mut::<CleanupStats>().note_cleaned(kind, task.tier);
        }
        Ok((found.len(), done))
    }));
    attempted.unwrap_or(Err(CleanupError::Panicked))
}

#[cfg(test)]
mod tests;
