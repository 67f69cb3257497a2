//! `Blueprint`, what many bodies have in common, and `Blueprints`, the table of them.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::hull::{Extent, Ghosts, Hull, P, SIZE_MAX};
use super::rot::Rot;
use super::spot::{CALM, CHAINED, DISC, OPEN, SENSOR};
use super::state::turned;
use super::{BodyDesc, BodyKind, Filter, Locks, Material, Shape, ShapeDesc};
use crate::{Fx, Vec2};

/// No entry.
pub(crate) const NONE: u16 = u16::MAX;
/// The body never turns.
pub(crate) const LOCK_ROTATION: u8 = 1;
/// The body never moves along x.
pub(crate) const LOCK_X: u8 = 2;
/// The body never moves along y.
pub(crate) const LOCK_Y: u8 = 4;
const ALL_LOCKS: u8 = LOCK_ROTATION | LOCK_X | LOCK_Y;
/// Lightest body.
pub(crate) const MASS_MIN: Fx = Fx::from_ratio(1, 128);

/// What never changes of a part of a body, and may be the same for thousands of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Blueprint {
    pub(crate) part: Part,
    /// Where the neighbours in a chain end; none for whole shapes.
    pub(crate) chained: Option<[Vec2; 2]>,
    /// The mass of the whole body; zero if its shapes have it.
    pub(crate) mass: Fx,
    /// Part of the speed lost per tick, in 1/65,536.
    pub(crate) drag: u16,
    /// The same of the spin.
    pub(crate) spin_drag: u16,
    pub(crate) gravity_scale: Fx,
    pub(crate) locks: u8,
}

/// A [`ShapeDesc`] within its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Part {
    shape: Shape,
    offset: Vec2,
    angle: u16,
    density: Fx,
    pub(crate) material: super::Material,
    pub(crate) filter: super::Filter,
    pub(crate) sensor: bool,
}

impl Part {
    fn of(desc: &ShapeDesc) -> Self {
        Self {
            shape: within_bounds(desc.shape),
            offset: desc.offset.clamped(Vec2::splat(-SIZE_MAX), Vec2::splat(SIZE_MAX)),
            angle: desc.angle.0,
            density: desc.density.max(Fx::ZERO),
            material: desc.material.sanitised(),
            filter: desc.filter,
            sensor: desc.sensor,
        }
    }

    pub(crate) fn desc(&self) -> ShapeDesc {
        ShapeDesc {
            shape: self.shape,
            offset: self.offset,
            angle: crate::Angle(self.angle),
            density: self.density,
            material: self.material,
            filter: self.filter,
            sensor: self.sensor,
        }
    }
}

/// The nearest shape within the bounds.
fn within_bounds(shape: Shape) -> Shape {
    let size = |size: Fx| size.max(Fx::STEP).min(SIZE_MAX);
    let place = |place: Vec2| place.clamped(Vec2::splat(-SIZE_MAX), Vec2::splat(SIZE_MAX));
    match shape {
        Shape::Circle { radius } => Shape::Circle { radius: size(radius) },
        Shape::Box { half } => Shape::Box { half: Vec2::new(size(half.x), size(half.y)) },
        Shape::Capsule { half_length, radius } => {
            Shape::Capsule { half_length: size(half_length), radius: size(radius) }
        }
        Shape::Polygon(polygon) => Shape::Polygon(polygon),
        Shape::Segment { from, to } => Shape::Segment { from: place(from), to: place(to) },
    }
}

impl Blueprint {
    /// That of a body's first shape.
    pub(crate) fn of_body(desc: &BodyDesc, tick_seconds: i64) -> Self {
        let locks = Locks { rotation: desc.lock_rotation, x: desc.lock_x, y: desc.lock_y };
        let dynamic = desc.kind == BodyKind::Dynamic;
        Self {
            mass: own_mass(desc.mass.filter(|_| dynamic)),
            drag: drag_of(desc.damping, tick_seconds),
            spin_drag: drag_of(desc.spin_damping, tick_seconds),
            gravity_scale: gravity_scale_of(desc.gravity_scale),
            locks: locks_of(locks),
            ..Self::of_part(&desc.shape)
        }
    }

    /// The same of another shape.
    pub(crate) fn with_part(self, desc: &ShapeDesc) -> Self {
        Self { part: Part::of(desc), ..self }
    }

    /// That of a further shape.
    pub(crate) fn of_part(desc: &ShapeDesc) -> Self {
        Self {
            part: Part::of(desc),
            chained: None,
            mass: Fx::ZERO,
            drag: 0,
            spin_drag: 0,
            gravity_scale: Fx::ZERO,
            locks: 0,
        }
    }

    fn is_sound(&self) -> bool {
        let part = &self.part;
        Part::of(&part.desc()) == *part
            && is_convex(part.shape)
            && (self.mass == Fx::ZERO || self.mass >= MASS_MIN)
            && self.gravity_scale.abs() <= Fx::from_int(16)
            && self.locks & !ALL_LOCKS == 0
            && self.chained.is_none_or(|ends| {
                matches!(part.shape, Shape::Segment { .. }) && ends.into_iter().all(is_within_bounds)
            })
    }
}

/// The mass of a body that has one of its own; zero for others.
pub(crate) fn own_mass(mass: Option<Fx>) -> Fx {
    mass.map_or(Fx::ZERO, |mass| mass.max(MASS_MIN))
}

pub(crate) fn gravity_scale_of(scale: Fx) -> Fx {
    scale.max(Fx::from_int(-16)).min(Fx::from_int(16))
}

pub(crate) fn locks_of(locks: Locks) -> u8 {
    let lock = |condition: bool, flag: u8| if condition { flag } else { 0 };
    lock(locks.rotation, LOCK_ROTATION) | lock(locks.x, LOCK_X) | lock(locks.y, LOCK_Y)
}

/// What is lost per tick of 2³² / `tick_seconds` in a second, in 1/65,536.
pub(crate) fn drag_of(damping: Fx, tick_seconds: i64) -> u16 {
    ((i64::from(damping.max(Fx::ZERO).to_bits()) * tick_seconds) >> 32).min(0xffff) as u16
}

/// The least damping by which so much is lost per tick.
pub(crate) fn damping_of(drag: u16, tick_seconds: i64) -> Fx {
    let damping = (u64::from(drag) << 32).div_ceil(tick_seconds.max(1).unsigned_abs());
    Fx::from_wide(damping.cast_signed())
}

/// Whether no coordinate is beyond what a shape may have.
pub(crate) fn is_within_bounds(place: Vec2) -> bool {
    place == place.clamped(Vec2::splat(-SIZE_MAX), Vec2::splat(SIZE_MAX))
}

fn is_convex(shape: Shape) -> bool {
    match shape {
        Shape::Polygon(polygon) => polygon.is_canonical(),
        _ => true,
    }
}

/// The hull of a shape that is brought within its bounds.
pub(crate) fn hull_of(desc: &ShapeDesc) -> (Hull, Extent) {
    Hull::of(&Part::of(desc).desc())
}

/// A blueprint and what follows from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) blueprint: Blueprint,
    pub(crate) hull: Hull,
    pub(crate) extent: Extent,
    pub(crate) ghosts: Option<Ghosts>,
    /// What its shapes are like in the search for pairs.
    pub(crate) traits: u8,
}

impl Kind {
    pub(crate) fn new(blueprint: Blueprint) -> Self {
        let desc = blueprint.part.desc();
        let (hull, extent) = Hull::of(&desc);
        let ghosts = blueprint.chained.map(|ends| {
            // Where they are in the body, as the ends of the segment are.
            let place = |end: Vec2| turned(Rot::from_angle(desc.angle), end) + desc.offset;
            let limit = Vec2::splat(SIZE_MAX);
            let [before, after] = ends.map(|end| place(end).clamped(-limit, limit) - extent.centroid);
            Ghosts { before, after }
        });
        let part = &blueprint.part;
        let flag = |condition: bool, flag: u8| if condition { flag } else { 0 };
        let open = part.filter == Filter::ALL;
        let calm = blueprint.drag | blueprint.spin_drag == 0 && blueprint.locks & !LOCK_ROTATION == 0;
        let traits = flag(part.sensor, SENSOR)
            | flag(ghosts.is_some(), CHAINED)
            | flag(open, OPEN)
            | flag(calm, CALM)
            | flag(hull.count == 1 && !part.sensor, DISC);
        Self { blueprint, hull, extent, ghosts, traits }
    }

    /// The direction from which a shape of a body that is turned so holds, if it does so only from one.
    pub(crate) fn up(&self, rot: Rot) -> P {
        let turn = Rot::from_angle(self.blueprint.part.desc().angle).then(rot);
        (-turn.sin, turn.cos)
    }

    /// Mass by density in 1/2¹⁶.
    pub(crate) fn mass(&self) -> i64 {
        let product = i128::from(self.extent.area) * i128::from(self.blueprint.part.density.to_bits());
        (product >> 16).min(i128::from(i32::MAX)) as i64
    }
}

/// What every step asks of a [`Kind`], in little memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Brief {
    /// Of the hull, as is how many points it has.
    pub(crate) radius: i32,
    pub(crate) reach: i32,
    /// How many parts of bodies there are of it.
    pub(crate) uses: u32,
    pub(crate) filter: Filter,
    pub(crate) material: Material,
    pub(crate) gravity_scale: Fx,
    pub(crate) drag: u16,
    pub(crate) spin_drag: u16,
    pub(crate) count: u8,
    pub(crate) locks: u8,
    pub(crate) traits: u8,
}

impl Brief {
    const fn of(kind: &Kind) -> Self {
        let Kind { blueprint, hull, traits, .. } = kind;
        Self {
            radius: hull.radius,
            reach: hull.reach,
            uses: 0,
            filter: blueprint.part.filter,
            material: blueprint.part.material,
            gravity_scale: blueprint.gravity_scale,
            drag: blueprint.drag,
            spin_drag: blueprint.spin_drag,
            count: hull.count,
            locks: blueprint.locks,
            traits: *traits,
        }
    }
}

/// Every blueprint that is in use, each once.
#[derive(Debug, Default)]
pub(crate) struct Blueprints {
    /// Another one for each table of kinds; not part of the state.
    edition: Edition,
    kinds: Vec<Kind>,
    /// By kind.
    briefs: Vec<Brief>,
    /// Those in use, sorted by blueprint. No hash: whoever sends a world could choose blueprints of one bucket.
    sorted: Vec<u16>,
    free: Vec<u16>,
}

impl Clone for Blueprints {
    fn clone(&self) -> Self {
        let (kinds, briefs) = (self.kinds.clone(), self.briefs.clone());
        Self { edition: self.edition, kinds, briefs, sorted: self.sorted.clone(), free: self.free.clone() }
    }

    fn clone_from(&mut self, source: &Self) {
        self.edition = source.edition;
        self.kinds.clone_from(&source.kinds);
        self.briefs.clone_from(&source.briefs);
        self.sorted.clone_from(&source.sorted);
        self.free.clone_from(&source.free);
    }
}

/// Tables of blueprints of one edition have the same kinds by the same numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edition(u64);

impl Edition {
    /// One that nobody has.
    fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

impl Blueprints {
    /// Which table of kinds it is.
    pub(crate) const fn edition(&self) -> Edition {
        self.edition
    }

    #[inline]
    pub(crate) fn get(&self, index: u16) -> &Kind {
        &self.kinds[usize::from(index)]
    }

    #[inline]
    pub(crate) fn try_get(&self, index: u16) -> Option<&Kind> {
        self.kinds.get(usize::from(index))
    }

    /// One of each line of the cache that a step asks for.
    pub(crate) fn look_ahead(&self) -> i32 {
        self.briefs.iter().fold(0, |sum, brief| sum ^ brief.radius)
    }

    #[inline(always)]
    pub(crate) fn brief(&self, index: u16) -> &Brief {
        &self.briefs[usize::from(index)]
    }

    /// Whether there is one that is no disc.
    pub(crate) fn has_outlines(&self) -> bool {
        self.briefs.iter().any(|brief| brief.count > 1)
    }

    #[inline(always)]
    pub(crate) fn try_brief(&self, index: u16) -> Option<&Brief> {
        self.briefs.get(usize::from(index))
    }

    /// Where a blueprint is among the sorted ones, or would be.
    fn find(&self, blueprint: &Blueprint) -> Result<usize, usize> {
        self.sorted.binary_search_by(|&index| self.get(index).blueprint.cmp(blueprint))
    }

    /// One more use of a blueprint; nothing if there are too many different ones.
    pub(crate) fn add(&mut self, blueprint: Blueprint) -> Option<u16> {
        let at = match self.find(&blueprint) {
            Ok(at) => {
                let index = self.sorted[at];
                self.briefs[usize::from(index)].uses += 1;
                return Some(index);
            }
            Err(at) => at,
        };
        self.edition = Edition::next();
        let kind = Kind::new(blueprint);
        let brief = Brief { uses: 1, ..Brief::of(&kind) };
        let index = match self.free.pop() {
            Some(index) => {
                (self.kinds[usize::from(index)], self.briefs[usize::from(index)]) = (kind, brief);
                index
            }
            None if self.kinds.len() < usize::from(NONE) => {
                self.kinds.push(kind);
                self.briefs.push(brief);
                (self.kinds.len() - 1) as u16
            }
            None => return None,
        };
        self.sorted.insert(at, index);
        Some(index)
    }

    /// One use less.
    pub(crate) fn remove(&mut self, index: u16) {
        let brief = &mut self.briefs[usize::from(index)];
        brief.uses = brief.uses.saturating_sub(1);
        if brief.uses > 0 {
            return;
        }
        let blueprint = self.get(index).blueprint;
        if let Ok(at) = self.find(&blueprint) {
            self.sorted.remove(at);
            self.free.push(index);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.kinds.len()
    }

    /// All blueprints that something is made of.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = &Brief> {
        // One that nobody has any more is not known to a world that was restored from bytes.
        self.briefs.iter().filter(|brief| brief.uses > 0)
    }

    /// A table of blueprints from outside, none of which is used yet; nothing if one of them is unsound or there twice.
    pub(crate) fn from_outside(blueprints: &[Blueprint]) -> Option<Self> {
        if blueprints.len() > usize::from(NONE) || !blueprints.iter().all(Blueprint::is_sound) {
            return None;
        }
        let mut sorted: Vec<u16> = (0..blueprints.len() as u16).collect();
        let blueprint = |index: u16| &blueprints[usize::from(index)];
        sorted.sort_unstable_by(|&a, &b| blueprint(a).cmp(blueprint(b)));
        if sorted.windows(2).any(|two| blueprint(two[0]) == blueprint(two[1])) {
            return None;
        }
        let kinds: Vec<Kind> = blueprints.iter().copied().map(Kind::new).collect();
        let briefs = kinds.iter().map(Brief::of).collect();
        Some(Self { edition: Edition::next(), kinds, briefs, sorted, free: Vec::new() })
    }

    /// Counts a use of what came from outside; false if there is no such blueprint.
    pub(crate) fn count_use(&mut self, index: u16) -> bool {
        let brief = self.briefs.get_mut(usize::from(index));
        brief.map(|brief| brief.uses += 1).is_some()
    }

    /// Whether every blueprint from outside is used.
    pub(crate) fn all_used(&self) -> bool {
        self.briefs.iter().all(|brief| brief.uses > 0)
    }
}
