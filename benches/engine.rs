//! `Engine`, what a scene needs of an engine to be measured, and this engine as one.

use framekeep_sim::{BodyId, Vec2, World};

use crate::scene::Scene;

/// An engine with the bodies of a scene.
pub trait Engine {
    /// The scene, built.
    fn build(scene: &Scene) -> Self;
    /// Steps that often.
    fn step(&mut self, ticks: u32);
    /// Gives every body that moves a new velocity, in the order of the scene.
    fn set_velocities(&mut self, next: &mut dyn FnMut() -> Vec2);
    /// Where the bodies that move are, in the order of the scene.
    fn places(&self) -> Vec<(f64, f64)>;
}

/// The scene in this engine.
#[derive(Clone, Debug)]
pub struct Own {
    /// The bodies.
    pub world: World,
    ids: Vec<BodyId>,
}

impl Engine for Own {
    fn build(scene: &Scene) -> Self {
        let mut world = World::new(scene.world);
        let mut ids = Vec::new();
        for body in &scene.bodies {
            let id = world.add(*body).ok();
            ids.extend(id.filter(|_| crate::engine::moves(body)));
        }
        Self { world, ids }
    }

    fn step(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.world.step();
        }
    }

    fn set_velocities(&mut self, next: &mut dyn FnMut() -> Vec2) {
        for &id in &self.ids {
            self.world.set_velocity(id, next());
        }
    }

    fn places(&self) -> Vec<(f64, f64)> {
        let bodies = self.ids.iter().filter_map(|&id| self.world.body(id));
        let float = |bits: i32| f64::from(bits) / 65_536.0;
        bodies.map(|body| (float(body.position.x.to_bits()), float(body.position.y.to_bits()))).collect()
    }
}

/// Whether a body is pushed.
pub(crate) fn moves(body: &framekeep_sim::BodyDesc) -> bool {
    body.kind == framekeep_sim::BodyKind::Dynamic
}
