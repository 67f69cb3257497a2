//! `Missed`, which nodes are not there any more that were, and since when. Time is an argument.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::{NodeId, NodeView};

/// How long after its last word the rooms of a node are waited for where others open them again: so long are clients
/// let wait that are in them.
const REOPENED_WITHIN: Duration = Duration::from_secs(15);

/// How long nodes are remembered that are missed, and how many.
const KEPT: Duration = Duration::from_secs(3_600);
const KEPT_MAX: usize = 1_024;

/// A node that is missed.
#[derive(Debug)]
struct Gone {
    since: Instant,
    /// How it was, if it was seen.
    view: Option<NodeView>,
    /// Whether it was said to be lost: whatever becomes of the store, it is until it is there again.
    is_given_up: bool,
}

/// Which nodes are missed.
#[derive(Debug, Default)]
pub(crate) struct Missed {
    /// When the list of nodes was read last, and since when it is read without a gap.
    read_at: Option<Instant>,
    read_since: Option<Instant>,
    gone: BTreeMap<NodeId, Gone>,
}

/// How long after its lease a node is given up.
pub(crate) fn patience(lease: Duration, reopens: bool) -> Duration {
    if reopens { REOPENED_WITHIN.saturating_sub(lease).max(lease) } else { lease }
}

impl Missed {
    /// Notes which nodes are there, and which were before. A list that was not read for the time of a lease says
    /// nothing about those who are missing in the next: they may not have said that they are there since.
    pub(crate) fn note(
        &mut self,
        now: Instant,
        (lease, patience): (Duration, Duration),
        before: &[NodeView],
        nodes: &[NodeView],
    ) {
        if self.read_at.is_none_or(|at| now.duration_since(at) >= lease) {
            self.begin(now);
        }
        self.read_at = Some(now);
        let is_there = |node: NodeId| nodes.iter().any(|view| view.node == node);
        for view in before.iter().filter(|view| !is_there(view.node)) {
            let gone = || Gone { since: now, view: Some(view.clone()), is_given_up: false };
            self.gone.entry(view.node).or_insert_with(gone);
        }
        self.gone.retain(|node, one| !is_there(*node) && now.duration_since(one.since) < KEPT);
        while self.gone.len() > KEPT_MAX {
            let oldest = self.gone.iter().min_by_key(|(_, one)| one.since).map(|(node, _)| *node);
            oldest.map(|node| self.gone.remove(&node));
        }
        for one in self.gone.values_mut() {
            one.is_given_up |= now.duration_since(one.since) >= patience;
        }
    }

    /// The store is another one, which hears of all nodes anew: those that were given up are as long as they are not
    /// there.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.read_since = Some(now);
        self.gone.retain(|_, one| one.is_given_up);
    }

    /// How a node was that is missed.
    pub(crate) fn view(&self, node: NodeId) -> Option<&NodeView> {
        self.gone.get(&node)?.view.as_ref()
    }

    /// It is said that a node is gone: what is said once stays so.
    pub(crate) fn give_up(&mut self, now: Instant, node: NodeId) {
        let gone = || Gone { since: now, view: None, is_given_up: true };
        self.gone.entry(node).or_insert_with(gone).is_given_up = true;
    }

    /// Whether a node that is not there is given up. `over_for` is how long ago its lease of the room in question has
    /// run out, by the store's time, which is the same wherever it is asked; where the store does not know that, it
    /// counts for how long the node is missed here.
    pub(crate) fn is_lost(
        &self,
        now: Instant,
        (lease, patience): (Duration, Duration),
        node: NodeId,
        over_for: Option<Duration>,
    ) -> bool {
        let gone = self.gone.get(&node);
        let is_over = |since: Option<Instant>| since.is_some_and(|at| now.duration_since(at) >= patience);
        let is_read = self.read_at.is_some_and(|at| now.duration_since(at) < lease);
        let is_missed = match over_for {
            // Whoever could not say anything, as the store was away, says it soon.
            Some(_) => is_over(self.read_since),
            None => is_over(gone.map(|one| one.since).or(self.read_since)),
        };
        let is_given_up = gone.is_some_and(|one| one.is_given_up) || is_read && is_missed;
        is_given_up && over_for.is_none_or(|over_for| over_for >= patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Card, Load};

    const LEASE: Duration = Duration::from_secs(3);
    const STEP: Duration = Duration::from_millis(750);
    const TIMES: (Duration, Duration) = (LEASE, LEASE);

    fn views() -> [NodeView; 2] {
        [1, 2].map(|node| NodeView { node: NodeId(node), card: Card::default(), load: Load::default() })
    }

    /// Reads the list that often; when it was read last.
    fn read(
        (missed, times): (&mut Missed, (Duration, Duration)),
        from: Instant,
        count: u32,
        before: &[NodeView],
        nodes: &[NodeView],
    ) -> Instant {
        (0..count).for_each(|nth| {
            missed.note(from + STEP * nth, times, if nth == 0 { before } else { nodes }, nodes);
        });
        from + STEP * (count - 1)
    }

    #[test]
    fn a_node_is_given_up_after_two_leases_without_a_word_and_later_where_its_rooms_come_up_again() {
        let both = views();
        let one = &both[..1];
        for (reopens, more) in [(false, 1), (true, 13)] {
            let (mut missed, times) = (Missed::default(), (LEASE, patience(LEASE, reopens)));
            let lost = |missed: &Missed, now| missed.is_lost(now, times, NodeId(2), None);
            let gone_at = read((&mut missed, times), Instant::now(), 9, &[], &both) + STEP;
            let now = read((&mut missed, times), gone_at, 3 + more, &both, one);
            assert!(!lost(&missed, now));
            let now = read((&mut missed, times), now + STEP, 1, one, one);
            assert!(lost(&missed, now) && missed.view(NodeId(2)) == Some(&both[1]));
        }
        // And neither does who has just begun to.
        let (mut missed, begun) = (Missed::default(), Instant::now());
        let lost = |missed: &Missed, now| missed.is_lost(now, TIMES, NodeId(2), None);
        let now = read((&mut missed, TIMES), begun, 4, &[], one);
        assert!(!lost(&missed, now) && !lost(&missed, now + LEASE));
        let now = read((&mut missed, TIMES), now + STEP, 1, one, one);
        assert!(lost(&missed, now));
        missed.begin(now);
        assert!(!lost(&missed, now));
    }

    #[test]
    fn who_was_lost_is_lost_whatever_becomes_of_the_store_until_it_is_there_again() {
        let both = views();
        let one = &both[..1];
        let mut missed = Missed::default();
        let lost = |missed: &Missed, now| missed.is_lost(now, TIMES, NodeId(2), None);
        let gone_at = read((&mut missed, TIMES), Instant::now(), 9, &[], &both) + STEP;
        let now = read((&mut missed, TIMES), gone_at, 5, &both, one);
        // Said as soon as the store has it, if that is earlier.
        let mut other = Missed::default();
        other.give_up(now, NodeId(2));
        read((&mut other, TIMES), now, 1, &both, one);
        assert!(lost(&other, now));
        // Another store, after a minute without any.
        let now = now + LEASE * 20;
        let now = read((&mut missed, TIMES), now, 1, one, one);
        missed.begin(now);
        assert!(lost(&missed, now));
        let now = read((&mut missed, TIMES), now + STEP, 1, one, &both);
        assert!(!lost(&missed, now) && missed.view(NodeId(2)).is_none());
    }

    #[test]
    fn what_the_store_says_of_a_room_is_the_same_at_all_nodes() {
        let both = views();
        let one = &both[..1];
        let lost = |missed: &Missed, now, over_ms| {
            missed.is_lost(now, TIMES, NodeId(2), Some(Duration::from_millis(over_ms)))
        };
        // Whenever the node was missed here first, and whether it is given up: it has said something since.
        for count in 1..9 {
            let mut missed = Missed::default();
            let gone_at = read((&mut missed, TIMES), Instant::now(), 9, &[], &both) + STEP;
            let now = read((&mut missed, TIMES), gone_at, count, &both, one);
            assert_eq!([0, 2_999, 3_000].map(|over| lost(&missed, now, over)), [false, false, true]);
        }
        // Nobody could say anything while Redis was away.
        let mut missed = Missed::default();
        let now = read((&mut missed, TIMES), Instant::now(), 9, &[], &both) + LEASE * 20;
        let now = read((&mut missed, TIMES), now, 4, &both, one);
        assert!(!lost(&missed, now, 60_000) && lost(&missed, now + STEP, 60_000));
    }
}
