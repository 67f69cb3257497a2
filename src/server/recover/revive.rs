//! One room that is opened again: its seats are held, its match stands still until somebody is back.

use std::time::Duration;

use bevy_ecs::prelude::{Entity, World};
use framekeep_journal::{EndReason, Life, MatchEnd, MatchLife, Resumed, RoomState};
use framekeep_lobby::{Actor, Lobby, LobbyOptions, LobbyState, Occupant, Operation};
use framekeep_protocol::{CommitPolicy, Epoch, PlayerId, PlayerName, RoomId, RoomPhase};
use framekeep_sim::Tick;
use tracing::error;

use super::Play;
use crate::deadlines::Due;
use crate::desync::Recall;
use crate::frame::Frames;
use crate::guard::discard;
use crate::holders::Holders;
use crate::limits::{EVENTS_UNKNOWN_MAX, HASHES_KEPT, RESERVATION_LIFE};
use crate::record::{self, FrameArchive};
use crate::stage::{HashRing, Health, Stage, Timing};
use crate::{Clock, Counters, Games, Player, Players, Room, Rooms, Seat, ServerConfig, room, rooms, seating};

/// Opens a room again as it was, with its match if that can go on.
pub(super) fn open_again(world: &mut World, id: u64, life: Life, play: Play) -> Option<Entity> {
    let Life { room: state, play: told, .. } = life;
    // A match whose replay is there is over, whatever the records that are left say of it.
    let is_sealed = told.as_ref().is_some_and(|told| record::is_sealed(world, id, told.started()));
    let goes_on = state.phase == RoomPhase::Playing && !state.play_again && !is_sealed;
    let was_playing = state.phase == RoomPhase::Playing;
    // What was told since the state was written has numbers too.
    let room = room_of(world, id, &state, &[], EVENTS_UNKNOWN_MAX);
    let Some(room) = room.filter(|_| state.phase != RoomPhase::Closed) else {
        seal_what_is_left(world, id, &state.content, told, play);
        record::forget_room(world, id);
        return None;
    };
    let reserved = !room.reservations.is_empty();
    let content = state.content.clone();
    let entity = rooms::open(world, room);
    world.resource_mut::<Counters>().rooms_recovered += 1;
    // Whoever was here, or was expected, needs more time to come back than one who never was.
    crate::expire::keep_while_empty(world, entity);
    let members = state.members.into_iter().map(|member| (member.player, member.name, Some(member.seat)));
    let spectators = state.spectators.into_iter().map(|(player, name)| (player, name, None));
    for (player, name, seat) in members.chain(spectators) {
        hold(world, entity, player, name, seat);
    }
    if reserved {
        let until = world.resource::<Clock>().now() + RESERVATION_LIFE;
        world.resource_mut::<Rooms>().deadlines.put(until, Due::Reservation, entity);
    }
    match (play, told) {
        (Play::Resumed(resumed), Some(told)) if goes_on && can_go_on(&resumed) => {
            go_on(world, entity, &told, *resumed);
        }
        (play, told) => {
            seal_what_is_left(world, id, &content, told, play);
            if was_playing {
                // The phase has just been looked at.
                let _ = rooms::operate(world, entity, Actor::Server, Operation::Finish);
            }
            record::retell(world, entity);
        }
    }
    Some(entity)
}

fn can_go_on(resumed: &Resumed) -> bool {
    resumed.disagreed.is_none() && resumed.outcome.is_none()
}

/// The room as a value, with operators who watch it; `None` if it cannot be here.
pub(crate) fn room_of(
    world: &World,
    id: u64,
    state: &RoomState,
    operators: &[(PlayerId, PlayerName)],
    events_unknown: u64,
) -> Option<Room> {
    let (game, content) = match world.resource::<Games>().find(&state.game, &state.content) {
        Ok(found) => found,
        Err(refusal) => {
            error!(room = id, name = %state.name, %refusal, "a room cannot be opened again");
            return None;
        }
    };
    if world.resource::<Rooms>().get(&state.name).is_some() {
        error!(room = id, name = %state.name, "a room cannot be opened again: another one has its name");
        return None;
    }
    let options = LobbyOptions {
        name: state.name.clone(),
        seats: state.seats,
        seats_min: *game.seats().start(),
        start: state.start,
        code: state.code.clone(),
        spectators_max: state.spectators_max,
        commit: state.commit,
    };
    let until = world.resource::<Clock>().now() + RESERVATION_LIFE;
    Some(Room {
        id: RoomId(id),
        name: state.name.clone(),
        lobby: Lobby::restored(options, lobby_state(state, operators)),
        game,
        content,
        tick_rate_hz: state.tick_rate_hz,
        send_every_ticks: state.send_every_ticks,
        epoch: Epoch::new(state.epoch),
        play_again: false,
        events: state.events + events_unknown,
        reservations: state.reserved.iter().map(|(_, player)| (*player, until)).collect(),
    })
}

fn lobby_state(state: &RoomState, operators: &[(PlayerId, PlayerName)]) -> LobbyState {
    let seats = state.members.iter().map(|member| {
        let (player, name) = (member.player, member.name.clone());
        (member.seat, Occupant { player, name, ready: member.ready, out: member.out, present: false })
    });
    LobbyState {
        phase: state.phase,
        seats: seats.collect(),
        reserved: state.reserved.clone(),
        host: state.host,
        spectators: state.spectators.clone(),
        operators: operators.to_vec(),
        banned: state.banned.clone(),
        locked: state.locked,
        opened: state.opened,
        content: state.content.clone(),
    }
}

/// Holds the place of a player as if the link had just been lost.
fn hold(world: &mut World, room: Entity, id: PlayerId, name: PlayerName, seat: Option<u8>) {
    let known = world.resource::<Players>().get(id);
    let player = known.unwrap_or_else(|| {
        let player = world.spawn(Player { id, name, link: None, seat: None }).id();
        world.resource_mut::<Players>().by_id.insert(id, player);
        player
    });
    if world.get::<Player>(player).is_some_and(|player| player.seat.is_some()) {
        error!(player = id.0, "a player sits in two rooms; the later one is left");
        return;
    }
    match seat {
        Some(seat) => seating::take_seat(world, room, id, seat),
        None => seating::watch(world, room, id),
    }
    let now = world.resource::<Clock>().now();
    let Some(seat) = world.get::<Player>(player).and_then(|player| player.seat) else { return };
    if let Some(mut seat) = world.get_mut::<Seat>(seat) {
        seat.lost_at = Some(now);
    }
    seating::hold_seat(world, seat);
}

/// Puts the match on the room's stage, standing still.
fn go_on(world: &mut World, entity: Entity, told: &MatchLife, resumed: Resumed) {
    let started_at = Duration::from_secs(told.started().header.started_unix_s);
    let Some((stage, archive)) = take_up(world, entity, told, resumed, started_at) else { return };
    let Some(room) = world.get::<Room>(entity) else { return };
    let recall = Recall::begin(stage.tick(), stage.last_frame(), &stage.state);
    let mut holders = Holders::told(told.turns(), stage.tick(), false);
    holders.catch_up(room, stage.tick());
    world.entity_mut(entity).insert((stage, Frames::default(), recall, holders));
    room::log::retrace(world, entity);
    record::match_resumed(world, entity, archive);
}

/// The match of a room as it was told, to be gone on with, and its archive.
pub(crate) fn take_up(
    world: &World,
    entity: Entity,
    told: &MatchLife,
    resumed: Resumed,
    started_at: Duration,
) -> Option<(Stage, FrameArchive)> {
    let Resumed { play, builder, frame, previous, hashes, state, outcome, .. } = resumed;
    let started = told.started();
    let room = world.get::<Room>(entity)?;
    let config = world.resource::<ServerConfig>();
    let lockstep = room.lobby.options().commit == CommitPolicy::Lockstep;
    let now = world.resource::<Clock>().now();
    let timing = Timing {
        due: now,
        period: Duration::from_secs(1) / u32::from(room.tick_rate_hz.max(1)),
        rate_hz: room.tick_rate_hz,
        send_every_ticks: room.send_every_ticks,
        repeat_ticks_max: config.input_repeat_ticks_max,
        wait_max: if lockstep { config.lockstep_wait } else { Duration::ZERO },
        waited: false,
        pause_told_at: now,
    };
    let mut ring = HashRing::new();
    for (tick, hash) in hashes.iter().enumerate().skip(hashes.len().saturating_sub(HASHES_KEPT)) {
        ring.push(Tick(tick as u32), *hash);
    }
    let stage = Stage {
        game: room.game.clone(),
        play,
        epoch: Epoch::new(started.epoch),
        seed: started.header.seed,
        started_at,
        content: started.header.content.clone().into(),
        frame,
        previous,
        hashes: ring,
        timing,
        ending: None,
        fresh: false,
        stepped_at: Duration::ZERO,
        state,
        outcome,
        health: Health::default(),
        is_asleep: true,
        is_held: false,
    };
    Some((stage, FrameArchive::new(builder, started.header.clone())))
}

/// A match that does not go on becomes a file as far as it went.
fn seal_what_is_left(world: &mut World, id: u64, content: &str, told: Option<MatchLife>, play: Play) {
    let Some(told) = told else { return };
    let (builder, hash, outcome, reason) = match play {
        Play::None => return,
        Play::Resumed(resumed) => {
            let reason = match (&resumed.disagreed, &resumed.outcome) {
                (Some(_), _) => EndReason::Failed,
                (None, Some(_)) => EndReason::Outcome,
                (None, None) => EndReason::Aborted,
            };
            let hash = resumed.hashes.last().copied().unwrap_or_default();
            discard(resumed.play);
            (resumed.builder, hash, resumed.outcome, reason)
        }
        Play::Stuck => match told.archive() {
            Ok((builder, hash)) => (builder, hash, None, EndReason::Failed),
            Err(error) => return error!(room = id, %error, "a match of a killed server is lost"),
        },
    };
    let end = MatchEnd { ticks: builder.next(), hash, outcome, reason };
    record::seal_left(world, id, &told, content, builder, end);
}
