//! Players over WebSocket at a gateway, whose rooms are at another node: a real Redis, real processes.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::redis::RedisServer;
use crate::serving::Serving;
use crate::udp::UdpBot;
use crate::web::Web;

/// How long it may take until clients are told that a node is gone.
const TOLD_WITHIN: Duration = Duration::from_secs(6);

fn node(redis: &RedisServer, role: &str) -> Serving {
    let (url, name) = (redis.url(), format!("{role}-node"));
    let mut settings = vec![
        ("FRAMEKEEP__CLUSTER__REDIS_URL", &url[..]),
        ("FRAMEKEEP__CLUSTER__ROLE", role),
        ("FRAMEKEEP_CLUSTER_SECRET", "canary-cluster-secret-0123"),
        ("FRAMEKEEP__NET__NAME", &name),
        ("FRAMEKEEP__LOG__LEVEL", "info"),
    ];
    if role != "gateway" {
        settings.push(("FRAMEKEEP__CLUSTER__PEER", "127.0.0.1:0"));
    }
    Serving::start(&settings)
}

/// A gateway that sees so many nodes, itself among them.
fn gateway(redis: &RedisServer, count: usize) -> Serving {
    let gateway = node(redis, "gateway");
    gateway.until("it sees the others", |gateway| {
        let seen = gateway.get("/api/v1/cluster").json()["together"]["nodes"].clone();
        seen.as_array().is_some_and(|nodes| nodes.len() == count)
    });
    gateway
}

fn enter(gateway: &Serving, name: &str, room: &str, seats: u32) -> Web {
    let mut web = Web::enter(gateway, name);
    let create = json!({ "game": "arena", "seats": seats, "spectators_max": 8 });
    web.ask("join", json!({ "room": room, "create": create }));
    web.hear("joined");
    web
}

fn watch(gateway: &Serving, name: &str, room: &str) -> (Web, u64) {
    let mut web = Web::enter(gateway, name);
    web.ask("join", json!({ "room": room, "spectate": true }));
    let joined = web.hear("joined");
    (web, joined["event"].as_u64().expect("a number"))
}

/// The numbers of the events that were heard.
fn numbers(web: &Web) -> Vec<u64> {
    let events = web.heard.iter().filter_map(|message| message.get("event"));
    events.filter_map(|event| event["number"].as_u64()).collect()
}

/// The tick of the match in a room, as operators see it.
fn tick(game: &Serving, room: &str) -> u64 {
    game.operate("GET", &format!("/admin/v1/rooms/{room}"), "").json()["tick"].as_u64().unwrap_or(0)
}

fn metric(serving: &Serving, line: &str) -> f64 {
    let metrics = serving.get("/metrics").body;
    let value = metrics.lines().find_map(|one| one.strip_prefix(line)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {line} in {metrics}"))
}

#[test]
fn players_at_a_gateway_play_with_others_and_no_gateway_takes_them_along() {
    let Some(redis) = RedisServer::start() else { return };
    let game = node(&redis, "game");
    let first = gateway(&redis, 2);
    let mut ada = enter(&first, "ada", "friday", 3);
    let mut bob = enter(&first, "bob", "friday", 3);
    let (mut cleo, joined_at) = watch(&first, "cleo", "friday");
    let (mut dora, _) = watch(&first, "dora", "friday");
    let bot = UdpBot::join(&game, "friday");
    for web in [&mut ada, &mut bob, &mut cleo, &mut dora] {
        assert_eq!(web.hear("started")["game"], "arena");
        web.hear_if("view", |view| view["whole"] == true);
    }
    for said in 0..20 {
        let text = format!("{said} times");
        ada.ask("chat", json!({ "text": text }));
        for web in [&mut bob, &mut cleo, &mut dora] {
            web.hear_if("event", |event| event["text"] == text);
        }
    }
    let heard = numbers(&cleo);
    assert!(heard.len() >= 20 && heard.contains(&(joined_at + 1)), "{heard:?}");
    assert!(heard.windows(2).all(|pair| pair[1] == pair[0] + 1), "in order and without a gap: {heard:?}");
    ada.send(&json!({ "input": { "bits": 5 } }));
    assert!(game.get("/metrics").body.contains("framekeep_relay_streams 1"), "two watch over one stream");
    assert_eq!(metric(&game, "framekeep_relay_links{direction=\"in\"}"), 4.0);
    assert_eq!(game.get("/api/v1/rooms").status, 404, "players do not come through a game node's HTTP");
    first.signal(Signal::SIGKILL);
    first.end();
    let before = tick(&game, "friday");
    game.until("the match goes on without the gateway", |game| tick(game, "friday") > before + 60);
    let room = game.operate("GET", "/admin/v1/rooms/friday", "").json();
    let members = room["members"].as_array().cloned().unwrap_or_default();
    let is_there = |transport: &str| members.iter().filter(|one| one["transport"] == transport).count();
    assert_eq!((is_there("udp"), is_there("websocket")), (1, 0), "{room}");
    // Whoever was at the gateway goes on through another one.
    let second = gateway(&redis, 3);
    let mut again = Web::enter(&second, "ada");
    again.ask("join", json!({ "room": "friday", "spectate": true }));
    again.hear("joined");
    assert!(bot.leave() > 60, "the player over UDP never noticed");
}

#[test]
fn players_at_a_gateway_are_told_in_time_that_their_node_is_gone() {
    let Some(redis) = RedisServer::start() else { return };
    let game = node(&redis, "game");
    let gateway = gateway(&redis, 2);
    let mut ada = enter(&gateway, "ada", "friday", 2);
    let (mut bob, _) = watch(&gateway, "bob", "friday");
    game.signal(Signal::SIGKILL);
    game.end();
    let killed = Instant::now();
    for web in [&mut ada, &mut bob] {
        assert_eq!(web.hear("left")["reason"], "lost");
        assert!(killed.elapsed() < TOLD_WITHIN, "{:?}", killed.elapsed());
    }
    // They are connected still, and play on where there is a node.
    let _other = node(&redis, "game");
    let begun = Instant::now();
    loop {
        let id = ada.ask("join", json!({ "room": "monday", "create": { "game": "arena", "seats": 2 } }));
        let is_answer = |message: &Value| message.get("joined").is_some() || message["refused"]["to"] == id;
        while !ada.heard.last().is_some_and(is_answer) {
            ada.read();
        }
        if ada.heard.last().is_some_and(|message| message.get("joined").is_some()) {
            break;
        }
        assert!(begun.elapsed() < crate::serving::LONGEST, "{:?}", ada.heard.last());
    }
}

#[test]
fn a_client_of_one_node_plays_in_a_room_of_another() {
    let Some(redis) = RedisServer::start() else { return };
    let nodes = [node(&redis, "all"), node(&redis, "all")];
    let mut ada = Web::enter(&nodes[0], "ada");
    ada.join("friday", 2);
    ada.hear("joined");
    nodes[1].until("the room is known to the cluster", |node| {
        let mut bob = Web::enter(node, "bob");
        bob.ask("join", json!({ "room": "friday" }));
        let is_answer = |message: &Value| message.get("joined").is_some() || message.get("refused").is_some();
        while !bob.heard.last().is_some_and(is_answer) {
            bob.read();
        }
        bob.heard.last().is_some_and(|message| message.get("joined").is_some())
    });
    let mut bob = Web::enter(&nodes[1], "bob");
    bob.ask("join", json!({ "room": "friday" }));
    bob.hear("joined");
    for web in [&mut ada, &mut bob] {
        web.hear("started");
        web.hear("view");
    }
    bob.ask("chat", json!({ "text": "hello" }));
    assert_eq!(ada.event("chat")["text"], "hello");
    bob.ask("leave", json!({}));
    assert_eq!(bob.hear("left")["reason"], "asked");
    // It is at home again.
    bob.join("monday", 2);
    bob.hear("joined");
    assert_eq!(metric(&nodes[1], "framekeep_relay_links{direction=\"out\"}"), 0.0);
}
