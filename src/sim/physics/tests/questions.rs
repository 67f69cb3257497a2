//! Whom questions are about, and what all of them have in common. Floats only measure.

use super::scenes::{cube, float, mixture, open, ratio, steps};
use crate::{
    Angle, BodyDesc, BodyId, Cast, Filter, Fx, Pcg32, Polygon, QueryFilter, Shape, ShapeDesc, Vec2, World,
    WorldDesc,
};

/// From −`most` to `most`.
fn some(rng: &mut Pcg32, most: i32) -> Fx {
    Fx::from_bits(rng.below((2 * most as u32) << 16).cast_signed()) - Fx::from_int(most)
}

fn place(rng: &mut Pcg32, most: i32) -> Vec2 {
    Vec2::new(some(rng, most), some(rng, most))
}

fn shapes() -> [Shape; 5] {
    [
        Shape::Circle { radius: ratio(3, 4) },
        Shape::Box { half: Vec2::new(Fx::ONE, ratio(1, 2)) },
        Shape::Capsule { half_length: Fx::ONE, radius: ratio(1, 2) },
        Shape::Polygon(Polygon::regular(5, Fx::ONE)),
        Shape::Segment { from: Vec2::from_ints(-1, 0), to: Vec2::from_ints(1, 0) },
    ]
}

fn all_of(world: &World, shape: Shape, from: Vec2, way: Vec2, whom: impl Into<QueryFilter>) -> Vec<Cast> {
    let mut found = Vec::new();
    world.cast_shape_all(shape, Angle(900), from, way, whom, &mut found);
    found
}

/// A shape that is cast at all of a world meets each body where it does in a world of that body alone, in order.
#[test]
fn all_that_a_shape_meets_is_what_it_meets_of_each() {
    let mut world = mixture();
    steps(&mut world, 60);
    let (mut rng, mut many) = (Pcg32::new(8, 8), 0);
    for round in 0..200 {
        let (from, way) = (place(&mut rng, 12), place(&mut rng, 20));
        let shape = shapes()[round % 4];
        let found = all_of(&world, shape, from, way, Filter::ALL);
        assert!(found.is_sorted_by_key(|hit| hit.part), "{round}: {found:?}");
        // Parts are told rounded; what is met at once is at the same part for sure.
        let at_once = found.iter().take_while(|hit| hit.normal == Vec2::ZERO);
        assert!(at_once.is_sorted_by_key(|hit| (hit.part, hit.body.index, hit.shape)), "{round}: {found:?}");
        let first = world.cast_shape(shape, Angle(900), from, way, Filter::ALL);
        assert_eq!(first, found.first().copied(), "{round}");
        let mut alone = Vec::new();
        for (id, _) in world.bodies() {
            let mut lonely = world.clone();
            world.bodies().filter(|other| other.0 != id).for_each(|other| {
                lonely.remove(other.0);
            });
            alone.extend(lonely.cast_shape(shape, Angle(900), from, way, Filter::ALL));
        }
        let mut sorted = found.clone();
        sorted.sort_by_key(|hit| hit.body);
        assert_eq!(sorted, alone, "{round}");
        many += usize::from(found.len() > 3);
    }
    assert!(many > 50, "{many}");
}

/// Of equals, the smaller index comes first, then the smaller number of the shape.
#[test]
fn what_is_met_at_once_is_told_in_the_order_of_bodies_and_shapes() {
    let mut world = open();
    let ids = [4, -4, 4].map(|y| world.add(cube().at(Vec2::from_ints(5, y)).fixed()).unwrap());
    let twin = ShapeDesc::new(Shape::Box { half: Vec2::splat(Fx::HALF) });
    world.attach(ids[1], twin.offset(Vec2::from_ints(0, 8), Angle::ZERO)).unwrap();
    let bar = Shape::Box { half: Vec2::new(Fx::HALF, Fx::from_int(6)) };
    let mut found = Vec::new();
    world.cast_shape_all(bar, Angle::ZERO, Vec2::ZERO, Vec2::from_ints(9, 0), Filter::ALL, &mut found);
    let told: Vec<_> = found.iter().map(|hit| (hit.body, hit.shape)).collect();
    assert_eq!(told, [(ids[0], 0), (ids[1], 0), (ids[1], 1), (ids[2], 0)]);
    assert!(found.iter().all(|hit| hit.part == found[0].part && hit.part > Fx::ZERO), "{found:?}");
}

/// What each question finds, as bodies.
fn answers(world: &World, whom: QueryFilter) -> [Vec<BodyId>; 9] {
    let (from, way, disc) = (Vec2::ZERO, Vec2::from_ints(20, 0), Shape::Circle { radius: Fx::HALF });
    let bodies = |found: Vec<Cast>| found.into_iter().map(|hit| hit.body).collect::<Vec<_>>();
    let overlap = |ask: &dyn Fn(&mut Vec<BodyId>)| {
        let mut found = Vec::new();
        ask(&mut found);
        found
    };
    let mut rays = Vec::new();
    world.cast_ray_all(from, way, whom, &mut rays);
    let middle = Vec2::from_ints(10, 0);
    [
        bodies(Vec::from_iter(world.cast_ray(from, way, whom))),
        bodies(rays),
        bodies(Vec::from_iter(world.cast_shape(disc, Angle::ZERO, from, way, whom))),
        bodies(all_of(world, disc, from, way, whom)),
        overlap(&|found| world.overlap_point(from, whom, found)),
        overlap(&|found| world.overlap_circle(middle, Fx::from_int(10), whom, found)),
        overlap(&|found| world.overlap_circle(middle, Fx::from_int(5_000), whom, found)),
        overlap(&|found| world.overlap_box(from, way, whom, found)),
        overlap(&|found| world.overlap_shape(disc, Angle::ZERO, from, whom, found)),
    ]
}

/// One who asks, who is first and stands in a sensor, and two others: each question leaves out whom it is told to.
#[test]
fn every_question_leaves_out_who_asks_and_sensors() {
    let mut world = open();
    let at = |x: i32| Vec2::from_ints(x, 0);
    let me = world.add(cube()).unwrap();
    world.attach(me, ShapeDesc::new(Shape::Circle { radius: Fx::ONE })).unwrap();
    let zone = world.add(cube().sensor().fixed()).unwrap();
    let crowd = [4, 8].map(|x| world.add(cube().at(at(x)).layer(0b10)).unwrap());
    let [one, two] = crowd;
    let closest = |whom: QueryFilter| world.closest_point(Vec2::ZERO, Fx::from_int(9), whom).map(|it| it.0);
    let ask = |whom: QueryFilter| {
        let found = answers(&world, whom);
        let [ray, rays, shape, shapes, point, disc, wide, within, overlap] =
            found.map(|ids| Vec::from_iter(ids.into_iter().map(|id| id.index)));
        assert_eq!([&ray[..], &rays[..]], [&shape[..], &shapes[..]], "{whom:?}");
        assert_eq!((&disc, &point), (&wide, &overlap), "{whom:?}");
        assert_eq!(disc, within, "{whom:?}");
        (ray, rays, point, disc)
    };
    let list = |ids: &[BodyId]| Vec::from_iter(ids.iter().map(|id| id.index));
    let usual = ask(Filter::ALL.into());
    // Both shapes of the one who asks are met.
    assert_eq!(
        usual,
        (list(&[me]), list(&[me, me, one, two]), list(&[me, zone]), list(&[me, zone, one, two]))
    );
    assert_eq!(closest(Filter::ALL.into()), Some(me));
    let others = ask(Filter::ALL.except(me));
    assert_eq!(others, (list(&[one]), list(&crowd), list(&[zone]), list(&[zone, one, two])));
    assert_eq!(closest(Filter::ALL.except(me)), Some(one));
    let solid = ask(Filter::ALL.except(me).sensors(false));
    assert_eq!(solid, (list(&[one]), list(&crowd), list(&[]), list(&crowd)));
    let any = ask(Filter::ALL.sensors(true).except(me));
    assert_eq!(any, (list(&[zone]), list(&[zone, one, two]), list(&[zone]), list(&[zone, one, two])));
    assert_eq!(closest(Filter::ALL.sensors(true).except(me)), Some(zone));
    let second = QueryFilter { filter: Filter { mask: 0b10, ..Filter::ALL }, ..Filter::ALL.except(one) };
    assert_eq!(ask(second), (list(&[two]), list(&[two]), list(&[]), list(&[two])));
    assert_eq!(closest(second), Some(two));
    // One who is not there any more leaves out nobody, whoever is in the place.
    let mut world = world.clone();
    assert!(world.remove(one));
    let heir = world.add(cube().at(at(4))).unwrap();
    assert!(heir.index == one.index && heir != one);
    assert_eq!(answers(&world, Filter::ALL.except(one)), answers(&world, Filter::ALL.into()));
}

/// Points and boxes overlap discs as the formula says, by index, whichever corners are told.
#[test]
fn points_and_boxes_overlap_what_the_formula_says() {
    let (mut world, mut rng) = (open(), Pcg32::new(9, 9));
    let mut discs = Vec::new();
    for _ in 0..200 {
        let (at, radius) = (place(&mut rng, 20), some(&mut rng, 1).abs() + ratio(1, 10));
        let id = world.add(BodyDesc::circle(radius).at(at)).unwrap();
        discs.push((id, float(at.x), float(at.y), float(radius)));
    }
    let (mut hits, mut unclear) = (0, 0);
    for round in 0..400 {
        let (one, other) = (place(&mut rng, 20), place(&mut rng, 20));
        // Every fourth is a point, or has no width.
        let other = match round % 8 {
            0 => one,
            4 => Vec2::new(one.x, other.y),
            _ => other,
        };
        let away = |disc: &(BodyId, f64, f64, f64)| {
            let beyond = |at: f64, one: Fx, other: Fx| {
                let (low, high) = (float(one.min(other)), float(one.max(other)));
                (low - at).max(at - high).max(0.0)
            };
            beyond(disc.1, one.x, other.x).hypot(beyond(disc.2, one.y, other.y)) - disc.3
        };
        if discs.iter().any(|disc| away(disc).abs() < 0.001) {
            unclear += 1;
            continue;
        }
        let expected = Vec::from_iter(discs.iter().filter(|disc| away(disc) < 0.0).map(|disc| disc.0));
        let (mut found, mut point) = (Vec::new(), Vec::new());
        world.overlap_box(one, other, Filter::ALL, &mut found);
        assert_eq!(found, expected, "{round}: {one:?} {other:?}");
        world.overlap_point(one, Filter::ALL, &mut point);
        assert!(one != other || point == found, "{round}: {point:?} {found:?}");
        hits += found.len();
    }
    assert!(hits > 1_000 && unclear < 100, "{hits} {unclear}");
}

/// A box overlaps every kind of shape, turned, as a shape of the same size does; and however large it is.
#[test]
fn boxes_overlap_shapes_of_every_kind() {
    let (mut rng, mut hits) = (Pcg32::new(10, 10), 0);
    for round in 0..1_000 {
        let mut world = open();
        let body = BodyDesc::new(shapes()[round % 5]).turned(Angle(rng.below(1 << 16) as u16));
        world.add(body.at(place(&mut rng, 2))).unwrap();
        let half = Vec2::new(some(&mut rng, 1).abs() + ratio(1, 8), some(&mut rng, 1).abs() + ratio(1, 8));
        let at = place(&mut rng, 3);
        let (mut found, mut expected) = (Vec::new(), Vec::new());
        world.overlap_box(at - half, at + half, Filter::ALL, &mut found);
        world.overlap_shape(Shape::Box { half }, Angle::ZERO, at, Filter::ALL, &mut expected);
        assert_eq!(found, expected, "{round}");
        hits += found.len();
    }
    assert!((150..900).contains(&hits), "{hits}");
    let half_extent = Vec2::splat(Fx::from_int(32_000));
    let mut world = World::new(WorldDesc { half_extent, ..WorldDesc::default() });
    let places = [(-31_999, 0), (31_999, 31_999), (5, -20_000)];
    let ids = places.map(|(x, y)| world.add(cube().at(Vec2::from_ints(x, y))).unwrap());
    let within = |corner, opposite| {
        let mut found = Vec::new();
        world.overlap_box(corner, opposite, Filter::ALL, &mut found);
        found
    };
    assert_eq!(within(Vec2::splat(Fx::MIN), Vec2::splat(Fx::MAX)), ids);
    assert_eq!(within(half_extent, Vec2::from_ints(0, -32_000)), ids[1..]);
    assert_eq!(within(Vec2::from_ints(-31_998, -9), Vec2::from_ints(31_998, 9)), []);
}

/// Whoever begins in a shape, or on its rim, meets it at once, wherever the way leads; who begins outside and goes
/// nowhere meets nothing.
#[test]
fn a_ray_from_inside_meets_what_it_is_in_at_once() {
    for shape in shapes() {
        let mut world = open();
        let id = world.add(BodyDesc::new(shape).fixed()).unwrap();
        let behind = world.add(cube().at(Vec2::from_ints(9, 0)).fixed()).unwrap();
        for way in [Vec2::from_ints(20, 0), Vec2::from_ints(-3, 1), Vec2::ZERO] {
            let hit = Cast { body: id, shape: 0, part: Fx::ZERO, position: Vec2::ZERO, normal: Vec2::ZERO };
            assert_eq!(world.cast_ray(Vec2::ZERO, way, Filter::ALL), Some(hit), "{shape:?} {way:?}");
            let mut all = Vec::new();
            world.cast_ray_all(Vec2::ZERO, way, Filter::ALL, &mut all);
            assert_eq!(all[0], hit, "{shape:?} {way:?}");
            assert_eq!(all.len(), 1 + usize::from(way.x > Fx::ZERO), "{shape:?} {way:?}");
            let beyond = world.cast_ray(Vec2::ZERO, way, Filter::ALL.except(id)).map(|hit| hit.body);
            assert_eq!(beyond, (way.x > Fx::ZERO).then_some(behind), "{shape:?} {way:?}");
        }
        assert_eq!(world.cast_ray(Vec2::from_ints(3, 0), Vec2::ZERO, Filter::ALL), None, "{shape:?}");
    }
    let mut world = open();
    let id = world.add(cube().fixed()).unwrap();
    let rim = Vec2::new(-Fx::HALF, Fx::ZERO);
    let hit = world.cast_ray(rim, Vec2::from_ints(-1, 0), Filter::ALL).expect("it begins on the rim");
    assert_eq!((hit.body, hit.part, hit.position, hit.normal), (id, Fx::ZERO, rim, Vec2::ZERO));
}
