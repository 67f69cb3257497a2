//! The replay and determinism checker.

fn main() {}
