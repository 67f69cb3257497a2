//! Rooms of a node that is gone, whose folder the others share: they go on at those that have room for them.

use std::time::Instant;

use serde_json::{Value, json};

use crate::fleet::{Fleet, LONG, LONGEST};
use crate::players::Players;
use crate::redis::RedisServer;

/// The key of a back end.
const API_KEY: &str = "canary-api-key-0123456789";

/// Rooms in which two play each, every one at the node that `at` says.
fn playing(fleet: &Fleet, rooms: usize, at: impl Fn(usize) -> usize) -> Players {
    let mut players = Players::crowd(71, rooms, 2);
    players.enter(0..rooms, |room| fleet.udp(at(room)), LONG);
    assert!(players.play_until(LONGEST, |all| all.iter().all(|player| player.newest() > 30)));
    let are_claimed = |fleet: &Fleet| {
        (0..rooms).all(|room| fleet.claim(1, &format!("room-{room}"))["node"] == crate::fleet::name(at(room)))
    };
    assert!(players.play_until(LONGEST, |_| are_claimed(fleet)));
    players
}

fn are_at_one_each(fleet: &Fleet, rooms: usize) -> bool {
    let found = fleet.rooms();
    found.len() == rooms && found.values().all(|nodes| nodes.len() == 1)
}

#[test]
fn rooms_of_a_node_that_is_gone_are_spread_over_the_others_at_the_first_try() {
    let Some(redis) = RedisServer::start() else { return };
    let mut fleet = Fleet::start_sharing(&redis, 3, "tick", Vec::new());
    let players = playing(&fleet, 6, |_| 0);
    drop(players);
    fleet.kill(0);
    let killed = Instant::now();
    fleet.until("all rooms are there again", |fleet| are_at_one_each(fleet, 6));
    println!("six rooms go on {} ms after the kill", killed.elapsed().as_millis());
    let at = |nth: usize| fleet.rooms().values().filter(|nodes| nodes.contains(&nth)).count();
    assert_eq!((at(1), at(2)), (3, 3), "{:?}", fleet.rooms());
    let said = [fleet.said(1), fleet.said(2)].concat();
    assert!(!said.contains("does not answer") && !said.contains("a room does not move"), "{said}");
}

#[test]
fn what_no_node_takes_stays_in_the_folder_and_goes_on_when_one_can() {
    let Some(redis) = RedisServer::start() else { return };
    let full = vec![("FRAMEKEEP__ROOMS__ROOMS_MAX", "2".to_owned())];
    let mut fleet = Fleet::start_sharing(&redis, 3, "tick", full);
    // The first has two rooms, the second as well, and the third one more place.
    let players = playing(&fleet, 5, |room| [0, 0, 1, 1, 2][room]);
    fleet.kill(0);
    let said = |fleet: &Fleet| [fleet.said(1), fleet.said(2)].concat();
    fleet.until("one of both is taken", |fleet| are_at_one_each(fleet, 4));
    fleet.until("the other is left", |fleet| said(fleet).contains("no node takes what is left"));
    drop(players);
    assert!(!said(&fleet).contains("the rooms of a node that is gone go on at others"), "{}", said(&fleet));
    assert_eq!(fleet.operate(1, "DELETE", "/admin/v1/rooms/room-2", "").status, 204);
    fleet.until("the other goes on", |fleet| {
        ["room-0", "room-1"].iter().all(|room| phase(fleet, room) == "playing")
    });
    assert!(are_at_one_each(&fleet, 4), "{:?}", fleet.rooms());
    fleet.until("that is told", |fleet| said(fleet).contains("go on at others"));
}

/// Nodes that keep their rooms when they are stopped, and four rooms that are played in at the first.
fn keeping(redis: &RedisServer) -> (Fleet, Players) {
    let keep =
        vec![("FRAMEKEEP__DRAIN__UNFINISHED", "keep".to_owned()), ("FRAMEKEEP_API_KEY", API_KEY.to_owned())];
    let fleet = Fleet::start_sharing(redis, 3, "tick", keep);
    let players = playing(&fleet, 4, |_| 0);
    (fleet, players)
}

/// Whether all four are played, each at the one node that the directory names.
fn play_on(fleet: &Fleet) -> bool {
    let found = fleet.rooms();
    are_at_one_each(fleet, 4)
        && found.iter().all(|(room, at)| {
            let owner = fleet.claim(1, room)["node"].clone();
            phase(fleet, room) == "playing" && owner == crate::fleet::name(at[0])
        })
}

#[test]
fn rooms_that_a_node_keeps_as_it_stops_go_on_at_the_others_and_nobody_gets_their_names() {
    let Some(redis) = RedisServer::start() else { return };
    let (mut fleet, players) = keeping(&redis);
    let before: Vec<_> = (0..4).map(|room| tick(&fleet, &format!("room-{room}"))).collect();
    drop(players);
    fleet.stop(0);
    let new = json!({ "name": "room-0", "game": "arena", "seats": 2 }).to_string();
    let bearer = format!("Bearer {API_KEY}");
    let to = fleet.node(1).at("http");
    let opened = crate::http::ask(to, "POST", "/api/v1/rooms", &[("Authorization", &bearer)], &new);
    assert_eq!(opened.status, 409, "{}", opened.body);
    fleet.until("all go on", play_on);
    for (room, before) in before.iter().enumerate() {
        assert!(tick(&fleet, &format!("room-{room}")) >= *before, "no tick is lost that was shown");
    }
    let said = [fleet.said(1), fleet.said(2)].concat();
    assert!(!said.contains("a room is closed here"), "{said}");
}

#[test]
fn rooms_that_a_node_keeps_are_its_own_or_an_heirs_if_it_is_back_at_once_and_never_both() {
    let Some(redis) = RedisServer::start() else { return };
    let (mut fleet, players) = keeping(&redis);
    drop(players);
    fleet.stop(0);
    fleet.nodes[0] = Some(fleet.seed(0).start());
    fleet.until("all go on", play_on);
    let said = [fleet.said(0), fleet.said(1), fleet.said(2)].concat();
    assert!(!said.contains("a room is closed here"), "{said}");
}

fn tick(fleet: &Fleet, room: &str) -> u64 {
    row(fleet, room)["tick"].as_u64().unwrap_or(0)
}

fn phase(fleet: &Fleet, room: &str) -> String {
    row(fleet, room)["phase"].as_str().unwrap_or_default().to_owned()
}

fn row(fleet: &Fleet, room: &str) -> Value {
    let Some(nth) = fleet.nodes_of(room).first().copied() else { return Value::Null };
    let path = format!("/api/v1/rooms/{room}");
    let reply = crate::http::ask(fleet.node(nth).at("http"), "GET", &path, &[], "");
    serde_json::from_str(&reply.body).unwrap_or_default()
}
