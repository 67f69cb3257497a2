//! Two built servers of a cluster, one of which is killed in the middle of a move; and one that does not come back.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::fleet::{self, Fleet, LONG, LONGEST};
use crate::players::{Player, Players};
use crate::redis::RedisServer;

/// How long it may take until players are told that a room is lost.
const TOLD_WITHIN: Duration = Duration::from_secs(6);

/// What the source or the target says when a move has come that far.
const POINTS: [(usize, &str); 5] = [
    (0, "a room is about to move"),
    (0, "a room stands still"),
    (1, "a room of another node is durable here"),
    (0, "a room has moved"),
    (1, "a room of another node goes on here"),
];

fn newest(players: &Players) -> u32 {
    players.all.iter().map(Player::newest).max().unwrap_or(0)
}

fn play(fleet: &Fleet, players: &mut Players, ticks: u32) {
    let until = newest(players) + ticks;
    let are_on = move |all: &[Player]| all.iter().all(|player| player.newest() >= until);
    let goes_on = players.play_until(LONGEST, are_on);
    let troubles: Vec<_> = players.all.iter().map(|player| &player.troubles).collect();
    assert!(goes_on, "the match goes on, {troubles:?}\n{}", fleet.logs());
}

fn playing(redis: &RedisServer, durability: &'static str) -> (Fleet, Players) {
    let settings = vec![("FRAMEKEEP__LOG__LEVEL", "debug".to_owned())];
    let fleet = Fleet::start(redis, 2, durability, settings);
    let mut players = Players::crowd(51, 1, 2);
    players.enter(0..1, |_| fleet.udp(0), LONG);
    play(&fleet, &mut players, 30);
    let is_claimed = |_: &[Player]| fleet.claim(1, "room-0")["node"] == "eu0";
    assert!(players.play_until(LONGEST, is_claimed));
    (fleet, players)
}

/// Kills a node when a move has come to a point, starts it again, and lets the players ask the other one.
fn kill_at(
    fleet: &mut Fleet,
    players: &mut Players,
    (teller, said): (usize, &str),
    victim: usize,
    is_tick: bool,
) {
    let told = fleet.said(teller).matches(said).count();
    let wish = json!({ "node": fleet::name(1) }).to_string();
    assert_eq!(fleet.operate(0, "POST", "/admin/v1/rooms/room-0/move", &wish).status, 200);
    let is_there = |_: &[Player]| fleet.said(teller).matches(said).count() > told;
    assert!(players.play_until(LONGEST, is_there), "never: {said}\n{}", fleet.logs());
    players.all.iter_mut().for_each(|player| player.expects_trouble = true);
    fleet.kill(victim);
    // What is on its way is heard.
    players.play_until(Duration::from_millis(100), |_| false);
    let shown = newest(players);
    fleet.nodes[victim] = Some(fleet.seed(victim).start());
    let what = format!("{said}, node {victim} killed");
    fleet.until(&format!("it is at one node: {what}"), |fleet| {
        let at = fleet.nodes_of("room-0");
        at.len() == 1 && fleet.claim(0, "room-0")["node"] == fleet::name(at[0])
    });
    ask_until_in(fleet, players, 1 - victim);
    let are_on = |all: &[Player]| all.iter().all(|player| player.newest() > shown + 30);
    let troubles: Vec<_> = players.all.iter().map(|player| player.troubles.clone()).collect();
    assert!(
        players.play_until(LONGEST, are_on),
        "{what}: {shown} were shown, {troubles:?}\n{}",
        fleet.logs()
    );
    let first = players.all.iter().filter_map(|player| player.entered).min().expect("they are in");
    assert!(!is_tick || first >= shown, "{what}: {shown} ticks were shown, and it went on at {first}");
    assert_eq!(fleet.nodes_of("room-0").len(), 1, "{what}");
    for player in &mut players.all {
        assert_eq!(player.desyncs, 0, "{what}");
        (player.expects_trouble, player.starts) = (false, 1);
        player.troubles.clear();
    }
}

/// Brings the room back to the first node.
fn bring_back(fleet: &Fleet, players: &mut Players) {
    if fleet.nodes_of("room-0") == [0] {
        return;
    }
    let wish = json!({ "node": fleet::name(0) }).to_string();
    let asked = |fleet: &Fleet| fleet.operate(1, "POST", "/admin/v1/rooms/room-0/move", &wish);
    let is_back = |_: &[Player]| fleet.nodes_of("room-0") == [0] || asked(fleet).status > 500;
    assert!(players.play_until(LONGEST, is_back), "{}", fleet.logs());
    let is_owned = |_: &[Player]| fleet.claim(1, "room-0")["node"] == "eu0";
    assert!(players.play_until(LONGEST, is_owned));
}

/// Kills a node at every point of a move.
fn kill_at_each(victim: usize, durability: &'static str) {
    let Some(redis) = RedisServer::start() else { return };
    let (mut fleet, mut players) = playing(&redis, durability);
    for point in POINTS {
        kill_at(&mut fleet, &mut players, point, victim, durability == "tick");
        bring_back(&fleet, &mut players);
    }
}

#[test]
fn a_source_that_is_killed_at_any_point_leaves_one_owner() {
    kill_at_each(0, "second");
}

#[test]
fn a_target_that_is_killed_at_any_point_leaves_one_owner_and_loses_no_durable_tick() {
    kill_at_each(1, "tick");
}

#[test]
fn a_room_whose_node_is_gone_is_told_lost_by_the_others_in_time() {
    let Some(redis) = RedisServer::start() else { return };
    let (mut fleet, mut players) = playing(&redis, "second");
    players.all.iter_mut().for_each(|player| player.expects_trouble = true);
    fleet.kill(0);
    let killed = Instant::now();
    players.come_back_to(fleet.udp(1), LONG);
    let are_told = |all: &[Player]| all.iter().all(|player| !player.troubles.is_empty());
    assert!(players.play_until(LONGEST, are_told), "{}", fleet.logs());
    assert!(killed.elapsed() < TOLD_WITHIN, "{:?}", killed.elapsed());
    for player in &players.all {
        assert!(player.troubles[0].contains("room-0 is lost"), "{:?}", player.troubles);
    }
    assert_eq!(fleet.nodes_of("room-0").len(), 0, "nobody has opened it anew");
}

/// Asks a node for the room until it is there.
fn ask_until_in(fleet: &Fleet, players: &mut Players, nth: usize) {
    let begun = Instant::now();
    loop {
        for player in &mut players.all {
            player.troubles.clear();
            (player.expects_trouble, player.starts) = (true, 0);
        }
        players.come_back_to(fleet.udp(nth), LONG);
        let are_answered = |all: &[Player]| all.iter().all(|one| one.starts > 0 || !one.troubles.is_empty());
        // Whoever is sent to a node that was just killed hears nothing.
        players.play_until(Duration::from_secs(8), are_answered);
        assert!(begun.elapsed() < LONGEST, "{}", fleet.logs());
        if players.all.iter().all(|player| player.starts > 0) {
            return;
        }
    }
}

#[test]
fn rooms_of_a_node_that_is_gone_go_on_at_another_with_a_shared_disk_and_not_while_it_is_only_paused() {
    let Some(redis) = RedisServer::start() else { return };
    let (mut fleet, mut players) = {
        let fleet = Fleet::start_sharing(&redis, 3, "tick", Vec::new());
        let mut players = Players::crowd(61, 1, 2);
        players.enter(0..1, |_| fleet.udp(0), LONG);
        play(&fleet, &mut players, 30);
        let is_claimed = |_: &[Player]| fleet.claim(1, "room-0")["node"] == "eu0";
        assert!(players.play_until(LONGEST, is_claimed));
        (fleet, players)
    };
    // A node that only stands still for longer than its lease has its rooms still.
    fleet.node(0).signal(Signal::SIGSTOP);
    fleet.until("it is missed", |fleet| fleet.sees(1) == 2);
    let missed = Instant::now();
    fleet.until("others had time to do something", |_| missed.elapsed() > Duration::from_secs(3));
    assert_eq!(fleet.claim(1, "room-0")["id"].as_str().map(str::len), Some(16), "its name stays its own");
    assert!(!fleet.said(1).contains("a node that is gone") && !fleet.said(2).contains("a node that is gone"));
    fleet.node(0).signal(Signal::SIGCONT);
    play(&fleet, &mut players, 60);
    fleet.until("it is back", |fleet| fleet.sees(1) == 3);
    // One that is killed has not.
    let shown = newest(&players);
    let before = fleet.claim(1, "room-0")["epoch"].as_u64().expect("a number");
    fleet.kill(0);
    let killed = Instant::now();
    ask_until_in(&fleet, &mut players, 1);
    play(&fleet, &mut players, 30);
    println!("they play on {} ms after the kill", killed.elapsed().as_millis());
    let first = players.all.iter().filter_map(|player| player.entered).min().expect("they are in");
    assert!(first >= shown, "{shown} ticks were shown, and it went on at {first}");
    // Until the heir has it, the server that it started on the dead node's folder does.
    let is_at_one = |_: &[Player]| fleet.nodes_of("room-0").len() == 1;
    assert!(players.play_until(LONGEST, is_at_one), "{:?}", fleet.rooms());
    // And they follow it there before that server ends: nobody listens for them while others are waited for.
    play(&fleet, &mut players, 30);
    let at = fleet.nodes_of("room-0");
    let claim = fleet.claim(2, "room-0");
    assert_eq!(claim["node"], fleet::name(at[0]));
    assert!(claim["epoch"].as_u64() > Some(before), "{claim}, {before} before");
    // What was the dead node's comes back empty, and takes nothing from anybody.
    fleet.nodes[0] = Some(fleet.seed(0).start());
    fleet.until("it is back", |fleet| fleet.sees(1) == 3);
    play(&fleet, &mut players, 60);
    assert_eq!(fleet.nodes_of("room-0"), at);
    assert!(players.all.iter().all(|player| player.desyncs == 0));
}
