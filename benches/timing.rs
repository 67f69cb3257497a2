//! How long things take on a machine that others use too: medians, and own and peer in turns.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// Rounds that only warm up.
const WARM_UP: usize = 2;

/// How long one call takes.
pub fn time(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

/// The time that the threads of this process have worked, on all cores: what others do on this machine is no part
/// of it.
#[must_use]
pub fn worked() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// How long the threads of this process work on one call.
pub fn busy(run: impl FnOnce()) -> Duration {
    let start = worked();
    run();
    worked().saturating_sub(start)
}

/// The median of what `run` gives in `rounds` rounds.
pub fn median(rounds: usize, mut run: impl FnMut() -> Duration) -> Duration {
    let samples = (0..rounds + WARM_UP).map(|_| run()).skip(WARM_UP).collect();
    median_of(samples)
}

/// The medians of two measurements that take turns, so that what disturbs the one disturbs the other.
pub fn alternate(
    rounds: usize,
    mut own: impl FnMut() -> Duration,
    mut peer: impl FnMut() -> Duration,
) -> (Duration, Duration) {
    let (own, peer): (Vec<_>, Vec<_>) = (0..rounds + WARM_UP).map(|_| (own(), peer())).skip(WARM_UP).unzip();
    (median_of(own), median_of(peer))
}

/// The medians of measurements that take turns, one round of each to warm up.
pub fn in_turns<T>(rounds: usize, those: &mut [T], mut run: impl FnMut(&mut T) -> Duration) -> Vec<Duration> {
    let mut samples = vec![Vec::new(); those.len()];
    for round in 0..=rounds {
        for (that, samples) in those.iter_mut().zip(&mut samples) {
            let duration = run(that);
            samples.extend((round > 0).then_some(duration));
        }
    }
    samples.into_iter().map(median_of).collect()
}

fn median_of(mut samples: Vec<Duration>) -> Duration {
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}

/// Microseconds of one of `count` equal parts.
#[must_use]
pub fn micros(duration: Duration, count: u32) -> f64 {
    duration.as_secs_f64() * 1e6 / f64::from(count.max(1))
}
