//! Pushes: contacts at one point without friction between bodies that never turn, which need no levers. Most contacts
//! of a game seen from above are of this kind.

use alloc::vec::Vec;

use super::contact_solver::{ContactDesc, ContactTimes, Wanted, is_hard, wanted};
use super::hull::P;
use super::pairing::PointMemory;
use super::row::{Offset, Velocity};
use crate::fx::clamp_to_i32;

const ONE: i32 = 1 << 30;
const ROUND: i64 = 1 << 29;

/// Two bodies that push each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Push {
    a: u32,
    b: u32,
    normal: P,
    /// The part of every change that `a` takes, in 1/2³⁰.
    share_a: i32,
    hard: bool,
    /// At the start of the tick, in 1/2²⁴.
    separation: i32,
    bounce: i32,
    total: i32,
    /// The sum of the totals of all substeps.
    sum: i32,
    feature: u32,
    pairing: u32,
    /// 1 / mass of both together, in 1/2²⁴.
    ease: u64,
}

/// All pushes of a step.
#[derive(Debug, Default)]
pub(crate) struct Pushes {
    pub(crate) list: Vec<Push>,
}

impl Push {
    pub(crate) fn new(desc: &ContactDesc, separation: i32, memory: PointMemory) -> Self {
        let (a, b) = (desc.masses.0.inverse, desc.masses.1.inverse);
        let ease = u64::from(a) + u64::from(b);
        let mut push = Self {
            a: desc.a,
            b: desc.b,
            normal: desc.normal,
            share_a: if a == b { ONE / 2 } else { ((u64::from(a) << 30) / ease.max(1)) as i32 },
            hard: is_hard(a, b),
            separation: clamp_to_i32(i64::from(separation) << 8),
            bounce: 0,
            total: memory.normal,
            sum: 0,
            feature: memory.feature,
            pairing: desc.pairing,
            ease,
        };
        let approach = -push.speed(&desc.velocities.0, &desc.velocities.1);
        if approach > desc.bounce_speed_min {
            push.bounce = clamp_to_i32((approach * i64::from(desc.restitution.to_bits())) >> 16);
        }
        push
    }

    #[inline(always)]
    fn along(&self, x: i64, y: i64) -> i64 {
        (i64::from(self.normal.0) * x + i64::from(self.normal.1) * y + ROUND) >> 30
    }

    #[inline(always)]
    fn speed(&self, a: &Velocity, b: &Velocity) -> i64 {
        self.along(i64::from(b.x) - i64::from(a.x), i64::from(b.y) - i64::from(a.y))
    }

    #[inline(always)]
    fn push(&self, velocities: &mut [Velocity], change: i64) {
        let rounded = |product: i64| (product + ROUND) >> 30;
        let of_a = rounded(i64::from(self.share_a) * change);
        let of_b = change - of_a;
        let (x, y) = (i64::from(self.normal.0), i64::from(self.normal.1));
        let a = &mut velocities[self.a as usize];
        a.x = clamp_to_i32(i64::from(a.x) - rounded(of_a * x));
        a.y = clamp_to_i32(i64::from(a.y) - rounded(of_a * y));
        let b = &mut velocities[self.b as usize];
        b.x = clamp_to_i32(i64::from(b.x) + rounded(of_b * x));
        b.y = clamp_to_i32(i64::from(b.y) + rounded(of_b * y));
    }

    #[inline(always)]
    fn part(&mut self, velocities: &mut [Velocity], wanted: Wanted) {
        let speed = self.speed(&velocities[self.a as usize], &velocities[self.b as usize]);
        let missing = i64::from(clamp_to_i32(wanted.speed - speed));
        let total = i64::from(self.total);
        let change = (missing * wanted.change - total * wanted.give + ROUND) >> 30;
        let new = i64::from(clamp_to_i32((total + change).max(0)));
        self.total = new as i32;
        self.push(velocities, new - total);
    }
}

impl Pushes {
    /// Pushes as hard as in the substep before.
    pub(crate) fn warm_start(&mut self, velocities: &mut [Velocity]) {
        for push in &mut self.list {
            push.push(velocities, i64::from(push.total));
        }
    }

    /// One pass; the last one of a substep decides what is told.
    pub(crate) fn solve(
        &mut self,
        velocities: &mut [Velocity],
        offsets: &[Offset],
        times: &ContactTimes,
        last: bool,
    ) {
        for push in &mut self.list {
            let (from, to) = (&offsets[push.a as usize], &offsets[push.b as usize]);
            let went = push.along(i64::from(to.x) - i64::from(from.x), i64::from(to.y) - i64::from(from.y));
            let softness = if push.hard { &times.hard } else { &times.soft };
            let wanted = wanted(i64::from(push.separation) + went, times.rate, softness);
            push.part(velocities, wanted);
            push.sum = push.sum.saturating_add(if last { push.total } else { 0 });
        }
    }

    /// Gives back the speed of what met fast enough.
    pub(crate) fn bounce(&mut self, velocities: &mut [Velocity]) {
        for push in &mut self.list {
            if push.bounce > 0 && push.sum > 0 {
                let before = push.total;
                push.part(velocities, Wanted { speed: i64::from(push.bounce), ..Wanted::default() });
                push.sum = push.sum.saturating_add((push.total - before).max(0));
            }
        }
    }

    /// As [`Contacts::results`](super::contact_solver::Contacts::results).
    pub(crate) fn results(&self) -> impl Iterator<Item = (usize, u8, [PointMemory; 2], i64)> {
        self.list.iter().map(|push| {
            let memory = PointMemory { feature: push.feature, normal: push.total, tangent: 0 };
            let impulse = (i64::from(push.sum) << 20) / push.ease.max(1).cast_signed();
            (push.pairing as usize, 1, [memory, PointMemory::default()], impulse)
        })
    }
}
