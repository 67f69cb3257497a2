//! What clients and nodes have seen, and whether it may be.

use std::collections::{BTreeMap, BTreeSet};

use crate::board::Stage;

/// What clients and nodes have seen.
#[derive(Default)]
pub(super) struct History {
    acknowledged: BTreeSet<String>,
    /// Tickets that somebody was told to be over.
    over: BTreeSet<String>,
    /// Matches that were started, with their tickets.
    started: BTreeMap<String, Vec<String>>,
}

impl History {
    pub(super) fn acknowledge(&mut self, id: &str) {
        self.acknowledged.insert(id.to_owned());
    }

    pub(super) fn over(&mut self, id: &str) {
        self.over.insert(id.to_owned());
    }

    pub(super) fn start<'a>(&mut self, of: &str, tickets: impl Iterator<Item = &'a str>) {
        self.started.insert(of.to_owned(), tickets.map(str::to_owned).collect());
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    pub(super) fn started(&self) -> usize {
        self.started.len()
    }

    /// No ticket is in two started matches; every ticket that was acknowledged is in one, over, or known; and of those
    /// that wait there are too few for a match.
    pub(super) fn check(&self, known: &BTreeMap<String, Stage>) {
        let mut of_ticket: BTreeMap<&str, &str> = BTreeMap::new();
        for (of, tickets) in &self.started {
            for id in tickets {
                let before = of_ticket.insert(id, of);
                assert!(before.is_none(), "ticket {id} is in the matches {of} and {before:?}");
            }
        }
        for id in &self.acknowledged {
            let is_known =
                known.contains_key(id) || of_ticket.contains_key(id.as_str()) || self.over.contains(id);
            assert!(is_known, "ticket {id} was acknowledged and is lost");
        }
        let waiting = known.values().filter(|stage| **stage != Stage::Over && **stage != Stage::Matched);
        let waiting = waiting.count();
        assert!(waiting <= 4, "{waiting} tickets wait for each other");
    }
}
