//! Questions about what is where. They look at every body: a few nanoseconds for each that is far away.

use alloc::vec::Vec;

use super::blueprint::Kind;
use super::cast::{Cast, Met, Sweep, WHOLE, axis, distance, reaches};
use super::footing::Platforms;
use super::hull::{Hull, P};
use super::manifold::{Outline, collide};
use super::mover::NEAR;
use super::rot::Rot;
use super::state::{ALIVE, DYNAMIC, KINEMATIC, State, turned};
use super::{BodyId, Filter, QueryFilter, Shape, ShapeDesc};
use crate::{Angle, Fx, Vec2};

/// What is so near lies against each other: 1/128 of a unit.
const TOUCHES: i32 = 1 << 9;

/// A shape where it is.
pub(crate) struct Placed<'a> {
    pub(crate) slot: usize,
    sub: u16,
    pub(crate) kind: &'a Kind,
    pub(crate) centre: Vec2,
    pub(crate) rot: Rot,
}

impl<'a> Placed<'a> {
    fn new(state: &State, slot: usize, sub: u16, kind: &'a Kind) -> Self {
        let rot = state.rotations[slot];
        let lever = kind.extent.centroid - state.masses[slot].centre;
        Self { slot, sub, kind, centre: state.positions[slot] + turned(rot, lever), rot }
    }

    pub(crate) fn hull(&self) -> Hull {
        let mut hull = self.kind.hull;
        if self.rot != Rot::NONE {
            hull = hull.turned(self.rot);
        }
        hull
    }
}

/// Which shapes of a state a question is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whom {
    filter: Filter,
    /// The slot of a body that is left out.
    but: Option<usize>,
    sensors: bool,
}

impl Whom {
    /// As a game asks; `sensors` is whether such a question is about sensors if nothing is said of them.
    pub(crate) fn of(state: &State, asked: QueryFilter, sensors: bool) -> Self {
        Self {
            filter: asked.filter,
            but: asked.except.and_then(|id| state.slot(id)),
            sensors: asked.sensors.unwrap_or(sensors),
        }
    }

    /// All that meets a filter and is no sensor.
    const fn solid(filter: Filter) -> Self {
        Self { filter, but: None, sensors: false }
    }

    /// All that meets a filter.
    pub(crate) const fn all(filter: Filter) -> Self {
        Self { filter, but: None, sensors: true }
    }
}

/// All shapes that a question is about, by slot and number.
fn placed(state: &State, whom: Whom) -> impl Iterator<Item = Placed<'_>> {
    let alive = move |&slot: &usize| state.flags[slot] & ALIVE != 0 && whom.but != Some(slot);
    let shapes = move |slot: usize| {
        let first = core::iter::once((0, state.kinds[slot]));
        let extras = state.extras_of(slot).iter().zip(1_u16..).map(|(extra, sub)| (sub, extra.kind));
        first.chain(extras).map(move |(sub, kind)| Placed::new(state, slot, sub, state.blueprints.get(kind)))
    };
    let meets = move |placed: &Placed| {
        let part = &placed.kind.blueprint.part;
        (whom.sensors || !part.sensor) && whom.filter.meets(part.filter)
    };
    (0..state.slots()).filter(alive).flat_map(shapes).filter(meets)
}

/// The shape of that number of the body in a slot.
pub(crate) fn placed_part(state: &State, slot: usize, sub: u16) -> Option<Placed<'_>> {
    Some(Placed::new(state, slot, sub, state.part(slot, sub)?))
}

/// The bits of a vector, with room to add.
pub(crate) fn wide(vector: Vec2) -> (i64, i64) {
    (i64::from(vector.x.to_bits()), i64::from(vector.y.to_bits()))
}

/// The outline of a shape that is turned, and the way from where the shape is to the middle of the outline.
fn outline(shape: Shape, angle: Angle) -> (Hull, Vec2) {
    let (mut hull, extent) = match shape {
        Shape::Circle { radius } if radius <= Fx::ZERO => {
            (Hull { count: 1, reach: 1, ..Hull::default() }, Default::default())
        }
        _ => super::blueprint::hull_of(&ShapeDesc::new(shape)),
    };
    let rot = Rot::from_angle(angle);
    hull = hull.turned(rot);
    (hull, turned(rot, extent.centroid))
}

/// From the origin of a shape to its middle, and how far down from there it goes.
pub(crate) fn middle_and_depth(shape: Shape) -> (Vec2, Fx) {
    let (hull, lever) = outline(shape, Angle::ZERO);
    let lowest = hull.points().iter().map(|&(_, y)| y).min().unwrap_or(0);
    (lever, Fx::from_bits(hull.radius.saturating_sub(lowest)))
}

/// The shortest way out of what a shape is deepest in, of what `holds` it: its direction, and its length, 0 where they
/// touch. Sensors do not count; the border of the world does if `border` is set.
pub(crate) fn way_out(
    state: &State,
    (shape, at): (Shape, Vec2),
    (filter, border): (Filter, bool),
    holds: impl Fn(&Placed, P, Fx) -> bool,
) -> Option<(Vec2, Fx)> {
    let (hull, lever) = outline(shape, Angle::ZERO);
    let (centre, reach) = (at + lever, i64::from(hull.reach));
    let unit = |(x, y): P| Vec2::new(Fx::from_unit(x), Fx::from_unit(y));
    let sides = walls(state, &hull, centre).filter(|&(_, apart)| border && apart <= 0);
    let mut deepest = sides.min_by_key(|&(_, apart)| apart).map(|((x, y), apart)| (unit((-x, -y)), apart));
    for placed in placed(state, Whom::solid(filter)) {
        if !reaches(reach, centre, Vec2::ZERO, placed.centre, i64::from(placed.kind.hull.reach)) {
            continue;
        }
        let between = placed.centre - centre;
        let (normal, apart) = axis(&hull, &placed.hull(), (between.x.to_bits(), between.y.to_bits()));
        let out = (-normal.0, -normal.1);
        let is_deeper = apart <= 0 && deepest.is_none_or(|(_, least)| apart < least);
        if is_deeper && holds(&placed, out, Fx::from_wide(-apart)) {
            deepest = Some((unit(out), apart));
        }
    }
    deepest.map(|(out, apart)| (out, Fx::from_wide(-apart)))
}

/// What something that moves along a way meets.
fn sweep(
    state: &State,
    (shape, angle): (Shape, Angle),
    (from, way): (Vec2, Vec2),
    whom: Whom,
    mut found: impl FnMut(&Placed, Met, Cast),
) {
    let (hull, lever) = outline(shape, angle);
    let sweep = Sweep { hull: &hull, from: wide(from + lever), way: wide(way) };
    let (reach, start) = (i64::from(hull.reach), from + lever);
    for placed in placed(state, whom) {
        if !reaches(reach, start, way, placed.centre, i64::from(placed.kind.hull.reach)) {
            continue;
        }
        let Some(met) = sweep.meet(&placed.hull(), wide(placed.centre), 0, WHOLE) else { continue };
        let (x, y) = sweep.at(met.part);
        let cast = Cast {
            body: state.id(placed.slot),
            shape: placed.sub,
            part: Fx::from_unit(met.part as i32),
            position: Vec2::new(Fx::from_wide(x), Fx::from_wide(y)) - lever,
            normal: Vec2::new(Fx::from_unit(-met.normal.0), Fx::from_unit(-met.normal.1)),
        };
        found(&placed, met, cast);
    }
}

/// What something that moves along a way meets, and at which part of the way in 1/2³⁰: that of a long way is rounded by
/// what may be half a unit.
fn cast(
    state: &State,
    outline: (Shape, Angle),
    way: (Vec2, Vec2),
    whom: Whom,
    mut found: impl FnMut(i64, Cast),
) {
    sweep(state, outline, way, whom, |_, met, cast| {
        found(met.part, if met.at_once { Cast { normal: Vec2::ZERO, ..cast } } else { cast });
    });
}

/// The first thing that something meets, of equals that with the smaller index.
pub(crate) fn first(state: &State, outline: (Shape, Angle), way: (Vec2, Vec2), whom: Whom) -> Option<Cast> {
    let mut first: Option<(i64, Cast)> = None;
    cast(state, outline, way, whom, |part, cast| {
        if first.is_none_or(|(least, _)| part < least) {
            first = Some((part, cast));
        }
    });
    first.map(|(_, cast)| cast)
}

/// Appends everything that something meets, the nearest first; of equals, that with the smaller index, then with the
/// smaller number of the shape.
pub(crate) fn each(
    state: &State,
    outline: (Shape, Angle),
    way: (Vec2, Vec2),
    whom: Whom,
    found: &mut Vec<Cast>,
) {
    let start = found.len();
    // Until they are sorted, parts are in 1/2³⁰.
    let fine = |part: i64| Fx::from_bits(part as i32);
    cast(state, outline, way, whom, |part, cast| found.push(Cast { part: fine(part), ..cast }));
    let found = &mut found[start..];
    found.sort_by_key(|cast| (cast.part, cast.body.index, cast.shape));
    found.iter_mut().for_each(|cast| cast.part = Fx::from_unit(cast.part.to_bits()));
}

/// What stops a character on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop {
    /// Nothing for the border of the world.
    pub(crate) body: Option<BodyId>,
    pub(crate) shape: u16,
    /// The part of the way until there.
    pub(crate) part: Fx,
    /// Where the character is then.
    pub(crate) position: Vec2,
    /// The direction out of what stops it, also of what it is in from the start.
    pub(crate) normal: Vec2,
}

/// The first thing that stops a character on its way, of all that `stops` is true of. What it touches or is in from the
/// start stops it at once if the way goes deeper in, and not at all if it does not.
pub(crate) fn stop(
    state: &State,
    shape: Shape,
    (from, way): (Vec2, Vec2),
    (filter, platforms): (Filter, Platforms),
    stops: impl Fn(usize) -> bool,
) -> Option<Stop> {
    let mut first = border_stop(state, shape, from, way);
    sweep(state, (shape, Angle::ZERO), (from, way), Whom::solid(filter), |placed, met, cast| {
        if !stops(placed.slot) || first.is_some_and(|first| first.part < cast.part) {
            return;
        }
        let (nx, ny) = (i64::from(met.normal.0), i64::from(met.normal.1));
        let leaves = nx * i64::from(way.x.to_bits()) + ny * i64::from(way.y.to_bits()) < WHOLE;
        // What is in a platform from the start is on its way through.
        let is_through = met.at_once && met.out < -i64::from(NEAR.to_bits());
        let side = if is_through { (0, 0) } else { (-met.normal.0, -met.normal.1) };
        if (met.at_once && leaves) || !platforms.hold(placed, side, way) {
            return;
        }
        let Cast { body, shape, part, position, normal } = cast;
        let is_first = first.is_none_or(|first| first.body.is_none() || part < first.part);
        if is_first {
            first = Some(Stop { body: Some(body), shape, part, position, normal });
        }
    });
    first
}

/// The middle of where a character and what stops it lie against each other; nothing for the border of the world.
pub(crate) fn touched(state: &State, shape: Shape, stop: &Stop) -> Option<Vec2> {
    let placed = placed_part(state, state.slot(stop.body?)?, stop.shape)?;
    let (hull, lever) = outline(shape, Angle::ZERO);
    let centre = stop.position + lever;
    let between = placed.centre - centre;
    let (one, other) =
        (Outline { hull: &hull, ghosts: None }, Outline { hull: &placed.hull(), ghosts: None });
    let manifold = collide(one, other, (between.x.to_bits(), between.y.to_bits()), TOUCHES, 0);
    let middle = match (manifold.count, &manifold.points) {
        (0, _) => return None,
        (1, [point, _]) => Vec2::new(Fx::from_bits(point.x), Fx::from_bits(point.y)),
        (_, [one, other]) => Vec2::new(
            Fx::from_wide((i64::from(one.x) + i64::from(other.x)) / 2),
            Fx::from_wide((i64::from(one.y) + i64::from(other.y)) / 2),
        ),
    };
    Some(centre + middle)
}

/// Where the border of a world with walls stops a character.
fn border_stop(state: &State, shape: Shape, from: Vec2, way: Vec2) -> Option<Stop> {
    if !state.desc.walls {
        return None;
    }
    let (hull, lever) = outline(shape, Angle::ZERO);
    let stops = walls(state, &hull, from + lever).filter_map(|((x, y), apart)| {
        let ((side_x, side_y), way) = ((i64::from(x >> 30), i64::from(y >> 30)), wide(way));
        let toward = side_x * way.0 + side_y * way.1;
        let part = (apart.max(0) << 30) / toward.max(1);
        (toward > 0 && part <= WHOLE).then_some((part, (x, y)))
    });
    let (part, (x, y)) = stops.min_by_key(|&(part, _)| part)?;
    let part = Fx::from_unit(part as i32);
    let normal = Vec2::new(Fx::from_unit(-x), Fx::from_unit(-y));
    Some(Stop { body: None, shape: 0, part, position: from + way * part, normal })
}

/// The sides of the border of a world with walls: their directions outwards, and how far an outline is from them.
fn walls(state: &State, hull: &Hull, centre: Vec2) -> impl Iterator<Item = (P, i64)> {
    let ((width, height), (x, y)) = (wide(state.desc.half_extent), wide(centre));
    let sides = [(-1, 0), (1, 0), (0, -1), (0, 1)].into_iter().filter(|_| state.desc.walls);
    sides.map(move |(side_x, side_y): P| {
        let along = |x: i64, y: i64| i64::from(side_x) * x + i64::from(side_y) * y;
        let corners = hull.points().iter().map(|&(x, y)| along(i64::from(x), i64::from(y)));
        let far = along(x, y) + corners.max().unwrap_or(0) + i64::from(hull.radius);
        ((side_x * (1 << 30), side_y * (1 << 30)), if side_y == 0 { width } else { height } - far)
    })
}

/// How firmly the body in a slot is where it is: 0 if forces move it, 1 if the game does, 2 if it stands.
pub(crate) const fn firmness(flags: u8) -> u8 {
    match flags & (DYNAMIC | KINEMATIC) {
        0 => 2,
        KINEMATIC => 1,
        _ => 0,
    }
}

/// The bodies with a shape near a place that `overlaps` is true of, by index.
fn bodies(
    state: &State,
    (centre, reach): (Vec2, i64),
    whom: Whom,
    found: &mut Vec<BodyId>,
    overlaps: impl Fn(&Placed) -> bool,
) {
    let start = found.len();
    for placed in placed(state, whom) {
        let id = state.id(placed.slot);
        let near = reaches(reach, centre, Vec2::ZERO, placed.centre, i64::from(placed.kind.hull.reach));
        if near && found[start..].last() != Some(&id) && overlaps(&placed) {
            found.push(id);
        }
    }
}

/// The bodies with a shape that overlaps an outline, by index.
pub(crate) fn overlap(state: &State, hull: &Hull, centre: Vec2, whom: Whom, found: &mut Vec<BodyId>) {
    bodies(state, (centre, i64::from(hull.reach)), whom, found, |placed| {
        let between = placed.centre - centre;
        axis(hull, &placed.hull(), (between.x.to_bits(), between.y.to_bits())).1 <= 0
    });
}

/// The bodies with a shape that overlaps the box from one corner to another, however large it is, by index.
pub(crate) fn overlap_box(state: &State, low: Vec2, high: Vec2, whom: Whom, found: &mut Vec<BodyId>) {
    let (low, high) = (wide(low), wide(high));
    bodies(state, (Vec2::ZERO, i64::from(i32::MAX)), whom, found, |placed| {
        let (x, y) = wide(placed.centre);
        let reach = i64::from(placed.kind.hull.reach);
        // Of a box all counts that is as near as the shape is wide, and that is no larger than a shape may be.
        let sides = |low: i64, high: i64, at: i64| ((low - at).max(-reach), (high - at).min(reach));
        let ((left, right), (bottom, top)) = (sides(low.0, high.0, x), sides(low.1, high.1, y));
        left <= right && bottom <= top && {
            let corners = [(left, bottom), (right, bottom), (right, top), (left, top)];
            let hull = Hull::upright(corners.map(|(x, y)| (x as i32, y as i32)));
            axis(&hull, &placed.hull(), (0, 0)).1 <= 0
        }
    });
}

/// From one place to another.
pub(crate) fn apart(from: Vec2, to: Vec2) -> (i64, i64) {
    let way = |from: Fx, to: Fx| i64::from(to.to_bits()) - i64::from(from.to_bits());
    (way(from.x, to.x), way(from.y, to.y))
}

/// All bodies of which a part is within a distance of a place.
pub(crate) fn within(state: &State, radius: Fx, centre: Vec2, whom: Whom, found: &mut Vec<BodyId>) {
    let radius = i64::from(radius.to_bits());
    bodies(state, (centre, radius), whom, found, |placed| {
        distance(&placed.hull(), apart(placed.centre, centre)).0 <= radius
    });
}

/// The point of a shape that is nearest to a place.
pub(crate) fn closest(state: &State, place: Vec2, most: Fx, whom: Whom) -> Option<(BodyId, u16, Vec2)> {
    let mut best = i64::from(most.to_bits()) + 1;
    let mut nearest = None;
    for placed in placed(state, whom) {
        let reach = i64::from(placed.kind.hull.reach);
        if !reaches(best, place, Vec2::ZERO, placed.centre, reach) {
            continue;
        }
        let (out, normal) = distance(&placed.hull(), apart(placed.centre, place));
        if out.max(0) < best {
            best = out.max(0);
            let back = |from: Fx, part: i32| {
                Fx::from_wide(i64::from(from.to_bits()) - ((i64::from(part) * out + (1 << 29)) >> 30))
            };
            let near = || Vec2::new(back(place.x, normal.0), back(place.y, normal.1));
            let point = if out <= 0 { place } else { near() };
            nearest = Some((state.id(placed.slot), placed.sub, point));
        }
    }
    nearest
}
