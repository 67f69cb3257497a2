//! Rigid bodies in a plane: see [`World`](crate::World).

mod blueprint;
mod body;
mod border;
mod bullet;
mod cast;
mod chain;
mod clip;
mod column;
mod contact;
mod contact_solver;
mod desc;
mod grid;
mod hull;
mod islands;
mod joint;
mod joint_solver;
mod joints;
mod layout;
mod manifold;
mod material;
mod meeting;
mod motion;
mod near;
mod pairing;
mod pairs;
mod proxy;
mod push_solver;
mod query;
mod rot;
mod row;
mod shape;
mod softness;
mod state;
mod step;
#[cfg(test)]
mod tests;
mod wire;
mod world;

pub use body::{Body, BodyDesc, BodyId, BodyKind};
pub use cast::Cast;
pub use contact::{Contact, ContactEvent, ContactPhase};
pub use desc::WorldDesc;
pub use joint::{JointDesc, JointError, JointId, JointKind, Motor};
pub use material::{Combine, Filter, Material};
pub use shape::{Polygon, PolygonError, Shape, ShapeDesc};
pub use world::{AttachError, World, WorldFull};
