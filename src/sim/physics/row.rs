//! `Row`, one direction in which two bodies push each other, counted in speed instead of impulse.
//!
//! A row says by how much the speed of its bodies against each other changes; what that is in terms of each body is a
//! share of it. So the same numbers serve for a feather and for a house, and 32 bits are enough.

use super::hull::P;
use super::state::Mass;
use crate::fx::clamp_to_i32;
use crate::root::UNIT_BITS;

const ROUND: i64 = 1 << (UNIT_BITS - 1);
/// Fraction bits of arms.
pub(crate) const ARM_BITS: u32 = 16;
/// Longest arm: 16,384 units.
pub(crate) const ARM_MAX: i64 = 1 << 30;
/// Fraction bits of the shares of spins.
pub(crate) const SPIN_SHARE_BITS: u32 = 20;

/// Velocity and spin of a body while it is solved, in 1/2²⁰.
#[derive(Clone, Copy, Debug, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(16))]
pub(crate) struct Velocity {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) spin: i32,
    /// Sixteen bytes are loaded at once.
    pub(crate) unused: i32,
}

/// How far a body went in this tick, in 1/2²⁴.
#[derive(Clone, Copy, Debug, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(16))]
pub(crate) struct Offset {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) turn: i32,
    pub(crate) unused: i32,
}

/// One direction in which two bodies push each other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Row {
    /// The lever of the direction around each body's centre of mass, in 1/2¹⁶.
    pub(crate) arm_a: i32,
    pub(crate) arm_b: i32,
    /// The part of a change of speed that each body takes, in 1/2³⁰.
    share_a: i32,
    share_b: i32,
    /// By how much its spin changes, in 1/2²⁰.
    spin_a: i32,
    spin_b: i32,
    /// By how much the speed was changed.
    pub(crate) total: i32,
}

/// How easily a row is moved: 1 / its mass, as a mantissa of 32 bits with its reciprocal.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ease {
    mantissa: u32,
    /// 2⁶³ / mantissa.
    reciprocal: u64,
    /// The ease is mantissa · 2^(shift − 39).
    shift: i32,
}

impl Ease {
    /// From 1/2³⁹; not zero.
    #[inline]
    fn new(ease: u64) -> Self {
        let shift = 32 - ease.leading_zeros() as i32;
        let mantissa = if shift >= 0 { ease >> shift } else { ease << -shift } as u32;
        let mantissa = mantissa.max(1 << 31);
        Self { mantissa, reciprocal: (1 << 63) / u64::from(mantissa), shift }
    }

    /// The change of speed in 1/2²⁰ that an impulse in 1/2³² makes, saturating.
    pub(crate) fn speed(self, impulse: i64) -> i32 {
        // impulse · mantissa · 2^(shift − 39) in 1/2³², brought to 1/2²⁰.
        let product = i128::from(impulse) * i128::from(self.mantissa);
        let right = 39 + 12 - self.shift;
        (product >> right.clamp(0, 127)).clamp(0, i128::from(i32::MAX)) as i32
    }
}

/// An arm as seen by one body.
#[derive(Clone, Copy)]
struct Lever {
    /// 1 + (arm / radius of gyration)² in 1/2¹⁶.
    weight: u64,
    /// arm / (radius of gyration)² in 1/2²⁰.
    spin: i32,
}

#[inline(always)]
fn lever(mass: &Mass, arm: i32) -> Lever {
    let inverse = i64::from(mass.inverse_gyration);
    let ratio = i64::from(clamp_to_i32((i64::from(arm) * inverse) >> 20));
    let weight = (((ratio * ratio) >> 16) + (1 << 16)).min(i64::from(u32::MAX)).cast_unsigned();
    Lever { weight, spin: clamp_to_i32((ratio * inverse) >> 16) }
}

/// How two bodies yield to a push between them, counted in the change of speed of their centres against each other:
/// so all pushes of a contact are of one unit, and the shares of the bodies are those of their masses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shares {
    /// 1 / mass of both together, in 1/2²⁴.
    pub(crate) ease: u64,
    /// The part of the second body, in 1/2³⁰; the first has the rest.
    pub(crate) of_second: i32,
}

impl Shares {
    #[inline]
    pub(crate) fn new(a: &Mass, b: &Mass) -> Self {
        let ease = u64::from(a.inverse) + u64::from(b.inverse);
        let one = 1_i32 << UNIT_BITS;
        let of_second = match (a.inverse, b.inverse) {
            (0, _) => one,
            (_, 0) => 0,
            (a, b) if a == b => one / 2,
            (_, b) => ((u64::from(b) << UNIT_BITS) / ease) as i32,
        };
        Self { ease, of_second }
    }
}

impl Row {
    /// The row of two bodies, at least one of which is dynamic, with these arms.
    #[inline]
    pub(crate) fn new(a: &Mass, b: &Mass, arm_a: i32, arm_b: i32) -> (Self, Ease) {
        let (lever_a, lever_b) = (lever(a, arm_a), lever(b, arm_b));
        let ease =
            ((u64::from(a.inverse) * lever_a.weight) >> 1) + ((u64::from(b.inverse) * lever_b.weight) >> 1);
        let ease = Ease::new(ease.max(1));
        let share = |inverse: u32| {
            let product = u64::from(inverse) * ease.reciprocal.min(u64::from(u32::MAX));
            (product >> (18 + ease.shift).clamp(0, 63)).min(1 << UNIT_BITS) as i32
        };
        let (share_a, share_b) = (share(a.inverse), share(b.inverse));
        let spin =
            |share: i32, lever: Lever| ((i64::from(share) * i64::from(lever.spin)) >> UNIT_BITS) as i32;
        let row = Self {
            arm_a,
            arm_b,
            share_a,
            share_b,
            spin_a: spin(share_a, lever_a),
            spin_b: spin(share_b, lever_b),
            total: 0,
        };
        (row, ease)
    }

    /// The row of the spins of two bodies against each other; of no use if neither turns.
    pub(crate) fn angular(a: &Mass, b: &Mass) -> (Self, Ease) {
        let ease = |mass: &Mass| {
            let gyration = u128::from(mass.inverse_gyration.unsigned_abs());
            // 24 + 20 + 20 fraction bits, brought to 39.
            (u128::from(mass.inverse) * gyration * gyration) >> 25
        };
        let (of_a, of_b) = (ease(a), ease(b));
        let sum = (of_a + of_b).max(1);
        let share = |part: u128| ((part << SPIN_SHARE_BITS) / sum) as i32;
        let whole = Ease::new(u64::try_from(sum).unwrap_or(u64::MAX));
        let arm = 1 << ARM_BITS;
        (Self { arm_a: arm, arm_b: arm, spin_a: share(of_a), spin_b: share(of_b), ..Self::default() }, whole)
    }

    /// The same row with its direction and its arms turned round.
    pub(crate) const fn turn_spins(&mut self) {
        (self.spin_a, self.spin_b) = (self.spin_a.saturating_neg(), self.spin_b.saturating_neg());
    }

    /// How fast the second body moves away from the first in this direction.
    #[inline(always)]
    pub(crate) fn speed(&self, (x, y): P, a: &Velocity, b: &Velocity) -> i64 {
        let (vx, vy) = (i64::from(b.x) - i64::from(a.x), i64::from(b.y) - i64::from(a.y));
        let straight = i64::from(x) * vx + i64::from(y) * vy + ROUND;
        let turning = i64::from(self.arm_b) * i64::from(b.spin) - i64::from(self.arm_a) * i64::from(a.spin);
        (straight >> UNIT_BITS) + ((turning + (1 << (ARM_BITS - 1))) >> ARM_BITS)
    }

    /// Changes the speed. A push that would take a body beyond the fastest there is, is not made: a part of it would
    /// be of one body alone.
    #[inline(always)]
    pub(crate) fn push(&self, (x, y): P, a: &mut Velocity, b: &mut Velocity, change: i64) {
        let (x, y) = (i64::from(x), i64::from(y));
        let rounded = |product: i64| (product + ROUND) >> UNIT_BITS;
        let turned =
            |share: i32| (i64::from(share) * change + (1 << (SPIN_SHARE_BITS - 1))) >> SPIN_SHARE_BITS;
        let (of_a, of_b) =
            (rounded(i64::from(self.share_a) * change), rounded(i64::from(self.share_b) * change));
        let (Ok(ax), Ok(ay), Ok(bx), Ok(by)) = (
            i32::try_from(i64::from(a.x) - rounded(of_a * x)),
            i32::try_from(i64::from(a.y) - rounded(of_a * y)),
            i32::try_from(i64::from(b.x) + rounded(of_b * x)),
            i32::try_from(i64::from(b.y) + rounded(of_b * y)),
        ) else {
            return;
        };
        (a.x, a.y, b.x, b.y) = (ax, ay, bx, by);
        a.spin = clamp_to_i32(i64::from(a.spin) - turned(self.spin_a));
        b.spin = clamp_to_i32(i64::from(b.spin) + turned(self.spin_b));
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Velocity};
    use crate::physics::state::Mass;
    use crate::{Pcg32, Vec2};

    /// A change brings the speed where it is told to, whatever the masses and arms.
    #[test]
    fn a_push_changes_the_speed_by_that_much() {
        let mut rng = Pcg32::new(1, 9);
        for round in 0..100_000 {
            let mut mass = |round: u32| Mass {
                inverse: (rng.next_u32() >> (1 + round % 22)).max(512),
                inverse_gyration: (rng.next_u32() >> (8 + round % 12)).cast_signed(),
                centre: Vec2::ZERO,
            };
            let (a, b) = (mass(round), mass(round / 22));
            let (arm_a, arm_b) =
                ((rng.next_u32() >> 12).cast_signed() - (1 << 18), (rng.next_u32() >> 14).cast_signed());
            let (row, ease) = Row::new(&a, &b, arm_a, arm_b);
            let direction = crate::Angle((round * 7) as u16).unit();
            let (mut one, mut other) = (Velocity { x: 5 << 20, ..Velocity::default() }, Velocity::default());
            let change = 1 << 20;
            let before = row.speed(direction, &one, &other);
            row.push(direction, &mut one, &mut other, change);
            let off = row.speed(direction, &one, &other) - before - change;
            // Beyond a lever of 250 radii of gyration, a push is weaker than asked for.
            assert!(off.abs() < (change >> 7) || off < 0 && off > -change, "{off} {row:?} {ease:?}");
        }
    }
}
