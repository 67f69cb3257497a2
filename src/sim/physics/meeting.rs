//! `Meeting`, two shapes that touch or are about to in this step.

use alloc::vec::Vec;

use super::base::{LAG_MARGIN, Lag};
use super::hull::{Ghosts, P};
use super::islands::SLOW;
use super::manifold::{Facing, Manifold, ManifoldPoint, Outline, collide, dot};
use super::pairing::Pairing;
use super::proxy::{MARGIN, NO_HULL, Proxies, Proxy, swung, way_of};
use super::spot::{CHAINED, SENSOR, Spot};
use super::state::{ASLEEP, KINEMATIC, Motion, State};
use crate::fx::clamp_to_i32;
use crate::root::UNIT_BITS;

/// Two shapes that touch or are about to.
#[derive(Clone, Copy, Debug, Default)]
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
    /// The distances at its points where bodies are seen, without what they went since.
    pub(crate) bare: [i32; 2],
    /// Whether both shapes lie where they lay in the step before, with the same manifold.
    pub(crate) stays: bool,
}

/// How near two shapes are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nearness {
    /// Nothing of them is within the margin.
    Apart,
    /// They do not meet in this tick.
    Distant,
    Met,
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

    /// Adds the meeting of two shapes, the boxes around which touch; tells whether they come near. They may have met
    /// before where they are.
    #[inline(always)]
    pub(crate) fn find(
        state: &State,
        proxies: &Proxies,
        tick: i64,
        shapes: (&Proxy, &Proxy),
        (before, found): (Option<&Self>, &mut Vec<Self>),
    ) -> bool {
        let nearness = Self::find_known(state, proxies, tick, shapes, (before, found));
        if nearness == Nearness::Distant {
            found.pop();
        }
        nearness == Nearness::Met
    }

    /// As [`Self::find`]; what does not come near yet is added too.
    #[inline(always)]
    pub(crate) fn find_known(
        state: &State,
        proxies: &Proxies,
        tick: i64,
        (a, b): (&Proxy, &Proxy),
        (before, found): (Option<&Self>, &mut Vec<Self>),
    ) -> Nearness {
        let margin = margin_of(proxies, a, b);
        match before.filter(|before| before.holds_for(margin)) {
            Some(before) => Self::find_again(state, proxies, tick, (a, b), (before, found)),
            None => Self::find_anew(state, proxies, tick, (a, b), found),
        }
    }

    /// Adds the meeting of two shapes that are seen where they were when they met before.
    #[inline(always)]
    fn find_again(
        state: &State,
        proxies: &Proxies,
        tick: i64,
        (a, b): (&Proxy, &Proxy),
        (before, found): (&Self, &mut Vec<Self>),
    ) -> Nearness {
        let [lever_a, lever_b] = levers(state, a, b);
        let mut meeting = Self { wakes: false, stays: true, lever_a, lever_b, ..*before };
        meeting.follow(proxies.lags_of(a.slot, b.slot));
        let nearness = meeting.nearness(state, tick, a, b);
        found.push(meeting);
        nearness
    }

    #[inline(never)]
    fn find_anew(
        state: &State,
        proxies: &Proxies,
        tick: i64,
        (a, b): (&Proxy, &Proxy),
        found: &mut Vec<Self>,
    ) -> Nearness {
        let margin = margin_of(proxies, a, b);
        let offset = (b.x.wrapping_sub(a.x), b.y.wrapping_sub(a.y));
        let (one, other) = (proxies.hull(state, a), proxies.hull(state, b));
        let plain = (a.traits | b.traits) & CHAINED == 0 && a.hull != NO_HULL && b.hull != NO_HULL;
        let meeting = if plain {
            let Some(facing) = Facing::of(one, other, offset, margin) else { return Nearness::Apart };
            // Made where it stays: what is written and read again at once in other parts is waited for.
            let meeting = Self::add(levers(state, a, b), (a, b), found);
            meeting.margin = margin;
            facing.clip(one, other, offset, margin, &mut meeting.manifold);
            meeting
        } else {
            let manifold = if a.hull == NO_HULL && b.hull == NO_HULL {
                super::manifold::discs(a.radius, b.radius, offset, margin, a.slot ^ b.slot)
            } else {
                let outline = |hull, proxy| Outline { hull, ghosts: ghosts(state, proxy) };
                collide(outline(one, a), outline(other, b), offset, margin, a.slot ^ b.slot)
            };
            if manifold.count == 0 {
                return Nearness::Apart;
            }
            let meeting = Self::add(levers(state, a, b), (a, b), found);
            meeting.manifold = manifold;
            meeting
        };
        if meeting.manifold.count == 0 {
            found.pop();
            return Nearness::Apart;
        }
        meeting.bare = meeting.manifold.points.map(|point| point.separation);
        meeting.follow(proxies.lags_of(a.slot, b.slot));
        meeting.nearness(state, tick, a, b)
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
            bare: [0; 2],
            stays: false,
        });
        let last = found.len() - 1;
        &mut found[last]
    }

    /// Whether its manifold is that of the same outlines in the same places for this margin too: all points it has are
    /// within, and there are no more.
    #[inline(always)]
    pub(crate) fn holds_for(&self, margin: i32) -> bool {
        let [first, second] = self.bare;
        let two = self.manifold.count > 1;
        let farthest = if two { first.max(second) } else { first };
        self.margin > 0 && farthest.saturating_add(SLACK) <= margin && (two || margin <= self.margin)
    }

    /// Brings the distances at its points up to date where bodies went from where they are seen.
    #[inline(always)]
    pub(crate) fn follow(&mut self, lags: Option<[Lag; 2]>) {
        let [first, second] = &mut self.manifold.points;
        (first.separation, second.separation) = (self.bare[0], self.bare[1]);
        if let Some([a, b]) = lags {
            let normal = self.manifold.normal;
            let straight = dot(normal, b.x - a.x, b.y - a.y);
            let arm = |lever: P, point: &ManifoldPoint| {
                let (x, y) =
                    (i64::from(lever.0) + i64::from(point.x), i64::from(lever.1) + i64::from(point.y));
                (x * i64::from(normal.1) - y * i64::from(normal.0)) >> UNIT_BITS
            };
            for (point, bare) in self.manifold.points.iter_mut().zip(self.bare) {
                let (arm_a, arm_b) = (arm(self.lever_a, point), arm(self.lever_b, point));
                let turning = (arm_b * i64::from(b.turn) - arm_a * i64::from(a.turn)) >> UNIT_BITS;
                point.separation = clamp_to_i32(i64::from(bare) + straight + turning);
            }
        }
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
            bare: [0; 2],
            stays: false,
        });
        true
    }

    /// Whether they touch in this tick, or nearly. Also finds out whether that wakes one of them.
    #[inline(always)]
    fn nearness(&mut self, state: &State, tick: i64, a: &Proxy, b: &Proxy) -> Nearness {
        if self.comes_near(state, tick, a, b) { Nearness::Met } else { Nearness::Distant }
    }

    #[inline(always)]
    fn comes_near(&mut self, state: &State, tick: i64, a: &Proxy, b: &Proxy) -> bool {
        let separation = self.separation();
        let sleeps = (a.flags | b.flags) & ASLEEP != 0 && !self.sensor;
        if separation <= MARGIN && !sleeps && !self.sensor {
            return true;
        }
        let of = |proxy: &Proxy| {
            let motion = state.motions[usize::from(proxy.slot)];
            if proxy.flags & KINEMATIC == 0 { motion } else { swung(proxy.flags, motion, proxy.lever(state)) }
        };
        let (approach, gap) = self.approach(state, tick, [&of(a), &of(b)]);
        self.wakes =
            sleeps && (approach > i64::from(SLOW) && gap <= i64::from(MARGIN) || separation < -MARGIN);
        if self.sensor { separation <= 0 } else { gap <= i64::from(MARGIN) }
    }

    /// How fast two bodies that move so come towards each other at the most, and how far apart the shapes are then at
    /// the end of the tick.
    #[inline(always)]
    fn approach(&self, state: &State, tick: i64, [one, other]: [&Motion; 2]) -> (i64, i64) {
        let (x, y) = (other.x.saturating_sub(one.x), other.y.saturating_sub(one.y));
        let swing = |spin: i32, kind: u16| {
            let reach = state.blueprints.brief(kind).reach;
            (i64::from(spin.unsigned_abs()) * i64::from(reach)) >> 16
        };
        let swings = swing(one.spin, self.kind_a) + swing(other.spin, self.kind_b);
        let approach = swings - dot(self.manifold.normal, x, y);
        let way = way_of(approach.clamp(0, i64::from(i32::MAX)) as i32, tick);
        (approach, i64::from(self.separation()) - way)
    }

    /// Whether two solid shapes of bodies that are awake, neither of which the game moves, do not meet in this tick.
    #[inline(always)]
    pub(crate) fn stays_distant(&self, state: &State, tick: i64) -> bool {
        let motions = [self.a, self.b].map(|slot| &state.motions[usize::from(slot)]);
        self.separation() > MARGIN && self.approach(state, tick, motions).1 > i64::from(MARGIN)
    }
}

/// Margins are rounded up: how two outlines lie on each other is not found out anew when one is a little faster.
pub(crate) const MARGIN_STEP: i32 = 1 << 8;

/// How far apart two shapes may be that are about to touch.
#[inline(always)]
pub(crate) fn margin_of(proxies: &Proxies, a: &Proxy, b: &Proxy) -> i32 {
    margin(proxies, (a.slot, a.traits, a.margin), (b.slot, b.traits, b.margin))
}

/// As [`margin_of`], of the slots, the traits and the margins of two shapes. What only sees whether it is touched is as
/// exact as the search for what bullets pass, where nothing is seen where it was.
#[inline(always)]
pub(crate) fn margin(proxies: &Proxies, a: (u16, u8, i32), b: (u16, u8, i32)) -> i32 {
    if (a.1 | b.1) & SENSOR != 0 {
        // Twice what one of them may have come nearer by its way and its turn.
        return if proxies.lags_of(a.0, b.0).is_some() { 4 * LAG_MARGIN } else { 0 };
    }
    (a.2 + b.2 + MARGIN_STEP - 1) & !(MARGIN_STEP - 1)
}

/// The neighbours of a segment of a chain.
pub(crate) fn ghosts(state: &State, proxy: &Proxy) -> Option<Ghosts> {
    let ghosts = state.blueprints.get(proxy.kind).ghosts?;
    // What is seen where it was is no chain.
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
