//! A client's link against netcode's own server and the server's half of the reliable channels.

use std::net::SocketAddr;
use std::time::Duration;

use framekeep_link::QuietRenet;
use framekeep_protocol::{
    CONTROL, Epoch, GameRules, InputHead, Lane, NETCODE_PROTOCOL_ID, PROTOCOL_VERSION, PlayerId, Refusal,
    SNAPSHOT, Side, Snapshot, ToClient, ToServer, encode_inputs,
};
use framekeep_sim::{Frame, Tick};
use renetcode::{ConnectToken, NetcodeServer, ServerAuthentication, ServerConfig, ServerResult};

use crate::{ClientHello, ClientLink, LinkEnd, LinkState, TokenError};

const KEY: [u8; 32] = [7; 32];
const START: Duration = Duration::from_secs(1_700_000_000);

fn server_addr() -> SocketAddr {
    ([127, 0, 0, 1], 7770).into()
}

fn token() -> Vec<u8> {
    let (id, timeout_s, expire_s) = (42, 5, 10);
    let addresses = vec![server_addr()];
    let token = ConnectToken::generate(
        START,
        NETCODE_PROTOCOL_ID,
        expire_s,
        id,
        timeout_s,
        addresses,
        Some(&[0; 256]),
        &KEY,
    );
    let mut bytes = Vec::new();
    token.unwrap().write(&mut bytes).unwrap();
    bytes
}

fn hello() -> ClientHello {
    let games = vec![GameRules { name: "arena".to_owned(), fingerprint: 9 }];
    ClientHello { name: "Ada".parse().unwrap(), games }
}

/// A client and a server in one thread.
struct Pair {
    now: Duration,
    client: ClientLink,
    netcode: NetcodeServer,
    renet: QuietRenet,
    hot: Vec<Vec<u8>>,
    datagrams: usize,
}

impl Pair {
    fn new() -> Self {
        let netcode = NetcodeServer::new(ServerConfig {
            current_time: START,
            max_clients: 4,
            protocol_id: NETCODE_PROTOCOL_ID,
            public_addresses: vec![server_addr()],
            authentication: ServerAuthentication::Secure { private_key: KEY },
        });
        let client = ClientLink::new(&token(), hello(), START).unwrap();
        Self {
            now: START,
            client,
            netcode,
            renet: QuietRenet::new(Side::Server),
            hot: Vec::new(),
            datagrams: 0,
        }
    }

    fn connected() -> Self {
        let mut pair = Self::new();
        pair.run(20);
        pair.say(&ToClient::Admitted { player: PlayerId(42) });
        pair.run(5);
        assert_eq!(pair.client.poll_control(), Some(ToClient::Admitted { player: PlayerId(42) }));
        let _hello = pair.heard();
        pair
    }

    fn run(&mut self, ticks: usize) {
        (0..ticks).for_each(|_| self.tick());
    }

    fn tick(&mut self) {
        self.now += Duration::from_millis(33);
        self.netcode.update(Duration::from_millis(33));
        let mut up = Vec::new();
        self.client.transmit(self.now, |datagram| up.push(datagram.to_vec()));
        let mut down: Vec<Vec<u8>> = up.into_iter().filter_map(|datagram| self.serve(datagram)).collect();
        let Self { renet, netcode, .. } = self;
        renet.transmit(self.now, |payload| {
            down.push(netcode.generate_payload_packet(42, payload).unwrap().1.to_vec())
        });
        if let ServerResult::PacketToSend { payload, .. } = netcode.update_client(42) {
            down.push(payload.to_vec());
        }
        for mut datagram in down {
            self.client.handle_datagram(self.now, &mut datagram);
        }
    }

    /// The server takes a datagram and may answer.
    fn serve(&mut self, mut datagram: Vec<u8>) -> Option<Vec<u8>> {
        self.datagrams += 1;
        match self.netcode.process_packet(([127, 0, 0, 1], 5_000).into(), &mut datagram) {
            ServerResult::PacketToSend { payload, .. } => Some(payload.to_vec()),
            ServerResult::ClientConnected { payload, .. } => {
                let welcome = ToClient::Welcome {
                    protocol_version: PROTOCOL_VERSION,
                    nonce: [3; 16],
                    server: String::new(),
                };
                self.renet.send(CONTROL, welcome.encode()).unwrap();
                Some(payload.to_vec())
            }
            ServerResult::Payload { payload, .. } => {
                if self.renet.receive(self.now, payload) == Ok(Lane::Hot) {
                    self.hot.push(payload.to_vec());
                }
                None
            }
            ServerResult::ClientDisconnected { .. } | ServerResult::None => None,
        }
    }

    fn say(&mut self, message: &ToClient) {
        self.renet.send(CONTROL, message.encode()).unwrap();
    }

    fn heard(&mut self) -> Vec<ToServer> {
        std::iter::from_fn(|| self.renet.poll(CONTROL))
            .map(|bytes| ToServer::decode(&bytes).unwrap())
            .collect()
    }
}

#[test]
fn a_client_connects_and_echoes_the_nonce_before_anything_else() {
    let mut pair = Pair::new();
    pair.client.send_control(&ToServer::Start).unwrap();
    assert_eq!(*pair.client.state(), LinkState::Connecting);
    pair.run(20);
    let ClientHello { name, games } = hello();
    let hello = ToServer::Hello { protocol_version: PROTOCOL_VERSION, nonce: [3; 16], name, games };
    assert_eq!(pair.heard(), [hello, ToServer::Start]);
    pair.say(&ToClient::Admitted { player: PlayerId(42) });
    pair.run(3);
    assert_eq!(pair.client.poll_control(), Some(ToClient::Admitted { player: PlayerId(42) }));
    assert_eq!(*pair.client.state(), LinkState::Connected);
}

#[test]
fn a_refusal_is_an_event() {
    let mut pair = Pair::new();
    pair.run(20);
    let refused = ToClient::Refused(Refusal::WrongVersion { server: 2, client: 1 });
    pair.say(&refused);
    pair.run(3);
    assert_eq!(pair.client.poll_control(), Some(refused));
    assert_eq!(*pair.client.state(), LinkState::Connecting);
}

#[test]
fn hot_payloads_pass_both_ways_at_once() {
    let mut pair = Pair::connected();
    let mut payload = Vec::new();
    let head = InputHead { epoch: Epoch::new(2), newest: Tick(5), ack: Tick(3), hash: None, gap: false };
    encode_inputs(&head, 12, &[1, 2, 3], &mut payload);
    let mut sealed = Vec::new();
    assert!(pair.client.send_hot(&payload, |datagram| sealed = datagram.to_vec()));
    assert_eq!(pair.serve(sealed), None);
    assert_eq!(pair.hot, std::slice::from_ref(&payload));
    for i in 0..100 {
        payload[1] = i;
        let mut datagram = pair.netcode.generate_payload_packet(42, &payload).unwrap().1.to_vec();
        pair.client.handle_datagram(pair.now, &mut datagram);
    }
    assert_eq!(pair.client.counters().hot_dropped, 36);
    assert_eq!(pair.client.poll_hot().map(|payload| payload[1]), Some(36));
    assert_eq!(pair.client.poll_hot().map(|payload| payload[1]), Some(37));
}

#[test]
fn a_snapshot_arrives() {
    let mut pair = Pair::connected();
    let state: Vec<u8> = (0..300_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let snapshot = Snapshot::new(Epoch::new(1), Tick(7), &Frame::absent(Tick(6), 4), 8, &state).unwrap();
    pair.renet.send(SNAPSHOT, snapshot.encode()).unwrap();
    pair.run(40);
    let received = pair.client.poll_snapshot().unwrap();
    assert_eq!(received.unpack().unwrap(), state);
    assert_eq!(received, snapshot);
}

#[test]
fn an_idle_link_sends_keep_alives_only() {
    let mut pair = Pair::connected();
    pair.run(30);
    let before = pair.datagrams;
    pair.run(300);
    let (datagrams, seconds) = (pair.datagrams - before, 9.9);
    assert!(datagrams as f64 <= seconds * 4.0 + 1.0, "{datagrams} datagrams in {seconds} s");
    assert_eq!(*pair.client.state(), LinkState::Connected);
}

#[test]
fn garbage_costs_a_counter_and_nothing_else() {
    let mut pair = Pair::connected();
    for len in 0..1_600 {
        for first in [0x00, 0x04, 0x05, 0x15, 0x85, 0x95, 0xf6, 0x66, 0x21] {
            let mut datagram = vec![first; len];
            pair.client.handle_datagram(pair.now, &mut datagram);
        }
    }
    assert!(pair.client.counters().refused() > 1_000);
    pair.run(100);
    assert_eq!(*pair.client.state(), LinkState::Connected);
}

#[test]
fn closing_tells_the_server() {
    let mut pair = Pair::connected();
    let mut goodbyes = Vec::new();
    pair.client.close(|datagram| goodbyes.push(datagram.to_vec()));
    assert_eq!(*pair.client.state(), LinkState::Closed { reason: LinkEnd::ClosedHere });
    assert_eq!(goodbyes.len(), 3);
    pair.serve(goodbyes.remove(0));
    assert_eq!(pair.netcode.clients_id(), Vec::<u64>::new());
    assert!(!pair.client.send_hot(&[0x80], |_| unreachable!()));
}

#[test]
fn a_silent_server_ends_the_link() {
    let mut client = ClientLink::new(&token(), hello(), START).unwrap();
    let mut requests = 0;
    for i in 0..400_u32 {
        client.transmit(START + Duration::from_millis(33) * i, |_| requests += 1);
    }
    assert_eq!(*client.state(), LinkState::Closed { reason: LinkEnd::NoAnswer });
    // One every 33 ms for a second, then every 100 ms, for five seconds, as often as this loop turns.
    assert!((56..=85).contains(&requests), "{requests}");
    let mut pair = Pair::connected();
    pair.client.transmit(pair.now + Duration::from_secs(6), |_| {});
    assert_eq!(*pair.client.state(), LinkState::Closed { reason: LinkEnd::TimedOut });
}

#[test]
fn a_message_that_cannot_be_read_ends_the_link() {
    let mut pair = Pair::connected();
    pair.renet.send(CONTROL, vec![0xff; 8]).unwrap();
    pair.run(3);
    assert_eq!(pair.client.poll_control(), None);
    assert!(matches!(pair.client.state(), LinkState::Closed { reason: LinkEnd::BadMessage(_) }));
    let mut goodbyes = 0;
    pair.client.close(|_| goodbyes += 1);
    assert_eq!(goodbyes, 3, "the server is told");
}

#[test]
fn tokens_that_cannot_be_used_are_refused_with_why() {
    let read = |bytes: &[u8], now| ClientLink::new(bytes, hello(), now).err().unwrap();
    let good = token();
    assert!(matches!(read(&[], START), TokenError::Malformed(_)));
    assert!(matches!(read(&good[..good.len() - 1], START), TokenError::Malformed(_)));
    assert!(matches!(read(&[&good[..], &[0]].concat(), START), TokenError::Malformed(_)));
    assert_eq!(read(&good, START + Duration::from_secs(100_000)), TokenError::Expired { ago_s: 99_990 });
    let ahead = ClientLink::new(&good, hello(), START + Duration::from_secs(7_200));
    assert!(ahead.is_ok(), "the clock here may be ahead of the server's");
    let mut foreign = good.clone();
    foreign[21] ^= 1;
    assert!(matches!(read(&foreign, START), TokenError::WrongProtocol { .. }));
    let mut backwards = good.clone();
    backwards[37..45].copy_from_slice(&0_u64.to_le_bytes());
    assert!(matches!(read(&backwards, START), TokenError::Malformed(_)));
    let addresses = 8 + 13 + 8 + 8 + 8 + 24 + 1_024 + 4;
    let mut nowhere = good[..addresses].to_vec();
    nowhere.extend_from_slice(&0_u32.to_le_bytes());
    nowhere.extend_from_slice(&good[good.len() - 64..]);
    assert_eq!(read(&nowhere, START), TokenError::NoServer);
}

#[test]
fn the_prelude_is_small() {
    let source = include_str!("lib.rs");
    let (_, prelude) = source.split_once("pub mod prelude {").unwrap();
    let (names, _) = prelude.split_once("};").unwrap();
    let (_, names) = names.split_once("::{").unwrap();
    let count = names.split(',').filter(|name| !name.trim().is_empty()).count();
    assert!((1..=15).contains(&count), "{count} names");
}
