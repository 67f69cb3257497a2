//! One step of circles in a box, here and in the peer.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use framekeep_benches::circles::{Kicked, OwnCircles, TICKS_PER_KICK};
use framekeep_benches::peer::Rapier;
use framekeep_benches::timing::time;

/// Steps `ticks` ticks, kicked every [`TICKS_PER_KICK`]; only the steps are timed.
fn timed<S>(scene: &mut S, ticks: u64, kick: impl Fn(&mut S), step: impl Fn(&mut S, u32)) -> Duration {
    let mut total = Duration::ZERO;
    let mut left = ticks;
    while left > 0 {
        kick(scene);
        let next = left.min(u64::from(TICKS_PER_KICK));
        total += time(|| step(scene, next as u32));
        left -= next;
    }
    total
}

fn circles(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("circles");
    group.sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    for count in [64_u16, 256, 1_024, 5_000] {
        group.throughput(Throughput::Elements(u64::from(count)));
        let mut own = OwnCircles::golden(count);
        group.bench_function(BenchmarkId::new("own", count), |bencher| {
            bencher.iter_custom(|ticks| timed(&mut own, ticks, OwnCircles::kick, OwnCircles::step));
        });
        let mut peer = Kicked::<Rapier>::new(count);
        group.bench_function(BenchmarkId::new("rapier2d", count), |bencher| {
            bencher.iter_custom(|ticks| timed(&mut peer, ticks, Kicked::kick, Kicked::step));
        });
        assert!(peer.is_inside(), "the peer's circles are still in the box");
    }
    group.finish();
}

criterion_group!(benches, circles);
criterion_main!(benches);
