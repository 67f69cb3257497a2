//! Links through the front door: which of two acts for a player.

use std::sync::Mutex;

use framekeep_gate::StateView;
use framekeep_protocol::{
    CloseReason, JoinRoom, PlayerId, PlayerName, Role, RoomEventKind, RoomOptions, TokenId,
};

use super::*;
use crate::seating::tests::{ADA, BEGIN, join, server};
use crate::{NodeKey, Server};

/// Remembers what it is told.
#[derive(Default)]
struct Told(Mutex<Vec<ToClient>>, std::sync::atomic::AtomicBool);

impl LinkSink for Told {
    fn tell(&self, message: &ToClient, _to: u64) -> bool {
        self.0.lock().unwrap().push(message.clone());
        true
    }

    fn room(&self) -> usize {
        100
    }

    fn is_gone(&self) -> bool {
        self.1.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn capacity(&self) -> usize {
        100
    }

    fn show(&self, _view: &Arc<StateView>) {}

    fn let_go(&self) {}
}

/// A link with a ticket of its own.
fn come(world: &mut World, number: u8) -> Arc<Told> {
    come_as(world, ADA, number)
}

fn come_as(world: &mut World, player: PlayerId, number: u8) -> Arc<Told> {
    let sink = Arc::new(Told::default());
    come_with(world, player, number, &sink);
    sink
}

fn come_with(world: &mut World, player: PlayerId, number: u8, sink: &Arc<Told>) {
    let issued_at_s = BEGIN.as_secs() + u64::from(number);
    let ticket = Ticket {
        token_id: TokenId([number; 16]),
        player,
        name: PlayerName::try_from("ada".to_owned()).unwrap(),
        room: None,
        role: Role::Player,
        issued_at_s,
        expires_at_s: issued_at_s + 60,
    };
    let ticket = Box::new(crate::ticket::sealed(world.resource::<NodeKey>(), &ticket));
    let from = SocketAddr::from(([127, 0, 0, 1], 1));
    open(world, NewLink { link: id(number), ticket, from, views_hz: 0, sink: Arc::clone(sink) as _ });
}

fn id(number: u8) -> WebLinkId {
    WebLinkId(number.into())
}

#[test]
fn a_link_that_was_taken_over_cannot_sync_its_way_back_to_the_seat() {
    let mut server = server(|_| {});
    let world = server.world_mut();
    let first = come(world, 1);
    say(world, id(1), 1, &join(false));
    let second = come(world, 2);
    let told = |sink: &Told| sink.0.lock().unwrap().clone();
    assert_eq!(told(&first).last(), Some(&ToClient::Closing { reason: CloseReason::TakenOver }));
    let heard = told(&first).len();
    sync(world, id(1));
    let seat = world.query::<&Seat>().single(world).unwrap();
    assert_eq!(seat.link, entity_of(world, id(2)));
    assert_eq!(told(&first).len(), heard, "nothing more is told to it");
    assert!(matches!(told(&second)[..], [ToClient::Admitted { .. }, ToClient::Joined(_), ..]));
    server.pump_at(BEGIN + Duration::from_secs(5));
    let world = server.world_mut();
    assert_eq!(entity_of(world, id(1)), None);
    let seat = world.query::<&Seat>().single(world).unwrap();
    assert_eq!(seat.link, entity_of(world, id(2)), "the end of the first link takes nothing from the second");
    sync(world, id(2));
    let views = told(&second).into_iter().filter(|told| matches!(told, ToClient::Joined(_))).count();
    assert_eq!(views, 2, "who has the seat is shown the room again");
}

/// A link whose player alone plays a match.
fn alone(server: &mut Server) -> Arc<Told> {
    let world = server.world_mut();
    let sink = come(world, 1);
    say(world, id(1), 1, &solo("den"));
    assert!(seat_bits(server).is_some(), "the match runs");
    sink
}

fn solo(room: &str) -> ToServer {
    ToServer::Join(JoinRoom::seat(room.parse().unwrap(), Some(RoomOptions::new("rhythm", 1))))
}

fn press(server: &mut Server, bits: u64) {
    input(server.world_mut(), id(1), WebInput { tick: None, bits });
}

/// What the only player's input was in the newest frame; `None` where no match runs.
fn seat_bits(server: &mut Server) -> Option<(framekeep_sim::Mark, u64)> {
    let now = server.world().resource::<Clock>().now() + Duration::from_millis(200);
    server.pump_at(now);
    let world = server.world_mut();
    let stage = world.query::<&Stage>().iter(world).find(|stage| !stage.is_over())?;
    let seat = stage.frame.seat(0);
    Some((seat.mark, seat.bits))
}

#[test]
fn a_key_that_is_let_go_between_two_matches_is_not_pressed_in_the_next() {
    use framekeep_sim::Mark::Arrived;
    let mut server = server(|_| {});
    alone(&mut server);
    press(&mut server, 15);
    assert_eq!(seat_bits(&mut server), Some((Arrived, 15)));
    say(server.world_mut(), id(1), 2, &ToServer::Abort);
    assert_eq!(seat_bits(&mut server), None);
    press(&mut server, 0);
    say(server.world_mut(), id(1), 3, &ToServer::PlayAgain);
    seat_bits(&mut server);
    assert_eq!(seat_bits(&mut server), Some((Arrived, 0)));
    press(&mut server, 9);
    assert_eq!(seat_bits(&mut server), Some((Arrived, 9)));
    say(server.world_mut(), id(1), 4, &ToServer::Leave);
    say(server.world_mut(), id(1), 5, &solo("other"));
    seat_bits(&mut server);
    assert_eq!(seat_bits(&mut server), Some((Arrived, 0)), "and none is taken along to another room");
}

#[test]
fn a_seat_whose_connection_is_lost_is_held_and_does_nothing() {
    use framekeep_sim::Mark::{Absent, Arrived};
    let mut server = server(|_| {});
    let sink = alone(&mut server);
    press(&mut server, 15);
    assert_eq!(seat_bits(&mut server), Some((Arrived, 15)));
    leave(server.world_mut(), id(1));
    for _ in 0..20 {
        seat_bits(&mut server);
    }
    assert_eq!(seat_bits(&mut server).unwrap().0, Absent);
    let world = server.world_mut();
    let seat = world.query::<&Seat>().single(world).unwrap();
    assert!(seat.link.is_none() && seat.lost_at.is_some());
    assert_eq!(crate::sweep(world), 0);
    let room = world.resource::<crate::Rooms>().get(&"den".parse().unwrap()).unwrap();
    crate::events::closing_soon(world, room, 9);
    come_back(world, id(1));
    assert_eq!(seat_bits(&mut server), Some((Arrived, 0)), "nothing is pressed until the player says so");
    let told = sink.0.lock().unwrap();
    let is_back = |told: &ToClient| {
        let ToClient::Event(event) = told else { return false };
        matches!(event.kind, RoomEventKind::LinkBack { .. })
    };
    assert!(told.iter().any(is_back));
    let kind = RoomEventKind::ClosingSoon { in_s: 9 };
    let missed = |told: &ToClient| matches!(told, ToClient::Event(event) if event.kind == kind);
    assert!(told.iter().any(missed), "what happened meanwhile is told");
}

#[test]
fn who_comes_back_when_the_seat_is_gone_is_told() {
    let mut server = server(|_| {});
    let sink = alone(&mut server);
    leave(server.world_mut(), id(1));
    server.pump_at(BEGIN + Duration::from_secs(40));
    come_back(server.world_mut(), id(1));
    assert_eq!(sink.0.lock().unwrap().last(), Some(&ToClient::Left { reason: LeftReason::Lost }));
}

#[test]
fn a_full_node_still_takes_who_comes_back() {
    let mut server = server(|config| config.clients_max = 1);
    let world = server.world_mut();
    come(world, 1);
    let bob = come_as(world, PlayerId(2), 2);
    assert_eq!(bob.0.lock().unwrap()[..], [ToClient::Refused(Refusal::ServerFull { limit: 1 })]);
    let again = come(world, 3);
    assert!(matches!(again.0.lock().unwrap()[..], [ToClient::Admitted { .. }, ..]));
}

#[test]
fn who_hears_that_a_node_is_full_comes_in_later_with_the_same_ticket() {
    let mut server = server(|config| config.clients_max = 1);
    let world = server.world_mut();
    come(world, 1);
    let (bob, full) = (PlayerId(2), [ToClient::Refused(Refusal::ServerFull { limit: 1 })]);
    assert_eq!(come_as(world, bob, 2).0.lock().unwrap()[..], full);
    assert_eq!(come_as(world, bob, 2).0.lock().unwrap()[..], full, "still full, and the ticket still good");
    close(world, id(1));
    server.pump_at(BEGIN + Duration::from_secs(5));
    let world = server.world_mut();
    let is_in = |sink: Arc<Told>| matches!(sink.0.lock().unwrap()[..], [ToClient::Admitted { .. }, ..]);
    assert!(is_in(come_as(world, bob, 2)));
    assert_eq!(come_as(world, bob, 2).0.lock().unwrap()[..], [ToClient::Refused(Refusal::TicketReused)]);
}

#[test]
fn a_ticket_of_a_connection_that_is_gone_meanwhile_is_not_used_up() {
    let mut server = server(|_| {});
    let world = server.world_mut();
    let gone = Arc::new(Told(Mutex::default(), true.into()));
    come_with(world, ADA, 1, &gone);
    assert!(gone.0.lock().unwrap().is_empty() && world.resource::<WebLinks>().is_empty());
    assert!(matches!(come(world, 1).0.lock().unwrap()[..], [ToClient::Admitted { .. }, ..]));
}
