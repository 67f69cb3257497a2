//! How fast one core re-simulates an arena room of four bots, hashing every tick:
//! `cargo run --release -p framekeep_games --example arena_speed`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use framekeep_games::arena::{Arena, ArenaBot};
use framekeep_sim::{Frame, Game, Input, Match, SeatInput};

const SEATS: u8 = 4;
const MATCHES: u64 = 20;

fn main() {
    let content = Arc::new(Arena::default_content());
    let start = |seed| Match::<Arena>::start(content.clone(), seed, SEATS);
    let (mut bodies, mut bytes_per_state, mut changes) = (0, Vec::new(), 0);
    let mut logs: Vec<Vec<Frame>> = Vec::new();
    for seed in 0..MATCHES {
        let mut play = start(seed);
        let mut bots: Vec<ArenaBot> =
            (0..SEATS).map(|seat| ArenaBot::new(seed * 64 + u64::from(seat))).collect();
        let mut log: Vec<Frame> = Vec::new();
        while play.outcome().is_none() {
            let mut frame = Frame::absent(play.tick(), SEATS);
            for (seat, bot) in (0..).zip(&mut bots) {
                frame.set(seat, SeatInput::arrived(bot.input(play.state(), seat, play.tick().0).pack()));
            }
            play.step(&frame);
            bodies += play.state().world.len();
            if let Some(last) = log.last() {
                changes += (0..SEATS).filter(|&seat| last.seat(seat) != frame.seat(seat)).count();
            }
            log.push(frame);
        }
        play.encode(&mut bytes_per_state);
        println!("seed {seed}: {:?}", play.outcome().map(|outcome| outcome.scores));
        logs.push(log);
    }
    let ticks: usize = logs.iter().map(Vec::len).sum();
    println!("bodies per tick: {}", bodies / ticks);
    println!("bytes per state: {}", bytes_per_state.len() as u64 / MATCHES);
    println!(
        "input changes per seat and second: {:.1}",
        changes as f64 * 30.0 / ticks as f64 / f64::from(SEATS)
    );
    for (what, hash, encode) in
        [("step", false, false), ("step, encode", false, true), ("step, encode, hash", true, false)]
    {
        let best = (0..7).map(|_| replay(&logs, &start, hash, encode)).min_by(f64::total_cmp).unwrap_or(0.0);
        println!("{what}: {:.2} us per tick, {:.0} ticks/s", best * 1e6 / ticks as f64, ticks as f64 / best);
    }
}

/// Seconds to play every log again.
fn replay(logs: &[Vec<Frame>], start: &dyn Fn(u64) -> Match<Arena>, hash: bool, encode: bool) -> f64 {
    let mut scratch = Vec::new();
    let begin = Instant::now();
    for (seed, log) in (0..).zip(logs) {
        let mut play = start(seed);
        for frame in log {
            play.step(frame);
            if hash {
                black_box(play.hash(&mut scratch));
            } else if encode {
                scratch.clear();
                play.encode(black_box(&mut scratch));
            }
        }
    }
    begin.elapsed().as_secs_f64()
}
