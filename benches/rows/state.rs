//! A state as bytes.

use std::hint::black_box;
use std::time::Duration;

use super::PEER;
use crate::row::Row;
use crate::snapshots::{OwnSnapshot, PeerSnapshot};
use crate::timing::{alternate, micros, time};

/// Repetitions in one round.
const OWN_TIMES: u32 = 200;
const PEER_TIMES: u32 = 5;
/// Microseconds for each.
const SNAPSHOT_GOAL: f64 = 5.0;
const HASH_GOAL: f64 = 10.0;
const RESTORE_GOAL: f64 = 20.0;

/// Snapshot, hash and restore of 1,024 circles, here and in the peer.
pub(super) fn rows(quick: bool) -> [Row; 3] {
    let (mut own, mut peer) = (OwnSnapshot::new(), PeerSnapshot::new());
    let rounds = if quick { 3 } else { 21 };
    let snapshot =
        alternate(rounds, || repeat(OWN_TIMES, || own.encode()), || repeat(PEER_TIMES, || peer.encode()));
    let hash = alternate(
        rounds,
        || {
            repeat(OWN_TIMES, || {
                black_box(own.hash());
            })
        },
        || {
            repeat(PEER_TIMES, || {
                black_box(peer.hash());
            })
        },
    );
    let restore = alternate(
        rounds,
        || repeat(OWN_TIMES, || drop(black_box(own.restore()))),
        || repeat(PEER_TIMES, || drop(black_box(peer.restore()))),
    );
    [
        row("state.snapshot_1024_us", snapshot, SNAPSHOT_GOAL),
        row("state.hash_1024_us", hash, HASH_GOAL),
        row("state.restore_1024_us", restore, RESTORE_GOAL),
    ]
}

fn repeat(times: u32, mut run: impl FnMut()) -> Duration {
    time(|| (0..times).for_each(|_| run()))
}

fn row(name: &str, (own, peer): (Duration, Duration), goal: f64) -> Row {
    Row::lower(name, micros(own, OWN_TIMES), "us").against(PEER, micros(peer, PEER_TIMES)).goal(goal)
}
