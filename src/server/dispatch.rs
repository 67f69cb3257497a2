//! `Dispatch`, which shard and link a datagram is for.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use bevy_ecs::prelude::{Entity, Resource};
use framekeep_protocol::{SenderState, Side, check_datagram};

use crate::Counters;
use crate::limits::{HANDSHAKE_TIMEOUT, HANDSHAKES_MAX};
use crate::requests::RequestBudget;

/// Which shard and link a datagram is for: the one address of the node in front of many shards.
///
/// What sharding would break is kept here: how many hand-shakes are open, how many requests an address may send,
/// and that a request refused by one shard (because the player is still linked there) gets to see another.
#[derive(Resource, Default)]
pub struct Dispatch {
    peers: HashMap<SocketAddr, Peer, foldhash::quality::RandomState>,
    handshakes: usize,
    budget: RequestBudget,
    swept_at: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Peer {
    shard: Entity,
    /// `None` while the hand-shake lasts.
    link: Option<Entity>,
    since: Duration,
    rerouted: bool,
    /// A shard has challenged it: its ticket is sealed by us.
    answered: bool,
}

/// Where a datagram goes.
pub(crate) enum Route {
    /// To a shard, with the link it belongs to if there is one already.
    To(Entity, Option<Entity>),
    /// A first connection request: to the shard of the caller's choice, told by [`Dispatch::begin`].
    New,
    /// Nowhere; it was counted.
    Refused,
}

impl Dispatch {
    /// Applies the guard and finds where a datagram goes.
    pub(crate) fn route(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
        now: Duration,
        counters: &mut Counters,
    ) -> Route {
        let peer = self.peers.get(&from).copied();
        let sender = match peer {
            None => SenderState::Unknown,
            Some(Peer { link: None, .. }) => SenderState::Pending,
            Some(Peer { link: Some(_), .. }) => SenderState::Connected,
        };
        if let Err(fault) = check_datagram(Side::Client, datagram, sender) {
            counters.datagrams_refused.add(fault.index());
            return Route::Refused;
        }
        let is_request = datagram[0] == 0;
        if is_request && !self.budget.take(from.ip(), now) {
            counters.requests_over_budget += 1;
            return Route::Refused;
        }
        match peer {
            Some(peer) => Route::To(peer.shard, peer.link),
            None if !is_request => Route::Refused,
            None if self.handshakes >= HANDSHAKES_MAX => {
                counters.requests_over_budget += 1;
                Route::Refused
            }
            None => Route::New,
        }
    }

    /// Begins a hand-shake of an address with a shard.
    pub(crate) fn begin(&mut self, from: SocketAddr, shard: Entity, now: Duration) {
        self.peers.insert(from, Peer { shard, link: None, since: now, rerouted: false, answered: false });
        self.handshakes += 1;
    }

    /// A shard did not answer a request: sends the address to another one, once. Gives the shard it was with, or
    /// `None` if it had its chance.
    pub(crate) fn reroute(&mut self, from: SocketAddr, to: Entity) -> Option<Entity> {
        let peer = self.peers.get_mut(&from)?;
        if peer.link.is_some() || peer.rerouted || peer.shard == to {
            return None;
        }
        peer.rerouted = true;
        Some(std::mem::replace(&mut peer.shard, to))
    }

    /// A hand-shake led to a link.
    pub(crate) fn link(&mut self, from: SocketAddr, link: Entity) {
        if let Some(peer) = self.peers.get_mut(&from)
            && peer.link.replace(link).is_none()
        {
            self.handshakes -= 1;
        }
    }

    /// Forgets an address whose hand-shake nobody answers. `false` if it is answered or linked.
    pub(crate) fn give_up(&mut self, from: SocketAddr) -> bool {
        let hopeless = self.peers.get(&from).is_some_and(|peer| peer.link.is_none() && !peer.answered);
        if hopeless {
            self.forget(from);
        }
        hopeless
    }

    /// A shard answered an address: its hand-shake goes on.
    pub(crate) fn answered(&mut self, from: SocketAddr) {
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.answered = true;
        }
    }

    /// Forgets an address.
    pub(crate) fn forget(&mut self, from: SocketAddr) {
        if let Some(peer) = self.peers.remove(&from)
            && peer.link.is_none()
        {
            self.handshakes -= 1;
        }
    }

    /// Forgets hand-shakes that take too long; looks four times a second. Each is told to `forgotten` by its shard.
    pub(crate) fn sweep(
        &mut self,
        now: Duration,
        counters: &mut Counters,
        mut forgotten: impl FnMut(Entity),
    ) {
        if self.handshakes == 0 || now < self.swept_at + Duration::from_millis(250) {
            return;
        }
        self.swept_at = now;
        self.peers.retain(|_, peer| {
            let keep = peer.link.is_some() || now < peer.since + HANDSHAKE_TIMEOUT;
            if !keep {
                self.handshakes -= 1;
                counters.handshakes_timed_out += 1;
                forgotten(peer.shard);
            }
            keep
        });
    }

    /// How many addresses are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// Whether no address is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// How many addresses are in a hand-shake.
    #[must_use]
    pub fn handshakes(&self) -> usize {
        self.handshakes
    }
}
