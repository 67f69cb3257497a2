//! Contacts: pushes along the normal that never pull, and friction.
//!
//! Soft contacts with substeps and a pass that takes out the speed the softness put in ("TGS soft", Catto, "Solver2D",
//! 2024). Contacts of different bodies are solved several at a time, in batches.

use alloc::vec::Vec;

use super::batch::{Batch, Pace, Springs};
use super::batches::{Batches, Turn};
use super::draft::{Draft, DraftPoint};
use super::hull::P;
use super::meeting::Meeting;
use super::motion::Movers;
use super::pairing::{Pairing, PointMemory};
use super::row::{ARM_BITS, ARM_MAX, Offset, Shares, Velocity};
use super::softness::Softness;
use super::state::Mass;
use crate::fx::clamp_to_i32;
use crate::root::UNIT_BITS;

/// Contacts that were revised are added anew when they are the same for so many steps.
const CALM: u32 = 6;
/// Overlaps part at this speed at most, in 1/2²⁰: 4 units per second.
pub(crate) const PARTING_MAX: i64 = 4 << 20;

/// What a contact without levers is made of.
#[derive(Clone, Copy)]
pub(crate) struct ContactDesc<'a> {
    pub(crate) a: u32,
    pub(crate) b: u32,
    pub(crate) masses: (&'a Mass, &'a Mass),
    pub(crate) velocities: (Velocity, Velocity),
    pub(crate) normal: P,
    pub(crate) restitution: crate::Fx,
    /// The least approach speed that bounces, in 1/2²⁰.
    pub(crate) bounce_speed_min: i64,
    pub(crate) pairing: u32,
}

/// Two bodies that push each other, with levers.
#[derive(Clone, Copy)]
pub(crate) struct Touch<'a> {
    pub(crate) bodies: [u32; 2],
    pub(crate) masses: (&'a Mass, &'a Mass),
    pub(crate) friction: crate::Fx,
    /// How fast the surfaces run against each other, in 1/2²⁰.
    pub(crate) surface: i32,
    /// The restitution, the least approach speed that bounces, in 1/2²⁰, and how all bodies move.
    pub(crate) bounce: (crate::Fx, i64, &'a Movers),
    pub(crate) pairing: u32,
}

/// The speed at which bodies part after a bounce at a point that is so far from their centres of mass.
#[inline(never)]
fn bounce(touch: &Touch, from: [[i32; 2]; 2], normal: P) -> i32 {
    let (restitution, least, movers) = touch.bounce;
    let [a, b] = touch.bodies.map(|body| movers.velocities[body as usize]);
    let arm = |[x, y]: [i32; 2]| {
        let cross = i64::from(x) * i64::from(normal.1) - i64::from(y) * i64::from(normal.0);
        ((cross + (1 << 29)) >> 30).clamp(-ARM_MAX, ARM_MAX)
    };
    let to = (i64::from(b.x) - i64::from(a.x), i64::from(b.y) - i64::from(a.y));
    let straight = (i64::from(normal.0) * to.0 + i64::from(normal.1) * to.1 + (1 << 29)) >> UNIT_BITS;
    let turning = arm(from[1]) * i64::from(b.spin) - arm(from[0]) * i64::from(a.spin);
    let approach = -(straight + ((turning + (1 << (ARM_BITS - 1))) >> ARM_BITS));
    if approach > least { clamp_to_i32((approach * i64::from(restitution.to_bits())) >> 16) } else { 0 }
}

/// Whether bodies meet that are not equals: one cannot be pushed, or is half as heavy again as the other. What a light
/// body gives way under a heavy one would bend a stack.
pub(crate) const fn is_hard(a: u32, b: u32) -> bool {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    low as u64 * 3 <= high as u64 * 2
}

/// How contacts of one step give way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ContactTimes {
    pub(crate) soft: Softness,
    pub(crate) hard: Softness,
    /// Substeps per second.
    pub(crate) rate: i64,
    /// The least approach speed that bounces, in 1/2²⁰.
    pub(crate) bounce_speed_min: i64,
    /// In 1/2³² of a second.
    substep: i64,
}

impl ContactTimes {
    /// Those of a world; `self` if they are, as in all worlds of a game.
    pub(crate) fn of(self, rate: i64, substep: i64, desc: &super::WorldDesc) -> Self {
        let bounce_speed_min = i64::from(desc.bounce_speed_min().to_bits()) << 4;
        let times =
            if (self.rate, self.substep) == (rate, substep) { self } else { Self::new(rate, substep) };
        Self { bounce_speed_min, ..times }
    }

    fn new(rate: i64, substep: i64) -> Self {
        // A slender column of springs bends under what stands on it (Euler): stiff enough for ten boxes the top one of
        // which is ten times as heavy, soft enough to be solved in so many substeps. The fewer of them solve it, the
        // more damping a heap needs to come to rest; but springs that are weak because of that would let through what
        // presses. So it is 10 up to 60 substeps a second and from 240 on, and up to 20 between: most, from 120 on,
        // 40 · 120² / rate².
        let soft = (3 * rate / 10).min((3 * rate / 16).clamp(36, 60));
        let hard = 2 * (rate / 4).min((rate / 8).clamp(30, 60));
        let damping = (rate / 6).min(40 * 120 * 120 / (rate * rate).max(1)).clamp(10, 20);
        let spring = |hertz: i64| {
            let [hertz, damping] = [hertz.max(1), damping].map(|number| crate::Fx::from_int(number as i32));
            Softness::new(hertz, damping, substep)
        };
        Self { soft: spring(soft), hard: spring(hard), rate, bounce_speed_min: 0, substep }
    }
}

/// All contacts of a step.
#[derive(Debug, Default)]
pub(crate) struct Contacts {
    batches: Batches,
    entries: Vec<Entry>,
    /// Those of the step before, while they are revised.
    former: Vec<Entry>,
    bounces: bool,
    /// Whether one of them has restitution.
    springy: bool,
    /// Whether they are those of the step before.
    again: bool,
    /// For how many steps they were the same, if they were revised before that.
    calm: Option<u32>,
}

/// Where a contact is solved, and what is told of it afterwards.
#[derive(Clone, Copy, Debug)]
struct Entry {
    pairing: u32,
    batch: u32,
    lane: u8,
    count: u8,
    features: [u32; 2],
    /// 1 / mass of both bodies together, in 1/2²⁴.
    ease: u64,
}

impl Contacts {
    /// Forgets all contacts; there are so many bodies.
    pub(crate) fn clear(&mut self, bodies: usize) {
        self.batches.clear(bodies);
        self.entries.clear();
        self.entries.reserve(2 * bodies);
        self.former.reserve(2 * bodies);
        (self.bounces, self.springy, self.again, self.calm) = (false, false, false, None);
    }

    /// Goes on with the contacts of the step before, none of which has restitution; each is to be brought up to date.
    pub(crate) fn begin_again(&mut self) {
        (self.bounces, self.again) = (false, true);
        self.calm = self.calm.map(|steps| steps + 1);
    }

    /// Whether they are better added anew: they were revised, which scatters them over more batches than they need, and
    /// are the same since.
    pub(crate) const fn may_be_tidied(&self) -> bool {
        matches!(self.calm, Some(CALM..))
    }

    /// Goes on with the contacts of the step before, some of which are gone and between which others came. Each of
    /// them is to be kept or released, in order.
    pub(crate) fn begin_revised(&mut self) {
        self.begin_again();
        self.calm = Some(0);
        core::mem::swap(&mut self.entries, &mut self.former);
        self.entries.clear();
        self.batches.begin_again();
    }

    /// Whether there are so many batches more than are needed that all contacts are better added anew.
    pub(crate) fn are_scattered(&self) -> bool {
        self.batches.are_scattered()
    }

    /// Takes out a contact of the step before.
    pub(crate) fn release(&mut self, number: usize) {
        let Entry { batch, lane, .. } = self.former[number];
        self.batches.release(batch, lane);
    }

    /// Keeps a contact of the step before, as one of a pairing with another number, and brings it up to date.
    #[inline(always)]
    pub(crate) fn keep(&mut self, number: usize, pairing: u32, meeting: &Meeting, before: &Pairing) {
        let Entry { batch, lane, .. } = self.former[number];
        let (batch, lane) = self.batches.keep(batch, lane);
        self.entries.push(Entry { pairing, batch, lane, ..self.former[number] });
        self.renew(self.entries.len() - 1, meeting, before);
    }

    /// Whether all of `count` pairings are contacts without restitution.
    pub(crate) fn are_plain(&self, count: usize) -> bool {
        self.entries.len() == count && !self.springy
    }

    /// Brings a contact of the step before up to date.
    #[inline(always)]
    pub(crate) fn renew(&mut self, number: usize, meeting: &Meeting, before: &Pairing) {
        let Entry { batch, lane, .. } = self.entries[number];
        let entry = &mut self.entries[number];
        let draft = self.batches.draft(batch, lane, !meeting.stays);
        if !meeting.stays {
            draft.place(meeting);
            entry.features = meeting.manifold.points.map(|point| point.feature);
            entry.count = meeting.manifold.count;
        } else {
            for (at, point) in draft.points.iter_mut().zip(&meeting.manifold.points) {
                at.separation = point.separation;
            }
        }
        let [first, second] = before.recall_all(entry.count, entry.features);
        (draft.points[0].total, draft.points[1].total) = (first.normal, second.normal);
        draft.pulled = second.tangent.saturating_add(first.tangent);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds two bodies that push each other at the points of a meeting.
    #[inline(always)]
    pub(crate) fn add(&mut self, touch: &Touch, meeting: &Meeting, before: Option<&Pairing>) {
        let (mass_a, mass_b) = touch.masses;
        // What cannot be pushed may be in one batch as often as it likes.
        let pushed = [
            if mass_a.inverse == 0 { 0 } else { touch.bodies[0] },
            if mass_b.inverse == 0 { 0 } else { touch.bodies[1] },
        ];
        // What stands on something lighter stands on it firmly only if it is pushed after it.
        let unlike = pushed[0] != 0 && pushed[1] != 0 && is_hard(mass_a.inverse, mass_b.inverse);
        let (batch, lane, draft) = self.batches.add(pushed, unlike, meeting.manifold.count > 1);
        let (count, shares) = (usize::from(meeting.manifold.count), Shares::new(mass_a, mass_b));
        let point = |index: usize| {
            let point = &meeting.manifold.points[index];
            let from = |(x, y): P| [point.x.saturating_add(x), point.y.saturating_add(y)];
            let (from_a, from_b) = (from(meeting.lever_a), from(meeting.lever_b));
            let memory = Pairing::memory(if index < count { before } else { None }, point.feature);
            let bounces = touch.bounce.0 > crate::Fx::ZERO && index < count;
            let bounce = if bounces { bounce(touch, [from_a, from_b], meeting.manifold.normal) } else { 0 };
            let (separation, total, bare) = (point.separation, memory.normal, meeting.bare[index]);
            (DraftPoint { from_a, from_b, separation, total, bounce, bare }, memory)
        };
        let ((first, of_first), (second, of_second)) = (point(0), point(1));
        self.springy |= touch.bounce.0 > crate::Fx::ZERO;
        self.bounces |= (first.bounce > 0) | (second.bounce > 0);
        *draft = Draft {
            normal: meeting.manifold.normal.into(),
            bodies: touch.bodies,
            inverse: [mass_a.inverse, mass_b.inverse],
            inverse_gyration: [mass_a.inverse_gyration, mass_b.inverse_gyration],
            share_b: shares.of_second,
            friction: touch.friction.to_bits(),
            surface: touch.surface,
            hard: i32::from(is_hard(mass_a.inverse, mass_b.inverse)),
            count: count as i32,
            pulled: of_second.tangent.saturating_add(of_first.tangent),
            unused: [0; 2],
            points: [first, second],
        };
        self.entries.push(Entry {
            pairing: touch.pairing,
            batch,
            lane: lane as u8,
            count: count as u8,
            features: [of_first.feature, of_second.feature],
            ease: shares.ease,
        });
    }

    /// Makes the rows of all contacts; no more are added.
    pub(crate) fn prepare(&mut self, times: &ContactTimes) {
        #[cfg(test)]
        self.batches.check(self.entries.iter().map(|entry| (entry.batch, entry.lane)));
        match (self.is_empty(), self.again) {
            (true, _) => {}
            (_, true) => self.batches.prepare_again(&Springs::of(times)),
            (_, false) => self.batches.prepare(&Springs::of(times)),
        }
    }

    /// Pushes as hard as in the substep before.
    #[inline(never)]
    pub(crate) fn warm_start(&mut self, velocities: &mut [Velocity]) {
        self.batches.each(|batch| batch.warm_start(velocities));
    }

    /// One pass that pushes overlaps apart; bodies are where they were in the pass before.
    #[inline(never)]
    pub(crate) fn solve(&mut self, velocities: &mut [Velocity], times: &ContactTimes) {
        let pace = Pace::new(times.rate);
        self.batches.in_turn(|turn| match turn {
            Turn::Two(two) => Batch::solve(two, velocities, &pace),
            Turn::One(one) => Batch::solve(one, velocities, &pace),
        });
    }

    /// One pass that does not, after bodies moved.
    #[inline(never)]
    pub(crate) fn relax(&mut self, velocities: &mut [Velocity], offsets: &[Offset], times: &ContactTimes) {
        let pace = Pace::new(times.rate);
        self.batches.in_turn(|turn| match turn {
            Turn::Two(two) => Batch::relax(two, velocities, offsets, &pace),
            Turn::One(one) => Batch::relax(one, velocities, offsets, &pace),
        });
    }

    /// Gives back the speed of what met fast enough.
    #[inline(never)]
    pub(crate) fn bounce(&mut self, velocities: &mut [Velocity]) {
        if self.bounces {
            self.batches.each(|batch| batch.bounce(velocities));
        }
    }

    /// Of each contact which pairing it is, what to remember of its points, and by which impulse it pushed.
    pub(crate) fn results(&self) -> impl Iterator<Item = (usize, u8, [PointMemory; 2], i64)> {
        self.entries.iter().map(|entry| {
            let (batch, lane) = self.batches.get(entry.batch, entry.lane);
            let ((normal, sum), (other, other_sum)) = (batch.pushed(0, lane), batch.pushed(1, lane));
            let (pulled, [feature, other_feature], two) =
                (batch.pulled(lane), entry.features, entry.count > 1);
            // Half of the pull belongs to each of two points: who loses one keeps the other.
            let half = if two { pulled / 2 } else { pulled };
            let first = PointMemory { feature, normal, tangent: half };
            let second = PointMemory { feature: other_feature, normal: other, tangent: pulled - half };
            let memory = [first, if two { second } else { PointMemory::default() }];
            let pushed = sum + if two { other_sum } else { 0 };
            let impulse = if pushed > 0 { (pushed << 20) / entry.ease.max(1).cast_signed() } else { 0 };
            (entry.pairing as usize, entry.count, memory, impulse)
        })
    }
}
