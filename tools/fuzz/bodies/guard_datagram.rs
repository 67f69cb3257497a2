//! Any datagrams to both sides of a connection: what the guard passes, renetcode takes without a panic.

use std::net::SocketAddr;
use std::time::Duration;

use framekeep_protocol::{SenderState, Side, check_datagram};
use renetcode::{
    ClientAuthentication, ConnectToken, NetcodeClient, NetcodeServer, ServerAuthentication, ServerConfig,
    ServerResult,
};

const KEY: [u8; 32] = [7; 32];
const NOW: Duration = Duration::from_secs(1_000);

/// Datagrams one after the other, each after its length in two bytes.
pub fn run(data: &[u8]) {
    let Some((mut server, mut client)) = connected() else { return };
    let (known, stranger) = (address(1), address(2));
    let mut rest = data;
    while let Some((len, more)) = rest.split_first_chunk::<2>() {
        let (bytes, after) = more.split_at(more.len().min(u16::from_le_bytes(*len).into()));
        rest = after;
        for (from, sender) in [(known, SenderState::Connected), (stranger, SenderState::Unknown)] {
            if check_datagram(Side::Client, bytes, sender).is_ok() {
                server.process_packet(from, &mut bytes.to_vec());
            }
        }
        let _ = check_datagram(Side::Client, bytes, SenderState::Pending);
        if check_datagram(Side::Server, bytes, SenderState::Connected).is_ok() {
            client.process_packet(&mut bytes.to_vec());
        }
    }
    assert!(client.is_connected() && server.is_client_connected(1), "forged datagrams ended a connection");
}

fn address(host: u8) -> SocketAddr {
    ([127, 0, 0, host], 5_000).into()
}

fn connected() -> Option<(NetcodeServer, NetcodeClient)> {
    let public = address(9);
    let (id, timeout_s, expire_s) = (1, 5, 10);
    let token = ConnectToken::generate(NOW, 1, expire_s, id, timeout_s, vec![public], Some(&[0; 256]), &KEY);
    let authentication = ClientAuthentication::Secure { connect_token: token.ok()? };
    let mut client = NetcodeClient::new(NOW, authentication).ok()?;
    let mut server = NetcodeServer::new(ServerConfig {
        current_time: NOW,
        max_clients: 2,
        protocol_id: 1,
        public_addresses: vec![public],
        authentication: ServerAuthentication::Secure { private_key: KEY },
    });
    for _ in 0..4 {
        let Some((up, _)) = client.update(Duration::from_millis(300)) else { continue };
        let down = match server.process_packet(address(1), up) {
            ServerResult::PacketToSend { payload, .. } => payload.to_vec(),
            ServerResult::ClientConnected { payload, .. } => payload.to_vec(),
            _ => continue,
        };
        client.process_packet(&mut down.clone());
    }
    client.is_connected().then_some((server, client))
}
