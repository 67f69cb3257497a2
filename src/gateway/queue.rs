//! `LinkQueue`, what waits for one WebSocket client.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use framekeep_gate::{KindBytes, LinkSink, LinkWay, StateView};
use framekeep_protocol::{MatchStart, ToClient};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::post::Post;
use crate::traffic::Traffic;

mod direct;

use direct::Direct;
pub(crate) use direct::Way;

/// Messages in one frame, about.
pub(crate) const BATCH_MESSAGES_MAX: usize = 64;

/// What a link is told, and the number of what it answers.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) message: ToClient,
    pub(crate) to: u64,
}

/// What both ends of a queue share, and who passes views on.
///
/// What the server touches stands together: with thousands of links it comes from far away each time.
#[derive(Default)]
#[repr(C, align(64))]
pub(crate) struct Shown {
    view: Mutex<Place>,
    /// Whether something was told since the connection's task found last that nothing was.
    is_told: AtomicBool,
    /// Whether it waits for whoever passes views on.
    is_posted: AtomicBool,
    /// What is known of the link.
    pub(crate) figures: Figures,
    direct: Mutex<Direct>,
    bell: Notify,
}

/// Where the newest view waits.
#[derive(Default)]
pub(crate) struct Place {
    /// The view, and when it was made.
    view: Option<(Arc<StateView>, Instant)>,
    /// How often the client has left a room: what it was shown of that is told no more.
    rooms_left: u64,
}

/// What is known of a link.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Figures {
    /// Views that were not taken, in millionths of the last ones.
    skipped_ppm: AtomicU64,
    /// The mean round trip in microseconds; 0 before the first.
    rtt_us: AtomicU64,
    pub(crate) traffic: Traffic,
}

impl Figures {
    /// A ping has come back.
    pub(crate) fn note_round_trip(&self, rtt: Duration) {
        let (rtt, mean) = (rtt.as_micros().max(1) as u64, self.rtt_us.load(Ordering::Relaxed));
        // Pings are rare: the last few count.
        let mean = if mean == 0 { rtt } else { (mean + rtt) / 2 };
        self.rtt_us.store(mean, Ordering::Relaxed);
    }

    fn note_view(&self, is_skipped: bool) {
        let share = if is_skipped { 1_000_000 } else { 0 };
        let mean = (self.skipped_ppm.load(Ordering::Relaxed) * 31 + share) / 32;
        self.skipped_ppm.store(mean, Ordering::Relaxed);
    }

    fn way(&self) -> LinkWay {
        let rtt = Some(self.rtt_us.load(Ordering::Relaxed)).filter(|us| *us > 0);
        let skipped = (self.skipped_ppm.load(Ordering::Relaxed) + 5_000) / 10_000;
        LinkWay { rtt: rtt.map(Duration::from_micros), skipped_percent: skipped as u32 }
    }
}

/// The server's end: never waits.
pub(crate) struct QueueSink {
    /// `None` only while it is dropped.
    told: Option<mpsc::Sender<Told>>,
    shown: Arc<Shown>,
    /// Who passes views on; without, the connection's task does.
    pub(crate) post: Option<Arc<Post>>,
    /// Whether the client itself follows a room to another node.
    pub(crate) follows: bool,
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
    /// A frame that went out in part: its rest is to be flushed.
    Rest,
    /// The link is gone, and everything that was told has been taken.
    Gone,
}

/// A queue of so many messages and one view.
pub(crate) fn link_queue(capacity: usize) -> (QueueSink, LinkQueue) {
    let (sender, receiver) = mpsc::channel(capacity.max(8));
    let shown = Arc::new(Shown::default());
    let sink = QueueSink { told: Some(sender), shown: shown.clone(), post: None, follows: false };
    (sink, LinkQueue { told: receiver, shown })
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
        if let ToClient::Left { .. } = message {
            // Before that is told: afterwards nothing of that room comes.
            let mut place = self.shown.view();
            place.view = None;
            place.rooms_left += 1;
        }
        let is_told = self.told.as_ref().is_some_and(|told| told.try_send(Told { message, to }).is_ok());
        // After it is there: whoever clears this finds it.
        self.shown.is_told.store(true, Ordering::Release);
        is_told
    }

    fn room(&self) -> usize {
        self.told.as_ref().map_or(0, mpsc::Sender::capacity)
    }

    fn capacity(&self) -> usize {
        self.told.as_ref().map_or(0, mpsc::Sender::max_capacity)
    }

    fn is_gone(&self) -> bool {
        self.told.as_ref().is_none_or(mpsc::Sender::is_closed)
    }

    fn show(&self, view: &Arc<StateView>) {
        // While the client's task takes the view before this one, it is not waited for.
        if let Ok(mut place) = self.shown.view.try_lock() {
            let before = place.view.replace((view.clone(), Instant::now()));
            self.shown.figures.note_view(before.is_some());
        }
    }

    fn follows(&self) -> bool {
        self.follows
    }

    fn way(&self) -> LinkWay {
        self.shown.figures.way()
    }

    fn traffic(&self) -> Vec<KindBytes> {
        self.shown.figures.traffic.all().collect()
    }

    fn let_go(&self) {
        match &self.post {
            // What is told goes out before what is shown after it: only the task knows both.
            Some(post) if !self.shown.is_told.load(Ordering::Acquire) => {
                if !self.shown.is_posted.swap(true, Ordering::AcqRel) {
                    post.push(self.shown.clone());
                }
            }
            _ => self.shown.bell.notify_one(),
        }
    }
}

impl Drop for QueueSink {
    fn drop(&mut self) {
        // Whoever is woken has to find that nothing more will come.
        self.told = None;
        self.shown.bell.notify_one();
    }
}

impl LinkQueue {
    /// What is next, but nothing before the time set by [`LinkQueue::hold_until`] unless so many messages wait that
    /// they fill a frame. Can be given up at any moment without a loss. While nothing is there, views go past it to a
    /// client that was [attached](LinkQueue::attach).
    pub(crate) async fn next(&mut self) -> Next {
        loop {
            // Before it is looked at: what is told afterwards is noticed.
            self.shown.is_told.store(false, Ordering::Release);
            let (not_before, is_cut) = self.shown.look();
            if is_cut {
                return Next::Rest;
            }
            let is_due = self.told.len() >= BATCH_MESSAGES_MAX
                || not_before.is_none_or(|not_before| not_before <= Instant::now());
            if is_due && let Some(next) = self.try_next() {
                return next;
            }
            let rung = self.shown.bell.notified();
            match not_before {
                Some(not_before) if !is_due && !self.is_empty() => {
                    tokio::select! {
                        () = tokio::time::sleep_until(not_before) => {}
                        () = rung => {}
                    }
                }
                _ => {
                    let resting = self.shown.rest();
                    rung.await;
                    drop(resting);
                }
            }
        }
    }

    /// Nothing is given before a time.
    pub(crate) fn hold_until(&self, time: Instant) {
        self.shown.direct().free_at = Some(time);
    }

    /// From now on the client may be sent views without its task.
    pub(crate) fn attach(&self, way: Way) {
        self.shown.direct().way = Some(way);
    }

    /// From now on it may not.
    pub(crate) fn detach(&self) {
        self.shown.detach();
    }

    /// The id of the last client message that was done.
    pub(crate) fn acknowledge(&self, id: u64) {
        self.shown.direct().ack = id;
    }

    /// What the client was shown last.
    pub(crate) fn base(&self) -> Option<Arc<StateView>> {
        self.shown.direct().base.clone()
    }

    /// The client was shown this; or has to be shown everything.
    pub(crate) fn set_base(&self, view: Option<Arc<StateView>>) {
        self.shown.direct().base = view;
    }

    /// What is there already.
    pub(crate) fn try_next(&mut self) -> Option<Next> {
        loop {
            match self.told.try_recv() {
                Ok(told) => return Some(Next::Told(told)),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return Some(self.take_view().unwrap_or(Next::Gone)),
            }
            let mut place = self.shown.view();
            // Looked at under the lock: what was told before this view was shown is seen.
            if self.told.is_empty() {
                return place.view.take().map(|(view, at)| Next::View(view, at));
            }
        }
    }

    /// What is known of the link, among others.
    pub(crate) fn shown(&self) -> Arc<Shown> {
        self.shown.clone()
    }

    fn is_empty(&self) -> bool {
        self.told.is_empty() && self.shown.view().view.is_none()
    }

    fn take_view(&self) -> Option<Next> {
        self.shown.view().view.take().map(|(view, at)| Next::View(view, at))
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
            let view = StateView::of(Epoch::new(1), Tick(tick), View::default());
            sink.show(&Arc::new(view));
        }
        assert!(sink.way().skipped_percent > 0, "two of the three were not taken");
        let all: Vec<_> = std::iter::from_fn(|| queue.try_next()).collect();
        assert_eq!(all.len(), 9);
        assert!(matches!(all.last(), Some(Next::View(view, _)) if view.tick == Tick(2)));
    }

    #[test]
    fn who_has_left_a_room_is_shown_nothing_more_of_it() {
        let (sink, mut queue) = link_queue(8);
        let view = Arc::new(StateView::default());
        sink.show(&view);
        let taken = sink.shown.view().view.take();
        let left = ToClient::Left { reason: framekeep_protocol::LeftReason::Asked };
        let before = sink.shown.view().rooms_left;
        sink.shown.give_back(taken.clone().expect("it was shown"), before);
        assert!(sink.tell(&left, 0));
        sink.shown.give_back(taken.expect("it was shown"), before);
        assert!(matches!(queue.try_next(), Some(Next::Told(_))));
        assert!(queue.try_next().is_none(), "neither what waited nor what nobody took");
        sink.show(&view);
        assert!(matches!(queue.try_next(), Some(Next::View(..))), "the next room is another");
    }

    /// Follows a queue on a clock that stands still while anything can be done.
    fn on_a_still_clock<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(work)
    }

    #[test]
    fn who_waits_is_woken_when_the_turn_is_over_and_finds_all_of_it() {
        on_a_still_clock(async {
            let (sink, mut queue) = link_queue(8);
            assert!(sink.tell(&closing(), 1));
            sink.show(&Arc::new(StateView::default()));
            sink.let_go();
            assert!(matches!(queue.next().await, Next::Told(told) if told.to == 1));
            assert!(matches!(queue.try_next(), Some(Next::View(..))));
            drop(sink);
            assert!(matches!(queue.next().await, Next::Gone));
        });
    }

    #[test]
    fn what_fills_a_frame_waits_for_no_time() {
        on_a_still_clock(async {
            let (sink, mut queue) = link_queue(BATCH_MESSAGES_MAX);
            queue.hold_until(Instant::now() + Duration::from_secs(3_600));
            assert!(sink.tell(&closing(), 1));
            sink.let_go();
            let early = tokio::time::timeout(Duration::from_secs(1), queue.next()).await;
            assert!(early.is_err(), "one message waits for its time");
            while sink.tell(&closing(), 1) {}
            sink.let_go();
            assert!(matches!(queue.next().await, Next::Told(_)));
        });
    }
}
