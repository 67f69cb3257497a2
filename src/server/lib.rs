//! The authoritative server as Bevy plugins: sockets, links, rooms, frames, the record.
//!
//! ```
//! use std::sync::{Arc, atomic::AtomicBool};
//! use framekeep_server::{Games, NodeKey, Server, ServerConfig};
//! use framekeep_sim::GameRegistry;
//!
//! let config = ServerConfig { udp: "127.0.0.1:0".parse().unwrap(), ..ServerConfig::default() };
//! let games = Games::new(GameRegistry::new()); // `.with::<MyGame>()`
//! let server = Server::bind(config, games, NodeKey::new([7; 32])).unwrap();
//! server.run(&Arc::new(AtomicBool::new(true))); // the flag is set by Ctrl-C in a real program
//! ```
//! A pump is a turn of the server: [`ServerSystems`] names its steps. A match is one plain value in a [`Stage`].

mod admit;
mod allowance;
mod app;
mod broadcast;
mod cleanup;
mod cleanup_stats;
mod clock;
mod closed;
mod config;
mod control;
mod copies;
mod counters;
mod datagrams;
mod deadlines;
mod desync;
mod dispatch;
#[doc(hidden)]
pub mod drill;
mod escalation;
mod events;
mod expire;
mod fault;
mod frame;
mod games;
mod gate;
mod guard;
mod histogram;
mod holders;
mod input_buffer;
mod leaderboard;
mod limits;
mod link;
mod log_budget;
mod matches;
mod moves;
mod packet;
mod player;
mod record;
mod recover;
mod requests;
mod results;
mod room;
mod rooms;
mod schedule;
mod seat;
mod seating;
mod server;
mod shard;
mod stage;
mod status;
mod step;
mod sweep;
mod tick;
mod ticket;
mod transport;
mod way;
mod why_alive;
mod wire;
mod workload;

pub use app::{Pump, ServerPlugins, ServerSystems};
pub use cleanup::{
    CleanupError, CleanupFaults, CleanupTask, CleanupTier, Cleanups, host_aborted, match_ended,
    player_aborted, player_left, room_closing,
};
pub use cleanup_stats::{CleanupBacklog, CleanupStats};
pub use clock::Clock;
pub use config::{Durability, ServerConfig};
pub use counters::{Counters, Tally};
pub use datagrams::Datagrams;
pub use deadlines::{Deadlines, Due};
pub use desync::{DesyncVerdict, Desyncs};
pub use dispatch::Dispatch;
pub use escalation::Faults;
pub use events::StaleViews;
pub use expire::{RoomLife, RoomRule, room_deadline, touch_room};
pub use fault::{Escalation, Fault, FaultBudgets, FaultKind, FaultLog, FaultOwner};
pub use frame::{CommittedFrame, FrameOf, Frames};
pub use framekeep_link::Retry;
pub use games::{ContentFault, Games};
pub use gate::{KeyMint, web_ticket};
pub use guard::{Failure, FailureCause};
pub use histogram::Histogram;
pub use input_buffer::{InputBuffer, Inserted};
pub use link::{BusyLinks, Link, LinkStage};
pub use matches::Chance;
pub use moves::{MoveOutcome, Moves, NotMovable, PeerMail, move_room, move_to_any, owns_room};
pub use packet::{BufferedPacket, PacketKind, PacketOf, PacketScope, Packets, buffer_packets};
pub use player::{Player, Players};
pub use record::{
    Disk, DiskFile, FrameArchive, Journaled, RecordError, Recorder, SystemDisk, has_left_rooms,
};
pub use results::Results;
pub use room::{Phase, Room, Rooms};
pub use seat::{Seat, SeatOf, SeatPlay, Seats};
pub use server::{NotKept, ServeError, Server};
pub use shard::Shard;
pub use stage::{Ending, Stage, Timing};
pub use status::Timings;
pub use step::StepTimer;
pub use sweep::{Stray, sweep};
pub use ticket::{
    MintError, NodeKey, TicketRefused, TicketRequest, UsedTickets, mint, mint_with_timeout, player_id_of,
};
pub use why_alive::{Hold, RoomList, RoomRow, list_rooms, why_alive};
pub use wire::{BindError, MemoryWire, MemoryWireEnd, Socket, UdpWire, Wire};
