//! `Contact`, two bodies that touched.

use crate::{BodyId, Fx, Vec2};

/// Two bodies that met in the last step. `a` has the smaller index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// The body with the smaller index.
    pub a: BodyId,
    /// The body with the larger index.
    pub b: BodyId,
    /// The direction in which `b` is pushed, away from `a`; length 1.
    pub normal: Vec2,
    /// How far they overlapped before they were pushed apart, 0 or more.
    pub depth: Fx,
    /// How hard they were pushed apart, in units of mass times speed; 0 for sensors.
    pub impulse: Fx,
    /// Whether one of them is a sensor, so that nothing was pushed.
    pub sensor: bool,
}
