//! Steps of worlds.

use std::time::Duration;

use super::{BOX2D, PEER};
use crate::circles::{Kicked, OwnCircles, TICKS_PER_KICK};
use crate::engine::Own;
use crate::race::{self, Circles, Polygons, Pyramid, Race};
use crate::rooms::{rooms as make_rooms, step_all};
use crate::row::Row;
use crate::timing::{busy, in_turns, median, micros};

const ROLLING: u16 = 1_024;
const FEW: u16 = 64;
const MANY: u16 = 20_000;
const ROOMS: u32 = 2_000;
/// Milliseconds for all rooms.
const ROOMS_GOAL: f64 = 5.0;

/// How many times faster than each of the peers a scene should be.
#[derive(Clone, Copy)]
struct Goals {
    rapier: f64,
    box2d: Option<f64>,
}

/// One step of `count` circles that never turn.
pub(super) fn circles(count: u16, quick: bool) -> Vec<Row> {
    drop(OwnCircles::golden(count));
    let goals = Goals { rapier: 8.0, box2d: None };
    rows(&format!("circles_{count}"), &Circles { count, roll: false }, if quick { 3 } else { 15 }, goals)
}

/// How many times as much a circle costs among 20,000 as among 64, where the cost is to grow no faster than their
/// number.
pub(super) fn growth(quick: bool) -> Row {
    const STEPS: u32 = 8_000_000;
    let mut scenes = [FEW, MANY].map(|count| (Kicked::<Own>::new(count), STEPS / u32::from(count)));
    let times = in_turns(if quick { 1 } else { 5 }, &mut scenes, |(scene, ticks)| {
        let seconds = ticks.div_ceil(TICKS_PER_KICK);
        let kicked = |_| {
            scene.kick();
            busy(|| scene.step(TICKS_PER_KICK))
        };
        (0..seconds).map(kicked).sum::<Duration>() / (seconds * TICKS_PER_KICK)
    });
    let each = |time: Duration, count: u16| time.as_secs_f64() / f64::from(count);
    let growth = each(times[1], MANY) / each(times[0], FEW);
    Row::lower(format!("physics.circles_{FEW}_to_{MANY}.cost_of_each"), growth, "times").goal(1.5)
}

/// How many times as much a step of 1,024 circles costs beside a huge slope, with bodies in the corners of the largest
/// world, and spread over all of that, as among themselves: large bodies and empty space are to cost next to nothing.
///
/// # Panics
/// A circle is out of its box.
pub(super) fn large_worlds(quick: bool) -> Vec<Row> {
    const COUNT: u16 = 1_024;
    let mut scenes = [
        Kicked::<Own>::new(COUNT),
        Kicked::beside_a_huge_slope(COUNT),
        Kicked::with_bodies_far_away(COUNT),
        Kicked::sparse(COUNT),
    ];
    let times = in_turns(if quick { 3 } else { 15 }, &mut scenes, |scene| {
        let kicked = |_| {
            scene.kick();
            busy(|| scene.step(TICKS_PER_KICK))
        };
        (0..20).map(kicked).sum()
    });
    let row = |name: &str, time: Duration| {
        let cost = time.as_secs_f64() / times[0].as_secs_f64();
        Row::lower(format!("physics.circles_{COUNT}.{name}"), cost, "times").goal(1.15)
    };
    assert!(scenes.iter().all(Kicked::is_inside), "a circle is out of its box");
    let names = ["beside_a_huge_slope", "with_bodies_far_away", "in_the_largest_world"];
    names.into_iter().zip(&times[1..]).map(|(name, &time)| row(name, time)).collect()
}

/// One step of circles that roll over each other.
pub(super) fn rolling_circles(quick: bool) -> Vec<Row> {
    let goals = Goals { rapier: 4.0, box2d: None };
    let circles = Circles { count: ROLLING, roll: true };
    rows(&format!("rolling_circles_{ROLLING}"), &circles, if quick { 3 } else { 15 }, goals)
}

/// One step of boxes that stand on each other.
pub(super) fn pyramid(quick: bool) -> Vec<Row> {
    let goals = Goals { rapier: 1.5, box2d: Some(1.5) };
    rows("pyramid_200", &Pyramid, if quick { 3 } else { 15 }, goals)
}

/// One step of polygons that fall into a bowl.
pub(super) fn polygons(quick: bool) -> Vec<Row> {
    let goals = Goals { rapier: 2.0, box2d: Some(2.0) };
    rows("polygons_1000", &Polygons, if quick { 1 } else { 5 }, goals)
}

fn rows(scene: &str, race: &impl Race, rounds: usize, goals: Goals) -> Vec<Row> {
    let [own, rapier, box2d] = race::run(race, rounds);
    let name = format!("physics.{scene}.step_us");
    let row = |name: String| Row::lower(name, own.unwrap_or_default(), "us");
    let rapier = rapier.map(|peer| row(name.clone()).against(PEER, peer).goal_ratio(goals.rapier));
    let box2d = box2d.map(|peer| {
        let row = row(format!("{name}.box2d")).against(BOX2D, peer);
        goals.box2d.map_or(row.clone(), |ratio| row.goal_ratio(ratio))
    });
    rapier.into_iter().chain(box2d).collect()
}

/// One step of every room.
pub(super) fn rooms(quick: bool) -> Row {
    let mut rooms = make_rooms(ROOMS);
    let mut tick = 0;
    let step = median(if quick { 10 } else { 120 }, || {
        if tick % TICKS_PER_KICK == 0 {
            rooms.iter_mut().for_each(crate::rooms::Room::kick);
        }
        tick += 1;
        busy(|| step_all(&mut rooms))
    });
    Row::lower("tick.rooms_2000x36.ms", micros(step, 1) / 1e3, "ms").goal(ROOMS_GOAL)
}
