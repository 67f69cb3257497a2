//! Where the room of a match is by now: its node may be gone, and the room at another one.

use framekeep_gate::SharedRoom;
use framekeep_protocol::RoomName;

use super::ClusterQueue;
use crate::board::{Placed, Step, Told};
use crate::{NodeId, room_name};

/// Where a room is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// Where it was opened, or nobody can say yet.
    Home,
    /// At another node, which has opened it again or to which it has moved.
    Moved(SharedRoom),
    /// Gone, with its node.
    Lost,
}

impl ClusterQueue {
    /// Where the room of a ticket is that the store has told of. The directory is asked only if the node is not there
    /// at which it was opened.
    pub(super) async fn whereabouts(&self, told: &Told) -> Whereabouts {
        let Told::Ticket { placed: Some(placed), .. } = told else { return Whereabouts::Home };
        let is_there = |node: NodeId| self.handle.nodes().iter().any(|view| view.node == node);
        match placed.node.parse() {
            Ok(home) if placed.step == Step::Started && !is_there(home) => self.look_for(placed, home).await,
            _ => Whereabouts::Home,
        }
    }

    async fn look_for(&self, placed: &Placed, home: NodeId) -> Whereabouts {
        let name = placed.room.split('\n').next().unwrap_or_default();
        let Ok(held) = self.handle.holder(&room_name(name)).await else { return Whereabouts::Home };
        let holder = held.map_or(home, |lease| lease.node);
        let nodes = self.handle.nodes();
        let card = nodes.iter().find(|view| view.node == holder).map(|view| &view.card);
        let room = RoomName::try_from(name).ok().zip(card.and_then(|card| card.udp));
        match (card, room) {
            (Some(card), Some((room, udp))) => {
                Whereabouts::Moved(SharedRoom { room, udp, http: card.http.clone() })
            }
            _ if self.handle.is_lost(holder) => Whereabouts::Lost,
            _ => Whereabouts::Home,
        }
    }
}
