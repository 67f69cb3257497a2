//! Connections and nodes that are lost.

use std::time::Duration;

use framekeep_gate::{GateFull, Order};
use framekeep_protocol::{CloseReason, LeftReason, Refusal, ToClient, ToServer};

use super::play;
use super::stage::{Stage, THERE, event, joined, room, watching};
use crate::{LOST_AFTER, PeerId, Place};

const LOST: ToClient = ToClient::Left { reason: LeftReason::Lost };

#[test]
fn a_connection_that_is_back_soon_goes_unnoticed() {
    let mut stage = Stage::new();
    let client = play(&mut stage, 1);
    let before = stage.there.only_link();
    stage.there.tell(before, &joined(0, 1), 7);
    stage.run();
    client.told();
    stage.reachable.clear();
    stage.cut(THERE);
    assert_eq!(stage.there.links(), 0, "the far end has closed its links");
    stage.pass(Duration::from_secs(1));
    // Meanwhile nothing that is said is lost: it is given back.
    let said = Order::Say(client.link, 8, ToServer::Leave);
    assert!(matches!(stage.near.order(said, stage.now), Err(GateFull::Busy(_))));
    stage.reachable.push(THERE);
    stage.pass(Duration::from_secs(2));
    let orders = stage.there.orders();
    assert!(orders.iter().any(|order| matches!(order, Order::Say(_, u64::MAX, ToServer::Join(_)))));
    let after = stage.there.only_link();
    stage.there.tell(after, &joined(0, 9), 0);
    let refusal = Refusal::AlreadyInRoom { room: "friday".parse().unwrap() };
    stage.there.tell(after, &ToClient::Refused(refusal), u64::MAX);
    stage.there.tell(after, &event(10), 0);
    stage.run();
    assert_eq!(client.told(), [room(0, 9), event(10)]);
    stage.pass(Duration::from_secs(20));
    assert_eq!(client.told(), []);
}

#[test]
fn a_node_that_stays_away_is_told_of_in_time() {
    let mut stage = Stage::new();
    let (player, watcher) = (play(&mut stage, 1), stage.client(2));
    stage.watch(&watcher);
    let links = stage.there.all_links();
    stage.there.tell(links[0], &joined(0, 1), 7);
    stage.there.tell(links[1], &watching(1), 7);
    stage.run();
    player.told();
    watcher.told();
    stage.reachable.clear();
    stage.cut(THERE);
    stage.pass(LOST_AFTER - Duration::from_millis(200));
    assert_eq!(player.told(), []);
    stage.pass(Duration::from_millis(400));
    assert_eq!((player.told(), watcher.told()), (vec![LOST], vec![LOST]));
    // They are at home again.
    assert_eq!(stage.here.all_links().len(), 2);
    stage.places.put("friday", Place::Nowhere);
    stage.join(&player, true);
    assert!(stage.here.orders().iter().any(|order| matches!(order, Order::Say(_, 7, ToServer::Join(_)))));
}

#[test]
fn a_room_that_comes_up_at_another_node_is_followed_there() {
    let mut stage = Stage::new();
    let client = play(&mut stage, 1);
    let there = stage.there.only_link();
    stage.there.tell(there, &joined(0, 1), 7);
    stage.run();
    client.told();
    stage.reachable.retain(|peer| *peer != THERE);
    stage.cut(THERE);
    stage.places.put("friday", Place::At(PeerId(3)));
    stage.pass(Duration::from_secs(2));
    let third = stage.third.only_link();
    stage.third.tell(third, &joined(0, 12), 0);
    stage.run();
    assert_eq!(client.told(), [room(0, 12)]);
    stage.order(Order::Say(client.link, 9, ToServer::Leave));
    stage.run();
    assert!(stage.third.orders().iter().any(|order| matches!(order, Order::Say(_, 9, ToServer::Leave))));
}

#[test]
fn a_room_that_others_open_again_is_waited_for_longer() {
    let mut stage = Stage::new();
    stage.places.lost_after(Duration::from_secs(15));
    let client = play(&mut stage, 1);
    let there = stage.there.only_link();
    stage.there.tell(there, &joined(0, 1), 7);
    stage.run();
    client.told();
    stage.reachable.retain(|peer| *peer != THERE);
    stage.cut(THERE);
    stage.places.put("friday", Place::Nowhere);
    stage.pass(Duration::from_secs(10));
    assert_eq!(client.told(), []);
    stage.places.put("friday", Place::At(PeerId(3)));
    stage.pass(Duration::from_secs(2));
    let third = stage.third.only_link();
    stage.third.tell(third, &joined(0, 12), 0);
    stage.run();
    assert_eq!(client.told(), [room(0, 12)]);
}

#[test]
fn a_seat_that_was_not_kept_is_told_of() {
    let mut stage = Stage::new();
    let client = play(&mut stage, 1);
    let before = stage.there.only_link();
    stage.there.tell(before, &joined(0, 1), 7);
    stage.run();
    client.told();
    stage.cut(THERE);
    stage.pass(Duration::from_secs(1));
    let after = stage.there.only_link();
    let refusal = Refusal::NoSuchRoom { room: "friday".parse().unwrap() };
    stage.there.tell(after, &ToClient::Refused(refusal), u64::MAX);
    stage.run();
    assert_eq!(client.told(), [LOST]);
}

#[test]
fn a_node_that_is_never_reached_refuses_in_time() {
    let mut stage = Stage::new();
    stage.reachable.clear();
    let client = play(&mut stage, 1);
    client.told();
    stage.pass(Duration::from_secs(6));
    assert_eq!(client.told(), [ToClient::Refused(Refusal::ShuttingDown)]);
    assert_eq!(stage.here.links(), 1);
}

#[test]
fn a_link_that_the_other_node_lets_go_is_tried_again() {
    let mut stage = Stage::new();
    let client = play(&mut stage, 1);
    let before = stage.there.only_link();
    stage.there.tell(before, &joined(0, 1), 7);
    stage.run();
    client.told();
    stage.there.drop_link(before);
    stage.pass(Duration::from_secs(1));
    let after = stage.there.only_link();
    assert_ne!(before, after);
    stage.there.tell(after, &joined(0, 5), 0);
    stage.run();
    assert_eq!(client.told(), [room(0, 5)]);
}

#[test]
fn a_player_whom_the_other_node_sends_away_is_sent_away_here_too() {
    const REMOVED: ToClient = ToClient::Left { reason: LeftReason::Removed };
    const KICKED: ToClient = ToClient::Closing { reason: CloseReason::Kicked };
    let mut stage = Stage::new();
    let (kicked, removed) = (play(&mut stage, 1), play(&mut stage, 2));
    let links = stage.there.all_links();
    for link in &links {
        stage.there.tell(*link, &joined(0, 1), 7);
    }
    stage.run();
    kicked.told();
    removed.told();
    stage.there.tell(links[0], &REMOVED, 0);
    stage.there.tell(links[0], &KICKED, 0);
    // Whom only the room's host removes stays at the node.
    stage.there.tell(links[1], &REMOVED, 0);
    stage.pass(Duration::from_secs(1));
    assert_eq!((kicked.told(), kicked.is_gone()), (vec![REMOVED, KICKED], true));
    assert_eq!((removed.told(), removed.is_gone()), (vec![REMOVED], false));
}
