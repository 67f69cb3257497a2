//! Tests of whole worlds.

mod character;
mod events;
mod extremes;
mod features;
mod golden;
mod joints;
mod motion;
mod quality;
mod queries;
mod scenes;
mod surfaces;
