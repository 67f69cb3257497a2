//! Scenes and measurements shared by the criterion groups and the scorecard.
//!
//! `cargo bench -p framekeep_benches` runs the groups; `cargo run --release -p framekeep_benches --bin
//! scorecard` prints the headline table, own figures and the peer's measured in turns in one run.

#[cfg(feature = "box2d")]
pub mod box2d;
pub mod circles;
pub mod engine;
pub mod machine;
pub mod matches;
pub mod peer;
pub mod players;
pub mod race;
pub mod rooms;
pub mod row;
pub mod rows;
pub mod scene;
#[cfg(test)]
mod side_by_side;
pub mod snapshots;
pub mod table;
pub mod timing;
