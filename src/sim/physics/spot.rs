//! `Spot`, a shape as the search for pairs sees it first, in the order of the grid.

use super::proxy::{MARGIN, Proxy};
use super::state::{DYNAMIC, is_moving};

/// The body moves by itself.
pub(crate) const MOVES: u8 = 1;
/// The body is pushed.
pub(crate) const PUSHED: u8 = 2;
/// One disc is all of the body, and it goes no farther in a tick than is looked ahead.
pub(crate) const DISC: u8 = 4;
/// The shape pushes nothing.
pub(crate) const SENSOR: u8 = 8;
/// The shape has the filter that all have that are not given one.
pub(crate) const OPEN: u8 = 16;

/// Nothing slows the body down or holds it in a direction.
pub(crate) const CALM: u8 = 32;
/// The shape is in the list of proxies; all others are discs that are all of a body.
pub(crate) const LISTED: u8 = 64;

/// The shape is a segment of a chain.
pub(crate) const CHAINED: u8 = 128;

/// Those that follow from the flags of a body.
#[inline(always)]
pub(crate) const fn traits_of(flags: u8) -> u8 {
    (if flags & DYNAMIC != 0 { PUSHED } else { 0 }) | if is_moving(flags) { MOVES } else { 0 }
}

/// A shape as the search for pairs sees it first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Spot {
    pub(crate) x: i32,
    pub(crate) y: i32,
    /// The part of its way in this tick that is looked ahead.
    pub(crate) way_x: i32,
    pub(crate) way_y: i32,
    /// Of the disc, or of one around the shape however it turns in this tick.
    pub(crate) radius: i32,
    /// Half the size of the box around it on all of its way, and a margin.
    pub(crate) half_x: i32,
    pub(crate) half_y: i32,
    /// The number of its proxy, or the slot of its body.
    pub(crate) shape: u16,
    pub(crate) traits: u8,
    /// Eight numbers are loaded at once.
    pub(crate) unused: u8,
}

impl Spot {
    #[inline(always)]
    pub(crate) fn of(shape: u16, proxy: &Proxy) -> Self {
        let Proxy { x, y, way_x, way_y, half_x, half_y, reach, traits, .. } = *proxy;
        let traits = traits & !DISC | LISTED;
        Self { x, y, way_x, way_y, radius: reach, half_x, half_y, shape, traits, unused: 0 }
    }

    /// The middle of its way.
    #[inline(always)]
    pub(crate) const fn middle(&self) -> (i32, i32) {
        (self.x.saturating_add(self.way_x >> 1), self.y.saturating_add(self.way_y >> 1))
    }

    /// A disc with the box around it.
    #[inline(always)]
    pub(crate) const fn with_box(self) -> Self {
        let margin = self.radius + if self.traits & MOVES == 0 { 0 } else { MARGIN + 1 };
        Self { half_x: margin + (self.way_x.abs() >> 1), half_y: margin + (self.way_y.abs() >> 1), ..self }
    }

    /// Half the size of the box around it.
    #[inline(always)]
    pub(crate) const fn half(&self) -> (i32, i32) {
        (self.half_x, self.half_y)
    }

    /// Whether two of them are discs that are all of a body, move, and have the filter that all have.
    #[inline(always)]
    pub(crate) const fn are_discs(&self, other: &Self) -> bool {
        self.traits & other.traits & (DISC | MOVES | OPEN) == DISC | MOVES | OPEN
    }

    /// Whether the boxes around two of them and their ways touch.
    #[inline(always)]
    pub(crate) fn boxes_touch(&self, other: &Self) -> bool {
        let ((x, y), (other_x, other_y)) = (self.middle(), other.middle());
        let touch_x = x.abs_diff(other_x) <= (self.half_x + other.half_x).unsigned_abs();
        let touch_y = y.abs_diff(other_y) <= (self.half_y + other.half_y).unsigned_abs();
        touch_x & touch_y
    }

    /// False if the two cannot touch in this tick, or do not care.
    #[inline(always)]
    pub(crate) fn may_touch(&self, other: &Self) -> bool {
        let either = self.traits | other.traits;
        let wide = |to: i32, from: i32| i64::from(to) - i64::from(from);
        let (x, y) = (wide(other.x, self.x), wide(other.y, self.y));
        let (way_x, way_y) = (wide(other.way_x, self.way_x), wide(other.way_y, self.way_y));
        let nearing = x * way_x + y * way_y < 0;
        let way = if nearing { way_x.abs() + way_y.abs() } else { 0 };
        let reach = i64::from(self.radius) + i64::from(other.radius) + i64::from(MARGIN) + way;
        let cares = (either & MOVES != 0) & (either & (PUSHED | SENSOR) != 0);
        // All of it at once: there is nothing to foretell in which of it fails.
        cares & (x * x + y * y <= reach * reach)
    }
}
