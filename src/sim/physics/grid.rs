//! `Grid`, which bodies are near which: cells of one size, filled by counting sort.

use alloc::vec::Vec;
use core::ops::Range;

use super::layout::Layout;
use super::state::{ALIVE, State};
use crate::{Fx, Vec2};

/// Bodies that are compared at once.
pub(crate) const LANES: usize = 8;
/// Which of them are near, 0 or 1 each.
pub(crate) type Lanes = [u8; LANES];
const NO_CELL: u32 = u32::MAX;

/// Which bodies are near which. The bodies in cells are sorted by cell, then by slot; a *place* is a position
/// in that order.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    layout: Layout,
    /// Per cell, the place where its bodies end.
    ends: Vec<u16>,
    /// Per slot, its cell; [`NO_CELL`] if it is in none.
    cells_by_slot: Vec<u32>,
    /// Per place, and some more so that [`LANES`] can be read at any place.
    x: Vec<i32>,
    y: Vec<i32>,
    /// The larger half size.
    half: Vec<i32>,
    /// Per place, its slot.
    slots: Vec<u16>,
    /// Per place, its cell.
    cells_by_place: Vec<u32>,
    /// The slots of bodies too large for cells.
    large: Vec<u16>,
}

impl Grid {
    /// Forgets what was there and sorts the state's bodies into cells.
    pub(crate) fn fill(&mut self, state: &State) {
        self.layout = Layout::of(state);
        self.ends.clear();
        self.ends.resize(self.layout.cells(), 0);
        self.count(state);
        let places = start_cells(&mut self.ends);
        self.slots.resize(places, 0);
        self.cells_by_place.resize(places, 0);
        for column in [&mut self.x, &mut self.y, &mut self.half] {
            column.resize(places + LANES, 0);
        }
        self.scatter(state);
    }

    fn count(&mut self, state: &State) {
        let layout = self.layout;
        let ends = self.ends.as_mut_slice();
        self.large.clear();
        self.cells_by_slot.clear();
        let large = &mut self.large;
        let columns = state.flags.iter().zip(state.halves.iter()).zip(state.positions.iter()).enumerate();
        self.cells_by_slot.extend(columns.map(|(slot, ((&flags, half), &position))| {
            if flags & ALIVE == 0 {
                return NO_CELL;
            }
            if half.x.max(half.y).to_bits() > layout.small_half {
                large.push(slot as u16);
                return NO_CELL;
            }
            let cell = layout.cell(position);
            ends[cell as usize] += 1;
            cell
        }));
    }

    fn scatter(&mut self, state: &State) {
        let places = self.slots.len();
        let (x, y, half) = (&mut self.x[..places], &mut self.y[..places], &mut self.half[..places]);
        let (ends, slots) = (self.ends.as_mut_slice(), &mut self.slots[..places]);
        let cells = &mut self.cells_by_place[..places];
        let columns =
            self.cells_by_slot.iter().zip(state.halves.iter()).zip(state.positions.iter()).enumerate();
        for (slot, ((&cell, size), position)) in columns {
            if cell != NO_CELL {
                let end = &mut ends[cell as usize];
                let place = usize::from(*end);
                *end += 1;
                x[place] = position.x.to_bits();
                y[place] = position.y.to_bits();
                half[place] = size.x.max(size.y).to_bits();
                slots[place] = slot as u16;
                cells[place] = cell;
            }
        }
    }

    /// How many bodies there are, large ones included.
    pub(crate) fn bodies(&self) -> usize {
        self.slots.len() + self.large.len()
    }

    /// The slots by place.
    pub(crate) fn slots(&self) -> &[u16] {
        &self.slots
    }

    /// The slots of the bodies too large for cells.
    pub(crate) fn large(&self) -> &[u16] {
        &self.large
    }

    /// What is compared with each other.
    #[inline]
    pub(crate) fn columns(&self) -> Columns<'_> {
        Columns {
            x: &self.x,
            y: &self.y,
            half: &self.half,
            cells: &self.cells_by_place,
            ends: &self.ends,
            stride: self.layout.stride() as usize,
        }
    }

    /// The places of all bodies that may touch the box from `low` to `high`, row by row.
    pub(crate) fn runs(&self, low: Vec2, high: Vec2) -> impl Iterator<Item = Range<usize>> {
        let layout = self.layout;
        let margin = Vec2::splat(Fx::from_bits(layout.small_half));
        let (low, high) = (low - margin, high + margin);
        let (left, right) = (layout.column(low.x.to_bits()), layout.column(high.x.to_bits()));
        let (bottom, top) = (layout.row(low.y.to_bits()), layout.row(high.y.to_bits()));
        let end = |cell: u32| usize::from(self.ends[cell as usize]);
        (bottom..=top).map(move |row| {
            let row = row * layout.stride();
            end(row + left - 1)..end(row + right)
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
    half: &'a [i32],
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

    /// Marks which of the [`LANES`] places from `from` on may touch the body at `place`: at least those that
    /// do, as the boxes around the bodies are taken to be squares.
    ///
    /// The marks are written to memory, not returned: that is what makes this one comparison of vectors.
    #[inline(always)]
    pub(crate) fn compare(&self, place: usize, from: usize, near: &mut Lanes) {
        let (x, y, half) = (self.x[place], self.y[place], self.half[place]);
        let (xs, ys, halves) = (lanes(self.x, from), lanes(self.y, from), lanes(self.half, from));
        for lane in 0..LANES {
            let reach = (half + halves[lane]).cast_unsigned();
            near[lane] = u8::from(xs[lane].abs_diff(x).max(ys[lane].abs_diff(y)) <= reach);
        }
    }
}

/// The lanes from `from` on; there are always that many.
#[inline(always)]
fn lanes(column: &[i32], from: usize) -> &[i32; LANES] {
    const NONE: &[i32; LANES] = &[i32::MIN / 2; LANES];
    column.get(from..from + LANES).and_then(|lanes| lanes.first_chunk()).unwrap_or(NONE)
}
