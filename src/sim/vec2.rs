//! `Vec2`, a place, a velocity or a direction in the plane.

use core::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

use serde::{Deserialize, Serialize};

use crate::root::{polar, sqrt_u64};
use crate::{Angle, Fx};

/// Two numbers: a place, a velocity or a direction. x grows to the right, y upwards. Operators saturate.
/// Sorted by x, then by y.
///
/// ```
/// use framekeep_sim::{Fx, Vec2};
/// let v = Vec2::from_ints(3, 4);
/// assert_eq!(v.length(), Fx::from_int(5));
/// assert_eq!(v.dot(Vec2::from_ints(2, 0)), Fx::from_int(6));
/// ```
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    bytemuck::Pod,
    bytemuck::Zeroable,
)]
#[repr(C)]
pub struct Vec2 {
    /// To the right.
    pub x: Fx,
    /// Upwards.
    pub y: Fx,
}

impl Vec2 {
    /// No distance, no direction.
    pub const ZERO: Self = Self::new(Fx::ZERO, Fx::ZERO);

    /// A vector from its parts.
    #[inline]
    #[must_use]
    pub const fn new(x: Fx, y: Fx) -> Self {
        Self { x, y }
    }

    /// A vector of whole numbers, saturating.
    #[inline]
    #[must_use]
    pub const fn from_ints(x: i32, y: i32) -> Self {
        Self::new(Fx::from_int(x), Fx::from_int(y))
    }

    /// A vector with both parts the same.
    #[inline]
    #[must_use]
    pub const fn splat(part: Fx) -> Self {
        Self::new(part, part)
    }

    /// A vector of that direction and length; each part is within two [`Fx::STEP`]s per unit of length.
    #[inline]
    #[must_use]
    pub fn from_angle(angle: Angle, length: Fx) -> Self {
        angle.direction_times(length)
    }

    /// The direction; [`Angle::ZERO`] for the zero vector.
    #[inline]
    #[must_use]
    pub const fn angle(self) -> Angle {
        Angle::atan2(self.y, self.x)
    }

    /// The dot product, saturating.
    #[inline]
    #[must_use]
    pub const fn dot(self, other: Self) -> Fx {
        Fx::from_wide(self.dot_wide(other) >> 16)
    }

    /// The dot product in 1/2³² of a unit. It is exact but for two vectors of four times [`Fx::MIN`], where
    /// it saturates.
    #[inline]
    #[must_use]
    pub const fn dot_wide(self, other: Self) -> i64 {
        let x = self.x.to_bits() as i64 * other.x.to_bits() as i64;
        let y = self.y.to_bits() as i64 * other.y.to_bits() as i64;
        x.saturating_add(y)
    }

    /// The cross product's third part, saturating: positive if `other` is to the left of `self`.
    #[inline]
    #[must_use]
    pub const fn cross(self, other: Self) -> Fx {
        let x = self.x.to_bits() as i64 * other.y.to_bits() as i64;
        let y = self.y.to_bits() as i64 * other.x.to_bits() as i64;
        Fx::from_wide(x.saturating_sub(y) >> 16)
    }

    /// The squared length in 1/2³² of a square unit, exact.
    #[inline]
    #[must_use]
    pub const fn length_squared_wide(self) -> u64 {
        let (x, y) = (self.x.to_bits().unsigned_abs() as u64, self.y.to_bits().unsigned_abs() as u64);
        x * x + y * y
    }

    /// The length, rounded down, saturating; the error is below one [`Fx::STEP`].
    #[inline]
    #[must_use]
    pub const fn length(self) -> Fx {
        Fx::from_wide(sqrt_u64(self.length_squared_wide()) as i64)
    }

    /// The distance between two places; differences saturate.
    #[inline]
    #[must_use]
    pub fn distance(self, other: Self) -> Fx {
        (other - self).length()
    }

    /// Whether `other` is within `distance`, without a square root. Nothing is within a negative distance.
    #[inline]
    #[must_use]
    pub fn is_within(self, other: Self, distance: Fx) -> bool {
        let limit = u64::from(distance.to_bits().max(0).unsigned_abs());
        distance.to_bits() >= 0 && (other - self).length_squared_wide() <= limit * limit
    }

    /// The vector of the same direction with length one, each part within a [`Fx::STEP`]; zero for the zero
    /// vector.
    #[inline]
    #[must_use]
    pub const fn normalized(self) -> Self {
        let polar = polar(self.x.to_bits(), self.y.to_bits());
        Self::new(Fx::from_unit(polar.unit_x), Fx::from_unit(polar.unit_y))
    }

    /// The vector of the same direction with length `length` (within a step per unit of it); zero for the
    /// zero vector.
    #[inline]
    #[must_use]
    pub fn with_length(self, length: Fx) -> Self {
        let polar = polar(self.x.to_bits(), self.y.to_bits());
        let scale =
            |part: i32| Fx::from_wide((i64::from(part) * i64::from(length.to_bits()) + (1 << 29)) >> 30);
        Self::new(scale(polar.unit_x), scale(polar.unit_y))
    }

    /// The vector itself, or one of the same direction and length `length` if it is longer.
    #[inline]
    #[must_use]
    pub fn limited(self, length: Fx) -> Self {
        let limit = u64::from(length.to_bits().max(0).unsigned_abs());
        if self.length_squared_wide() <= limit * limit {
            self
        } else {
            self.with_length(length.max(Fx::ZERO))
        }
    }

    /// The vector turned left by a quarter turn.
    #[inline]
    #[must_use]
    pub fn turned_left(self) -> Self {
        Self::new(-self.y, self.x)
    }

    /// The point at `part` of the way from `self` to `end`.
    #[inline]
    #[must_use]
    pub const fn lerp(self, end: Self, part: Fx) -> Self {
        Self::new(self.x.lerp(end.x, part), self.y.lerp(end.y, part))
    }

    /// Both parts limited to `low..=high` of the same part; a `low` above `high` gives `high`.
    #[inline]
    #[must_use]
    pub fn clamped(self, low: Self, high: Self) -> Self {
        Self::new(self.x.max(low.x).min(high.x), self.y.max(low.y).min(high.y))
    }
}

impl Add for Vec2 {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Vec2 {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }
}

impl Mul<Fx> for Vec2 {
    type Output = Self;

    #[inline]
    fn mul(self, factor: Fx) -> Self {
        Self::new(self.x * factor, self.y * factor)
    }
}

impl Neg for Vec2 {
    type Output = Self;

    #[inline]
    fn neg(self) -> Self {
        Self::new(-self.x, -self.y)
    }
}

impl AddAssign for Vec2 {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Vec2 {
    #[inline]
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

#[cfg(test)]
mod tests {
    use super::Vec2;
    use crate::{Fx, Pcg32};

    fn floats(vector: Vec2) -> (f64, f64) {
        (f64::from(vector.x.to_bits()), f64::from(vector.y.to_bits()))
    }

    #[test]
    fn lengths_and_directions_are_within_their_bounds() {
        let mut rng = Pcg32::new(2, 2);
        for round in 0..100_000 {
            let mut part = || Fx::from_bits(rng.next_u32().cast_signed() >> (round % 30));
            let vector = Vec2::new(part(), part());
            let (x, y) = floats(vector);
            let length = x.hypot(y);
            if length == 0.0 {
                continue;
            }
            let off = length.min(f64::from(i32::MAX)) - f64::from(vector.length().to_bits());
            assert!((-0.001..1.001).contains(&off), "{vector:?}");
            let (unit_x, unit_y) = floats(vector.normalized());
            let scale = 65_536.0 / length;
            assert!((unit_x - x * scale).abs() <= 1.0 && (unit_y - y * scale).abs() <= 1.0, "{vector:?}");
            let (long_x, long_y) = floats(vector.with_length(Fx::from_int(7)));
            assert!((long_x - x * scale * 7.0).abs() <= 7.0, "{vector:?}");
            assert!((long_y - y * scale * 7.0).abs() <= 7.0, "{vector:?}");
        }
    }

    #[test]
    fn extremes_saturate() {
        let corner = Vec2::splat(Fx::MIN);
        assert_eq!(corner.dot(corner), Fx::MAX);
        assert_eq!(corner.dot_wide(corner), i64::MAX);
        assert_eq!(corner.cross(Vec2::new(Fx::MAX, Fx::MIN)), Fx::MAX);
        assert_eq!((corner.length(), corner.length_squared_wide()), (Fx::MAX, 1 << 63));
        assert_eq!(Vec2::ZERO.normalized(), Vec2::ZERO);
        assert_eq!(Vec2::ZERO.limited(Fx::MIN), Vec2::ZERO);
        assert_eq!(corner.limited(-Fx::ONE), Vec2::ZERO);
        assert!(!Vec2::ZERO.is_within(Vec2::ZERO, -Fx::STEP) && Vec2::ZERO.is_within(Vec2::ZERO, Fx::ZERO));
    }
}
