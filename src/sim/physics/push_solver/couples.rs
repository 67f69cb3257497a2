//! `Couples`: pushes between two bodies that nothing else pushes in this step, as most of a scene seen from above are.
//! What happens to one of them is of no concern to the others, so that eight go through a whole step at once.

use alloc::vec::Vec;

use super::{ONE, Push};
use crate::physics::contact_solver::PARTING_MAX;
use crate::physics::lanes::{Bodies, Vector, WIDTH};
use crate::physics::motion::Movers;
use crate::physics::row::{Offset, Velocity};

/// Fewer pushes than that are solved as fast one after the other.
pub(super) const PUSHES_MIN: usize = 8;
/// So few are not worth a round of their own.
const FEW: usize = 4;
/// Speeds of less than 128 units per second and ways of less than 16 units: nothing leaves 32 bits.
const BOUND_BITS: i32 = 27;

/// Pushes that are solved before all others, and where their bodies are afterwards.
#[derive(Debug, Default)]
pub(crate) struct Couples {
    /// Their numbers.
    list: Vec<u32>,
    done: Vec<Done>,
    /// How many pushes each body has.
    uses: Vec<u8>,
}

/// The bodies of eight pushes after a step.
#[derive(Clone, Copy, Debug)]
struct Done {
    index: [[u32; WIDTH]; 2],
    velocities: [[Velocity; WIDTH]; 2],
    offsets: [[Offset; WIDTH]; 2],
}

/// One body of each of eight pushes.
#[derive(Clone, Copy)]
struct Side {
    velocity: [Vector; 2],
    offset: [Vector; 2],
}

/// Eight pushes and their bodies.
struct Eight {
    normal: [Vector; 2],
    share_a: Vector,
    rate: Vector,
    change: Vector,
    give: Vector,
    separation: Vector,
    bounce: Vector,
    total: Vector,
    sum: Vector,
    a: Side,
    b: Side,
    /// All bits that were in use of what has to stay within its bounds.
    seen: Vector,
}

impl Couples {
    /// Forgets all; there is room for those of so many bodies afterwards.
    pub(super) fn clear(&mut self, slots: usize) {
        self.list.clear();
        self.uses.clear();
        self.done.clear();
        self.list.reserve(2 * slots);
        self.uses.reserve(slots + 1);
        // Each couple has a body of its own.
        self.done.reserve(slots.div_ceil(WIDTH));
    }

    /// Solves those of the pushes, all of which are in `others`, that are couples, and takes them out of there.
    #[inline(never)]
    pub(super) fn solve(
        &mut self,
        (pushes, others): (&mut [Push], &mut Vec<u32>),
        movers: &Movers,
        substeps: u8,
        rate: i64,
    ) {
        self.part(pushes, others, movers.velocities.len());
        let whole = self.list.len() - if self.list.len() % WIDTH < FEW { self.list.len() % WIDTH } else { 0 };
        // As nothing else pushes their bodies, their order is of no meaning.
        others.extend_from_slice(&self.list[whole..]);
        for numbers in self.list[..whole].chunks(WIDTH) {
            match solve_eight(pushes, numbers, movers, substeps, rate) {
                Some(done) => self.done.push(done),
                None => others.extend_from_slice(numbers),
            }
        }
    }

    /// Lists those the bodies of which nothing else pushes.
    fn part(&mut self, pushes: &[Push], others: &mut Vec<u32>, bodies: usize) {
        self.uses.resize(bodies, 0);
        for push in pushes {
            for body in [push.a, push.b] {
                let uses = &mut self.uses[body as usize];
                *uses = uses.saturating_add(1);
            }
        }
        // What stands still is pushed by all without a change.
        self.uses[0] = 0;
        self.list.resize(pushes.len(), 0);
        others.resize(pushes.len(), 0);
        let (mut alone, mut kept) = (0, 0);
        for (number, push) in (0..).zip(pushes) {
            let shared = (self.uses[push.a as usize] | self.uses[push.b as usize]) > 1;
            (self.list[alone], others[kept]) = (number, number);
            alone += usize::from(!shared);
            kept += usize::from(shared);
        }
        self.list.truncate(alone);
        others.truncate(kept);
    }

    /// Puts the bodies where they are at the end of the step; they are turned already.
    pub(super) fn settle(&self, movers: &mut Movers) {
        for done in &self.done {
            for side in 0..2 {
                for lane in 0..WIDTH {
                    let body = done.index[side][lane] as usize;
                    movers.velocities[body] = done.velocities[side][lane];
                    // What a game turns goes on turning: no push changes that.
                    let turn = movers.offsets[body].turn;
                    movers.offsets[body] = Offset { turn, ..done.offsets[side][lane] };
                }
            }
        }
    }
}

/// All of a step of up to eight pushes; nothing if one of them leaves the bounds, in which case they are as before.
#[inline(always)]
fn solve_eight(
    pushes: &mut [Push],
    numbers: &[u32],
    movers: &Movers,
    substeps: u8,
    rate: i64,
) -> Option<Done> {
    let none = Push::default();
    let mut eight = [&none; WIDTH];
    let mut index = [[0; WIDTH]; 2];
    for (lane, &number) in numbers.iter().enumerate().take(WIDTH) {
        let push = &pushes[number as usize];
        eight[lane] = push;
        (index[0][lane], index[1][lane]) = (push.a, push.b);
    }
    let bodies = [
        Bodies::velocities(&movers.velocities, &index[0]),
        Bodies::velocities(&movers.velocities, &index[1]),
    ];
    let mut eight = Eight::of(eight, &bodies);
    // What is farther apart than this does not come as near as to touch, however fast it is.
    let far = Vector::splat(((1_i64 << 34) / rate.max(1)).min(i64::from(i32::MAX)) as i32);
    let rate = Vector::splat(rate.min(i64::from(i32::MAX)) as i32);
    for _ in 0..substeps {
        eight.push(eight.total);
        eight.solve(far, rate);
        eight.advance(movers);
        eight.relax(far, rate);
    }
    eight.bounce();
    if eight.seen.shr::<BOUND_BITS>().any() {
        return None;
    }
    let (totals, sums) = (eight.total.array(), eight.sum.array());
    for (lane, &number) in numbers.iter().enumerate().take(WIDTH) {
        let push = &mut pushes[number as usize];
        (push.total, push.sum) = (totals[lane], sums[lane]);
    }
    let zero = Vector::splat(0);
    let mut done = Done { index, velocities: Default::default(), offsets: Default::default() };
    for (number, side) in [eight.a, eight.b].into_iter().enumerate() {
        let ([x, y], [way_x, way_y]) = (side.velocity, side.offset);
        Vector::put_fours([x, y, bodies[number].spin, zero], &mut done.velocities[number]);
        Vector::put_fours([way_x, way_y, zero, zero], &mut done.offsets[number]);
    }
    Some(done)
}

impl Eight {
    #[inline(always)]
    fn of(pushes: [&Push; WIDTH], bodies: &[Bodies; 2]) -> Self {
        let (mut low, mut high) = ([&[0; WIDTH]; WIDTH], [&[0; WIDTH]; WIDTH]);
        for (lane, push) in pushes.into_iter().enumerate() {
            [low[lane], high[lane]] = bytemuck::cast_ref::<Push, [[i32; WIDTH]; 2]>(push).each_ref();
        }
        let [_, _, x, y, share_a, rate, change, give] = Vector::transposed(low);
        let [separation, bounce, total, sum, ..] = Vector::transposed(high);
        let still = [Vector::splat(0); 2];
        let side = |body: &Bodies| Side { velocity: [body.x, body.y], offset: still };
        let (a, b) = (side(&bodies[0]), side(&bodies[1]));
        let seen = separation.abs().shr::<1>();
        let mut eight =
            Self { normal: [x, y], share_a, rate, change, give, separation, bounce, total, sum, a, b, seen };
        eight.look();
        eight
    }

    /// Keeps in mind how large the numbers are.
    #[inline(always)]
    fn look(&mut self) {
        let ([ax, ay], [bx, by]) = (self.a.velocity, self.b.velocity);
        self.seen = self.seen | ax.abs() | ay.abs() | bx.abs() | by.abs() | self.total;
    }

    /// The part of the way between both bodies along the normal.
    #[inline(always)]
    fn along(&self, a: [Vector; 2], b: [Vector; 2]) -> Vector {
        Vector::dot(self.normal, [b[0] - a[0], b[1] - a[1]]).narrow::<30, 2>()
    }

    #[inline(always)]
    fn speed(&self) -> Vector {
        self.along(self.a.velocity, self.b.velocity)
    }

    /// How far apart they are now, in 1/2²⁴.
    #[inline(always)]
    fn apart(&self) -> Vector {
        self.separation + self.along(self.a.offset, self.b.offset)
    }

    #[inline(always)]
    fn push(&mut self, change: Vector) {
        let of_a = self.share_a.times(change).narrow::<30, 2>();
        let of_b = change - of_a;
        for axis in 0..2 {
            let (a, b) = (of_a.times(self.normal[axis]), of_b.times(self.normal[axis]));
            self.a.velocity[axis] = self.a.velocity[axis] - a.narrow::<30, 2>();
            self.b.velocity[axis] = self.b.velocity[axis] + b.narrow::<30, 2>();
        }
        self.look();
    }

    /// Brings the total to a new value, where `those` are all ones.
    #[inline(always)]
    fn bring(&mut self, new: Vector, those: Vector) -> Vector {
        let change = (new.max(Vector::splat(0)) - self.total) & those;
        self.total = self.total + change;
        self.push(change);
        change
    }

    #[inline(always)]
    fn solve(&mut self, far: Vector, rate: Vector) {
        let (apart, zero) = (self.apart(), Vector::splat(0));
        let outside = (zero - apart).shr::<31>();
        let back = (zero - apart).max(zero).times(self.rate);
        let back = back.within(0, (PARTING_MAX << 20) | 0xf_ffff).floor::<20, 12>();
        let missing = back - nearing(apart, far, rate) - self.speed();
        let change = self.change + ((Vector::splat(ONE) - self.change) & outside);
        let give = self.give - (self.give & outside);
        let more = (missing.times(change) - self.total.times(give)).narrow::<30, 2>();
        self.bring(self.total + more, Vector::splat(-1));
    }

    #[inline(always)]
    fn relax(&mut self, far: Vector, rate: Vector) {
        let missing = Vector::splat(0) - nearing(self.apart(), far, rate) - self.speed();
        self.bring(self.total + missing, Vector::splat(-1));
        self.sum = self.sum.plus(self.total);
    }

    #[inline(always)]
    fn bounce(&mut self) {
        let zero = Vector::splat(0);
        let those = self.bounce.min(self.sum).above(zero).of_ones();
        let missing = self.bounce - self.speed();
        let change = self.bring(self.total + missing, those);
        self.sum = self.sum.plus(change.max(zero));
    }

    #[inline(always)]
    fn advance(&mut self, movers: &Movers) {
        for side in [&mut self.a, &mut self.b] {
            for axis in 0..2 {
                side.offset[axis] = side.offset[axis].plus(movers.ways(side.velocity[axis]));
                self.seen = self.seen | side.offset[axis].abs().shr::<1>();
            }
        }
    }
}

/// The speed at which what is apart may come as near as to touch.
#[inline(always)]
fn nearing(apart: Vector, far: Vector, rate: Vector) -> Vector {
    apart.max(Vector::splat(0)).min(far).times(rate).floor::<4, 28>()
}
