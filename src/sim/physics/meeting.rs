//! `Meeting`, two shapes that touch or are about to in this step.

use super::hull::P;
use super::islands::SLOW;
use super::manifold::{Manifold, Outline, collide, dot};
use super::pairing::Pairing;
use super::proxy::{MARGIN, NO_HULL, Proxies, Proxy, swung, way_of};
use super::spot::{SENSOR, Spot};
use super::state::{ASLEEP, State};
use crate::Vec2;

/// Two shapes that touch or are about to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meeting {
    pub(crate) a: u16,
    pub(crate) b: u16,
    pub(crate) sub_a: u16,
    pub(crate) sub_b: u16,
    pub(crate) kind_a: u16,
    pub(crate) kind_b: u16,
    pub(crate) sensor: bool,
    /// Whether it ends the sleep of one of them.
    pub(crate) wakes: bool,
    /// Around the centroid of the first shape.
    pub(crate) manifold: Manifold,
    /// From each body's centre of mass to the centroid of the first shape.
    pub(crate) lever_a: P,
    pub(crate) lever_b: P,
}

impl Meeting {
    /// Its key as one number, as that of a [`Pairing`].
    pub(crate) const fn sort_key(&self) -> u64 {
        (self.a as u64) << 48 | (self.b as u64) << 32 | (self.sub_a as u64) << 16 | self.sub_b as u64
    }

    pub(crate) fn pairing(&self) -> Pairing {
        Pairing { a: self.a, b: self.b, sub_a: self.sub_a, sub_b: self.sub_b, ..Pairing::default() }
    }

    /// The least distance of the outlines.
    #[inline(always)]
    pub(crate) fn separation(&self) -> i32 {
        let [first, second] = &self.manifold.points;
        if self.manifold.count > 1 { first.separation.min(second.separation) } else { first.separation }
    }

    /// The meeting of two shapes, the boxes around which touch; nothing if they do not come near.
    #[inline(never)]
    pub(crate) fn of(state: &State, proxies: &Proxies, tick: i64, a: &Proxy, b: &Proxy) -> Option<Self> {
        let (kind_a, kind_b) = (state.blueprints.get(a.kind), state.blueprints.get(b.kind));
        let sensor = (a.traits | b.traits) & SENSOR != 0;
        let margin = if sensor { 0 } else { a.margin + b.margin };
        let offset = (b.x.wrapping_sub(a.x), b.y.wrapping_sub(a.y));
        let manifold = if a.hull == NO_HULL && b.hull == NO_HULL {
            super::manifold::discs(a.radius, b.radius, offset, margin, a.slot ^ b.slot)
        } else {
            let outline = |proxy: &Proxy, own| Outline {
                hull: proxies.hulls.get(proxy.hull as usize).unwrap_or(own),
                ghosts: None,
            };
            let (mut one, mut other) = (outline(a, &kind_a.hull), outline(b, &kind_b.hull));
            one.ghosts = kind_a.ghosts.map(|ghosts| ghosts.turned(state.rotations[usize::from(a.slot)]));
            other.ghosts = kind_b.ghosts.map(|ghosts| ghosts.turned(state.rotations[usize::from(b.slot)]));
            collide(one, other, offset, margin, a.slot ^ b.slot)
        };
        if manifold.count == 0 {
            return None;
        }
        let (lever_a, lever_b) = (proxies.lever(state, a), proxies.lever(state, b));
        let mut meeting = Self {
            a: a.slot,
            b: b.slot,
            sub_a: a.sub,
            sub_b: b.sub,
            kind_a: a.kind,
            kind_b: b.kind,
            sensor,
            wakes: false,
            manifold,
            lever_a: (lever_a.x.to_bits(), lever_a.y.to_bits()),
            lever_b: (
                lever_b.x.to_bits().saturating_sub(offset.0),
                lever_b.y.to_bits().saturating_sub(offset.1),
            ),
        };
        if sensor || meeting.comes_near(state, tick, (a, b), (lever_a, lever_b)) {
            Some(meeting)
        } else {
            None
        }
    }

    /// The meeting of two discs that both move; nothing if they do not come near.
    #[inline(always)]
    pub(crate) fn of_discs(state: &State, a: &Spot, b: &Spot) -> Option<Self> {
        let offset = (b.x.wrapping_sub(a.x), b.y.wrapping_sub(a.y));
        let manifold = super::manifold::discs(a.radius, b.radius, offset, i32::MAX / 2, a.shape ^ b.shape);
        let (way_x, way_y) = (b.way_x - a.way_x, b.way_y - a.way_y);
        let way = (-dot(manifold.normal, way_x, way_y)).max(0);
        if i64::from(manifold.points[0].separation) - way > i64::from(MARGIN) {
            return None;
        }
        Some(Self {
            a: a.shape,
            b: b.shape,
            sub_a: 0,
            sub_b: 0,
            kind_a: state.kinds[usize::from(a.shape)],
            kind_b: state.kinds[usize::from(b.shape)],
            sensor: false,
            wakes: false,
            manifold,
            lever_a: (0, 0),
            lever_b: (offset.0.wrapping_neg(), offset.1.wrapping_neg()),
        })
    }

    /// Whether they touch in this tick, or nearly. Also finds out whether that wakes one of them.
    #[inline]
    fn comes_near(
        &mut self,
        state: &State,
        tick: i64,
        (a, b): (&Proxy, &Proxy),
        levers: (Vec2, Vec2),
    ) -> bool {
        let separation = self.separation();
        let one = swung(a.flags, state.motions[usize::from(a.slot)], levers.0);
        let other = swung(b.flags, state.motions[usize::from(b.slot)], levers.1);
        let (x, y) = (other.x.saturating_sub(one.x), other.y.saturating_sub(one.y));
        let mut approach = -dot(self.manifold.normal, x, y);
        let spins = one.spin | other.spin;
        if spins != 0 {
            let swing = |spin: i32, kind: u16| {
                let hull = &state.blueprints.get(kind).hull;
                (i64::from(spin.unsigned_abs()) * i64::from(hull.reach)) >> 16
            };
            approach += swing(one.spin, a.kind) + swing(other.spin, b.kind);
        }
        let way = way_of(approach.clamp(0, i64::from(i32::MAX)) as i32, tick);
        let gap = i64::from(separation) - way;
        let sleeps = (a.flags | b.flags) & ASLEEP != 0;
        self.wakes =
            sleeps && (approach > i64::from(SLOW) && gap <= i64::from(MARGIN) || separation < -MARGIN);
        gap <= i64::from(MARGIN)
    }
}
