//! `Meeting`, two shapes that touch or are about to in this step.

use alloc::vec::Vec;

use super::hull::P;
use super::islands::SLOW;
use super::manifold::{Manifold, Outline, collide, corners, dot};
use super::pairing::Pairing;
use super::proxy::{MARGIN, NO_HULL, Proxies, Proxy, swung, way_of};
use super::spot::{CHAINED, SENSOR, Spot};
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
        self.manifold.separation()
    }

    /// The meeting of two shapes, the boxes around which touch; nothing if they do not come near.
    #[inline(never)]
    pub(crate) fn of(state: &State, proxies: &Proxies, tick: i64, a: &Proxy, b: &Proxy) -> Option<Self> {
        Self::between(state, proxies, tick, a, b)
    }

    /// Adds the meeting of two shapes, the boxes around which touch; tells whether they come near.
    #[inline(never)]
    pub(crate) fn find(
        state: &State,
        proxies: &Proxies,
        tick: i64,
        (a, b): (&Proxy, &Proxy),
        found: &mut Vec<Self>,
    ) -> bool {
        let meeting = Self::between(state, proxies, tick, a, b);
        let is_near = meeting.is_some();
        if let Some(meeting) = meeting {
            found.push(meeting);
        }
        is_near
    }

    #[inline(always)]
    fn between(state: &State, proxies: &Proxies, tick: i64, a: &Proxy, b: &Proxy) -> Option<Self> {
        let either = a.traits | b.traits;
        let sensor = either & SENSOR != 0;
        let margin = if sensor { 0 } else { a.margin + b.margin };
        let offset = (b.x.wrapping_sub(a.x), b.y.wrapping_sub(a.y));
        let manifold = if a.hull == NO_HULL && b.hull == NO_HULL {
            super::manifold::discs(a.radius, b.radius, offset, margin, a.slot ^ b.slot)
        } else {
            let hull = |proxy: &Proxy| match proxies.hulls.get(proxy.hull as usize) {
                Some(turned) => turned,
                None => &state.blueprints.get(proxy.kind).hull,
            };
            let (one, other) = (hull(a), hull(b));
            if either & CHAINED == 0 && one.count > 1 && other.count > 1 {
                corners(one, other, offset, margin)
            } else {
                let ghosts = |proxy: &Proxy| {
                    let ghosts = state.blueprints.get(proxy.kind).ghosts;
                    ghosts.map(|ghosts| ghosts.turned(state.rotations[usize::from(proxy.slot)]))
                };
                let outline = |hull, proxy| Outline { hull, ghosts: ghosts(proxy) };
                collide(outline(one, a), outline(other, b), offset, margin, a.slot ^ b.slot)
            }
        };
        if manifold.count == 0 {
            return None;
        }
        let levers = (proxies.lever(state, a), proxies.lever(state, b));
        let wakes = if sensor { false } else { comes_near(state, tick, (a, b), levers, &manifold)? };
        Some(Self {
            a: a.slot,
            b: b.slot,
            sub_a: a.sub,
            sub_b: b.sub,
            kind_a: a.kind,
            kind_b: b.kind,
            sensor,
            wakes,
            manifold,
            lever_a: (levers.0.x.to_bits(), levers.0.y.to_bits()),
            lever_b: (
                levers.1.x.to_bits().saturating_sub(offset.0),
                levers.1.y.to_bits().saturating_sub(offset.1),
            ),
        })
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
}

/// Whether that wakes one of two shapes, if they touch in this tick or nearly.
#[inline(always)]
fn comes_near(
    state: &State,
    tick: i64,
    (a, b): (&Proxy, &Proxy),
    levers: (Vec2, Vec2),
    manifold: &Manifold,
) -> Option<bool> {
    let separation = manifold.separation();
    let one = swung(a.flags, state.motions[usize::from(a.slot)], levers.0);
    let other = swung(b.flags, state.motions[usize::from(b.slot)], levers.1);
    let (x, y) = (other.x.saturating_sub(one.x), other.y.saturating_sub(one.y));
    let mut approach = -dot(manifold.normal, x, y);
    let spins = one.spin | other.spin;
    if spins != 0 {
        let swing = |spin: i32, kind: u16| {
            let reach = state.blueprints.brief(kind).reach;
            (i64::from(spin.unsigned_abs()) * i64::from(reach)) >> 16
        };
        approach += swing(one.spin, a.kind) + swing(other.spin, b.kind);
    }
    let way = way_of(approach.clamp(0, i64::from(i32::MAX)) as i32, tick);
    let gap = i64::from(separation) - way;
    let sleeps = (a.flags | b.flags) & ASLEEP != 0;
    let wakes = sleeps && (approach > i64::from(SLOW) && gap <= i64::from(MARGIN) || separation < -MARGIN);
    if gap <= i64::from(MARGIN) { Some(wakes) } else { None }
}
