//! The scene in which this engine is compared with others: circles that fly about in a walled box.

use framekeep_sim::{Angle, BodyDesc, Fx, Pcg32, Vec2, WorldDesc, encode_into, hash_bytes};

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
    (64, 0x5328_7fd3_81f6_d05c),
    (256, 0x91b4_ff6e_8dbc_c464),
    (1_024, 0xeb24_f7ae_2ab2_7a25),
    (5_000, 0xcaed_cf56_0ab0_664c),
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

    /// The circles of [`Kicked::new`] beside a slope that stands, touches none of them, and is so long that the box
    /// around it holds all of them.
    #[must_use]
    pub fn beside_a_huge_slope(count: u16) -> Self {
        let long = Fx::from_int(700);
        let slope = BodyDesc::rect(Vec2::new(long, Fx::ONE)).turned(Angle(1 << 13));
        // Its upper left side is nearly two units from the corner of the walls.
        let aside = Circles::new(count).half_side + Fx::from_int(2);
        Self::with(count, &[slope.at(Vec2::new(aside, -aside)).fixed()])
    }

    /// The circles of [`Kicked::new`], and a body in each of the corners of the largest world.
    #[must_use]
    pub fn with_bodies_far_away(count: u16) -> Self {
        let far = [(1, 1), (1, -1), (-1, 1), (-1, -1)].map(|(x, y)| Vec2::from_ints(32_000 * x, 32_000 * y));
        Self::with(count, &far.map(|at| BodyDesc::circle(Fx::HALF).at(at).fixed()))
    }

    fn with(count: u16, others: &[BodyDesc]) -> Self {
        let circles = Circles::new(count);
        let mut scene = Self::scene(&circles, Self::bare());
        scene.bodies.extend_from_slice(others);
        scene.world.bodies_max += others.len() as u16;
        Self::from_scene(circles, &scene)
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
