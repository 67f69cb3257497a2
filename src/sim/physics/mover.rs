//! `Mover`, a character that is moved by the game and not by forces: it slides along walls, climbs steps, stays
//! on slopes, rides on what carries it and pushes what is in its way.
//!
//! Ways slide along what they meet (Fauerby, "Improved Collision Detection and Response", 2003). That what is too steep
//! is a wall for who walks, and that the ground carries by the velocity of the place below, is as in the
//! `CharacterBody2D` of Godot 4 (`floor_block_on_wall`, platform velocity); that steps are looked for farther ahead
//! than the way is long is as the `min_width` of rapier's `KinematicCharacterController`.

use super::footing::{Footing, Platforms, deepest_fall, lift_of};
use super::query::{self, Stop};
use super::{BodyId, Filter, Shape, World};
use crate::{Fx, Vec2};

/// Surfaces that a way may slide along.
const SLIDES_MAX: u32 = 4;
/// Distance that is kept from everything: 1/128 of a unit.
const SKIN: Fx = Fx::from_ratio(1, 128);
/// What is so near below is stood on, and who is so deep in a platform is let out of it upwards: 1/32 of a unit.
pub(crate) const NEAR: Fx = Fx::from_ratio(4, 128);
/// Into so many parts a step is cut to look for a place to stand on it.
const NUDGES: i32 = 4;

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
    /// The highest step that it climbs, in units; 0.3 by default. One that is round or has a steep side is climbed as
    /// well, if there is a place to stand on within so much beyond the way.
    pub step: Fx,
    /// How far down it looks for ground when it walked on some, in units; 0.3 by default. Ground that goes down is
    /// followed for as far as it goes in a tick besides.
    pub snap: Fx,
    /// The least cosine between up and the normal of what it can stand on; 0.7 by default, which is 45 degrees. What is
    /// steeper is a wall for who walks, and who falls slides down on it.
    pub slope: Fx,
    /// How hard it pushes dynamic bodies, in units of mass times speed per unit of way it was held up; 0 by default.
    pub push: Fx,
    /// Whether it goes through one-way platforms from above as well, and leaves the one it stands on; false by
    /// default. One tick of it is enough to fall off a platform.
    pub drop: bool,
}

/// Where a character came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Its new place, as it is after the step that follows: with what carries it.
    pub position: Vec2,
    /// Whether it stands on something, or is held by two steep things from two sides.
    pub grounded: bool,
    /// What it stands on; nothing on the border of the world.
    pub ground: Option<BodyId>,
    /// How fast that goes below the character, in units per second, with its spin and its belt: who jumps off a lift
    /// adds it to the jump.
    pub ground_velocity: Vec2,
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
            drop: false,
        }
    }
}

impl Mover {
    /// Moves from a place by a way. The world changes only by what is pushed. What it touches or is a little in, less
    /// than a step or 1/32 deep, lets it out first, as far as what is firmer than that leaves room: what stands is
    /// firmer than what the game moves, and that than what forces move. What it is still in then only keeps it from
    /// going deeper in. What it stands on in the end takes it along for as far as that goes in a tick. So it is to be
    /// called when the game has set how its platforms go, and before the step. The border of a world with walls is a
    /// wall for it, whatever its filter.
    #[must_use]
    pub fn go(&self, world: &mut World, from: Vec2, way: Vec2) -> Moved {
        let from = self.let_out(world, from, way);
        let mut moved = Moved {
            position: from,
            grounded: false,
            ground: None,
            ground_velocity: Vec2::ZERO,
            wall: Vec2::ZERO,
        };
        let far = self.snap.max(NEAR) + deepest_fall(world.state());
        let ground = self.standing(world, from, far);
        let way = if self.drop && ground.is_none() { self.leave(world, from, far, way) } else { way };
        let blocked = self.slide(world, &mut moved, way, None);
        if blocked && ground.is_some() && self.step > Fx::ZERO {
            self.climb(world, &mut moved, from, way.x);
        }
        let keeps = ground.filter(|_| way.y <= Fx::ZERO);
        let reach = keeps.map_or(SKIN.times(2), |ground| self.snap.max(NEAR) + ground.way.y.abs());
        if let Some(ground) = self.footing(world, moved.position, reach) {
            if keeps.is_some() {
                moved.position.y -= (ground.gap - SKIN).max(Fx::ZERO);
            }
            (moved.grounded, moved.ground) = (true, ground.body);
            moved.ground_velocity = ground.velocity;
            self.slide(world, &mut moved, ground.way, ground.body);
        }
        moved
    }

    /// A place near by that is in nothing, as far as it is not too deep in something or held by what is firmer.
    fn let_out(&self, world: &World, from: Vec2, way: Vec2) -> Vec2 {
        let mut at = from;
        if self.way_out(world, at, way, None).is_none() {
            return at;
        }
        for firm in 0..=query::firmness(0) {
            for _ in 0..SLIDES_MAX {
                match self.way_out(world, at, way, Some(firm)) {
                    Some((out, depth)) if depth < self.step.max(NEAR) => {
                        at = self.led_out(world, at, out * (depth + SKIN), firm);
                    }
                    _ => break,
                }
            }
        }
        at
    }

    /// The way out of what it is deepest in, of all or of what is so firm.
    fn way_out(&self, world: &World, at: Vec2, way: Vec2, firm: Option<u8>) -> Option<(Vec2, Fx)> {
        let state = world.state();
        let platforms = self.platforms();
        let border = firm.is_none_or(|firm| firm == query::firmness(0));
        query::way_out(state, (self.shape, at), (self.filter, border), |placed, out, depth| {
            if firm.is_some_and(|firm| firm != query::firmness(state.flags[placed.slot])) {
                return false;
            }
            if !placed.kind.blueprint.part.material.one_way {
                return true;
            }
            // Who is deep in a platform, or rises, is on the way through it.
            let (lift, its_way) = lift_of(state, placed, at);
            let holds = |way: Vec2| platforms.hold(placed, out, way);
            depth <= NEAR + lift.abs() && (holds(way) || holds(way - its_way))
        })
    }

    /// Where a way out of something ends that only what is as firm stops.
    fn led_out(&self, world: &World, from: Vec2, out: Vec2, firm: u8) -> Vec2 {
        let (mut at, mut left) = (from, out);
        let state = world.state();
        let whom = (self.filter, self.platforms());
        for _ in 0..SLIDES_MAX {
            let length = left.length();
            if length <= Fx::STEP {
                break;
            }
            let is_firm = |slot: usize| query::firmness(state.flags[slot]) >= firm;
            let Some(stop) = query::stop(state, self.shape, (at, left), whom, is_firm) else {
                return at + left;
            };
            let gone = left.with_length(free_way(&stop, left, length));
            at += gone;
            left = along(&stop, left - gone);
        }
        at
    }

    const fn platforms(&self) -> Platforms {
        if self.drop { Platforms::Open } else { Platforms::FromAbove }
    }

    fn cast(&self, world: &World, from: Vec2, way: Vec2, but: Option<BodyId>) -> Option<Stop> {
        let state = world.state();
        let whom = (self.filter, self.platforms());
        query::stop(state, self.shape, (from, way), whom, |slot| but != Some(state.id(slot)))
    }

    /// What it stands on, which is no farther below than that may have gone in a tick.
    fn standing(&self, world: &World, at: Vec2, far: Fx) -> Option<Footing> {
        self.footing(world, at, far).filter(|ground| ground.gap <= NEAR + ground.way.y.abs())
    }

    /// The way of who leaves a platform: so deep into it that it does not let out again.
    fn leave(&self, world: &World, from: Vec2, far: Fx, way: Vec2) -> Vec2 {
        let stays = Self { drop: false, ..*self };
        match stays.standing(world, from, far).filter(|ground| ground.one_way) {
            Some(ground) => {
                let least = NEAR + SKIN.times(2) + ground.way.y.abs().times(2);
                Vec2::new(way.x, way.y.min(-least))
            }
            None => way,
        }
    }

    /// What it can stand on within a distance below, or what holds it there from two sides.
    fn footing(&self, world: &World, at: Vec2, reach: Fx) -> Option<Footing> {
        let cast = self.cast(world, at, Vec2::new(Fx::ZERO, -reach), None)?;
        let gap = reach * cast.part;
        if cast.normal.y >= self.slope {
            return self.footing_on(world, at, &cast, gap);
        }
        let place = at - Vec2::new(Fx::ZERO, (gap - SKIN).max(Fx::ZERO));
        self.footing_on(world, at, &self.wedge(world, &cast, place)?, gap)
    }

    fn footing_on(&self, world: &World, at: Vec2, cast: &Stop, gap: Fx) -> Option<Footing> {
        let (lever, _) = query::middle_and_depth(self.shape);
        Footing::of(world.state(), cast, at + lever, gap)
    }

    /// What keeps it from sliding down something steep that it is near to.
    fn wedge(&self, world: &World, steep: &Stop, at: Vec2) -> Option<Stop> {
        let normal = steep.normal;
        if normal.y <= Fx::ZERO {
            return None;
        }
        let down = if normal.x > Fx::ZERO { -normal.turned_left() } else { normal.turned_left() };
        let cast = self.cast(world, at, down * NEAR, None)?;
        let against = cast.normal.x.signum() * normal.x.signum() < 0 && cast.normal.y >= -SKIN;
        (against || cast.normal.y >= self.slope).then_some(cast)
    }

    /// Goes along a way and along what it meets there; tells whether a wall was against it.
    fn slide(&self, world: &mut World, moved: &mut Moved, way: Vec2, but: Option<BodyId>) -> bool {
        let mut left = way;
        let mut blocked = false;
        for _ in 0..SLIDES_MAX {
            let length = left.length();
            if length <= Fx::STEP {
                break;
            }
            let Some(cast) = self.cast(world, moved.position, left, but) else {
                moved.position += left;
                break;
            };
            let gone = left.with_length(free_way(&cast, left, length));
            moved.position += gone;
            left -= gone;
            let normal = cast.normal;
            self.push(world, &cast, left.dot(normal).min(Fx::ZERO));
            if normal.y < self.slope {
                moved.wall = normal;
                blocked |= normal.x.signum() * way.x.signum() < 0;
                // Nobody walks up a wall, nor is what led up to it a jump.
                left.y = left.y.min(way.y.max(Fx::ZERO));
                if normal.y > Fx::ZERO && left.x.signum() * normal.x.signum() < 0 {
                    left.x = Fx::ZERO;
                }
            } else {
                // What it can stand on stops a fall and does not turn it into a slide.
                left.y = left.y.max(Fx::ZERO);
            }
            left = along(&cast, left);
        }
        blocked
    }

    fn push(&self, world: &mut World, cast: &Stop, against: Fx) {
        if let Some(body) = cast.body.filter(|_| self.push > Fx::ZERO) {
            let impulse = cast.normal * (against * self.push);
            let place = query::touched(world.state(), self.shape, cast).unwrap_or(cast.position);
            world.apply_impulse_at(body, impulse, place);
        }
    }

    /// Tries the way again from a step higher; keeps the first place to stand on that is farther along, a little beyond
    /// the way if need be.
    fn climb(&self, world: &World, moved: &mut Moved, from: Vec2, way: Fx) {
        let clear = |from: Vec2, way: Vec2| {
            let length = way.length();
            self.cast(world, from, way, None).map_or(length, |cast| free_way(&cast, way, length))
        };
        let rise = clear(from, Vec2::new(Fx::ZERO, self.step));
        let high = from + Vec2::new(Fx::ZERO, rise);
        let side = Fx::from_int(way.signum());
        let (lever, depth) = query::middle_and_depth(self.shape);
        let (length, feet) = (way.abs(), from.y + lever.y - depth);
        let most = clear(high, Vec2::new(side * (length + self.step), Fx::ZERO));
        for nudge in 0..=NUDGES {
            let along = length + self.step.times(nudge) / Fx::from_int(NUDGES);
            if nudge > 0 && along > most {
                return;
            }
            let at = high + Vec2::new(side * along.min(most), Fx::ZERO);
            let reach = rise + SKIN;
            let cast = self.cast(world, at, Vec2::new(Fx::ZERO, -reach), None);
            let Some(cast) = cast.filter(|cast| cast.normal.y >= self.slope) else { continue };
            let Some(ground) = self.footing_on(world, at, &cast, reach * cast.part) else { continue };
            let place = at - Vec2::new(Fx::ZERO, (ground.gap - SKIN).max(Fx::ZERO));
            let is_farther = (place.x - from.x) * side > (moved.position.x - from.x) * side + SKIN;
            let is_step = nudge == 0 || place.y > from.y + SKIN;
            if is_farther && is_step && ground.top - feet <= self.step + SKIN.times(2) {
                (moved.position, moved.wall) = (place, Vec2::ZERO);
                return;
            }
        }
    }
}

/// How far along a way it comes until it is as near to what it meets as it may be.
fn free_way(cast: &Stop, way: Vec2, length: Fx) -> Fx {
    let toward = -way.dot(cast.normal) / length;
    (length * cast.part - SKIN / toward.max(Fx::from_ratio(1, 4))).max(Fx::ZERO)
}

/// What is left of a way along what stops it. Of what is touched already it leads away by what directions are rounded
/// by, so that it does not stop the same way again.
fn along(stop: &Stop, left: Vec2) -> Vec2 {
    let along = left - stop.normal * left.dot(stop.normal).min(Fx::ZERO);
    if stop.part > Fx::ZERO || along == Vec2::ZERO {
        return along;
    }
    let off = Fx::from_bits(along.length().to_bits() >> 15) + Fx::STEP;
    along + stop.normal * off
}
