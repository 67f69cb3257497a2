//! How tickets and the cluster are shown.

use framekeep_gate::{
    ClusterNode, ClusterStatus, SharedRefused, SharedRoom, SharedState, SharedStatus, SharedTicket,
};
use framekeep_matchmaking::{Ended, MatchId, Refused, TicketId, Why};
use framekeep_protocol::{PlayerId, RoomName};

use super::whereabouts::Whereabouts;
use super::{ClusterQueue, why};
use crate::NodeView;
use crate::board::{Answers, Placed, Record, Stage, Step, Told, parts};
use crate::body::{MatchBody, TicketBody};

/// By so many numbers it is told apart to which node a room has moved.
const MOVED_TO: u64 = 1_000;

impl ClusterQueue {
    /// What the store told of a ticket.
    pub(super) fn status_of(
        &self,
        id: TicketId,
        told: Told,
        at: Whereabouts,
    ) -> Result<SharedStatus, SharedRefused> {
        let refused = |refused| Err(SharedRefused::Refused(refused));
        match told {
            Told::Ticket { record, body, placed, answers } => {
                let Some(body) = TicketBody::read(&body) else { return refused(Refused::UnknownTicket(id)) };
                Ok(self.status(*record, body.shared(), placed.as_deref(), (answers, at)))
            }
            Told::Other => refused(Refused::OtherTicket(id)),
            Told::PlayerWaits { player, ticket } => refused(Refused::PlayerWaits {
                player: PlayerId(u64::from_str_radix(&player, 16).unwrap_or(0)),
                ticket: ticket.parse().unwrap_or(id),
            }),
            Told::Full => refused(Refused::QueueFull { limit: self.config.tickets_max }),
            Told::NotAsked => refused(Refused::NotAsked(id)),
            Told::Matched { .. } => refused(Refused::AlreadyMatched { ticket: id, of: MatchId(0) }),
            Told::Unknown => refused(Refused::UnknownTicket(id)),
            _ => Err(SharedRefused::Away),
        }
    }

    fn status(
        &self,
        record: Record,
        ticket: SharedTicket,
        placed: Option<&Placed>,
        (answers, at): (Option<Answers>, Whereabouts),
    ) -> SharedStatus {
        let now_ms = self.store_now_ms();
        let body = placed.and_then(|placed| MatchBody::read(&placed.body));
        let opened = placed.filter(|placed| placed.step == Step::Started);
        // Who waits for news of a ticket that has its match sees by the revision that its room is elsewhere.
        let (room, more) = match at {
            Whereabouts::Home => (opened.and_then(room_of), 0),
            Whereabouts::Moved(node, room) => (Some(room), 1 + 2 * (node.0 % MOVED_TO) as u32),
            Whereabouts::Lost => (None, 2),
        };
        let state = match record.stage {
            Stage::Waiting => SharedState::Waiting,
            Stage::Asked => SharedState::Asked {
                for_ms: record.until_ms.saturating_sub(now_ms),
                there: answers.map_or(0, |answers| answers.there),
                of: answers.map_or(0, |answers| answers.of),
            },
            Stage::Matched if room.is_some() => SharedState::Matched,
            Stage::Matched if more > 0 => SharedState::Lost,
            Stage::Matched => SharedState::Opening,
            Stage::Over => SharedState::Ended(ended(&record.why)),
        };
        let there: Vec<&str> = parts(&record.there).collect();
        let missing = parts(&record.players).filter(|player| !there.contains(player));
        let missing = missing.filter(|_| record.stage == Stage::Asked);
        let unanswered = missing.filter_map(|player| u64::from_str_radix(player, 16).ok()).map(PlayerId);
        let unanswered = unanswered.collect();
        let is_waiting = record.stage == Stage::Waiting;
        let waited_until_ms = if record.stage == Stage::Matched { record.until_ms } else { now_ms };
        SharedStatus {
            state,
            revision: record.revision.saturating_add(more),
            waited_ms: waited_until_ms.saturating_sub(record.since_ms),
            why: if is_waiting { self.why(now_ms, &record, &ticket) } else { None },
            unanswered,
            of: body.map(|body| body.shared()),
            room,
            ticket,
        }
    }

    /// Why a ticket waits. The coordinator knows; the others know the ticket and what the coordinator lets them know.
    fn why(&self, now_ms: u64, record: &Record, ticket: &SharedTicket) -> Option<Why> {
        if let Some(why) = self.coordinator().as_ref().and_then(|one| one.why(now_ms, ticket.ticket.id)) {
            return Some(why);
        }
        why::by_published(&self.config.modes, &self.state().published, now_ms, record, ticket)
    }

    /// How the cluster is.
    pub(super) async fn cluster_status(&self) -> ClusterStatus {
        let nodes = self.handle.nodes();
        let published = self.state().published.clone();
        let away = framekeep_gate::SharedQueue::away_for(self);
        ClusterStatus {
            name: self.name.clone(),
            node: self.handle.node().to_string(),
            away_ms: u64::try_from(away.as_millis()).unwrap_or(u64::MAX),
            nodes: nodes.iter().map(|view| self.node(view)).collect(),
            coordinator: published.coordinator,
            epoch: published.epoch,
            directory: published.directory,
            queues: published.queues,
            matches_per_min: published.matches_per_min,
            no_rooms: published.no_rooms,
        }
    }

    fn node(&self, view: &NodeView) -> ClusterNode {
        let (card, load, own) = (view.card.clone(), view.load.clone(), self.handle.card());
        ClusterNode {
            id: view.node.to_string(),
            key_differs: card.key_digest != own.key_digest,
            modes_differ: card.modes_digest != own.modes_digest,
            name: card.name,
            region: load.region,
            udp: card.udp,
            http: card.http,
            version: card.version,
            players: load.players,
            rooms: load.rooms,
            tick_us_p99: load.tick_us_p99,
            memory_mib: load.memory_mib,
            draining: load.draining,
            moved_in: load.moved_in,
            moved_out: load.moved_out,
        }
    }
}

/// The room of a match: its name and where its node is.
fn room_of(placed: &Placed) -> Option<SharedRoom> {
    let mut lines = placed.room.split('\n');
    let room = RoomName::try_from(lines.next()?).ok()?;
    let udp = lines.next()?.parse().ok()?;
    Some(SharedRoom { room, udp, http: lines.next().unwrap_or_default().to_owned() })
}

/// As the store has it.
pub(super) fn word_of(ended: Ended) -> &'static str {
    match ended {
        Ended::Cancelled => "cancelled",
        Ended::Expired => "expired",
        Ended::Declined => "declined",
        Ended::NoAnswer => "no_answer",
        Ended::Superseded => "superseded",
        Ended::UnknownMode => "unknown_mode",
    }
}

fn ended(why: &str) -> Ended {
    match why {
        "expired" => Ended::Expired,
        "declined" => Ended::Declined,
        "no_answer" => Ended::NoAnswer,
        "superseded" => Ended::Superseded,
        "unknown_mode" => Ended::UnknownMode,
        _ => Ended::Cancelled,
    }
}
