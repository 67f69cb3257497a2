//! Where gateways let rooms be opened: at nodes that take them, by what is taken of each. A real Redis, real processes.

use serde_json::json;

use crate::http;
use crate::redis::RedisServer;
use crate::relay::{enter, gateway, node_with};
use crate::serving::{API_KEY, Serving};

/// How many rooms the nodes have, as a gateway sees it.
fn rooms(gateway: &Serving) -> u64 {
    let nodes = gateway.get("/api/v1/cluster").json()["together"]["nodes"].clone();
    nodes.as_array().into_iter().flatten().filter_map(|node| node["rooms"].as_u64()).sum()
}

/// Opens a room through a gateway and waits until it is counted.
fn open(gateway: &Serving, name: &str) {
    let (key, before) = (format!("Bearer {API_KEY}"), rooms(gateway));
    let new = json!({ "name": name, "game": "arena", "seats": 2 }).to_string();
    let reply = http::ask(gateway.http, "POST", "/api/v1/rooms", &[("Authorization", &key)], &new);
    assert_eq!(reply.status, 201, "{name}: {}", reply.body);
    gateway.until("it is counted", |gateway| rooms(gateway) > before);
}

#[test]
fn a_gateway_gives_nothing_to_a_node_that_is_full_or_drains_however_few_its_rooms_are() {
    let Some(redis) = RedisServer::start() else { return };
    let small = node_with(&redis, "game", &[("FRAMEKEEP__ROOMS__ROOMS_MAX", "1")]);
    let large = node_with(&redis, "game", &[]);
    let gateway = gateway(&redis, 3);
    // One of them is the small node's, which is full with it and has the fewest from then on.
    (0..4).for_each(|nth| open(&gateway, &format!("den-{nth}")));
    let has_one = |serving: &Serving| {
        serving.get("/metrics").body.contains("\nframekeep_rooms_total{change=\"opened\"} 1\n")
    };
    assert!(has_one(&small), "{}", small.get("/metrics").body);
    let _ada = enter(&gateway, "ada", "friday", 2);
    let address = |gateway: &Serving| {
        let minted = gateway.post("/api/v1/tickets", &[], &json!({ "name": "bob" }).to_string());
        minted.json()["udp"]["address"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(address(&gateway), large.udp.to_string());
    // Where the others drain, a full node is better than none: it lets people into the room that it has.
    let drained = large.operate("POST", "/admin/v1/drain", "{\"grace_s\":600}");
    assert_eq!(drained.status, 202, "{}", drained.body);
    gateway.until("it is sent nobody any more", |gateway| address(gateway) == small.udp.to_string());
}
