//! `BodyDesc`, `Body` and `BodyId`: what is put into a world and what is seen of it.

use serde::{Deserialize, Serialize};

use crate::{Fx, Vec2};

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
    /// Moves and is pushed.
    Dynamic,
}

/// The outline of a body, around its position. Bodies do not turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Shape {
    /// A disc. Radius from 1/65,536 to 8,191.
    Circle {
        /// From the centre to the rim.
        radius: Fx,
    },
    /// A box along the axes. Half sizes from 1/65,536 to 8,191.
    Box {
        /// Half the width and half the height.
        half: Vec2,
    },
}

impl Shape {
    /// Half the size of the box around the shape.
    #[must_use]
    pub const fn half(self) -> Vec2 {
        match self {
            Self::Circle { radius } => Vec2::splat(radius),
            Self::Box { half } => half,
        }
    }
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
    /// Its outline.
    pub shape: Shape,
    /// Its centre.
    pub position: Vec2,
    /// Units per second.
    pub velocity: Vec2,
    /// 1/128 to 32,767; 1 by default. Of no meaning for static bodies.
    pub mass: Fx,
    /// The part of the approach speed that is left after a bounce, 0 to 1; of two bodies the larger one
    /// counts.
    pub restitution: Fx,
    /// The part of the speed that is lost per second, 0 or more; all of it from `ticks_per_second` on.
    pub damping: Fx,
    /// The layers it is in, one bit each; the lowest by default.
    pub layer: u16,
    /// The layers it meets. Two bodies meet if each is in a layer of the other's mask. All by default.
    pub mask: u16,
    /// Whether it only reports what overlaps it and pushes nothing.
    pub sensor: bool,
    /// Whether its way is searched for obstacles at every step, so that it cannot jump through one.
    pub bullet: bool,
    /// Anything the game wants to know of it.
    pub user: u32,
}

impl BodyDesc {
    /// A dynamic body of mass 1 at the origin.
    #[must_use]
    pub const fn new(shape: Shape) -> Self {
        Self {
            kind: BodyKind::Dynamic,
            shape,
            position: Vec2::ZERO,
            velocity: Vec2::ZERO,
            mass: Fx::ONE,
            restitution: Fx::ZERO,
            damping: Fx::ZERO,
            layer: 1,
            mask: u16::MAX,
            sensor: false,
            bullet: false,
            user: 0,
        }
    }

    /// A dynamic disc of mass 1 at the origin.
    #[must_use]
    pub const fn circle(radius: Fx) -> Self {
        Self::new(Shape::Circle { radius })
    }

    /// A dynamic box of mass 1 at the origin.
    #[must_use]
    pub const fn rect(half: Vec2) -> Self {
        Self::new(Shape::Box { half })
    }

    /// Makes it static.
    #[must_use]
    pub const fn fixed(mut self) -> Self {
        self.kind = BodyKind::Static;
        self
    }

    /// Sets the position.
    #[must_use]
    pub const fn at(mut self, position: Vec2) -> Self {
        self.position = position;
        self
    }

    /// Sets the velocity, in units per second.
    #[must_use]
    pub const fn moving(mut self, velocity: Vec2) -> Self {
        self.velocity = velocity;
        self
    }

    /// Sets the mass.
    #[must_use]
    pub const fn mass(mut self, mass: Fx) -> Self {
        self.mass = mass;
        self
    }

    /// Sets the restitution.
    #[must_use]
    pub const fn restitution(mut self, restitution: Fx) -> Self {
        self.restitution = restitution;
        self
    }

    /// Sets the damping, per second.
    #[must_use]
    pub const fn damping(mut self, damping: Fx) -> Self {
        self.damping = damping;
        self
    }

    /// Sets the layers it is in.
    #[must_use]
    pub const fn layer(mut self, layer: u16) -> Self {
        self.layer = layer;
        self
    }

    /// Sets the layers it meets.
    #[must_use]
    pub const fn mask(mut self, mask: u16) -> Self {
        self.mask = mask;
        self
    }

    /// Makes it a sensor.
    #[must_use]
    pub const fn sensor(mut self) -> Self {
        self.sensor = true;
        self
    }

    /// Makes it a bullet.
    #[must_use]
    pub const fn bullet(mut self) -> Self {
        self.bullet = true;
        self
    }

    /// Sets the game's own number.
    #[must_use]
    pub const fn user(mut self, user: u32) -> Self {
        self.user = user;
        self
    }
}

/// What is seen of a body in a world: a copy, which changes nothing when it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body {
    /// Whether it moves.
    pub kind: BodyKind,
    /// Its outline.
    pub shape: Shape,
    /// Its centre.
    pub position: Vec2,
    /// Units per second.
    pub velocity: Vec2,
    /// The layers it is in.
    pub layer: u16,
    /// The layers it meets.
    pub mask: u16,
    /// Whether it only reports.
    pub sensor: bool,
    /// Whether its way is searched for obstacles.
    pub bullet: bool,
    /// The game's own number.
    pub user: u32,
}
