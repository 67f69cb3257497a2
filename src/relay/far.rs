//! `Far`, one connection's end at the node that has the rooms: opens links at the server of this process as the front
//! door does, and writes what they are told to the connection.

mod sink;
mod stream;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use framekeep_gate::{Door, GateFull, Mint, NewLink, Order, TicketWish, WebInput, WebLinkId};

use crate::limits::{LINKS_PER_NODE_MAX, ORDERS_WAITING_MAX};
use crate::outbox::Outbox;
use crate::stats::RelayStats;
use crate::wire::{Channel, OpenLink, ToFar, ToNear};
use sink::FarSink;
pub(crate) use stream::Streams;

/// Numbers of links from other nodes: the front door of this process counts from one.
const FIRST_LINK: u64 = 1 << 63;

/// What all connections from other nodes share.
pub(crate) struct FarShared {
    door: Door,
    mint: Arc<dyn Mint>,
    links: AtomicU64,
    streams: Arc<Streams>,
    stats: Arc<RelayStats>,
}

impl FarShared {
    pub(crate) fn new(door: Door, mint: Arc<dyn Mint>, stats: Arc<RelayStats>) -> Self {
        let streams = Arc::new(Streams::default());
        Self { door, mint, links: AtomicU64::new(FIRST_LINK), streams, stats }
    }

    /// How many rooms are watched from other nodes.
    pub(crate) fn streams(&self) -> usize {
        self.streams.len()
    }
}

/// The links of a connection; those whose sinks are gone are taken out by the sinks.
pub(super) type FarLinks = Mutex<BTreeMap<Channel, WebLinkId>>;

/// One connection's end at the node that has the rooms.
pub(crate) struct Far {
    shared: Arc<FarShared>,
    outbox: Arc<Outbox>,
    links: Arc<FarLinks>,
    /// Orders that the server has not taken yet; while there are some, no later one overtakes them.
    waiting: VecDeque<Order>,
}

impl Far {
    pub(crate) fn new(shared: Arc<FarShared>, outbox: Arc<Outbox>) -> Self {
        Self { shared, outbox, links: Arc::default(), waiting: VecDeque::new() }
    }

    /// Does what the near end says.
    pub(crate) fn hear(&mut self, message: ToFar) {
        match message {
            ToFar::Open(new) => self.open(new),
            ToFar::Say(link, number, said) => {
                self.order(link, |link| Order::Say(link, number, said));
            }
            ToFar::Input(link, tick, bits) => {
                self.order(link, |link| Order::Input(link, WebInput { tick, bits }));
            }
            ToFar::Sync(link) => self.order(link, Order::Sync),
            ToFar::Away(link, is_away) => self.order(link, |link| Order::Away(link, is_away)),
            ToFar::Close(link) => {
                self.order(link, Order::Close);
                self.lock().remove(&link);
            }
            ToFar::Repair(stream, from, tries) => {
                self.shared.streams.repair(stream, (from, tries), &self.outbox);
            }
            ToFar::Beat(number) => {
                self.outbox.push_always(framed(&ToNear::Beat(number)));
                self.shared.streams.tell_heads(&self.outbox);
            }
        }
        self.outbox.ring();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Channel, WebLinkId>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&mut self, new: OpenLink) {
        let link = WebLinkId(self.shared.links.fetch_add(1, Ordering::Relaxed));
        let channel = new.link;
        let is_taken = {
            let links = self.lock();
            links.len() >= LINKS_PER_NODE_MAX || links.contains_key(&channel)
        };
        let (player, role) = (Some(new.player), new.role);
        let wish = TicketWish { player, name: new.name, room: new.only_room, role };
        let minted = if is_taken { None } else { self.shared.mint.mint(&wish).ok() };
        let Some(minted) = minted else {
            self.outbox.push_always(framed(&ToNear::Gone(channel)));
            return;
        };
        self.lock().insert(channel, link);
        RelayStats::add(&self.shared.stats.far_links, 1);
        let sink = FarSink::new(channel, link, self.outbox.clone(), self.links.clone(), &self.shared);
        let from = Ipv6Addr::from(new.from);
        let from = from.to_ipv4_mapped().map_or(IpAddr::V6(from), IpAddr::V4);
        self.pass(Order::Open(NewLink {
            link,
            ticket: minted.web,
            from: SocketAddr::new(from, 0),
            views_hz: new.views_hz,
            sink: Arc::new(sink),
        }));
    }

    fn order(&mut self, channel: Channel, order: impl FnOnce(WebLinkId) -> Order) {
        let link = self.lock().get(&channel).copied();
        if let Some(link) = link {
            self.pass(order(link));
        }
    }

    /// Passes an order on, or keeps it while the server is behind.
    fn pass(&mut self, order: Order) {
        if !self.waiting.is_empty() {
            return self.keep(order);
        }
        if let Err(GateFull::Busy(order)) = self.shared.door.send(order) {
            self.keep(*order);
        }
    }

    fn keep(&mut self, order: Order) {
        // The next input is as good, and a link that says more than is kept has no claim to more.
        if !matches!(order, Order::Input(..)) && self.waiting.len() < ORDERS_WAITING_MAX {
            self.waiting.push_back(order);
        } else {
            RelayStats::add(&self.shared.stats.orders_refused, 1);
        }
    }

    /// Tries again what the server has not taken.
    pub(crate) fn look(&mut self) {
        while let Some(order) = self.waiting.pop_front() {
            if let Err(GateFull::Busy(order)) = self.shared.door.send(order) {
                self.waiting.push_front(*order);
                return;
            }
        }
    }

    /// Whether the server has not taken everything.
    pub(crate) fn is_behind(&self) -> bool {
        !self.waiting.is_empty()
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        self.outbox.close();
        self.shared.streams.leave_all(&self.outbox);
        let links = std::mem::take(&mut *self.lock());
        for link in links.into_values() {
            // If the server is too busy for it: it finds out when it next tells the link something.
            let _ = self.shared.door.send(Order::Close(link));
        }
    }
}

/// A frame that is never too long.
pub(super) fn framed(message: &ToNear) -> Vec<u8> {
    message.frame().unwrap_or_default()
}
