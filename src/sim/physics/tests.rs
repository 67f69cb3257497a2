//! Tests of whole worlds.

mod extremes;
mod golden;
mod quality;
mod scenes;
