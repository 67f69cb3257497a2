//! `Grid`, which bodies are near which: cells of one size, filled by counting sort.

use alloc::vec::Vec;
use core::ops::Range;

use super::bundle::Bundle;
use super::census::Census;
use super::lanes::Vector;
use super::layout::Layout;
use super::near;
use super::proxy::Proxies;
use super::spot::Spot;
use super::state::State;
use crate::{Fx, WorldDesc};

/// Bodies that are compared at once.
pub(crate) const LANES: usize = 8;

/// Which bodies are near which. The bodies in cells are sorted by cell, then by number; a *place* is a position
/// in that order.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    census: Census,
    layout: Layout,
    /// Per cell, the place where its bodies end.
    ends: Vec<u16>,
    /// The shapes in cells by number, and the cell of each.
    drafts: Vec<Spot>,
    cells_by_draft: Vec<u32>,
    /// Per place, and some more so that [`LANES`] can be read at any place.
    x: Vec<i32>,
    y: Vec<i32>,
    half_x: Vec<i32>,
    half_y: Vec<i32>,
    spots: Vec<Spot>,
    /// Per place, its cell.
    cells_by_place: Vec<u32>,
    /// The shapes of bodies too large for cells.
    large: Vec<Spot>,
}

impl Grid {
    /// Forgets what was there and finds the cells of all shapes; `tick` is the time for which margins have to do, in
    /// 1/2³² of a second.
    pub(crate) fn begin(&mut self, state: &State, tick: i64, proxies: &mut Proxies) {
        self.census = Census::of(state, tick);
        self.begin_as(state, tick, proxies, Layout::of(&state.desc, &self.census));
    }

    fn begin_as(&mut self, state: &State, tick: i64, proxies: &mut Proxies, layout: Layout) {
        self.layout = layout;
        self.clear(state.places());
        proxies.clear(state);
        self.draft(state, tick, proxies);
    }

    /// Whether there are so few shapes in each cell that all are compared that may touch.
    pub(crate) fn is_sparse(&self) -> bool {
        /// Next to a shape there are those of three cells at most.
        const IN_CELL_MAX: u16 = (near::NEIGHBOURS_PER_BODY_MAX / 2 / 3) as u16;
        self.ends.iter().fold(0, |most, &count| most.max(count)) < IN_CELL_MAX
    }

    /// Sorts all shapes into their cells.
    pub(crate) fn fill(&mut self, state: &State, tick: i64, proxies: &mut Proxies) {
        self.sort();
        if state.desc.cell > Fx::ZERO && near::is_cut(self) {
            // Wider cells than the bodies need must not be the reason for which pairs are left out.
            let layout = Layout::of(&WorldDesc { cell: Fx::ZERO, ..state.desc }, &self.census);
            if layout.small_half < self.layout.small_half {
                self.begin_as(state, tick, proxies, layout);
                self.sort();
            }
        }
    }

    fn sort(&mut self) {
        let places = start_cells(&mut self.ends);
        self.spots.resize(places, Spot::default());
        self.cells_by_place.resize(places, 0);
        for column in [&mut self.x, &mut self.y, &mut self.half_x, &mut self.half_y] {
            column.resize(places + LANES, 0);
        }
        self.scatter();
    }

    /// Empties everything; there is room for so many shapes afterwards, wherever they are.
    fn clear(&mut self, shapes: usize) {
        self.ends.clear();
        self.ends.reserve(Layout::cells_max(shapes));
        self.ends.resize(self.layout.cells(), 0);
        self.drafts.clear();
        self.cells_by_draft.clear();
        self.large.clear();
        self.large.reserve(shapes);
        self.drafts.reserve(shapes);
        self.cells_by_draft.reserve(shapes);
        self.spots.reserve(shapes.saturating_sub(self.spots.len()));
        self.cells_by_place.reserve(shapes.saturating_sub(self.cells_by_place.len()));
        for column in [&mut self.x, &mut self.y, &mut self.half_x, &mut self.half_y] {
            column.reserve((shapes + LANES).saturating_sub(column.len()));
        }
    }

    /// Finds the cell of every shape.
    #[inline(never)]
    fn draft(&mut self, state: &State, tick: i64, proxies: &mut Proxies) {
        let mut slot = 0;
        while slot < state.slots() {
            let wide = Bundle::of(state, slot, tick);
            match wide.filter(|bundle| self.put_bundle(state, bundle, proxies)) {
                Some(_) => slot += LANES,
                None if self.put_flock(state, slot, tick, proxies) => slot += LANES,
                None => {
                    let end = (slot + LANES).min(state.slots());
                    (slot..end).for_each(|slot| self.draft_one(state, slot, tick, proxies));
                    slot = end;
                }
            }
        }
    }

    /// Puts discs into cells; false if one of them needs a closer look.
    #[inline(always)]
    fn put_bundle(&mut self, state: &State, bundle: &Bundle, proxies: &mut Proxies) -> bool {
        if bundle.any_fast || bundle.any_wider(self.layout.small_half) {
            return false;
        }
        let (cells, spots) = (bundle.cells(&self.layout), bundle.spots());
        bundle.mark_edge(state, &spots, proxies);
        self.drafts.extend_from_slice(&spots);
        self.cells_by_draft.extend_from_slice(&cells);
        cells.iter().for_each(|&cell| self.ends[cell as usize] += 1);
        true
    }

    /// Puts outlines into cells; false if one of them needs a closer look.
    #[inline(always)]
    fn put_flock(&mut self, state: &State, slot: usize, tick: i64, proxies: &mut Proxies) -> bool {
        let Some(flock) = proxies.draft_flock(state, slot, tick) else { return false };
        if flock.any_wider(self.layout.small_half) {
            flock.spots.iter().for_each(|spot| self.put(*spot));
            return true;
        }
        let cells = flock.cells(&self.layout);
        self.drafts.extend_from_slice(&flock.spots);
        self.cells_by_draft.extend_from_slice(&cells);
        cells.iter().for_each(|&cell| self.ends[cell as usize] += 1);
        true
    }

    #[inline(never)]
    fn draft_one(&mut self, state: &State, slot: usize, tick: i64, proxies: &mut Proxies) {
        proxies.draft(state, slot, tick, |spot, _| self.put(spot));
    }

    #[inline(always)]
    fn put(&mut self, spot: Spot) {
        if spot.half_x.max(spot.half_y) > self.layout.small_half {
            self.large.push(spot);
            return;
        }
        let (x, y) = spot.middle();
        let cell = self.layout.cell(x, y);
        self.ends[cell as usize] += 1;
        self.drafts.push(spot);
        self.cells_by_draft.push(cell);
    }

    #[inline(never)]
    fn scatter(&mut self) {
        let places = self.spots.len();
        let (xs, ys) = (&mut self.x[..places], &mut self.y[..places]);
        let (half_x, half_y) = (&mut self.half_x[..places], &mut self.half_y[..places]);
        let (ends, spots) = (self.ends.as_mut_slice(), &mut self.spots[..places]);
        let cells = &mut self.cells_by_place[..places];
        for (&cell, spot) in self.cells_by_draft.iter().zip(&self.drafts) {
            let end = &mut ends[cell as usize];
            let place = usize::from(*end);
            *end += 1;
            (xs[place], ys[place]) = spot.middle();
            (half_x[place], half_y[place]) = spot.half();
            spots[place] = *spot;
            cells[place] = cell;
        }
    }

    /// The shapes in cells by number.
    pub(crate) fn drafts(&self) -> &[Spot] {
        &self.drafts
    }

    /// All shapes by number: those in cells, then the large ones.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Spot> {
        self.drafts.iter().chain(&self.large)
    }

    /// The shape of a number, and whether it is in cells.
    #[inline(always)]
    pub(crate) fn shape(&self, number: u16) -> (&Spot, bool) {
        let number = usize::from(number);
        match self.drafts.get(number) {
            Some(small) => (small, true),
            None => (&self.large[number - self.drafts.len()], false),
        }
    }

    /// The largest half size of a shape in cells.
    pub(crate) const fn small_half(&self) -> i32 {
        self.layout.small_half
    }

    /// The shapes by place.
    pub(crate) fn spots(&self) -> &[Spot] {
        &self.spots
    }

    /// Those too large for cells.
    pub(crate) fn large(&self) -> &[Spot] {
        &self.large
    }

    /// What is compared with each other.
    #[inline]
    pub(crate) fn columns(&self) -> Columns<'_> {
        // All of one length, so that what is asked of one is known of all.
        let len = self.x.len();
        Columns {
            x: &self.x[..len],
            y: &self.y[..len],
            half_x: &self.half_x[..len],
            half_y: &self.half_y[..len],
            cells: &self.cells_by_place,
            ends: &self.ends,
            stride: self.layout.stride() as usize,
        }
    }

    /// All shapes in cells that may touch the box from `low` to `high`, row by row.
    pub(crate) fn within(&self, low: [i32; 2], high: [i32; 2]) -> impl Iterator<Item = &Spot> {
        let layout = self.layout;
        let low = low.map(|low| low.saturating_sub(layout.small_half));
        let high = high.map(|high| high.saturating_add(layout.small_half));
        let ((left, right), (bottom, top)) = layout.span(low, high);
        let end = |cell: u32| usize::from(self.ends[cell as usize]);
        (bottom..=top).flat_map(move |row| {
            let row = row * layout.stride();
            self.spots[end(row + left - 1)..end(row + right)].iter()
        })
    }
}

/// Turns counts into starts; gives their sum.
fn start_cells(ends: &mut [u16]) -> usize {
    let mut sum = 0_u16;
    for end in ends {
        // At most BODIES_MAX bodies are counted, which fits.
        let count = *end;
        *end = sum;
        sum = sum.wrapping_add(count);
    }
    usize::from(sum)
}

/// The columns of a grid by place, and where its cells end.
#[derive(Clone, Copy)]
pub(crate) struct Columns<'a> {
    x: &'a [i32],
    y: &'a [i32],
    half_x: &'a [i32],
    half_y: &'a [i32],
    cells: &'a [u32],
    ends: &'a [u16],
    stride: usize,
}

impl Columns<'_> {
    /// Where the places end in the cell of `place` and the one to the right; and the places in the three
    /// cells above.
    #[inline(always)]
    pub(crate) fn neighbours(&self, place: usize) -> (u16, Range<u16>) {
        let cell = self.cells[place] as usize;
        let above = cell + self.stride;
        (self.ends[cell + 1], self.ends[above - 2]..self.ends[above + 1])
    }

    /// A bit for each of the next [`LANES`] places from `from` on, `count` at most, the box of which touches that of
    /// `place`.
    #[inline(always)]
    pub(crate) fn touching(&self, place: usize, from: usize, count: usize) -> u32 {
        let touch = |middles: &[i32], halves: &[i32]| {
            let (middle, half) = (Vector::splat(middles[place]), Vector::splat(halves[place]));
            let (middles, reach) = (lanes(middles, from), half + lanes(halves, from));
            // Without a sign: as far apart as the ends of the plane.
            let apart = middles.max(middle) - middles.min(middle);
            apart.max_unsigned(reach).equals(reach)
        };
        let touch = touch(self.x, self.half_x) & touch(self.y, self.half_y);
        touch.signs() & ((1 << count.min(LANES)) - 1)
    }
}

/// The lanes from `from` on; there are always that many.
#[inline(always)]
fn lanes(column: &[i32], from: usize) -> Vector {
    const NONE: &[i32; LANES] = &[i32::MIN / 2; LANES];
    Vector::of(column.get(from..from + LANES).and_then(|lanes| lanes.first_chunk()).unwrap_or(NONE))
}
