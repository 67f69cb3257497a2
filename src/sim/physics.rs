//! Bodies that move, collide and bounce in a plane: see [`World`](crate::World).

mod body;
mod column;
mod contact;
mod desc;
mod entry;
mod grid;
mod layout;
mod motion;
mod near;
mod pairs;
mod query;
mod solver;
mod state;
mod step;
mod sweep;
#[cfg(test)]
mod tests;
mod touch;
mod world;

pub use body::{Body, BodyDesc, BodyId, BodyKind, Shape};
pub use contact::Contact;
pub use desc::WorldDesc;
pub use world::{World, WorldFull};
