//! One tick of a busy node's rooms, and of one match.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use framekeep_benches::circles::TICKS_PER_KICK;
use framekeep_benches::matches::{SEATS, frames};
use framekeep_benches::rooms::{Room, rooms, step_all};
use framekeep_benches::timing::time;
use framekeep_games::arena::Arena;
use framekeep_sim::{Game, Match};

const ROOMS: u32 = 2_000;
const FRAMES: u32 = 900;

fn two_thousand(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tick");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    group.throughput(Throughput::Elements(u64::from(ROOMS)));
    let mut rooms = rooms(ROOMS);
    let mut tick = 0;
    let mut step = || {
        if tick % TICKS_PER_KICK == 0 {
            rooms.iter_mut().for_each(Room::kick);
        }
        tick += 1;
        time(|| step_all(&mut rooms))
    };
    group.bench_function("rooms_2000x36", |bencher| {
        bencher.iter_custom(|ticks| (0..ticks).map(|_| step()).sum());
    });
    assert_eq!(rooms[0].world.len(), 36);
    group.finish();
}

fn arena(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("arena");
    group.throughput(Throughput::Elements(u64::from(FRAMES)));
    let frames = frames(FRAMES);
    let start = Match::<Arena>::start(Arena::default_content().into(), 1, SEATS);
    let (mut play, mut scratch) = (start.clone(), Vec::new());
    let mut hashes = Vec::new();
    group.bench_function("step_and_hash_900_frames", |bencher| {
        bencher.iter(|| {
            play.clone_from(&start);
            frames.iter().for_each(|frame| play.step(frame));
            hashes.push(play.hash(&mut scratch));
        });
    });
    assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]), "the same frames give the same state");
    group.finish();
}

criterion_group!(benches, two_thousand, arena);
criterion_main!(benches);
