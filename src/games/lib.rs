//! The games that ship with Framekeep.
