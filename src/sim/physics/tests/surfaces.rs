//! Ground of every sort: belts, platforms, gates, tiles and chains. Floats only measure.

use super::scenes::{cube, earth, float, open, ratio, steps};
use crate::{
    Angle, Body, BodyDesc, BodyId, Combine, Filter, Fx, Shape, ShapeDesc, TileMap, Vec2, World, WorldDesc,
};

fn seen(world: &World, id: BodyId) -> Body {
    world.body(id).expect("nobody removed it")
}

/// A load on a belt speeds up with friction · g until it is as fast as the belt, within 2 %; the other way around
/// with the other sign.
#[test]
fn a_belt_carries_its_load() {
    for speed in [3, -3] {
        let mut world = earth();
        let mut belt = BodyDesc::rect(Vec2::from_ints(40, 1)).at(Vec2::from_ints(0, -1)).fixed();
        belt.shape.material.surface_speed = Fx::from_int(-speed);
        world.add(belt.friction(ratio(1, 4))).unwrap();
        let load = cube().at(Vec2::new(Fx::ZERO, Fx::HALF)).friction(ratio(1, 4));
        let load = world.add(load).unwrap();
        steps(&mut world, 30);
        let pulled = float(seen(&world, load).velocity.x) * f64::from(speed.signum());
        assert!((pulled - 1.25).abs() < 0.03, "{pulled}");
        steps(&mut world, 120);
        let carried = float(seen(&world, load).velocity.x) * f64::from(speed.signum());
        assert!((carried - 3.0).abs() < 0.06, "{carried}");
    }
}

fn platform(world: &mut World, at: Vec2, turned: Angle) -> BodyId {
    let mut platform = BodyDesc::rect(Vec2::new(Fx::from_int(3), ratio(1, 4))).at(at).turned(turned).fixed();
    platform.shape.material.one_way = true;
    world.add(platform).unwrap()
}

/// From below a body gets through, even if it is in the middle of the platform for a while; from above it is held.
#[test]
fn a_platform_lets_up_and_holds() {
    let shapes = [BodyDesc::circle(ratio(2, 5)), cube(), BodyDesc::capsule(ratio(1, 4), ratio(1, 4))];
    for (speed, passes) in [(9, true), (14, true), (5, false)] {
        for shape in shapes {
            let mut world = earth();
            platform(&mut world, Vec2::from_ints(0, 4), Angle::ZERO);
            platform(&mut world, Vec2::from_ints(0, 0), Angle::ZERO);
            let id = shape.at(Vec2::new(Fx::ZERO, Fx::ONE)).moving(Vec2::from_ints(0, speed)).lock_rotation();
            let id = world.add(id).unwrap();
            let (mut highest, mut sideways) = (0.0_f64, 0.0_f64);
            for _ in 0..240 {
                world.step();
                let body = seen(&world, id);
                highest = highest.max(float(body.position.y));
                sideways = sideways.max(float(body.position.x.abs()));
            }
            let rests = float(seen(&world, id).position.y);
            assert!(sideways < 0.02, "{speed}: it went aside by {sideways}");
            // As high as without the platform: v² / 2g.
            let free = 1.0 + f64::from(speed * speed) / 20.0;
            assert!((highest / free - 1.0).abs() < 0.03, "{speed}: it rose to {highest} and not to {free}");
            assert_eq!(rests > 4.0, passes, "{speed}: it rests at {rests}");
        }
    }
}

/// At 60 units per second and 30 ticks, a bullet goes four times as far in a tick as the platform is thick. From above
/// it is held, however high it starts and to whichever side the platform faces; from below it gets through, and with
/// a pull back it lands on top.
#[test]
fn a_platform_holds_a_bullet_from_its_solid_side_only() {
    for start in 0..20 {
        for turned in [Angle::ZERO, Angle::QUARTER, Angle(5_000)] {
            for from_above in [true, false] {
                let mut world = World::new(WorldDesc { ticks_per_second: 30, ..WorldDesc::default() });
                platform(&mut world, Vec2::ZERO, turned);
                let up = Vec2::from_angle(turned + Angle::QUARTER, Fx::ONE);
                let (side, speed) = if from_above { (Fx::ONE, -60) } else { (-Fx::ONE, 60) };
                let far = side * (Fx::from_int(3) + ratio(start, 10));
                let shot =
                    BodyDesc::circle(ratio(1, 4)).bullet().at(up * far).moving(up * Fx::from_int(speed));
                let id = world.add(shot).unwrap();
                for tick in 0..8 {
                    world.step();
                    let at = float(seen(&world, id).position.dot(up));
                    assert!(!from_above || at > 0.4, "{start} {turned:?} {tick}: it is at {at}");
                }
                let at = float(seen(&world, id).position.dot(up));
                assert!(from_above || at > 8.0, "{start} {turned:?}: it came to {at}");
            }
        }
    }
}

/// A bullet that is thrown up through a platform lands on it.
#[test]
fn a_bullet_lands_on_the_platform_it_came_through() {
    let mut world = earth();
    platform(&mut world, Vec2::from_ints(0, 4), Angle::ZERO);
    let shot = BodyDesc::circle(ratio(1, 4)).bullet().moving(Vec2::from_ints(0, 30));
    let id = world.add(shot).unwrap();
    let mut highest = 0.0_f64;
    for _ in 0..600 {
        world.step();
        highest = highest.max(float(seen(&world, id).position.y));
    }
    let rests = float(seen(&world, id).position.y);
    assert!(highest > 40.0 && (rests - 4.5).abs() < 0.02, "it rose to {highest} and rests at {rests}");
}

/// Upright, the same platform is a gate.
#[test]
fn a_gate_opens_one_way() {
    let mut world = open();
    platform(&mut world, Vec2::ZERO, -Angle::QUARTER);
    let shot = BodyDesc::circle(ratio(1, 4)).restitution(Fx::ONE);
    // Its own up is along x now: what comes from there is held.
    let held = world.add(shot.at(Vec2::from_ints(4, 1)).moving(Vec2::from_ints(-6, 0))).unwrap();
    let through = world.add(shot.at(Vec2::from_ints(-4, -1)).moving(Vec2::from_ints(6, 0))).unwrap();
    let fast = shot.bullet().at(Vec2::from_ints(-4, 0)).moving(Vec2::from_ints(60, 0));
    let fast = world.add(fast).unwrap();
    steps(&mut world, 45);
    let (held, through) = (seen(&world, held), seen(&world, through));
    assert!((float(held.velocity.x) - 6.0).abs() < 0.1 && held.position.x > Fx::ZERO, "{held:?}");
    assert!(float(through.velocity.x) == 6.0 && float(through.position.x) > 4.0, "{through:?}");
    assert!(float(seen(&world, fast).velocity.x) == 60.0, "{:?}", seen(&world, fast));
}

/// What slides over the seams of forty tiles, floor and wall, keeps its speed and its height, whatever its shape.
#[test]
fn nothing_stumbles_over_the_seams_of_a_tile_map() {
    let mut map = TileMap::new(40, 6, Fx::ONE).unwrap();
    (0..40).for_each(|column| map.set(column, 0, true));
    (0..6).for_each(|row| map.set(39, row, true));
    assert_eq!(map.outlines().len(), 1);
    let shapes =
        [cube(), BodyDesc::circle(Fx::HALF), BodyDesc::capsule(ratio(1, 4), Fx::HALF), cube().bullet()];
    for shape in shapes {
        let mut world = earth();
        let land = world.add(BodyDesc::circle(ratio(1, 8)).at(Vec2::from_ints(0, -9)).fixed()).unwrap();
        let ice = ShapeDesc::new(Shape::Circle { radius: Fx::ONE }).friction(Fx::ZERO);
        assert_eq!(map.attach_to(&mut world, land, ice), Ok(6));
        let at = Vec2::new(Fx::from_int(2), ratio(-15, 2));
        let slider = shape.at(at).moving(Vec2::from_ints(6, 0)).friction(Fx::ZERO);
        let slider = world.add(slider).unwrap();
        for _ in 0..240 {
            world.step();
            let body = seen(&world, slider);
            let (high, fast) = ((float(body.position.y) + 7.5).abs(), (float(body.velocity.x) - 6.0).abs());
            assert!(high < 0.01 && fast < 0.01, "{body:?}");
        }
        steps(&mut world, 200);
        assert!(seen(&world, slider).position.x < Fx::from_int(39), "{:?}", seen(&world, slider));
    }
}

/// A map is its outline: what is all inside of it touches and overlaps nothing. Rays meet it from either side.
#[test]
fn a_tile_map_is_hollow() {
    let mut map = TileMap::new(4, 4, Fx::from_int(2)).unwrap();
    (0..16).for_each(|tile| map.set(tile % 4, tile / 4, true));
    let mut world = earth();
    let land = world.add(BodyDesc::circle(ratio(1, 8)).at(Vec2::from_ints(-20, 0)).fixed()).unwrap();
    map.attach_to(&mut world, land, ShapeDesc::new(Shape::Circle { radius: Fx::ONE })).unwrap();
    let middle = Vec2::from_ints(-16, 4);
    let inside = BodyDesc { gravity_scale: Fx::ZERO, ..BodyDesc::circle(Fx::HALF) };
    let inside = world.add(inside.at(middle)).unwrap();
    steps(&mut world, 30);
    assert_eq!(seen(&world, inside).position, middle);
    let (mut found, whom) = (Vec::new(), Filter::ALL.except(inside));
    world.overlap_point(middle, whom, &mut found);
    world.overlap_circle(middle, Fx::ONE, whom, &mut found);
    world.overlap_box(middle - Vec2::from_ints(1, 1), middle + Vec2::from_ints(1, 1), whom, &mut found);
    assert!(found.is_empty());
    let up = Vec2::from_ints(0, 8);
    for (from, way, y) in [(middle, up, 8), (middle + up, -up, 8), (middle, -up, 0), (middle - up, up, 0)] {
        let hit = world.cast_ray(from, way, whom).expect("an edge is on the way");
        assert!(hit.body == land && (float(hit.position.y) - f64::from(y)).abs() < 0.001, "{hit:?}");
    }
}

/// Down a wall of tiles in the same way: nothing hooks on.
#[test]
fn nothing_hooks_on_a_wall_of_tiles() {
    let mut map = TileMap::new(2, 40, Fx::ONE).unwrap();
    (0..40).for_each(|row| map.set(0, row, true));
    let mut world = earth();
    let land = world.add(BodyDesc::circle(ratio(1, 8)).at(Vec2::from_ints(0, -20)).fixed()).unwrap();
    let ice = ShapeDesc::new(Shape::Circle { radius: Fx::ONE }).friction(Fx::ZERO);
    map.attach_to(&mut world, land, ice).unwrap();
    let faller = cube().at(Vec2::new(ratio(3, 2), Fx::from_int(18))).friction(Fx::ZERO);
    let faller = world.add(faller.moving(Vec2::from_ints(-1, 0))).unwrap();
    steps(&mut world, 120);
    let body = seen(&world, faller);
    assert!((float(body.velocity.y) + 20.0).abs() < 0.1, "{body:?}");
    assert!((float(body.position.x) - 1.5).abs() < 0.02 && body.spin.abs() < ratio(1, 30), "{body:?}");
}

/// Of two rules the later counts; the values combine as said.
#[test]
fn materials_combine_as_said() {
    let slides = |one: (i32, Combine), other: (i32, Combine)| {
        let mut world = earth();
        let mut floor = BodyDesc::rect(Vec2::from_ints(50, 1)).at(Vec2::from_ints(0, -1)).fixed();
        (floor.shape.material.friction, floor.shape.material.friction_combine) = (ratio(one.0, 10), one.1);
        world.add(floor).unwrap();
        let mut load = cube().at(Vec2::new(Fx::ZERO, Fx::HALF)).moving(Vec2::from_ints(10, 0));
        (load.shape.material.friction, load.shape.material.friction_combine) = (ratio(other.0, 10), other.1);
        let load = world.add(load.lock_rotation()).unwrap();
        steps(&mut world, 30);
        (10.0 - float(seen(&world, load).velocity.x)) / 5.0
    };
    use Combine::{Average, Maximum, Minimum, Multiply};
    for (one, other, expected) in [
        ((2, Average), (6, Average), 0.4),
        ((2, Average), (6, Minimum), 0.2),
        ((2, Multiply), (6, Minimum), 0.12),
        ((2, Multiply), (6, Maximum), 0.6),
    ] {
        let found = slides(one, other);
        assert!((found - expected).abs() < 0.02, "{one:?} {other:?}: {found} instead of {expected}");
    }
}
