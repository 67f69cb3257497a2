//! Segments of chains: solid from their right side only, and smooth where they meet their neighbours (Catto, "Ghost
//! Collisions", 2020), so that nothing stumbles over a seam.

use super::clip::clip;
use super::hull::{Ghosts, Hull, P};
use super::manifold::{Manifold, corners, dot, farthest_in};
use crate::root::polar;

/// Directions that differ by less than this (the sine, in 1/2³⁰) are the same.
const SAME: i64 = 1 << 23;

fn ghost(point: crate::Vec2) -> P {
    (point.x.to_bits(), point.y.to_bits())
}

/// Whether a disc that is beyond one end of a segment is above the neighbour there, whose it is then.
pub(crate) fn neighbour_has(ghosts: Ghosts, from: P, to: P, before: bool, (x, y): P) -> bool {
    let (corner, end) = if before { (from, ghost(ghosts.before)) } else { (to, ghost(ghosts.after)) };
    let wide = |a: i32, b: i32| i64::from(a) - i64::from(b);
    let (side_x, side_y) = (wide(end.0, corner.0), wide(end.1, corner.1));
    (side_x == 0 && side_y == 0) || {
        let (side_x, side_y) = (i128::from(side_x), i128::from(side_y));
        side_x * i128::from(wide(x, corner.0)) + side_y * i128::from(wide(y, corner.1)) > 0
    }
}

/// A segment of a chain and an outline with sides.
pub(crate) fn segment_and_corners(
    segment: &Hull,
    ghosts: Ghosts,
    other: &Hull,
    offset: P,
    margin: i32,
) -> Manifold {
    let (from, to, normal) = (segment.points[0], segment.points[1], segment.normals[0]);
    let behind = dot(normal, offset.0.saturating_sub(from.0), offset.1.saturating_sub(from.1)) < 0;
    let limit = i64::from(margin) + i64::from(other.radius);
    if behind || farthest_in(normal, from, other, offset) > limit {
        return Manifold::default();
    }
    let found = corners(segment, other, offset, margin);
    if found.count == 0 || is_allowed(found.normal, normal, (from, to), ghosts) {
        return found;
    }
    let mut flat = Manifold::default();
    clip(segment, 0, other, offset, margin, &mut flat);
    if cross(flat.normal, normal).abs() > SAME {
        flat.count = 0;
    }
    flat
}

/// Whether a push in a direction is one that the segment may give: its own normal, or around a convex corner.
fn is_allowed(push: P, normal: P, (from, to): (P, P), ghosts: Ghosts) -> bool {
    let turn = cross(normal, push);
    if turn.abs() <= SAME && dot(normal, push.0, push.1) > 0 {
        return true;
    }
    // To the right of the normal is where the segment starts... its normal is to the right of its direction.
    let before = turn < 0;
    let side = if before {
        let end = ghost(ghosts.before);
        polar(from.0.saturating_sub(end.0), from.1.saturating_sub(end.1))
    } else {
        let end = ghost(ghosts.after);
        polar(end.0.saturating_sub(to.0), end.1.saturating_sub(to.1))
    };
    if side.length == 0 {
        // The chain ends here.
        return dot(normal, push.0, push.1) > 0;
    }
    let neighbour = (side.unit_y, -side.unit_x);
    if before {
        cross(neighbour, normal) > SAME && cross(neighbour, push) >= 0
    } else {
        cross(normal, neighbour) > SAME && cross(push, neighbour) >= 0
    }
}

fn cross(a: P, b: P) -> i64 {
    (i64::from(a.0) * i64::from(b.1) - i64::from(a.1) * i64::from(b.0)) >> 30
}
