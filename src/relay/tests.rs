//! Both ends over a pipe in memory, on a clock that the tests move: what a player and what watchers see.

mod golden;
mod lost;
mod moves;
mod stage;
mod watching;

use framekeep_gate::Order;
use framekeep_protocol::{CloseReason, Refusal, ToClient, ToServer};

use stage::{Client, HERE, Stage, THERE, event, joined};

/// A player who is connected here joins a room that is there.
fn play(stage: &mut Stage, number: u64) -> Client {
    let client = stage.client(number);
    stage.join(&client, false);
    client
}

#[test]
fn a_player_plays_in_a_room_of_another_node() {
    let mut stage = Stage::new();
    let client = play(&mut stage, 1);
    let there = stage.there.only_link();
    stage.there.tell(there, &joined(0, 1), 7);
    stage.run();
    assert_eq!(client.told(), [ToClient::Admitted { player: client.player }, joined(0, 1)]);
    assert_eq!(client.answers(), [0, 7]);
    // The link at home is closed: the player is in one place.
    let at_home = stage.here.orders();
    assert!(matches!(at_home[..], [Order::Close(link)] if link == client.link), "{at_home:?}");
    stage.order(Order::Say(client.link, 8, ToServer::Chat { text: "hello".to_owned() }));
    let input = framekeep_gate::WebInput { tick: None, bits: 5 };
    stage.order(Order::Input(client.link, input));
    stage.run();
    let heard = stage.there.orders();
    assert!(
        matches!(&heard[..], [Order::Say(_, 8, ToServer::Chat { .. }), Order::Input(_, got)] if *got == input)
    );
    stage.there.tell(there, &event(2), 0);
    stage.there.tell(there, &ToClient::Refused(Refusal::NotHost), 8);
    stage.there.show(&[there], 3);
    stage.run();
    assert_eq!(client.told(), [event(2), ToClient::Refused(Refusal::NotHost)]);
    assert_eq!(client.ticks(), [3]);
}

#[test]
fn a_server_hears_that_nobody_waits_for_a_link_and_leaves_its_ticket_for_the_next_try() {
    let mut stage = Stage::new();
    let client = stage.client(1);
    let home = stage.here.only_link();
    assert!(!stage.here.is_gone(home));
    client.hang_up();
    assert!(stage.here.is_gone(home));
}

#[test]
fn who_leaves_is_at_home_again_and_may_join_a_room_here() {
    let mut stage = Stage::new();
    let client = play(&mut stage, 1);
    let there = stage.there.only_link();
    stage.there.tell(there, &joined(0, 1), 7);
    stage.run();
    client.told();
    stage.here.orders();
    stage.order(Order::Say(client.link, 9, ToServer::Leave));
    stage.run();
    let left = ToClient::Left { reason: framekeep_protocol::LeftReason::Asked };
    stage.there.tell(there, &left, 9);
    stage.run();
    assert_eq!(client.told(), [left]);
    assert!(stage.there.orders().iter().any(|order| matches!(order, Order::Close(_))));
    let opened = stage.here.orders();
    assert!(matches!(&opened[..], [Order::Open(_)]), "{opened:?}");
    let home = stage.here.only_link();
    stage.here.tell(home, &ToClient::Admitted { player: client.player }, 0);
    stage.places.put("friday", crate::Place::Nowhere);
    stage.join(&client, false);
    let said = stage.here.orders();
    assert!(matches!(&said[..], [Order::Say(link, 7, ToServer::Join(_))] if *link == home), "{said:?}");
    stage.here.tell(home, &joined(1, 4), 7);
    assert_eq!(client.told(), [joined(1, 4)], "it was admitted once");
}

#[test]
fn a_room_that_refuses_leaves_the_player_where_it_was() {
    let mut stage = Stage::new();
    let client = play(&mut stage, 1);
    let there = stage.there.only_link();
    let refusal = ToClient::Refused(Refusal::RoomLocked { room: "friday".parse().unwrap() });
    stage.there.tell(there, &refusal, 7);
    stage.run();
    assert_eq!(client.told()[1..], [refusal]);
    assert_eq!((stage.here.orders().len(), stage.there.links()), (0, 0), "the link at home was never closed");
}

#[test]
fn a_client_that_takes_nothing_is_given_up_and_nobody_else() {
    let mut stage = Stage::new();
    let (slow, quick) = (play(&mut stage, 1), play(&mut stage, 2));
    let links = stage.there.all_links();
    for link in &links {
        stage.there.tell(*link, &joined(0, 1), 7);
    }
    stage.run();
    slow.take_only(3);
    for number in 2..40 {
        for link in &links {
            stage.there.tell(*link, &event(number), 0);
        }
        stage.run();
    }
    assert!(slow.is_gone() && !quick.is_gone());
    assert_eq!(quick.told().len(), 40);
    let closed = stage.there.orders();
    assert!(matches!(closed[..], [Order::Close(link)] if link == links[0]), "{closed:?}");
}

#[test]
fn a_link_whose_connection_does_not_drain_is_closed_there() {
    let mut stage = Stage::new();
    let client = play(&mut stage, 1);
    let there = stage.there.only_link();
    stage.there.tell(there, &joined(0, 1), 7);
    let told = (2..2_000).filter(|number| stage.there.tell(there, &event(*number), 0)).count();
    assert!((200..=crate::LINK_MESSAGES_MAX).contains(&told), "{told}");
    drop(client);
}

#[test]
fn a_gateway_lets_players_in_itself_and_opens_rooms_where_least_is_done() {
    let mut stage = Stage::without_rooms();
    let client = stage.client(1);
    assert_eq!(client.told(), [ToClient::Admitted { player: client.player }]);
    stage.order(Order::Say(client.link, 6, ToServer::Ready { ready: true }));
    assert_eq!(client.told(), [ToClient::Refused(Refusal::NotInRoom)]);
    stage.places.put("friday", crate::Place::Nowhere);
    stage.join(&client, false);
    assert_eq!(client.told(), [ToClient::Refused(Refusal::NoSuchRoom { room: "friday".parse().unwrap() })]);
    stage.places.least_loaded(Some(THERE));
    stage.join(&client, true);
    let there = stage.there.only_link();
    stage.there.tell(there, &joined(0, 1), 7);
    stage.run();
    assert_eq!(client.told(), [joined(0, 1)]);
    assert_ne!(HERE, THERE);
}

#[test]
fn a_gateway_that_stops_says_that_it_will_be_back_and_lets_nobody_in_again() {
    let mut stage = Stage::without_rooms();
    let client = stage.client(1);
    client.told();
    stage.near.say_goodbye();
    assert_eq!(client.told(), [ToClient::Closing { reason: CloseReason::Restarting }]);
    assert_eq!(stage.client(2).told(), [ToClient::Refused(Refusal::ShuttingDown)]);
}
