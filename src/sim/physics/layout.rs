//! `Layout`, how the plane is cut into cells.

use super::WorldDesc;
use super::proxy::Proxy;

/// Cells per body that are worth their clearing.
const CELLS_PER_BODY_MAX: u64 = 4;
/// Cells that even an empty world may have.
const CELLS_MIN: u64 = 64;
/// A body this many times larger than the mean one is kept apart instead of making all cells larger.
const LARGE_FACTOR: u64 = 4;
/// Shortest side of a cell, in bits of `Fx`.
const SIDE_MIN: u64 = 64;

/// How the plane is cut into cells. There is an empty column and row of cells on each side, so that every
/// cell in use has eight neighbours; what is outside of the world counts as in the nearest cell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layout {
    origin_x: i32,
    origin_y: i32,
    /// 2³² / side of a cell, rounded down: no cell is smaller than its side.
    inverse: u64,
    columns: u32,
    rows: u32,
    /// Bodies with a half size above this, half the side of a cell, are kept apart.
    pub(crate) small_half: i32,
}

impl Layout {
    /// The layout that suits the sizes and the number of shapes.
    pub(crate) fn of(desc: &WorldDesc, proxies: &[Proxy]) -> Self {
        let (mean, max) = sizes(proxies);
        let small_half = max.min(mean * LARGE_FACTOR);
        let width = u64::from(desc.half_extent.x.to_bits().unsigned_abs()) * 2;
        let height = u64::from(desc.half_extent.y.to_bits().unsigned_abs()) * 2;
        let cells_max = proxies.len() as u64 * CELLS_PER_BODY_MAX + CELLS_MIN;
        let wanted = u64::from(desc.cell.to_bits().unsigned_abs());
        // Not more cells than there may be in all, nor in one direction alone.
        let roomy = (width * height / cells_max).isqrt().max(width.max(height) / cells_max);
        let side = (small_half * 2).max(wanted).max(roomy).max(SIDE_MIN);
        let inverse = (1 << 32) / side;
        let count = |length: u64| ((length * inverse) >> 32) as u32 + 1;
        Self {
            origin_x: -desc.half_extent.x.to_bits(),
            origin_y: -desc.half_extent.y.to_bits(),
            inverse,
            columns: count(width),
            rows: count(height),
            small_half: (side / 2).min(i32::MAX as u64) as i32,
        }
    }

    /// The number of a cell's upper neighbour less its own.
    #[inline]
    pub(crate) fn stride(&self) -> u32 {
        self.columns + 2
    }

    /// How many cells there are, the empty ones at the sides included.
    pub(crate) fn cells(&self) -> usize {
        (self.stride() * (self.rows + 2)) as usize
    }

    /// The column of a place, from 1.
    #[inline]
    pub(crate) fn column(&self, x: i32) -> u32 {
        self.along(x, self.origin_x, self.columns)
    }

    /// The row of a place, from 1.
    #[inline]
    pub(crate) fn row(&self, y: i32) -> u32 {
        self.along(y, self.origin_y, self.rows)
    }

    /// The cell of a place.
    #[inline]
    pub(crate) fn cell(&self, x: i32, y: i32) -> u32 {
        self.row(y) * self.stride() + self.column(x)
    }

    #[inline]
    fn along(&self, value: i32, origin: i32, count: u32) -> u32 {
        let offset = (i64::from(value) - i64::from(origin)).max(0) as u64;
        (((offset * self.inverse) >> 32) as u32).min(count - 1) + 1
    }
}

/// The mean and the largest half size, in bits.
fn sizes(proxies: &[Proxy]) -> (u64, u64) {
    let (mut sum, mut max) = (0_u64, 0_u32);
    for proxy in proxies {
        let size = proxy.half_x.max(proxy.half_y).unsigned_abs();
        sum += u64::from(size);
        max = max.max(size);
    }
    (sum / (proxies.len() as u64).max(1), u64::from(max))
}
