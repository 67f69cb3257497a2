//! Who has more faults than the budget allows bears what follows, and nobody else notices.

use std::time::Duration;

use framekeep_protocol::{CloseReason, ToServer};
use framekeep_server::{FaultKind, ServerConfig};
use framekeep_tests::{ClientKind, Scenario};

/// Two rooms that play; the first client of the first one misbehaves from now on.
fn two_rooms(seed: u64, kind: ClientKind) -> Scenario {
    let mut play = Scenario::with_config(seed, |config| config.fault_budgets.max = [3; FaultKind::ALL.len()])
        .room("bad", 2)
        .room("good", 2);
    play.run_for(5.0);
    play.clients[0].kind = kind;
    play
}

/// The link of the first client is closed for `reason`, once, and nobody else notices.
#[track_caller]
fn assert_only_the_first_goes(play: &mut Scenario, kind: FaultKind, reason: CloseReason) {
    let before = play.stage("good").unwrap().tick().0;
    play.run_for(10.0);
    assert_eq!(play.clients[0].closing, Some(reason), "the client is told why");
    assert!(!play.clients[0].is_connected());
    let counters = play.counters();
    let escalations = FaultKind::ALL.map(|each| u64::from(each == kind));
    assert_eq!(counters.escalations.0, escalations);
    assert!(counters.faults.0[kind as usize] > 3 && counters.links_closed == 1, "{counters:?}");
    let room = play.room_of("bad").unwrap();
    assert_eq!(room.roster().taken(), 2, "the seat is held as for any lost link");
    for number in 1..4 {
        assert!(play.clients[number].is_connected() && play.clients[number].desyncs == 0);
    }
    assert!(play.stage("good").unwrap().tick().0.abs_diff(before + 300) <= 1);
}

#[test]
fn a_link_whose_payloads_break_the_transports_rules_is_closed() {
    let mut play = two_rooms(91, ClientKind::Breaking);
    assert_only_the_first_goes(&mut play, FaultKind::Network, CloseReason::Faulty);
}

#[test]
fn a_link_whose_inputs_cannot_be_meant_is_closed() {
    let mut play = two_rooms(92, ClientKind::Garbling);
    assert_only_the_first_goes(&mut play, FaultKind::Input, CloseReason::Faulty);
}

#[test]
fn a_link_that_says_too_much_for_seconds_is_closed() {
    let mut play = two_rooms(93, ClientKind::Honest);
    for _ in 0..5 {
        for _ in 0..100 {
            play.clients[0].say(&ToServer::Start);
            play.turn();
        }
        play.run_for(0.8);
    }
    assert_only_the_first_goes(&mut play, FaultKind::Input, CloseReason::Faulty);
}

#[test]
fn a_client_that_differs_again_and_again_is_let_go() {
    let mut play = two_rooms(94, ClientKind::Lying);
    assert_only_the_first_goes(&mut play, FaultKind::Desync, CloseReason::Desynced);
    assert!(play.clients[0].desyncs >= 4, "it was told of each and healed before");
}

#[test]
fn a_fault_now_and_then_is_forgiven() {
    let mut play = two_rooms(95, ClientKind::Honest);
    let mut config = play.server.world_mut().resource_mut::<ServerConfig>();
    config.fault_budgets.window = Duration::from_secs(2);
    // Whose inputs were lost sends each packet up to three times.
    config.fault_budgets.max = [6; FaultKind::ALL.len()];
    for _ in 0..4 {
        for kind in [ClientKind::Garbling, ClientKind::Breaking] {
            play.clients[0].kind = kind;
            play.run_for(0.04);
        }
        play.clients[0].kind = ClientKind::Honest;
        play.run_for(3.0);
    }
    assert!(play.clients[0].is_connected());
    let counters = play.counters();
    assert!(counters.faults.total() >= 8 && counters.escalations.total() == 0, "{counters:?}");
}
