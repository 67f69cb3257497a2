//! Integer square roots.

/// The square root of a 64-bit number, rounded down; exact for every input.
#[inline]
pub(crate) const fn sqrt_u64(value: u64) -> u32 {
    value.isqrt() as u32
}

/// Fraction bits of a unit vector's parts.
pub(crate) const UNIT_BITS: u32 = 30;

const RECIPROCAL_ROOTS: [u32; 256] = reciprocal_roots();

/// 1/√x for the middle of each 256th of 0..1, in 1/2³⁰; those below 1/4 are not used.
const fn reciprocal_roots() -> [u32; 256] {
    let mut roots = [0; 256];
    let mut index = 64;
    while index < 256 {
        // 2³⁰ / √((index + ½) / 256) = 2⁶⁰ / √((2·index + 1) · 2⁵¹)
        let root = ((2 * index as u64 + 1) << 51).isqrt();
        roots[index] = ((1 << 60) / root) as u32;
        index += 1;
    }
    roots
}

/// A direction and a length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Polar {
    /// Part of the unit vector, in 1/2³⁰, off by 4 at most.
    pub(crate) unit_x: i32,
    /// Part of the unit vector, in 1/2³⁰, off by 4 at most.
    pub(crate) unit_y: i32,
    /// The length in the unit of the parts, off by 1 + length/2²⁹ at most.
    pub(crate) length: u32,
}

/// The direction and length of `(x, y)`; all zero for the zero vector.
///
/// A table of 192 reciprocal roots and two Newton steps: a third of the time of a root and two divisions.
#[inline]
pub(crate) const fn polar(x: i32, y: i32) -> Polar {
    let (wide_x, wide_y) = (x as i64, y as i64);
    let squared = (wide_x * wide_x) as u64 + (wide_y * wide_y) as u64;
    if squared == 0 {
        return Polar { unit_x: 0, unit_y: 0, length: 0 };
    }
    // An even shift that brings the square into 1/4..1 of 2⁶⁴.
    let shift = squared.leading_zeros() & !1;
    let (half, fraction) = (shift / 2, (squared << shift) >> 32);
    let first = RECIPROCAL_ROOTS[(fraction >> 24) as usize] as u64;
    let root = newton(fraction, newton(fraction, first));
    Polar {
        unit_x: scaled(wide_x << half, root),
        unit_y: scaled(wide_y << half, root),
        length: ((fraction * root) >> (UNIT_BITS + half)) as u32,
    }
}

/// A part times a reciprocal root in 1/2³², rounded to the nearest.
#[inline]
const fn scaled(part: i64, root: u64) -> i32 {
    ((part * root as i64 + (1 << 31)) >> 32) as i32
}

/// One Newton step towards 1/√fraction: `fraction` in 1/2³², `root` in 1/2³⁰.
#[inline]
const fn newton(fraction: u64, root: u64) -> u64 {
    let error = (((root * root) >> 30) * fraction) >> 32;
    (root * ((3 << 30) - error)) >> 31
}

#[cfg(test)]
mod tests {
    use super::{polar, sqrt_u64};
    use crate::Pcg32;

    #[test]
    fn root_is_exact() {
        for root in [0_u64, 1, 2, 3, 65_535, 65_536, 0xffff_fffe, 0xffff_ffff] {
            let square = root * root;
            assert_eq!(u64::from(sqrt_u64(square)), root);
            assert_eq!(u64::from(sqrt_u64(square + 2 * root)), root);
        }
    }

    #[test]
    fn directions_and_lengths_are_within_their_bounds() {
        let mut rng = Pcg32::new(3, 3);
        for round in 0..200_000 {
            let shift = round % 31;
            let (x, y) =
                (rng.next_u32().cast_signed() >> shift, rng.next_u32().cast_signed() >> (round / 7 % 31));
            if x == 0 && y == 0 {
                continue;
            }
            let (wide_x, wide_y, polar) = (f64::from(x), f64::from(y), polar(x, y));
            let length = wide_x.hypot(wide_y);
            let scale = f64::from(1 << 30);
            assert!((f64::from(polar.unit_x) - wide_x / length * scale).abs() <= 4.0, "{x} {y} {polar:?}");
            assert!((f64::from(polar.unit_y) - wide_y / length * scale).abs() <= 4.0, "{x} {y} {polar:?}");
            let bound = 1.0 + length / f64::from(1 << 29);
            assert!((f64::from(polar.length) - length).abs() <= bound, "{x} {y} {length} {polar:?}");
        }
    }

    #[test]
    fn axes_and_extremes_are_defined() {
        assert_eq!(polar(0, 0).length, 0);
        assert!((polar(1, 0).unit_x - (1 << 30)).abs() <= 4);
        assert!((polar(0, i32::MIN).unit_y + (1 << 30)).abs() <= 4);
        assert_eq!(polar(i32::MIN, i32::MIN).unit_x, polar(-1, -1).unit_x);
    }
}
