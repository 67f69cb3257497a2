//! The same scene in rapier2d, with its `enhanced-determinism`: the fastest peer whose results repeat across
//! machines.

use framekeep_sim::{Fx, Vec2};
use rapier2d::prelude::{ColliderBuilder, PhysicsWorld, RigidBodyBuilder, RigidBodyHandle, Vector};

use crate::circles::{Circles, TICKS_PER_SECOND};

/// The scene in the peer, with its default solver settings.
pub struct PeerCircles {
    /// The peer's bodies, colliders and pipelines.
    pub world: PhysicsWorld,
    scene: Circles,
    handles: Vec<RigidBodyHandle>,
}

impl PeerCircles {
    /// The scene with `count` circles, kicked once.
    #[must_use]
    pub fn new(count: u16) -> Self {
        let scene = Circles::new(count);
        let mut world = PhysicsWorld::new();
        world.gravity = Vector::ZERO;
        world.integration_parameters.dt = 1.0 / f32::from(TICKS_PER_SECOND);
        let half = float(scene.half_side);
        for (x, y) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)] {
            let (wide, high) = if x == 0.0 { (half + 2.0, 1.0) } else { (1.0, half + 2.0) };
            let wall = ColliderBuilder::cuboid(wide, high)
                .translation(Vector::new(x * (half + 1.0), y * (half + 1.0)))
                .restitution(0.5);
            world.colliders.insert(wall);
        }
        let mut handles = Vec::new();
        for &position in &scene.positions {
            let body =
                RigidBodyBuilder::dynamic().translation(vector(position)).lock_rotations().can_sleep(false);
            let handle = world.bodies.insert(body);
            let ball = ColliderBuilder::ball(0.5).restitution(0.5).friction(0.0);
            world.colliders.insert_with_parent(ball, handle, &mut world.bodies);
            handles.push(handle);
        }
        let mut peer = Self { world, scene, handles };
        peer.kick();
        peer
    }

    /// Gives every circle a new velocity.
    pub fn kick(&mut self) {
        for &handle in &self.handles {
            let velocity = vector(self.scene.kick());
            if let Some(body) = self.world.bodies.get_mut(handle) {
                body.set_linvel(velocity, true);
            }
        }
    }

    /// Whether no circle got out of the box.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        let half = float(self.scene.half_side);
        self.handles.iter().filter_map(|&handle| self.world.bodies.get(handle)).all(|body| {
            let centre = body.translation();
            centre.x.abs() < half && centre.y.abs() < half
        })
    }

    /// Steps without kicking.
    pub fn step(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.world.step();
        }
    }
}

fn float(value: Fx) -> f32 {
    value.to_bits() as f32 / 65_536.0
}

fn vector(value: Vec2) -> Vector {
    Vector::new(float(value.x), float(value.y))
}
