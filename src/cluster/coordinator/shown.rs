//! How the queues are, and why tickets wait, by what the coordinator knows.

use framekeep_matchmaking::{
    Hindrance, LaneView, QueueView, RegionsView, TicketId, TicketState, TicketView, Why,
};

use super::Coordinator;

impl Coordinator {
    /// How the queues are.
    pub fn queues(&self) -> impl Iterator<Item = QueueView> + '_ {
        self.matcher.queues()
    }

    /// Who waits for the same.
    pub fn lanes(&self) -> impl Iterator<Item = LaneView> + '_ {
        self.matcher.lanes()
    }

    /// The names of regions.
    #[must_use]
    pub fn regions(&self) -> RegionsView {
        self.matcher.regions()
    }

    /// Matches whose rooms were opened within the last minute.
    #[must_use]
    pub fn matches_per_min(&self) -> u64 {
        self.started_at_ms.len() as u64
    }

    /// The time of the last round: a ticket that has come since has not been looked at.
    #[must_use]
    pub fn looked_at_ms(&self) -> u64 {
        self.looked_at_ms
    }

    /// Whether no node can have a room for a match now: all are gateways, full, draining, or have other modes.
    #[must_use]
    pub fn has_no_rooms(&self) -> bool {
        self.no_rooms
    }

    /// Why a ticket has no match yet; `None` if it is not known.
    #[must_use]
    pub fn why(&self, now_ms: u64, id: TicketId) -> Option<Why> {
        if let Some((since_ms, ends_at_ms, hindrance)) = self.strays.why(id) {
            let state = TicketState::Waiting;
            let view = TicketView { id, state, revision: 0, queued_at_ms: since_ms };
            return Some(Why::held_up(view, now_ms.saturating_sub(since_ms), ends_at_ms, hindrance));
        }
        let mut why = self.matcher.why(now_ms, id).ok()?;
        if self.no_rooms && why.view.state == TicketState::Waiting {
            why.hindrance = Hindrance::NoRooms;
        }
        Some(why)
    }
}
