//! `Member`, one node of a cluster: what it asks of the store, and what it may do by what it heard.

use std::collections::BTreeMap;

use crate::{COORDINATOR, Epoch, Load, NodeId, NodeView, Reply, Request, Timing};

/// What is known of a name that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    /// Not held; asked for at that time.
    Wanted { ask_at_ms: u64 },
    /// Held until then by this node's clock; said again at that time.
    Held { epoch: Epoch, until_ms: u64, renew_at_ms: u64 },
}

/// One node of a cluster. Its clock never goes back.
#[derive(Clone, Debug)]
pub struct Member {
    node: NodeId,
    timing: Timing,
    names: BTreeMap<String, Hold>,
    /// Names to be given back.
    released: Vec<(String, Epoch)>,
    nodes: Vec<NodeView>,
    report_at_ms: u64,
}

impl Member {
    /// A node that holds nothing and wants to be coordinator.
    #[must_use]
    pub fn new(node: NodeId, timing: Timing) -> Self {
        let names = BTreeMap::from([(COORDINATOR.to_owned(), Hold::Wanted { ask_at_ms: 0 })]);
        Self { node, timing, names, released: Vec::new(), nodes: Vec::new(), report_at_ms: 0 }
    }

    /// Which node it is.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Wants to hold a name from now on.
    pub fn want(&mut self, name: &str) {
        self.names.entry(name.to_owned()).or_insert(Hold::Wanted { ask_at_ms: 0 });
    }

    /// Does not want a name any more; what is done under it must have ended.
    pub fn give_up(&mut self, name: &str) {
        if let Some(Hold::Held { epoch, .. }) = self.names.remove(name) {
            self.released.push((name.to_owned(), epoch));
        }
    }

    /// The number under which this node may act for a name at that time; `None` if it may not.
    #[must_use]
    pub fn epoch(&self, name: &str, now_ms: u64) -> Option<Epoch> {
        match self.names.get(name) {
            Some(&Hold::Held { epoch, until_ms, .. }) if now_ms < until_ms => Some(epoch),
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

    /// What is to be asked of the store now.
    pub fn poll(&mut self, now_ms: u64, load: Load) -> Vec<Request> {
        let (node, timing) = (self.node, self.timing);
        let mut requests = Vec::new();
        for (name, epoch) in self.released.drain(..) {
            requests.push(Request::Release { name, node, epoch });
        }
        if now_ms >= self.report_at_ms {
            self.report_at_ms = now_ms + timing.renew_every_ms;
            requests.push(Request::Report(NodeView { node, load }));
            requests.push(Request::Nodes);
        }
        for (name, hold) in &mut self.names {
            if let Hold::Held { until_ms, .. } = *hold
                && now_ms >= until_ms
            {
                // It may be somebody else's by now: what was held is not said again.
                *hold = Hold::Wanted { ask_at_ms: now_ms };
            }
            match hold {
                Hold::Wanted { ask_at_ms } if now_ms >= *ask_at_ms => {
                    *ask_at_ms = now_ms + timing.renew_every_ms;
                    requests.push(Request::Take { name: name.clone(), node });
                }
                Hold::Held { epoch, renew_at_ms, .. } if now_ms >= *renew_at_ms => {
                    *renew_at_ms = now_ms + timing.renew_every_ms;
                    requests.push(Request::Renew { name: name.clone(), node, epoch: *epoch });
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
        let (Request::Take { name, .. } | Request::Renew { name, .. }) = request else { return };
        let asked_epoch = match request {
            Request::Renew { epoch, .. } => Some(*epoch),
            _ => None,
        };
        let rank = self.nodes.iter().position(|view| view.node == self.node).unwrap_or(self.nodes.len());
        let Some(hold) = self.names.get_mut(name) else {
            // It was given up while the answer was on its way.
            if let Reply::Granted(epoch) = *reply {
                self.released.push((name.clone(), epoch));
            }
            return;
        };
        match (reply, *hold) {
            (&Reply::Granted(epoch), before) => {
                let until_ms = asked_at_ms + self.timing.lease_ms.saturating_sub(self.timing.drift_ms);
                let renew_at_ms = asked_at_ms + self.timing.renew_every_ms;
                let is_older = matches!(before, Hold::Held { epoch: other, until_ms: later, .. }
                    if other > epoch || other == epoch && later >= until_ms);
                if !is_older && now_ms < until_ms {
                    *hold = Hold::Held { epoch, until_ms, renew_at_ms };
                }
            }
            (&Reply::Busy { for_ms, .. }, Hold::Wanted { .. }) => {
                // The lowest asks first; the others find it taken.
                let after_ms = for_ms.clamp(1, self.timing.renew_every_ms);
                let ask_at_ms = now_ms + after_ms + rank as u64 * self.timing.rank_step_ms;
                *hold = Hold::Wanted { ask_at_ms };
            }
            // What is lost is what was asked for; there may be a newer grant.
            (Reply::Lost, Hold::Held { epoch, .. }) if asked_epoch == Some(epoch) => {
                *hold = Hold::Wanted { ask_at_ms: now_ms };
            }
            _ => {}
        }
    }
}
