//! Rooms that a killed server left open are opened again, each with its match at the tick it had reached.

mod revive;

pub(crate) use revive::{room_of, take_up};

use std::time::Duration;

use bevy_ecs::prelude::{Entity, World};
use framekeep_journal::{Life, NotResumed, Resumed};
use tracing::{error, info};

use crate::guard::guarded;
use crate::moves::{self, Moves};
use crate::record::LeftMatch;
use crate::schedule::DueRooms;
use crate::{Clock, Counters, Games, Recorder, Stage, record};

/// Bytes told of recovered rooms after which the disk is waited for, so that they do not pile up in memory.
const SETTLE_BYTES: usize = 8 << 20;

/// What can be made of the match of a room.
enum Play {
    /// It has none.
    None,
    /// It can be gone on with, at least as far as its records agree with the rules.
    Resumed(Box<Resumed>),
    /// It cannot be gone on with.
    Stuck,
}

/// Takes over what earlier runs have left: open rooms, and names of closed ones.
pub(crate) fn take_over(world: &mut World) {
    reopen_rooms(world);
    crate::closed::restore_names(world);
}

/// Opens the rooms again that earlier runs have left open, tells the journal of this run, and waits for the disk:
/// segments of earlier runs are deleted only then.
fn reopen_rooms(world: &mut World) {
    let Some(left) = world.resource_mut::<Recorder>().take_left() else { return };
    for LeftMatch { ended, is_sealed } in left.ended {
        // The rooms that go on still tell by which name its content goes.
        let room = left.lives.get(ended.room).map(|life| &life.room);
        let content = room.map_or("", |room| room.content.as_str());
        if is_sealed {
            record::keep_left(world, ended.room, &ended.play, content, &ended.end);
            continue;
        }
        match ended.play.archive() {
            Ok((builder, _)) => {
                record::seal_left(world, ended.room, &ended.play, content, builder, ended.end)
            }
            Err(error) => error!(room = ended.room, %error, "a match of a killed server is lost"),
        }
    }
    let lives = left.lives;
    world.resource_mut::<Moves>().take_over(lives.departed(), lives.arrived());
    for (room, departure) in lives.departed() {
        record::moved_away(world, *room, departure);
    }
    if lives.is_empty() {
        return world.resource_mut::<Recorder>().left_is_taken();
    }
    let began = world.resource::<Clock>().precise();
    let rooms: Vec<(u64, Life)> = lives.into_rooms().collect();
    let plays = resume_all(world.resource::<Games>(), &rooms);
    let (mut matches, mut ticks) = (0_u64, 0_u64);
    for ((id, life), play) in rooms.into_iter().zip(plays) {
        if let Play::Resumed(resumed) = &play {
            (matches, ticks) = (matches + 1, ticks + u64::from(resumed.stepped));
        }
        let room = revive::open_again(world, id, life, play);
        let arrival = world.resource::<Moves>().arrival(id).cloned();
        if let (Some(room), Some(arrival)) = (room, arrival.filter(|arrival| !arrival.is_owned)) {
            moves::recover(world, room, id, &arrival);
        }
        if record::pending_bytes(world) > SETTLE_BYTES {
            record::settle(world);
        }
    }
    // Whoever sits in another room has no seat here, which no grace would free.
    crate::sweep::free_places(world);
    drop(left.hold);
    world.resource_mut::<Recorder>().left_is_taken();
    record::settle(world);
    let took_ms = (world.resource::<Clock>().precise() - began).as_millis() as u64;
    world.resource_mut::<Counters>().recovery_ms = took_ms;
    let rooms = world.resource::<Counters>().rooms_recovered;
    info!(rooms, matches, ticks, took_ms, "the rooms of a killed server are open again");
}

/// Plays the matches of all rooms to where they were, on all cores.
fn resume_all(games: &Games, rooms: &[(u64, Life)]) -> Vec<Play> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = rooms.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let resume_share = |share: &[(u64, Life)]| -> Vec<Play> {
            share.iter().map(|(id, life)| resume(games, *id, life)).collect()
        };
        let shares: Vec<_> =
            rooms.chunks(share).map(|share| scope.spawn(move || resume_share(share))).collect();
        // A game that panics is caught where it is played.
        shares.into_iter().flat_map(|share| share.join().unwrap_or_default()).collect()
    })
}

fn resume(games: &Games, room: u64, life: &Life) -> Play {
    let Some(play) = &life.play else { return Play::None };
    let header = &play.started().header;
    let (tick, game) = (play.next().0, header.game.as_str());
    let Some(ours) = games.fingerprint(game) else {
        error!(room, tick, game, "a match cannot go on: this server does not have its game");
        return Play::Stuck;
    };
    if ours != header.fingerprint {
        let theirs = header.fingerprint;
        error!(
            room,
            tick,
            game,
            recorded = format_args!("{theirs:016x}"),
            ours = format_args!("{ours:016x}"),
            "a match cannot go on: it was played by other rules"
        );
        return Play::Stuck;
    }
    let resumed = games.find(game, "").map_err(|refusal| refusal.to_string()).and_then(|(rules, _)| {
        let resumed = guarded(|| play.resume(rules.as_ref())).map_err(|failure| failure.to_string())?;
        resumed.map_err(|error: NotResumed| error.to_string())
    });
    match resumed {
        Ok(resumed) => {
            if let Some(disagreed) = &resumed.disagreed {
                error!(
                    room,
                    tick = disagreed.tick.0,
                    what = disagreed.what,
                    "a match ends where its journal is wrong"
                );
            }
            Play::Resumed(Box::new(resumed))
        }
        Err(error) => {
            error!(room, tick, %error, "a match cannot go on");
            Play::Stuck
        }
    }
}

/// Lets a match go on that stood still, its next frame at `due`.
pub(crate) fn wake(world: &mut World, room: Entity, due: Duration) {
    let Some(mut stage) = world.get_mut::<Stage>(room) else { return };
    if std::mem::take(&mut stage.is_asleep) {
        stage.timing.due = due;
        info!(tick = stage.tick().0, "a match of a killed server goes on");
        world.resource_mut::<DueRooms>().put(due, room);
    }
}
