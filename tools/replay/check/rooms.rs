//! Many rooms side by side: in any order, on any number of threads.

use framekeep_sim::{AnyMatch, Pcg32};

use super::{Script, Test};
use crate::describe::counted;
use crate::progress::Progress;

/// A room that plays the script and is some ticks behind the first one.
struct Room {
    play: Box<dyn AnyMatch>,
    delay: usize,
}

/// Ticks between the starts of two rooms.
const STAGGER_TICKS: usize = 7;

fn rooms(script: &Script, count: u32) -> Vec<Room> {
    (0..count as usize)
        .map(|number| Room { play: script.first.duplicate(), delay: number * STAGGER_TICKS })
        .collect()
}

impl Room {
    /// Plays the turn's tick, if it has one; whether that was as in the script.
    fn turn(&mut self, script: &Script, turn: usize, scratch: &mut Vec<u8>) -> Result<u64, String> {
        let Some(number) = turn.checked_sub(self.delay) else { return Ok(0) };
        let Some(frame) = script.frames.get(number) else { return Ok(0) };
        self.play.step(frame);
        if script.hashes.get(number) == Some(&self.play.hash(scratch)) {
            Ok(1)
        } else {
            Err(format!("tick {} of the room that started {} ticks late", frame.tick, self.delay))
        }
    }
}

/// Every turn steps all rooms, in an order drawn anew.
pub(crate) fn shuffled(script: &Script, count: u32, seed: u64) -> Test {
    let turns = script.frames.len() + count as usize * STAGGER_TICKS;
    let progress = Progress::new("rooms", turns as u32);
    Test::run(format!("{count} rooms in shuffled order"), || {
        let (mut rooms, mut rng) = (rooms(script, count), Pcg32::new(seed, 2));
        let (mut scratch, mut steps) = (Vec::new(), 0);
        for turn in 0..turns {
            for place in (1..rooms.len()).rev() {
                rooms.swap(place, rng.below(place as u32 + 1) as usize);
            }
            for room in &mut rooms {
                match room.turn(script, turn, &mut scratch) {
                    Ok(stepped) => steps += stepped,
                    Err(fault) => return (steps, Some(fault)),
                }
            }
            progress.at(turn as u32);
        }
        (steps, None)
    })
}

/// The rooms are dealt out to threads; a room changes its thread every second or so.
pub(crate) fn threaded(script: &Script, count: u32, threads: u32) -> Test {
    let name = format!("{} on {}", counted(count.into(), "room"), counted(threads.into(), "thread"));
    if cfg!(target_family = "wasm") {
        return Test::skipped(name, "there are no threads here");
    }
    let turns = script.frames.len() + count as usize * STAGGER_TICKS;
    let progress = Progress::new(&name, turns as u32);
    Test::run(name.clone(), || {
        let (mut rooms, mut steps) = (rooms(script, count), 0);
        for first in (0..turns).step_by(TURNS_PER_DEAL) {
            progress.at(first as u32);
            rooms.rotate_left(1);
            let share = rooms.len().div_ceil(threads as usize);
            let results = std::thread::scope(|scope| {
                let workers: Vec<_> = rooms
                    .chunks_mut(share)
                    .map(|rooms| scope.spawn(move || play(script, rooms, first)))
                    .collect();
                workers.into_iter().map(|worker| worker.join()).collect::<Vec<_>>()
            });
            for result in results {
                match result {
                    Ok(Ok(stepped)) => steps += stepped,
                    Ok(Err(fault)) => return (steps, Some(fault)),
                    Err(_) => return (steps, Some("a thread panicked".to_owned())),
                }
            }
        }
        (steps, None)
    })
}

/// Turns until rooms are dealt out anew.
const TURNS_PER_DEAL: usize = 64;

fn play(script: &Script, rooms: &mut [Room], first: usize) -> Result<u64, String> {
    let (mut scratch, mut steps) = (Vec::new(), 0);
    for turn in first..first + TURNS_PER_DEAL {
        for room in &mut *rooms {
            steps += room.turn(script, turn, &mut scratch)?;
        }
    }
    Ok(steps)
}
