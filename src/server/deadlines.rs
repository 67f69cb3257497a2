//! `Deadlines`: what is due when. Costs what is due, never a look at everything there is.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use bevy_ecs::prelude::Entity;

/// Stale entries are thrown out once there are more of them than live ones and this many.
const STALE_MIN: usize = 64;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Due {
    /// A seat's link did not come back.
    SeatGrace,
    /// A room is empty, finished, idle, or has lived long enough.
    RoomRule,
    /// Packets of a room's match are no longer needed.
    Cleanup,
    /// A link has been silent.
    LinkIdle,
    /// A seat is kept no longer for who did not come.
    Reservation,
    /// The name of a closed room is free again.
    ClosedRoom,
}

impl Due {
    /// Everything that can be due.
    pub const ALL: [Self; 6] =
        [Self::SeatGrace, Self::RoomRule, Self::Cleanup, Self::LinkIdle, Self::Reservation, Self::ClosedRoom];
}

/// What is due when: a heap over one deadline for each entity and kind. Setting a deadline again replaces it.
#[derive(Default)]
pub struct Deadlines {
    heap: BinaryHeap<Reverse<(Duration, Due, Entity)>>,
    live: HashMap<(Entity, Due), Duration>,
}

impl Deadlines {
    /// Has an entity looked at when `at` has come; replaces the deadline of that kind it had.
    pub fn put(&mut self, at: Duration, due: Due, entity: Entity) {
        if self.live.insert((entity, due), at) == Some(at) {
            return;
        }
        self.heap.push(Reverse((at, due, entity)));
        self.compact();
    }

    /// Takes a deadline back.
    pub fn cancel(&mut self, due: Due, entity: Entity) {
        self.live.remove(&(entity, due));
        self.compact();
    }

    /// Takes back every deadline of an entity that is gone.
    pub fn forget(&mut self, entity: Entity) {
        for due in Due::ALL {
            self.live.remove(&(entity, due));
        }
        self.compact();
    }

    /// The next entity whose time has come.
    pub fn pop(&mut self, now: Duration) -> Option<(Due, Entity)> {
        while let Some(&Reverse((at, due, entity))) = self.heap.peek() {
            if at > now {
                return None;
            }
            self.heap.pop();
            if self.live.get(&(entity, due)) == Some(&at) {
                self.live.remove(&(entity, due));
                return Some((due, entity));
            }
        }
        None
    }

    /// When the next deadline is.
    #[must_use]
    pub fn next_at(&mut self) -> Option<Duration> {
        while let Some(&Reverse((at, due, entity))) = self.heap.peek() {
            if self.live.get(&(entity, due)) == Some(&at) {
                return Some(at);
            }
            self.heap.pop();
        }
        None
    }

    /// When something of an entity is due.
    #[must_use]
    pub fn get(&self, due: Due, entity: Entity) -> Option<Duration> {
        self.live.get(&(entity, due)).copied()
    }

    /// How many deadlines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether nothing will ever be due.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// Each stale entry is thrown out once at most, so this costs nothing extra per deadline.
    fn compact(&mut self) {
        if self.heap.len() - self.live.len().min(self.heap.len()) > self.live.len().max(STALE_MIN) {
            let live = &self.live;
            self.heap.retain(|Reverse((at, due, entity))| live.get(&(*entity, *due)) == Some(at));
        }
    }
}

#[cfg(test)]
mod tests {
    use bevy_ecs::prelude::World;

    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_due_comes_in_order_and_only_when_it_is_due() {
        let mut world = World::new();
        let (a, b) = (world.spawn_empty().id(), world.spawn_empty().id());
        let mut deadlines = Deadlines::default();
        deadlines.put(s(2), Due::RoomRule, a);
        deadlines.put(s(1), Due::SeatGrace, b);
        deadlines.put(s(3), Due::Cleanup, a);
        assert_eq!(deadlines.next_at(), Some(s(1)));
        assert_eq!(deadlines.pop(s(2)), Some((Due::SeatGrace, b)));
        assert_eq!(deadlines.pop(s(2)), Some((Due::RoomRule, a)));
        assert_eq!(deadlines.pop(s(2)), None);
        assert_eq!(deadlines.get(Due::Cleanup, a), Some(s(3)));
        deadlines.forget(a);
        assert_eq!((deadlines.next_at(), deadlines.len()), (None, 0));
    }

    #[test]
    fn a_deadline_set_again_replaces_the_one_before() {
        let mut world = World::new();
        let a = world.spawn_empty().id();
        let mut deadlines = Deadlines::default();
        for at in [5, 1, 9, 5] {
            deadlines.put(s(at), Due::RoomRule, a);
        }
        assert_eq!((deadlines.len(), deadlines.pop(s(4))), (1, None));
        assert_eq!(deadlines.pop(s(5)), Some((Due::RoomRule, a)));
        assert_eq!(deadlines.pop(s(99)), None, "the entries before are stale");
        assert!(deadlines.is_empty());
    }

    #[test]
    fn deadlines_pushed_back_for_ever_take_no_more_room() {
        let mut world = World::new();
        let entities: Vec<Entity> = (0..1_000).map(|_| world.spawn_empty().id()).collect();
        let mut deadlines = Deadlines::default();
        for round in 0..100 {
            for &entity in &entities {
                deadlines.put(s(round), Due::RoomRule, entity);
                assert!(deadlines.heap.len() <= 2 * deadlines.len() + STALE_MIN + 1);
            }
        }
        assert_eq!(deadlines.len(), 1_000);
        for &entity in &entities {
            deadlines.cancel(Due::RoomRule, entity);
        }
        assert!(deadlines.heap.len() <= STALE_MIN + 1);
    }
}
