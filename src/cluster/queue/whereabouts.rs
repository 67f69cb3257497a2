//! Where the room of a match is by now: its node may be gone, and the room at another one.

use framekeep_gate::SharedRoom;
use framekeep_protocol::RoomName;

use super::ClusterQueue;
use crate::NodeId;
use crate::board::{Placed, Step, Told};

/// Where a room is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// Where it was opened, or nobody can say yet.
    Home,
    /// At another node, to which it has moved or which has opened it again.
    Moved(NodeId, SharedRoom),
    /// Gone, with its node.
    Lost,
}

impl ClusterQueue {
    /// Where the room of a ticket is that the store has told of, as the directory says.
    pub(super) async fn whereabouts(&self, told: &Told) -> Whereabouts {
        let Told::Ticket { placed: Some(placed), .. } = told else { return Whereabouts::Home };
        match placed.node.parse() {
            Ok(home) if placed.step == Step::Started => self.look_for(placed, home).await,
            _ => Whereabouts::Home,
        }
    }

    async fn look_for(&self, placed: &Placed, home: NodeId) -> Whereabouts {
        let name = placed.room.split('\n').next().unwrap_or_default();
        let Ok(whose) = self.handle.whose(name).await else { return Whereabouts::Home };
        match whose {
            Some(whose) if whose.is_lost => Whereabouts::Lost,
            None if self.handle.is_lost(home) => Whereabouts::Lost,
            Some(whose) if whose.lease.node != home => {
                let card = whose.view.map(|view| view.card);
                let room = RoomName::try_from(name).ok().zip(card.as_ref().and_then(|card| card.udp));
                room.zip(card).map_or(Whereabouts::Home, |((room, udp), card)| {
                    Whereabouts::Moved(whose.lease.node, SharedRoom { room, udp, http: card.http })
                })
            }
            _ => Whereabouts::Home,
        }
    }
}
