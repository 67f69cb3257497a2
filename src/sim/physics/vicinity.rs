//! `Vicinity`, which shapes are near which, for as long as none of them leaves a box that is a little larger than its
//! own: where little moves, many steps need no cells.

use alloc::vec::Vec;

use super::blueprint::Edition;
use super::grid::Grid;
use super::order::sort_few;
use super::proxy::Proxies;
use super::spot::{LISTED, Spot};
use super::state::State;

/// A box: left, bottom, right, top.
type Sides = [i32; 4];

/// The part of the usual half size by which boxes are larger.
const LOOSE: i32 = 8;
/// Most pairs that are compared and most that are near each other, for each shape: where there are more, cells are
/// better.
const COMPARED_PER_SHAPE: usize = 64;
const PAIRS_PER_SHAPE: usize = 6;
/// What did not last for so many steps is not looked for again at once,
const STEPS_MIN: u32 = 12;
/// but in so many steps at most.
const WAIT_MAX: u32 = 1 << 10;

/// Two shapes that are near each other, that of the lower slot first.
#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    key: u64,
    shapes: [u16; 2],
}

/// Which shapes are near which. Shapes have the numbers that a grid gives them: those in cells, then the large ones.
#[derive(Debug, Default)]
pub(crate) struct Vicinity {
    known: bool,
    edition: Edition,
    /// How many shapes of the last step were in cells, and in all.
    counts: [usize; 2],
    /// By number, the slot and which shape of its body it is.
    whose: Vec<[u16; 2]>,
    /// By number, the larger box, and the one of this step.
    loose: Vec<Sides>,
    tight: Vec<Sides>,
    /// Sorted by slots and shapes.
    pairs: Vec<Pair>,
    /// The same unsorted, and by slot how many.
    drafts: Vec<Pair>,
    starts: Vec<u32>,
    /// Numbers by where their boxes begin.
    begins: Vec<(i32, u16)>,
    /// For how many steps it lasted; in how many it is not looked for, and in how many next time.
    age: u32,
    wait: u32,
    wait_next: u32,
}

fn key([a, sub_a]: [u16; 2], [b, sub_b]: [u16; 2]) -> u64 {
    u64::from(a) << 48 | u64::from(b) << 32 | u64::from(sub_a) << 16 | u64::from(sub_b)
}

/// Whether two boxes touch.
#[inline(always)]
fn touch(one: &Sides, other: &Sides) -> bool {
    (one[0] <= other[2]) & (other[0] <= one[2]) & (one[1] <= other[3]) & (other[1] <= one[3])
}

impl Vicinity {
    /// Whether all pairs of which the boxes touch in this step are known.
    pub(crate) fn is_known(&mut self, state: &State, proxies: &Proxies, grid: &Grid) -> bool {
        let counts = [grid.drafts().len(), grid.all().count()];
        let edition = state.blueprints.edition();
        let same = (self.edition, self.counts) == (edition, counts);
        (self.edition, self.counts) = (edition, counts);
        if same && self.known && self.holds(proxies, grid) {
            self.age += 1;
            return true;
        }
        if self.known {
            self.wait_next = if self.age < STEPS_MIN { (2 * self.wait_next + 1).min(WAIT_MAX) } else { 0 };
            (self.wait, self.known) = (self.wait_next, false);
        }
        // What goes farther does not last; and where worlds take turns, nothing does.
        let lasts = i64::from(grid.farthest()) * i64::from(STEPS_MIN) < i64::from(grid.small_half() / LOOSE);
        if lasts && same && self.wait == 0 {
            self.find(proxies, grid, state.slots());
            self.wait = if self.known { 0 } else { WAIT_MAX };
        }
        self.wait = self.wait.saturating_sub(1);
        self.known
    }

    /// Calls `look` for all pairs of which the boxes touch in this step, in the order of their keys, until it returns
    /// false; false if it did.
    #[inline(always)]
    pub(crate) fn all(&self, mut look: impl FnMut([u16; 2]) -> bool) -> bool {
        let touches = |pair: &&Pair| {
            let [a, b] = pair.shapes.map(usize::from);
            touch(&self.tight[a], &self.tight[b])
        };
        self.pairs.iter().filter(touches).all(|pair| look(pair.shapes))
    }

    /// Does not know the pairs any more, nor soon.
    pub(crate) const fn forget(&mut self) {
        (self.known, self.wait, self.wait_next) = (false, WAIT_MAX, WAIT_MAX);
    }

    /// Room for what may be near in a state.
    pub(crate) fn reserve(&mut self, state: &State) {
        let (shapes, slots) = (state.places(), state.slots());
        let pairs = PAIRS_PER_SHAPE * shapes;
        self.whose.reserve(shapes.saturating_sub(self.whose.len()));
        self.loose.reserve(shapes.saturating_sub(self.loose.len()));
        self.tight.reserve(shapes.saturating_sub(self.tight.len()));
        self.begins.reserve(shapes.saturating_sub(self.begins.len()));
        self.pairs.reserve(pairs.saturating_sub(self.pairs.len()));
        self.drafts.reserve(pairs.saturating_sub(self.drafts.len()));
        self.starts.reserve((slots + 1).saturating_sub(self.starts.len()));
    }

    /// Whether all shapes are those of which the pairs are known, within their boxes.
    #[inline(never)]
    fn holds(&mut self, proxies: &Proxies, grid: &Grid) -> bool {
        self.tight.clear();
        let known = self.whose.iter().zip(&self.loose);
        for (spot, (whose, loose)) in grid.all().zip(known) {
            let (of, sides) = (owner(proxies, spot), sides(spot));
            let inside = (loose[0] <= sides[0]) & (loose[1] <= sides[1]);
            if !(inside & (sides[2] <= loose[2]) & (sides[3] <= loose[3])) || of != *whose {
                return false;
            }
            self.tight.push(sides);
        }
        true
    }

    /// Finds the pairs, if there are not too many.
    #[inline(never)]
    fn find(&mut self, proxies: &Proxies, grid: &Grid, slots: usize) {
        let by = grid.small_half() / LOOSE;
        self.whose.clear();
        self.whose.extend(grid.all().map(|spot| owner(proxies, spot)));
        self.tight.clear();
        self.tight.extend(grid.all().map(sides));
        self.loose.clear();
        self.loose.extend(self.tight.iter().map(|&[left, bottom, right, top]| {
            let (left, bottom) = (left.saturating_sub(by), bottom.saturating_sub(by));
            [left, bottom, right.saturating_add(by), top.saturating_add(by)]
        }));
        (self.age, self.known) = (0, self.sweep());
        if self.known {
            self.sort(slots);
        }
    }

    /// Lists all pairs of boxes that touch; false if there are too many, or too many to compare.
    fn sweep(&mut self) -> bool {
        let spread = |axis: usize| {
            let begins = self.loose.iter().map(|sides| sides[axis]);
            begins.clone().max().unwrap_or(0).abs_diff(begins.min().unwrap_or(0))
        };
        let axis = usize::from(spread(1) > spread(0));
        self.begins.clear();
        self.begins.extend(self.loose.iter().map(|sides| sides[axis]).zip(0..));
        self.begins.sort_unstable();
        self.drafts.clear();
        let shapes = self.loose.len();
        let mut left = COMPARED_PER_SHAPE * shapes;
        for (index, &(_, a)) in self.begins.iter().enumerate() {
            let one = &self.loose[usize::from(a)];
            let beside = self.begins[index + 1..].iter().take_while(|(begin, _)| *begin <= one[axis + 2]);
            for &(_, b) in beside {
                left -= 1;
                if touch(one, &self.loose[usize::from(b)]) {
                    let (of_a, of_b) = (self.whose[usize::from(a)], self.whose[usize::from(b)]);
                    let ([a, b], key) =
                        if of_a < of_b { ([a, b], key(of_a, of_b)) } else { ([b, a], key(of_b, of_a)) };
                    self.drafts.push(Pair { key, shapes: [a, b] });
                }
                if left == 0 || self.drafts.len() >= PAIRS_PER_SHAPE * shapes {
                    return false;
                }
            }
        }
        true
    }

    /// Brings the pairs into the order of their keys.
    fn sort(&mut self, slots: usize) {
        self.starts.clear();
        self.starts.resize(slots + 1, 0);
        for pair in &self.drafts {
            self.starts[(pair.key >> 48) as usize + 1] += 1;
        }
        let mut sum = 0;
        for start in &mut self.starts {
            sum += *start;
            *start = sum;
        }
        self.pairs.clear();
        self.pairs.resize(self.drafts.len(), Pair::default());
        for pair in &self.drafts {
            let place = &mut self.starts[(pair.key >> 48) as usize];
            self.pairs[*place as usize] = *pair;
            *place += 1;
        }
        for of_one in self.pairs.chunk_by_mut(|one, other| one.key >> 48 == other.key >> 48) {
            sort_few(of_one, |pair| pair.key);
        }
    }
}

/// The slot of a shape, and which of its body it is.
#[inline(always)]
fn owner(proxies: &Proxies, spot: &Spot) -> [u16; 2] {
    if spot.traits & LISTED == 0 {
        return [spot.shape, 0];
    }
    let proxy = &proxies.list[usize::from(spot.shape)];
    [proxy.slot, proxy.sub]
}

/// The box around a shape and its way.
#[inline(always)]
fn sides(spot: &Spot) -> Sides {
    let ((x, y), (half_x, half_y)) = (spot.middle(), spot.half());
    [x.saturating_sub(half_x), y.saturating_sub(half_y), x.saturating_add(half_x), y.saturating_add(half_y)]
}
