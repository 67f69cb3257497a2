//! The pieces of the `framekeep` binary.
