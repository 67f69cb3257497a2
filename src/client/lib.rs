//! The client plugin for Bevy: predicted, rolled back, smooth. And under it, the client's side of a link.
//!
//! A game adds [`FramekeepClientPlugins`], writes [`LocalInput`] and draws what is [`Mirrored`]:
//!
//! ```no_run
//! use bevy_app::{App, PreUpdate, ScheduleRunnerPlugin, Update};
//! use bevy_ecs::prelude::{IntoScheduleConfigs, Query, ResMut};
//! use framekeep_client::prelude::*;
//! # use framekeep_client::example_game::{Dots, Step};
//!
//! fn press(mut input: ResMut<LocalInput<Dots>>) {
//!     input.0 = Step::RIGHT;
//! }
//!
//! fn draw(things: Query<(&Mirrored, &DrawnPose)>) {
//!     for (thing, at) in &things {
//!         println!("seat {} at {:.2}, {:.2}", thing.seat, at.pose.x, at.pose.y);
//!     }
//! }
//!
//! App::new()
//!     .insert_resource(Tickets::file("ada.token"))
//!     .add_plugins((
//!         ScheduleRunnerPlugin::run_loop(std::time::Duration::from_millis(16)),
//!         FramekeepClientPlugins::<Dots>::new(ClientConfig::seat::<Dots>("yard", 2)),
//!     ))
//!     .add_systems(PreUpdate, press.in_set(ClientSystems::Input))
//!     .add_systems(Update, draw)
//!     .run();
//! ```
//!
//! Without Bevy, [`ClientLink`] is a link without a socket or a clock: datagrams in, datagrams out, time in; the
//! caller owns the socket. A turn of the caller's loop is
//!
//! 1. every datagram from [`ClientLink::server_addr`] to [`ClientLink::handle_datagram`],
//! 2. [`ClientLink::poll_control`], [`ClientLink::poll_snapshot`] and [`ClientLink::poll_hot`] until they are empty,
//! 3. [`ClientLink::send_control`] and [`ClientLink::send_hot`] as the game goes,
//! 4. [`ClientLink::transmit`], and a look at [`ClientLink::state`].

mod backoff;
mod clock;
mod command;
mod config;
mod connection;
mod counters;
mod diagnostics;
mod end;
#[doc(hidden)]
pub mod example_game;
mod hot_queue;
mod line;
mod link;
mod mirror;
mod notice;
mod phase;
mod play;
mod plugin;
mod reason;
mod receive;
mod repeats;
mod room;
#[cfg(test)]
mod tests;
mod ticket;
mod token;
mod traffic;
mod transmit;
mod wire;

pub use clock::ClientClock;
pub use command::ClientCommand;
pub use config::{ClientConfig, ReconnectConfig};
pub use connection::Connection;
pub use counters::LinkCounters;
pub use diagnostics::{DiagnosticsPlugin, NetDiagnostics};
pub use end::LinkEnd;
pub use framekeep_conditioner::LinkConditions;
pub use framekeep_link::LinkFault;
pub use framekeep_protocol::{
    CloseReason, JoinRoom, LeftReason, MatchEnd, MatchStart, PlayerId, PlayerName, Refusal, RoomEvent,
    RoomEventKind, RoomName, RoomOptions, RoomPhase, RoomView, StartRule, ToServer,
};
pub use framekeep_rollback::{
    Cause, EventId, Histogram, InputStatus, MatchStats, Pose, RollbackConfig, RollbackMatch, Smoothing,
    StartError, SyncFault,
};
pub use framekeep_sim::{FieldDiff, Tick};
pub use link::{ClientHello, ClientLink, LinkState};
pub use mirror::{DrawnPose, MirrorPlugin, Mirrored, Scoreboard};
pub use notice::{
    Cancelled, Confirmed, DesyncDetected, Failed, MatchEnded, MatchStarted, Predicted, RollbackHappened,
    RoomHappened, TicksSkipped,
};
pub use phase::{ConnectionState, RoomState, is_connected, is_in_room, is_match_running};
pub use play::{ActiveMatch, LocalBots, LocalMatch, PlayMode, ReplayFault, ReplayPlayer};
pub use plugin::{ClientSystems, FramePlugin, FramekeepClientPlugins};
pub use reason::Reason;
pub use receive::LinkPlugin;
pub use ticket::{TicketFault, TicketSource, Tickets};
pub use token::TokenError;
pub use traffic::Traffic;
pub use transmit::{LocalInput, PlayPlugin};
pub use wire::{ClientWire, MemoryNet, UdpWires, WireSource, Wires};

/// What a game needs as a rule.
pub mod prelude {
    pub use crate::{
        ActiveMatch, ClientCommand, ClientConfig, ClientSystems, Confirmed, ConnectionState, DrawnPose,
        Failed, FramekeepClientPlugins, LocalInput, LocalMatch, Mirrored, Predicted, RoomState, Tickets,
    };
}
