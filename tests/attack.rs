//! What no honest client sends: it is refused and counted, and honest players notice nothing.

use std::net::SocketAddr;

use framekeep_sim::Pcg32;
use framekeep_tests::Scenario;

/// Where attackers live.
fn attacker(number: u32) -> SocketAddr {
    SocketAddr::from(([10, (number >> 16) as u8, (number >> 8) as u8, number as u8], 666))
}

/// A datagram of one of the shapes that have hurt netcode servers before.
fn garbage(rng: &mut Pcg32) -> Vec<u8> {
    let lengths = [0, 1, 17, 18, 40, 308, 325, 1_077, 1_078, 1_079, 1_400, 1_401];
    let length = lengths[rng.below(lengths.len() as u32) as usize];
    let mut bytes: Vec<u8> = (0..length).map(|_| rng.next_u32() as u8).collect();
    if let Some(first) = bytes.first_mut() {
        *first = match rng.below(4) {
            0 => 0,
            1 => (rng.below(9) << 4 | 5) as u8,
            2 => (rng.below(16) << 4 | rng.below(7)) as u8,
            _ => *first,
        };
    }
    bytes
}

#[test]
fn a_hundred_thousand_garbage_datagrams_a_second_disturb_nobody() {
    let mut play = Scenario::new(31).room("brawl", 4);
    play.run_for(2.0);
    let mut rng = Pcg32::new(31, 1);
    let repeated_before = play.counters().inputs_repeated + play.counters().inputs_absent;
    for _ in 0..500 {
        for _ in 0..200 {
            let from = match rng.below(3) {
                // Forged from the address of an honest player.
                0 => play.clients[rng.below(4) as usize].address,
                _ => attacker(rng.below(5_000)),
            };
            play.wire().deliver(from, garbage(&mut rng));
        }
        play.turn();
    }
    play.run_for(3.0);
    play.assert_all_agree();
    let counters = play.counters();
    assert!(counters.datagrams_refused.total() > 20_000, "{counters:?}");
    assert_eq!(
        counters.inputs_repeated + counters.inputs_absent,
        repeated_before,
        "an honest input was lost"
    );
    assert!(play.clients.iter().all(|client| client.is_connected()));
}

#[test]
fn datagrams_said_twice_or_changed_on_the_way_are_refused() {
    let mut play = Scenario::new(32).link("loss=0,delay=10,jitter=5,dup=50").room("duel", 2);
    let mut rng = Pcg32::new(32, 1);
    for _ in 0..2_000 {
        let address = play.clients[0].address;
        let mut datagram = vec![0x15, rng.next_u32() as u8];
        datagram.extend((0..40).map(|_| rng.next_u32() as u8));
        play.wire().deliver(address, datagram);
        play.turn();
    }
    play.run_for(1.0);
    play.assert_all_agree();
    assert!(play.clients[0].hashes.len() > 60);
}

#[test]
fn hand_shakes_without_end_are_forgotten() {
    let mut play = Scenario::new(33).room("duel", 2);
    for number in 0..5_000_u32 {
        let mut request = vec![0; 1_078];
        request[1..14].copy_from_slice(b"NETCODE 1.02\0");
        request[14..].iter_mut().for_each(|byte| *byte = number as u8);
        play.wire().deliver(attacker(number), request);
        if number % 50 == 0 {
            play.turn();
        }
    }
    play.run_for(8.0);
    let dispatch = play.server.world().resource::<framekeep_server::Dispatch>();
    assert_eq!(dispatch.handshakes(), 0, "every hand-shake is over or forgotten");
    assert_eq!(dispatch.len(), 2, "only the players' addresses are known");
    play.assert_all_agree();
}

#[test]
fn forged_requests_lock_nobody_out() {
    let mut play = Scenario::new(34).room("duel", 2);
    let mut rng = Pcg32::new(34, 1);
    let flood = |play: &mut Scenario, rng: &mut Pcg32| {
        // 50,000 a second, well formed and from ever new addresses.
        for _ in 0..100 {
            let mut request = vec![0; 1_078];
            request[1..14].copy_from_slice(b"NETCODE 1.02\0");
            request[14..].iter_mut().for_each(|byte| *byte = rng.next_u32() as u8);
            play.wire().deliver(attacker(rng.next_u32()), request);
        }
        play.turn();
    };
    for _ in 0..500 {
        flood(&mut play, &mut rng);
    }
    let late = play.come("late");
    for _ in 0..2_000 {
        flood(&mut play, &mut rng);
        if play.clients[late].is_connected() {
            break;
        }
    }
    assert!(play.clients[late].is_connected(), "nobody can join during a flood");
    play.run_for(2.0);
    play.assert_all_agree();
    let dispatch = play.server.world().resource::<framekeep_server::Dispatch>();
    assert_eq!((dispatch.handshakes(), dispatch.len()), (0, 3));
}
