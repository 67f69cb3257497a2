//! `Lane`, tickets that could play together if their ratings, parties and roles allow it.

use crate::limits::PARTY_MAX;
use crate::queue::{Hot, Slot};

/// A ticket in a lane. Ordered by rating, then by arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) rating: i32,
    /// That of the ticket's stay; a ticket of another stamp has left.
    pub(crate) stamp: u64,
    pub(crate) slot: Slot,
}

/// The tickets of one mode, tick rate, region and content: sorted lists by size of party. Entries of tickets that have
/// left stay until they are half of all, so that leaving costs nothing; new ones wait for the next round to be sorted
/// in together.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) pool: usize,
    pub(crate) region: u8,
    pub(crate) content: u8,
    sorted: [Vec<Entry>; PARTY_MAX],
    fresh: [Vec<Entry>; PARTY_MAX],
    count: usize,
    gone: usize,
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
        let (sorted, fresh) = Default::default();
        Self { pool, region, content, sorted, fresh, count: 0, gone: 0, unsettled: false, rooms: Vec::new() }
    }

    pub(crate) fn add(&mut self, size: u8, entry: Entry) {
        let nth = usize::from(size) - 1;
        self.fresh[nth].push(entry);
        self.count += 1;
        // A crowd is sorted in as it comes, so that no round has to sort all of it.
        if self.fresh[nth].len() >= FRESH_MAX.max(self.sorted[nth].len() / 4) {
            self.settle();
        }
    }

    /// A ticket has left. The entries of those that have are dropped once they are many.
    pub(crate) fn note_gone(&mut self, hot: &[Hot]) {
        self.gone += 1;
        if self.gone < GONE_MIN || self.gone * 2 < self.count {
            return;
        }
        let stays = |entry: &Entry| hot[entry.slot as usize].stamp == entry.stamp;
        for list in self.sorted.iter_mut().chain(&mut self.fresh) {
            list.retain(stays);
        }
        self.count = self.sorted.iter().chain(&self.fresh).map(Vec::len).sum();
        self.gone = 0;
    }

    /// Sorts in what is new.
    pub(crate) fn settle(&mut self) {
        for (sorted, fresh) in self.sorted.iter_mut().zip(&mut self.fresh) {
            if fresh.is_empty() {
                continue;
            }
            fresh.sort_unstable();
            sorted.append(fresh);
            // Two sorted runs: the standard sort finds them and merges them in one pass.
            sorted.sort();
        }
    }

    /// Those who wait, the nearest to a rating first, at most `reach` away.
    pub(crate) fn walk<'a>(&'a self, rating: i32, reach: u32, hot: &'a [Hot]) -> Walk<'a> {
        let mut cursors: [Cursor<'a>; PARTY_MAX] = Default::default();
        for (cursor, list) in cursors.iter_mut().zip(&self.sorted) {
            let at = list.partition_point(|entry| entry.rating < rating);
            (cursor.below, cursor.above) = list.split_at(at);
        }
        let sizes = self.sorted.iter().rposition(|list| !list.is_empty()).map_or(0, |last| last + 1);
        Walk { cursors, sizes, rating, reach, hot }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Cursor<'a> {
    below: &'a [Entry],
    above: &'a [Entry],
}

/// Those who wait, from a rating outwards.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'a> {
    cursors: [Cursor<'a>; PARTY_MAX],
    sizes: usize,
    rating: i32,
    reach: u32,
    hot: &'a [Hot],
}

impl Walk<'_> {
    /// The nearest that is left of parties of at most `size_max`; of two that are equally near the larger party, the
    /// better one, the older one.
    pub(crate) fn next(&mut self, size_max: u8) -> Option<Slot> {
        let mut best: Option<(u32, usize, bool, Entry)> = None;
        for nth in (0..self.sizes.min(size_max.into())).rev() {
            let cursor = &mut self.cursors[nth];
            while let Some((entry, rest)) = cursor.above.split_first()
                && self.hot[entry.slot as usize].stamp != entry.stamp
            {
                cursor.above = rest;
            }
            while let Some((entry, rest)) = cursor.below.split_last()
                && self.hot[entry.slot as usize].stamp != entry.stamp
            {
                cursor.below = rest;
            }
            for (is_above, entry) in [(true, cursor.above.first()), (false, cursor.below.last())] {
                let Some(entry) = entry else { continue };
                let distance = entry.rating.abs_diff(self.rating);
                if distance <= self.reach && best.is_none_or(|(least, ..)| distance < least) {
                    best = Some((distance, nth, is_above, *entry));
                }
            }
        }
        let (_, nth, is_above, entry) = best?;
        let cursor = &mut self.cursors[nth];
        if is_above {
            cursor.above = &cursor.above[1..];
        } else {
            cursor.below = &cursor.below[..cursor.below.len() - 1];
        }
        Some(entry.slot)
    }
}
