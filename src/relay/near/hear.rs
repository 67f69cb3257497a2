//! What the near end hears of other nodes.

use std::sync::Arc;
use std::time::Duration;

use framekeep_gate::{StateView, WebLinkId};
use framekeep_protocol::{CloseReason, JoinRoom, LeftReason, Redirect, Refusal, RoomName, ToClient};

use super::peer::Cursor;
use super::place::{Place, Route, Stage, Wish};
use super::{Near, NearLink, OF_RELAY};
use crate::PeerId;
use crate::limits::{FIND_MOVED_EVERY, MOVE_WITHIN};
use crate::stats::RelayStats;
use crate::wire::{Channel, Shown, StreamId, ToFar, ToNear};

impl Near {
    /// A node says something. What links are told by it is let go with [`Near::heard_all`].
    pub(crate) fn hear(&mut self, from: PeerId, message: ToNear, now: Duration) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        peer.heard_at = now;
        match message {
            ToNear::Told(channel, to, message) => {
                if let Some(id) = peer.links.get(&channel).copied() {
                    self.told(id, (from, channel), to, message, now);
                } else if message == (ToClient::Closing { reason: CloseReason::Kicked })
                    && let Some(id) = peer.take_put_out(channel)
                {
                    // First it was put out of its room, and is no more of that node.
                    self.closing(id, CloseReason::Kicked, now);
                }
            }
            ToNear::Shown(channels, shown) => {
                let view = Arc::new(StateView::of(shown.epoch, shown.tick, shown.view));
                for channel in channels {
                    self.show(from, channel, &view);
                }
            }
            ToNear::Watches(channel, stream, newest) => self.watch(from, channel, stream, newest),
            ToNear::Gone(channel) => self.gone(from, channel, now),
            ToNear::Stream(stream, number, message) => self.streamed(from, stream, number, message, now),
            ToNear::View(stream, after, shown) => self.show_all(from, stream, after, shown, now),
            ToNear::Head(stream, newest) => self.miss(from, stream, newest, now),
            ToNear::Afresh(stream, newest) => self.start_afresh(from, stream, newest),
            ToNear::Beat(sent_us) => {
                let rtt = (now.as_micros() as u64).saturating_sub(sent_us);
                self.stats.rtt_us.store(rtt as i64, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }

    /// Everything that came at once was heard.
    pub(crate) fn heard_all(&mut self) {
        self.let_go();
    }

    fn told(&mut self, id: WebLinkId, at: (PeerId, Channel), to: u64, message: ToClient, now: Duration) {
        let Some(place) = self.links.get_mut(&id).and_then(NearLink::place) else { return };
        if place.next == Some(at) {
            return self.told_by_next(id, to, message);
        }
        if (place.peer, place.channel) != at {
            return;
        }
        match message {
            ToClient::Admitted { .. } | ToClient::Welcome { .. } => {}
            ToClient::Joined(_) => self.entered(id, to, message),
            ToClient::Refused(refusal) => self.refused(id, to, refusal, now),
            ToClient::Left { reason } => {
                self.tell(id, &message, to);
                self.leave(id);
                if let (LeftReason::Removed, Some(peer)) = (reason, self.peers.get_mut(&at.0)) {
                    peer.put_out(at.1, id);
                }
            }
            ToClient::Redirect(redirect) => self.redirect(id, redirect),
            ToClient::Closing { reason } => self.closing(id, reason, now),
            message => {
                if place.marks.note(&message) {
                    self.tell(id, &message, to);
                }
            }
        }
    }

    /// A link is in its room, or was shown it again.
    fn entered(&mut self, id: WebLinkId, to: u64, message: ToClient) {
        let Some(place) = self.links.get_mut(&id).and_then(NearLink::place) else { return };
        let is_known = std::mem::replace(&mut place.is_known, true);
        place.stage = Stage::In;
        place.wish.number = OF_RELAY;
        place.wish.join.create = None;
        place.marks.note(&message);
        self.unsettled.remove(&id);
        self.leave_home(id);
        let message = match message {
            // The client has not left the room, as far as it knows.
            ToClient::Joined(view) if is_known => ToClient::Room(view),
            other => other,
        };
        self.tell(id, &message, if to == OF_RELAY { 0 } else { to });
    }

    fn refused(&mut self, id: WebLinkId, to: u64, refusal: Refusal, now: Duration) {
        let Some(place) = self.links.get_mut(&id).and_then(NearLink::place) else { return };
        let is_entering = place.stage == Stage::Entering && (to == 0 || to == place.wish.number);
        match refusal {
            // It has its seat still.
            Refusal::AlreadyInRoom { .. } if to == OF_RELAY => {}
            Refusal::RoomMoved { .. } if is_entering => {
                let (until, ask_at) = (place.wish.until, now + FIND_MOVED_EVERY);
                place.stage = Stage::Lost { until, ask_at, has_moved: true };
            }
            _ if is_entering && place.is_known => self.tell_lost(id),
            refusal if is_entering => {
                let number = place.wish.number;
                self.tell(id, &ToClient::Refused(refusal), number);
                self.leave(id);
            }
            _ if to == OF_RELAY => {}
            refusal => self.tell(id, &ToClient::Refused(refusal), to),
        }
    }

    /// The other node closes a link.
    fn closing(&mut self, id: WebLinkId, reason: CloseReason, now: Duration) {
        match reason {
            CloseReason::Moved => self.wait_for_room(id, now + MOVE_WITHIN, now, true),
            CloseReason::ShuttingDown | CloseReason::Restarting => {
                self.wait_for_room(id, now + self.directory.lost_after(), now, false)
            }
            reason => {
                self.tell(id, &ToClient::Closing { reason }, 0);
                self.let_go();
                self.remove(id);
            }
        }
    }

    /// A room is no longer where it was; it may come up elsewhere.
    fn wait_for_room(&mut self, id: WebLinkId, until: Duration, now: Duration, has_moved: bool) {
        let Some(place) = self.links.get_mut(&id).and_then(NearLink::place) else { return };
        let ask_at = if place.next.is_some() { until } else { now };
        place.stage = Stage::Lost { until, ask_at, has_moved };
        self.unsettled.insert(id);
    }

    /// A room moves: opens a second link where it goes on.
    fn redirect(&mut self, id: WebLinkId, redirect: Redirect) {
        // Without an address the directory says where the room is, once it has moved.
        let Some(target) = self.directory.at(&redirect.address) else { return };
        if target == self.node {
            // The server of this process shows the room by itself once it goes on here.
            return self.go_home(id);
        }
        self.open_next(id, target);
    }

    fn open_next(&mut self, id: WebLinkId, target: PeerId) {
        let channel = self.peers.entry(target).or_default().open(id);
        let Some(link) = self.links.get_mut(&id) else { return };
        let opening = ToFar::Open(link.opening(channel));
        let Some(place) = link.place() else { return };
        let before = place.next.replace((target, channel));
        if let Some((peer, channel)) = before {
            self.close(peer, channel);
        }
        let outbox = self.peers.get(&target).and_then(|peer| peer.outbox.clone());
        if let Some(outbox) = outbox {
            let _ = outbox.push(channel, opening.frame());
            outbox.ring();
        }
    }

    /// The node that a room moves to says something: once it shows the room, the link is there.
    fn told_by_next(&mut self, id: WebLinkId, to: u64, message: ToClient) {
        let Some(place) = self.links.get_mut(&id).and_then(NearLink::place) else { return };
        let Some((peer, channel)) = place.next.take() else { return };
        match message {
            ToClient::Joined(_) => {
                let old = (place.peer, place.channel, place.stream.take());
                (place.peer, place.channel) = (peer, channel);
                if let (Some((stream, _)), Some(peer)) = (old.2, self.peers.get_mut(&old.0)) {
                    peer.unwatch(stream, id);
                }
                self.close(old.0, old.1);
                RelayStats::add(&self.stats.links_moved, 1);
                self.entered(id, to, message);
            }
            // The move is off, or the room is found otherwise.
            ToClient::Refused(_) | ToClient::Closing { .. } | ToClient::Left { .. } => {
                self.close(peer, channel)
            }
            _ => place.next = Some((peer, channel)),
        }
    }

    /// A room of this process moves to another node.
    pub(super) fn moves_from_home(
        &mut self,
        id: WebLinkId,
        target: Option<PeerId>,
        room: RoomName,
        now: Duration,
    ) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if !matches!(link.route, Route::Home) {
            return;
        }
        match target {
            None => link.moving = Some(room),
            Some(target) => {
                let join = JoinRoom::seat(room, None);
                self.go_moved(id, target, Wish { join, number: OF_RELAY, until: now + MOVE_WITHIN });
            }
        }
    }

    /// A room of this process has moved to another node, and the directory says to which.
    pub(super) fn moved_from_home(&mut self, id: WebLinkId, now: Duration) {
        let node = self.node;
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(room) = link.moving.take().filter(|_| matches!(link.route, Route::Home)) else { return };
        let join = JoinRoom::seat(room, None);
        let mut place = Place::new(node, 0, Wish { join, number: OF_RELAY, until: now + MOVE_WITHIN });
        place.is_known = true;
        link.route = Route::At(Box::new(place));
        RelayStats::add(&self.stats.near_links, 1);
        self.leave_home(id);
        self.wait_for_room(id, now + MOVE_WITHIN, now, true);
    }

    /// The other node has let a link go.
    fn gone(&mut self, from: PeerId, channel: Channel, now: Duration) {
        let Some(id) = self.peers.get_mut(&from).and_then(|peer| peer.links.remove(&channel)) else { return };
        let Some(place) = self.links.get_mut(&id).and_then(NearLink::place) else { return };
        if place.next == Some((from, channel)) {
            place.next = None;
            return;
        }
        if (place.peer, place.channel) != (from, channel) || matches!(place.stage, Stage::Lost { .. }) {
            return;
        }
        // It was too slow there, or the server has no place for it: it is tried once more.
        self.wait_for_room(id, now + self.directory.lost_after(), now, false);
    }

    fn show(&mut self, from: PeerId, channel: Channel, view: &Arc<StateView>) {
        let Some(peer) = self.peers.get(&from) else { return };
        let Some(id) = peer.links.get(&channel).copied() else { return };
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.place().is_some_and(|place| (place.peer, place.channel) == (from, channel)) {
            link.sink.show(view);
            self.told.push(id);
        }
    }

    fn watch(&mut self, from: PeerId, channel: Channel, stream: StreamId, newest: u64) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let Some(id) = peer.links.get(&channel).copied() else { return };
        let Some(place) = self.links.get_mut(&id).and_then(NearLink::place) else { return };
        if (place.peer, place.channel) != (from, channel) {
            return;
        }
        if let Some((old, _)) = place.stream.replace((stream, newest))
            && old != stream
        {
            peer.unwatch(old, id);
        }
        peer.streams.entry(stream).or_insert_with(|| Cursor::after(newest)).links.insert(id);
    }

    fn streamed(&mut self, from: PeerId, stream: StreamId, number: u64, message: ToClient, now: Duration) {
        let Some(cursor) = self.cursor(from, stream) else { return };
        let ready = cursor.see(number, message);
        let links: Vec<_> =
            if ready.is_empty() { Vec::new() } else { cursor.links.iter().copied().collect() };
        self.ask(from, stream, now);
        for id in links {
            for (number, message) in &ready {
                self.tell_streamed(id, stream, *number, message);
            }
        }
    }

    fn tell_streamed(&mut self, id: WebLinkId, stream: StreamId, number: u64, message: &ToClient) {
        let Some(place) = self.links.get_mut(&id).and_then(NearLink::place) else { return };
        let is_new = place.stream.is_some_and(|(of, had)| of == stream && number > had);
        if !is_new || !place.marks.note_streamed(message) {
            return;
        }
        let last = place.marks.last_view();
        self.tell(id, message, 0);
        if let (Some(view), Some(link)) = (last, self.links.get(&id)) {
            link.sink.show(&view);
        }
    }

    fn show_all(&mut self, from: PeerId, stream: StreamId, after: u64, shown: Shown, now: Duration) {
        self.miss(from, stream, after, now);
        let Some(cursor) = self.cursor(from, stream) else { return };
        let view = Arc::new(StateView::of(shown.epoch, shown.tick, shown.view));
        let links: Vec<_> = cursor.links.iter().copied().collect();
        for id in links {
            let Some(link) = self.links.get_mut(&id) else { continue };
            let views_hz = link.views_hz;
            if link.place().is_some_and(|place| place.marks.wants(&view, views_hz)) {
                link.sink.show(&view);
                self.told.push(id);
            }
        }
    }

    fn cursor(&mut self, from: PeerId, stream: StreamId) -> Option<&mut Cursor> {
        self.peers.get_mut(&from)?.streams.get_mut(&stream)
    }

    /// There is a message of this number.
    fn miss(&mut self, from: PeerId, stream: StreamId, newest: u64, now: Duration) {
        if let Some(cursor) = self.cursor(from, stream) {
            cursor.head(newest);
            self.ask(from, stream, now);
        }
    }

    /// Asks for what is missing of a stream, if something is.
    pub(super) fn ask(&mut self, from: PeerId, stream: StreamId, now: Duration) {
        let missing = self.cursor(from, stream).and_then(|cursor| cursor.missing(now));
        let Some((first, tries)) = missing else { return };
        RelayStats::add(&self.stats.gaps, 1);
        if let Some(outbox) = self.peers.get(&from).and_then(|peer| peer.outbox.clone()) {
            outbox.push_always(ToFar::Repair(stream, first, tries).frame());
            outbox.ring();
        }
    }

    /// What was missed is not kept any more: who watches is shown the room again.
    fn start_afresh(&mut self, from: PeerId, stream: StreamId, newest: u64) {
        RelayStats::add(&self.stats.afresh, 1);
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let Some(cursor) = peer.streams.get_mut(&stream) else { return };
        cursor.skip_to(newest);
        let Some(outbox) = &peer.outbox else { return };
        for id in &cursor.links {
            let Some(place) = self.links.get_mut(id).and_then(NearLink::place) else { continue };
            let _ = outbox.push(place.channel, ToFar::Sync(place.channel).frame());
        }
        outbox.ring();
    }
}
