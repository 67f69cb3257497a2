//! Steps of worlds.

use std::time::Duration;

use super::PEER;
use crate::circles::{OwnCircles, TICKS_PER_KICK};
use crate::peer::PeerCircles;
use crate::rooms::{rooms as make_rooms, step_all};
use crate::row::Row;
use crate::timing::{alternate, median, micros, time};

/// Faster than the peer by this much.
const RATIO: f64 = 8.0;
/// Bodies that are stepped in one round of one engine, about.
const BODY_STEPS_PER_ROUND: u32 = 200_000;
const ROOMS: u32 = 2_000;
/// Milliseconds for all rooms.
const ROOMS_GOAL: f64 = 5.0;

/// One step of `count` circles, here and in the peer.
pub(super) fn circles(count: u16, quick: bool) -> Row {
    let (mut own, mut peer) = (OwnCircles::golden(count), PeerCircles::new(count));
    let per_round = (BODY_STEPS_PER_ROUND / u32::from(count) / TICKS_PER_KICK).clamp(1, 20);
    let run_own = || -> Duration {
        let kicked = |_| {
            own.kick();
            time(|| own.step(TICKS_PER_KICK))
        };
        (0..per_round).map(kicked).sum()
    };
    let run_peer = || -> Duration {
        let kicked = |_| {
            peer.kick();
            time(|| peer.step(TICKS_PER_KICK))
        };
        (0..per_round).map(kicked).sum()
    };
    let (own_time, peer_time) = alternate(if quick { 3 } else { 15 }, run_own, run_peer);
    assert!(peer.is_inside(), "the peer's circles are still in the box");
    let ticks = per_round * TICKS_PER_KICK;
    Row::lower(format!("physics.circles_{count}.step_us"), micros(own_time, ticks), "us")
        .against(PEER, micros(peer_time, ticks))
        .goal_ratio(RATIO)
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
        time(|| step_all(&mut rooms))
    });
    Row::lower("tick.rooms_2000x36.ms", micros(step, 1) / 1e3, "ms").goal(ROOMS_GOAL)
}
