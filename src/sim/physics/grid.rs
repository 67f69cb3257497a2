//! `Grid`, which bodies are near which: cells of one size, filled by counting sort.

use alloc::vec::Vec;

use super::state::{ALIVE, Filter, State};
use crate::{Fx, Vec2};

/// Cells per body that are worth their clearing.
const CELLS_PER_BODY_MAX: u64 = 4;
/// Cells that even an empty world may have.
const CELLS_MIN: u64 = 64;
/// A body this many times larger than the mean one is kept apart instead of making all cells larger.
const LARGE_FACTOR: u64 = 4;

/// A body as the search for pairs needs it, next to its neighbours in memory. Lengths in bits of [`Fx`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) half_x: i32,
    pub(crate) half_y: i32,
    pub(crate) cell: u32,
    pub(crate) filter: Filter,
    pub(crate) slot: u16,
    pub(crate) flags: u8,
}

impl Entry {
    #[inline]
    fn of(state: &Slices<'_>, slot: usize, cell: u32) -> Self {
        let (position, half) = (state.positions[slot], state.halves[slot]);
        Self {
            x: position.x.to_bits(),
            y: position.y.to_bits(),
            half_x: half.x.to_bits(),
            half_y: half.y.to_bits(),
            cell,
            filter: state.filters[slot],
            slot: slot as u16,
            flags: state.flags[slot],
        }
    }

    /// The lower left and upper right corner of the box around the body.
    pub(crate) fn corners(&self) -> (Vec2, Vec2) {
        let centre = Vec2::new(Fx::from_bits(self.x), Fx::from_bits(self.y));
        let half = Vec2::new(Fx::from_bits(self.half_x), Fx::from_bits(self.half_y));
        (centre - half, centre + half)
    }

    /// Whether the boxes around two bodies touch.
    #[inline]
    pub(crate) fn touches(&self, other: &Self) -> bool {
        let x = self.x.abs_diff(other.x) <= (self.half_x + other.half_x).unsigned_abs();
        let y = self.y.abs_diff(other.y) <= (self.half_y + other.half_y).unsigned_abs();
        x & y
    }
}

/// The columns the grid reads, as slices of one length.
struct Slices<'a> {
    flags: &'a [u8],
    positions: &'a [Vec2],
    halves: &'a [Vec2],
    filters: &'a [Filter],
}

/// How the plane is cut into cells. There is an empty column and row of cells on each side, so that every cell
/// in use has eight neighbours.
#[derive(Clone, Copy, Debug, Default)]
struct Layout {
    origin_x: i32,
    origin_y: i32,
    /// 2³² / side of a cell.
    inverse: u64,
    columns: u32,
    rows: u32,
    /// Bodies with a half size above this are kept apart.
    small_half: i32,
}

/// Which bodies are near which.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    layout: Layout,
    /// Per cell, where its entries end.
    ends: Vec<u16>,
    /// Per slot, its cell; [`NO_CELL`] if it is in none.
    cells: Vec<u32>,
    /// The bodies in cells, by cell, then by slot.
    entries: Vec<Entry>,
    /// The bodies too large for cells, by slot.
    large: Vec<Entry>,
}

const NO_CELL: u32 = u32::MAX;

impl Layout {
    fn of(state: &State) -> Self {
        let (mean, max) = sizes(&state.flags, &state.halves);
        let small_half = max.min(mean.saturating_mul(LARGE_FACTOR)).max(1);
        let width = u64::from(state.desc.half_extent.x.to_bits().unsigned_abs()) * 2;
        let height = u64::from(state.desc.half_extent.y.to_bits().unsigned_abs()) * 2;
        let cells_max = state.slots() as u64 * CELLS_PER_BODY_MAX + CELLS_MIN;
        let wanted = u64::from(state.desc.cell.to_bits().unsigned_abs());
        let side = (small_half * 2).max(wanted).max((width * height / cells_max).isqrt()).max(1 << 6);
        // A thin world: neither direction may have more cells than all may be.
        let side = side.max(width.max(height) / cells_max);
        let inverse = (1 << 32) / side;
        let count = |length: u64| (((length * inverse) >> 32) + 1) as u32;
        Self {
            origin_x: state.desc.half_extent.x.to_bits().wrapping_neg(),
            origin_y: state.desc.half_extent.y.to_bits().wrapping_neg(),
            inverse,
            columns: count(width),
            rows: count(height),
            small_half: (side / 2).min(i32::MAX as u64) as i32,
        }
    }

    fn stride(&self) -> u32 {
        self.columns + 2
    }

    fn cells(&self) -> usize {
        (self.stride() * (self.rows + 2)) as usize
    }

    #[inline]
    fn along(&self, value: i32, origin: i32, count: u32) -> u32 {
        let offset = i64::from(value) - i64::from(origin);
        let offset = offset.max(0) as u64;
        (((offset * self.inverse) >> 32) as u32).min(count - 1) + 1
    }

    #[inline]
    fn column(&self, x: i32) -> u32 {
        self.along(x, self.origin_x, self.columns)
    }

    #[inline]
    fn row(&self, y: i32) -> u32 {
        self.along(y, self.origin_y, self.rows)
    }

    #[inline]
    fn cell(&self, position: Vec2) -> u32 {
        self.row(position.y.to_bits()) * self.stride() + self.column(position.x.to_bits())
    }
}

/// The mean and the largest half size of the living, in bits.
fn sizes(flags: &[u8], halves: &[Vec2]) -> (u64, u64) {
    let (mut sum, mut max) = (0_u64, 0_u32);
    for half in halves {
        // Slots without a body have size zero.
        let size = half.x.max(half.y).to_bits().unsigned_abs();
        sum += u64::from(size);
        max = max.max(size);
    }
    let count = flags.iter().map(|&flags| u32::from(flags & ALIVE)).sum::<u32>();
    (sum / u64::from(count.max(1)), u64::from(max))
}

impl Grid {
    /// Forgets what was there and sorts the state's bodies into cells.
    pub(crate) fn fill(&mut self, state: &State) {
        self.layout = Layout::of(state);
        self.ends.clear();
        self.ends.resize(self.layout.cells(), 0);
        let columns = Slices {
            flags: &state.flags,
            positions: &state.positions[..state.slots()],
            halves: &state.halves[..state.slots()],
            filters: &state.filters[..state.slots()],
        };
        self.count(&columns);
        let sorted = start_cells(&mut self.ends);
        self.entries.resize(sorted, Entry::default());
        for slot in 0..columns.flags.len() {
            let cell = self.cells[slot];
            if cell != NO_CELL {
                let end = &mut self.ends[cell as usize];
                self.entries[usize::from(*end)] = Entry::of(&columns, slot, cell);
                *end += 1;
            }
        }
    }

    fn count(&mut self, columns: &Slices<'_>) {
        let layout = self.layout;
        self.cells.clear();
        self.large.clear();
        for slot in 0..columns.flags.len() {
            let half = columns.halves[slot];
            let mut cell = NO_CELL;
            if columns.flags[slot] & ALIVE != 0 {
                if half.x.max(half.y).to_bits() <= layout.small_half {
                    cell = layout.cell(columns.positions[slot]);
                    self.ends[cell as usize] += 1;
                } else {
                    self.large.push(Entry::of(columns, slot, NO_CELL));
                }
            }
            self.cells.push(cell);
        }
    }

    /// The bodies in cells, by cell, then by slot.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The bodies too large for cells, by slot.
    pub(crate) fn large(&self) -> &[Entry] {
        &self.large
    }

    /// The entries after number `index` in its own cell and the one to the right.
    #[inline]
    pub(crate) fn beside(&self, index: usize, cell: u32) -> &[Entry] {
        let end = usize::from(self.ends[cell as usize + 1]);
        &self.entries[index + 1..end]
    }

    /// The entries in the three cells above `cell`.
    #[inline]
    pub(crate) fn above(&self, cell: u32) -> &[Entry] {
        let above = (cell + self.layout.stride()) as usize;
        &self.entries[usize::from(self.ends[above - 2])..usize::from(self.ends[above + 1])]
    }

    /// Every run of entries that may touch the box from `low` to `high`, row by row.
    pub(crate) fn runs(&self, low: Vec2, high: Vec2) -> impl Iterator<Item = &[Entry]> {
        let layout = self.layout;
        let margin = Fx::from_bits(layout.small_half);
        let (low, high) = (low - Vec2::splat(margin), high + Vec2::splat(margin));
        let (left, right) = (layout.column(low.x.to_bits()), layout.column(high.x.to_bits()));
        let (bottom, top) = (layout.row(low.y.to_bits()), layout.row(high.y.to_bits()));
        (bottom..=top).map(move |row| {
            let row = row * layout.stride();
            let start = usize::from(self.ends[(row + left - 1) as usize]);
            &self.entries[start..usize::from(self.ends[(row + right) as usize])]
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
