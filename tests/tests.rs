//! One test binary: scenarios, goldens and the rules of the tree.

mod admission;
mod attack;
mod churn;
mod cleanup;
mod client_app;
mod desync;
mod durable;
mod events;
mod faults;
mod golden;
mod grid;
mod isolation;
mod model;
mod moves;
mod operators;
mod packets;
mod play;
mod record;
mod recover;
mod rendering;
mod results;
mod returning;
mod rooms;
mod tidy;
