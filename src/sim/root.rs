//! Integer square roots.

/// The square root of a 64-bit number, rounded down; exact for every input.
#[inline]
pub(crate) const fn sqrt_u64(value: u64) -> u32 {
    value.isqrt() as u32
}

/// Fraction bits of a unit vector's parts.
pub(crate) const UNIT_BITS: u32 = 30;

/// The unit vector of the direction `(x, y)`, in 1/2³⁰; zero for the zero vector.
#[inline]
pub(crate) const fn unit(x: i32, y: i32) -> (i32, i32) {
    let (wide_x, wide_y) = (x as i64, y as i64);
    let squared =
        wide_x.unsigned_abs() * wide_x.unsigned_abs() + wide_y.unsigned_abs() * wide_y.unsigned_abs();
    if squared == 0 {
        return (0, 0);
    }
    // Scaled up to the top so that the root has 31 or 32 significant bits, whatever the length.
    let shift = squared.leading_zeros() & !1;
    let root = sqrt_u64(squared << shift) as i64;
    let half = shift / 2;
    ((((wide_x << half) << UNIT_BITS) / root) as i32, (((wide_y << half) << UNIT_BITS) / root) as i32)
}
