//! A step allocates nothing once warm.
// A counting allocator has to implement the unsafe trait; it only passes on to the system's.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use framekeep_sim::{
    Angle, BodyDesc, BodyId, Fx, JointDesc, JointKind, Pcg32, Polygon, Shape, ShapeDesc, TileMap, Vec2,
    World, WorldDesc,
};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Everything that moves gets a new velocity of up to 8 units per second in each direction.
fn kick(world: &mut World, ids: &[BodyId], rng: &mut Pcg32) {
    let mut part = || Fx::from_bits(rng.below(16 << 16).cast_signed()) - Fx::from_int(8);
    for &id in ids {
        world.set_velocity(id, Vec2::new(part(), part()));
    }
}

fn lively_world(gravity: Vec2) -> (World, Vec<BodyId>) {
    let mut world = World::new(WorldDesc { gravity, ..WorldDesc::default() });
    let ids = (0..300)
        .map(|index| {
            let body = match index % 8 {
                0 => BodyDesc::rect(Vec2::new(Fx::from_int(2), Fx::HALF)).fixed(),
                1 => BodyDesc::circle(Fx::from_ratio(1, 8)).bullet(),
                2 => BodyDesc::circle(Fx::ONE).sensor(),
                _ => BodyDesc::circle(Fx::from_ratio(2, 5)).restitution(Fx::HALF),
            };
            world.add(body.at(Vec2::from_ints(index % 20 - 10, index / 20 - 8))).expect("there is room")
        })
        .collect();
    (world, ids)
}

/// A small world with every shape, bodies of two shapes, a chain, tiles, joints of every kind, and bodies that sleep.
fn varied_world(gravity: Vec2) -> (World, Vec<BodyId>) {
    let half_extent = Vec2::from_ints(16, 16);
    let mut world = World::new(WorldDesc { gravity, half_extent, ..WorldDesc::default() });
    let land = world.add(BodyDesc::rect(Vec2::from_ints(12, 1)).at(Vec2::from_ints(0, -14)).fixed()).unwrap();
    let ground = [12, 4, -4, -12].map(|x| Vec2::from_ints(x, x / 8));
    world.attach_chain(land, &ground, false, ShapeDesc::new(Shape::Circle { radius: Fx::ONE })).unwrap();
    let mut map = TileMap::new(4, 4, Fx::ONE).expect("it is small");
    for place in 0..4 {
        map.set(place, place, true);
        map.set(place, 0, true);
    }
    let corner = world.add(BodyDesc::circle(Fx::HALF).at(Vec2::from_ints(-15, -12)).fixed()).unwrap();
    map.attach_to(&mut world, corner, ShapeDesc::new(Shape::Circle { radius: Fx::ONE })).unwrap();
    let rotor = BodyDesc::rect(Vec2::new(Fx::from_int(3), Fx::HALF)).kinematic().spinning(Fx::ONE);
    world.add(rotor.at(Vec2::from_ints(0, -4))).unwrap();
    let half = Fx::from_ratio(2, 5);
    let outlines = [
        Shape::Circle { radius: half },
        Shape::Box { half: Vec2::splat(half) },
        Shape::Capsule { half_length: half, radius: Fx::from_ratio(1, 5) },
        Shape::Polygon(Polygon::regular(5, half)),
    ];
    let ids: Vec<BodyId> = (0..80)
        .map(|index| {
            let body = BodyDesc::new(outlines[index as usize % 4]).restitution(Fx::HALF);
            world.add(body.at(Vec2::from_ints(index % 20 - 10, index / 20 * 2))).expect("there is room")
        })
        .collect();
    for id in ids.iter().step_by(9) {
        let arm = ShapeDesc::new(outlines[2]).offset(Vec2::splat(half), Angle::QUARTER);
        world.attach(*id, arm).expect("there is room");
    }
    join(&mut world, &ids);
    (world, ids)
}

fn join(world: &mut World, ids: &[BodyId]) {
    let length = Fx::ONE;
    let kinds = [
        JointKind::Rod { length },
        JointKind::Rope { length },
        JointKind::Spring { length, hertz: Fx::ONE, damping_ratio: Fx::HALF },
        JointKind::Revolute { limits: None, motor: None },
        JointKind::Prismatic { axis: Vec2::from_ints(1, 0), limits: None, motor: None },
        JointKind::Weld,
        JointKind::Mouse {
            target: Vec2::from_ints(3, 3),
            hertz: Fx::ONE,
            damping_ratio: Fx::ONE,
            force_max: Fx::from_int(9),
        },
    ];
    for (pair, kind) in ids.chunks_exact(8).zip(kinds) {
        world.join(JointDesc::new(pair[0], pair[1], kind)).expect("all its numbers are in range");
    }
}

// One test, so that no other thread allocates meanwhile.
#[test]
fn steps_and_copies_allocate_nothing_once_warm() {
    let (space, earth) = (Vec2::ZERO, Vec2::from_ints(0, -10));
    let worlds = [lively_world(space), lively_world(earth), varied_world(space), varied_world(earth)];
    for (number, (mut world, ids)) in worlds.into_iter().enumerate() {
        let (mut copy, mut rng) = (world.clone(), Pcg32::new(1, 1));
        for tick in 0..900 {
            if tick == 300 {
                ALLOCATIONS.store(0, Ordering::Relaxed);
            }
            // Some of them sleep in between.
            if tick % 30 == 0 && tick % 180 < 90 {
                kick(&mut world, &ids, &mut rng);
                // What is pulled is copied too.
                let up = Vec2::from_ints(0, 3);
                let pulled = ids.iter().filter(|id| world.apply_force_at(**id, up, Vec2::ZERO)).count();
                assert!(pulled > 50 && copy.apply_torque(ids[7], Fx::ONE));
                copy.clone_from(&world);
            }
            world.step();
            copy.step();
        }
        assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), 0, "world {number}");
        assert!(!copy.contacts().is_empty());
    }
}
