//! `Passage`, the way of a bullet through a sensor within one step.

use alloc::vec::Vec;

use super::bullet::farthest_way;
use super::cast::{Sweep, WHOLE, axis};
use super::grid::Grid;
use super::hull::{Ghosts, Hull};
use super::manifold::{Outline, collide};
use super::meeting::ghosts;
use super::pairing::{Pairing, TOUCHING};
use super::pairs::Apart;
use super::proxy::{Proxies, Proxy};
use super::query::placed_part;
use super::spot::SENSOR;
use super::state::{BULLET, State, is_moving};
use super::step::order_of;
use super::{ContactEvent, ContactPhase};
use crate::{Fx, Vec2};

/// What a sweep that is cut short may be away from what it comes to: 1/1,024 of a unit.
const TOUCHES: i64 = 1 << 6;

/// Two shapes, one of them of a bullet and one of them a sensor, that touched within a step, but neither when it began
/// nor when it ended. Ordered as meetings are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Passage {
    a: u16,
    b: u16,
    sub_a: u16,
    sub_b: u16,
}

impl Passage {
    /// Finds those of all bullets in a step, in their order. All bodies have moved already, as far as they get.
    #[inline(never)]
    pub(crate) fn find_all(
        state: &State,
        proxies: &Proxies,
        grid: &Grid,
        (starts, apart): (&[Vec2], Apart),
        found: &mut Vec<Self>,
    ) {
        found.clear();
        // As many as there ever are in most worlds of so many bodies.
        found.reserve(state.slots());
        if proxies.bullets.is_empty() || !grid.all().any(|spot| spot.traits & SENSOR != 0) {
            return;
        }
        let farthest = farthest_way(state, starts);
        for &index in &proxies.bullets {
            let shapes = &proxies.list[usize::from(index)..];
            let slot = shapes[0].slot;
            for bullet in shapes.iter().take_while(|shape| shape.slot == slot) {
                find(state, proxies, grid, (bullet, farthest, apart), found);
            }
        }
        found.sort_unstable();
    }

    /// Adds that it began and ended to what is told of a step, after what else is told of the two shapes; nothing if
    /// they touch all the while, as the search has it, which sees them a little otherwise.
    pub(crate) fn tell(self, state: &State, events: &mut Vec<ContactEvent>) {
        let pairing =
            Pairing { a: self.a, b: self.b, sub_a: self.sub_a, sub_b: self.sub_b, ..Pairing::default() };
        let known = state.pairings.binary_search_by_key(&pairing.sort_key(), Pairing::sort_key);
        if known.is_ok_and(|at| state.pairings[at].bits & TOUCHING != 0) {
            return;
        }
        let event = |phase| ContactEvent {
            a: state.id(usize::from(self.a)),
            b: state.id(usize::from(self.b)),
            shape_a: self.sub_a,
            shape_b: self.sub_b,
            phase,
            sensor: true,
            impulse: Fx::ZERO,
        };
        let both = [event(ContactPhase::Began), event(ContactPhase::Ended)];
        let last = order_of(&both[0]);
        let at = events.partition_point(|event| order_of(event) <= last);
        events.splice(at..at, both);
    }
}

/// Finds the passages of one shape of a bullet.
fn find(
    state: &State,
    proxies: &Proxies,
    grid: &Grid,
    (bullet, farthest, apart): (&Proxy, i32, Apart),
    found: &mut Vec<Passage>,
) {
    let way = went(state, bullet);
    let (low, high) = bullet.corners();
    let to = [way.x.to_bits(), way.y.to_bits()];
    let low = [0, 1].map(|axis| low[axis].saturating_add(to[axis].min(0)).saturating_sub(farthest));
    let high = [0, 1].map(|axis| high[axis].saturating_add(to[axis].max(0)).saturating_add(farthest));
    let filter = state.blueprints.brief(bullet.kind).filter;
    for spot in grid.within(low, high).chain(grid.large()) {
        if (spot.traits | bullet.traits) & SENSOR == 0 {
            continue;
        }
        let other = &proxies.of(state, spot);
        let (begin, until) = other.corners();
        let near = begin[0] <= high[0] && until[0] >= low[0] && begin[1] <= high[1] && until[1] >= low[1];
        // Of two bullets the one that comes first looks at both.
        let is_known = other.flags & BULLET != 0 && is_moving(other.flags) && other.slot < bullet.slot;
        let meets = || filter.meets(state.blueprints.brief(other.kind).filter);
        if !near || is_known || other.slot == bullet.slot || !meets() {
            continue;
        }
        if !apart.has(bullet.slot, other.slot) && passes(state, proxies, (bullet, way), other) {
            let (one, other) = ((bullet.slot, bullet.sub), (other.slot, other.sub));
            let ((a, sub_a), (b, sub_b)) = if one < other { (one, other) } else { (other, one) };
            found.push(Passage { a, b, sub_a, sub_b });
        }
    }
}

/// How far the middle of a shape went in this step.
fn went(state: &State, shape: &Proxy) -> Vec2 {
    let start = Vec2::new(Fx::from_bits(shape.x), Fx::from_bits(shape.y));
    let end = placed_part(state, usize::from(shape.slot), shape.sub);
    end.map_or(Vec2::ZERO, |end| end.centre - start)
}

/// Whether a bullet touches something on its way only, and neither where it begins nor where it ends.
fn passes(state: &State, proxies: &Proxies, (bullet, way): (&Proxy, Vec2), other: &Proxy) -> bool {
    let seen = way - went(state, other);
    let wide = |x: i32, y: i32| (i64::from(x), i64::from(y));
    let (hull, of_other) = (proxies.hull(state, bullet), proxies.hull(state, other));
    let sweep = Sweep { hull, from: wide(bullet.x, bullet.y), way: wide(seen.x.to_bits(), seen.y.to_bits()) };
    let at = wide(other.x, other.y);
    let Some(met) = sweep.meet(of_other, at, 0, WHOLE) else { return false };
    let here = sweep.at(met.part);
    let short = |part: i64| part.clamp(-(1 << 30), 1 << 30) as i32;
    let offset = (short(at.0 - here.0), short(at.1 - here.1));
    if axis(hull, of_other, offset).1 > TOUCHES {
        return false;
    }
    let (a, b) = if bullet.slot < other.slot { (bullet, other) } else { (other, bullet) };
    !touch_before(state, proxies, a, b) && !touch_after(state, a, b)
}

fn touch_before(state: &State, proxies: &Proxies, a: &Proxy, b: &Proxy) -> bool {
    let wide = |proxy: &Proxy| (i64::from(proxy.x), i64::from(proxy.y));
    let (hull_a, hull_b) = (proxies.hull(state, a), proxies.hull(state, b));
    touch([(hull_a, ghosts(state, a)), (hull_b, ghosts(state, b))], [wide(a), wide(b)])
}

/// As the step that follows sees it.
fn touch_after(state: &State, a: &Proxy, b: &Proxy) -> bool {
    let place = |proxy: &Proxy| placed_part(state, usize::from(proxy.slot), proxy.sub);
    let (Some(one), Some(other)) = (place(a), place(b)) else { return false };
    let wide = |at: Vec2| (i64::from(at.x.to_bits()), i64::from(at.y.to_bits()));
    let (hull_a, hull_b) = (one.hull(), other.hull());
    touch([(&hull_a, ghosts(state, a)), (&hull_b, ghosts(state, b))], [wide(one.centre), wide(other.centre)])
}

/// Whether two outlines at two places touch.
fn touch([(a, ghosts_a), (b, ghosts_b)]: [(&Hull, Option<Ghosts>); 2], at: [(i64, i64); 2]) -> bool {
    let (x, y) = (at[1].0 - at[0].0, at[1].1 - at[0].1);
    if x.abs().max(y.abs()) > i64::from(a.reach) + i64::from(b.reach) {
        return false;
    }
    let outline = |hull, ghosts| Outline { hull, ghosts };
    collide(outline(a, ghosts_a), outline(b, ghosts_b), (x as i32, y as i32), 0, 0).count > 0
}
