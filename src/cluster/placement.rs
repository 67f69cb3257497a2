//! `Placement`, which node a match goes to, or a room that somebody opens through a node without rooms.

use std::collections::{BTreeMap, VecDeque};

use crate::{Load, NodeId, NodeView};

/// How long a match or room counts for its node before the node's own report says so.
const REPORTED_MS: u64 = 2_000;

/// Turns that take longer than this, in microseconds, come after all others.
const BUSY_US: u32 = 16_000;

/// For how long a node that has taken a match back gets none: twice as long each time, up to eight times.
const REFUSED_MS: u64 = 2_000;
const REFUSED_DOUBLED_MAX: u32 = 3;

/// After how long without another it is as if a node had never taken one back.
const FORGIVEN_MS: u64 = 60_000;

/// Rooms and players of a node that does not say how many it takes.
const ROOMS_USUAL: u32 = 4_096;
const PLAYERS_USUAL: u32 = 65_536;

/// A node that has taken matches back.
#[derive(Clone, Copy, Debug)]
struct Refusals {
    until_ms: u64,
    times: u32,
}

/// Which node a match or a room goes to: one of its region if one there takes it, the one of which the least share is
/// taken.
#[derive(Clone, Debug, Default)]
pub struct Placement {
    /// Matches and rooms that were placed lately, with when.
    recent: VecDeque<(u64, NodeId)>,
    refused: BTreeMap<NodeId, Refusals>,
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
        let found = self.find(now_ms, nodes, region, modes_digest)?;
        self.recent.push_back((now_ms, found));
        Some(found)
    }

    /// Whether there is a node for a match, of whatever region.
    pub fn has_place(&mut self, now_ms: u64, nodes: &[NodeView], modes_digest: &str) -> bool {
        self.find(now_ms, nodes, "", modes_digest).is_some()
    }

    fn find(&mut self, now_ms: u64, nodes: &[NodeView], region: &str, modes_digest: &str) -> Option<NodeId> {
        let coming = self.coming(now_ms);
        let can = |view: &&NodeView| {
            let is_left_alone = self.refused.get(&view.node).is_some_and(|it| it.until_ms > now_ms);
            view.card.modes_digest == modes_digest && !is_left_alone && !is_full(&view.load, coming.of(view))
        };
        least_taken(nodes.iter().filter(can), region, &coming)
    }

    /// The node for a room that somebody of that region opens, of those that `can` have it; where all are full, one of
    /// them, which says so itself.
    pub fn place_room(
        &mut self,
        now_ms: u64,
        nodes: &[NodeView],
        region: &str,
        can: impl Fn(&NodeView) -> bool,
    ) -> Option<NodeId> {
        let found = self.look(now_ms, nodes, region, can)?;
        self.recent.push_back((now_ms, found));
        Some(found)
    }

    /// The node that such a room would be placed at; nothing is.
    pub fn look(
        &mut self,
        now_ms: u64,
        nodes: &[NodeView],
        region: &str,
        can: impl Fn(&NodeView) -> bool,
    ) -> Option<NodeId> {
        let coming = self.coming(now_ms);
        let those = || nodes.iter().filter(|view| can(view));
        let free = those().filter(|view| !is_full(&view.load, coming.of(view)));
        least_taken(free, region, &coming).or_else(|| least_taken(those(), region, &coming))
    }

    /// What was placed at each node and is not in its report yet.
    fn coming(&mut self, now_ms: u64) -> Coming {
        while self.recent.front().is_some_and(|(at_ms, _)| at_ms + REPORTED_MS < now_ms) {
            self.recent.pop_front();
        }
        let mut coming = BTreeMap::new();
        self.recent.iter().for_each(|(_, node)| *coming.entry(*node).or_default() += 1);
        Coming(coming)
    }

    /// A node has taken a match back, or has not opened its room in time: it is left alone for some seconds.
    pub fn refused(&mut self, now_ms: u64, node: NodeId) {
        self.refused.retain(|_, it| it.until_ms + FORGIVEN_MS > now_ms);
        let it = self.refused.entry(node).or_insert(Refusals { until_ms: 0, times: 0 });
        // Matches that were placed there together are taken back together.
        if it.until_ms <= now_ms {
            it.until_ms = now_ms + (REFUSED_MS << it.times.min(REFUSED_DOUBLED_MAX));
            it.times += 1;
        }
    }

    /// A node has opened the room of a match.
    pub fn opened(&mut self, node: NodeId) {
        self.refused.remove(&node);
    }
}

/// Rooms that come to nodes.
struct Coming(BTreeMap<NodeId, u32>);

impl Coming {
    fn of(&self, view: &NodeView) -> u32 {
        self.0.get(&view.node).copied().unwrap_or(0)
    }
}

/// Of those that take rooms the one of which the least share is taken, in that region if there is one there.
fn least_taken<'a>(
    nodes: impl Iterator<Item = &'a NodeView>,
    region: &str,
    coming: &Coming,
) -> Option<NodeId> {
    let cost = |view: &&NodeView| {
        let is_busy = view.load.tick_us_p99 > BUSY_US;
        let is_far = !region.is_empty() && view.load.region != region;
        (is_far, is_busy, share(&view.load, coming.of(view)), view.load.players, view.node)
    };
    let takes_rooms = |view: &&NodeView| !view.load.draining && !view.card.is_gateway;
    Some(nodes.filter(takes_rooms).min_by_key(cost)?.node)
}

fn is_full(load: &Load, coming: u32) -> bool {
    let rooms = load.rooms.saturating_add(coming);
    load.rooms_max > 0 && rooms >= load.rooms_max || load.players_max > 0 && load.players >= load.players_max
}

/// How much of a node is taken, in parts of 65,536: of its rooms or of its players, whatever is more.
fn share(load: &Load, coming: u32) -> u64 {
    let part = |taken: u32, most: u32, usual: u32| {
        let most = if most > 0 { most } else { usual };
        (u64::from(taken) << 16) / u64::from(most)
    };
    let rooms = part(load.rooms.saturating_add(coming), load.rooms_max, ROOMS_USUAL);
    rooms.max(part(load.players, load.players_max, PLAYERS_USUAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u64, region: &str, rooms: u32, rooms_max: u32) -> NodeView {
        let load = Load { rooms, rooms_max, region: region.to_owned(), ..Load::default() };
        NodeView { node: NodeId(number), card: crate::Card::default(), load }
    }

    fn place(placement: &mut Placement, now_ms: u64, nodes: &[NodeView], region: &str) -> Option<u64> {
        placement.place(now_ms, nodes, region, "").map(|node| node.0)
    }

    #[test]
    fn a_full_node_gets_nothing_however_few_its_rooms_are() {
        let nodes = [node(1, "eu", 1, 1), node(2, "eu", 40, 4_096)];
        assert_eq!(place(&mut Placement::default(), 0, &nodes, "eu"), Some(2));
        // Another region is better than none.
        let nodes = [node(1, "eu", 1, 1), node(2, "us", 40, 4_096)];
        assert_eq!(place(&mut Placement::default(), 0, &nodes, "eu"), Some(2));
        assert_eq!(place(&mut Placement::default(), 0, &nodes[..1], "eu"), None);
    }

    #[test]
    fn a_room_that_somebody_opens_goes_where_a_match_would_and_to_a_full_node_only_if_all_are() {
        let mut draining = node(3, "eu", 0, 9);
        draining.load.draining = true;
        let mut gateway = node(4, "eu", 0, 0);
        gateway.card.is_gateway = true;
        let nodes = [node(1, "eu", 2, 2), node(2, "us", 40, 4_096), draining, gateway, node(5, "eu", 1, 2)];
        let room = |placement: &mut Placement, nodes: &[NodeView]| {
            placement.place_room(0, nodes, "eu", |view| view.node.0 != 5).map(|node| node.0)
        };
        let mut placement = Placement::default();
        assert_eq!((room(&mut placement, &nodes), room(&mut placement, &nodes[..1])), (Some(2), Some(1)));
        assert_eq!(room(&mut placement, &nodes[2..4]), None, "neither takes rooms");
        // What is only looked for fills nobody.
        let mut anywhere = || placement.look(0, &nodes, "eu", |_| true).map(|node| node.0);
        assert_eq!([anywhere(), anywhere()], [Some(5); 2]);
        let mut opened = || placement.place_room(0, &nodes, "eu", |_| true).map(|node| node.0);
        assert_eq!([opened(), opened()], [Some(5), Some(2)], "the place there was the last");
    }

    #[test]
    fn of_nodes_of_several_sizes_each_gets_its_share() {
        let nodes = [node(1, "", 0, 10), node(2, "", 0, 100)];
        let mut placement = Placement::default();
        let placed: Vec<_> = (0..55).filter_map(|_| place(&mut placement, 0, &nodes, "")).collect();
        let first = placed.iter().filter(|node| **node == 1).count();
        assert!((4..=6).contains(&first) && placed.len() == 55, "{placed:?}");
        // What is placed fills a node before it says so.
        let few = [node(1, "", 0, 2)];
        let mut placement = Placement::default();
        let placed: Vec<_> = (0..3).map(|_| place(&mut placement, 0, &few, "")).collect();
        assert_eq!(placed, [Some(1), Some(1), None]);
    }

    #[test]
    fn a_node_that_took_a_match_back_is_left_alone_longer_each_time() {
        let nodes = [node(1, "", 0, 9), node(2, "", 8, 9)];
        let mut placement = Placement::default();
        for (at_ms, until_ms) in [(10_000, 12_000), (13_000, 17_000), (18_000, 26_000)] {
            assert_eq!(place(&mut placement, at_ms, &nodes, ""), Some(1), "{at_ms}");
            placement.refused(at_ms, NodeId(1));
            placement.refused(at_ms, NodeId(1));
            assert_eq!(place(&mut placement, until_ms - 1, &nodes, ""), Some(2), "{at_ms}");
        }
        assert_eq!(place(&mut placement, 25_000, &nodes[..1], ""), None);
        placement.opened(NodeId(1));
        assert_eq!(place(&mut placement, 25_000, &nodes, ""), Some(1));
    }
}
