//! What is measured, by name. Base units, and labels of which there are few.

use bevy_ecs::prelude::{Mut, World};
use framekeep_gate::{HistogramSample, Sample, SampleKind};
use framekeep_protocol::{DatagramFault, PayloadFault};

use super::gauges;
use crate::{
    CleanupBacklog, CleanupStats, CleanupTier, Cleanups, Clock, Counters, FailureCause, FaultKind, Histogram,
    PacketKind, Recorder, Stray, Timings,
};

/// Upper bounds of the buckets of durations, in microseconds.
const BOUNDS_US: [u64; 14] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 30_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
];

/// The samples as they grow.
pub(super) struct Samples(Vec<Sample>);

type Label = (&'static str, &'static str);

impl Samples {
    pub(super) fn counter(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: impl IntoIterator<Item = Label>,
        value: u64,
    ) {
        let labels = labels.into_iter().collect();
        self.0.push(Sample { name, help, kind: SampleKind::Counter, labels, value: value as f64 });
    }

    pub(super) fn gauge(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: impl IntoIterator<Item = Label>,
        value: f64,
    ) {
        let labels = labels.into_iter().collect();
        self.0.push(Sample { name, help, kind: SampleKind::Gauge, labels, value });
    }

    pub(super) fn by(
        &mut self,
        name: &'static str,
        help: &'static str,
        label: &'static str,
        values: impl IntoIterator<Item = (&'static str, u64)>,
    ) {
        for (value, count) in values {
            self.counter(name, help, [(label, value)], count);
        }
    }
}

/// Everything that is measured now.
pub(super) fn samples(world: &mut World) -> Vec<Sample> {
    let mut samples = Samples(Vec::with_capacity(128));
    let counters = world.resource::<Counters>().clone();
    traffic(&mut samples, &counters);
    play(&mut samples, &counters);
    rooms(&mut samples, &counters);
    faults(&mut samples, &counters);
    gauges::gauges(&mut samples, world);
    cleanup(&mut samples, world);
    samples.0
}

fn traffic(samples: &mut Samples, counters: &Counters) {
    let way = [("in", counters.datagrams_in), ("out", counters.datagrams_out)];
    samples.by("framekeep_datagrams_total", "UDP datagrams read and written", "direction", way);
    let way = [("in", counters.bytes_in), ("out", counters.bytes_out)];
    samples.by("framekeep_udp_bytes_total", "Bytes of UDP payload read and written", "direction", way);
    let kinds =
        [("hot", counters.hot_sent), ("snapshot", counters.snapshots), ("event", counters.events_sent)];
    samples.by("framekeep_messages_sent_total", "Messages queued for players, by kind", "kind", kinds);
    let help = "UDP datagrams that the socket would not take";
    samples.counter("framekeep_datagrams_unsent_total", help, [], counters.datagrams_unsent);
    payload(samples, counters);
    let refused = DatagramFault::ALL.iter().map(|fault| fault.name()).zip(counters.datagrams_refused.0);
    let help = "UDP datagrams that the guard before netcode refused, by rule";
    samples.by("framekeep_datagrams_refused_total", help, "rule", refused);
    let refused = PayloadFault::ALL.iter().map(|fault| fault.name()).zip(counters.payloads_refused.0);
    let help = "Payloads that the guard before renet refused, by rule";
    samples.by("framekeep_payloads_refused_total", help, "rule", refused);
    let requests = [
        ("over_budget", counters.requests_over_budget),
        ("unanswered", counters.requests_refused),
        ("ticket", counters.tickets_refused),
        ("timeout", counters.handshakes_timed_out),
    ];
    samples.by("framekeep_connections_refused_total", "Connections that led to no link", "reason", requests);
    let links = [
        ("opened", counters.links_opened),
        ("closed", counters.links_closed),
        ("too_slow", counters.links_too_slow),
        ("idle", counters.links_idle),
    ];
    samples.by("framekeep_links_total", "Links opened and closed", "change", links);
    let events = [
        ("sent", counters.events_sent),
        ("coalesced", counters.events_coalesced),
        ("dropped", counters.events_dropped),
    ];
    samples.by(
        "framekeep_room_events_total",
        "Room events for links, by what became of them",
        "fate",
        events,
    );
}

/// What the links over UDP carry.
fn payload(samples: &mut Samples, counters: &Counters) {
    let help = "Bytes of payload of links over UDP, by kind and direction";
    for (kind, bytes) in [("play", counters.hot_bytes), ("control", counters.control_bytes)] {
        for (direction, bytes) in ["in", "out"].into_iter().zip(bytes) {
            let labels = [("kind", kind), ("direction", direction)];
            samples.counter("framekeep_payload_bytes_total", help, labels, bytes);
        }
    }
    let packets = [("in", counters.hot_received), ("out", counters.hot_sent)];
    let help = "Packets of inputs received and of frames sent";
    samples.by("framekeep_play_packets_total", help, "direction", packets);
    let lost = ["in", "out"].into_iter().zip(counters.packets_lost);
    let help = "Of them, those that were lost or came late, as far as their numbers tell";
    samples.by("framekeep_play_packets_lost_total", help, "direction", lost);
    let help = "Packets of frames sent again to seats whose way loses them";
    samples.counter("framekeep_play_packets_copied_total", help, [], counters.hot_copies);
}

fn play(samples: &mut Samples, counters: &Counters) {
    let fates = [
        ("arrived", counters.inputs_arrived),
        ("repeated", counters.inputs_repeated),
        ("absent", counters.inputs_absent),
        ("late", counters.inputs_late),
        ("early", counters.inputs_early),
    ];
    samples.by("framekeep_inputs_total", "Inputs of seats, by what became of them", "fate", fates);
    samples.counter("framekeep_frames_total", "Frames committed", [], counters.frames);
    let help =
        "Frames in which somebody did something new: clients, who do not say, roll back so often at most";
    samples.counter("framekeep_frames_changed_total", help, [], counters.frames_changed);
    let states = [("agreed", counters.hashes_agreed), ("differed", counters.desyncs)];
    samples.by(
        "framekeep_state_hashes_total",
        "State hashes of clients compared with ours",
        "result",
        states,
    );
    samples.counter("framekeep_desyncs_total", "State hashes of clients that differed", [], counters.desyncs);
    let control = [("malformed", counters.control_malformed), ("refused", counters.control_refused)];
    samples.by(
        "framekeep_requests_refused_total",
        "Requests of players that were not done",
        "reason",
        control,
    );
    let hot = [("malformed", counters.hot_malformed), ("stray", counters.hot_stray)];
    samples.by("framekeep_hot_packets_refused_total", "Packets of inputs not taken", "reason", hot);
}

fn rooms(samples: &mut Samples, counters: &Counters) {
    let rooms = [("opened", counters.rooms_opened), ("closed", counters.rooms_closed)];
    samples.by("framekeep_rooms_total", "Rooms opened and closed", "change", rooms);
    let matches = [
        ("started", counters.matches_started),
        ("ended", counters.matches_ended),
        ("failed", counters.matches_failed),
        ("rebuilt", counters.matches_rebuilt),
        ("slowed", counters.matches_slowed),
    ];
    samples.by("framekeep_matches_total", "Matches, by what happened to them", "change", matches);
}

fn faults(samples: &mut Samples, counters: &Counters) {
    let failures = FailureCause::ALL.iter().map(|cause| cause.name()).zip(counters.failures.0);
    samples.by(
        "framekeep_match_failures_total",
        "Matches that their game failed, by cause",
        "cause",
        failures,
    );
    let faults = FaultKind::ALL.iter().map(|kind| kind.name()).zip(counters.faults.0);
    samples.by("framekeep_faults_total", "Faults of links, rooms and the node", "kind", faults);
    let escalations = FaultKind::ALL.iter().map(|kind| kind.name()).zip(counters.escalations.0);
    samples.by("framekeep_escalations_total", "Times one of them went over its budget", "kind", escalations);
    let strays = Stray::ALL.iter().map(|stray| stray.name()).zip(counters.swept.0);
    samples.by("framekeep_swept_total", "What sweeps found that nothing owned; stays 0", "kind", strays);
    let help = "Panics caught in the transport's decoders; stays 0";
    samples.counter("framekeep_decoder_panics_total", help, [], counters.decoder_panics);
}

fn cleanup(samples: &mut Samples, world: &mut World) {
    let now = world.resource::<Clock>().now();
    let backlog = CleanupBacklog::of(world.query::<&Cleanups>().iter(world), now);
    let stats = world.resource::<CleanupStats>();
    let tiers = CleanupTier::ALL.iter().map(|tier| tier.name()).zip(stats.finished);
    samples.by("framekeep_cleanups_total", "Cleanups finished, by tier", "tier", tiers);
    let results = [
        ("failed", stats.failures),
        ("retried", stats.retries),
        ("given_up", stats.given_up),
        ("forced", stats.forced),
    ];
    samples.by("framekeep_cleanup_trouble_total", "Cleanups that did not go as they should", "kind", results);
    for (kind, count) in PacketKind::ALL.iter().zip(stats.packets) {
        let labels = [("kind", kind.name())];
        samples.gauge("framekeep_packets_buffered", "Packets that wait in rooms", labels, count as f64);
    }
    let age = backlog.oldest_age.as_secs_f64();
    samples.gauge("framekeep_cleanups_waiting", "Cleanups that wait", [], backlog.tasks as f64);
    samples.gauge("framekeep_cleanup_oldest_age_seconds", "Age of the oldest of them", [], age);
}

/// How many histograms there are.
pub(super) const HISTOGRAMS: usize = 5;

/// How long things take; `before` holds count and sum of each at the last report.
pub(super) fn histograms(world: &mut World, before: &mut [(u64, u64); HISTOGRAMS]) -> Vec<HistogramSample> {
    let mut timings: Mut<'_, Timings> = world.resource_mut::<Timings>();
    let Timings { pump_us, frame_us, ack_us, .. } = &mut *timings;
    let tick = "Work of a turn of the server in which frames were due";
    let late = "From the moment a frame is due to the moment it is handed to the socket";
    let ack = "From the moment a frame is due to its acknowledgement over UDP, with the wait for its packet";
    let mut all = vec![
        histogram("framekeep_tick_seconds", tick, pump_us, &mut before[0]),
        histogram("framekeep_frame_lateness_seconds", late, frame_us, &mut before[1]),
        histogram("framekeep_udp_rtt_seconds", ack, ack_us, &mut before[2]),
    ];
    let durable = "From the moment records are handed over to the moment they are durable";
    let sync = "One fsync of the journal";
    world.resource::<Recorder>().with_times(|times| {
        let journal = "framekeep_journal_durable_seconds";
        all.push(histogram(journal, durable, &mut times.durable_us, &mut before[3]));
        all.push(histogram("framekeep_journal_sync_seconds", sync, &mut times.sync_us, &mut before[4]));
    });
    all
}

fn histogram(
    name: &'static str,
    help: &'static str,
    source: &mut Histogram,
    before: &mut (u64, u64),
) -> HistogramSample {
    const US: f64 = 1e-6;
    let (count, sum) = (source.count(), source.sum());
    let (newly, longer) = (count - before.0, sum - before.1);
    *before = (count, sum);
    HistogramSample {
        name,
        help,
        buckets: BOUNDS_US.iter().map(|&bound| (bound as f64 / 1e6, source.at_most(bound))).collect(),
        count,
        sum: sum as f64 * US,
        recent_max: source.take_recent_max() as f64 * US,
        recent_mean: if newly == 0 { 0.0 } else { longer as f64 * US / newly as f64 },
    }
}
