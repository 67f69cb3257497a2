//! `Placement`, which node a match goes to.

use std::collections::{BTreeMap, VecDeque};

use crate::{NodeId, NodeView};

/// How long a match counts for its node before the node's own report says so.
const REPORTED_MS: u64 = 2_000;

/// Turns that take longer than this, in microseconds, are as if the node had more rooms.
const BUSY_US: u32 = 16_000;

/// Which node a match goes to: one of its region if there is one, the one with the least to do.
#[derive(Clone, Debug, Default)]
pub struct Placement {
    /// Matches that were placed lately, with when.
    recent: VecDeque<(u64, NodeId)>,
}

impl Placement {
    /// The node for a match of that region, whose modes are those of `modes_digest`; `None` if there is none.
    pub fn place(
        &mut self,
        now_ms: u64,
        nodes: &[NodeView],
        region: &str,
        modes_digest: &str,
    ) -> Option<NodeId> {
        while self.recent.front().is_some_and(|(at_ms, _)| at_ms + REPORTED_MS < now_ms) {
            self.recent.pop_front();
        }
        let mut pending: BTreeMap<NodeId, u64> = BTreeMap::new();
        self.recent.iter().for_each(|(_, node)| *pending.entry(*node).or_default() += 1);
        let has_rooms = |view: &NodeView| !view.load.draining && !view.card.is_gateway;
        let can = |view: &&NodeView| has_rooms(view) && view.card.modes_digest == modes_digest;
        let cost = |view: &NodeView| {
            let rooms = u64::from(view.load.rooms) + pending.get(&view.node).copied().unwrap_or(0);
            let is_busy = view.load.tick_us_p99 > BUSY_US;
            let is_far = !region.is_empty() && view.load.region != region;
            (is_far, is_busy, rooms, view.load.players, view.node)
        };
        let found = nodes.iter().filter(can).min_by_key(|view| cost(view))?.node;
        self.recent.push_back((now_ms, found));
        Some(found)
    }
}
