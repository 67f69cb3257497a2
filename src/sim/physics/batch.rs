//! `Batch`, contacts of different bodies that are solved at once, and `Batches`, all of a step.

use alloc::vec::Vec;

use super::contact_solver::{Contact, ContactPoint, PARTING_MAX, tangent_of};
use super::hull::P;
use super::lanes::{Bodies, Lanes, Rows, WIDTH};
use super::row::{Offset, Row, Velocity};
use crate::fx::clamp_to_i32;

/// The separation of a point that there is not.
const FAR: i32 = 1 << 30;
const ROUND: i64 = 1 << 29;
const ONE: i32 = 1 << 30;

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

/// A point of each contact.
#[derive(Clone, Copy, Debug)]
struct Points {
    normal: Rows,
    tangent: Rows,
    /// At the start of the tick and now, in 1/2²⁴.
    separation: Lanes,
    apart: Lanes,
    grip: Lanes,
    bounce: Lanes,
    /// The sum of the totals of the normal of all substeps.
    sum: Lanes,
}

impl Default for Points {
    fn default() -> Self {
        let (far, zero) = (Lanes([FAR; WIDTH]), Lanes::default());
        let (normal, tangent) = (Rows::default(), Rows::default());
        Self { normal, tangent, separation: far, apart: far, grip: zero, bounce: zero, sum: zero }
    }
}

impl Points {
    fn set(&mut self, lane: usize, normal: P, point: &ContactPoint) {
        set_row(&mut self.normal, lane, normal, &point.normal);
        set_row(&mut self.tangent, lane, tangent_of(normal), &point.tangent);
        (self.separation.0[lane], self.apart.0[lane]) = (point.separation, point.separation);
        (self.grip.0[lane], self.bounce.0[lane]) = (point.grip, point.bounce);
    }

    /// One push along the normals, in a pass that pushes overlaps apart.
    #[inline(never)]
    fn part(&mut self, batch: &Shared, a: &mut Bodies, b: &mut Bodies, rate: i32) {
        for lane in 0..WIDTH {
            let (normal, apart) = ((batch.x.0[lane], batch.y.0[lane]), self.apart.0[lane]);
            let speed = self.normal.speed(normal, a, b, lane);
            let inside = i64::from(apart.saturating_neg().max(0));
            let parting = ((inside * batch.rate.wide(lane)) >> 20).min(PARTING_MAX) as i32;
            let missing = i64::from((parting - nearing(apart, rate)).saturating_sub(speed));
            let outside = apart > 0;
            let change = i64::from(if outside { ONE } else { batch.change.0[lane] });
            let give = i64::from(if outside { 0 } else { batch.give.0[lane] });
            let total = self.normal.total.0[lane];
            let more = (missing * change - i64::from(total) * give + ROUND) >> 30;
            let new = (i64::from(total) + more).clamp(0, i64::from(i32::MAX)) as i32;
            self.normal.total.0[lane] = new;
            self.normal.push(a, b, new - total, lane);
        }
    }

    /// One push along the normals, in a pass that does not.
    #[inline(never)]
    fn relax(&mut self, batch: &Shared, a: &mut Bodies, b: &mut Bodies, rate: i32) {
        for lane in 0..WIDTH {
            let normal = (batch.x.0[lane], batch.y.0[lane]);
            let speed = self.normal.speed(normal, a, b, lane);
            let missing = (-nearing(self.apart.0[lane], rate)).saturating_sub(speed);
            let total = self.normal.total.0[lane];
            let new = total.saturating_add(missing).max(0);
            self.normal.total.0[lane] = new;
            self.sum.0[lane] = self.sum.0[lane].saturating_add(new);
            self.normal.push(a, b, new - total, lane);
        }
    }

    /// One push of what bounces.
    #[inline(never)]
    fn bounce(&mut self, batch: &Shared, a: &mut Bodies, b: &mut Bodies) {
        for lane in 0..WIDTH {
            let normal = (batch.x.0[lane], batch.y.0[lane]);
            let missing = self.bounce.0[lane].saturating_sub(self.normal.speed(normal, a, b, lane));
            let bounces = (self.bounce.0[lane] > 0) & (self.sum.0[lane] > 0);
            let total = self.normal.total.0[lane];
            let new = if bounces { total.saturating_add(missing).max(0) } else { total };
            self.normal.total.0[lane] = new;
            self.sum.0[lane] = self.sum.0[lane].saturating_add((new - total).max(0));
            self.normal.push(a, b, new - total, lane);
        }
    }

    /// One pull along the surfaces.
    #[inline(never)]
    fn rub(&mut self, batch: &Shared, a: &mut Bodies, b: &mut Bodies) {
        for lane in 0..WIDTH {
            let tangent = (-batch.y.0[lane], batch.x.0[lane]);
            let sliding = self.tangent.speed(tangent, a, b, lane).saturating_add(batch.surface.0[lane]);
            let most = (self.normal.total.wide(lane) * self.grip.wide(lane)) >> 16;
            let most = most.min(i64::from(i32::MAX)) as i32;
            let total = self.tangent.total.0[lane];
            let new = total.saturating_sub(sliding).max(-most).min(most);
            self.tangent.total.0[lane] = new;
            self.tangent.push(a, b, new.saturating_sub(total).max(-i32::MAX), lane);
        }
    }

    /// Pushes as hard as in the substep before.
    #[inline(never)]
    fn warm_start(&self, a: &mut Bodies, b: &mut Bodies) {
        for lane in 0..WIDTH {
            self.normal.push(a, b, self.normal.total.0[lane], lane);
            self.tangent.push(a, b, self.tangent.total.0[lane], lane);
        }
    }

    /// Finds out how far the bodies are apart after they moved.
    #[inline(never)]
    fn measure(&mut self, batch: &Shared, a: &Bodies, b: &Bodies) {
        for lane in 0..WIDTH {
            let normal = (batch.x.0[lane], batch.y.0[lane]);
            let went = self.normal.speed(normal, a, b, lane);
            self.apart.0[lane] = self.separation.0[lane].saturating_add(went);
        }
    }
}

/// The speed at which what is apart may come as near as to touch.
#[inline(always)]
fn nearing(apart: i32, rate: i32) -> i32 {
    ((i64::from(apart.max(0)) * i64::from(rate)) >> 4).min(i64::from(i32::MAX)) as i32
}

/// What all points of a batch have in common.
#[derive(Clone, Copy, Debug, Default)]
struct Shared {
    x: Lanes,
    y: Lanes,
    surface: Lanes,
    rate: Lanes,
    change: Lanes,
    give: Lanes,
}

fn set_row(rows: &mut Rows, lane: usize, direction: P, row: &Row) {
    let (a, b, spins) = row.parts(direction);
    (rows.arm_a.0[lane], rows.arm_b.0[lane]) = (row.arm_a, row.arm_b);
    (rows.a_x.0[lane], rows.a_y.0[lane]) = (a[0], a[1]);
    (rows.b_x.0[lane], rows.b_y.0[lane]) = (b[0], b[1]);
    (rows.spin_a.0[lane], rows.spin_b.0[lane]) = (spins[0], spins[1]);
    rows.total.0[lane] = row.total;
}

impl Batch {
    fn set(&mut self, lane: usize, contact: &Contact) {
        [self.a[lane], self.b[lane]] = contact.bodies;
        let shared = &mut self.shared;
        (shared.x.0[lane], shared.y.0[lane]) = contact.normal;
        shared.surface.0[lane] = contact.surface;
        shared.rate.0[lane] = clamp_to_i32(contact.softness.rate);
        shared.change.0[lane] = contact.softness.change as i32;
        shared.give.0[lane] = contact.softness.give as i32;
        let count = usize::from(contact.count).min(2);
        for (points, point) in self.points.iter_mut().zip(&contact.points[..count]) {
            points.set(lane, contact.normal, point);
            self.rubs |= point.grip != 0;
        }
        self.count = self.count.max(count);
    }

    pub(crate) fn warm_start(&self, velocities: &mut [Velocity]) {
        let mut a = Bodies::velocities(velocities, &self.a);
        let mut b = Bodies::velocities(velocities, &self.b);
        for point in &self.points[..self.count.min(2)] {
            point.warm_start(&mut a, &mut b);
        }
        a.store(velocities, &self.a);
        b.store(velocities, &self.b);
    }

    /// One pass that pushes overlaps apart; bodies are where they were in the pass before.
    pub(crate) fn solve(&mut self, velocities: &mut [Velocity], rate: i32) {
        self.with(velocities, |points, shared, a, b| {
            points.iter_mut().for_each(|point| point.part(shared, a, b, rate));
        });
    }

    /// One pass that does not, after bodies moved.
    pub(crate) fn relax(&mut self, velocities: &mut [Velocity], offsets: &[Offset], rate: i32) {
        let (from, to) = (Bodies::offsets(offsets, &self.a), Bodies::offsets(offsets, &self.b));
        self.with(velocities, |points, shared, a, b| {
            for point in points {
                point.measure(shared, &from, &to);
                point.relax(shared, a, b, rate);
            }
        });
    }

    /// Gives back the speed of what met fast enough.
    pub(crate) fn bounce(&mut self, velocities: &mut [Velocity]) {
        let mut a = Bodies::velocities(velocities, &self.a);
        let mut b = Bodies::velocities(velocities, &self.b);
        for point in &mut self.points[..self.count.min(2)] {
            point.bounce(&self.shared, &mut a, &mut b);
        }
        a.store(velocities, &self.a);
        b.store(velocities, &self.b);
    }

    /// Pushes along the normals with `push`, then pulls along the surfaces.
    #[inline(always)]
    fn with(
        &mut self,
        velocities: &mut [Velocity],
        push: impl FnOnce(&mut [Points], &Shared, &mut Bodies, &mut Bodies),
    ) {
        let mut a = Bodies::velocities(velocities, &self.a);
        let mut b = Bodies::velocities(velocities, &self.b);
        let points = &mut self.points[..self.count.min(2)];
        push(points, &self.shared, &mut a, &mut b);
        if self.rubs {
            points.iter_mut().for_each(|point| point.rub(&self.shared, &mut a, &mut b));
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
