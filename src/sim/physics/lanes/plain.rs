//! Eight numbers in an array.

use core::array::from_fn;
use core::ops::{Add, BitAnd, BitOr, Sub};

use bytemuck::Pod;

use super::{BYTES, WIDTH};

/// Eight numbers of 32 bits.
#[derive(Clone, Copy, Default)]
pub(crate) struct Vector([i32; WIDTH]);

/// Eight products of two of them.
#[derive(Clone, Copy)]
pub(crate) struct Wide([i64; WIDTH]);

/// In which lanes something holds.
#[derive(Clone, Copy)]
pub(crate) struct Mask([bool; WIDTH]);

/// Thirty-two numbers of eight bits without a sign.
#[derive(Clone, Copy)]
pub(crate) struct Bytes([u8; BYTES]);

/// Four pairs of numbers, those of a place or a direction.
#[derive(Clone, Copy)]
pub(crate) struct Pairs([(i32, i32); 4]);

/// Four numbers of 64 bits.
#[derive(Clone, Copy)]
pub(crate) struct Four([i64; 4]);

impl Vector {
    #[inline(always)]
    pub(crate) fn of(numbers: &[i32; WIDTH]) -> Self {
        Self(*numbers)
    }

    #[inline(always)]
    pub(crate) fn array(self) -> [i32; WIDTH] {
        self.0
    }

    #[inline(always)]
    pub(crate) fn splat(number: i32) -> Self {
        Self([number; WIDTH])
    }

    #[inline(always)]
    fn with(self, other: Self, each: impl Fn(i32, i32) -> i32) -> Self {
        Self(from_fn(|lane| each(self.0[lane], other.0[lane])))
    }

    #[inline(always)]
    pub(crate) fn min(self, other: Self) -> Self {
        self.with(other, i32::min)
    }

    #[inline(always)]
    pub(crate) fn max(self, other: Self) -> Self {
        self.with(other, i32::max)
    }

    #[inline(always)]
    pub(crate) fn shr<const BITS: i32>(self) -> Self {
        Self(self.0.map(|number| number >> BITS))
    }

    #[inline(always)]
    pub(crate) fn shl<const BITS: i32>(self) -> Self {
        Self(self.0.map(|number| number << BITS))
    }

    #[inline(always)]
    pub(crate) fn above(self, other: Self) -> Mask {
        Mask(from_fn(|lane| self.0[lane] > other.0[lane]))
    }

    /// All ones where they are the same.
    #[inline(always)]
    pub(crate) fn equals(self, other: Self) -> Self {
        self.with(other, |one, other| -i32::from(one == other))
    }

    #[inline(always)]
    pub(crate) fn times(self, other: Self) -> Wide {
        Wide(from_fn(|lane| i64::from(self.0[lane]) * i64::from(other.0[lane])))
    }

    /// The product of numbers without a sign.
    #[inline(always)]
    pub(crate) fn times_unsigned(self, other: Self) -> Wide {
        let wide = |number: i32| u64::from(number.cast_unsigned());
        Wide(from_fn(|lane| (wide(self.0[lane]) * wide(other.0[lane])).cast_signed()))
    }

    /// Without its sign; of the least number the same.
    #[inline(always)]
    pub(crate) fn abs(self) -> Self {
        Self(self.0.map(i32::wrapping_abs))
    }

    /// The larger one of numbers without a sign.
    #[inline(always)]
    pub(crate) fn max_unsigned(self, other: Self) -> Self {
        self.with(other, |one, other| one.cast_unsigned().max(other.cast_unsigned()).cast_signed())
    }

    /// A bit for each that is less than zero.
    #[inline(always)]
    pub(crate) fn signs(self) -> u32 {
        (0..).zip(self.0).fold(0, |bits, (lane, number)| bits | u32::from(number < 0) << lane)
    }

    /// Whether any of them is not zero.
    #[inline(always)]
    pub(crate) fn any(self) -> bool {
        self.0 != [0; WIDTH]
    }

    /// Rows turned into columns.
    #[inline(always)]
    pub(crate) fn transposed(rows: [&[i32; WIDTH]; WIDTH]) -> [Self; WIDTH] {
        from_fn(|column| Self(from_fn(|lane| rows[lane][column])))
    }

    /// The columns of rows of four numbers.
    #[inline(always)]
    pub(crate) fn of_fours<T: Pod>(rows: &[T; WIDTH]) -> [Self; 4] {
        let rows = rows.map(|row| bytemuck::cast::<T, [i32; 4]>(row));
        from_fn(|column| Self(from_fn(|lane| rows[lane][column])))
    }

    /// Puts columns into rows of four numbers.
    #[inline(always)]
    pub(crate) fn put_fours<T: Pod>(columns: [Self; 4], rows: &mut [T; WIDTH]) {
        *rows = from_fn(|lane| bytemuck::cast(columns.map(|column| column.0[lane])));
    }

    /// The columns of rows of two numbers.
    #[inline(always)]
    pub(crate) fn of_twos<T: Pod>(rows: &[T; WIDTH]) -> [Self; 2] {
        let rows = rows.map(|row| bytemuck::cast::<T, [i32; 2]>(row));
        from_fn(|column| Self(from_fn(|lane| rows[lane][column])))
    }

    /// Puts columns into rows of two numbers.
    #[inline(always)]
    pub(crate) fn put_twos<T: Pod>(columns: [Self; 2], rows: &mut [T; WIDTH]) {
        *rows = from_fn(|lane| bytemuck::cast(columns.map(|column| column.0[lane])));
    }

    /// The sum, which stays at the ends of the range.
    #[inline(always)]
    pub(crate) fn plus(self, other: Self) -> Self {
        self.with(other, i32::saturating_add)
    }

    /// The difference, which stays at the ends of the range.
    #[inline(always)]
    pub(crate) fn minus(self, other: Self) -> Self {
        self.with(other, i32::saturating_sub)
    }

    /// The products; what is beyond 32 bits is lost.
    #[inline(always)]
    pub(crate) fn times_low(self, other: Self) -> Self {
        self.with(other, i32::wrapping_mul)
    }

    /// The first three numbers of each of the rows of `list` that are named.
    #[inline(always)]
    pub(crate) fn columns<T: Pod>(list: &[T], index: &[u32; WIDTH]) -> [Self; 3] {
        let rows = index.map(|index| bytemuck::cast::<T, [i32; 4]>(list[index as usize]));
        from_fn(|column| Self(from_fn(|lane| rows[lane][column])))
    }

    /// Puts three numbers and a zero into each of the rows of `list` that are named.
    #[inline(always)]
    pub(crate) fn put_columns<T: Pod>([x, y, z]: [Self; 3], list: &mut [T], index: &[u32; WIDTH]) {
        for (lane, &index) in index.iter().enumerate() {
            list[index as usize] = bytemuck::cast([x.0[lane], y.0[lane], z.0[lane], 0]);
        }
    }
}

impl Add for Vector {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.with(other, i32::wrapping_add)
    }
}

impl Sub for Vector {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.with(other, i32::wrapping_sub)
    }
}

impl BitOr for Vector {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        self.with(other, |one, other| one | other)
    }
}

impl BitAnd for Vector {
    type Output = Self;

    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        self.with(other, |one, other| one & other)
    }
}

impl Bytes {
    #[inline(always)]
    pub(crate) fn of(numbers: &[u8; BYTES]) -> Self {
        Self(*numbers)
    }

    #[inline(always)]
    pub(crate) fn splat(number: u8) -> Self {
        Self([number; BYTES])
    }

    /// How far each is above another one, 0 if it is not.
    #[inline(always)]
    pub(crate) fn over(self, other: Self) -> Self {
        Self(from_fn(|lane| self.0[lane].saturating_sub(other.0[lane])))
    }

    /// A bit for each that is 0.
    #[inline(always)]
    pub(crate) fn zeros(self) -> u32 {
        let bits = self.0.as_chunks::<8>().0.iter().map(|eight| {
            let zeros = eight.map(|number| u8::from(number == 0));
            (u64::from_le_bytes(zeros).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
        });
        bits.rev().fold(0, |all, bits| all << 8 | bits)
    }
}

impl BitOr for Bytes {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(from_fn(|lane| self.0[lane] | other.0[lane]))
    }
}

impl Mask {
    /// A bit for each lane in which it holds.
    #[inline(always)]
    pub(crate) fn bits(self) -> u32 {
        (0..).zip(self.0).fold(0, |bits, (lane, holds)| bits | u32::from(holds) << lane)
    }

    /// One where it holds and the other where it does not.
    #[inline(always)]
    pub(crate) fn select(self, holds: Vector, not: Vector) -> Vector {
        Vector(from_fn(|lane| if self.0[lane] { holds.0[lane] } else { not.0[lane] }))
    }

    /// All ones where it holds.
    #[inline(always)]
    pub(crate) fn of_ones(self) -> Vector {
        Vector(self.0.map(|holds| -i32::from(holds)))
    }

    /// Zero where it holds.
    #[inline(always)]
    pub(crate) fn keep(self, not: Vector) -> Vector {
        self.select(Vector::splat(0), not)
    }
}

impl Wide {
    /// Divided by a power of two and rounded; what is beyond 32 bits is lost.
    #[inline(always)]
    pub(crate) fn narrow<const RIGHT: i32, const LEFT: i32>(self) -> Vector {
        const { assert!(RIGHT + LEFT == 32) };
        Vector(self.0.map(|wide| (wide.wrapping_add(1 << (RIGHT - 1)) >> RIGHT) as i32))
    }

    /// Divided by a power of two and rounded down; what is beyond 32 bits is lost.
    #[inline(always)]
    pub(crate) fn floor<const RIGHT: i32, const LEFT: i32>(self) -> Vector {
        const { assert!(RIGHT + LEFT == 32) };
        Vector(self.0.map(|wide| (wide >> RIGHT) as i32))
    }

    /// Brought between two numbers.
    #[inline(always)]
    pub(crate) fn within(self, low: i64, high: i64) -> Self {
        Self(self.0.map(|wide| wide.min(high).max(low)))
    }

    /// Where it is more than another one.
    #[inline(always)]
    pub(crate) fn above(self, other: Self) -> Mask {
        Mask(from_fn(|lane| self.0[lane] > other.0[lane]))
    }

    /// Half of numbers without a sign.
    #[inline(always)]
    pub(crate) fn halved(self) -> Self {
        Self(self.0.map(|wide| (wide.cast_unsigned() >> 1).cast_signed()))
    }

    /// In the order of the lanes, without a sign.
    #[inline(always)]
    pub(crate) fn numbers(self) -> [u64; WIDTH] {
        self.0.map(i64::cast_unsigned)
    }
}

impl Add for Wide {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(from_fn(|lane| self.0[lane].wrapping_add(other.0[lane])))
    }
}

impl Sub for Wide {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(from_fn(|lane| self.0[lane].wrapping_sub(other.0[lane])))
    }
}

impl Pairs {
    #[inline(always)]
    pub(crate) fn of(pairs: &[(i32, i32); 4]) -> Self {
        Self(*pairs)
    }

    #[inline(always)]
    pub(crate) fn splat(pair: (i32, i32)) -> Self {
        Self([pair; 4])
    }

    /// The sum of the products of the first and of the second ones.
    #[inline(always)]
    pub(crate) fn dot(&self, other: &Self) -> Four {
        let dot = |one: (i32, i32), other: (i32, i32)| {
            (i64::from(one.0) * i64::from(other.0)).wrapping_add(i64::from(one.1) * i64::from(other.1))
        };
        Four(from_fn(|at| dot(self.0[at], other.0[at])))
    }

    /// Turned by a cosine and a sine in 1/2³⁰, one pair after the other.
    #[inline(always)]
    pub(crate) fn turned(&self, cos: i32, sin: i32) -> Vector {
        let times = |one: i32, other: i32| i64::from(one) * i64::from(other);
        let turned = self.0.map(|(x, y)| {
            let (even, odd) =
                (times(x, cos).wrapping_sub(times(y, sin)), times(x, sin).wrapping_add(times(y, cos)));
            [even, odd].map(|wide| (wide.wrapping_add(1 << 29) >> 30) as i32)
        });
        Vector(from_fn(|at| turned[at / 2][at % 2]))
    }
}

impl Four {
    #[inline(always)]
    pub(crate) fn of(numbers: [i64; 4]) -> Self {
        Self(numbers)
    }

    #[inline(always)]
    pub(crate) fn splat(number: i64) -> Self {
        Self([number; 4])
    }

    #[inline(always)]
    pub(crate) fn min(self, other: Self) -> Self {
        Self(from_fn(|at| self.0[at].min(other.0[at])))
    }

    /// Itself where `what` is above a limit, and `not` elsewhere.
    #[inline(always)]
    pub(crate) fn where_above(self, what: Self, limit: Self, not: Self) -> Self {
        Self(from_fn(|at| if what.0[at] > limit.0[at] { self.0[at] } else { not.0[at] }))
    }

    /// Some of the bits, and others that are not among them.
    #[inline(always)]
    pub(crate) fn marked(self, kept: i64, mark: Self) -> Self {
        Self(from_fn(|at| self.0[at] & kept | mark.0[at]))
    }

    #[inline(always)]
    pub(crate) fn array(self) -> [i64; 4] {
        self.0
    }
}

impl Add for Four {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(from_fn(|at| self.0[at].wrapping_add(other.0[at])))
    }
}

impl Sub for Four {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(from_fn(|at| self.0[at].wrapping_sub(other.0[at])))
    }
}
