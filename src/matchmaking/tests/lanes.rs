//! What a walk comes by, against all who wait.

use proptest::prelude::*;

use super::party;
use crate::lane::Lane;
use crate::limits::PARTY_MAX;
use crate::queue::{Queue, Slot, Wish};

#[derive(Clone, Debug)]
enum Act {
    Add {
        rating: i32,
        roles: Vec<u8>,
    },
    Leave(proptest::sample::Index),
    Settle,
    /// From a rating, so far, for parties up to a size.
    Walk(i32, i32, u8),
}

fn act() -> impl Strategy<Value = Act> {
    let roles = proptest::collection::vec(1..32_u8, 1..=3);
    prop_oneof![
        12 => (0..100_i32, roles).prop_map(|(rating, roles)| Act::Add { rating, roles }),
        5 => any::<proptest::sample::Index>().prop_map(Act::Leave),
        1 => Just(Act::Settle),
        2 => (0..100_i32, 0..120_i32, 1..=3_u8).prop_map(|(rating, reach, size)| Act::Walk(rating, reach, size)),
    ]
}

/// A lane and all who wait in it.
struct Waiting {
    lane: Lane,
    queue: Queue,
    /// Those that are sorted in, and those that are not yet.
    slots: Vec<Slot>,
    fresh: Vec<Slot>,
}

impl Waiting {
    fn add(&mut self, number: u64, rating: i32, takes: &[u8]) {
        let mut roles = [0; PARTY_MAX];
        roles[..takes.len()].copy_from_slice(takes);
        let (contents, regions) = (Vec::new(), Vec::new());
        let (is_guest, expires_after_ms) = (false, 0);
        let wish = Wish { rules: 0, pool: 0, contents, regions, is_guest, roles, expires_after_ms };
        let slot = self.queue.add(party(number * 8, takes.len() as u64, "raid", rating), wish, 0);
        self.queue.stamps[slot as usize] = self.queue.next_stamp();
        self.lane.add(slot, true, &self.queue);
        self.fresh.push(slot);
    }

    fn settle(&mut self) {
        self.lane.settle(&self.queue.stamps);
        self.slots.append(&mut self.fresh);
    }

    fn leave(&mut self, nth: usize) {
        let slot = self.slots.swap_remove(nth);
        self.queue.stamps[slot as usize] = 0;
        if self.lane.note_gone(self.queue.hot[slot as usize].size) {
            self.settle();
        }
        let of =
            |slots: &[Slot]| slots.iter().map(|slot| u64::from(self.queue.hot[*slot as usize].size)).sum();
        let (sorted_in, fresh): (u64, u64) = (of(&self.slots), of(&self.fresh));
        assert_eq!(self.lane.players, sorted_in + fresh);
    }

    fn walk(&mut self, rating: i32, reach: i32, size: u8) {
        let ratings = (rating - reach, rating + reach);
        let mut walk = self.lane.walk(rating, ratings, &self.queue, 3, Vec::new());
        walk.narrow(ratings, |kind| kind.size <= size);
        let met: Vec<_> = std::iter::from_fn(|| walk.next()).collect();
        let (_, mut gone) = walk.end();
        self.lane.pass_over(&mut gone);
        assert!(met.is_sorted_by_key(|near| near.apart));
        let mut met: Vec<_> = met.iter().map(|near| (near.apart, near.slot)).collect();
        met.sort_unstable();
        let apart = |slot: &Slot| {
            let hot = &self.queue.hot[*slot as usize];
            let apart = hot.rating.abs_diff(rating);
            (hot.size <= size && apart <= reach.unsigned_abs()).then_some((apart, *slot))
        };
        let mut expected: Vec<_> = self.slots.iter().filter_map(apart).collect();
        expected.sort_unstable();
        assert_eq!(met, expected);
        let mut counted = 0;
        self.lane.count(ratings, |kind, tickets| counted += if kind.size <= size { tickets } else { 0 });
        assert!(counted >= expected.len(), "nobody who is there is left out of the count");
    }
}

proptest! {
    #[test]
    fn a_walk_comes_by_all_who_wait_the_nearest_first(acts in proptest::collection::vec(act(), 1..600)) {
        let (lane, queue) = (Lane::new(0, 0, 0), Queue::default());
        let mut waiting = Waiting { lane, queue, slots: Vec::new(), fresh: Vec::new() };
        for (number, act) in acts.iter().enumerate() {
            match act {
                Act::Add { rating, roles } => waiting.add(number as u64, *rating, roles),
                Act::Leave(nth) if !waiting.slots.is_empty() => waiting.leave(nth.index(waiting.slots.len())),
                Act::Leave(_) => {}
                Act::Settle => waiting.settle(),
                Act::Walk(rating, reach, size) => waiting.walk(*rating, *reach, *size),
            }
        }
        waiting.settle();
        waiting.walk(50, 100, 3);
    }
}
