//! `Batch`, contacts of different bodies that are solved at once, and `Batches`, all of a step.
//!
//! A contact is solved in its own frame: how fast the centres part along the normal and slide along the surface, and
//! the two spins. All its points push these four numbers, and what the bodies take of it is written down once at
//! the end.

use alloc::vec::Vec;

use super::contact_solver::{Contact, ContactPoint, PARTING_MAX};
use super::lanes::{Bodies, Lanes, WIDTH};
use super::row::{ARM_BITS, Offset, Push, SPIN_SHARE_BITS, Velocity};
use crate::fx::clamp_to_i32;
use crate::root::UNIT_BITS;

const ROUND: i64 = 1 << (UNIT_BITS - 1);
/// Hardest pull along a surface: the difference of two of them is a number of 32 bits too.
const PULL_MAX: i64 = (1 << 30) - 1;

/// Contacts of different bodies that are solved at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Batch {
    a: [u32; WIDTH],
    b: [u32; WIDTH],
    shared: Shared,
    /// Points of the contact that has most of them.
    count: usize,
    /// Whether one of them has friction.
    rubs: bool,
    points: [Points; 2],
}

/// What all points of a contact have in common.
#[derive(Clone, Copy, Debug, Default)]
struct Shared {
    x: Lanes,
    y: Lanes,
    /// The part of the second body of every change.
    share_b: Lanes,
    surface: Lanes,
    friction: Lanes,
    rate: Lanes,
    give: Lanes,
}

/// A point of each contact.
#[derive(Clone, Copy, Debug, Default)]
struct Points {
    normal: Pushes,
    tangent: Pushes,
    /// By how much less the normal weighs where it gives way.
    soft: Lanes,
    /// At the start of the tick and now, in 1/2²⁴.
    separation: Lanes,
    apart: Lanes,
    bounce: Lanes,
    /// The sum of the totals of the normal of all substeps.
    sum: Lanes,
}

/// [`Push`]es in one direction.
#[derive(Clone, Copy, Debug, Default)]
struct Pushes {
    arm_a: Lanes,
    arm_b: Lanes,
    spin_a: Lanes,
    spin_b: Lanes,
    weight: Lanes,
    /// By how much the speed of the centres was changed.
    total: Lanes,
}

/// What a contact is solved in.
#[derive(Clone, Copy)]
struct Frame {
    x: i64,
    y: i64,
    /// How fast the centres part along the normal, and slide along the surface.
    parting: i64,
    sliding: i64,
    spin_a: i64,
    spin_b: i64,
    /// By how much both speeds were changed.
    pushed: i64,
    pulled: i64,
}

/// In which pass a batch is solved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Pushes overlaps apart; bodies are where they were in the pass before.
    Part,
    /// Does not, after bodies moved.
    Relax,
}

/// The low half of a number as one of 32 bits, which products are made of.
#[inline(always)]
fn low(wide: i64) -> i64 {
    i64::from(wide as i32)
}

#[inline(always)]
fn clamped(wide: i64) -> i64 {
    i64::from(clamp_to_i32(wide))
}

#[inline(always)]
fn rounded(product: i64) -> i64 {
    (product + ROUND) >> UNIT_BITS
}

impl Pushes {
    fn set(&mut self, lane: usize, push: &Push, total: i32) {
        [self.arm_a.0[lane], self.arm_b.0[lane]] = push.arm;
        [self.spin_a.0[lane], self.spin_b.0[lane]] = push.spin;
        (self.weight.0[lane], self.total.0[lane]) = (push.weight, total);
    }

    /// What the levers make of two spins, or turns.
    #[inline(always)]
    fn turning(&self, lane: usize, a: i64, b: i64) -> i64 {
        let turning = self.arm_b.wide(lane) * low(b) - self.arm_a.wide(lane) * low(a);
        (turning + (1 << (ARM_BITS - 1))) >> ARM_BITS
    }

    /// Changes the spins.
    #[inline(always)]
    fn turn(&self, lane: usize, frame: &mut Frame, change: i64) {
        let part = |share: &Lanes| {
            (share.wide(lane) * low(change) + (1 << (SPIN_SHARE_BITS - 1))) >> SPIN_SHARE_BITS
        };
        // What is tiny may spin so fast that it stays at the bound.
        frame.spin_a = clamped(frame.spin_a - part(&self.spin_a));
        frame.spin_b = clamped(frame.spin_b + part(&self.spin_b));
    }
}

impl Frame {
    #[inline(always)]
    fn of(shared: &Shared, a: &Bodies, b: &Bodies, lane: usize) -> Self {
        let (x, y) = (shared.x.wide(lane), shared.y.wide(lane));
        let to_x = i64::from(b.x.0[lane].saturating_sub(a.x.0[lane]));
        let to_y = i64::from(b.y.0[lane].saturating_sub(a.y.0[lane]));
        Self {
            x,
            y,
            parting: rounded(x * to_x + y * to_y),
            sliding: rounded(x * to_y - y * to_x) + shared.surface.wide(lane),
            spin_a: a.spin.wide(lane),
            spin_b: b.spin.wide(lane),
            pushed: 0,
            pulled: 0,
        }
    }

    /// Writes down what the bodies take of it.
    #[inline(always)]
    fn store(&self, shared: &Shared, a: &mut Bodies, b: &mut Bodies, lane: usize) {
        let (pushed, pulled) = (clamped(self.pushed), clamped(self.pulled));
        let change_x = clamped(rounded(self.x * pushed - self.y * pulled));
        let change_y = clamped(rounded(self.y * pushed + self.x * pulled));
        let share_b = shared.share_b.wide(lane);
        let (of_b_x, of_b_y) = (rounded(share_b * change_x), rounded(share_b * change_y));
        a.x.0[lane] = a.x.0[lane].saturating_sub((change_x - of_b_x) as i32);
        a.y.0[lane] = a.y.0[lane].saturating_sub((change_y - of_b_y) as i32);
        b.x.0[lane] = b.x.0[lane].saturating_add(of_b_x as i32);
        b.y.0[lane] = b.y.0[lane].saturating_add(of_b_y as i32);
        (a.spin.0[lane], b.spin.0[lane]) = (self.spin_a as i32, self.spin_b as i32);
    }
}

impl Points {
    fn set(&mut self, lane: usize, point: &ContactPoint) {
        self.normal.set(lane, &point.normal, point.totals[0]);
        self.tangent.set(lane, &point.tangent, point.totals[1]);
        (self.separation.0[lane], self.apart.0[lane]) = (point.separation, point.separation);
        (self.bounce.0[lane], self.soft.0[lane]) = (point.bounce, point.soft);
    }

    /// Brings the total of the normal to a new value.
    #[inline(always)]
    fn push(&mut self, lane: usize, frame: &mut Frame, total: i64) {
        let change = total - self.normal.total.wide(lane);
        self.normal.total.0[lane] = total as i32;
        frame.parting += change;
        frame.pushed += change;
        self.normal.turn(lane, frame, change);
    }

    /// One push along the normals, in a pass that pushes overlaps apart.
    #[inline(always)]
    fn part(&mut self, shared: &Shared, lane: usize, frame: &mut Frame, rate: i32) {
        let apart = self.apart.0[lane];
        let speed = frame.parting + self.normal.turning(lane, frame.spin_a, frame.spin_b);
        let inside = i64::from(apart.saturating_neg().max(0));
        let back = ((inside * shared.rate.wide(lane)) >> 20).min(PARTING_MAX);
        let missing = clamped(back - nearing(apart, rate) - speed);
        // Only what overlaps gives way. As masks: a choice would become one of two addresses to load from.
        let overlaps = -i32::from(apart <= 0);
        let weight = i64::from(self.normal.weight.0[lane] - (self.soft.0[lane] & overlaps));
        let give = i64::from(shared.give.0[lane] & overlaps);
        let total = self.normal.total.wide(lane);
        let new = total + rounded(missing * weight - total * give);
        self.push(lane, frame, new.clamp(0, i64::from(i32::MAX)));
    }

    /// One push along the normals, in a pass that does not, after they were measured.
    #[inline(always)]
    fn relax(&mut self, lane: usize, frame: &mut Frame, rate: i32) {
        let speed = frame.parting + self.normal.turning(lane, frame.spin_a, frame.spin_b);
        let missing = clamped(-nearing(self.apart.0[lane], rate) - speed);
        let new = self.normal.total.wide(lane) + rounded(missing * self.normal.weight.wide(lane));
        let new = new.clamp(0, i64::from(i32::MAX));
        self.sum.0[lane] = self.sum.0[lane].saturating_add(new as i32);
        self.push(lane, frame, new);
    }

    /// One push of what bounces.
    #[inline(always)]
    fn bounce(&mut self, lane: usize, frame: &mut Frame) {
        let speed = frame.parting + self.normal.turning(lane, frame.spin_a, frame.spin_b);
        let missing = clamped(self.bounce.wide(lane) - speed);
        let bounces = (self.bounce.0[lane] > 0) & (self.sum.0[lane] > 0);
        let total = self.normal.total.wide(lane);
        let more = total + rounded(missing * self.normal.weight.wide(lane));
        let new = if bounces { more.clamp(0, i64::from(i32::MAX)) } else { total };
        self.sum.0[lane] = self.sum.0[lane].saturating_add((new - total).max(0) as i32);
        self.push(lane, frame, new);
    }

    /// One pull along the surfaces.
    #[inline(always)]
    fn rub(&mut self, shared: &Shared, lane: usize, frame: &mut Frame) {
        let sliding = clamped(frame.sliding + self.tangent.turning(lane, frame.spin_a, frame.spin_b));
        let most = (self.normal.total.wide(lane) * shared.friction.wide(lane)) >> 16;
        let most = most.min(PULL_MAX);
        let total = self.tangent.total.wide(lane);
        let new = (total - rounded(sliding * self.tangent.weight.wide(lane))).max(-most).min(most);
        let change = new - total;
        self.tangent.total.0[lane] = new as i32;
        frame.sliding += change;
        frame.pulled += change;
        self.tangent.turn(lane, frame, change);
    }

    /// Finds out how far the bodies are apart after they moved: their centres by `straight`.
    #[inline(always)]
    fn measure(&mut self, lane: usize, straight: i64, from: &Bodies, to: &Bodies) {
        let turned = self.normal.turning(lane, from.spin.wide(lane), to.spin.wide(lane));
        self.apart.0[lane] = clamp_to_i32(self.separation.wide(lane) + straight + turned);
    }
}

/// The speed at which what is apart may come as near as to touch.
#[inline(always)]
fn nearing(apart: i32, rate: i32) -> i64 {
    (i64::from(apart.max(0)) * i64::from(rate)) >> 4
}

impl Batch {
    fn set(&mut self, lane: usize, contact: &Contact) {
        [self.a[lane], self.b[lane]] = contact.bodies;
        let shared = &mut self.shared;
        (shared.x.0[lane], shared.y.0[lane]) = contact.normal;
        shared.share_b.0[lane] = contact.shares.of_second();
        (shared.surface.0[lane], shared.friction.0[lane]) = (contact.surface, contact.friction);
        shared.rate.0[lane] = clamp_to_i32(contact.softness.rate);
        shared.give.0[lane] = contact.softness.give as i32;
        let count = usize::from(contact.count).min(2);
        for (points, point) in self.points.iter_mut().zip(&contact.points[..count]) {
            points.set(lane, point);
        }
        self.rubs |= contact.friction > 0;
        self.count = self.count.max(count);
    }

    /// Pushes as hard as in the step before.
    pub(crate) fn warm_start(&self, velocities: &mut [Velocity]) {
        let mut a = Bodies::velocities(velocities, &self.a);
        let mut b = Bodies::velocities(velocities, &self.b);
        for lane in 0..WIDTH {
            let mut frame = Frame::of(&self.shared, &a, &b, lane);
            for point in &self.points {
                let (push, pull) = (point.normal.total.wide(lane), point.tangent.total.wide(lane));
                (frame.pushed, frame.pulled) = (frame.pushed + push, frame.pulled + pull);
                point.normal.turn(lane, &mut frame, push);
                point.tangent.turn(lane, &mut frame, pull);
            }
            frame.store(&self.shared, &mut a, &mut b, lane);
        }
        a.store(velocities, &self.a);
        b.store(velocities, &self.b);
    }

    /// One pass that pushes overlaps apart; bodies are where they were in the pass before.
    pub(crate) fn solve(&mut self, velocities: &mut [Velocity], rate: i32) {
        let still = (&Bodies::default(), &Bodies::default());
        match (self.count, self.rubs) {
            (2, true) => self.pass::<2, true>(Pass::Part, velocities, still, rate),
            (2, false) => self.pass::<2, false>(Pass::Part, velocities, still, rate),
            (_, true) => self.pass::<1, true>(Pass::Part, velocities, still, rate),
            (_, false) => self.pass::<1, false>(Pass::Part, velocities, still, rate),
        }
    }

    /// One pass that does not, after bodies moved.
    pub(crate) fn relax(&mut self, velocities: &mut [Velocity], offsets: &[Offset], rate: i32) {
        let went = (&Bodies::offsets(offsets, &self.a), &Bodies::offsets(offsets, &self.b));
        match (self.count, self.rubs) {
            (2, true) => self.pass::<2, true>(Pass::Relax, velocities, went, rate),
            (2, false) => self.pass::<2, false>(Pass::Relax, velocities, went, rate),
            (_, true) => self.pass::<1, true>(Pass::Relax, velocities, went, rate),
            (_, false) => self.pass::<1, false>(Pass::Relax, velocities, went, rate),
        }
    }

    #[inline(always)]
    fn pass<const COUNT: usize, const RUBS: bool>(
        &mut self,
        pass: Pass,
        velocities: &mut [Velocity],
        (from, to): (&Bodies, &Bodies),
        rate: i32,
    ) {
        let mut a = Bodies::velocities(velocities, &self.a);
        let mut b = Bodies::velocities(velocities, &self.b);
        let Self { shared, points, .. } = self;
        for lane in 0..WIDTH {
            let mut frame = Frame::of(shared, &a, &b, lane);
            let to_x = i64::from(to.x.0[lane].saturating_sub(from.x.0[lane]));
            let to_y = i64::from(to.y.0[lane].saturating_sub(from.y.0[lane]));
            for point in &mut points[..COUNT] {
                if pass == Pass::Part {
                    point.part(shared, lane, &mut frame, rate);
                } else {
                    let straight = rounded(frame.x * to_x + frame.y * to_y);
                    point.measure(lane, straight, from, to);
                    point.relax(lane, &mut frame, rate);
                }
            }
            if RUBS {
                points[..COUNT].iter_mut().for_each(|point| point.rub(shared, lane, &mut frame));
            }
            frame.store(shared, &mut a, &mut b, lane);
        }
        a.store(velocities, &self.a);
        b.store(velocities, &self.b);
    }

    /// Gives back the speed of what met fast enough.
    pub(crate) fn bounce(&mut self, velocities: &mut [Velocity]) {
        let mut a = Bodies::velocities(velocities, &self.a);
        let mut b = Bodies::velocities(velocities, &self.b);
        for lane in 0..WIDTH {
            let mut frame = Frame::of(&self.shared, &a, &b, lane);
            self.points.iter_mut().for_each(|point| point.bounce(lane, &mut frame));
            frame.store(&self.shared, &mut a, &mut b, lane);
        }
        a.store(velocities, &self.a);
        b.store(velocities, &self.b);
    }

    /// The totals of the normal and the tangent of a point, and the sum of the normal's.
    pub(crate) fn totals(&self, point: usize, lane: usize) -> (i32, i32, i32) {
        let (point, lane) = (&self.points[point % 2], lane % WIDTH);
        (point.normal.total.0[lane], point.tangent.total.0[lane], point.sum.0[lane])
    }
}

/// All batches of a step.
///
/// A contact is in a later batch than those before it that share a body with it, so that each body is pushed in
/// the same order as if contacts were solved one by one: stacks from the bottom up.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    pub(crate) list: Vec<Batch>,
    /// By batch, how many contacts it has.
    used: Vec<u8>,
    /// By batch, itself, or one after it behind which there may be room.
    room: Vec<u32>,
    /// By body, the first batch that it may be in next.
    next: Vec<u32>,
}

impl Batches {
    /// Forgets all, and has room for what so many bodies need at most times.
    pub(crate) fn clear(&mut self, bodies: usize) {
        self.list.clear();
        self.used.clear();
        self.room.clear();
        self.next.clear();
        let batches = (bodies / 2 + 16).min(1_024);
        self.list.reserve(batches);
        self.used.reserve(batches);
        self.room.reserve(batches);
        self.next.reserve(bodies + 1);
    }

    /// Puts a contact into the first batch with room behind all that have one of the bodies `pushed`; 0 is none. Gives
    /// the batch and the lane.
    pub(crate) fn add(&mut self, contact: &Contact, pushed: [u32; 2]) -> (u32, usize) {
        let last = pushed[0].max(pushed[1]) as usize;
        if self.next.len() <= last {
            self.next.resize(last + 1, 0);
        }
        let after = pushed.iter().fold(0, |after, &body| after.max(self.next[body as usize]));
        let batch = self.find_room(after);
        let at = batch as usize;
        let lane = usize::from(self.used[at]);
        self.list[at].set(lane, contact);
        self.used[at] += 1;
        if lane + 1 == WIDTH {
            self.room[at] = batch + 1;
        }
        for body in pushed.into_iter().filter(|&body| body != 0) {
            self.next[body as usize] = batch + 1;
        }
        (batch, lane)
    }

    /// The first batch from `after` on that has room.
    fn find_room(&mut self, after: u32) -> u32 {
        let mut at = after;
        while let Some(&room) = self.room.get(at as usize) {
            if room == at {
                return at;
            }
            // What comes this way again comes a part of it faster.
            let beyond = self.room.get(room as usize).copied().unwrap_or(room);
            self.room[at as usize] = beyond;
            at = beyond;
        }
        self.room.push(self.list.len() as u32);
        self.used.push(0);
        self.list.push(Batch::default());
        self.list.len() as u32 - 1
    }
}
