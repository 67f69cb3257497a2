//! Worlds that several tests use, and what is measured of them. Floats only measure.

use crate::{
    Angle, BodyDesc, BodyId, Fx, JointDesc, JointKind, Moved, Mover, Pcg32, Polygon, Shape, ShapeDesc,
    TileMap, Vec2, World, WorldDesc, encode_into, hash_bytes,
};

pub(super) fn ratio(numerator: i32, denominator: i32) -> Fx {
    Fx::from_ratio(numerator, denominator)
}

pub(super) fn float(value: Fx) -> f64 {
    f64::from(value.to_bits()) / 65_536.0
}

pub(super) fn steps(world: &mut World, ticks: u32) {
    (0..ticks).for_each(|_| world.step());
}

pub(super) fn bytes_of(world: &World) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_into(world, &mut bytes);
    bytes
}

pub(super) fn hash_of(world: &World) -> u64 {
    hash_bytes(&bytes_of(world))
}

/// An open plane without gravity.
pub(super) fn open() -> World {
    World::new(WorldDesc { walls: false, ..WorldDesc::default() })
}

/// An open plane at 60 ticks per second with gravity.
pub(super) fn earth() -> World {
    World::new(WorldDesc {
        walls: false,
        gravity: Vec2::from_ints(0, -10),
        ticks_per_second: 60,
        half_extent: Vec2::from_ints(64, 64),
        ..WorldDesc::default()
    })
}

/// Ground with its top at y = 0.
pub(super) fn ground(world: &mut World) -> BodyId {
    world.add(BodyDesc::rect(Vec2::from_ints(50, 1)).at(Vec2::from_ints(0, -1)).fixed()).unwrap()
}

pub(super) fn cube() -> BodyDesc {
    BodyDesc::rect(Vec2::splat(Fx::HALF))
}

/// A pyramid of boxes with sides of 1.
pub(super) fn pyramid(world: &mut World, rows: i32) -> Vec<BodyId> {
    let mut ids = Vec::new();
    for row in 0..rows {
        for column in 0..rows - row {
            let x = ratio((2 * column - (rows - row - 1)) * 105, 200);
            ids.push(world.add(cube().at(Vec2::new(x, ratio(2 * row + 1, 2))).sleepless()).unwrap());
        }
    }
    ids
}

/// A velocity of up to `speed` in each direction.
pub(super) fn kick(rng: &mut Pcg32, speed: i32) -> Vec2 {
    let mut part = || Fx::from_bits(rng.below((2 * speed as u32) << 16).cast_signed()) - Fx::from_int(speed);
    Vec2::new(part(), part())
}

/// Circles of radius 0.5 with restitution 0.5, a quarter of a walled box filled, all moving and none turning.
pub(super) fn gas(columns: i32) -> World {
    let half_extent = Vec2::splat(ratio(columns * 886, 1_000));
    let mut world = World::new(WorldDesc { half_extent, ..WorldDesc::default() });
    let mut rng = Pcg32::new(1, 1);
    for index in 0..columns * columns {
        let place = |index: i32| ratio(index * 1_772 + 886, 1_000) - half_extent.x;
        let circle = BodyDesc::circle(Fx::HALF).restitution(Fx::HALF).lock_rotation().friction(Fx::ZERO);
        let at = Vec2::new(place(index % columns), place(index / columns));
        world.add(circle.at(at).moving(kick(&mut rng, 5))).unwrap();
    }
    world
}

/// A hundred bodies of every kind in a walled box.
pub(super) fn mixture() -> World {
    let mut world = mixing_bowl();
    for body in mixed_bodies() {
        world.add(body).unwrap();
    }
    world
}

/// The box of [`mixture`].
pub(super) fn mixing_bowl() -> World {
    World::new(WorldDesc {
        half_extent: Vec2::from_ints(14, 10),
        gravity: Vec2::from_ints(1, -6),
        ..WorldDesc::default()
    })
}

/// What is in [`mixture`], in the order of the ids.
pub(super) fn mixed_bodies() -> Vec<BodyDesc> {
    let mut rng = Pcg32::new(5, 5);
    let body = |index: i32| {
        let size = Fx::HALF + Fx::from_bits(rng.below(1 << 14).cast_signed());
        let body = match index % 10 {
            0 => BodyDesc::rect(Vec2::new(size * Fx::from_int(3), size))
                .fixed()
                .turned(Angle(index as u16 * 700)),
            1 => BodyDesc::circle(size).sensor(),
            2 | 3 => BodyDesc::rect(Vec2::new(size, size * Fx::HALF)).mass(Fx::from_int(3)).damping(Fx::HALF),
            4 => BodyDesc::circle(ratio(1, 10)).bullet().restitution(Fx::ONE).mask(0b101),
            5 => BodyDesc::circle(size).layer(0b10).mass(ratio(1, 3)),
            6 => BodyDesc::polygon(Polygon::regular(3 + (index / 10 % 6) as u8, size)).layer(0b101),
            7 => BodyDesc::capsule(size, size * Fx::HALF).layer(0b101),
            8 => BodyDesc::rect(Vec2::new(size, ratio(1, 5))).kinematic().spinning(Fx::ONE),
            _ => BodyDesc::circle(size).restitution(Fx::HALF).layer(0b101),
        };
        let speed = if index % 10 == 4 { 60 } else { 6 };
        let velocity = if index % 10 == 8 { Vec2::ZERO } else { kick(&mut rng, speed) };
        let at = Vec2::from_ints(index % 10 * 2 - 9, index / 10 * 2 - 9);
        body.at(at).moving(velocity).user(index.unsigned_abs())
    };
    (0..100).map(body).collect()
}

/// Boxes stacked and at rest, some of them asleep after a while.
pub(super) fn ruins() -> World {
    let mut world = earth();
    ground(&mut world);
    pyramid(&mut world, 6);
    for index in 0..10 {
        let _ = world.add(cube().at(Vec2::new(Fx::from_int(12), ratio(2 * index + 1, 2))));
    }
    let shot = BodyDesc::circle(ratio(1, 2))
        .at(Vec2::from_ints(-20, 4))
        .moving(Vec2::from_ints(18, 4))
        .mass(Fx::from_int(4));
    let _ = world.add(shot);
    world
}

/// Every kind of joint.
pub(super) fn machine() -> World {
    let mut world = earth();
    let base = ground(&mut world);
    let kinds = [
        JointKind::Rod { length: Fx::from_int(2) },
        JointKind::Rope { length: Fx::from_int(3) },
        JointKind::Spring { length: Fx::ONE, hertz: Fx::from_int(2), damping_ratio: ratio(1, 10) },
        JointKind::Revolute {
            limits: Some((-Fx::ONE, Fx::ONE)),
            motor: Some(crate::Motor { speed: Fx::ONE, force_max: Fx::from_int(50) }),
        },
        JointKind::Prismatic { axis: Vec2::from_ints(1, 1), limits: Some((-Fx::ONE, Fx::ONE)), motor: None },
        JointKind::Weld,
        JointKind::Mouse {
            target: Vec2::from_ints(20, 9),
            hertz: Fx::from_int(3),
            damping_ratio: Fx::ONE,
            force_max: Fx::from_int(100),
        },
    ];
    for (index, kind) in (0..).zip(kinds) {
        let x = index * 4 - 14;
        let hook = world.add(BodyDesc::circle(ratio(1, 4)).at(Vec2::from_ints(x, 8)).fixed()).unwrap();
        let one =
            world.add(BodyDesc::rect(Vec2::new(Fx::ONE, ratio(1, 4))).at(Vec2::from_ints(x + 2, 8))).unwrap();
        let other = world.add(cube().at(Vec2::from_ints(x + 2, 6)).moving(Vec2::from_ints(1, 0))).unwrap();
        let joint = JointDesc::new(hook, one, kind).anchors(Vec2::ZERO, Vec2::from_ints(-1, 0));
        world.join(joint).unwrap();
        world.join(JointDesc::new(one, other, JointKind::Rope { length: Fx::from_int(2) })).unwrap();
    }
    assert!(world.contains(base));
    world
}

/// Terrain of a chain, bodies of several shapes, a belt and a platform.
pub(super) fn terrain() -> World {
    let mut world = earth();
    let land = world.add(BodyDesc::circle(ratio(1, 8)).at(Vec2::from_ints(0, -20)).fixed()).unwrap();
    let hills: Vec<Vec2> = (0..40)
        .rev()
        .map(|x| Vec2::new(Fx::from_int(x - 20), ratio((x * 7) % 5, 3) + Fx::from_int(20)))
        .collect();
    world.attach_chain(land, &hills, false, ShapeDesc::new(Shape::Circle { radius: Fx::ONE })).unwrap();
    let mut belt = BodyDesc::rect(Vec2::new(Fx::from_int(4), ratio(1, 2))).at(Vec2::from_ints(0, 5)).fixed();
    belt.shape.material.surface_speed = -Fx::from_int(2);
    world.add(belt).unwrap();
    let mut platform =
        BodyDesc::rect(Vec2::new(Fx::from_int(4), ratio(1, 4))).at(Vec2::from_ints(6, 8)).fixed();
    platform.shape.material.one_way = true;
    world.add(platform).unwrap();
    for index in 0..24 {
        let at = Vec2::from_ints(index % 8 * 3 - 10, 7 + index / 8 * 3);
        let body =
            world.add(BodyDesc::circle(ratio(2, 5)).at(at).spinning(Fx::from_int(index % 5 - 2))).unwrap();
        let arm = ShapeDesc::new(Shape::Box { half: Vec2::new(ratio(3, 4), ratio(1, 5)) });
        world.attach(body, arm.offset(Vec2::new(ratio(1, 2), Fx::ZERO), Angle(index as u16 * 900))).unwrap();
    }
    world
}

/// Tiles with steps between two walls, crates and balls on them and a raft above, and a character that goes to and
/// fro there, jumps, rides and pushes.
pub(super) struct Stroll {
    pub(super) world: World,
    /// Where the character came to in the last step.
    pub(super) moved: Moved,
    raft: BodyId,
    tick: i32,
}

impl Stroll {
    pub(super) fn new() -> Self {
        let mut world = earth();
        let mut map = TileMap::new(24, 6, Fx::ONE).unwrap();
        (0..24).for_each(|column| map.set(column, 0, true));
        for (column, height) in [(0, 6), (8, 2), (9, 2), (15, 2), (16, 3), (17, 2), (23, 6)] {
            (0..height).for_each(|row| map.set(column, row, true));
        }
        let land = world.add(BodyDesc::circle(ratio(1, 8)).at(Vec2::from_ints(-12, -1)).fixed()).unwrap();
        map.attach_to(&mut world, land, ShapeDesc::new(Shape::Circle { radius: Fx::ONE })).unwrap();
        let mut raft = BodyDesc::rect(Vec2::new(Fx::ONE, ratio(1, 8))).at(Vec2::from_ints(0, 1)).kinematic();
        raft.shape.material.one_way = true;
        let raft = world.add(raft).unwrap();
        for index in 0..10 {
            let at = Vec2::from_ints(index * 2 - 9, 4);
            let body = if index % 2 == 0 { BodyDesc::circle(ratio(1, 3)) } else { cube() };
            world.add(body.at(at).spinning(Fx::from_int(index - 5))).unwrap();
        }
        let at = Vec2::from_ints(-10, 1);
        let moved = Moved {
            position: at,
            grounded: false,
            ground: None,
            ground_velocity: Vec2::ZERO,
            wall: Vec2::ZERO,
        };
        Self { world, moved, raft, tick: 0 }
    }

    pub(super) fn steps(&mut self, ticks: u32) {
        (0..ticks).for_each(|_| self.step());
    }

    /// Three seconds to the right and three to the left, with a jump every second.
    fn step(&mut self) {
        let right = self.tick / 180 % 2 == 0;
        let sign = if right { Fx::ONE } else { -Fx::ONE };
        self.world.set_velocity(self.raft, Vec2::new(sign * Fx::from_int(2), -sign * ratio(1, 4)));
        let rises = self.tick % 60 < 20;
        let way = Vec2::new(sign * ratio(1, 10), if rises { ratio(1, 8) } else { -ratio(1, 6) });
        let shape = Shape::Capsule { half_length: ratio(1, 8), radius: ratio(1, 3) };
        let mover = Mover { shape, push: Fx::from_int(4), ..Mover::default() };
        self.moved = mover.go(&mut self.world, self.moved.position, way);
        self.world.step();
        self.tick += 1;
    }
}

/// A scene's name, and the size and the hash of its state.
pub(super) type Digest = (&'static str, usize, u64);

/// Steps of each golden.
pub(super) const GOLDEN_TICKS: u32 = 600;
/// The scenes of the goldens then.
pub(super) const GOLDEN: [Digest; 7] = [
    ("gas", 3_593, 0xba07_96b6_81ac_836c),
    ("mixture", 13_999, 0xd8e4_c9ab_65f2_6f96),
    ("ruins", 2_686, 0x6590_e753_0d59_4800),
    ("machine", 1_981, 0x32ab_7127_9f06_dbef),
    ("terrain", 7_950, 0x65e7_2085_b277_fcf8),
    ("shower", 4_315, 0x95e9_72c7_7167_49a5),
    ("stroll", 2_997, 0xea40_ffdb_6735_b6a8),
];

/// What they come to in this build.
pub(super) fn digests() -> [Digest; 7] {
    let digest = |(name, world)| (name, bytes_of(&world).len(), hash_of(&world));
    let [gas, mixture, ruins, machine, terrain, shower] = all().map(|(name, mut world)| {
        steps(&mut world, GOLDEN_TICKS);
        digest((name, world))
    });
    let mut stroll = Stroll::new();
    stroll.steps(GOLDEN_TICKS);
    [gas, mixture, ruins, machine, terrain, shower, digest(("stroll", stroll.world))]
}

/// The scenes of the goldens of which nobody but the physics moves anything.
pub(super) fn all() -> [(&'static str, World); 6] {
    let mut shower = gas(8);
    for index in 0..20 {
        let shot = BodyDesc::circle(ratio(1, 8)).bullet().restitution(Fx::ONE).mass(ratio(1, 8));
        shower
            .add(shot.at(Vec2::from_ints(index % 10 - 5, index / 10)).moving(Vec2::from_ints(90, index * 7)))
            .unwrap();
    }
    [
        ("gas", gas(10)),
        ("mixture", mixture()),
        ("ruins", ruins()),
        ("machine", machine()),
        ("terrain", terrain()),
        ("shower", shower),
    ]
}

/// Of everything dynamic of mass one that does not turn.
pub(super) fn kinetic_energy(world: &World) -> f64 {
    world
        .bodies()
        .map(|(_, body)| (float(body.velocity.x).powi(2) + float(body.velocity.y).powi(2)) / 2.0)
        .sum()
}
