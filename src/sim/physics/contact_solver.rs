//! Contacts: pushes along the normal that never pull, and friction.
//!
//! Soft contacts with substeps and a pass that takes out the speed the softness put in ("TGS soft", Catto, "Solver2D",
//! 2024).

use alloc::vec::Vec;

use super::hull::P;
use super::pairing::PointMemory;
use super::row::{ARM_MAX, Ease, Offset, Row, Velocity};
use super::softness::Softness;
use super::state::Mass;
use crate::fx::clamp_to_i32;

/// Overlaps part at this speed at most, in 1/2²⁰: 4 units per second.
const PARTING_MAX: i64 = 4 << 20;

/// A point at which two bodies push each other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ContactPoint {
    normal: Row,
    tangent: Row,
    /// At the start of the tick, in 1/2²⁴.
    separation: i32,
    /// The largest pull along the surface as a part of the total of the normal, in 1/2¹⁶.
    grip: i32,
    /// The speed at which the bodies part after a bounce.
    bounce: i32,
    /// The largest total of the normal in this tick.
    peak: i32,
    ease: Ease,
    feature: u32,
}

/// Two bodies that push each other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Contact {
    a: u32,
    b: u32,
    normal: P,
    /// How fast the surfaces run against each other.
    surface: i32,
    /// Whether one of the bodies cannot be pushed.
    hard: bool,
    count: u8,
    points: [ContactPoint; 2],
    /// Which pairing it is.
    pairing: u32,
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

impl Contact {
    /// A contact without points.
    pub(crate) fn new(desc: &ContactDesc) -> Self {
        Self {
            a: desc.a,
            b: desc.b,
            normal: desc.normal,
            surface: desc.surface,
            hard: desc.masses.0.inverse == 0 || desc.masses.1.inverse == 0,
            pairing: desc.pairing,
            ..Self::default()
        }
    }

    #[inline]
    pub(crate) fn add(&mut self, desc: &ContactDesc, anchor: &Anchor) {
        let (normal, tangent) = (self.normal, tangent_of(self.normal));
        let (mass_a, mass_b) = desc.masses;
        let arm = |from: P, along: P| {
            let cross = i64::from(from.0) * i64::from(along.1) - i64::from(from.1) * i64::from(along.0);
            ((cross + (1 << 29)) >> 30).clamp(-ARM_MAX, ARM_MAX) as i32
        };
        let (mut row, ease) =
            Row::new(mass_a, mass_b, arm(anchor.from_a, normal), arm(anchor.from_b, normal));
        row.total = anchor.memory.normal;
        let mut point = ContactPoint {
            normal: row,
            separation: clamp_to_i32(i64::from(anchor.separation) << 8),
            ease,
            feature: anchor.memory.feature,
            ..ContactPoint::default()
        };
        if desc.friction > crate::Fx::ZERO {
            let (mut row, slide) =
                Row::new(mass_a, mass_b, arm(anchor.from_a, tangent), arm(anchor.from_b, tangent));
            row.total = anchor.memory.tangent;
            point.tangent = row;
            point.grip =
                clamp_to_i32((i64::from(desc.friction.to_bits()) * i64::from(slide.over(ease))) >> 16);
        }
        let approach = -row.speed(normal, &desc.velocities.0, &desc.velocities.1);
        if approach > desc.bounce_speed_min {
            point.bounce = clamp_to_i32((approach * i64::from(desc.restitution.to_bits())) >> 16);
        }
        self.points[usize::from(self.count & 1)] = point;
        self.count += 1;
    }

    fn points(&mut self) -> &mut [ContactPoint] {
        &mut self.points[..usize::from(self.count).min(2)]
    }
}

/// The direction along the surface: to the left of the normal.
pub(crate) const fn tangent_of(normal: P) -> P {
    (-normal.1, normal.0)
}

/// How contacts of one step give way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ContactTimes {
    pub(crate) soft: Softness,
    pub(crate) hard: Softness,
    /// Substeps per second.
    pub(crate) rate: i64,
}

impl ContactTimes {
    pub(crate) fn new(rate: i64, substep: i64) -> Self {
        // Stiff enough to carry, soft enough to be solved in so many substeps.
        let hertz = (rate / 4).min((rate / 8).clamp(30, 60)) as i32;
        let hertz = crate::Fx::from_int(hertz.max(1));
        let damping = crate::Fx::from_int(10);
        Self {
            soft: Softness::new(hertz, damping, substep),
            hard: Softness::new(hertz.times(2), damping, substep),
            rate,
        }
    }

    /// The same without pushing overlaps apart.
    pub(crate) fn rigid(&self) -> Self {
        Self { soft: Softness::RIGID, hard: Softness::RIGID, rate: self.rate }
    }
}

/// All contacts of a step.
#[derive(Debug, Default)]
pub(crate) struct Contacts {
    pub(crate) list: Vec<Contact>,
}

impl Contacts {
    /// Pushes as hard as in the substep before.
    pub(crate) fn warm_start(&self, velocities: &mut [Velocity]) {
        for contact in &self.list {
            let (ia, ib) = (contact.a as usize, contact.b as usize);
            let (mut a, mut b) = (velocities[ia], velocities[ib]);
            let tangent = tangent_of(contact.normal);
            for point in &contact.points[..usize::from(contact.count).min(2)] {
                point.normal.push(contact.normal, &mut a, &mut b, i64::from(point.normal.total));
                if point.grip != 0 {
                    point.tangent.push(tangent, &mut a, &mut b, i64::from(point.tangent.total));
                }
            }
            (velocities[ia], velocities[ib]) = (a, b);
        }
    }

    /// One pass.
    pub(crate) fn solve(&mut self, velocities: &mut [Velocity], offsets: &[Offset], times: &ContactTimes) {
        for contact in &mut self.list {
            let (ia, ib) = (contact.a as usize, contact.b as usize);
            let (mut a, mut b) = (velocities[ia], velocities[ib]);
            let (normal, surface) = (contact.normal, i64::from(contact.surface));
            let softness = if contact.hard { &times.hard } else { &times.soft };
            let (from, to) = (&offsets[ia], &offsets[ib]);
            for point in contact.points() {
                let apart = i64::from(point.separation) + point.normal.distance(normal, from, to);
                point.part(normal, &mut a, &mut b, wanted(apart, times.rate, softness));
            }
            for point in contact.points() {
                if point.grip != 0 {
                    point.rub(normal, surface, &mut a, &mut b);
                }
            }
            (velocities[ia], velocities[ib]) = (a, b);
        }
    }

    /// Gives back the speed of what met fast enough.
    pub(crate) fn bounce(&mut self, velocities: &mut [Velocity]) {
        for contact in &mut self.list {
            let (ia, ib, normal) = (contact.a as usize, contact.b as usize, contact.normal);
            for point in contact.points() {
                if point.bounce > 0 && point.peak > 0 {
                    let (mut a, mut b) = (velocities[ia], velocities[ib]);
                    let (before, peak) = (point.normal.total, point.peak);
                    point.part(
                        normal,
                        &mut a,
                        &mut b,
                        Wanted { speed: i64::from(point.bounce), ..Wanted::default() },
                    );
                    point.peak = peak.saturating_add((point.normal.total - before).max(0));
                    (velocities[ia], velocities[ib]) = (a, b);
                }
            }
        }
    }

    /// Of each contact which pairing it is, what to remember of its points, and by which impulse it pushed.
    pub(crate) fn results(&self) -> impl Iterator<Item = (usize, u8, [PointMemory; 2], i64)> {
        self.list.iter().map(|contact| {
            let memory = contact.points.map(|point| PointMemory {
                feature: point.feature,
                normal: point.normal.total,
                tangent: point.tangent.total,
            });
            let used = contact.points.iter().take(usize::from(contact.count));
            let impulse = used.map(|point| point.ease.impulse(point.peak)).sum();
            (contact.pairing as usize, contact.count, memory, impulse)
        })
    }
}

/// Which speed along the normal a point is to have, and how much it gives way.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) speed: i64,
    pub(crate) change: i64,
    pub(crate) give: i64,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { speed: 0, change: 1 << 30, give: 0 }
    }
}

/// The wanted speed of what is so far apart, in 1/2²⁴. There is no branch in it: which it is changes all the time.
#[inline(always)]
pub(crate) fn wanted(apart: i64, rate: i64, softness: &Softness) -> Wanted {
    // It may come as near as to touch.
    let (outside, inside) = (apart.max(0), (-apart).max(0));
    let speed = ((inside * softness.rate) >> 20).min(PARTING_MAX) - ((outside * rate) >> 4);
    let (change, give) = if apart > 0 { (1 << 30, 0) } else { (softness.change, softness.give) };
    Wanted { speed, change, give }
}

impl ContactPoint {
    /// One push along the normal.
    #[inline(always)]
    fn part(&mut self, normal: P, a: &mut Velocity, b: &mut Velocity, wanted: Wanted) {
        let missing = i64::from(clamp_to_i32(wanted.speed - self.normal.speed(normal, a, b)));
        let total = i64::from(self.normal.total);
        let change = (missing * wanted.change - total * wanted.give + (1 << 29)) >> 30;
        let new = i64::from(clamp_to_i32((total + change).max(0)));
        self.normal.total = new as i32;
        self.peak = self.peak.max(new as i32);
        self.normal.push(normal, a, b, new - total);
    }

    /// One pull along the surface.
    #[inline(always)]
    fn rub(&mut self, normal: P, surface: i64, a: &mut Velocity, b: &mut Velocity) {
        let tangent = tangent_of(normal);
        let sliding = self.tangent.speed(tangent, a, b) + surface;
        let most = (i64::from(self.normal.total) * i64::from(self.grip)) >> 16;
        let most = most.min(i64::from(i32::MAX));
        let total = i64::from(self.tangent.total);
        let new = (total - sliding).clamp(-most, most);
        self.tangent.total = new as i32;
        self.tangent.push(tangent, a, b, i64::from(clamp_to_i32(new - total)));
    }
}
