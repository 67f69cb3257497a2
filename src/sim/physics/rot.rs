//! `Rot`, how a body is turned: a unit complex number.

use serde::{Deserialize, Serialize};

use crate::root::UNIT_BITS;
use crate::{Angle, Fx};

const ONE: i64 = 1 << UNIT_BITS;
const HALF: i64 = 1 << (UNIT_BITS - 1);

/// How a body is turned: cosine and sine in 1/2³⁰.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Rot {
    pub(crate) cos: i32,
    pub(crate) sin: i32,
}

impl Default for Rot {
    fn default() -> Self {
        Self::NONE
    }
}

impl Rot {
    /// Not turned.
    pub(crate) const NONE: Self = Self { cos: ONE as i32, sin: 0 };

    pub(crate) const fn from_angle(angle: Angle) -> Self {
        let (cos, sin) = angle.unit();
        Self { cos, sin }
    }

    pub(crate) const fn angle(self) -> Angle {
        Angle::atan2(Fx::from_bits(self.sin), Fx::from_bits(self.cos))
    }

    /// Turns a vector.
    #[inline(always)]
    pub(crate) const fn apply(self, x: i64, y: i64) -> (i64, i64) {
        let (cos, sin) = (self.cos as i64, self.sin as i64);
        ((cos * x - sin * y + HALF) >> UNIT_BITS, (sin * x + cos * y + HALF) >> UNIT_BITS)
    }

    /// Turns a vector back.
    #[inline(always)]
    pub(crate) const fn unapply(self, x: i64, y: i64) -> (i64, i64) {
        let (cos, sin) = (self.cos as i64, self.sin as i64);
        ((cos * x + sin * y + HALF) >> UNIT_BITS, (cos * y - sin * x + HALF) >> UNIT_BITS)
    }

    /// First `self`, then `other`.
    #[inline]
    pub(crate) const fn then(self, other: Self) -> Self {
        let (cos, sin) = other.apply(self.cos as i64, self.sin as i64);
        Self { cos: cos as i32, sin: sin as i32 }
    }

    /// The turn from `self` to `other`.
    #[inline]
    pub(crate) const fn to(self, other: Self) -> Self {
        let (cos, sin) = self.unapply(other.cos as i64, other.sin as i64);
        Self { cos: cos as i32, sin: sin as i32 }
    }

    /// Turned by a small angle, in 1/2³⁰ of a radian and at most one: the sine's and cosine's series, and a Newton
    /// step that keeps the length.
    #[inline]
    pub(crate) const fn turned(self, radians: i32) -> Self {
        let angle = radians as i64;
        let squared = (angle * angle) >> UNIT_BITS;
        let cos = ONE - (squared >> 1) + ((squared * squared / 24) >> UNIT_BITS);
        let sin = angle - ((angle * squared / 6) >> UNIT_BITS)
            + ((((angle * squared) >> UNIT_BITS) * squared / 120) >> UNIT_BITS);
        let (x, y) = (self.cos as i64, self.sin as i64);
        let (x, y) = ((x * cos - y * sin + HALF) >> UNIT_BITS, (x * sin + y * cos + HALF) >> UNIT_BITS);
        let length = (x * x + y * y) >> UNIT_BITS;
        let scale = (3 * ONE - length) >> 1;
        Self { cos: ((x * scale + HALF) >> UNIT_BITS) as i32, sin: ((y * scale + HALF) >> UNIT_BITS) as i32 }
    }

    /// Whether the length is one, nearly.
    pub(crate) const fn is_unit(self) -> bool {
        let (x, y) = (self.cos as i64, self.sin as i64);
        // Of what is from outside too: the sum of two squares may have 64 bits.
        let off = (((x * x) as u64 + (y * y) as u64) >> UNIT_BITS) as i64 - ONE;
        off < (1 << 10) && off > -(1 << 10)
    }

    /// The angle in 1/2²⁴ of a radian, −π to π.
    #[inline]
    pub(crate) const fn radians_24(self) -> i32 {
        // π in 1/2²⁴ over half a turn of 2¹⁵; the angle is rounded to 1/65,536 of a turn, so small ones use the
        // sine.
        const SMALL: i32 = 1 << 24;
        if self.cos > 0 && self.sin.abs() < SMALL {
            let (sin, cubed) =
                (self.sin as i64, self.sin as i64 * self.sin as i64 / ONE * self.sin as i64 / ONE);
            return ((sin + cubed / 6) >> 6) as i32;
        }
        let turns = self.angle().0.cast_signed() as i64;
        ((turns * 52_707_179) >> 15) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::Rot;
    use crate::Angle;

    #[test]
    fn many_small_turns_make_a_large_one_of_length_one() {
        let mut rot = Rot::NONE;
        for _ in 0..100_000 {
            rot = rot.turned(11_111_111);
            assert!(rot.is_unit(), "{rot:?}");
        }
        let radians = 100_000.0 * 11_111_111.0 / f64::from(1 << 30);
        let (cos, sin) = (f64::from(rot.cos) / f64::from(1 << 30), f64::from(rot.sin) / f64::from(1 << 30));
        assert!((cos - radians.cos()).abs() < 1e-4 && (sin - radians.sin()).abs() < 1e-4, "{cos} {sin}");
    }

    #[test]
    fn no_number_is_too_long_to_be_refused() {
        for (cos, sin) in [(i32::MIN, i32::MIN), (i32::MAX, i32::MIN), (0, 0), (i32::MIN, 0)] {
            assert!(!Rot { cos, sin }.is_unit());
        }
    }

    #[test]
    fn angles_come_back() {
        for turn in (0..=u16::MAX).step_by(7) {
            let rot = Rot::from_angle(Angle(turn));
            assert!((rot.angle() - Angle(turn)).0.cast_signed().abs() <= 1);
            let radians = f64::from(turn.cast_signed()) / 32_768.0 * core::f64::consts::PI;
            let off = f64::from(rot.radians_24()) / f64::from(1 << 24) - radians;
            assert!(off.abs() < 2e-4 || off.abs() > 6.2, "{turn} {off}");
        }
    }
}
