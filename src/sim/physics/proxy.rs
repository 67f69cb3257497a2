//! `Proxy`, a shape of a body as the search for contacts sees it.

use alloc::vec::Vec;

use super::blueprint::Kind;
use super::hull::Hull;
use super::rot::Rot;
use super::state::{ALIVE, COMPOUND, SPEED_BITS, State, is_moving, turned};
use crate::Vec2;

/// Distance at which two shapes are about to touch: 0.02 of a unit, in bits.
pub(crate) const MARGIN: i32 = 1_311;
/// A disc has no hull of its own.
pub(crate) const NO_HULL: u32 = u32::MAX;

/// A shape of a body as the search for contacts sees it. Lengths in bits of `Fx`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Proxy {
    /// Its centroid.
    pub(crate) x: i32,
    pub(crate) y: i32,
    /// Half the size of the box around it, grown by the margin.
    pub(crate) half_x: i32,
    pub(crate) half_y: i32,
    /// The part of its way that is looked ahead, and what is about to touch.
    pub(crate) margin: i32,
    /// How far it may go in this tick.
    pub(crate) way: i32,
    /// The turned outline, or [`NO_HULL`].
    pub(crate) hull: u32,
    pub(crate) slot: u16,
    pub(crate) sub: u16,
    pub(crate) kind: u16,
    /// Those of the body.
    pub(crate) flags: u8,
}

impl Proxy {
    /// Whether the boxes around two shapes touch.
    #[inline]
    pub(crate) fn touches(&self, other: &Self) -> bool {
        let x = self.x.abs_diff(other.x) <= (self.half_x + other.half_x).unsigned_abs();
        let y = self.y.abs_diff(other.y) <= (self.half_y + other.half_y).unsigned_abs();
        x && y && (self.hull & other.hull != NO_HULL || self.reaches(other))
    }

    /// Whether two discs may touch.
    #[inline]
    fn reaches(&self, other: &Self) -> bool {
        let (x, y) = (u64::from(self.x.abs_diff(other.x)), u64::from(self.y.abs_diff(other.y)));
        let reach = u64::from((self.half_x + other.half_x).unsigned_abs());
        x * x + y * y <= reach * reach
    }

    /// The lower left and upper right corner of the box around it.
    pub(crate) fn corners(&self) -> ([i32; 2], [i32; 2]) {
        (
            [self.x.saturating_sub(self.half_x), self.y.saturating_sub(self.half_y)],
            [self.x.saturating_add(self.half_x), self.y.saturating_add(self.half_y)],
        )
    }
}

/// The shapes of all bodies, by slot and number.
#[derive(Debug, Default)]
pub(crate) struct Proxies {
    pub(crate) list: Vec<Proxy>,
    /// Outlines as they are turned in the world, around their centroids.
    pub(crate) hulls: Vec<Hull>,
}

impl Proxies {
    /// Those of a state; `tick` is the time for which margins have to do, in 1/2³² of a second.
    pub(crate) fn fill(&mut self, state: &State, tick: i64) {
        self.list.clear();
        self.hulls.clear();
        for slot in 0..state.slots() {
            let flags = state.flags[slot];
            if flags & ALIVE == 0 {
                continue;
            }
            let kind = state.kinds[slot];
            self.push(state, slot, (0, kind), tick);
            if flags & COMPOUND != 0 {
                for (sub, extra) in (1..).zip(state.extras_of(slot)) {
                    self.push(state, slot, (sub, extra.kind), tick);
                }
            }
        }
    }

    #[inline]
    fn push(&mut self, state: &State, slot: usize, (sub, kind_index): (u16, u16), tick: i64) {
        let (flags, rot) = (state.flags[slot], state.rotations[slot]);
        let kind = state.blueprints.get(kind_index);
        let (half_x, half_y, hull) = self.outline(kind, rot);
        let mut centre = state.positions[slot];
        if flags & COMPOUND != 0 {
            centre += turned(rot, kind.extent.centroid - state.masses[slot].centre);
        }
        let (mut margin, mut way) = (0, 0);
        if is_moving(flags) {
            let motion = state.motions[slot];
            let fastest = i64::from(motion.x.unsigned_abs().max(motion.y.unsigned_abs()));
            let swing =
                (i64::from(motion.spin.unsigned_abs()) * i64::from(kind.hull.reach - kind.hull.radius)) >> 16;
            way = (((fastest + swing).min(i64::from(i32::MAX)) * tick) >> (SPEED_BITS - 16 + 32)) as i32;
            margin = way.min(half_x.min(half_y).max(MARGIN)) + MARGIN;
        }
        self.list.push(Proxy {
            x: centre.x.to_bits(),
            y: centre.y.to_bits(),
            half_x: half_x + margin,
            half_y: half_y + margin,
            margin,
            way,
            hull,
            slot: slot as u16,
            sub,
            kind: kind_index,
            flags,
        });
    }

    #[inline]
    fn outline(&mut self, kind: &Kind, rot: Rot) -> (i32, i32, u32) {
        let hull = &kind.hull;
        if hull.count <= 1 {
            return (hull.half.0, hull.half.1, NO_HULL);
        }
        let index = self.hulls.len() as u32;
        self.hulls.push(*hull);
        if rot == Rot::NONE {
            return (hull.half.0, hull.half.1, index);
        }
        let turned = &mut self.hulls[index as usize];
        let half = turned.turn(rot);
        (half.0, half.1, index)
    }

    /// Where the centroid of a shape is from the centre of mass of its body.
    pub(crate) fn lever(&self, state: &State, proxy: &Proxy) -> Vec2 {
        if proxy.flags & COMPOUND == 0 {
            return Vec2::ZERO;
        }
        let at = Vec2::new(crate::Fx::from_bits(proxy.x), crate::Fx::from_bits(proxy.y));
        at - state.positions[usize::from(proxy.slot)]
    }
}
