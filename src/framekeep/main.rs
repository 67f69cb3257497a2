//! The `framekeep` server.

fn main() {}
