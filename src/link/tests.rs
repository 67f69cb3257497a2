//! What a link promises, over a pretend network.

use std::time::Duration;

use framekeep_protocol::{CONTROL, PayloadFault, SNAPSHOT, SNAPSHOT_BYTES_MAX, Side};

use crate::wire::Wire;
use crate::{LinkFault, QuietRenet};

fn message(i: u32) -> Vec<u8> {
    [&i.to_le_bytes()[..], &vec![i as u8; (i as usize * 37) % 900]].concat()
}

fn received(link: &mut QuietRenet, channel: u8) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| link.poll(channel)).map(|bytes| bytes.to_vec()).collect()
}

#[test]
fn a_hundred_messages_each_way_survive_twenty_percent_loss() {
    for seed in 0..20 {
        let mut wire = Wire::new(200, 40, 30, seed);
        let sent: Vec<_> = (0..100).map(message).collect();
        for message in &sent {
            wire.client.send(CONTROL, message.clone()).unwrap();
            wire.server.send(CONTROL, message.clone()).unwrap();
        }
        wire.run(600);
        assert_eq!(received(&mut wire.server, CONTROL), sent, "seed {seed}");
        assert_eq!(received(&mut wire.client, CONTROL), sent, "seed {seed}");
        assert!(wire.client.is_drained() && wire.server.is_drained(), "seed {seed}");
    }
}

#[test]
fn a_quiet_link_sends_nothing_and_wants_nothing() {
    let mut wire = Wire::new(0, 20, 0, 1);
    wire.client.send(CONTROL, message(1)).unwrap();
    wire.server.send(CONTROL, message(2)).unwrap();
    wire.run(30);
    let sent = wire.sent;
    wire.run(3_000);
    assert_eq!(wire.sent, sent);
    assert!(!wire.client.wants_to_send(Duration::MAX - Duration::from_nanos(1)));
    assert!(!wire.server.wants_to_send(Duration::MAX - Duration::from_nanos(1)));
}

#[test]
fn acknowledgements_of_acknowledgements_do_not_ping_pong() {
    let mut wire = Wire::new(0, 20, 0, 1);
    wire.client.send(CONTROL, message(1)).unwrap();
    wire.run(100);
    assert_eq!(wire.sent, [2, 2], "one message, which goes twice, and an acknowledgement of each");
    wire.server.send(CONTROL, message(1)).unwrap();
    wire.run(100);
    assert_eq!(wire.sent, [4, 5], "a message takes along what its sender has to acknowledge");
}

#[test]
fn long_acknowledgements_are_acknowledged_once_and_stay_short() {
    let mut wire = Wire::new(200, 40, 30, 3);
    let mut longest = 0;
    for i in 0..1_000 {
        wire.server.send(CONTROL, message(i % 7)).unwrap();
        let before = (wire.sent[0], wire.sent_bytes[0]);
        wire.tick();
        received(&mut wire.client, CONTROL);
        let packets = (wire.sent[0] - before.0).max(1);
        longest = longest.max((wire.sent_bytes[0] - before.1) / packets);
    }
    assert!(wire.client.fault().is_none() && wire.server.fault().is_none());
    assert!(longest < 150, "an acknowledgement of {longest} bytes");
    wire.run(300);
    let sent = wire.sent;
    wire.run(300);
    assert_eq!(wire.sent, sent);
}

#[test]
fn a_snapshot_of_300_kb_passes_on_every_network() {
    for (loss, delay, jitter) in [(0, 0, 0), (20, 20, 10), (50, 80, 40), (200, 40, 30)] {
        let mut wire = Wire::new(loss, delay, jitter, 5);
        let snapshot: Vec<u8> = (0..300_000_u32).map(|i| ((i * 31) >> 3) as u8).collect();
        wire.server.send(SNAPSHOT, snapshot.clone()).unwrap();
        let ticks = (0..300).find(|_| {
            wire.tick();
            wire.server.is_drained()
        });
        assert_eq!(received(&mut wire.client, SNAPSHOT), [snapshot]);
        let overhead = wire.sent_bytes[1] as f64 / 300_000.0;
        println!(
            "loss {loss}: {ticks:?} ticks, {overhead:.2} times the bytes, {} packets back",
            wire.sent[0]
        );
        assert!(ticks.is_some_and(|ticks| ticks < 120), "{ticks:?}");
    }
}

#[test]
fn the_largest_snapshot_passes_and_control_messages_with_it() {
    let mut wire = Wire::new(10, 30, 10, 5);
    let snapshot = vec![7; SNAPSHOT_BYTES_MAX + 40];
    wire.server.send(SNAPSHOT, snapshot.clone()).unwrap();
    let mut controls = Vec::new();
    for i in 0..200 {
        wire.server.send(CONTROL, message(i)).unwrap();
        wire.tick();
        controls.append(&mut received(&mut wire.client, CONTROL));
    }
    wire.run(100);
    controls.append(&mut received(&mut wire.client, CONTROL));
    assert_eq!(received(&mut wire.client, SNAPSHOT), [snapshot]);
    assert_eq!(controls, (0..200).map(message).collect::<Vec<_>>());
}

#[test]
fn every_message_length_around_a_slice_passes() {
    let mut wire = Wire::new(0, 5, 0, 5);
    for len in 1_150..=1_250 {
        let message = vec![len as u8; len];
        wire.server.send(CONTROL, message.clone()).unwrap();
        wire.run(3);
        assert_eq!(received(&mut wire.client, CONTROL), [message], "{len} bytes");
    }
}

#[test]
fn one_that_never_acknowledges_is_closed_after_ten_seconds_and_gets_little() {
    let mut wire = Wire::new(0, 5, 0, 5);
    wire.loss_permille = [1_000, 0];
    wire.server.send(SNAPSHOT, vec![1; SNAPSHOT_BYTES_MAX]).unwrap();
    wire.run(290);
    assert_eq!(wire.server.fault(), None);
    wire.run(40);
    assert!(matches!(wire.server.fault(), Some(LinkFault::NotDraining { channel: SNAPSHOT, .. })));
    assert!(wire.sent_bytes[1] < 600_000, "{} bytes for nothing", wire.sent_bytes[1]);
    let sent = wire.sent;
    wire.run(100);
    assert_eq!(wire.sent[1], sent[1]);
    assert!(wire.server.send(CONTROL, message(1)).is_err());
}

#[test]
fn one_that_never_acknowledges_still_hears_the_last_words() {
    let mut wire = Wire::new(0, 5, 0, 5);
    wire.loss_permille = [1_000, 0];
    wire.server.send(SNAPSHOT, vec![1; SNAPSHOT_BYTES_MAX]).unwrap();
    wire.server.send(CONTROL, message(1)).unwrap();
    wire.run(330);
    assert!(wire.server.fault().is_some());
    wire.server.send_last(CONTROL, b"bye".to_vec()).unwrap();
    wire.run(100);
    assert_eq!(wire.server.fault(), None);
    assert_eq!(received(&mut wire.client, CONTROL).last().map(Vec::as_slice), Some(&b"bye"[..]));
}

#[test]
fn more_than_a_channel_holds_ends_the_link_without_a_panic() {
    let mut link = QuietRenet::new(Side::Client);
    let sent = (0..10_000).find_map(|i| link.send(CONTROL, vec![1; 1_000]).err().map(|fault| (i, fault)));
    let (count, fault) = sent.expect("a limit");
    assert_eq!(count, (256 << 10) / 1_000);
    assert!(matches!(fault, LinkFault::NotDraining { channel: CONTROL, .. }));
    assert_eq!(link.fault(), Some(&fault));
}

#[test]
fn a_full_channel_still_takes_its_last_words() {
    let mut wire = Wire::new(50, 20, 5, 7);
    for _ in 0..1_000 {
        let _ = wire.server.send(CONTROL, vec![1; 1_000]);
    }
    assert!(wire.server.fault().is_some());
    wire.server.send_last(CONTROL, b"bye".to_vec()).unwrap();
    assert_eq!(wire.server.fault(), None);
    wire.run(100);
    assert_eq!(received(&mut wire.client, CONTROL).last().map(Vec::as_slice), Some(&b"bye"[..]));
}

#[test]
fn what_cannot_be_sent_is_an_error_and_does_not_end_the_link() {
    let mut link = QuietRenet::new(Side::Client);
    assert_eq!(link.send(SNAPSHOT, vec![1]), Err(LinkFault::NoSuchChannel { channel: SNAPSHOT }));
    assert!(matches!(link.send(CONTROL, vec![]), Err(LinkFault::MessageLength { bytes: 0, .. })));
    assert!(matches!(link.send(CONTROL, vec![1; 1_025]), Err(LinkFault::MessageLength { bytes: 1_025, .. })));
    assert_eq!(link.poll(9), None);
    assert_eq!(link.fault(), None);
    assert!(!link.wants_to_send(Duration::from_secs(9)));
}

#[test]
fn a_gap_that_stays_open_ends_the_link() {
    let mut link = QuietRenet::new(Side::Server);
    let at = Duration::from_secs(100);
    // Message 1 without message 0: sequence 0, channel 0, one message, id 1, one byte.
    link.receive(at, &[0, 0, 0, 0, 1, 1, 1, 9]).unwrap();
    link.transmit(at + Duration::from_millis(50), |_| {});
    assert!(!link.wants_to_send(at + Duration::from_millis(4_999)));
    assert!(link.wants_to_send(at + Duration::from_millis(5_000)));
    link.transmit(at + Duration::from_millis(5_000), |_| {});
    assert_eq!(link.fault(), Some(&LinkFault::GapExpired { after_ms: 5_000 }));
}

#[test]
fn scattered_sequences_cannot_grow_the_acknowledgements() {
    let mut link = QuietRenet::new(Side::Server);
    let (mut now, mut longest, mut refused) = (Duration::ZERO, 0, 0);
    // Every second sequence of a window, from above down, then a jump: renet keeps a range for each.
    for high in (1..60_u64).map(|i| i * 1_500) {
        for sequence in std::iter::once(high).chain((high - 1_000..high).rev().step_by(2)) {
            let varint = (sequence as u32 | 0x8000_0000).to_be_bytes();
            let packet = [&[0][..], &varint, &[0, 0, 1, 0, 1, 9]].concat();
            match link.receive(now, &packet) {
                Err(fault) => refused += usize::from(fault == PayloadFault::TooScattered),
                Ok(_) if link.fault().is_some() => {}
                Ok(_) => {}
            }
        }
        now += Duration::from_millis(33);
        link.transmit(now, |packet| longest = longest.max(packet.len()));
    }
    assert!(refused > 0);
    assert!(longest < 1_300, "{longest}");
    assert!(matches!(link.fault(), Some(LinkFault::TooScattered { .. })), "{:?}", link.fault());
}

#[test]
fn the_resend_timer_follows_the_round_trip() {
    let mut wire = Wire::new(0, 200, 0, 1);
    for i in 0..20 {
        wire.client.send(CONTROL, message(i)).unwrap();
        wire.run(30);
    }
    let rtt = wire.client.rtt().expect("measured");
    assert!((400..500).contains(&rtt.as_millis()), "{rtt:?}");
    let before = wire.sent[0];
    wire.client.send(CONTROL, message(1)).unwrap();
    wire.run(30);
    assert_eq!(wire.sent[0], before + 2, "a slow link does not repeat itself");
}

#[test]
fn the_first_packets_go_twice_and_later_ones_once() {
    let mut link = QuietRenet::new(Side::Server);
    let (mut now, mut sent) = (Duration::from_secs(1), Vec::new());
    link.send(CONTROL, message(1)).unwrap();
    link.transmit(now, |packet| sent.push(packet.to_vec()));
    assert_eq!(sent.len(), 1);
    now += Duration::from_millis(12);
    link.transmit(now, |packet| sent.push(packet.to_vec()));
    assert_eq!((sent.len(), &sent[0]), (2, &sent[1]));
    let mut wire = Wire::new(0, 5, 0, 1);
    let costs: Vec<usize> = (0..20)
        .map(|i| {
            let before = wire.sent[0];
            wire.client.send(CONTROL, message(i)).unwrap();
            wire.run(10);
            wire.sent[0] - before
        })
        .collect();
    assert_eq!(costs[11], costs[12] + 1, "{costs:?}");
}

#[test]
fn a_link_at_rest_is_small() {
    let bytes = size_of::<QuietRenet>();
    println!("{bytes} bytes");
    assert!(bytes <= 2_048, "{bytes}");
}
