//! `Base`, where the search for contacts sees a body: what creeps is seen where it was, for as long as it is near, and
//! how far it went since is added to the distances of its contacts.
//!
//! So how two outlines lie on each other is found out only now and then (as Box2D 3.2 "recycles" contacts, Catto; there
//! it is remembered of pairs of shapes, here of bodies). It is a part of the state: what is remembered besides follows
//! from it.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::blueprint::{Blueprints, Brief};
use super::bundle::{one_flags, one_kind};
use super::lanes::{Vector, WIDTH};
use super::rot::Rot;
use super::spot::CHAINED;
use super::state::{ALIVE, ASLEEP, BULLET, COMPOUND, DYNAMIC, State, is_moving};
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(16))]
pub(crate) struct Lag {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) turn: i32,
    /// Sixteen bytes are written at once.
    unused: i32,
}

impl Lag {
    pub(crate) const NONE: Self = Self { x: 0, y: 0, turn: 0, unused: 0 };

    /// Of a body that is at `to`; a turn of more than a right angle is the greatest there is.
    #[inline(always)]
    pub(crate) fn of(from: Base, to: Base) -> Self {
        let turn = from.rot.to(to.rot);
        Self {
            x: to.at.x.to_bits().saturating_sub(from.at.x.to_bits()),
            y: to.at.y.to_bits().saturating_sub(from.at.y.to_bits()),
            turn: if turn.cos > 0 { turn.sin } else { i32::MAX },
            unused: 0,
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
        (kind_may_lag(brief) && lag.is_small(brief.reach)).then_some(lag)
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
        // All of them, without a question in between.
        self.flags.iter().fold(0, |any, flags| any | flags) & BULLET != 0
    }

    /// Sees bodies where they are that went too far, and all where there are bullets; `lags` gets how far the others
    /// went, by slot, if there are some. Discs, and what does not move, are seen where they are by whoever asks.
    #[inline(never)]
    pub(crate) fn settle_bases(&mut self, lags: &mut Vec<Lag>) {
        lags.clear();
        lags.reserve(self.slots());
        if !self.blueprints.has_outlines() {
            return;
        }
        if self.has_bullets() {
            (0..self.slots()).for_each(|slot| self.bases[slot] = self.pose(slot));
            return;
        }
        self.settle_eights(lags);
        for slot in self.slots() / WIDTH * WIDTH..self.slots() {
            if !is_settled(&self.blueprints, self.flags[slot], self.kinds[slot]) {
                continue;
            }
            match self.lag(slot) {
                Some(lag) => lags_at(lags, self.flags.len())[slot] = lag,
                None => self.bases[slot] = self.pose(slot),
            }
        }
    }

    /// Does it for as many times eight bodies as there are.
    fn settle_eights(&mut self, lags: &mut Vec<Lag>) {
        let slots = self.slots();
        let Self { positions, rotations, bases, flags, kinds, blueprints, .. } = self;
        let places = positions.as_chunks().0.iter().zip(rotations.as_chunks().0);
        let what = flags.as_chunks().0.iter().zip(kinds.as_chunks().0);
        let all = places.zip(what).zip(bases.as_chunks_mut().0);
        for (number, (((positions, rotations), (flags, kinds)), bases)) in all.enumerate() {
            // What is not looked at here need not be in the cache.
            if is_any_settled(blueprints, flags, kinds) {
                let lags = &mut lags_at(lags, slots).as_chunks_mut().0[number];
                settle_eight((positions, rotations), (blueprints, flags, kinds), bases, lags);
            }
        }
    }
}

/// How far bodies went, by slot, of so many; at first none.
fn lags_at(lags: &mut Vec<Lag>, slots: usize) -> &mut [Lag] {
    if lags.is_empty() {
        lags.resize(slots, Lag::NONE);
    }
    lags
}

/// Whether where a body is seen is kept up to date: it moves, and is not all one disc.
#[inline(always)]
fn is_settled(blueprints: &Blueprints, flags: u8, kind: u16) -> bool {
    let has_sides = blueprints.try_brief(kind).is_some_and(|brief| brief.count > 1);
    is_moving(flags) & ((flags & COMPOUND != 0) | has_sides)
}

/// Whether one of eight bodies is.
#[inline(always)]
fn is_any_settled(blueprints: &Blueprints, flags: &[u8; WIDTH], kinds: &[u16; WIDTH]) -> bool {
    if let (Some(flags), Some(kind)) = (one_flags(flags), one_kind(kinds)) {
        return is_settled(blueprints, flags, kind);
    }
    let all = flags.iter().zip(kinds);
    all.fold(false, |any, (&flags, &kind)| any | is_settled(blueprints, flags, kind))
}

/// What [`State::settle_bases`] does with eight bodies.
#[inline(always)]
fn settle_eight(
    (positions, rotations): (&[Vec2; WIDTH], &[Rot; WIDTH]),
    (blueprints, flags, kinds): (&Blueprints, &[u8; WIDTH], &[u16; WIDTH]),
    bases: &mut [Base; WIDTH],
    lags: &mut [Lag; WIDTH],
) {
    let ([x, y], [cos, sin]) = (Vector::of_twos(positions), Vector::of_twos(rotations));
    let [base_x, base_y, base_cos, base_sin] = Vector::of_fours(bases);
    let (zero, most) = (Vector::splat(0), Vector::splat(LAG_MAX));
    // What went farther goes only so far here, which is too far still.
    let beyond = Vector::splat(LAG_MAX + 1);
    let way = [x.minus(base_x).within(beyond), y.minus(base_y).within(beyond)];
    let stays = x.equals(base_x) & y.equals(base_y) & cos.equals(base_cos) & sin.equals(base_sin);
    let far = way[0].abs().max(way[1].abs()).above(most).of_ones();
    let mut lag = [zero; 3];
    let mut keeps = zero;
    if (far | stays).signs() != (1 << WIDTH) - 1 {
        let (reach, may) = reaches(blueprints, flags, kinds);
        let base = [base_cos, base_sin];
        let (to_cos, turn) = (
            Vector::dot(base, [cos, sin]).narrow::<30, 2>(),
            Vector::cross(base, [cos, sin]).narrow::<30, 2>(),
        );
        let turned = turn.within(Vector::splat(TURN_MAX.cast_signed() + 1)).abs();
        // Less than one step farther than a point may be.
        let swings = beyond.times(Vector::splat(1 << UNIT_BITS)).above(turned.times(reach)).of_ones();
        let near =
            swings & turned.above(Vector::splat(TURN_MAX.cast_signed())).keep(to_cos.above(zero).of_ones());
        keeps = (far | stays).equals(zero) & may & near;
        lag = [way[0] & keeps, way[1] & keeps, turn & keeps];
    }
    let pose_or = |base: Vector, pose: Vector| zero.above(keeps).select(base, pose);
    let seen = [pose_or(base_x, x), pose_or(base_y, y), pose_or(base_cos, cos), pose_or(base_sin, sin)];
    Vector::put_fours(seen, bases);
    Vector::put_fours([lag[0], lag[1], lag[2], zero], lags);
}

/// How far the outlines of bodies reach, and all ones for those that may be seen where they were.
#[inline(always)]
fn reaches(blueprints: &Blueprints, flags: &[u8; WIDTH], kinds: &[u16; WIDTH]) -> (Vector, Vector) {
    let (mut reach, mut may) = ([0; WIDTH], [0; WIDTH]);
    for lane in 0..WIDTH {
        if let Some(brief) = blueprints.try_brief(kinds[lane]) {
            reach[lane] = brief.reach;
            may[lane] = -i32::from(may_lag(flags[lane]) & kind_may_lag(brief));
        }
    }
    (Vector::of(&reach), Vector::of(&may))
}

/// Whether a body of the kind may be seen where it was.
#[inline(always)]
const fn kind_may_lag(brief: &Brief) -> bool {
    // What is beside a segment of a chain is turned as the body is.
    brief.count > 1 && brief.traits & CHAINED == 0
}

#[cfg(test)]
mod tests {
    use super::{Base, LAG_MAX, Lag, is_settled};
    use crate::physics::rot::Rot;
    use crate::physics::state::State;
    use crate::{Angle, BodyDesc, Fx, Pcg32, Vec2, WorldDesc};

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
            (0..state.slots()).map(|slot| lags.get(slot).map_or(0, |lag| lag.x)).collect::<Vec<_>>()
        };
        assert_eq!(creep(&mut state), [200, 0, 0, 0]);
        assert_eq!(creep(&mut state), [400, 0, 0, 0]);
        assert_eq!(creep(&mut state), [0; 4], "it is seen anew");
        assert_eq!(creep(&mut state), [200, 0, 0, 0]);
        state.add(&rect.bullet());
        assert_eq!(creep(&mut state), [0; 5]);
    }

    /// Bodies of all kinds that went and turned nothing, a little, far, or beyond what can be told.
    #[test]
    fn eight_at_once_are_seen_as_one_by_one() {
        let (mut kept, mut left) = (0, 0);
        for round in 0..3_000 {
            let mut rng = Pcg32::new(3, round);
            let mut state = State::new(WorldDesc { walls: false, ..WorldDesc::default() });
            for _ in 0..8 {
                let body = match rng.below(6) {
                    0 => BodyDesc::circle(Fx::ONE),
                    1 => BodyDesc::rect(Vec2::splat(Fx::ONE)).kinematic(),
                    2 => BodyDesc::capsule(Fx::from_int(1 + rng.below(900) as i32), Fx::HALF),
                    _ => BodyDesc::rect(Vec2::splat(Fx::from_ratio(1 + rng.below(900) as i32, 90))),
                };
                state.add(&body.turned(Angle(rng.below(1 << 16) as u16)));
            }
            let mut some = |most: u32| match rng.below(8) {
                0 => 0,
                1 => LAG_MAX + rng.below(3) as i32 - 1,
                2 => i32::MIN,
                3 => rng.next_u32().cast_signed(),
                _ => rng.below(2 * most).cast_signed() - most as i32,
            };
            for slot in 0..8 {
                let place = &mut state.positions[slot];
                (place.x, place.y) = (Fx::from_bits(some(1 << 9)), Fx::from_bits(some(1 << 9)));
                let from = Vec2::new(Fx::from_bits(some(1 << 9)), Fx::ZERO);
                (state.bases[slot].at.x, state.bases[slot].at.y) = (from.x, from.y);
                state.rotations[slot] =
                    state.rotations[slot].turned((some(1 << 23) >> 1).clamp(-(1 << 30), 1 << 30));
            }
            let lags: Vec<_> = (0..8).map(|slot| state.lag(slot)).collect();
            let bases: Vec<_> = (0..8).map(|slot| state.base(slot)).collect();
            let mut together = Vec::new();
            state.settle_bases(&mut together);
            for slot in 0..8 {
                let lag = together.get(slot).copied().unwrap_or(Lag::NONE);
                assert_eq!(lag, lags[slot].unwrap_or(Lag::NONE), "{round}");
                if is_settled(&state.blueprints, state.flags[slot], state.kinds[slot]) {
                    assert_eq!(state.bases[slot], bases[slot], "{round}");
                }
            }
            kept += lags.iter().flatten().count();
            left += lags.iter().filter(|lag| lag.is_none()).count();
        }
        assert!(kept > 1_000 && left > 1_000, "{kept} {left}");
    }
}
