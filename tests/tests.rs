//! One test binary: scenarios, goldens and the rules of the tree.

mod admission;
mod play;
mod rooms;
mod tidy;
