//! Players over WebSocket at a gateway, whose rooms are at another node: a real Redis, real processes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::http;
use crate::redis::RedisServer;
use crate::serving::{API_KEY, LONGEST, Serving};
use crate::udp::UdpBot;
use crate::web::Web;

/// How long it may take until clients are told that a node is gone.
const TOLD_WITHIN: Duration = Duration::from_secs(6);

fn node(redis: &RedisServer, role: &str) -> Serving {
    node_with(redis, role, &[])
}

/// The same with further settings.
pub(crate) fn node_with(redis: &RedisServer, role: &str, more: &[(&str, &str)]) -> Serving {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    // No two nodes have one name.
    let (url, nth) = (redis.url(), STARTED.fetch_add(1, Ordering::Relaxed));
    let name = format!("{role}-{nth}");
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
    settings.extend(more);
    Serving::start(&settings)
}

/// A gateway that sees so many nodes, itself among them.
pub(crate) fn gateway(redis: &RedisServer, count: usize) -> Serving {
    let gateway = node(redis, "gateway");
    gateway.until("it sees the others", |gateway| {
        let seen = gateway.get("/api/v1/cluster").json()["together"]["nodes"].clone();
        seen.as_array().is_some_and(|nodes| nodes.len() == count)
    });
    gateway
}

pub(crate) fn enter(gateway: &Serving, name: &str, room: &str, seats: u32) -> Web {
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

/// How long is waited before something is asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// Asks to join until it is let in.
fn join_at_last(serving: &Serving, web: &mut Web, join: &Value) {
    let begun = Instant::now();
    loop {
        let (heard, id) = (web.heard.len(), web.ask("join", join.clone()));
        let refused = |message: &Value| message.get("refused").is_some_and(|refused| refused["to"] == id);
        while !web.heard[heard..].iter().any(|one| one.get("joined").is_some() || refused(one)) {
            assert!(begun.elapsed() < LONGEST && web.closed.is_none(), "{:?}", web.heard.last());
            web.read();
        }
        if !web.heard[heard..].iter().any(refused) {
            return;
        }
        let asked = Instant::now();
        serving.until("it may be asked again", |_| asked.elapsed() > PAUSE);
    }
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
    game.until("four came over one connection, and two watch one stream", |game| {
        let metrics = game.get("/metrics").body;
        let says = |line| metrics.lines().any(|one| one == line);
        says("framekeep_relay_streams 1") && says("framekeep_relay_links{direction=\"in\"} 4")
    });
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
    let second = gateway(&redis, 2);
    let mut again = Web::enter(&second, "ada");
    join_at_last(&second, &mut again, &json!({ "room": "friday", "spectate": true }));
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
    let join = json!({ "room": "monday", "create": { "game": "arena", "seats": 2 } });
    join_at_last(&gateway, &mut ada, &join);
}

#[test]
fn a_client_of_one_node_plays_in_a_room_of_another() {
    let Some(redis) = RedisServer::start() else { return };
    let nodes = [node(&redis, "all"), node(&redis, "all")];
    let mut ada = Web::enter(&nodes[0], "ada");
    ada.join("friday", 2);
    ada.hear("joined");
    let mut bob = Web::enter(&nodes[1], "bob");
    let welcome = bob.heard.iter().find_map(|message| message.get("welcome")).expect("it was heard");
    assert_eq!(welcome["lost_after_ms"], 4_500, "nobody opens rooms of nodes that are gone");
    // Until the cluster knows the room.
    join_at_last(&nodes[1], &mut bob, &json!({ "room": "friday" }));
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
    nodes[1].until("nobody of it is at the other node", |node| {
        node.get("/metrics").body.lines().any(|line| line == "framekeep_relay_links{direction=\"out\"} 0")
    });
}

#[test]
fn who_is_in_a_room_is_told_to_who_watches_it_at_another_node() {
    let Some(redis) = RedisServer::start() else { return };
    let home = node(&redis, "all");
    let gateway = gateway(&redis, 2);
    let ada = enter(&home, "ada", "friday", 3);
    let mut cleo = Web::enter(&gateway, "cleo");
    join_at_last(&gateway, &mut cleo, &json!({ "room": "friday", "spectate": true }));
    let mut bob = enter(&home, "bob", "friday", 3);
    assert_eq!(cleo.event("joined")["player"], bob.player);
    let (mut dora, _) = watch(&gateway, "dora", "friday");
    assert_eq!(cleo.event("watching")["player"], dora.player);
    cleo.ask("sync", json!({}));
    let room = cleo.hear("room");
    let players = |of: &str| -> Vec<Value> {
        room[of].as_array().into_iter().flatten().map(|one| one["player"].clone()).collect()
    };
    assert_eq!(players("members"), [json!(ada.player), json!(bob.player)], "{room}");
    assert_eq!((&room["spectators"], players("watchers").len()), (&json!(2), 2), "{room}");
    for gone in [&mut dora, &mut bob] {
        gone.ask("leave", json!({}));
        assert_eq!(cleo.event("left")["player"], gone.player);
    }
    let is = ada.player.clone();
    drop(ada);
    assert_eq!(cleo.event("link_lost")["player"], is);
    let heard = numbers(&cleo);
    assert!(heard.windows(2).all(|pair| pair[1] == pair[0] + 1), "in order and without a gap: {heard:?}");
}

#[test]
fn a_back_end_opens_shows_and_closes_rooms_of_all_nodes_through_a_gateway() {
    let Some(redis) = RedisServer::start() else { return };
    let (_game, other) = (node(&redis, "game"), node(&redis, "all"));
    let gateway = gateway(&redis, 3);
    let key = format!("Bearer {API_KEY}");
    let ask = |serving: &Serving, method: &str, path: &str, body: &str| {
        http::ask(serving.http, method, path, &[("Authorization", &key)], body)
    };
    let new = |name: &str| json!({ "name": name, "game": "arena", "seats": 2, "code": "4711" }).to_string();
    let refused = gateway.post("/api/v1/rooms", &[], &new("friday"));
    assert_eq!(refused.status, 401, "{}", refused.body);
    // The nodes say how many rooms they have about once a second, so that the second goes to the other one.
    let (mut opened, mut at) = (Vec::new(), Vec::new());
    for name in ["friday", "monday"] {
        let reply = ask(&gateway, "POST", "/api/v1/rooms", &new(name));
        assert_eq!((reply.status, &reply.json()["name"]), (201, &json!(name)), "{}", reply.body);
        gateway.until("its name is claimed and counted", |gateway| {
            let claim = gateway.get(&format!("/api/v1/cluster/rooms/{name}"));
            let nodes = gateway.get("/api/v1/cluster").json()["together"]["nodes"].clone();
            let rooms = nodes.as_array().into_iter().flatten().filter_map(|node| node["rooms"].as_u64());
            claim.status == 200 && rooms.sum::<u64>() == opened.len() as u64 + 1
        });
        at.push(gateway.get(&format!("/api/v1/cluster/rooms/{name}")).json()["node"].clone());
        opened.push(name);
    }
    assert_ne!(at[0], at[1], "each has one");
    assert_eq!(ask(&gateway, "POST", "/api/v1/rooms", &new("friday")).status, 409);
    let listed = gateway.get("/api/v1/rooms").json();
    let names: Vec<_> =
        listed["rooms"].as_array().expect("rooms").iter().map(|room| room["name"].clone()).collect();
    assert_eq!((names, &listed["total"]), (vec![json!("friday"), json!("monday")], &json!(2)), "{listed}");
    assert_eq!(listed["failed_nodes"], json!([]), "both have answered");
    let first = gateway.get("/api/v1/rooms?limit=1").json();
    assert_eq!((first["rooms"].as_array().map(Vec::len), &first["next"]), (Some(1), &json!("friday")));
    for name in opened {
        let path = format!("/api/v1/rooms/{name}");
        // A node with rooms knows where those of others are as well.
        for serving in [&gateway, &other] {
            assert_eq!(ask(serving, "GET", &path, "").json()["private"], true);
        }
        assert_eq!(http::ask(gateway.http, "DELETE", &path, &[], "").status, 401);
        assert_eq!(ask(&gateway, "DELETE", &path, "").status, 204);
        gateway.until("it is closed", |gateway| {
            let reply = gateway.get(&path);
            reply.status == 404 || reply.json()["phase"] == "closed"
        });
    }
    assert_eq!(gateway.get("/api/v1/rooms/nowhere").problem(), "not_found");
}

#[test]
fn operators_of_a_gateway_or_another_node_show_move_kick_and_close_in_rooms_elsewhere() {
    let Some(redis) = RedisServer::start() else { return };
    let [home, target, other] = [(); 3].map(|()| node(&redis, "all"));
    let gateway = gateway(&redis, 4);
    let name = |serving: &Serving| serving.get("/api/v1/node").json()["name"].clone();
    let new = json!({ "name": "den", "game": "arena", "seats": 3, "code": "sesame" }).to_string();
    let key = format!("Bearer {API_KEY}");
    assert_eq!(home.post("/api/v1/rooms", &[("Authorization", &key)], &new).status, 201);
    let (mut ada, mut bob) = (Web::enter(&gateway, "ada"), Web::enter(&other, "bob"));
    join_at_last(&gateway, &mut ada, &json!({ "room": "den", "code": "sesame" }));
    join_at_last(&other, &mut bob, &json!({ "room": "den", "code": "sesame" }));
    let path = "/admin/v1/rooms/den";
    for serving in [&gateway, &other] {
        let room = serving.operate("GET", path, "");
        assert_eq!(room.status, 200, "{}", room.body);
        assert_eq!(room.json()["members"].as_array().map(Vec::len), Some(2), "{}", room.body);
        assert!(room.json()["holds"].as_array().is_some_and(|holds| !holds.is_empty()), "{}", room.body);
        let moving = serving.operate("GET", &format!("{path}/move"), "");
        assert_eq!(
            moving.json(),
            json!({ "state": "here", "node": name(&home), "why": "" }),
            "{}",
            moving.body
        );
    }
    // Who is kicked through a node that has not the room is told, and the seat is free.
    let kick = |serving: &Serving, who: &Web, of: &str| {
        serving.operate("POST", &format!("/admin/v1/players/{}/kick{of}", who.player), "")
    };
    assert_eq!(kick(&gateway, &bob, "").status, 404, "no room is named");
    assert_eq!(kick(&gateway, &bob, "?room=nowhere").problem(), "not_found");
    assert_eq!(gateway.operate("POST", "/admin/v1/players/nobody/kick?room=den", "").status, 400);
    assert_eq!(kick(&gateway, &bob, "?room=den").status, 204);
    assert_eq!(bob.hear("left")["reason"], "removed");
    assert_eq!(bob.until_closed(), "kicked");
    let room = gateway.operate("GET", path, "").json();
    assert_eq!(room["members"].as_array().map(Vec::len), Some(1), "{room}");
    // A gateway is no place for a room, and that is said at once.
    let wish = json!({ "node": name(&gateway) }).to_string();
    let refused = home.operate("POST", &format!("{path}/move"), &wish);
    assert!(refused.problem() == "no_such_node" && refused.body.contains("is a gateway"), "{}", refused.body);
    // A move, asked of a gateway, and what became of it.
    let wish = json!({ "node": name(&target) }).to_string();
    let moving = gateway.operate("POST", &format!("{path}/move"), &wish);
    assert_eq!(moving.status, 200, "{}", moving.body);
    gateway.until("it is at the other one", |gateway| {
        let moving = gateway.operate("GET", &format!("{path}/move"), "");
        let is = if moving.status == 200 { moving.json() } else { json!({}) };
        assert!(is["state"] != "stayed", "{is}");
        is == json!({ "state": "here", "node": name(&target), "why": "" })
    });
    other.until("ada is there again", |other| {
        let room = other.operate("GET", path, "").json();
        room["members"]
            .as_array()
            .is_some_and(|members| members.iter().any(|one| one["transport"] == "websocket"))
    });
    assert_eq!(other.operate("DELETE", path, "").status, 204);
    assert_eq!(ada.hear("left")["reason"], "room_closed");
    gateway.until("it is gone", |gateway| gateway.operate("GET", path, "").status == 404);
    let noted = |serving: &Serving| {
        let all = serving.operate("GET", "/admin/v1/audit", "").json();
        let all = all.as_array().expect("actions").iter();
        all.map(|one| format!("{} {} {}", one["action"], one["target"], one["status"])).collect::<Vec<_>>()
    };
    let kicked = format!("\"kick\" \"{} in den\" 204", bob.player);
    assert!(noted(&gateway).contains(&kicked), "{:?}", noted(&gateway));
    let moved = format!("\"move\" \"den to {}\" 200", name(&target).as_str().expect("a name"));
    assert!(noted(&gateway).contains(&moved), "{:?}", noted(&gateway));
    assert_eq!(noted(&other), ["\"close\" \"den\" 204"]);
}

/// How long a room's name is waited for; after that a room is opened all the same.
const CLAIMED_WITHIN: Duration = Duration::from_secs(1);

/// Two nodes that see each other, whose store gives away names.
fn two(redis: &RedisServer) -> [Serving; 2] {
    let nodes = [node(redis, "all"), node(redis, "all")];
    for serving in &nodes {
        serving.until("both are there, and names are given away", |serving| {
            let seen = serving.get("/api/v1/cluster").json()["together"]["nodes"].clone();
            seen.as_array().is_some_and(|nodes| nodes.len() == 2)
                && serving.log().contains("is in the cluster")
        });
    }
    // A store that has just begun gives no names away yet, in none of its parts.
    for part in (0..16).map(|part| part.to_string()).chain(["queue".to_owned()]) {
        redis.until(&["HGET", &format!("framekeep:{{framekeep.{part}}}:meta"), "since"], |since| {
            let since = since.as_str().and_then(|text| text.parse::<u64>().ok());
            since.zip(redis.now_ms()).is_some_and(|(since, now)| now > since + 4_000)
        });
    }
    nodes
}

/// Asks for a room until its match begins, again where it is closed or refused; gives how long the first answer took.
fn until_it_begins(serving: &Serving, web: &mut Web, room: &str) -> Duration {
    let (begun, mut first) = (Instant::now(), None);
    while begun.elapsed() < LONGEST {
        let heard = web.heard.len();
        web.join(room, 2);
        let says = |web: &Web, kind: &str| web.heard[heard..].iter().any(|one| one.get(kind).is_some());
        while !["started", "left", "refused"].iter().any(|kind| says(web, kind)) {
            assert!(begun.elapsed() < LONGEST && web.closed.is_none(), "{:?}", web.heard.last());
            web.read();
            if says(web, "joined") {
                first.get_or_insert(begun.elapsed());
            }
        }
        if says(web, "started") {
            break;
        }
        first.get_or_insert(begun.elapsed());
        let asked = Instant::now();
        serving.until("it may be asked again", |_| asked.elapsed() > PAUSE);
    }
    first.unwrap_or_default()
}

/// A client of each node asks for a room, both at once; gives how long they waited for an answer. Both are in it, so it
/// begins.
fn both_play(nodes: &[Serving; 2], room: &str) -> Duration {
    let mut webs = [Web::enter(&nodes[0], "ada"), Web::enter(&nodes[1], "bob")];
    std::thread::scope(|scope| {
        let play = |(serving, web)| scope.spawn(move || until_it_begins(serving, web, room));
        let playing: Vec<_> = nodes.iter().zip(&mut webs).map(play).collect();
        playing.into_iter().map(|one| one.join().expect("it begins")).max().unwrap_or_default()
    })
}

fn is_closed_somewhere(nodes: &[Serving; 2]) -> bool {
    nodes.iter().any(|serving| serving.log().contains("a room is closed here"))
}

#[test]
fn clients_of_two_nodes_who_open_a_room_of_one_name_at_once_are_in_one_room() {
    let Some(redis) = RedisServer::start() else { return };
    let nodes = two(&redis);
    let longest = (0..5).map(|nth| both_play(&nodes, &format!("den-{nth}"))).max().expect("five");
    // Where the machine stands still for longer than a name is waited for, it is as if the store were away.
    let is_slow = longest >= CLAIMED_WITHIN;
    assert!(is_slow || !is_closed_somewhere(&nodes), "{longest:?} {}", nodes[0].log());
}

#[test]
fn clients_of_two_nodes_who_open_a_room_while_the_store_hangs_are_in_one_room_when_it_goes_on() {
    let Some(redis) = RedisServer::start() else { return };
    let nodes = two(&redis);
    let has = |serving: &Serving| {
        serving.rooms().iter().any(|row| row["name"] == "den" && row["phase"] != "closed")
    };
    redis.signal(Signal::SIGSTOP);
    std::thread::scope(|scope| {
        let playing = scope.spawn(|| both_play(&nodes, "den"));
        nodes[0].until("both have opened it", |_| nodes.iter().all(has));
        redis.signal(Signal::SIGCONT);
        playing.join().expect("they play in one");
    });
    nodes[0].until("one has it", |_| nodes.iter().filter(|serving| has(serving)).count() == 1);
    assert!(is_closed_somewhere(&nodes));
}

#[test]
fn the_past_of_a_room_elsewhere_is_asked_of_its_node_and_operators_watch_it_there() {
    let Some(redis) = RedisServer::start() else { return };
    let game = node(&redis, "game");
    let gateway = gateway(&redis, 2);
    let mut ada = Web::enter(&gateway, "ada");
    let create = json!({ "game": "arena", "seats": 2, "code": "sesame" });
    ada.ask("join", json!({ "room": "den", "create": create }));
    ada.hear("joined");
    let (mut bob, _cleo) = (enter(&gateway, "bob", "friday", 2), enter(&gateway, "cleo", "friday", 2));
    bob.hear_if("view", |view| view["tick"].as_u64() > Some(40));
    let path = |room: &str, what: &str| format!("/api/v1/rooms/{room}/{what}");
    gateway.until("the directory has both", |gateway| {
        ["friday", "den"].iter().all(|room| gateway.get(&path(room, "events")).status != 404)
    });
    let told = gateway.get(&path("friday", "events")).json();
    let of = |kind: &str| {
        let all = told["events"].as_array().expect("events").clone();
        all.into_iter().filter(|event| event["kind"] == kind).collect::<Vec<_>>()
    };
    assert_eq!((of("joined").len(), of("started").len()), (2, 1), "{told}");
    assert!(of("started")[0]["match"].as_str().is_some_and(|of| of.ends_with("-1")), "{told}");
    let seen = gateway.get(&path("friday", "views?every=10")).json();
    assert!(seen["ticks"].as_u64() > Some(40) && seen["views"][0]["whole"] == true, "{seen}");
    assert_eq!(seen["reason"], "running");
    for what in ["events", "views"] {
        assert_eq!(gateway.get(&path("den", what)).problem(), "wrong_code");
        assert_eq!(gateway.get(&path("nowhere", what)).problem(), "not_found");
    }
    let seen = gateway.operate("GET", "/admin/v1/rooms/den/events", "");
    assert!(seen.status == 200 && !seen.json()["events"].is_null(), "{}", seen.body);
    // Operators watch what nobody else may, as such and without its code.
    let given = gateway.operate("POST", "/admin/v1/rooms/den/watch", "");
    assert_eq!(given.status, 201, "{}", given.body);
    assert_eq!(gateway.operate("POST", "/admin/v1/rooms/nowhere/watch", "").status, 404);
    let mut operator = Web::connect(&gateway);
    operator.authenticate(given.json()["websocket"]["ticket"].as_str().expect("a ticket"));
    operator.hear("welcome");
    operator.ask("join", json!({ "room": "den", "spectate": true }));
    assert_eq!(operator.hear("joined")["seat"], 255);
    assert_eq!(ada.event("watching")["name"], "Operator");
    game.signal(Signal::SIGKILL);
    game.end();
    for what in ["events", "views"] {
        let away = gateway.get(&path("friday", what));
        assert_eq!((away.status, away.problem().as_str()), (503, "node_away"), "{}", away.body);
    }
}
