//! How two outlines touch.

use super::entry::Entry;
use super::state::BOX;
use crate::root::{Polar, UNIT_BITS, polar};
use crate::{Fx, Vec2};

const ONE: i32 = 1 << UNIT_BITS;

/// How two outlines touch: the direction from the first to the second and how far they overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Touch {
    /// Unit vector in 1/2³⁰.
    pub(crate) normal_x: i32,
    /// Unit vector in 1/2³⁰.
    pub(crate) normal_y: i32,
    /// Overlap in bits of `Fx`, 0 or more.
    pub(crate) depth: i32,
}

impl Touch {
    /// Two outlines that touch at `reach` and are as far apart as `polar` says.
    #[inline]
    fn along(polar: Polar, reach: i32) -> Self {
        let depth = (reach - polar.length.cast_signed()).max(0);
        Self { normal_x: polar.unit_x, normal_y: polar.unit_y, depth }
    }

    fn reversed(self) -> Self {
        Self { normal_x: -self.normal_x, normal_y: -self.normal_y, depth: self.depth }
    }
}

/// How two bodies touch whose surrounding boxes do; nothing if they do not. `way` is how far `b` went in this
/// step as seen from `a`: two boxes are pushed apart in the direction in which they were apart before.
#[inline]
pub(crate) fn touch(a: &Entry, b: &Entry, way: impl Fn() -> Vec2) -> Option<Touch> {
    match (a.flags & BOX != 0, b.flags & BOX != 0) {
        (false, false) => discs(a, b),
        (true, true) => Some(boxes(a, b, way())),
        (true, false) => box_and_disc(a, b),
        (false, true) => box_and_disc(b, a).map(Touch::reversed),
    }
}

/// The offset between two centres, which is below 2³⁰ in each direction as the surrounding boxes touch.
#[inline]
fn offset(a: &Entry, b: &Entry) -> (i32, i32) {
    (b.x.wrapping_sub(a.x), b.y.wrapping_sub(a.y))
}

#[inline]
fn squared(x: i32, y: i32) -> u64 {
    let (x, y) = (u64::from(x.unsigned_abs()), u64::from(y.unsigned_abs()));
    x * x + y * y
}

#[inline]
fn discs(a: &Entry, b: &Entry) -> Option<Touch> {
    let (x, y) = offset(a, b);
    let reach = a.half_x + b.half_x;
    let distance_squared = squared(x, y);
    if distance_squared > squared(reach, 0) {
        return None;
    }
    if distance_squared == 0 {
        return Some(some_direction(a.slot ^ b.slot, reach));
    }
    Some(Touch::along(polar(x, y), reach))
}

/// Bodies at one place have no direction between them: their slots choose one, so that a heap spreads.
fn some_direction(choice: u16, depth: i32) -> Touch {
    let (normal_x, normal_y) = match choice & 3 {
        0 => (ONE, 0),
        1 => (0, ONE),
        2 => (-ONE, 0),
        _ => (0, -ONE),
    };
    Touch { normal_x, normal_y, depth }
}

fn boxes(a: &Entry, b: &Entry, way: Vec2) -> Touch {
    let (x, y) = offset(a, b);
    let (reach_x, reach_y) = (a.half_x + b.half_x, a.half_y + b.half_y);
    let (depth_x, depth_y) = (reach_x - x.abs(), reach_y - y.abs());
    let before = |reach: i32, now: i32, way: Fx| reach - now.saturating_sub(way.to_bits()).saturating_abs();
    let sign = |offset: i32| if offset < 0 { -ONE } else { ONE };
    if before(reach_x, x, way.x) < before(reach_y, y, way.y) {
        Touch { normal_x: sign(x), normal_y: 0, depth: depth_x }
    } else {
        Touch { normal_x: 0, normal_y: sign(y), depth: depth_y }
    }
}

fn box_and_disc(square: &Entry, disc: &Entry) -> Option<Touch> {
    let (x, y) = offset(square, disc);
    let outside_x = x - x.clamp(-square.half_x, square.half_x);
    let outside_y = y - y.clamp(-square.half_y, square.half_y);
    let distance_squared = squared(outside_x, outside_y);
    if distance_squared == 0 {
        // The centre is inside: out by the nearest side.
        return Some(boxes(square, disc, Vec2::ZERO));
    }
    if distance_squared > squared(disc.half_x, 0) {
        return None;
    }
    Some(Touch::along(polar(outside_x, outside_y), disc.half_x))
}
