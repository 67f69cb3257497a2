//! Questions and their answers: right, sorted, filtered. Floats only measure.

use super::scenes::{cube, float, mixture, open, ratio, steps};
use crate::{Angle, BodyDesc, BodyId, Filter, Fx, Pcg32, Shape, Vec2, World, WorldDesc};

/// 300 discs at random.
fn discs() -> (World, Vec<(BodyId, f64, f64, f64)>) {
    let mut world = open();
    let mut rng = Pcg32::new(3, 3);
    let mut part = move |most: u32| Fx::from_bits(rng.below(most << 16).cast_signed());
    let discs = (0..300_u32)
        .map(|index| {
            let at = Vec2::new(part(40), part(40)) - Vec2::from_ints(20, 20);
            let radius = part(1) + ratio(1, 10);
            let body = BodyDesc::circle(radius).at(at).fixed().layer(1 << (index % 3));
            (world.add(body).unwrap(), float(at.x), float(at.y), float(radius))
        })
        .collect();
    (world, discs)
}

fn only(layer: u32) -> Filter {
    Filter { mask: layer, ..Filter::ALL }
}

/// A thin plate before a wall that is older: however long the ray, the plate is met first.
#[test]
fn a_long_ray_meets_what_is_nearer_first() {
    for (way, half) in [1_000, 10_000, 32_000].into_iter().flat_map(|way| [(way, 1), (way, 5), (way, 20)]) {
        let mut world = open();
        let wall = BodyDesc::rect(Vec2::from_ints(1, 3)).at(Vec2::from_ints(11, 0)).fixed();
        let wall = world.add(wall).unwrap();
        let plate = BodyDesc::rect(Vec2::new(ratio(half, 100), Fx::from_int(3))).fixed();
        let plate = world.add(plate.at(Vec2::new(Fx::from_int(10) - ratio(half, 100), Fx::ZERO))).unwrap();
        let way = Vec2::from_ints(way, 0);
        let first = world.cast_ray(Vec2::ZERO, way, Filter::ALL).map(|cast| cast.body);
        assert_eq!(first, Some(plate), "{half} {way:?}");
        let mut all = Vec::new();
        world.cast_ray_all(Vec2::ZERO, way, Filter::ALL, &mut all);
        assert_eq!([all[0].body, all[1].body], [plate, wall], "{half} {way:?}");
        let place = float(all[0].position.x) / float(way.x);
        assert!((float(all[0].part) - place).abs() < 1.0 / 65_536.0, "{all:?}");
    }
}

/// A hundred rays meet what the formula says, in its order, within 1/100 of a unit, of one layer only.
#[test]
fn rays_meet_what_the_formula_says() {
    let (world, discs) = discs();
    let mut rng = Pcg32::new(4, 4);
    let mut part = move || f64::from(rng.below(4_000)) / 100.0 - 20.0;
    for ray in 0..100 {
        let (from, to) = ((part(), part()), (part(), part()));
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy);
        let mut expected: Vec<(f64, BodyId)> = Vec::new();
        for (index, &(id, x, y, radius)) in discs.iter().enumerate() {
            let (fx, fy) = (from.0 - x, from.1 - y);
            let (along, off) = ((fx * dx + fy * dy) / length, (fx * dy - fy * dx) / length);
            let half = (radius * radius - off * off).max(0.0).sqrt();
            let inside = fx.hypot(fy) < radius;
            let start = if inside { 0.0 } else { -along - half };
            // Those that are only grazed, and what is at the very end, is left to rounding.
            let clear = (off.abs() - radius).abs() > 0.01 && (start - length).abs() > 0.01;
            assert!(clear || !inside, "the rays are chosen so that this is no matter: {ray}");
            if index % 3 == 1 && off.abs() < radius && start < length && (start > 0.0 || inside) {
                expected.push((start, id));
            }
        }
        expected.sort_by(|one, other| one.0.total_cmp(&other.0));
        let fx = |(x, y): (f64, f64)| {
            Vec2::new(Fx::from_bits((x * 65_536.0) as i32), Fx::from_bits((y * 65_536.0) as i32))
        };
        let (start, way) = (fx(from), fx((dx, dy)));
        let mut found = Vec::new();
        world.cast_ray_all(start, way, only(2), &mut found);
        assert_eq!(found.len(), expected.len(), "{ray}: {found:?} {expected:?}");
        assert!(found.is_sorted_by_key(|cast| cast.part), "{ray}: {found:?}");
        for (cast, (along, id)) in found.iter().zip(&expected) {
            let off = float(cast.part) * length - along;
            assert!(off.abs() < 0.01 && cast.body == *id, "{ray}: {cast:?} {along} {id:?}");
        }
        assert_eq!(world.cast_ray(start, way, only(2)), found.first().copied(), "{ray}");
    }
}

/// Discs and points overlap what the formula says, by index; the nearest point is the nearest one.
#[test]
fn overlaps_and_nearest_points_are_those_of_the_formula() {
    let (world, discs) = discs();
    let mut rng = Pcg32::new(5, 5);
    for _ in 0..100 {
        let mut part = || Fx::from_bits(rng.below(40 << 16).cast_signed()) - Fx::from_int(20);
        let place = Vec2::new(part(), part());
        let (x, y) = (float(place.x), float(place.y));
        let gap = |disc: &(BodyId, f64, f64, f64)| (disc.1 - x).hypot(disc.2 - y) - disc.3;
        let mut found = Vec::new();
        world.overlap_circle(place, Fx::from_int(2), only(1), &mut found);
        let near = discs.iter().step_by(3).filter(|disc| gap(disc) < 2.0).map(|disc| disc.0);
        assert_eq!(found, near.collect::<Vec<_>>());
        let nearest = discs.iter().map(gap).fold(f64::MAX, f64::min).max(0.0);
        let (_, _, point) = world.closest_point(place, Fx::from_int(40), Filter::ALL).unwrap();
        assert!((float(point.distance(place)) - nearest).abs() < 0.001, "{point:?} {nearest}");
        assert_eq!(world.closest_point(place, Fx::from_bits(-1), Filter::ALL), None);
    }
}

/// By 1/50 on every side.
fn thicker(shape: Shape) -> Shape {
    let more = ratio(1, 50);
    match shape {
        Shape::Circle { radius } => Shape::Circle { radius: radius + more },
        Shape::Box { half } => Shape::Box { half: half + Vec2::splat(more) },
        Shape::Capsule { half_length, radius } => Shape::Capsule { half_length, radius: radius + more },
        other => other,
    }
}

/// A shape that is cast stops where it touches, and overlaps nothing a little before.
#[test]
fn cast_shapes_stop_where_they_touch() {
    let mut world = mixture();
    steps(&mut world, 60);
    let shapes = [
        Shape::Circle { radius: Fx::HALF },
        Shape::Box { half: Vec2::new(Fx::ONE, ratio(1, 4)) },
        Shape::Capsule { half_length: Fx::ONE, radius: ratio(1, 4) },
    ];
    let mut rng = Pcg32::new(6, 6);
    let mut hits = 0;
    for index in 0..300 {
        let mut part =
            |most: i32| Fx::from_bits(rng.below((2 * most as u32) << 16).cast_signed()) - Fx::from_int(most);
        let (from, way, angle) =
            (Vec2::new(part(14), part(10)), Vec2::new(part(20), part(20)), Angle(index * 217));
        let shape = shapes[usize::from(index) % 3];
        let Some(cast) = world.cast_shape(shape, angle, from, way, Filter::ALL) else { continue };
        let solid = |shape: Shape, at: Vec2| {
            let mut found = Vec::new();
            world.overlap_shape(shape, angle, at, Filter::ALL, &mut found);
            found.retain(|&id| !world.body(id).unwrap().sensor);
            found
        };
        if cast.normal == Vec2::ZERO {
            assert!(cast.part == Fx::ZERO && solid(shape, from).contains(&cast.body), "{index}: {cast:?}");
            continue;
        }
        hits += 1;
        let before = cast.position - way.with_length(ratio(1, 50));
        assert!(cast.normal.dot(way) < Fx::ZERO, "{index}: {cast:?}");
        assert!(!solid(shape, before).contains(&cast.body), "{index}: {cast:?} overlaps before it touches");
        assert!(
            solid(thicker(shape), cast.position).contains(&cast.body),
            "{index}: {cast:?} does not touch"
        );
    }
    assert!(hits > 50, "{hits}");
}

/// Questions at the end of the numbers are answered.
#[test]
fn rays_cross_the_largest_world() {
    let half = Vec2::splat(Fx::from_int(32_000));
    let mut world = World::new(WorldDesc { half_extent: half, ..WorldDesc::default() });
    let far = world.add(cube().at(Vec2::from_ints(31_000, 31_000)).fixed()).unwrap();
    let cast = world.cast_ray(Vec2::from_ints(20_000, 20_000), Vec2::from_ints(12_000, 12_000), Filter::ALL);
    let cast = cast.expect("it is on the way");
    assert!(cast.body == far && (float(cast.position.x) - 30_999.5).abs() < 0.1, "{cast:?}");
    let across = world.cast_ray(-half, Vec2::splat(Fx::MAX), Filter::ALL);
    assert_eq!(across, None);
    let (body, _, point) =
        world.closest_point(Vec2::from_ints(30_000, 31_000), Fx::MAX, Filter::ALL).unwrap();
    assert!(body == far && (float(point.x) - 30_999.5).abs() < 0.001, "{point:?}");
}

/// What the caller had already is of no meaning for what is found.
#[test]
fn overlaps_are_appended_to_what_was_there() {
    let mut world = open();
    let id = world.add(BodyDesc::circle(Fx::ONE)).unwrap();
    let mut found = vec![id];
    world.overlap_circle(Vec2::ZERO, Fx::ONE, Filter::ALL, &mut found);
    assert_eq!(found, [id, id]);
}

/// Two places of a world may be further apart than any number, and a disc wider than any shape.
#[test]
fn what_is_near_is_found_from_the_other_end_of_the_largest_world() {
    let half = Vec2::splat(Fx::from_int(32_000));
    let mut world = World::new(WorldDesc { half_extent: half, ..WorldDesc::default() });
    let far = Vec2::from_ints(-16_400, 0);
    let disc = world.add(BodyDesc::circle(Fx::from_int(100)).at(Vec2::from_ints(16_400, 0)).fixed()).unwrap();
    let (body, _, point) = world.closest_point(far, Fx::MAX, Filter::ALL).unwrap();
    assert!(
        body == disc && (float(point.x) - 16_300.0).abs() < 0.01 && float(point.y).abs() < 0.01,
        "{point:?}"
    );
    let bar = BodyDesc::rect(Vec2::from_ints(4_000, 1)).at(Vec2::from_ints(20_000, 20_000)).fixed();
    let bar = world.add(bar).unwrap();
    let (body, _, point) =
        world.closest_point(Vec2::from_ints(15_000, 31_000), Fx::MAX, Filter::ALL).unwrap();
    assert!(body == bar && point == Vec2::from_ints(16_000, 20_001), "{point:?}");
    let found = |centre, radius| {
        let mut found = Vec::new();
        world.overlap_circle(centre, Fx::from_int(radius), Filter::ALL, &mut found);
        found
    };
    assert_eq!(found(Vec2::from_ints(400, 0), 16_000), [disc]);
    assert_eq!(found(Vec2::from_ints(400, 0), 15_899), []);
    assert_eq!(found(Vec2::from_ints(-9_600, 0), 30_000), [disc]);
    assert_eq!(found(Vec2::from_ints(16_000, 31_000), 10_998), []);
    assert_eq!(found(Vec2::from_ints(16_000, 31_000), 11_000), [bar]);
}

/// Rays that cross a line meet it, from whichever side they come, and are told the side that they came from.
#[test]
fn a_ray_never_misses_a_line() {
    let mut rng = Pcg32::new(3, 3);
    for round in 0..4_000 {
        let mut some = |most: u32| {
            Fx::from_bits(rng.below((2 * most) << 16).cast_signed()) - Fx::from_int(most.cast_signed())
        };
        let (from, to) = (Vec2::new(some(20), some(20)), Vec2::new(some(20), some(20)));
        let way = to - from;
        if way.length() < Fx::HALF {
            continue;
        }
        let mut world = World::new(WorldDesc { walls: false, ..WorldDesc::default() });
        world.add(BodyDesc::new(Shape::Segment { from, to }).fixed()).unwrap();
        let part = Fx::from_ratio(1 + round % 9, 10);
        let across = from + way * part;
        let start = Vec2::new(some(40), some(40));
        let ray = across - start;
        let slant = ray.normalized().dot(way.normalized().turned_left()).abs();
        if ray.length() < Fx::HALF || slant < Fx::from_ratio(1, 20) {
            continue;
        }
        let cast = world.cast_ray(start, ray * Fx::from_int(2), Filter::ALL);
        let cast =
            cast.unwrap_or_else(|| panic!("{round}: {from:?} {to:?} from {start:?} by {ray:?} missed"));
        assert!(cast.position.distance(across) < Fx::from_ratio(1, 100), "{round}: {cast:?} {across:?}");
        assert!(cast.normal.dot(ray) < Fx::ZERO, "{round}: {cast:?} {ray:?}");
    }
}
