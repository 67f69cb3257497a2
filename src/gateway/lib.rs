//! The front door: HTTP API, WebSocket with protobuf or JSON, metrics and alerts.
//!
//! It runs on threads of its own and meets the server over the bounded queues of `framekeep_gate` only: whatever comes
//! in here, the server's turns are not made longer by waiting for it.

mod admin;
mod alerts;
mod api;
mod ask;
mod assets;
mod audit;
mod budget;
mod chunks;
mod config;
mod delta;
mod frame;
mod front;
mod gateway;
mod mail;
mod matchmaking;
mod metrics;
mod networks;
mod number;
mod origin;
mod paced;
mod past_places;
mod peer;
mod pipe;
mod places;
mod post;
mod problem;
mod process;
mod queue;
mod request;
mod secret;
mod sessions;
mod shelf;
mod socket;
mod stats;
mod traffic;
mod translate;
mod view_frames;
mod webhook;
pub mod wire;

pub use config::{AlertConfig, GatewayConfig, WebConfig};
pub use gateway::{Gateway, GatewayError, GatewayHandle};
pub use mail::{NoAnswer, PeerBook, RoomClaim};
pub use matchmaking::{MatchmakingConfig, ModeSetup};
pub use networks::is_network;
pub use secret::{SECRET_BYTES_MIN, Secret, SecretTooShort};
