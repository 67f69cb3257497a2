//! Many watch a room of another node, and it is told once.

use std::sync::atomic::Ordering;
use std::time::Duration;

use framekeep_gate::Order;
use framekeep_protocol::{Epoch, MatchStart, RoomId, SPECTATOR_SEAT, ToClient};
use framekeep_sim::Tick;
use proptest::prelude::*;

use super::stage::{Client, Stage, event, numbers, room, watching};
use crate::ToNear;

fn started(next: u32) -> ToClient {
    ToClient::Started(MatchStart {
        room: RoomId(5),
        epoch: Epoch::new(1),
        game: "arena".to_owned(),
        fingerprint: 1,
        input_bits: 12,
        content: vec![1; 1_000],
        seed: 2,
        seats: 2,
        seat: SPECTATOR_SEAT,
        tick_rate_hz: 30,
        send_every_ticks: 1,
        input_repeat_ticks_max: 5,
        next: Tick(next),
        due_in_us: 0,
    })
}

/// So many clients watch the room, of which one event was told before.
fn watchers(stage: &mut Stage, count: u64) -> Vec<Client> {
    (1..=count)
        .map(|number| {
            let client = stage.client(number);
            stage.watch(&client);
            let link = *stage.there.all_links().last().unwrap();
            stage.there.tell(link, &watching(1), 7);
            stage.run();
            client.told();
            client
        })
        .collect()
}

fn count(counter: &std::sync::atomic::AtomicI64) -> i64 {
    counter.load(Ordering::Relaxed)
}

#[test]
fn what_happens_in_a_watched_room_crosses_once_and_reaches_all() {
    let mut stage = Stage::new();
    let clients = watchers(&mut stage, 20);
    let links = stage.there.all_links();
    let before = stage.received();
    stage.there.tell_all(&started(0));
    stage.there.tell_all(&event(2));
    stage.there.show(&links, 0);
    stage.there.tell_all(&room(SPECTATOR_SEAT, 2));
    stage.run();
    let ended = framekeep_protocol::MatchEnd {
        epoch: Epoch::new(1),
        ticks: Tick(0),
        hash: 0,
        outcome: None,
        reason: framekeep_protocol::EndReason::Aborted,
    };
    stage.there.tell_all(&ToClient::Ended(ended.clone()));
    stage.run();
    assert_eq!(stage.received() - before, 5, "start, event, room, end and a view, once each");
    let ToClient::Started(start) = started(0) else { unreachable!() };
    let bare = ToClient::Started(MatchStart { content: Vec::new(), ..start });
    for client in &clients {
        let told = [bare.clone(), event(2), room(SPECTATOR_SEAT, 2), ToClient::Ended(ended.clone())];
        assert_eq!((client.told(), client.ticks()), (told.to_vec(), vec![0]));
    }
}

#[test]
fn who_comes_late_is_told_what_the_others_know_and_nothing_twice() {
    let mut stage = Stage::new();
    let first = watchers(&mut stage, 1);
    stage.there.tell_all(&started(0));
    stage.there.tell_all(&event(2));
    stage.run();
    let late = stage.client(9);
    stage.watch(&late);
    let link = *stage.there.all_links().last().unwrap();
    // Within one turn: the room, its match, and an event that all are told.
    stage.there.tell(link, &watching(2), 7);
    stage.there.tell(link, &started(40), 0);
    stage.there.tell_all(&event(3));
    stage.run();
    stage.there.tell_all(&event(4));
    stage.run();
    assert_eq!(numbers(&late.told()), [3, 4]);
    assert_eq!(numbers(&first[0].told()), [2, 3, 4]);
}

#[test]
fn the_last_who_watches_ends_the_stream() {
    let mut stage = Stage::new();
    let clients = watchers(&mut stage, 2);
    for client in &clients {
        assert_eq!(stage.streams(), 1);
        stage.order(Order::Close(client.link));
        stage.run();
    }
    assert_eq!((stage.streams(), stage.there.links()), (0, 0));
}

#[test]
fn who_missed_more_than_is_kept_starts_afresh() {
    let mut stage = Stage::new();
    let clients = watchers(&mut stage, 3);
    stage.loses = |message, _| matches!(message, ToNear::Stream(..));
    for number in 2..2 + crate::STREAM_MESSAGES_MAX as u64 + 10 {
        stage.there.tell_all(&event(number));
        stage.run();
    }
    stage.loses = |_, _| false;
    stage.pass(Duration::from_secs(2));
    assert_eq!((count(&stage.stats.afresh), clients[0].told().len()), (1, 0));
    let asked = stage.there.orders();
    assert_eq!(asked.iter().filter(|order| matches!(order, Order::Sync(_))).count(), 3, "{asked:?}");
    stage.there.tell_all(&watching(600));
    stage.run();
    stage.there.tell_all(&event(601));
    stage.run();
    for client in &clients {
        assert_eq!(client.told(), [room(SPECTATOR_SEAT, 600), event(601)], "it never left the room");
    }
}

#[test]
fn views_come_as_often_as_asked_for_and_the_last_always() {
    let mut stage = Stage::new();
    let clients = watchers(&mut stage, 1);
    let links = stage.there.all_links();
    stage.near.set_views_hz(clients[0].link, 10);
    stage.there.tell_all(&started(0));
    stage.run();
    for tick in 1..=31 {
        stage.there.show(&links, tick);
        stage.run();
    }
    let shown = clients[0].ticks();
    assert!((10..=16).contains(&shown.len()), "{shown:?}");
    assert!(shown.is_sorted());
}

/// A number below 16 that looks like chance.
fn dice(number: u64) -> u64 {
    // Every bit of the number counts (Steele and others, "Fast splittable pseudorandom number generators", 2014): what
    // is sent again after a fixed count of messages must not meet the same fate for ever.
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ mixed >> 31) >> 60
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever of the stream is lost on its way: all who watch see every event once, in order.
    #[test]
    fn gaps_are_repaired(every in 2_u64..7, bursts in prop::collection::vec(1_u64..30, 1..12)) {
        let mut stage = Stage::new();
        let clients = watchers(&mut stage, 3);
        stage.loses = match every {
            2 => |message, number| matches!(message, ToNear::Stream(..)) && dice(number) < 8,
            3 => |message, number| matches!(message, ToNear::Stream(..)) && dice(number) < 12,
            4 => |message, number| matches!(message, ToNear::Stream(..)) && dice(number / 8) < 10,
            5 => |message, number| !matches!(message, ToNear::Beat(_)) && dice(number) < 3,
            _ => |message, number| matches!(message, ToNear::Stream(..)) && dice(number / 3) < 8,
        };
        let mut newest = 1;
        for burst in bursts {
            for _ in 0..burst {
                newest += 1;
                stage.there.tell_all(&event(newest));
            }
            stage.pass(Duration::from_millis(300));
        }
        stage.pass(Duration::from_secs(20));
        for client in &clients {
            prop_assert_eq!(numbers(&client.told()), (2..=newest).collect::<Vec<_>>());
        }
        prop_assert_eq!(count(&stage.stats.afresh), 0);
    }
}
