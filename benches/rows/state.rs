//! A state as bytes.

use std::hint::black_box;
use std::time::Duration;

use super::PEER;
use crate::row::Row;
#[cfg(feature = "box2d")]
use crate::snapshots::Box2dSnapshot;
use crate::snapshots::{OwnSnapshot, PeerSnapshot, bytes_of_a_resting_body};
use crate::timing::{busy, in_turns, micros};

/// Repetitions in one round.
const OWN_TIMES: u32 = 200;
const PEER_TIMES: u32 = 5;
/// Microseconds for each.
const SNAPSHOT_GOAL: f64 = 5.0;
const HASH_GOAL: f64 = 10.0;
const RESTORE_GOAL: f64 = 20.0;
/// How many times as long the peer takes there and back.
const ROUND_TRIP_RATIO: f64 = 50.0;
/// Bytes of a body that rests.
const BYTES_GOAL: f64 = 40.0;

/// Something that is done to a state, and how often in a round.
type Work<'a> = (u32, Box<dyn FnMut() + 'a>);

/// Snapshot, hash and restore of 1,024 circles, here and in the peers, and how many bytes a body takes. Each is
/// compared with the same in the peers, and is to be fifty times as fast as the first peer writes and reads.
pub(super) fn rows(quick: bool) -> Vec<Row> {
    let rounds = if quick { 3 } else { 21 };
    let those = [
        ("state.snapshot_1024_us", SNAPSHOT_GOAL, snapshot as fn() -> Vec<Work<'static>>),
        ("state.hash_1024_us", HASH_GOAL, hash),
        ("state.restore_1024_us", RESTORE_GOAL, restore),
    ];
    let measured = those.map(|(name, goal, work)| (name, goal, measured(rounds, &mut work())));
    let of_peer = |number: usize| measured[number].2.get(1).copied().unwrap_or_default();
    let there_and_back = of_peer(0) + of_peer(2);
    let mut rows: Vec<Row> = measured
        .iter()
        .flat_map(|(name, goal, each)| against(name, "us", each, goal.min(there_and_back / ROUND_TRIP_RATIO)))
        .collect();
    rows.extend(against("state.bytes_of_a_resting_body", "bytes", &bytes_of_a_resting_body(), BYTES_GOAL));
    rows
}

/// Microseconds of each.
fn measured(rounds: usize, works: &mut [Work<'_>]) -> Vec<f64> {
    let times = in_turns(rounds, works, |(times, work)| repeat(*times, work));
    times.iter().zip(works).map(|(time, (count, _))| micros(*time, *count)).collect()
}

/// A row for each peer of which there is a value after the own one.
fn against(name: &str, unit: &'static str, each: &[f64], goal: f64) -> Vec<Row> {
    let [own, peers @ ..] = each else { return Vec::new() };
    let peers = peers.iter().zip([(PEER, ""), (super::BOX2D, ".box2d")]);
    let row = |(value, (peer, suffix)): (&f64, (&'static str, &str))| {
        Row::lower(format!("{name}{suffix}"), *own, unit).against(peer, *value).goal(goal)
    };
    peers.map(row).collect()
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
