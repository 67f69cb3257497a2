//! Tests of whole worlds.

mod behaviour;
mod bytes;
mod extremes;
mod golden;
mod quality;
mod scenes;
