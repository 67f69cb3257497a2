//! `Tally`, the sums that the mass of a body of many shapes follows from.

use super::blueprint::Kind;
use super::state::Mass;
use crate::fx::clamp_to_i32;
use crate::{Fx, Vec2};

/// Sums over the shapes of a body, whole numbers without rounding: one more shape may be added to those there are, or
/// one taken away, and the mass is the same as of all anew.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// How many shapes.
    pub(crate) shapes: usize,
    mass: i128,
    /// Mass times place.
    x: i128,
    y: i128,
    /// Mass times the squares of place and gyration.
    spread: i128,
}

impl Tally {
    pub(crate) fn add(&mut self, part: &Kind) {
        self.shapes += 1;
        self.count(part, 1);
    }

    /// Takes away a shape that was added.
    pub(crate) fn take(&mut self, part: &Kind) {
        self.shapes = self.shapes.saturating_sub(1);
        self.count(part, -1);
    }

    fn count(&mut self, part: &Kind, sign: i128) {
        let mass = sign * i128::from(part.mass().max(1));
        let at = part.extent.centroid;
        self.mass += mass;
        self.x += mass * i128::from(at.x.to_bits());
        self.y += mass * i128::from(at.y.to_bits());
        self.spread += mass * (i128::from(part.extent.gyration) + i128::from(at.length_squared_wide()));
    }

    /// The mass of a body with these flags, of which `first` is the first shape.
    pub(crate) fn mass_of(&self, flags: u8, first: &Kind) -> Mass {
        let sum = self.mass.max(1);
        let centre = [self.x, self.y].map(|sum_of| clamp_to_i32((sum_of / sum) as i64));
        let [x, y] = centre.map(i128::from);
        // Around the centre, which is rounded: (p - c)² = p² - 2pc + c².
        let spread = self.spread - 2 * (x * self.x + y * self.y) + self.mass * (x * x + y * y);
        let mass = if first.blueprint.mass > Fx::ZERO {
            i64::from(first.blueprint.mass.to_bits())
        } else {
            sum.min(i128::from(i32::MAX)) as i64
        };
        let centre = Vec2::new(Fx::from_bits(centre[0]), Fx::from_bits(centre[1]));
        Mass::new(flags, first.blueprint.locks, mass, spread.unsigned_abs() / sum.unsigned_abs(), centre)
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;
    use crate::physics::blueprint::{Blueprint, Kind};
    use crate::physics::state::{ALIVE, DYNAMIC, Mass};
    use crate::physics::{Shape, ShapeDesc};
    use crate::{Angle, Fx, Pcg32, Vec2};

    /// Of all shapes anew, around the centre: the sums of the books.
    fn anew(parts: &[Kind]) -> Mass {
        let mass = |part: &Kind| i128::from(part.mass().max(1));
        let sum: i128 = parts.iter().map(mass).sum();
        let of = |axis: fn(Vec2) -> Fx| {
            let all = parts.iter().map(|part| mass(part) * i128::from(axis(part.extent.centroid).to_bits()));
            Fx::from_wide((all.sum::<i128>() / sum) as i64)
        };
        let centre = Vec2::new(of(|at| at.x), of(|at| at.y));
        let spread = parts.iter().map(|part| {
            let away = u128::from((part.extent.centroid - centre).length_squared_wide());
            mass(part).unsigned_abs() * (u128::from(part.extent.gyration) + away)
        });
        let whole = sum.min(i128::from(i32::MAX)) as i64;
        Mass::new(DYNAMIC, 0, whole, spread.sum::<u128>() / sum.unsigned_abs(), centre)
    }

    /// To the bit, wherever shapes are within their bounds and however heavy.
    #[test]
    fn a_mass_that_grew_and_shrank_is_that_of_all_shapes() {
        let mut rng = Pcg32::new(7, 7);
        for far in [1, 100, 4_000] {
            let mut part =
                || Fx::from_bits(rng.below((2 * far) << 16).cast_signed()) - Fx::from_int(far as i32);
            let (mut tally, mut parts) = (Tally::default(), std::vec::Vec::new());
            for nth in 1..60 {
                let half = Vec2::new(part().abs() + Fx::from_ratio(1, 64), Fx::from_ratio(nth, 8));
                let desc = ShapeDesc::new(Shape::Box { half }).density(Fx::from_ratio(1 + nth % 9, 7));
                let offset = Vec2::new(part(), part());
                let kind = Kind::new(Blueprint::of_part(&desc.offset(offset, Angle(nth as u16 * 999))));
                tally.add(&kind);
                parts.push(kind);
                assert_eq!(tally.mass_of(ALIVE | DYNAMIC, &parts[0]), anew(&parts), "{far} {nth}");
            }
            while parts.len() > 1 {
                tally.take(&parts.remove(1 + parts.len() * 7 / 3 % (parts.len() - 1)));
                assert_eq!(tally.mass_of(ALIVE | DYNAMIC, &parts[0]), anew(&parts), "{far} {}", parts.len());
            }
        }
    }
}
