//! `Swing`, a part of a body that goes round so fast that it could jump over a bullet within one step.

use alloc::vec::Vec;

use super::cast::{Sweep, WHOLE, axis};
use super::hull::Hull;
use super::joint_solver::turned_by;
use super::pairs::Apart;
use super::proxy::Proxy;
use super::query::wide;
use super::rot::Rot;
use super::state::{BULLET, State, is_moving, turned};
use crate::{Fx, Vec2};

/// Into so many parts a turn is cut at most.
const CUTS_MAX: i64 = 64;

/// A part of a body whose farthest point goes round by more than the part is wide in a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Swing {
    slot: u16,
    sub: u16,
    /// The turn of the step, in 1/2²⁴ of a radian.
    turn: i32,
    /// From the middle of the body to the middle of the part, in the body.
    lever: Vec2,
    /// The farthest point from the middle of the body, and how far it goes round; in bits.
    arm: i64,
    tip: i64,
    /// Half of its width where it is thinnest.
    thin: i64,
}

/// What a bullet is that may be met.
#[derive(Clone, Copy)]
pub(crate) struct Shot<'a> {
    pub(crate) shape: &'a Proxy,
    pub(crate) hull: &'a Hull,
    pub(crate) thin: i32,
    pub(crate) way: Vec2,
}

impl Swing {
    /// Lists those of all bodies but bullets in a step, by slot and number.
    pub(crate) fn list_all(state: &State, found: &mut Vec<Self>) {
        found.clear();
        found.reserve(state.slots() + state.extras.len());
        let tick = state.desc.tick_seconds();
        for (slot, motion) in state.motions.iter().enumerate() {
            let flags = state.flags[slot];
            if motion.spin == 0 || flags & BULLET != 0 || !is_moving(flags) {
                continue;
            }
            let turn = ((i64::from(motion.spin) * tick) >> 28).clamp(-(1 << 30), 1 << 30);
            for sub in 0..=state.extras_of(slot).len() as u16 {
                let Some(kind) = state.part(slot, sub) else { continue };
                let lever = kind.extent.centroid - state.masses[slot].centre;
                let reach = if kind.hull.count > 1 { kind.hull.reach } else { 0 };
                let around = i64::from(lever.length().to_bits()) + i64::from(reach);
                let tip = (turn.abs() * around) >> 24;
                let part = &kind.blueprint.part;
                let thin = i64::from(kind.hull.half.0.min(kind.hull.half.1));
                if tip <= 2 * thin || tip == 0 || part.sensor || part.material.one_way {
                    continue;
                }
                let arm = i64::from(lever.length().to_bits()) + i64::from(kind.hull.reach);
                found.push(Self { slot: slot as u16, sub, turn: turn as i32, lever, arm, tip, thin });
            }
        }
    }

    /// When a shape of a bullet comes as near as `gap` to it in a step, as a part of the step below `most`, and how far
    /// the bullet goes in the step if it is swept along from then on. Nothing if they are so near from the start.
    ///
    /// The turn is cut into parts in which the farthest point goes no farther than half of what both are wide, and
    /// in each of them the bullet is swept past the shape as it is turned at the end of it.
    pub(crate) fn meet(
        &self,
        state: &State,
        (starts, apart): (&[Vec2], Apart),
        shot: Shot,
        (gap, most): (i64, i64),
    ) -> Option<(i64, Vec2)> {
        let Shot { shape, hull, thin, way } = shot;
        let slot = usize::from(self.slot);
        let kind = state.part(slot, self.sub)?;
        let filter = state.blueprints.brief(shape.kind).filter;
        let width = i64::from(thin) + self.thin;
        if self.slot == shape.slot
            || self.tip <= width
            || !filter.meets(kind.blueprint.part.filter)
            || !self.is_near(state, starts, shape, way)
            || apart.has(shape.slot, self.slot)
        {
            return None;
        }
        let cuts = (2 * self.tip / width.max(1) + 1).min(CUTS_MAX);
        let (end, from) = (state.rotations[slot], starts[slot]);
        let went = state.positions[slot] - from;
        let rot = |cut: i64| {
            let left = i64::from(self.turn) * (cuts - cut) / cuts;
            turned_by(end, -(left as i32))
        };
        let part_of = |way: Vec2, cut: i64| {
            let part = |way: Fx| i64::from(way.to_bits()) * cut / cuts;
            (part(way.x), part(way.y))
        };
        let plus = |one: (i64, i64), other: (i64, i64)| (one.0 + other.0, one.1 + other.1);
        let start = (i64::from(shape.x), i64::from(shape.y));
        let seen = way - went;
        let sub_way = part_of(seen, 1);
        let mut before = rot(0);
        for cut in 0..cuts {
            // As the body sees it: only the bullet moves.
            let here = plus(start, part_of(seen, cut));
            let after = rot(cut + 1);
            if cut == 0 && self.out(&kind.hull, before, hull, (from, here)) <= gap {
                return None;
            }
            let sweep = Sweep { hull, from: here, way: sub_way };
            let met =
                sweep.meet(&kind.hull.turned(after), wide(from + turned(after, self.lever)), gap, WHOLE);
            if let Some(met) = met {
                let (part, turn) = if met.at_once { (0, before) } else { (met.part, after) };
                let whole = ((cut << 30) + part) / cuts;
                let place = if met.at_once { here } else { sweep.at(part) };
                let lever = (place.0 - wide(from).0, place.1 - wide(from).1);
                let carried = turn.to(end).apply(lever.0, lever.1);
                let end = plus(plus(wide(from), wide(went)), carried);
                let goes = Vec2::new(Fx::from_wide(end.0 - start.0), Fx::from_wide(end.1 - start.1));
                return (whole < most).then_some((whole, goes));
            }
            before = after;
        }
        None
    }

    /// How far the part, turned so, is out of an outline at a place.
    fn out(&self, own: &Hull, rot: Rot, hull: &Hull, (body, place): (Vec2, (i64, i64))) -> i64 {
        let at = wide(body + turned(rot, self.lever));
        let short = |part: i64| part.clamp(-(1 << 30), 1 << 30) as i32;
        axis(hull, &own.turned(rot), (short(at.0 - place.0), short(at.1 - place.1))).1
    }

    /// Whether the way of a bullet comes into the square around all that it may reach.
    fn is_near(&self, state: &State, starts: &[Vec2], shape: &Proxy, way: Vec2) -> bool {
        let slot = usize::from(self.slot);
        let (from, to) = (wide(starts[slot]), wide(state.positions[slot]));
        let (start, way) = ((i64::from(shape.x), i64::from(shape.y)), wide(way));
        let reach = self.arm + i64::from(shape.reach) + 1;
        let meets = |from: i64, to: i64, start: i64, way: i64| {
            start + way.min(0) <= from.max(to) + reach && start + way.max(0) >= from.min(to) - reach
        };
        meets(from.0, to.0, start.0, way.0) && meets(from.1, to.1, start.1, way.1)
    }
}
