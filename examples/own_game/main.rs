//! A game of one's own on a server of one's own.

fn main() {}
