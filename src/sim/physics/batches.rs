//! `Batches`, all batches of a step.

use alloc::vec::Vec;

use super::batch::{Batch, Springs};
use super::draft::Draft;
use super::lanes::WIDTH;

/// All batches of a step.
///
/// Contacts have colours, such that those of one colour are of different bodies, and each colour is solved batch by
/// batch: nothing in a batch waits for the one before it.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    /// In the order in which they are solved, and some more that are of no use now.
    list: Vec<Batch>,
    /// By number, what the batches are made of; and some more.
    drafts: Vec<[Draft; WIDTH]>,
    /// By number.
    fills: Vec<Fill>,
    /// By class, the batch that may have room; none if it is the number of all batches or more.
    open: Vec<u32>,
    /// By body, which of the first colours it has.
    few: Vec<u64>,
    /// By body, the first of the other colours that it has not.
    many: Vec<u32>,
    /// By number, where it is in the order.
    places: Vec<u32>,
    /// By class, where the next of its batches comes in the order.
    starts: Vec<u32>,
    /// How many batches are solved.
    count: usize,
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
    /// How many contacts it has.
    used: u8,
    /// Whether its drafts are others than those of which it was made.
    changed: bool,
    /// How many contacts are before its own in the batch that it was joined to, if it was to one.
    joined: Option<(u32, u8)>,
}

/// Colours that bodies remember one by one.
const FEW: u32 = u64::BITS;

impl Batches {
    /// Forgets all, and has room for what so many bodies need at most times.
    pub(crate) fn clear(&mut self, bodies: usize) {
        self.count = 0;
        self.fills.clear();
        self.open.clear();
        self.few.clear();
        self.many.clear();
        self.places.clear();
        // Each class may have one that is not full.
        let batches = (bodies / 2 + 2 * FEW as usize).min(1_024);
        self.list.reserve(batches.saturating_sub(self.list.len()));
        self.drafts.reserve(batches.saturating_sub(self.drafts.len()));
        self.fills.reserve(batches);
        self.places.reserve(batches);
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
        let last = pushed[0].max(pushed[1]) as usize;
        if self.few.len() <= last {
            self.few.resize(last + 1, 0);
            self.many.resize(last + 1, FEW);
        }
        let [a, b] = pushed.map(|body| body as usize);
        let taken = self.few[a] | self.few[b];
        let mut colour = if behind { FEW - taken.leading_zeros() } else { taken.trailing_ones() };
        if colour == FEW {
            colour = self.many[a].max(self.many[b]);
        }
        for body in [a, b].into_iter().filter(|&body| body != 0) {
            match 1_u64.checked_shl(colour) {
                Some(mark) => self.few[body] |= mark,
                None => self.many[body] = colour + 1,
            }
        }
        let class = 2 * colour + u32::from(two);
        let batch = self.room(class);
        let fill = &mut self.fills[batch as usize];
        let lane = usize::from(fill.used) % WIDTH;
        fill.used += 1;
        if lane + 1 == WIDTH {
            self.open[class as usize] = u32::MAX;
        }
        (batch, lane, &mut self.drafts[batch as usize][lane])
    }

    /// A batch of a class that has room.
    #[inline(always)]
    fn room(&mut self, class: u32) -> u32 {
        let at = class as usize;
        if self.open.len() <= at {
            self.open.resize(at + 1, u32::MAX);
        }
        if self.open[at] == u32::MAX { self.begin(class) } else { self.open[at] }
    }

    #[inline(never)]
    fn begin(&mut self, class: u32) -> u32 {
        let batch = self.fills.len();
        self.open[class as usize] = batch as u32;
        self.fills.push(Fill { class, used: 0, changed: true, joined: None });
        if self.drafts.len() <= batch {
            self.drafts.resize(batch + 1, [Draft::default(); WIDTH]);
        }
        batch as u32
    }

    /// Makes the batches and puts them in order; no more contacts are added.
    #[inline(never)]
    pub(crate) fn prepare(&mut self, springs: &Springs) {
        self.join();
        self.starts.clear();
        self.starts.resize(self.open.len() + 1, 0);
        for fill in self.fills.iter().filter(|fill| fill.used > 0) {
            self.starts[fill.class as usize + 1] += 1;
        }
        let mut sum = 0;
        for start in &mut self.starts {
            sum += *start;
            *start = sum;
        }
        self.count = sum as usize;
        if self.list.len() < self.count {
            self.list.resize(self.count, Batch::default());
        }
        for (fill, drafts) in self.fills.iter_mut().zip(&mut self.drafts) {
            fill.changed = false;
            let place = &mut self.starts[fill.class as usize];
            self.places.push(*place);
            let used = usize::from(fill.used);
            if used > 0 {
                drafts[used..].fill(Draft::default());
                self.list[*place as usize].prepare(drafts, (fill.class, used), springs);
                *place += 1;
            }
        }
    }

    /// Of each colour, puts contacts of one point that fill no batch beside those of two points, if there is room.
    fn join(&mut self) {
        for open in self.open.as_chunks::<2>().0 {
            let [one, two] = open.map(|batch| batch as usize);
            if one.max(two) >= self.fills.len() {
                continue;
            }
            let (used, before) = (self.fills[one].used, self.fills[two].used);
            if usize::from(used + before) <= WIDTH {
                let moved = self.drafts[one];
                let from = usize::from(before);
                self.drafts[two][from..][..usize::from(used)].copy_from_slice(&moved[..usize::from(used)]);
                self.fills[two].used += used;
                (self.fills[one].used, self.fills[one].joined) = (0, Some((two as u32, before)));
            }
        }
    }

    /// The batch in which a contact is solved, and its lane.
    #[inline(always)]
    fn find(&self, batch: u32, lane: u8) -> (u32, usize) {
        match self.fills[batch as usize].joined {
            None => (batch, usize::from(lane)),
            Some((joined, before)) => (joined, usize::from(before + lane)),
        }
    }

    /// The place of a contact in a batch to write it down anew.
    #[inline(always)]
    pub(crate) fn draft(&mut self, batch: u32, lane: u8, changes: bool) -> &mut Draft {
        let (batch, lane) = self.find(batch, lane);
        self.fills[batch as usize].changed |= changes;
        &mut self.drafts[batch as usize][lane % WIDTH]
    }

    /// As [`Self::prepare`], of the same contacts as in the step before.
    #[inline(never)]
    pub(crate) fn prepare_again(&mut self, springs: &Springs) {
        for ((fill, drafts), &place) in self.fills.iter_mut().zip(&self.drafts).zip(&self.places) {
            if fill.used == 0 {
                continue;
            }
            let batch = &mut self.list[place as usize];
            if core::mem::take(&mut fill.changed) {
                batch.prepare(drafts, (fill.class, usize::from(fill.used)), springs);
            } else {
                batch.renew(drafts);
            }
        }
    }

    /// Goes through all batches in order.
    #[inline(always)]
    pub(crate) fn each(&mut self, solve: impl FnMut(&mut Batch)) {
        self.list[..self.count].iter_mut().for_each(solve);
    }

    /// All batches in order, two at a time where they go with each other.
    #[inline(always)]
    pub(crate) fn in_turn(&mut self) -> impl Iterator<Item = Turn<'_>> {
        let mut left = &mut self.list[..self.count];
        core::iter::from_fn(move || {
            let twins = if let [one, two, ..] = &*left { one.goes_with(two) } else { false };
            let all = core::mem::take(&mut left);
            if twins {
                let (two, rest) = all.split_first_chunk_mut()?;
                left = rest;
                return Some(Turn::Two(two));
            }
            let (one, rest) = all.split_first_chunk_mut()?;
            left = rest;
            Some(Turn::One(one))
        })
    }

    /// Where a contact was solved.
    #[inline(always)]
    pub(crate) fn get(&self, batch: u32, lane: u8) -> (&Batch, usize) {
        let (batch, lane) = self.find(batch, lane);
        (&self.list[self.places[batch as usize] as usize], lane)
    }
}
