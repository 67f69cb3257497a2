//! The node of a match is killed: what others say of its room and of the tickets for it, until it is there again.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::nodes::{Nodes, TICKETS, ask, id, look, ticket, until_matched};
use crate::redis::{RedisServer, pause};
use crate::serving::{LONGEST, Serving};

/// For how long after Redis is empty it is looked at: longer than a lease and a report.
const TOLD_FOR: Duration = Duration::from_secs(5);

/// Two tickets that have their match, and the node of its room.
fn matched(nodes: &mut Nodes) -> (Value, Value, usize) {
    let pair = [ticket(1, 1, "duel"), ticket(9, 1, "duel")];
    pair.iter().for_each(|ticket| nodes.submit(ticket));
    until_matched(nodes, pair.to_vec(), 0, LONGEST);
    let seen = look(&nodes.serving[0], &pair[0]);
    let at = nodes.serving.iter().position(|one| one.http == nodes.node_of(&seen).http).expect("it is one");
    let claim = format!("/api/v1/cluster/rooms/{}", seen["room"].as_str().expect("a room"));
    nodes.until("its name is in the directory", || nodes.serving[0].get(&claim).status == 200);
    let [first, _] = pair;
    (first, seen, at)
}

#[test]
fn a_node_that_is_back_has_its_rooms_at_once_and_until_then_all_others_say_the_same() {
    let Some(redis) = RedisServer::start() else { return };
    let mut nodes = Nodes::start(&redis, 3);
    let (ticket, seen, at) = matched(&mut nodes);
    let (held, others) = nodes.serving.iter().enumerate().partition::<Vec<_>, _>(|(nth, _)| *nth == at);
    let (held, [one, other]) = (held[0].1, [others[0].1, others[1].1]);
    held.signal(Signal::SIGSTOP);
    one.until("it is lost", |one| {
        pause();
        look(one, &ticket)["state"] == "lost"
    });
    assert_eq!(look(other, &ticket)["state"], "lost", "nobody is told one thing here and another one there");
    held.signal(Signal::SIGCONT);
    let lease = || {
        let room = format!("room/{}", seen["room"].as_str().expect("a room"));
        redis.directory().get(&room).expect("its name").2
    };
    // Redis has heard of it again: so have the others.
    one.until("its lease runs again", |_| redis.now_ms().expect("a time") < lease());
    let again = [one, other].map(|node| look(node, &ticket)["state"].clone());
    assert_eq!(again, ["matched", "matched"]);
}

#[test]
fn what_is_lost_stays_lost_when_redis_has_forgotten_it() {
    let Some(mut redis) = RedisServer::start() else { return };
    let mut nodes = Nodes::start(&redis, 3);
    let (ticket, seen, at) = matched(&mut nodes);
    nodes.kill(at);
    let claim = format!("/api/v1/cluster/rooms/{}", seen["room"].as_str().expect("a room"));
    let said = |serving: &Serving| {
        let state = look(serving, &ticket);
        let state = state.get("state").or(state.get("code")).cloned().unwrap_or_default();
        let room = serving.get(&claim);
        (state, if room.status == 200 { "there".to_owned() } else { room.problem() })
    };
    for serving in &nodes.serving {
        serving.until("it is lost", |serving| said(serving) == ("lost".into(), "room_lost".to_owned()));
    }
    redis.kill();
    redis.start_again();
    let (begun, mut is_told) = (Instant::now(), [false; 2]);
    while begun.elapsed() < TOLD_FOR || is_told != [true; 2] {
        for (serving, is_told) in nodes.serving.iter().zip(&mut is_told) {
            let (state, room) = said(serving);
            *is_told |= state == "lost" && room == "room_lost";
            assert!(["lost", "store_away"].contains(&state.as_str().expect("a word")), "{state}");
            assert!(["room_lost", "store_away"].contains(&&*room), "{room}");
        }
        assert!(begun.elapsed() < LONGEST, "never said: {}", nodes.serving[0].log());
    }
}

#[test]
fn a_ticket_whose_room_is_gone_with_its_node_is_lost_until_the_room_is_there_again() {
    let Some(redis) = RedisServer::start() else { return };
    let mut nodes = Nodes::start(&redis, 2);
    let pair = [ticket(1, 1, "duel"), ticket(9, 1, "duel")];
    pair.iter().for_each(|ticket| nodes.submit(ticket));
    until_matched(&mut nodes, pair.to_vec(), 0, LONGEST);
    let [seen, other] = pair.each_ref().map(|ticket| look(&nodes.serving[0], ticket));
    let _players = [nodes.join(&seen), nodes.join(&other)];
    let at = nodes.serving.iter().position(|one| one.http == nodes.node_of(&seen).http).expect("it is one");
    let (name, room) = (nodes.serving[at].name.clone(), seen["room"].as_str().expect("a room").to_owned());
    let (path, claim) = (format!("{TICKETS}/{}", id(&pair[0])), format!("/api/v1/cluster/rooms/{room}"));
    nodes.until("its name is in the directory", || nodes.serving[1 - at].get(&claim).status == 200);
    let (folder, killed) = (nodes.kill(at), Instant::now());
    // Who waits for news of the ticket hears of it.
    let watched = format!("{path}?wait_s=30&revision={}", seen["revision"]);
    let lost = ask(&nodes.serving[0], "GET", &watched, &Value::Null).json();
    assert_eq!(
        (&lost["state"], &lost["room"], &lost["tickets"]),
        (&"lost".into(), &Value::Null, &Value::Null)
    );
    assert_ne!(lost["revision"], seen["revision"]);
    println!("lost after {} ms", killed.elapsed().as_millis());
    let reply = nodes.serving[0].get(&claim);
    assert_eq!((reply.status, reply.problem().as_str()), (404, "room_lost"));
    // The node comes back with what it had.
    nodes.start_in_folder(folder, &name);
    nodes.until("the room is there again", || {
        pause();
        let claimed = nodes.serving[0].get(&claim);
        claimed.status == 200 && claimed.json()["node"] == name.as_str()
    });
    let again = look(&nodes.serving[0], &pair[0]);
    assert_eq!((&again["state"], &again["room"]), (&"matched".into(), &seen["room"]));
    assert_eq!(nodes.node_of(&again).name, name);
    let web = nodes.join(&again);
    drop(web);
    nodes.serving[1].signal(Signal::SIGKILL);
}
