//! `Base`, where the search for contacts sees a body: what creeps is seen where it was, for as long as it is near, and
//! how far it went since is added to the distances of its contacts.
//!
//! So how two outlines lie on each other is found out only now and then (as Box2D 3.2 "recycles" contacts, Catto; there
//! it is remembered of pairs of shapes, here of bodies). It is a part of the state: what is remembered besides follows
//! from it.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::rot::Rot;
use super::spot::CHAINED;
use super::state::{ALIVE, ASLEEP, BULLET, COMPOUND, DYNAMIC, State};
use crate::root::UNIT_BITS;
use crate::{Fx, Vec2};

/// How far any point of a body may be from where it is seen, along an axis and by its turn: 1/128 of a unit.
pub(crate) const LAG_MAX: i32 = 1 << 9;

/// How far a body may be turned from how it is seen, however small it is: 1/32 of a radian.
const TURN_MAX: u32 = 1 << 25;

/// By so much more is looked around what may be seen where it was: how far it may be away from there, by both axes and
/// its turn together, is this and a part of the distance at which shapes are about to touch.
pub(crate) const LAG_MARGIN: i32 = LAG_MAX + LAG_MAX / 4;

/// A place and a turn of a body.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, bytemuck::Pod, bytemuck::Zeroable,
)]
#[repr(C)]
pub(crate) struct Base {
    pub(crate) at: Vec2,
    pub(crate) rot: Rot,
}

/// How far a body went from where it is seen, in 1/2¹⁶, and turned, in 1/2³⁰ of a radian.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lag {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) turn: i32,
}

impl Lag {
    pub(crate) const NONE: Self = Self { x: 0, y: 0, turn: 0 };

    /// Of a body that is at `to`; a turn of more than a right angle is the greatest there is.
    #[inline(always)]
    pub(crate) fn of(from: Base, to: Base) -> Self {
        let turn = from.rot.to(to.rot);
        Self {
            x: to.at.x.to_bits().saturating_sub(from.at.x.to_bits()),
            y: to.at.y.to_bits().saturating_sub(from.at.y.to_bits()),
            turn: if turn.cos > 0 { turn.sin } else { i32::MAX },
        }
    }

    /// Whether no point of a body of that reach is farther away, and it is turned no farther, than it may be.
    #[inline(always)]
    pub(crate) fn is_small(self, reach: i32) -> bool {
        let swing = (i64::from(self.turn.unsigned_abs()) * i64::from(reach)) >> UNIT_BITS;
        (self.x.unsigned_abs().max(self.y.unsigned_abs()) <= LAG_MAX.unsigned_abs())
            & (swing <= i64::from(LAG_MAX))
            & (self.turn.unsigned_abs() <= TURN_MAX)
    }
}

/// Whether a body with these flags may be seen where it was, if it is an outline.
#[inline(always)]
pub(crate) const fn may_lag(flags: u8) -> bool {
    flags & (ALIVE | DYNAMIC | ASLEEP | BULLET | COMPOUND) == ALIVE | DYNAMIC
}

impl State {
    /// Where a body is.
    #[inline(always)]
    pub(crate) fn pose(&self, slot: usize) -> Base {
        Base { at: self.positions[slot], rot: self.rotations[slot] }
    }

    /// How far a body went from where it is seen; nothing if it is seen where it is.
    #[inline(always)]
    pub(crate) fn lag(&self, slot: usize) -> Option<Lag> {
        let (pose, base) = (self.pose(slot), self.bases[slot]);
        if pose == base {
            return None;
        }
        // Most of what moves went too far, which is seen without its turn.
        let near = |now: Fx, then: Fx| now.to_bits().abs_diff(then.to_bits()) <= LAG_MAX.unsigned_abs();
        let may = may_lag(self.flags[slot]) & near(pose.at.x, base.at.x) & near(pose.at.y, base.at.y);
        if !may {
            return None;
        }
        let (lag, brief) = (Lag::of(base, pose), self.blueprints.brief(self.kinds[slot]));
        // What is beside a segment of a chain is turned as the body is.
        (brief.count > 1 && brief.traits & CHAINED == 0 && lag.is_small(brief.reach)).then_some(lag)
    }

    /// Where the search for contacts sees a body in the next step, if there are no bullets.
    fn base(&self, slot: usize) -> Base {
        if self.lag(slot).is_some() { self.bases[slot] } else { self.pose(slot) }
    }

    /// Whether the search for contacts sees all bodies where it sees those of another state.
    pub(crate) fn is_seen_as(&self, other: &Self) -> bool {
        (0..self.slots()).all(|slot| self.base(slot) == other.base(slot))
    }

    /// Whether there are bullets that move, or may be hit.
    fn has_bullets(&self) -> bool {
        self.flags.iter().any(|&flags| flags & BULLET != 0)
    }

    /// Sees bodies where they are that went too far, and all where there are bullets; `lags` gets how far the others
    /// went, by slot, if there are some.
    #[inline(never)]
    pub(crate) fn settle_bases(&mut self, lags: &mut Vec<Lag>) {
        lags.clear();
        lags.reserve(self.slots());
        if !self.blueprints.has_outlines() {
            return;
        }
        let bullets = self.has_bullets();
        lags.resize(self.slots(), Lag::NONE);
        for (slot, place) in lags.iter_mut().enumerate() {
            match self.lag(slot) {
                Some(lag) if !bullets => *place = lag,
                _ => self.bases[slot] = self.pose(slot),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Base, LAG_MAX, Lag};
    use crate::physics::rot::Rot;
    use crate::physics::state::State;
    use crate::{BodyDesc, Fx, Vec2, WorldDesc};

    fn moved(x: i32, radians: i32) -> Lag {
        let to = Base { at: Vec2::new(Fx::from_bits(x), Fx::ZERO), rot: Rot::NONE.turned(radians) };
        Lag::of(Base::default(), to)
    }

    #[test]
    fn how_far_something_went_is_seen_at_its_farthest_point() {
        let unit = 1 << 16;
        assert!(moved(LAG_MAX, 0).is_small(unit) && !moved(LAG_MAX + 1, 0).is_small(unit));
        assert!(moved(-LAG_MAX, 0).is_small(unit) && !moved(i32::MIN, 0).is_small(unit));
        // 1/128 of a radian and a little more.
        let turn = 1 << 23;
        assert!(moved(0, turn).is_small(unit) && !moved(0, turn + (1 << 15)).is_small(unit));
        assert!(moved(0, -turn).is_small(unit) && !moved(0, -turn).is_small(2 * unit));
        assert!(moved(0, 4 * turn).is_small(9) && !moved(0, 4 * turn + (1 << 15)).is_small(9));
        let around = Base { rot: Rot { cos: -(1 << 30), sin: 0 }, ..Base::default() };
        assert!(!Lag::of(Base::default(), around).is_small(1));
    }

    /// Boxes that creep are seen where they were, discs and bullets never are, and where a bullet moves nothing is.
    #[test]
    fn what_creeps_is_seen_where_it_was() {
        let rect = BodyDesc::rect(Vec2::splat(Fx::ONE)).density(Fx::ONE);
        let mut state = State::new(WorldDesc::default());
        for body in [rect, BodyDesc::circle(Fx::ONE), rect.kinematic(), rect.fixed()] {
            state.add(&body);
        }
        let (mut lags, step) = (Vec::new(), Fx::from_bits(200));
        let mut creep = |state: &mut State| {
            state.positions.iter_mut().for_each(|at| at.x += step);
            state.settle_bases(&mut lags);
            lags.iter().map(|lag| lag.x).collect::<Vec<_>>()
        };
        assert_eq!(creep(&mut state), [200, 0, 0, 0]);
        assert_eq!(creep(&mut state), [400, 0, 0, 0]);
        assert_eq!(creep(&mut state), [0; 4], "it is seen anew");
        assert_eq!(creep(&mut state), [200, 0, 0, 0]);
        state.add(&rect.bullet());
        assert_eq!(creep(&mut state), [0; 5]);
    }
}
