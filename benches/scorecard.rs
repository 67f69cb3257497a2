//! Prints the headline table.

fn main() {}
