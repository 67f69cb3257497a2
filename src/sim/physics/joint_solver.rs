//! Joints as rows: every kind is at most four directions in which two bodies are held, driven or pulled.

use alloc::vec::Vec;

use super::hull::P;
use super::joints::{Joint, ROWS_MAX};
use super::motion::Movers;
use super::rot::Rot;
use super::row::{ARM_MAX, Row, Velocity};
use super::softness::Softness;
use super::state::{Mass, State, is_moving};
use super::{JointKind, Motor};
use crate::fx::clamp_to_i32;
use crate::root::polar;
use crate::{Fx, Vec2};

const X: P = (1 << 30, 0);
const Y: P = (0, 1 << 30);
const NONE: P = (0, 0);
/// Joints swing back to where they belong so often per second, at most.
const HERTZ: Fx = Fx::from_int(60);
/// Half a radian in a substep, in 1/2⁵²: of what turns faster the bend is not made up for.
const BEND_BITS: u32 = 51;
/// They come back at this speed at most.
const RETURN_MAX: i64 = 100 << 20;

/// A direction in which a joint holds its bodies.
#[derive(Clone, Copy, Debug)]
struct JointRow {
    a: u32,
    b: u32,
    direction: P,
    row: Row,
    /// How far it is from where it belongs, in 1/2²⁴.
    off: i64,
    /// The speed that the anchors' turning in this substep will be worth: half of their pull inwards.
    bend: i64,
    /// The speed that it is driven at.
    speed: i64,
    softness: Softness,
    /// Whether it gives way in the second pass as well.
    spring: bool,
    low: i32,
    high: i32,
    /// Whether it holds only beyond its end, and may come as near as that.
    limit: bool,
    joint: u32,
    number: u8,
}

/// The joints of a step.
#[derive(Debug, Default)]
pub(crate) struct JointSolver {
    rows: Vec<JointRow>,
    /// By joint, how hard its rows pull.
    totals: Vec<[i32; ROWS_MAX]>,
    stiff: Softness,
    rate: i64,
    substep: i64,
}

/// Where the two bodies of a joint are now.
struct Ends<'a> {
    joint: &'a Joint,
    /// Their numbers among those that are solved.
    bodies: (u32, u32),
    masses: (&'a Mass, &'a Mass),
    rot_a: Rot,
    rot_b: Rot,
    /// The anchors around the centres of mass, turned, in 1/2¹⁶.
    arm_a: P,
    arm_b: P,
    /// From the first anchor to the second, in 1/2²⁴.
    apart: (i64, i64),
    velocities: (Velocity, Velocity),
}

fn cross(arm: P, direction: P) -> i32 {
    let wide = i64::from(arm.0) * i64::from(direction.1) - i64::from(arm.1) * i64::from(direction.0);
    ((wide + (1 << 29)) >> 30).clamp(-ARM_MAX, ARM_MAX) as i32
}

fn along(direction: P, (x, y): (i64, i64)) -> i64 {
    ((i128::from(direction.0) * i128::from(x) + i128::from(direction.1) * i128::from(y)) >> 30) as i64
}

impl JointSolver {
    pub(crate) fn begin(&mut self, state: &State, rate: i64, substep: i64) {
        self.rows.clear();
        self.totals.clear();
        self.totals.extend(state.joints.iter().map(|(_, joint)| joint.totals));
        (self.rate, self.substep) = (rate, substep);
        let hertz = Fx::from_ratio(rate as i32, 4).min(HERTZ);
        self.stiff = Softness::new(hertz, Fx::from_int(2), substep);
    }

    /// The rows for the bodies where they are now.
    pub(crate) fn prepare(&mut self, state: &State, movers: &mut Movers) {
        let border = Mass::default();
        self.rows.clear();
        for (index, (_, joint)) in (0..).zip(state.joints.iter()) {
            let (a, b) = (usize::from(joint.a), usize::from(joint.b));
            if !is_moving(state.flags[a]) && !is_moving(state.flags[b]) {
                continue;
            }
            let bodies = (movers.enter(state, joint.a), movers.enter(state, joint.b));
            let (velocities, offsets) = (&movers.velocities, &movers.offsets);
            let place = |slot: usize, index: u32, anchor: Vec2| {
                let offset = offsets[index as usize];
                let rot = turned_by(state.rotations[slot], offset.turn);
                let arm = super::state::turned(rot, anchor - state.masses[slot].centre);
                let arm = (arm.x.to_bits(), arm.y.to_bits());
                let fine = |at: Fx, offset: i32, arm: i32| {
                    ((i64::from(at.to_bits()) + i64::from(arm)) << 8) + i64::from(offset)
                };
                let at = state.positions[slot];
                (rot, arm, (fine(at.x, offset.x, arm.0), fine(at.y, offset.y, arm.1)))
            };
            let (rot_b, arm_b, at_b) = place(b, bodies.1, joint.anchor_b);
            let (rot_a, arm_a, at_a, mass_a) = if let JointKind::Mouse { target, .. } = joint.kind {
                let fine = |at: Fx| i64::from(at.to_bits()) << 8;
                (Rot::NONE, NONE, (fine(target.x), fine(target.y)), &border)
            } else {
                let (rot, arm, at) = place(a, bodies.0, joint.anchor_a);
                (rot, arm, at, &state.masses[a])
            };
            let apart = (at_b.0 - at_a.0, at_b.1 - at_a.1);
            let still = matches!(joint.kind, JointKind::Mouse { .. });
            let of_a = if still { Velocity::default() } else { velocities[bodies.0 as usize] };
            let both = (of_a, velocities[bodies.1 as usize]);
            let ends = Ends {
                joint,
                bodies,
                masses: (mass_a, &state.masses[b]),
                rot_a,
                rot_b,
                arm_a,
                arm_b,
                apart,
                velocities: both,
            };
            self.add(index, &ends);
        }
    }

    fn add(&mut self, index: u32, ends: &Ends) {
        match ends.joint.kind {
            JointKind::Rod { length } => self.stretch(index, ends, length, self.stiff, false),
            JointKind::Rope { length } => {
                self.stretch(index, ends, length, self.stiff, false);
                if let Some(row) = self.rows.last_mut() {
                    (row.direction, row.off, row.limit, row.low) = (minus(row.direction), -row.off, true, 0);
                    row.bend = -row.bend;
                    (row.row.arm_a, row.row.arm_b) = (-row.row.arm_a, -row.row.arm_b);
                    row.row.turn_spins();
                    row.row.total = row.row.total.max(0);
                }
            }
            JointKind::Spring { length, hertz, damping_ratio } => {
                let softness = Softness::new(
                    hertz.min(Fx::from_ratio(self.rate as i32, 4)),
                    damping_ratio,
                    self.substep,
                );
                self.stretch(index, ends, length, softness, true);
            }
            JointKind::Revolute { limits, motor } => {
                self.hold_point(index, ends, self.stiff, None);
                let (row, ease) = Row::angular(ends.masses.0, ends.masses.1);
                self.drive(index, ends, (NONE, row), motor, |motor| ease.speed(motor));
                self.limit(index, ends, (NONE, row), limits, ends.turn());
            }
            JointKind::Prismatic { axis, limits, motor } => self.slide(index, ends, axis, limits, motor),
            JointKind::Weld => {
                self.hold_point(index, ends, self.stiff, None);
                let (row, _) = Row::angular(ends.masses.0, ends.masses.1);
                self.push(index, ends, 2, NONE, row, ends.turn());
            }
            JointKind::Mouse { hertz, damping_ratio, force_max, .. } => {
                let softness = Softness::new(
                    hertz.min(Fx::from_ratio(self.rate as i32, 4)),
                    damping_ratio,
                    self.substep,
                );
                self.hold_point(index, ends, softness, Some(force_max));
            }
        }
    }

    fn push(&mut self, index: u32, ends: &Ends, number: u8, direction: P, mut row: Row, off: i64) {
        row.total = self.totals[index as usize][usize::from(number) % ROWS_MAX];
        self.rows.push(JointRow {
            a: ends.bodies.0,
            b: ends.bodies.1,
            direction,
            row,
            off,
            bend: ends.bend(direction, self.substep),
            speed: 0,
            softness: self.stiff,
            spring: false,
            low: i32::MIN,
            high: i32::MAX,
            limit: false,
            joint: index,
            number,
        });
    }

    /// Both directions of a point.
    fn hold_point(&mut self, index: u32, ends: &Ends, softness: Softness, force: Option<Fx>) {
        for (number, direction, off) in [(0, X, ends.apart.0), (1, Y, ends.apart.1)] {
            let (row, ease) = ends.row(direction, ends.arm_a);
            self.push(index, ends, number, direction, row, off);
            let substep = self.substep;
            if let Some(row) = self.rows.last_mut() {
                row.softness = softness;
                if let Some(force) = force {
                    let most = ease.speed((i64::from(force.to_bits()) * substep) >> 16);
                    // What a target pulls, it pulls against the border.
                    (row.low, row.high, row.spring, row.a) = (-most, most, true, 0);
                }
            }
        }
    }

    /// The distance of the anchors.
    fn stretch(&mut self, index: u32, ends: &Ends, length: Fx, softness: Softness, spring: bool) {
        let short = |part: i64| clamp_to_i32(part >> 8);
        let polar = polar(short(ends.apart.0), short(ends.apart.1));
        let direction = if polar.length == 0 { X } else { (polar.unit_x, polar.unit_y) };
        let (row, _) = ends.row(direction, ends.arm_a);
        let off = along(direction, ends.apart) - (i64::from(length.to_bits()) << 8);
        self.push(index, ends, 0, direction, row, off);
        let around = -i128::from(ends.drift(minus_turned(direction)));
        let long = i128::from(polar.length.max(1 << 8));
        // The anchors turn around each other as well.
        let is_fast = around.abs() * i128::from(self.substep) > long << (BEND_BITS - 16);
        let pull = if is_fast { 0 } else { (around * around * i128::from(self.substep) / long) >> 37 };
        if let Some(row) = self.rows.last_mut() {
            (row.softness, row.spring) = (softness, spring);
            row.bend = (i128::from(row.bend) - pull).clamp(-(1 << 30), 1 << 30) as i64;
        }
    }

    fn slide(&mut self, index: u32, ends: &Ends, axis: Vec2, limits: Option<(Fx, Fx)>, motor: Option<Motor>) {
        let local = polar(axis.x.to_bits(), axis.y.to_bits());
        let (x, y) = ends.rot_a.apply(i64::from(local.unit_x), i64::from(local.unit_y));
        let (axis, across) = ((x as i32, y as i32), (-y as i32, x as i32));
        let reach = |part: i64| clamp_to_i32(part >> 8);
        let arm = (
            ends.arm_a.0.saturating_add(reach(ends.apart.0)),
            ends.arm_a.1.saturating_add(reach(ends.apart.1)),
        );
        let (row, _) = ends.row(across, arm);
        self.push(index, ends, 0, across, row, along(across, ends.apart));
        let (turn, _) = Row::angular(ends.masses.0, ends.masses.1);
        self.push(index, ends, 1, NONE, turn, ends.turn());
        let (row, ease) = ends.row(axis, arm);
        self.drive(index, ends, (axis, row), motor, |motor| ease.speed(motor));
        self.limit(index, ends, (axis, row), limits, along(axis, ends.apart));
    }

    fn drive(
        &mut self,
        index: u32,
        ends: &Ends,
        (direction, row): (P, Row),
        motor: Option<Motor>,
        speed: impl Fn(i64) -> i32,
    ) {
        let Some(motor) = motor else { return };
        self.push(index, ends, 2, direction, row, 0);
        let most = speed((i64::from(motor.force_max.to_bits()) * self.substep) >> 16);
        if let Some(row) = self.rows.last_mut() {
            (row.speed, row.low, row.high) = (i64::from(motor.speed.to_bits()) << 4, -most, most);
            // Also one that stands: a brake that gives way creeps.
            row.softness = Softness::RIGID;
        }
    }

    fn limit(
        &mut self,
        index: u32,
        ends: &Ends,
        (direction, row): (P, Row),
        limits: Option<(Fx, Fx)>,
        at: i64,
    ) {
        let Some((low, high)) = limits else { return };
        let (low, high) = (i64::from(low.to_bits()) << 8, i64::from(high.to_bits()) << 8);
        let above = at - low < high - at;
        self.push(index, ends, 3, direction, row, if above { at - low } else { at - high });
        if let Some(row) = self.rows.last_mut() {
            row.limit = true;
            (row.low, row.high) = if above { (0, i32::MAX) } else { (i32::MIN, 0) };
            row.row.total = row.row.total.clamp(row.low, row.high);
        }
    }

    pub(crate) fn warm_start(&self, velocities: &mut [Velocity]) {
        for row in &self.rows {
            row.push(velocities, i64::from(row.row.total));
        }
    }

    /// One pass; `soft` tells whether what is off is brought back.
    pub(crate) fn solve(&mut self, velocities: &mut [Velocity], soft: bool) {
        for row in &mut self.rows {
            let speed =
                row.row.speed(row.direction, &velocities[row.a as usize], &velocities[row.b as usize]);
            let (wanted, softness) = row.wanted(soft, self.rate);
            let missing = i64::from(clamp_to_i32(wanted - speed));
            let total = i64::from(row.row.total);
            let change = (missing * softness.change - total * softness.give + (1 << 29)) >> 30;
            let new = (total + change).clamp(i64::from(row.low), i64::from(row.high));
            row.row.total = new as i32;
            self.totals[row.joint as usize][usize::from(row.number) % ROWS_MAX] = new as i32;
            row.push(velocities, i64::from(clamp_to_i32(new - total)));
        }
    }

    /// Writes down how hard each joint pulls.
    pub(crate) fn store(&self, joints: &mut super::joints::Joints) {
        for (joint, totals) in joints.iter_mut().zip(&self.totals) {
            joint.totals = *totals;
        }
    }
}

/// What a joint gave its second body in the last step, of which its last substep is known: the impulse at its anchor,
/// and around it.
pub(crate) fn impulse_of(state: &State, joint: &Joint) -> (Vec2, Fx) {
    let (substep, substeps) = (state.desc.substep_seconds(), i64::from(state.desc.substeps));
    let rate = i64::from(state.desc.ticks_per_second) * substeps;
    let mut solver =
        JointSolver { totals: alloc::vec![joint.totals], rate, substep, ..JointSolver::default() };
    let ends = Ends::at_rest(state, joint);
    solver.add(0, &ends);
    let mut changes = [Velocity::default(); 2];
    solver.warm_start(&mut changes);
    let (a, b) = ends.masses;
    let (mass, sign, change) = if b.inverse > 0 { (b, 1, &changes[1]) } else { (a, -1, &changes[0]) };
    let inverse = i64::from(mass.inverse.max(1));
    let part = |change: i32| sign * ((i64::from(change) * substeps) << 20) / inverse;
    let (x, y) = (part(change.x), part(change.y));
    let turns = |mass: &Mass| mass.inverse > 0 && mass.inverse_gyration > 0;
    let apart = |apart: i64| clamp_to_i32(apart >> 8);
    let at_b =
        |arm: P| (arm.0.saturating_add(apart(ends.apart.0)), arm.1.saturating_add(apart(ends.apart.1)));
    let (mass, sign, change, arm) = match (turns(b), turns(a)) {
        (true, _) => (b, 1, &changes[1], ends.arm_b),
        (_, true) => (a, -1, &changes[0], at_b(ends.arm_a)),
        _ => return (Vec2::new(Fx::from_wide(x), Fx::from_wide(y)), Fx::ZERO),
    };
    let gyration = i128::from(mass.inverse_gyration);
    let all = ((i128::from(change.spin) * i128::from(substeps)) << 60)
        / (i128::from(mass.inverse) * gyration * gyration);
    let by_arm = (i128::from(arm.0) * i128::from(y) - i128::from(arm.1) * i128::from(x)) >> 16;
    let around = (sign * all - by_arm).clamp(i128::from(i32::MIN), i128::from(i32::MAX));
    (Vec2::new(Fx::from_wide(x), Fx::from_wide(y)), Fx::from_bits(around as i32))
}

const fn minus_turned((x, y): P) -> P {
    (y, -x)
}

const fn minus((x, y): P) -> P {
    (-x, -y)
}

impl JointRow {
    fn push(&self, velocities: &mut [Velocity], change: i64) {
        let (ia, ib) = (self.a as usize, self.b as usize);
        let (mut a, mut b) = (velocities[ia], velocities[ib]);
        self.row.push(self.direction, &mut a, &mut b, change);
        (velocities[ia], velocities[ib]) = (a, b);
    }

    fn wanted(&self, soft: bool, rate: i64) -> (i64, Softness) {
        let back = |softness: &Softness| {
            let wide = (i128::from(-self.off) * i128::from(softness.rate)) >> 20;
            wide.clamp(-i128::from(RETURN_MAX), i128::from(RETURN_MAX)) as i64
        };
        let inside = self.limit && if self.low == 0 { self.off > 0 } else { self.off < 0 };
        if inside {
            (-((self.off.clamp(-(1 << 40), 1 << 40) * rate) >> 4), Softness::RIGID)
        } else if self.softness.rate == 0 || !(soft || self.spring) {
            (self.speed, Softness::RIGID)
        } else {
            (back(&self.softness) + if soft { self.bend } else { 0 }, self.softness)
        }
    }
}

impl<'a> Ends<'a> {
    /// Where the bodies of a joint are between two steps.
    fn at_rest(state: &'a State, joint: &'a Joint) -> Self {
        const BORDER: &Mass = &Mass { inverse: 0, inverse_gyration: 0, centre: Vec2::ZERO };
        let wide = |at: Vec2| (i64::from(at.x.to_bits()) << 8, i64::from(at.y.to_bits()) << 8);
        let place = |slot: u16, anchor: Vec2| {
            let slot = usize::from(slot);
            let (rot, mass) = (state.rotations[slot], &state.masses[slot]);
            let arm = super::state::turned(rot, anchor - mass.centre);
            (mass, rot, (arm.x.to_bits(), arm.y.to_bits()), wide(state.positions[slot] + arm))
        };
        let (mass_a, rot_a, arm_a, at_a) = match joint.kind {
            JointKind::Mouse { target, .. } => (BORDER, Rot::NONE, NONE, wide(target)),
            _ => place(joint.a, joint.anchor_a),
        };
        let (mass_b, rot_b, arm_b, at_b) = place(joint.b, joint.anchor_b);
        let apart = (at_b.0 - at_a.0, at_b.1 - at_a.1);
        let (masses, velocities) = ((mass_a, mass_b), Default::default());
        Self { joint, bodies: (0, 1), masses, rot_a, rot_b, arm_a, arm_b, apart, velocities }
    }

    fn row(&self, direction: P, arm_a: P) -> (Row, super::row::Ease) {
        Row::new(self.masses.0, self.masses.1, cross(arm_a, direction), cross(self.arm_b, direction))
    }

    /// How fast the second anchor moves from the first in a direction, in 1/2²⁰.
    fn drift(&self, direction: P) -> i64 {
        let (row, _) = self.row(direction, self.arm_a);
        row.speed(direction, &self.velocities.0, &self.velocities.1)
    }

    /// Half of what the anchors' turning adds to the speed of the row in a substep, in 1/2²⁰: with it, and with the
    /// rows of the second pass taken at its end, a swing neither gains nor loses (RATTLE; Andersen, 1983). What turns
    /// so far in a substep that an arc is nothing like its tangent would gain by it, and goes without.
    fn bend(&self, direction: P, substep: i64) -> i64 {
        let inward = |spin: i32, arm: P| {
            if i64::from(spin.unsigned_abs()).saturating_mul(substep) > 1 << BEND_BITS {
                return 0;
            }
            let squared = (i64::from(spin) * i64::from(spin)) >> 20;
            let reach =
                (i64::from(direction.0) * i64::from(arm.0) + i64::from(direction.1) * i64::from(arm.1)) >> 30;
            (i128::from(squared) * i128::from(reach)) >> 16
        };
        let pull = inward(self.velocities.1.spin, self.arm_b) - inward(self.velocities.0.spin, self.arm_a);
        ((pull * i128::from(substep)) >> 33).clamp(-(1 << 30), 1 << 30) as i64
    }

    /// How far the second body is turned from where it was, in 1/2²⁴ of a radian.
    fn turn(&self) -> i64 {
        i64::from(self.joint.rest.to(self.rot_a.to(self.rot_b)).radians_24())
    }
}

/// Turned by an angle in 1/2²⁴ of a radian.
pub(crate) fn turned_by(rot: Rot, turn: i32) -> Rot {
    /// A whole turn and the largest angle that is turned at once.
    const TURN: i32 = 105_414_357;
    const AT_ONCE: i32 = 1 << 23;
    if turn != 0 && turn.unsigned_abs() <= AT_ONCE.unsigned_abs() {
        return rot.turned(turn << 6);
    }
    let mut left = turn % TURN;
    let mut rot = rot;
    while left != 0 {
        let now = left.clamp(-AT_ONCE, AT_ONCE);
        rot = rot.turned(now << 6);
        left -= now;
    }
    rot
}
