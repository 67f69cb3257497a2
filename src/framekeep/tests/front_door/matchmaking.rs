//! Matchmaking: tickets over HTTP become matches in rooms, and players come into them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::http::{self, Reply};
use crate::serving::{API_KEY, Serving};
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

const TICKETS: &str = "/api/v1/matchmaking/tickets";

fn start() -> Serving {
    start_with(&[])
}

fn start_with(more: &[(&str, &str)]) -> Serving {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("modes.toml"), MODES).expect("a file");
    let settings = [
        ("FRAMEKEEP__MATCHMAKING__MODES", "modes.toml"),
        ("FRAMEKEEP__MATCHMAKING__ROUND_MS", "20"),
        ("FRAMEKEEP__HTTP__KEY_REQUESTS_PER_S", "0"),
    ];
    Serving::start_in(folder, &[&settings[..], more].concat())
}

fn ask(serving: &Serving, method: &str, path: &str, body: &Value) -> Reply {
    let key = format!("Bearer {API_KEY}");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    http::ask(serving.http, method, path, &[("Authorization", &key)], &body)
}

/// A ticket whose players are `first`, `first + 1`, and so on.
fn ticket(first: u64, size: u64, mode: &str) -> Value {
    let member = |player: u64| {
        let (id, name) = (format!("{player:016x}"), format!("p{player}"));
        json!({ "player": id, "name": name, "rating": 1_000 + player % 300 })
    };
    let party: Vec<_> = (first..first + size).map(member).collect();
    json!({ "id": format!("{first:032x}"), "game": "arena", "mode": mode, "party": party })
}

fn submit(serving: &Serving, ticket: &Value) -> String {
    let reply = ask(serving, "POST", TICKETS, ticket);
    assert_eq!(reply.status, 201, "{}", reply.body);
    reply.json()["id"].as_str().expect("an id").to_owned()
}

fn look(serving: &Serving, id: &str, query: &str) -> Value {
    ask(serving, "GET", &format!("{TICKETS}/{id}{query}"), &Value::Null).json()
}

/// Its players say that they are there, if they are asked.
fn answer(serving: &Serving, id: &str, seen: &Value) {
    for player in seen["why"]["unanswered"].as_array().into_iter().flatten() {
        let answer = json!({ "player": player, "accept": true });
        assert_eq!(ask(serving, "POST", &format!("{TICKETS}/{id}/answer"), &answer).status, 200);
    }
}

/// Watches a ticket until it has its room.
fn until_matched(serving: &Serving, id: &str) -> Value {
    let mut seen = look(serving, id, "");
    while seen["state"] != "matched" {
        assert!(["waiting", "opening"].contains(&seen["state"].as_str().unwrap_or_default()), "{seen}");
        seen = look(serving, id, &format!("?revision={}&wait_s=1", seen["revision"]));
    }
    seen
}

/// Two hundred tickets: their ids, modes and sizes.
fn two_hundred(serving: &Serving) -> Vec<(String, &'static str, u64)> {
    let modes = ["duel", "pairs", "brawl"];
    let tickets = (0..200_u64).map(|number| {
        let mode = modes[(number % 3) as usize];
        let size = if mode == "pairs" && number % 2 == 0 { 2 } else { 1 };
        (submit(serving, &ticket(1 + number * 8, size, mode)), mode, size)
    });
    tickets.collect()
}

/// Everybody whose ticket has a match takes the seat that is kept.
fn all_join(serving: &Serving, matched: &[Value], room: &str) -> Vec<Web> {
    let join = |seen: &Value| {
        let mut web = Web::connect(serving);
        web.authenticate(seen["tickets"][0]["websocket"]["ticket"].as_str().expect("a ticket"));
        web.hear("welcome");
        web.ask("join", json!({ "room": room }));
        web.hear("joined");
        web
    };
    matched.iter().map(join).collect()
}

#[test]
fn two_hundred_tickets_in_mixed_modes_fill_rooms_as_the_rules_say() {
    let serving = start();
    let mut waiting = two_hundred(&serving);
    let of_mode = |waiting: &[(String, &str, u64)], mode: &str| -> u64 {
        waiting.iter().filter(|one| one.1 == mode).map(|one| one.2).sum()
    };
    // As many as do not make up a match wait on.
    let expected = (of_mode(&waiting, "duel") % 2, of_mode(&waiting, "pairs") % 4, 0);
    let mut rooms: BTreeMap<String, (&str, BTreeMap<String, u64>)> = BTreeMap::new();
    serving.until("everybody for whom there is a match has it", |serving| {
        waiting.retain(|(id, mode, size)| {
            let seen = look(serving, id, "");
            answer(serving, id, &seen);
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
        let shown = serving.get(&format!("/api/v1/rooms/{room}")).json();
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

#[test]
fn players_come_into_their_match_and_it_begins() {
    let serving = start();
    let ids: Vec<_> = (0..2).map(|nth| submit(&serving, &ticket(1 + nth * 8, 1, "duel"))).collect();
    assert_eq!(submit(&serving, &ticket(1, 1, "duel")), ids[0], "the same ticket is the same ticket");
    let mut other = ticket(1, 1, "duel");
    other["mode"] = json!("brawl");
    assert_eq!(ask(&serving, "POST", TICKETS, &other).problem(), "other_ticket");
    let seen: Vec<_> = ids.iter().map(|id| until_matched(&serving, id)).collect();
    assert_eq!(seen[0]["room"], seen[1]["room"]);
    let room = seen[0]["room"].as_str().expect("a room");
    let mut stranger = Web::enter(&serving, "eve");
    stranger.ask("join", json!({ "room": room }));
    stranger.hear("refused");
    let mut webs = all_join(&serving, &seen, room);
    for web in &mut webs {
        web.hear("started");
    }
    let reply = ask(&serving, "DELETE", &format!("{TICKETS}/{}", ids[0]), &Value::Null);
    assert_eq!(reply.problem(), "already_matched");
}

#[test]
fn who_leaves_a_running_brawl_is_followed_by_another() {
    let serving = start();
    let ids: Vec<_> = (0..2).map(|nth| submit(&serving, &ticket(1 + nth * 8, 1, "brawl"))).collect();
    let seen: Vec<_> = ids.iter().map(|id| until_matched(&serving, id)).collect();
    let room = seen[0]["room"].as_str().expect("a room").to_owned();
    let mut webs = all_join(&serving, &seen, &room);
    webs[0].hear("started");
    webs[1].ask("leave", json!({}));
    let late = submit(&serving, &ticket(100, 1, "brawl"));
    assert_eq!(until_matched(&serving, &late)["room"], room.as_str());
}

#[test]
fn tickets_are_explained_taken_back_and_kept_from_others() {
    let serving = start();
    let id = submit(&serving, &ticket(1, 2, "pairs"));
    let path = format!("{TICKETS}/{id}");
    let seen = ask(&serving, "GET", &path, &Value::Null).json();
    assert_eq!((&seen["state"], &seen["why"]["code"]), (&json!("waiting"), &json!("too_few")), "{seen}");
    assert_eq!(serving.get(&path).problem(), "not_found", "a back end's ticket is not for everybody");
    let queues = serving.get("/api/v1/matchmaking").json();
    assert!(queues.as_array().expect("queues").iter().any(|queue| queue["players"] == 2), "{queues}");
    let mut again = ticket(1, 1, "duel");
    again["id"] = json!(format!("{:032x}", 77));
    assert_eq!(ask(&serving, "POST", TICKETS, &again).problem(), "player_waits");
    assert_eq!(ask(&serving, "DELETE", &path, &Value::Null).json()["state"], "cancelled");
    assert_eq!(ask(&serving, "POST", TICKETS, &again).status, 201);

    let guest = json!({ "game": "arena", "mode": "brawl", "party": [{ "name": "ada" }] }).to_string();
    let made = serving.post(TICKETS, &[], &guest).json();
    assert!(made["guest"].is_string(), "{made}");
    let path = format!("{TICKETS}/{}", made["id"].as_str().expect("an id"));
    assert_eq!(serving.get(&path).json()["state"], "waiting");
    let many = json!({ "game": "arena", "mode": "brawl", "party": [{ "name": "ada" }, { "name": "bob" }] });
    assert_eq!(serving.post(TICKETS, &[], &many.to_string()).problem(), "out_of_range");
    assert_eq!(ask(&serving, "POST", TICKETS, &json!({ "game": "arena" })).status, 400);
    let unknown = ask(&serving, "POST", TICKETS, &ticket(500, 1, "chess"));
    assert_eq!(unknown.problem(), "unknown_mode");
    let plain = Serving::start(&[]);
    assert_eq!(plain.get("/api/v1/matchmaking").problem(), "not_found");
}

#[test]
fn the_matches_of_a_node_are_formed_again_from_its_log() {
    let serving = start_with(&[("FRAMEKEEP__MATCHMAKING__LOG", "matches.fkmm")]);
    let ids = [1, 2, 3, 4].map(|player| submit(&serving, &ticket(player, 1, "duel")));
    let rooms: BTreeSet<String> =
        ids.iter().map(|id| until_matched(&serving, id)["room"].to_string()).collect();
    let path = serving.folder().join("matches.fkmm");
    serving.until("the log has the matches", |_| {
        let mut players = Vec::new();
        let log = std::fs::read(&path).unwrap_or_default();
        let formed = |_, of: &framekeep_matchmaking::Match| {
            players.extend(of.places.iter().map(|place| place.player.0));
        };
        let Ok(replayed) = framekeep_matchmaking::replay(&log, formed) else { return false };
        assert_eq!(replayed.differs, None);
        players.sort_unstable();
        players == [1, 2, 3, 4] && replayed.matches == rooms.len() as u64
    });
}
