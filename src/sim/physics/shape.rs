//! `Shape`, the outline of a part of a body, and `ShapeDesc`, what it is made of.

use serde::{Deserialize, Serialize};

use super::hull::POINTS_MAX;
use super::{Filter, Material};
use crate::{Angle, Fx, Vec2};

/// A convex polygon of 3 to 8 points, counter-clockwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Polygon {
    points: [Vec2; POINTS_MAX],
    count: u8,
}

/// Points that make no polygon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolygonError {
    /// Fewer than three, or more than eight.
    #[error("a polygon has 3 to 8 points, not {0}")]
    Count(usize),
    /// A point lies inside of what the others enclose, or on a side, or they run clockwise, or the area is next to
    /// nothing.
    #[error("the points are not the corners of a convex polygon, counter-clockwise: see number {0}")]
    NotConvex(usize),
    /// A coordinate is beyond 4,095.
    #[error("point {0} is more than 4095 away from the origin")]
    TooFar(usize),
}

impl Polygon {
    /// A polygon of these corners, counter-clockwise.
    ///
    /// # Errors
    /// [`PolygonError`] if they are too few, too many, too far out or not convex.
    pub fn new(corners: &[Vec2]) -> Result<Self, PolygonError> {
        if !(3..=POINTS_MAX).contains(&corners.len()) {
            return Err(PolygonError::Count(corners.len()));
        }
        let limit = Vec2::splat(super::hull::SIZE_MAX);
        if let Some(index) = corners.iter().position(|&point| point != point.clamped(-limit, limit)) {
            return Err(PolygonError::TooFar(index));
        }
        let count = corners.len();
        for index in 0..count {
            let (at, next) = (corners[index], corners[(index + 1) % count]);
            let side = next - at;
            let others = (2..count).map(|ahead| corners[(index + ahead) % count]);
            // Every other corner lies to the left of each side, by an area that is not lost to rounding.
            let left = |point: Vec2| side.cross(point - at) > Fx::STEP;
            if !others.into_iter().all(left) {
                return Err(PolygonError::NotConvex(index));
            }
        }
        let mut points = [Vec2::ZERO; POINTS_MAX];
        points[..count].copy_from_slice(corners);
        Ok(Self { points, count: count as u8 })
    }

    /// A regular polygon with corners at `radius`; `corners` is limited to 3 to 8 and the radius to 1/64 to 4,095.
    #[must_use]
    pub fn regular(corners: u8, radius: Fx) -> Self {
        let count = corners.clamp(3, POINTS_MAX as u8);
        let radius = radius.max(Fx::from_ratio(1, 64)).min(super::hull::SIZE_MAX);
        let mut points = [Vec2::ZERO; POINTS_MAX];
        for (index, point) in (0_u32..).zip(&mut points[..usize::from(count)]) {
            *point = Vec2::from_angle(Angle((index * 65_536 / u32::from(count)) as u16), radius);
        }
        Self { points, count }
    }

    /// Whether this is what [`Polygon::new`] or [`Polygon::regular`] could have made; for bytes from outside.
    pub(crate) fn is_canonical(&self) -> bool {
        let rest = self.points.get(usize::from(self.count)..);
        rest.is_some_and(|rest| rest.iter().all(|&point| point == Vec2::ZERO))
            && Self::new(self.corners()) == Ok(*self)
    }

    /// The corners, counter-clockwise.
    #[must_use]
    pub fn corners(&self) -> &[Vec2] {
        self.points.get(..usize::from(self.count)).unwrap_or(&self.points)
    }
}

/// The outline of a part of a body, around the body's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Shape {
    /// A disc. Radius from 1/65,536 to 4,095.
    Circle {
        /// From the centre to the rim.
        radius: Fx,
    },
    /// A box. Half sizes from 1/65,536 to 4,095.
    Box {
        /// Half the width and half the height.
        half: Vec2,
    },
    /// Everything within `radius` of a line of length `2 · half_length` along x.
    Capsule {
        /// Half the distance between the centres of the two round ends.
        half_length: Fx,
        /// From the line to the rim.
        radius: Fx,
    },
    /// A convex polygon.
    Polygon(Polygon),
    /// A line from one point to another, without thickness. For ground and walls; it has next to no mass.
    Segment {
        /// Its start.
        from: Vec2,
        /// Its end.
        to: Vec2,
    },
}

impl Shape {
    /// Half the size of the box around the shape, not turned, if its middle is at the origin.
    #[must_use]
    pub fn half(self) -> Vec2 {
        match self {
            Self::Circle { radius } => Vec2::splat(radius),
            Self::Box { half } => half,
            Self::Capsule { half_length, radius } => Vec2::new(half_length + radius, radius),
            Self::Polygon(polygon) => farthest(polygon.corners()),
            Self::Segment { from, to } => farthest(&[from, to]),
        }
    }
}

fn farthest(points: &[Vec2]) -> Vec2 {
    points.iter().fold(Vec2::ZERO, |far, point| Vec2::new(far.x.max(point.x.abs()), far.y.max(point.y.abs())))
}

/// A part of a body: its outline, where it is in the body, and what it is made of.
///
/// ```
/// use framekeep_sim::{Angle, Fx, Shape, ShapeDesc, Vec2};
/// let blade = ShapeDesc::new(Shape::Capsule { half_length: Fx::ONE, radius: Fx::from_ratio(1, 8) })
///     .offset(Vec2::from_ints(1, 0), Angle::QUARTER)
///     .friction(Fx::ZERO);
/// assert_eq!(blade.density, Fx::ONE);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeDesc {
    /// Its outline.
    pub shape: Shape,
    /// Where it is in the body.
    pub offset: Vec2,
    /// How it is turned in the body.
    pub angle: Angle,
    /// Mass per square unit; 1 by default.
    pub density: Fx,
    /// What it is made of.
    pub material: Material,
    /// Whom it meets.
    pub filter: Filter,
    /// Whether it only reports what overlaps it and pushes nothing.
    pub sensor: bool,
}

impl ShapeDesc {
    /// A solid shape of density 1 in the middle of its body.
    #[must_use]
    pub const fn new(shape: Shape) -> Self {
        Self {
            shape,
            offset: Vec2::ZERO,
            angle: Angle::ZERO,
            density: Fx::ONE,
            material: Material::DEFAULT,
            filter: Filter::ALL,
            sensor: false,
        }
    }

    /// Sets where it is in its body and how it is turned there.
    #[must_use]
    pub const fn offset(mut self, offset: Vec2, angle: Angle) -> Self {
        (self.offset, self.angle) = (offset, angle);
        self
    }

    /// Sets the mass per square unit.
    #[must_use]
    pub const fn density(mut self, density: Fx) -> Self {
        self.density = density;
        self
    }

    /// Sets the friction.
    #[must_use]
    pub const fn friction(mut self, friction: Fx) -> Self {
        self.material.friction = friction;
        self
    }

    /// Sets the restitution.
    #[must_use]
    pub const fn restitution(mut self, restitution: Fx) -> Self {
        self.material.restitution = restitution;
        self
    }

    /// Sets the layers it is in and those it meets.
    #[must_use]
    pub const fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Makes it a sensor.
    #[must_use]
    pub const fn sensor(mut self) -> Self {
        self.sensor = true;
        self
    }
}
