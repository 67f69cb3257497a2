//! `Registry`, what one process knows of the nodes that are there: what it has said of itself, and what it has read.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use crate::{Card, Load, NodeId, NodeView};

/// So many nodes say all that changes of their load; of more, each says what matters, so that what all read stays
/// small.
const EXACT_MAX: usize = 64;

/// How old a load may be then.
const LOAD_AGE_MAX: Duration = Duration::from_secs(5);

/// What one process knows of the nodes.
#[derive(Default)]
pub(super) struct Registry {
    /// What was said of a node last, and when.
    said: HashMap<NodeId, (Card, Load, Instant)>,
    views: BTreeMap<NodeId, NodeView>,
    /// The number of the last change that was read, and since when the store serves that gave it.
    pub(super) after: u64,
    pub(super) since: String,
}

impl Registry {
    /// What is to be said of a node now: its card and its load, `None` for what is as it was said.
    pub(super) fn news<'a>(&self, view: &'a NodeView) -> (Option<&'a Card>, Option<&'a Load>) {
        let Some((card, load, at)) = self.said.get(&view.node) else {
            return (Some(&view.card), Some(&view.load));
        };
        let is_exact = self.views.len() <= EXACT_MAX || at.elapsed() >= LOAD_AGE_MAX;
        let is_news = if is_exact { *load != view.load } else { matters(load, &view.load) };
        ((*card != view.card).then_some(&view.card), is_news.then_some(&view.load))
    }

    /// Notes what was said of a node.
    pub(super) fn note(&mut self, view: &NodeView, has_load: bool) {
        let before = self.said.remove(&view.node);
        let (load, at) = match before {
            Some((_, load, at)) if !has_load => (load, at),
            _ => (view.load.clone(), Instant::now()),
        };
        self.said.insert(view.node, (view.card.clone(), load, at));
    }

    /// The store does not know a node of which it was told.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.said.remove(&node);
    }

    /// Takes in what was read: `nodes`, since when the store serves, the newest number, whether it is all, then node,
    /// card and load of each. Gives all nodes that are there, or nothing if that cannot be read.
    pub(super) fn read(&mut self, words: &[String]) -> Option<Vec<NodeView>> {
        let [_, since, newest, kind, rows @ ..] = words else { return None };
        self.after = newest.parse().ok()?;
        self.since.clone_from(since);
        if kind == "whole" {
            self.views.clear();
        }
        for row in rows.chunks_exact(3) {
            let Ok(node) = row[0].parse::<NodeId>() else { continue };
            // What another version of the program says is no reason to see no node at all.
            let card = serde_json::from_str::<Card>(&row[1]).ok();
            let load = serde_json::from_str::<Load>(&row[2]).ok();
            match (card, load, self.views.get_mut(&node)) {
                (Some(card), Some(load), _) => drop(self.views.insert(node, NodeView { node, card, load })),
                (None, Some(load), Some(view)) => view.load = load,
                (..) => drop(self.views.remove(&node)),
            }
        }
        Some(self.views.values().cloned().collect())
    }
}

/// Whether a load is so much another one that others should know at once.
fn matters(before: &Load, now: &Load) -> bool {
    let differ = |a: u32, b: u32| a.abs_diff(b) > 4.max(a / 8);
    let is_full = |load: &Load| load.rooms_max > 0 && load.rooms >= load.rooms_max;
    before.draining != now.draining
        || is_full(before) != is_full(now)
        || before.region != now.region
        || differ(before.rooms, now.rooms)
        || differ(before.players, now.players)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_nodes_only_what_matters_is_said_at_once() {
        let load = |rooms, draining| Load { rooms, draining, ..Load::default() };
        assert!(
            !matters(&load(100, false), &load(112, false)) && matters(&load(100, false), &load(113, false))
        );
        assert!(!matters(&load(0, false), &load(4, false)) && matters(&load(0, false), &load(5, false)));
        assert!(matters(&load(7, false), &load(7, true)));
    }

    #[test]
    fn what_is_read_is_what_was_before_and_what_has_changed() {
        let words = |text: &str| text.split('|').map(str::to_owned).collect::<Vec<_>>();
        let (card, load) = (
            serde_json::to_string(&Card { name: "eu1".to_owned(), ..Card::default() }).unwrap(),
            serde_json::to_string(&Load { rooms: 7, ..Load::default() }).unwrap(),
        );
        let mut registry = Registry::default();
        let one = format!("{:016x}", 1);
        let all = registry.read(&words(&format!("nodes|5|9|whole|{one}|{card}|{load}"))).unwrap();
        assert_eq!((all.len(), all[0].card.name.as_str(), registry.after), (1, "eu1", 9));
        let busier = load.replace('7', "8");
        let all = registry.read(&words(&format!("nodes|5|10|since|{one}||{busier}"))).unwrap();
        assert_eq!((all[0].load.rooms, all[0].card.name.as_str()), (8, "eu1"));
        let all = registry.read(&words(&format!("nodes|5|11|since|{one}||"))).unwrap();
        assert!(all.is_empty(), "it is gone");
    }
}
