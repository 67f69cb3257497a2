//! Tests of whole worlds.

mod extremes;
mod features;
mod golden;
mod motion;
mod quality;
mod scenes;
