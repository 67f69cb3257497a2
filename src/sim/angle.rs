//! `Angle`, a direction in the plane, and its sine and cosine.

use core::ops::{Add, Neg, Sub};

use serde::{Deserialize, Serialize};

use crate::{Fx, Vec2};

/// Bits behind the point of the intermediate results here.
const BITS: u32 = 30;
const ONE: i64 = 1 << BITS;

/// sin(π/2 · x) for x in 0..=1, odd powers (Hastings, "Approximations for Digital Computers", 1955, sheet
/// 16).
const SIN: [i64; 5] = [1_686_629_704, -693_598_253, 85_566_142, -5_018_418, 162_655];

/// atan(x) for x in 0..=1, odd powers (Hastings, 1955, sheet 13).
const ATAN: [i64; 8] = [
    1_073_741_108,
    -357_876_604,
    214_174_299,
    -149_341_741,
    103_530_234,
    -60_032_783,
    23_473_316,
    -4_353_012,
];

/// A direction: 65,536 of them make a turn. Zero is along x, a quarter turn (16,384) is along y.
///
/// Sums and differences wrap around, as directions do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Angle(pub u16);

impl Angle {
    /// Along x.
    pub const ZERO: Self = Self(0);
    /// Along y.
    pub const QUARTER: Self = Self(1 << 14);
    /// Against x.
    pub const HALF: Self = Self(1 << 15);

    /// An angle from turns; only the part behind the point counts.
    #[inline]
    #[must_use]
    pub const fn from_turns(turns: Fx) -> Self {
        Self(turns.to_bits() as u16)
    }

    /// The angle in turns, 0 to just below 1.
    #[inline]
    #[must_use]
    pub const fn to_turns(self) -> Fx {
        Fx::from_bits(self.0 as i32)
    }

    /// The sine; off by one [`Fx::STEP`] (1.5e-5) at most.
    #[inline]
    #[must_use]
    pub const fn sin(self) -> Fx {
        Fx::from_bits(((self.sin_fine() + (1 << 13)) >> 14) as i32)
    }

    /// The cosine; off by one [`Fx::STEP`] (1.5e-5) at most.
    #[inline]
    #[must_use]
    pub const fn cos(self) -> Fx {
        Self(self.0.wrapping_add(1 << 14)).sin()
    }

    /// Cosine and sine in 1/2³⁰.
    pub(crate) const fn unit(self) -> (i32, i32) {
        (Self(self.0.wrapping_add(1 << 14)).sin_fine() as i32, self.sin_fine() as i32)
    }

    /// The vector of this direction and the given length.
    #[inline]
    #[must_use]
    pub(crate) const fn direction_times(self, length: Fx) -> Vec2 {
        let length = length.to_bits() as i64;
        let (sin, cos) = (self.sin_fine(), Self(self.0.wrapping_add(1 << 14)).sin_fine());
        let half = 1 << (BITS - 1);
        Vec2::new(Fx::from_wide((cos * length + half) >> BITS), Fx::from_wide((sin * length + half) >> BITS))
    }

    /// The direction from the origin to `(x, y)`; off by one 65,536th of a turn at most. Zero for the origin.
    #[must_use]
    pub const fn atan2(y: Fx, x: Fx) -> Self {
        let (wide_x, wide_y) = ((x.to_bits() as i64).abs(), (y.to_bits() as i64).abs());
        if wide_x == 0 && wide_y == 0 {
            return Self::ZERO;
        }
        let steep = wide_y > wide_x;
        let (short, long) = if steep { (wide_x, wide_y) } else { (wide_y, wide_x) };
        let first = turns_of_tangent((short << BITS) / long);
        let octant = if steep { (1 << 14) - first } else { first };
        let half = if x.to_bits() < 0 { (1 << 15) - octant } else { octant };
        Self((if y.to_bits() < 0 { -half } else { half }) as u16)
    }

    /// The sine in 1/2³⁰.
    const fn sin_fine(self) -> i64 {
        let quarter = self.0 >> 14;
        let within = (self.0 & 0x3fff) as i64;
        let x = (if quarter & 1 == 0 { within } else { (1 << 14) - within }) << (BITS - 14);
        let sine = odd_polynomial(&SIN, x);
        let sine = if sine > ONE { ONE } else { sine };
        if quarter >= 2 { -sine } else { sine }
    }
}

/// c₀x + c₁x³ + c₂x⁵ + …, all in 1/2³⁰.
const fn odd_polynomial(coefficients: &[i64], x: i64) -> i64 {
    let square = (x * x) >> BITS;
    let mut sum = 0;
    let mut index = coefficients.len();
    while index > 0 {
        index -= 1;
        sum = coefficients[index] + ((sum * square) >> BITS);
    }
    (sum * x) >> BITS
}

/// The angle of a tangent in 0..=1 (in 1/2³⁰), in 65,536ths of a turn, 0..=8192.
const fn turns_of_tangent(tangent: i64) -> i64 {
    /// 65,536 / 2π in 1/2¹⁶.
    const TURNS_PER_RADIAN: i64 = 683_565_276;
    let radians = odd_polynomial(&ATAN, tangent);
    (radians * (TURNS_PER_RADIAN >> 4) + (1 << (BITS + 11))) >> (BITS + 12)
}

impl Add for Angle {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

impl Sub for Angle {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }
}

impl Neg for Angle {
    type Output = Self;

    #[inline]
    fn neg(self) -> Self {
        Self(self.0.wrapping_neg())
    }
}

#[cfg(test)]
mod tests {
    use super::Angle;
    use crate::{Fx, Vec2};
    use core::f64::consts::TAU;

    #[test]
    fn sine_and_cosine_are_within_their_bound_everywhere() {
        for turn in 0..=u16::MAX {
            let radians = f64::from(turn) / 65_536.0 * TAU;
            let angle = Angle(turn);
            assert!((f64::from(angle.sin().to_bits()) - radians.sin() * 65_536.0).abs() <= 1.0, "{turn}");
            assert!((f64::from(angle.cos().to_bits()) - radians.cos() * 65_536.0).abs() <= 1.0, "{turn}");
        }
    }

    #[test]
    fn quarters_are_exact() {
        assert_eq!((Angle::ZERO.sin(), Angle::ZERO.cos()), (Fx::ZERO, Fx::ONE));
        assert_eq!((Angle::QUARTER.sin(), Angle::QUARTER.cos()), (Fx::ONE, Fx::ZERO));
        assert_eq!((Angle::HALF.sin(), Angle::HALF.cos()), (Fx::ZERO, -Fx::ONE));
    }

    #[test]
    fn atan2_undoes_sine_and_cosine() {
        for turn in 0..=u16::MAX {
            let back = Angle::atan2(Angle(turn).sin(), Angle(turn).cos());
            let off = (back - Angle(turn)).0.cast_signed();
            assert!(off.abs() <= 1, "{turn} came back {off} off");
        }
    }

    #[test]
    fn atan2_of_extremes_is_defined() {
        assert_eq!(Angle::atan2(Fx::ZERO, Fx::ZERO), Angle::ZERO);
        assert_eq!(Angle::atan2(Fx::MIN, Fx::ZERO), -Angle::QUARTER);
        assert_eq!(Angle::atan2(Fx::ZERO, Fx::MIN), Angle::HALF);
        assert_eq!(Angle::atan2(Fx::MAX, Fx::MAX), Angle(1 << 13));
        assert_eq!(Vec2::from_ints(-1, -1).angle(), Angle(5 << 13));
    }
}
