//! `Vicinity`, which shapes are near which, for as long as none of them leaves a box that is a little larger than its
//! own: where little moves, many steps need no cells.

use alloc::vec::Vec;

use super::blueprint::Edition;
use super::grid::Grid;
use super::lanes::{Lanes, Vector, WIDTH};
use super::order::sort_few;
use super::proxy::{Proxies, Proxy};
use super::spot::{LISTED, Spot};
use super::state::State;
use super::verdict::Verdict;

/// A box: left, bottom, right, top.
pub(crate) type Sides = [i32; 4];

/// The part of the usual half size by which boxes are larger.
const LOOSE: i32 = 16;
/// Most pairs that are compared and most that are near each other, for each shape: where there are more, cells are
/// better.
const COMPARED_PER_SHAPE: usize = 64;
const PAIRS_PER_SHAPE: usize = 6;
/// One of so many shapes may leave its box in a step, but in small and in large worlds no fewer and no more than that:
/// what they are near is looked up again.
const SHAPES_PER_LEAVER: usize = 8;
const LEAVERS_MIN: usize = 32;
const LEAVERS_MAX: usize = 128;
/// For each that may leave its box so many may be on their way to do so: most of these leave theirs every few steps.
const FAST_PER_LEAVER: usize = 3;
/// What did not last for so many steps is not looked for again at once,
const STEPS_MIN: u32 = 12;
/// but in so many steps at most.
const WAIT_MAX: u32 = 1 << 10;
/// Where too many shapes are on their way, it is seen again after so many steps whether they still are.
const WAIT_FAST: u32 = 8;

/// Two shapes that are near each other, that of the lower slot first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pair {
    pub(crate) key: u64,
    pub(crate) shapes: [u16; 2],
    pub(crate) verdict: Verdict,
}

/// A shape as it is looked at first where it is known what is near it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Poise {
    /// The box around it and its way.
    pub(crate) sides: Sides,
    pub(crate) margin: i32,
    pub(crate) slot: u16,
    pub(crate) sub: u16,
    pub(crate) flags: u8,
    pub(crate) traits: u8,
    /// Whether it is where it was in the search before.
    pub(crate) stays: bool,
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
    /// By number, the larger box, and what is looked at in this step.
    loose: Vec<Sides>,
    /// The larger boxes of eight shapes at a time.
    eights: Vec<Eight>,
    poises: Vec<Poise>,
    /// Sorted by slots and shapes.
    pairs: Vec<Pair>,
    /// The same unsorted, or those of shapes that left their boxes, and by slot how many.
    drafts: Vec<Pair>,
    starts: Vec<u32>,
    /// The numbers of those that left their boxes in this step, and by number whether it did.
    leavers: Vec<u16>,
    left: Vec<bool>,
    /// Room for the pairs when some of them are replaced.
    spare: Vec<Pair>,
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

/// The pair of two shapes.
#[inline(always)]
fn pair(whose: &[[u16; 2]], a: u16, b: u16) -> Pair {
    let (of_a, of_b) = (whose[usize::from(a)], whose[usize::from(b)]);
    if of_a < of_b {
        Pair { key: key(of_a, of_b), shapes: [a, b], verdict: Verdict::default() }
    } else {
        Pair { key: key(of_b, of_a), shapes: [b, a], verdict: Verdict::default() }
    }
}

/// How many of so many shapes may leave their boxes in a step.
fn leavers_max(shapes: usize) -> usize {
    (shapes / SHAPES_PER_LEAVER).clamp(LEAVERS_MIN, LEAVERS_MAX)
}

/// Whether there are only a few shapes that soon leave a box that is a little larger than their own.
fn lasts(grid: &Grid) -> bool {
    let way_max = grid.small_half() / LOOSE / STEPS_MIN.cast_signed();
    let fast =
        |spot: &&Spot| spot.way_x.unsigned_abs().max(spot.way_y.unsigned_abs()).cast_signed() >= way_max;
    let fast_max = FAST_PER_LEAVER * leavers_max(grid.all().count());
    grid.all().filter(fast).nth(fast_max).is_none()
}

/// A box that is larger by that, and by the way of some more steps of what is in it.
#[inline(always)]
fn loosened([left, bottom, right, top]: Sides, spot: Option<&Spot>, by: i32) -> Sides {
    /// Steps.
    const AHEAD: i32 = 4;
    let ahead = |way: i32| way.saturating_mul(AHEAD);
    let [x, y] = spot.map_or([0; 2], |spot| [ahead(spot.way_x), ahead(spot.way_y)]);
    let low = |side: i32, way: i32| side.saturating_sub(by).saturating_add(way.min(0));
    let high = |side: i32, way: i32| side.saturating_add(by).saturating_add(way.max(0));
    [low(left, x), low(bottom, y), high(right, x), high(top, y)]
}

/// The sides of eight boxes.
#[derive(Clone, Copy, Debug, Default)]
struct Eight([Lanes; 4]);

impl Eight {
    /// Where there is no box: it touches none that is a box of a shape.
    const NONE: Sides = [i32::MAX, i32::MAX, i32::MIN, i32::MIN];

    fn of(boxes: &[Sides]) -> Self {
        let mut all = Self::default();
        for lane in 0..WIDTH {
            all.put(lane, boxes.get(lane).unwrap_or(&Self::NONE));
        }
        all
    }

    fn put(&mut self, lane: usize, sides: &Sides) {
        for (column, &side) in self.0.iter_mut().zip(sides) {
            column.0[lane % WIDTH] = side;
        }
    }

    /// A bit for each that touches another box.
    #[inline(always)]
    fn touching(&self, other: &Sides) -> u32 {
        let [left, bottom, right, top] = self.0.each_ref().map(Lanes::all);
        let [other_left, other_bottom, other_right, other_top] = other.map(Vector::splat);
        let beside = left.above(other_right).of_ones() | other_left.above(right).of_ones();
        let above = bottom.above(other_top).of_ones() | other_bottom.above(top).of_ones();
        !(beside | above).signs() & ((1 << WIDTH) - 1)
    }
}

/// Whether two boxes touch.
#[inline(always)]
pub(crate) fn touch(one: &Sides, other: &Sides) -> bool {
    (one[0] <= other[2]) & (other[0] <= one[2]) & (one[1] <= other[3]) & (other[1] <= one[3])
}

impl Vicinity {
    /// Whether all pairs of which the boxes touch in this step are known.
    pub(crate) fn is_known(&mut self, state: &State, proxies: &Proxies, grid: &Grid, search: u64) -> bool {
        let counts = [grid.drafts().len(), grid.all().count()];
        let edition = state.blueprints.edition();
        let same = (self.edition, self.counts) == (edition, counts);
        (self.edition, self.counts) = (edition, counts);
        if same && self.known && self.holds(proxies, grid, search) && self.refresh(grid) {
            self.age += 1;
            return true;
        }
        if self.known {
            self.wait_next = if self.age < STEPS_MIN { (2 * self.wait_next + 1).min(WAIT_MAX) } else { 0 };
            (self.wait, self.known) = (self.wait_next, false);
        }
        // Where many go farther it does not last; and where worlds take turns, nothing does.
        if same && self.wait == 0 {
            self.wait = if !lasts(grid) {
                WAIT_FAST
            } else if self.find(proxies, grid, state.slots()) {
                0
            } else {
                WAIT_MAX
            };
        }
        self.wait = self.wait.saturating_sub(1);
        self.known
    }

    /// The pairs in the order of their keys, and by number the shapes.
    pub(crate) const fn known(&mut self) -> (&mut Vec<Pair>, &Vec<Poise>) {
        (&mut self.pairs, &self.poises)
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
        self.eights.reserve(shapes.div_ceil(WIDTH).saturating_sub(self.eights.len()));
        self.poises.reserve(shapes.saturating_sub(self.poises.len()));
        self.begins.reserve(shapes.saturating_sub(self.begins.len()));
        self.pairs.reserve(pairs.saturating_sub(self.pairs.len()));
        self.drafts.reserve(pairs.saturating_sub(self.drafts.len()));
        self.spare.reserve(pairs.saturating_sub(self.spare.len()));
        self.left.reserve(shapes.saturating_sub(self.left.len()));
        self.leavers.reserve(LEAVERS_MAX.saturating_sub(self.leavers.len()));
        self.starts.reserve((slots + 1).saturating_sub(self.starts.len()));
    }

    /// Whether all shapes are those of which the pairs are known, within their boxes but for a few.
    #[inline(never)]
    fn holds(&mut self, proxies: &Proxies, grid: &Grid, search: u64) -> bool {
        self.poises.clear();
        self.leavers.clear();
        let leavers_max = leavers_max(self.loose.len());
        let known = self.whose.iter().zip(&self.loose);
        for ((spot, number), (whose, loose)) in grid.all().zip(0..).zip(known) {
            let poise = Poise::of(proxies, spot, search);
            let (of, sides) = ([poise.slot, poise.sub], poise.sides);
            let inside = (loose[0] <= sides[0]) & (loose[1] <= sides[1]);
            if !(inside & (sides[2] <= loose[2]) & (sides[3] <= loose[3])) {
                if self.leavers.len() >= leavers_max {
                    return false;
                }
                self.leavers.push(number);
            }
            if of != *whose {
                return false;
            }
            self.poises.push(poise);
        }
        true
    }

    /// Looks up again which shapes are near those that left their boxes; false if there are too many.
    fn refresh(&mut self, grid: &Grid) -> bool {
        self.leavers.is_empty() || self.replace(grid)
    }

    #[inline(never)]
    fn replace(&mut self, grid: &Grid) -> bool {
        self.left.clear();
        self.left.resize(self.loose.len(), false);
        let (by, small) = (grid.small_half() / LOOSE, grid.drafts());
        for &number in &self.leavers {
            let at = usize::from(number);
            self.left[at] = true;
            self.loose[at] = loosened(self.poises[at].sides, small.get(at), by);
            self.eights[at / WIDTH].put(at, &self.loose[at]);
        }
        self.drafts.clear();
        let most = PAIRS_PER_SHAPE * self.loose.len();
        for &a in &self.leavers {
            let one = &self.loose[usize::from(a)];
            for (number, eight) in self.eights.iter().enumerate() {
                let mut touching = eight.touching(one);
                while touching != 0 {
                    let b = number * WIDTH + touching.trailing_zeros() as usize;
                    touching &= touching - 1;
                    let Some(&left) = self.left.get(b) else { continue };
                    let b = b as u16;
                    // Of two that left their boxes, once.
                    if b != a && (b > a || !left) {
                        self.drafts.push(pair(&self.whose, a, b));
                    }
                    if self.drafts.len() >= most {
                        return false;
                    }
                }
            }
        }
        if self.pairs.len() + self.drafts.len() > most {
            return false;
        }
        self.drafts.sort_unstable_by_key(|pair| pair.key);
        self.merge();
        true
    }

    /// Puts those of shapes that left their boxes in the place of what was known of these.
    fn merge(&mut self) {
        self.spare.clear();
        let mut fresh = self.drafts.iter().peekable();
        for old in &self.pairs {
            if !old.shapes.iter().any(|&shape| self.left[usize::from(shape)]) {
                while let Some(next) = fresh.next_if(|next| next.key < old.key) {
                    self.spare.push(*next);
                }
                self.spare.push(*old);
            }
        }
        self.spare.extend(fresh);
        core::mem::swap(&mut self.pairs, &mut self.spare);
    }

    /// Finds the pairs; false if there are too many.
    #[inline(never)]
    fn find(&mut self, proxies: &Proxies, grid: &Grid, slots: usize) -> bool {
        let by = grid.small_half() / LOOSE;
        self.whose.clear();
        self.whose.extend(grid.all().map(|spot| owner(proxies, spot)));
        self.poises.clear();
        self.poises.extend(grid.all().map(|spot| Poise::of(proxies, spot, 0)));
        let small = grid.drafts();
        let all = self.poises.iter().enumerate();
        self.loose.clear();
        self.loose.extend(all.map(|(at, poise)| loosened(poise.sides, small.get(at), by)));
        self.eights.clear();
        self.eights.extend(self.loose.chunks(WIDTH).map(Eight::of));
        (self.age, self.known) = (0, self.sweep());
        if self.known {
            self.sort(slots);
        }
        self.known
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
                    self.drafts.push(pair(&self.whose, a, b));
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

impl Poise {
    #[inline(always)]
    fn of(proxies: &Proxies, spot: &Spot, search: u64) -> Self {
        let sides = sides(spot);
        if spot.traits & LISTED == 0 {
            return Self { sides, slot: spot.shape, ..Self::default() };
        }
        let Proxy { margin, slot, sub, flags, traits, since, .. } = proxies.list[usize::from(spot.shape)];
        Self { sides, margin, slot, sub, flags, traits, stays: since <= search }
    }
}

/// The box around a shape and its way.
#[inline(always)]
fn sides(spot: &Spot) -> Sides {
    let ((x, y), (half_x, half_y)) = (spot.middle(), spot.half());
    [x.saturating_sub(half_x), y.saturating_sub(half_y), x.saturating_add(half_x), y.saturating_add(half_y)]
}
