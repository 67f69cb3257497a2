//! `Walk`, those of a lane from a rating outwards.

use super::{Entry, Lane};
use crate::kinds::Kind;
use crate::queue::{Queue, Slot};

/// An entry and how far away in rating it is.
type Found = Option<(usize, u32)>;

/// Most entries that are read at once.
const AHEAD_MAX: usize = 8;

/// A ticket that is come by.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Near {
    pub(crate) slot: Slot,
    /// How far away in rating it is, and may be.
    pub(crate) apart: u32,
    pub(crate) window: u32,
    /// Which entry of the lane it is.
    pub(crate) at: usize,
}

/// Those who wait in a lane, from a rating outwards. Several entries are read at once: a round spends most of its time
/// waiting for memory, and so it waits for several together.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    lane: &'a Lane,
    queue: &'a Queue,
    rating: i32,
    /// The least and the most that are looked for.
    ratings: (i32, i32),
    /// The kinds that are looked for, as bits.
    wanted: u64,
    above: Found,
    below: Found,
    /// What was read and not yet given: those before `given` are.
    ahead: [Near; AHEAD_MAX],
    given: usize,
    read: usize,
    /// How many are read at once.
    at_once: usize,
    /// Entries that were read, those of tickets that have left among them.
    reads: usize,
    /// Entries of tickets that have left.
    gone: Vec<usize>,
}

impl Lane {
    /// Those who wait, the nearest to a rating first, within those ratings; `at_once` says how many will be asked for,
    /// and `gone` is a list to be used again.
    pub(crate) fn walk<'a>(
        &'a self,
        rating: i32,
        ratings: (i32, i32),
        queue: &'a Queue,
        at_once: usize,
        gone: Vec<usize>,
    ) -> Walk<'a> {
        let at = self.first_of(rating);
        let mut walk = Walk {
            lane: self,
            queue,
            rating,
            ratings,
            wanted: self.marked(),
            above: None,
            below: None,
            ahead: [Near::default(); AHEAD_MAX],
            given: 0,
            read: 0,
            at_once: at_once.clamp(1, AHEAD_MAX),
            reads: 0,
            gone,
        };
        (walk.above, walk.below) = (walk.from(at), walk.to(at));
        walk
    }

    /// Of each kind how many may wait within those ratings: some of them may have left. Gives how many words were read.
    pub(crate) fn count(&self, (least, most): (i32, i32), mut of: impl FnMut(&Kind, usize)) -> usize {
        let (from, to) =
            (self.first_of(least), most.checked_add(1).map_or(self.entries.len(), |up| self.first_of(up)));
        let words = from / 64..to.div_ceil(64);
        let part = |nth: usize| {
            let after = if nth == from / 64 { u64::MAX << (from % 64) } else { u64::MAX };
            let before = if nth == to / 64 { (1 << (to % 64)) - 1 } else { u64::MAX };
            after & before
        };
        for (nth, (_, kind)) in self.kinds.of(self.marked()).enumerate() {
            let count =
                words.clone().map(|word| (self.here[word * self.words + nth] & part(word)).count_ones());
            of(kind, count.sum::<u32>() as usize);
        }
        words.len() * self.words
    }

    /// The kinds of which somebody is sorted in, as bits: the others have no words yet.
    fn marked(&self) -> u64 {
        u64::MAX.checked_shr(u64::BITS - self.words as u32).unwrap_or(0)
    }

    /// Where the first of a rating or a better one is.
    fn first_of(&self, rating: i32) -> usize {
        // First among the few that are always in the cache.
        let after = self.heads.partition_point(|other| *other < rating) * 64;
        let from = after.saturating_sub(64);
        let some = &self.ratings[from..after.min(self.ratings.len())];
        from + some.partition_point(|other| *other < rating)
    }
}

impl Walk<'_> {
    /// Looks for those ratings and kinds only, of those that are looked for, that are taken; says whether there are any
    /// such kinds.
    pub(crate) fn narrow(&mut self, (least, most): (i32, i32), takes: impl Fn(&Kind) -> bool) -> bool {
        self.ratings = (self.ratings.0.max(least), self.ratings.1.min(most));
        let wanted = self.lane.kinds.of(self.wanted).filter(|(_, kind)| takes(kind));
        let wanted = wanted.fold(0, |wanted, (bit, _)| wanted | bit);
        if std::mem::replace(&mut self.wanted, wanted) != wanted {
            self.above = self.above.and_then(|(at, _)| self.from(at));
            self.below = self.below.and_then(|(at, _)| self.to(at + 1));
        } else {
            self.above = self.above.filter(|(at, _)| self.apart(*at).is_some());
            self.below = self.below.filter(|(at, _)| self.apart(*at).is_some());
        }
        wanted != 0
    }

    /// The nearest that is left; of two that are equally near the better one.
    pub(crate) fn next(&mut self) -> Option<Near> {
        loop {
            while self.given == self.read {
                self.read_ahead()?;
            }
            let near = self.ahead[self.given];
            self.given += 1;
            // Less may be looked for than when it was read.
            if self.wanted & (1 << self.lane.entries[near.at].kind) != 0 && self.apart(near.at).is_some() {
                return Some(near);
            }
        }
    }

    /// Reads the next ones, and leaves out those who have left; `None` if there are no more.
    fn read_ahead(&mut self) -> Option<()> {
        let (mut places, mut count) = ([(0, 0); AHEAD_MAX], 0);
        while count < self.at_once
            && let Some(place) = self.next_place()
        {
            places[count] = place;
            count += 1;
        }
        self.reads += count;
        let mut entries = [Entry::default(); AHEAD_MAX];
        for (entry, (at, _)) in entries.iter_mut().zip(&places[..count]) {
            *entry = self.lane.entries[*at];
        }
        let mut here = [(false, 0); AHEAD_MAX];
        for (here, entry) in here.iter_mut().zip(&entries[..count]) {
            *here = (entry.is_here(&self.queue.stamps), self.queue.hot[entry.slot as usize].window);
        }
        (self.given, self.read) = (0, 0);
        for nth in 0..count {
            let ((at, apart), (is_here, window)) = (places[nth], here[nth]);
            if is_here {
                self.ahead[self.read] = Near { slot: entries[nth].slot, apart, window, at };
                self.read += 1;
            } else {
                self.gone.push(at);
            }
        }
        (count > 0).then_some(())
    }

    /// The place of the next entry, and how far away it is.
    fn next_place(&mut self) -> Found {
        let is_above = match (self.above, self.below) {
            (Some((_, above)), Some((_, below))) => above <= below,
            (above, _) => above.is_some(),
        };
        let (at, apart) = if is_above { self.above? } else { self.below? };
        if is_above {
            self.above = self.from(at + 1);
        } else {
            self.below = self.to(at);
        }
        Some((at, apart))
    }

    /// How many entries were read, and those that turned out to be of tickets that have left.
    pub(crate) fn end(self) -> (usize, Vec<usize>) {
        (self.reads, self.gone)
    }

    /// Which of 64 entries are looked for.
    fn word(&self, nth: usize) -> u64 {
        let words = &self.lane.here[nth * self.lane.words..(nth + 1) * self.lane.words];
        let (mut wanted, mut word) = (self.wanted, 0);
        while wanted != 0 {
            word |= words[wanted.trailing_zeros() as usize];
            wanted &= wanted - 1;
        }
        word
    }

    /// The first from there on, within reach.
    fn from(&self, at: usize) -> Found {
        let last = self.lane.entries.len();
        if at >= last {
            return None;
        }
        let mut nth = at / 64;
        let mut word = self.word(nth) & (u64::MAX << (at % 64));
        while word == 0 {
            nth += 1;
            if nth * 64 >= last || self.lane.heads[nth] > self.ratings.1 {
                return None;
            }
            word = self.word(nth);
        }
        let found = nth * 64 + word.trailing_zeros() as usize;
        Some((found, self.apart(found)?))
    }

    /// The last before that, within reach.
    fn to(&self, before: usize) -> Found {
        let last = before.checked_sub(1)?;
        let mut nth = last / 64;
        let mut word = self.word(nth) & (u64::MAX >> (63 - last % 64));
        while word == 0 {
            self.apart((nth * 64).checked_sub(1)?)?;
            nth -= 1;
            word = self.word(nth);
        }
        let found = nth * 64 + 63 - word.leading_zeros() as usize;
        Some((found, self.apart(found)?))
    }

    /// How far away an entry is, if it is within the ratings that are looked for.
    fn apart(&self, at: usize) -> Option<u32> {
        let (rating, (least, most)) = (self.lane.ratings[at], self.ratings);
        (least <= rating && rating <= most).then(|| rating.abs_diff(self.rating))
    }
}
