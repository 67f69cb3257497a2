//! Clipping of one outline's side against another's.

use super::hull::{Hull, P, POINTS_MAX};
use super::lanes::{Four, Pairs};
use super::manifold::{Manifold, ManifoldPoint, along, discs, dot, of_corners};
use crate::root::UNIT_BITS;

/// A corner of the incident side: along the reference side, and out of it.
#[derive(Clone, Copy)]
struct End {
    along: i64,
    out: i64,
}

impl End {
    /// The point between two ends where the reference side ends.
    fn cut(self, other: Self, at: i64) -> Self {
        let span = other.along - self.along;
        if span == 0 {
            return Self { along: at, ..self };
        }
        Self { along: at, out: self.out + (other.out - self.out) * (at - self.along) / span }
    }
}

/// How the side of `b` that faces a side of `a` lies on it; `manifold` has no points before.
pub(crate) fn clip(a: &Hull, side: usize, b: &Hull, offset: P, margin: i32, manifold: &mut Manifold) {
    let next = a.next(side);
    let (from, to, normal) = (a.points[side], a.points[next], a.normals[side]);
    let tangent = (-normal.1, normal.0);
    let length = dot(tangent, to.0 - from.0, to.1 - from.1);
    let facing = facing_side(normal, b);
    let end = |index: usize| {
        let (x, y) = (b.points[index].0 + offset.0 - from.0, b.points[index].1 + offset.1 - from.1);
        End { along: dot(tangent, x, y), out: dot(normal, x, y) }
    };
    // The facing side runs the other way round.
    let after = b.next(facing);
    let (low, high) = (end(after), end(facing));
    if high.along < 0 || low.along > length {
        let (corner, index, of_b) = if high.along < 0 { (from, side, facing) } else { (to, next, after) };
        *manifold = two_corners(a, b, (corner, index), of_b, offset, margin);
        return;
    }
    let first = if low.along < 0 { low.cut(high, 0) } else { low };
    let second = if high.along > length { high.cut(low, length) } else { high };
    manifold.normal = normal;
    let mut put = |end: End, feature: u32| {
        let separation = end.out - i64::from(a.radius) - i64::from(b.radius);
        if separation <= i64::from(margin) {
            let out = (i64::from(a.radius) + (separation >> 1)) as i32;
            let ((tx, ty), (nx, ny)) = (along(tangent, end.along as i32), along(normal, out));
            manifold.points[usize::from(manifold.count)] = ManifoldPoint {
                x: from.0 + tx + nx,
                y: from.1 + ty + ny,
                separation: separation as i32,
                feature,
            };
            manifold.count += 1;
        }
    };
    // Which of two corners comes first is of no meaning: those that stand above each other change places all the time.
    put(first, of_corners(side, after));
    put(second, of_corners(next, facing));
}

/// The side of `b` that faces against a direction most.
#[inline(always)]
fn facing_side(normal: P, b: &Hull) -> usize {
    let mut least = facing_sides(normal, b, 0);
    if !b.is_small() {
        least = least.min(facing_sides(normal, b, 1));
    }
    let [one, two, three, four] = least.array();
    (one.min(two).min(three.min(four)) & NUMBER) as usize
}

/// What the number of a side takes of how far it faces somewhere.
const NUMBER: i64 = POINTS_MAX as i64 - 1;

/// How far each of four sides of `b` faces a direction, in 1/2³⁰, in the lowest bits which side it is: of two that face
/// it as much the first one is the less. The greatest number where there is no side.
#[inline(always)]
fn facing_sides(normal: P, b: &Hull, four: usize) -> Four {
    let numbers = Four::of(if four == 0 { [0, 1, 2, 3] } else { [4, 5, 6, 7] });
    let along = b.four_normals(four).dot(&Pairs::splat(normal)) + Four::splat(1 << (UNIT_BITS - 1));
    let none = Four::splat(i64::MAX);
    along.marked(-1 << UNIT_BITS, numbers).where_above(Four::splat(i64::from(b.count)), numbers, none)
}

/// Two corners that are next to each other.
fn two_corners(
    a: &Hull,
    b: &Hull,
    (corner, index): (P, usize),
    of_b: usize,
    offset: P,
    margin: i32,
) -> Manifold {
    let other = b.points[of_b];
    let between = (other.0 + offset.0 - corner.0, other.1 + offset.1 - corner.1);
    let mut found = discs(a.radius, b.radius, between, margin, 0);
    if between == (0, 0) {
        found.normal = a.normals[index];
    }
    found.points[0].x += corner.0;
    found.points[0].y += corner.1;
    found.points[0].feature = of_corners(index, of_b) | 0x1000;
    found
}
