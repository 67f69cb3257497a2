//! Rollback.

use std::time::Duration;

use crate::circles::{OwnCircles, TICKS_PER_KICK};
use crate::row::Row;
use crate::timing::{median, micros, time};

/// Rollbacks in one round.
const TIMES: u32 = 100;
/// Microseconds for one.
const GOAL: f64 = 50.0;

/// A state of 64 bodies restored and eight ticks played again.
pub(super) fn eight_ticks(quick: bool) -> Row {
    let mut circles = OwnCircles::new(64);
    let mut world = circles.world.clone();
    let duration = median(if quick { 5 } else { 31 }, || -> Duration {
        circles.kick();
        circles.step(TICKS_PER_KICK / 4);
        time(|| {
            for _ in 0..TIMES {
                world.clone_from(&circles.world);
                (0..8).for_each(|_| world.step());
            }
        })
    });
    circles.step(8);
    assert!(world == circles.world, "a rollback gives the same state");
    Row::lower("rollback.8_ticks_64_bodies_us", micros(duration, TIMES), "us").goal(GOAL)
}
