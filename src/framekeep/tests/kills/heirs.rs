//! Rooms of a node that is gone, whose folder the others share: they go on at those that have room for them.

use std::time::Instant;

use serde_json::Value;

use crate::fleet::{Fleet, LONG, LONGEST};
use crate::players::Players;
use crate::redis::RedisServer;

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

fn phase(fleet: &Fleet, room: &str) -> String {
    let Some(nth) = fleet.nodes_of(room).first().copied() else { return String::new() };
    let path = format!("/api/v1/rooms/{room}");
    let reply = crate::http::ask(fleet.node(nth).at("http"), "GET", &path, &[], "");
    let row: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    row["phase"].as_str().unwrap_or_default().to_owned()
}
