//! Matches that this node has formed alone: the store is told of them when it is there again.

use std::sync::PoisonError;
use std::time::Duration;

use framekeep_gate::{AloneMatch, SharedTicket};
use framekeep_matchmaking::{Ended, TicketId};
use framekeep_protocol::RoomName;
use tracing::warn;

use super::ClusterQueue;
use super::status::word_of;
use crate::board::{Placed, Step};
use crate::body::{MatchBody, TicketBody};

impl ClusterQueue {
    /// A room of this node as the store has it: its name and where the node is.
    pub(super) fn line_of(&self, room: &RoomName) -> String {
        let card = self.handle.card();
        let udp = card.udp.map(|udp| udp.to_string()).unwrap_or_default();
        format!("{room}\n{udp}\n{}", card.http)
    }

    pub(super) fn note_alone(&self, alone: AloneMatch) {
        let now_ms = self.store_now_ms();
        let kept = alone.tickets.iter().filter_map(|(ticket, waited)| {
            let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
            TicketBody::new(ticket).kept(now_ms.saturating_sub(waited_ms).max(1))
        });
        let kept: Vec<_> = kept.collect();
        let tickets: Vec<_> = kept.iter().map(|one| one.id.clone()).collect();
        let Some(body) = MatchBody::new(&alone.of, kept).text() else { return };
        let placed = Placed {
            of: alone.key,
            step: Step::Started,
            node: self.handle.node().to_string(),
            body,
            tickets: tickets.join(","),
            room: self.line_of(&alone.room),
            at_ms: now_ms,
            into: alone.of.room.as_deref().unwrap_or_default().to_owned(),
        };
        if self.state().memory.formed_alone(self.handle.0.now_ms(), placed) {
            warn!("so many matches were formed alone that other nodes will not know of the oldest");
        }
    }

    /// A ticket is over that this node had alone.
    pub(super) fn note_over(&self, ticket: &SharedTicket, waited: Duration, ended: Ended) {
        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        let since_ms = self.store_now_ms().saturating_sub(waited_ms).max(1);
        let Some(kept) = TicketBody::new(ticket).kept(since_ms) else { return };
        let now_ms = self.handle.0.now_ms();
        self.state().memory.over_alone(now_ms, ticket.ticket.id, kept, word_of(ended));
    }

    /// Tickets of this node are the cluster's, as their match gave way or they are over: whoever asks for them is told
    /// what the store knows.
    pub(super) fn give_up<'a>(&self, tickets: impl IntoIterator<Item = &'a str>) {
        let ids = tickets.into_iter().filter_map(|id| id.parse::<TicketId>().ok());
        self.given_up.0.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
        self.given_up.1.notify_one();
    }

    pub(super) async fn take_given_up(&self) -> Vec<TicketId> {
        loop {
            let given_up =
                std::mem::take(&mut *self.given_up.0.lock().unwrap_or_else(PoisonError::into_inner));
            if !given_up.is_empty() {
                return given_up;
            }
            self.given_up.1.notified().await;
        }
    }
}
