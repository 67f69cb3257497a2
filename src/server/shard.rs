//! `Shard`, one netcode server for a few dozen links. The only file of the server that names renetcode.

use std::net::SocketAddr;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bevy_ecs::prelude::{Component, Entity};
use framekeep_protocol::NETCODE_PROTOCOL_ID;
use renetcode::{ConnectToken, NetcodeServer, ServerAuthentication, ServerConfig, ServerResult};

use crate::Datagrams;
use crate::ticket::{NodeKey, TICKET_LIFE_S, TicketRequest};

/// One netcode server for a few dozen links, and the buffers between it and the rest.
///
/// renetcode looks its clients up linearly and serves 1,024 at most; many small shards behind one socket cost
/// neither. Shards share nothing, so they are pumped in parallel.
#[derive(Component)]
pub struct Shard {
    netcode: NetcodeServer,
    inbox: Inbox,
    outbox: Outbox,
    /// What happened while the inbox was opened, in order.
    pub(crate) arrivals: Vec<Arrival>,
    /// Sealed datagrams that wait for the socket.
    pub(crate) sealed: Datagrams,
    links: Vec<(u64, Entity)>,
    /// Hand-shakes that go on here; they count as load.
    expected: usize,
    heartbeat: Duration,
    keepalive_at: Duration,
    /// Panics caught in the decoder; must stay zero.
    pub(crate) panics: u64,
}

#[derive(Default)]
struct Inbox {
    bytes: Vec<u8>,
    index: Vec<Arrived>,
}

struct Arrived {
    from: SocketAddr,
    link: Option<Entity>,
    range: Range<u32>,
}

#[derive(Default)]
struct Outbox {
    bytes: Vec<u8>,
    index: Vec<(u64, Range<u32>)>,
}

/// Something a datagram brought about.
pub(crate) enum Arrival {
    /// A payload of a link; the range is in the inbox.
    Payload { link: Entity, range: Range<u32> },
    /// A new connection.
    Connected { client_id: u64, from: SocketAddr, user_data: Box<[u8; 256]> },
    /// A connection that its client closed or that fell silent.
    Disconnected { link: Option<Entity>, from: SocketAddr },
    /// A connection request that netcode answered.
    Answered { from: SocketAddr },
    /// A connection request that netcode did not answer; the range is in the inbox.
    Unanswered { from: SocketAddr, range: Range<u32> },
}

impl Shard {
    /// A shard for the links of clients that reach the node at `public`.
    pub(crate) fn new(
        key: &NodeKey,
        public: &[SocketAddr],
        config: &crate::ServerConfig,
        now: Duration,
    ) -> Self {
        let netcode = NetcodeServer::new(ServerConfig {
            current_time: now,
            max_clients: config.shard_clients_max.clamp(1, 1_024),
            protocol_id: NETCODE_PROTOCOL_ID,
            public_addresses: public.to_vec(),
            authentication: ServerAuthentication::Secure { private_key: key.netcode() },
        });
        Self {
            netcode,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            arrivals: Vec::new(),
            sealed: Datagrams::default(),
            links: Vec::new(),
            expected: 0,
            heartbeat: config.heartbeat,
            keepalive_at: now + config.heartbeat,
            panics: 0,
        }
    }

    /// Puts a datagram that passed the guard into the inbox.
    pub(crate) fn enqueue(&mut self, from: SocketAddr, link: Option<Entity>, datagram: &[u8]) {
        let start = self.inbox.bytes.len() as u32;
        self.inbox.bytes.extend_from_slice(datagram);
        self.inbox.index.push(Arrived { from, link, range: start..start + datagram.len() as u32 });
    }

    /// Opens everything in the inbox; what comes of it is in `arrivals` and `sealed`.
    pub(crate) fn open(&mut self, now: Duration) {
        self.arrivals.clear();
        let passed = now.saturating_sub(self.netcode.current_time());
        let idle = self.inbox.index.is_empty() && now < self.keepalive_at;
        if idle {
            return;
        }
        self.netcode.update(passed);
        let Self { netcode, inbox, arrivals, sealed, panics, .. } = self;
        for arrived in &inbox.index {
            let bytes = &mut inbox.bytes[arrived.range.start as usize..arrived.range.end as usize];
            // The guard keeps every datagram known to panic away from renetcode; this is the belt.
            let opened =
                catch_unwind(AssertUnwindSafe(|| open_one(netcode, arrived, bytes, arrivals, sealed)));
            if opened.is_err() {
                *panics += 1;
            }
        }
        if now >= self.keepalive_at {
            self.keepalive_at = now + self.heartbeat;
            self.keep_alive();
        }
    }

    /// The bytes of an arrival.
    pub(crate) fn inbox_bytes(&self, range: &Range<u32>) -> &[u8] {
        &self.inbox.bytes[range.start as usize..range.end as usize]
    }

    /// Empties the inbox once its arrivals were delivered.
    pub(crate) fn clear_inbox(&mut self) {
        self.inbox.bytes.clear();
        self.inbox.index.clear();
        self.arrivals.clear();
    }

    /// Queues a payload for a client; it is sealed by [`Shard::seal`].
    pub(crate) fn push(&mut self, client_id: u64, payload: &[u8]) {
        let start = self.outbox.bytes.len() as u32;
        self.outbox.bytes.extend_from_slice(payload);
        self.outbox.index.push((client_id, start..start + payload.len() as u32));
    }

    /// Queues a payload that `write` appends to the shard's own buffer.
    pub(crate) fn push_with(&mut self, client_id: u64, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.outbox.bytes.len() as u32;
        write(&mut self.outbox.bytes);
        let end = self.outbox.bytes.len() as u32;
        if end > start {
            self.outbox.index.push((client_id, start..end));
        }
    }

    /// Seals all queued payloads into datagrams.
    pub(crate) fn seal(&mut self) {
        for (client_id, range) in self.outbox.index.drain(..) {
            let payload = &self.outbox.bytes[range.start as usize..range.end as usize];
            // A client that is gone needs no datagram.
            if let Ok((to, datagram)) = self.netcode.generate_payload_packet(client_id, payload) {
                self.sealed.push(to, datagram);
            }
        }
        self.outbox.bytes.clear();
    }

    /// Remembers which link a client's payloads belong to.
    pub(crate) fn adopt(&mut self, client_id: u64, link: Entity) {
        self.expected = self.expected.saturating_sub(1);
        self.links.push((client_id, link));
    }

    /// Ends a connection and tells the client.
    pub(crate) fn disconnect(&mut self, client_id: u64) {
        self.links.retain(|&(id, _)| id != client_id);
        if let ServerResult::ClientDisconnected { addr, payload: Some(payload), .. } =
            self.netcode.disconnect(client_id)
        {
            self.sealed.push(addr, payload);
        }
    }

    /// A hand-shake begins here.
    pub(crate) fn expect_link(&mut self) {
        self.expected += 1;
    }

    /// A hand-shake ends without a link, or goes on elsewhere.
    pub(crate) fn give_up_link(&mut self) {
        self.expected = self.expected.saturating_sub(1);
    }

    /// How many links the shard has or is about to have.
    pub(crate) fn load(&self) -> usize {
        self.links.len() + self.expected
    }

    /// Whether datagrams were put into the inbox.
    pub(crate) fn has_inbox(&self) -> bool {
        !self.inbox.index.is_empty()
    }

    /// Whether payloads wait to be sealed.
    pub(crate) fn has_unsealed(&self) -> bool {
        !self.outbox.index.is_empty()
    }

    /// Forgets a link whose connection is gone.
    pub(crate) fn forget(&mut self, client_id: u64) {
        self.links.retain(|&(id, _)| id != client_id);
    }

    /// Gives silent clients a sign of life and gives up those that are silent for too long.
    fn keep_alive(&mut self) {
        for number in (0..self.links.len()).rev() {
            let (client_id, link) = self.links[number];
            match self.netcode.update_client(client_id) {
                ServerResult::PacketToSend { addr, payload } => self.sealed.push(addr, payload),
                ServerResult::ClientDisconnected { addr, payload, .. } => {
                    if let Some(payload) = payload {
                        self.sealed.push(addr, payload);
                    }
                    self.links.swap_remove(number);
                    self.arrivals.push(Arrival::Disconnected { link: Some(link), from: addr });
                }
                _ => {}
            }
        }
    }
}

fn open_one(
    netcode: &mut NetcodeServer,
    arrived: &Arrived,
    bytes: &mut [u8],
    arrivals: &mut Vec<Arrival>,
    sealed: &mut Datagrams,
) {
    let start = bytes.as_ptr() as usize;
    let is_request = bytes.first() == Some(&0);
    match netcode.process_packet(arrived.from, bytes) {
        ServerResult::Payload { payload, .. } => {
            if let Some(link) = arrived.link {
                let offset = arrived.range.start + (payload.as_ptr() as usize - start) as u32;
                arrivals.push(Arrival::Payload { link, range: offset..offset + payload.len() as u32 });
            }
        }
        ServerResult::PacketToSend { addr, payload } => {
            sealed.push(addr, payload);
            if is_request {
                arrivals.push(Arrival::Answered { from: addr });
            }
        }
        ServerResult::ClientConnected { client_id, addr, user_data, payload } => {
            // Twice: without it the client understands nothing, and netcode's next comes in a quarter of a second.
            sealed.push(addr, payload);
            sealed.push(addr, payload);
            arrivals.push(Arrival::Connected { client_id, from: addr, user_data });
        }
        ServerResult::ClientDisconnected { addr, payload, .. } => {
            if let Some(payload) = payload {
                sealed.push(addr, payload);
            }
            arrivals.push(Arrival::Disconnected { link: arrived.link, from: addr });
        }
        ServerResult::None if is_request => {
            arrivals.push(Arrival::Unanswered { from: arrived.from, range: arrived.range.clone() });
        }
        ServerResult::None => {}
    }
}

/// Seals a netcode connect token with `user_data` inside; returns its bytes.
pub(crate) fn connect_token(
    key: &NodeKey,
    request: &TicketRequest,
    link_timeout_s: i32,
    user_data: &[u8; 256],
) -> Result<Vec<u8>, String> {
    let token = ConnectToken::generate(
        request.now,
        NETCODE_PROTOCOL_ID,
        TICKET_LIFE_S,
        request.player.0,
        link_timeout_s,
        vec![request.server],
        Some(user_data),
        &key.netcode(),
    )
    .map_err(|error| error.to_string())?;
    let mut bytes = Vec::with_capacity(2_048);
    token.write(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}
