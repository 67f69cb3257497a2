//! `GatewayConfig`, what an operator may change.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::matchmaking::MatchmakingConfig;
use crate::secret::Secret;

/// What an operator may change.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Where HTTP and WebSocket are served; nowhere if `None`. Default 127.0.0.1:7780.
    pub http: Option<SocketAddr>,
    /// Whether players are served there; otherwise only whether the node is well, and what is measured. Default yes.
    pub players: bool,
    /// Whether the node has rooms; otherwise it asks those that have. Default yes.
    pub rooms: bool,
    /// Where operators' actions are served; nowhere if `None`. Default 127.0.0.1:7781.
    pub admin: Option<SocketAddr>,
    /// Pages of other origins that may use the server, such as `https://play.example.org`; its own always may.
    pub origins: Vec<String>,
    /// Whether tickets are given to people without a key.
    pub guests: bool,
    /// The key of a game's back end; without one nobody but guests gets tickets.
    pub api_key: Option<Secret>,
    /// The token of operators; without one the admin port refuses everything.
    pub admin_token: Option<Secret>,
    /// Connections at once. Default 8,192.
    pub connections_max: usize,
    /// Connections of an address at once; 0 is a quarter of all. Default 0.
    pub connections_per_address: usize,
    /// Proxies, as addresses or networks, whose `X-Forwarded-For` says who asks. Default none.
    pub trusted_proxies: Vec<String>,
    /// Requests an address may make in a second, and six times as many at once. Default 50; 0 is no limit.
    pub requests_per_s: u32,
    /// Requests a key may make in a second, and six times as many at once. Default 1,000; 0 is no limit.
    pub key_requests_per_s: u32,
    /// Where other nodes of a cluster are answered; nowhere if `None`.
    pub peer: Option<SocketAddr>,
    /// The name by which other nodes know this one.
    pub node: String,
    /// Where they are answered without a cluster.
    pub peer_alone: Option<SocketAddr>,
    /// Where other nodes are, by their names; those of a cluster are known without it.
    pub peers: Vec<(String, SocketAddr)>,
    /// The secret of all nodes of a cluster; without one they are told nothing but who this is.
    pub peer_secret: Option<Secret>,
    /// The data folder, for replays and the audit log; neither without it.
    pub data: Option<PathBuf>,
    /// Threads of the front door. Default 2.
    pub threads: usize,
    /// How far they give way to other threads, from 0 to 19, as `nice` has it. Default 5.
    pub nice: u8,
    /// WebSocket.
    pub web: WebConfig,
    /// Alerts.
    pub alerts: AlertConfig,
    /// Who plays with whom.
    pub matchmaking: MatchmakingConfig,
}

impl GatewayConfig {
    /// How many of so many places an address may have.
    pub(crate) fn part_of(&self, places: usize) -> usize {
        match self.connections_per_address {
            0 => (places / 4).max(1),
            most => most,
        }
    }
}

/// What an operator may change of WebSocket links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebConfig {
    /// How long a connection may take to authenticate. Default 5 s.
    pub authenticate_within: Duration,
    /// After how much silence a client is pinged. Default 30 s.
    pub ping_after: Duration,
    /// After how much silence a connection is given up. Default 60 s.
    pub drop_after: Duration,
    /// How long a session waits for its client to come back. Default 10 s.
    pub resume_within: Duration,
    /// How long a session may live. Default 24 h.
    pub life_max: Duration,
    /// How long a client may take nothing before its connection is given up. Default 10 s.
    pub write_within: Duration,
    /// Bytes of a message at most. Default 4 KiB.
    pub message_bytes_max: usize,
    /// Messages a second. Default 60.
    pub messages_per_s: u32,
    /// State views a second for clients that do not say. Default 15.
    pub views_hz: u8,
    /// Messages that may wait for one client. Default 256.
    pub queue_messages: usize,
    /// What the server says within this time after a frame goes out together in the next one. Default 2 ms.
    pub batch_within: Duration,
    /// Bytes after which a frame is full, about. Default 16 KiB.
    pub batch_bytes: usize,
    /// Whether messages are packed (`permessage-deflate`) for clients that can unpack them. Default no.
    pub compression: bool,
}

/// When somebody is to be told. A threshold of 0 switches its rule off.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertConfig {
    /// Mean work of a turn, in milliseconds: a warning over it. Default 30.
    pub tick_mean_ms: u64,
    /// Longest work of a turn within a second, in milliseconds: critical over it. Default 50.
    pub tick_spike_ms: u64,
    /// Mean round trip of clients, in milliseconds: a warning over it. Default 100.
    pub rtt_ms: u64,
    /// Lost packets of frames and inputs, in percent of a minute's: a warning over it. Default 5.
    pub loss_percent: u64,
    /// Mean lateness of frames, in milliseconds: a warning over it. Default 50.
    pub lateness_ms: u64,
    /// Age of the oldest cleanup that waits, in seconds: a warning over it. Default 120.
    pub cleanup_age_s: u64,
    /// Desyncs a minute: a warning over it. Default 5.
    pub desyncs_per_min: u64,
    /// Orders of the front door that wait for the server: a warning over it. Default 8,192.
    pub backlog_orders: u64,
    /// How long rooms may go on without being durable, in seconds: critical after it. Default 1.
    pub undurable_s: u64,
    /// How long the server may say nothing, in seconds: critical over it. Default 5.
    pub silence_s: u64,
    /// Where alerts are sent, as `http://host:port/path`.
    pub webhook: Option<String>,
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            http: Some(loopback(7_780)),
            admin: Some(loopback(7_781)),
            origins: Vec::new(),
            guests: true,
            api_key: None,
            admin_token: None,
            connections_max: 8_192,
            connections_per_address: 0,
            trusted_proxies: Vec::new(),
            requests_per_s: 50,
            key_requests_per_s: 1_000,
            players: true,
            rooms: true,
            peer: None,
            node: "node".to_owned(),
            peer_alone: None,
            peers: Vec::new(),
            peer_secret: None,
            data: None,
            threads: 2,
            nice: 5,
            web: WebConfig::default(),
            alerts: AlertConfig::default(),
            matchmaking: MatchmakingConfig::default(),
        }
    }
}

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            authenticate_within: Duration::from_secs(5),
            ping_after: Duration::from_secs(30),
            drop_after: Duration::from_secs(60),
            resume_within: Duration::from_secs(10),
            life_max: Duration::from_secs(86_400),
            write_within: Duration::from_secs(10),
            message_bytes_max: 4_096,
            messages_per_s: 60,
            views_hz: 15,
            queue_messages: 256,
            batch_within: Duration::from_millis(2),
            batch_bytes: 16 << 10,
            compression: false,
        }
    }
}

impl Default for AlertConfig {
    fn default() -> Self {
        Self {
            tick_mean_ms: 30,
            tick_spike_ms: 50,
            rtt_ms: 100,
            loss_percent: 5,
            lateness_ms: 50,
            cleanup_age_s: 120,
            desyncs_per_min: 10,
            backlog_orders: 8_192,
            undurable_s: 1,
            silence_s: 5,
            webhook: None,
        }
    }
}
