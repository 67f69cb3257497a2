//! Going back and playing again, and playing a whole match again.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use framekeep_benches::circles::OwnCircles;
use framekeep_benches::matches::{SEATS, frames, sealed};
use framekeep_games::arena::Arena;
use framekeep_journal::Verifier;
use framekeep_rollback::SyncTest;
use framekeep_sim::{Game, Match};

const BACK: usize = 8;

fn worlds(criterion: &mut Criterion) {
    let circles = OwnCircles::new(64);
    let mut world = circles.engine.world.clone();
    criterion.bench_function("rollback/8_ticks_64_bodies", |bencher| {
        bencher.iter(|| {
            world.clone_from(&circles.engine.world);
            (0..BACK).for_each(|_| world.step());
        });
    });
    let mut expected = circles.engine.world.clone();
    (0..BACK).for_each(|_| expected.step());
    assert!(world == expected, "the same ticks give the same state");
}

fn matches(criterion: &mut Criterion) {
    let frames = frames(300);
    let mut confirmed = Match::<Arena>::start(Arena::default_content().into(), 1, SEATS);
    frames[..300 - BACK].iter().for_each(|frame| confirmed.step(frame));
    let mut predicted = confirmed.clone();
    criterion.bench_function("rollback/8_ticks_arena", |bencher| {
        bencher.iter(|| {
            predicted.clone_from(&confirmed);
            frames[300 - BACK..].iter().for_each(|frame| predicted.step(frame));
        });
    });
    criterion.bench_function("rollback/sync_test_60_ticks_by_8", |bencher| {
        bencher.iter(|| {
            let content = Arena::default_content().into();
            let mut test = SyncTest::<Arena>::new(content, 1, SEATS, BACK as u32);
            assert!(frames[..60].iter().all(|frame| test.step(frame).is_ok()));
        });
    });
}

fn replay(criterion: &mut Criterion) {
    let replay = sealed().expect("the journal takes what bots play");
    let mut verifier = Verifier::new(framekeep_games::registry());
    let mut group = criterion.benchmark_group("replay");
    group.sample_size(20).throughput(Throughput::Elements(u64::from(replay.end().ticks.0)));
    group.bench_function("verify", |bencher| {
        bencher.iter(|| assert!(verifier.verify(&replay, &mut |_, _| ()).is_ok()));
    });
    group.finish();
}

criterion_group!(benches, worlds, matches, replay);
criterion_main!(benches);
