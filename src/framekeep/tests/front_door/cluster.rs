//! Several nodes as one: a real Redis, three real servers, tickets through all of them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::nodes::{
    Nodes, Seen, TICKETS, ask, go_on_until_matched, id, is_asked, look, look_at, mixed, ticket, together,
    until_matched,
};
use crate::redis::RedisServer;
use crate::serving::{LONGEST, Serving};
use crate::udp::UdpBot;
use crate::web::Web;

/// Tickets through all nodes, the coordinator killed in the middle.
fn crowd(count: u64, within: Duration) {
    let Some(redis) = RedisServer::start() else { return };
    let mut nodes = Nodes::start(&redis, 3);
    let (tickets, mut seen) = (mixed(count), Seen::default());
    let (mut asked, mut others) = (Vec::new(), Vec::new());
    for (nth, ticket) in tickets.iter().enumerate() {
        if nth == tickets.len() / 2 {
            nodes.kill_coordinator();
        }
        nodes.submit(ticket);
        if is_asked(ticket) { &mut asked } else { &mut others }.push(ticket.clone());
        // Players answer in time, while others are still coming.
        if nth % 500 == 499 {
            asked = look_at(&mut nodes, asked, &mut seen);
        }
    }
    let begun = Instant::now();
    // Of pairs up to three players may be left over, and one of each other mode.
    go_on_until_matched(&mut nodes, [asked, others].concat(), 5, within, &mut seen);
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
    // One that is on its way to Redis when that dies is Redis's, if anybody's.
    node.until("it notices", |node| together(node)["redis_away_ms"] != 0);
    for ticket in &alone {
        node.until("it takes tickets alone", |node| ask(node, "POST", TICKETS, ticket).status == 201);
    }
    shows_its_own_queue(node);
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
fn a_ticket_that_was_over_at_a_node_alone_is_over_at_all_when_redis_is_back() {
    let Some(mut redis) = RedisServer::start() else { return };
    let nodes = Nodes::start(&redis, 2);
    let [one, other] = &nodes.serving[..] else { panic!("there are two") };
    redis.kill();
    one.until("it notices", |one| together(one)["redis_away_ms"] != 0);
    let alone = ticket(25, 1, "duel");
    one.until("it takes tickets alone", |one| ask(one, "POST", TICKETS, &alone).status == 201);
    let path = format!("{TICKETS}/{}", id(&alone));
    assert_eq!(ask(one, "DELETE", &path, &Value::Null).json()["state"], "cancelled");
    redis.start_again();
    other.until("the other node knows", |other| {
        let seen = look(other, &alone);
        assert!(["waiting", "asked"].iter().all(|state| seen["state"] != *state), "{seen}");
        seen["state"] == "cancelled"
    });
    // Sent again it has no second life, wherever it is sent.
    for serving in [other, one] {
        assert_eq!(ask(serving, "POST", TICKETS, &alone).json()["state"], "cancelled");
        assert_eq!(ask(serving, "DELETE", &path, &Value::Null).json()["state"], "cancelled");
    }
}

/// A node that matches alone says so, and shows who waits at it.
fn shows_its_own_queue(node: &Serving) {
    node.until("one waits at it, for the API", |node| {
        let queues = node.get("/api/v1/matchmaking").json();
        let duels = queues.as_array().expect("queues").iter().find(|one| one["mode"] == "duel").cloned();
        duels.is_some_and(|duels| duels["tickets"] == 1 && duels["alone_ms"].is_u64())
    });
    let seen = together(node);
    let own = seen["own_queues"].as_array().expect("queues").iter().find(|one| one["mode"] == "duel");
    assert!(own.is_some_and(|own| own["players"] == 1) && seen["alone_ms"].is_u64(), "{seen}");
    let shown = command(node, &["cluster"]);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(text.contains("this node has matched alone for "), "{text}");
}

fn open_room(serving: &Serving, name: &str) -> u16 {
    let body = json!({ "name": name, "game": "arena", "seats": 2 });
    ask(serving, "POST", "/api/v1/rooms", &body).status
}

#[test]
fn of_two_nodes_that_are_to_open_a_room_of_one_name_at_once_one_does() {
    let Some(redis) = RedisServer::start() else { return };
    let nodes = Nodes::start(&redis, 2);
    let [first, second] = &nodes.serving[..] else { panic!("there are two") };
    let mut won = [0, 0];
    for nth in 0..20 {
        let name = format!("den-{nth}");
        let (one, other) = std::thread::scope(|scope| {
            let one = scope.spawn(|| open_room(first, &name));
            (open_room(second, &name), one.join().expect("an answer"))
        });
        assert_eq!(one.min(other), 201, "{name}");
        assert_eq!(one.max(other), 409, "{name}");
        won[usize::from(one == 201)] += 1;
    }
    first.until("all are in the directory", |_| {
        redis.directory().keys().filter(|name| name.contains("den-")).count() == 20
    });
    first.until("all are reported", |_| first.rooms().len() + second.rooms().len() == 20);
    for serving in [first, second] {
        assert!(!serving.log().contains("a room is closed here"), "{}", serving.log());
    }
    println!("of 20 rooms one node has {}, the other {}", won[0], won[1]);
}

#[test]
fn of_two_nodes_that_udp_players_ask_for_a_room_of_one_name_at_once_one_opens_it() {
    let Some(redis) = RedisServer::start() else { return };
    let nodes = Nodes::start(&redis, 2);
    let names: Vec<_> = (0..5).map(|nth| format!("den-{nth}")).collect();
    let join = |name: &String| {
        let bot = |serving, who: &str| UdpBot::join_as(serving, name, &format!("{name}-{who}"), "");
        [bot(&nodes.serving[0], "a"), bot(&nodes.serving[1], "b")]
    };
    let _bots: Vec<_> = names.iter().flat_map(join).collect();
    let has =
        |serving: &Serving, name: &String| serving.rooms().iter().any(|row| row["name"] == name.as_str());
    nodes.serving[0].until("all are open", |_| {
        names.iter().all(|name| nodes.serving.iter().any(|serving| has(serving, name)))
    });
    for name in &names {
        assert_eq!(nodes.serving.iter().filter(|serving| has(serving, name)).count(), 1, "{name}");
    }
    for serving in &nodes.serving {
        assert!(!serving.log().contains("a room is closed here"), "{}", serving.log());
    }
}

#[test]
fn of_two_rooms_of_one_name_that_were_opened_while_redis_was_away_one_is_closed() {
    let Some(mut redis) = RedisServer::start() else { return };
    let nodes = Nodes::start(&redis, 2);
    redis.kill();
    for serving in &nodes.serving {
        serving.until("it notices", |serving| together(serving)["redis_away_ms"] != 0);
        assert_eq!(open_room(serving, "den"), 201);
    }
    redis.start_again();
    let closed = |serving: &&Serving| serving.log().contains("a room is closed here");
    nodes.serving[0].until("one is closed", |_| nodes.serving.iter().any(|serving| closed(&serving)));
    nodes.until_together();
    assert_eq!(nodes.serving.iter().filter(closed).count(), 1);
}

#[test]
fn of_two_rooms_of_one_name_the_one_with_a_match_stays_and_the_others_are_told_where_it_is() {
    let Some(mut redis) = RedisServer::start() else { return };
    let nodes =
        Nodes::start_at(&redis.url(), 2, &[("FRAMEKEEP_CLUSTER_SECRET", "canary-cluster-secret-0123")]);
    redis.kill();
    let [empty, played] = &nodes.serving[..] else { panic!("there are two") };
    for serving in [empty, played] {
        serving.until("it notices", |serving| together(serving)["redis_away_ms"] != 0);
    }
    assert_eq!(open_room(empty, "den"), 201);
    let mut eve = Web::enter(empty, "eve");
    eve.ask("join", json!({ "room": "den" }));
    eve.hear("joined");
    let _bots = ["ada", "bob"].map(|who| UdpBot::join_as(played, "den", who, ""));
    let plays = |serving: &Serving| serving.rooms().iter().any(|row| row["phase"] == "playing");
    played.until("they play", plays);
    redis.start_again();
    empty.until("the empty one is closed", |serving| serving.log().contains("a room is closed here"));
    assert!(plays(played) && !played.log().contains("a room is closed here"), "{}", played.log());
    assert_eq!(eve.event("elsewhere")["text"], "node-1");
    assert_eq!(eve.event("closed")["reason"], "elsewhere");
    assert_eq!(eve.hear("left")["reason"], "elsewhere");
    // Whoever joins again is brought there, where both seats are taken.
    let asked = eve.ask("join", json!({ "room": "den" }));
    assert_eq!(eve.hear_if("refused", |refused| refused["to"] == asked)["code"], "room_full");
    let holder = together(played)["node"].as_str().expect("a number").to_owned();
    played.until("its name is that node's", |_| {
        redis.directory().get("room/den").is_some_and(|(node, ..)| *node == holder)
    });
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

#[test]
fn a_room_that_would_be_refused_keeps_its_name_from_nobody() {
    let Some(redis) = RedisServer::start() else { return };
    let nodes = Nodes::start(&redis, 1);
    let serving = &nodes.serving[0];
    let _bots = [
        UdpBot::join_as(serving, "den-unsound", "ada", "no such content"),
        UdpBot::join_as(serving, "match-0-1-2", "bob", ""),
        UdpBot::join_as(serving, "den-sound", "eve", ""),
    ];
    let names = || redis.directory().into_keys().filter(|name| name.starts_with("room/")).collect::<Vec<_>>();
    // A name that is claimed is kept for seconds.
    serving.until("one is open", |_| names().contains(&"room/den-sound".to_owned()));
    assert_eq!(names(), ["room/den-sound"]);
    let _late = UdpBot::join_as(serving, "den-late", "joe", "");
    serving.until("another is open", |_| names().contains(&"room/den-late".to_owned()));
    assert_eq!(names(), ["room/den-late", "room/den-sound"]);
}

/// Runs a command against the server of a data folder, and nothing else that says where it is.
fn command(serving: &Serving, words: &[&str]) -> std::process::Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_framekeep"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FRAMEKEEP") {
            command.env_remove(name);
        }
    }
    command.env("FRAMEKEEP_ADMIN_TOKEN", crate::serving::ADMIN_TOKEN);
    command.args(words).arg("--data").arg(serving.data()).output().expect("the binary runs")
}

#[test]
fn commands_find_the_ports_of_a_server_in_its_data_folder() {
    let Some(redis) = RedisServer::start() else { return };
    let nodes = Nodes::start(&redis, 1);
    let serving = &nodes.serving[0];
    let shown = command(serving, &["cluster"]);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.status.success() && text.contains("node-0"), "{text} {shown:?}");
    assert_eq!(open_room(serving, "den"), 201);
    let closed = command(serving, &["close", "den"]);
    assert!(closed.status.success(), "{closed:?}");
    // A gateway has no rooms that keep its folder for it, and is found all the same.
    let gateway = crate::relay::gateway(&redis, 2);
    let shown = command(&gateway, &["cluster"]);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.status.success() && text.contains(&gateway.name) && text.contains("this one"),
        "{text} {shown:?}"
    );
    // Of one that is gone it is said that it does not answer, and nobody else is asked.
    gateway.signal(nix::sys::signal::Signal::SIGKILL);
    gateway.until("it is asked where it was", |gateway| {
        let shown = command(gateway, &["cluster"]);
        let said = String::from_utf8_lossy(&shown.stderr).into_owned();
        assert!(said.is_empty() || said.contains(&gateway.http.to_string()), "{said}");
        !shown.status.success()
    });
}

#[test]
fn a_cluster_without_modes_looks_after_its_directory() {
    let Some(redis) = RedisServer::start() else { return };
    let nodes = Nodes::without_modes(&redis, 2);
    let mut ada = Web::enter(&nodes.serving[1], "ada");
    ada.join("den", 2);
    for serving in &nodes.serving {
        serving.until("it shows one room", |serving| together(serving)["directory"] == 1);
        assert_eq!(together(serving)["coordinator"], "");
    }
}

#[test]
fn a_second_node_of_one_name_is_refused_and_one_that_was_killed_is_in_again() {
    let Some(redis) = RedisServer::start() else { return };
    let mut nodes = Nodes::start(&redis, 1);
    let folder = tempfile::tempdir().expect("a folder");
    let second = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_framekeep"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("FRAMEKEEP") {
                command.env_remove(name);
            }
        }
        let any = "127.0.0.1:0";
        command.args(["serve", "--udp", any, "--http", any, "--admin", any, "--data"]).arg(folder.path());
        command.env("FRAMEKEEP__CLUSTER__REDIS_URL", redis.url()).env("FRAMEKEEP__NET__NAME", "node-0");
        command
    };
    let refused = second().output().expect("the binary runs");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(4), "{said}");
    let number = together(&nodes.serving[0])["node"].as_str().expect("a number").to_owned();
    assert!(said.contains("node-0") && said.contains(&number), "{said}");
    // Once the other one is gone, the name is free after its lease.
    nodes.kill(0);
    let killed = Instant::now();
    let mut child = second().stdout(std::process::Stdio::piped()).spawn().expect("the binary runs");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("piped")));
    let is_up = lines.any(|line| line.is_ok_and(|line| line.contains("is ready")));
    println!("in after {} ms", killed.elapsed().as_millis());
    redis.until(&["HVALS", "framekeep:{framekeep.queue}:cards"], |cards| {
        cards.as_array().is_some_and(|cards| {
            cards.iter().any(|card| card.as_str().unwrap_or_default().contains("\"name\":\"node-0\""))
        })
    });
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    assert!(is_up);
    // Who has its data folder knows that it is dead, and waits for nothing; a busy machine may hold up one start.
    let starts_at_once = |_| {
        let began = Instant::now();
        let mut child = second().stdout(std::process::Stdio::piped()).spawn().expect("the binary runs");
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("piped")));
        assert!(lines.any(|line| line.is_ok_and(|line| line.contains("is ready"))));
        let took = began.elapsed();
        println!("in again after {} ms", took.as_millis());
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        took < Duration::from_secs(2)
    };
    assert!((0..3).any(starts_at_once), "the lines above say after how long");
}

#[test]
fn a_coordinator_whose_redis_takes_no_writes_says_so_once() {
    let Some(redis) = RedisServer::start() else { return };
    let nodes = Nodes::start(&redis, 1);
    let serving = &nodes.serving[0];
    redis.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    serving.until("it coordinates no more", |serving| serving.log().contains("does not coordinate any more"));
    redis.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    let begun = |log: &str| log.matches("this node forms the matches of the cluster").count();
    serving.until("it coordinates again", |serving| begun(&serving.log()) > 1);
    let pair = [ticket(1, 1, "duel"), ticket(9, 1, "duel")];
    let mut nodes = nodes;
    pair.iter().for_each(|ticket| nodes.submit(ticket));
    until_matched(&mut nodes, pair.to_vec(), 0, LONGEST);
    let log = nodes.serving[0].log();
    assert_eq!((begun(&log), log.matches("no matches are formed").count()), (2, 1), "{log}");
}
