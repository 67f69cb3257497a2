//! The scene of a busy node: many small rooms, each with a world of its own.

use framekeep_sim::{BodyDesc, BodyId, Fx, Pcg32, Vec2, World, WorldDesc};

/// Moving circles of radius 0.5 in each room.
pub const CIRCLES: i32 = 32;
/// Static boxes in each room.
pub const BOXES: i32 = 4;

/// One room of 16 by 16 units.
#[derive(Clone, Debug)]
pub struct Room {
    /// Its bodies.
    pub world: World,
    circles: Vec<BodyId>,
    rng: Pcg32,
}

impl Room {
    /// The room with that number.
    #[must_use]
    pub fn new(number: u32) -> Self {
        let half_extent = Vec2::from_ints(8, 8);
        let mut world =
            World::new(WorldDesc { half_extent, bodies_max: 64, substeps: 2, ..WorldDesc::default() });
        for corner in 0..BOXES {
            let place = Vec2::from_ints(corner % 2 * 8 - 4, corner / 2 * 8 - 4);
            let square = BodyDesc::rect(Vec2::from_ints(1, 1)).friction(Fx::ZERO);
            let _ = world.add(square.at(place).fixed());
        }
        let circle = BodyDesc::circle(Fx::HALF).restitution(Fx::HALF).lock_rotation().friction(Fx::ZERO);
        let place = |index: i32| Fx::from_ratio(index * 5 - 14, 2);
        let circles = (0..CIRCLES)
            .filter_map(|index| world.add(circle.at(Vec2::new(place(index % 6), place(index / 6)))).ok())
            .collect();
        let mut room = Self { world, circles, rng: Pcg32::new(u64::from(number), 11) };
        room.kick();
        room
    }

    /// Gives every circle a new velocity of up to 5 units per second in each direction.
    pub fn kick(&mut self) {
        for &id in &self.circles {
            let mut part = || Fx::from_bits(self.rng.below(10 << 16).cast_signed()) - Fx::from_int(5);
            self.world.set_velocity(id, Vec2::new(part(), part()));
        }
    }
}

/// `count` rooms.
#[must_use]
pub fn rooms(count: u32) -> Vec<Room> {
    (0..count).map(Room::new).collect()
}

/// Steps every room once.
pub fn step_all(rooms: &mut [Room]) {
    for room in rooms {
        room.world.step();
    }
}
