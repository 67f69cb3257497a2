//! What lies still in a heap: what is known from the step before is of no consequence.

use alloc::vec::Vec;

use super::scenes::{bytes_of, cube, earth, ground, mixed_bodies, mixing_bowl, pyramid, ratio};
use crate::physics::step::again::REVISED;
use crate::{Angle, BodyDesc, BodyId, Fx, Pcg32, Polygon, Shape, ShapeDesc, Vec2, World, decode};

/// So many boxes that the world is one of cells, and what becomes of them: they settle, are hit, and settle again.
fn heap() -> (World, impl FnMut(&mut World, u32)) {
    let mut world = earth();
    ground(&mut world);
    let boxes = pyramid(&mut world, 14);
    for level in 0..6 {
        let post = cube().at(Vec2::new(Fx::from_int(14), ratio(4 * level + 1, 2))).sleepless();
        let post = world.add(post).unwrap();
        let beam = Shape::Box { half: Vec2::new(Fx::ONE, Fx::HALF) };
        let beam = ShapeDesc::new(beam).offset(Vec2::new(Fx::ZERO, Fx::ONE), Angle::ZERO);
        assert_eq!(world.attach(post, beam), Ok(1));
    }
    let hit = move |world: &mut World, tick: u32| match tick {
        150 => {
            let ball = BodyDesc::circle(Fx::ONE).density(Fx::from_int(3)).restitution(Fx::HALF);
            let from = Vec2::new(Fx::from_int(-14), Fx::from_int(2));
            assert!(world.add(ball.at(from).moving(Vec2::from_ints(12, 1))).is_ok());
        }
        260 => assert!(world.remove(boxes[3])),
        330 => assert!(world.set_position(boxes[90], Vec2::from_ints(0, 12))),
        _ => {}
    };
    (world, hit)
}

const TICKS: u32 = 400;

/// The states before each step and after the last one.
fn states(
    world: &mut World,
    mut change: impl FnMut(&mut World, u32),
    mut beside: impl FnMut(u32),
) -> Vec<Vec<u8>> {
    let mut step = |tick| {
        change(world, tick);
        let before = bytes_of(world);
        world.step();
        beside(tick);
        before
    };
    let mut states: Vec<_> = (0..TICKS).map(&mut step).collect();
    states.push(bytes_of(world));
    states
}

#[test]
fn a_heap_goes_on_from_each_of_its_states_alone() {
    let (mut world, hit) = heap();
    let states = states(&mut world, hit, |_| ());
    for (tick, two) in (0..).zip(states.windows(2)) {
        let mut restored: World = decode(&two[0]).unwrap();
        restored.step();
        // What the game changes comes between two steps.
        if ![149, 259, 329].contains(&tick) {
            assert!(bytes_of(&restored) == two[1], "tick {tick}");
        }
    }
}

/// Worlds of one origin are stepped in turns: neither takes anything of the other's for its own.
#[test]
fn two_heaps_in_turns_go_on_as_each_by_itself() {
    let ((mut world, hit), (mut same, hit_too)) = (heap(), heap());
    let alone = states(&mut world, hit, |_| ());
    let mut other = same.clone();
    let mut copy = other.clone();
    let in_turns = states(&mut same, hit_too, |tick| {
        if tick == 40 {
            other = copy.clone();
            assert!(other.set_velocity(BodyId { index: 30, generation: 0 }, Vec2::from_ints(1, 0)));
        }
        (other.step(), copy.step()).0
    });
    assert!(alone == in_turns);
    assert!(other != copy);
}

/// Of every kind of shape, in a bowl: what is in cells and what is too large for them.
#[test]
fn a_mixture_goes_on_from_each_of_its_states_alone() {
    let mut world = mixing_bowl();
    for round in 0..2 {
        for body in mixed_bodies().into_iter().filter(|body| !body.bullet) {
            let at = body.position + Vec2::from_ints(round, round);
            assert!(world.add(body.at(at).sleepless()).is_ok());
        }
    }
    let states = states(&mut world, |_, _| (), |_| ());
    for (tick, two) in states.windows(2).enumerate() {
        let mut restored: World = decode(&two[0]).unwrap();
        restored.step();
        assert!(bytes_of(&restored) == two[1], "tick {tick}");
    }
}

/// Balls that hop over boxes that lie still: which shapes are near each other is known of most of them, and looked up
/// again for those that leave their places. A thread that never saw the world knows nothing.
#[test]
fn what_hops_over_a_heap_is_near_what_it_comes_to() {
    let mut world = earth();
    ground(&mut world);
    for index in 0..120 {
        let at = Vec2::new(ratio(index % 40 * 11 - 220, 10), ratio(2 * (index / 40) + 1, 2));
        assert!(world.add(cube().at(at).sleepless()).is_ok());
    }
    for index in 0..12 {
        let ball = BodyDesc::circle(ratio(2, 5)).density(ratio(1, 4)).restitution(Fx::HALF).sleepless();
        let at = Vec2::from_ints(3 * index - 18, 4 + index % 3);
        assert!(world.add(ball.at(at).moving(Vec2::from_ints(index % 5 - 2, 0))).is_ok());
    }
    let states = states(&mut world, |_, _| (), |_| ());
    each_goes_on_alone(&states);
}

/// Each state comes to the next one in a thread that never saw the world.
fn each_goes_on_alone(states: &[Vec<u8>]) {
    for (tick, two) in states.windows(2).enumerate() {
        let step = || {
            let mut restored: World = decode(&two[0]).unwrap();
            restored.step();
            bytes_of(&restored)
        };
        let alone = std::thread::scope(|scope| scope.spawn(step).join().unwrap());
        assert!(alone == two[1], "tick {tick}");
    }
}

/// Polygons of many masses that fall into a trough.
fn polygons() -> World {
    let mut world = earth();
    ground(&mut world);
    for wall in [-9, 9] {
        let wall = BodyDesc::rect(Vec2::from_ints(1, 20)).at(Vec2::from_ints(wall, 10)).fixed();
        assert!(world.add(wall).is_ok());
    }
    let mut rng = Pcg32::new(4, 4);
    for index in 0..150_i32 {
        let polygon = Polygon::regular(3 + (index % 6) as u8, ratio(30 + rng.below(30) as i32, 100));
        let at = Vec2::new(ratio(index % 12 * 13 - 70, 10), ratio(index / 12 * 13 + 10, 10));
        let body = BodyDesc::polygon(polygon).at(at).turned(Angle(rng.below(1 << 16) as u16));
        assert!(world.add(body.sleepless()).is_ok());
    }
    world
}

/// They fall, settle and creep: some contacts come and go in most steps, and all others are where they were. A thread
/// that never saw the world knows nothing of either.
#[test]
fn what_creeps_in_a_heap_goes_on_from_each_of_its_states_alone() {
    let mut world = polygons();
    let before = REVISED.get();
    let states = states(&mut world, |_, _| (), |_| ());
    assert!(REVISED.get() > before + 100, "{}", REVISED.get() - before);
    each_goes_on_alone(&states);
}

/// How far shapes are apart that are seen where they were is as if they were seen where they are, within 1/2,000 of a
/// unit.
#[test]
fn what_is_seen_where_it_was_is_as_far_apart_as_it_is() {
    let (mut world, mut compared, mut off) = (polygons(), 0, 0);
    for tick in 0..TICKS {
        world.step();
        if tick % 10 != 9 {
            continue;
        }
        let [mut same, mut anew] = [world.clone(), world.clone()];
        for (id, body) in world.bodies() {
            assert!(anew.set_position(id, body.position));
        }
        same.step();
        anew.step();
        for one in same.contacts() {
            let key = |it: &crate::Contact| (it.a, it.b) == (one.a, one.b);
            let Some(other) = anew.contacts().iter().find(|it| key(it)) else { continue };
            let alike = one.normal.dot(other.normal) > ratio(999, 1_000);
            compared += u32::from(alike);
            off += u32::from(alike && (one.depth - other.depth).abs() > ratio(1, 2_000));
        }
    }
    assert!(compared > 5_000 && off == 0, "{off} of {compared}");
}
