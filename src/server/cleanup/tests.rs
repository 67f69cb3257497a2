//! The tiers over a bare world, a room being any entity.

use framekeep_sim::Tick;

use super::*;
use crate::cleanup_stats::{CleanupBacklog, count_packet, discount_packet};
use crate::packet::{BufferedPacket, PacketKind, buffer_packets};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A world with a room that holds scores of two seats and a leaderboard.
fn room_with_packets(scores: u32) -> (World, Entity) {
    let mut world = World::new();
    world.insert_resource(Clock::manual(s(100)));
    world.init_resource::<ServerConfig>();
    world.init_resource::<Rooms>();
    world.init_resource::<CleanupStats>();
    world.add_observer(count_packet);
    world.add_observer(discount_packet);
    let room = world.spawn_empty().id();
    put_packets(&mut world, room, scores);
    (world, room)
}

fn put_packets(world: &mut World, room: Entity, scores: u32) {
    let made_at = world.resource::<Clock>().now();
    let packet =
        |kind, seat, tick| BufferedPacket { kind, seat, tick: Tick(tick), made_at, bytes: Box::new([1]) };
    for tick in 0..scores {
        let packets = (0..2).map(|seat| packet(PacketKind::Score, Some(seat), tick)).collect();
        buffer_packets(world, room, packets);
    }
    buffer_packets(world, room, vec![packet(PacketKind::Leaderboard, None, scores)]);
}

/// What a pump does with cleanups, at a time; gives the packets that went.
fn pump(world: &mut World, at: Duration, budget: usize) -> usize {
    world.resource_mut::<Clock>().set(at);
    let mut cleaned = 0;
    while let Some((due, room)) = world.resource_mut::<Rooms>().deadlines.pop(at) {
        assert_eq!(due, Due::Cleanup);
        cleaned += run_due(world, room, budget);
    }
    cleaned
}

fn counts(world: &World) -> [u64; 3] {
    world.resource::<CleanupStats>().packets
}

fn backlog(world: &mut World) -> CleanupBacklog {
    let now = world.resource::<Clock>().now();
    CleanupBacklog::of(world.query::<&Cleanups>().iter(world), now)
}

#[test]
fn the_packets_of_a_match_go_five_seconds_after_its_end() {
    let (mut world, room) = room_with_packets(10);
    match_ended(&mut world, room, true);
    assert_eq!(pump(&mut world, s(104), 100), 0);
    assert_eq!(backlog(&mut world), CleanupBacklog { tasks: 1, rooms: 1, oldest_age: s(4) });
    assert_eq!(pump(&mut world, s(105), 100), 21);
    assert_eq!((counts(&world), backlog(&mut world)), ([0, 0, 0], CleanupBacklog::default()));
    assert!(world.resource::<Rooms>().deadlines.is_empty());
    assert!(world.get_entity(room).is_ok(), "the room stays");
}

#[test]
fn a_player_who_leaves_or_aborts_takes_only_the_packets_of_that_seat() {
    let (mut world, room) = room_with_packets(10);
    player_left(&mut world, room, 1);
    assert_eq!(pump(&mut world, s(100), 100), 10);
    assert_eq!(counts(&world), [10, 0, 1]);
    player_aborted(&mut world, room, 0);
    assert_eq!(pump(&mut world, s(101), 100), 10);
    assert_eq!(counts(&world), [0, 0, 1], "the leaderboard stays");
}

#[test]
fn a_host_who_aborts_takes_all_seats_packets_at_once_and_the_rest_later() {
    let (mut world, room) = room_with_packets(10);
    match_ended(&mut world, room, false);
    host_aborted(&mut world, room);
    assert_eq!(backlog(&mut world).tasks, 2);
    assert_eq!(pump(&mut world, s(100), 100), 20);
    assert_eq!(counts(&world), [0, 0, 1]);
    assert_eq!(pump(&mut world, s(105), 100), 1);
    assert_eq!(world.resource::<CleanupStats>().finished, [1, 1, 0]);
}

#[test]
fn a_large_cleanup_goes_in_batches_one_a_pump() {
    let (mut world, room) = room_with_packets(40);
    match_ended(&mut world, room, true);
    let went: Vec<usize> = (0..6).map(|pumps| pump(&mut world, s(105) + s(pumps) / 100, 20)).collect();
    assert_eq!(went, [20, 20, 20, 20, 1, 0]);
}

#[test]
fn what_was_made_after_the_end_of_a_match_belongs_to_the_next() {
    let (mut world, room) = room_with_packets(3);
    match_ended(&mut world, room, true);
    world.resource_mut::<Clock>().set(s(103));
    put_packets(&mut world, room, 2);
    assert_eq!(pump(&mut world, s(105), 100), 7);
    assert_eq!(counts(&world), [4, 0, 1]);
}

#[test]
fn a_failing_cleanup_waits_longer_each_time_and_harms_no_other() {
    let (mut world, room) = room_with_packets(10);
    let other = world.spawn_empty().id();
    put_packets(&mut world, other, 5);
    world.insert_resource(CleanupFaults(Box::new(move |asked, _| {
        if asked == room { Err(CleanupError::Injected) } else { Ok(()) }
    })));
    match_ended(&mut world, room, true);
    match_ended(&mut world, other, true);
    let mut attempts = Vec::new();
    for at in 105..170 {
        let before = world.resource::<CleanupStats>().failures;
        let went = pump(&mut world, s(at), 100);
        assert_eq!(went, if at == 105 { 11 } else { 0 }, "only the other room's packets go");
        if world.resource::<CleanupStats>().failures > before {
            attempts.push(at);
        }
    }
    // 1, 2, 4, 8 seconds apart or up to a tenth less, at the forced time, and then every 16 or somewhat less.
    assert_eq!(attempts, [105, 106, 108, 112, 120, 130, 145, 160]);
    world.remove_resource::<CleanupFaults>();
    assert_eq!(pump(&mut world, s(178), 100), 21);
    let stats = world.resource::<CleanupStats>();
    assert_eq!((stats.failures, stats.retries, stats.forced), (8, 8, 1));
}

#[test]
fn a_cleanup_that_always_fails_is_given_up_and_the_next_one_takes_what_it_left() {
    let (mut world, room) = room_with_packets(10);
    world.insert_resource(CleanupFaults(Box::new(|_, _| Err(CleanupError::Injected))));
    match_ended(&mut world, room, true);
    for at in 105..800 {
        pump(&mut world, s(at), 100);
    }
    let stats = world.resource::<CleanupStats>();
    assert_eq!((stats.failures, stats.retries, stats.given_up), (21, 20, 1));
    assert_eq!(backlog(&mut world), CleanupBacklog::default());
    world.remove_resource::<CleanupFaults>();
    match_ended(&mut world, room, true);
    assert_eq!(pump(&mut world, s(805), 100), 21);
}

#[test]
fn a_cleanup_that_panics_is_caught_and_tried_again() {
    let (mut world, room) = room_with_packets(1);
    world.insert_resource(CleanupFaults(Box::new(|_, _| panic!("a fault of the test"))));
    match_ended(&mut world, room, true);
    assert_eq!(pump(&mut world, s(105), 100), 0);
    world.remove_resource::<CleanupFaults>();
    assert_eq!(pump(&mut world, s(106), 100), 3);
}

#[test]
fn a_closing_room_is_cleaned_in_the_order_of_the_tiers() {
    let (mut world, room) = room_with_packets(10);
    match_ended(&mut world, room, false);
    room_closing(&mut world, room);
    let stats = world.resource::<CleanupStats>();
    assert_eq!(stats.cleaned, [[20, 0, 0], [0, 0, 1], [0, 0, 0]]);
    assert_eq!((stats.finished, stats.packets), ([1, 1, 1], [0, 0, 0]));
    assert!(world.resource::<Rooms>().deadlines.is_empty() && world.get::<Cleanups>(room).is_none());
}
