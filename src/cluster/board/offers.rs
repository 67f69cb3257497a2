//! Free seats of running rooms, which nodes offer and the coordinator claims for tickets.

use std::collections::BTreeMap;

use super::{Board, Offer, Seats, Step, Told, parts};

/// How long an offer is remembered that its node does not repeat, in milliseconds: as long may a room be on its way to
/// another node.
const OFFER_KEPT_MS: u64 = 180_000;

/// Most rooms that offer seats.
const OFFERS_MAX: usize = 100_000;

/// What was offered last, by room.
#[derive(Clone, Debug, Default)]
pub(super) struct Offers {
    rooms: BTreeMap<String, Offer>,
    changes: u64,
}

impl Offers {
    /// Takes seats of an offer for a match; whether they are there.
    pub(super) fn claim(&mut self, seats: &Seats, of: &str, node: &str) -> bool {
        let known = self.rooms.get_mut(&seats.room);
        let is_it = |offer: &&mut Offer| {
            offer.serial == seats.serial && offer.node == node && offer.seats >= seats.count
        };
        let Some(offer) = known.filter(is_it) else { return false };
        offer.seats -= seats.count;
        let comma = if offer.pending.is_empty() { "" } else { "," };
        offer.pending += &format!("{comma}{of}");
        true
    }

    /// A match is not played: what its node has offered is not as the node thought.
    pub(super) fn undo(&mut self, room: &str, of: &str) {
        let Some(offer) = self.rooms.get_mut(room) else { return };
        let pending: Vec<_> = parts(&offer.pending).filter(|other| *other != of).collect();
        let pending = pending.join(",");
        if pending != offer.pending {
            self.changes += 1;
            (offer.pending, offer.seats, offer.serial) = (pending, 0, self.changes);
        }
    }

    pub(super) fn since(&self, after: u64, limit: u32) -> Told {
        let mut offers: Vec<_> = self.rooms.values().filter(|offer| offer.serial > after).cloned().collect();
        offers.sort_by_key(|offer| offer.serial);
        offers.truncate(limit as usize);
        let last = offers.last().map_or(after, |offer| offer.serial);
        Told::Offers { offers, last }
    }

    pub(super) fn of(&self, room: &str) -> Told {
        Told::Offers { offers: self.rooms.get(room).cloned().into_iter().collect(), last: 0 }
    }

    pub(super) fn forget(&mut self, now_ms: u64) {
        self.rooms.retain(|_, offer| offer.at_ms + OFFER_KEPT_MS > now_ms);
    }
}

impl Board {
    pub(super) fn offer(&mut self, mut offer: Offer) -> Told {
        let is_open = |of: &str| self.matches.get(of).is_some_and(|placed| placed.step == Step::Placed);
        let count = self.offers.rooms.len();
        match self.offers.rooms.get_mut(&offer.room) {
            Some(known) if known.epoch > offer.epoch => return Told::Gone,
            Some(known) if known.epoch == offer.epoch && known.node != offer.node => return Told::Gone,
            Some(known) if known.epoch == offer.epoch && known.nth >= offer.nth => {
                return Told::Offering { serial: known.serial };
            }
            Some(known) if known.epoch == offer.epoch && known.serial == offer.serial => {
                (known.at_ms, known.nth) = (offer.at_ms, offer.nth);
                return Told::Offering { serial: known.serial };
            }
            Some(known) if known.node == offer.node && parts(&known.pending).any(is_open) => {
                return Told::Unsettled;
            }
            None if count >= OFFERS_MAX => return Told::Full,
            _ => {}
        }
        self.offers.changes += 1;
        offer.serial = self.offers.changes;
        self.offers.rooms.insert(offer.room.clone(), offer);
        Told::Offering { serial: self.offers.changes }
    }
}
