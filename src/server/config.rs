//! `ServerConfig`, what an operator may change.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bevy_ecs::prelude::Resource;
use framekeep_protocol::SNAPSHOT_BYTES_MAX;
use framekeep_results::ReplayRules;

use crate::FaultBudgets;
use crate::limits::{HEARTBEAT, LINK_TIMEOUT};

/// What an operator may change. Every field has a default that plays at once on one machine.
#[derive(Clone, Debug, Resource)]
pub struct ServerConfig {
    /// The name clients are told.
    pub name: String,
    /// The name by which other nodes know this one. Default `framekeep`.
    pub node: String,
    /// Whether other nodes may have rooms that this one does not know of, and who brings letters finds out whose a room
    /// is. Default false.
    pub shares_names: bool,
    /// Where players reach this node's front door, as a URL; empty without one.
    pub web: String,
    /// The UDP address to listen on. Default 127.0.0.1:7770.
    pub udp: SocketAddr,
    /// Addresses under which clients reach [`ServerConfig::udp`], when they differ from it (NAT, containers).
    pub public: Vec<SocketAddr>,
    /// The socket's receive buffer in bytes. Default 4 MiB; too small a one loses inputs under load.
    pub receive_buffer_bytes: usize,
    /// Links a shard holds at most, 1 to 1,024. Default 32.
    pub shard_clients_max: usize,
    /// Links the node holds at most. Default 4,096.
    pub clients_max: usize,
    /// Rooms the node holds at most. Default 4,096.
    pub rooms_max: usize,
    /// Ticks a second of a room that does not ask for another rate, 10 to 128. Default 30.
    pub tick_rate_hz: u16,
    /// Ticks that share one datagram, 1 to 8, for rooms that do not ask otherwise. Default 1.
    pub send_every_ticks: u8,
    /// Ticks for which a missing input is replaced by the one before; then the seat is absent. Default 8.
    pub input_repeat_ticks_max: u8,
    /// Time between a match's announcement and its first frame. Default 250 ms.
    pub start_delay: Duration,
    /// How long a frame of a lockstep room waits for connected seats after its time. Default 200 ms.
    pub lockstep_wait: Duration,
    /// How long a player may do nothing before the link is closed; zero for as long as they like. Default 5 min.
    pub idle_kick: Duration,
    /// How long the seat of a lost link is held. Default 30 s.
    pub reconnect_grace: Duration,
    /// Whether rooms that there are when the server stops go on at its next start, instead of being given up and
    /// sealed. Default false.
    pub keeps_rooms: bool,
    /// How long a room may be empty. Default 5 min.
    pub empty_room_life: Duration,
    /// How long a room whose match is over may stay without another one. Default 5 min.
    pub finished_room_life: Duration,
    /// How long a room may live without anything happening in it. Default 30 min.
    pub room_life_max: Duration,
    /// Time from a match's end to the cleanup of its packets. Default 5 s, so that nothing disturbs the next start.
    pub cleanup_delay: Duration,
    /// Time after which a cleanup runs although a match plays. Default 30 s.
    pub cleanup_forced_after: Duration,
    /// Packets cleaned up in one pump at most. Default 256.
    pub cleanup_batch: usize,
    /// Time to the second attempt of a cleanup that failed; doubles each time. Default 1 s.
    pub cleanup_retry_first: Duration,
    /// Longest time between two attempts. Default 16 s.
    pub cleanup_retry_max: Duration,
    /// How many faults links, rooms and the node may have before something follows. Default 10 of a kind a minute.
    pub fault_budgets: FaultBudgets,
    /// How long a name stays with a room that was closed: who joins is told so, and only who closed it may open
    /// another under it. Zero frees it at once. Default 1 min.
    pub closed_room_life: Duration,
    /// How long a link may be silent before either side gives it up, in tickets that are minted for this server.
    /// Default 10 s.
    pub link_timeout: Duration,
    /// How often a link without traffic gets a sign of life, and silent ones are looked for; at least 250 ms, and
    /// less than half of the time-out. Default 250 ms.
    pub heartbeat: Duration,
    /// How often everything is swept. Default 1 min.
    pub sweep_every: Duration,
    /// Time between two leaderboards of a match. Default 2 s.
    pub leaderboard_every: Duration,
    /// How much time the steps of a match may take over their share, which is half of each tick; what later steps
    /// leave of theirs counts. Default 150 ms; more ends the match, and over half of it the match is slowed. Zero ends
    /// none and slows each that is over its share.
    pub step_budget: Duration,
    /// Bytes the canonical encoding of a match's state may take, at most what a snapshot holds. Default 1 MiB; a
    /// larger state ends its match.
    pub state_bytes_max: usize,
    /// The data folder: journal, replays. `None` records nothing.
    pub data: Option<PathBuf>,
    /// When the journal is durable. Default every second.
    pub durability: Durability,
    /// How long the rooms of a killed server may take to be played up to where they were; decides how often states
    /// are put into the journal. Default 3 s.
    pub recovery_target: Duration,
    /// A match that is given up before it has been played for so long leaves neither replay nor result. Default 3 s.
    pub sealed_after: Duration,
    /// Which replays are kept. Default all of them.
    pub replay_rules: ReplayRules,
    /// Results that are kept; 0 for all. Default 1,000,000.
    pub results_max: u64,
    /// Folder of content files, `GAME/NAME.toml` below it; what ships with the games is always there.
    pub content: Option<PathBuf>,
    /// Threads that pump shards and step rooms; 0 is one per core.
    pub threads: usize,
    /// Length of a sub-tick: how often the socket is drained at least, and over how many moments of their period
    /// rooms are spread. Default 8 ms.
    pub subtick: Duration,
}

/// When what the journal holds is on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Before a frame is sent: a power cut costs nothing that a player was shown. A disk that is slower than a tick
    /// does not hold the game up: its rooms go on, and it is said so.
    Tick,
    /// Once a second: a power cut costs at most a second.
    #[default]
    Second,
    /// When the system likes.
    Off,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            name: "framekeep".to_owned(),
            node: "framekeep".to_owned(),
            shares_names: false,
            web: String::new(),
            udp: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7_770),
            public: Vec::new(),
            receive_buffer_bytes: 4 << 20,
            shard_clients_max: 32,
            clients_max: 4_096,
            rooms_max: 4_096,
            tick_rate_hz: 30,
            send_every_ticks: 1,
            input_repeat_ticks_max: 8,
            start_delay: Duration::from_millis(250),
            lockstep_wait: Duration::from_millis(200),
            idle_kick: Duration::from_secs(300),
            reconnect_grace: Duration::from_secs(30),
            keeps_rooms: false,
            empty_room_life: Duration::from_secs(300),
            finished_room_life: Duration::from_secs(300),
            room_life_max: Duration::from_secs(1_800),
            cleanup_delay: Duration::from_secs(5),
            cleanup_forced_after: Duration::from_secs(30),
            cleanup_batch: 256,
            cleanup_retry_first: Duration::from_secs(1),
            cleanup_retry_max: Duration::from_secs(16),
            fault_budgets: FaultBudgets::default(),
            closed_room_life: Duration::from_secs(60),
            link_timeout: LINK_TIMEOUT,
            heartbeat: HEARTBEAT,
            sweep_every: Duration::from_secs(60),
            leaderboard_every: Duration::from_secs(2),
            step_budget: Duration::from_millis(150),
            state_bytes_max: SNAPSHOT_BYTES_MAX,
            data: None,
            durability: Durability::Second,
            recovery_target: Duration::from_secs(3),
            sealed_after: Duration::from_secs(3),
            replay_rules: ReplayRules::default(),
            results_max: 1_000_000,
            content: None,
            threads: 0,
            subtick: Duration::from_millis(8),
        }
    }
}
