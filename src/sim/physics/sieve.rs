//! Which of many pairs of shapes may touch, eight pairs at once.

use super::lanes::{Vector, WIDTH};
use super::proxy::MARGIN;
use super::spot::{MOVES, PUSHED, SENSOR, Spot};

/// Half the size of the largest shapes of which no sum of radii and ways leaves 32 bits: 1,024 units.
const HALF_MAX: i32 = 1 << 26;

/// Moves those pairs to the front that may touch in this tick (see [`Spot::may_touch`]), and those with one that is
/// larger than `small_half`; tells how many there are. Of shapes whose boxes do not touch, some may be kept.
#[inline(never)]
pub(crate) fn sift(spots: &[Spot], pairs: &mut [[u16; 2]], small_half: i32) -> usize {
    let mut kept = 0;
    for start in (0..pairs.len()).step_by(WIDTH) {
        let rest = &pairs[start..];
        let mut eight = [[0; 2]; WIDTH];
        match rest.first_chunk() {
            Some(whole) => eight = *whole,
            None => eight.iter_mut().zip(rest).for_each(|(to, from)| *to = *from),
        }
        let (mut ones, mut others) = ([&spots[0]; WIDTH], [&spots[0]; WIDTH]);
        for lane in 0..WIDTH {
            let [one, other] = eight[lane];
            (ones[lane], others[lane]) = (&spots[usize::from(one)], &spots[usize::from(other)]);
        }
        let those = [ones, others];
        let touch =
            if small_half <= HALF_MAX { may_touch(those, small_half) } else { look(those, small_half) };
        let mut marks = touch & u32::MAX >> (u32::BITS - rest.len().min(WIDTH) as u32);
        while marks != 0 {
            pairs[kept] = eight[marks.trailing_zeros() as usize % WIDTH];
            kept += 1;
            marks &= marks - 1;
        }
    }
    kept
}

/// A bit for each pair that may touch.
#[inline(always)]
fn may_touch(those: [[&Spot; WIDTH]; 2], small_half: i32) -> u32 {
    let columns = |spots: [&Spot; WIDTH]| {
        let mut rows = [&[0; WIDTH]; WIDTH];
        for (row, spot) in rows.iter_mut().zip(spots) {
            *row = bytemuck::cast_ref(spot);
        }
        Vector::transposed(rows)
    };
    let [ones, others] = those;
    let (one, other) = (columns(ones), columns(others));
    let between = |column: usize| other[column] - one[column];
    let ([x, y], [way_x, way_y]) = ([between(0), between(1)], [between(2), between(3)]);
    // All ones for those that come nearer.
    let nearing = Vector::dot([x, y], [way_x, way_y]).floor::<32, 0>().shr::<31>();
    let way = (way_x.abs() + way_y.abs()) & nearing;
    let reach = one[4] + other[4] + Vector::splat(MARGIN) + way;
    let apart = Vector::dot([x, y], [x, y]).above(reach.times(reach));
    let larger = one[5].max(one[6]).max(other[5]).max(other[6]).above(Vector::splat(small_half));
    let either = one[7] | other[7];
    let some = |traits: u8| either & Vector::splat(i32::from(traits) << 16);
    let cares = some(MOVES).min(some(PUSHED | SENSOR)).above(Vector::splat(0));
    !apart.bits() & cares.bits() | larger.bits()
}

/// The same, one by one.
#[inline(never)]
fn look([ones, others]: [[&Spot; WIDTH]; 2], small_half: i32) -> u32 {
    (0..).zip(ones.iter().zip(others)).fold(0, |bits, (lane, (one, other))| {
        let larger = one.half_x.max(one.half_y).max(other.half_x).max(other.half_y) > small_half;
        let touch = one.boxes_touch(other) && (larger || one.may_touch(other));
        bits | u32::from(touch) << lane
    })
}

#[cfg(test)]
mod tests {
    use super::{HALF_MAX, Spot, sift};
    use crate::Pcg32;
    use crate::physics::spot::{MOVES, PUSHED, SENSOR};

    /// A spot beside the last one, of the size that is told.
    fn spot(rng: &mut Pcg32, last: &Spot, bits: u32) -> Spot {
        let mut some = |bits: u32| (rng.next_u32() >> (32 - bits)).cast_signed();
        let radius = 1 + some(bits);
        let (x, y) = (some(bits + 2) - 2 * radius, some(bits + 2) - 2 * radius);
        let (x, y) = (last.x.saturating_add(x), last.y.saturating_add(y));
        let (way_x, way_y) = (some(bits) - some(bits), some(bits) - some(bits));
        let traits = [MOVES | PUSHED, MOVES, PUSHED, SENSOR, MOVES | SENSOR, 0][some(8) as usize % 6];
        Spot { x, y, way_x, way_y, radius, shape: some(16) as u16, traits, ..Spot::default() }.with_box()
    }

    /// Of pairs whose boxes touch, those are kept that are kept one by one, in their order.
    #[test]
    fn many_at_once_are_told_apart_as_one_by_one() {
        let mut rng = Pcg32::new(11, 4);
        let (mut kept, mut all) = (0, 0);
        for round in 0..4_000 {
            let bits = 4 + round % 22;
            let mut spots = vec![Spot::default()];
            let at = (rng.next_u32() >> (round / 22 % 32)).cast_signed();
            spots[0].x = at;
            for _ in 0..20 {
                spots.push(spot(&mut rng, &spots[spots.len() - 1], bits));
            }
            let pairs = (0..20_u16).flat_map(|one| (one + 1..21).map(move |other| [one, other]));
            let touch =
                |[one, other]: &[u16; 2]| spots[usize::from(*one)].boxes_touch(&spots[usize::from(*other)]);
            let mut pairs: Vec<_> = pairs.filter(touch).collect();
            let half = [HALF_MAX, HALF_MAX + 1, 1 << (bits + 1)][round as usize % 3].min(HALF_MAX + 1);
            let is_kept = |[one, other]: &[u16; 2]| {
                let (one, other) = (&spots[usize::from(*one)], &spots[usize::from(*other)]);
                let larger = one.half_x.max(one.half_y).max(other.half_x).max(other.half_y) > half;
                larger || one.may_touch(other)
            };
            let expected: Vec<_> = pairs.iter().copied().filter(is_kept).collect();
            let count = sift(&spots, &mut pairs, half);
            assert_eq!(pairs[..count], expected, "round {round}");
            (kept, all) = (kept + count, all + pairs.len());
        }
        assert!(kept > all / 10 && kept < all * 9 / 10, "{kept} of {all}");
    }
}
