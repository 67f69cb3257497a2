//! Bullets: bodies that stop at the first thing on their way instead of jumping through it.

use super::cast::{Sweep, WHOLE};
use super::grid::Grid;
use super::hull::{Hull, P};
use super::manifold::dot;
use super::pairing::{PASSING, Pairing};
use super::proxy::{Proxies, Proxy};
use super::state::State;
use super::step::{FACING_MIN, up_of};
use crate::{Fx, Vec2};

/// What a bullet stops in front of: 1/512 of a unit.
const GAP: i64 = 1 << 7;

/// Takes every bullet back to where the first of its shapes touched something in this tick. All bodies have moved
/// already, from `starts`. Shapes are swept along the way of their body, not as they turn on it.
#[inline(never)]
pub(crate) fn stop_bullets(state: &mut State, proxies: &Proxies, grid: &Grid, starts: &[Vec2]) {
    for &index in &proxies.bullets {
        let shapes = &proxies.list[usize::from(index)..];
        let slot = shapes[0].slot;
        let solid = |shape: &&Proxy| !state.blueprints.get(shape.kind).blueprint.part.sensor;
        let shapes = || shapes.iter().take_while(|shape| shape.slot == slot).filter(solid);
        let way = state.positions[usize::from(slot)] - starts[usize::from(slot)];
        let thin = |shape: &Proxy| {
            let half = state.blueprints.get(shape.kind).hull.half;
            half.0.min(half.1)
        };
        if shapes().map(thin).min().is_none_or(|thin| way.length().to_bits() <= thin) {
            continue;
        }
        let free = |free, shape| free_part(state, proxies, grid, starts, (shape, way, free));
        let part = shapes().fold(WHOLE, free);
        if part < WHOLE {
            let back = |way: Fx| Fx::from_wide((i64::from(way.to_bits()) * (WHOLE - part)) >> 30);
            state.positions[usize::from(slot)] -= Vec2::new(back(way.x), back(way.y));
        }
    }
}

/// The part of its way that a shape of a bullet can go, `most` at the most.
fn free_part(
    state: &State,
    proxies: &Proxies,
    grid: &Grid,
    starts: &[Vec2],
    (bullet, way, most): (&Proxy, Vec2, i64),
) -> i64 {
    let kind = state.blueprints.get(bullet.kind);
    let own = |proxy: &Proxy| -> Hull {
        *proxies.hulls.get(proxy.hull as usize).unwrap_or(&state.blueprints.get(proxy.kind).hull)
    };
    let hull = own(bullet);
    let (x, y) = (i64::from(bullet.x), i64::from(bullet.y));
    let sweep =
        Sweep { hull: &hull, from: (x, y), way: (i64::from(way.x.to_bits()), i64::from(way.y.to_bits())) };
    let (low, high) = bullet.corners();
    let to = [way.x.to_bits(), way.y.to_bits()];
    let low = [low[0].saturating_add(to[0].min(0)), low[1].saturating_add(to[1].min(0))];
    let high = [high[0].saturating_add(to[0].max(0)), high[1].saturating_add(to[1].max(0))];
    let mut free = most;
    for spot in grid.within(low, high).chain(grid.large()) {
        let other = &proxies.of(state, spot);
        let part = &state.blueprints.get(other.kind).blueprint.part;
        let (from, until) = other.corners();
        let near = from[0] <= high[0] && until[0] >= low[0] && from[1] <= high[1] && until[1] >= low[1];
        if !near || other.slot == bullet.slot || part.sensor || !kind.blueprint.part.filter.meets(part.filter)
        {
            continue;
        }
        if state.is_apart(bullet.slot, other.slot) {
            continue;
        }
        let went = state.positions[usize::from(other.slot)] - starts[usize::from(other.slot)];
        let at = (
            i64::from(other.x) + i64::from(went.x.to_bits()),
            i64::from(other.y) + i64::from(went.y.to_bits()),
        );
        let Some(met) = sweep.meet(&own(other), at, GAP, free).filter(|met| !met.at_once) else { continue };
        if !(part.material.one_way && passes(state, bullet, other, (met.normal, way - went))) {
            free = met.part;
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
