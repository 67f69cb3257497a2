//! Pushes: contacts at one point without friction between bodies that never turn, which need no levers. Most contacts
//! of a game seen from above are of this kind.

use alloc::vec::Vec;

use super::contact_solver::{ContactDesc, ContactTimes, PARTING_MAX, is_hard};
use super::hull::P;
use super::motion::Movers;
use super::pairing::PointMemory;
use super::row::{Offset, Velocity};
use crate::fx::clamp_to_i32;

mod couples;

use couples::Couples;

const ONE: i32 = 1 << 30;
const ROUND: i64 = 1 << 29;

/// Two bodies that push each other.
#[derive(Clone, Copy, Debug, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Push {
    a: u32,
    b: u32,
    normal: [i32; 2],
    /// The part of every change that `a` takes, in 1/2³⁰.
    share_a: i32,
    /// How it gives way, as in a [`Softness`](super::softness::Softness).
    rate: i32,
    change: i32,
    give: i32,
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
    /// The numbers of those that are solved one after the other.
    single: Vec<u32>,
    couples: Couples,
}

/// The part of every change that the first of two inverse masses takes. Nearly always nothing is to be divided.
fn share_of(a: u32, b: u32) -> i32 {
    match (a, b) {
        (a, b) if a == b => ONE / 2,
        (_, 0) => ONE,
        (0, _) => 0,
        _ => ((u64::from(a) << 30) / (u64::from(a) + u64::from(b))) as i32,
    }
}

#[inline(always)]
fn along(normal: P, x: i64, y: i64) -> i64 {
    (i64::from(normal.0) * x + i64::from(normal.1) * y + ROUND) >> 30
}

impl Push {
    /// Made in one go, where it stays: what is written and read again at once in other parts is waited for.
    #[inline(always)]
    pub(crate) fn new(
        desc: &ContactDesc,
        separation: i32,
        memory: PointMemory,
        times: &ContactTimes,
    ) -> Self {
        let (a, b) = (desc.masses.0.inverse, desc.masses.1.inverse);
        let softness = if is_hard(a, b) { &times.hard } else { &times.soft };
        let (one, other) = &desc.velocities;
        let (x, y) = (i64::from(other.x) - i64::from(one.x), i64::from(other.y) - i64::from(one.y));
        let approach = -along(desc.normal, x, y);
        // Without a question: whether it bounces changes all the time.
        let bounces = (desc.bounce_speed_min - approach) >> 63;
        let bounce = ((approach * i64::from(desc.restitution.to_bits())) >> 16) & bounces;
        Self {
            a: desc.a,
            b: desc.b,
            normal: [desc.normal.0, desc.normal.1],
            share_a: share_of(a, b),
            rate: clamp_to_i32(softness.rate),
            change: softness.change as i32,
            give: softness.give as i32,
            separation: clamp_to_i32(i64::from(separation) << 8),
            bounce: clamp_to_i32(bounce),
            total: memory.normal,
            sum: 0,
            feature: memory.feature,
            pairing: desc.pairing,
            ease: u64::from(a) + u64::from(b),
        }
    }

    #[inline(always)]
    fn along(&self, x: i64, y: i64) -> i64 {
        along((self.normal[0], self.normal[1]), x, y)
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
        let [x, y] = self.normal.map(i64::from);
        let a = &mut velocities[self.a as usize];
        a.x = clamp_to_i32(i64::from(a.x) - rounded(of_a * x));
        a.y = clamp_to_i32(i64::from(a.y) - rounded(of_a * y));
        let b = &mut velocities[self.b as usize];
        b.x = clamp_to_i32(i64::from(b.x) + rounded(of_b * x));
        b.y = clamp_to_i32(i64::from(b.y) + rounded(of_b * y));
    }

    /// Brings the total to a new value.
    #[inline(always)]
    fn bring(&mut self, velocities: &mut [Velocity], new: i64) {
        let new = i64::from(clamp_to_i32(new & !(new >> 63)));
        let change = new - i64::from(self.total);
        self.total = new as i32;
        self.push(velocities, change);
    }

    /// How far apart they are now, in 1/2²⁴, and how fast they part.
    #[inline(always)]
    fn now(&self, velocities: &[Velocity], offsets: &[Offset]) -> (i64, i64) {
        let (a, b) = (self.a as usize, self.b as usize);
        let (from, to) = (&offsets[a], &offsets[b]);
        let went = self.along(i64::from(to.x) - i64::from(from.x), i64::from(to.y) - i64::from(from.y));
        (i64::from(self.separation) + went, self.speed(&velocities[a], &velocities[b]))
    }
}

/// The speed at which what is apart may come as near as to touch. As here, nothing in a pass is a branch: which way it
/// would go changes all the time.
#[inline(always)]
const fn nearing(apart: i64, rate: i64) -> i64 {
    ((apart & !(apart >> 63)) * rate) >> 4
}

impl Pushes {
    pub(crate) fn clear(&mut self, slots: usize) {
        self.list.clear();
        self.list.reserve(2 * slots);
        self.single.clear();
        self.single.reserve(2 * slots);
        self.couples.clear(slots);
    }

    /// To be called before anything is solved. Those that nothing else pushes are solved for all of the step, unless
    /// there are other contacts or joints.
    pub(crate) fn begin(&mut self, movers: &Movers, alone: bool, substeps: u8, rate: i64) {
        self.single.clear();
        self.single.extend(0..self.list.len() as u32);
        if alone && movers.glide_freely() && self.list.len() >= couples::PUSHES_MIN {
            self.couples.solve((&mut self.list, &mut self.single), movers, substeps, rate);
        }
    }

    /// Puts the bodies of those that were solved before all others where they are at the end of the step.
    pub(crate) fn settle_couples(&self, movers: &mut Movers) {
        self.couples.settle(movers);
    }

    /// Pushes as hard as in the substep before.
    #[inline(never)]
    pub(crate) fn warm_start(&mut self, velocities: &mut [Velocity]) {
        for &number in &self.single {
            let push = &mut self.list[number as usize];
            push.push(velocities, i64::from(push.total));
        }
    }

    /// One pass that pushes overlaps apart; `rate` is how many substeps a second has.
    #[inline(never)]
    pub(crate) fn solve(&mut self, velocities: &mut [Velocity], offsets: &[Offset], rate: i64) {
        for &number in &self.single {
            let push = &mut self.list[number as usize];
            let (apart, speed) = push.now(velocities, offsets);
            // All ones where they do not touch.
            let outside = -apart >> 63;
            let inside = -apart & (apart >> 63);
            let back = ((inside * i64::from(push.rate)) >> 20).min(PARTING_MAX);
            let missing = i64::from(clamp_to_i32(back - nearing(apart, rate) - speed));
            let (change, give) = (i64::from(push.change), i64::from(push.give));
            let change = change + ((i64::from(ONE) - change) & outside);
            let total = i64::from(push.total);
            let more = (missing * change - total * (give & !outside) + ROUND) >> 30;
            push.bring(velocities, total + more);
        }
    }

    /// One pass that does not, the last one of a substep.
    #[inline(never)]
    pub(crate) fn relax(&mut self, velocities: &mut [Velocity], offsets: &[Offset], rate: i64) {
        for &number in &self.single {
            let push = &mut self.list[number as usize];
            let (apart, speed) = push.now(velocities, offsets);
            let missing = i64::from(clamp_to_i32(-nearing(apart, rate) - speed));
            push.bring(velocities, i64::from(push.total) + missing);
            push.sum = push.sum.saturating_add(push.total);
        }
    }

    /// Gives back the speed of what met fast enough.
    #[inline(never)]
    pub(crate) fn bounce(&mut self, velocities: &mut [Velocity]) {
        for &number in &self.single {
            let push = &mut self.list[number as usize];
            if (push.bounce > 0) & (push.sum > 0) {
                let before = push.total;
                let speed = push.speed(&velocities[push.a as usize], &velocities[push.b as usize]);
                let missing = i64::from(clamp_to_i32(i64::from(push.bounce) - speed));
                push.bring(velocities, i64::from(before) + missing);
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
