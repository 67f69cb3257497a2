//! One test binary: scenarios, goldens and the rules of the tree.

mod play;
mod tidy;
