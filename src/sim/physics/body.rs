//! `BodyDesc`, `Body` and `BodyId`: what is put into a world and what is seen of it.

use serde::{Deserialize, Serialize};

use super::{Filter, Polygon, Shape, ShapeDesc};
use crate::{Angle, Fx, Vec2};

/// Names a body for as long as it is in its world, and nothing afterwards (until a slot was used 65,536 times
/// more).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BodyId {
    /// The slot, below the world's `bodies_max`; slots of removed bodies are used again.
    pub index: u16,
    /// How often the slot's body was removed, modulo 65,536.
    pub generation: u16,
}

impl BodyId {
    /// The id as one number, for views and maps.
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        (self.generation as u32) << 16 | self.index as u32
    }

    /// The id from [`BodyId::to_bits`].
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self { index: bits as u16, generation: (bits >> 16) as u16 }
    }
}

/// Whether a body moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BodyKind {
    /// Stays where it is put and is never pushed.
    Static,
    /// Moves with the velocity it is given and is never pushed.
    Kinematic,
    /// Moves and is pushed.
    Dynamic,
}

/// A body to be put into a world. Values out of bounds are brought to the nearest bound.
///
/// ```
/// use framekeep_sim::{BodyDesc, Fx, Vec2};
/// let shot = BodyDesc::circle(Fx::from_ratio(1, 5))
///     .at(Vec2::from_ints(2, 3))
///     .moving(Vec2::from_ints(20, 0))
///     .restitution(Fx::ONE)
///     .bullet()
///     .user(7);
/// assert_eq!(shot.user, 7);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyDesc {
    /// Whether it moves; dynamic by default.
    pub kind: BodyKind,
    /// Its first shape; [`World::attach`](crate::World::attach) adds others.
    pub shape: ShapeDesc,
    /// Its origin.
    pub position: Vec2,
    /// How it is turned.
    pub angle: Angle,
    /// Units per second of its centre of mass, below 2,048 in each direction and 100 units per tick.
    pub velocity: Vec2,
    /// Radians per second, counter-clockwise.
    pub spin: Fx,
    /// 1/128 to 32,767; by default that of its shapes by their density. Of no meaning for what is not dynamic.
    pub mass: Option<Fx>,
    /// The part of the speed that is lost per second, 0 or more; all of it from `ticks_per_second` on.
    pub damping: Fx,
    /// The same for the spin.
    pub spin_damping: Fx,
    /// By how much gravity counts, −16 to 16; 1 by default.
    pub gravity_scale: Fx,
    /// Whether it never turns. Discs that never turn, without friction, are the fastest bodies.
    pub lock_rotation: bool,
    /// Whether it never moves along x.
    pub lock_x: bool,
    /// Whether it never moves along y.
    pub lock_y: bool,
    /// Whether its way is searched for obstacles at every step, so that it cannot jump through one.
    pub bullet: bool,
    /// Whether it may fall asleep; true by default.
    pub can_sleep: bool,
    /// Anything the game wants to know of it.
    pub user: u32,
}

impl BodyDesc {
    /// A dynamic body at the origin.
    #[must_use]
    pub const fn new(shape: Shape) -> Self {
        Self {
            kind: BodyKind::Dynamic,
            shape: ShapeDesc::new(shape),
            position: Vec2::ZERO,
            angle: Angle::ZERO,
            velocity: Vec2::ZERO,
            spin: Fx::ZERO,
            mass: None,
            damping: Fx::ZERO,
            spin_damping: Fx::ZERO,
            gravity_scale: Fx::ONE,
            lock_rotation: false,
            lock_x: false,
            lock_y: false,
            bullet: false,
            can_sleep: true,
            user: 0,
        }
    }

    /// A dynamic disc at the origin.
    #[must_use]
    pub const fn circle(radius: Fx) -> Self {
        Self::new(Shape::Circle { radius })
    }

    /// A dynamic box at the origin.
    #[must_use]
    pub const fn rect(half: Vec2) -> Self {
        Self::new(Shape::Box { half })
    }

    /// A dynamic capsule along x at the origin.
    #[must_use]
    pub const fn capsule(half_length: Fx, radius: Fx) -> Self {
        Self::new(Shape::Capsule { half_length, radius })
    }

    /// A dynamic polygon around the origin.
    #[must_use]
    pub const fn polygon(polygon: Polygon) -> Self {
        Self::new(Shape::Polygon(polygon))
    }

    /// Sets what the first shape is made of, besides its outline.
    #[must_use]
    pub const fn with_shape(mut self, shape: ShapeDesc) -> Self {
        self.shape = shape;
        self
    }

    /// Makes it static.
    #[must_use]
    pub const fn fixed(mut self) -> Self {
        self.kind = BodyKind::Static;
        self
    }

    /// Makes it kinematic.
    #[must_use]
    pub const fn kinematic(mut self) -> Self {
        self.kind = BodyKind::Kinematic;
        self
    }

    /// Sets the position.
    #[must_use]
    pub const fn at(mut self, position: Vec2) -> Self {
        self.position = position;
        self
    }

    /// Sets how it is turned.
    #[must_use]
    pub const fn turned(mut self, angle: Angle) -> Self {
        self.angle = angle;
        self
    }

    /// Sets the velocity, in units per second.
    #[must_use]
    pub const fn moving(mut self, velocity: Vec2) -> Self {
        self.velocity = velocity;
        self
    }

    /// Sets the spin, in radians per second.
    #[must_use]
    pub const fn spinning(mut self, spin: Fx) -> Self {
        self.spin = spin;
        self
    }

    /// Sets the mass of the whole body.
    #[must_use]
    pub const fn mass(mut self, mass: Fx) -> Self {
        self.mass = Some(mass);
        self
    }

    /// Sets the first shape's density.
    #[must_use]
    pub const fn density(mut self, density: Fx) -> Self {
        self.shape.density = density;
        self
    }

    /// Sets the first shape's friction.
    #[must_use]
    pub const fn friction(mut self, friction: Fx) -> Self {
        self.shape.material.friction = friction;
        self
    }

    /// Sets the first shape's restitution.
    #[must_use]
    pub const fn restitution(mut self, restitution: Fx) -> Self {
        self.shape.material.restitution = restitution;
        self
    }

    /// Sets the damping, per second.
    #[must_use]
    pub const fn damping(mut self, damping: Fx) -> Self {
        self.damping = damping;
        self
    }

    /// Sets the damping of the spin, per second.
    #[must_use]
    pub const fn spin_damping(mut self, damping: Fx) -> Self {
        self.spin_damping = damping;
        self
    }

    /// Sets by how much gravity counts.
    #[must_use]
    pub const fn gravity_scale(mut self, scale: Fx) -> Self {
        self.gravity_scale = scale;
        self
    }

    /// Keeps it from turning.
    #[must_use]
    pub const fn lock_rotation(mut self) -> Self {
        self.lock_rotation = true;
        self
    }

    /// Sets the layers the first shape is in.
    #[must_use]
    pub const fn layer(mut self, layer: u32) -> Self {
        self.shape.filter.layer = layer;
        self
    }

    /// Sets the layers the first shape meets.
    #[must_use]
    pub const fn mask(mut self, mask: u32) -> Self {
        self.shape.filter.mask = mask;
        self
    }

    /// Sets the first shape's group.
    #[must_use]
    pub const fn group(mut self, group: i16) -> Self {
        self.shape.filter.group = group;
        self
    }

    /// Makes the first shape a sensor.
    #[must_use]
    pub const fn sensor(mut self) -> Self {
        self.shape.sensor = true;
        self
    }

    /// Makes it a bullet.
    #[must_use]
    pub const fn bullet(mut self) -> Self {
        self.bullet = true;
        self
    }

    /// Keeps it awake.
    #[must_use]
    pub const fn sleepless(mut self) -> Self {
        self.can_sleep = false;
        self
    }

    /// Sets the game's own number.
    #[must_use]
    pub const fn user(mut self, user: u32) -> Self {
        self.user = user;
        self
    }
}

/// In which ways a body never moves, whatever pushes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Locks {
    /// It never turns.
    pub rotation: bool,
    /// It never moves along x, if it is dynamic.
    pub x: bool,
    /// It never moves along y, if it is dynamic.
    pub y: bool,
}

/// What is seen of a body in a world: a copy, which changes nothing when it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body {
    /// Whether it moves.
    pub kind: BodyKind,
    /// The outline of its first shape.
    pub shape: Shape,
    /// Its origin.
    pub position: Vec2,
    /// How it is turned.
    pub angle: Angle,
    /// Units per second, of its centre of mass.
    pub velocity: Vec2,
    /// Radians per second, counter-clockwise.
    pub spin: Fx,
    /// Where its centre of mass is in the world.
    pub centre: Vec2,
    /// Its mass; 0 for what is not dynamic.
    pub mass: Fx,
    /// Whom its first shape meets.
    pub filter: Filter,
    /// Whether its first shape only reports.
    pub sensor: bool,
    /// The part of the speed that is lost per second; as it is kept, which is less than it was set to by at most
    /// `ticks_per_second` / 65,536.
    pub damping: Fx,
    /// The same for the spin.
    pub spin_damping: Fx,
    /// By how much gravity counts.
    pub gravity_scale: Fx,
    /// In which ways it never moves.
    pub locks: Locks,
    /// Whether its way is searched for obstacles.
    pub bullet: bool,
    /// Whether it may fall asleep.
    pub can_sleep: bool,
    /// Whether it rests and costs next to nothing until something touches it.
    pub asleep: bool,
    /// The game's own number.
    pub user: u32,
}
