//! `Grid`, which bodies are near which: cells of one size, filled by counting sort.

use alloc::vec::Vec;
use core::ops::Range;

use super::WorldDesc;
use super::layout::Layout;
use super::proxy::Proxy;

/// Bodies that are compared at once.
pub(crate) const LANES: usize = 8;
/// Which of them are near, 0 or 1 each.
pub(crate) type Lanes = [u8; LANES];
const NO_CELL: u32 = u32::MAX;

/// Which bodies are near which. The bodies in cells are sorted by cell, then by number; a *place* is a position
/// in that order.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    layout: Layout,
    /// Per cell, the place where its bodies end.
    ends: Vec<u16>,
    /// Per shape, its cell; [`NO_CELL`] if it is in none.
    cells_by_shape: Vec<u32>,
    /// Per place, and some more so that [`LANES`] can be read at any place.
    x: Vec<i32>,
    y: Vec<i32>,
    /// The larger half size.
    half: Vec<i32>,
    /// Per place, the number of its shape.
    shapes: Vec<u16>,
    /// Per place, its cell.
    cells_by_place: Vec<u32>,
    /// The shapes of bodies too large for cells.
    large: Vec<u16>,
}

impl Grid {
    /// Forgets what was there and sorts shapes into cells.
    pub(crate) fn fill(&mut self, desc: &WorldDesc, proxies: &[Proxy]) {
        self.layout = Layout::of(desc, proxies);
        self.ends.clear();
        self.ends.resize(self.layout.cells(), 0);
        self.count(proxies);
        let places = start_cells(&mut self.ends);
        self.shapes.resize(places, 0);
        self.cells_by_place.resize(places, 0);
        for column in [&mut self.x, &mut self.y, &mut self.half] {
            column.resize(places + LANES, 0);
        }
        self.scatter(proxies);
    }

    fn count(&mut self, proxies: &[Proxy]) {
        let layout = self.layout;
        let ends = self.ends.as_mut_slice();
        self.large.clear();
        self.cells_by_shape.clear();
        let large = &mut self.large;
        self.cells_by_shape.extend((0_u16..).zip(proxies).map(|(index, proxy)| {
            if proxy.half_x.max(proxy.half_y) > layout.small_half {
                large.push(index);
                return NO_CELL;
            }
            let cell = layout.cell(proxy.x, proxy.y);
            ends[cell as usize] += 1;
            cell
        }));
    }

    fn scatter(&mut self, proxies: &[Proxy]) {
        let places = self.shapes.len();
        let (x, y, half) = (&mut self.x[..places], &mut self.y[..places], &mut self.half[..places]);
        let (ends, shapes) = (self.ends.as_mut_slice(), &mut self.shapes[..places]);
        let cells = &mut self.cells_by_place[..places];
        for (index, (&cell, proxy)) in self.cells_by_shape.iter().zip(proxies).enumerate() {
            if cell != NO_CELL {
                let end = &mut ends[cell as usize];
                let place = usize::from(*end);
                *end += 1;
                x[place] = proxy.x;
                y[place] = proxy.y;
                half[place] = proxy.half_x.max(proxy.half_y);
                shapes[place] = index as u16;
                cells[place] = cell;
            }
        }
    }

    /// The numbers of the shapes by place.
    pub(crate) fn shapes(&self) -> &[u16] {
        &self.shapes
    }

    /// The numbers of those too large for cells.
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
    pub(crate) fn runs(&self, low: [i32; 2], high: [i32; 2]) -> impl Iterator<Item = Range<usize>> {
        let layout = self.layout;
        let low = low.map(|low| low.saturating_sub(layout.small_half));
        let high = high.map(|high| high.saturating_add(layout.small_half));
        let (left, right) = (layout.column(low[0]), layout.column(high[0]));
        let (bottom, top) = (layout.row(low[1]), layout.row(high[1]));
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
