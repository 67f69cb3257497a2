//! `Missed`, since when nodes are not there any more that had something. Time is an argument.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::{NodeId, NodeView};

/// How long after its last word the rooms of a node are waited for where others open them again: so long are clients
/// let wait that are in them.
const REOPENED_WITHIN: Duration = Duration::from_secs(15);

/// How long nodes are remembered that are missed. Of others it is known that they are missed for longer.
const KEPT: Duration = Duration::from_secs(60);

/// Since when nodes are missed.
#[derive(Debug, Default)]
pub(crate) struct Missed {
    /// When the list of nodes was read last, and since when it is read without a gap.
    read_at: Option<Instant>,
    read_since: Option<Instant>,
    since: BTreeMap<NodeId, Instant>,
}

impl Missed {
    /// Notes which nodes are there, and which were before. A list that was not read for the time of a lease says
    /// nothing about those who are missing in the next: they may not have said that they are there since.
    pub(crate) fn note(&mut self, now: Instant, lease: Duration, before: &[NodeView], nodes: &[NodeView]) {
        if self.read_at.is_none_or(|at| now.duration_since(at) >= lease) {
            self.begin(now);
        }
        self.read_at = Some(now);
        let is_there = |node: NodeId| nodes.iter().any(|view| view.node == node);
        let gone = before.iter().map(|view| view.node).filter(|node| !is_there(*node));
        for node in gone {
            self.since.entry(node).or_insert(now);
        }
        self.since.retain(|node, at| !is_there(*node) && now.duration_since(*at) < KEPT);
    }

    /// The store is another one, which hears of all nodes anew.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.read_since = Some(now);
        self.since.clear();
    }

    /// Whether a node that is not there is given up: after two leases since its last word, or when its rooms should
    /// have come up elsewhere.
    pub(crate) fn is_lost(&self, now: Instant, lease: Duration, reopens: bool, node: NodeId) -> bool {
        let patience = if reopens { REOPENED_WITHIN.saturating_sub(lease).max(lease) } else { lease };
        let is_read = self.read_at.is_some_and(|at| now.duration_since(at) < lease);
        let since = self.since.get(&node).copied().or(self.read_since);
        is_read && since.is_some_and(|since| now.duration_since(since) >= patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Card, Load};

    const LEASE: Duration = Duration::from_secs(3);
    const STEP: Duration = Duration::from_millis(750);

    /// Reads the list that often; when it was read last.
    fn read(
        missed: &mut Missed,
        from: Instant,
        times: u32,
        before: &[NodeView],
        nodes: &[NodeView],
    ) -> Instant {
        (0..times).for_each(|nth| {
            missed.note(from + STEP * nth, LEASE, if nth == 0 { before } else { nodes }, nodes);
        });
        from + STEP * (times - 1)
    }

    #[test]
    fn a_node_is_given_up_after_two_leases_without_a_word_and_later_where_its_rooms_come_up_again() {
        let view = |node| NodeView { node: NodeId(node), card: Card::default(), load: Load::default() };
        let (both, one) = ([view(1), view(2)], [view(1)]);
        let mut missed = Missed::default();
        let begun = Instant::now();
        let gone_at = read(&mut missed, begun, 9, &[], &both) + STEP;
        let lost = |missed: &Missed, now, reopens| missed.is_lost(now, LEASE, reopens, NodeId(2));
        let now = read(&mut missed, gone_at, 4, &both, &one);
        assert!(!lost(&missed, now, false));
        let now = read(&mut missed, now + STEP, 1, &one, &one);
        assert_eq!((lost(&missed, now, false), lost(&missed, now, true)), (true, false));
        let now = read(&mut missed, now + STEP, 12, &one, &one);
        assert!(lost(&missed, now, true));
        // Who is remembered no more is missed for longer than that.
        let now = read(&mut missed, now + STEP, 80, &one, &one);
        assert!(lost(&missed, now, true) && missed.since.is_empty());
        // Who cannot read the list knows nothing, and neither does who has just begun to.
        assert!(!lost(&missed, now + LEASE, false));
        let now = read(&mut missed, now + LEASE * 4, 4, &one, &one);
        assert!(!lost(&missed, now, false));
        let now = read(&mut missed, now + STEP, 1, &one, &one);
        assert!(lost(&missed, now, false));
        missed.begin(now);
        assert!(!lost(&missed, now, false));
    }
}
