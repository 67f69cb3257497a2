//! Rooms that move in a cluster over Redis: whose their names are, and who finds them.

use serde_json::{Value, json};

use crate::fleet::{self, Fleet, LONG, LONGEST};
use crate::players::{Player, Players};
use crate::redis::RedisServer;

fn play(players: &mut Players, ticks: u32) {
    let until = players.all.iter().map(Player::newest).max().unwrap_or(0) + ticks;
    let are_on = move |all: &[Player]| all.iter().all(|player| player.newest() >= until);
    assert!(players.play_until(LONGEST, are_on), "the match goes on");
}

/// Two nodes or more, and two players in a room of the first one.
fn playing(redis: &RedisServer, count: usize) -> (Fleet, Players) {
    let fleet = Fleet::start(redis, count, "second", Vec::new());
    let mut players = Players::crowd(41, 1, 2);
    players.enter(0..1, |_| fleet.udp(0), LONG);
    play(&mut players, 30);
    until(&fleet, &mut players, "its name is claimed", |fleet| fleet.claim(0, "room-0")["node"] == "eu0");
    (fleet, players)
}

/// Plays until something holds that takes a moment to be asked for.
fn until(fleet: &Fleet, players: &mut Players, what: &str, holds: impl Fn(&Fleet) -> bool) {
    let is_so = players.play_until(LONGEST, |_| holds(fleet));
    assert!(is_so, "never: {what}; {} {:?}", fleet.claim(0, "room-0"), fleet.rooms());
}

/// Lets the room go to another node, and plays until it is there.
fn go(fleet: &Fleet, players: &mut Players, from: usize, to: usize) {
    let wish = json!({ "node": fleet::name(to) }).to_string();
    let path = "/admin/v1/rooms/room-0/move";
    assert_eq!(fleet.operate(from, "POST", path, &wish).status, 200);
    until(fleet, players, "it has moved", |fleet| {
        fleet.operate(from, "GET", path, "").json()["state"] == "moved"
    });
}

fn epoch(claim: &Value) -> u64 {
    claim["epoch"].as_u64().expect("a number")
}

#[test]
fn the_directory_follows_a_room_and_every_node_sends_players_after_it() {
    let Some(redis) = RedisServer::start() else { return };
    let (fleet, mut players) = playing(&redis, 4);
    let mut before = epoch(&fleet.claim(0, "room-0"));
    for (from, to) in [(0, 1), (1, 2), (2, 0), (0, 1)] {
        go(&fleet, &mut players, from, to);
        // At once: it was handed over, not found out.
        let claims: Vec<Value> = (0..3).map(|nth| fleet.claim(nth, "room-0")).collect();
        assert!(claims.iter().all(|claim| claim["node"] == fleet::name(to)), "{claims:?}");
        assert!(epoch(&claims[0]) > before, "{claims:?}, before it {before}");
        before = epoch(&claims[0]);
        until(&fleet, &mut players, "it is at one node", |fleet| fleet.nodes_of("room-0") == [to]);
        play(&mut players, 60);
    }
    // It is kept under the number that was handed over, and not claimed again.
    let beats = players.all[0].newest() + 90;
    assert!(players.play_until(LONGEST, |all| all[0].newest() > beats));
    assert_eq!(epoch(&fleet.claim(2, "room-0")), before);
    // Whoever comes anew, to whatever node, gets to the room.
    for nth in [0, 2, 3] {
        players.come_back_to(fleet.udp(nth), LONG);
        let are_in = |all: &[Player]| all.iter().all(|player| player.starts == 2 && player.moves == 1);
        let came =
            players.play_until(LONGEST, |all| all.iter().all(|player| player.moves >= 1) && are_in(all));
        assert!(came, "{:?}\n{}", players.all[0].moves, fleet.logs());
        players.all.iter_mut().for_each(|player| player.starts = 1);
        play(&mut players, 30);
    }
    assert_eq!(fleet.nodes_of("room-0"), [1], "nobody opened another one");
    assert!(players.all.iter().all(|player| player.desyncs == 0));
}

#[test]
fn a_room_that_moves_while_redis_is_away_is_claimed_when_it_is_back() {
    let Some(mut redis) = RedisServer::start() else { return };
    let (fleet, mut players) = playing(&redis, 2);
    redis.kill();
    go(&fleet, &mut players, 0, 1);
    play(&mut players, 60);
    redis.start_again();
    until(&fleet, &mut players, "the directory knows", |fleet| fleet.claim(0, "room-0")["node"] == "eu1");
    let later = players.all[0].newest() + 60;
    assert!(players.play_until(LONGEST, |all| all[0].newest() > later));
    assert_eq!(fleet.nodes_of("room-0"), [1], "it is closed nowhere and open once");
    assert!(players.all.iter().all(|player| (player.desyncs, player.starts) == (0, 1)));
}
