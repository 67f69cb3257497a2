//! Whose a room is: the node that has it, or had it and is gone with it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::board::{Ask, Told};
use crate::handle::Known;
use crate::queue::memory::NEWEST;
use crate::{ClusterHandle, Lease, NodeId, NodeView, StoreError, TakeError, room_name};

/// How long is remembered that a room is gone with its node, and of how many: as long as the directory knows it.
const LOST_KEPT: Duration = Duration::from_secs(3_600);
const LOST_MAX: usize = 4_096;

/// Who has a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose {
    /// Who, or who had it last.
    pub lease: Lease,
    /// How that node is, or was; `None` where it was not seen.
    pub view: Option<NodeView>,
    /// Whether it is gone with the room, as far as can be told: it has not said for two leases that it is there, or,
    /// where others open its rooms again, for as long as that may take. It may be cut off from the store only, and
    /// then come back.
    pub is_lost: bool,
}

/// Rooms of which it was said that they are gone with their nodes: when, and since when the store served that knew it.
/// A store that has begun anew does not know whose they were.
#[derive(Default)]
pub(crate) struct LostRooms(BTreeMap<String, (Lease, Instant, u64)>);

impl LostRooms {
    fn note(&mut self, name: &str, lease: Lease, since_ms: u64) {
        if self.0.len() >= LOST_MAX {
            self.0.retain(|_, (_, at, _)| at.elapsed() < LOST_KEPT);
        }
        if self.0.len() < LOST_MAX || self.0.contains_key(name) {
            self.0.insert(name.to_owned(), (lease, Instant::now(), since_ms));
        }
    }

    /// Who had a room last, and since when the store served that said so.
    fn of(&self, name: &str) -> Option<(Lease, u64)> {
        self.0
            .get(name)
            .filter(|(_, at, _)| at.elapsed() < LOST_KEPT)
            .map(|(lease, _, since)| (*lease, *since))
    }
}

impl ClusterHandle {
    /// Who has a room, or had it last and has not given it up. `None` if nobody has, as far as is known.
    ///
    /// # Errors
    /// [`TakeError`] if the store does not answer.
    pub async fn whose(&self, room: &str) -> Result<Option<Whose>, TakeError> {
        let name = room_name(room);
        let Some(lease) = self.holder(&name).await? else { return Ok(None) };
        let known = &mut *self.0.known();
        let is_lost = self.is_over(known, lease.node, Some(lease.until_ms));
        let since_ms = known.store_since_ms.unwrap_or(0);
        if is_lost {
            known.lost_rooms.note(&name, lease, since_ms);
            known.missed.give_up(Instant::now(), lease.node);
        } else {
            known.lost_rooms.0.remove(&name);
        }
        let nodes = known.nodes.iter();
        let view = nodes.chain(known.missed.view(lease.node)).find(|view| view.node == lease.node).cloned();
        Ok(Some(Whose { lease, view, is_lost }))
    }

    /// The node with which a room was lost that the store does not know, as it has begun anew since.
    ///
    /// # Errors
    /// [`TakeError`] if the store does not answer.
    pub async fn lost_with(&self, room: &str) -> Result<Option<NodeId>, TakeError> {
        let name = room_name(room);
        let Some((lease, since_ms)) = self.0.known().lost_rooms.of(&name) else { return Ok(None) };
        // A store that knew whose it was says that it was given up.
        if self.store_since_ms().await? == since_ms {
            self.0.known().lost_rooms.0.remove(&name);
            return Ok(None);
        }
        Ok(Some(lease.node).filter(|node| self.is_lost(*node)))
    }

    /// Whether a node is gone, of whose rooms the directory knows nothing.
    pub(crate) fn is_lost(&self, node: NodeId) -> bool {
        self.is_over(&self.0.known(), node, None)
    }

    /// Whether a node is gone that has had its lease until then.
    fn is_over(&self, known: &Known, node: NodeId, until_ms: Option<u64>) -> bool {
        let over = |until_ms| Duration::from_millis(self.0.store_now_ms().saturating_sub(until_ms));
        let is_there = known.nodes.iter().any(|view| view.node == node);
        let times = self.0.times(known);
        !is_there && known.missed.is_lost(Instant::now(), times, node, until_ms.map(over))
    }

    /// Since when the store serves, as it says now.
    async fn store_since_ms(&self) -> Result<u64, StoreError> {
        let ask = Ask::Changes { after: NEWEST, limit: 1, bodies: false };
        match self.0.store.ask(&ask).await? {
            Told::Changes { since_ms, .. } => Ok(since_ms),
            other => Err(StoreError::Nonsense(format!("{other:?}"))),
        }
    }
}
