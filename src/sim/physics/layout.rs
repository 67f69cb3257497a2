//! `Layout`, how the plane is cut into cells.

use super::WorldDesc;
use super::census::Census;
use super::lanes::{Vector, WIDTH};

/// Cells per body that are worth their clearing.
const CELLS_PER_BODY_MAX: u64 = 3;
/// Cells that even an empty world may have.
const CELLS_MIN: u64 = 64;
/// Shortest side of a cell, in bits of `Fx`.
const SIDE_MIN: u64 = 64;

/// How the plane is cut into cells. There is an empty column and row of cells on each side, so that every cell in use
/// has eight neighbours.
///
/// Where bodies are so far apart that there would be too many cells, the plane is folded like a map: cells beside each
/// other stay beside each other or fall together, and what only lies together by the fold is told apart by its place.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layout {
    origin_x: i32,
    origin_y: i32,
    /// 2³² / side of a cell, rounded down: no cell is smaller than its side.
    inverse: u64,
    columns: Side,
    rows: Side,
    /// Bodies with a half size above this, half the side of a cell, are kept apart.
    pub(crate) small_half: i32,
}

/// The cells in one direction.
#[derive(Clone, Copy, Debug, Default)]
struct Side {
    count: u32,
    /// Whether the plane is folded in this direction; the count is a power of two then.
    folded: bool,
}

impl Side {
    /// The folded number of a cell.
    #[inline]
    fn fold(self, cell: u32) -> u32 {
        if self.folded {
            let cell = cell & (2 * self.count - 1);
            if cell < self.count { cell } else { 2 * self.count - 1 - cell }
        } else {
            cell.min(self.count - 1)
        }
    }

    /// The folded numbers from one cell to another, the least and the greatest of them.
    fn fold_run(self, from: u32, to: u32) -> (u32, u32) {
        let (low, high) = (self.fold(from), self.fold(to));
        if !self.folded || from / self.count == to / self.count {
            return (low.min(high), low.max(high));
        }
        match (from / self.count, to / self.count) {
            (one, other) if one + 1 < other => (0, self.count - 1),
            (one, _) if one & 1 == 0 => (low.min(high), self.count - 1),
            _ => (0, low.max(high)),
        }
    }
}

fn side_of(desc: &WorldDesc, census: &Census) -> u64 {
    let wanted = u64::from(desc.cell.to_bits().unsigned_abs());
    (census.usual_half() * 2).max(wanted).clamp(SIDE_MIN, 1 << 31)
}

/// Half the side of a cell: the largest half size of a shape that is not kept apart.
pub(crate) fn small_half(desc: &WorldDesc, census: &Census) -> i32 {
    (side_of(desc, census) / 2).min(i32::MAX as u64) as i32
}

impl Layout {
    /// The layout that suits where the shapes are, their sizes and their number.
    pub(crate) fn of(desc: &WorldDesc, census: &Census) -> Self {
        let side = side_of(desc, census);
        let inverse = (1 << 32) / side;
        let (low, high) = census.corners();
        let needed = |low: i32, high: i32| ((u64::from(high.abs_diff(low)) * inverse) >> 32) as u32 + 1;
        let (mut columns, mut rows) = (needed(low[0], high[0]), needed(low[1], high[1]));
        let cells_max = census.count() * CELLS_PER_BODY_MAX + CELLS_MIN;
        let (mut folded_x, mut folded_y) = (false, false);
        while u64::from(columns) * u64::from(rows) > cells_max {
            let (longer, folded) =
                if columns >= rows { (&mut columns, &mut folded_x) } else { (&mut rows, &mut folded_y) };
            *longer = if *folded { *longer / 2 } else { longer.next_power_of_two() / 2 };
            *folded = true;
        }
        Self {
            origin_x: low[0],
            origin_y: low[1],
            inverse,
            columns: Side { count: columns, folded: folded_x },
            rows: Side { count: rows, folded: folded_y },
            small_half: small_half(desc, census),
        }
    }

    /// The number of a cell's upper neighbour less its own.
    #[inline]
    pub(crate) fn stride(&self) -> u32 {
        self.columns.count + 2
    }

    /// How many cells there are, the empty ones at the sides included.
    pub(crate) fn cells(&self) -> usize {
        (self.stride() * (self.rows.count + 2)) as usize
    }

    /// The most that there may be of so many shapes: in one row of cells, with an empty one on each side.
    pub(crate) const fn cells_max(shapes: usize) -> usize {
        3 * (shapes * CELLS_PER_BODY_MAX as usize + CELLS_MIN as usize) + 6
    }

    /// The cell of a place.
    #[inline]
    pub(crate) fn cell(&self, x: i32, y: i32) -> u32 {
        let column = self.columns.fold(self.along(x, self.origin_x));
        let row = self.rows.fold(self.along(y, self.origin_y));
        (row + 1) * self.stride() + column + 1
    }

    /// The cells of several places at once.
    #[inline(always)]
    pub(crate) fn cells_of(&self, x: Vector, y: Vector) -> [u32; WIDTH] {
        let splat = |number: u32| Vector::splat(number.cast_signed());
        // A side of a cell is at least 64, so that this fits, and no number of a cell has more than 26 bits.
        let inverse = splat(self.inverse as u32);
        let along = |value: Vector, origin: i32| {
            let origin = Vector::splat(origin);
            (value.max(origin) - origin).times_unsigned(inverse).floor::<32, 0>()
        };
        let (columns, rows) = (along(x, self.origin_x), along(y, self.origin_y));
        if self.columns.folded | self.rows.folded {
            let [columns, rows] = [columns, rows].map(|all| all.array().map(i32::cast_unsigned));
            return core::array::from_fn(|lane| {
                (self.rows.fold(rows[lane]) + 1) * self.stride() + self.columns.fold(columns[lane]) + 1
            });
        }
        let one = Vector::splat(1);
        let (right, top) = (splat(self.columns.count - 1), splat(self.rows.count - 1));
        let cells = (rows.min(top) + one).times_low(splat(self.stride())) + columns.min(right) + one;
        cells.array().map(i32::cast_unsigned)
    }

    /// The first and the last column, and the same of the rows, of a box.
    pub(crate) fn span(&self, low: [i32; 2], high: [i32; 2]) -> ((u32, u32), (u32, u32)) {
        let (x, y) = (self.origin_x, self.origin_y);
        let columns = self.columns.fold_run(self.along(low[0], x), self.along(high[0], x));
        let rows = self.rows.fold_run(self.along(low[1], y), self.along(high[1], y));
        ((columns.0 + 1, columns.1 + 1), (rows.0 + 1, rows.1 + 1))
    }

    #[inline]
    fn along(&self, value: i32, origin: i32) -> u32 {
        let offset = (i64::from(value) - i64::from(origin)).max(0) as u64;
        ((offset * self.inverse) >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::Side;

    /// Neighbours stay neighbours, and a run holds every cell of it.
    #[test]
    fn a_fold_keeps_neighbours_together() {
        for side in [Side { count: 8, folded: true }, Side { count: 7, folded: false }] {
            for cell in 0..60 {
                assert!(side.fold(cell).abs_diff(side.fold(cell + 1)) <= 1);
                for end in cell..60 {
                    let (low, high) = side.fold_run(cell, end);
                    assert!((cell..=end).all(|cell| (low..=high).contains(&side.fold(cell))));
                }
            }
        }
    }
}
