//! The front door: HTTP API, WebSocket with protobuf or JSON, metrics and alerts.
//!
//! It runs on threads of its own and meets the server over the bounded queues of `framekeep_gate` only.

mod number;
pub mod wire;

pub use wire::Encoding;
