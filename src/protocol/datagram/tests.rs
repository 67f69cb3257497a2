//! One test per rule, named after it, and the promise that renetcode takes whatever passes.

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use renetcode::{
    ClientAuthentication, ConnectToken, NetcodeClient, NetcodeServer, ServerAuthentication, ServerConfig,
    ServerResult,
};

use super::DatagramFault as Fault;
use super::*;

/// A sealed datagram of a kind with `n` sequence bytes, all of them `byte`, and a body.
fn sealed(kind: DatagramKind, n: usize, byte: u8, body: usize) -> Vec<u8> {
    let prefix = kind as u8 | (n as u8) << 4;
    [&[prefix][..], &vec![byte; n], &vec![0; body + TAG_BYTES]].concat()
}

fn at_server(bytes: &[u8], sender: SenderState) -> Result<DatagramKind, Fault> {
    check_datagram(Side::Client, bytes, sender)
}

fn at_client(bytes: &[u8]) -> Result<DatagramKind, Fault> {
    check_datagram(Side::Server, bytes, SenderState::Connected)
}

#[test]
fn what_netcode_sends_passes() {
    let kinds =
        [DatagramKind::Response, DatagramKind::KeepAlive, DatagramKind::Payload, DatagramKind::Disconnect];
    for (kind, body) in kinds.into_iter().zip([308, 8, 20, 0]) {
        let bytes = sealed(kind, 3, 0xff, body);
        let padded = if bytes.len() < 18 { sealed(kind, 8, 1, body) } else { bytes };
        assert_eq!(at_server(&padded, SenderState::Connected), Ok(kind));
    }
    assert_eq!(
        at_server(&sealed(DatagramKind::Response, 1, 1, 308), SenderState::Pending),
        Ok(DatagramKind::Response)
    );
    assert_eq!(at_client(&sealed(DatagramKind::Denied, 1, 1, 0)), Ok(DatagramKind::Denied));
    assert_eq!(at_client(&sealed(DatagramKind::Challenge, 0, 1, 308)), Ok(DatagramKind::Challenge));
    for sender in [SenderState::Unknown, SenderState::Pending] {
        assert_eq!(at_server(&[0; 1_078], sender), Ok(DatagramKind::Request));
    }
}

#[test]
fn too_short() {
    for len in 0..18 {
        assert_eq!(at_server(&vec![5; len], SenderState::Connected), Err(Fault::TooShort));
    }
}

#[test]
fn too_long() {
    assert_eq!(at_server(&[0; 1_401], SenderState::Unknown), Err(Fault::TooLong));
}

#[test]
fn unknown_kind() {
    for kind in 7..16 {
        assert_eq!(at_server(&[kind; 40], SenderState::Connected), Err(Fault::UnknownKind));
    }
}

#[test]
fn wrong_side() {
    for kind in [1, 2] {
        assert_eq!(at_server(&[kind; 40], SenderState::Connected), Err(Fault::WrongSide));
    }
    for kind in [0, 3] {
        assert_eq!(at_client(&[kind; 40]), Err(Fault::WrongSide));
    }
}

#[test]
fn request_prefix() {
    let mut bytes = [0; 1_078];
    bytes[0] = 0x10;
    assert_eq!(at_server(&bytes, SenderState::Unknown), Err(Fault::RequestPrefix));
}

#[test]
fn request_length() {
    for len in [18, 1_077, 1_079] {
        assert_eq!(at_server(&vec![0; len], SenderState::Unknown), Err(Fault::RequestLength));
    }
}

#[test]
fn request_from_connected() {
    assert_eq!(at_server(&[0; 1_078], SenderState::Connected), Err(Fault::RequestFromConnected));
}

#[test]
fn unknown_sender() {
    for kind in [3, 4, 5, 6] {
        assert_eq!(at_server(&[kind; 40], SenderState::Unknown), Err(Fault::UnknownSender));
    }
}

#[test]
fn before_connected() {
    for kind in [4, 5, 6] {
        assert_eq!(at_server(&[kind; 40], SenderState::Pending), Err(Fault::BeforeConnected));
    }
}

#[test]
fn sequence_length() {
    for n in 9..16 {
        assert_eq!(at_client(&sealed(DatagramKind::Payload, n, 0, 9)), Err(Fault::SequenceLength));
    }
}

#[test]
fn truncated() {
    for n in 2..=8 {
        let bytes = sealed(DatagramKind::Payload, n, 0, 0);
        assert_eq!(at_client(&bytes[..18]), Err(Fault::Truncated));
    }
}

#[test]
fn sequence_range() {
    let mut bytes = sealed(DatagramKind::Payload, 8, 0xff, 9);
    bytes[8] = 0x3f;
    assert_eq!(at_client(&bytes), Ok(DatagramKind::Payload));
    bytes[8] = 0x40;
    assert_eq!(at_client(&bytes), Err(Fault::SequenceRange));
}

#[test]
fn body_length() {
    let wrong = [
        (DatagramKind::Denied, 1),
        (DatagramKind::Challenge, 307),
        (DatagramKind::KeepAlive, 9),
        (DatagramKind::KeepAlive, 7),
        (DatagramKind::Payload, 0),
        (DatagramKind::Payload, 1_301),
        (DatagramKind::Disconnect, 4),
    ];
    for (kind, body) in wrong {
        assert_eq!(at_client(&sealed(kind, 2, 1, body)), Err(Fault::BodyLength), "{kind:?} {body}");
    }
    let response = sealed(DatagramKind::Response, 2, 1, 309);
    assert_eq!(at_server(&response, SenderState::Pending), Err(Fault::BodyLength));
}

#[test]
fn counters_have_names_and_places() {
    for (i, fault) in Fault::ALL.into_iter().enumerate() {
        assert_eq!(fault.index(), i);
        assert!(Fault::ALL[..i].iter().all(|other| other.name() != fault.name()));
    }
}

const KEY: [u8; 32] = [7; 32];
const NOW: Duration = Duration::from_secs(1_000);

fn address() -> SocketAddr {
    ([127, 0, 0, 1], 5_000).into()
}

/// A server and a client that are connected to each other.
fn connected() -> (NetcodeServer, NetcodeClient) {
    let public = SocketAddr::from(([127, 0, 0, 1], 7770));
    let (id, timeout_s, expire_s) = (1, 5, 10);
    let connect_token =
        ConnectToken::generate(NOW, 1, expire_s, id, timeout_s, vec![public], Some(&[0; 256]), &KEY).unwrap();
    let mut client = NetcodeClient::new(NOW, ClientAuthentication::Secure { connect_token }).unwrap();
    let mut server = NetcodeServer::new(ServerConfig {
        current_time: NOW,
        max_clients: 2,
        protocol_id: 1,
        public_addresses: vec![public],
        authentication: ServerAuthentication::Secure { private_key: KEY },
    });
    while !client.is_connected() {
        let Some((up, _)) = client.update(Duration::from_millis(300)) else { continue };
        let mut down = match server.process_packet(address(), up) {
            ServerResult::PacketToSend { payload, .. } | ServerResult::ClientConnected { payload, .. } => {
                payload.to_vec()
            }
            other => panic!("{other:?}"),
        };
        client.process_packet(&mut down);
    }
    (server, client)
}

fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![0_usize..40, 300..345_usize, 1_070..1_090_usize, 0..1_500_usize];
    let first = prop_oneof![
        Just(0_u8),
        0..=7_u8,
        any::<u8>(),
        (0..=9_u8, 0..=7_u8).prop_map(|(n, kind)| n << 4 | kind)
    ];
    (len, first, any::<u64>(), any::<u8>()).prop_map(|(len, first, sequence, fill)| {
        let mut bytes = vec![fill; len];
        bytes
            .iter_mut()
            .zip([first].into_iter().chain(sequence.to_le_bytes()))
            .for_each(|(to, byte)| *to = byte);
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn renetcode_takes_whatever_passes_without_a_panic(
        datagrams in prop::collection::vec(datagram(), 1..100),
    ) {
        let (mut server, mut client) = connected();
        let stranger = SocketAddr::from(([127, 0, 0, 2], 5_000));
        for bytes in datagrams {
            if at_server(&bytes, SenderState::Connected).is_ok() {
                server.process_packet(address(), &mut bytes.clone());
            }
            if at_server(&bytes, SenderState::Unknown).is_ok() {
                server.process_packet(stranger, &mut bytes.clone());
            }
            if at_client(&bytes).is_ok() {
                client.process_packet(&mut bytes.clone());
            }
        }
        prop_assert!(client.is_connected() && server.is_client_connected(1));
    }
}
