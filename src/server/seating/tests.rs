//! Which link acts for a seat, and for how long a seat without one is held.

use std::time::Duration;

use framekeep_protocol::{JoinRoom, PlayerName, Refusal, RoomOptions, Side, ToServer};

use super::*;
use crate::link::Control;
use crate::{Chance, Counters, Games, LinkStage, MemoryWire, NodeKey, Recorder, Server, admit, drill, sweep};

pub(crate) const BEGIN: Duration = Duration::from_secs(1_000);
pub(crate) const ADA: PlayerId = PlayerId(1);

/// A server that is driven by hand.
pub(crate) fn server(change: impl FnOnce(&mut ServerConfig)) -> Server {
    let mut config = ServerConfig { threads: 1, ..ServerConfig::default() };
    change(&mut config);
    let (wire, _end) = MemoryWire::pair(config.udp);
    let (games, key) = (Games::new(framekeep_games::registry()), NodeKey::new([1; 32]));
    let (clock, chance) = (Clock::manual(BEGIN), Chance::seeded(1));
    Server::new(config, games, key, Box::new(wire), clock, chance, Recorder::default())
}

pub(crate) fn come(server: &mut Server, player: PlayerId) -> Entity {
    let name = PlayerName::try_from(format!("p{}", player.0)).unwrap();
    drill::link(server.world_mut(), player, name)
}

pub(crate) fn join(spectate: bool) -> ToServer {
    let options = RoomOptions { spectators_max: 2, ..RoomOptions::new("arena", 2) };
    ToServer::Join(JoinRoom { spectate, ..JoinRoom::seat("den".parse().unwrap(), Some(options)) })
}

/// What a link is told with everything that waits on its lane, by a client that takes it all.
pub(crate) fn told(server: &mut Server, link: Entity) -> Vec<ToClient> {
    let mut other = framekeep_link::QuietRenet::new(Side::Client);
    let mut all = Vec::new();
    for round in 1..2_000 {
        let now = BEGIN + Duration::from_millis(20 * round);
        let Some(mut control) = server.world_mut().get_mut::<Control>(link) else { break };
        control.0.transmit(now, |payload| assert!(other.receive(now, payload).is_ok()));
        other.transmit(now, |payload| assert!(control.0.receive(now, payload).is_ok()));
        all.extend(std::iter::from_fn(|| other.poll(framekeep_protocol::CONTROL)));
    }
    all.iter().map(|bytes| ToClient::decode(bytes).unwrap()).collect()
}

/// A player in a room, with the seat and the link.
fn seated(change: impl FnOnce(&mut ServerConfig)) -> (Server, Entity, Entity) {
    let mut server = server(change);
    let link = come(&mut server, ADA);
    assert_eq!(drill::say(server.world_mut(), link, &join(false)), None);
    let seat = server.world().get::<Link>(link).unwrap().seat.unwrap();
    (server, seat, link)
}

/// A newer link takes the player over; it is still in greeting.
fn take_over(server: &mut Server, old: Entity) -> Entity {
    let world = server.world_mut();
    let seat = world.get::<Link>(old).unwrap().seat.unwrap();
    admit::supersede(world, old);
    let new = come(server, ADA);
    let nonce = [0; 16];
    let until = server.world().resource::<Clock>().now() + Duration::from_secs(5);
    let world = server.world_mut();
    world.get_mut::<Seat>(seat).unwrap().link = None;
    let mut link = world.get_mut::<Link>(new).unwrap();
    (link.seat, link.stage) = (None, LinkStage::Greeting { nonce, until });
    world.get_mut::<Seat>(seat).unwrap().lost_at = Some(until - Duration::from_secs(5));
    hold_seat(world, seat);
    new
}

fn admit_again(server: &mut Server, link: Entity) {
    server.world_mut().get_mut::<Link>(link).unwrap().stage = LinkStage::Admitted { games: Vec::new() };
    resume_seat(server.world_mut(), link);
}

#[test]
fn a_link_that_was_taken_over_does_not_get_the_seat_back() {
    let (mut server, seat, old) = seated(|_| {});
    let new = take_over(&mut server, old);
    admit_again(&mut server, new);
    resume_seat(server.world_mut(), old);
    assert_eq!(server.world().get::<Seat>(seat).unwrap().link, Some(new));
    assert_eq!(server.world().get::<Link>(old).unwrap().seat, None);
    server.pump_at(BEGIN + Duration::from_secs(8));
    assert_eq!(server.world().get::<Seat>(seat).unwrap().link, Some(new), "and nobody frees it");
    assert_eq!(server.world().resource::<Counters>().swept.total(), 0);
}

#[test]
fn a_link_that_is_being_closed_does_not_resume_its_seat() {
    let (mut server, seat, link) = seated(|_| {});
    admit::close_link(server.world_mut(), link, framekeep_protocol::CloseReason::Idle);
    server.world_mut().get_mut::<Seat>(seat).unwrap().link = None;
    resume_seat(server.world_mut(), link);
    assert_eq!(server.world().get::<Seat>(seat).unwrap().link, None);
}

#[test]
fn without_a_grace_a_link_that_is_taken_over_still_hands_its_seat_on() {
    let (mut server, seat, old) = seated(|config| config.reconnect_grace = Duration::ZERO);
    let new = take_over(&mut server, old);
    server.pump_at(BEGIN + Duration::from_millis(100));
    assert!(server.world().get::<Seat>(seat).is_some(), "held while the new link is greeted");
    admit_again(&mut server, new);
    assert_eq!(server.world().get::<Seat>(seat).unwrap().link, Some(new));
    drill::lose(server.world_mut(), new);
    server.pump_at(BEGIN + Duration::from_millis(200));
    assert!(server.world().get::<Seat>(seat).is_none(), "a link that is lost is not waited for");
}

#[test]
fn a_greeting_that_never_ends_holds_no_seat_for_ever() {
    let (mut server, seat, old) = seated(|config| config.reconnect_grace = Duration::ZERO);
    take_over(&mut server, old);
    server.pump_at(BEGIN + Duration::from_secs(5));
    server.pump_at(BEGIN + Duration::from_secs(6));
    assert!(server.world().get::<Seat>(seat).is_none());
}

#[test]
fn a_sweep_finds_a_seat_that_its_link_does_not_know_and_one_that_nothing_would_free() {
    let (mut server, seat, link) = seated(|_| {});
    server.world_mut().get_mut::<Link>(link).unwrap().seat = None;
    assert_eq!(sweep(server.world_mut()), 1);
    let world = server.world_mut();
    assert_eq!(world.get::<Seat>(seat).unwrap().link, None);
    world.resource_mut::<Rooms>().deadlines.cancel(Due::SeatGrace, seat);
    assert_eq!(sweep(world), 1);
    assert_eq!(sweep(world), 0, "and it is repaired");
    assert_eq!(world.resource::<Counters>().swept.0[7..9], [1, 1]);
}

#[test]
fn a_sweep_leaves_a_link_its_last_words_whose_player_is_gone_already() {
    let mut server = server(|_| {});
    let old = come(&mut server, ADA);
    admit::supersede(server.world_mut(), old);
    let new = come(&mut server, ADA);
    drill::lose(server.world_mut(), new);
    assert!(server.world().resource::<Players>().get(ADA).is_none());
    assert_eq!(sweep(server.world_mut()), 0);
    assert!(server.world().get::<Link>(old).is_some());
    server.pump_at(BEGIN + Duration::from_secs(5));
    assert!(server.world().get::<Link>(old).is_none(), "it goes when they are said");
}

#[test]
fn a_sweep_frees_the_place_of_a_member_for_whom_there_is_no_seat() {
    let (mut server, seat, link) = seated(|_| {});
    let eve = come(&mut server, PlayerId(2));
    let world = server.world_mut();
    assert_eq!(drill::say(world, eve, &join(true)), None);
    assert_eq!(sweep(world), 0);
    let &SeatOf(room) = world.get::<SeatOf>(seat).unwrap();
    world.despawn(seat);
    world.get_mut::<Link>(link).unwrap().seat = None;
    assert_eq!(world.get::<crate::Room>(room).unwrap().roster().taken(), 1);
    assert_eq!(sweep(world), 1);
    assert_eq!(world.get::<crate::Room>(room).unwrap().roster().taken(), 0);
    assert_eq!(sweep(world), 0, "and it is repaired");
    assert_eq!(world.resource::<Counters>().swept.0[9..], [1]);
}

#[test]
fn who_asks_for_the_same_place_again_is_shown_the_room_and_for_another_one_is_refused() {
    let mut server = server(|_| {});
    let (ada, eve) = (come(&mut server, ADA), come(&mut server, PlayerId(2)));
    let world = server.world_mut();
    assert_eq!(drill::say(world, ada, &join(false)), None);
    assert_eq!(drill::say(world, eve, &join(true)), None);
    let refused = Some(Refusal::AlreadyInRoom { room: "den".parse().unwrap() });
    assert_eq!(drill::say(world, eve, &join(false)), refused, "who watches and wants a seat has to leave");
    assert_eq!(drill::say(world, ada, &join(true)), refused);
    drill::hush(world, ada);
    assert_eq!(drill::say(world, ada, &join(false)), None);
    let told = told(&mut server, ada).remove(0);
    assert!(matches!(told, ToClient::Joined(view) if view.seat == 0));
}
