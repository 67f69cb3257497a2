//! `DueRooms`, which rooms have a frame to commit now.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use bevy_ecs::entity::EntityHashSet;
use bevy_ecs::prelude::{Entity, Resource};

/// Rooms by the time their next frame is due. A pump pays for what is due, never for all rooms.
#[derive(Resource, Default)]
pub(crate) struct DueRooms {
    waiting: BinaryHeap<Reverse<(Duration, Entity)>>,
    /// Rooms that are due in this pump.
    pub(crate) due: Vec<Entity>,
    /// When each of them was due.
    pub(crate) due_at: Vec<Duration>,
    /// The same as a set, for parallel iteration.
    pub(crate) due_set: EntityHashSet,
    /// Rooms and seats whose clients claim a hash.
    pub(crate) claims: Vec<(Entity, Entity)>,
}

impl DueRooms {
    /// Puts a room down for a time.
    pub(crate) fn put(&mut self, at: Duration, room: Entity) {
        self.waiting.push(Reverse((at, room)));
    }

    /// Finds what is due.
    pub(crate) fn collect(&mut self, now: Duration) {
        self.due.clear();
        self.due_at.clear();
        self.claims.clear();
        self.due_set.clear();
        while let Some(&Reverse((at, room))) = self.waiting.peek() {
            if at > now {
                break;
            }
            self.waiting.pop();
            if self.due_set.insert(room) {
                self.due.push(room);
                self.due_at.push(at);
            }
        }
    }

    /// Takes out what `is_stray` says of times and rooms; gives how much it was.
    pub(crate) fn forget(&mut self, is_stray: impl Fn(Duration, Entity) -> bool) -> u64 {
        let before = self.waiting.len();
        self.waiting.retain(|Reverse((at, room))| !is_stray(*at, *room));
        (before - self.waiting.len()) as u64
    }

    /// When the next room is due.
    #[must_use]
    pub(crate) fn next(&self) -> Option<Duration> {
        self.waiting.peek().map(|Reverse((at, _))| *at)
    }

    /// How many rooms are waiting.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether no room is waiting.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
