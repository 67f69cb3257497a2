//! `Sides`, a large outline that stands still: what is beyond one of its sides does not touch it, though the box around
//! a slope as long as the world holds all of the world.

use super::base::LAG_MARGIN;
use super::hull::{Hull, POINTS_MAX};
use super::manifold::dot;
use super::meeting::MARGIN_STEP;
use super::proxy::{MARGIN, NO_HULL, Proxies, Proxy};
use super::spot::{MOVES, Spot};
use super::state::State;

/// By so much what is seen where it was, or is rounded, may be nearer than it seems.
const SLACK: i64 = 4 * LAG_MARGIN as i64 + MARGIN_STEP as i64 + 64;

#[cfg(test)]
std::thread_local! {
    /// Whether nothing is left out.
    pub(crate) static ASK_ALL: core::cell::Cell<bool> = const { core::cell::Cell::new(false) };
    /// How many were left out.
    pub(crate) static LEFT_OUT: core::cell::Cell<u32> = const { core::cell::Cell::new(0) };
}

/// The sides of an outline, as far out as they are.
pub(crate) struct Sides {
    centre: [i64; 2],
    /// Outward normals in 1/2³⁰, and how far from the centre the sides are.
    list: [([i32; 2], i64); POINTS_MAX],
    count: usize,
    /// The one that was asked first, and left out the last shape.
    last: usize,
}

impl Sides {
    /// Those of a shape; none of a disc, nor of what moves.
    pub(crate) fn of(state: &State, proxies: &Proxies, proxy: &Proxy) -> Self {
        let centre = [i64::from(proxy.x), i64::from(proxy.y)];
        let mut sides = Self { centre, list: [([0; 2], i64::MAX / 2); POINTS_MAX], count: 0, last: 0 };
        if proxy.hull == NO_HULL || proxy.traits & MOVES != 0 {
            return sides;
        }
        #[cfg(test)]
        if ASK_ALL.get() {
            return sides;
        }
        let hull: &Hull = proxies.hull(state, proxy);
        for (side, (&(x, y), &normal)) in sides.list.iter_mut().zip(hull.points().iter().zip(&hull.normals)) {
            let out = dot(normal, x, y) + i64::from(hull.radius);
            *side = ([normal.0, normal.1], out + SLACK);
            sides.count += 1;
        }
        sides
    }

    /// Whether a shape is beyond one of them, and nothing of it comes near in this tick.
    #[inline(always)]
    pub(crate) fn leave_out(&mut self, spot: &Spot) -> bool {
        let reach = i64::from(spot.radius) + i64::from(spot.way_x.abs()) + i64::from(spot.way_y.abs());
        let reach = reach + i64::from(MARGIN);
        let [x, y] = [i64::from(spot.x) - self.centre[0], i64::from(spot.y) - self.centre[1]];
        let is_beyond = |&([normal_x, normal_y], out): &([i32; 2], i64)| {
            (i64::from(normal_x) * x + i64::from(normal_y) * y) >> 30 > out + reach
        };
        // Neighbours are beyond the same side, nearly always.
        let is_out = is_beyond(&self.list[self.last % POINTS_MAX])
            || self.list[..self.count].iter().position(is_beyond).is_some_and(|side| {
                self.last = side;
                true
            });
        #[cfg(test)]
        LEFT_OUT.set(LEFT_OUT.get() + u32::from(is_out));
        is_out
    }
}
