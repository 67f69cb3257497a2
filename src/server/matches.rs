//! Matches: how one starts, takes in late comers, ends, and is put away.

use std::time::Duration;

use bevy_ecs::prelude::{Component, Entity, Resource, World};
use framekeep_protocol::{
    CommitPolicy, EndReason, Epoch, MatchEnd, MatchStart, RoomEventKind, RoomId, RoomPhase, ToClient,
};
use framekeep_sim::{Frame, Pcg32, Tick};
use tracing::{debug, error};

use crate::admit::tell;
use crate::desync::Recall;
use crate::frame::Frames;
use crate::guard::discard;
use crate::limits::DRAIN_TIMEOUT;
use crate::room::Room;
use crate::schedule::DueRooms;
use crate::stage::{Ending, HashRing, Health, Stage, Timing};
use crate::step::{self, StepBudget, StepTimer};
use crate::{
    Clock, Counters, Failure, Faults, Games, Seat, SeatPlay, ServerConfig, cleanup, events, record, recover,
    rooms,
};

/// Where seeds and room ids come from.
#[derive(Resource)]
pub struct Chance(Pcg32);

impl Chance {
    /// Chance that repeats itself from a seed: for tests.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Pcg32::new(seed, 7))
    }

    /// Chance from the system's.
    #[must_use]
    pub fn system() -> Self {
        let mut seed = [0; 8];
        // Without randomness from the system room ids are merely guessable.
        let _ = getrandom::fill(&mut seed);
        Self::seeded(u64::from_le_bytes(seed))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0.next_u64()
    }
}

/// Starts a match in a room that has just become `Playing`; none while the node comes to rest.
pub(crate) fn start(world: &mut World, entity: Entity) {
    if let Some(mut room) = world.get_mut::<Room>(entity) {
        room.play_again = false;
    }
    finish(world, entity);
    if crate::gate::check_open(world).is_err() {
        return rooms::match_over(world, entity);
    }
    let now = world.resource::<Clock>().now();
    let seed = world.resource_mut::<Chance>().next();
    let config = world.resource::<ServerConfig>();
    let (delay, repeat_ticks_max, subtick) =
        (config.start_delay, config.input_repeat_ticks_max, config.subtick);
    let (budget, lockstep_wait) = (StepBudget::of(config), config.lockstep_wait);
    let Some(mut room) = world.get_mut::<Room>(entity) else { return };
    room.epoch = Epoch::new(room.epoch.get().wrapping_add(1));
    let (game, content, seats, epoch) =
        (room.game.clone(), room.content.clone(), room.lobby.roster().capacity(), room.epoch);
    let lockstep = room.lobby.options().commit == CommitPolicy::Lockstep;
    let wait_max = if lockstep { lockstep_wait } else { Duration::ZERO };
    let (rate_hz, send_every_ticks, id) = (room.tick_rate_hz, room.send_every_ticks, room.id);
    let timer = world.resource::<StepTimer>();
    let before = timer.read();
    let started = step::start(game.as_ref(), &content, seed, seats, budget);
    // What starting takes is charged to the first step.
    let health = Health { asked_took: timer.read().saturating_sub(before), ..Health::default() };
    let step::Started { play, state, hash } = match started {
        Ok(started) => started,
        Err(failure) => return fail_to_start(world, entity, &failure),
    };
    let period = Duration::from_secs(1) / u32::from(rate_hz);
    let due = align(now + delay, period) + offset(id, period, subtick);
    let mut hashes = HashRing::new();
    hashes.push(Tick(0), hash);
    let (waited, pause_told_at) = (false, due);
    let timing =
        Timing { due, period, rate_hz, send_every_ticks, repeat_ticks_max, wait_max, waited, pause_told_at };
    let seats = play.seats();
    let stage = Stage {
        game,
        play,
        epoch,
        seed,
        started_at: now,
        content,
        frame: Frame::absent(Tick(0), seats),
        previous: Frame::absent(Tick(0), seats),
        hashes,
        timing,
        ending: None,
        fresh: false,
        stepped_at: Duration::ZERO,
        state,
        outcome: None,
        health,
        is_asleep: false,
        is_held: false,
    };
    record::match_started(world, entity, &stage);
    let recall = Recall::begin(Tick(0), &stage.previous, &stage.state);
    world.entity_mut(entity).remove::<LastEnd>().insert((stage, recall, Frames::default()));
    world.resource_mut::<DueRooms>().put(due, entity);
    world.resource_mut::<Counters>().matches_started += 1;
    let in_ms = due.saturating_sub(now).as_millis() as u32;
    let told = vec![RoomEventKind::Countdown { in_ms }, RoomEventKind::Started { epoch }];
    events::tell_all(world, entity, told);
    for seat in rooms::seats_of(world, entity) {
        enter(world, entity, seat);
    }
}

/// The game could not start the match of a room that is `Playing`.
fn fail_to_start(world: &mut World, entity: Entity, failure: &Failure) {
    let Some(room) = world.get::<Room>(entity) else { return };
    let (id, epoch, game) = (room.id.0, room.epoch, room.game.name());
    error!(room = id, game, cause = ?failure.cause, %failure, "the game could not start a match");
    let mut counters = world.resource_mut::<Counters>();
    counters.matches_failed += 1;
    counters.failures.add(failure.cause as usize);
    world.resource_mut::<Faults>().note(entity, failure.clone());
    let reason = EndReason::Failed;
    announce_end(world, entity, &MatchEnd { epoch, ticks: Tick(0), hash: 0, outcome: None, reason });
    rooms::match_over(world, entity);
}

/// The first multiple of `period` that is not before `time`.
/// Rooms are spread over the sub-ticks of their period, so that work and packets do not come in one burst.
fn offset(id: RoomId, period: Duration, subtick: Duration) -> Duration {
    let subticks = (period.as_nanos() / subtick.as_nanos().max(1)).max(1) as u64;
    // The lowest bit says whether a room is private, and is the same for nearly all.
    subtick * ((id.0 >> 1) % subticks) as u32
}

fn align(time: Duration, period: Duration) -> Duration {
    let (time, period) = (time.as_nanos(), period.as_nanos().max(1));
    Duration::from_nanos((time.div_ceil(period) * period) as u64)
}

/// Brings a seat into the running match: at its start, late, or back after its link was lost. A player who has given
/// the match up, which one can before its first frame, has no part in it.
pub(crate) fn enter(world: &mut World, room: Entity, seat_entity: Entity) {
    if gave_up(world, room, seat_entity) {
        return;
    }
    let (Some(stage), Some(seat), Some(this)) =
        (world.get::<Stage>(room), world.get::<Seat>(seat_entity), world.get::<Room>(room))
    else {
        return;
    };
    let next = stage.tick();
    let input_bits = stage.game.input_bits();
    let message = MatchStart {
        room: this.id,
        epoch: stage.epoch,
        game: stage.game.name().to_owned(),
        fingerprint: world.resource::<Games>().fingerprint(stage.game.name()).unwrap_or_default(),
        input_bits: input_bits as u8,
        content: stage.content.to_vec(),
        seed: stage.seed,
        seats: stage.play.seats(),
        seat: seat.index,
        tick_rate_hz: stage.timing.rate_hz,
        send_every_ticks: stage.timing.send_every_ticks,
        input_repeat_ticks_max: stage.timing.repeat_ticks_max,
        next,
        due_in_us: stage.timing.due.saturating_sub(world.resource::<Clock>().now()).as_micros() as u32,
    };
    let link = seat.link;
    let mut play = SeatPlay::new(stage.epoch, input_bits, next, stage.timing.due, stage.timing.period);
    play.snapshot_owed = next > Tick(0);
    world.entity_mut(seat_entity).insert(play);
    if let Some(link) = link {
        tell(world, link, &ToClient::Started(message));
    }
}

fn gave_up(world: &World, room: Entity, seat: Entity) -> bool {
    let (Some(room), Some(seat)) = (world.get::<Room>(room), world.get::<Seat>(seat)) else { return false };
    room.lobby.occupant(seat.player).is_some_and(|occupant| occupant.out)
}

/// Gives the running match up.
pub(crate) fn abort(world: &mut World, room: Entity) {
    end(world, room, EndReason::Aborted);
}

/// Ends the running match; its last frames go on being sent for a while.
pub(crate) fn end(world: &mut World, room: Entity, reason: EndReason) {
    let now = world.resource::<Clock>().now();
    let Some(mut stage) = world.get_mut::<Stage>(room) else { return };
    if stage.ending.is_some() {
        return;
    }
    let outcome = if reason == EndReason::Outcome { stage.outcome.clone() } else { None };
    let (tick, epoch) = (stage.tick(), stage.epoch);
    let hash = stage.hash_at(tick).unwrap_or_default();
    stage.ending = Some(Ending { reason, outcome: outcome.clone(), hash, until: now + DRAIN_TIMEOUT });
    recover::wake(world, room, now);
    let ended = MatchEnd { epoch, ticks: tick, hash, outcome, reason };
    announce_end(world, room, &ended);
    rooms::match_over(world, room);
    cleanup::match_ended(world, room, reason == EndReason::Outcome);
    let mut counters = world.resource_mut::<Counters>();
    match reason {
        EndReason::Failed => counters.matches_failed += 1,
        EndReason::Outcome | EndReason::Aborted => counters.matches_ended += 1,
    }
}

/// How the last match of a room ended, for who was away then.
#[derive(Component, Clone, Debug)]
pub(crate) struct LastEnd(pub(crate) MatchEnd);

fn announce_end(world: &mut World, room: Entity, ended: &MatchEnd) {
    world.entity_mut(room).insert(LastEnd(ended.clone()));
    for seat in rooms::seats_of(world, room) {
        if let Some(link) = world.get::<Seat>(seat).and_then(|seat| seat.link) {
            tell(world, link, &ToClient::Ended(ended.clone()));
        }
    }
    events::tell_all(world, room, vec![RoomEventKind::Finished(ended.clone())]);
}

/// Puts a match away that has sent its last frame: the replay is sealed, the stage cleared.
pub(crate) fn finish(world: &mut World, room: Entity) {
    let Some(stage) = world.entity_mut(room).take::<Stage>() else { return };
    record::match_ended(world, room, &stage);
    // The frames hang on the room by this component and go with it.
    crate::frame::clear(world, room);
    for seat in rooms::seats_of(world, room) {
        world.entity_mut(seat).remove::<SeatPlay>();
    }
    let (ticks, ending) = (stage.tick().0, stage.ending.map_or(EndReason::Aborted, |ending| ending.reason));
    debug!(ticks, reason = ?ending, "a match is put away");
    discard(stage.play);
    let again = world.get_mut::<Room>(room).is_some_and(|mut room| std::mem::take(&mut room.play_again));
    if again && rooms::phase_of(world, room) == Some(RoomPhase::Playing) {
        start(world, room);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn rooms_with_and_without_a_code_are_spread_over_all_sub_ticks() {
        let (period, subtick) = (Duration::from_secs(1) / 30, Duration::from_millis(8));
        for is_private in [false, true] {
            let mut rooms: BTreeMap<Duration, u32> = BTreeMap::new();
            for room in 0..1_000_u64 {
                let id = RoomId::new(room.wrapping_mul(0x9e37_79b9_7f4a_7c15), is_private);
                *rooms.entry(offset(id, period, subtick)).or_default() += 1;
            }
            assert_eq!(rooms.len(), 4);
            assert!(rooms.values().all(|count| (200..300).contains(count)), "{rooms:?}");
        }
    }
}
