//! `gate`: the two ends of the queue between front door and server.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use framekeep_protocol::RoomName;

use crate::{Bell, Order, Report};

/// A gate whose queue holds `capacity` orders: the front door's end, which can be cloned, and the server's.
#[must_use]
pub fn gate(capacity: usize) -> (Door, Keeper) {
    let (sender, receiver) = sync_channel(capacity.max(1));
    let shared = Arc::new(Shared::default());
    let keeper = Keeper { orders: Mutex::new(receiver), shared: shared.clone() };
    (Door { orders: sender, shared, detour: None }, keeper)
}

#[derive(Default)]
struct Shared {
    report: Mutex<Arc<Report>>,
    bell: Bell,
    /// Orders that are queued.
    waiting: AtomicUsize,
    /// What other nodes are to be told, and what is done when there is something.
    mail: Mutex<VecDeque<Letter>>,
    on_mail: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

/// What another node is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The name of the node.
    pub node: String,
    /// What it is told.
    pub body: Vec<u8>,
    /// The room that is the node's from now on: its name is handed over first, where names are shared.
    pub hands_over: Option<RoomName>,
    /// The room for whose node it is, instead of a node that is named: whose it is, who brings it finds out. Where it
    /// is nobody's, the letter comes back as [`Order::Sought`].
    pub seeks: Option<RoomName>,
    /// Whether that room is opened by this server if nobody has it.
    pub opens: bool,
}

/// Letters to other nodes that wait for the front door; more are lost.
const MAIL_MAX: usize = 4_096;

/// What stands between the front door and the server of this process: it takes every order, and passes on what is for
/// the rooms of this node. Its methods return at once.
pub trait Detour: Send + Sync {
    /// Takes an order, or gives it back.
    ///
    /// # Errors
    /// [`GateFull`] as from the server itself.
    fn send(&self, order: Order) -> Result<(), GateFull>;

    /// What is reported, given what the server of this process reported last.
    fn report(&self, own: Arc<Report>) -> Arc<Report>;
}

/// The front door's end.
#[derive(Clone)]
pub struct Door {
    orders: SyncSender<Order>,
    shared: Arc<Shared>,
    detour: Option<Arc<dyn Detour>>,
}

/// An order that was not queued.
#[derive(Debug)]
pub enum GateFull {
    /// The server is behind; try again in a moment.
    Busy(Box<Order>),
    /// The server is gone.
    Gone,
}

impl Door {
    /// Queues an order, without waiting. What has to be answered soon wakes the server.
    ///
    /// # Errors
    /// [`GateFull`] gives the order back while the server is behind.
    pub fn send(&self, order: Order) -> Result<(), GateFull> {
        if let Some(detour) = &self.detour {
            return detour.send(order);
        }
        let urgent = order.is_urgent();
        // Before it is queued: it may be taken at once.
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        let sent = self.orders.try_send(order);
        if sent.is_err() {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        match sent {
            Ok(()) => {
                if urgent {
                    self.shared.bell.ring();
                }
                Ok(())
            }
            Err(TrySendError::Full(order)) => Err(GateFull::Busy(Box::new(order))),
            Err(TrySendError::Disconnected(_)) => Err(GateFull::Gone),
        }
    }

    /// What the server reported last.
    #[must_use]
    pub fn report(&self) -> Arc<Report> {
        let own = self.shared.report.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.detour.as_ref().map_or_else(|| own.clone(), |detour| detour.report(own.clone()))
    }

    /// Takes what other nodes are to be told.
    #[must_use]
    pub fn take_mail(&self) -> Vec<Letter> {
        self.shared.mail.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    /// Says what is done, at once and without waiting, when there is something to be taken; the first counts.
    pub fn on_mail(&self, wake: Box<dyn Fn() + Send + Sync>) {
        let _ = self.shared.on_mail.set(wake);
    }

    /// A door to the same server whose orders go through `detour`, which has a door without one.
    #[must_use]
    pub fn through(&self, detour: Arc<dyn Detour>) -> Self {
        Self { detour: Some(detour), ..self.clone() }
    }
}

/// The server's end.
pub struct Keeper {
    /// Only the server takes orders; the lock is never contended.
    orders: Mutex<Receiver<Order>>,
    shared: Arc<Shared>,
}

impl Keeper {
    /// The next order, if there is one.
    pub fn take(&mut self) -> Option<Order> {
        let order = self.orders.get_mut().unwrap_or_else(PoisonError::into_inner).try_recv().ok()?;
        self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        Some(order)
    }

    /// How many orders are queued, about.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    /// Replaces the report. `false` if somebody was just looking at the last one: say it again in the next turn.
    #[must_use]
    pub fn report(&self, report: &Arc<Report>) -> bool {
        let free = self.shared.report.try_lock();
        free.map(|mut place| *place = report.clone()).is_ok()
    }

    /// Hands over what another node is to be told.
    pub fn post(&self, letter: Letter) {
        let mut mail = self.shared.mail.lock().unwrap_or_else(PoisonError::into_inner);
        if mail.len() < MAIL_MAX {
            mail.push_back(letter);
        }
        drop(mail);
        if let Some(wake) = self.shared.on_mail.get() {
            wake();
        }
    }

    /// What wakes the server.
    #[must_use]
    pub fn bell(&self) -> &Bell {
        &self.shared.bell
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WebLinkId;

    #[test]
    fn orders_over_the_capacity_are_given_back() {
        let (door, mut keeper) = gate(1);
        door.send(Order::Close(WebLinkId(1))).unwrap();
        let back = door.send(Order::Close(WebLinkId(2)));
        assert!(matches!(back, Err(GateFull::Busy(order)) if matches!(*order, Order::Close(WebLinkId(2)))));
        assert_eq!(keeper.waiting(), 1);
        assert!(matches!(keeper.take(), Some(Order::Close(WebLinkId(1)))));
        assert_eq!(keeper.waiting(), 0);
        drop(keeper);
        assert!(matches!(door.send(Order::Close(WebLinkId(3))), Err(GateFull::Gone)));
    }

    /// Closes nothing, passes on the rest.
    struct Hold(Door);

    impl Detour for Hold {
        fn send(&self, order: Order) -> Result<(), GateFull> {
            if matches!(order, Order::Close(_)) { Ok(()) } else { self.0.send(order) }
        }

        fn report(&self, own: Arc<Report>) -> Arc<Report> {
            Arc::new(Report { players: own.players + 1, ..Report::default() })
        }
    }

    #[test]
    fn a_detour_takes_every_order_and_has_the_last_word_on_the_report() {
        let (door, mut keeper) = gate(4);
        let round = door.through(Arc::new(Hold(door.clone())));
        round.send(Order::Close(WebLinkId(1))).unwrap();
        round.send(Order::Sync(WebLinkId(2))).unwrap();
        assert!(matches!(keeper.take(), Some(Order::Sync(WebLinkId(2)))));
        assert!(keeper.take().is_none() && round.report().players == 1 && door.report().players == 0);
    }

    #[test]
    fn the_newest_report_is_seen() {
        let (door, keeper) = gate(1);
        let report = Report { unix_ms: 7, ..Report::default() };
        assert!(keeper.report(&Arc::new(report)));
        assert_eq!(door.report().unix_ms, 7);
    }
}
