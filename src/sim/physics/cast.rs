//! How far an outline gets along a way before it touches another: conservative advancement along separating axes
//! (Mirtich, "Impulse-based Dynamic Simulation of Rigid Body Systems", 1996; Catto, "Continuous Collision", 2013).

use super::BodyId;
use super::hull::{Hull, P};
use super::manifold::{Outline, best_side, collide};
use crate::root::polar;
use crate::{Fx, Vec2};

/// What a ray or a shape met on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cast {
    /// The body.
    pub body: BodyId,
    /// Which of its shapes.
    pub shape: u16,
    /// The part of the way until there, 0 to 1.
    pub part: Fx,
    /// Where the ray, or the origin of the shape, is then.
    pub position: Vec2,
    /// The direction out of what was met; zero for what was touched or overlapped from the start.
    pub normal: Vec2,
}

/// The whole of a way.
pub(crate) const WHOLE: i64 = 1 << 30;
/// Steps after which an outline stops where it is, which is never beyond what it could have met.
const STEPS_MAX: u32 = 40;
/// By so much a step may be rounded, in bits.
const SLIP: i64 = 4;
/// Farther than this, only the sizes count: 8,192 units.
const FAR: i32 = 1 << 29;

/// Something that moves along a straight way, in bits.
#[derive(Clone, Copy)]
pub(crate) struct Sweep<'a> {
    pub(crate) hull: &'a Hull,
    pub(crate) from: (i64, i64),
    pub(crate) way: (i64, i64),
}

/// When and how it met something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Met {
    /// Of the way, in 1/2³⁰.
    pub(crate) part: i64,
    /// From what moves to what it met.
    pub(crate) normal: P,
    /// Whether they touched from the start.
    pub(crate) at_once: bool,
    /// How far they are apart then; less than nothing if they overlap.
    pub(crate) out: i64,
}

impl Sweep<'_> {
    /// Where it is after a part of its way.
    pub(crate) fn at(&self, part: i64) -> (i64, i64) {
        let along = |from: i64, way: i64| from + ((way * part + (1 << 29)) >> 30);
        (along(self.from.0, self.way.0), along(self.from.1, self.way.1))
    }

    /// Where it comes as near as `gap` to an outline, in the first `most` of its way.
    pub(crate) fn meet(&self, other: &Hull, at: (i64, i64), gap: i64, most: i64) -> Option<Met> {
        let mut part = 0;
        let mut last: Option<Met> = None;
        for step in 0..STEPS_MAX {
            let here = self.at(part);
            let short = |part: i64| part.clamp(-(1 << 30), 1 << 30) as i32;
            let offset = (short(at.0 - here.0), short(at.1 - here.1));
            let (normal, out) = axis(self.hull, other, offset);
            let approach = self.approach(normal);
            // What has no thickness is rounded over, or onto: the side that it came from is the one seen before.
            let before =
                last.filter(|last| approach <= 0 && out <= gap + SLIP && turns_back(last.normal, normal));
            if before.is_some() {
                return before;
            }
            if out <= gap {
                return Some(Met { part, normal, at_once: step == 0, out });
            }
            if approach <= 0 {
                return None;
            }
            part += (((out - gap) << 30) / approach).max(1);
            if part > most {
                return None;
            }
            last = Some(Met { part, normal, at_once: false, out });
        }
        last
    }

    /// How far it goes in a direction on all of its way.
    fn approach(&self, (x, y): P) -> i64 {
        (i64::from(x) * self.way.0 + i64::from(y) * self.way.1) >> 30
    }
}

/// Whether two directions are more against each other than along.
fn turns_back(one: P, other: P) -> bool {
    i64::from(one.0) * i64::from(other.0) + i64::from(one.1) * i64::from(other.1) < 0
}

/// A direction in which two outlines are apart, from the first to the second, and how far they are in it at least.
pub(crate) fn axis(a: &Hull, b: &Hull, offset: P) -> (P, i64) {
    let radii = i64::from(a.radius) + i64::from(b.radius);
    if offset.0.abs().max(offset.1.abs()) > FAR {
        let polar = polar(offset.0, offset.1);
        let out = i64::from(polar.length) - i64::from(a.reach) - i64::from(b.reach);
        return ((polar.unit_x, polar.unit_y), out);
    }
    if a.count == 1 || b.count == 1 {
        let outline = |hull| Outline { hull, ghosts: None };
        let found = collide(outline(a), outline(b), offset, FAR * 2, 0);
        return (found.normal, i64::from(found.points[0].separation));
    }
    let (side_a, out_a) = best_side(a, b, offset);
    let (side_b, out_b) = best_side(b, a, (-offset.0, -offset.1));
    let round = radii > 0 || a.count == 2 || b.count == 2;
    if round
        && out_a.max(out_b) >= 0
        && let Some((normal, out)) = between(a, b, offset)
    {
        return (normal, out - radii);
    }
    if out_a >= out_b {
        (a.normals[side_a], out_a - radii)
    } else {
        let (x, y) = b.normals[side_b];
        ((-x, -y), out_b - radii)
    }
}

/// The shortest way from one core to another that it does not overlap, and its length: sides alone do not tell how far
/// rounded corners are apart. Nothing if they touch.
fn between(a: &Hull, b: &Hull, offset: P) -> Option<(P, i64)> {
    let moved = |(x, y): P, by: P| (i64::from(x) + i64::from(by.0), i64::from(y) + i64::from(by.1));
    let mut best: Option<(i64, (i64, i64))> = None;
    for (points, others, place, sign) in [(a, b, offset, 1), (b, a, (-offset.0, -offset.1), -1)] {
        let (sides, count) = (points.points(), points.points().len());
        for (index, &from) in sides.iter().enumerate() {
            let (from, to) = (moved(from, (0, 0)), moved(sides[(index + 1) % count], (0, 0)));
            for &point in others.points() {
                let (x, y) = apart(from, to, moved(point, place));
                let squared = x * x + y * y;
                if best.is_none_or(|(least, _)| squared < least) {
                    best = Some((squared, (x * sign, y * sign)));
                }
            }
        }
    }
    let (squared, (x, y)) = best?;
    let polar = polar(crate::fx::clamp_to_i32(x), crate::fx::clamp_to_i32(y));
    (squared > 0).then_some(((polar.unit_x, polar.unit_y), i64::from(polar.length)))
}

/// From the nearest point of a line to a place.
fn apart(from: (i64, i64), to: (i64, i64), place: (i64, i64)) -> (i64, i64) {
    let (way_x, way_y) = (to.0 - from.0, to.1 - from.1);
    let (x, y) = (place.0 - from.0, place.1 - from.1);
    let (along, length) = (x * way_x + y * way_y, way_x * way_x + way_y * way_y);
    if along <= 0 || length == 0 {
        return (x, y);
    }
    if along >= length {
        return (x - way_x, y - way_y);
    }
    let part = ((i128::from(along) << 30) / i128::from(length)) as i64;
    (x - ((way_x * part + (1 << 29)) >> 30), y - ((way_y * part + (1 << 29)) >> 30))
}

/// Whether a way passes the box around something.
pub(crate) fn reaches(hull_reach: i64, from: Vec2, way: Vec2, centre: Vec2, reach: i64) -> bool {
    let low = |from: Fx, way: Fx| i64::from(from.to_bits()) + i64::from(way.to_bits()).min(0);
    let high = |from: Fx, way: Fx| i64::from(from.to_bits()) + i64::from(way.to_bits()).max(0);
    let reach = hull_reach + reach;
    let (x, y) = (i64::from(centre.x.to_bits()), i64::from(centre.y.to_bits()));
    x + reach >= low(from.x, way.x)
        && x - reach <= high(from.x, way.x)
        && y + reach >= low(from.y, way.y)
        && y - reach <= high(from.y, way.y)
}

/// The distance of a point from an outline around the origin, and the direction from the outline to the point; two
/// places of a world may be further apart than a number of either can be.
pub(crate) fn distance(hull: &Hull, (x, y): (i64, i64)) -> (i64, P) {
    if x.abs().max(y.abs()) > i64::from(FAR) {
        return far_distance(hull, (x, y));
    }
    let disc = Hull { count: 1, ..Hull::default() };
    let (normal, out) = axis(hull, &disc, (x as i32, y as i32));
    (out, normal)
}

/// The same of a point that is so far away that it is within none of the lines.
fn far_distance(hull: &Hull, place: (i64, i64)) -> (i64, P) {
    let points = hull.points();
    let wide = |(x, y): P| (i128::from(x), i128::from(y));
    let place = (i128::from(place.0), i128::from(place.1));
    let ways = points.iter().enumerate().map(|(index, &from)| {
        let (from, to) = (wide(from), wide(points[(index + 1) % points.len()]));
        let (way, off) = ((to.0 - from.0, to.1 - from.1), (place.0 - from.0, place.1 - from.1));
        let length = way.0 * way.0 + way.1 * way.1;
        let along = (off.0 * way.0 + off.1 * way.1).clamp(0, length);
        let part = |way: i128| if length == 0 { 0 } else { way * along / length };
        (off.0 - part(way.0), off.1 - part(way.1))
    });
    let squared = |(x, y): (i128, i128)| x * x + y * y;
    let (x, y) = ways.min_by_key(|way| squared(*way)).unwrap_or(place);
    let length = squared((x, y)).isqrt().max(1);
    let unit = |part: i128| ((part << 30) / length) as i32;
    (length as i64 - i64::from(hull.radius), (unit(x), unit(y)))
}
