//! `Hull`, the outline of a shape as the engine computes with it: at most eight points and a radius around them.

use serde::{Deserialize, Serialize};

use super::lanes::{Pairs, Vector};
use super::rot::Rot;
use super::{Shape, ShapeDesc};
use crate::root::polar;
use crate::{Fx, Vec2};

/// Most points of a hull.
pub(crate) const POINTS_MAX: usize = 8;
/// Largest half size or radius.
pub(crate) const SIZE_MAX: Fx = Fx::from_int(4_095);

/// The length of a direction.
const ONE: i32 = 1 << crate::root::UNIT_BITS;

/// A point or direction in bits; directions in 1/2³⁰.
pub(crate) type P = (i32, i32);

/// At most eight points, counter-clockwise around their centroid, and a radius around all of them. One point is a
/// disc, two are a capsule or a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(32))]
pub(crate) struct Hull {
    /// Those that are no more are where the first one is.
    pub(crate) points: [P; POINTS_MAX],
    /// Outward normals of the sides from each point to the next; zero where there are no more.
    pub(crate) normals: [P; POINTS_MAX],
    pub(crate) count: u8,
    pub(crate) radius: i32,
    /// Farthest point, radius included.
    pub(crate) reach: i32,
    /// Half the size of the box around a hull that is not turned.
    pub(crate) half: P,
}

/// The neighbours of a segment in a chain: it is solid only from its right and smooth at its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ghosts {
    pub(crate) before: Vec2,
    pub(crate) after: Vec2,
}

impl Ghosts {
    pub(crate) fn turned(self, rot: Rot) -> Self {
        Self { before: super::state::turned(rot, self.before), after: super::state::turned(rot, self.after) }
    }
}

/// The size and the spread of a shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Its centroid in the body.
    pub(crate) centroid: Vec2,
    /// Square units in 1/2¹⁶.
    pub(crate) area: i64,
    /// Squared radius of gyration around the centroid in 1/2³².
    pub(crate) gyration: u64,
}

impl Hull {
    /// The points and sides.
    pub(crate) fn points(&self) -> &[P] {
        &self.points[..usize::from(self.count).min(POINTS_MAX)]
    }

    /// The hull of a shape that is within its bounds, and its size.
    pub(crate) fn of(desc: &ShapeDesc) -> (Self, Extent) {
        let turn = Rot::from_angle(desc.angle);
        let place = |x: Fx, y: Fx| {
            let (x, y) = turn.apply(i64::from(x.to_bits()), i64::from(y.to_bits()));
            (Vec2::new(Fx::from_wide(x), Fx::from_wide(y)) + desc.offset)
                .clamped(Vec2::splat(-SIZE_MAX), Vec2::splat(SIZE_MAX))
        };
        let mut points = [Vec2::ZERO; POINTS_MAX];
        let (count, radius) = match desc.shape {
            Shape::Circle { radius } => {
                points[0] = place(Fx::ZERO, Fx::ZERO);
                (1, radius)
            }
            Shape::Box { half: Vec2 { x, y } } => {
                points[..4].copy_from_slice(&[place(-x, -y), place(x, -y), place(x, y), place(-x, y)]);
                (4, Fx::ZERO)
            }
            Shape::Capsule { half_length, radius } => {
                points[..2].copy_from_slice(&[place(-half_length, Fx::ZERO), place(half_length, Fx::ZERO)]);
                (2, radius)
            }
            Shape::Polygon(polygon) => {
                let corners = polygon.corners();
                for (point, corner) in points.iter_mut().zip(corners) {
                    *point = place(corner.x, corner.y);
                }
                (corners.len(), Fx::ZERO)
            }
            Shape::Segment { from, to } => {
                points[..2].copy_from_slice(&[place(from.x, from.y), place(to.x, to.y)]);
                (2, Fx::ZERO)
            }
        };
        Self::around(&points[..count.min(POINTS_MAX)], radius)
    }

    fn around(points: &[Vec2], radius: Fx) -> (Self, Extent) {
        let extent = Extent::of(points, radius);
        let mut hull = Self { count: points.len() as u8, radius: radius.to_bits(), ..Self::default() };
        let mut half = Vec2::ZERO;
        for (at, &point) in hull.points.iter_mut().zip(points) {
            let point = point - extent.centroid;
            *at = (point.x.to_bits(), point.y.to_bits());
            half = Vec2::new(half.x.max(point.x.abs()), half.y.max(point.y.abs()));
            hull.reach = hull.reach.max(point.length().to_bits());
        }
        let [first, ..] = hull.points;
        hull.points[points.len()..].fill(first);
        hull.reach = hull.reach.saturating_add(hull.radius).saturating_add(1);
        half += Vec2::splat(radius);
        hull.half = (half.x.to_bits(), half.y.to_bits());
        for index in 0..points.len() {
            let (at, next) = (hull.points[index], hull.points[(index + 1) % points.len()]);
            let side = polar(next.0 - at.0, next.1 - at.1);
            hull.normals[index] = (side.unit_y, -side.unit_x);
        }
        (hull, extent)
    }

    /// A box around the origin or beside it, by its corners counter-clockwise from the lower left one.
    pub(crate) fn upright(corners: [P; 4]) -> Self {
        let [lower, _, upper, _] = corners;
        let mut hull = Self { count: 4, points: [lower; POINTS_MAX], ..Self::default() };
        hull.points[..4].copy_from_slice(&corners);
        hull.normals[..4].copy_from_slice(&[(0, -ONE), (ONE, 0), (0, ONE), (-ONE, 0)]);
        let farthest = |one: i32, other: i32| one.saturating_abs().max(other.saturating_abs());
        hull.half = (farthest(lower.0, upper.0), farthest(lower.1, upper.1));
        hull.reach = hull.half.0.saturating_add(hull.half.1).saturating_add(1);
        hull
    }

    /// All of it turned; `half` is half the size of the box around it then.
    pub(crate) fn turned(&self, rot: Rot) -> Self {
        let mut hull = *self;
        self.turn_into(rot, &mut hull);
        hull
    }

    /// As [`Self::turned`], made in a copy of it; gives half the size of the box around it.
    #[inline]
    pub(crate) fn turn_into(&self, rot: Rot, hull: &mut Self) -> P {
        let mut farthest = Vector::splat(0);
        let fours = if self.is_small() { 1 } else { 2 };
        for four in 0..fours {
            let points = self.four_points(four).turned(rot.cos, rot.sin);
            let normals = self.four_normals(four).turned(rot.cos, rot.sin);
            farthest = farthest.max(points.abs());
            put(&mut hull.points, four, points);
            put(&mut hull.normals, four, normals);
        }
        let [a, b, c, d, e, f, g, h] = farthest.array();
        hull.half = (a.max(c).max(e.max(g)) + self.radius, b.max(d).max(f.max(h)) + self.radius);
        hull.half
    }

    /// The point after one.
    #[inline(always)]
    pub(crate) const fn next(&self, point: usize) -> usize {
        if point + 1 < self.count as usize { point + 1 } else { 0 }
    }

    /// Whether there are four points at most.
    #[inline(always)]
    pub(crate) const fn is_small(&self) -> bool {
        self.count <= 4
    }

    /// The first, or the second, four points.
    #[inline(always)]
    pub(crate) fn four_points(&self, four: usize) -> Pairs {
        Pairs::of(&self.points.as_chunks::<4>().0[four])
    }

    /// The first, or the second, four normals.
    #[inline(always)]
    pub(crate) fn four_normals(&self, four: usize) -> Pairs {
        Pairs::of(&self.normals.as_chunks::<4>().0[four])
    }
}

#[inline(always)]
fn put(list: &mut [P; POINTS_MAX], four: usize, pairs: Vector) {
    let [a, b, c, d, e, f, g, h] = pairs.array();
    list.as_chunks_mut::<4>().0[four] = [(a, b), (c, d), (e, f), (g, h)];
}

fn wide(point: Vec2) -> (i128, i128) {
    (i128::from(point.x.to_bits()), i128::from(point.y.to_bits()))
}

impl Extent {
    /// Of a hull with these corners and that radius.
    fn of(points: &[Vec2], radius: Fx) -> Self {
        let r = i128::from(radius.to_bits());
        match points {
            [centre] => Self { centroid: *centre, area: disc(r), gyration: (r * r / 2) as u64 },
            [from, to] => Self::of_capsule(*from, *to, r),
            _ => Self::of_polygon(points),
        }
    }

    /// Box and two half discs (a segment counts as a bar of 1/256).
    fn of_capsule(from: Vec2, to: Vec2, r: i128) -> Self {
        let length = i128::from((to - from).length().to_bits()).max(1);
        let thick = r.max(1 << 7);
        let middle = Vec2::new(from.x.lerp(to.x, Fx::HALF), from.y.lerp(to.y, Fx::HALF));
        let (bar, ends) = ((2 * thick * length) >> 16, i128::from(disc(r)));
        let half = length / 2;
        // The centroid of a half disc is 4r/3π from its side.
        let lever = r * 27_816 / 65_536;
        let of_bar = (length * length + 4 * thick * thick) / 12;
        let of_ends = r * r / 2 + half * half + 2 * half * lever;
        let gyration = (bar * of_bar + ends * of_ends) / (bar + ends).max(1);
        Self { centroid: middle, area: (bar + ends) as i64, gyration: gyration as u64 }
    }

    fn of_polygon(points: &[Vec2]) -> Self {
        let origin = points.first().copied().unwrap_or_default();
        let (mut doubled, mut sum_x, mut sum_y) = (0_i128, 0_i128, 0_i128);
        let sides = || points.iter().zip(points.iter().cycle().skip(1));
        for (&a, &b) in sides() {
            let ((ax, ay), (bx, by)) = (wide(a - origin), wide(b - origin));
            let cross = ax * by - ay * bx;
            doubled += cross;
            sum_x += cross * (ax + bx);
            sum_y += cross * (ay + by);
        }
        let doubled = doubled.max(1);
        let part = |sum: i128| Fx::from_wide((sum / (3 * doubled)) as i64);
        let centroid = origin + Vec2::new(part(sum_x), part(sum_y));
        let mut spread = 0_i128;
        for (&a, &b) in sides() {
            let ((ax, ay), (bx, by)) = (wide(a - centroid), wide(b - centroid));
            let cross = ax * by - ay * bx;
            spread += cross * (ax * ax + ay * ay + ax * bx + ay * by + bx * bx + by * by);
        }
        let gyration = (spread / (6 * doubled)).max(1) as u64;
        Self { centroid, area: (doubled >> 17) as i64, gyration }
    }
}

/// The area of a disc in 1/2¹⁶, its radius in bits.
fn disc(radius: i128) -> i64 {
    ((radius * radius * 205_887) >> 32) as i64
}

#[cfg(test)]
mod tests {
    use super::Hull;
    use crate::physics::{Polygon, Shape, ShapeDesc};
    use crate::{Angle, Fx, Vec2};

    fn off(value: u64, expected: f64) -> f64 {
        (value as f64 / f64::from(2).powi(32) / expected - 1.0).abs()
    }

    #[test]
    fn sizes_are_those_of_the_books() {
        let square = Hull::of(&ShapeDesc::new(Shape::Box { half: Vec2::from_ints(1, 2) })).1;
        assert_eq!((square.area >> 16, square.centroid), (8, Vec2::ZERO));
        assert!(off(square.gyration, (4.0 + 16.0) / 12.0) < 1e-4);
        let disc = Hull::of(&ShapeDesc::new(Shape::Circle { radius: Fx::from_int(2) })).1;
        assert!(off(disc.gyration, 2.0) < 1e-4 && (disc.area - 823_550).abs() < 20);
        let bent = ShapeDesc::new(Shape::Polygon(
            Polygon::new(&[Vec2::from_ints(0, 0), Vec2::from_ints(3, 0), Vec2::from_ints(0, 3)]).unwrap(),
        ));
        let triangle = Hull::of(&bent.offset(Vec2::from_ints(5, 5), Angle::QUARTER)).1;
        assert!(triangle.centroid.distance(Vec2::from_ints(4, 6)) < Fx::from_ratio(1, 1_000));
        assert!(off(triangle.gyration, 1.0) < 1e-3, "{triangle:?}");
    }
}
