//! The scene in which this engine is compared with others: circles that fly about in a walled box.

use framekeep_sim::{BodyDesc, Fx, Pcg32, Vec2, WorldDesc, encode_into, hash_bytes};

use crate::engine::{Engine, Own};
use crate::scene::Scene;

/// Steps per second, for every engine.
pub const TICKS_PER_SECOND: u16 = 30;
/// Steps between two kicks, which keep everything awake.
pub const TICKS_PER_KICK: u32 = 30;
/// Parts of a step: a plane without gravity needs few. Every engine gets as many.
const SUBSTEPS: u8 = 2;
/// Fastest kick in each direction, units per second.
const KICK_SPEED: i32 = 5;

const GOLDEN_TICKS: u32 = 60;
/// The state's hash after [`GOLDEN_TICKS`], by the number of circles.
const GOLDEN: [(u16, u64); 4] = [
    (64, 0x48bb_c3e9_81ea_fe46),
    (256, 0x7b82_75e4_13a1_09af),
    (1_024, 0x0d4a_d14c_b799_453b),
    (5_000, 0xf1bd_1ced_336f_7fd2),
];

/// Where and how fast the circles start: radius 0.5, a quarter of the box filled, restitution 0.5.
#[derive(Clone, Debug)]
pub struct Circles {
    /// Half the side of the box.
    pub half_side: Fx,
    /// The centres.
    pub positions: Vec<Vec2>,
    rng: Pcg32,
}

impl Circles {
    /// A scene of `count` circles; the same for the same count.
    #[must_use]
    pub fn new(count: u16) -> Self {
        let area = Fx::from_int(i32::from(count)) * Fx::from_ratio(355, 113);
        let half_side = area.sqrt() * Fx::HALF;
        let columns = i32::from(count.isqrt()) + i32::from(count.isqrt().pow(2) < count);
        let spacing = half_side * Fx::from_int(2) / Fx::from_int(columns);
        let mut rng = Pcg32::new(u64::from(count), 7);
        let place = |rng: &mut Pcg32, column: i32| {
            let jitter = Fx::from_ratio(rng.below(601) as i32 - 300, 1_000);
            spacing.times(column) + spacing * Fx::HALF + jitter - half_side
        };
        let positions = (0..i32::from(count))
            .map(|index| Vec2::new(place(&mut rng, index % columns), place(&mut rng, index / columns)))
            .collect();
        Self { half_side, positions, rng }
    }

    /// The same places, farther apart: in a box of half that side.
    fn spread(mut self, half_side: Fx) -> Self {
        let times = half_side / self.half_side;
        self.positions.iter_mut().for_each(|at| *at = Vec2::new(at.x * times, at.y * times));
        Self { half_side, ..self }
    }

    /// The next kick: a velocity, in units per second.
    pub fn kick(&mut self) -> Vec2 {
        let mut part = || {
            Fx::from_bits(self.rng.below((2 * KICK_SPEED as u32) << 16).cast_signed())
                - Fx::from_int(KICK_SPEED)
        };
        Vec2::new(part(), part())
    }
}

/// The circles in an engine.
#[derive(Clone, Debug)]
pub struct Kicked<E> {
    /// The bodies.
    pub engine: E,
    circles: Circles,
}

/// The circles in this engine.
pub type OwnCircles = Kicked<Own>;

impl<E: Engine> Kicked<E> {
    /// The scene with `count` circles that never turn and have no friction, kicked once.
    #[must_use]
    pub fn new(count: u16) -> Self {
        Self::of(count, Self::bare())
    }

    /// The scene with `count` circles that roll over each other, kicked once.
    #[must_use]
    pub fn rolling(count: u16) -> Self {
        Self::of(count, BodyDesc::circle(Fx::HALF).restitution(Fx::HALF).sleepless())
    }

    /// The circles of [`Kicked::new`], and around all of them a body a thousand times as large as they are.
    #[must_use]
    pub fn with_a_huge_body(count: u16) -> Self {
        let mut scene = Self::scene(&Circles::new(count), Self::bare());
        let huge = BodyDesc::rect(Vec2::splat(Fx::from_int(500))).fixed();
        scene.bodies.push(huge.layer(0b10).mask(0b10));
        scene.world.bodies_max += 1;
        Self::from_scene(Circles::new(count), &scene)
    }

    /// The circles of [`Kicked::new`], farther apart: in a world as large as a world may be, which they fill.
    #[must_use]
    pub fn sparse(count: u16) -> Self {
        let circles = Circles::new(count).spread(Fx::from_int(32_000));
        let scene = Self::scene(&circles, Self::bare());
        Self::from_scene(circles, &scene)
    }

    fn of(count: u16, circle: BodyDesc) -> Self {
        let circles = Circles::new(count);
        let scene = Self::scene(&circles, circle);
        Self::from_scene(circles, &scene)
    }

    fn bare() -> BodyDesc {
        BodyDesc::circle(Fx::HALF).restitution(Fx::HALF).lock_rotation().friction(Fx::ZERO)
    }

    fn scene(circles: &Circles, circle: BodyDesc) -> Scene {
        let world = WorldDesc {
            half_extent: Vec2::splat(circles.half_side),
            ticks_per_second: TICKS_PER_SECOND,
            bodies_max: circles.positions.len() as u16,
            substeps: SUBSTEPS,
            ..WorldDesc::default()
        };
        Scene { world, bodies: circles.positions.iter().map(|&position| circle.at(position)).collect() }
    }

    fn from_scene(circles: Circles, scene: &Scene) -> Self {
        let mut own = Self { engine: E::build(scene), circles };
        own.kick();
        own
    }

    /// Gives every circle a new velocity.
    pub fn kick(&mut self) {
        self.engine.set_velocities(&mut || self.circles.kick());
    }

    /// Steps without kicking.
    pub fn step(&mut self, ticks: u32) {
        self.engine.step(ticks);
    }

    /// Whether no circle got out of the box.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        let half = f64::from(self.circles.half_side.to_bits()) / 65_536.0;
        let places = self.engine.places();
        places.len() == self.circles.positions.len()
            && places.iter().all(|(x, y)| x.abs() < half && y.abs() < half)
    }
}

impl OwnCircles {
    /// The scene, after it was seen that it still gives the golden state.
    ///
    /// # Panics
    /// The rules are not those of the golden: figures could not be compared with earlier ones.
    #[must_use]
    pub fn golden(count: u16) -> Self {
        let mut own = Self::new(count);
        own.step(GOLDEN_TICKS);
        let (mut bytes, golden) = (Vec::new(), GOLDEN.iter().find(|(of, _)| *of == count));
        encode_into(&own.engine.world, &mut bytes);
        let hash = hash_bytes(&bytes);
        assert_eq!(golden, Some(&(count, hash)), "after {GOLDEN_TICKS} ticks the hash is {hash:#018x}");
        own
    }
}

#[cfg(test)]
mod tests {
    use super::{GOLDEN, OwnCircles};

    #[test]
    fn the_scenes_are_golden() {
        for (count, _) in GOLDEN {
            let _ = OwnCircles::golden(count);
        }
    }
}
