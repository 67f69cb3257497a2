//! `Flock`, bodies in slots one after the other that are outlines and nothing else, and move: all but how the outlines
//! turn is computed at once.

use alloc::vec::Vec;

use super::base::{Base, LAG_MARGIN, may_lag};
use super::blueprint::Blueprints;
use super::bundle::one_flags;
use super::grid::LANES;
use super::hull::Hull;
use super::lanes::Vector;
use super::layout::Layout;
use super::proxy::{MARGIN, Proxies, Proxy, turn_hull};
use super::spot::{LISTED, Spot, traits_of};
use super::state::{ALIVE, BULLET, COMPOUND, Motion, SPEED_BITS, State, is_moving};

/// The shapes of bodies in slots one after the other, as they were listed.
pub(crate) struct Flock {
    pub(crate) spots: [Spot; LANES],
    /// The middles of their ways.
    middle: [Vector; 2],
    /// The greater half of the box around each and its way.
    half: Vector,
}

impl Flock {
    /// Whether the box around one of them is wider than twice that.
    #[inline(always)]
    pub(crate) fn any_wider(&self, half: i32) -> bool {
        self.half.above(Vector::splat(half)).bits() != 0
    }

    /// The cell of each.
    #[inline(always)]
    pub(crate) fn cells(&self, layout: &Layout) -> [u32; LANES] {
        layout.cells_of(self.middle[0], self.middle[1])
    }
}

/// What is known of each of them by its blueprint, by its flags and by how it is turned; kept until the next search, in
/// which most of those that creep are seen where they were.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Formation {
    /// The search that saw them, and as which: the slot and the number of the first of them.
    search: u64,
    slot: usize,
    first: usize,
    flags: [u8; LANES],
    kinds: [u16; LANES],
    bases: [Base; LANES],
    /// Half the size of the box around each.
    half_x: [i32; LANES],
    half_y: [i32; LANES],
    radius: [i32; LANES],
    reach: [i32; LANES],
    margins: [i32; LANES],
    /// Numbers, and traits above them, as of spots.
    shapes: [i32; LANES],
    traits: [u8; LANES],
    hulls: [u32; LANES],
    since: [u64; LANES],
}

impl Formation {
    /// Whether bodies in the same slots, with the same numbers and blueprints, were seen in the search before `search`;
    /// where worlds of a kind take turns, they may be those of another one.
    #[inline(always)]
    fn is_of(
        &self,
        search: u64,
        (slot, first): (usize, usize),
        flags: &[u8; LANES],
        kinds: &[u16; LANES],
    ) -> bool {
        let seen = (self.search + 1 == search) & (self.slot == slot) & (self.first == first);
        seen & (self.flags == *flags) & (self.kinds == *kinds)
    }

    /// Of other bodies, nothing of which is known but what they are.
    fn new(blueprints: &Blueprints, at: (usize, usize), flags: &[u8; LANES], kinds: &[u16; LANES]) -> Self {
        let (slot, first) = at;
        let mut new = Self { slot, first, flags: *flags, kinds: *kinds, ..Self::default() };
        for lane in 0..LANES {
            let brief = blueprints.brief(kinds[lane]);
            (new.radius[lane], new.reach[lane]) = (brief.radius, brief.reach);
            new.traits[lane] = brief.traits | traits_of(flags[lane]);
            new.margins[lane] = MARGIN + if may_lag(flags[lane]) { LAG_MARGIN } else { 0 };
            new.shapes[lane] = (first + lane) as i32 | i32::from(new.traits[lane] | LISTED) << 16;
        }
        new
    }

    /// A bit for each that is not seen where it was.
    #[inline(always)]
    fn moved(&self, bases: &[Base; LANES]) -> u32 {
        let mut moved = 0;
        for (lane, (was, is)) in self.bases.iter().zip(bases).enumerate() {
            moved |= u32::from(was != is) << lane;
        }
        moved
    }

    /// Turns the outlines of those that are seen elsewhere than before.
    #[inline(always)]
    fn settle(
        &mut self,
        blueprints: &Blueprints,
        bases: &[Base; LANES],
        hulls: &mut Vec<Hull>,
        (search, is_known): (u64, bool),
    ) {
        self.search = search;
        let mut moved = if is_known { self.moved(bases) } else { (1 << LANES) - 1 };
        while moved != 0 {
            let lane = moved.trailing_zeros() as usize % LANES;
            moved &= moved - 1;
            let before = is_known.then_some(self.bases[lane].rot);
            let own = &blueprints.get(self.kinds[lane]).hull;
            let (half, hull) = turn_hull(hulls, self.first + lane, own, bases[lane].rot, before);
            ((self.half_x[lane], self.half_y[lane]), self.hulls[lane]) = (half, hull);
            (self.bases[lane], self.since[lane]) = (bases[lane], search);
        }
    }

    /// The places of all.
    #[inline(always)]
    fn places(&self) -> [Vector; 2] {
        let [x, y, ..] = Vector::of_fours(&self.bases);
        [x, y]
    }
}

/// Whether all of the bodies are one shape each that moves, and is no bullet.
#[inline(always)]
fn are_plain(flags: &[u8; LANES]) -> bool {
    let plain = |flags: u8| flags & (ALIVE | COMPOUND | BULLET) == ALIVE && is_moving(flags);
    match one_flags(flags) {
        Some(one) => plain(one),
        None => flags.iter().all(|&flags| plain(flags)),
    }
}

impl Proxies {
    /// Lists the shapes of the bodies from `slot` on, as [`Self::draft`] does one by one; nothing if one of them is no
    /// outline or needs a closer look.
    #[inline(never)]
    pub(crate) fn draft_flock(&mut self, state: &State, slot: usize, tick: i64) -> Option<Flock> {
        let flags: &[u8; LANES] = state.flags.get(slot..)?.first_chunk()?;
        let kinds: &[u16; LANES] = state.kinds.get(slot..)?.first_chunk()?;
        let bases: &[Base; LANES] = state.bases.get(slot..)?.first_chunk()?;
        let motions: &[Motion; LANES] = state.motions.get(slot..)?.first_chunk()?;
        let tick = i32::try_from(tick).ok()?;
        let (at, blueprints, search) = ((slot, self.list.len()), &state.blueprints, self.search);
        let Self { formations, hulls, list, .. } = self;
        if formations.len() <= self.flocks {
            formations.push(Formation::default());
        }
        let formation = &mut formations[self.flocks];
        let is_known = formation.is_of(search, at, flags, kinds);
        if !is_known {
            let has_sides = |&kind: &u16| blueprints.try_brief(kind).is_some_and(|brief| brief.count > 1);
            if !are_plain(flags) || !kinds.iter().all(has_sides) {
                return None;
            }
            *formation = Formation::new(blueprints, at, flags, kinds);
        }
        self.flocks += 1;
        formation.settle(blueprints, bases, hulls, (search, is_known));
        let formation = &*formation;
        let ([x, y], [speed_x, speed_y, spin, _]) = (formation.places(), Vector::of_fours(motions));
        let (half_x, half_y) = (Vector::of(&formation.half_x), Vector::of(&formation.half_y));
        let (radius, reach) = (Vector::of(&formation.radius), Vector::of(&formation.reach));
        let tick = Vector::splat(tick);
        let way = |speed: Vector| speed.times(tick).floor::<32, 0>().shr::<{ SPEED_BITS as i32 - 16 }>();
        // As [`Proxy::look_ahead`] has it.
        let limit = half_x.min(half_y).max(Vector::splat(MARGIN)).min(Vector::splat(1 << 28));
        let (wide_x, wide_y) = (way(speed_x), way(speed_y));
        let (way_x, way_y) = (wide_x.within(limit), wide_y.within(limit));
        let swung = spin.abs().times_unsigned(reach - radius).within(0, (1 << 47) - 1).floor::<16, 16>();
        let farther = way(swung).min(limit) + Vector::of(&formation.margins);
        let around = farther + Vector::splat(1);
        let (half_x, half_y) =
            (half_x + way_x.abs().shr::<1>() + around, half_y + way_y.abs().shr::<1>() + around);
        let margins = (way_x.abs() + way_y.abs() + farther).array();
        let shapes = Vector::of(&formation.shapes);
        let columns = [x, y, way_x, way_y, reach + farther, half_x, half_y, shapes].map(Vector::array);
        let spots: [Spot; LANES] = bytemuck::cast(Vector::transposed(columns.each_ref()).map(Vector::array));
        let proxies: [Proxy; LANES] = core::array::from_fn(|lane| Proxy {
            margin: margins[lane],
            radius: formation.radius[lane],
            hull: formation.hulls[lane],
            slot: (slot + lane) as u16,
            sub: 0,
            kind: kinds[lane],
            flags: flags[lane],
            traits: formation.traits[lane],
            since: formation.since[lane],
            ..Proxy::of_spot(&spots[lane])
        });
        list.extend_from_slice(&proxies);
        if state.desc.walls {
            let fast = (wide_x.abs().above(limit).bits()) | wide_y.abs().above(limit).bits();
            for (lane, spot) in spots.iter().enumerate() {
                self.mark_edge(&state.desc, spot, fast >> lane & 1 != 0);
            }
        }
        let middle = [x.plus(way_x.shr::<1>()), y.plus(way_y.shr::<1>())];
        Some(Flock { spots, middle, half: half_x.max(half_y) })
    }
}

#[cfg(test)]
mod tests {
    use super::{LANES, Proxies};
    use crate::physics::state::{KINEMATIC, State};
    use crate::{Angle, BodyDesc, Fx, Pcg32, Polygon, Vec2, WorldDesc};

    /// A body of one of three shapes that moves somehow: slowly, fast, or faster than is looked ahead.
    fn body(rng: &mut Pcg32, fastest: u32) -> BodyDesc {
        let mut some =
            |most: u32| Fx::from_bits(rng.below(2 * most).cast_signed()) - Fx::from_bits(most as i32);
        let (at, velocity) =
            (Vec2::new(some(20 << 16), some(20 << 16)), Vec2::new(some(fastest), some(fastest)));
        let spin = some(fastest);
        let size = Fx::from_ratio(1 + rng.below(40) as i32, 20);
        let shape = match rng.below(3) {
            0 => BodyDesc::rect(Vec2::new(size, Fx::HALF)),
            1 => BodyDesc::capsule(size, Fx::HALF),
            _ => BodyDesc::polygon(Polygon::regular(3 + rng.below(6) as u8, size)),
        };
        let shape = if rng.below(8) == 0 { shape.sensor() } else { shape };
        let shape = if rng.below(4) == 0 { shape.kinematic() } else { shape };
        shape.at(at).turned(Angle(rng.below(1 << 16) as u16)).moving(velocity).spinning(spin)
    }

    /// Eight at once are listed as one by one, with walls and without, also when outlines are known from before.
    #[test]
    fn many_at_once_are_listed_as_one_by_one() {
        let (mut flocks, mut kinematic) = (0, 0);
        for round in 0..400_u32 {
            let mut rng = Pcg32::new(7, round.into());
            let half_extent = Vec2::splat(Fx::from_int(21));
            let desc = WorldDesc { walls: round % 2 == 0, half_extent, ..WorldDesc::default() };
            let mut state = State::new(desc);
            let fastest = [1 << 10, 5 << 16, 400 << 16][round as usize % 3];
            for _ in 0..3 * LANES {
                state.add(&body(&mut rng, fastest));
            }
            let tick = state.desc.tick_seconds();
            let [mut singly, mut together] = [Proxies::default(), Proxies::default()];
            for turn in 0..3 {
                state.rotations[rng.below(24) as usize] = state.rotations[rng.below(24) as usize];
                state.positions[turn].x += Fx::STEP;
                state.settle_bases(&mut Vec::new());
                singly.clear(&state);
                together.clear(&state);
                for slot in (0..state.slots()).step_by(LANES) {
                    let mut spots = Vec::new();
                    (slot..slot + LANES)
                        .for_each(|at| singly.draft(&state, at, tick, |spot, _| spots.push(spot)));
                    let flock = together.draft_flock(&state, slot, tick).expect("all of them are outlines");
                    assert_eq!(flock.spots[..], spots, "round {round}");
                    let widest = spots.iter().map(|spot| spot.half_x.max(spot.half_y)).max().unwrap_or(0);
                    assert!(flock.any_wider(widest - 1) && !flock.any_wider(widest));
                    flocks += 1;
                }
                assert_eq!(together.list, singly.list, "round {round}");
                assert_eq!((&together.edge, &together.hulls), (&singly.edge, &singly.hulls), "round {round}");
            }
            kinematic += state.flags.iter().filter(|flags| *flags & KINEMATIC != 0).count();
        }
        assert!(flocks == 3_600 && kinematic > 1_000);
    }

    /// One that does not move, or is a disc, or two shapes, needs a closer look.
    #[test]
    fn others_are_listed_one_by_one() {
        let cube = BodyDesc::rect(Vec2::splat(Fx::ONE));
        for (odd, is_plain) in
            [(cube, true), (cube.fixed(), false), (BodyDesc::circle(Fx::ONE), false), (cube.bullet(), false)]
        {
            let mut state = State::new(WorldDesc::default());
            for slot in 0..LANES {
                state.add(if slot == 5 { &odd } else { &cube });
            }
            let mut proxies = Proxies::default();
            proxies.clear(&state);
            let tick = state.desc.tick_seconds();
            assert_eq!(proxies.draft_flock(&state, 0, tick).is_some(), is_plain);
            assert!(proxies.draft_flock(&state, 1, tick).is_none(), "there are only seven of them");
            assert_eq!(proxies.list.len(), if is_plain { LANES } else { 0 });
        }
    }
}
