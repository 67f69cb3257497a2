//! A state of 1,024 bodies as bytes, here and in the peer.

use criterion::{Criterion, criterion_group, criterion_main};
use framekeep_benches::snapshots::{OwnSnapshot, PeerSnapshot};
use framekeep_sim::hash_bytes;

fn own(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("state_1024");
    let mut own = OwnSnapshot::new();
    let expected = own.hash();
    group.bench_function("own/snapshot", |bencher| bencher.iter(|| own.encode()));
    group.bench_function("own/hash", |bencher| {
        bencher.iter(|| assert_eq!(own.hash(), expected));
    });
    group.bench_function("own/hash_only", |bencher| {
        bencher.iter(|| assert_eq!(hash_bytes(&own.bytes), expected));
    });
    group.bench_function("own/restore", |bencher| bencher.iter(|| own.restore()));
    let mut copy = own.world.clone();
    group.bench_function("own/copy", |bencher| bencher.iter(|| copy.clone_from(&own.world)));
    assert!(own.restore().as_ref() == Some(&own.world) && copy == own.world);
    group.finish();
}

fn peer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("state_1024");
    group.sample_size(20);
    let mut peer = PeerSnapshot::new();
    let expected = peer.hash();
    group.bench_function("rapier2d/snapshot", |bencher| bencher.iter(|| peer.encode()));
    group.bench_function("rapier2d/hash", |bencher| {
        bencher.iter(|| assert_eq!(peer.hash(), expected));
    });
    group.bench_function("rapier2d/restore", |bencher| bencher.iter(|| peer.restore()));
    group.finish();
}

criterion_group!(benches, own, peer);
criterion_main!(benches);
