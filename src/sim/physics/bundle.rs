//! `Bundle`, bodies in slots one after the other that are discs and nothing else, of which all is computed at once.

use super::grid::LANES;
use super::lanes::Vector;
use super::layout::Layout;
use super::proxy::{MARGIN, Proxies};
use super::spot::{MOVES, Spot, traits_of};
use super::state::{ALIVE, BULLET, COMPOUND, Motion, SPEED_BITS, State};
use crate::Vec2;

/// Discs in slots one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Bundle {
    x: Vector,
    y: Vector,
    way_x: Vector,
    way_y: Vector,
    radius: Vector,
    /// Half of the box around each and its way.
    half_x: Vector,
    half_y: Vector,
    /// Slots, and traits above them.
    shapes: Vector,
    /// Whether one of them goes farther than is looked ahead.
    pub(crate) any_fast: bool,
    /// Whether all of them move.
    pub(crate) all_move: bool,
}

impl Bundle {
    /// The bodies from `slot` on; nothing if they are not all discs, or there are not enough.
    #[inline(always)]
    pub(crate) fn of(state: &State, slot: usize, tick: i64) -> Option<Self> {
        let [radius, traits] = plain_of(state, slot)?;
        let places: &[Vec2; LANES] = state.positions.get(slot..)?.first_chunk()?;
        let motions: &[Motion; LANES] = state.motions.get(slot..)?.first_chunk()?;
        // All ones for those that move.
        let moves = traits.shl::<{ 15 - MOVES.trailing_zeros() as i32 }>().shr::<31>();
        // Speeds are below 2³¹ and a tick is at most a second: their ways are below 2²⁷.
        let tick = Vector::splat((tick >> 2) as i32);
        let way = |speed: Vector| {
            speed.times(tick).floor::<32, 0>().shr::<{ SPEED_BITS as i32 - 16 + 30 - 32 }>() & moves
        };
        let ([x, y], [speed_x, speed_y, ..]) = (Vector::of_twos(places), Vector::of_fours(motions));
        let (way_x, way_y) = (way(speed_x), way(speed_y));
        // A margin for those that move.
        let reach = radius + (Vector::splat(MARGIN + 1) & moves);
        let farthest = way_x.abs().max(way_y.abs());
        Some(Self {
            x,
            y,
            way_x,
            way_y,
            radius,
            half_x: reach + way_x.abs().shr::<1>(),
            half_y: reach + way_y.abs().shr::<1>(),
            shapes: traits + Vector::splat(slot as i32) + Vector::of(&[0, 1, 2, 3, 4, 5, 6, 7]),
            all_move: moves.signs() == (1 << LANES) - 1,
            any_fast: farthest.above(radius.max(Vector::splat(MARGIN))).bits() != 0,
        })
    }

    /// Whether the box around one of them is wider than twice that.
    #[inline(always)]
    pub(crate) fn any_wider(&self, half: i32) -> bool {
        self.half_x.max(self.half_y).above(Vector::splat(half)).bits() != 0
    }

    /// The middles of their ways.
    #[inline(always)]
    fn middle(&self) -> [Vector; 2] {
        [self.x.plus(self.way_x.shr::<1>()), self.y.plus(self.way_y.shr::<1>())]
    }

    /// The cell of each.
    #[inline(always)]
    pub(crate) fn cells(&self, layout: &Layout) -> [u32; LANES] {
        let [x, y] = self.middle();
        layout.cells_of(x, y)
    }

    /// The left, right, lower and upper side of the box around each and its way.
    #[inline(always)]
    pub(crate) fn sides(&self) -> [Vector; 4] {
        let ([x, y], zero) = (self.middle(), Vector::splat(0));
        let sides = |at: Vector, half: Vector| [at.plus(zero - half), at.plus(half)];
        let ([left, right], [bottom, top]) = (sides(x, self.half_x), sides(y, self.half_y));
        [left, right, bottom, top]
    }

    /// Keeps in mind which of them may come to the border.
    #[inline(always)]
    pub(crate) fn mark_edge(&self, state: &State, spots: &[Spot; LANES], proxies: &mut Proxies) {
        if !state.desc.walls {
            return;
        }
        let mut near = self.near_border(state.desc.half_extent);
        while near != 0 {
            let spot = &spots[near.trailing_zeros() as usize % LANES];
            proxies.mark_edge(&state.desc, spot, false);
            near &= near - 1;
        }
    }

    /// A bit for each of them whose box is at the border of a world, or out of it.
    #[inline(always)]
    fn near_border(&self, half_extent: Vec2) -> u32 {
        let (width, height) = (half_extent.x.to_bits(), half_extent.y.to_bits());
        if width.max(height) > 1 << 30 {
            return (1 << LANES) - 1;
        }
        // Half extents are at least one and reaches at most a few thousand: nothing leaves the range.
        let most = Vector::splat(1 << 30);
        let room =
            |end: i32, at: Vector, half: Vector| Vector::splat(end - MARGIN) - half - at.within(most).abs();
        let [x, y] = self.middle();
        let nearest = room(width, x, self.half_x).min(room(height, y, self.half_y));
        nearest.signs()
    }

    #[inline(always)]
    pub(crate) fn spots(&self) -> [Spot; LANES] {
        let Self { x, y, way_x, way_y, radius, half_x, half_y, shapes, .. } = *self;
        let columns = [x, y, way_x, way_y, radius, half_x, half_y, shapes].map(Vector::array);
        bytemuck::cast(Vector::transposed(columns.each_ref()).map(Vector::array))
    }
}

/// The radius of each of the bodies from `slot` on, and its traits above 16 bits; nothing if they are not all discs
/// that are looked ahead for as others are.
#[inline(always)]
fn plain_of(state: &State, slot: usize) -> Option<[Vector; 2]> {
    let flags: &[u8; LANES] = state.flags.get(slot..)?.first_chunk()?;
    let kinds: &[u16; LANES] = state.kinds.get(slot..)?.first_chunk()?;
    let (Some(flags), Some(kind)) = (one_flags(flags), one_kind(kinds)) else {
        return mixed(state, flags, kinds);
    };
    let brief = state.blueprints.try_brief(kind)?;
    let traits = brief.traits | traits_of(flags);
    let plain = (brief.count == 1) & is_plain(flags);
    plain.then(|| [Vector::splat(brief.radius), Vector::splat(i32::from(traits) << 16)])
}

/// As [`plain_of`], of bodies that differ.
#[inline(never)]
fn mixed(state: &State, flags: &[u8; LANES], kinds: &[u16; LANES]) -> Option<[Vector; 2]> {
    let (mut radius, mut traits, mut plain) = ([0; LANES], [0; LANES], true);
    for lane in 0..LANES {
        let brief = state.blueprints.try_brief(kinds[lane])?;
        plain &= (brief.count == 1) & is_plain(flags[lane]);
        radius[lane] = brief.radius;
        traits[lane] = i32::from(brief.traits | traits_of(flags[lane])) << 16;
    }
    plain.then(|| [Vector::of(&radius), Vector::of(&traits)])
}

#[inline(always)]
const fn is_plain(flags: u8) -> bool {
    flags & (ALIVE | COMPOUND | BULLET) == ALIVE
}

/// The flags that all have, if they are of one kind, as bodies beside each other nearly always are.
#[inline(always)]
pub(crate) fn one_flags(flags: &[u8; LANES]) -> Option<u8> {
    let all = u64::from_le_bytes(*flags);
    (all == u64::from(flags[0]) * 0x0101_0101_0101_0101).then_some(flags[0])
}

/// The blueprint that all have, if it is one.
#[inline(always)]
pub(crate) fn one_kind(kinds: &[u16; LANES]) -> Option<u16> {
    let [low, high]: [u64; 2] = bytemuck::cast(*kinds);
    let one = u64::from(kinds[0]) * 0x0001_0001_0001_0001;
    ((low == one) & (high == one)).then_some(kinds[0])
}
