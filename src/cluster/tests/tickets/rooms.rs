//! Running rooms of the nodes: players leave, the free seats are offered, and others come; rooms end and move.

use std::collections::BTreeMap;

use framekeep_gate::SharedOffer;
use framekeep_matchmaking::{Backfill, FreeSeats};

use super::world::World;
use crate::board::{Ask, Placed, Told, parts};
use crate::body::{MatchBody, OfferBody};
use crate::{Epoch, NodeId};

/// The mode whose rooms are filled again, and its seats.
pub(super) const CREW: &str = "crew";
pub(super) const CREW_SEATS: u8 = 3;

/// A room in which a match is played.
#[derive(Clone)]
pub(super) struct Room {
    epoch: u64,
    /// By which ticket each seat is taken.
    seats: Vec<Option<String>>,
    /// The number of the offer that the store has heard of; none if that is another one.
    told: Option<u64>,
}

/// The rooms of a node, and how often it has said something of them.
#[derive(Default)]
pub(super) struct Rooms {
    pub(super) open: BTreeMap<String, Room>,
    said: u64,
}

impl Rooms {
    /// The store is another one.
    pub(super) fn forget_told(&mut self) {
        self.open.values_mut().for_each(|room| room.told = None);
    }
}

impl Room {
    fn free(&self) -> u8 {
        self.seats.iter().filter(|seat| seat.is_none()).count() as u8
    }

    fn body(&self, name: &str) -> OfferBody {
        let backfill = Backfill {
            room: name.to_owned(),
            game: "arena".to_owned(),
            mode: CREW.to_owned(),
            content: String::new(),
            region: String::new(),
            tick_rate_hz: 0,
            teams: vec![FreeSeats { seats: self.free(), by_role: Vec::new() }],
            rating: 1_500,
            players: Vec::new(),
            blocked: Vec::new(),
        };
        OfferBody::new(SharedOffer { backfill, seat_teams: vec![0; self.seats.len()] })
    }
}

/// The name of the room of a match.
pub(super) fn room_of(placed: &Placed) -> String {
    if placed.into.is_empty() { format!("room-{}", placed.of) } else { placed.into.clone() }
}

impl World {
    /// Keeps seats for the players of a match; whether there is a room with one for each of them, as in a server.
    pub(super) fn seat(&mut self, id: NodeId, placed: &Placed) -> bool {
        let now_ms = self.now_ms;
        let tickets: Vec<String> = parts(&placed.tickets).map(str::to_owned).collect();
        let rooms = &mut self.node(id).rooms.open;
        let name = room_of(placed);
        if placed.into.is_empty() {
            let is_crew = MatchBody::read(&placed.body).unwrap().shared().mode.as_ref() == CREW;
            if is_crew {
                let seats = tickets.into_iter().map(Some).collect();
                rooms.entry(name).or_insert(Room { epoch: now_ms, seats, told: None });
            }
            return true;
        }
        let Some(room) = rooms.get_mut(&name) else { return false };
        let mut lacking = tickets;
        lacking.retain(|ticket| !room.seats.contains(&Some(ticket.clone())));
        let free = room.seats.iter().filter(|seat| seat.is_none());
        let is_room = free.count() >= lacking.len();
        if is_room {
            room.told = None;
            let free = room.seats.iter_mut().filter(|seat| seat.is_none());
            free.zip(lacking).for_each(|(seat, ticket)| *seat = Some(ticket));
        }
        self.filled += usize::from(is_room);
        self.refused += usize::from(!is_room);
        is_room
    }

    /// A match is not this node's: its players leave the seats that were kept for them.
    pub(super) fn unseat(&mut self, id: NodeId, placed: &Placed) {
        let rooms = &mut self.node(id).rooms.open;
        let name = room_of(placed);
        if placed.into.is_empty() {
            rooms.remove(&name);
        } else if let Some(room) = rooms.get_mut(&name) {
            room.told = None;
            for ticket in parts(&placed.tickets) {
                let taken = room.seats.iter_mut().filter(|seat| seat.as_deref() == Some(ticket));
                taken.for_each(|seat| *seat = None);
            }
        }
    }

    /// Players leave, rooms end and go to other nodes.
    pub(super) fn live_in_rooms(&mut self, id: NodeId) {
        let names: Vec<_> = self.node(id).rooms.open.keys().cloned().collect();
        let opening: Vec<_> = self.unopened(id).iter().map(room_of).collect();
        for name in names.into_iter().filter(|name| !opening.contains(name)) {
            if self.chance(30) {
                self.node(id).rooms.open.remove(&name);
            } else if self.chance(150) {
                let nth = self.rng.below(u32::from(CREW_SEATS)) as usize;
                let Some(room) = self.node(id).rooms.open.get_mut(&name) else { continue };
                room.seats[nth] = None;
                room.told = None;
            } else if self.chance(30)
                && let Some(to) = self.some_node()
                && to != id
                && let Some(mut room) = self.node(id).rooms.open.remove(&name)
            {
                (room.epoch, room.told) = (room.epoch.max(self.now_ms) + 1, None);
                self.node(to).rooms.open.insert(name, room);
            }
        }
        self.offer(id);
    }

    fn offer(&mut self, id: NodeId) {
        let rooms = &self.node(id).rooms.open;
        let untold: Vec<_> = rooms.iter().filter(|(_, room)| room.told.is_none()).collect();
        let untold: Vec<_> = untold.into_iter().map(|(name, room)| (name.clone(), room.clone())).collect();
        // Who is about to get a seat is not in the room yet.
        let filling: Vec<_> = self.unopened(id).iter().map(room_of).collect();
        for (name, room) in untold.into_iter().filter(|(name, _)| !filling.contains(name)) {
            self.node(id).rooms.said += 1;
            let ask = Ask::Offer {
                room: name.clone(),
                node: id.to_string(),
                epoch: Epoch(room.epoch),
                nth: self.node(id).rooms.said,
                serial: 0,
                seats: room.free().into(),
                body: room.body(&name).text().unwrap(),
            };
            if let Some(Told::Offering { serial }) = self.call(id, &ask)
                && let Some(room) = self.node(id).rooms.open.get_mut(&name)
            {
                room.told = Some(serial);
            }
        }
    }
}
