//! `Batch`, contacts of different bodies that are solved at once.
//!
//! A contact is solved in its own frame: how fast the centres part along the normal and slide along the surface, and
//! the two spins. All its points push these four numbers, and what the bodies take of it is written down once at
//! the end.
//!
//! Speeds and spins of a frame are in 1/2¹⁸ and distances in 1/2²²: with the bounds below, no sum leaves 32 bits. Two
//! bodies may part at 3,000 units per second, turn at 2,000 radians, and one push makes up to 2,000 units per second.

use super::lanes::{Bodies, Lanes, Vector, WIDTH};
use super::row::{Offset, Velocity};

mod prepare;

pub(crate) use prepare::Springs;

/// Fraction bits that velocities have more than those of frames.
const FINER_BITS: u32 = 2;
/// Fastest that centres part or slide.
const SPEED_MAX: i32 = 3 << 28;
/// Fastest that points part or slide, and may come near.
const POINT_SPEED_MAX: i32 = (1 << 30) - 1;
/// Hardest push or pull, and fastest spin; the largest distance and way.
const MOST: i32 = (1 << 29) - 1;
/// Overlaps part at this speed at most: 4 units per second.
const PARTING_MAX: i64 = 4 << 18;

/// How often the points of a contact bounce in turn: of a tall box, what one does to the other is seven tenths of it.
const BOUNCES: usize = 24;

/// Contacts of different bodies that are solved at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Batch {
    a: [u32; WIDTH],
    b: [u32; WIDTH],
    shared: Shared,
    /// Contacts of batches of one class are of different bodies.
    class: u32,
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
    /// The pull along the surface: both points are on it, so that one pull does for both.
    tangent: Row,
    surface: Lanes,
    friction: Lanes,
    /// What presses harder than this has no more friction.
    pressing_max: Lanes,
    rate: Lanes,
    give: Lanes,
    /// The overlap that parts as fast as any may.
    inside_max: Lanes,
    /// Fastest spin of each body of which the tips of its levers are not too fast.
    spin_max_a: Lanes,
    spin_max_b: Lanes,
    /// The largest change of speed of which the spins take their parts.
    turn_max: Lanes,
}

/// A point of each contact.
#[derive(Clone, Copy, Debug, Default)]
struct Points {
    normal: Row,
    /// What the normal weighs where it gives way.
    soft: Lanes,
    /// At the start of the tick and now, in 1/2²².
    separation: Lanes,
    apart: Lanes,
    bounce: Lanes,
    /// The sum of the totals of the normal of all substeps.
    sum: Lanes,
}

/// Pushes in one direction, of bodies with levers.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    arm_a: Lanes,
    arm_b: Lanes,
    spin_a: Lanes,
    spin_b: Lanes,
    weight: Lanes,
    /// By how much the speed of the centres was changed.
    total: Lanes,
}

/// The bodies of a batch before something pushes, and the spins of its frame then.
#[derive(Clone, Copy, Default)]
struct Held {
    a: Bodies,
    b: Bodies,
    spin_a: Vector,
    spin_b: Vector,
}

/// What a contact is solved in.
#[derive(Clone, Copy, Default)]
struct Frame {
    normal: [Vector; 2],
    /// How fast the centres part along the normal, and slide along the surface.
    parting: Vector,
    sliding: Vector,
    spin_a: Vector,
    spin_b: Vector,
    /// By how much both speeds were changed.
    pushed: Vector,
    pulled: Vector,
}

impl Row {
    /// What the levers make of two spins, or turns.
    #[inline(always)]
    fn turning(&self, a: Vector, b: Vector) -> Vector {
        (self.arm_b.all().times(b) - self.arm_a.all().times(a)).narrow::<16, 16>()
    }

    /// Changes the spins.
    #[inline(always)]
    fn turn(&self, shared: &Shared, frame: &mut Frame, change: Vector) {
        let change = change.within(shared.turn_max.all());
        let part = |share: &Lanes| share.all().times(change).narrow::<20, 12>();
        frame.spin_a = (frame.spin_a - part(&self.spin_a)).within(shared.spin_max_a.all());
        frame.spin_b = (frame.spin_b + part(&self.spin_b)).within(shared.spin_max_b.all());
    }
}

impl Frame {
    #[inline(always)]
    fn of(shared: &Shared, a: &Bodies, b: &Bodies) -> Self {
        let normal = [shared.x.all(), shared.y.all()];
        let to = [b.x.shr::<1>() - a.x.shr::<1>(), b.y.shr::<1>() - a.y.shr::<1>()];
        let most = Vector::splat(SPEED_MAX);
        let spin = |spin: Vector, most: &Lanes| spin.shr::<2>().within(most.all());
        Self {
            normal,
            parting: Vector::dot(normal, to).narrow::<31, 1>().within(most),
            sliding: (Vector::cross(normal, to).narrow::<31, 1>() + shared.surface.all()).within(most),
            spin_a: spin(a.spin, &shared.spin_max_a),
            spin_b: spin(b.spin, &shared.spin_max_b),
            pushed: Vector::splat(0),
            pulled: Vector::splat(0),
        }
    }

    /// Brings the total of a normal to a new value.
    #[inline(always)]
    fn push(&mut self, shared: &Shared, row: &mut Row, total: Vector) {
        let total = total.max(Vector::splat(0)).min(Vector::splat(MOST));
        let change = total - row.total.all();
        row.total.put(total);
        self.parting = (self.parting + change).within(Vector::splat(SPEED_MAX));
        self.pushed = self.pushed + change;
        row.turn(shared, self, change);
    }

    /// Writes down what the bodies take of it.
    #[inline(always)]
    fn store(&self, shared: &Shared, Held { a, b, spin_a, spin_b }: &mut Held) {
        let [x, y] = self.normal;
        let change_x = Vector::cross([x, y], [self.pulled, self.pushed]).narrow::<30, 2>();
        let change_y = Vector::dot([x, y], [self.pulled, self.pushed]).narrow::<30, 2>();
        let share = shared.share_b.all();
        let (of_b_x, of_b_y) =
            (share.times(change_x).narrow::<30, 2>(), share.times(change_y).narrow::<30, 2>());
        a.x = changed(a.x, of_b_x - change_x);
        a.y = changed(a.y, of_b_y - change_y);
        b.x = changed(b.x, of_b_x);
        b.y = changed(b.y, of_b_y);
        a.spin = changed(a.spin, self.spin_a - *spin_a);
        b.spin = changed(b.spin, self.spin_b - *spin_b);
    }
}

/// A velocity after a change of a frame.
#[inline(always)]
fn changed(velocity: Vector, change: Vector) -> Vector {
    let fine = velocity & Vector::splat((1 << FINER_BITS) - 1);
    (velocity.shr::<2>() + change).within(Vector::splat(MOST)).shl::<2>() + fine
}

impl Points {
    /// How fast the bodies part at the point.
    #[inline(always)]
    fn speed(&self, frame: &Frame) -> Vector {
        let speed = frame.parting + self.normal.turning(frame.spin_a, frame.spin_b);
        speed.within(Vector::splat(POINT_SPEED_MAX))
    }

    /// One push along the normals, in a pass that pushes overlaps apart.
    #[inline(always)]
    fn part(&mut self, shared: &Shared, frame: &mut Frame, pace: &Pace) {
        let (zero, total) = (Vector::splat(0), self.normal.total.all());
        let apart = self.apart.all().min(pace.far).max(zero - shared.inside_max.all());
        // Only what overlaps gives way.
        let is_apart = apart.above(zero);
        let nearing = apart.times(is_apart.select(pace.rate, shared.rate.all())).narrow::<20, 12>();
        let weight = is_apart.select(self.normal.weight.all(), self.soft.all());
        let give = is_apart.keep(shared.give.all());
        let missing = zero - nearing - self.speed(frame);
        let change = missing.times(weight) - total.times(give);
        frame.push(shared, &mut self.normal, total + change.narrow::<30, 2>());
    }

    /// One push along the normals, in a pass that does not, after they were measured.
    #[inline(always)]
    fn relax(&mut self, shared: &Shared, frame: &mut Frame, pace: &Pace) {
        let zero = Vector::splat(0);
        let apart = self.apart.all().min(pace.far).max(zero);
        let missing = zero - apart.times(pace.rate).narrow::<20, 12>() - self.speed(frame);
        let total = self.normal.total.all() + missing.times(self.normal.weight.all()).narrow::<30, 2>();
        frame.push(shared, &mut self.normal, total);
        self.sum.put(self.sum.all().min(Vector::splat(POINT_SPEED_MAX)) + self.normal.total.all());
    }

    /// One push on top of those that are in `added` towards the speed at which what bounces parts, or only stops;
    /// all pushes together are `most` at the most.
    #[inline(always)]
    fn bounce(
        &mut self,
        shared: &Shared,
        frame: &mut Frame,
        (added, most): (&mut Vector, Vector),
        stops: bool,
    ) {
        let (zero, total) = (Vector::splat(0), self.normal.total.all());
        let speed = if stops { zero } else { self.bounce.all() };
        let more = (speed - self.speed(frame)).times(self.normal.weight.all()).narrow::<30, 2>();
        let pushed = self.sum.all().above(zero).select(more, zero);
        let new = (*added + self.bounce.all().above(zero).select(pushed, zero)).max(zero);
        let new = new.min(most).min(Vector::splat(MOST) - total + *added);
        frame.push(shared, &mut self.normal, total + new - *added);
        *added = new;
    }

    /// Remembers by how much a bounce pushed.
    #[inline(always)]
    fn add_up(&mut self, added: Vector) {
        self.sum.put(self.sum.all().min(Vector::splat(POINT_SPEED_MAX)) + added);
    }

    /// Finds out how far the bodies are apart after they moved: their centres by `straight`.
    #[inline(always)]
    fn measure(&mut self, straight: Vector, turns: [Vector; 2]) {
        self.apart.put(self.separation.all() + straight + self.normal.turning(turns[0], turns[1]));
    }
}

impl Shared {
    /// One pull along the surfaces that are pressed together by `pressing`.
    #[inline(always)]
    fn rub(&mut self, frame: &mut Frame, pressing: Vector) {
        let row = &self.tangent;
        let most = pressing.min(self.pressing_max.all()).times(self.friction.all()).narrow::<16, 16>();
        let most = most.min(Vector::splat(MOST));
        let sliding = frame.sliding + row.turning(frame.spin_a, frame.spin_b);
        let sliding = sliding.within(Vector::splat(POINT_SPEED_MAX));
        let total = row.total.all();
        let new = (total - sliding.times(row.weight.all()).narrow::<30, 2>()).within(most);
        frame.pulled = new - total;
        row.turn(self, frame, frame.pulled);
        self.tangent.total.put(new);
    }
}

/// The hardest pushes that throw two points back which were stopped by `added` and what came before, and all ones where
/// both bounce as fast, within an eighth: those share what stopped them.
#[inline(always)]
fn most_of(points: &[Points; 2], added: [Vector; 2]) -> ([Vector; 2], Vector) {
    let half = Vector::splat(MOST / 2);
    let of = |index: usize| {
        let added = added[index].min(half);
        points[index].sum.all().min(half) + added + added
    };
    let [one, other] = [0, 1].map(|index: usize| points[index].bounce.all());
    let most = one.max(other);
    let flat = one.min(other).above(most - most.shr::<3>()).of_ones();
    let (first, second) = (of(0).min(half), of(1).min(half));
    ([first + (second & flat), second + (first & flat)], flat)
}

/// At which speed what is apart may come as near as to touch.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    /// Substeps per second, in 1/2¹⁶.
    rate: Vector,
    /// What is farther apart may come as fast as it likes.
    far: Vector,
}

impl Pace {
    /// With so many substeps per second.
    pub(crate) fn new(rate: i64) -> Self {
        let rate = (rate << 16).clamp(1, i64::from(i32::MAX));
        let far = ((i64::from(POINT_SPEED_MAX) << 20) / rate).min(i64::from(MOST));
        Self { rate: Vector::splat(rate as i32), far: Vector::splat(far as i32) }
    }
}

impl Batch {
    /// Lets `solve` push the bodies of some batches of one colour.
    #[inline(always)]
    fn with_frames<const N: usize>(
        batches: &mut [Self; N],
        velocities: &mut [Velocity],
        solve: impl FnOnce(&mut [Self; N], &mut [Frame; N]),
    ) {
        let mut held = [Held::default(); N];
        let mut frames = [Frame::default(); N];
        for ((batch, held), frame) in batches.iter().zip(&mut held).zip(&mut frames) {
            held.a = Bodies::velocities(velocities, &batch.a);
            held.b = Bodies::velocities(velocities, &batch.b);
            *frame = Frame::of(&batch.shared, &held.a, &held.b);
            (held.spin_a, held.spin_b) = (frame.spin_a, frame.spin_b);
        }
        solve(batches, &mut frames);
        for ((batch, held), frame) in batches.iter().zip(&mut held).zip(&frames) {
            frame.store(&batch.shared, held);
            held.a.store(velocities, &batch.a);
            held.b.store(velocities, &batch.b);
        }
    }

    /// As [`Self::with_frames`], of one.
    #[inline(always)]
    fn with_frame(&mut self, velocities: &mut [Velocity], solve: impl FnOnce(&mut Self, &mut Frame)) {
        Self::with_frames(core::array::from_mut(self), velocities, |[batch], [frame]| solve(batch, frame));
    }

    /// Pushes as hard as in the step before.
    pub(crate) fn warm_start(&mut self, velocities: &mut [Velocity]) {
        self.with_frame(velocities, |Self { shared, points, .. }, frame| {
            for point in points {
                frame.pushed = frame.pushed + point.normal.total.all();
                point.normal.turn(shared, frame, point.normal.total.all());
            }
            frame.pulled = shared.tangent.total.all();
            shared.tangent.turn(shared, frame, frame.pulled);
        });
    }

    /// Whether two batches may be solved in step with each other.
    #[inline(always)]
    pub(crate) fn goes_with(&self, other: &Self) -> bool {
        (self.class, self.count, self.rubs) == (other.class, other.count, other.rubs)
    }

    /// One pass that pushes overlaps apart; bodies are where they were in the pass before. Several batches go with each
    /// other: none waits for what is computed of another.
    #[inline(always)]
    pub(crate) fn solve<const N: usize>(batches: &mut [Self; N], velocities: &mut [Velocity], pace: &Pace) {
        match (batches[0].count, batches[0].rubs) {
            (2, true) => Self::part::<N, 2, true>(batches, velocities, pace),
            (2, false) => Self::part::<N, 2, false>(batches, velocities, pace),
            (_, true) => Self::part::<N, 1, true>(batches, velocities, pace),
            (_, false) => Self::part::<N, 1, false>(batches, velocities, pace),
        }
    }

    /// One pass that does not, after bodies moved.
    #[inline(always)]
    pub(crate) fn relax<const N: usize>(
        batches: &mut [Self; N],
        velocities: &mut [Velocity],
        offsets: &[Offset],
        pace: &Pace,
    ) {
        match (batches[0].count, batches[0].rubs) {
            (2, true) => Self::rest::<N, 2, true>(batches, velocities, offsets, pace),
            (2, false) => Self::rest::<N, 2, false>(batches, velocities, offsets, pace),
            (_, true) => Self::rest::<N, 1, true>(batches, velocities, offsets, pace),
            (_, false) => Self::rest::<N, 1, false>(batches, velocities, offsets, pace),
        }
    }

    #[inline(never)]
    fn part<const N: usize, const COUNT: usize, const RUBS: bool>(
        batches: &mut [Self; N],
        velocities: &mut [Velocity],
        pace: &Pace,
    ) {
        Self::with_frames(batches, velocities, |batches, frames| {
            for point in 0..COUNT {
                for (batch, frame) in batches.iter_mut().zip(&mut *frames) {
                    batch.points[point].part(&batch.shared, frame, pace);
                }
            }
            Self::rub::<N, COUNT, RUBS>(batches, frames);
        });
    }

    #[inline(never)]
    fn rest<const N: usize, const COUNT: usize, const RUBS: bool>(
        batches: &mut [Self; N],
        velocities: &mut [Velocity],
        offsets: &[Offset],
        pace: &Pace,
    ) {
        for batch in &mut *batches {
            batch.measure::<COUNT>(offsets);
        }
        Self::with_frames(batches, velocities, |batches, frames| {
            for point in 0..COUNT {
                for (batch, frame) in batches.iter_mut().zip(&mut *frames) {
                    batch.points[point].relax(&batch.shared, frame, pace);
                }
            }
            Self::rub::<N, COUNT, RUBS>(batches, frames);
        });
    }

    /// Finds out how far the bodies are apart after they moved.
    #[inline(always)]
    fn measure<const COUNT: usize>(&mut self, offsets: &[Offset]) {
        let (a, b) = (Bodies::offsets(offsets, &self.a), Bodies::offsets(offsets, &self.b));
        let Self { shared, points, .. } = self;
        let went = [b.x.shr::<1>() - a.x.shr::<1>(), b.y.shr::<1>() - a.y.shr::<1>()];
        let straight = Vector::dot([shared.x.all(), shared.y.all()], went).narrow::<31, 1>();
        let straight = straight.within(Vector::splat(MOST));
        let turns = [
            a.spin.shr::<2>().within(shared.spin_max_a.all()),
            b.spin.shr::<2>().within(shared.spin_max_b.all()),
        ];
        for point in &mut points[..COUNT] {
            point.measure(straight, turns);
        }
    }

    #[inline(always)]
    fn rub<const N: usize, const COUNT: usize, const RUBS: bool>(
        batches: &mut [Self; N],
        frames: &mut [Frame; N],
    ) {
        if RUBS {
            for (batch, frame) in batches.iter_mut().zip(frames) {
                let [first, second] = &batch.points;
                let (first, second) = (first.normal.total.all(), second.normal.total.all());
                batch.shared.rub(frame, if COUNT == 2 { first + second } else { first });
            }
        }
    }

    /// Gives back the speed of what met fast enough.
    pub(crate) fn bounce(&mut self, velocities: &mut [Velocity]) {
        let zero = Vector::splat(0);
        let [first, second] = &self.points;
        if !(first.bounce.all() | second.bounce.all()).any() {
            return;
        }
        self.with_frame(velocities, |Self { shared, points, count, .. }, frame| {
            let mut added = [zero; 2];
            let rounds = if *count > 1 { BOUNCES } else { 1 };
            for _ in 0..rounds {
                for (point, added) in points.iter_mut().zip(&mut added) {
                    point.bounce(shared, frame, (added, Vector::splat(MOST)), true);
                }
            }
            // Not more than what stopped it throws a point back (Poisson); of a side that falls flat, both points.
            let (most, flat) = most_of(points, added);
            for _ in 0..rounds {
                for index in 0..2 {
                    let most = most[index] - (flat & added[1 - index]);
                    points[index].bounce(shared, frame, (&mut added[index], most), false);
                }
            }
            points.iter_mut().zip(added).for_each(|(point, added)| point.add_up(added));
        });
    }

    /// The total of the normal of a point, and the sum of all substeps, in 1/2²⁰.
    pub(crate) fn pushed(&self, point: usize, lane: usize) -> (i32, i64) {
        let (point, lane) = (&self.points[point % 2], lane % WIDTH);
        (point.normal.total.0[lane] << FINER_BITS, i64::from(point.sum.0[lane]) << FINER_BITS)
    }

    /// The total along the surface, in 1/2²⁰.
    pub(crate) fn pulled(&self, lane: usize) -> i32 {
        self.shared.tangent.total.0[lane % WIDTH] << FINER_BITS
    }
}
