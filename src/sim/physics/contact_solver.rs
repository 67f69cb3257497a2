//! Contacts: pushes along the normal that never pull, and friction.
//!
//! Soft contacts with substeps and a pass that takes out the speed the softness put in ("TGS soft", Catto, "Solver2D",
//! 2024). Contacts of different bodies are solved several at a time, in batches.

use alloc::vec::Vec;

use super::batch::{Batch, Batches, Pace};
use super::hull::P;
use super::pairing::PointMemory;
use super::row::{ARM_MAX, Offset, Push, Shares, Velocity};
use super::softness::Softness;
use super::state::Mass;
use crate::fx::clamp_to_i32;
use crate::root::UNIT_BITS;

/// Overlaps part at this speed at most, in 1/2²⁰: 4 units per second.
pub(crate) const PARTING_MAX: i64 = 4 << 20;

/// A point at which two bodies push each other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ContactPoint {
    pub(crate) push: Push,
    /// What it pushed in the step before.
    pub(crate) total: i32,
    /// By how much less the normal weighs where it gives way, in 1/2³⁰.
    pub(crate) soft: i32,
    /// At the start of the tick, in 1/2²⁴.
    pub(crate) separation: i32,
    /// The speed at which the bodies part after a bounce.
    pub(crate) bounce: i32,
    feature: u32,
}

/// Two bodies that push each other, at one point or at two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contact {
    pub(crate) bodies: [u32; 2],
    pub(crate) normal: P,
    pub(crate) shares: Shares,
    /// The largest pull along the surface as a part of the push, in 1/2¹⁶.
    pub(crate) friction: i32,
    /// How fast the surfaces run against each other.
    pub(crate) surface: i32,
    pub(crate) softness: Softness,
    /// The pull along the surface, at the deepest point, and what it was in the step before.
    pub(crate) tangent: Push,
    pub(crate) pulled: i32,
    pub(crate) points: [ContactPoint; 2],
    pub(crate) count: u8,
}

/// What a contact is made of.
#[derive(Clone, Copy)]
pub(crate) struct ContactDesc<'a> {
    pub(crate) a: u32,
    pub(crate) b: u32,
    pub(crate) masses: (&'a Mass, &'a Mass),
    pub(crate) velocities: (Velocity, Velocity),
    pub(crate) normal: P,
    pub(crate) friction: crate::Fx,
    pub(crate) restitution: crate::Fx,
    pub(crate) surface: i32,
    /// The least approach speed that bounces, in 1/2²⁰.
    pub(crate) bounce_speed_min: i64,
    pub(crate) pairing: u32,
}

/// A point of a manifold around each body's centre of mass.
#[derive(Clone, Copy)]
pub(crate) struct Anchor {
    pub(crate) from_a: P,
    pub(crate) from_b: P,
    pub(crate) separation: i32,
    pub(crate) memory: PointMemory,
}

impl ContactPoint {
    /// The point of a contact at an anchor.
    #[inline]
    fn new(desc: &ContactDesc, contact: &Contact, anchor: &Anchor) -> Self {
        let normal = desc.normal;
        let push = contact.shares.push(desc.masses, anchor.arms(normal));
        let mut point = Self {
            push,
            total: anchor.memory.normal,
            soft: ((i64::from(push.weight) * ((1 << UNIT_BITS) - contact.softness.change)) >> UNIT_BITS)
                as i32,
            separation: clamp_to_i32(i64::from(anchor.separation) << 8),
            feature: anchor.memory.feature,
            bounce: 0,
        };
        let (a, b) = desc.velocities;
        let to = (i64::from(b.x) - i64::from(a.x), i64::from(b.y) - i64::from(a.y));
        let straight = i64::from(normal.0) * to.0 + i64::from(normal.1) * to.1;
        let approach = -push.speed((straight + (1 << 29)) >> UNIT_BITS, &a, &b);
        if approach > desc.bounce_speed_min {
            point.bounce = clamp_to_i32((approach * i64::from(desc.restitution.to_bits())) >> 16);
        }
        point
    }
}

impl Anchor {
    /// The levers of a direction around both centres of mass.
    #[inline(always)]
    fn arms(&self, along: P) -> [i32; 2] {
        [self.from_a, self.from_b].map(|from| {
            let cross = i64::from(from.0) * i64::from(along.1) - i64::from(from.1) * i64::from(along.0);
            ((cross + (1 << 29)) >> 30).clamp(-ARM_MAX, ARM_MAX) as i32
        })
    }
}

/// The direction along the surface: to the left of the normal.
pub(crate) const fn tangent_of(normal: P) -> P {
    (-normal.1, normal.0)
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
        // Stiff enough to carry, soft enough to be solved in so many substeps.
        let hertz = (rate / 4).min((rate / 8).clamp(30, 60)) as i32;
        let hertz = crate::Fx::from_int(hertz.max(1));
        let damping = crate::Fx::from_int(10);
        Self {
            soft: Softness::new(hertz, damping, substep),
            hard: Softness::new(hertz.times(2), damping, substep),
            rate,
            bounce_speed_min: 0,
            substep,
        }
    }
}

/// All contacts of a step.
#[derive(Debug, Default)]
pub(crate) struct Contacts {
    batches: Batches,
    entries: Vec<Entry>,
    bounces: bool,
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
        self.bounces = false;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds two bodies that push each other.
    #[inline]
    pub(crate) fn add(&mut self, desc: &ContactDesc, anchors: &[Anchor], times: &ContactTimes) {
        let hard = is_hard(desc.masses.0.inverse, desc.masses.1.inverse);
        let mut contact = Contact {
            bodies: [desc.a, desc.b],
            normal: desc.normal,
            shares: Shares::new(desc.masses.0, desc.masses.1),
            friction: desc.friction.to_bits(),
            surface: desc.surface,
            softness: if hard { times.hard } else { times.soft },
            tangent: super::row::Push::default(),
            pulled: 0,
            points: [ContactPoint::default(); 2],
            count: anchors.len().min(2) as u8,
        };
        for (index, anchor) in anchors.iter().take(2).enumerate() {
            contact.points[index] = ContactPoint::new(desc, &contact, anchor);
            self.bounces |= contact.points[index].bounce > 0;
        }
        if let (1.., Some(deepest)) =
            (contact.friction, anchors.iter().min_by_key(|anchor| anchor.separation))
        {
            contact.tangent = contact.shares.push(desc.masses, deepest.arms(tangent_of(desc.normal)));
            contact.pulled = anchors.iter().fold(0, |sum, anchor| anchor.memory.tangent.saturating_add(sum));
        }
        // What cannot be pushed may be in one batch as often as it likes.
        let pushed = [(desc.a, desc.masses.0), (desc.b, desc.masses.1)]
            .map(|(body, mass)| if mass.inverse == 0 { 0 } else { body });
        // What stands on something lighter stands on it firmly only if it is pushed after it.
        let unlike = pushed[0] != 0 && pushed[1] != 0 && desc.masses.0.inverse != desc.masses.1.inverse;
        let (batch, lane) = self.batches.add(&contact, pushed, unlike);
        self.entries.push(Entry {
            pairing: desc.pairing,
            batch,
            lane: lane as u8,
            count: contact.count,
            features: contact.points.map(|point| point.feature),
            ease: contact.shares.ease,
        });
    }

    /// Pushes as hard as in the substep before.
    #[inline(never)]
    pub(crate) fn warm_start(&mut self, velocities: &mut [Velocity]) {
        self.batches.sort();
        self.batches.each(|batch| batch.warm_start(velocities));
    }

    /// One pass that pushes overlaps apart; bodies are where they were in the pass before.
    #[inline(never)]
    pub(crate) fn solve(&mut self, velocities: &mut [Velocity], times: &ContactTimes) {
        let pace = Pace::new(times.rate);
        self.batches.each(|batch| batch.solve(velocities, &pace));
    }

    /// One pass that does not, after bodies moved.
    #[inline(never)]
    pub(crate) fn relax(&mut self, velocities: &mut [Velocity], offsets: &[Offset], times: &ContactTimes) {
        let pace = Pace::new(times.rate);
        self.batches.each(|batch| batch.relax(velocities, offsets, &pace));
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
            let batch: &Batch = self.batches.get(entry.batch);
            let (lane, mut pulled) = (usize::from(entry.lane), 0);
            let (mut memory, mut pushed) = ([PointMemory::default(); 2], 0);
            let points = memory.iter_mut().zip(&entry.features).take(usize::from(entry.count));
            for (point, (memory, &feature)) in points.enumerate() {
                let (normal, sum) = batch.pushed(point, lane);
                // Half of the pull belongs to each of two points: who loses one keeps the other.
                let half = batch.pulled(lane) / i32::from(entry.count);
                let tangent = if point == 0 { half } else { batch.pulled(lane) - pulled };
                *memory = PointMemory { feature, normal, tangent };
                pulled += tangent;
                pushed += sum;
            }
            let impulse = if pushed > 0 { (pushed << 20) / entry.ease.max(1).cast_signed() } else { 0 };
            (entry.pairing as usize, entry.count, memory, impulse)
        })
    }
}
