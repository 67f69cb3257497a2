//! The node of a match is killed: what others say of its room and of the tickets for it, until it is there again.

use std::time::Instant;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::nodes::{Nodes, TICKETS, ask, id, look, ticket, until_matched};
use crate::redis::{RedisServer, pause};
use crate::serving::LONGEST;

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
