//! Several nodes as one: a real Redis, three real servers, tickets through all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::http::{self, Reply};
use crate::redis::RedisServer;
use crate::serving::{API_KEY, LONGEST, Serving};

const MODES: &str = r#"
[[mode]]
name = "duel"
game = "arena"
teams = 2
team_seats = 1
rating = { start = 200, per_s = 400, max = 2000 }

[[mode]]
name = "pairs"
game = "arena"
teams = 2
team_seats = 2
ready_check_s = 30

[[mode]]
name = "brawl"
game = "arena"
team_seats = 4
fewer = { after_s = 3, team_seats_min = 2 }
"#;

const TICKETS: &str = "/api/v1/matchmaking/tickets";

/// Nodes of one cluster; those that were killed are gone.
struct Nodes {
    serving: Vec<Serving>,
    asked: usize,
}

impl Nodes {
    /// Starts them and waits until all of them see all, and one of them coordinates.
    fn start(redis: &RedisServer, count: usize) -> Self {
        let url = redis.url();
        let start = |nth: usize| {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join("modes.toml"), MODES).expect("a file");
            let name = format!("node-{nth}");
            Serving::start_in(
                folder,
                &[
                    ("FRAMEKEEP__MATCHMAKING__MODES", "modes.toml"),
                    ("FRAMEKEEP__HTTP__KEY_REQUESTS_PER_S", "0"),
                    ("FRAMEKEEP__CLUSTER__REDIS_URL", &url),
                    ("FRAMEKEEP__CLUSTER__PEER", "127.0.0.1:0"),
                    ("FRAMEKEEP__CLUSTER__ALONE_AFTER_S", "2"),
                    ("FRAMEKEEP__NET__NAME", &name),
                    ("FRAMEKEEP__LOG__LEVEL", "info"),
                ],
            )
        };
        let nodes = Self { serving: (0..count).map(start).collect(), asked: 0 };
        nodes.until_together();
        nodes
    }

    fn until_together(&self) {
        let count = self.serving.len();
        for serving in &self.serving {
            serving.until("all nodes are one cluster", |serving| {
                let seen = together(serving);
                let nodes = seen["nodes"].as_array().cloned().unwrap_or_default();
                let is_there = seen["redis_away_ms"] == 0 && nodes.len() == count;
                is_there && nodes.iter().any(|node| node["id"] == seen["coordinator"])
            });
        }
    }

    /// Asks one node after the other.
    fn ask(&mut self, method: &str, path: &str, body: &Value) -> Reply {
        self.asked += 1;
        ask(&self.serving[self.asked % self.serving.len()], method, path, body)
    }

    /// Sends a ticket until it is taken.
    fn submit(&mut self, ticket: &Value) {
        let begun = Instant::now();
        loop {
            let reply = self.ask("POST", TICKETS, ticket);
            if reply.status == 201 {
                return;
            }
            assert!(reply.status == 503 && begun.elapsed() < LONGEST, "{} {}", reply.status, reply.body);
        }
    }

    /// Kills the coordinator without a word.
    fn kill_coordinator(&mut self) {
        let coordinator = together(&self.serving[0])["coordinator"].clone();
        let nth = self.serving.iter().position(|serving| together(serving)["node"] == coordinator);
        let killed = self.serving.remove(nth.expect("it is one of them"));
        killed.signal(Signal::SIGKILL);
        killed.end();
    }
}

fn ask(serving: &Serving, method: &str, path: &str, body: &Value) -> Reply {
    let key = format!("Bearer {API_KEY}");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    http::ask(serving.http, method, path, &[("Authorization", &key)], &body)
}

fn together(serving: &Serving) -> Value {
    serving.get("/api/v1/cluster").json()["together"].clone()
}

/// A ticket whose players are `first` and those after it.
fn ticket(first: u64, size: u64, mode: &str) -> Value {
    let member = |player: u64| {
        let (id, name) = (format!("{player:016x}"), format!("p{player}"));
        json!({ "player": id, "name": name, "rating": 1_000 + player % 300 })
    };
    let party: Vec<_> = (first..first + size).map(member).collect();
    json!({ "id": format!("{first:032x}"), "game": "arena", "mode": mode, "party": party })
}

fn id(ticket: &Value) -> String {
    ticket["id"].as_str().expect("an id").to_owned()
}

fn mixed(count: u64) -> Vec<Value> {
    let modes = ["duel", "pairs", "brawl"];
    let one = |number: u64| {
        let mode = modes[(number % 3) as usize];
        ticket(1 + number * 8, if mode == "pairs" && number.is_multiple_of(2) { 2 } else { 1 }, mode)
    };
    (0..count).map(one).collect()
}

/// What was seen of tickets that have their match.
#[derive(Default)]
struct Seen {
    rooms: BTreeMap<String, BTreeSet<String>>,
    players: BTreeSet<String>,
    waited_ms: Vec<u64>,
    nodes: BTreeSet<String>,
}

impl Seen {
    fn note(&mut self, status: &Value) {
        let room = status["room"].as_str().expect("a room").to_owned();
        let places = status["match"]["places"].as_array().expect("places");
        let of_room = places.iter().map(|place| place["player"].as_str().expect("a player").to_owned());
        let of_room: BTreeSet<_> = of_room.collect();
        let before = self.rooms.insert(room, of_room.clone());
        assert!(before.is_none_or(|before| before == of_room), "one room, one match: {status}");
        for minted in status["tickets"].as_array().expect("tickets") {
            let player = minted["player"].as_str().expect("a player").to_owned();
            assert!(of_room.contains(&player), "{status}");
            assert!(self.players.insert(player), "nobody is in two tickets' matches: {status}");
        }
        self.waited_ms.push(status["waited_ms"].as_u64().expect("a time"));
        self.nodes.insert(status["http"].as_str().expect("where its node is").to_owned());
    }

    fn wait_p99(&mut self) -> u64 {
        self.waited_ms.sort_unstable();
        self.waited_ms[(self.waited_ms.len() * 99 / 100).min(self.waited_ms.len() - 1)]
    }
}

/// Asks all nodes in turn until everybody for whom there is a match has one, and answers for those who are asked.
fn until_matched(nodes: &mut Nodes, mut waiting: Vec<Value>, rest: usize, within: Duration) -> Seen {
    let (mut seen, begun) = (Seen::default(), Instant::now());
    while waiting.len() > rest {
        assert!(begun.elapsed() < within, "{} have no match", waiting.len());
        waiting.retain(|ticket| {
            let path = format!("{TICKETS}/{}", id(ticket));
            let status = nodes.ask("GET", &path, &Value::Null).json();
            for player in status["why"]["unanswered"].as_array().into_iter().flatten() {
                nodes.ask("POST", &format!("{path}/answer"), &json!({ "player": player, "accept": true }));
            }
            if status["code"] == "store_away" {
                return true;
            }
            let state = status["state"].as_str().unwrap_or_default();
            assert!(["waiting", "asked", "opening", "matched"].contains(&state), "{ticket}: {status}");
            if state == "matched" {
                seen.note(&status);
            }
            state != "matched"
        });
    }
    let seats: usize = seen.rooms.values().map(BTreeSet::len).sum();
    assert!(seats >= seen.players.len(), "{seats} seats");
    seen
}

/// Tickets through all nodes, the coordinator killed in the middle.
fn crowd(count: u64, within: Duration) {
    let Some(redis) = RedisServer::start() else { return };
    let mut nodes = Nodes::start(&redis, 3);
    let tickets = mixed(count);
    for (nth, ticket) in tickets.iter().enumerate() {
        if nth == tickets.len() / 2 {
            nodes.kill_coordinator();
        }
        nodes.submit(ticket);
    }
    let begun = Instant::now();
    // Of pairs up to three players may be left over, and one of each other mode.
    let mut seen = until_matched(&mut nodes, tickets, 5, within);
    assert!(seen.nodes.len() >= 2, "matches are at all nodes: {:?}", seen.nodes);
    println!(
        "{count} tickets: {} rooms, {} players, waited p99 {} ms, {} ms after the last was sent",
        seen.rooms.len(),
        seen.players.len(),
        seen.wait_p99(),
        begun.elapsed().as_millis()
    );
}

#[test]
fn tickets_through_three_nodes_are_in_one_match_each_when_the_coordinator_is_killed() {
    crowd(300, LONGEST);
}

#[test]
#[ignore = "takes minutes"]
fn ten_thousand_tickets_are_in_one_match_each_when_the_coordinator_is_killed() {
    crowd(10_000, Duration::from_secs(600));
}

#[test]
fn while_redis_is_away_rooms_go_on_and_tickets_are_matched_where_they_came_in() {
    let Some(mut redis) = RedisServer::start() else { return };
    let mut nodes = Nodes::start(&redis, 2);
    let first = [ticket(1, 1, "duel"), ticket(9, 1, "duel")];
    first.iter().for_each(|ticket| nodes.submit(ticket));
    let seen = until_matched(&mut nodes, first.to_vec(), 0, LONGEST);
    let room = seen.rooms.keys().next().expect("a room").clone();
    let waits = ticket(17, 1, "duel");
    nodes.submit(&waits);
    redis.kill();
    // Those who came in after it were matched by their node alone.
    let alone = [ticket(25, 1, "duel"), ticket(33, 1, "duel"), ticket(41, 1, "duel")];
    let node = &nodes.serving[0];
    for ticket in &alone {
        node.until("it takes tickets alone", |node| ask(node, "POST", TICKETS, ticket).status == 201);
    }
    let state = |node: &Serving, ticket: &Value| {
        ask(node, "GET", &format!("{TICKETS}/{}", id(ticket)), &Value::Null).json()["state"].clone()
    };
    node.until("two of them play", |node| {
        alone.iter().filter(|ticket| state(node, ticket) == "matched").count() == 2
    });
    let is_open = |serving: &Serving| serving.rooms().iter().any(|row| row["name"] == room.as_str());
    assert!(nodes.serving.iter().any(is_open), "a room that runs does not notice");
    // A Redis that has forgotten everything is told: the one who waited before, and the one who waits since, play.
    redis.start_again();
    nodes.until_together();
    let left =
        alone.iter().find(|ticket| state(&nodes.serving[0], ticket) != "matched").expect("one is left");
    let pair = vec![waits, left.clone()];
    let seen = until_matched(&mut nodes, pair, 0, LONGEST);
    assert_eq!(seen.rooms.len(), 1, "they play together");
    assert!(nodes.serving.iter().any(is_open), "it is still there");
}

#[test]
fn a_room_that_another_node_has_is_closed() {
    let Some(redis) = RedisServer::start() else { return };
    let nodes = Nodes::start(&redis, 2);
    let open = |nth: usize| {
        let body = json!({ "name": "den", "game": "arena", "seats": 2 });
        ask(&nodes.serving[nth], "POST", "/api/v1/rooms", &body)
    };
    assert_eq!(open(0).status, 201);
    nodes.serving[0].until("its name is claimed", |serving| together(serving)["directory"] == 1);
    assert_eq!(open(1).status, 201);
    let phase = |serving: &Serving| {
        let row = serving.rooms().into_iter().find(|row| row["name"] == "den");
        row.map_or(Value::Null, |row| row["phase"].clone())
    };
    nodes.serving[1].until("it is closed there", |serving| {
        let phase = phase(serving);
        phase == Value::Null || phase == "closed"
    });
    assert_eq!(phase(&nodes.serving[0]), "waiting");
}

#[test]
fn nodes_with_another_key_say_so() {
    let Some(redis) = RedisServer::start() else { return };
    let first = Nodes::start(&redis, 1);
    let (url, key) = (redis.url(), "fedcba9876543210".repeat(4));
    let settings = [
        ("FRAMEKEEP__CLUSTER__REDIS_URL", url.as_str()),
        ("FRAMEKEEP__NET__NAME", "stranger"),
        ("FRAMEKEEP_KEY", key.as_str()),
    ];
    let stranger = Serving::start(&settings);
    stranger.until("it says so", |stranger| stranger.log().contains("has another key"));
    first.serving[0].until("it is shown", |serving| {
        let seen = together(serving);
        let nodes = seen["nodes"].as_array().cloned().unwrap_or_default();
        nodes.iter().any(|node| node["name"] == "stranger" && node["key_differs"] == true)
    });
}
