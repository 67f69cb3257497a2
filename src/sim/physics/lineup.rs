//! `Lineup`, all shapes of a small world in a row. Each that moves is compared with all before it: up to some
//! hundreds of shapes that is less work than to sort them into cells.
//!
//! What is found is the same as in the grid. To compare many at once, boxes are first rounded outward to one of 256
//! columns and rows.

use alloc::vec::Vec;

use super::bundle::Bundle;
use super::census::Census;
use super::grid::LANES;
use super::lanes::{BYTES, Bytes};
use super::layout::small_half;
use super::meeting::Meeting;
use super::pairs::pairs_max;
use super::proxy::{Proxies, Proxy};
use super::sieve::sift;
use super::spot::{LISTED, MOVES, OPEN, PUSHED, SENSOR, Spot};
use super::state::{BULLET, State, is_moving};
use super::still::{Stills, UNMADE};

/// Most shapes of a small world.
const SHAPES_MAX: usize = 255;
/// Most pairs of one that moves and any other.
const COMPARED_MAX: usize = 96 * 96;
/// Most pairs that are looked at for each shape; where boxes overlap that often, cells are better.
const PAIRS_PER_SHAPE: usize = 12;
/// Room for all pairs, and for those that are written without being counted.
const PAIRS_MAX: usize = PAIRS_PER_SHAPE * SHAPES_MAX + 5 * WIDE;
/// Shapes that are compared at once.
const WIDE: usize = 2 * BYTES;
/// The boxes of some shapes, rounded: left, right, bottom, top.
type Block = [[u8; WIDE]; 4];

/// All shapes of a small world in a row: those that rest first. The columns are as long as they ever get.
#[derive(Debug, Default)]
pub(crate) struct Lineup {
    count: usize,
    /// What is larger is compared as the grid does what it keeps out of its cells.
    small_half: i32,
    spots: Vec<Spot>,
    /// Left, right, bottom, top.
    sides: [Vec<i32>; 4],
    blocks: Vec<Block>,
    pairs: Vec<[u16; 2]>,
}

impl Lineup {
    /// Finds all that touches or is about to; false if that is better done by a grid, or there is one needed anyway.
    #[inline(never)]
    pub(crate) fn search(
        &mut self,
        state: &mut State,
        tick: i64,
        proxies: &mut Proxies,
        apart: &[[u16; 2]],
        meetings: &mut Vec<Meeting>,
    ) -> bool {
        self.clear();
        let any = state.flags.iter().fold(0, |any, flags| any | flags);
        if state.places() > SHAPES_MAX || any & BULLET != 0 {
            return false;
        }
        // Also where the grid has this step: the memory is there when enough sleep that it is the row's turn.
        state.stills.reserve(state.places());
        let movers: usize = state.flags.iter().map(|&flags| usize::from(is_moving(flags))).sum();
        let movers = movers + state.extras.len();
        if movers * state.places() > COMPARED_MAX {
            return false;
        }
        for still in Stills::of(state, proxies) {
            self.push(still.spot());
        }
        let stills = self.count;
        proxies.clear(state);
        self.small_half = small_half(&state.desc, &Census::of_sizes(state, tick));
        self.draft(state, tick, proxies);
        self.round(stills);
        let pairs = self.find_pairs(stills);
        pairs.is_some_and(|pairs| self.meet_all(state, tick, proxies, apart, (pairs, meetings)))
    }

    fn clear(&mut self) {
        self.count = 0;
        if self.pairs.is_empty() {
            let len = SHAPES_MAX + LANES;
            self.spots.resize(len, Spot::default());
            self.sides.iter_mut().for_each(|side| side.resize(len, 0));
            self.blocks.resize(len.div_ceil(WIDE), [[0; WIDE]; 4]);
            self.pairs.resize(PAIRS_MAX, [0; 2]);
        }
    }

    #[inline(always)]
    fn push(&mut self, spot: Spot) {
        let ((x, y), (half_x, half_y), place) = (spot.middle(), spot.half(), self.count);
        let [left, right, bottom, top] = &mut self.sides;
        (left[place], right[place]) = (x.saturating_sub(half_x), x.saturating_add(half_x));
        (bottom[place], top[place]) = (y.saturating_sub(half_y), y.saturating_add(half_y));
        self.spots[place] = spot;
        self.count += 1;
    }

    /// Adds the shapes of all bodies that move.
    #[inline(never)]
    fn draft(&mut self, state: &State, tick: i64, proxies: &mut Proxies) {
        for slot in (0..state.slots()).step_by(LANES) {
            let end = (slot + LANES).min(state.slots());
            let moves = |slot: &usize| is_moving(state.flags[*slot]);
            if !(slot..end).any(|slot| moves(&slot)) || self.put_bundle(state, slot, tick, proxies) {
                continue;
            }
            for slot in (slot..end).filter(moves) {
                proxies.draft(state, slot, tick, |spot, _| self.push(spot));
            }
        }
    }

    /// Adds those of the discs from a slot on that move; false if one of them needs a closer look. Where the grid goes
    /// through bodies at once, this does too: their ways are rounded otherwise.
    #[inline(always)]
    fn put_bundle(&mut self, state: &State, slot: usize, tick: i64, proxies: &mut Proxies) -> bool {
        let Some(bundle) = Bundle::of(state, slot, tick) else { return false };
        if bundle.any_fast || bundle.any_wider(self.small_half) {
            return false;
        }
        let spots = bundle.spots();
        bundle.mark_edge(state, &spots, proxies);
        if !bundle.all_move {
            let moving = spots.iter().filter(|spot| spot.traits & MOVES != 0);
            moving.for_each(|&spot| self.push(spot));
            return true;
        }
        let places = self.count..self.count + LANES;
        for (side, lanes) in self.sides.iter_mut().zip(bundle.sides()) {
            side[places.clone()].copy_from_slice(&lanes.array());
        }
        self.spots[places].copy_from_slice(&spots);
        self.count += LANES;
        true
    }

    /// Rounds all boxes outward. What moves is in the middle of it; nothing is compared but with what moves.
    #[inline(never)]
    fn round(&mut self, stills: usize) {
        for axis in 0..2 {
            let sides = [2 * axis, 2 * axis + 1].map(|side| &self.sides[side][..self.count]);
            let [low, high] = sides;
            let least = low[stills..].iter().fold(i32::MAX, |least, &low| least.min(low));
            let most = high[stills..].iter().fold(i32::MIN, |most, &high| most.max(high)).max(least);
            let bits = u32::BITS - most.abs_diff(least).leading_zeros();
            let shift = bits.saturating_sub(u8::BITS);
            for (block, (low, high)) in self.blocks.iter_mut().zip(low.chunks(WIDE).zip(high.chunks(WIDE))) {
                for (rounded, side) in block[2 * axis..].iter_mut().zip([low, high]) {
                    for (rounded, &side) in rounded.iter_mut().zip(side) {
                        let offset = side.clamp(least, most).wrapping_sub(least).cast_unsigned();
                        *rounded = (offset >> shift) as u8;
                    }
                }
            }
        }
    }

    /// Lists the pairs of which the rounded boxes touch and tells how many there are; nothing if there are very many.
    #[inline(never)]
    fn find_pairs(&mut self, stills: usize) -> Option<usize> {
        let most = PAIRS_PER_SHAPE * self.count;
        let blocks = self.blocks.get(..self.count.div_ceil(WIDE))?;
        let mut count = 0;
        for (number, own) in blocks.iter().enumerate().skip(stills / WIDE) {
            let first = number * WIDE;
            let places = stills.saturating_sub(first)..(self.count - first).min(WIDE);
            for lane in places {
                let sides = own.each_ref().map(|side| Bytes::splat(side[lane]));
                let place = first + lane;
                for (number, block) in blocks[..number].iter().enumerate() {
                    let marks = touching_half(sides, block, 0) | touching_half(sides, block, 1) << BYTES;
                    count += list(marks, [place, number * WIDE], self.pairs.get_mut(count..)?)?;
                }
                // Of its own block only those before it.
                let mut marks = touching_half(sides, own, 0);
                if lane > BYTES {
                    marks |= touching_half(sides, own, 1) << BYTES;
                }
                count += list(marks & ((1 << lane) - 1), [place, first], self.pairs.get_mut(count..)?)?;
            }
            if count > most {
                return None;
            }
        }
        Some(count)
    }

    /// Looks at all pairs; false if there are more than are looked at in a step.
    #[inline(never)]
    fn meet_all(
        &mut self,
        state: &State,
        tick: i64,
        proxies: &mut Proxies,
        apart: &[[u16; 2]],
        (count, meetings): (usize, &mut Vec<Meeting>),
    ) -> bool {
        let mut pairs = core::mem::take(&mut self.pairs);
        let kept = sift(&self.spots, &mut pairs[..count], self.small_half);
        for &pair in &pairs[..kept] {
            let [one, other] = pair.map(|place| self.spots[usize::from(place)]);
            if !one.boxes_touch(&other) {
                continue;
            }
            if one.are_discs(&other) && apart.is_empty() && !self.is_large(pair) {
                let (a, b) = if one.shape < other.shape { (one, other) } else { (other, one) };
                Meeting::of_discs(state, &a, &b, meetings);
            } else {
                self.meet_shapes(state, tick, proxies, apart, (pair, meetings));
            }
        }
        self.pairs = pairs;
        let sensors = || meetings.iter().filter(|meeting| meeting.sensor).count();
        let most = pairs_max(self.count);
        meetings.len() < most || sensors() < most && meetings.len() - sensors() < most
    }

    /// Whether one of two shapes is among those that the grid keeps out of its cells.
    #[inline(always)]
    fn is_large(&self, pair: [u16; 2]) -> bool {
        let [one, other] = pair.map(|place| self.spots[usize::from(place)].half());
        one.0.max(one.1).max(other.0).max(other.1) > self.small_half
    }

    #[inline(never)]
    fn meet_shapes(
        &mut self,
        state: &State,
        tick: i64,
        proxies: &mut Proxies,
        apart: &[[u16; 2]],
        (pair, meetings): ([u16; 2], &mut Vec<Meeting>),
    ) {
        let [a, b] = pair.map(usize::from);
        let (one, other) = (&self.spots[a], &self.spots[b]);
        let either = one.traits | other.traits;
        if either & MOVES == 0 || either & (PUSHED | SENSOR) == 0 {
            return;
        }
        let (who, who_other) = (proxies.who(state, one, a), proxies.who(state, other, b));
        let filter = |kind: u16| state.blueprints.brief(kind).filter;
        let open = one.traits & other.traits & OPEN != 0;
        if who.slot == who_other.slot || !(open || filter(who.kind).meets(filter(who_other.kind))) {
            return;
        }
        let slots = [who.slot.min(who_other.slot), who.slot.max(who_other.slot)];
        if !apart.is_empty() && apart.binary_search(&slots).is_ok() {
            return;
        }
        let (one, other) = (self.proxy(state, tick, proxies, a), self.proxy(state, tick, proxies, b));
        let (one, other) = if who.slot < who_other.slot { (one, other) } else { (other, one) };
        Meeting::find(state, proxies, tick, (&one, &other), (None, meetings));
    }

    /// The shape at a place; that of one that rests is made when it is asked for first.
    fn proxy(&mut self, state: &State, tick: i64, proxies: &mut Proxies, place: usize) -> Proxy {
        let spot = &mut self.spots[place];
        if spot.traits & LISTED != 0 && spot.shape == UNMADE {
            let who = state.stills.who(place);
            spot.shape = proxies.list.len() as u16;
            proxies.push(state, who.slot, (who.sub, who.kind), tick);
        }
        proxies.of(state, spot)
    }
}

/// A bit for each box of half a block that touches one.
#[inline(always)]
fn touching_half([left, right, bottom, top]: [Bytes; 4], block: &Block, half: usize) -> u64 {
    let sides = |side: usize| Bytes::of(&block[side].as_chunks().0[half]);
    let (lefts, rights, bottoms, tops) = (sides(0), sides(1), sides(2), sides(3));
    let apart = lefts.over(right) | left.over(rights) | bottoms.over(top) | bottom.over(tops);
    u64::from(apart.zeros())
}

/// Writes down the pairs of a place and those marked after another, and tells how many there are; nothing if there is
/// not room for as many as there could be. Nearly always there are two at most: those are written without a question.
#[inline(always)]
fn list(marks: u64, [place, from]: [usize; 2], free: &mut [[u16; 2]]) -> Option<usize> {
    let free: &mut [[u16; 2]; WIDE] = free.first_chunk_mut()?;
    // At once: of two halves, each would be written for itself.
    let both = (place | from << u16::BITS) as u32;
    let other = |marks: u64| -> [u16; 2] { bytemuck::cast(both + (marks.trailing_zeros() << u16::BITS)) };
    let (one, two) = (marks, marks & marks.wrapping_sub(1));
    (free[0], free[1]) = (other(one), other(two));
    let (mut rest, mut at) = (two & two.wrapping_sub(1), 2);
    while rest != 0 {
        free[at] = other(rest);
        at += 1;
        rest &= rest - 1;
    }
    Some(marks.count_ones() as usize)
}
