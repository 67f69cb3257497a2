//! What the front door itself counts.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use framekeep_gate::{HistogramSample, KindBytes, Sample, SampleKind};

use crate::traffic::Traffic;

/// A number that rises.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that rises and falls.
#[derive(Debug, Default)]
pub(crate) struct Level(AtomicI64);

impl Level {
    pub(crate) fn add(&self, more: i64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

const BOUNDS_US: [u64; 12] =
    [250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000];

/// How a duration is distributed.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
    before: [AtomicU64; 2],
}

impl Spread {
    pub(crate) fn record(&self, duration: Duration) {
        let us = duration.as_micros() as u64;
        let bucket = BOUNDS_US.partition_point(|&bound| bound < us);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// The mean of what was recorded since this was asked last, in seconds.
    pub(crate) fn recent_mean(&self) -> f64 {
        let count: u64 = self.buckets.iter().map(|count| count.load(Ordering::Relaxed)).sum();
        let sum = self.sum_us.load(Ordering::Relaxed);
        let (counted, summed) =
            (self.before[0].swap(count, Ordering::Relaxed), self.before[1].swap(sum, Ordering::Relaxed));
        if count <= counted { 0.0 } else { (sum - summed) as f64 * 1e-6 / (count - counted) as f64 }
    }

    fn sample(&self, name: &'static str, help: &'static str) -> HistogramSample {
        let mut count = 0;
        let mut buckets = Vec::with_capacity(BOUNDS_US.len());
        for (bound, bucket) in BOUNDS_US.iter().zip(&self.buckets) {
            count += bucket.load(Ordering::Relaxed);
            buckets.push((*bound as f64 / 1e6, count));
        }
        count += self.buckets[BOUNDS_US.len()].load(Ordering::Relaxed);
        let sum = self.sum_us.load(Ordering::Relaxed) as f64 * 1e-6;
        HistogramSample { name, help, buckets, count, sum, recent_max: 0.0, recent_mean: 0.0 }
    }
}

/// What the front door itself counts.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) connections: Level,
    pub(crate) sockets: Level,
    pub(crate) parked: Level,
    pub(crate) requests: [Count; 5],
    pub(crate) messages_in: Count,
    pub(crate) messages_out: Count,
    pub(crate) traffic: Traffic,
    pub(crate) views: Count,
    pub(crate) refused: [Count; REFUSED.len()],
    pub(crate) rtt: Spread,
    pub(crate) view_delay: Spread,
    /// Bytes of messages that went out packed: before and after.
    pub(crate) deflated: [Count; 2],
    pub(crate) alerts_sent: Count,
    pub(crate) alerts_lost: Count,
}

/// Why something of a WebSocket client, or a request, was refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refused {
    Origin,
    Budget,
    Unauthorized,
    TooFast,
    TooLarge,
    Malformed,
    TooSlow,
    Silent,
    Busy,
    Full,
}

const REFUSED: [&str; 10] = [
    "origin",
    "budget",
    "unauthorized",
    "too_fast",
    "too_large",
    "malformed",
    "too_slow",
    "silent",
    "busy",
    "full",
];

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl Stats {
    pub(crate) fn refuse(&self, why: Refused) {
        self.refused[why as usize].add(1);
    }

    /// Counts an answer by its status.
    pub(crate) fn note_response(&self, status: u16) {
        let class = usize::from(status / 100).clamp(1, CLASSES.len()) - 1;
        self.requests[class].add(1);
    }

    /// Everything as samples.
    pub(crate) fn samples(&self) -> (Vec<Sample>, Vec<HistogramSample>) {
        let mut all = Vec::new();
        let mut add = |name, help, kind, label: Option<_>, value| {
            let labels = label.into_iter().collect();
            all.push(Sample { name, help, kind, labels, value });
        };
        let (counter, gauge) = (SampleKind::Counter, SampleKind::Gauge);
        for (class, count) in CLASSES.iter().zip(&self.requests) {
            let help = "HTTP requests answered, by class of status";
            add("framekeep_http_requests_total", help, counter, Some(("class", *class)), count.get() as f64);
        }
        for (why, count) in REFUSED.iter().zip(&self.refused) {
            let help = "What was refused of HTTP and WebSocket clients, by rule";
            add("framekeep_web_refused_total", help, counter, Some(("rule", *why)), count.get() as f64);
        }
        let ways = [("in", &self.messages_in), ("out", &self.messages_out)];
        for (way, count) in ways {
            let help = "WebSocket frames, by direction";
            add(
                "framekeep_websocket_messages_total",
                help,
                counter,
                Some(("direction", way)),
                count.get() as f64,
            );
        }
        for (state, count) in [("plain", &self.deflated[0]), ("packed", &self.deflated[1])] {
            let name = "framekeep_websocket_deflated_bytes_total";
            let help = "Bytes of WebSocket messages that were sent packed, before and after packing";
            add(name, help, counter, Some(("state", state)), count.get() as f64);
        }
        let levels = [
            ("framekeep_http_connections", "HTTP connections that are open", &self.connections),
            ("framekeep_websockets", "WebSocket connections with a session", &self.sockets),
            ("framekeep_websocket_sessions_parked", "Sessions that wait for their client", &self.parked),
        ];
        for (name, help, level) in levels {
            add(name, help, gauge, None, level.get() as f64);
        }
        let counts = [
            ("framekeep_state_views_total", "State views sent to WebSocket clients", &self.views),
            ("framekeep_alerts_sent_total", "Alerts sent to the webhook", &self.alerts_sent),
            ("framekeep_alerts_lost_total", "Alerts the webhook did not take", &self.alerts_lost),
        ];
        for (name, help, count) in counts {
            add(name, help, counter, None, count.get() as f64);
        }
        all.extend(self.traffic.all().map(bytes));
        let spreads = vec![
            self.rtt.sample("framekeep_websocket_rtt_seconds", "Round trips of WebSocket pings"),
            self.view_delay
                .sample("framekeep_view_delay_seconds", "From a state view's making to its being written"),
        ];
        (all, spreads)
    }
}

fn bytes(KindBytes { kind, direction, bytes }: KindBytes) -> Sample {
    let (name, help) =
        ("framekeep_websocket_bytes_total", "Bytes of WebSocket payload, by kind and direction");
    let labels = vec![("kind", kind), ("direction", direction)];
    Sample { name, help, kind: SampleKind::Counter, labels, value: bytes as f64 }
}
