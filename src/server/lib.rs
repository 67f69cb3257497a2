//! The authoritative server as Bevy plugins.
