//! What the store keeps of tickets and matches without reading it, as JSON.

use std::sync::Arc;

use framekeep_gate::{SharedMatch, SharedOffer, SharedTicket};
use framekeep_matchmaking::{Backfill, Match, MatchId, Place, Ticket, TicketId};
use framekeep_protocol::{PlayerId, PlayerName};
use serde::{Deserialize, Serialize};

use crate::board::Kept;

/// A ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TicketBody {
    pub(crate) ticket: Ticket,
    pub(crate) names: Vec<String>,
    pub(crate) is_guest: bool,
}

impl TicketBody {
    pub(crate) fn new(ticket: &SharedTicket) -> Self {
        Self {
            ticket: ticket.ticket.clone(),
            names: ticket.names.iter().map(|name| name.as_str().to_owned()).collect(),
            is_guest: ticket.is_guest,
        }
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(crate) fn shared(self) -> SharedTicket {
        let names = self.names.iter().filter_map(|name| PlayerName::try_from(name.as_str()).ok());
        SharedTicket { names: names.collect(), ticket: self.ticket, is_guest: self.is_guest }
    }

    /// As the store keeps it; it waits since then by the store's time, from now on if that is 0.
    pub(crate) fn kept(&self, since_ms: u64) -> Option<Kept> {
        let players: Vec<_> = self.ticket.party.iter().map(|member| member.player.to_string()).collect();
        Some(Kept {
            id: self.ticket.id.to_string(),
            body: serde_json::to_string(self).ok()?,
            players: players.join(","),
            since_ms,
        })
    }
}

/// A place of a match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PlaceBody {
    player: PlayerId,
    ticket: String,
    team: u8,
    role: Option<u8>,
}

/// A match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MatchBody {
    id: u64,
    game: String,
    mode: String,
    content: String,
    region: String,
    tick_rate_hz: u16,
    places: Vec<PlaceBody>,
    /// The running room its players come into.
    #[serde(default)]
    room: Option<String>,
    /// Its tickets, for a store that has forgotten them.
    pub(crate) tickets: Vec<Kept>,
}

impl MatchBody {
    pub(crate) fn new(of: &Match, tickets: Vec<Kept>) -> Self {
        let place = |place: &Place| PlaceBody {
            player: place.player,
            ticket: place.ticket.to_string(),
            team: place.team,
            role: place.role,
        };
        Self {
            id: of.id.0,
            game: (*of.game).to_owned(),
            mode: (*of.mode).to_owned(),
            content: (*of.content).to_owned(),
            region: (*of.region).to_owned(),
            tick_rate_hz: of.tick_rate_hz,
            places: of.places.iter().map(place).collect(),
            room: of.room.as_deref().map(str::to_owned),
            tickets,
        }
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(crate) fn text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    /// As the front door of the node that it is for needs it.
    pub(crate) fn placed(&self, key: String) -> SharedMatch {
        let tickets: Vec<_> = self.tickets.iter().filter_map(|kept| TicketBody::read(&kept.body)).collect();
        let ratings: i64 = tickets.iter().map(|body| i64::from(body.ticket.rating())).sum();
        let mean = ratings / i64::try_from(tickets.len().max(1)).unwrap_or(1);
        SharedMatch {
            key,
            of: self.shared(),
            blocked: tickets.iter().flat_map(|body| body.ticket.blocked.iter().copied()).collect(),
            rating: i32::try_from(mean).unwrap_or_default(),
        }
    }

    pub(crate) fn shared(&self) -> Match {
        let place = |place: &PlaceBody| {
            let ticket: TicketId = place.ticket.parse().ok()?;
            Some(Place { player: place.player, ticket, team: place.team, role: place.role })
        };
        Match {
            id: MatchId(self.id),
            game: Arc::from(&*self.game),
            mode: Arc::from(&*self.mode),
            content: Arc::from(&*self.content),
            region: Arc::from(&*self.region),
            tick_rate_hz: self.tick_rate_hz,
            room: self.room.as_deref().map(Arc::from),
            places: self.places.iter().filter_map(place).collect(),
        }
    }
}

/// A running room and its free seats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OfferBody {
    pub(crate) backfill: Backfill,
    seat_teams: Vec<u8>,
}

impl OfferBody {
    pub(crate) fn new(offer: SharedOffer) -> Self {
        Self { backfill: offer.backfill, seat_teams: offer.seat_teams }
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(crate) fn text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    pub(crate) fn shared(self) -> SharedOffer {
        SharedOffer { backfill: self.backfill, seat_teams: self.seat_teams }
    }

    /// How many seats are free.
    pub(crate) fn seats(&self) -> u32 {
        self.backfill.teams.iter().map(|team| u32::from(team.seats)).sum()
    }
}
