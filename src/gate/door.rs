//! `gate`: the two ends of the queue between front door and server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Bell, Order, Report};

/// A gate whose queue holds `capacity` orders: the front door's end, which can be cloned, and the server's.
#[must_use]
pub fn gate(capacity: usize) -> (Door, Keeper) {
    let (sender, receiver) = sync_channel(capacity.max(1));
    let shared = Arc::new(Shared::default());
    let keeper = Keeper { orders: Mutex::new(receiver), shared: shared.clone() };
    (Door { orders: sender, shared }, keeper)
}

#[derive(Default)]
struct Shared {
    report: Mutex<Arc<Report>>,
    bell: Bell,
    /// Orders that are queued.
    waiting: AtomicUsize,
}

/// The front door's end.
#[derive(Clone)]
pub struct Door {
    orders: SyncSender<Order>,
    shared: Arc<Shared>,
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
        self.shared.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

    #[test]
    fn the_newest_report_is_seen() {
        let (door, keeper) = gate(1);
        let report = Report { unix_ms: 7, ..Report::default() };
        assert!(keeper.report(&Arc::new(report)));
        assert_eq!(door.report().unix_ms, 7);
    }
}
