//! `JointDesc`, what holds two bodies together.

use serde::{Deserialize, Serialize};

use super::BodyId;
use crate::{Fx, Vec2};

/// Names a joint for as long as it is in its world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JointId {
    /// The slot.
    pub index: u16,
    /// How often the slot's joint was removed, modulo 65,536.
    pub generation: u16,
}

/// What drives a joint: a speed that it tries to reach and how hard it may pull for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Motor {
    /// Units or radians per second, of the second body as seen from the first.
    pub speed: Fx,
    /// The largest force or torque.
    pub force_max: Fx,
}

/// What a joint allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JointKind {
    /// The anchors stay that far apart.
    Rod {
        /// Units, at least 1/256.
        length: Fx,
    },
    /// The anchors are that far apart at most.
    Rope {
        /// Units.
        length: Fx,
    },
    /// The anchors are pulled to that distance.
    Spring {
        /// Units.
        length: Fx,
        /// Swings per second, above 0 to a quarter of the rate of substeps.
        hertz: Fx,
        /// 0 swings for ever, 1 comes back without a swing.
        damping_ratio: Fx,
    },
    /// The anchors are at one place; the bodies turn around it.
    Revolute {
        /// The least and the largest angle, in radians from −3 to 3, of the second body as seen from the first, 0
        /// being that at the start.
        limits: Option<(Fx, Fx)>,
        /// What turns it.
        motor: Option<Motor>,
    },
    /// The second anchor slides along a line through the first; the bodies do not turn against each other.
    Prismatic {
        /// The direction of the line in the first body.
        axis: Vec2,
        /// The least and the largest distance along it.
        limits: Option<(Fx, Fx)>,
        /// What moves it.
        motor: Option<Motor>,
    },
    /// The bodies are as one.
    Weld,
    /// The second body's anchor is pulled to a place in the world. The first body is not, and both meet each other
    /// whatever [`JointDesc::collide`] says; the joint goes when it goes, and they wake together.
    Mouse {
        /// Where to.
        target: Vec2,
        /// Swings per second.
        hertz: Fx,
        /// 1 comes to rest without a swing.
        damping_ratio: Fx,
        /// The largest force.
        force_max: Fx,
    },
}

/// A joint to be put into a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JointDesc {
    /// The first body.
    pub a: BodyId,
    /// The second body, another one.
    pub b: BodyId,
    /// Where it holds the first body, from its origin.
    pub anchor_a: Vec2,
    /// Where it holds the second body, from its origin.
    pub anchor_b: Vec2,
    /// What it allows.
    pub kind: JointKind,
    /// Whether the two bodies collide; not by default.
    pub collide: bool,
}

impl JointDesc {
    /// A joint that holds two bodies at their origins.
    #[must_use]
    pub const fn new(a: BodyId, b: BodyId, kind: JointKind) -> Self {
        Self { a, b, anchor_a: Vec2::ZERO, anchor_b: Vec2::ZERO, kind, collide: false }
    }

    /// Sets where it holds the bodies, from their origins.
    #[must_use]
    pub const fn anchors(mut self, a: Vec2, b: Vec2) -> Self {
        (self.anchor_a, self.anchor_b) = (a, b);
        self
    }

    /// Lets the two bodies collide.
    #[must_use]
    pub const fn colliding(mut self) -> Self {
        self.collide = true;
        self
    }
}

/// Why a joint was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JointError {
    /// One of the bodies is not there.
    #[error("there is no body {0:?}")]
    NoBody(BodyId),
    /// Both ends hold the same body.
    #[error("a joint needs two different bodies")]
    SameBody,
    /// A number is out of its range.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
    /// There are 65,535 already.
    #[error("the world holds 65535 joints already")]
    Full,
}

/// Whether the anchors are not too far out.
pub(crate) fn checked_anchors(a: Vec2, b: Vec2) -> Result<(), JointError> {
    let limit = Vec2::splat(Fx::from_int(4_095));
    let near = |anchor: Vec2| anchor == anchor.clamped(-limit, limit);
    if near(a) && near(b) { Ok(()) } else { Err(JointError::OutOfRange("anchor")) }
}

/// The kind itself if all its numbers are in range.
pub(crate) fn checked(kind: JointKind) -> Result<JointKind, JointError> {
    let in_range = |name, inside: bool| if inside { Ok(()) } else { Err(JointError::OutOfRange(name)) };
    let ordered = |limits: Option<(Fx, Fx)>, most: Fx| {
        limits.is_none_or(|(low, high)| -most <= low && low <= high && high <= most)
    };
    let strong = |motor: Option<Motor>| motor.is_none_or(|motor| motor.force_max >= Fx::ZERO);
    let soft =
        |hertz: Fx, damping: Fx| hertz > Fx::ZERO && damping >= Fx::ZERO && damping <= Fx::from_int(100);
    let far = Fx::from_int(4_095);
    match kind {
        JointKind::Rod { length } => in_range("length", (Fx::from_ratio(1, 256)..=far).contains(&length))?,
        JointKind::Rope { length } => in_range("length", (Fx::ZERO..=far).contains(&length))?,
        JointKind::Spring { length, hertz, damping_ratio } => {
            in_range("length", (Fx::ZERO..=far).contains(&length))?;
            in_range("hertz or damping_ratio", soft(hertz, damping_ratio))?;
        }
        JointKind::Revolute { limits, motor } => {
            in_range("limits", ordered(limits, Fx::from_int(3)))?;
            in_range("force_max", strong(motor))?;
        }
        JointKind::Prismatic { axis, limits, motor } => {
            in_range("axis", axis != Vec2::ZERO)?;
            in_range("limits", ordered(limits, far))?;
            in_range("force_max", strong(motor))?;
        }
        JointKind::Weld => {}
        JointKind::Mouse { hertz, damping_ratio, force_max, .. } => {
            in_range("hertz or damping_ratio", soft(hertz, damping_ratio))?;
            in_range("force_max", force_max >= Fx::ZERO)?;
        }
    }
    Ok(kind)
}
