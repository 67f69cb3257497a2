//! `ExpirePlugin`: what happens when time is up. The only place that frees seats and closes rooms by the clock.

use std::time::Duration;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{
    Add, Commands, Component, Entity, Insert, IntoScheduleConfigs, On, Query, Remove, Res, ResMut, World,
};
use framekeep_protocol::{ClosedReason, LeftReason, PlayerId, RoomPhase, SPECTATOR_SEAT};
use tracing::debug;

use crate::cleanup;
use crate::cleanup_stats::{self, CleanupStats};
use crate::deadlines::Due;
use crate::limits::{CLOSING_NOTICE, UNPLAYED_ROOM_LIFE};
use crate::room::{Phase, Room, Rooms};
use crate::seat::{SeatOf, Seats};
use crate::{
    Clock, Link, LinkStage, Player, Players, Pump, Seat, ServerConfig, ServerSystems, Stage, admit, closed,
    events, rooms,
};

/// What happens when time is up: held seats are freed, packets cleaned up, rooms closed.
pub(crate) struct ExpirePlugin;

impl Plugin for ExpirePlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<CleanupStats>()
            .add_observer(cleanup_stats::count_packet)
            .add_observer(cleanup_stats::discount_packet)
            .add_observer(begin_life)
            .add_observer(note_phase)
            .add_observer(note_arrival)
            .add_observer(note_emptiness)
            .add_observer(forget_seat)
            .add_observer(forget_room)
            .add_systems(Pump, expire.in_set(ServerSystems::Expire));
    }
}

/// What a room's life depends on.
#[derive(Component, Clone, Copy, Debug)]
pub struct RoomLife {
    /// When something last happened in it.
    pub(crate) active_at: Duration,
    /// Since when nobody has a seat in it; some may watch.
    pub(crate) empty_since: Option<Duration>,
    /// A match has been played in it.
    pub(crate) played: bool,
    /// Since when its match is over and no other is prepared.
    pub(crate) finished_since: Option<Duration>,
    /// Its members were told that it closes soon.
    warned: bool,
}

/// Why a room closes by the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomRule {
    /// It was empty for long.
    Empty,
    /// Its match was over for long, and nobody wanted another.
    Finished,
    /// Nothing has happened in it for long.
    Idle,
}

/// Something happened in a room: it lives on.
pub fn touch_room(world: &mut World, room: Entity) {
    let now = world.resource::<Clock>().now();
    if let Some(mut life) = world.get_mut::<RoomLife>(room) {
        life.touch(now);
    }
}

/// When a room closes if nothing happens, and by which rule.
pub fn room_deadline(world: &World, room: Entity) -> Option<(Duration, RoomRule)> {
    Some(world.get::<RoomLife>(room)?.end(world.resource::<ServerConfig>()))
}

impl RoomLife {
    fn touch(&mut self, now: Duration) {
        self.active_at = now;
        // What else happens in a room whose match is over puts its end off no further.
        self.warned &= self.finished_since.is_some();
    }

    /// The earliest of the rules that apply.
    fn end(&self, config: &ServerConfig) -> (Duration, RoomRule) {
        let idle = (self.active_at + config.room_life_max, RoomRule::Idle);
        let finished =
            self.finished_since.map(|since| (since + config.finished_room_life, RoomRule::Finished));
        let empty_life = config.empty_room_life;
        let empty_life = if self.played { empty_life } else { empty_life.min(UNPLAYED_ROOM_LIFE) };
        let empty = self.empty_since.map(|since| (since + empty_life, RoomRule::Empty));
        let rules = [Some(idle), finished, empty];
        rules.into_iter().flatten().min_by_key(|(at, _)| *at).unwrap_or(idle)
    }

    /// When the room is to be looked at: at its end, or before, when its members are to be warned.
    fn look_at(&self, config: &ServerConfig) -> Duration {
        match self.end(config) {
            (at, RoomRule::Idle | RoomRule::Finished) if !self.warned => at.saturating_sub(CLOSING_NOTICE),
            (at, _) => at,
        }
    }
}

/// Does what is due; a deadline that no longer holds is put off or passed over.
pub(crate) fn expire(world: &mut World) {
    let now = world.resource::<Clock>().now();
    let mut budget = world.resource::<ServerConfig>().cleanup_batch.max(1);
    while let Some((due, entity)) = world.resource_mut::<Rooms>().deadlines.pop(now) {
        match due {
            Due::SeatGrace => free_lost_seat(world, entity, now),
            Due::RoomRule => apply_rule(world, entity, now),
            Due::Cleanup if budget == 0 => {
                // The batch of this pump is full.
                let next = now + Duration::from_nanos(1);
                world.resource_mut::<Rooms>().deadlines.put(next, Due::Cleanup, entity);
            }
            Due::Cleanup => budget -= cleanup::run_due(world, entity, budget).min(budget),
            Due::LinkIdle => admit::close_if_idle(world, entity),
            Due::ClosedRoom => closed::forget_closed(world, entity),
            Due::Reservation => rooms::release_reservations(world, entity),
        }
    }
}

fn free_lost_seat(world: &mut World, entity: Entity, now: Duration) {
    let grace = world.resource::<ServerConfig>().reconnect_grace;
    let Some(seat) = world.get::<Seat>(entity) else { return };
    // A player who is being greeted is back as soon as that is done.
    if let Some(until) = greeted_until(world, seat.player).filter(|until| *until > now) {
        world.resource_mut::<Rooms>().deadlines.put(until, Due::SeatGrace, entity);
        return;
    }
    if seat.lost_at.is_some_and(|lost| now >= lost + grace) {
        debug!(player = seat.player.0, "a held seat is freed");
        rooms::free_seat(world, entity, LeftReason::Lost);
    }
}

/// Until when the link of a player may be in greeting, if it is.
fn greeted_until(world: &World, player: PlayerId) -> Option<Duration> {
    let player = world.resource::<Players>().get(player)?;
    match world.get::<Link>(world.get::<Player>(player)?.link?)?.stage {
        LinkStage::Greeting { until, .. } => Some(until),
        _ => None,
    }
}

/// Closes a room whose time is up, warns its members a while before, or puts it off.
fn apply_rule(world: &mut World, room: Entity, now: Duration) {
    let played_now = is_played(world, room);
    let config = world.resource::<ServerConfig>().clone();
    let Some(mut life) = world.get_mut::<RoomLife>(room) else { return };
    if played_now {
        life.touch(now);
    }
    let (end, rule) = life.end(&config);
    if end <= now {
        debug!(?rule, "a room's time is up");
        let reason = if rule == RoomRule::Empty { ClosedReason::Empty } else { ClosedReason::Expired };
        return rooms::close(world, room, reason);
    }
    let warn = rule != RoomRule::Empty && !life.warned && end <= now + CLOSING_NOTICE;
    life.warned |= warn;
    let next = life.look_at(&config);
    world.resource_mut::<Rooms>().deadlines.put(next.max(now), Due::RoomRule, room);
    if warn {
        events::closing_soon(world, room, (end - now).as_secs() as u32);
    }
}

/// Keeps a room that was opened for players who are still to come as long as one whose players have left.
pub(crate) fn keep_while_empty(world: &mut World, room: Entity) {
    let config = world.resource::<ServerConfig>().clone();
    let Some(mut life) = world.get_mut::<RoomLife>(room) else { return };
    life.played = true;
    let at = life.look_at(&config);
    world.resource_mut::<Rooms>().deadlines.put(at, Due::RoomRule, room);
}

/// Whether a match runs in a room and somebody is connected to play it.
fn is_played(world: &World, room: Entity) -> bool {
    world.get::<Stage>(room).is_some_and(|stage| !stage.is_over())
        && Seats::entities(world.get::<Seats>(room))
            .filter_map(|seat| world.get::<Seat>(seat))
            .any(|seat| seat.link.is_some() && seat.index != SPECTATOR_SEAT)
}

/// A room begins empty; the player for whom it is opened comes with the same request.
fn begin_life(
    added: On<Add<Room>>,
    opened: Query<&Room>,
    clock: Res<Clock>,
    config: Res<ServerConfig>,
    mut rooms: ResMut<Rooms>,
    mut commands: Commands,
) {
    let now = clock.now();
    // A room that is opened again after a run that was killed may be in any phase.
    let is_finished = opened.get(added.entity).is_ok_and(|room| room.lobby.phase() == RoomPhase::Finished);
    let finished_since = is_finished.then_some(now);
    let life =
        RoomLife { active_at: now, empty_since: Some(now), played: false, finished_since, warned: false };
    rooms.deadlines.put(life.look_at(&config), Due::RoomRule, added.entity);
    commands.entity(added.entity).insert(life);
}

fn note_phase(
    inserted: On<Insert<Phase>>,
    mut lives: Query<(&Phase, &mut RoomLife)>,
    clock: Res<Clock>,
    config: Res<ServerConfig>,
    mut rooms: ResMut<Rooms>,
) {
    let Ok((phase, mut life)) = lives.get_mut(inserted.entity) else { return };
    let now = clock.now();
    life.finished_since = (phase.0 == RoomPhase::Finished).then_some(now);
    (life.active_at, life.warned) = (now, false);
    life.played |= phase.0 == RoomPhase::Playing;
    rooms.deadlines.put(life.look_at(&config), Due::RoomRule, inserted.entity);
}

/// A seat is taken. Who only watches keeps no room.
fn note_arrival(
    inserted: On<Insert<SeatOf>>,
    seats: Query<(&Seat, &SeatOf)>,
    mut lives: Query<&mut RoomLife>,
    clock: Res<Clock>,
    config: Res<ServerConfig>,
    mut rooms: ResMut<Rooms>,
) {
    let Ok((seat, &SeatOf(room))) = seats.get(inserted.entity) else { return };
    if seat.index == SPECTATOR_SEAT {
        return;
    }
    let Ok(mut life) = lives.get_mut(room) else { return };
    life.touch(clock.now());
    life.empty_since = None;
    rooms.deadlines.put(life.look_at(&config), Due::RoomRule, room);
}

/// The last seat of a room is freed, whoever watches.
fn note_emptiness(
    removed: On<Remove<SeatOf>>,
    seats: Query<(&Seat, &SeatOf)>,
    mut lives: Query<(&mut RoomLife, Option<&Seats>)>,
    clock: Res<Clock>,
    config: Res<ServerConfig>,
    mut rooms: ResMut<Rooms>,
) {
    let is_taken = |entity: Entity| seats.get(entity).is_ok_and(|(seat, _)| seat.index != SPECTATOR_SEAT);
    let Ok((_, &SeatOf(room))) = seats.get(removed.entity) else { return };
    let Ok((mut life, taken)) = lives.get_mut(room) else { return };
    let mut others = Seats::entities(taken).filter(|&other| other != removed.entity);
    if !is_taken(removed.entity) || others.any(is_taken) {
        return;
    }
    life.touch(clock.now());
    life.empty_since = Some(clock.now());
    rooms.deadlines.put(life.look_at(&config), Due::RoomRule, room);
}

fn forget_seat(removed: On<Remove<Seat>>, mut rooms: ResMut<Rooms>) {
    rooms.deadlines.forget(removed.entity);
}

fn forget_room(removed: On<Remove<Room>>, mut rooms: ResMut<Rooms>) {
    rooms.deadlines.forget(removed.entity);
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn life() -> RoomLife {
        RoomLife { active_at: s(0), empty_since: None, played: true, finished_since: None, warned: false }
    }

    #[test]
    fn the_earliest_rule_ends_a_room() {
        let config = ServerConfig::default();
        assert_eq!(life().end(&config), (s(1_800), RoomRule::Idle));
        let empty = RoomLife { empty_since: Some(s(10)), ..life() };
        assert_eq!(empty.end(&config), (s(310), RoomRule::Empty));
        let unplayed = RoomLife { played: false, ..empty };
        assert_eq!(unplayed.end(&config), (s(20), RoomRule::Empty));
        let finished = RoomLife { finished_since: Some(s(5)), ..life() };
        assert_eq!(finished.end(&config), (s(305), RoomRule::Finished));
        let both = RoomLife { empty_since: Some(s(4)), ..finished };
        assert_eq!(both.end(&config), (s(304), RoomRule::Empty));
    }

    #[test]
    fn members_are_warned_before_an_idle_room_closes() {
        let config = ServerConfig::default();
        assert_eq!(life().look_at(&config), s(1_740));
        let mut warned = RoomLife { warned: true, ..life() };
        assert_eq!(warned.look_at(&config), s(1_800));
        warned.touch(s(1_750));
        assert_eq!(warned.look_at(&config), s(3_490));
        let mut finished = RoomLife { finished_since: Some(s(5)), ..life() };
        assert_eq!(finished.look_at(&config), s(245));
        finished.warned = true;
        finished.touch(s(300));
        assert_eq!(finished.look_at(&config), s(305), "who comes and goes does not keep a room that is over");
    }
}
