//! `Pose`, where something is drawn.

use core::f32::consts::{PI, TAU};

use framekeep_sim::ViewBody;

/// Where something is drawn. For pictures only: nothing of it goes back into a simulation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pose {
    /// Horizontal, in world units.
    pub x: f32,
    /// Vertical, in world units; up is positive.
    pub y: f32,
    /// Counter-clockwise, in radians, -π to π.
    pub angle: f32,
}

impl Pose {
    /// A body in a view.
    #[must_use]
    pub fn of(body: &ViewBody) -> Self {
        let units = |bits: i32| bits as f32 / 65_536.0;
        Self { x: units(body.x), y: units(body.y), angle: f32::from(body.angle as i16) * PI / 32_768.0 }
    }

    /// How far apart two places are, in world units.
    #[must_use]
    pub fn distance(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// The way from here to `to`: `part` 0 is here, 1 is there. Angles take the shorter way round.
    #[must_use]
    pub fn towards(self, to: Self, part: f32) -> Self {
        self.plus(to.minus(self).times(part))
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self { x: self.x + other.x, y: self.y + other.y, angle: turn(self.angle + other.angle) }
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self { x: self.x - other.x, y: self.y - other.y, angle: turn(self.angle - other.angle) }
    }

    pub(crate) fn times(self, factor: f32) -> Self {
        Self { x: self.x * factor, y: self.y * factor, angle: self.angle * factor }
    }
}

/// The same direction as an angle from -π to π.
fn turn(angle: f32) -> f32 {
    if angle.abs() <= PI { angle } else { (angle + PI).rem_euclid(TAU) - PI }
}

#[cfg(test)]
mod tests {
    use super::{PI, Pose};

    #[test]
    fn angles_take_the_shorter_way() {
        let (from, to) = (Pose { angle: 3.0, ..Pose::default() }, Pose { angle: -3.0, ..Pose::default() });
        let half = from.towards(to, 0.5).angle;
        assert!((half.abs() - PI).abs() < 1e-5, "{half}");
        assert!((from.towards(to, 1.0).angle - to.angle).abs() < 1e-5);
    }
}
