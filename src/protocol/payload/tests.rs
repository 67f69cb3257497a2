//! One test per rule, named after it, and the promise that renet takes whatever passes.

use std::time::Duration;

use proptest::prelude::*;
use renet::{ChannelConfig, ConnectionConfig, DisconnectReason, RenetClient, SendType};

use super::PayloadFault as Fault;
use super::*;
use crate::{CONTROL, SNAPSHOT};

/// QUIC's variable-length integer.
fn varint(value: u64) -> Vec<u8> {
    match value {
        0..=0x3f => vec![value as u8],
        0x40..=0x3fff => (value as u16 | 0x4000).to_be_bytes().to_vec(),
        0x4000..=0x3fff_ffff => (value as u32 | 0x8000_0000).to_be_bytes().to_vec(),
        _ => (value | 0xc000_0000_0000_0000).to_be_bytes().to_vec(),
    }
}

fn small(sequence: u64, channel: u8, messages: &[(u64, usize)]) -> Vec<u8> {
    let mut bytes = vec![SMALL_RELIABLE];
    bytes.extend(varint(sequence));
    bytes.push(channel);
    bytes.extend((messages.len() as u16).to_be_bytes());
    for &(id, len) in messages {
        bytes.extend(varint(id));
        bytes.extend(varint(len as u64));
        bytes.extend(vec![b'm'; len]);
    }
    bytes
}

fn slice(sequence: u64, channel: u8, message: u64, index: u64, count: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![RELIABLE_SLICE];
    bytes.extend(varint(sequence));
    bytes.push(channel);
    [message, index, count, len as u64].into_iter().for_each(|field| bytes.extend(varint(field)));
    bytes.extend(vec![b's'; len]);
    bytes
}

/// An acknowledgement from its fields: end, size, then gap and size of each further range.
fn ack(sequence: u64, end: u64, size: u64, more: &[(u64, u64)]) -> Vec<u8> {
    let mut bytes = vec![ACK];
    [sequence, end, size, more.len() as u64].into_iter().for_each(|field| bytes.extend(varint(field)));
    more.iter().for_each(|&(gap, size)| bytes.extend([varint(gap), varint(size)].concat()));
    bytes
}

fn at_server(bytes: &[u8]) -> Result<Lane, Fault> {
    PayloadGuard::new().check(Side::Client, bytes, 0)
}

fn at_client(bytes: &[u8]) -> Result<Lane, Fault> {
    PayloadGuard::new().check(Side::Server, bytes, 0)
}

const MESSAGES: Result<Lane, Fault> = Ok(Lane::Renet { owes_ack: true, is_ack: false });
const SHORT_ACK: Result<Lane, Fault> = Ok(Lane::Renet { owes_ack: false, is_ack: true });

#[test]
fn what_renet_sends_passes() {
    assert_eq!(at_server(&small(0, CONTROL, &[(0, 1), (1, 1_024)])), MESSAGES);
    assert_eq!(at_client(&slice(9, SNAPSHOT, 0, 3, 4, 17)), MESSAGES);
    assert_eq!(at_client(&small(0, CONTROL, &[])), MESSAGES, "renet's own empty packet");
    assert_eq!(at_server(&ack(3, 20, 4, &[(0, 0), (5, 6)])), SHORT_ACK);
}

#[test]
fn hot_payloads_are_told_by_their_first_bit() {
    assert_eq!(at_server(&[0x80]), Ok(Lane::Hot));
    assert_eq!(at_server(&[0xff; 300]), Ok(Lane::Hot));
}

#[test]
fn truncated() {
    let whole = [small(70, CONTROL, &[(0, 5), (1, 9)]), ack(1, 200, 100, &[(3, 4)])];
    for bytes in &whole {
        (0..bytes.len()).for_each(|len| assert_eq!(at_server(&bytes[..len]), Err(Fault::Truncated), "{len}"));
    }
    let bytes = slice(1, SNAPSHOT, 0, 0, 2, 1_200);
    (0..bytes.len()).for_each(|len| assert_eq!(at_client(&bytes[..len]), Err(Fault::Truncated), "{len}"));
}

#[test]
fn trailing() {
    for mut bytes in [small(0, CONTROL, &[(0, 5)]), ack(1, 2, 1, &[])] {
        bytes.push(0);
        assert_eq!(at_server(&bytes), Err(Fault::Trailing));
    }
}

#[test]
fn unknown_kind() {
    for kind in [1, 3].into_iter().chain(5..0x80) {
        assert_eq!(at_server(&[kind; 30]), Err(Fault::UnknownKind));
    }
}

#[test]
fn unknown_channel() {
    for channel in 1..=255 {
        assert_eq!(at_server(&small(0, channel, &[(0, 1)])), Err(Fault::UnknownChannel));
    }
    assert_eq!(at_client(&small(0, 2, &[(0, 1)])), Err(Fault::UnknownChannel));
}

#[test]
fn sequence_window() {
    let mut guard = PayloadGuard::new();
    let mut check = |sequence| guard.check(Side::Client, &ack(sequence, 0, 0, &[]), 0);
    assert_eq!(check(4_097), Err(Fault::SequenceWindow));
    assert_eq!(check(4_096), SHORT_ACK);
    assert_eq!(check(3_072), SHORT_ACK);
    assert_eq!(check(3_071), Err(Fault::SequenceWindow));
    assert_eq!(check(8_192), SHORT_ACK);
    assert_eq!(check((1 << 62) - 1), Err(Fault::SequenceWindow));
}

#[test]
fn no_messages() {
    assert_eq!(at_server(&small(0, CONTROL, &[])), Err(Fault::NoMessages));
}

#[test]
fn too_many_messages() {
    let messages: Vec<_> = (0..65).map(|id| (id, 1)).collect();
    assert_eq!(at_server(&small(0, CONTROL, &messages[..64])), MESSAGES);
    assert_eq!(at_server(&small(0, CONTROL, &messages)), Err(Fault::TooManyMessages));
}

#[test]
fn empty_message() {
    assert_eq!(at_server(&small(0, CONTROL, &[(0, 3), (1, 0)])), Err(Fault::EmptyMessage));
}

#[test]
fn message_length() {
    assert_eq!(at_server(&small(0, CONTROL, &[(0, 1_025)])), Err(Fault::MessageLength));
    assert_eq!(at_client(&small(0, CONTROL, &[(0, 1_200)])), MESSAGES);
    assert_eq!(at_client(&small(0, CONTROL, &[(0, 1_201)])), Err(Fault::MessageLength));
}

#[test]
fn message_window() {
    let mut guard = PayloadGuard::new();
    let mut check = |id| guard.check(Side::Client, &small(0, CONTROL, &[(id, 1)]), 0);
    assert_eq!(check(256), Err(Fault::MessageWindow));
    assert_eq!(check(255), MESSAGES);
    for id in 0..255 {
        assert_eq!(check(id), MESSAGES);
    }
    assert_eq!(check(512), Err(Fault::MessageWindow));
    assert_eq!(check(511), MESSAGES);
    assert_eq!(check(3), MESSAGES, "one that came before is harmless");
}

#[test]
fn slice_from_client() {
    assert_eq!(at_server(&slice(0, CONTROL, 0, 0, 2, 1_200)), Err(Fault::SliceFromClient));
}

#[test]
fn slice_count() {
    assert_eq!(at_client(&slice(0, SNAPSHOT, 0, 0, 0, 1_200)), Err(Fault::SliceCount));
    assert_eq!(at_client(&slice(0, SNAPSHOT, 0, 0, 876, 1_200)), MESSAGES);
    assert_eq!(at_client(&slice(0, SNAPSHOT, 0, 0, 877, 1_200)), Err(Fault::SliceCount));
    assert_eq!(at_client(&slice(0, CONTROL, 0, 0, 60, 1_200)), Err(Fault::SliceCount));
}

#[test]
fn slice_index() {
    assert_eq!(at_client(&slice(0, SNAPSHOT, 0, 4, 4, 1_200)), Err(Fault::SliceIndex));
    assert_eq!(at_client(&slice(0, SNAPSHOT, 0, (1 << 62) - 1, 4, 1_200)), Err(Fault::SliceIndex));
}

#[test]
fn slice_length() {
    for (index, len) in [(0, 1_199), (0, 1_201), (0, 0), (3, 0), (3, 1_201)] {
        assert_eq!(
            at_client(&slice(0, SNAPSHOT, 0, index, 4, len)),
            Err(Fault::SliceLength),
            "{index} {len}"
        );
    }
}

#[test]
fn slice_mismatch() {
    let mut guard = PayloadGuard::new();
    let mut check = |bytes: &[u8]| guard.check(Side::Server, bytes, 0);
    assert_eq!(check(&slice(0, SNAPSHOT, 0, 0, 4, 1_200)), MESSAGES);
    assert_eq!(check(&slice(1, SNAPSHOT, 0, 4, 5, 9)), Err(Fault::SliceMismatch));
    assert_eq!(check(&small(1, SNAPSHOT, &[(0, 9)])), Err(Fault::SliceMismatch));
    assert_eq!(check(&slice(1, SNAPSHOT, 0, 3, 4, 9)), MESSAGES);
}

#[test]
fn too_many_ranges() {
    assert!(at_server(&ack(0, 10_000, 0, &[(0, 0); 255])).is_ok());
    assert_eq!(at_server(&ack(0, 10_000, 0, &[(0, 0); 256])), Err(Fault::TooManyRanges));
}

#[test]
fn bad_range() {
    assert_eq!(at_server(&ack(0, 5, 6, &[])), Err(Fault::BadRange));
    assert_eq!(at_server(&ack(0, 5, 5, &[(0, 0)])), Err(Fault::BadRange));
    assert_eq!(at_server(&ack(0, 5, 0, &[((1 << 62) - 1, 0)])), Err(Fault::BadRange));
    assert_eq!(at_server(&ack(0, 5, 0, &[(0, 4)])), Err(Fault::BadRange));
    assert_eq!(at_server(&ack(0, 5, 0, &[(0, 3)])), SHORT_ACK);
}

#[test]
fn too_scattered() {
    let mut guard = PayloadGuard::new();
    let mut refused = 0;
    for i in 0..200 {
        let result = guard.check(Side::Client, &ack(i * 3, 0, 0, &[]), 0);
        refused += u32::from(result == Err(Fault::TooScattered));
    }
    assert_eq!(refused, 200 - SCATTERED_MAX - 1);
    guard.acknowledged();
    assert_eq!(guard.check(Side::Client, &ack(400, 0, 0, &[]), 0), SHORT_ACK);
}

#[test]
fn gap_expired() {
    let mut guard = PayloadGuard::new();
    let check = |guard: &mut PayloadGuard, id, now_ms| {
        guard.check(Side::Client, &small(0, CONTROL, &[(id, 1)]), now_ms)
    };
    check(&mut guard, 0, 100).unwrap();
    assert!(!guard.gap_expired(u64::MAX), "nothing is missing");
    check(&mut guard, 2, 1_000).unwrap();
    check(&mut guard, 3, 5_000).unwrap();
    assert!(!guard.gap_expired(5_999));
    assert!(guard.gap_expired(6_000));
    check(&mut guard, 5, 6_000).unwrap();
    check(&mut guard, 1, 6_500).unwrap();
    assert!(!guard.gap_expired(11_499), "another gap, another five seconds");
    assert!(guard.gap_expired(11_500));
    check(&mut guard, 4, 12_000).unwrap();
    assert_eq!(guard.gap_since_ms(), None);
}

#[test]
fn a_large_message_that_goes_on_is_no_gap() {
    let mut guard = PayloadGuard::new();
    guard.check(Side::Server, &small(0, SNAPSHOT, &[(1, 9)]), 0).unwrap();
    for i in 0..100 {
        guard.check(Side::Server, &slice(i, SNAPSHOT, 0, i, 200, 1_200), i * 100).unwrap();
    }
    assert!(!guard.gap_expired(9_900 + 4_999));
    assert!(guard.gap_expired(9_900 + 5_000));
}

#[test]
fn what_is_refused_leaves_no_trace() {
    let mut guard = PayloadGuard::new();
    let before = format!("{guard:?}");
    let wrong = [
        small(4_000, CONTROL, &[(0, 1), (1, 0)]),
        small(4_000, CONTROL, &[(0, 1), (300, 5)]),
        slice(4_000, CONTROL, 0, 2, 2, 9),
        ack(4_000, 5, 6, &[]),
    ];
    for bytes in wrong {
        assert!(guard.check(Side::Client, &bytes, 0).is_err());
    }
    assert_eq!(format!("{guard:?}"), before);
}

#[test]
fn counters_have_names_and_places() {
    for (i, fault) in Fault::ALL.into_iter().enumerate() {
        assert_eq!(fault.index(), i);
        assert!(Fault::ALL[..i].iter().all(|other| other.name() != fault.name()));
    }
}

/// renet as `side` runs it.
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

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..6_u64, 2 => 0..300_u64, 1 => 0..5_000_u64, 1 => 0..1_u64 << 62]
}

fn packet() -> impl Strategy<Value = Vec<u8>> {
    let len = || prop_oneof![4 => 1..40_usize, 1 => Just(0_usize), 1 => 1_190..1_210_usize];
    let sequence = || prop_oneof![4 => 0..2_000_u64, 1 => number()];
    let whole = prop_oneof![
        (sequence(), 0..3_u8, prop::collection::vec((number(), len()), 0..5))
            .prop_map(|(s, c, m)| small(s, c, &m)),
        (sequence(), 0..3_u8, 0..3_u64, 0..4_u64, 0..5_u64, len())
            .prop_map(|(s, c, m, i, n, l)| slice(s, c, m, i, n, l)),
        (sequence(), 0..2_u8, number(), number(), number(), Just(1_200))
            .prop_map(|(s, c, m, i, n, l)| slice(s, c, m, i, n, l)),
        (sequence(), number(), number(), prop::collection::vec((number(), number()), 0..9))
            .prop_map(|(s, e, n, m)| ack(s, e, n, &m)),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    let change = prop::option::weighted(0.2, (any::<prop::sample::Index>(), any::<u8>()));
    (whole, change, prop::option::weighted(0.1, 0..30_usize)).prop_map(|(mut bytes, change, cut)| {
        if let Some((at, byte)) = change.filter(|_| !bytes.is_empty()) {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.unwrap_or(usize::MAX));
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn renet_takes_whatever_passes_without_a_panic(
        packets in prop::collection::vec(packet(), 1..200),
        from in prop_oneof![Just(Side::Client), Just(Side::Server)],
    ) {
        let (mut guard, mut renet) = (PayloadGuard::new(), renet(from.other()));
        for (i, bytes) in packets.iter().enumerate() {
            if guard.check(from, bytes, i as u64).is_ok_and(|lane| lane != Lane::Hot) {
                renet.process_packet(bytes);
            }
            for channel in channel_ids(from) {
                while renet.receive_message(channel).is_some() {}
            }
            if i % 40 == 39 {
                let packets = renet.get_packets_to_send();
                prop_assert!(packets.iter().all(|packet| packet.len() <= crate::PAYLOAD_BYTES_MAX));
                guard.acknowledged();
            }
        }
        // Half a message too many at once is the only thing renet may still refuse, and it does so in words.
        let reason = renet.disconnect_reason();
        let allowed = matches!(reason, None | Some(DisconnectReason::ReceiveChannelError { .. }));
        prop_assert!(allowed, "{reason:?}");
        prop_assert!(reason.is_none() || from == Side::Server);
    }
}

fn channel_ids(from: Side) -> impl Iterator<Item = u8> {
    CHANNELS.iter().filter(move |channel| channel.from == from).map(|channel| channel.id)
}
