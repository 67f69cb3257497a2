//! `NearLink`, a client's link and where it is.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use framekeep_gate::{LinkSink, StateView, WebLinkId};
use framekeep_protocol::{Epoch, JoinRoom, PlayerId, PlayerName, Role, RoomName, Ticket, ToClient};
use framekeep_sim::Tick;

use crate::PeerId;
use crate::wire::{Channel, OpenLink, StreamId};

/// Who a client is, by its ticket.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) player: PlayerId,
    pub(crate) name: PlayerName,
    pub(crate) only_room: Option<RoomName>,
    pub(crate) role: Role,
}

impl From<Ticket> for Who {
    fn from(ticket: Ticket) -> Self {
        Self { player: ticket.player, name: ticket.name, only_room: ticket.room, role: ticket.role }
    }
}

/// A client's link.
pub(crate) struct NearLink {
    pub(crate) sink: Arc<dyn LinkSink>,
    pub(crate) who: Who,
    pub(crate) from: IpAddr,
    pub(crate) views_hz: u8,
    pub(crate) is_away: bool,
    /// Its number at the server of this process, while it has a link there.
    pub(crate) home: Option<WebLinkId>,
    /// Its room there moves to a node that is not known yet.
    pub(crate) moving: Option<RoomName>,
    pub(crate) route: Route,
}

/// Where a link is.
#[derive(Debug)]
pub(crate) enum Route {
    /// At home, if it has one.
    Home,
    /// It wants into a room, and the directory is asked where that is.
    Asked(Wish),
    /// At another node.
    At(Box<Place>),
}

/// What a link wants.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) join: JoinRoom,
    /// The number of what it said.
    pub(crate) number: u64,
    /// When it is given up.
    pub(crate) until: Duration,
}

/// A link's place at another node.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) peer: PeerId,
    pub(crate) channel: Channel,
    pub(crate) wish: Wish,
    pub(crate) stage: Stage,
    /// Whether it has been in the room: what it knows of it is not told again.
    pub(crate) is_known: bool,
    /// A link at the node that the room moves to.
    pub(crate) next: Option<(PeerId, Channel)>,
    /// The stream of its room, and the number of the last message that it had otherwise.
    pub(crate) stream: Option<(StreamId, u64)>,
    pub(crate) marks: Marks,
}

/// How far a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The other node is asked to let it in.
    Entering,
    /// It is in the room.
    In,
    /// The node, or the room there, is gone; it may be found again until a time.
    Lost {
        /// When it is given up.
        until: Duration,
        /// When the directory is asked again.
        ask_at: Duration,
        /// The room is at another node, and not where it was.
        has_moved: bool,
    },
}

impl Place {
    pub(crate) fn new(peer: PeerId, channel: Channel, wish: Wish) -> Self {
        Self {
            peer,
            channel,
            wish,
            stage: Stage::Entering,
            is_known: false,
            next: None,
            stream: None,
            marks: Marks::default(),
        }
    }
}

/// What a client knows of its room.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// The last event it knows of, the last when it came into the room, and the last that came in the stream.
    event: u64,
    entered: u64,
    streamed: u64,
    started: Option<Epoch>,
    ended: Option<Epoch>,
    rate_hz: u16,
    shown: Option<Tick>,
    /// The newest view that came too soon after another.
    held: Option<Arc<StateView>>,
}

impl Marks {
    /// Notes a message for the link itself; `false` for what it has been told before.
    pub(crate) fn note(&mut self, message: &ToClient) -> bool {
        match message {
            ToClient::Joined(view) => {
                self.event = self.event.max(view.event);
                (self.entered, self.streamed) = (view.event, 0);
            }
            ToClient::Room(view) => self.event = self.event.max(view.event),
            ToClient::Event(event) => {
                // One that was told anew as it came in has the number of one before.
                let is_new = event.number <= self.entered || event.number > self.streamed;
                self.event = self.event.max(event.number);
                return is_new;
            }
            ToClient::Started(start) => {
                let is_new = self.started != Some(start.epoch);
                if is_new {
                    (self.ended, self.shown, self.held) = (None, None, None);
                }
                (self.started, self.rate_hz) = (Some(start.epoch), start.tick_rate_hz);
                return is_new;
            }
            ToClient::Ended(end) => return self.ended.replace(end.epoch) != Some(end.epoch),
            _ => {}
        }
        true
    }

    /// Notes a message of the room's stream; `false` for what the link has had.
    pub(crate) fn note_streamed(&mut self, message: &ToClient) -> bool {
        match message {
            ToClient::Event(event) if event.number <= self.event => false,
            ToClient::Room(view) if view.event < self.event => false,
            _ => {
                let is_new = self.note(message);
                if let ToClient::Event(event) = message {
                    self.streamed = event.number;
                }
                is_new
            }
        }
    }

    /// Whether a view of the stream is for a client that asked for so many a second: others may have asked for more.
    pub(crate) fn wants(&mut self, view: &Arc<StateView>, views_hz: u8) -> bool {
        if views_hz == 0 || self.started != Some(view.epoch) {
            return false;
        }
        let since = self.shown.and_then(|shown| view.tick.0.checked_sub(shown.0));
        let is_soon = |ticks: u32| u64::from(ticks) * u64::from(views_hz) * 2 < u64::from(self.rate_hz);
        if self.ended.is_none() && since.is_some_and(is_soon) {
            self.held = Some(view.clone());
            return false;
        }
        (self.shown, self.held) = (Some(view.tick), None);
        true
    }

    /// The last view of a match that is over, if it was held back.
    pub(crate) fn last_view(&mut self) -> Option<Arc<StateView>> {
        self.ended.and_then(|_| self.held.take())
    }

    /// The client wants to be told everything again.
    pub(crate) fn clear(&mut self) {
        *self = Self { event: self.event, ..Self::default() };
    }
}

impl NearLink {
    /// What opens it at another node.
    pub(crate) fn opening(&self, link: Channel) -> OpenLink {
        let from = match self.from {
            IpAddr::V4(from) => from.to_ipv6_mapped(),
            IpAddr::V6(from) => from,
        };
        OpenLink {
            link,
            player: self.who.player,
            name: self.who.name.clone(),
            only_room: self.who.only_room.clone(),
            role: self.who.role,
            from: from.octets(),
            views_hz: self.views_hz,
        }
    }

    pub(crate) fn place(&mut self) -> Option<&mut Place> {
        match &mut self.route {
            Route::At(place) => Some(place),
            _ => None,
        }
    }
}
