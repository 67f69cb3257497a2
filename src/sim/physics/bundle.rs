//! `Bundle`, bodies in slots one after the other that are discs and nothing else, of which all is computed at once.

use super::grid::LANES;
use super::hull::P;
use super::layout::Layout;
use super::proxy::{MARGIN, Proxies};
use super::spot::{MOVES, Spot, traits_of};
use super::state::{ALIVE, BULLET, COMPOUND, SPEED_BITS, State};
use crate::Vec2;

type Lane = [i32; LANES];

/// Discs in slots one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Bundle {
    first: u16,
    x: Lane,
    y: Lane,
    way_x: Lane,
    way_y: Lane,
    radius: Lane,
    /// That, and a margin for those that move.
    reach: Lane,
    traits: [u8; LANES],
    /// Whether one of them goes farther than is looked ahead.
    pub(crate) any_fast: bool,
}

/// Boxes around discs and their ways.
pub(crate) struct Boxes {
    /// Left, right, bottom, top.
    pub(crate) sides: [Lane; 4],
    /// Half of each size.
    pub(crate) halves: [P; LANES],
    /// The largest of them.
    pub(crate) widest: i32,
}

impl Bundle {
    /// The bodies from `slot` on; nothing if they are not all discs, or there are not enough.
    #[inline(always)]
    pub(crate) fn of(state: &State, slot: usize, tick: i64) -> Option<Self> {
        let flags: &[u8; LANES] = state.flags.get(slot..)?.first_chunk()?;
        let kinds: &[u16; LANES] = state.kinds.get(slot..)?.first_chunk()?;
        let (mut radius, mut moves, mut traits) = ([0; LANES], [0; LANES], [0; LANES]);
        let mut plain = true;
        // Nearly always they are of one blueprint.
        if *kinds == [kinds[0]; LANES] {
            let brief = state.blueprints.try_brief(kinds[0])?;
            plain &= brief.count == 1;
            (radius, traits) = ([brief.radius; LANES], [brief.traits; LANES]);
        } else {
            for lane in 0..LANES {
                let brief = state.blueprints.try_brief(kinds[lane])?;
                plain &= brief.count == 1;
                (radius[lane], traits[lane]) = (brief.radius, brief.traits);
            }
        }
        for lane in 0..LANES {
            plain &= flags[lane] & (ALIVE | COMPOUND | BULLET) == ALIVE;
            traits[lane] |= traits_of(flags[lane]);
            moves[lane] = -i32::from(traits[lane] & MOVES);
        }
        if !plain {
            return None;
        }
        let places: &[Vec2; LANES] = state.positions.get(slot..)?.first_chunk()?;
        let motions: &[super::state::Motion; LANES] = state.motions.get(slot..)?.first_chunk()?;
        // Speeds are below 2³¹ and a tick is at most a second: their ways are below 2²⁷.
        let tick = (tick >> 2) as i32;
        let way = |speed: i32| ((i64::from(speed) * i64::from(tick)) >> (SPEED_BITS - 16 + 30)) as i32;
        let (x, y) = (places.map(|place| place.x.to_bits()), places.map(|place| place.y.to_bits()));
        let (mut way_x, mut way_y) =
            (motions.map(|motion| way(motion.x)), motions.map(|motion| way(motion.y)));
        let (mut reach, mut over) = ([0; LANES], 0);
        for lane in 0..LANES {
            way_x[lane] &= moves[lane];
            way_y[lane] &= moves[lane];
            reach[lane] = radius[lane] + ((MARGIN + 1) & moves[lane]);
            let most = way_x[lane].abs().max(way_y[lane].abs());
            over = over.max(most - radius[lane].max(MARGIN));
        }
        Some(Self { first: slot as u16, x, y, way_x, way_y, radius, reach, traits, any_fast: over > 0 })
    }

    /// The cell of each, and the largest half size.
    #[inline(always)]
    pub(crate) fn cells(&self, layout: &Layout) -> ([u32; LANES], i32) {
        let (mut x, mut y, mut widest) = (self.x, self.y, 0);
        for lane in 0..LANES {
            x[lane] = x[lane].saturating_add(self.way_x[lane] >> 1);
            y[lane] = y[lane].saturating_add(self.way_y[lane] >> 1);
            let way = self.way_x[lane].abs().max(self.way_y[lane].abs());
            widest = widest.max(self.reach[lane] + (way >> 1));
        }
        (layout.cells_of(&x, &y), widest)
    }

    /// The box around each and its way.
    #[inline(always)]
    pub(crate) fn boxes(&self) -> Boxes {
        let (mut sides, mut halves, mut widest) = ([[0; LANES]; 4], [(0, 0); LANES], 0);
        for lane in 0..LANES {
            let x = self.x[lane].saturating_add(self.way_x[lane] >> 1);
            let y = self.y[lane].saturating_add(self.way_y[lane] >> 1);
            let half_x = self.reach[lane] + (self.way_x[lane].abs() >> 1);
            let half_y = self.reach[lane] + (self.way_y[lane].abs() >> 1);
            halves[lane] = (half_x, half_y);
            widest = widest.max(half_x.max(half_y));
            (sides[0][lane], sides[1][lane]) = (x.saturating_sub(half_x), x.saturating_add(half_x));
            (sides[2][lane], sides[3][lane]) = (y.saturating_sub(half_y), y.saturating_add(half_y));
        }
        Boxes { sides, halves, widest }
    }

    /// Keeps in mind which of them may come to the border.
    #[inline(always)]
    pub(crate) fn mark_edge(&self, state: &State, spots: &[Spot; LANES], proxies: &mut Proxies) {
        if !state.desc.walls {
            return;
        }
        let rooms = self.rooms(state.desc.half_extent);
        if rooms.iter().fold(0, |any, room| any | room) < 0 {
            for (spot, _) in spots.iter().zip(&rooms).filter(|(_, room)| **room < 0) {
                proxies.mark_edge(&state.desc, spot, spot.disc_half(), false);
            }
        }
    }

    /// How far from the border of a world each of them stays at least; less than 0 if it may come there.
    #[inline(always)]
    fn rooms(&self, half_extent: Vec2) -> Lane {
        let (width, height) = (half_extent.x.to_bits(), half_extent.y.to_bits());
        let mut nearest = [-1; LANES];
        if width.max(height) > 1 << 30 {
            return nearest;
        }
        for (lane, nearest) in nearest.iter_mut().enumerate() {
            // Half extents are at least one and reaches at most a few thousand: nothing leaves the range.
            let room = |end: i32, at: i32, way: i32| {
                (end - MARGIN) - self.reach[lane] - way.abs() - at.saturating_abs()
            };
            let room_x = room(width, self.x[lane].clamp(-(1 << 30), 1 << 30), self.way_x[lane]);
            let room_y = room(height, self.y[lane].clamp(-(1 << 30), 1 << 30), self.way_y[lane]);
            *nearest = room_x.min(room_y);
        }
        nearest
    }

    #[inline(always)]
    pub(crate) fn spots(&self) -> [Spot; LANES] {
        core::array::from_fn(|lane| Spot {
            x: self.x[lane],
            y: self.y[lane],
            way_x: self.way_x[lane],
            way_y: self.way_y[lane],
            radius: self.radius[lane],
            shape: self.first + lane as u16,
            traits: self.traits[lane],
        })
    }
}
