//! As many shapes as a world may hold, and a few more.

use super::scenes::{bytes_of, earth, ground, kick, open, ratio, steps};
use crate::physics::blueprint::{Blueprint, Blueprints};
use crate::physics::census::Census;
use crate::physics::layout::Layout;
use crate::physics::sides::{ASK_ALL, LEFT_OUT};
use crate::physics::state::State;
use crate::{
    Angle, AttachError, BodyDesc, Filter, Fx, Pcg32, Polygon, Shape, ShapeDesc, Vec2, World, WorldDesc,
    decode, encode_into,
};

/// 65,535 shapes, most of them of one body: the next body and the next shape are refused, and the world steps.
#[test]
fn more_shapes_than_have_numbers_are_refused() {
    let mut world = World::new(WorldDesc { bodies_max: u16::MAX, ..WorldDesc::default() });
    let still = BodyDesc::rect(Vec2::splat(ratio(1, 8))).fixed();
    let first = world.add(still).unwrap();
    let part = ShapeDesc::new(Shape::Box { half: Vec2::splat(ratio(1, 8)) });
    for sub in 1..=40_000 {
        assert_eq!(world.attach(first, part), Ok(sub));
    }
    let mut count = 1;
    while world.add(still.at(Vec2::from_ints(count % 30 - 15, count / 30 % 30 - 15))).is_ok() {
        count += 1;
    }
    assert_eq!(count + 40_000, 65_535);
    assert_eq!(world.attach(first, part), Err(AttachError::Full));
    steps(&mut world, 1);
    let restored: World = decode(&bytes_of(&world)).expect("a world's own bytes");
    assert!(restored == world && world.closest_point(Vec2::ZERO, Fx::ONE, crate::Filter::ALL).is_some());
}

/// Boxes have numbers of their own in the search for pairs: the last of them is one too.
#[test]
fn as_many_boxes_as_there_may_be_step() {
    let mut world = World::new(WorldDesc { bodies_max: u16::MAX, ..WorldDesc::default() });
    while world.add(BodyDesc::rect(Vec2::splat(ratio(1, 8))).fixed()).is_ok() {}
    assert_eq!(world.len(), 65_535);
    steps(&mut world, 1);
}

/// The bytes of a world with more shapes than have numbers.
#[test]
fn a_world_of_more_shapes_than_have_numbers_is_no_world() {
    let mut state = State::new(WorldDesc::default());
    let id = state.add(&BodyDesc::circle(Fx::ONE).fixed()).unwrap();
    let part = Blueprint::of_part(&ShapeDesc::new(Shape::Circle { radius: Fx::HALF }));
    assert!(state.attach(0, part) && state.slot(id) == Some(0));
    let extra = state.extras[0];
    for (count, sound) in [(65_534, true), (65_535, false)] {
        state.extras.resize(count, extra);
        let mut bytes = Vec::new();
        encode_into(&state, &mut bytes);
        let restored = decode::<World>(&bytes);
        assert_eq!(restored.is_ok(), sound, "{count}");
        let _ = restored.map(|mut world| world.step());
    }
}

/// A crowd with bodies of two sizes that are long gone, against worlds restored before each step: how large bodies
/// were that are no longer there changes nothing.
#[test]
fn what_was_removed_does_not_change_a_crowd() {
    let mut world =
        World::new(WorldDesc { half_extent: Vec2::splat(Fx::from_int(3)), ..WorldDesc::default() });
    let large = world.add(BodyDesc::circle(ratio(19, 10)).sensor()).unwrap();
    let sensor = BodyDesc::circle(ratio(11, 10)).sensor().sleepless();
    let mut ids = Vec::new();
    for index in 0..400 {
        let at = Vec2::new(ratio(index % 20 * 3, 10), ratio(index / 20 * 3, 10));
        ids.push(world.add(sensor.at(at - Vec2::splat(Fx::from_int(3)))).unwrap());
    }
    assert!(world.remove(large));
    for tick in 0..12 {
        let mut restored: World = decode(&bytes_of(&world)).expect("a world's own bytes");
        steps(&mut world, 1);
        steps(&mut restored, 1);
        assert_eq!(restored.contacts(), world.contacts(), "in tick {tick}");
        assert_eq!(restored.events(), world.events(), "in tick {tick}");
        assert!(restored == world && bytes_of(&restored) == bytes_of(&world), "in tick {tick}");
        let moved = BodyDesc::circle(ratio(12 + tick, 10)).sensor();
        assert!(world.remove(ids[tick as usize * 7]));
        let brief = world.add(moved).unwrap();
        assert!(world.remove(brief));
    }
}

/// 30,000 different shapes are read back in no more than a moment each: none of them is compared with all others, and
/// one that is there twice is found.
#[test]
fn thousands_of_blueprints_are_told_apart() {
    let part =
        |index: i32| Blueprint::of_part(&ShapeDesc::new(Shape::Circle { radius: Fx::from_bits(index + 1) }));
    let all: Vec<_> = (0..30_000).rev().map(part).collect();
    let mut table = Blueprints::from_outside(&all).expect("they differ");
    for (index, &blueprint) in (0..).zip(&all) {
        assert_eq!(table.add(blueprint), Some(index));
    }
    (0..100).for_each(|index| table.remove(index));
    assert_eq!(table.add(part(40_000)), Some(99));
    assert_eq!((table.add(all[99]), table.add(all[100])), (Some(98), Some(100)));
    assert!(Blueprints::from_outside(&[part(1), part(2), part(1)]).is_none());
}

/// Cells in which all lie together find what cells of the bodies' size find.
#[test]
fn large_cells_change_nothing() {
    let world = |cell: i32| {
        let desc = WorldDesc { cell: Fx::from_int(cell), bodies_max: 2_000, ..WorldDesc::default() };
        let mut world = World::new(WorldDesc { half_extent: Vec2::splat(Fx::from_int(40)), ..desc });
        for index in 0..1_600 {
            let at = Vec2::new(ratio(index % 40 * 9, 10), ratio(index / 40 * 9, 10));
            world.add(BodyDesc::circle(Fx::HALF).at(at - Vec2::splat(Fx::from_int(18))).sleepless()).unwrap();
        }
        world
    };
    let mut worlds = [0, 2, 30, 1_000].map(world);
    for tick in 0..5 {
        worlds.iter_mut().for_each(World::step);
        let [chosen, others @ ..] = &worlds;
        assert!(chosen.contacts().len() > 3_000, "{}", chosen.contacts().len());
        for other in others {
            assert_eq!(other.contacts(), chosen.contacts(), "{:?} in tick {tick}", other.desc().cell);
            assert!(other.bodies().eq(chosen.bodies()), "{:?} in tick {tick}", other.desc().cell);
        }
    }
}

/// Bodies in a row have the most cells, and there is room for them.
#[test]
fn a_row_of_bodies_has_no_more_cells_than_there_is_room_for() {
    let mut most = 0;
    for gap in 1..12 {
        let mut state = State::new(WorldDesc { walls: false, ..WorldDesc::default() });
        for index in 0..1_000 {
            state.add(&BodyDesc::circle(Fx::HALF).at(Vec2::from_ints(index * gap, 0))).unwrap();
        }
        let cells = Layout::of(&state.desc, &Census::of(&state, state.desc.tick_seconds())).cells();
        assert!(cells <= Layout::cells_max(1_000), "{cells} with a gap of {gap}");
        most = most.max(cells);
    }
    assert!(most > 4 * 1_000 + 1_024, "{most}");
}

/// Sixty bodies in a row that each see fifteen units far, so that thousands of pairs are with what they see: they stand
/// on the ground, whether that is older than they are or not.
#[test]
fn who_sees_a_crowd_does_not_fall_through_the_ground() {
    for ground_first in [true, false] {
        let mut world = earth();
        let first = ground_first.then(|| ground(&mut world));
        let far = ShapeDesc::new(Shape::Circle { radius: Fx::from_int(15) }).sensor().density(Fx::ZERO);
        let ids: Vec<_> = (0..60)
            .map(|index| {
                let body = BodyDesc::rect(Vec2::new(ratio(1, 20), Fx::HALF)).lock_rotation().sleepless();
                let id = world.add(body.at(Vec2::new(ratio(index, 5), ratio(51, 100)))).unwrap();
                world.attach(id, far).unwrap();
                id
            })
            .collect();
        let _ = first.unwrap_or_else(|| ground(&mut world));
        steps(&mut world, 120);
        let lowest = ids.iter().map(|&id| world.position(id).unwrap().y).min().unwrap();
        assert!(lowest > ratio(48, 100), "{lowest} with the ground first: {ground_first}");
    }
}

/// Four hundred discs in one place are more pairs than are looked at; a sensor there is told of all of them.
#[test]
fn a_sensor_is_told_of_a_crowd_in_one_place() {
    let mut world = open();
    for _ in 0..400 {
        world.add(BodyDesc::circle(Fx::HALF)).unwrap();
    }
    world.add(BodyDesc::circle(Fx::HALF).fixed().sensor()).unwrap();
    steps(&mut world, 1);
    assert_eq!(world.contacts().iter().filter(|contact| contact.sensor).count(), 400);
    assert_eq!(world.contacts().len() - 400, 16 * 401 + 64);
}

/// Outlines of all kinds in one and the same place, alone or in a static box: they push each other apart, no faster
/// than eight overlaps in a row part (4 units per second each), and go on alike after each step if they are read again
/// from their bytes.
#[test]
fn all_shapes_in_one_place_come_apart() {
    for in_a_box in [false, true] {
        let mut world = open();
        if in_a_box {
            world.add(BodyDesc::rect(Vec2::splat(Fx::HALF)).fixed()).unwrap();
        }
        let kinds = [
            BodyDesc::circle(Fx::HALF),
            BodyDesc::rect(Vec2::splat(Fx::HALF)),
            BodyDesc::capsule(Fx::HALF, ratio(1, 4)),
            BodyDesc::polygon(Polygon::regular(5, Fx::HALF)),
        ];
        let ids: Vec<_> = (0..24).map(|number| world.add(kinds[number % 4].sleepless()).unwrap()).collect();
        for step in 0..600 {
            let mut again: World = decode(&bytes_of(&world)).expect("a world's own bytes");
            steps(&mut world, 1);
            steps(&mut again, 1);
            assert!(world == again, "step {step}");
        }
        let places = ids.iter().map(|&id| world.body(id).unwrap().position);
        let places: Vec<_> = places.chain(in_a_box.then_some(Vec2::ZERO)).collect();
        let nearest = (1..places.len())
            .flat_map(|one| (0..one).map(move |other| (one, other)))
            .map(|(one, other)| places[one].distance(places[other]))
            .min();
        assert!(nearest > Some(ratio(3, 4)), "two are {nearest:?} apart, in a box: {in_a_box}");
        let fastest = ids.iter().map(|&id| world.body(id).unwrap().velocity.length()).max();
        assert!(fastest < Some(Fx::from_int(8 * 4)), "one has {fastest:?}, in a box: {in_a_box}");
    }
}

/// Slopes of 120 and of 8,000 units, in the middle and at the end of the plane, with all sorts of bodies and filters
/// upon and beside them: that what is beyond a side of one is left out changes nothing.
#[test]
fn nothing_that_matters_is_left_out_of_a_huge_slope() {
    for seed in 0..8 {
        let mut worlds = [slopes(seed), slopes(seed)];
        for tick in 0..120 {
            for (world, ask_all) in worlds.iter_mut().zip([false, true]) {
                ASK_ALL.set(ask_all);
                world.step();
            }
            let [one, other] = &worlds;
            assert!(one == other && one.contacts() == other.contacts(), "seed {seed}, tick {tick}");
            assert_eq!(one.events(), other.events(), "seed {seed}, tick {tick}");
        }
        ASK_ALL.set(false);
        assert!(LEFT_OUT.take() > 10_000, "seed {seed}: hardly anything was left out");
    }
}

fn slopes(seed: u64) -> World {
    let mut rng = Pcg32::new(seed, 6);
    let mut world = World::new(WorldDesc { sleep: seed.is_multiple_of(2), ..*earth().desc() });
    let filters = [(1, u32::MAX, 0), (2, 2, 0), (4, 0, 3), (1, 1, -2), (2, 3, 5)];
    let filter = |rng: &mut Pcg32| {
        let (layer, mask, group) = filters[rng.below(5) as usize];
        Filter { layer, mask, group }
    };
    let long = Fx::from_int(if seed % 4 == 3 { 4_000 } else { 60 });
    let middle = if seed < 5 { Vec2::ZERO } else { Vec2::from_ints(32_000, -32_000) };
    let slopes = [
        BodyDesc::rect(Vec2::new(long, ratio(1, 2))),
        BodyDesc::capsule(long, ratio(1, 3)),
        BodyDesc::polygon(Polygon::regular(3, Fx::from_int(40))),
        BodyDesc::new(Shape::Segment { from: Vec2::new(-long, Fx::ZERO), to: Vec2::new(long, Fx::ONE) }),
        BodyDesc::circle(Fx::from_int(30)),
    ];
    for (number, slope) in (0..).zip(slopes) {
        let turned = slope.turned(Angle(1_000 * (seed as u16 + number as u16)));
        let mut slope = turned.at(middle + Vec2::from_ints(0, -50 + 12 * number)).fixed();
        slope.shape.filter = filter(&mut rng);
        slope.shape.sensor = number == 4 || number == seed as i32 % 4;
        world.add(slope).unwrap();
    }
    let land = world.add(BodyDesc::circle(ratio(1, 8)).at(middle).turned(Angle(500)).fixed()).unwrap();
    let hills = [40, 5, -60].map(|x| Vec2::from_ints(x, x / 5 - 20));
    world.attach_chain(land, &hills, false, ShapeDesc::new(Shape::Circle { radius: Fx::ONE })).unwrap();
    for index in 0..400 {
        let size = ratio(rng.below(60) as i32 + 20, 100);
        let mut body = match index % 4 {
            0 => BodyDesc::circle(size),
            1 => BodyDesc::rect(Vec2::new(size, ratio(1, 4))),
            2 => BodyDesc::capsule(size, ratio(1, 5)),
            _ => BodyDesc::polygon(Polygon::regular(3 + index as u8 % 6, size)),
        };
        body.shape.filter = filter(&mut rng);
        let at = Vec2::from_ints(index % 20 * 3 - 30, index / 20 * 3 - 30);
        let body = body.at(middle + at).moving(kick(&mut rng, 60)).spinning(Fx::from_int(index % 7 - 3));
        let id = match index % 9 {
            0 => world.add(body.kinematic()),
            1 => world.add(body.sensor()),
            2 if seed.is_multiple_of(3) => world.add(body.bullet()),
            _ => world.add(body),
        };
        if index % 5 == 0 {
            let arm = ShapeDesc::new(Shape::Circle { radius: ratio(1, 4) });
            world.attach(id.unwrap(), arm.offset(Vec2::splat(size), Angle(99))).unwrap();
        }
    }
    world
}
