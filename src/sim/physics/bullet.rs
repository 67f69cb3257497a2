//! Bullets: bodies that stop at the first thing on their way instead of jumping through it.

use alloc::vec::Vec;

use super::cast::{Sweep, WHOLE};
use super::grid::Grid;
use super::hull::{Hull, P};
use super::manifold::dot;
use super::pairing::{PASSING, Pairing};
use super::pairs::Apart;
use super::proxy::{Proxies, Proxy};
use super::state::{BULLET, State};
use super::step::{FACING_MIN, up_of};
use super::swing::{Shot, Swing};
use crate::{Fx, Vec2};

/// What a bullet stops in front of: 1/512 of a unit.
const GAP: i64 = 1 << 7;

/// Takes every bullet back to where the first of its shapes touched something in this tick. All bodies have moved
/// already, from `starts`. Shapes are swept along the way of their body as the other body sees it, as both are turned
/// when the tick begins; but what goes round so fast that it would jump over a bullet is turned meanwhile.
#[inline(never)]
pub(crate) fn stop_bullets(
    state: &mut State,
    proxies: &Proxies,
    grid: &Grid,
    (starts, apart): (&[Vec2], Apart),
    swings: &mut Vec<Swing>,
) {
    if proxies.bullets.is_empty() {
        return;
    }
    let farthest = farthest_way(state, starts);
    Swing::list_all(state, swings);
    for &index in &proxies.bullets {
        let shapes = &proxies.list[usize::from(index)..];
        let slot = usize::from(shapes[0].slot);
        let solid = |shape: &&Proxy| !state.blueprints.get(shape.kind).blueprint.part.sensor;
        let shapes = || shapes.iter().take_while(|shape| usize::from(shape.slot) == slot).filter(solid);
        let way = went(state, starts, slot);
        let Some(thin) = shapes().map(|shape| thin(state, shape)).min() else { continue };
        let swept = |way, held| {
            let most = Free { part: WHOLE, way, rides: false };
            shapes().fold(most, |free, shape| {
                free_part(state, proxies, grid, (starts, apart), (shape, thin, farthest), (way, held), free)
            })
        };
        let mut free = Free { part: WHOLE, way, rides: false };
        // Whoever comes towards it may jump over it as well as it over them.
        if way.length().to_bits() > thin || farthest > thin {
            free = swept(way, false);
        }
        for shape in shapes() {
            let shot = Shot { shape, hull: proxies.hull(state, shape), thin, way };
            for swing in swings.iter() {
                if let Some((part, way)) = swing.meet(state, (starts, apart), shot, (GAP, free.part)) {
                    free = Free { part, way, rides: true };
                }
            }
        }
        if free.part == WHOLE {
            continue;
        }
        if free.rides {
            // It is not pushed through what stands still.
            free = swept(free.way, true);
        }
        state.positions[slot] = starts[slot] + free.way;
    }
}

/// How far a bullet gets.
struct Free {
    /// The part of its way, as what it meets sees it, at the most.
    part: i64,
    /// How far it goes.
    way: Vec2,
    /// Whether what it meets takes it along.
    rides: bool,
}

impl Free {
    /// What goes a part of a way, as something sees it that itself goes as far as `ridden`.
    fn of(part: i64, way: Vec2, ridden: Vec2) -> Self {
        let of = |way: Fx| Fx::from_wide((i64::from(way.to_bits()) * part) >> 30);
        let own = way - ridden;
        Self { part, way: ridden + Vec2::new(of(own.x), of(own.y)), rides: ridden != Vec2::ZERO }
    }
}

/// Half of what a shape is wide where it is thinnest; of a line the gap, or it would not move where it lies.
fn thin(state: &State, shape: &Proxy) -> i32 {
    let half = state.blueprints.get(shape.kind).hull.half;
    half.0.min(half.1).max(GAP as i32)
}

fn went(state: &State, starts: &[Vec2], slot: usize) -> Vec2 {
    state.positions[slot] - starts[slot]
}

/// How far anything goes in this tick along an axis, at the most.
pub(crate) fn farthest_way(state: &State, starts: &[Vec2]) -> i32 {
    let ways = state.positions.iter().zip(starts).map(|(now, start)| *now - *start);
    let longest = ways.map(|way| way.x.to_bits().saturating_abs().max(way.y.to_bits().saturating_abs()));
    longest.max().unwrap_or(0)
}

/// How far a shape of a bullet gets, which is `most` at the most; `held` by what stands still alone.
fn free_part(
    state: &State,
    proxies: &Proxies,
    grid: &Grid,
    (starts, apart): (&[Vec2], Apart),
    (bullet, thin, farthest): (&Proxy, i32, i32),
    (way, held): (Vec2, bool),
    most: Free,
) -> Free {
    let kind = state.blueprints.get(bullet.kind);
    let own = |proxy: &Proxy| -> Hull {
        *proxies.hulls.get(proxy.hull as usize).unwrap_or(&state.blueprints.get(proxy.kind).hull)
    };
    let hull = own(bullet);
    let from = (i64::from(bullet.x), i64::from(bullet.y));
    let (low, high) = bullet.corners();
    let to = [way.x.to_bits(), way.y.to_bits()];
    let low = [0, 1].map(|axis| low[axis].saturating_add(to[axis].min(0)).saturating_sub(farthest));
    let high = [0, 1].map(|axis| high[axis].saturating_add(to[axis].max(0)).saturating_add(farthest));
    let mut free = most;
    for spot in grid.within(low, high).chain(grid.large()) {
        let other = &proxies.of(state, spot);
        let part = &state.blueprints.get(other.kind).blueprint.part;
        let (begin, until) = other.corners();
        let near = begin[0] <= high[0] && until[0] >= low[0] && begin[1] <= high[1] && until[1] >= low[1];
        if !near || other.slot == bullet.slot || part.sensor || !kind.blueprint.part.filter.meets(part.filter)
        {
            continue;
        }
        let went = went(state, starts, usize::from(other.slot));
        if apart.has(bullet.slot, other.slot) || held && went != Vec2::ZERO {
            continue;
        }
        let seen = way - went;
        let seen_way = (i64::from(seen.x.to_bits()), i64::from(seen.y.to_bits()));
        let sweep = Sweep { hull: &hull, from, way: seen_way };
        let at = (i64::from(other.x), i64::from(other.y));
        let Some(mut met) = sweep.meet(&own(other), at, GAP, free.part) else { continue };
        if met.at_once {
            // What it touches already pushes it back, unless it goes through before it is pushed.
            let into = dot(met.normal, seen.x.to_bits(), seen.y.to_bits());
            let room = (i64::from(thin) + met.out.min(0)).max(0);
            if into <= room {
                continue;
            }
            met.part = (room << 30) / into;
        }
        if met.part < free.part
            && !(part.material.one_way && passes(state, bullet, other, (met.normal, seen)))
        {
            // Another bullet stops as well, when it is its turn.
            let waits = other.flags & BULLET != 0 && other.slot > bullet.slot;
            free = Free::of(met.part, way, if waits { Vec2::ZERO } else { went });
        }
    }
    free
}

/// Whether a bullet goes through a platform that holds only what comes from above: it comes from another side, rises
/// as seen from the platform, or is on its way through. `normal` is from the bullet to the platform.
fn passes(state: &State, bullet: &Proxy, platform: &Proxy, (normal, way): (P, Vec2)) -> bool {
    let up = up_of(state, platform.slot, platform.kind);
    let rises = dot(up, way.x.to_bits(), way.y.to_bits()) > 0;
    let (one, other) = ((bullet.slot, bullet.sub), (platform.slot, platform.sub));
    let ((a, sub_a), (b, sub_b)) = if one < other { (one, other) } else { (other, one) };
    let key = Pairing { a, b, sub_a, sub_b, ..Pairing::default() }.sort_key();
    let before = state.pairings.binary_search_by_key(&key, Pairing::sort_key);
    rises
        || -dot(up, normal.0, normal.1) < FACING_MIN
        || before.is_ok_and(|at| state.pairings[at].bits & PASSING != 0)
}
