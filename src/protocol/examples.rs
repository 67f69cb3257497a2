//! The worked examples of `docs/PROTOCOL.md`: the bytes printed there are the bytes made here.

use framekeep_sim::{Frame, SeatInput, Tick};

use crate::{
    CONTROL_BYTES_MAX, CONTROL_FROM_SERVER_BYTES_MAX, DATAGRAM_BYTES_MAX, DATAGRAM_BYTES_MIN, DatagramFault,
    Epoch, FramesHead, HOT_BYTES_MAX, InputHead, JoinRoom, NETCODE_PROTOCOL_ID, PayloadFault, RoomOptions,
    SNAPSHOT_MESSAGE_BYTES_MAX, Snapshot, ToServer, begin_frames, encode_frame, encode_inputs,
};

const DOCUMENT: &str = include_str!("../../docs/PROTOCOL.md");

/// The document must hold `bytes` in hexadecimal, in lines of any length.
fn printed(what: &str, bytes: &[u8]) {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x} ")).collect();
    let words: Vec<_> = DOCUMENT.split_whitespace().collect();
    let wanted: Vec<_> = hex.split_whitespace().collect();
    let found = words.windows(wanted.len()).any(|window| window == wanted);
    assert!(found, "docs/PROTOCOL.md does not show {what} as\n{hex}");
}

/// The frame of a tick in which seat 1 held an input and seat 3 repeated one.
fn before() -> Frame {
    let mut frame = Frame::absent(Tick(96), 4);
    frame.set(1, SeatInput::arrived(0x0a5));
    frame.set(3, SeatInput::repeated(0x001));
    frame
}

fn now() -> Frame {
    let mut frame = before();
    frame.tick = Tick(97);
    frame.set(1, SeatInput::arrived(0x0a7));
    frame.set(3, SeatInput::arrived(0x001));
    frame
}

#[test]
fn a_packet_of_inputs() {
    let (newest, ack, hash) = (Tick(100), Tick(96), Some(0xfeed_f00d));
    let head = InputHead { epoch: Epoch::new(1), newest, ack, hash, gap: false };
    let mut bytes = Vec::new();
    encode_inputs(&head, 12, &[0x0a5, 0x0a5, 0x0a7], &mut bytes);
    printed("a packet of inputs", &bytes);
}

#[test]
fn a_packet_of_frames() {
    let (first, input_next) = (Tick(97), Tick(101));
    let head = FramesHead { epoch: Epoch::new(1), first, count: 2, input_next, lead: 12, paused: false };
    let mut bytes = Vec::new();
    begin_frames(&head, &mut bytes);
    encode_frame(&before(), &now(), 12, &mut bytes);
    encode_frame(&now(), &now(), 12, &mut bytes);
    printed("a packet of frames", &bytes);
}

#[test]
fn a_join() {
    let create = Some(RoomOptions::new("arena", 4));
    printed("a join", &ToServer::Join(JoinRoom::seat("den".parse().unwrap(), create)).encode());
}

#[test]
fn a_snapshot() {
    let snapshot =
        Snapshot::new(Epoch::new(1), Tick(300), &before(), 0x0102_0304_0506_0708, b"state").unwrap();
    printed("a snapshot", &snapshot.encode());
}

#[test]
fn every_rule_of_the_guards() {
    let datagram = DatagramFault::ALL.into_iter().map(DatagramFault::name);
    for name in datagram.chain(PayloadFault::ALL.into_iter().map(PayloadFault::name)) {
        assert!(DOCUMENT.contains(&format!("| `{name}` |")), "docs/PROTOCOL.md does not list {name}");
    }
}

#[test]
fn limits_in_words() {
    for (text, value) in [
        ("18 to 1,400 bytes", (DATAGRAM_BYTES_MIN, DATAGRAM_BYTES_MAX) == (18, 1_400)),
        ("| 0 control | client | 1,024 |", CONTROL_BYTES_MAX == 1_024),
        ("| 0 control | server | 69,632 |", CONTROL_FROM_SERVER_BYTES_MAX == 69_632),
        ("| 1 snapshot | server | 1,050,624 |", SNAPSHOT_MESSAGE_BYTES_MAX == 1_050_624),
        ("`0x65656b656d617266`", NETCODE_PROTOCOL_ID == 0x6565_6b65_6d61_7266),
        ("as far as they fit 1,100 bytes", HOT_BYTES_MAX == 1_100),
    ] {
        let shown = DOCUMENT.split_whitespace().collect::<Vec<_>>().join(" ").contains(text);
        assert!(shown && value, "docs/PROTOCOL.md and the limits disagree: {text}");
    }
}
