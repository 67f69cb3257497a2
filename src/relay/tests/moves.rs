//! Rooms that move to another node while clients are in them.

use std::time::Duration;

use framekeep_gate::Order;
use framekeep_protocol::{CloseReason, Redirect, ToClient, ToServer};
use framekeep_sim::Tick;

use super::play;
use super::stage::{HERE, Stage, event, joined, room};
use crate::{PeerId, Place};

fn redirect(to: PeerId) -> ToClient {
    let (room, address) = ("friday".parse().unwrap(), format!("node {}", to.0));
    ToClient::Redirect(Redirect { room, tick: Tick(9), address, token: vec![7; 256] })
}

const MOVED: ToClient = ToClient::Closing { reason: CloseReason::Moved };

#[test]
fn a_client_does_not_notice_that_its_room_moves() {
    let mut stage = Stage::new();
    let client = play(&mut stage, 1);
    let old = stage.there.only_link();
    stage.there.tell(old, &joined(0, 1), 7);
    stage.there.tell(old, &redirect(PeerId(3)), 0);
    stage.run();
    client.told();
    let new = stage.third.only_link();
    // Until the other node shows it the room, it plays on where it was.
    stage.there.tell(old, &event(2), 0);
    stage.third.tell(new, &ToClient::Admitted { player: client.player }, 0);
    stage.run();
    assert_eq!(client.told(), [event(2)]);
    stage.order(Order::Say(client.link, 8, ToServer::Ready { ready: true }));
    stage.run();
    assert!(matches!(&stage.there.orders()[..], [Order::Say(_, 8, _)]));
    stage.there.tell(old, &MOVED, 0);
    stage.pass(Duration::from_secs(1));
    stage.third.tell(new, &joined(0, 3), 0);
    stage.third.tell(new, &event(4), 0);
    stage.run();
    assert_eq!(client.told(), [room(0, 3), event(4)]);
    stage.pass(Duration::from_secs(60));
    assert_eq!((client.told(), stage.there.links(), stage.third.links()), (vec![], 0, 1));
}

#[test]
fn a_move_that_is_off_leaves_the_client_where_it_was() {
    let mut stage = Stage::new();
    let client = play(&mut stage, 1);
    let old = stage.there.only_link();
    stage.there.tell(old, &joined(0, 1), 7);
    stage.there.tell(old, &redirect(PeerId(3)), 0);
    stage.run();
    let new = stage.third.only_link();
    stage.third.tell(new, &ToClient::Closing { reason: CloseReason::Idle }, 0);
    stage.third.drop_link(new);
    stage.there.tell(old, &event(2), 0);
    stage.pass(Duration::from_secs(60));
    assert_eq!(client.told()[1..], [joined(0, 1), event(2)]);
    assert_eq!((stage.there.links(), stage.third.links()), (1, 0));
}

#[test]
fn a_room_that_moved_without_a_word_is_found_by_the_directory() {
    let mut stage = Stage::new();
    let client = play(&mut stage, 1);
    let old = stage.there.only_link();
    stage.there.tell(old, &joined(0, 1), 7);
    stage.run();
    stage.places.put("friday", Place::At(PeerId(3)));
    stage.there.tell(old, &MOVED, 0);
    stage.pass(Duration::from_secs(1));
    let new = stage.third.only_link();
    stage.third.tell(new, &joined(0, 3), 0);
    stage.run();
    assert_eq!(client.told()[1..], [joined(0, 1), room(0, 3)]);
}

#[test]
fn a_room_of_this_node_moves_away_with_its_clients() {
    let mut stage = Stage::new();
    stage.places.put("friday", Place::Here);
    let client = play(&mut stage, 1);
    let home = client.link;
    stage.here.orders();
    stage.here.tell(home, &joined(0, 1), 7);
    stage.here.tell(home, &redirect(PeerId(3)), 0);
    stage.run();
    stage.order(Order::Say(client.link, 8, ToServer::Ready { ready: true }));
    assert!(matches!(&stage.here.orders()[..], [Order::Say(_, 8, _)]), "it plays on here");
    let new = stage.third.only_link();
    stage.here.tell(home, &MOVED, 0);
    stage.here.drop_link(home);
    stage.run();
    stage.third.tell(new, &joined(0, 3), 0);
    stage.run();
    assert_eq!(client.told()[1..], [joined(0, 1), room(0, 3)]);
    stage.order(Order::Say(client.link, 9, ToServer::Leave));
    stage.run();
    assert!(stage.third.orders().iter().any(|order| matches!(order, Order::Say(_, 9, ToServer::Leave))));
}

#[test]
fn a_client_that_follows_by_itself_is_told_where_its_room_goes() {
    let mut stage = Stage::new();
    stage.places.put("friday", Place::Here);
    let client = play(&mut stage, 1);
    client.follow_rooms();
    stage.here.orders();
    stage.here.tell(client.link, &joined(0, 1), 7);
    stage.here.tell(client.link, &redirect(PeerId(3)), 0);
    stage.here.tell(client.link, &MOVED, 0);
    stage.here.drop_link(client.link);
    stage.run();
    assert_eq!(client.told()[1..], [joined(0, 1), redirect(PeerId(3)), MOVED]);
    assert_eq!((stage.third.links(), stage.near.links()), (0, 0), "nobody else goes there for it");
}

/// Nodes without a front door have no address for clients of one.
fn redirect_without_address() -> ToClient {
    let ToClient::Redirect(redirect) = redirect(PeerId(3)) else { unreachable!() };
    ToClient::Redirect(Redirect { address: String::new(), ..redirect })
}

#[test]
fn a_room_that_moves_to_a_node_without_an_address_is_found_at_once() {
    let mut stage = Stage::new();
    let client = play(&mut stage, 1);
    let old = stage.there.only_link();
    stage.there.tell(old, &joined(0, 1), 7);
    stage.there.tell(old, &redirect_without_address(), 0);
    stage.there.tell(old, &MOVED, 0);
    stage.run();
    // The directory may not know it yet.
    stage.pass(Duration::from_secs(1));
    assert_eq!(stage.third.links(), 0);
    stage.places.put("friday", Place::At(PeerId(3)));
    stage.pass(Duration::from_millis(200));
    let new = stage.third.only_link();
    stage.third.tell(new, &joined(0, 3), 0);
    stage.run();
    assert_eq!(client.told()[1..], [joined(0, 1), room(0, 3)]);
}

#[test]
fn a_room_of_this_node_moves_to_one_without_an_address() {
    let mut stage = Stage::new();
    stage.places.put("friday", Place::Here);
    let client = play(&mut stage, 1);
    let home = client.link;
    stage.here.orders();
    stage.here.tell(home, &joined(0, 1), 7);
    stage.here.tell(home, &redirect_without_address(), 0);
    stage.here.tell(home, &event(2), 0);
    stage.here.tell(home, &MOVED, 0);
    stage.here.drop_link(home);
    stage.pass(Duration::from_millis(300));
    stage.places.put("friday", Place::At(PeerId(3)));
    stage.pass(Duration::from_millis(200));
    let new = stage.third.only_link();
    stage.third.tell(new, &joined(0, 3), 0);
    stage.run();
    assert_eq!(client.told()[1..], [joined(0, 1), event(2), room(0, 3)]);
    assert!(!client.is_gone());
}

#[test]
fn a_room_of_another_node_moves_here_with_the_clients_that_are_here() {
    let mut stage = Stage::new();
    let client = play(&mut stage, 1);
    let old = stage.there.only_link();
    stage.there.tell(old, &joined(0, 1), 7);
    stage.run();
    stage.here.orders();
    stage.there.tell(old, &redirect(HERE), 0);
    stage.run();
    let home = stage.here.only_link();
    stage.places.put("friday", Place::Here);
    stage.there.tell(old, &MOVED, 0);
    stage.here.tell(home, &joined(0, 3), 0);
    stage.pass(Duration::from_secs(1));
    assert_eq!(client.told()[1..], [joined(0, 1), joined(0, 3)]);
    stage.order(Order::Say(client.link, 9, ToServer::Leave));
    stage.run();
    assert!(stage.here.orders().iter().any(|order| matches!(order, Order::Say(_, 9, ToServer::Leave))));
}
