//! `Flock`, bodies in slots one after the other that are outlines and nothing else, and move: all but how the outlines
//! turn is computed at once.

use super::base::{Base, LAG_MARGIN, may_lag};
use super::bundle::one_flags;
use super::grid::LANES;
use super::lanes::Vector;
use super::layout::Layout;
use super::proxy::{MARGIN, OWN_HULL, Proxies, Proxy, Stance};
use super::spot::{LISTED, Spot, traits_of};
use super::state::{ALIVE, BULLET, COMPOUND, Motion, SPEED_BITS, State, is_moving};
use crate::Vec2;

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

/// What is known of each of them by its blueprint and by how it is turned.
#[derive(Default)]
struct Outlines {
    half_x: [i32; LANES],
    half_y: [i32; LANES],
    radius: [i32; LANES],
    reach: [i32; LANES],
    traits: [u8; LANES],
    hulls: [u32; LANES],
    since: [u64; LANES],
    places: [Vec2; LANES],
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
        let has_sides = |&kind: &u16| state.blueprints.try_brief(kind).is_some_and(|brief| brief.count > 1);
        let tick = i32::try_from(tick).ok()?;
        if !are_plain(flags) || !kinds.iter().all(has_sides) {
            return None;
        }
        let outlines = self.outlines(state, slot, (flags, kinds))?;
        let motions: &[Motion; LANES] = state.motions.get(slot..)?.first_chunk()?;
        let ([x, y], [speed_x, speed_y, spin, _]) =
            (Vector::of_twos(&outlines.places), Vector::of_fours(motions));
        let (half_x, half_y) = (Vector::of(&outlines.half_x), Vector::of(&outlines.half_y));
        let (radius, reach) = (Vector::of(&outlines.radius), Vector::of(&outlines.reach));
        let (margin, tick) = (Vector::splat(MARGIN), Vector::splat(tick));
        let way = |speed: Vector| speed.times(tick).floor::<32, 0>().shr::<{ SPEED_BITS as i32 - 16 }>();
        // As [`Proxy::look_ahead`] has it.
        let limit = half_x.min(half_y).max(margin).min(Vector::splat(1 << 28));
        let (wide_x, wide_y) = (way(speed_x), way(speed_y));
        let (way_x, way_y) = (wide_x.within(limit), wide_y.within(limit));
        let swung = spin.abs().times_unsigned(reach - radius).within(0, (1 << 47) - 1).floor::<16, 16>();
        let lags = flags.map(|flags| if may_lag(flags) { LAG_MARGIN } else { 0 });
        let farther = way(swung).min(limit) + margin + Vector::of(&lags);
        let around = farther + Vector::splat(1);
        let (half_x, half_y) =
            (half_x + way_x.abs().shr::<1>() + around, half_y + way_y.abs().shr::<1>() + around);
        let margins = (way_x.abs() + way_y.abs() + farther).array();
        let first = self.list.len();
        let shapes = core::array::from_fn(|lane| {
            (first + lane) as i32 | i32::from(outlines.traits[lane] | LISTED) << 16
        });
        let columns =
            [x, y, way_x, way_y, reach + farther, half_x, half_y, Vector::of(&shapes)].map(Vector::array);
        let spots: [Spot; LANES] = bytemuck::cast(Vector::transposed(columns.each_ref()).map(Vector::array));
        for lane in 0..LANES {
            self.list.push(Proxy {
                margin: margins[lane],
                radius: outlines.radius[lane],
                hull: outlines.hulls[lane],
                slot: (slot + lane) as u16,
                sub: 0,
                kind: kinds[lane],
                flags: flags[lane],
                traits: outlines.traits[lane],
                since: outlines.since[lane],
                ..Proxy::of_spot(&spots[lane])
            });
        }
        if state.desc.walls {
            let fast = (wide_x.abs().above(limit).bits()) | wide_y.abs().above(limit).bits();
            for (lane, spot) in spots.iter().enumerate() {
                self.mark_edge(&state.desc, spot, fast >> lane & 1 != 0);
            }
        }
        let middle = [x.plus(way_x.shr::<1>()), y.plus(way_y.shr::<1>())];
        Some(Flock { spots, middle, half: half_x.max(half_y) })
    }

    /// Turns the outlines of the bodies from `slot` on, and what is known of them by their blueprints.
    #[inline(always)]
    fn outlines(
        &mut self,
        state: &State,
        slot: usize,
        (flags, kinds): (&[u8; LANES], &[u16; LANES]),
    ) -> Option<Outlines> {
        let bases: &[Base; LANES] = state.bases.get(slot..)?.first_chunk()?;
        let mut all = Outlines::default();
        for lane in 0..LANES {
            let (brief, kind) = (state.blueprints.brief(kinds[lane]), state.blueprints.get(kinds[lane]));
            let stance = Stance {
                at: bases[lane].at,
                rot: bases[lane].rot,
                slot: (slot + lane) as u16,
                sub: 0,
                kind: kinds[lane],
                hull: OWN_HULL,
                since: self.search,
            };
            let (half, hull, since) = self.outline(self.list.len() + lane, &kind.hull, stance);
            (all.half_x[lane], all.half_y[lane]) = half;
            (all.hulls[lane], all.since[lane]) = (hull, since);
            (all.radius[lane], all.reach[lane]) = (brief.radius, brief.reach);
            all.traits[lane] = brief.traits | traits_of(flags[lane]);
            all.places[lane] = bases[lane].at;
        }
        Some(all)
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
