//! How the contacts of a batch become its rows, all at once.

use super::{Batch, FINER_BITS, MOST, PARTING_MAX, POINT_SPEED_MAX, Points, Row, Shared};
use crate::physics::contact_solver::ContactTimes;
use crate::physics::draft::Draft;
use crate::physics::lanes::{Lanes, Mask, Vector, WIDTH};
use crate::physics::row::{ARM_MAX, SPIN_SHARE_BITS};
use crate::physics::softness::Softness;
use crate::root::UNIT_BITS;

const ONE: i32 = 1 << UNIT_BITS;
/// What fits 32 bits after 20, or 16, bits were taken away.
const HELD_20: i64 = 1 << (31 + 20);
const HELD_16: i64 = 1 << (31 + 16);
/// The square of a ratio, in 1/2³², of which the weight still has 32 bits.
const SQUARE_MAX: i64 = ((u32::MAX as i64 - (1 << 16)) << 16) | 0xffff;

/// How contacts of a step give way: those of equal bodies, and those of others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Springs {
    soft: Spring,
    hard: Spring,
}

#[derive(Clone, Copy, Debug)]
struct Spring {
    rate: i32,
    give: i32,
    inside_max: i32,
    /// What is not made of a wanted change of speed, in 1/2³⁰.
    unmade: i32,
}

impl Springs {
    pub(crate) fn of(times: &ContactTimes) -> Self {
        Self { soft: Spring::of(&times.soft), hard: Spring::of(&times.hard) }
    }

    #[inline(always)]
    fn part(&self, hard: Mask, of: fn(&Spring) -> i32) -> Vector {
        hard.select(Vector::splat(of(&self.hard)), Vector::splat(of(&self.soft)))
    }
}

impl Spring {
    fn of(softness: &Softness) -> Self {
        Self {
            rate: softness.rate.min(i64::from(i32::MAX)) as i32,
            give: softness.give as i32,
            inside_max: ((PARTING_MAX << 20) / softness.rate.max(1 << 13)) as i32,
            unmade: (i64::from(ONE) - softness.change) as i32,
        }
    }
}

/// Both bodies of each contact.
struct Sides {
    inverse: [Vector; 2],
    gyration: [Vector; 2],
    /// The part that each has of every change, in 1/2³⁰.
    share: [Vector; 2],
    /// 1 / mass of both together, in 1/2²⁴.
    eases: [u64; WIDTH],
    /// How many contacts there are.
    used: usize,
}

/// An arm as seen by one body.
struct Lever {
    /// 1 + (arm / radius of gyration)², in 1/2¹⁶ and without a sign.
    weight: Vector,
    /// arm / (radius of gyration)², in 1/2²⁰.
    spin: Vector,
}

impl Lever {
    #[inline(always)]
    fn new(gyration: Vector, arm: Vector) -> Self {
        let ratio = arm.times(gyration).within(-HELD_20, HELD_20 - 1).floor::<20, 12>();
        let weight = ratio.times(ratio).within(0, SQUARE_MAX).floor::<16, 16>() + Vector::splat(1 << 16);
        Self { weight, spin: ratio.times(gyration).within(-HELD_16, HELD_16 - 1).floor::<16, 16>() }
    }
}

/// The lever of a direction around each body's centre of mass, at `from` of it.
#[inline(always)]
fn arm(from: [Vector; 2], along: [Vector; 2]) -> Vector {
    const HALF: i64 = 1 << (UNIT_BITS - 1);
    const LEAST: i64 = -(ARM_MAX << UNIT_BITS) - HALF;
    const MOST: i64 = (ARM_MAX << UNIT_BITS) + HALF - 1;
    Vector::cross(from, along).within(LEAST, MOST).narrow::<30, 2>()
}

/// `most`, or less where its product with a number without a sign in 1/2^`bits` would be more.
#[inline(always)]
fn bounded(most: i32, numbers: Vector, bits: u32) -> Lanes {
    let mut bounds = Lanes([most; WIDTH]);
    if (numbers & Vector::splat(-1 << bits)).any() {
        for (bound, number) in bounds.0.iter_mut().zip(numbers.array()) {
            let number = number.cast_unsigned();
            if number >> bits != 0 {
                *bound = (((most as u64) << bits) / u64::from(number)) as i32;
            }
        }
    }
    bounds
}

impl Row {
    /// The row of these arms; all zero where it does not count.
    #[inline(always)]
    fn prepare(&mut self, sides: &Sides, arms: [Vector; 2], total: Vector, counts: Mask) {
        let zero = Vector::splat(0);
        let (arm_a, arm_b) = (counts.select(arms[0], zero), counts.select(arms[1], zero));
        let (a, b) = (Lever::new(sides.gyration[0], arm_a), Lever::new(sides.gyration[1], arm_b));
        let ease = |side: usize, lever: &Lever| sides.inverse[side].times_unsigned(lever.weight).halved();
        let weight = sides.weights(&(ease(0, &a) + ease(1, &b)).numbers());
        self.arm_a.put(arm_a);
        self.arm_b.put(arm_b);
        self.spin_a.put(sides.share[0].times(a.spin).floor::<30, 2>());
        self.spin_b.put(sides.share[1].times(b.spin).floor::<30, 2>());
        self.weight.put(counts.select(weight.all(), zero));
        self.total.put(counts.select(total, zero));
    }
}

impl Sides {
    /// The change of the speed of the centres for a change of speed at the point, in 1/2³⁰: 1 without levers. `wholes`
    /// is how easily the point is moved.
    #[inline(always)]
    fn weights(&self, wholes: &[u64; WIDTH]) -> Lanes {
        let mut weights = Lanes::default();
        for (weight, (&whole, &ease)) in
            weights.0.iter_mut().zip(wholes.iter().zip(&self.eases)).take(self.used)
        {
            // Both in 1/2³⁹, brought to 33 bits; what cannot be pushed is not.
            let shift = 31_u32.saturating_sub(whole.leading_zeros());
            let part = (((ease << 15) >> shift) << UNIT_BITS) / (whole >> shift).max(1);
            *weight = part.min(1 << UNIT_BITS) as i32;
        }
        weights
    }
}

/// Eight numbers of each contact.
#[inline(always)]
fn columns(drafts: &[Draft; WIDTH], part: usize) -> [Vector; WIDTH] {
    let row = |lane: usize| &drafts[lane].parts()[part];
    Vector::transposed([row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)])
}

/// A point of each contact.
struct Anchors {
    from_a: [Vector; 2],
    from_b: [Vector; 2],
    separation: Vector,
    total: Vector,
    bounce: Vector,
    bare: Vector,
}

impl Anchors {
    #[inline(always)]
    fn of(drafts: &[Draft; WIDTH], part: usize) -> Self {
        let [x_a, y_a, x_b, y_b, separation, total, bounce, bare] = columns(drafts, part);
        Self { from_a: [x_a, y_a], from_b: [x_b, y_b], separation, total, bounce, bare }
    }

    #[inline(always)]
    fn arms(&self, along: [Vector; 2]) -> [Vector; 2] {
        [arm(self.from_a, along), arm(self.from_b, along)]
    }
}

impl Points {
    #[inline(always)]
    fn prepare(
        &mut self,
        sides: &Sides,
        anchors: &Anchors,
        normal: [Vector; 2],
        unmade: Vector,
        counts: Mask,
    ) {
        let total =
            anchors.total.shr::<{ FINER_BITS as i32 }>().max(Vector::splat(0)).min(Vector::splat(MOST));
        self.normal.prepare(sides, anchors.arms(normal), total, counts);
        let weight = self.normal.weight.all();
        self.soft.put(weight - weight.times(unmade).floor::<30, 2>());
        self.put_apart(counts.select(anchors.separation, Vector::splat(0)));
        self.bounce.put(anchors.bounce.shr::<{ FINER_BITS as i32 }>());
        self.sum.put(Vector::splat(0));
    }

    /// Puts in how far the outlines are apart, in 1/2¹⁶.
    #[inline(always)]
    fn put_apart(&mut self, separation: Vector) {
        let near = Vector::splat(1 << 24);
        let separation = separation.within(near).shl::<6>().within(Vector::splat(MOST));
        self.separation.put(separation);
        self.apart.put(separation);
    }
}

impl Shared {
    /// Bounds of what the rows do.
    #[inline(always)]
    fn bound(&mut self, rows: [&Row; 2]) {
        let longest = |of: fn(&Row) -> &Lanes| {
            let [one, other] = [of(rows[0]).all().abs(), of(rows[1]).all().abs()];
            one.max_unsigned(other).max_unsigned(of(&self.tangent).all().abs())
        };
        let (arm_a, arm_b) = (longest(|row| &row.arm_a), longest(|row| &row.arm_b));
        let spin = longest(|row| &row.spin_a).max_unsigned(longest(|row| &row.spin_b));
        self.spin_max_a = bounded(MOST, arm_a, 16);
        self.spin_max_b = bounded(MOST, arm_b, 16);
        self.turn_max = bounded(POINT_SPEED_MAX, spin, SPIN_SHARE_BITS);
    }
}

impl Batch {
    /// Makes rows of the first `used` contacts; of the others all numbers are zero.
    #[inline(never)]
    pub(crate) fn prepare(
        &mut self,
        drafts: &[Draft; WIDTH],
        (class, used): (u32, usize),
        springs: &Springs,
    ) {
        self.class = class;
        let [x, y, a, b, inverse_a, inverse_b, gyration_a, gyration_b] = columns(drafts, 0);
        let [share_b, friction, surface, hard, count, pulled, _, _] = columns(drafts, 1);
        self.a = a.array().map(i32::cast_unsigned);
        self.b = b.array().map(i32::cast_unsigned);
        let (zero, one) = (Vector::splat(0), Vector::splat(ONE));
        let (of_a, of_b) = (inverse_a.array(), inverse_b.array());
        let mut sides = Sides {
            inverse: [inverse_a, inverse_b],
            gyration: [gyration_a, gyration_b],
            share: [one - share_b, share_b],
            eases: [0; WIDTH],
            used,
        };
        for (ease, (a, b)) in sides.eases.iter_mut().zip(of_a.into_iter().zip(of_b)) {
            *ease = u64::from(a.cast_unsigned()) + u64::from(b.cast_unsigned());
        }
        let (normal, hard) = ([x, y], hard.above(zero));
        let (first, second) = (Anchors::of(drafts, 2), Anchors::of(drafts, 3));
        let (has_first, has_second, rubs) =
            (count.above(zero), count.above(Vector::splat(1)), friction.above(zero));
        let unmade = springs.part(hard, |spring| spring.unmade);
        self.points[0].prepare(&sides, &first, normal, unmade, has_first);
        self.count = 1 + usize::from((count & Vector::splat(2)).any());
        if self.count > 1 {
            self.points[1].prepare(&sides, &second, normal, unmade, has_second);
        } else {
            self.points[1] = Points::default();
        }
        // Both points are on the surface: one pull at the deeper one, where the bodies are seen, does for both.
        let other = has_second.select(second.bare, Vector::splat(i32::MAX));
        let deeper = first.bare.above(other);
        let along = [zero - y, x];
        let (at_first, at_second) = (first.arms(along), second.arms(along));
        let arms = [deeper.select(at_second[0], at_first[0]), deeper.select(at_second[1], at_first[1])];
        let pulled = pulled.shr::<{ FINER_BITS as i32 }>().within(Vector::splat(MOST));
        let shared = &mut self.shared;
        shared.tangent.prepare(&sides, arms, pulled, rubs);
        shared.x.put(x);
        shared.y.put(y);
        shared.share_b.put(share_b);
        shared.friction.put(friction);
        shared.pressing_max = bounded(MOST, friction.abs(), 16);
        shared.surface.put(surface.shr::<{ FINER_BITS as i32 }>().within(Vector::splat(1 << 28)));
        shared.rate.put(springs.part(hard, |spring| spring.rate));
        shared.give.put(springs.part(hard, |spring| spring.give));
        shared.inside_max.put(springs.part(hard, |spring| spring.inside_max));
        let [first, second] = &self.points;
        shared.bound([&first.normal, &second.normal]);
        self.rubs = friction.any();
    }

    /// As it was made for the step before, of contacts that lie as they did: only how hard they pushed is another.
    #[inline(never)]
    pub(crate) fn renew(&mut self, drafts: &[Draft; WIDTH]) {
        let numbers = |of: fn(&Draft) -> i32| {
            let all = drafts.each_ref().map(of);
            Vector::of(&all).shr::<{ FINER_BITS as i32 }>()
        };
        let (zero, most) = (Vector::splat(0), Vector::splat(MOST));
        let totals = [numbers(|draft| draft.points[0].total), numbers(|draft| draft.points[1].total)];
        let apart = |of: fn(&Draft) -> i32| Vector::of(&drafts.each_ref().map(of));
        let separations =
            [apart(|draft| draft.points[0].separation), apart(|draft| draft.points[1].separation)];
        for ((points, total), separation) in self.points.iter_mut().zip(totals).zip(separations) {
            points.normal.total.put(total.max(zero).min(most));
            points.put_apart(separation);
            points.sum.put(zero);
        }
        let pulled = numbers(|draft| draft.pulled).within(most);
        let rubs = self.shared.friction.all().above(zero);
        self.shared.tangent.total.put(rubs.select(pulled, zero));
    }
}
