//! The built server is killed at random moments while players play on it, started again, and the same players go on.

mod elsewhere;
mod fleet;
mod heirs;
#[path = "../front_door/http.rs"]
#[expect(dead_code, reason = "others need more of it")]
mod http;
mod hundred;
mod midway;
mod moving;
mod node;
mod players;
#[path = "../front_door/redis.rs"]
#[expect(dead_code, reason = "others need more of it")]
mod redis;
mod rolling;
mod story;
mod told;

use std::io::{self, Write as _};

use story::{Story, Times};

/// Kills of one match.
const KILLS_PER_MATCH: u32 = 10;

/// Plays matches with so many kills in all, and prints how long everything took.
fn kill(durability: &'static str, kills: u32, seed: u64) {
    let mut times = Times::default();
    let mut left = kills;
    let mut number = 0;
    while left > 0 {
        let now = left.min(KILLS_PER_MATCH);
        Story::new(durability, seed + number).play(now, &mut times);
        left -= now;
        number += 1;
    }
    // Past what the test harness keeps to itself of a test that passes.
    writeln!(io::stderr(), "{}", times.table(durability)).expect("standard error");
    times.check(durability);
}

#[test]
fn thirty_kills_lose_nothing_that_a_player_was_shown() {
    kill("tick", 30, 1);
}

#[test]
fn twenty_kills_lose_a_second_at_most() {
    kill("second", 20, 101);
}

/// `cargo xtask kill --count 500` runs this.
#[test]
#[ignore = "takes minutes; FRAMEKEEP_KILLS says how many"]
fn many_kills() {
    let count = std::env::var("FRAMEKEEP_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(500_u32);
    let second = count * 2 / 5;
    kill("tick", count - second, 1_000);
    kill("second", second, 2_000);
}
