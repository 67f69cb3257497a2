//! One test binary: scenarios, goldens and the rules of the tree.

mod admission;
mod attack;
mod churn;
mod desync;
mod cleanup;
mod client_app;
mod events;
mod faults;
mod golden;
mod grid;
mod isolation;
mod model;
mod play;
mod record;
mod recover;
mod rendering;
mod returning;
mod rooms;
mod tidy;
