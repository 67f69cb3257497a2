//! Free seats of this node's running rooms, which are said to the store for the coordinator.

use std::sync::Arc;
use std::time::{Duration, Instant};

use framekeep_gate::SharedOffer;
use framekeep_protocol::RoomName;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::debug;

use super::ClusterQueue;
use crate::board::{Ask, Told};
use crate::body::OfferBody;
use crate::room_name;

/// How often what is new is said.
const SAY_EVERY: Duration = Duration::from_millis(200);

/// How often it is said that a room is still there.
const REPEAT_AFTER: Duration = Duration::from_secs(45);

/// Requests that are under way at once.
const AT_ONCE: usize = 64;

/// A room of this node.
pub(super) struct Offered {
    body: OfferBody,
    /// The number of the offer, and when the store heard of it; none if it has not heard of this one.
    told: Option<(u64, Instant)>,
    /// Whether the room is gone.
    is_gone: bool,
}

impl ClusterQueue {
    pub(super) fn note_offer(&self, offer: SharedOffer) {
        let Ok(room) = RoomName::try_from(offer.backfill.room.as_str()) else { return };
        let offered = Offered { body: OfferBody::new(offer), told: None, is_gone: false };
        self.state().offers.insert(room, offered);
    }

    pub(super) fn note_withdrawn(&self, room: &RoomName) {
        if let Some(offered) = self.state().offers.get_mut(room) {
            offered.body.backfill.teams.iter_mut().for_each(|team| team.seats = 0);
            (offered.told, offered.is_gone) = (None, true);
        }
    }

    /// A match has come into its room, or has not: until it is said anew which seats are free, none are.
    pub(super) fn close_offer(&self, key: &str) {
        let mut state = self.state();
        let Some(into) = state.memory.mine(key).map(|placed| placed.into.clone()) else { return };
        let room = RoomName::try_from(into.as_str()).ok();
        if let Some(offered) = room.and_then(|room| state.offers.get_mut(&room)) {
            offered.body.backfill.teams.iter_mut().for_each(|team| team.seats = 0);
            offered.told = None;
        }
    }

    /// A store that has begun anew is told all of it.
    pub(super) fn offer_again(&self) {
        self.state().offers.values_mut().for_each(|offered| offered.told = None);
    }

    /// Says what is new until the store has heard it.
    pub(super) async fn say_offers(self: &Arc<Self>) {
        let mut turns = tokio::time::interval(SAY_EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            let due: Vec<_> = {
                let state = self.state();
                let is_due =
                    |offered: &Offered| offered.told.is_none_or(|(_, since)| since.elapsed() >= REPEAT_AFTER);
                let due = state.offers.iter().filter(|(_, offered)| is_due(offered));
                due.take(AT_ONCE).map(|(room, _)| room.clone()).collect()
            };
            let mut under_way = JoinSet::new();
            for room in due {
                let queue = self.clone();
                under_way.spawn(async move { queue.say_offer(room).await });
            }
            while under_way.join_next().await.is_some() {}
        }
    }

    async fn say_offer(&self, room: RoomName) {
        let Some(epoch) = self.handle.epoch(&room_name(room.as_str())) else {
            let mut state = self.state();
            if state.offers.get(&room).is_some_and(|offered| offered.is_gone) {
                state.offers.remove(&room);
            }
            return;
        };
        let (body, serial, nth) = {
            let mut state = self.state();
            state.said += 1;
            let nth = state.said;
            let Some(offered) = state.offers.get(&room) else { return };
            (offered.body.clone(), offered.told.map_or(0, |(serial, _)| serial), nth)
        };
        let Some(text) = body.text() else { return };
        let ask = Ask::Offer {
            room: room.as_str().to_owned(),
            node: self.handle.node().to_string(),
            epoch,
            nth,
            serial,
            seats: body.seats(),
            body: text,
        };
        let told = self.ask(&ask).await;
        let mut state = self.state();
        // Something else may be to be said meanwhile.
        let Some(offered) = state.offers.get_mut(&room).filter(|offered| offered.body == body) else {
            return;
        };
        match told {
            Ok(Told::Offering { .. }) if offered.is_gone => drop(state.offers.remove(&room)),
            Ok(Told::Offering { serial }) => offered.told = Some((serial, Instant::now())),
            Ok(Told::Gone) => {
                debug!(%room, "seats of a room of another node are not offered");
                state.offers.remove(&room);
            }
            // It is said again.
            _ => {}
        }
    }

    pub(super) async fn offer_of(&self, room: RoomName) -> Option<SharedOffer> {
        let told = self.ask(&Ask::Offered { room: room.as_str().to_owned() }).await.ok()?;
        let Told::Offers { offers, .. } = told else { return None };
        Some(OfferBody::read(&offers.first()?.body)?.shared())
    }
}
