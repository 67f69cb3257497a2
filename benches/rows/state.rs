//! A state as bytes.

use std::hint::black_box;
use std::time::Duration;

use super::PEER;
use crate::row::Row;
#[cfg(feature = "box2d")]
use crate::snapshots::Box2dSnapshot;
use crate::snapshots::{CIRCLES, OwnSnapshot, PeerSnapshot, bytes_of_a_resting_body};
use crate::timing::{busy, in_turns, micros};

/// Repetitions in one round.
const OWN_TIMES: u32 = 200;
const PEER_TIMES: u32 = 5;
/// Microseconds for each.
const SNAPSHOT_GOAL: f64 = 5.0;
const HASH_GOAL: f64 = 10.0;
const RESTORE_GOAL: f64 = 20.0;
/// Bytes of a body that rests.
const BYTES_GOAL: f64 = 40.0;

/// Something that is done to a state, and how often in a round.
type Work<'a> = (u32, Box<dyn FnMut() + 'a>);

/// Snapshot, hash and restore of 1,024 circles, here and in the peers, and how many bytes a body takes.
pub(super) fn rows(quick: bool) -> Vec<Row> {
    let rounds = if quick { 3 } else { 21 };
    let mut rows = Vec::new();
    for (name, goal, work) in [
        ("state.snapshot_1024_us", SNAPSHOT_GOAL, snapshot as fn() -> Vec<Work<'static>>),
        ("state.hash_1024_us", HASH_GOAL, hash),
        ("state.restore_1024_us", RESTORE_GOAL, restore),
    ] {
        let mut works = work();
        let times = in_turns(rounds, &mut works, |(times, work)| repeat(*times, work));
        let each: Vec<f64> =
            times.iter().zip(&works).map(|(time, (count, _))| micros(*time, *count)).collect();
        if let [own, peers @ ..] = &each[..] {
            for (peer, (suffix, value)) in
                [PEER, super::BOX2D].into_iter().zip(["", ".box2d"].into_iter().zip(peers))
            {
                rows.push(Row::lower(format!("{name}{suffix}"), *own, "us").against(peer, *value).goal(goal));
            }
        }
    }
    let peer = PeerSnapshot::new().bytes.len() as f64 / f64::from(CIRCLES);
    rows.push(
        Row::lower("state.bytes_of_a_resting_body", bytes_of_a_resting_body(), "bytes")
            .against(PEER, peer)
            .goal(BYTES_GOAL),
    );
    rows
}

fn snapshot() -> Vec<Work<'static>> {
    let (mut own, mut peer) = (OwnSnapshot::new(), PeerSnapshot::new());
    vec![
        (OWN_TIMES, Box::new(move || own.encode())),
        (PEER_TIMES, Box::new(move || peer.encode())),
        #[cfg(feature = "box2d")]
        {
            let mut other = Box2dSnapshot::new();
            (PEER_TIMES, Box::new(move || other.encode()))
        },
    ]
}

fn hash() -> Vec<Work<'static>> {
    let (mut own, mut peer) = (OwnSnapshot::new(), PeerSnapshot::new());
    vec![
        (
            OWN_TIMES,
            Box::new(move || {
                black_box(own.hash());
            }),
        ),
        (
            PEER_TIMES,
            Box::new(move || {
                black_box(peer.hash());
            }),
        ),
        #[cfg(feature = "box2d")]
        {
            let mut other = Box2dSnapshot::new();
            (
                PEER_TIMES,
                Box::new(move || {
                    black_box(other.hash());
                }),
            )
        },
    ]
}

fn restore() -> Vec<Work<'static>> {
    let (own, peer) = (OwnSnapshot::new(), PeerSnapshot::new());
    vec![
        (OWN_TIMES, Box::new(move || drop(black_box(own.restore())))),
        (PEER_TIMES, Box::new(move || drop(black_box(peer.restore())))),
        #[cfg(feature = "box2d")]
        {
            let mut other = Box2dSnapshot::new();
            (
                PEER_TIMES,
                Box::new(move || {
                    black_box(other.restore());
                }),
            )
        },
    ]
}

fn repeat(times: u32, run: &mut dyn FnMut()) -> Duration {
    busy(|| (0..times).for_each(|_| run()))
}
