//! A world as a picture: the grid of units, bodies, joints and contacts.

use framekeep_sim::{Angle, Body, BodyKind, Fx, Shape, ShapeDesc, Vec2, World};

use crate::canvas::{Canvas, Place, Rgb};

const WIDTH: f32 = 960.0;
const HEIGHT_MAX: f32 = 720.0;

const BACKGROUND: Rgb = [0x12, 0x14, 0x1a];
const GRID: Rgb = [0x1f, 0x23, 0x2c];
const AXIS: Rgb = [0x33, 0x39, 0x46];
const STATIC: Rgb = [0x5a, 0x62, 0x72];
const KINEMATIC: Rgb = [0x9a, 0x6a, 0xd8];
const AWAKE: Rgb = [0xe0, 0x9a, 0x4a];
const BULLET: Rgb = [0xf0, 0xe0, 0x60];
const ASLEEP: Rgb = [0x4a, 0x74, 0xa8];
const SENSOR: Rgb = [0x48, 0xd0, 0x9c];
const RIM: Rgb = [0x0a, 0x0b, 0x0e];
const JOINT: Rgb = [0x60, 0xd8, 0xf0];
const CONTACT: Rgb = [0xff, 0x4a, 0x5a];

/// From the world to the canvas.
struct Window {
    left: f32,
    top: f32,
    scale: f32,
}

impl Window {
    fn place(&self, at: Vec2) -> Place {
        ((float(at.x) - self.left) * self.scale, (self.top - float(at.y)) * self.scale)
    }
}

fn float(value: Fx) -> f32 {
    value.to_bits() as f32 / 65_536.0
}

fn radians(angle: Angle) -> f32 {
    f32::from(angle.0) / 65_536.0 * std::f32::consts::TAU
}

/// A picture of everything that is near.
pub(crate) fn of(world: &World) -> Canvas {
    let [left, bottom, right, top] = frame(world);
    let scale = (WIDTH / (right - left)).min(HEIGHT_MAX / (top - bottom));
    let window = Window { left, top, scale };
    let size = (((right - left) * scale) as usize, ((top - bottom) * scale) as usize);
    let mut canvas = Canvas::new(size.0, size.1, BACKGROUND);
    grid(&mut canvas, &window, [left, bottom, right, top]);
    for (id, body) in world.bodies() {
        for part in world.shapes(id) {
            shape(&mut canvas, &window, &body, &part);
        }
    }
    for (_, _, a, b) in world.joints() {
        let (a, b) = (window.place(a), window.place(b));
        canvas.line(a, b, 1.5, (JOINT, 0.9));
        canvas.disc(a, 2.5, (JOINT, 1.0));
        canvas.disc(b, 2.5, (JOINT, 1.0));
    }
    for contact in world.contacts().iter().filter(|contact| !contact.sensor) {
        let (x, y) = window.place(contact.point);
        let along = |part: Fx| float(part) * 6.0;
        let (dx, dy) = (along(contact.normal.x), -along(contact.normal.y));
        canvas.line((x - dx, y - dy), (x + dx, y + dy), 1.2, (CONTACT, 0.9));
        canvas.disc((x, y), 2.0, (CONTACT, 1.0));
    }
    canvas
}

/// The border of a world with walls, else what holds everything that moves and is not far out: left, bottom, right,
/// top.
fn frame(world: &World) -> [f32; 4] {
    let desc = world.desc();
    if desc.walls {
        let (x, y) = (float(desc.half_extent.x) + 0.5, float(desc.half_extent.y) + 0.5);
        return [-x, -y, x, y];
    }
    let moves = |body: &Body| body.kind == BodyKind::Dynamic;
    let places = world.bodies().filter(|(_, body)| moves(body)).map(|(_, body)| body.position);
    let near = places.map(|at| (float(at.x), float(at.y))).filter(|(x, y)| x.abs() < 40.0 && y.abs() < 40.0);
    near.fold([-6.0, -2.0, 6.0, 6.0], |[left, bottom, right, top], (x, y)| {
        [left.min(x - 2.0), bottom.min(y - 2.0), right.max(x + 2.0), top.max(y + 2.0)]
    })
}

/// A line each unit.
fn grid(canvas: &mut Canvas, window: &Window, [left, bottom, right, top]: [f32; 4]) {
    let colour = |at: i32| if at == 0 { AXIS } else { GRID };
    for x in left.ceil() as i32..=right.floor() as i32 {
        let across = (x as f32 - window.left) * window.scale;
        canvas.line((across, 0.0), (across, (top - bottom) * window.scale), 1.0, (colour(x), 1.0));
    }
    for y in bottom.ceil() as i32..=top.floor() as i32 {
        let down = (window.top - y as f32) * window.scale;
        canvas.line((0.0, down), ((right - left) * window.scale, down), 1.0, (colour(y), 1.0));
    }
}

fn colour(body: &Body, part: &ShapeDesc) -> (Rgb, f32) {
    match body.kind {
        _ if part.sensor => (SENSOR, 0.35),
        BodyKind::Static => (STATIC, 1.0),
        BodyKind::Kinematic => (KINEMATIC, 1.0),
        BodyKind::Dynamic if body.asleep => (ASLEEP, 1.0),
        BodyKind::Dynamic if body.bullet => (BULLET, 1.0),
        BodyKind::Dynamic => (AWAKE, 1.0),
    }
}

/// A shape with a rim, and a line from its middle that tells how it is turned.
fn shape(canvas: &mut Canvas, window: &Window, body: &Body, part: &ShapeDesc) {
    let turned = |at: Vec2, angle: Angle| {
        let (sin, cos) = radians(angle).sin_cos();
        (float(at.x) * cos - float(at.y) * sin, float(at.x) * sin + float(at.y) * cos)
    };
    let (x, y) = turned(part.offset, body.angle);
    let (left, up) = window.place(body.position);
    let middle = (left + x * window.scale, up - y * window.scale);
    let angle = body.angle + part.angle;
    if let Shape::Segment { from, to } = part.shape {
        let end = |at: Vec2| {
            let (x, y) = turned(at, angle);
            (middle.0 + x * window.scale, middle.1 - y * window.scale)
        };
        canvas.line(end(from), end(to), 2.0, (STATIC, 1.0));
        return;
    }
    let (sin, cos) = radians(angle).sin_cos();
    let half = part.shape.half();
    let reach = float(half.x).hypot(float(half.y)) * window.scale;
    // Into the shape's own frame, in units.
    let inside = |x: f32, y: f32, rim: f32| {
        let (x, y) = (x / window.scale, -y / window.scale);
        depth(part.shape, x * cos + y * sin, y * cos - x * sin) >= rim
    };
    let (paint, opacity) = colour(body, part);
    canvas.fill(middle, reach, (RIM, opacity), |x, y| inside(x, y, 0.0));
    canvas.fill(middle, reach, (paint, opacity), |x, y| inside(x, y, 0.8 / window.scale));
    if body.kind != BodyKind::Static && !part.sensor {
        let length = float(half.x).min(float(half.y)) * window.scale * 0.8;
        let tip = (middle.0 + cos * length, middle.1 - sin * length);
        canvas.line(middle, tip, 1.0, (RIM, 0.8));
    }
}

/// How far a place is inside of a shape, negative outside.
fn depth(shape: Shape, x: f32, y: f32) -> f32 {
    match shape {
        Shape::Circle { radius } => float(radius) - x.hypot(y),
        Shape::Box { half } => (float(half.x) - x.abs()).min(float(half.y) - y.abs()),
        Shape::Capsule { half_length, radius } => {
            let long = float(half_length);
            float(radius) - (x - x.clamp(-long, long)).hypot(y)
        }
        Shape::Polygon(polygon) => {
            let corners = polygon.corners();
            let sides = corners.iter().zip(corners.iter().cycle().skip(1));
            let left = sides.map(|(from, to)| {
                let (side_x, side_y) = (float(to.x - from.x), float(to.y - from.y));
                let (at_x, at_y) = (x - float(from.x), y - float(from.y));
                (side_x * at_y - side_y * at_x) / side_x.hypot(side_y)
            });
            left.fold(f32::MAX, f32::min)
        }
        Shape::Segment { .. } => -1.0,
    }
}
