//! One test binary: scenarios, goldens and the rules of the tree.

mod admission;
mod attack;
mod churn;
mod desync;
mod cleanup;
mod events;
mod faults;
mod golden;
mod isolation;
mod model;
mod play;
mod record;
mod rooms;
mod tidy;
