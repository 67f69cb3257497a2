//! `Lane`, tickets that could play together if their ratings, parties and roles allow it.

mod walk;

use std::cmp::Reverse;

use crate::kinds::Kinds;
use crate::queue::{Queue, Slot};

/// A ticket in a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Entry {
    /// That of the ticket's stay; a ticket of another stamp has left.
    stamp: u64,
    slot: Slot,
    size: u8,
    kind: u8,
}

impl Entry {
    fn is_here(&self, stamps: &[u64]) -> bool {
        stamps[self.slot as usize] == self.stamp
    }
}

/// By rating; of the same the larger party, then the older ticket.
fn order((rating, entry): (i32, &Entry)) -> (i32, Reverse<u8>, u64) {
    (rating, Reverse(entry.size), entry.stamp)
}

/// The tickets of one mode, tick rate, region and content, sorted by rating. Of every 64 of them there is a word for
/// each kind of ticket, whose bits say which of the 64 are of it and have not been found to have left: so those that a
/// match lacks are found without a look at the others, and who has left is passed over 64 at a time.
///
/// Leaving costs nothing: an entry is found to be of a ticket that has left when it is come by, once. New ones wait for
/// the next round to be sorted in together.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) pool: usize,
    pub(crate) region: u8,
    pub(crate) content: u8,
    kinds: Kinds,
    ratings: Vec<i32>,
    /// Every 64th of them.
    heads: Vec<i32>,
    entries: Vec<Entry>,
    /// By 64 entries and by kind.
    here: Vec<u64>,
    /// Words for 64 entries: kinds that are new since the last were sorted in have none.
    words: usize,
    fresh: Vec<(i32, Entry)>,
    /// Entries of tickets that have left.
    gone: usize,
    /// Players who wait in it.
    pub(crate) players: u64,
    /// Whether it is among those to be settled.
    pub(crate) unsettled: bool,
    /// Running rooms that look for players, the first to ask first.
    pub(crate) rooms: Vec<u64>,
}

/// More new entries, and more than a quarter of the others, are sorted in before the next round.
const FRESH_MAX: usize = 1_024;

/// Fewer entries of tickets that have left are not worth a pass.
const GONE_MIN: usize = 64;

impl Lane {
    pub(crate) fn new(pool: usize, region: u8, content: u8) -> Self {
        Self {
            pool,
            region,
            content,
            kinds: Kinds::default(),
            ratings: Vec::new(),
            heads: Vec::new(),
            entries: Vec::new(),
            here: Vec::new(),
            words: 0,
            fresh: Vec::new(),
            gone: 0,
            players: 0,
            unsettled: false,
            rooms: Vec::new(),
        }
    }

    /// A ticket that waits comes in; `by_role` says whether roles matter.
    pub(crate) fn add(&mut self, slot: Slot, by_role: bool, queue: &Queue) {
        let (hot, stamp) = (&queue.hot[slot as usize], queue.stamps[slot as usize]);
        let kind = self.kinds.number(hot.roles(), by_role);
        self.players += u64::from(hot.size);
        self.fresh.push((hot.rating, Entry { stamp, slot, size: hot.size, kind }));
        // A crowd is sorted in as it comes, so that no round has to sort all of it.
        if self.fresh.len() >= FRESH_MAX.max(self.entries.len() / 4) {
            self.settle(&queue.stamps);
        }
    }

    /// A ticket of so many players has left; says whether so many have that their entries are to be dropped before the
    /// next round.
    pub(crate) fn note_gone(&mut self, size: u8) -> bool {
        self.players -= u64::from(size);
        self.gone += 1;
        self.has_many_gone()
    }

    fn has_many_gone(&self) -> bool {
        self.gone >= GONE_MIN && self.gone * 2 >= self.entries.len() + self.fresh.len()
    }

    /// Sorts in what is new, and drops entries of tickets that have left: those that are known, and all where they are
    /// many.
    pub(crate) fn settle(&mut self, stamps: &[u64]) {
        if self.fresh.is_empty() && !self.has_many_gone() {
            return;
        }
        self.drop_gone(stamps);
        self.merge();
        self.mark();
    }

    fn drop_gone(&mut self, stamps: &[u64]) {
        let all = self.has_many_gone();
        let mut kept = 0;
        for at in 0..self.entries.len() {
            let entry = self.entries[at];
            if self.bit(at) && (!all || entry.is_here(stamps)) {
                (self.ratings[kept], self.entries[kept]) = (self.ratings[at], entry);
                kept += 1;
            }
        }
        self.gone = self.gone.saturating_sub(self.entries.len() - kept);
        self.ratings.truncate(kept);
        self.entries.truncate(kept);
        if all {
            self.fresh.retain(|(_, entry)| entry.is_here(stamps));
            self.gone = 0;
        }
    }

    /// From the last to the first: what is between two new ones moves up in one piece.
    fn merge(&mut self) {
        self.fresh.sort_unstable_by_key(|(rating, entry)| order((*rating, entry)));
        let mut old = self.entries.len();
        self.ratings.resize(old + self.fresh.len(), 0);
        self.entries.resize(old + self.fresh.len(), Entry::default());
        while let Some((rating, entry)) = self.fresh.pop() {
            let after = self.place_of(old, (rating, &entry));
            let up = self.fresh.len() + 1;
            self.ratings.copy_within(after..old, after + up);
            self.entries.copy_within(after..old, after + up);
            (self.ratings[after + up - 1], self.entries[after + up - 1]) = (rating, entry);
            old = after;
        }
    }

    /// Where an entry belongs among the first `old`.
    fn place_of(&self, old: usize, new: (i32, &Entry)) -> usize {
        let from = self.ratings[..old].partition_point(|rating| *rating < new.0);
        let to = from + self.ratings[from..old].partition_point(|rating| *rating == new.0);
        from + self.entries[from..to].partition_point(|entry| order((new.0, entry)) <= order(new))
    }

    /// A bit for every entry.
    fn mark(&mut self) {
        let used = self.entries.iter().fold(0_u64, |used, entry| used | 1 << entry.kind);
        if let Some(numbers) = self.kinds.make_room(used) {
            self.entries.iter_mut().for_each(|entry| entry.kind = numbers[usize::from(entry.kind)]);
        }
        self.heads.clear();
        self.heads.extend(self.ratings.iter().step_by(64));
        self.words = self.kinds.len();
        self.here.clear();
        self.here.resize(self.entries.len().div_ceil(64) * self.words, 0);
        for (words, entries) in self.here.chunks_exact_mut(self.words.max(1)).zip(self.entries.chunks(64)) {
            for (nth, entry) in entries.iter().enumerate() {
                words[usize::from(entry.kind)] |= 1 << nth;
            }
        }
    }

    /// Whether an entry has not been found to be of a ticket that has left.
    fn bit(&self, at: usize) -> bool {
        let kind = usize::from(self.entries[at].kind);
        self.here[at / 64 * self.words + kind] & (1 << (at % 64)) != 0
    }

    /// Entries that turned out to be of tickets that have left are not come by again.
    pub(crate) fn pass_over(&mut self, gone: &mut Vec<usize>) {
        for at in gone.drain(..) {
            let kind = usize::from(self.entries[at].kind);
            self.here[at / 64 * self.words + kind] &= !(1 << (at % 64));
        }
    }
}
