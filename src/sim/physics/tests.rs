//! Tests of whole worlds.

mod bodies;
mod bounces;
mod bounds;
mod bullets;
mod changes;
mod character;
mod couples;
mod crowds;
mod events;
mod extremes;
mod features;
mod forces;
mod golden;
mod heaps;
mod joints;
mod motion;
mod platforms;
mod presses;
mod quality;
mod queries;
mod questions;
mod random;
mod scenes;
mod stills;
mod surfaces;
mod waking;
