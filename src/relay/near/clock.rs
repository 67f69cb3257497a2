//! What the near end does as time goes on, and as connections come and go.

use std::sync::Arc;
use std::time::Duration;

use framekeep_gate::WebLinkId;
use framekeep_protocol::{Refusal, ToClient};

use super::home::News;
use super::place::{NearLink, Place, Route, Stage, Wish};
use super::{Near, Todo};
use crate::limits::{BEAT_EVERY, DIAL_AGAIN_MAX, FIND_AGAIN_EVERY, FIND_MOVED_EVERY, NODES_MAX};
use crate::outbox::Outbox;
use crate::stats::RelayStats;
use crate::wire::ToFar;
use crate::{PeerId, Place as RoomPlace};

impl Near {
    /// A connection to a node is made.
    pub(crate) fn connected(&mut self, to: PeerId, outbox: Arc<Outbox>, now: Duration) {
        let Some(peer) = self.peers.get_mut(&to) else { return outbox.close() };
        peer.connected(outbox.clone(), now);
        RelayStats::add(&self.stats.nodes, 1);
        let links: Vec<_> = peer.links.iter().map(|(channel, id)| (*channel, *id)).collect();
        for (channel, id) in links {
            let Some(link) = self.links.get_mut(&id) else { continue };
            let opening = ToFar::Open(link.opening(channel));
            let Some(place) = link.place() else { continue };
            if (place.peer, place.channel) == (to, channel) {
                place.stage = Stage::Entering;
                self.enter(id);
            } else {
                let _ = outbox.push(channel, opening.frame());
            }
        }
        outbox.ring();
    }

    /// A connection could not be made.
    pub(crate) fn not_connected(&mut self, to: PeerId, now: Duration, chance: u32) {
        RelayStats::add(&self.stats.dials_failed, 1);
        if let Some(peer) = self.peers.get_mut(&to) {
            peer.failed(now, chance);
        }
    }

    /// A connection is lost.
    pub(crate) fn lost(&mut self, to: PeerId, now: Duration, chance: u32) {
        RelayStats::add(&self.stats.lost, 1);
        RelayStats::add(&self.stats.nodes, -1);
        let Some(peer) = self.peers.get_mut(&to) else { return };
        if let Some(outbox) = &peer.outbox {
            outbox.close();
        }
        peer.failed(now, chance);
        let until = peer.heard_at + self.directory.lost_after();
        let links: Vec<_> = peer.links.values().copied().collect();
        for id in links {
            let Some(place) = self.links.get_mut(&id).and_then(NearLink::place) else { continue };
            if place.peer == to && place.stage == Stage::In {
                place.stream = None;
                place.stage = Stage::Lost { until, ask_at: now + FIND_AGAIN_EVERY, has_moved: false };
                place.wish.until = until;
                self.unsettled.insert(id);
            }
        }
    }

    /// Looks at the clocks. Of late is what waits for its time.
    pub(crate) fn look(&mut self, now: Duration) {
        if let Some(home) = &mut self.home {
            home.look();
        }
        self.look_at_peers(now);
        let streams =
            self.peers.iter().flat_map(|(id, peer)| peer.streams.keys().map(|stream| (*id, *stream)));
        for (peer, stream) in streams.collect::<Vec<_>>() {
            self.ask(peer, stream, now);
        }
        let unsettled: Vec<_> = self.unsettled.iter().copied().collect();
        for id in unsettled {
            self.look_at(id, now);
        }
        self.let_go();
    }

    fn look_at_peers(&mut self, now: Duration) {
        let known = self.peers.len();
        self.peers.retain(|_, peer| peer.outbox.is_some() || peer.is_dialing || !peer.links.is_empty());
        for (id, peer) in &mut self.peers {
            if let Some(outbox) = &peer.outbox {
                if peer.beat_at <= now {
                    peer.beat_at = now + BEAT_EVERY;
                    outbox.push_always(ToFar::Beat(now.as_micros() as u64).frame());
                    outbox.ring();
                }
            } else if !peer.is_dialing && peer.dial_at <= now {
                if known > NODES_MAX {
                    peer.dial_at = now + DIAL_AGAIN_MAX;
                    self.stats.crowd();
                    continue;
                }
                peer.is_dialing = true;
                self.todo.push_back(Todo::Dial(*id));
            }
        }
    }

    fn look_at(&mut self, id: WebLinkId, now: Duration) {
        let Some(link) = self.links.get_mut(&id) else { return };
        match &mut link.route {
            Route::Home => drop(self.unsettled.remove(&id)),
            Route::Asked(wish) if wish.until <= now => {
                let number = wish.number;
                link.route = Route::Home;
                self.tell(id, &ToClient::Refused(Refusal::ShuttingDown), number);
            }
            Route::Asked(_) => {}
            Route::At(place) => match place.stage {
                Stage::Entering if place.wish.until <= now => self.give_up(id),
                Stage::Lost { until, .. } if until <= now => self.give_up(id),
                Stage::Lost { until, ask_at, has_moved } if ask_at <= now => {
                    let every = if has_moved { FIND_MOVED_EVERY } else { FIND_AGAIN_EVERY };
                    place.stage = Stage::Lost { until, ask_at: now + every, has_moved };
                    let room = place.wish.join.room.clone();
                    self.todo.push_back(Todo::Find(id, room, false));
                }
                _ => {}
            },
        }
    }

    /// A link's place is not found.
    fn give_up(&mut self, id: WebLinkId) {
        let Some(place) = self.links.get_mut(&id).and_then(NearLink::place) else { return };
        if place.is_known {
            return self.tell_lost(id);
        }
        let number = place.wish.number;
        self.tell(id, &ToClient::Refused(Refusal::ShuttingDown), number);
        self.leave(id);
    }

    /// The directory has answered where a room is now that was lost.
    pub(super) fn found_again(&mut self, id: WebLinkId, found: RoomPlace, now: Duration) {
        let node = self.node;
        let Some(place) = self.links.get_mut(&id).and_then(NearLink::place) else { return };
        let Stage::Lost { until, has_moved, .. } = place.stage else { return };
        let (peer, is_known) = (place.peer, place.is_known);
        match found {
            RoomPlace::Here if peer == node => {}
            RoomPlace::Here => self.come_home(id),
            // It has moved away from here, and the directory does not know it yet.
            RoomPlace::At(at) if at == node && peer == node => {}
            RoomPlace::At(at) if at == node => self.come_home(id),
            RoomPlace::At(at) => {
                let is_up = self.peers.get(&at).is_some_and(|peer| peer.outbox.is_some());
                if at != peer || (is_up && !has_moved) {
                    self.go_after(id, at, until, now);
                }
            }
            // The node is still there and says that the room is not.
            RoomPlace::Nowhere if !is_known => self.give_up(id),
            RoomPlace::Nowhere | RoomPlace::Unknown => {}
        }
        self.let_go();
    }

    /// Goes to where a room is now.
    fn go_after(&mut self, id: WebLinkId, to: PeerId, until: Duration, now: Duration) {
        let Some(place) = self.links.get_mut(&id).and_then(NearLink::place) else { return };
        let new = Place::new(to, 0, place.wish.clone());
        let old = std::mem::replace(place, new);
        self.forget_place(id, &old);
        let channel = self.peers.entry(to).or_default().open(id);
        let Some(place) = self.links.get_mut(&id).and_then(NearLink::place) else { return };
        (place.channel, place.is_known, place.marks) = (channel, old.is_known, old.marks);
        place.wish.until = until.max(now + FIND_AGAIN_EVERY);
        RelayStats::add(&self.stats.links_moved, 1);
        self.enter(id);
    }

    /// A room that was at another node is here now.
    fn come_home(&mut self, id: WebLinkId) {
        let Some(place) = self.links.get_mut(&id).and_then(NearLink::place) else { return };
        let (join, number) = (place.wish.join.clone(), place.wish.number);
        self.leave(id);
        self.join_at_home(id, Wish { join, number, until: Duration::ZERO }, RoomPlace::Here);
    }

    /// Opens a place where a room of this process moves to, while the link stays at home until it is shown it there.
    pub(super) fn go_moved(&mut self, id: WebLinkId, to: PeerId, wish: Wish) {
        let channel = self.peers.entry(to).or_default().open(id);
        let Some(link) = self.links.get_mut(&id) else { return };
        let opening = ToFar::Open(link.opening(channel));
        let mut place = Place::new(to, channel, wish);
        place.is_known = true;
        link.route = Route::At(Box::new(place));
        self.unsettled.insert(id);
        RelayStats::add(&self.stats.near_links, 1);
        if let Some(outbox) = self.peers.get(&to).and_then(|peer| peer.outbox.clone()) {
            let _ = outbox.push(channel, opening.frame());
            outbox.ring();
        }
    }

    /// Does what the server of this process said of its links.
    pub(crate) fn hear_home(&mut self, news: Vec<(WebLinkId, News)>, now: Duration) {
        for (home, news) in news {
            let Some(id) = self.homes.get(&home).copied() else { continue };
            match news {
                News::Moves(to, room) => self.moves_from_home(id, to, room, now),
                News::Moved => self.moved_from_home(id, now),
                News::Gone => self.gone_home(home, id),
            }
        }
        self.let_go();
    }

    /// The server of this process has let a link go.
    fn gone_home(&mut self, home: WebLinkId, id: WebLinkId) {
        self.homes.remove(&home);
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.home == Some(home) {
            link.home = None;
        }
        // Its client finds out as its sink is dropped; one that follows a room that moved is still waited for.
        if !matches!(link.route, Route::At(_)) {
            self.remove(id);
        }
    }
}
