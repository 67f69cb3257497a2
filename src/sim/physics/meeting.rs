//! `Meeting`, two shapes that touch or are about to in this step.

use alloc::vec::Vec;

use super::hull::{Ghosts, P};
use super::islands::SLOW;
use super::manifold::{Facing, Manifold, Outline, collide, dot};
use super::pairing::Pairing;
use super::proxy::{MARGIN, NO_HULL, Proxies, Proxy, swung, way_of};
use super::recent::Recent;
use super::spot::{CHAINED, SENSOR, Spot};
use super::state::{ASLEEP, KINEMATIC, State};

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
    /// How far apart outlines may be that are in its manifold; 0 for others than outlines with sides.
    pub(crate) margin: i32,
    /// Whether both shapes lie where they lay in the step before, with the same manifold.
    pub(crate) stays: bool,
}

/// So much farther apart than the margin, no side of an outline is from another than the best one.
const SLACK: i32 = 64;

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

    /// Adds the meeting of two shapes, the boxes around which touch; tells whether they come near.
    #[inline(always)]
    pub(crate) fn find(
        state: &State,
        proxies: &Proxies,
        tick: i64,
        (a, b): (&Proxy, &Proxy),
        recent: &Recent,
        found: &mut Vec<Self>,
    ) -> bool {
        let Some(before) = recent.find(a, b).filter(|before| before.holds_for(margin_of(a, b))) else {
            return Self::find_anew(state, proxies, tick, (a, b), found);
        };
        let [lever_a, lever_b] = levers(state, a, b);
        let mut meeting = Self { wakes: false, stays: true, lever_a, lever_b, ..*before };
        let met = meeting.comes_near(state, tick, a, b);
        found.extend(met.then_some(meeting));
        met
    }

    #[inline(never)]
    fn find_anew(
        state: &State,
        proxies: &Proxies,
        tick: i64,
        (a, b): (&Proxy, &Proxy),
        found: &mut Vec<Self>,
    ) -> bool {
        let margin = margin_of(a, b);
        let offset = (b.x.wrapping_sub(a.x), b.y.wrapping_sub(a.y));
        let (one, other) = (proxies.hull(state, a), proxies.hull(state, b));
        let plain = (a.traits | b.traits) & CHAINED == 0 && a.hull != NO_HULL && b.hull != NO_HULL;
        let met = if plain {
            let Some(facing) = Facing::of(one, other, offset, margin) else { return false };
            // Made where it stays: what is written and read again at once in other parts is waited for.
            let meeting = Self::add(levers(state, a, b), (a, b), found);
            meeting.margin = margin;
            facing.clip(one, other, offset, margin, &mut meeting.manifold);
            meeting.manifold.count > 0 && meeting.comes_near(state, tick, a, b)
        } else {
            let manifold = if a.hull == NO_HULL && b.hull == NO_HULL {
                super::manifold::discs(a.radius, b.radius, offset, margin, a.slot ^ b.slot)
            } else {
                let outline = |hull, proxy| Outline { hull, ghosts: ghosts(state, proxy) };
                collide(outline(one, a), outline(other, b), offset, margin, a.slot ^ b.slot)
            };
            if manifold.count == 0 {
                return false;
            }
            let meeting = Self::add(levers(state, a, b), (a, b), found);
            meeting.manifold = manifold;
            meeting.comes_near(state, tick, a, b)
        };
        if !met {
            found.pop();
        }
        met
    }

    /// Adds one without points.
    #[inline(always)]
    fn add<'a>(
        [lever_a, lever_b]: [P; 2],
        (a, b): (&Proxy, &Proxy),
        found: &'a mut Vec<Self>,
    ) -> &'a mut Self {
        found.push(Self {
            a: a.slot,
            b: b.slot,
            sub_a: a.sub,
            sub_b: b.sub,
            kind_a: a.kind,
            kind_b: b.kind,
            sensor: (a.traits | b.traits) & SENSOR != 0,
            wakes: false,
            manifold: Manifold::default(),
            lever_a,
            lever_b,
            margin: 0,
            stays: false,
        });
        let last = found.len() - 1;
        &mut found[last]
    }

    /// Whether its manifold is that of the same outlines in the same places for this margin too: all points it has are
    /// within, and there are no more.
    #[inline(always)]
    fn holds_for(&self, margin: i32) -> bool {
        let [first, second] = &self.manifold.points;
        let two = self.manifold.count > 1;
        let farthest = if two { first.separation.max(second.separation) } else { first.separation };
        self.margin > 0 && farthest.saturating_add(SLACK) <= margin && (two || margin <= self.margin)
    }

    /// Adds the meeting of two discs that both move; false if they do not come near.
    #[inline(always)]
    pub(crate) fn of_discs(state: &State, a: &Spot, b: &Spot, found: &mut Vec<Self>) -> bool {
        let offset = (b.x.wrapping_sub(a.x), b.y.wrapping_sub(a.y));
        let manifold = super::manifold::discs(a.radius, b.radius, offset, i32::MAX / 2, a.shape ^ b.shape);
        let (way_x, way_y) = (b.way_x - a.way_x, b.way_y - a.way_y);
        let way = (-dot(manifold.normal, way_x, way_y)).max(0);
        if i64::from(manifold.points[0].separation) - way > i64::from(MARGIN) {
            return false;
        }
        found.push(Self {
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
            margin: 0,
            stays: false,
        });
        true
    }

    /// Whether they touch in this tick, or nearly. Also finds out whether that wakes one of them.
    #[inline(always)]
    fn comes_near(&mut self, state: &State, tick: i64, a: &Proxy, b: &Proxy) -> bool {
        let separation = self.separation();
        let sleeps = (a.flags | b.flags) & ASLEEP != 0 && !self.sensor;
        if separation <= MARGIN && !sleeps {
            return true;
        }
        let of = |proxy: &Proxy| {
            let motion = state.motions[usize::from(proxy.slot)];
            if proxy.flags & KINEMATIC == 0 { motion } else { swung(proxy.flags, motion, proxy.lever(state)) }
        };
        let (one, other) = (of(a), of(b));
        let (x, y) = (other.x.saturating_sub(one.x), other.y.saturating_sub(one.y));
        let mut approach = -dot(self.manifold.normal, x, y);
        let swing = |spin: i32, kind: u16| {
            let reach = state.blueprints.brief(kind).reach;
            (i64::from(spin.unsigned_abs()) * i64::from(reach)) >> 16
        };
        approach += swing(one.spin, a.kind) + swing(other.spin, b.kind);
        let way = way_of(approach.clamp(0, i64::from(i32::MAX)) as i32, tick);
        let gap = i64::from(separation) - way;
        self.wakes =
            sleeps && (approach > i64::from(SLOW) && gap <= i64::from(MARGIN) || separation < -MARGIN);
        self.sensor || gap <= i64::from(MARGIN)
    }
}

/// How far apart two shapes may be that are about to touch.
#[inline(always)]
fn margin_of(a: &Proxy, b: &Proxy) -> i32 {
    if (a.traits | b.traits) & SENSOR != 0 { 0 } else { a.margin + b.margin }
}

/// The neighbours of a segment of a chain.
pub(crate) fn ghosts(state: &State, proxy: &Proxy) -> Option<Ghosts> {
    let ghosts = state.blueprints.get(proxy.kind).ghosts?;
    Some(ghosts.turned(state.rotations[usize::from(proxy.slot)]))
}

/// From each body's centre of mass to the centroid of the first shape.
#[inline(always)]
fn levers(state: &State, a: &Proxy, b: &Proxy) -> [P; 2] {
    let [lever_a, lever_b] = [a, b].map(|proxy| proxy.lever(state));
    let offset = (b.x.wrapping_sub(a.x), b.y.wrapping_sub(a.y));
    let lever_b =
        (lever_b.x.to_bits().saturating_sub(offset.0), lever_b.y.to_bits().saturating_sub(offset.1));
    [(lever_a.x.to_bits(), lever_a.y.to_bits()), lever_b]
}
