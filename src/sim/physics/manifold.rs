//! `Manifold`, at which points two shapes push each other, and in which direction.
//!
//! Two outlines of two points and more: separating axes and clipping of one side against the other (Gottschalk, 1996;
//! Catto, "Contact Manifolds", 2007). Coordinates are bits of `Fx` around the first shape's centroid.

use super::clip::clip;
use super::hull::{Ghosts, Hull, P, POINTS_MAX};
use super::lanes::{Four, Pairs};
use crate::root::{UNIT_BITS, polar};

const ONE: i32 = 1 << UNIT_BITS;
const ROUND: i64 = 1 << (UNIT_BITS - 1);
/// One side is preferred as the reference over another by this much, so that it stays the same.
const PREFERENCE: i64 = 33;
/// Bits of a feature for a corner or a side of either shape.
const PART_BITS: u32 = 4;

/// The feature of a point where a side of one shape ends or one of another: it is that of the two corners there.
pub(crate) const fn of_corners(a: usize, b: usize) -> u32 {
    (b as u32) << PART_BITS | a as u32
}

/// A point at which two shapes push each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ManifoldPoint {
    /// In the middle between the two outlines.
    pub(crate) x: i32,
    pub(crate) y: i32,
    /// How far the outlines are apart; less than 0 if they overlap.
    pub(crate) separation: i32,
    /// Which corner it is.
    pub(crate) feature: u32,
}

/// At which points two shapes push each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifold {
    /// From the first to the second, in 1/2³⁰.
    pub(crate) normal: P,
    pub(crate) count: u8,
    pub(crate) points: [ManifoldPoint; 2],
}

impl Manifold {
    /// The least distance of the outlines.
    #[inline(always)]
    pub(crate) fn separation(&self) -> i32 {
        let [first, second] = &self.points;
        if self.count > 1 { first.separation.min(second.separation) } else { first.separation }
    }

    fn single(normal: P, point: ManifoldPoint) -> Self {
        Self { normal, count: 1, points: [point, ManifoldPoint::default()] }
    }

    /// The same with the shapes exchanged; `offset` is from the old first to the new first centroid.
    fn exchanged(mut self, offset: P) -> Self {
        self.exchange(offset);
        self
    }

    #[inline(always)]
    fn exchange(&mut self, offset: P) {
        self.normal = (-self.normal.0, -self.normal.1);
        for point in &mut self.points[..usize::from(self.count).min(2)] {
            point.x -= offset.0;
            point.y -= offset.1;
            let (parts, kind) = (point.feature & 0xff, point.feature & !0xff);
            point.feature = kind | parts >> PART_BITS | parts << PART_BITS & 0xff;
        }
    }
}

/// An outline with what it needs to be met.
#[derive(Clone, Copy)]
pub(crate) struct Outline<'a> {
    pub(crate) hull: &'a Hull,
    pub(crate) ghosts: Option<Ghosts>,
}

/// How two shapes touch that are nearer than `margin`; no points if they are not. `offset` is from the first centroid
/// to the second.
pub(crate) fn collide(a: Outline, b: Outline, offset: P, margin: i32, choice: u16) -> Manifold {
    let back = (-offset.0, -offset.1);
    match (a.hull.count, b.hull.count) {
        (1, 1) => discs(a.hull.radius, b.hull.radius, offset, margin, choice),
        (1, _) => corners_and_disc(b, a.hull.radius, back, margin).exchanged(back),
        (_, 1) => corners_and_disc(a, b.hull.radius, offset, margin),
        _ => match (a.ghosts, b.ghosts) {
            (Some(ghosts), _) => super::chain::segment_and_corners(a.hull, ghosts, b.hull, offset, margin),
            (_, Some(ghosts)) => {
                super::chain::segment_and_corners(b.hull, ghosts, a.hull, back, margin).exchanged(back)
            }
            _ => corners(a.hull, b.hull, offset, margin),
        },
    }
}

/// Two discs. The normal of those at one place is chosen by `choice`, so that a heap spreads.
#[inline]
pub(crate) fn discs(radius_a: i32, radius_b: i32, (x, y): P, margin: i32, choice: u16) -> Manifold {
    let reach = i64::from(radius_a) + i64::from(radius_b);
    let far = reach + i64::from(margin);
    let squared = i64::from(x) * i64::from(x) + i64::from(y) * i64::from(y);
    if squared > far * far {
        return Manifold::default();
    }
    let polar = polar(x, y);
    let normal = match (polar.length, choice & 3) {
        (1.., _) => (polar.unit_x, polar.unit_y),
        (_, 0) => (ONE, 0),
        (_, 1) => (0, ONE),
        (_, 2) => (-ONE, 0),
        _ => (0, -ONE),
    };
    let separation = (i64::from(polar.length) - reach) as i32;
    let (px, py) = along(normal, radius_a + separation / 2);
    Manifold::single(normal, ManifoldPoint { x: px, y: py, separation, feature: 0 })
}

/// A vector of a direction.
#[inline(always)]
pub(crate) fn along(direction: P, length: i32) -> P {
    let part = |part: i32| ((i64::from(part) * i64::from(length) + ROUND) >> UNIT_BITS) as i32;
    (part(direction.0), part(direction.1))
}

/// The part of a vector in a direction.
#[inline(always)]
pub(crate) fn dot(direction: P, x: i32, y: i32) -> i64 {
    (i64::from(direction.0) * i64::from(x) + i64::from(direction.1) * i64::from(y) + ROUND) >> UNIT_BITS
}

fn corners_and_disc(outline: Outline, radius: i32, (x, y): P, margin: i32) -> Manifold {
    let hull = outline.hull;
    let reach = i64::from(hull.radius) + i64::from(radius);
    let sides = if outline.ghosts.is_some() { 1 } else { hull.points().len() };
    let (mut best, mut side) = (i64::MIN, 0);
    for (index, (&point, &normal)) in hull.points().iter().zip(&hull.normals).take(sides).enumerate() {
        let out = dot(normal, x - point.0, y - point.1);
        if out > best {
            (best, side) = (out, index);
        }
    }
    let behind = outline.ghosts.is_some() && best < 0;
    if best > reach + i64::from(margin) || behind {
        return Manifold::default();
    }
    let next = hull.next(side);
    let (from, to, normal) = (hull.points[side], hull.points[next], hull.normals[side]);
    let tangent = (-normal.1, normal.0);
    let before = dot(tangent, x - from.0, y - from.1) < 0;
    let after = dot(tangent, x - to.0, y - to.1) > 0;
    if (before || after) && (best > 0 || hull.count == 2) {
        if outline.ghosts.is_some_and(|ghosts| super::chain::neighbour_has(ghosts, from, to, before, (x, y)))
        {
            return Manifold::default();
        }
        let (corner, index) = if before { (from, side) } else { (to, next) };
        return corner_and_disc(corner, normal, (hull.radius, radius), (x, y), margin, index as u32);
    }
    let separation = best - reach;
    let (px, py) = along(normal, -(radius + (separation / 2) as i32));
    let feature = side as u32 | 0x10;
    Manifold::single(normal, ManifoldPoint { x: x + px, y: y + py, separation: separation as i32, feature })
}

fn corner_and_disc(corner: P, fallback: P, radii: P, (x, y): P, margin: i32, feature: u32) -> Manifold {
    let found = discs(radii.0, radii.1, (x - corner.0, y - corner.1), margin, 0);
    if found.count == 0 {
        return found;
    }
    let normal = if (x, y) == corner { fallback } else { found.normal };
    let point = found.points[0];
    Manifold::single(normal, ManifoldPoint { x: point.x + corner.0, y: point.y + corner.1, feature, ..point })
}

/// The side of `a` that `b` is farthest out of, and how far.
#[inline]
pub(crate) fn best_side(a: &Hull, b: &Hull, offset: P) -> (usize, i64) {
    let (mut best, mut side) = (i64::MIN, 0);
    for (index, (&point, &normal)) in a.points().iter().zip(&a.normals).enumerate() {
        let out = farthest_in(normal, point, b, offset);
        if out > best {
            (best, side) = (out, index);
        }
    }
    (side, best)
}

/// As [`best_side`], of the sides that face `b`: nothing is out of any other. None if it is farther out than `limit`.
#[inline]
fn facing_best(a: &Hull, b: &Hull, offset: P, limit: i64) -> Option<(usize, i64)> {
    // How far out, and the number of the side counted down: of two that are as far the first one is the greater.
    let sides = if a.is_small() { 1 } else { 2 };
    let mut best = facing_outs(a, b, offset, 0);
    if sides == 2 {
        let others = facing_outs(a, b, offset, 1);
        best = others.where_above(others, best, best);
    }
    let best = best.array().into_iter().fold(i64::MIN, i64::max);
    // Centroids at one place are in front of no side.
    let (side, out) = if best == i64::MIN {
        best_side(a, b, offset)
    } else {
        (POINTS_MAX - 1 - (best & COUNTED) as usize, best >> UNIT_BITS)
    };
    if out > limit { None } else { Some((side, out)) }
}

/// What the number of a side takes of how far something is out of it.
const COUNTED: i64 = POINTS_MAX as i64 - 1;

/// How far `b` is out of each of four sides, in 1/2³⁰, and in the lowest bits the number of the side counted down; the
/// least number of those that do not face it.
#[inline(always)]
fn facing_outs(a: &Hull, b: &Hull, offset: P, four: usize) -> Four {
    let (normals, points) = (a.four_normals(four), a.four_points(four));
    let toward = normals.dot(&Pairs::splat(offset)) + Four::splat(ROUND);
    let mut deepest = normals.dot(&Pairs::splat(b.points[0]));
    for &point in &b.points[1..4] {
        deepest = deepest.min(normals.dot(&Pairs::splat(point)));
    }
    if !b.is_small() {
        for &point in &b.points[4..] {
            deepest = deepest.min(normals.dot(&Pairs::splat(point)));
        }
    }
    let numbers = if four == 0 { [7, 6, 5, 4] } else { [3, 2, 1, 0] };
    let outs = (toward - normals.dot(&points) + deepest).marked(-1 << UNIT_BITS, Four::of(numbers));
    outs.where_above(toward, Four::splat((1 << UNIT_BITS) - 1), Four::splat(i64::MIN))
}

/// How far the deepest point of `b` is out of a side.
#[inline]
pub(crate) fn farthest_in(normal: P, point: P, b: &Hull, offset: P) -> i64 {
    let (dx, dy) = (i64::from(offset.0) - i64::from(point.0), i64::from(offset.1) - i64::from(point.1));
    let (nx, ny) = (i64::from(normal.0), i64::from(normal.1));
    let start = nx * dx + ny * dy + ROUND;
    let deepest = b.points().iter().map(|&(x, y)| nx * i64::from(x) + ny * i64::from(y)).min();
    (start + deepest.unwrap_or(0)) >> UNIT_BITS
}

/// Two outlines with sides.
pub(crate) fn corners(a: &Hull, b: &Hull, offset: P, margin: i32) -> Manifold {
    let mut manifold = Manifold::default();
    if let Some(facing) = Facing::of(a, b, offset, margin) {
        facing.clip(a, b, offset, margin, &mut manifold);
    }
    manifold
}

/// A side of one of two outlines that the other one is farthest out of, of all sides of both.
#[derive(Clone, Copy)]
pub(crate) struct Facing {
    side: usize,
    of_second: bool,
}

impl Facing {
    /// Nothing if the outlines are farther apart than `margin`.
    #[inline(always)]
    pub(crate) fn of(a: &Hull, b: &Hull, offset: P, margin: i32) -> Option<Self> {
        let limit = i64::from(a.radius) + i64::from(b.radius) + i64::from(margin);
        let (side_a, out_a) = facing_best(a, b, offset, limit)?;
        let (side_b, out_b) = facing_best(b, a, (-offset.0, -offset.1), limit)?;
        let of_second = out_b > out_a + PREFERENCE;
        Some(Self { side: if of_second { side_b } else { side_a }, of_second })
    }

    /// How the other outline lies on the side; `manifold` has no points before.
    #[inline(always)]
    pub(crate) fn clip(self, a: &Hull, b: &Hull, offset: P, margin: i32, manifold: &mut Manifold) {
        if self.of_second {
            let back = (-offset.0, -offset.1);
            clip(b, self.side, a, back, margin, manifold);
            manifold.exchange(back);
        } else {
            clip(a, self.side, b, offset, margin, manifold);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Manifold, corners};
    use crate::physics::hull::Hull;
    use crate::physics::rot::Rot;
    use crate::{Angle, Fx, Shape, ShapeDesc, Vec2};

    fn features(manifold: &Manifold) -> [u32; 2] {
        assert_eq!(manifold.count, 2);
        let mut features = manifold.points.map(|point| point.feature);
        features.sort_unstable();
        features
    }

    fn slab(half_width: i32) -> Hull {
        let half = Vec2::new(Fx::from_int(half_width), Fx::ONE);
        Hull::of(&ShapeDesc::new(Shape::Box { half })).0
    }

    /// What pushed is remembered by the features: they stay when a box that stands on another one goes or turns a
    /// little, whichever of two corners comes first then, and whichever of two sides is the one that clips.
    #[test]
    fn corners_that_pass_each_other_are_the_same_points() {
        let depth = (2 << 16) - 100;
        let one = slab(1);
        let all = [-3, -1, 0, 1, 3].map(|x| features(&corners(&one, &one, (x, depth), 1_000)));
        assert_eq!(all, [all[0]; 5]);
        assert!(all[0][0] != all[0][1]);
        let wide = slab(3);
        let all = [0, 20, 65_516].map(|turn| {
            let turned = wide.turned(Rot::from_angle(Angle(turn)));
            features(&corners(&one, &turned, (0, depth), 1_000))
        });
        assert_eq!(all, [all[0]; 3]);
    }
}
