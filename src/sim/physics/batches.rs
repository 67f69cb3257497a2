//! `Batches`, all batches of a step.

use alloc::vec::Vec;
use core::hint::select_unpredictable;

use super::batch::{Batch, Springs};
use super::draft::Draft;
use super::lanes::WIDTH;

/// All batches of a step.
///
/// Contacts have colours, such that those of one colour are of different bodies, and each colour is solved batch by
/// batch: nothing in a batch waits for the one before it.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    /// By place, nearly in the order in which they are solved; and some more that are of no use now.
    list: Vec<Batch>,
    /// By number, what the batches are made of; and some more.
    drafts: Vec<[Draft; WIDTH]>,
    /// By number.
    fills: Vec<Fill>,
    /// By class, the first batch that has room; [`NOWHERE`] if none has.
    open: Vec<u32>,
    /// By body, which of the first colours it has.
    few: Vec<u64>,
    /// By body, the first of the other colours that it has not.
    many: Vec<u32>,
    /// By number, where it is in the list.
    places: Vec<u32>,
    /// Places in the order in which batches are solved.
    order: Vec<u32>,
    /// By class, where the next of its batches comes in the order.
    starts: Vec<u32>,
    /// Classes and places, to be sorted.
    sorting: Vec<u64>,
    /// How many batches there are, and how many there were when all were made anew.
    count: usize,
    made: usize,
    /// Whether the batches are those of the step before.
    again: bool,
}

/// What is solved at once.
pub(crate) enum Turn<'a> {
    One(&'a mut [Batch; 1]),
    Two(&'a mut [Batch; 2]),
}

/// What is in a batch.
#[derive(Clone, Copy, Debug, Default)]
struct Fill {
    /// Twice the colour, and one more if contacts have two points.
    class: u32,
    /// A bit for each lane that has a contact.
    lanes: u8,
    /// Whether its drafts are others than those of which it was made.
    changed: bool,
    /// The batch that it was joined to, itself if to none, and how many contacts are before its own there.
    joined: (u32, u8),
    /// The next batch of its class that has room, if it has some itself.
    next: u32,
}

impl Fill {
    /// How many lanes there are up to the last one that has a contact.
    const fn used(&self) -> usize {
        (u8::BITS - self.lanes.leading_zeros()) as usize
    }
}

/// No batch.
const NOWHERE: u32 = u32::MAX;

/// Colours that bodies remember one by one.
const FEW: u32 = u64::BITS;

impl Batches {
    /// Forgets all, and has room for what so many bodies need at most times.
    pub(crate) fn clear(&mut self, bodies: usize) {
        (self.count, self.again) = (0, false);
        self.fills.clear();
        self.open.clear();
        self.few.clear();
        self.many.clear();
        self.places.clear();
        self.order.clear();
        // Each class may have one that is not full.
        let batches = (bodies / 2 + 2 * FEW as usize).min(1_024);
        self.list.reserve(batches.saturating_sub(self.list.len()));
        self.drafts.reserve(batches.saturating_sub(self.drafts.len()));
        self.fills.reserve(batches);
        self.places.reserve(batches);
        self.order.reserve(batches);
        self.sorting.reserve(batches.saturating_sub(self.sorting.len()));
        self.open.reserve(batches);
        self.starts.reserve(batches);
        self.few.reserve(bodies + 1);
        self.many.reserve(bodies + 1);
    }

    /// Puts a contact into a batch of the first colour that none of the bodies `pushed` has, or of the first one
    /// `behind` all that they have; 0 is no body. Contacts of two points have batches of their own. Gives the batch,
    /// the lane, and where it is to be written.
    #[inline(always)]
    pub(crate) fn add(&mut self, pushed: [u32; 2], behind: bool, two: bool) -> (u32, usize, &mut Draft) {
        let colour = self.colour(pushed, behind);
        let (batch, lane) = self.put(2 * colour + u32::from(two));
        (batch, lane, &mut self.drafts[batch as usize][lane])
    }

    /// The first colour that none of the bodies `pushed` has, or the first one `behind` all that they have; they have
    /// it from now on.
    #[inline(always)]
    fn colour(&mut self, pushed: [u32; 2], behind: bool) -> u32 {
        let last = pushed[0].max(pushed[1]) as usize;
        if self.few.len() <= last {
            self.few.resize(last + 1, 0);
            self.many.resize(last + 1, FEW);
        }
        let [a, b] = pushed.map(|body| body as usize);
        let taken = self.few[a] | self.few[b];
        let colour = select_unpredictable(behind, FEW - taken.leading_zeros(), taken.trailing_ones());
        if colour == FEW {
            return self.next_of_many([a, b]);
        }
        for body in [a, b].into_iter().filter(|&body| body != 0) {
            self.few[body] |= 1 << colour;
        }
        colour
    }

    /// As [`Self::colour`], beyond those that bodies remember one by one.
    #[cold]
    fn next_of_many(&mut self, bodies: [usize; 2]) -> u32 {
        let colour = self.many[bodies[0]].max(self.many[bodies[1]]);
        for body in bodies.into_iter().filter(|&body| body != 0) {
            self.many[body] = colour + 1;
        }
        colour
    }

    /// A free lane of a batch of a class.
    #[inline(always)]
    fn put(&mut self, class: u32) -> (u32, usize) {
        let batch = self.room(class);
        let fill = &mut self.fills[batch as usize];
        let lane = fill.lanes.trailing_ones() as usize % WIDTH;
        fill.lanes |= 1 << lane;
        fill.changed = true;
        if fill.lanes == u8::MAX {
            self.open[class as usize] = fill.next;
        }
        (batch, lane)
    }

    /// Goes on with the batches of the step before: of each contact that was there, [`Self::keep`] tells where it is
    /// now, in the order of all.
    pub(crate) fn begin_again(&mut self) {
        self.few.clear();
        self.many.clear();
        self.again = true;
    }

    /// Whether there are so many batches more than there were that they are better made anew.
    pub(crate) fn are_scattered(&self) -> bool {
        self.count > self.made + self.made / 8 + 4
    }

    /// Gives a contact of the step before its colour, as [`Self::add`] does; tells its batch and its lane.
    #[inline(always)]
    pub(crate) fn keep(&mut self, batch: u32, lane: u8) -> (u32, u8) {
        let (at, from) = self.find(batch, lane);
        let draft = &self.drafts[at as usize][from % WIDTH];
        let (pushed, behind, two) = (draft.pushed(), draft.is_unlike(), draft.count > 1);
        let colour = self.colour(pushed, behind);
        if colour == self.fills[at as usize].class / 2 {
            return (at, from as u8);
        }
        let draft = self.drafts[at as usize][from % WIDTH];
        self.release(at, from as u8);
        let (batch, lane) = self.put(2 * colour + u32::from(two));
        self.drafts[batch as usize][lane] = draft;
        (batch, lane as u8)
    }

    /// Takes a contact out.
    pub(crate) fn release(&mut self, batch: u32, lane: u8) {
        let (at, lane) = self.find(batch, lane);
        self.drafts[at as usize][lane % WIDTH] = Draft::default();
        let fill = &mut self.fills[at as usize];
        if fill.lanes == u8::MAX {
            fill.next = core::mem::replace(&mut self.open[fill.class as usize], at);
        }
        fill.lanes &= !(1 << (lane % WIDTH));
        fill.changed = true;
    }

    /// A batch of a class that has room.
    #[inline(always)]
    fn room(&mut self, class: u32) -> u32 {
        let at = class as usize;
        if self.open.len() <= at {
            self.open.resize(at + 1, NOWHERE);
        }
        if self.open[at] == NOWHERE { self.begin(class) } else { self.open[at] }
    }

    #[inline(never)]
    fn begin(&mut self, class: u32) -> u32 {
        let batch = self.fills.len();
        self.open[class as usize] = batch as u32;
        self.fills.push(Fill { class, lanes: 0, changed: true, joined: (batch as u32, 0), next: NOWHERE });
        if self.drafts.len() <= batch {
            self.drafts.resize(batch + 1, [Draft::default(); WIDTH]);
        }
        if self.again {
            self.drafts[batch].fill(Draft::default());
            self.places.push(self.count as u32);
            self.count += 1;
            if self.list.len() < self.count {
                self.list.push(Batch::default());
            }
        }
        batch as u32
    }

    /// Makes the batches and puts them in order; no more contacts are added.
    #[inline(never)]
    pub(crate) fn prepare(&mut self, springs: &Springs) {
        self.join();
        self.starts.clear();
        self.starts.resize(self.open.len() + 1, 0);
        for fill in self.fills.iter().filter(|fill| fill.lanes != 0) {
            self.starts[fill.class as usize + 1] += 1;
        }
        let mut sum = 0;
        for start in &mut self.starts {
            sum += *start;
            *start = sum;
        }
        self.count = sum as usize;
        self.made = self.count;
        self.order.extend(0..sum);
        if self.list.len() < self.count {
            self.list.resize(self.count, Batch::default());
        }
        for (fill, drafts) in self.fills.iter_mut().zip(&mut self.drafts) {
            fill.changed = false;
            let place = &mut self.starts[fill.class as usize];
            self.places.push(*place);
            let used = fill.used();
            if used > 0 {
                drafts[used..].fill(Draft::default());
                self.list[*place as usize].prepare(drafts, (fill.class, used), springs);
                *place += 1;
            }
        }
    }

    /// Of each colour, puts contacts of one point that fill no batch beside those of two points, if there is room.
    fn join(&mut self) {
        for open in self.open.as_chunks_mut::<2>().0 {
            let [one, two] = open.each_ref().map(|batch| *batch as usize);
            if one.max(two) >= self.fills.len() {
                continue;
            }
            let (used, before) = (self.fills[one].used(), self.fills[two].used());
            if used + before <= WIDTH {
                let moved = self.drafts[one];
                self.drafts[two][before..][..used].copy_from_slice(&moved[..used]);
                self.fills[two].lanes |= self.fills[one].lanes << before;
                (self.fills[one].lanes, self.fills[one].joined) = (0, (two as u32, before as u8));
                open[0] = NOWHERE;
                open[1] = if used + before == WIDTH { NOWHERE } else { open[1] };
            }
        }
    }

    /// The batch in which a contact is solved, and its lane.
    #[inline(always)]
    fn find(&self, batch: u32, lane: u8) -> (u32, usize) {
        let (joined, before) = self.fills[batch as usize].joined;
        (joined, usize::from(before + lane))
    }

    /// The place of a contact in a batch to write it down anew.
    #[inline(always)]
    pub(crate) fn draft(&mut self, batch: u32, lane: u8, changes: bool) -> &mut Draft {
        let (batch, lane) = self.find(batch, lane);
        self.fills[batch as usize].changed |= changes;
        &mut self.drafts[batch as usize][lane % WIDTH]
    }

    /// Puts all batches that have contacts in order.
    fn reorder(&mut self) {
        self.again = false;
        self.sorting.clear();
        let filled = self.fills.iter().zip(&self.places).filter(|(fill, _)| fill.lanes != 0);
        self.sorting.extend(filled.map(|(fill, &place)| u64::from(fill.class) << 32 | u64::from(place)));
        self.sorting.sort_unstable();
        self.order.clear();
        self.order.extend(self.sorting.iter().map(|&both| both as u32));
    }

    /// As [`Self::prepare`], of the same contacts as in the step before.
    #[inline(never)]
    pub(crate) fn prepare_again(&mut self, springs: &Springs) {
        if self.again {
            self.reorder();
        }
        for ((fill, drafts), &place) in self.fills.iter_mut().zip(&self.drafts).zip(&self.places) {
            if fill.lanes == 0 {
                continue;
            }
            let batch = &mut self.list[place as usize];
            if core::mem::take(&mut fill.changed) {
                batch.prepare(drafts, (fill.class, fill.used()), springs);
            } else {
                batch.renew(drafts);
            }
        }
    }

    /// Goes through all batches in order.
    #[inline(always)]
    pub(crate) fn each(&mut self, solve: impl FnMut(&mut Batch)) {
        let mut solve = solve;
        for &place in &self.order {
            solve(&mut self.list[place as usize]);
        }
    }

    /// All batches in order, two at a time where they go with each other.
    #[inline(always)]
    pub(crate) fn in_turn(&mut self, mut solve: impl FnMut(Turn)) {
        let mut left = &self.order[..];
        while let [place, rest @ ..] = left {
            let place = *place as usize;
            left = rest;
            let follows = rest.first().is_some_and(|&next| next as usize == place + 1);
            let two = self.list.get_mut(place..).and_then(<[Batch]>::first_chunk_mut::<2>);
            if let Some(two) = two.filter(|[one, other]| follows && one.goes_with(other)) {
                left = &rest[1..];
                solve(Turn::Two(two));
                continue;
            }
            if let Some(one) = self.list.get_mut(place) {
                solve(Turn::One(core::array::from_mut(one)));
            }
        }
    }

    /// Where a contact was solved.
    #[inline(always)]
    pub(crate) fn get(&self, batch: u32, lane: u8) -> (&Batch, usize) {
        let (batch, lane) = self.find(batch, lane);
        (&self.list[self.places[batch as usize] as usize], lane)
    }
}

#[cfg(test)]
impl Batches {
    /// Whether each of these contacts, which are all there are in their order, has a lane of its own in a batch of the
    /// colour that it would have if it was added now.
    pub(crate) fn check(&self, contacts: impl Iterator<Item = (u32, u8)>) {
        let (mut again, mut lanes) = (Self::default(), std::collections::BTreeSet::new());
        for (batch, lane) in contacts {
            let (batch, lane) = self.find(batch, lane);
            let (fill, draft) = (&self.fills[batch as usize], &self.drafts[batch as usize][lane]);
            assert!(fill.lanes >> lane & 1 != 0 && lanes.insert((batch, lane)), "it has no lane of its own");
            assert_eq!(fill.class / 2, again.colour(draft.pushed(), draft.is_unlike()), "another colour");
        }
        let filled: u32 = self.fills.iter().map(|fill| fill.lanes.count_ones()).sum();
        assert_eq!(filled as usize, lanes.len(), "there are lanes of no contact");
    }
}
