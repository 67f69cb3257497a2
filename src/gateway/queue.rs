//! `LinkQueue`, what waits for one WebSocket client.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use framekeep_gate::{LinkSink, StateView};
use framekeep_protocol::{MatchStart, ToClient};
use tokio::sync::{Notify, mpsc};

/// What a link is told, and the number of what it answers.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) message: ToClient,
    pub(crate) to: u64,
}

#[derive(Default)]
struct Shown {
    /// The newest view, and when it was made.
    view: Mutex<Option<(Arc<StateView>, Instant)>>,
    bell: Notify,
}

/// The server's end: never waits.
pub(crate) struct QueueSink {
    told: mpsc::Sender<Told>,
    shown: Arc<Shown>,
}

/// The client's end.
pub(crate) struct LinkQueue {
    told: mpsc::Receiver<Told>,
    shown: Arc<Shown>,
}

/// Something for the client.
pub(crate) enum Next {
    Told(Told),
    View(Arc<StateView>, Instant),
    /// The link is gone, and everything that was told has been taken.
    Gone,
}

/// A queue of so many messages and one view.
pub(crate) fn link_queue(capacity: usize) -> (QueueSink, LinkQueue) {
    let (sender, receiver) = mpsc::channel(capacity.max(8));
    let shown = Arc::new(Shown::default());
    (QueueSink { told: sender, shown: shown.clone() }, LinkQueue { told: receiver, shown })
}

impl LinkSink for QueueSink {
    fn tell(&self, message: &ToClient, to: u64) -> bool {
        let message = match message {
            // Only who simulates needs the content.
            ToClient::Started(start) => {
                ToClient::Started(MatchStart { content: Vec::new(), game: start.game.clone(), ..*start })
            }
            other => other.clone(),
        };
        self.told.try_send(Told { message, to }).is_ok()
    }

    fn room(&self) -> usize {
        self.told.capacity()
    }

    fn capacity(&self) -> usize {
        self.told.max_capacity()
    }

    fn show(&self, view: &Arc<StateView>) {
        // While the client's task takes the view before this one, it is not waited for.
        if let Ok(mut place) = self.shown.view.try_lock() {
            *place = Some((view.clone(), Instant::now()));
            self.shown.bell.notify_one();
        }
    }
}

impl LinkQueue {
    /// What is next; can be given up at any time without a loss.
    pub(crate) async fn next(&mut self) -> Next {
        loop {
            if let Some((view, at)) = self.take_view() {
                return Next::View(view, at);
            }
            tokio::select! {
                told = self.told.recv() => return told.map_or(Next::Gone, Next::Told),
                () = self.shown.bell.notified() => {}
            }
        }
    }

    /// What is there already.
    pub(crate) fn try_next(&mut self) -> Option<Next> {
        if let Ok(told) = self.told.try_recv() {
            return Some(Next::Told(told));
        }
        self.take_view().map(|(view, at)| Next::View(view, at))
    }

    fn take_view(&self) -> Option<(Arc<StateView>, Instant)> {
        self.shown.view.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use framekeep_protocol::{CloseReason, Epoch};
    use framekeep_sim::{Tick, View};

    use super::*;

    fn closing() -> ToClient {
        ToClient::Closing { reason: CloseReason::Idle }
    }

    #[test]
    fn a_full_queue_says_so_and_the_newest_view_stands_for_all() {
        let (sink, mut queue) = link_queue(8);
        assert_eq!((0..10).filter(|_| sink.tell(&closing(), 0)).count(), 8);
        assert_eq!((sink.room(), sink.capacity()), (0, 8));
        for tick in 0..3 {
            let view = StateView { epoch: Epoch::new(1), tick: Tick(tick), view: View::default() };
            sink.show(&Arc::new(view));
        }
        let all: Vec<_> = std::iter::from_fn(|| queue.try_next()).collect();
        assert_eq!(all.len(), 9);
        assert!(matches!(all.last(), Some(Next::View(view, _)) if view.tick == Tick(2)));
    }
}
