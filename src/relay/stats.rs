//! `RelayStats`, what the relay measures.

use std::sync::atomic::{AtomicI64, Ordering};

use framekeep_gate::{Sample, SampleKind};
use tracing::warn;

use crate::NODES_MAX;

/// What the relay measures. Counters and gauges alike; they are read once a second.
#[derive(Debug, Default)]
pub struct RelayStats {
    /// Nodes this one is connected to, for its own clients.
    pub(crate) nodes: AtomicI64,
    /// Connections of other nodes.
    pub(crate) connections: AtomicI64,
    /// Links of this node's clients at other nodes.
    pub(crate) near_links: AtomicI64,
    /// Links of other nodes' clients here.
    pub(crate) far_links: AtomicI64,
    /// Connections that could not be made.
    pub(crate) dials_failed: AtomicI64,
    /// Connections that were lost.
    pub(crate) lost: AtomicI64,
    /// Nodes that were refused: another secret, another build.
    pub(crate) refused: AtomicI64,
    /// Nodes that found no place among those that one may be connected to.
    pub(crate) crowded: AtomicI64,
    /// Links that were told that their room is lost.
    pub(crate) links_lost: AtomicI64,
    /// Links that went to another node with their room.
    pub(crate) links_moved: AtomicI64,
    /// Links that took too little.
    pub(crate) links_slow: AtomicI64,
    /// Orders that found no place.
    pub(crate) orders_refused: AtomicI64,
    /// Messages that were told once to all who watch.
    pub(crate) stream_messages: AtomicI64,
    /// Gaps that were noticed.
    pub(crate) gaps: AtomicI64,
    /// Streams that went on afresh after a gap.
    pub(crate) afresh: AtomicI64,
    /// Frames that were no frames.
    pub(crate) malformed: AtomicI64,
    /// Bytes received and sent.
    pub(crate) bytes: [AtomicI64; 2],
    /// The round trip of the last beat, the longest of all nodes, in microseconds.
    pub(crate) rtt_us: AtomicI64,
}

impl RelayStats {
    /// A node found no place: the first time that is said.
    pub(crate) fn crowd(&self) {
        if self.crowded.fetch_add(1, Ordering::Relaxed) == 0 {
            warn!(
                limit = NODES_MAX,
                "this node is connected to as many nodes as it may be: clients of further ones do not get into its \
                 rooms, nor its own into theirs; connect fewer gateways to each other, or make several clusters"
            );
        }
    }

    pub(crate) fn add(counter: &AtomicI64, by: i64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }

    /// Everything as samples.
    #[must_use]
    pub fn samples(&self) -> Vec<Sample> {
        let mut all = Vec::with_capacity(24);
        let mut add = |name, help, kind, labels: &[(&'static str, &'static str)], from: &AtomicI64, unit| {
            let value = from.load(Ordering::Relaxed) as f64 * unit;
            all.push(Sample { name, help, kind, labels: labels.to_vec(), value });
        };
        use SampleKind::{Counter, Gauge};
        let help = "Connections from node to node, by who made them";
        add("framekeep_relay_connections", help, Gauge, &[("direction", "out")], &self.nodes, 1.0);
        add("framekeep_relay_connections", help, Gauge, &[("direction", "in")], &self.connections, 1.0);
        let help = "Links over them: of this node's clients at others, of others' clients here";
        add("framekeep_relay_links", help, Gauge, &[("direction", "out")], &self.near_links, 1.0);
        add("framekeep_relay_links", help, Gauge, &[("direction", "in")], &self.far_links, 1.0);
        let help = "Connections from node to node that failed, by how";
        let name = "framekeep_relay_failures_total";
        add(name, help, Counter, &[("reason", "not_made")], &self.dials_failed, 1.0);
        add(name, help, Counter, &[("reason", "lost")], &self.lost, 1.0);
        add(name, help, Counter, &[("reason", "refused")], &self.refused, 1.0);
        add(name, help, Counter, &[("reason", "malformed")], &self.malformed, 1.0);
        add(name, help, Counter, &[("reason", "too_many")], &self.crowded, 1.0);
        let help = "Links over them that ended or went on elsewhere, by why";
        let name = "framekeep_relay_link_changes_total";
        add(name, help, Counter, &[("reason", "lost")], &self.links_lost, 1.0);
        add(name, help, Counter, &[("reason", "moved")], &self.links_moved, 1.0);
        add(name, help, Counter, &[("reason", "too_slow")], &self.links_slow, 1.0);
        let help = "Orders of clients for other nodes that found no place";
        add("framekeep_relay_orders_refused_total", help, Counter, &[], &self.orders_refused, 1.0);
        let help = "Messages of watched rooms, told once to all who watch at other nodes";
        add("framekeep_relay_stream_messages_total", help, Counter, &[], &self.stream_messages, 1.0);
        let help = "Gaps in streams of watched rooms, by what became of them";
        let name = "framekeep_relay_gaps_total";
        add(name, help, Counter, &[("fate", "asked")], &self.gaps, 1.0);
        add(name, help, Counter, &[("fate", "afresh")], &self.afresh, 1.0);
        let help = "Bytes from node to node";
        add("framekeep_relay_bytes_total", help, Counter, &[("direction", "in")], &self.bytes[0], 1.0);
        add("framekeep_relay_bytes_total", help, Counter, &[("direction", "out")], &self.bytes[1], 1.0);
        let help = "The last round trip from node to node";
        add("framekeep_relay_rtt_seconds", help, Gauge, &[], &self.rtt_us, 1e-6);
        all
    }
}
