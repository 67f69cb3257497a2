//! A step allocates nothing once warm.
// A counting allocator has to implement the unsafe trait; it only passes on to the system's.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use framekeep_sim::{BodyDesc, BodyId, Fx, Pcg32, Vec2, World, WorldDesc};

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

// One test, so that no other thread allocates meanwhile.
#[test]
fn steps_and_copies_allocate_nothing_once_warm() {
    for gravity in [Vec2::ZERO, Vec2::from_ints(0, -10)] {
        let (mut world, ids) = lively_world(gravity);
        let (mut copy, mut rng) = (world.clone(), Pcg32::new(1, 1));
        for tick in 0..900 {
            if tick == 300 {
                ALLOCATIONS.store(0, Ordering::Relaxed);
            }
            if tick % 30 == 0 {
                kick(&mut world, &ids, &mut rng);
                copy.clone_from(&world);
            }
            world.step();
            copy.step();
        }
        assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), 0, "with gravity {gravity:?}");
        assert!(!copy.contacts().is_empty());
    }
}
