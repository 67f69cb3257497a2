//! The scene in which this engine is compared with others: circles that fly about in a walled box.

use framekeep_sim::{BodyDesc, BodyId, Fx, Pcg32, Vec2, World, WorldDesc, encode_into, hash_bytes};

/// Steps per second, for every engine.
pub const TICKS_PER_SECOND: u16 = 30;
/// Steps between two kicks, which keep everything awake.
pub const TICKS_PER_KICK: u32 = 30;
/// Parts of a step in this engine: a plane without gravity needs few.
const SUBSTEPS: u8 = 2;
/// Fastest kick in each direction, units per second.
const KICK_SPEED: i32 = 5;

const GOLDEN_TICKS: u32 = 60;
/// The state's hash after [`GOLDEN_TICKS`], by the number of circles.
const GOLDEN: [(u16, u64); 4] = [
    (64, 0xafe6_95b2_533b_8805),
    (256, 0x8a35_2657_79c8_84fc),
    (1_024, 0x2805_38ad_259b_90e5),
    (5_000, 0x4153_b111_486e_b144),
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

    /// The next kick: a velocity, in units per second.
    pub fn kick(&mut self) -> Vec2 {
        let mut part = || {
            Fx::from_bits(self.rng.below((2 * KICK_SPEED as u32) << 16).cast_signed())
                - Fx::from_int(KICK_SPEED)
        };
        Vec2::new(part(), part())
    }
}

/// The scene in this engine.
#[derive(Clone, Debug)]
pub struct OwnCircles {
    /// The bodies.
    pub world: World,
    scene: Circles,
    ids: Vec<BodyId>,
}

impl OwnCircles {
    /// The scene with `count` circles, kicked once.
    #[must_use]
    pub fn new(count: u16) -> Self {
        let scene = Circles::new(count);
        let mut world = World::new(WorldDesc {
            half_extent: Vec2::splat(scene.half_side),
            ticks_per_second: TICKS_PER_SECOND,
            bodies_max: count,
            substeps: SUBSTEPS,
            ..WorldDesc::default()
        });
        let circle = BodyDesc::circle(Fx::HALF).restitution(Fx::HALF).lock_rotation().friction(Fx::ZERO);
        let ids =
            scene.positions.iter().filter_map(|&position| world.add(circle.at(position)).ok()).collect();
        let mut own = Self { world, scene, ids };
        own.kick();
        own
    }

    /// The scene, after it was seen that it still gives the golden state.
    ///
    /// # Panics
    /// The rules are not those of the golden: figures could not be compared with earlier ones.
    #[must_use]
    pub fn golden(count: u16) -> Self {
        let mut own = Self::new(count);
        own.step(GOLDEN_TICKS);
        let (mut bytes, golden) = (Vec::new(), GOLDEN.iter().find(|(of, _)| *of == count));
        encode_into(&own.world, &mut bytes);
        let hash = hash_bytes(&bytes);
        assert_eq!(golden, Some(&(count, hash)), "after {GOLDEN_TICKS} ticks the hash is {hash:#018x}");
        own
    }

    /// Gives every circle a new velocity.
    pub fn kick(&mut self) {
        for &id in &self.ids {
            self.world.set_velocity(id, self.scene.kick());
        }
    }

    /// Steps without kicking.
    pub fn step(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.world.step();
        }
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
