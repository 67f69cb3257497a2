//! `Material` and `Filter`: how a shape slides and bounces, and whom it meets.

use serde::{Deserialize, Serialize};

use crate::Fx;

/// How the values of two shapes become one; of two rules the later one in this list counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Combine {
    /// Half of their sum.
    #[default]
    Average,
    /// The smaller one.
    Minimum,
    /// Their product.
    Multiply,
    /// The larger one.
    Maximum,
}

impl Combine {
    /// One value from two.
    pub(crate) fn of(self, other: Self, a: Fx, b: Fx) -> Fx {
        match self.max(other) {
            Self::Average => Fx::from_bits(a.to_bits() / 2 + b.to_bits() / 2),
            Self::Minimum => a.min(b),
            Self::Multiply => a * b,
            Self::Maximum => a.max(b),
        }
    }
}

/// How a shape slides and bounces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Material {
    /// The largest pull along a surface as a part of the push against it, 0 to 16; 0.5 by default.
    pub friction: Fx,
    /// The part of the approach speed that is left after a bounce, 0 to 1; 0 by default.
    pub restitution: Fx,
    /// How frictions combine; the average by default.
    pub friction_combine: Combine,
    /// How restitutions combine; the larger one by default.
    pub restitution_combine: Combine,
    /// How fast the surface runs along itself, in units per second: to the left of the outward normal, that is,
    /// counter-clockwise around the shape. Conveyor belts.
    pub surface_speed: Fx,
    /// Whether only what comes from above (the shape's own y) is held: a platform to jump through, a gate.
    pub one_way: bool,
}

impl Material {
    /// Friction 0.5, no restitution.
    pub const DEFAULT: Self = Self {
        friction: Fx::HALF,
        restitution: Fx::ZERO,
        friction_combine: Combine::Average,
        restitution_combine: Combine::Maximum,
        surface_speed: Fx::ZERO,
        one_way: false,
    };

    /// The nearest material within the bounds.
    pub(crate) fn sanitised(mut self) -> Self {
        self.friction = self.friction.max(Fx::ZERO).min(Fx::from_int(16));
        self.restitution = self.restitution.max(Fx::ZERO).min(Fx::ONE);
        self.surface_speed = self.surface_speed.max(Fx::from_int(-1_000)).min(Fx::from_int(1_000));
        self
    }
}

impl Default for Material {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Whom a shape meets.
///
/// Two shapes of the same group other than 0 always meet if it is positive and never if it is negative; all others
/// meet if each is in a layer of the other's mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Filter {
    /// The layers it is in, one bit each; the lowest by default.
    pub layer: u32,
    /// The layers it meets; all by default.
    pub mask: u32,
    /// 0 for none.
    pub group: i16,
}

impl Filter {
    /// In the lowest layer, meets everything.
    pub const ALL: Self = Self { layer: 1, mask: u32::MAX, group: 0 };

    /// Whether two shapes meet.
    #[inline]
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        if self.group != 0 && self.group == other.group {
            return self.group > 0;
        }
        self.mask & other.layer != 0 && other.mask & self.layer != 0
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self::ALL
    }
}
