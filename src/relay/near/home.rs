//! `Home`, the server of this process, at which clients have links while they are in no room of another node.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use framekeep_gate::{
    Door, GateFull, KindBytes, LinkSink, LinkWay, Mint, NewLink, Order, StateView, TicketWish, WebLinkId,
};
use framekeep_protocol::{CloseReason, RoomName, ToClient};
use tokio::sync::Notify;

use super::place::NearLink;
use crate::limits::ORDERS_WAITING_MAX;
use crate::{Directory, PeerId};

/// Numbers of links that were opened again: neither the front door's nor those of other nodes.
const FIRST_LINK: u64 = 1 << 62;

/// The server of this process.
pub(crate) struct Home {
    door: Door,
    mint: Arc<dyn Mint>,
    directory: Arc<dyn Directory>,
    news: Arc<HomeNews>,
    links: u64,
    /// Orders of the relay itself that the server has not taken yet.
    waiting: VecDeque<Order>,
}

/// What becomes of links at home, for who looks after them.
#[derive(Default)]
pub(crate) struct HomeNews {
    news: Mutex<Vec<(WebLinkId, News)>>,
    bell: Notify,
}

/// What becomes of a link at home.
#[derive(Debug)]
pub(crate) enum News {
    /// The server has let it go.
    Gone,
    /// Its room moves to another node, which may not be known yet.
    Moves(Option<PeerId>, RoomName),
    /// It has moved.
    Moved,
}

impl HomeNews {
    fn push(&self, home: WebLinkId, news: News) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).push((home, news));
        self.bell.notify_one();
    }

    pub(crate) fn take(&self) -> Vec<(WebLinkId, News)> {
        std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }
}

impl Home {
    pub(crate) fn new(
        door: Door,
        mint: Arc<dyn Mint>,
        directory: Arc<dyn Directory>,
        news: Arc<HomeNews>,
    ) -> Self {
        Self { door, mint, directory, news, links: FIRST_LINK, waiting: VecDeque::new() }
    }

    /// Sends an order as it is; who gave it can give it again.
    pub(crate) fn send(&self, order: Order) -> Result<(), GateFull> {
        self.door.send(order)
    }

    /// Sends an order of the relay itself, sooner or later.
    pub(crate) fn send_surely(&mut self, order: Order) {
        if !self.waiting.is_empty() {
            return self.keep(order);
        }
        if let Err(GateFull::Busy(order)) = self.door.send(order) {
            self.keep(*order);
        }
    }

    fn keep(&mut self, order: Order) {
        if self.waiting.len() < ORDERS_WAITING_MAX {
            self.waiting.push_back(order);
        }
    }

    /// Tries again what the server has not taken.
    pub(crate) fn look(&mut self) {
        while let Some(order) = self.waiting.pop_front() {
            if let Err(GateFull::Busy(order)) = self.door.send(order) {
                self.waiting.push_front(*order);
                return;
            }
        }
    }

    /// Opens a link as its client asked for it; gives back what is not taken.
    pub(crate) fn open(&self, new: NewLink) -> Result<(), GateFull> {
        let (client, ours) = (new.sink.clone(), self.sink(new.link, new.sink, false));
        let is_open = ours.is_open.clone();
        let sent = self.door.send(Order::Open(NewLink { sink: Arc::new(ours), ..new }));
        sent.map_err(|full| match full {
            GateFull::Busy(order) => {
                is_open.store(false, Ordering::Relaxed);
                GateFull::Busy(Box::new(match *order {
                    Order::Open(new) => Order::Open(NewLink { sink: client, ..new }),
                    other => other,
                }))
            }
            GateFull::Gone => GateFull::Gone,
        })
    }

    /// Opens a link again for a client that was at another node; gives its number.
    pub(crate) fn open_again(&mut self, link: &NearLink) -> Option<WebLinkId> {
        let who = &link.who;
        let wish = TicketWish {
            player: Some(who.player),
            name: who.name.clone(),
            room: who.only_room.clone(),
            role: who.role,
        };
        let ticket = self.mint.mint(&wish).ok()?.web;
        let home = WebLinkId(self.links);
        self.links += 1;
        let sink = Arc::new(self.sink(home, link.sink.clone(), true));
        let from = SocketAddr::new(link.from, 0);
        let new = NewLink { link: home, ticket, from, views_hz: link.views_hz, sink };
        self.send_surely(Order::Open(new));
        if link.is_away {
            self.send_surely(Order::Away(home, true));
        }
        Some(home)
    }

    fn sink(&self, home: WebLinkId, to: Arc<dyn LinkSink>, is_again: bool) -> HomeSink {
        HomeSink {
            home,
            to,
            is_again,
            is_open: Arc::new(AtomicBool::new(true)),
            moves: AtomicBool::new(false),
            directory: self.directory.clone(),
            news: self.news.clone(),
        }
    }
}

/// What the server of this process tells a link goes to its client, except what concerns the relay.
struct HomeSink {
    home: WebLinkId,
    to: Arc<dyn LinkSink>,
    /// The client has been admitted before.
    is_again: bool,
    /// Unset for one that the server never got.
    is_open: Arc<AtomicBool>,
    /// The room moves to another node, and the relay goes with it.
    moves: AtomicBool,
    directory: Arc<dyn Directory>,
    news: Arc<HomeNews>,
}

impl LinkSink for HomeSink {
    fn tell(&self, message: &ToClient, to: u64) -> bool {
        match message {
            ToClient::Admitted { .. } if self.is_again => true,
            // Who follows by itself is sent there, if it can be reached; for everybody else the relay does.
            ToClient::Redirect(redirect) if !self.to.follows() || redirect.address.is_empty() => {
                self.moves.store(true, Ordering::Relaxed);
                let peer = self.directory.at(&redirect.address);
                self.news.push(self.home, News::Moves(peer, redirect.room.clone()));
                true
            }
            ToClient::Closing { reason: CloseReason::Moved } if self.moves.load(Ordering::Relaxed) => {
                self.news.push(self.home, News::Moved);
                true
            }
            _ => self.to.tell(message, to),
        }
    }

    fn room(&self) -> usize {
        self.to.room()
    }

    fn capacity(&self) -> usize {
        self.to.capacity()
    }

    fn show(&self, view: &Arc<StateView>) {
        self.to.show(view);
    }

    fn is_gone(&self) -> bool {
        self.to.is_gone()
    }

    fn follows(&self) -> bool {
        self.to.follows()
    }

    fn way(&self) -> LinkWay {
        self.to.way()
    }

    fn traffic(&self) -> Vec<KindBytes> {
        self.to.traffic()
    }

    fn let_go(&self) {
        self.to.let_go();
    }
}

impl Drop for HomeSink {
    fn drop(&mut self) {
        if self.is_open.load(Ordering::Relaxed) {
            self.news.push(self.home, News::Gone);
        }
    }
}
