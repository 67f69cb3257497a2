//! Matchmaking: tickets over HTTP become matches in rooms, and players come into them, at a node alone and at nodes
//! that share a Redis.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::nodes::{Nodes, Setting, TICKETS, alone_and_together, id, ticket, together};
use crate::serving::Serving;
use crate::web::Web;

const MODES: &str = r#"
[[mode]]
name = "duel"
game = "arena"
teams = 2
team_seats = 1
contents = ["pit", "courtyard"]
rating = { start = 200, per_s = 400, max = 2000 }

[[mode]]
name = "pairs"
game = "arena"
teams = 2
team_seats = 2
ready_check_s = 20

[[mode]]
name = "brawl"
game = "arena"
team_seats = 8
fewer = { after_s = 3, team_seats_min = 2 }
backfill = true
"#;

alone_and_together!(
    two_hundred_tickets_in_mixed_modes_fill_rooms_as_the_rules_say,
    players_come_into_their_match_and_it_begins,
    who_leaves_a_running_brawl_is_followed_by_another,
    tickets_are_explained_taken_back_and_kept_from_others,
    guests_name_a_few_regions_of_their_own,
    the_matches_are_formed_again_from_the_log,
);

fn start(setting: Setting) -> Option<Nodes> {
    start_with(setting, &[])
}

fn start_with(setting: Setting, more: &[(&str, &str)]) -> Option<Nodes> {
    Nodes::start_in(setting, MODES, &[more, &[("FRAMEKEEP__MATCHMAKING__ROUND_MS", "20")]].concat())
}

fn submit(nodes: &Nodes, ticket: &Value) -> String {
    let reply = nodes.ask("POST", TICKETS, ticket);
    assert_eq!(reply.status, 201, "{}", reply.body);
    id(ticket)
}

fn look(nodes: &Nodes, id: &str, query: &str) -> Value {
    nodes.ask("GET", &format!("{TICKETS}/{id}{query}"), &Value::Null).json()
}

/// Its players say that they are there, if they are asked.
fn answer(nodes: &Nodes, id: &str, seen: &Value) {
    for player in seen["why"]["unanswered"].as_array().into_iter().flatten() {
        let answer = json!({ "player": player, "accept": true });
        assert_eq!(nodes.ask("POST", &format!("{TICKETS}/{id}/answer"), &answer).status, 200);
    }
}

/// Watches a ticket until it has its room.
fn until_matched(nodes: &Nodes, id: &str) -> Value {
    let mut seen = look(nodes, id, "");
    while seen["state"] != "matched" {
        assert!(["waiting", "opening"].contains(&seen["state"].as_str().unwrap_or_default()), "{seen}");
        seen = look(nodes, id, &format!("?revision={}&wait_s=1", seen["revision"]));
    }
    seen
}

/// Two hundred tickets: their ids, modes and sizes.
fn two_hundred(nodes: &Nodes) -> Vec<(String, &'static str, u64)> {
    let modes = ["duel", "pairs", "brawl"];
    let tickets = (0..200_u64).map(|number| {
        let mode = modes[(number % 3) as usize];
        let size = if mode == "pairs" && number % 2 == 0 { 2 } else { 1 };
        (submit(nodes, &ticket(1 + number * 8, size, mode)), mode, size)
    });
    tickets.collect()
}

fn two_hundred_tickets_in_mixed_modes_fill_rooms_as_the_rules_say(setting: Setting) {
    let Some(nodes) = start(setting) else { return };
    let mut waiting = two_hundred(&nodes);
    let of_mode = |waiting: &[(String, &str, u64)], mode: &str| -> u64 {
        waiting.iter().filter(|one| one.1 == mode).map(|one| one.2).sum()
    };
    // As many as do not make up a match wait on.
    let expected = (of_mode(&waiting, "duel") % 2, of_mode(&waiting, "pairs") % 4, 0);
    let mut rooms: BTreeMap<String, (&str, BTreeMap<String, u64>)> = BTreeMap::new();
    nodes.until("everybody for whom there is a match has it", || {
        waiting.retain(|(id, mode, size)| {
            let seen = look(&nodes, id, "");
            answer(&nodes, id, &seen);
            let state = seen["state"].as_str().unwrap_or_default();
            assert!(["waiting", "asked", "opening", "matched"].contains(&state), "{seen}");
            if state != "matched" {
                return true;
            }
            let room = seen["room"].as_str().expect("a room").to_owned();
            let (of, places) = rooms.entry(room).or_insert_with(|| (*mode, BTreeMap::new()));
            assert_eq!((*of, &seen["match"]["mode"]), (*mode, &json!(mode)));
            take_places(&seen, *size, places);
            false
        });
        (of_mode(&waiting, "duel"), of_mode(&waiting, "pairs"), of_mode(&waiting, "brawl")) == expected
    });
    let players: BTreeSet<_> = rooms.values().flat_map(|(_, places)| places.keys()).collect();
    let seats: usize = rooms.values().map(|(_, places)| places.len()).sum();
    assert_eq!(players.len(), seats, "nobody is in two matches");
    for (room, (mode, places)) in &rooms {
        let of_team = |team| places.values().filter(|other| **other == team).count();
        match *mode {
            "duel" => assert_eq!((of_team(0), of_team(1)), (1, 1), "{room}"),
            "pairs" => assert_eq!((of_team(0), of_team(1)), (2, 2), "{room}"),
            _ => assert!((2..=8).contains(&places.len()), "{room}: {places:?}"),
        }
        let shown = nodes.next().get(&format!("/api/v1/rooms/{room}")).json();
        assert_eq!((&shown["seats"], &shown["private"]), (&json!(places.len()), &json!(true)), "{shown}");
    }
    println!("{} rooms for {seats} players, {expected:?} wait on", rooms.len());
}

/// Notes the team of each player of a ticket; they are in one.
fn take_places(seen: &Value, size: u64, places: &mut BTreeMap<String, u64>) {
    let tickets = seen["tickets"].as_array().expect("tickets");
    assert_eq!(tickets.len() as u64, size, "{seen}");
    let mut teams = BTreeSet::new();
    for ticket in tickets {
        let all = seen["match"]["places"].as_array().expect("places");
        let place = all.iter().find(|place| place["player"] == ticket["player"]).expect("a place");
        let team = place["team"].as_u64().expect("a team");
        teams.insert(team);
        places.insert(ticket["player"].as_str().expect("a player").to_owned(), team);
    }
    assert_eq!(teams.len(), 1, "a party is in one team: {seen}");
}

fn players_come_into_their_match_and_it_begins(setting: Setting) {
    let Some(nodes) = start(setting) else { return };
    let ids: Vec<_> = (0..2).map(|nth| submit(&nodes, &ticket(1 + nth * 8, 1, "duel"))).collect();
    assert_eq!(submit(&nodes, &ticket(1, 1, "duel")), ids[0], "the same ticket is the same ticket");
    let mut other = ticket(1, 1, "duel");
    other["mode"] = json!("brawl");
    assert_eq!(nodes.ask("POST", TICKETS, &other).problem(), "other_ticket");
    let seen: Vec<_> = ids.iter().map(|id| until_matched(&nodes, id)).collect();
    assert_eq!(seen[0]["room"], seen[1]["room"]);
    let room = seen[0]["room"].as_str().expect("a room");
    let mut stranger = Web::enter(nodes.next(), "eve");
    stranger.ask("join", json!({ "room": room }));
    stranger.hear("refused");
    let mut webs = seen.iter().map(|seen| nodes.join(seen)).collect::<Vec<_>>();
    for web in &mut webs {
        web.hear("started");
    }
    let reply = nodes.ask("DELETE", &format!("{TICKETS}/{}", ids[0]), &Value::Null);
    assert_eq!(reply.problem(), "already_matched");
}

fn who_leaves_a_running_brawl_is_followed_by_another(setting: Setting) {
    let Some(nodes) = start(setting) else { return };
    let ids: Vec<_> = (0..2).map(|nth| submit(&nodes, &ticket(1 + nth * 8, 1, "brawl"))).collect();
    let seen: Vec<_> = ids.iter().map(|id| until_matched(&nodes, id)).collect();
    let room = seen[0]["room"].as_str().expect("a room").to_owned();
    let mut webs = seen.iter().map(|seen| nodes.join(seen)).collect::<Vec<_>>();
    webs[0].hear("started");
    webs[1].ask("leave", json!({}));
    let late = submit(&nodes, &ticket(100, 1, "brawl"));
    assert_eq!(until_matched(&nodes, &late)["room"], room.as_str());
}

fn tickets_are_explained_taken_back_and_kept_from_others(setting: Setting) {
    let Some(nodes) = start(setting) else { return };
    let id = submit(&nodes, &ticket(1, 2, "pairs"));
    let path = format!("{TICKETS}/{id}");
    let mut seen = Value::Null;
    nodes.until("it was looked at", || {
        seen = nodes.ask("GET", &path, &Value::Null).json();
        seen["why"]["code"] != "not_yet"
    });
    assert_eq!((&seen["state"], &seen["why"]["code"]), (&json!("waiting"), &json!("too_few")), "{seen}");
    assert!(seen["why"].get("rating_allowed").is_none(), "there is no limit: {seen}");
    assert_eq!(nodes.next().get(&path).problem(), "not_found", "a back end's ticket is not for everybody");
    nodes.until("every node shows that two wait", || {
        let queues = |serving: &Serving| serving.get("/api/v1/matchmaking").json();
        let shows = |queues: Value| queues.as_array().expect("queues").iter().any(|one| one["players"] == 2);
        nodes.serving.iter().all(|serving| shows(queues(serving)))
    });
    let mut again = ticket(1, 1, "duel");
    again["id"] = json!(format!("{:032x}", 77));
    assert_eq!(nodes.ask("POST", TICKETS, &again).problem(), "player_waits");
    assert_eq!(nodes.ask("DELETE", &path, &Value::Null).json()["state"], "cancelled");
    assert_eq!(nodes.ask("POST", TICKETS, &again).status, 201);

    let guest = json!({ "game": "arena", "mode": "brawl", "party": [{ "name": "ada" }] }).to_string();
    let made = nodes.next().post(TICKETS, &[], &guest).json();
    assert!(made["guest"].is_string(), "{made}");
    let path = format!("{TICKETS}/{}", made["id"].as_str().expect("an id"));
    assert_eq!(nodes.next().get(&path).json()["state"], "waiting");
    let many = json!({ "game": "arena", "mode": "brawl", "party": [{ "name": "ada" }, { "name": "bob" }] });
    assert_eq!(nodes.next().post(TICKETS, &[], &many.to_string()).problem(), "out_of_range");
    assert_eq!(nodes.ask("POST", TICKETS, &json!({ "game": "arena" })).status, 400);
    let unknown = nodes.ask("POST", TICKETS, &ticket(500, 1, "chess"));
    assert_eq!(unknown.problem(), "unknown_mode");
}

fn guests_name_a_few_regions_of_their_own(setting: Setting) {
    let Some(nodes) = start(setting) else { return };
    let guest = |region: &str| {
        let regions = json!([{ "region": region, "latency_ms": 20 }]);
        let party = json!([{ "name": "ada" }]);
        let ticket = json!({ "game": "arena", "mode": "brawl", "party": party, "regions": regions });
        nodes.next().post(TICKETS, &[], &ticket.to_string())
    };
    for nth in 0..15 {
        let reply = guest(&format!("r{nth}"));
        assert_eq!(reply.status, 201, "{}", reply.body);
    }
    let mut nth = 15;
    nodes.until("no more regions are taken of guests", || {
        nth += 1;
        let reply = guest(&format!("r{nth}"));
        if reply.status == 201 {
            return false;
        }
        assert_eq!((reply.status, reply.problem().as_str()), (422, "too_many_regions"));
        true
    });
    assert_eq!(guest("r3").status, 201, "what is known is known to all");
    let mut known = ticket(1, 1, "brawl");
    known["regions"] = json!([{ "region": "eu", "latency_ms": 20 }]);
    let id = submit(&nodes, &known);
    nodes.until("a back end names what it likes", || look(&nodes, &id, "")["why"]["code"] == "too_few");
}

#[test]
fn without_modes_there_are_no_queues() {
    assert_eq!(Serving::start(&[]).get("/api/v1/matchmaking").problem(), "not_found");
}

/// Who plays in the matches of a log, if it is there. Played again it gives the same.
fn players_in(log: &Path) -> Vec<u64> {
    let mut players = Vec::new();
    let formed =
        |_, of: &framekeep_matchmaking::Match| players.extend(of.places.iter().map(|place| place.player.0));
    let bytes = std::fs::read(log).unwrap_or_default();
    let differs = framekeep_matchmaking::replay(&bytes, formed).ok().and_then(|replayed| replayed.differs);
    assert_eq!(differs, None, "{}", log.display());
    players.sort_unstable();
    players
}

/// Whether all these players had a match by this log.
fn has_all(log: &Path, players: &[u64]) -> bool {
    let matched = players_in(log);
    players.iter().all(|player| matched.contains(player))
}

const LOG: &str = "matches.fkmm";

const WITH_LOG: [(&str, &str); 1] = [("FRAMEKEEP__MATCHMAKING__LOG", LOG)];

fn until_all_matched(nodes: &Nodes, players: &[u64]) {
    let ids: Vec<_> = players.iter().map(|player| submit(nodes, &ticket(*player, 1, "duel"))).collect();
    ids.iter().for_each(|id| drop(until_matched(nodes, id)));
}

fn the_matches_are_formed_again_from_the_log(setting: Setting) {
    let Some(nodes) = start_with(setting, &WITH_LOG) else { return };
    until_all_matched(&nodes, &[1, 2, 3, 4]);
    nodes.until("the logs have the matches, each once", || {
        let logs = nodes.serving.iter().map(|serving| players_in(&serving.folder().join(LOG)));
        let mut players: Vec<_> = logs.flatten().collect();
        players.sort_unstable();
        players == [1, 2, 3, 4]
    });
}

/// Times that a machine may stand still for so long that a node is not the coordinator any more.
const STANDSTILLS_MAX: u64 = 8;

/// Kills the coordinator when it has formed matches, and looks at its log and those of the others. `None` if another
/// coordinated before, because the machine stood still.
fn kill_the_coordinator(mut nodes: Nodes) -> Option<()> {
    let first = nodes.coordinator();
    let begun = together(&nodes.serving[first])["epoch"].clone();
    until_all_matched(&nodes, &[1, 2, 3, 4]);
    // One that waits is in the log of both, and has its match by the second.
    let waits = submit(&nodes, &ticket(5, 1, "duel"));
    let log = nodes.serving[first].folder().join(LOG);
    let is_over = || together(&nodes.serving[first])["epoch"] != begun;
    nodes.until("what was matched is in its log, or another coordinates", || {
        players_in(&log) == [1, 2, 3, 4] || is_over()
    });
    if is_over() {
        return None;
    }
    let left = nodes.kill(first);
    until_all_matched(&nodes, &[6, 7, 8]);
    until_matched(&nodes, &waits);
    assert_eq!(players_in(&left.path().join(LOG)), [1, 2, 3, 4]);
    nodes.until("what was matched since is in the log of the next", || {
        // A match that was given to the dead node is formed again.
        let logs = nodes.serving.iter().map(|serving| players_in(&serving.folder().join(LOG)));
        logs.flatten().collect::<BTreeSet<_>>() == BTreeSet::from([5, 6, 7, 8])
    });
    Some(())
}

#[test]
fn the_log_of_a_coordinator_that_is_killed_and_that_of_the_next_give_all_matches_again() {
    for _ in 0..STANDSTILLS_MAX {
        let Some(nodes) = start_with(Setting::Together, &WITH_LOG) else { return };
        if kill_the_coordinator(nodes).is_some() {
            return;
        }
    }
    panic!("another coordinated each time");
}

/// Two nodes coordinate in turns, each with players of its own, the first one twice; which one is the first, and who
/// had a match at each turn. `None` if another coordinated in between, because the machine stood still.
fn coordinate_in_turns(nodes: &Nodes, first_player: u64) -> Option<(usize, [[u64; 2]; 3])> {
    let first = nodes.coordinator();
    let turns = [0, 1, 2].map(|turn| [1, 2].map(|player| first_player + player + 2 * turn));
    for (turn, players) in turns.iter().enumerate() {
        let nth = (first + turn) % 2;
        let (own, other) = (&nodes.serving[nth], &nodes.serving[1 - nth]);
        // The other one stands still until this one forms the matches.
        if turn > 0 {
            other.signal(Signal::SIGSTOP);
            own.until("it coordinates", |own| together(own)["coordinator"] == together(own)["node"]);
            other.signal(Signal::SIGCONT);
        }
        let begun = together(own)["epoch"].clone();
        until_all_matched(nodes, players);
        let is_over = |own: &Serving| together(own)["epoch"] != begun;
        own.until("they are in its log, or another coordinates", |own| {
            is_over(own) || has_all(&own.folder().join(LOG), players)
        });
        if is_over(own) {
            return None;
        }
    }
    Some((first, turns))
}

#[test]
fn a_node_that_coordinates_again_begins_another_log_and_keeps_the_one_before() {
    let Some(mut nodes) = start_with(Setting::Together, &WITH_LOG) else { return };
    nodes.kill(2);
    let (first, turns) = (0..STANDSTILLS_MAX)
        .find_map(|time| coordinate_in_turns(&nodes, 10 * time))
        .expect("turns in which nobody else coordinates");
    let own = nodes.serving[first].folder();
    assert!(has_all(&own.join(format!("{LOG}.1")), &turns[0]));
    assert!(has_all(&own.join(LOG), &turns[2]));
    assert!(!has_all(&own.join(LOG), &turns[0]), "that of the last turn begins anew");
    assert!(has_all(&nodes.serving[1 - first].folder().join(LOG), &turns[1]));
}
