//! Tests of whole worlds.

mod extremes;
mod features;
mod golden;
mod quality;
mod scenes;
