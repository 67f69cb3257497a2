//! `Proxy`, a shape of a body as the search for contacts sees it.

use alloc::vec::Vec;

use super::WorldDesc;
use super::base::{LAG_MARGIN, Lag, may_lag};
use super::blueprint::Edition;
use super::flock::Formation;
use super::grid::LANES;
use super::hull::{Hull, P};
use super::rot::Rot;
use super::spot::{DISC, LISTED, MOVES, PUSHED, Spot, traits_of};
use super::stance::Stance;
use super::state::{
    ALIVE, BULLET, COMPOUND, DYNAMIC, KINEMATIC, Motion, SPEED_BITS, State, is_moving, turned,
};
use super::still::{UNMADE, Who};
use crate::Vec2;
use crate::fx::clamp_to_i32;

/// Distance at which two shapes are about to touch: 0.02 of a unit, in bits.
pub(crate) const MARGIN: i32 = 1_311;
/// A disc has no hull of its own.
pub(crate) const NO_HULL: u32 = u32::MAX;
/// What is not turned has the hull of its blueprint.
pub(crate) const OWN_HULL: u32 = u32::MAX - 1;

/// How far a speed leads in a tick, in bits.
#[inline(always)]
pub(crate) const fn way_of(speed: i32, tick: i64) -> i64 {
    (speed as i64 * tick) >> (SPEED_BITS - 16 + 32)
}

/// How the part of a body that the game moves does so, at `lever` from the body's middle. What is pushed is
/// looked ahead for as its middle moves: it is pushed back when it overlaps.
#[inline(always)]
pub(crate) fn swung(flags: u8, motion: Motion, lever: Vec2) -> Motion {
    if motion.spin == 0 || flags & KINEMATIC == 0 {
        return motion;
    }
    let swing = |lever: crate::Fx| (i64::from(motion.spin) * i64::from(lever.to_bits())) >> 16;
    let x = clamp_to_i32(i64::from(motion.x) - swing(lever.y));
    let y = clamp_to_i32(i64::from(motion.y) + swing(lever.x));
    Motion { x, y, ..motion }
}

/// A shape of a body as the search for contacts sees it. Lengths in bits of `Fx`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// Its centroid.
    pub(crate) x: i32,
    pub(crate) y: i32,
    /// Half the size of the box around it on all of its way, and a margin.
    pub(crate) half_x: i32,
    pub(crate) half_y: i32,
    /// The part of its way in this tick that is looked ahead.
    pub(crate) way_x: i32,
    pub(crate) way_y: i32,
    /// How far from it something may be that is about to touch it.
    pub(crate) margin: i32,
    /// Of its rounding; that of a disc.
    pub(crate) radius: i32,
    /// The radius of a disc around all of it however it turns in this tick.
    pub(crate) reach: i32,
    /// The turned outline, [`OWN_HULL`] or [`NO_HULL`].
    pub(crate) hull: u32,
    pub(crate) slot: u16,
    pub(crate) sub: u16,
    pub(crate) kind: u16,
    /// Those of the body.
    pub(crate) flags: u8,
    /// See [`Spot`](super::spot::Spot).
    pub(crate) traits: u8,
    /// Since which search it is where it is, and turned as it is.
    pub(crate) since: u64,
}

impl Proxy {
    /// What a spot tells of it.
    #[inline(always)]
    pub(crate) fn of_spot(spot: &Spot) -> Self {
        let Spot { x, y, way_x, way_y, radius: reach, half_x, half_y, .. } = *spot;
        Self { x, y, way_x, way_y, reach, half_x, half_y, ..Self::default() }
    }

    /// Grows the box by the way of a tick, or by a part of it; tells whether it is only a part. `reach` is what swings
    /// as it turns; by `farther` than its size is looked ahead.
    #[inline(always)]
    fn look_ahead(&mut self, motion: &Motion, (reach, farther): (i32, i64), tick: i64) -> bool {
        self.traits |= if self.flags & DYNAMIC != 0 { PUSHED } else { 0 };
        if !is_moving(self.flags) {
            return false;
        }
        let way = |speed: i32| way_of(speed, tick);
        // Twice that is a number still, whatever turns within a tick of a second.
        let limit = (i64::from(self.half_x.min(self.half_y).max(MARGIN)) + farther).min(1 << 28);
        let (x, y) = (way(motion.x), way(motion.y));
        (self.way_x, self.way_y) = (x.clamp(-limit, limit) as i32, y.clamp(-limit, limit) as i32);
        let mut swing = 0;
        if reach != 0 && motion.spin != 0 {
            let speed = (i64::from(motion.spin.unsigned_abs()) * i64::from(reach)) >> 16;
            swing = way(speed.min(i64::from(i32::MAX)) as i32).min(limit) as i32;
        }
        let margin = MARGIN + if may_lag(self.flags) { LAG_MARGIN } else { 0 };
        self.margin = self.way_x.abs() + self.way_y.abs() + swing + margin;
        self.reach += swing + margin;
        self.half_x += (self.way_x.abs() >> 1) + 1 + swing + margin;
        self.half_y += (self.way_y.abs() >> 1) + 1 + swing + margin;
        let fast = (x.abs() > limit) | (y.abs() > limit);
        self.traits = (self.traits | MOVES) & if fast { !DISC } else { u8::MAX };
        fast
    }

    /// Where its centroid is from the centre of mass of its body.
    #[inline(always)]
    pub(crate) fn lever(&self, state: &State) -> Vec2 {
        if self.flags & COMPOUND == 0 {
            return Vec2::ZERO;
        }
        let at = Vec2::new(crate::Fx::from_bits(self.x), crate::Fx::from_bits(self.y));
        at - state.positions[usize::from(self.slot)]
    }

    /// The middle of its way.
    #[inline(always)]
    pub(crate) const fn middle(&self) -> (i32, i32) {
        (self.x.saturating_add(self.way_x >> 1), self.y.saturating_add(self.way_y >> 1))
    }

    /// The lower left and upper right corner of the box around it and its way.
    pub(crate) fn corners(&self) -> ([i32; 2], [i32; 2]) {
        let (x, y) = self.middle();
        (
            [x.saturating_sub(self.half_x), y.saturating_sub(self.half_y)],
            [x.saturating_add(self.half_x), y.saturating_add(self.half_y)],
        )
    }
}

/// A shape as it is turned.
#[derive(Clone, Copy)]
struct Outline {
    /// Half the size of the box around it.
    half: P,
    /// As of a [`Proxy`].
    hull: u32,
    since: u64,
}

/// The shapes of all bodies that are more than a disc, by slot and number.
#[derive(Debug, Default)]
pub(crate) struct Proxies {
    pub(crate) list: Vec<Proxy>,
    /// Outlines as they are turned in the world, around their centroids, by their numbers in `list`; of what is not
    /// turned there is none, whatever is there.
    pub(crate) hulls: Vec<Hull>,
    /// What is known of those of `list`, by their numbers, or of eight of them at once, in their order.
    stances: Vec<Stance>,
    pub(crate) formations: Vec<Formation>,
    /// How many times eight of them were listed at once.
    pub(crate) flocks: usize,
    /// The number of the search.
    pub(crate) search: u64,
    edition: Edition,
    /// Those that may come to the border of a world with walls.
    pub(crate) edge: Vec<Spot>,
    /// The first shapes of bullets that move.
    pub(crate) bullets: Vec<u16>,
    /// By slot, how far bodies went from where they are seen; none beyond.
    pub(crate) lags: Vec<Lag>,
}

impl Proxies {
    /// Forgets all shapes; those of a state are going to be listed. Where they were is kept in mind.
    pub(crate) fn clear(&mut self, state: &State) {
        let shapes = state.places();
        let same = self.edition == state.blueprints.edition();
        self.edition = state.blueprints.edition();
        // Nothing is known from the search before one that nobody made.
        self.search += if same { 1 } else { 2 };
        self.flocks = 0;
        self.list.clear();
        self.edge.clear();
        self.bullets.clear();
        self.list.reserve(shapes);
        self.hulls.reserve(shapes.saturating_sub(self.hulls.len()));
        self.stances.reserve(shapes.saturating_sub(self.stances.len()));
        self.formations.reserve((shapes / LANES).saturating_sub(self.formations.len()));
        self.edge.reserve(shapes);
    }

    /// The shape at a spot.
    #[inline]
    pub(crate) fn of(&self, state: &State, spot: &Spot) -> Proxy {
        if spot.traits & LISTED != 0 {
            return self.list[usize::from(spot.shape)];
        }
        let slot = usize::from(spot.shape);
        let Spot { x, y, way_x, way_y, half_x, half_y, radius, traits, .. } = *spot;
        let (kind, flags) = (state.kinds[slot], state.flags[slot]);
        let margin = if traits & MOVES == 0 { 0 } else { way_x.abs() + way_y.abs() + MARGIN };
        let slot = spot.shape;
        Proxy {
            x,
            y,
            half_x,
            half_y,
            way_x,
            way_y,
            margin,
            radius,
            reach: radius,
            hull: NO_HULL,
            slot,
            sub: 0,
            kind,
            flags,
            traits,
            since: u64::MAX,
        }
    }

    /// The outline of a shape, turned.
    #[inline(always)]
    pub(crate) fn hull<'a>(&'a self, state: &'a State, proxy: &Proxy) -> &'a Hull {
        match self.hulls.get(proxy.hull as usize) {
            Some(turned) => turned,
            None => &state.blueprints.get(proxy.kind).hull,
        }
    }

    /// All shapes of a body of which nothing is known.
    #[inline(never)]
    pub(crate) fn push_all(&mut self, state: &State, slot: u16, tick: i64) {
        let flags = state.flags[usize::from(slot)];
        if flags & BULLET != 0 && is_moving(flags) {
            self.bullets.push(self.list.len() as u16);
        }
        self.push(state, slot, (0, state.kinds[usize::from(slot)]), tick);
        for (extra, sub) in state.extras_of(usize::from(slot)).iter().zip(1..) {
            self.push(state, slot, (sub, extra.kind), tick);
        }
    }

    /// Adds the shapes of a body; `put` is told of each.
    #[inline(always)]
    pub(crate) fn draft(&mut self, state: &State, slot: usize, tick: i64, mut put: impl FnMut(Spot, Who)) {
        let flags = state.flags[slot];
        if flags & ALIVE == 0 {
            return;
        }
        let kind = state.kinds[slot];
        let brief = state.blueprints.brief(kind);
        if flags & (COMPOUND | BULLET) == 0 && brief.count > 1 {
            put(self.add(state, slot as u16, (0, kind), tick), Who { slot: slot as u16, sub: 0, kind });
            return;
        }
        if flags & (COMPOUND | BULLET) != 0 {
            let from = self.list.len();
            self.push_all(state, slot as u16, tick);
            for (proxy, index) in self.list[from..].iter().zip(from as u16..) {
                let who = Who { slot: proxy.slot, sub: proxy.sub, kind: proxy.kind };
                put(Spot::of(index, proxy), who);
            }
            return;
        }
        let radius = brief.radius;
        let (x, y) = (state.positions[slot].x.to_bits(), state.positions[slot].y.to_bits());
        let traits = brief.traits | traits_of(flags);
        let mut spot = Spot { x, y, radius, shape: slot as u16, traits, ..Spot::default() };
        let mut fast = false;
        if is_moving(flags) {
            let (motion, limit) = (state.motions[slot], i64::from(radius.max(MARGIN)));
            let (x, y) = (way_of(motion.x, tick), way_of(motion.y, tick));
            (spot.way_x, spot.way_y) = (x.clamp(-limit, limit) as i32, y.clamp(-limit, limit) as i32);
            fast = (x.abs() > limit) | (y.abs() > limit);
            spot.traits = traits & if fast { !DISC } else { u8::MAX };
        }
        let spot = spot.with_box();
        self.mark_edge(&state.desc, &spot, fast);
        put(spot, Who { slot: slot as u16, sub: 0, kind });
    }

    /// Whose shape the one at a spot is; `place` is its number among those that rest, if it does.
    #[inline(always)]
    pub(crate) fn who(&self, state: &State, spot: &Spot, place: usize) -> Who {
        if spot.traits & LISTED == 0 {
            return Who { slot: spot.shape, sub: 0, kind: state.kinds[usize::from(spot.shape)] };
        }
        if spot.shape == UNMADE {
            return state.stills.who(place);
        }
        let proxy = &self.list[usize::from(spot.shape)];
        Who { slot: proxy.slot, sub: proxy.sub, kind: proxy.kind }
    }

    /// How far two bodies went from where they are seen, if one did.
    #[inline(always)]
    pub(crate) fn lags_of(&self, a: u16, b: u16) -> Option<[Lag; 2]> {
        let of = |slot: u16| self.lags.get(usize::from(slot)).copied().unwrap_or_default();
        let lags = [of(a), of(b)];
        (lags != [Lag::NONE; 2]).then_some(lags)
    }

    /// Adds one shape of a body.
    #[inline(never)]
    pub(crate) fn push(&mut self, state: &State, slot: u16, part: (u16, u16), tick: i64) {
        self.add(state, slot, part, tick);
    }

    /// Adds one shape of a body, of which the number and the kind are told; gives it as the search for pairs sees it
    /// first.
    #[inline(always)]
    fn add(&mut self, state: &State, slot: u16, (sub, kind_index): (u16, u16), tick: i64) -> Spot {
        let at = usize::from(slot);
        let (flags, mut motion) = (state.flags[at], state.motions[at]);
        let base = if may_lag(flags) { state.bases[at] } else { state.pose(at) };
        let rot = base.rot;
        let kind = state.blueprints.get(kind_index);
        let (mut centre, mut farther) = (base.at, 0);
        if flags & COMPOUND != 0 {
            let lever = turned(rot, kind.extent.centroid - state.masses[at].centre);
            centre += lever;
            let whole = motion;
            motion = swung(flags, whole, lever);
            // All of what it swings is looked ahead, up to a radian.
            let swing = i64::from(motion.x.abs_diff(whole.x).max(motion.y.abs_diff(whole.y)));
            let swing = way_of(swing.min(i64::from(i32::MAX)) as i32, tick);
            farther =
                swing.min(i64::from(lever.x.to_bits().unsigned_abs().max(lever.y.to_bits().unsigned_abs())));
        }
        let (search, since) = (self.search, self.search);
        let stance = Stance { at: centre, rot, slot, sub, kind: kind_index, search, since };
        let Outline { half: (half_x, half_y), hull, since } = self.outline(&kind.hull, stance);
        let mut proxy = Proxy {
            x: centre.x.to_bits(),
            y: centre.y.to_bits(),
            half_x,
            half_y,
            radius: kind.hull.radius,
            reach: kind.hull.reach,
            hull,
            slot,
            sub,
            kind: kind_index,
            flags,
            traits: if flags & COMPOUND == 0 { kind.traits } else { kind.traits & !DISC },
            since,
            ..Proxy::default()
        };
        let reach = if hull == NO_HULL { 0 } else { kind.hull.reach - kind.hull.radius };
        let fast = proxy.look_ahead(&motion, (reach, farther), tick);
        let spot = Spot::of(self.list.len() as u16, &proxy);
        self.mark_edge(&state.desc, &spot, fast);
        self.list.push(proxy);
        spot
    }

    /// Keeps in mind what may come to the border.
    #[inline(always)]
    pub(crate) fn mark_edge(&mut self, desc: &WorldDesc, spot: &Spot, fast: bool) {
        if !desc.walls {
            return;
        }
        let (x, y) = spot.middle();
        let beyond = |at: i32, half: i32, end: crate::Fx| {
            i64::from(at).abs() + i64::from(half) + i64::from(MARGIN) > i64::from(end.to_bits())
        };
        let end = desc.half_extent;
        let near = fast | beyond(x, spot.half_x, end.x) | beyond(y, spot.half_y, end.y);
        if near && spot.traits & (MOVES | PUSHED) == MOVES | PUSHED {
            self.edge.push(*spot);
        }
    }

    /// The outline of the shape that is listed next, and since which search it is where it is.
    #[inline(always)]
    fn outline(&mut self, own: &Hull, stance: Stance) -> Outline {
        let number = self.list.len();
        if self.stances.len() <= number {
            self.stances.resize(number + 1, Stance::default());
        }
        let known = core::mem::replace(&mut self.stances[number], stance);
        let same = known.search + 1 == stance.search && known.kind == stance.kind;
        let stays = same && known.is_where(&stance);
        if stays {
            self.stances[number].since = known.since;
        }
        let since = self.stances[number].since;
        let (half, hull) = turn_hull(&mut self.hulls, number, own, stance.rot, same.then_some(known.rot));
        Outline { half, hull, since }
    }
}

/// The outline of a shape with a number in the list of those that are turned, and half the size of the box around it.
/// In the search before, a shape of the same blueprint had that number and was turned as is told, if one had.
#[inline(always)]
pub(crate) fn turn_hull(
    hulls: &mut Vec<Hull>,
    number: usize,
    own: &Hull,
    rot: Rot,
    before: Option<Rot>,
) -> (P, u32) {
    if own.count <= 1 || rot == Rot::NONE {
        return (own.half, if own.count > 1 { OWN_HULL } else { NO_HULL });
    }
    if hulls.len() <= number {
        hulls.resize(number + 1, Hull::default());
    }
    let hull = &mut hulls[number];
    if before.is_none_or(|before| before == Rot::NONE) {
        *hull = *own;
    }
    if before != Some(rot) {
        own.turn_into(rot, hull);
    }
    (hull.half, number as u32)
}
