//! Bots and load on loopback.

fn main() {}
