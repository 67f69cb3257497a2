//! What clients and nodes have seen, and whether it may be. The same check is made of histories in virtual time and of
//! those of real nodes with a real Redis.

use std::collections::{BTreeMap, BTreeSet};

/// What clients and nodes have seen.
#[derive(Default)]
pub(crate) struct History {
    acknowledged: BTreeSet<String>,
    /// Tickets that somebody was told to be over.
    over: BTreeSet<String>,
    /// Matches that were started, with their tickets.
    started: BTreeMap<String, BTreeSet<String>>,
    /// Who was given a name, by number.
    grants: BTreeMap<String, BTreeMap<u64, String>>,
}

impl History {
    pub(crate) fn acknowledge(&mut self, id: &str) {
        self.acknowledged.insert(id.to_owned());
    }

    pub(crate) fn over(&mut self, id: &str) {
        self.over.insert(id.to_owned());
    }

    pub(crate) fn start<'a>(&mut self, of: &str, tickets: impl Iterator<Item = &'a str>) {
        self.started.entry(of.to_owned()).or_default().extend(tickets.map(str::to_owned));
    }

    /// A node holds a name under a number, which is no other node's and will not be.
    pub(crate) fn grant(&mut self, name: &str, node: &str, epoch: u64) {
        let holder =
            self.grants.entry(name.to_owned()).or_default().entry(epoch).or_insert_with(|| node.to_owned());
        assert_eq!(holder, node, "{name} is held by two nodes under {epoch}");
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    pub(crate) fn started(&self) -> usize {
        self.started.len()
    }

    /// No ticket is in two started matches; every ticket that was acknowledged is in one, over, or known; and of those
    /// that wait there are too few for a match. `known` are the tickets of the store with whether they wait. Of those
    /// that are excused it gives how many are doubled or lost.
    pub(crate) fn check(
        &self,
        known: &BTreeMap<String, bool>,
        rest: usize,
        excused: &BTreeSet<String>,
    ) -> usize {
        let mut wrong = 0;
        let mut of_ticket: BTreeMap<&str, &str> = BTreeMap::new();
        for (of, tickets) in &self.started {
            for id in tickets {
                let before = of_ticket.insert(id, of);
                wrong += usize::from(before.is_some());
                assert!(
                    before.is_none() || excused.contains(id),
                    "ticket {id} is in the matches {of} and {before:?}"
                );
            }
        }
        for id in &self.acknowledged {
            let is_known =
                known.contains_key(id) || of_ticket.contains_key(id.as_str()) || self.over.contains(id);
            wrong += usize::from(!is_known);
            assert!(is_known || excused.contains(id), "ticket {id} was acknowledged and is lost");
        }
        let waiting = known.values().filter(|waits| **waits).count();
        assert!(waiting <= rest, "{waiting} tickets wait for each other");
        wrong
    }
}
