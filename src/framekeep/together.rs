//! `framekeep cluster`: the nodes that work together, as the server that runs here sees them.

use std::fmt::Write as _;

use serde_json::Value;

use crate::args::ClusterArgs;
use crate::config::Settings;
use crate::{CommandError, HealthError, http, output};

const PATH: &str = "/api/v1/cluster";

/// Shows the cluster.
pub(crate) fn show(args: &ClusterArgs, settings: &Settings) -> Result<(), CommandError> {
    let address = settings.http.address.ok_or(HealthError::Off)?;
    let unreachable = |source| HealthError::Unreachable { address, path: PATH, source };
    let answer = http::get(address, PATH).map_err(unreachable)?;
    if !answer.is_success() {
        let text = answer.body.lines().next().unwrap_or_default().chars().take(200).collect();
        return Err(HealthError::Unwell { address, path: PATH, status: answer.status, text }.into());
    }
    if args.json {
        return output::print(&format!("{}\n", answer.body));
    }
    let seen: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    output::print(&table(&seen))
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

fn list<'a>(seen: &'a Value, name: &str) -> &'a [Value] {
    seen[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The cluster as a table for people.
fn table(seen: &Value) -> String {
    let Some(together) = seen.get("together").filter(|together| together.is_object()) else {
        let mut out = "this node works alone: set cluster.redis_url to make it one of several\n".to_owned();
        moves(&mut out, seen);
        return out;
    };
    let mut out = String::new();
    let (coordinator, nodes) = (&together["coordinator"], list(together, "nodes"));
    let leads = nodes.iter().find(|node| node["id"] == *coordinator).map(|node| word(&node["name"]));
    let _ = writeln!(
        out,
        "cluster {}: coordinator {} ({}), epoch {}, {} rooms in the directory, {} matches a minute",
        word(&together["name"]),
        leads.unwrap_or_else(|| "none".to_owned()),
        word(coordinator),
        word(&together["epoch"]),
        word(&together["directory"]),
        word(&together["matches_per_min"]),
    );
    if together["redis_away_ms"] != 0 {
        let _ =
            writeln!(out, "Redis has not answered for {} ms: that is how it was", together["redis_away_ms"]);
    }
    if together["no_rooms"] == true {
        out.push_str(
            "no node can have a room for a match: all are gateways, full, draining, or have other modes\n",
        );
    }
    let rows = nodes.iter().map(|node| node_row(node, &together["node"]));
    let heads =
        ["NODE", "ID", "REGION", "PLAYERS", "ROOMS", "IN", "OUT", "TICK P99", "MEMORY", "UDP", "STATE"];
    columns(&mut out, &heads, rows.collect());
    let heads = ["QUEUE", "HZ", "TICKETS", "PLAYERS", "FORMED", "WAIT P50", "WAIT P99"];
    columns(&mut out, &heads, list(together, "queues").iter().map(queue_row).collect());
    if let Some(alone_ms) = together["alone_ms"].as_u64() {
        let _ = writeln!(out, "\nthis node has matched alone for {alone_ms} ms; these queues are its own:");
        columns(&mut out, &heads, list(together, "own_queues").iter().map(queue_row).collect());
    }
    moves(&mut out, seen);
    out
}

/// The rooms on their way from or to the node that was asked.
fn moves(out: &mut String, seen: &Value) {
    let row = |row: &Value| ["room", "from", "to", "step", "for_ms"].map(|name| word(&row[name])).to_vec();
    let rows = list(seen, "moves").iter().map(row);
    columns(out, &["MOVING", "FROM", "TO", "STEP", "FOR MS"], rows.collect());
}

fn node_row(node: &Value, own: &Value) -> Vec<String> {
    let states = [
        (node["id"] == *own, "this one"),
        (node["draining"] == true, "draining"),
        (node["key_differs"] == true, "another key"),
        (node["modes_differ"] == true, "other modes"),
    ];
    let states: Vec<_> = states.iter().filter(|(holds, _)| *holds).map(|(_, state)| *state).collect();
    vec![
        word(&node["name"]),
        word(&node["id"]),
        word(&node["region"]),
        word(&node["players"]),
        word(&node["rooms"]),
        word(&node["moved_in"]),
        word(&node["moved_out"]),
        format!("{} µs", word(&node["tick_us_p99"])),
        format!("{} MiB", word(&node["memory_mib"])),
        word(&node["udp"]),
        if states.is_empty() { "up".to_owned() } else { states.join(", ") },
    ]
}

fn queue_row(queue: &Value) -> Vec<String> {
    let ms = |value: &Value| value.as_u64().map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
    let hz = queue["tick_rate_hz"].as_u64().filter(|hz| *hz > 0);
    vec![
        format!("{}/{}", word(&queue["game"]), word(&queue["mode"])),
        hz.map_or_else(|| "-".to_owned(), |hz| hz.to_string()),
        word(&queue["tickets"]),
        word(&queue["players"]),
        word(&queue["formed"]),
        ms(&queue["wait_ms_p50"]),
        ms(&queue["wait_ms_p99"]),
    ]
}

/// Adds a table whose columns are as wide as their longest cell.
fn columns(out: &mut String, heads: &[&str], rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    let mut all = vec![heads.iter().map(|head| (*head).to_owned()).collect::<Vec<_>>()];
    all.extend(rows);
    let width = |nth: usize| all.iter().map(|row| row[nth].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    out.push('\n');
    for row in &all {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let _ = writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_cluster_has_a_line_a_node_and_a_line_a_queue() {
        let node = json!({ "id": "00000000000000aa", "name": "eu1", "region": "eu", "players": 7, "rooms": 2,
            "tick_us_p99": 900, "memory_mib": 40, "udp": "192.0.2.7:7770", "draining": false,
            "key_differs": true, "modes_differ": false });
        let queue = json!({ "game": "arena", "mode": "duel", "tick_rate_hz": 0, "tickets": 3, "players": 3,
            "formed": 12, "wait_ms_p50": 400, "wait_ms_p99": null });
        let going = json!({ "room": "den", "from": "eu1", "to": "eu2", "step": "approaches", "for_ms": 40 });
        let seen = json!({ "mode": "redis", "moves": [going], "together": { "name": "games", "node": "00000000000000aa",
            "redis_away_ms": 0, "coordinator": "00000000000000aa", "epoch": 9, "directory": 2, "no_rooms": true,
            "matches_per_min": 4, "nodes": [node], "queues": [queue] } });
        let text = table(&seen);
        assert!(
            text.starts_with("cluster games: coordinator eu1 (00000000000000aa), epoch 9, 2 rooms"),
            "{text}"
        );
        assert!(text.contains("this one, another key") && text.contains("arena/duel  -   3"), "{text}");
        assert!(text.contains("\nno node can have a room"), "{text}");
        assert!(text.contains("400 ms") && !text.contains("Redis has not"), "{text}");
        assert!(
            text.ends_with("MOVING  FROM  TO   STEP        FOR MS\nden     eu1   eu2  approaches  40\n"),
            "{text}"
        );
        let mut away = seen;
        away["together"]["redis_away_ms"] = json!(9_000);
        away["together"]["alone_ms"] = json!(4_000);
        away["together"]["own_queues"] =
            json!([{ "game": "arena", "mode": "brawl", "tickets": 1, "players": 2 }]);
        let text = table(&away);
        assert!(
            text.contains("has not answered for 9000 ms") && text.contains("alone for 4000 ms"),
            "{text}"
        );
        assert!(text.contains("arena/brawl"), "{text}");
        assert!(table(&json!({ "mode": "single" })).contains("works alone"));
    }
}
