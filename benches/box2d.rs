//! A scene in Box2D v3, the fastest engine that is made for one machine at a time.

// The C library is reached without a wrapper, so that nothing is measured but itself.
#![allow(unsafe_code)]

use std::sync::{Mutex, PoisonError};

use boxdd_sys::ffi;
use framekeep_sim::{BodyDesc, Fx, Shape, Vec2};

use crate::engine::{Engine, moves};
use crate::peer::{float, radians};
use crate::scene::Scene;

/// The library keeps its worlds in one table without a lock.
static TABLE: Mutex<()> = Mutex::new(());

/// The scene in the peer, with its default settings.
pub struct Box2d {
    world: ffi::b2WorldId,
    bodies: Vec<ffi::b2BodyId>,
    seconds: f32,
    substeps: i32,
}

impl Engine for Box2d {
    fn build(scene: &Scene) -> Self {
        let _table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: plain values go in and out; the world is destroyed once, by `drop`.
        let world = unsafe {
            let mut desc = ffi::b2DefaultWorldDef();
            desc.gravity = vector(scene.world.gravity);
            desc.workerCount = 1;
            ffi::b2CreateWorld(&raw const desc)
        };
        let seconds = 1.0 / f32::from(scene.world.ticks_per_second);
        let mut peer = Self { world, bodies: Vec::new(), seconds, substeps: scene.world.substeps.into() };
        if scene.world.walls {
            walls(scene).iter().for_each(|wall| peer.add(wall));
        }
        scene.bodies.iter().for_each(|body| peer.add(body));
        peer
    }

    fn step(&mut self, ticks: u32) {
        for _ in 0..ticks {
            // SAFETY: the world is alive until `drop`.
            unsafe { ffi::b2World_Step(self.world, self.seconds, self.substeps) };
        }
    }

    fn set_velocities(&mut self, next: &mut dyn FnMut() -> Vec2) {
        for &body in &self.bodies {
            // SAFETY: the body is one of this world, which destroys none before `drop`.
            unsafe { ffi::b2Body_SetLinearVelocity(body, vector(next())) };
        }
    }

    fn places(&self) -> Vec<(f64, f64)> {
        // SAFETY: the bodies are of this world, which destroys none before `drop`.
        let places = self.bodies.iter().map(|&body| unsafe { ffi::b2Body_GetPosition(body) });
        places.map(|place| (f64::from(place.x), f64::from(place.y))).collect()
    }
}

impl Box2d {
    fn add(&mut self, desc: &BodyDesc) {
        // SAFETY: the definitions come from the library and live as long as the calls.
        unsafe {
            let mut body = ffi::b2DefaultBodyDef();
            if moves(desc) {
                body.type_ = ffi::b2BodyType_b2_dynamicBody;
            }
            body.position = vector(desc.position);
            body.rotation = ffi::b2Rot { c: radians(desc.angle).cos(), s: radians(desc.angle).sin() };
            body.linearVelocity = vector(desc.velocity);
            body.angularVelocity = float(desc.spin);
            body.enableSleep = desc.can_sleep;
            body.motionLocks.angularZ = desc.lock_rotation;
            let id = ffi::b2CreateBody(self.world, &raw const body);
            let mut shape = ffi::b2DefaultShapeDef();
            shape.density = float(desc.shape.density);
            shape.material.friction = float(desc.shape.material.friction);
            shape.material.restitution = float(desc.shape.material.restitution);
            attach(id, &shape, desc.shape.shape);
            if moves(desc) {
                self.bodies.push(id);
            }
        }
    }

    /// How many bodies do not sleep.
    pub fn awake(&self) -> i32 {
        // SAFETY: the world is alive until `drop`.
        unsafe { ffi::b2World_GetAwakeBodyCount(self.world) }
    }

    /// Writes the world's state into `bytes`, by the library's own snapshot.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        // SAFETY: the first call only asks for the size; the second writes no more than there is room for.
        unsafe {
            let size = ffi::b2World_Snapshot(self.world, std::ptr::null_mut(), 0);
            bytes.resize(usize::try_from(size).unwrap_or(0), 0);
            ffi::b2World_Snapshot(self.world, bytes.as_mut_ptr(), size);
        }
    }

    /// Brings the world back to the state of which `encode` wrote the bytes; false if it is of another world.
    pub fn restore(&mut self, bytes: &[u8]) -> bool {
        let size = i32::try_from(bytes.len()).unwrap_or(0);
        // SAFETY: the library reads `size` bytes that this process wrote.
        unsafe { ffi::b2World_Restore(self.world, bytes.as_ptr(), size) }
    }
}

impl Drop for Box2d {
    fn drop(&mut self) {
        let _table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the world was created by `build`, and nothing else destroys it.
        unsafe { ffi::b2DestroyWorld(self.world) };
    }
}

/// # Safety
/// The body is alive.
unsafe fn attach(id: ffi::b2BodyId, desc: &ffi::b2ShapeDef, shape: Shape) {
    // SAFETY: the shapes live as long as the calls, and a hull comes from the library.
    unsafe {
        let polygon = match shape {
            Shape::Circle { radius } => {
                let circle = ffi::b2Circle { center: vector(Vec2::ZERO), radius: float(radius) };
                ffi::b2CreateCircleShape(id, desc, &raw const circle);
                return;
            }
            Shape::Capsule { half_length, radius } => {
                let end = |sign: f32| ffi::b2Vec2 { x: sign * float(half_length), y: 0.0 };
                let capsule = ffi::b2Capsule { center1: end(-1.0), center2: end(1.0), radius: float(radius) };
                ffi::b2CreateCapsuleShape(id, desc, &raw const capsule);
                return;
            }
            Shape::Segment { from, to } => {
                let segment = ffi::b2Segment { point1: vector(from), point2: vector(to) };
                ffi::b2CreateSegmentShape(id, desc, &raw const segment);
                return;
            }
            Shape::Box { half } => ffi::b2MakeBox(float(half.x), float(half.y)),
            Shape::Polygon(polygon) => {
                let corners: Vec<_> = polygon.corners().iter().map(|&corner| vector(corner)).collect();
                let hull = ffi::b2ComputeHull(corners.as_ptr(), corners.len() as i32);
                ffi::b2MakePolygon(&raw const hull, 0.0)
            }
        };
        ffi::b2CreatePolygonShape(id, desc, &raw const polygon);
    }
}

/// The border as four boxes of the first body's material.
fn walls(scene: &Scene) -> Vec<BodyDesc> {
    let half = scene.world.half_extent;
    let material = scene.bodies.first().map(|body| body.shape.material).unwrap_or_default();
    let wall = |x: i32, y: i32| {
        let (one, two) = (Fx::ONE, Fx::from_int(2));
        let size = if x == 0 { Vec2::new(half.x + two, one) } else { Vec2::new(one, half.y + two) };
        let at = Vec2::new((half.x + one).times(x), (half.y + one).times(y));
        let mut wall = BodyDesc::rect(size).at(at).fixed();
        wall.shape.material = material;
        wall
    };
    vec![wall(1, 0), wall(-1, 0), wall(0, 1), wall(0, -1)]
}

fn vector(value: Vec2) -> ffi::b2Vec2 {
    ffi::b2Vec2 { x: float(value.x), y: float(value.y) }
}
