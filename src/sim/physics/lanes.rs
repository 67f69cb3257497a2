//! `Lanes`, numbers of several contacts that are computed at once.
//!
//! There are two of what computes with them, which give the same: one by instructions for vectors, and a plain one for
//! all other machines. Sums wrap around: whoever adds sees to it that they do not.

use super::row::{Offset, Velocity};

#[cfg(all(target_arch = "x86_64", target_feature = "avx2"))]
mod avx2;
#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "avx2"))))]
mod plain;

#[cfg(all(target_arch = "x86_64", target_feature = "avx2"))]
pub(crate) use avx2::{Bytes, Four, Mask, Pairs, Vector, Wide};
#[cfg(not(all(target_arch = "x86_64", target_feature = "avx2")))]
pub(crate) use plain::{Bytes, Four, Mask, Pairs, Vector, Wide};

/// Contacts that are solved at once.
pub(crate) const WIDTH: usize = 8;
/// Bytes that are compared at once.
pub(crate) const BYTES: usize = 32;

/// One number of each contact, in memory.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(32))]
pub(crate) struct Lanes(pub(crate) [i32; WIDTH]);

impl Lanes {
    /// To compute with.
    #[inline(always)]
    pub(crate) fn all(&self) -> Vector {
        Vector::of(&self.0)
    }

    #[inline(always)]
    pub(crate) fn put(&mut self, all: Vector) {
        self.0 = all.array();
    }
}

impl Vector {
    /// Brought between `-most` and `most`.
    #[inline(always)]
    pub(crate) fn within(self, most: Self) -> Self {
        self.min(most).max(Self::splat(0) - most)
    }

    /// The sum of the products of the parts of two pairs.
    #[inline(always)]
    pub(crate) fn dot(pair: [Self; 2], other: [Self; 2]) -> Wide {
        pair[0].times(other[0]) + pair[1].times(other[1])
    }

    /// The difference of the products across.
    #[inline(always)]
    pub(crate) fn cross(pair: [Self; 2], other: [Self; 2]) -> Wide {
        pair[0].times(other[1]) - pair[1].times(other[0])
    }
}

/// Velocities, or offsets, of one body of each contact.
#[derive(Clone, Copy, Default)]
pub(crate) struct Bodies {
    pub(crate) x: Vector,
    pub(crate) y: Vector,
    pub(crate) spin: Vector,
}

impl Bodies {
    #[inline(always)]
    fn of<T: bytemuck::Pod>(list: &[T], index: &[u32; WIDTH]) -> Self {
        let [x, y, spin] = Vector::columns(list, index);
        Self { x, y, spin }
    }

    #[inline(always)]
    pub(crate) fn velocities(list: &[Velocity], index: &[u32; WIDTH]) -> Self {
        Self::of(list, index)
    }

    #[inline(always)]
    pub(crate) fn offsets(list: &[Offset], index: &[u32; WIDTH]) -> Self {
        Self::of(list, index)
    }

    #[inline(always)]
    pub(crate) fn store(&self, list: &mut [Velocity], index: &[u32; WIDTH]) {
        Vector::put_columns([self.x, self.y, self.spin], list, index);
    }
}

#[cfg(all(test, target_arch = "x86_64", target_feature = "avx2"))]
mod tests {
    use super::{BYTES, WIDTH, avx2, plain};
    use crate::Pcg32;

    /// Numbers of all sizes, and those at the ends.
    fn numbers(rng: &mut Pcg32) -> [i32; WIDTH] {
        core::array::from_fn(|_| match rng.below(16) {
            0 => i32::MIN,
            1 => i32::MAX,
            _ => rng.next_u32().cast_signed() >> rng.below(32),
        })
    }

    macro_rules! bytes {
        ($kind:ident, $a:expr, $b:expr) => {{
            let bytes = |a: &[i32; WIDTH]| $kind::Bytes::of(&bytemuck::cast::<[i32; WIDTH], [u8; BYTES]>(*a));
            let (one, other) = (bytes(&$a), bytes(&$b));
            let over = one.over($kind::Bytes::splat($b[0] as u8)).zeros();
            (over, (one.over(other) | $kind::Bytes::splat(0)).zeros())
        }};
    }

    macro_rules! results {
        ($kind:ident, $a:expr, $b:expr, $c:expr) => {{
            let [a, b, c] = [$a, $b, $c].map(|numbers| $kind::Vector::of(&numbers));
            let mut rows: [[i32; 4]; WIDTH] = core::array::from_fn(|lane| [$a[lane], $b[lane], $c[lane], 7]);
            let index = $b.map(|number| number.cast_unsigned() % WIDTH as u32);
            let [x, y, z] = $kind::Vector::columns(&rows, &index);
            $kind::Vector::put_columns([a, b, c], &mut rows, &index);
            let wide = a.times(b) + b.times(c) - a.times(c);
            let vectors = [
                a + b,
                a - b,
                a.min(b),
                a.max(b),
                a.shr::<3>(),
                a.shl::<2>(),
                a & b,
                a.above(b).select(b, c),
                a.above(b).keep(c),
                wide.narrow::<30, 2>(),
                wide.narrow::<16, 16>(),
                x,
                y,
                z,
                $kind::Vector::splat($a[0]),
                wide.floor::<20, 12>(),
                wide.within(-(1 << 51), (1 << 51) - 1).floor::<20, 12>(),
                a.abs().max_unsigned(b),
            ];
            let turned = $kind::Vector::transposed(core::array::from_fn(|lane| [&$a, &$b, &$c][lane % 3]));
            let unsigned = a.times_unsigned(b).halved().numbers();
            let more = a.times(b).above(b.times(c)).bits();
            let bits = (a.above(b).bits(), a.signs(), more, (a | b).array(), bytes!($kind, $a, $b));
            let sums = [
                a.equals(b & c),
                a.above(c).of_ones(),
                a.plus(b),
                a.minus(b),
                a.times_low(b),
                a.times(b).floor::<32, 0>(),
            ]
            .map(|vector| vector.array());
            let (mut fours_of, mut twos_of) = ([[0; 4]; WIDTH], [[0; 2]; WIDTH]);
            let [x, y, z, w] = $kind::Vector::of_fours(&rows);
            $kind::Vector::put_fours([w, x, z, y], &mut fours_of);
            $kind::Vector::put_twos([a, b], &mut twos_of);
            let twos = $kind::Vector::of_twos(&twos_of).map(|vector| vector.array());
            let more = (bits, sums, fours_of, twos_of, twos);
            let (vectors, turned) = (vectors.map(|vector| vector.array()), turned.map(|one| one.array()));
            let pairs =
                |numbers: &[i32; WIDTH]| core::array::from_fn(|at| (numbers[2 * at], numbers[2 * at + 1]));
            let [one, other] = [$kind::Pairs::of(&pairs(&$a)), $kind::Pairs::of(&pairs(&$b))];
            let (dot, next) = (one.dot(&other), one.dot(&$kind::Pairs::splat(($c[0], $c[1]))));
            let marked = (dot - next).marked(-8, $kind::Four::of([1, 2, 3, 4]));
            let fours =
                [dot + next, dot.min(next), marked, marked.where_above(dot, next, $kind::Four::splat(7))];
            let fours = (fours.map(|four| four.array()), one.turned($c[0], $c[1]).array());
            (vectors, turned, unsigned, fours, (a & b).any(), rows, more)
        }};
    }

    #[test]
    fn both_give_the_same() {
        let mut rng = Pcg32::new(5, 5);
        for round in 0..20_000 {
            let (a, b, c) = (numbers(&mut rng), numbers(&mut rng), numbers(&mut rng));
            assert_eq!(results!(avx2, a, b, c), results!(plain, a, b, c), "round {round}");
        }
    }
}
