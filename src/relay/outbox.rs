//! `Outbox`, what waits for one connection.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use framekeep_gate::StateView;
use tokio::sync::Notify;

use crate::limits::{CONNECTION_BYTES_MAX, LINK_MESSAGES_MAX};
use crate::wire::{Channel, Shown, StreamId, ToNear};

/// What waits for one connection: frames in their order, and of views the newest of each link and stream. No method
/// waits for the connection; all memory is bounded.
#[derive(Default)]
pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    bell: Notify,
}

#[derive(Default)]
struct Waiting {
    frames: VecDeque<(Option<Channel>, Vec<u8>)>,
    bytes: usize,
    /// Frames of each link that has some.
    of_link: BTreeMap<Channel, usize>,
    views: BTreeMap<Channel, Arc<StateView>>,
    stream_views: BTreeMap<StreamId, (u64, Arc<StateView>)>,
    is_closed: bool,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a frame of a link; `false` if the link or the connection has too many.
    pub(crate) fn push(&self, link: Channel, frame: Vec<u8>) -> bool {
        let mut waiting = self.lock();
        let count = waiting.of_link.get(&link).copied().unwrap_or(0);
        if count >= LINK_MESSAGES_MAX || !waiting.takes(frame.len(), CONNECTION_BYTES_MAX) {
            return false;
        }
        waiting.of_link.insert(link, count + 1);
        waiting.put(Some(link), frame);
        true
    }

    /// Queues a frame of a stream; `false` if the connection is behind: what is missing is asked for.
    pub(crate) fn push_stream(&self, frame: Vec<u8>) -> bool {
        let mut waiting = self.lock();
        let fits = waiting.takes(frame.len(), CONNECTION_BYTES_MAX / 2);
        if fits {
            waiting.put(None, frame);
        }
        fits
    }

    /// Queues a frame that holds the others together, such as that a link is gone. They are few.
    pub(crate) fn push_always(&self, frame: Vec<u8>) {
        let mut waiting = self.lock();
        if !waiting.is_closed {
            waiting.put(None, frame);
        }
    }

    /// The newest view of a link.
    pub(crate) fn show(&self, link: Channel, view: &Arc<StateView>) {
        self.lock().views.insert(link, view.clone());
    }

    /// The newest view of a stream, after a message of it.
    pub(crate) fn show_stream(&self, stream: StreamId, after: u64, view: &Arc<StateView>) {
        self.lock().stream_views.insert(stream, (after, view.clone()));
    }

    /// How many more frames there is room for, of a link.
    pub(crate) fn room(&self, link: Channel) -> usize {
        let waiting = self.lock();
        if waiting.is_closed || waiting.bytes >= CONNECTION_BYTES_MAX {
            return 0;
        }
        LINK_MESSAGES_MAX - waiting.of_link.get(&link).copied().unwrap_or(0)
    }

    /// A link is gone; of what it was shown nothing is of use.
    pub(crate) fn forget(&self, link: Channel) {
        self.lock().views.remove(&link);
    }

    /// Takes about so many bytes to be written; none if nothing waits.
    pub(crate) fn take(&self, bytes_max: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut waiting = self.lock();
        while out.len() < bytes_max {
            let Some((link, frame)) = waiting.frames.pop_front() else { break };
            waiting.bytes -= frame.len();
            if let Some(link) = link {
                waiting.taken(link);
            }
            out.extend_from_slice(&frame);
        }
        if !waiting.frames.is_empty() {
            return out;
        }
        let (views, streams) = (mem::take(&mut waiting.views), mem::take(&mut waiting.stream_views));
        // Views are encoded by who writes, not by the server's turn.
        drop(waiting);
        write_views(views, streams, &mut out);
        out
    }

    /// Bytes that wait.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Wakes who writes.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Waits until something is let go.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Whether the connection is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// The connection is gone: nothing is taken any more.
    pub(crate) fn close(&self) {
        *self.lock() = Waiting { is_closed: true, ..Waiting::default() };
        self.ring();
    }
}

impl Waiting {
    fn takes(&self, bytes: usize, limit: usize) -> bool {
        !self.is_closed && self.bytes + bytes <= limit
    }

    fn put(&mut self, link: Option<Channel>, frame: Vec<u8>) {
        self.bytes += frame.len();
        self.frames.push_back((link, frame));
    }

    fn taken(&mut self, link: Channel) {
        match self.of_link.get_mut(&link) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(self.of_link.remove(&link)),
        }
    }
}

/// Links that see the same view get it in one frame.
fn write_views(
    views: BTreeMap<Channel, Arc<StateView>>,
    streams: BTreeMap<StreamId, (u64, Arc<StateView>)>,
    out: &mut Vec<u8>,
) {
    let mut groups: Vec<(Arc<StateView>, Vec<Channel>)> = Vec::new();
    for (link, view) in views {
        match groups.iter_mut().rev().find(|(known, _)| Arc::ptr_eq(known, &view)) {
            Some((_, links)) => links.push(link),
            None => groups.push((view, vec![link])),
        }
    }
    let shown = |view: &StateView| Shown { epoch: view.epoch, tick: view.tick, view: view.view.clone() };
    let links = groups.into_iter().map(|(view, links)| ToNear::Shown(links, shown(&view)));
    let streams = streams.into_iter().map(|(id, (after, view))| ToNear::View(id, after, shown(&view)));
    // A view that is too large for a frame is not shown; a newer one may be smaller.
    links.chain(streams).filter_map(|message| message.frame()).for_each(|frame| out.extend(frame));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_does_not_drain_takes_nothing_from_the_others() {
        let outbox = Outbox::default();
        let accepted = (0..1_000).filter(|_| outbox.push(1, vec![7; 10])).count();
        assert_eq!((accepted, outbox.room(1)), (LINK_MESSAGES_MAX, 0));
        assert!(outbox.push(2, vec![8; 10]) && outbox.room(2) == LINK_MESSAGES_MAX - 1);
        assert_eq!(outbox.take(usize::MAX).len(), 10 * (LINK_MESSAGES_MAX + 1));
        assert_eq!((outbox.bytes(), outbox.room(1)), (0, LINK_MESSAGES_MAX));
    }

    #[test]
    fn streams_leave_messages_out_before_links_are_closed() {
        let outbox = Outbox::default();
        let megabyte = vec![0; 1 << 20];
        let streamed = (0..100).filter(|_| outbox.push_stream(megabyte.clone())).count();
        let pushed = (0..100).filter(|_| outbox.push(1, megabyte.clone())).count();
        assert_eq!((streamed, pushed), (4, 4));
        outbox.close();
        assert!(!outbox.push(1, vec![0]) && outbox.take(usize::MAX).is_empty());
    }

    #[test]
    fn the_newest_view_goes_once_to_all_who_see_it() {
        let outbox = Outbox::default();
        let (old, new) = (Arc::new(StateView::default()), Arc::new(StateView::default()));
        for link in [1, 2, 3] {
            outbox.show(link, &old);
        }
        for link in [1, 3] {
            outbox.show(link, &new);
        }
        let bytes = outbox.take(usize::MAX);
        let mut reader = crate::wire::FrameReader::new(crate::limits::TO_NEAR_BYTES_MAX);
        reader.push(&bytes);
        let mut links = Vec::new();
        while let Some(body) = reader.next_body().unwrap() {
            let Ok(ToNear::Shown(seen_by, _)) = ToNear::decode(body) else { panic!("no view") };
            links.push(seen_by);
        }
        assert_eq!(links, [vec![1, 3], vec![2]]);
        assert!(outbox.take(usize::MAX).is_empty());
    }
}
