//! `Lineup`, all shapes of a small world in a row. Each that moves is compared with all before it: up to some
//! hundreds of shapes that is less work than to sort them into cells.
//!
//! What is found is the same as in the grid. To compare many at once, boxes are first rounded outward to one of 256
//! columns and rows.

use alloc::vec::Vec;

use super::bundle::Bundle;
use super::census::Census;
use super::grid::LANES;
use super::hull::P;
use super::layout::small_half;
use super::meeting::Meeting;
use super::pairs::pairs_max;
use super::proxy::{Proxies, Proxy};
use super::spot::{DISC, LISTED, MOVES, OPEN, PUSHED, SENSOR, Spot};
use super::state::{BULLET, State, is_moving};
use super::still::{Stills, UNMADE};

/// Most shapes of a small world.
const SHAPES_MAX: usize = 255;
/// Shapes that are compared at once.
const WIDE: usize = 32;
/// Most pairs of one that moves and any other.
const COMPARED_MAX: usize = 96 * 96;
/// Most pairs that are looked at for each shape; where boxes overlap that often, cells are better.
const PAIRS_PER_SHAPE: usize = 12;
/// Room for all pairs, and for those that are written without being counted.
const PAIRS_MAX: usize = PAIRS_PER_SHAPE * SHAPES_MAX + 2 * WIDE;
/// A box, rounded: left, right, bottom, top.
type Sides<T> = [T; 4];

/// All shapes of a small world in a row: those that rest first. The columns are as long as they ever get.
#[derive(Debug, Default)]
pub(crate) struct Lineup {
    count: usize,
    /// What is larger is compared as the grid does what it keeps out of its cells.
    small_half: i32,
    spots: Vec<Spot>,
    halves: Vec<P>,
    sides: Sides<Vec<i32>>,
    rounded: Sides<Vec<u8>>,
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
            self.push(still.spot(), still.half);
        }
        let stills = self.count;
        proxies.clear(state.places());
        self.small_half = small_half(&state.desc, &Census::of_sizes(state, tick));
        self.draft(state, tick, proxies);
        self.round(stills);
        let pairs = self.find_pairs(stills);
        pairs.is_some_and(|pairs| self.meet_all(state, tick, proxies, apart, (pairs, meetings)))
    }

    fn clear(&mut self) {
        self.count = 0;
        if self.pairs.is_empty() {
            let len = SHAPES_MAX + WIDE;
            self.spots.resize(len, Spot::default());
            self.halves.resize(len, (0, 0));
            self.sides.iter_mut().for_each(|side| side.resize(len, 0));
            self.rounded.iter_mut().for_each(|side| side.resize(len, 0));
            self.pairs.resize(PAIRS_MAX, [0; 2]);
        }
    }

    #[inline(always)]
    fn push(&mut self, spot: Spot, half: P) {
        let ((x, y), place) = (spot.middle(), self.count);
        let [left, right, bottom, top] = &mut self.sides;
        (left[place], right[place]) = (x.saturating_sub(half.0), x.saturating_add(half.0));
        (bottom[place], top[place]) = (y.saturating_sub(half.1), y.saturating_add(half.1));
        (self.spots[place], self.halves[place]) = (spot, half);
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
                proxies.draft(state, slot, tick, |spot, half, _| self.push(spot, half));
            }
        }
    }

    /// Adds those of the discs from a slot on that move; false if one of them needs a closer look. Where the grid goes
    /// through bodies at once, this does too: their ways are rounded otherwise.
    #[inline(always)]
    fn put_bundle(&mut self, state: &State, slot: usize, tick: i64, proxies: &mut Proxies) -> bool {
        let Some(bundle) = Bundle::of(state, slot, tick) else { return false };
        let boxes = bundle.boxes();
        if bundle.any_fast || boxes.widest > self.small_half {
            return false;
        }
        let spots = bundle.spots();
        bundle.mark_edge(state, &spots, proxies);
        if spots.iter().fold(false, |any, spot| any | (spot.traits & MOVES == 0)) {
            let moving = spots.iter().zip(&boxes.halves).filter(|(spot, _)| spot.traits & MOVES != 0);
            moving.for_each(|(&spot, &half)| self.push(spot, half));
            return true;
        }
        let places = self.count..self.count + LANES;
        for (side, lanes) in self.sides.iter_mut().zip(&boxes.sides) {
            side[places.clone()].copy_from_slice(lanes);
        }
        self.halves[places.clone()].copy_from_slice(&boxes.halves);
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
            let narrow = |side: &[i32], rounded: &mut [u8]| {
                for (rounded, &side) in rounded.iter_mut().zip(side) {
                    let offset = side.clamp(least, most).wrapping_sub(least).cast_unsigned();
                    *rounded = (offset >> shift) as u8;
                }
            };
            narrow(low, &mut self.rounded[2 * axis]);
            narrow(high, &mut self.rounded[2 * axis + 1]);
        }
    }

    /// Lists the pairs of which the rounded boxes touch and tells how many there are; nothing if there are very many.
    #[inline(never)]
    fn find_pairs(&mut self, stills: usize) -> Option<usize> {
        let (places, [left, right, bottom, top]) = (self.count, &self.rounded);
        let most = PAIRS_PER_SHAPE * places;
        let mut count = 0;
        for place in stills..places {
            let own = [left[place], right[place], bottom[place], top[place]];
            for from in (0..place).step_by(WIDE) {
                let sides = [left, right, bottom, top].map(|side| wide(side, from));
                let marks = touching(own, sides) & u32::MAX >> (WIDE - (place - from).min(WIDE));
                let free = self.pairs.get_mut(count..count + WIDE)?;
                list(marks, [place as u16, from as u16], free);
                count += marks.count_ones() as usize;
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
        let mut kept = 0;
        for index in 0..count {
            let pair = pairs[index];
            pairs[kept] = pair;
            kept += usize::from(self.may_touch(pair));
        }
        for &pair in &pairs[..kept] {
            let [one, other] = pair.map(|place| self.spots[usize::from(place)]);
            let discs = one.traits & other.traits & (DISC | MOVES | OPEN) == DISC | MOVES | OPEN;
            if discs && apart.is_empty() && !self.is_large(pair) {
                let (a, b) = if one.shape < other.shape { (one, other) } else { (other, one) };
                meetings.extend(Meeting::of_discs(state, &a, &b));
            } else {
                self.meet_shapes(state, tick, proxies, apart, (pair, meetings));
            }
        }
        self.pairs = pairs;
        meetings.len() < pairs_max(self.count)
    }

    /// Whether boxes touch, and it is of interest whether shapes do.
    #[inline(always)]
    fn may_touch(&self, pair: [u16; 2]) -> bool {
        let [a, b] = pair.map(usize::from);
        let (one, other, half, half_other) = (&self.spots[a], &self.spots[b], self.halves[a], self.halves[b]);
        let ((x, y), (other_x, other_y)) = (one.middle(), other.middle());
        let touch_x = x.abs_diff(other_x) <= (half.0 + half_other.0).unsigned_abs();
        let touch_y = y.abs_diff(other_y) <= (half.1 + half_other.1).unsigned_abs();
        touch_x & touch_y && (self.is_large(pair) || one.may_touch(other))
    }

    /// Whether one of two shapes is among those that the grid keeps out of its cells.
    #[inline(always)]
    fn is_large(&self, pair: [u16; 2]) -> bool {
        let [one, other] = pair.map(|place| self.halves[usize::from(place)]);
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
        Meeting::find(state, proxies, tick, (&one, &other), meetings);
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

/// The lanes from `from` on.
#[inline(always)]
fn wide(side: &[u8], from: usize) -> &[u8; WIDE] {
    const NONE: &[u8; WIDE] = &[0; WIDE];
    side.get(from..from + WIDE).and_then(|lanes| lanes.first_chunk()).unwrap_or(NONE)
}

/// A bit for each box that touches one.
#[inline(always)]
fn touching([left, right, bottom, top]: Sides<u8>, sides: Sides<&[u8; WIDE]>) -> u32 {
    let [lefts, rights, bottoms, tops] = sides;
    let mut marks = [0_u8; WIDE];
    for lane in 0..WIDE {
        let beside = (lefts[lane] <= right) & (rights[lane] >= left);
        marks[lane] = u8::from(beside & (bottoms[lane] <= top) & (tops[lane] >= bottom));
    }
    let mut bits = 0;
    for (index, eight) in (0..).zip(marks.as_chunks::<8>().0) {
        let gathered = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits |= (gathered as u32) << (8 * index);
    }
    bits
}

/// Writes down the pairs of a place and those marked after another. Nearly always there are two at most: those are
/// written without a question.
#[inline(always)]
fn list(marks: u32, [place, from]: [u16; 2], free: &mut [[u16; 2]]) {
    let other = |marks: u32| [place, from + marks.trailing_zeros() as u16];
    let (one, two) = (marks, marks & marks.wrapping_sub(1));
    (free[0], free[1]) = (other(one), other(two));
    let (mut rest, mut at) = (two & two.wrapping_sub(1), 2);
    while rest != 0 {
        free[at] = other(rest);
        at += 1;
        rest &= rest - 1;
    }
}
