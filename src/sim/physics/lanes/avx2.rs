//! Eight numbers in a register of 256 bits.

use core::ops::{Add, BitAnd, BitOr, Sub};

use bytemuck::Pod;
use safe_arch::{
    abs_i32_m256i, add_i32_m256i, add_i64_m256i, bitand_m256i, bitandnot_m256i, bitor_m256i, bitxor_m256i,
    blend_imm_i32_m256i, blend_varying_i8_m256i, cast_to_m256_from_m256i, cmp_eq_mask_i8_m256i,
    cmp_eq_mask_i32_m256i, cmp_gt_mask_i32_m256i, cmp_gt_mask_i64_m256i, extract_m128i_m256i,
    insert_m128i_to_m256i, m128i, m256i, max_i32_m256i, max_u32_m256i, min_i32_m256i, move_mask_i8_m256i,
    move_mask_m256, mul_i32_keep_low_m256i, mul_i64_low_bits_m256i, mul_u64_low_bits_m256i,
    set_splat_i8_m256i, set_splat_i32_m256i, set_splat_i64_m256i, shl_imm_u32_m256i, shl_imm_u64_m256i,
    shr_imm_i32_m256i, shr_imm_u64_m256i, shuffle_ai_i32_half_m256i, shuffle_ai_i64_all_m256i, sub_i32_m256i,
    sub_i64_m256i, sub_saturating_u8_m256i, unpack_high_i32_m256i, unpack_high_i64_m256i,
    unpack_low_i32_m256i, unpack_low_i64_m256i, zero_extend_m128i, zeroed_m256i,
};

use super::{BYTES, WIDTH};

/// Eight numbers of 32 bits.
#[derive(Clone, Copy, Default)]
pub(crate) struct Vector(m256i);

/// Eight products of two of them: those of the even and those of the odd lanes.
#[derive(Clone, Copy)]
pub(crate) struct Wide {
    even: m256i,
    odd: m256i,
}

/// In which lanes something holds.
#[derive(Clone, Copy)]
pub(crate) struct Mask(m256i);

/// Thirty-two numbers of eight bits without a sign.
#[derive(Clone, Copy)]
pub(crate) struct Bytes(m256i);

/// Four pairs of numbers, those of a place or a direction: the first and the second ones.
#[derive(Clone, Copy)]
pub(crate) struct Pairs {
    first: m256i,
    second: m256i,
}

/// Four numbers of 64 bits.
#[derive(Clone, Copy)]
pub(crate) struct Four(m256i);

impl Vector {
    #[inline(always)]
    pub(crate) fn of(numbers: &[i32; WIDTH]) -> Self {
        Self(m256i::from(*numbers))
    }

    #[inline(always)]
    pub(crate) fn array(self) -> [i32; WIDTH] {
        self.0.into()
    }

    #[inline(always)]
    pub(crate) fn splat(number: i32) -> Self {
        Self(set_splat_i32_m256i(number))
    }

    #[inline(always)]
    pub(crate) fn min(self, other: Self) -> Self {
        Self(min_i32_m256i(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn max(self, other: Self) -> Self {
        Self(max_i32_m256i(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn shr<const BITS: i32>(self) -> Self {
        Self(shr_imm_i32_m256i::<BITS>(self.0))
    }

    #[inline(always)]
    pub(crate) fn shl<const BITS: i32>(self) -> Self {
        Self(shl_imm_u32_m256i::<BITS>(self.0))
    }

    #[inline(always)]
    pub(crate) fn above(self, other: Self) -> Mask {
        Mask(cmp_gt_mask_i32_m256i(self.0, other.0))
    }

    /// All ones where they are the same.
    #[inline(always)]
    pub(crate) fn equals(self, other: Self) -> Self {
        Self(cmp_eq_mask_i32_m256i(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn times(self, other: Self) -> Wide {
        let odd = |numbers: m256i| shuffle_ai_i32_half_m256i::<0b11_11_01_01>(numbers);
        Wide {
            even: mul_i64_low_bits_m256i(self.0, other.0),
            odd: mul_i64_low_bits_m256i(odd(self.0), odd(other.0)),
        }
    }

    /// The product of numbers without a sign.
    #[inline(always)]
    pub(crate) fn times_unsigned(self, other: Self) -> Wide {
        let odd = |numbers: m256i| shuffle_ai_i32_half_m256i::<0b11_11_01_01>(numbers);
        Wide {
            even: mul_u64_low_bits_m256i(self.0, other.0),
            odd: mul_u64_low_bits_m256i(odd(self.0), odd(other.0)),
        }
    }

    /// Without its sign; of the least number the same.
    #[inline(always)]
    pub(crate) fn abs(self) -> Self {
        Self(abs_i32_m256i(self.0))
    }

    /// The larger one of numbers without a sign.
    #[inline(always)]
    pub(crate) fn max_unsigned(self, other: Self) -> Self {
        Self(max_u32_m256i(self.0, other.0))
    }

    /// A bit for each that is less than zero.
    #[inline(always)]
    pub(crate) fn signs(self) -> u32 {
        move_mask_m256(cast_to_m256_from_m256i(self.0)).cast_unsigned()
    }

    /// Whether any of them is not zero.
    #[inline(always)]
    pub(crate) fn any(self) -> bool {
        move_mask_i8_m256i(cmp_eq_mask_i32_m256i(self.0, zeroed_m256i())) != -1
    }

    /// Rows turned into columns.
    #[inline(always)]
    pub(crate) fn transposed(rows: [&[i32; WIDTH]; WIDTH]) -> [Self; WIDTH] {
        let half = |row: usize, from: usize| {
            let row = rows[row];
            m128i::from([row[from], row[from + 1], row[from + 2], row[from + 3]])
        };
        let pair = |row: usize, from: usize| {
            insert_m128i_to_m256i::<1>(zero_extend_m128i(half(row, from)), half(row + 4, from))
        };
        let four =
            |from: usize| transposed_halves([pair(0, from), pair(1, from), pair(2, from), pair(3, from)]);
        let ([a, b, c, d], [e, f, g, h]) = (four(0), four(4));
        [Self(a), Self(b), Self(c), Self(d), Self(e), Self(f), Self(g), Self(h)]
    }

    /// The columns of rows of four numbers.
    #[inline(always)]
    pub(crate) fn of_fours<T: Pod>(rows: &[T; WIDTH]) -> [Self; 4] {
        let row = |lane: usize| bytemuck::cast::<T, m128i>(rows[lane]);
        let pair = |lane: usize| insert_m128i_to_m256i::<1>(zero_extend_m128i(row(lane)), row(lane + 4));
        transposed_halves([pair(0), pair(1), pair(2), pair(3)]).map(Self)
    }

    /// Puts columns into rows of four numbers.
    #[inline(always)]
    pub(crate) fn put_fours<T: Pod>(columns: [Self; 4], rows: &mut [T; WIDTH]) {
        let turned = transposed_halves(columns.map(|column| column.0));
        for (lane, pair) in turned.into_iter().enumerate() {
            rows[lane] = bytemuck::cast(extract_m128i_m256i::<0>(pair));
            rows[lane + WIDTH / 2] = bytemuck::cast(extract_m128i_m256i::<1>(pair));
        }
    }

    /// The columns of rows of two numbers.
    #[inline(always)]
    pub(crate) fn of_twos<T: Pod>(rows: &[T; WIDTH]) -> [Self; 2] {
        let [low, high] =
            bytemuck::cast::<[T; WIDTH], [m256i; 2]>(*rows).map(shuffle_ai_i32_half_m256i::<0b11_01_10_00>);
        [unpack_low_i64_m256i(low, high), unpack_high_i64_m256i(low, high)]
            .map(|column| Self(shuffle_ai_i64_all_m256i::<0b11_01_10_00>(column)))
    }

    /// Puts columns into rows of two numbers.
    #[inline(always)]
    pub(crate) fn put_twos<T: Pod>(columns: [Self; 2], rows: &mut [T; WIDTH]) {
        let [x, y] = columns.map(|column| shuffle_ai_i64_all_m256i::<0b11_01_10_00>(column.0));
        *rows = bytemuck::cast([unpack_low_i32_m256i(x, y), unpack_high_i32_m256i(x, y)]);
    }

    /// The sum, which stays at the ends of the range.
    #[inline(always)]
    pub(crate) fn plus(self, other: Self) -> Self {
        let sum = add_i32_m256i(self.0, other.0);
        // Over the end if the sum has another sign than both.
        let over = bitand_m256i(bitxor_m256i(sum, self.0), bitxor_m256i(sum, other.0));
        let end = bitxor_m256i(shr_imm_i32_m256i::<31>(sum), set_splat_i32_m256i(i32::MIN));
        Self(blend_varying_i8_m256i(sum, end, shr_imm_i32_m256i::<31>(over)))
    }

    /// The difference, which stays at the ends of the range.
    #[inline(always)]
    pub(crate) fn minus(self, other: Self) -> Self {
        let difference = sub_i32_m256i(self.0, other.0);
        // Over the end if both have other signs, and the difference another than the first.
        let over = bitand_m256i(bitxor_m256i(self.0, other.0), bitxor_m256i(difference, self.0));
        let end = bitxor_m256i(shr_imm_i32_m256i::<31>(difference), set_splat_i32_m256i(i32::MIN));
        Self(blend_varying_i8_m256i(difference, end, shr_imm_i32_m256i::<31>(over)))
    }

    /// The products; what is beyond 32 bits is lost.
    #[inline(always)]
    pub(crate) fn times_low(self, other: Self) -> Self {
        Self(mul_i32_keep_low_m256i(self.0, other.0))
    }

    /// The first three numbers of each of the rows of `list` that are named.
    #[inline(always)]
    pub(crate) fn columns<T: Pod>(list: &[T], index: &[u32; WIDTH]) -> [Self; 3] {
        let row = |lane: usize| bytemuck::cast::<T, m128i>(list[index[lane] as usize]);
        let pair = |lane: usize| insert_m128i_to_m256i::<1>(zero_extend_m128i(row(lane)), row(lane + 4));
        let [x, y, z, _] = transposed_halves([pair(0), pair(1), pair(2), pair(3)]);
        [Self(x), Self(y), Self(z)]
    }

    /// Puts three numbers and a zero into each of the rows of `list` that are named.
    #[inline(always)]
    pub(crate) fn put_columns<T: Pod>(columns: [Self; 3], list: &mut [T], index: &[u32; WIDTH]) {
        let [Self(x), Self(y), Self(z)] = columns;
        let (low, high) = (unpack_low_i32_m256i(x, y), unpack_high_i32_m256i(x, y));
        let zero = zeroed_m256i();
        let (low_z, high_z) = (unpack_low_i32_m256i(z, zero), unpack_high_i32_m256i(z, zero));
        let pairs = [
            unpack_low_i64_m256i(low, low_z),
            unpack_high_i64_m256i(low, low_z),
            unpack_low_i64_m256i(high, high_z),
            unpack_high_i64_m256i(high, high_z),
        ];
        // Those of the first lanes first: of two lanes with one row, the later one counts.
        for lane in 0..WIDTH / 2 {
            list[index[lane] as usize] = bytemuck::cast(extract_m128i_m256i::<0>(pairs[lane]));
        }
        for lane in 0..WIDTH / 2 {
            list[index[lane + WIDTH / 2] as usize] = bytemuck::cast(extract_m128i_m256i::<1>(pairs[lane]));
        }
    }
}

/// Four columns, of rows of which one and the fourth after it are in a register each.
#[inline(always)]
fn transposed_halves(pairs: [m256i; 4]) -> [m256i; 4] {
    let (first, second) =
        (unpack_low_i32_m256i(pairs[0], pairs[1]), unpack_low_i32_m256i(pairs[2], pairs[3]));
    let (third, fourth) =
        (unpack_high_i32_m256i(pairs[0], pairs[1]), unpack_high_i32_m256i(pairs[2], pairs[3]));
    [
        unpack_low_i64_m256i(first, second),
        unpack_high_i64_m256i(first, second),
        unpack_low_i64_m256i(third, fourth),
        unpack_high_i64_m256i(third, fourth),
    ]
}

impl Add for Vector {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(add_i32_m256i(self.0, other.0))
    }
}

impl Sub for Vector {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(sub_i32_m256i(self.0, other.0))
    }
}

impl BitOr for Vector {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(bitor_m256i(self.0, other.0))
    }
}

impl BitAnd for Vector {
    type Output = Self;

    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Self(bitand_m256i(self.0, other.0))
    }
}

impl Bytes {
    #[inline(always)]
    pub(crate) fn of(numbers: &[u8; BYTES]) -> Self {
        Self(bytemuck::cast(*numbers))
    }

    #[inline(always)]
    pub(crate) fn splat(number: u8) -> Self {
        Self(set_splat_i8_m256i(number.cast_signed()))
    }

    /// How far each is above another one, 0 if it is not.
    #[inline(always)]
    pub(crate) fn over(self, other: Self) -> Self {
        Self(sub_saturating_u8_m256i(self.0, other.0))
    }

    /// A bit for each that is 0.
    #[inline(always)]
    pub(crate) fn zeros(self) -> u32 {
        move_mask_i8_m256i(cmp_eq_mask_i8_m256i(self.0, zeroed_m256i())).cast_unsigned()
    }
}

impl BitOr for Bytes {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(bitor_m256i(self.0, other.0))
    }
}

impl Mask {
    /// A bit for each lane in which it holds.
    #[inline(always)]
    pub(crate) fn bits(self) -> u32 {
        move_mask_m256(cast_to_m256_from_m256i(self.0)).cast_unsigned()
    }

    /// One where it holds and the other where it does not.
    #[inline(always)]
    pub(crate) fn select(self, holds: Vector, not: Vector) -> Vector {
        Vector(blend_varying_i8_m256i(not.0, holds.0, self.0))
    }

    /// All ones where it holds.
    #[inline(always)]
    pub(crate) fn of_ones(self) -> Vector {
        Vector(self.0)
    }

    /// Zero where it holds.
    #[inline(always)]
    pub(crate) fn keep(self, not: Vector) -> Vector {
        Vector(bitandnot_m256i(self.0, not.0))
    }
}

impl Wide {
    /// Divided by a power of two and rounded; what is beyond 32 bits is lost.
    #[inline(always)]
    pub(crate) fn narrow<const RIGHT: i32, const LEFT: i32>(self) -> Vector {
        const { assert!(RIGHT + LEFT == 32) };
        let half = set_splat_i64_m256i(1 << (RIGHT - 1));
        let even = shr_imm_u64_m256i::<RIGHT>(add_i64_m256i(self.even, half));
        let odd = shl_imm_u64_m256i::<LEFT>(add_i64_m256i(self.odd, half));
        Vector(blend_imm_i32_m256i::<0b1010_1010>(even, odd))
    }

    /// Divided by a power of two and rounded down; what is beyond 32 bits is lost.
    #[inline(always)]
    pub(crate) fn floor<const RIGHT: i32, const LEFT: i32>(self) -> Vector {
        const { assert!(RIGHT + LEFT == 32) };
        let even = shr_imm_u64_m256i::<RIGHT>(self.even);
        let odd = shl_imm_u64_m256i::<LEFT>(self.odd);
        Vector(blend_imm_i32_m256i::<0b1010_1010>(even, odd))
    }

    /// Brought between two numbers.
    #[inline(always)]
    pub(crate) fn within(self, low: i64, high: i64) -> Self {
        let (low, high) = (set_splat_i64_m256i(low), set_splat_i64_m256i(high));
        let bring = |all: m256i| {
            let all = blend_varying_i8_m256i(all, high, cmp_gt_mask_i64_m256i(all, high));
            blend_varying_i8_m256i(all, low, cmp_gt_mask_i64_m256i(low, all))
        };
        Self { even: bring(self.even), odd: bring(self.odd) }
    }

    /// Where it is more than another one.
    #[inline(always)]
    pub(crate) fn above(self, other: Self) -> Mask {
        let (even, odd) =
            (cmp_gt_mask_i64_m256i(self.even, other.even), cmp_gt_mask_i64_m256i(self.odd, other.odd));
        Mask(blend_imm_i32_m256i::<0b1010_1010>(even, odd))
    }

    /// Half of numbers without a sign.
    #[inline(always)]
    pub(crate) fn halved(self) -> Self {
        Self { even: shr_imm_u64_m256i::<1>(self.even), odd: shr_imm_u64_m256i::<1>(self.odd) }
    }

    /// In the order of the lanes, without a sign.
    #[inline(always)]
    pub(crate) fn numbers(self) -> [u64; WIDTH] {
        let [a, c, e, g] = bytemuck::cast::<m256i, [u64; 4]>(self.even);
        let [b, d, f, h] = bytemuck::cast::<m256i, [u64; 4]>(self.odd);
        [a, b, c, d, e, f, g, h]
    }
}

impl Add for Wide {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self { even: add_i64_m256i(self.even, other.even), odd: add_i64_m256i(self.odd, other.odd) }
    }
}

impl Sub for Wide {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self { even: sub_i64_m256i(self.even, other.even), odd: sub_i64_m256i(self.odd, other.odd) }
    }
}

impl Pairs {
    #[inline(always)]
    pub(crate) fn of(&[a, b, c, d]: &[(i32, i32); 4]) -> Self {
        let all = m256i::from([a.0, a.1, b.0, b.1, c.0, c.1, d.0, d.1]);
        Self { first: all, second: shuffle_ai_i32_half_m256i::<0b11_11_01_01>(all) }
    }

    #[inline(always)]
    pub(crate) fn splat((first, second): (i32, i32)) -> Self {
        Self { first: set_splat_i32_m256i(first), second: set_splat_i32_m256i(second) }
    }

    /// The sum of the products of the first and of the second ones.
    #[inline(always)]
    pub(crate) fn dot(&self, other: &Self) -> Four {
        Four(add_i64_m256i(
            mul_i64_low_bits_m256i(self.first, other.first),
            mul_i64_low_bits_m256i(self.second, other.second),
        ))
    }

    /// Turned by a cosine and a sine in 1/2³⁰, one pair after the other.
    #[inline(always)]
    pub(crate) fn turned(&self, cos: i32, sin: i32) -> Vector {
        let (cos, sin) = (set_splat_i32_m256i(cos), set_splat_i32_m256i(sin));
        let times = mul_i64_low_bits_m256i;
        let even = sub_i64_m256i(times(self.first, cos), times(self.second, sin));
        let odd = add_i64_m256i(times(self.first, sin), times(self.second, cos));
        Wide { even, odd }.narrow::<30, 2>()
    }
}

impl Four {
    #[inline(always)]
    pub(crate) fn of(numbers: [i64; 4]) -> Self {
        Self(bytemuck::cast(numbers))
    }

    #[inline(always)]
    pub(crate) fn splat(number: i64) -> Self {
        Self(set_splat_i64_m256i(number))
    }

    #[inline(always)]
    pub(crate) fn min(self, other: Self) -> Self {
        Self(blend_varying_i8_m256i(self.0, other.0, cmp_gt_mask_i64_m256i(self.0, other.0)))
    }

    /// Itself where `what` is above a limit, and `not` elsewhere.
    #[inline(always)]
    pub(crate) fn where_above(self, what: Self, limit: Self, not: Self) -> Self {
        Self(blend_varying_i8_m256i(not.0, self.0, cmp_gt_mask_i64_m256i(what.0, limit.0)))
    }

    /// Some of the bits, and others that are not among them.
    #[inline(always)]
    pub(crate) fn marked(self, kept: i64, mark: Self) -> Self {
        Self(bitor_m256i(bitand_m256i(self.0, set_splat_i64_m256i(kept)), mark.0))
    }

    #[inline(always)]
    pub(crate) fn array(self) -> [i64; 4] {
        bytemuck::cast(self.0)
    }
}

impl Add for Four {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(add_i64_m256i(self.0, other.0))
    }
}

impl Sub for Four {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(sub_i64_m256i(self.0, other.0))
    }
}
