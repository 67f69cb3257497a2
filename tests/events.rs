//! What members are told: in one order, without waiting for anybody.

use bevy_ecs::prelude::Entity;
use framekeep_protocol::{JoinRoom, RoomEventKind, RoomOptions, StartRule, ToServer};
use framekeep_server::{Rooms, Seat, Seats, drill};
use framekeep_tests::Scenario;

/// Four members of a room that waits for its host.
fn four(seed: u64) -> Scenario {
    let options = RoomOptions { start: StartRule::Host, ..RoomOptions::new("arena", 4) };
    let mut play = Scenario::new(seed).link("lan");
    for name in ["host", "one", "two", "slow"] {
        let number = play.come(name);
        play.run_until("connected", |play| play.clients[number].is_connected());
        let join = JoinRoom::seat("den".parse().unwrap(), Some(options.clone()));
        play.clients[number].say(&ToServer::Join(join));
        play.run_for(0.2);
    }
    play
}

/// The links of all members.
fn links(play: &Scenario) -> impl Iterator<Item = Entity> {
    let world = play.server.world();
    let room = world.resource::<Rooms>().get(&"den".parse().unwrap()).unwrap();
    Seats::entities(world.get::<Seats>(room)).filter_map(|seat| world.get::<Seat>(seat)?.link)
}

/// Three members talk for some seconds; gives how long each thing that `one` heard had taken, in milliseconds.
fn talk(play: &mut Scenario, seconds: u32) -> Vec<u64> {
    let mut said = Vec::new();
    let (mut delays, mut heard) = (Vec::new(), play.clients[1].events.len());
    for turn in 0..seconds * 500 {
        if turn % 9 == 0 {
            let text = format!("{:<240}", said.len());
            for member in [0, 1, 2] {
                play.clients[member].say(&ToServer::Chat { text: text.clone() });
            }
            said.push(play.now());
        }
        play.turn();
        for event in &play.clients[1].events[heard..] {
            if let RoomEventKind::Chat { text, .. } = &event.kind {
                let number: usize = text.trim().parse().unwrap();
                delays.push((play.now() - said[number]).as_millis() as u64);
            }
        }
        heard = play.clients[1].events.len();
    }
    delays.sort_unstable();
    delays
}

#[test]
fn a_member_who_takes_nothing_delays_nobody_and_is_shown_the_room_later() {
    let mut healthy = four(61);
    let before = talk(&mut healthy, 7);
    let mut play = four(61);
    play.clients[3].set_partitioned(true);
    let after = talk(&mut play, 7);
    assert!(before.len() > 1_000 && after.len() >= before.len() - 9, "{} and {}", before.len(), after.len());
    let p99 = |delays: &[u64]| delays[delays.len() * 99 / 100];
    assert!(p99(&after) <= p99(&before) + 4, "p99 {} ms, {} ms without", p99(&after), p99(&before));
    assert!(play.counters().events_dropped > 100, "what waits is bounded: {:?}", play.counters());
    let waiting: Vec<usize> =
        links(&play).map(|link| drill::waiting_bytes(play.server.world(), link)).collect();
    let most = *waiting.iter().max().unwrap();
    // Half of the lane, and one more message of each kind that may not be left out.
    assert!((64 << 10..132 << 10).contains(&most), "{waiting:?} bytes wait");
    assert!(
        waiting.iter().filter(|bytes| **bytes > 8 << 10).count() == 1,
        "{waiting:?}: for one member alone"
    );
    play.clients[0].say(&ToServer::Lock { locked: true });
    play.run_for(0.3);
    play.clients[3].set_partitioned(false);
    play.run_for(8.0);
    let view = play.clients[3].room.clone().unwrap();
    assert!(view.locked, "the view stands for what was left out");
    assert_eq!(view.event, play.clients[1].events.last().unwrap().number);
    let numbers: Vec<u64> = play.clients[1].events.iter().map(|event| event.number).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1));
}
