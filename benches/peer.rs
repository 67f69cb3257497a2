//! A scene in rapier2d, with its `enhanced-determinism`: the fastest peer whose results repeat across machines.

use framekeep_sim::{Angle, BodyDesc, Fx, Shape, Vec2};
use rapier2d::prelude::{
    CoefficientCombineRule, ColliderBuilder, PhysicsWorld, RigidBodyBuilder, RigidBodyHandle, Vector,
};

use crate::engine::{Engine, moves};
use crate::scene::Scene;

/// The scene in the peer, with its default settings but for the time step and the parts of it.
pub struct Rapier {
    /// The peer's bodies, colliders and pipelines.
    pub world: PhysicsWorld,
    handles: Vec<RigidBodyHandle>,
}

impl Engine for Rapier {
    fn build(scene: &Scene) -> Self {
        let mut peer = Self { world: PhysicsWorld::new(), handles: Vec::new() };
        peer.world.gravity = vector(scene.world.gravity);
        peer.world.integration_parameters.dt = 1.0 / f32::from(scene.world.ticks_per_second);
        peer.world.integration_parameters.num_solver_iterations = usize::from(scene.world.substeps);
        if scene.world.walls {
            peer.add_walls(scene);
        }
        scene.bodies.iter().for_each(|body| peer.add(body));
        peer
    }

    fn step(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.world.step();
        }
    }

    fn set_velocities(&mut self, next: &mut dyn FnMut() -> Vec2) {
        for &handle in &self.handles {
            let velocity = vector(next());
            if let Some(body) = self.world.bodies.get_mut(handle) {
                body.set_linvel(velocity, true);
            }
        }
    }

    fn places(&self) -> Vec<(f64, f64)> {
        let bodies = self.handles.iter().filter_map(|&handle| self.world.bodies.get(handle));
        bodies.map(|body| (f64::from(body.translation().x), f64::from(body.translation().y))).collect()
    }
}

impl Rapier {
    fn add_walls(&mut self, scene: &Scene) {
        let half = vector(scene.world.half_extent);
        let material = scene.bodies.first().map(|body| body.shape.material).unwrap_or_default();
        for (x, y) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)] {
            let (wide, high) = if x == 0.0 { (half.x + 2.0, 1.0) } else { (1.0, half.y + 2.0) };
            let wall = ColliderBuilder::cuboid(wide, high)
                .translation(Vector::new(x * (half.x + 1.0), y * (half.y + 1.0)))
                .restitution(float(material.restitution))
                .restitution_combine_rule(CoefficientCombineRule::Max)
                .friction(float(material.friction));
            self.world.colliders.insert(wall);
        }
    }

    fn add(&mut self, desc: &BodyDesc) {
        let builder = if moves(desc) { RigidBodyBuilder::dynamic() } else { RigidBodyBuilder::fixed() };
        let mut builder = builder
            .translation(vector(desc.position))
            .rotation(radians(desc.angle))
            .linvel(vector(desc.velocity))
            .angvel(float(desc.spin))
            .can_sleep(desc.can_sleep);
        if desc.lock_rotation {
            builder = builder.lock_rotations();
        }
        let handle = self.world.bodies.insert(builder);
        let material = desc.shape.material;
        let collider = outline(desc.shape.shape)
            .restitution(float(material.restitution))
            .restitution_combine_rule(CoefficientCombineRule::Max)
            .friction(float(material.friction))
            .density(float(desc.shape.density));
        self.world.colliders.insert_with_parent(collider, handle, &mut self.world.bodies);
        if moves(desc) {
            self.handles.push(handle);
        }
    }
}

fn outline(shape: Shape) -> ColliderBuilder {
    match shape {
        Shape::Circle { radius } => ColliderBuilder::ball(float(radius)),
        Shape::Box { half } => ColliderBuilder::cuboid(float(half.x), float(half.y)),
        Shape::Capsule { half_length, radius } => {
            ColliderBuilder::capsule_x(float(half_length), float(radius))
        }
        Shape::Segment { from, to } => ColliderBuilder::segment(vector(from), vector(to)),
        Shape::Polygon(polygon) => {
            let corners: Vec<Vector> = polygon.corners().iter().map(|&corner| vector(corner)).collect();
            ColliderBuilder::convex_polyline(corners).unwrap_or_else(|| ColliderBuilder::ball(0.5))
        }
    }
}

pub(crate) fn float(value: Fx) -> f32 {
    value.to_bits() as f32 / 65_536.0
}

pub(crate) fn radians(angle: Angle) -> f32 {
    f32::from(angle.0) / 65_536.0 * std::f32::consts::TAU
}

fn vector(value: Vec2) -> Vector {
    Vector::new(float(value.x), float(value.y))
}
