//! Rolled back at every tick, and restored at every tick.

use std::collections::VecDeque;

use framekeep_sim::{AnyMatch, Frame, Pcg32, SeatInput, input_mask};

use super::{Script, Test};
use crate::opened::Opened;
use crate::progress::Progress;

/// A client's life at its worst: at every tick and for every depth, as many ticks are played with wrong guesses, then
/// taken back and played with the right frames.
pub(crate) fn rollback(opened: &Opened, script: &Script, depth_max: u32, seed: u64) -> Test {
    let progress = Progress::new("rollback", script.frames.len() as u32);
    Test::run(format!("rollback of 1 to {depth_max} ticks at every tick"), || {
        let (mut rng, mut scratch, mut steps) = (Pcg32::new(seed, 1), Vec::new(), 0);
        let bits = opened.game.input_bits();
        // The states of the last ticks, as bytes, the newest at the front.
        let mut saved: VecDeque<Vec<u8>> = VecDeque::new();
        let (mut play, mut client) = (script.first.duplicate(), script.first.duplicate());
        for (number, frame) in script.frames.iter().enumerate() {
            let is_full = saved.len() >= depth_max as usize;
            let mut state = is_full.then(|| saved.pop_back()).flatten().unwrap_or_default();
            state.clear();
            play.encode(&mut state);
            saved.push_front(state);
            play.step(frame);
            progress.at(frame.tick.0);
            for (depth, state) in (1..).zip(&saved) {
                let first = number + 1 - depth;
                let frames = &script.frames[first..=number];
                mislead(&mut *client, state, frames, bits, &mut rng);
                if client.restore(frames[0].tick, state).is_err() {
                    return (steps, Some(format!("tick {first}: the state cannot be read back")));
                }
                frames.iter().for_each(|frame| client.step(frame));
                steps += 2 * depth as u64;
                if client.hash(&mut scratch) != script.hashes[number] {
                    return (steps, Some(format!("tick {}: after a rollback of {depth}", frame.tick)));
                }
            }
        }
        (steps, None)
    })
}

/// Plays wrong guesses from a state: repeated inputs, absent seats, inputs nobody made.
fn mislead(client: &mut dyn AnyMatch, state: &[u8], frames: &[Frame], bits: u32, rng: &mut Pcg32) {
    if client.restore(frames[0].tick, state).is_err() {
        return;
    }
    let mut guess = frames[0].clone();
    for frame in frames {
        guess.tick = frame.tick;
        for seat in 0..guess.seat_count() {
            match rng.below(4) {
                0 => guess.set(seat, SeatInput::ABSENT),
                1 => guess.set(seat, SeatInput::arrived(rng.next_u64() & input_mask(bits))),
                _ => guess.set(seat, SeatInput::repeated(guess.seat(seat).bits)),
            }
        }
        client.step(&guess);
    }
}

/// A reconnection at every tick: the state goes into a match that was just started, which goes on with the next frame
/// and encodes itself to the same bytes.
pub(crate) fn restore(opened: &Opened, script: &Script) -> Test {
    let progress = Progress::new("restore", script.frames.len() as u32);
    Test::run("restored into a fresh match at every tick", || {
        let (mut play, mut scratch, mut state, mut steps) =
            (script.first.duplicate(), Vec::new(), Vec::new(), 0);
        let header = opened.replay.header();
        for (frame, hash) in script.frames.iter().zip(&script.hashes) {
            state.clear();
            play.encode(&mut state);
            // Another seed: what a state leaves out would come from here.
            let fresh = opened.game.start(&header.content, !header.seed, header.seats);
            let Ok(mut fresh) = fresh else { return (steps, Some("the match does not start".into())) };
            if fresh.restore(frame.tick, &state).is_err() {
                return (steps, Some(format!("tick {}: the state cannot be read back", frame.tick)));
            }
            scratch.clear();
            fresh.encode(&mut scratch);
            if scratch != state {
                return (steps, Some(format!("tick {}: other bytes after reading them back", frame.tick)));
            }
            fresh.step(frame);
            steps += 1;
            if fresh.hash(&mut scratch) != *hash {
                return (steps, Some(format!("tick {}: another step after restoring", frame.tick)));
            }
            play = fresh;
            progress.at(frame.tick.0);
        }
        (steps, None)
    })
}
