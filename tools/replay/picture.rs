//! Pictures of a match: a view becomes pixels of a small palette.

mod canvas;
mod digits;
mod look;
mod scene;

pub(crate) use canvas::Canvas;
pub(crate) use look::PALETTE;
pub(crate) use scene::Scene;
