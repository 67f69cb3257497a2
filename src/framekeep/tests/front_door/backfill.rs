//! Running rooms get players whose tickets came in at any node.

use serde_json::{Value, json};

use crate::nodes::{MODES, Nodes, Setting, TICKETS, alone_and_together, ask, look, ticket, until_matched};
use crate::redis::RedisServer;
use crate::serving::{LONGEST, Serving};

/// Sends a ticket to that node and waits until it has its match.
fn matched_at(nodes: &Nodes, nth: usize, ticket: &Value) -> Value {
    let serving = &nodes.serving[nth % nodes.serving.len()];
    let reply = ask(serving, "POST", TICKETS, ticket);
    assert_eq!(reply.status, 201, "{}", reply.body);
    serving.until("it has its match", |serving| look(serving, ticket)["state"] == "matched");
    look(serving, ticket)
}

alone_and_together!(free_seats_of_a_running_room_are_filled_wherever_it_is_and_wherever_the_ticket_came_in);

fn free_seats_of_a_running_room_are_filled_wherever_it_is_and_wherever_the_ticket_came_in(setting: Setting) {
    let Some(mut nodes) = Nodes::start_in(setting, MODES, &[]) else { return };
    let first = [ticket(1, 1, "crew"), ticket(9, 1, "crew")];
    first.iter().for_each(|ticket| nodes.submit(ticket));
    until_matched(&mut nodes, first.to_vec(), 0, LONGEST);
    let seen: Vec<_> = first.iter().map(|ticket| look(&nodes.serving[0], ticket)).collect();
    let room = seen[0]["room"].clone();
    let mut webs: Vec<_> = seen.iter().map(|seen| nodes.join(seen)).collect();
    webs[0].hear("started");
    for nth in 0..3 {
        let mut leaving = webs.remove(1);
        leaving.ask("leave", json!({}));
        let late = ticket(100 + nth as u64 * 8, 1, "crew");
        let seen = matched_at(&nodes, nth, &late);
        assert_eq!(seen["room"], room, "{seen}");
        assert_eq!(seen["match"]["places"].as_array().map(Vec::len), Some(1), "{seen}");
        webs.push(nodes.join(&seen));
    }
    // One seat is offered once: of two who come at once one gets it, the other waits on.
    webs.remove(1).ask("leave", json!({}));
    let both = [ticket(200, 1, "crew"), ticket(300, 1, "crew")];
    both.iter().for_each(|ticket| nodes.submit(ticket));
    let shown = |ticket: &Value| look(nodes.next(), ticket);
    let is_matched = |ticket: &&Value| shown(ticket)["state"] == "matched";
    nodes.until("they have their seats", || both.iter().any(|one| is_matched(&one)));
    let in_room = both.iter().filter(|one| shown(one)["room"] == room).count();
    let together = both.iter().all(|one| is_matched(&one));
    assert!(in_room == 1 || together && in_room == 0, "a seat is one player's");
}

#[test]
fn a_room_that_has_moved_is_filled_at_its_new_node() {
    let Some(redis) = RedisServer::start() else { return };
    let mut nodes =
        Nodes::start_at(&redis.url(), 3, &[("FRAMEKEEP_CLUSTER_SECRET", "a-secret-of-all-nodes")]);
    let first = [ticket(1, 1, "crew"), ticket(9, 1, "crew")];
    first.iter().for_each(|ticket| nodes.submit(ticket));
    until_matched(&mut nodes, first.to_vec(), 0, LONGEST);
    let seen: Vec<_> = first.iter().map(|ticket| look(&nodes.serving[0], ticket)).collect();
    let room = seen[0]["room"].as_str().expect("a room").to_owned();
    let mut webs: Vec<_> = seen.iter().map(|seen| nodes.join(seen)).collect();
    webs[0].hear("started");
    let at = nodes.node_of(&seen[0]).http;
    let from = nodes.serving.iter().position(|serving| serving.http == at).expect("one of them");
    let to = (from + 1) % 3;
    let body = json!({ "node": format!("node-{to}") }).to_string();
    let moved = nodes.serving[from].operate("POST", &format!("/admin/v1/rooms/{room}/move"), &body);
    assert!(moved.status < 300, "{} {}", moved.status, moved.body);
    let has = |serving: &Serving| serving.rooms().iter().any(|row| row["name"] == room.as_str());
    nodes.serving[to].until("it has moved", |serving| has(serving) && !has(&nodes.serving[from]));
    for (serving, ticket) in nodes.serving.iter().zip(first.iter().cycle()) {
        serving.until("its players are told where it is", |serving| {
            let http = look(serving, ticket)["http"].clone();
            http == format!("http://{}", nodes.serving[to].http)
        });
    }
    webs.remove(1).ask("leave", json!({}));
    let seen = matched_at(&nodes, from, &ticket(100, 1, "crew"));
    assert_eq!(seen["room"], room.as_str(), "{seen}");
    webs.push(nodes.join(&seen));
    nodes.kill(from);
    webs.remove(1).ask("leave", json!({}));
    let seen = matched_at(&nodes, 0, &ticket(200, 1, "crew"));
    assert_eq!(seen["room"], room.as_str(), "{seen}");
}
