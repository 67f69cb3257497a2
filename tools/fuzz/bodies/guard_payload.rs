//! Any payloads, one after the other on one link: what the guard passes, renet takes without a panic, and what it
//! keeps stays small enough to be acknowledged in one packet.

use std::time::Duration;

use framekeep_protocol::{CHANNELS, Lane, PAYLOAD_BYTES_MAX, PayloadGuard, Side, peek_packet};
use renet::{ChannelConfig, ConnectionConfig, DisconnectReason, RenetClient, SendType};

/// How many payloads come before acknowledgements are sent.
const TURN: u64 = 16;

/// The first byte chooses the sender; then payloads, each after its length in two bytes.
pub fn run(data: &[u8]) {
    let Some((&first, mut rest)) = data.split_first() else { return };
    let from = if first & 1 == 0 { Side::Client } else { Side::Server };
    let (mut guard, mut renet) = (PayloadGuard::new(), renet(from.other()));
    let mut count = 0;
    while let Some((len, more)) = rest.split_first_chunk::<2>() {
        let (bytes, after) = more.split_at(more.len().min(u16::from_le_bytes(*len).into()));
        rest = after;
        count += 1;
        if guard.check(from, bytes, count * 10).is_ok_and(|lane| lane != Lane::Hot) {
            assert!(peek_packet(bytes).is_some());
            renet.process_packet(bytes);
        }
        for channel in CHANNELS.iter().filter(|channel| channel.from == from) {
            while renet.receive_message(channel.id).is_some() {}
        }
        if count % TURN == 0 {
            acknowledge(&mut guard, &mut renet);
        }
    }
    match renet.disconnect_reason() {
        None => {}
        // A server may begin more large messages at once than a client holds; renet says so and ends the link.
        Some(DisconnectReason::ReceiveChannelError { .. }) if from == Side::Server => {}
        Some(reason) => panic!("renet refused what the guard passed: {reason:?}"),
    }
}

fn acknowledge(guard: &mut PayloadGuard, renet: &mut RenetClient) {
    renet.update(Duration::from_millis(33));
    for packet in renet.get_packets_to_send() {
        assert!(packet.len() <= PAYLOAD_BYTES_MAX, "{} bytes do not fit a datagram", packet.len());
    }
    guard.acknowledged();
}

fn renet(side: Side) -> RenetClient {
    let configs = |from: Side, times: usize| {
        let of_side = CHANNELS.iter().filter(|channel| channel.from == from);
        let config = of_side.map(|channel| ChannelConfig {
            channel_id: channel.id,
            max_memory_usage_bytes: channel.memory_bytes_max * times,
            send_type: SendType::ReliableOrdered { resend_time: Duration::from_millis(100) },
        });
        config.collect()
    };
    let mut renet = RenetClient::new(ConnectionConfig {
        available_bytes_per_tick: 24 << 10,
        client_channels_config: configs(side, 1),
        server_channels_config: configs(side.other(), 2),
    });
    renet.set_connected();
    renet
}
