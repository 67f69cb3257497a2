//! `FarSink`, where the server puts what a link of another node is told.

use std::sync::{Arc, Mutex, PoisonError};

use framekeep_gate::{LinkSink, StateView, WebLinkId};
use framekeep_protocol::{MatchStart, SPECTATOR_SEAT, ToClient};

use super::stream::Stream;
use super::{FarLinks, FarShared, framed};
use crate::limits::LINK_MESSAGES_MAX;
use crate::outbox::Outbox;
use crate::stats::RelayStats;
use crate::wire::{Channel, ToNear};

/// Where the server puts what a link of another node is told. Of who watches, only what concerns nobody else is
/// written for the link itself; the rest is in its room's stream.
pub(super) struct FarSink {
    channel: Channel,
    link: WebLinkId,
    outbox: Arc<Outbox>,
    links: Arc<FarLinks>,
    shared: Arc<FarShared>,
    watching: Mutex<Watching>,
}

#[derive(Default)]
struct Watching {
    stream: Option<Arc<Stream>>,
    /// The link was shown its room in this turn: what follows within it is for this link alone.
    is_fresh: bool,
}

impl FarSink {
    pub(super) fn new(
        channel: Channel,
        link: WebLinkId,
        outbox: Arc<Outbox>,
        links: Arc<FarLinks>,
        shared: &Arc<FarShared>,
    ) -> Self {
        Self { channel, link, outbox, links, shared: shared.clone(), watching: Mutex::default() }
    }

    fn watching(&self) -> std::sync::MutexGuard<'_, Watching> {
        self.watching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_link(&self, message: ToClient, to: u64) -> bool {
        let frame = ToNear::Told(self.channel, to, message).frame();
        frame.is_some_and(|frame| self.outbox.push(self.channel, frame))
    }

    /// The link came into a room, or was shown it again.
    fn enter(&self, message: ToClient, to: u64) -> bool {
        let ToClient::Joined(view) = &message else { return self.tell_link(message, to) };
        if view.seat != SPECTATOR_SEAT {
            self.leave();
            return self.tell_link(message, to);
        }
        // Entered before the other is left, which may be the same one and nobody else's.
        let stream = self.shared.streams.enter(&view.name, view.room, &self.outbox);
        let newest = stream.newest();
        let is_told = self.tell_link(message, to);
        let frame = framed(&ToNear::Watches(self.channel, stream.id(), newest));
        let now = Watching { stream: Some(stream), is_fresh: true };
        let before = std::mem::replace(&mut *self.watching(), now);
        if let Some(stream) = before.stream {
            self.shared.streams.leave(&stream, &self.outbox);
        }
        is_told && self.outbox.push(self.channel, frame)
    }

    fn leave(&self) {
        let before = std::mem::take(&mut *self.watching());
        if let Some(stream) = before.stream {
            self.shared.streams.leave(&stream, &self.outbox);
        }
    }

    fn stream(&self) -> Option<Arc<Stream>> {
        let watching = self.watching();
        watching.stream.clone().filter(|_| !watching.is_fresh)
    }
}

impl LinkSink for FarSink {
    fn tell(&self, message: &ToClient, to: u64) -> bool {
        match message {
            ToClient::Joined(_) => self.enter(message.clone(), to),
            ToClient::Left { .. } | ToClient::Closing { .. } => {
                self.leave();
                self.tell_link(message.clone(), to)
            }
            ToClient::Event(_) | ToClient::Room(_) | ToClient::Started(_) | ToClient::Ended(_) => {
                let message = without_content(message);
                let Some(stream) = self.stream() else { return self.tell_link(message, to) };
                if stream.offer(message) {
                    RelayStats::add(&self.shared.stats.stream_messages, 1);
                }
                true
            }
            other => self.tell_link(other.clone(), to),
        }
    }

    fn room(&self) -> usize {
        // Who watches is told by the stream, which is never full for good.
        if self.stream().is_some() { LINK_MESSAGES_MAX } else { self.outbox.room(self.channel) }
    }

    fn capacity(&self) -> usize {
        LINK_MESSAGES_MAX
    }

    fn show(&self, view: &Arc<StateView>) {
        match self.stream() {
            Some(stream) => stream.show(view),
            None => self.outbox.show(self.channel, view),
        }
    }

    fn let_go(&self) {
        self.watching().is_fresh = false;
        self.outbox.ring();
    }
}

impl Drop for FarSink {
    fn drop(&mut self) {
        self.leave();
        self.outbox.forget(self.channel);
        RelayStats::add(&self.shared.stats.far_links, -1);
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        // The number may have been given to another link meanwhile.
        if links.get(&self.channel) == Some(&self.link) {
            links.remove(&self.channel);
            drop(links);
            self.outbox.push_always(framed(&ToNear::Gone(self.channel)));
        }
        self.outbox.ring();
    }
}

/// Only who simulates needs the content.
fn without_content(message: &ToClient) -> ToClient {
    match message {
        ToClient::Started(start) => {
            ToClient::Started(MatchStart { content: Vec::new(), game: start.game.clone(), ..*start })
        }
        other => other.clone(),
    }
}
