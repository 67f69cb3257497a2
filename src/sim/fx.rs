//! `Fx`, the number of the simulation.

use core::fmt;
use core::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};
use core::str::FromStr;

use fixed::FixedI32;
use fixed::types::extra::U16;
use serde::{Deserialize, Serialize};

use crate::root::sqrt_u64;

const FRACTION_BITS: u32 = 16;

/// A fixed-point number: 16 bits before the point, 16 behind it. Range −32,768 to 32,767.99998, step
/// 1/65,536.
///
/// Operators saturate, in debug and in release builds alike, and multiply and divide towards negative
/// infinity and zero respectively; the wrapping and checked forms are methods. Division by zero gives the
/// largest number of the dividend's sign, and zero for zero. In serde's eyes it is its raw bits, an `i32`.
///
/// ```
/// use framekeep_sim::Fx;
/// let half = Fx::from_ratio(1, 2);
/// assert_eq!(half * Fx::from_int(3), Fx::from_ratio(3, 2));
/// assert_eq!(Fx::MAX + Fx::ONE, Fx::MAX);
/// assert_eq!(Fx::ONE / Fx::ZERO, Fx::MAX);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(transparent)]
pub struct Fx(FixedI32<U16>);

impl Fx {
    /// Zero.
    pub const ZERO: Self = Self::from_bits(0);
    /// One half.
    pub const HALF: Self = Self::from_bits(1 << 15);
    /// One.
    pub const ONE: Self = Self::from_bits(1 << FRACTION_BITS);
    /// The smallest step, 1/65,536.
    pub const STEP: Self = Self::from_bits(1);
    /// The largest number, 32,767.99998.
    pub const MAX: Self = Self::from_bits(i32::MAX);
    /// The smallest number, −32,768.
    pub const MIN: Self = Self::from_bits(i32::MIN);

    /// The number of that many 1/65,536ths.
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: i32) -> Self {
        Self(FixedI32::from_bits(bits))
    }

    /// The number in 1/65,536ths.
    #[inline]
    #[must_use]
    pub const fn to_bits(self) -> i32 {
        self.0.to_bits()
    }

    /// A whole number; one out of range becomes the nearest end of the range.
    #[inline]
    #[must_use]
    pub const fn from_int(int: i32) -> Self {
        Self::from_wide((int as i64) << FRACTION_BITS)
    }

    /// `numerator / denominator`, rounded towards zero and saturating. By zero: see [`Fx`].
    #[inline]
    #[must_use]
    pub const fn from_ratio(numerator: i32, denominator: i32) -> Self {
        if denominator == 0 {
            return Self::signed_infinity(numerator);
        }
        Self::from_wide(((numerator as i64) << FRACTION_BITS) / denominator as i64)
    }

    /// The number of that many 1/65,536ths, saturating.
    #[inline]
    #[must_use]
    pub const fn from_wide(bits: i64) -> Self {
        Self::from_bits(clamp_to_i32(bits))
    }

    const fn signed_infinity(sign: i32) -> Self {
        match sign {
            0 => Self::ZERO,
            1.. => Self::MAX,
            _ => Self::MIN,
        }
    }

    /// The sum, saturating. The same as `+`, and usable in constants.
    #[inline]
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self::from_bits(self.to_bits().saturating_add(other.to_bits()))
    }

    /// The difference, saturating. The same as `-`, and usable in constants.
    #[inline]
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self::from_bits(self.to_bits().saturating_sub(other.to_bits()))
    }

    /// The product, rounded towards negative infinity, saturating. The same as `*`, and usable in constants.
    #[inline]
    #[must_use]
    pub const fn saturating_mul(self, other: Self) -> Self {
        Self::from_wide((self.to_bits() as i64 * other.to_bits() as i64) >> FRACTION_BITS)
    }

    /// The quotient, rounded towards zero, saturating. The same as `/`, and usable in constants.
    #[inline]
    #[must_use]
    pub const fn saturating_div(self, other: Self) -> Self {
        Self::from_ratio(self.to_bits(), other.to_bits())
    }

    /// The sum modulo the range.
    #[inline]
    #[must_use]
    pub const fn wrapping_add(self, other: Self) -> Self {
        Self::from_bits(self.to_bits().wrapping_add(other.to_bits()))
    }

    /// The difference modulo the range.
    #[inline]
    #[must_use]
    pub const fn wrapping_sub(self, other: Self) -> Self {
        Self::from_bits(self.to_bits().wrapping_sub(other.to_bits()))
    }

    /// The product, rounded towards negative infinity, modulo the range.
    #[inline]
    #[must_use]
    pub const fn wrapping_mul(self, other: Self) -> Self {
        Self::from_bits(((self.to_bits() as i64 * other.to_bits() as i64) >> FRACTION_BITS) as i32)
    }

    /// The sum, or nothing if it is out of range.
    #[inline]
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        Self::checked_wide(self.to_bits() as i64 + other.to_bits() as i64)
    }

    /// The difference, or nothing if it is out of range.
    #[inline]
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        Self::checked_wide(self.to_bits() as i64 - other.to_bits() as i64)
    }

    /// The product, rounded towards negative infinity, or nothing if it is out of range.
    #[inline]
    #[must_use]
    pub const fn checked_mul(self, other: Self) -> Option<Self> {
        Self::checked_wide((self.to_bits() as i64 * other.to_bits() as i64) >> FRACTION_BITS)
    }

    /// The quotient, rounded towards zero, or nothing if it is out of range or the divisor is zero.
    #[inline]
    #[must_use]
    pub const fn checked_div(self, other: Self) -> Option<Self> {
        if other.to_bits() == 0 {
            return None;
        }
        Self::checked_wide(((self.to_bits() as i64) << FRACTION_BITS) / other.to_bits() as i64)
    }

    const fn checked_wide(bits: i64) -> Option<Self> {
        if bits == bits as i32 as i64 { Some(Self::from_bits(bits as i32)) } else { None }
    }

    /// The distance from zero; [`Fx::MAX`] for [`Fx::MIN`].
    #[inline]
    #[must_use]
    pub const fn abs(self) -> Self {
        Self::from_bits(self.to_bits().saturating_abs())
    }

    /// A part of a unit vector, which has 30 bits behind the point, rounded to the nearest step.
    #[inline]
    pub(crate) const fn from_unit(fine: i32) -> Self {
        Self::from_bits((fine + (1 << 13)) >> 14)
    }

    /// −1, 0 or 1, as a whole number.
    #[inline]
    #[must_use]
    pub const fn signum(self) -> i32 {
        self.to_bits().signum()
    }

    /// The number as a whole one, rounded towards negative infinity.
    #[inline]
    #[must_use]
    pub const fn floor_to_int(self) -> i32 {
        self.to_bits() >> FRACTION_BITS
    }

    /// The number as a whole one, rounded to the nearest, halves up.
    #[inline]
    #[must_use]
    pub const fn round_to_int(self) -> i32 {
        ((self.to_bits() as i64 + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS) as i32
    }

    /// The product with a whole number, saturating.
    #[inline]
    #[must_use]
    pub const fn times(self, factor: i32) -> Self {
        Self::from_wide(self.to_bits() as i64 * factor as i64)
    }

    /// The square root, rounded down: the error is below one [`Fx::STEP`]. Zero for negative numbers.
    #[inline]
    #[must_use]
    pub const fn sqrt(self) -> Self {
        if self.to_bits() <= 0 {
            return Self::ZERO;
        }
        Self::from_bits(sqrt_u64((self.to_bits() as u64) << FRACTION_BITS) as i32)
    }

    /// The point at `part` of the way from `self` to `end`; `part` is not limited to 0..=1.
    #[inline]
    #[must_use]
    pub const fn lerp(self, end: Self, part: Self) -> Self {
        self.saturating_add(end.saturating_sub(self).saturating_mul(part))
    }
}

#[inline]
pub(crate) const fn clamp_to_i32(value: i64) -> i32 {
    if value > i32::MAX as i64 {
        i32::MAX
    } else if value < i32::MIN as i64 {
        i32::MIN
    } else {
        value as i32
    }
}

impl Add for Fx {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        self.saturating_add(other)
    }
}

impl Sub for Fx {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
}

impl Mul for Fx {
    type Output = Self;

    #[inline]
    fn mul(self, other: Self) -> Self {
        self.saturating_mul(other)
    }
}

impl Div for Fx {
    type Output = Self;

    #[inline]
    fn div(self, other: Self) -> Self {
        self.saturating_div(other)
    }
}

impl Neg for Fx {
    type Output = Self;

    #[inline]
    fn neg(self) -> Self {
        Self::ZERO.saturating_sub(self)
    }
}

impl AddAssign for Fx {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Fx {
    #[inline]
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl MulAssign for Fx {
    #[inline]
    fn mul_assign(&mut self, other: Self) {
        *self = *self * other;
    }
}

impl DivAssign for Fx {
    #[inline]
    fn div_assign(&mut self, other: Self) {
        *self = *self / other;
    }
}

impl fmt::Display for Fx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Fx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Text that is not a decimal number in range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a number from -32768 to 32767.99: {0}")]
pub struct ParseFxError(fixed::ParseFixedError);

impl FromStr for Fx {
    type Err = ParseFxError;

    /// Reads a decimal number (`-1.25`), rounded to the nearest step: for content files.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        FixedI32::from_str(text).map(Self).map_err(ParseFxError)
    }
}

impl Serialize for Fx {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i32(self.to_bits())
    }
}

impl<'de> Deserialize<'de> for Fx {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i32::deserialize(deserializer).map(Self::from_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::Fx;

    #[test]
    fn saturates_at_both_ends() {
        assert_eq!(Fx::MAX + Fx::STEP, Fx::MAX);
        assert_eq!(Fx::MIN - Fx::STEP, Fx::MIN);
        assert_eq!(Fx::MAX * Fx::MAX, Fx::MAX);
        assert_eq!(Fx::MIN * Fx::MAX, Fx::MIN);
        assert_eq!(-Fx::MIN, Fx::MAX);
        assert_eq!(Fx::MIN.abs(), Fx::MAX);
        assert_eq!(Fx::from_int(40_000), Fx::MAX);
        assert_eq!(Fx::MIN / -Fx::STEP, Fx::MAX);
    }

    #[test]
    fn division_by_zero_is_defined() {
        assert_eq!(Fx::ZERO / Fx::ZERO, Fx::ZERO);
        assert_eq!(Fx::ONE / Fx::ZERO, Fx::MAX);
        assert_eq!(-Fx::ONE / Fx::ZERO, Fx::MIN);
        assert_eq!(Fx::ONE.checked_div(Fx::ZERO), None);
        assert_eq!(Fx::from_ratio(-3, 0), Fx::MIN);
    }

    #[test]
    fn agrees_with_floats_within_a_step() {
        let values = [0_i32, 1, -1, 65_536, -65_536, 98_304, 12_345_678, -87_654_321];
        for a in values {
            for b in values {
                let (x, y) = (f64::from(a) / 65_536.0, f64::from(b) / 65_536.0);
                let product = (Fx::from_bits(a) * Fx::from_bits(b)).to_bits();
                let expected = (x * y * 65_536.0).clamp(f64::from(i32::MIN), f64::from(i32::MAX));
                assert!((f64::from(product) - expected).abs() <= 1.0, "{x} * {y}");
            }
        }
    }

    #[test]
    fn reads_and_shows_decimals() {
        assert_eq!("-1.25".parse(), Ok(Fx::from_ratio(-5, 4)));
        assert_eq!(std::format!("{} {:?}", Fx::HALF, Fx::from_int(-3)), "0.5 -3");
        assert!("4e9".parse::<Fx>().is_err());
        assert!("99999".parse::<Fx>().is_err());
    }

    #[test]
    fn rounds_as_said() {
        assert_eq!(Fx::from_ratio(-1, 2).floor_to_int(), -1);
        assert_eq!(Fx::HALF.round_to_int(), 1);
        assert_eq!(Fx::MAX.round_to_int(), 32_768);
        assert_eq!(Fx::from_int(2).sqrt(), Fx::from_bits(92_681));
        assert_eq!(Fx::MAX.sqrt().to_bits(), 11_863_283);
        assert_eq!((-Fx::ONE).sqrt(), Fx::ZERO);
        assert_eq!(Fx::ZERO.lerp(Fx::from_int(4), Fx::HALF), Fx::from_int(2));
    }
}
