//! Operators who watch rooms: they go along with them, and hold none.

use std::time::Duration;

use framekeep_protocol::Role;
use framekeep_server::{Room, ServerConfig, list_rooms};
use framekeep_tests::{Nodes, Scenario, room};

/// How many watch a room as it allows it, and how many operate the server.
fn watchers(room: Option<&Room>) -> (usize, usize) {
    room.map_or((0, 0), |room| (room.lobby.spectators().len(), room.lobby.operators().len()))
}

/// An operator who watches a room; gives the client's number.
fn oversee(play: &mut Scenario, room: &str) -> usize {
    let operator = play.come_as("operator", Role::Operator);
    watch(play, operator, room);
    operator
}

fn watch(play: &mut Scenario, operator: usize, room: &str) {
    play.run_until("connected", |play| play.clients[operator].is_connected());
    play.clients[operator].watch(room);
    play.run_until("it watches", |play| watchers(play.room_of(room)).1 == 1);
}

#[test]
fn an_operator_is_no_spectator_of_a_room_that_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_owned();
    let mut play = Scenario::with_config(81, |config| config.data = Some(data)).room("duel", 2);
    let operator = oversee(&mut play, "duel");
    play.run_for(3.0);
    assert_eq!(watchers(play.room_of("duel")), (0, 1));
    play.restart();
    assert_eq!(watchers(play.room_of("duel")), (0, 0), "nobody watches it");
    let tick = |play: &Scenario| play.stage("duel").unwrap().tick();
    let stood_at = tick(&play);
    play.reconnect(operator);
    watch(&mut play, operator, "duel");
    play.run_for(2.0);
    assert_eq!(watchers(play.room_of("duel")), (0, 1), "and beside its limit as before");
    assert_eq!(tick(&play), stood_at, "the match waits for somebody who plays it");
    play.reconnect(0);
    play.reconnect(1);
    play.run_until("all see it go on", |play| play.clients.iter().all(|client| client.hashes.len() > 30));
    play.assert_all_agree();
}

#[test]
fn an_operator_goes_along_with_a_room_that_moves_and_stays_one() {
    let mut nodes = Nodes::new(82, 2, None).link("wifi");
    nodes.rooms(1, 2);
    let operator = nodes.come_as("operator", Role::Operator);
    nodes.run_until("connected", |nodes| nodes.clients[operator].is_connected());
    nodes.clients[operator].watch(&room(0));
    nodes.run_until("it watches", |nodes| watchers(nodes.room_of(0, &room(0))) == (0, 1));
    nodes.run_for(3.0);
    for (from, to) in [(0, 1), (1, 0)] {
        nodes.send(&room(0), from, to);
        nodes.run_until("it is there", |nodes| nodes.owns(to, &room(0)));
        nodes.run_for(2.0);
        assert_eq!(watchers(nodes.room_of(to, &room(0))), (0, 1), "at node {to}");
        assert!(nodes.room_of(from, &room(0)).is_none());
    }
    for client in &nodes.clients {
        assert_eq!((client.crossings, client.refusals.len()), (2, 0), "{:?}", client.state());
        assert!(client.is_connected());
    }
    nodes.assert_all_agree();
}

#[test]
fn an_operator_holds_no_room_and_keeps_none_from_its_end() {
    let change = |config: &mut ServerConfig| {
        // Who is gone may come back for longer than the room lives.
        config.reconnect_grace = Duration::from_secs(3_600);
        config.room_life_max = Duration::from_secs(300);
    };
    let mut play = Scenario::with_config(83, change).long().room("duel", 2);
    play.run_for(2.0);
    let operator = oversee(&mut play, "duel");
    let [row] = &list_rooms(play.server.world())[..] else { panic!("one room") };
    assert_eq!(row.watching, 1);
    let holds: Vec<&str> = row.holds.iter().map(|hold| hold.what.as_str()).collect();
    assert_eq!(holds.iter().filter(|what| what.contains("player")).count(), 2, "two play: {holds:?}");
    for player in [0, 1] {
        play.clients[player].vanish();
    }
    play.run_for(250.0);
    play.clients[operator].say(&framekeep_protocol::ToServer::Leave);
    play.run_until("it has left", |play| watchers(play.room_of("duel")).1 == 0);
    watch(&mut play, operator, "duel");
    play.run_for(60.0);
    assert!(play.room_of("duel").is_none(), "nobody has played for as long as it may live");
}
