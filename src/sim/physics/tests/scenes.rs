//! Worlds that several tests use, and what is measured of them. Floats only measure.

use crate::{Body, BodyDesc, BodyKind, Fx, Pcg32, Shape, Vec2, World, WorldDesc};

pub(super) fn ratio(numerator: i32, denominator: i32) -> Fx {
    Fx::from_ratio(numerator, denominator)
}

pub(super) fn float(value: Fx) -> f64 {
    f64::from(value.to_bits()) / 65_536.0
}

/// A velocity of up to `speed` in each direction.
pub(super) fn kick(rng: &mut Pcg32, speed: i32) -> Vec2 {
    let mut part = || Fx::from_bits(rng.below((2 * speed as u32) << 16).cast_signed()) - Fx::from_int(speed);
    Vec2::new(part(), part())
}

/// Circles of radius 0.5 with restitution 0.5, a quarter of a walled box filled, all moving.
pub(super) fn gas(columns: i32) -> World {
    let half_extent = Vec2::splat(ratio(columns * 886, 1_000));
    let mut world = World::new(WorldDesc { half_extent, ..WorldDesc::default() });
    let mut rng = Pcg32::new(1, 1);
    for index in 0..columns * columns {
        let place = |index: i32| ratio(index * 1_772 + 886, 1_000) - half_extent.x;
        let circle = BodyDesc::circle(Fx::HALF).restitution(Fx::HALF);
        let at = Vec2::new(place(index % columns), place(index / columns));
        world.add(circle.at(at).moving(kick(&mut rng, 5))).unwrap();
    }
    world
}

/// A heap of bodies that fall into a narrow walled box.
pub(super) fn heap(count: i32, body: BodyDesc, down: Vec2) -> World {
    let half_extent = Vec2::from_ints(5, 20);
    let mut world = World::new(WorldDesc { half_extent, gravity: down, ..WorldDesc::default() });
    for index in 0..count {
        let x = ratio((index % 9) * 105 - 420 + (index / 9 % 2) * 15, 100);
        world.add(body.at(Vec2::new(x, ratio((index / 9) * 110 - 1_900, 100)))).unwrap();
    }
    world
}

/// A hundred bodies of every kind: what the goldens are made of.
pub(super) fn mixture() -> World {
    let desc = WorldDesc {
        half_extent: Vec2::from_ints(14, 10),
        gravity: Vec2::from_ints(1, -6),
        ..WorldDesc::default()
    };
    let mut world = World::new(desc);
    let mut rng = Pcg32::new(5, 5);
    for index in 0..100 {
        let size = Fx::HALF + Fx::from_bits(rng.below(1 << 14).cast_signed());
        let body = match index % 10 {
            0 => BodyDesc::rect(Vec2::new(size * Fx::from_int(3), size)).fixed(),
            1 => BodyDesc::circle(size).sensor(),
            2 | 3 => BodyDesc::rect(Vec2::new(size, size * Fx::HALF)).mass(Fx::from_int(3)).damping(Fx::HALF),
            4 => BodyDesc::circle(ratio(1, 10)).bullet().restitution(Fx::ONE).mask(0b101),
            5 => BodyDesc::circle(size).layer(0b10).mass(ratio(1, 3)),
            _ => BodyDesc::circle(size).restitution(Fx::HALF).layer(0b101),
        };
        let speed = if index % 10 == 4 { 60 } else { 6 };
        let at = Vec2::from_ints(index % 10 * 2 - 9, index / 10 * 2 - 9);
        world.add(body.at(at).moving(kick(&mut rng, speed)).user(index.unsigned_abs())).unwrap();
    }
    world
}

pub(super) fn kinetic_energy(world: &World) -> f64 {
    let squared = |body: &Body| float(body.velocity.x).powi(2) + float(body.velocity.y).powi(2);
    world.bodies().map(|(_, body)| squared(&body) / 2.0).sum()
}

/// The deepest overlap of two bodies.
pub(super) fn worst_overlap(world: &World) -> f64 {
    let bodies: Vec<Body> = world.bodies().map(|(_, body)| body).collect();
    let pairs =
        bodies.iter().enumerate().flat_map(|(index, a)| bodies[index + 1..].iter().map(move |b| (a, b)));
    pairs
        .filter(|(a, b)| a.kind == BodyKind::Dynamic || b.kind == BodyKind::Dynamic)
        .map(overlap)
        .fold(0.0, f64::max)
}

fn overlap((a, b): (&Body, &Body)) -> f64 {
    let x = (float(a.position.x) - float(b.position.x)).abs();
    let y = (float(a.position.y) - float(b.position.y)).abs();
    let (half_a, half_b) = (a.shape.half(), b.shape.half());
    match (a.shape, b.shape) {
        (Shape::Circle { radius }, Shape::Circle { radius: other }) => {
            float(radius) + float(other) - x.hypot(y)
        }
        _ => (float(half_a.x + half_b.x) - x).min(float(half_a.y + half_b.y) - y),
    }
}

/// Whether two bodies touch, by exact arithmetic on their bits.
pub(super) fn touch_plainly(a: &Body, b: &Body) -> bool {
    let bits = |value: Fx| i64::from(value.to_bits());
    let (x, y) = (bits(b.position.x) - bits(a.position.x), bits(b.position.y) - bits(a.position.y));
    // What is left of the offset outside of the boxes, and the discs' radii together.
    let inner = |body: &Body| if let Shape::Box { half } = body.shape { half } else { Vec2::ZERO };
    let radius = |body: &Body| if let Shape::Circle { radius } = body.shape { bits(radius) } else { 0 };
    let outside = |offset: i64, half: i64| (offset.abs() - half).max(0);
    let x = outside(x, bits(inner(a).x) + bits(inner(b).x));
    let y = outside(y, bits(inner(a).y) + bits(inner(b).y));
    x * x + y * y <= (radius(a) + radius(b)).pow(2)
}
