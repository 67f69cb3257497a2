//! `Contact` and `ContactEvent`: what touches, and what began or ended to.

use crate::{BodyId, Fx, Vec2};

/// Two shapes that touched in the last step. `a` has the smaller index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// The body with the smaller index.
    pub a: BodyId,
    /// The body with the larger index.
    pub b: BodyId,
    /// Which shape of `a`: 0 is the one of its description, the others follow as they were attached.
    pub shape_a: u16,
    /// Which shape of `b`.
    pub shape_b: u16,
    /// The direction in which `b` is pushed, away from `a`; length 1.
    pub normal: Vec2,
    /// Where they touch, in the world.
    pub point: Vec2,
    /// How far they overlapped at the start of the step, 0 or more.
    pub depth: Fx,
    /// How hard they were pushed apart, in units of mass times speed; 0 for sensors.
    pub impulse: Fx,
    /// Whether one of them is a sensor, so that nothing was pushed.
    pub sensor: bool,
    /// Whether they touched in the step before too, so that no event tells of it.
    pub persisted: bool,
}

/// Whether a contact began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContactPhase {
    /// The shapes did not touch before the last step.
    Began,
    /// They touched before the last step, and do not now or are no longer there; or one is a bullet that passed the
    /// other, a sensor, within the last step, of which both phases are told.
    Ended,
}

/// Two shapes that began or ended to touch in the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContactEvent {
    /// The body with the smaller index.
    pub a: BodyId,
    /// The body with the larger index.
    pub b: BodyId,
    /// Which shape of `a`.
    pub shape_a: u16,
    /// Which shape of `b`.
    pub shape_b: u16,
    /// Whether it began or ended.
    pub phase: ContactPhase,
    /// Whether one of them is a sensor.
    pub sensor: bool,
    /// How hard they met, in units of mass times speed; 0 for sensors and for what ended.
    pub impulse: Fx,
}
