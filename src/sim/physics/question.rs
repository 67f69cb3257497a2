//! `QueryFilter`, whom a question is about, and the questions a world answers.

use alloc::vec::Vec;

use super::hull::{Hull, SIZE_MAX};
use super::query::{self, Whom};
use super::rot::Rot;
use super::state::turned;
use super::{BodyId, Cast, Filter, Shape, ShapeDesc, World};
use crate::{Angle, Fx, Vec2};

/// Whom a question is about. Where a question takes one, it takes a [`Filter`] as well.
///
/// ```
/// use framekeep_sim::{BodyDesc, Filter, Fx, Vec2, World, WorldDesc};
/// let mut world = World::new(WorldDesc::default());
/// let me = world.add(BodyDesc::circle(Fx::ONE))?;
/// let zone = world.add(BodyDesc::circle(Fx::ONE).at(Vec2::from_ints(4, 0)).fixed().sensor())?;
/// let wall = world.add(BodyDesc::circle(Fx::ONE).at(Vec2::from_ints(8, 0)).fixed())?;
/// let first = |whom| world.cast_ray(Vec2::ZERO, Vec2::from_ints(9, 0), whom).map(|hit| hit.body);
/// assert_eq!(first(Filter::ALL.into()), Some(me));
/// assert_eq!(first(Filter::ALL.except(me)), Some(wall));
/// assert_eq!(first(Filter::ALL.except(me).sensors(true)), Some(zone));
/// # Ok::<(), framekeep_sim::WorldFull>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct QueryFilter {
    /// Only shapes that meet this are asked; everything by default.
    pub filter: Filter,
    /// A body of which no shape is asked, such as the one that asks; nobody by default, and nobody if it is not there.
    pub except: Option<BodyId>,
    /// Whether sensors are asked. By default they are where it is asked what overlaps, and not by rays, by shapes that
    /// are cast and for the closest point.
    pub sensors: Option<bool>,
}

impl QueryFilter {
    /// Leaves out a body.
    #[must_use]
    pub const fn except(mut self, body: BodyId) -> Self {
        self.except = Some(body);
        self
    }

    /// Asks sensors as well, or leaves them out.
    #[must_use]
    pub const fn sensors(mut self, sensors: bool) -> Self {
        self.sensors = Some(sensors);
        self
    }
}

impl From<Filter> for QueryFilter {
    fn from(filter: Filter) -> Self {
        Self { filter, except: None, sensors: None }
    }
}

impl Filter {
    /// For a question: leaves out a body.
    #[must_use]
    pub const fn except(self, body: BodyId) -> QueryFilter {
        QueryFilter { filter: self, except: Some(body), sensors: None }
    }

    /// For a question: asks sensors as well, or leaves them out.
    #[must_use]
    pub const fn sensors(self, sensors: bool) -> QueryFilter {
        QueryFilter { filter: self, except: None, sensors: Some(sensors) }
    }
}

/// A ray is a disc without a size.
const RAY: (Shape, Angle) = (Shape::Circle { radius: Fx::ZERO }, Angle::ZERO);

/// Questions about what is where. They look at every body: a few nanoseconds for each that is far away. Sensors are not
/// met by what is cast and have no closest point, but overlap, unless [`QueryFilter::sensors`] says otherwise.
impl World {
    /// The first thing on the way of a ray from `from` to `from + way`.
    ///
    /// A ray that begins in a shape, or on its rim, meets it there, wherever it goes: at part 0, with a normal of zero.
    /// That is so for a `way` of zero too, which meets nothing else. [`Filter::except`] leaves out whoever asks.
    #[must_use]
    pub fn cast_ray(&self, from: Vec2, way: Vec2, whom: impl Into<QueryFilter>) -> Option<Cast> {
        query::first(self.state(), RAY, (from, way), self.solid(whom))
    }

    /// Appends everything on the way of a ray, the nearest first; of equals, that with the smaller index, then with the
    /// smaller number of the shape. What the ray begins in comes first.
    pub fn cast_ray_all(&self, from: Vec2, way: Vec2, whom: impl Into<QueryFilter>, found: &mut Vec<Cast>) {
        query::each(self.state(), RAY, (from, way), self.solid(whom), found);
    }

    /// The first thing on the way of a shape that moves from `from` to `from + way` and does not turn. What it touches
    /// or overlaps from the start it meets there: at part 0, with a normal of zero.
    #[must_use]
    pub fn cast_shape(
        &self,
        shape: Shape,
        angle: Angle,
        from: Vec2,
        way: Vec2,
        whom: impl Into<QueryFilter>,
    ) -> Option<Cast> {
        query::first(self.state(), (shape, angle), (from, way), self.solid(whom))
    }

    /// Appends everything on the way of a shape, each at the place where it would be stopped by that alone; in the
    /// order of [`World::cast_ray_all`].
    pub fn cast_shape_all(
        &self,
        shape: Shape,
        angle: Angle,
        from: Vec2,
        way: Vec2,
        whom: impl Into<QueryFilter>,
        found: &mut Vec<Cast>,
    ) {
        query::each(self.state(), (shape, angle), (from, way), self.solid(whom), found);
    }

    /// Appends the bodies that a place is in, or on the rim of, in the order of their indices.
    pub fn overlap_point(&self, place: Vec2, whom: impl Into<QueryFilter>, found: &mut Vec<BodyId>) {
        self.overlap_circle(place, Fx::ZERO, whom, found);
    }

    /// Appends the bodies that overlap a disc, in the order of their indices; radius 0 is a point. It may be larger
    /// than a shape.
    pub fn overlap_circle(
        &self,
        centre: Vec2,
        radius: Fx,
        whom: impl Into<QueryFilter>,
        found: &mut Vec<BodyId>,
    ) {
        let whom = self.all(whom);
        if radius > SIZE_MAX {
            return query::within(self.state(), radius, centre, whom, found);
        }
        let radius = radius.max(Fx::ZERO).to_bits();
        let disc = Hull { count: 1, radius, reach: radius + 1, ..Hull::default() };
        query::overlap(self.state(), &disc, centre, whom, found);
    }

    /// Appends the bodies that overlap the upright box between two opposite corners, whichever they are, in the order
    /// of their indices. It may be larger than a shape, or without width or height.
    pub fn overlap_box(
        &self,
        corner: Vec2,
        opposite: Vec2,
        whom: impl Into<QueryFilter>,
        found: &mut Vec<BodyId>,
    ) {
        let low = Vec2::new(corner.x.min(opposite.x), corner.y.min(opposite.y));
        let high = Vec2::new(corner.x.max(opposite.x), corner.y.max(opposite.y));
        query::overlap_box(self.state(), low, high, self.all(whom), found);
    }

    /// Appends the bodies that overlap a shape, in the order of their indices.
    pub fn overlap_shape(
        &self,
        shape: Shape,
        angle: Angle,
        at: Vec2,
        whom: impl Into<QueryFilter>,
        found: &mut Vec<BodyId>,
    ) {
        let (mut hull, extent) = super::blueprint::hull_of(&ShapeDesc::new(shape));
        let rot = Rot::from_angle(angle);
        hull = hull.turned(rot);
        let centre = at + turned(rot, extent.centroid);
        query::overlap(self.state(), &hull, centre, self.all(whom), found);
    }

    /// The point nearest to a place, at most `most` away: the body, which of its shapes, and the point; the place
    /// itself if it is inside. Of points that are equally near, that of the smaller index.
    #[must_use]
    pub fn closest_point(
        &self,
        place: Vec2,
        most: Fx,
        whom: impl Into<QueryFilter>,
    ) -> Option<(BodyId, u16, Vec2)> {
        query::closest(self.state(), place, most, self.solid(whom))
    }

    fn solid(&self, whom: impl Into<QueryFilter>) -> Whom {
        Whom::of(self.state(), whom.into(), false)
    }

    fn all(&self, whom: impl Into<QueryFilter>) -> Whom {
        Whom::of(self.state(), whom.into(), true)
    }
}
