//! `Near`, the end at the node that has the clients: where each link is, and what goes there. A state machine: it is
//! told what happens and when, and says what is to be done.

mod clock;
mod hear;
mod home;
pub(crate) mod peer;
mod place;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use framekeep_gate::{Answer, GateFull, MoveState, NewLink, Order, Question, WebLinkId};
use framekeep_protocol::{CloseReason, LeftReason, Refusal, RoomName, ToClient, ToServer};

use crate::limits::{JOIN_WITHIN, KNOWN_WITHIN, OPENED_MAX};
use crate::outbox::Outbox;
use crate::stats::RelayStats;
use crate::wire::ToFar;
use crate::{Admission, Directory, PeerId, Place as RoomPlace};
pub(crate) use home::{Home, HomeNews};
use peer::Peer;
use place::{NearLink, Place, Route, Stage, Who, Wish};

/// The number of what the relay itself says for a link.
const OF_RELAY: u64 = u64::MAX;

/// The end at the node that has the clients.
pub(crate) struct Near {
    node: PeerId,
    home: Option<Home>,
    admission: Option<Arc<dyn Admission>>,
    directory: Arc<dyn Directory>,
    stats: Arc<RelayStats>,
    links: BTreeMap<WebLinkId, NearLink>,
    homes: BTreeMap<WebLinkId, WebLinkId>,
    peers: BTreeMap<PeerId, Peer>,
    /// Rooms that were opened at other nodes and which the directory may not know yet.
    opened: BTreeMap<RoomName, (PeerId, Duration)>,
    /// Links that wait for something.
    unsettled: BTreeSet<WebLinkId>,
    /// Links that were told something since they were let go last.
    told: Vec<WebLinkId>,
    todo: VecDeque<Todo>,
    /// Nobody is let in any more.
    is_stopping: bool,
}

/// What is to be done for the near end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Todo {
    /// Ask the directory where a room is, for a link, and whether it is opened here if it is nowhere.
    Find(WebLinkId, RoomName, bool),
    /// Connect to a node.
    Dial(PeerId),
}

impl Near {
    /// The near end of a node with a server of its own, or with what checks tickets instead.
    pub(crate) fn new(
        node: PeerId,
        home: Option<Home>,
        admission: Option<Arc<dyn Admission>>,
        directory: Arc<dyn Directory>,
        stats: Arc<RelayStats>,
    ) -> Self {
        Self {
            node,
            home,
            admission,
            directory,
            stats,
            links: BTreeMap::new(),
            homes: BTreeMap::new(),
            peers: BTreeMap::new(),
            opened: BTreeMap::new(),
            unsettled: BTreeSet::new(),
            told: Vec::new(),
            todo: VecDeque::new(),
            is_stopping: false,
        }
    }

    /// What is to be done next.
    pub(crate) fn todo(&mut self) -> Option<Todo> {
        self.todo.pop_front()
    }

    /// Whether something is to be done.
    pub(crate) fn has_todo(&self) -> bool {
        !self.todo.is_empty()
    }

    /// How many links there are.
    pub(crate) fn links(&self) -> usize {
        self.links.len()
    }

    #[cfg(test)]
    pub(crate) fn set_views_hz(&mut self, id: WebLinkId, views_hz: u8) {
        if let Some(link) = self.links.get_mut(&id) {
            link.views_hz = views_hz;
        }
    }

    /// Takes an order of the front door, or gives it back.
    pub(crate) fn order(&mut self, order: Order, now: Duration) -> Result<(), GateFull> {
        match order {
            Order::Open(new) => self.open(new),
            Order::Say(link, number, said) => self.say(link, number, said, now),
            Order::Close(link) => {
                self.remove(link);
                Ok(())
            }
            Order::Away(link, is_away) => {
                if let Some(link) = self.links.get_mut(&link) {
                    link.is_away = is_away;
                }
                self.pass(link, Order::Away(link, is_away))
            }
            Order::Sync(link) => {
                if let Some(place) = self.links.get_mut(&link).and_then(NearLink::place) {
                    place.marks.clear();
                    place.is_known = false;
                }
                self.pass(link, Order::Sync(link))
            }
            Order::Input(link, input) => self.pass(link, Order::Input(link, input)),
            Order::Ask(question, reply) => match &self.home {
                Some(home) => home.send(Order::Ask(question, reply)),
                None => {
                    reply(without_rooms(&question));
                    Ok(())
                }
            },
            // Only the relay itself asks that.
            Order::MayOpen(.., reply) => {
                reply(false);
                Ok(())
            }
            Order::Move(room, node, reply) => match &self.home {
                Some(home) => home.send(Order::Move(room, node, reply)),
                None => {
                    reply(MoveState::Missing);
                    Ok(())
                }
            },
            order @ (Order::MoveAll(_) | Order::Rest | Order::Peer(..) | Order::Sought { .. }) => {
                self.home.as_ref().map_or(Ok(()), |home| home.send(order))
            }
            Order::Drain { grace } => {
                self.home.as_ref().map_or(Ok(()), |home| home.send(Order::Drain { grace }))
            }
        }
    }

    fn open(&mut self, new: NewLink) -> Result<(), GateFull> {
        let (id, sink, from, views_hz) = (new.link, new.sink.clone(), new.from.ip(), new.views_hz);
        let who = match (&self.home, &self.admission) {
            (Some(home), _) => {
                // What is no ticket the server refuses, and the link never says anything.
                let ticket = framekeep_protocol::Ticket::decode(&new.ticket).ok().map(|(ticket, ..)| ticket);
                home.open(new)?;
                ticket
            }
            // Whoever comes back at once is sent to another one, with the ticket as it was.
            (None, Some(_)) if self.is_stopping => {
                let _ = sink.tell(&ToClient::Refused(Refusal::ShuttingDown), 0);
                None
            }
            (None, Some(admission)) => match admission.redeem(&new.ticket) {
                Ok(ticket) => {
                    let _ = sink.tell(&ToClient::Admitted { player: ticket.player }, 0);
                    Some(ticket)
                }
                Err(refusal) => {
                    let _ = sink.tell(&ToClient::Refused(refusal), 0);
                    None
                }
            },
            (None, None) => None,
        };
        sink.let_go();
        let Some(ticket) = who else { return Ok(()) };
        let home = self.home.is_some().then_some(id);
        if home.is_some() {
            self.homes.insert(id, id);
        }
        let who = Who::from(ticket);
        let link =
            NearLink { sink, who, from, views_hz, is_away: false, home, moving: None, route: Route::Home };
        self.links.insert(id, link);
        Ok(())
    }

    /// Passes on what a link says, or finds out where the room is that it wants to join.
    fn say(&mut self, id: WebLinkId, number: u64, said: ToServer, now: Duration) -> Result<(), GateFull> {
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        match (&link.route, said) {
            (Route::Home, ToServer::Join(join)) => {
                let (room, opens) = (join.room.clone(), join.create.is_some() && self.home.is_some());
                link.route = Route::Asked(Wish { join, number, until: now + JOIN_WITHIN });
                self.unsettled.insert(id);
                self.todo.push_back(Todo::Find(id, room, opens));
                Ok(())
            }
            (Route::Home, said) if link.home.is_none() => {
                if said != ToServer::Bye {
                    self.tell(id, &ToClient::Refused(Refusal::NotInRoom), number);
                    self.let_go();
                }
                Ok(())
            }
            (_, said) => self.pass(id, Order::Say(id, number, said)),
        }
    }

    /// Asks the server of this process whether a link may open the room there that it wants to join.
    pub(crate) fn ask_whether_opens(&self, id: WebLinkId, reply: Box<dyn FnOnce(bool) + Send>) {
        let Some(link) = self.links.get(&id) else { return };
        if let (Route::Asked(wish), Some(at_home), Some(home)) = (&link.route, link.home, &self.home) {
            // A server that is behind is as one that refuses: it opens the room all the same if it can.
            let _ = home.send(Order::MayOpen(at_home, wish.join.clone(), reply));
        }
    }

    /// Passes an order on to where its link is.
    fn pass(&mut self, id: WebLinkId, order: Order) -> Result<(), GateFull> {
        let Some(link) = self.links.get(&id) else { return Ok(()) };
        match (&link.route, link.home, &self.home) {
            (Route::Home, Some(at_home), Some(home)) => {
                home.send(renamed(order, at_home)).map_err(|full| back(full, id))
            }
            (Route::Home, ..) => Ok(()),
            // What comes after a wish waits until it is known who hears it; what is lost meanwhile is told anew.
            (Route::Asked(_), ..) => hold(order),
            (Route::At(place), Some(at_home), Some(home)) if place.is_known => {
                home.send(renamed(order, at_home)).map_err(|full| back(full, id))
            }
            (Route::At(place), ..) => {
                let outbox = self.peers.get(&place.peer).and_then(|peer| peer.outbox.clone());
                let is_there = !matches!(place.stage, Stage::Lost { .. });
                let Some(outbox) = outbox.filter(|_| is_there) else { return hold(order) };
                push_order(&outbox, place.channel, order)
            }
        }
    }

    /// The directory has answered where the room is that a link wants to join.
    pub(crate) fn found(&mut self, id: WebLinkId, found: RoomPlace, now: Duration) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Route::Asked(wish) = &link.route else { return self.found_again(id, found, now) };
        let wish = wish.clone();
        let at = match found {
            RoomPlace::At(peer) if peer != self.node => Some(peer),
            RoomPlace::Nowhere if self.home.is_none() => self.place(&wish, now),
            _ => None,
        };
        let Some(link) = self.links.get_mut(&id) else { return };
        link.route = Route::Home;
        self.unsettled.remove(&id);
        match at {
            Some(peer) => self.go(id, peer, wish, now),
            None => self.join_at_home(id, wish, found),
        }
        self.let_go();
    }

    /// Where a room is that the directory does not know: where one of its name was just asked for, or else where it is
    /// opened now.
    fn place(&mut self, wish: &Wish, now: Duration) -> Option<PeerId> {
        self.opened.retain(|_, (_, until)| *until > now);
        if let Some((peer, _)) = self.opened.get(&wish.join.room) {
            return Some(*peer);
        }
        wish.join.create.as_ref()?;
        let peer = self.directory.least_loaded()?;
        if self.opened.len() < OPENED_MAX {
            self.opened.insert(wish.join.room.clone(), (peer, now + KNOWN_WITHIN));
        }
        Some(peer)
    }

    fn join_at_home(&mut self, id: WebLinkId, wish: Wish, found: RoomPlace) {
        let at_home = self.links.get(&id).and_then(|link| link.home);
        if let (Some(home), Some(at_home)) = (&mut self.home, at_home) {
            return home.send_surely(Order::Say(at_home, wish.number, ToServer::Join(wish.join)));
        }
        let refusal = match found {
            RoomPlace::Nowhere if wish.join.create.is_none() => Refusal::NoSuchRoom { room: wish.join.room },
            _ => Refusal::ShuttingDown,
        };
        self.tell(id, &ToClient::Refused(refusal), wish.number);
    }

    /// Goes to another node with a wish.
    fn go(&mut self, id: WebLinkId, peer: PeerId, wish: Wish, now: Duration) {
        let channel = self.peers.entry(peer).or_default().open(id);
        let Some(link) = self.links.get_mut(&id) else { return };
        let wish = Wish { until: now + JOIN_WITHIN, ..wish };
        link.route = Route::At(Box::new(Place::new(peer, channel, wish)));
        self.unsettled.insert(id);
        RelayStats::add(&self.stats.near_links, 1);
        self.enter(id);
    }

    /// Opens a link's place at another node, if there is a connection.
    fn enter(&mut self, id: WebLinkId) {
        let Some(link) = self.links.get(&id) else { return };
        let Route::At(place) = &link.route else { return };
        let outbox = self.peers.get(&place.peer).and_then(|peer| peer.outbox.clone());
        let Some(outbox) = outbox else { return };
        let mut frames = vec![ToFar::Open(link.opening(place.channel))];
        // Who follows a room that moves is shown it there without asking.
        if !(place.is_known && link.home.is_some()) {
            let join = ToServer::Join(place.wish.join.clone());
            frames.push(ToFar::Say(place.channel, place.wish.number, join));
        }
        if link.is_away {
            frames.push(ToFar::Away(place.channel, true));
        }
        for frame in frames {
            // An outbox that takes nothing is of a connection that is about to be lost.
            let _ = outbox.push(place.channel, frame.frame());
        }
        outbox.ring();
    }

    /// A link leaves its place at another node, and is at home again.
    fn leave(&mut self, id: WebLinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let before = std::mem::replace(&mut link.route, Route::Home);
        self.unsettled.remove(&id);
        if let Route::At(place) = before {
            self.forget_place(id, &place);
            RelayStats::add(&self.stats.near_links, -1);
        }
        self.go_home(id);
    }

    /// Opens a link at home again, if there is a server and it has none there.
    fn go_home(&mut self, id: WebLinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if let (Some(home), None) = (&mut self.home, link.home) {
            link.home = home.open_again(link);
            if let Some(at_home) = link.home {
                self.homes.insert(at_home, id);
            }
        }
    }

    /// Closes a link's link at home: it is at another node.
    fn leave_home(&mut self, id: WebLinkId) {
        let Some(at_home) = self.links.get_mut(&id).and_then(|link| link.home.take()) else { return };
        self.homes.remove(&at_home);
        if let Some(home) = &mut self.home {
            home.send_surely(Order::Close(at_home));
        }
    }

    fn forget_place(&mut self, id: WebLinkId, place: &Place) {
        if let Some((stream, _)) = place.stream
            && let Some(peer) = self.peers.get_mut(&place.peer)
        {
            peer.unwatch(stream, id);
        }
        self.close(place.peer, place.channel);
        if let Some((peer, channel)) = place.next {
            self.close(peer, channel);
        }
    }

    fn close(&mut self, peer: PeerId, channel: crate::wire::Channel) {
        let Some(peer) = self.peers.get_mut(&peer) else { return };
        if peer.links.remove(&channel).is_some()
            && let Some(outbox) = &peer.outbox
        {
            outbox.push_always(ToFar::Close(channel).frame());
            outbox.ring();
        }
    }

    /// A link is gone.
    fn remove(&mut self, id: WebLinkId) {
        let Some(mut link) = self.links.remove(&id) else { return };
        self.unsettled.remove(&id);
        if let Some(place) = link.place() {
            let place = std::mem::replace(place, Place::new(place.peer, place.channel, place.wish.clone()));
            self.forget_place(id, &place);
            RelayStats::add(&self.stats.near_links, -1);
        }
        if let (Some(at_home), Some(home)) = (link.home, &mut self.home) {
            self.homes.remove(&at_home);
            home.send_surely(Order::Close(at_home));
        }
    }

    /// Tells a link's client; one that takes nothing is given up.
    fn tell(&mut self, id: WebLinkId, message: &ToClient, to: u64) {
        let Some(link) = self.links.get(&id) else { return };
        if link.sink.tell(message, to) {
            self.told.push(id);
        } else {
            RelayStats::add(&self.stats.links_slow, 1);
            self.remove(id);
        }
    }

    /// A link's room is lost; or did not move, and the link is in it still.
    fn tell_lost(&mut self, id: WebLinkId) {
        if self.links.get(&id).is_some_and(|link| link.home.is_some()) {
            return self.leave(id);
        }
        RelayStats::add(&self.stats.links_lost, 1);
        self.tell(id, &ToClient::Left { reason: LeftReason::Lost }, 0);
        self.leave(id);
    }

    /// Tells all clients of a node without rooms that it stops: their matches go on without it.
    pub(crate) fn say_goodbye(&mut self) {
        self.is_stopping = self.home.is_none();
        let links: Vec<_> = self.links.keys().copied().filter(|_| self.is_stopping).collect();
        for id in links {
            self.tell(id, &ToClient::Closing { reason: CloseReason::Restarting }, 0);
        }
        self.let_go();
    }

    /// Lets go what links were told: whoever passes it on is woken once, and finds all of it.
    fn let_go(&mut self) {
        self.told.sort_unstable();
        self.told.dedup();
        for id in self.told.drain(..) {
            if let Some(link) = self.links.get(&id) {
                link.sink.let_go();
            }
        }
    }
}

/// The same order for another number.
fn renamed(order: Order, link: WebLinkId) -> Order {
    match order {
        Order::Say(_, number, said) => Order::Say(link, number, said),
        Order::Input(_, input) => Order::Input(link, input),
        Order::Sync(_) => Order::Sync(link),
        Order::Away(_, is_away) => Order::Away(link, is_away),
        Order::Close(_) => Order::Close(link),
        other => other,
    }
}

/// What was not taken, as it was given.
fn back(full: GateFull, link: WebLinkId) -> GateFull {
    match full {
        GateFull::Busy(order) => GateFull::Busy(Box::new(renamed(*order, link))),
        GateFull::Gone => GateFull::Gone,
    }
}

/// What cannot be passed on now: what is said is given back, the rest is of no use later.
fn hold(order: Order) -> Result<(), GateFull> {
    match order {
        Order::Say(..) => Err(GateFull::Busy(Box::new(order))),
        _ => Ok(()),
    }
}

fn push_order(outbox: &Outbox, channel: u32, order: Order) -> Result<(), GateFull> {
    let frame = match &order {
        Order::Say(_, number, said) => ToFar::Say(channel, *number, said.clone()),
        Order::Input(_, input) => ToFar::Input(channel, input.tick, input.bits),
        Order::Sync(_) => ToFar::Sync(channel),
        Order::Away(_, is_away) => ToFar::Away(channel, *is_away),
        _ => return Ok(()),
    };
    if !outbox.push(channel, frame.frame()) {
        return hold(order);
    }
    outbox.ring();
    Ok(())
}

/// What a node without rooms answers to operators and back ends.
fn without_rooms(question: &Question) -> Answer {
    match question {
        Question::OpenRoom(..) | Question::Reserve(..) => Answer::Refused(Refusal::ShuttingDown),
        _ => Answer::Missing,
    }
}
