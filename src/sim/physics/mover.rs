//! `Mover`, a character that is moved by the game and not by forces: it slides along walls, climbs steps, stays
//! on slopes and pushes what is in its way (Fauerby, "Improved Collision Detection and Response", 2003).

use super::{BodyId, Cast, Filter, Shape, World};
use crate::{Angle, Fx, Vec2};

/// Surfaces that a way may slide along.
const SLIDES_MAX: u32 = 4;
/// Distance that is kept from everything: 1/128 of a unit.
const SKIN: Fx = Fx::from_ratio(1, 128);

/// How a character moves. The way up is that of y.
///
/// ```
/// use framekeep_sim::{BodyDesc, Fx, Mover, Vec2, World, WorldDesc};
/// let mut world = World::new(WorldDesc::default());
/// world.add(BodyDesc::rect(Vec2::from_ints(10, 1)).fixed())?;
/// let moved = Mover::default().go(&mut world, Vec2::from_ints(0, 2), Vec2::from_ints(3, -1));
/// assert!(moved.grounded && moved.position.x > Fx::from_ratio(29, 10));
/// # Ok::<(), framekeep_sim::WorldFull>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mover {
    /// Its outline.
    pub shape: Shape,
    /// Whom it meets.
    pub filter: Filter,
    /// The highest step that it climbs, in units; 0.3 by default.
    pub step: Fx,
    /// How far down it looks for ground when it walked on some, in units; 0.3 by default.
    pub snap: Fx,
    /// The least cosine between up and the normal of what it can stand on; 0.7 by default, which is 45 degrees.
    pub slope: Fx,
    /// How hard it pushes dynamic bodies, in units of mass times speed per unit of way it was held up; 0 by default.
    pub push: Fx,
}

/// Where a character came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Its new place.
    pub position: Vec2,
    /// Whether it stands on something.
    pub grounded: bool,
    /// What it stands on.
    pub ground: Option<BodyId>,
    /// The last wall it slid along, out of that; zero if there was none.
    pub wall: Vec2,
}

impl Default for Mover {
    /// A disc of radius 0.5.
    fn default() -> Self {
        Self {
            shape: Shape::Circle { radius: Fx::HALF },
            filter: Filter::ALL,
            step: Fx::from_ratio(3, 10),
            snap: Fx::from_ratio(3, 10),
            slope: Fx::from_ratio(7, 10),
            push: Fx::ZERO,
        }
    }
}

impl Mover {
    /// Moves from a place by a way. The world changes only by what is pushed. What it touches or is a little in, less
    /// than a step deep, lets it out first.
    #[must_use]
    pub fn go(&self, world: &mut World, from: Vec2, way: Vec2) -> Moved {
        let from = self.let_out(world, from);
        let mut moved = Moved { position: from, grounded: false, ground: None, wall: Vec2::ZERO };
        let was_grounded = self.ground_below(world, from, SKIN.times(4)).is_some();
        self.slide(world, &mut moved, way);
        let climbs =
            was_grounded && moved.wall != Vec2::ZERO && moved.wall.y < self.slope && self.step > Fx::ZERO;
        if climbs {
            self.climb(world, &mut moved, from, way);
        }
        let reach = if was_grounded && way.y <= Fx::ZERO { self.snap } else { SKIN.times(2) };
        if let Some(ground) = self.ground_below(world, moved.position, reach) {
            if was_grounded && way.y <= Fx::ZERO {
                moved.position.y -= (reach * ground.part - SKIN).max(Fx::ZERO);
            }
            (moved.grounded, moved.ground) = (true, Some(ground.body));
        }
        moved
    }

    /// A place near by that is in nothing, if it is not too deep in something.
    fn let_out(&self, world: &World, from: Vec2) -> Vec2 {
        let mut at = from;
        for _ in 0..SLIDES_MAX {
            match world.way_out(self.shape, at, self.filter) {
                Some((out, depth)) if depth < self.step => at += out * (depth + SKIN),
                Some(_) => return from,
                None => return at,
            }
        }
        at
    }

    fn cast(&self, world: &World, from: Vec2, way: Vec2) -> Option<Cast> {
        world.cast_shape(self.shape, Angle::ZERO, from, way, self.filter)
    }

    /// What it can stand on within a distance below.
    fn ground_below(&self, world: &World, at: Vec2, reach: Fx) -> Option<Cast> {
        let cast = self.cast(world, at, Vec2::new(Fx::ZERO, -reach))?;
        (cast.normal.y >= self.slope).then_some(cast)
    }

    /// Goes along a way and along what it meets there.
    fn slide(&self, world: &mut World, moved: &mut Moved, way: Vec2) {
        let mut left = way;
        for _ in 0..SLIDES_MAX {
            let length = left.length();
            if length <= Fx::STEP {
                return;
            }
            let Some(cast) = self.cast(world, moved.position, left) else {
                moved.position += left;
                return;
            };
            if cast.normal == Vec2::ZERO {
                // It is inside of something: it may only be let out.
                moved.position += left;
                return;
            }
            let free = (length * cast.part - SKIN).max(Fx::ZERO);
            let gone = left.with_length(free);
            moved.position += gone;
            left -= gone;
            let against = left.dot(cast.normal).min(Fx::ZERO);
            self.push(world, &cast, against);
            if cast.normal.y < self.slope {
                moved.wall = cast.normal;
            } else {
                // What it can stand on stops a fall and does not turn it into a slide.
                left.y = left.y.max(Fx::ZERO);
            }
            let against = left.dot(cast.normal).min(Fx::ZERO);
            left -= cast.normal * against;
        }
    }

    fn push(&self, world: &mut World, cast: &Cast, against: Fx) {
        if self.push > Fx::ZERO {
            let impulse = cast.normal * (against * self.push);
            world.apply_impulse_at(cast.body, impulse, cast.position);
        }
    }

    /// Tries the way again from a step higher; keeps what got farther and ends on ground.
    fn climb(&self, world: &World, moved: &mut Moved, from: Vec2, way: Vec2) {
        let up = Vec2::new(Fx::ZERO, self.step);
        let along = Vec2::new(way.x, Fx::ZERO);
        if self.cast(world, from, up).is_some() {
            return;
        }
        let length = along.length();
        let free = self
            .cast(world, from + up, along)
            .map_or(length, |cast| (length * cast.part - SKIN).max(Fx::ZERO));
        let high = from + up + along.with_length(free);
        let Some(ground) = self.ground_below(world, high, self.step + SKIN) else { return };
        let down = ((self.step + SKIN) * ground.part - SKIN).max(Fx::ZERO);
        let place = high - Vec2::new(Fx::ZERO, down);
        if (place.x - from.x).abs() > (moved.position.x - from.x).abs() + SKIN {
            (moved.position, moved.wall) = (place, Vec2::ZERO);
        }
    }
}
