//! `Member`, one node of a cluster: what it asks of the store, and what it may do by what it heard.

use std::collections::{BTreeMap, BTreeSet};

use crate::{COORDINATOR, Card, Epoch, Load, NodeId, NodeView, Reply, Request, Timing};

/// What is known of a name that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    /// Not held; asked for at that time.
    Wanted { ask_at_ms: u64, over: Option<NodeId> },
    /// Held until then by this node's clock, or until it is told otherwise; said again at that time.
    Held { epoch: Epoch, until_ms: u64, renew_at_ms: u64 },
}

/// What a node is told of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It holds the name from now on.
    Held(String, Epoch),
    /// Somebody else has it: what was done under it must end at once.
    Lost(String),
    /// It is somebody else's, whom it was asked of.
    Busy(String, Option<NodeId>),
}

/// One node of a cluster. Its clock never goes back.
#[derive(Clone, Debug)]
pub struct Member {
    node: NodeId,
    timing: Timing,
    names: BTreeMap<String, Hold>,
    /// How much is done under a name, where that is not nothing.
    ranks: BTreeMap<String, u64>,
    /// Names to be given back, until the store has heard it, and when it is said again.
    released: BTreeMap<(String, Epoch), u64>,
    /// Nodes that are known to be dead: what they held may be taken.
    dead: BTreeSet<NodeId>,
    nodes: Vec<NodeView>,
    report_at_ms: u64,
    news: Vec<News>,
}

impl Member {
    /// A node that holds nothing and wants to be coordinator.
    #[must_use]
    pub fn new(node: NodeId, timing: Timing) -> Self {
        let names = BTreeMap::from([(COORDINATOR.to_owned(), Hold::Wanted { ask_at_ms: 0, over: None })]);
        Self {
            node,
            timing,
            names,
            ranks: BTreeMap::new(),
            released: BTreeMap::new(),
            dead: BTreeSet::new(),
            nodes: Vec::new(),
            report_at_ms: 0,
            news: Vec::new(),
        }
    }

    /// Knows that another node is dead: what it held may be taken.
    pub fn know_dead(&mut self, node: NodeId) {
        self.dead.insert(node);
    }

    /// Whether another node is known to be dead.
    #[must_use]
    pub fn knows_dead(&self, node: NodeId) -> bool {
        self.dead.contains(&node)
    }

    /// Which node it is.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Wants to hold a name from now on.
    pub fn want(&mut self, name: &str) {
        self.names.entry(name.to_owned()).or_insert(Hold::Wanted { ask_at_ms: 0, over: None });
    }

    /// Says how much is done under names: what of them is not in it, nothing.
    pub fn rank(&mut self, ranks: BTreeMap<String, u64>) {
        self.ranks = ranks;
    }

    /// How much is done under a name.
    #[must_use]
    pub fn rank_of(&self, name: &str) -> u64 {
        self.ranks.get(name).copied().unwrap_or(0)
    }

    /// Does not want a name any more; what is done under it must have ended.
    pub fn give_up(&mut self, name: &str) {
        if let Some(Hold::Held { epoch, .. }) = self.names.remove(name) {
            self.released.insert((name.to_owned(), epoch), 0);
        }
    }

    /// Holds a name that was granted by a request of that time: it was taken, or another node handed it over.
    pub fn hold(&mut self, name: &str, epoch: Epoch, asked_at_ms: u64) {
        self.names.insert(name.to_owned(), self.held(epoch, asked_at_ms));
    }

    /// Handed a name over: it is neither held nor wanted any more.
    pub fn forget(&mut self, name: &str) {
        self.names.remove(name);
    }

    /// Gives everything up at once: what is to be asked of the store.
    pub fn give_up_all(&mut self) -> Vec<Request> {
        let node = self.node;
        let names = std::mem::take(&mut self.names);
        let held = names.into_iter().filter_map(|(name, hold)| match hold {
            Hold::Held { epoch, .. } => Some(Request::Release { name, node, epoch }),
            Hold::Wanted { .. } => None,
        });
        held.collect()
    }

    /// Every name that is held or wanted, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// What was told of names since it was last asked.
    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    fn held(&self, epoch: Epoch, asked_at_ms: u64) -> Hold {
        let until_ms = asked_at_ms + self.timing.lease_ms.saturating_sub(self.timing.drift_ms);
        Hold::Held { epoch, until_ms, renew_at_ms: asked_at_ms + self.timing.renew_every_ms }
    }

    /// The number under which this node may act for a name at that time; `None` if it may not.
    #[must_use]
    pub fn epoch(&self, name: &str, now_ms: u64) -> Option<Epoch> {
        match self.names.get(name) {
            Some(&Hold::Held { epoch, until_ms, .. }) if now_ms < until_ms || self.timing.keeps(name) => {
                Some(epoch)
            }
            _ => None,
        }
    }

    /// Whether this node forms the matches of all at that time.
    #[must_use]
    pub fn is_coordinator(&self, now_ms: u64) -> bool {
        self.epoch(COORDINATOR, now_ms).is_some()
    }

    /// The nodes that are there, by number, as the store said last.
    #[must_use]
    pub fn nodes(&self) -> &[NodeView] {
        &self.nodes
    }

    /// Whether this node is to coordinate if it can: matches go to nodes with the coordinator's modes only, so it is
    /// one whose modes as many nodes with rooms have as have any others.
    fn stands(&self, card: &Card) -> bool {
        let mut with: BTreeMap<&str, usize> = BTreeMap::new();
        let has_rooms = |view: &&NodeView| !view.card.is_gateway && !view.load.draining;
        let nodes = self.nodes.iter().filter(has_rooms);
        for view in nodes.filter(|view| !view.card.modes_digest.is_empty()) {
            *with.entry(&view.card.modes_digest).or_default() += 1;
        }
        let most = with.values().max().copied().unwrap_or(0);
        with.get(card.modes_digest.as_str()).copied().unwrap_or(0) >= most
    }

    /// What is to be asked of the store now.
    pub fn poll(&mut self, now_ms: u64, card: &Card, load: &Load) -> Vec<Request> {
        let (node, timing) = (self.node, self.timing);
        let mut requests = Vec::new();
        for ((name, epoch), say_at_ms) in self.released.iter_mut().filter(|(_, at_ms)| **at_ms <= now_ms) {
            *say_at_ms = now_ms + timing.renew_every_ms;
            requests.push(Request::Release { name: name.clone(), node, epoch: *epoch });
        }
        if now_ms >= self.report_at_ms {
            self.report_at_ms = now_ms + timing.renew_every_ms;
            requests.push(Request::Report(Box::new(NodeView {
                node,
                card: card.clone(),
                load: load.clone(),
            })));
            requests.push(Request::Nodes);
        }
        let stands = self.stands(card);
        if !stands && let Some(Hold::Held { epoch, .. }) = self.names.get(COORDINATOR) {
            self.released.insert((COORDINATOR.to_owned(), *epoch), 0);
            self.names.insert(COORDINATOR.to_owned(), Hold::Wanted { ask_at_ms: now_ms, over: None });
            self.news.push(News::Lost(COORDINATOR.to_owned()));
        }
        let ranks = &self.ranks;
        for (name, hold) in &mut self.names {
            if !stands && name == COORDINATOR {
                continue;
            }
            let rank = ranks.get(name).copied().unwrap_or(0);
            if let Hold::Held { until_ms, .. } = *hold
                && now_ms >= until_ms
                && !timing.keeps(name)
            {
                // It may be somebody else's by now: what was held is not said again.
                *hold = Hold::Wanted { ask_at_ms: now_ms, over: None };
                self.news.push(News::Lost(name.clone()));
            }
            match hold {
                Hold::Wanted { ask_at_ms, over } if now_ms >= *ask_at_ms => {
                    *ask_at_ms = now_ms + timing.renew_every_ms;
                    requests.push(Request::Take { name: name.clone(), node, over: *over, rank });
                }
                Hold::Held { epoch, renew_at_ms, .. } if now_ms >= *renew_at_ms => {
                    *renew_at_ms = now_ms + timing.renew_every_ms;
                    requests.push(Request::Renew { name: name.clone(), node, epoch: *epoch, rank });
                }
                Hold::Wanted { .. } | Hold::Held { .. } => {}
            }
        }
        requests
    }

    /// Hears the answer to a request that was asked at `asked_at_ms`, which is what its time is counted from.
    pub fn hear(&mut self, now_ms: u64, request: &Request, asked_at_ms: u64, reply: &Reply) {
        if let Reply::Nodes(nodes) = reply {
            self.nodes.clone_from(nodes);
        }
        if let (Request::Release { name, epoch, .. }, Reply::Done) = (request, reply) {
            self.released.remove(&(name.clone(), *epoch));
        }
        let (Request::Take { name, .. } | Request::Renew { name, .. }) = request else { return };
        let asked_epoch = match request {
            Request::Renew { epoch, .. } => Some(*epoch),
            _ => None,
        };
        let rank = self.nodes.iter().position(|view| view.node == self.node).unwrap_or(self.nodes.len());
        let timing = self.timing;
        let until_ms = asked_at_ms + timing.lease_ms.saturating_sub(timing.drift_ms);
        let renew_at_ms = asked_at_ms + timing.renew_every_ms;
        let Some(hold) = self.names.get_mut(name) else {
            // It was given up while the answer was on its way.
            if let Reply::Granted(epoch) = *reply {
                self.released.insert((name.clone(), epoch), 0);
            }
            return;
        };
        match (reply, *hold) {
            (&Reply::Granted(epoch), before) => {
                let is_older = matches!(before, Hold::Held { epoch: other, until_ms: later, .. }
                    if other > epoch || other == epoch && later >= until_ms);
                if !is_older && (now_ms < until_ms || timing.keeps(name)) {
                    if !matches!(before, Hold::Held { epoch: other, .. } if other == epoch) {
                        self.news.push(News::Held(name.clone(), epoch));
                    }
                    *hold = Hold::Held { epoch, until_ms, renew_at_ms };
                }
            }
            (&Reply::Busy { holder: Some(dead), .. }, Hold::Wanted { .. }) if self.dead.contains(&dead) => {
                *hold = Hold::Wanted { ask_at_ms: now_ms, over: Some(dead) };
            }
            (&Reply::Busy { holder, for_ms }, Hold::Wanted { .. }) => {
                // The lowest asks first; the others find it taken.
                let after_ms = for_ms.clamp(1, timing.renew_every_ms);
                let ask_at_ms = now_ms + after_ms + rank as u64 * timing.rank_step_ms;
                *hold = Hold::Wanted { ask_at_ms, over: None };
                self.news.push(News::Busy(name.clone(), holder));
            }
            // What is lost is what was asked for; there may be a newer grant.
            (Reply::Lost, Hold::Held { epoch, .. }) if asked_epoch == Some(epoch) => {
                *hold = Hold::Wanted { ask_at_ms: now_ms, over: None };
                self.news.push(News::Lost(name.clone()));
            }
            _ => {}
        }
    }
}
