//! What has happened in a room, asked for afterwards.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::http;
use crate::serving::{API_KEY, Serving};
use crate::web::Web;

/// The events of a room, `limit` at a time.
fn events(serving: &Serving, room: &str, limit: u32) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), json!(0));
    while !after.is_null() {
        let page = serving.get(&format!("/api/v1/rooms/{room}/events?after={after}&limit={limit}"));
        assert_eq!(page.status, 200, "{}", page.body);
        let page = page.json();
        let found = page["events"].as_array().expect("events");
        assert!(found.len() <= limit as usize);
        all.extend(found.iter().cloned());
        after = page["next"].clone();
    }
    all
}

/// The events of a kind.
fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["kind"] == kind).collect()
}

fn tick(view: &Value) -> u64 {
    view["tick"].as_u64().unwrap_or(0)
}

#[test]
fn what_happened_in_a_room_is_told_page_by_page_and_after_a_power_cut_as_far_as_records_know() {
    let serving = Serving::start(&[]);
    let (mut ada, mut bob) = (Web::enter(&serving, "ada"), Web::enter(&serving, "bob"));
    let create = json!({ "game": "arena", "seats": 3, "spectators_max": 1, "start": "host" });
    ada.ask("join", json!({ "room": "friday", "create": create }));
    ada.hear("joined");
    bob.ask("join", json!({ "room": "friday" }));
    bob.hear("joined");
    ada.ask("start", json!({}));
    ada.ask("ready", json!({ "ready": true }));
    bob.ask("ready", json!({ "ready": true }));
    ada.hear_if("event", |event| event["kind"] == "phase" && event["phase"] == "ready");
    ada.ask("start", json!({}));
    ada.ask("chat", json!({ "text": "not for later" }));
    ada.hear_if("view", |view| tick(view) > 5);
    let kick = format!("/admin/v1/players/{}/kick", bob.player);
    assert_eq!(serving.operate("POST", &kick, "{}").status, 204);
    assert_eq!(bob.until_closed(), "kicked");
    let told = events(&serving, "friday", 100);
    assert_eq!(told, events(&serving, "friday", 1), "page by page it is the same");
    let numbers: Vec<u64> = told.iter().filter_map(|event| event["number"].as_u64()).collect();
    assert!(numbers.len() == told.len() && numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let joined: Vec<_> = of_kind(&told, "joined").iter().map(|event| event["name"].clone()).collect();
    assert_eq!(joined, ["ada", "bob"]);
    let started = of_kind(&told, "started")[0];
    assert_eq!((&started["tick"], &started["epoch"]), (&json!(0), &json!(1)));
    let left = of_kind(&told, "left")[0];
    assert_eq!((&left["name"], &left["reason"]), (&json!("bob"), &json!("removed")));
    assert!(left["tick"].as_u64().is_some_and(|tick| tick > 5) && left["at_unix_ms"].is_u64());
    assert!(of_kind(&told, "chat").is_empty(), "what is said is for those who are there");
    // What players are shown is durable.
    ada.hear_if("view", |view| view["tick"].as_u64() > left["tick"].as_u64().map(|tick| tick + 3));
    let (started, left) = (started.clone(), left.clone());
    serving.signal(Signal::SIGKILL);
    let (_, folder) = serving.end_in_folder();
    let serving = Serving::start_in(folder, &[]);
    let told = events(&serving, "friday", 2);
    let again = of_kind(&told, "started")[0];
    let seconds = |event: &Value| event["at_unix_ms"].as_u64().map(|ms| ms / 1_000);
    assert_eq!((&again["tick"], seconds(again)), (&json!(0), seconds(&started)));
    let gone = of_kind(&told, "left")[0];
    assert_eq!((&gone["name"], &gone["tick"]), (&json!("bob"), &left["tick"]));
    assert!(gone["at_unix_ms"].is_null() && gone["reason"].is_null(), "records do not say: {gone}");
    let lost = of_kind(&told, "link_lost");
    assert!(lost.len() == 1 && lost[0]["name"] == "ada", "{told:?}");
    assert!(lost[0]["tick"].as_u64() > left["tick"].as_u64(), "it stands where the match does: {told:?}");
}

#[test]
fn the_past_of_a_room_is_for_whoever_may_watch_it() {
    let serving = Serving::start(&[]);
    let key = format!("Bearer {API_KEY}");
    for (room, more, expected) in [
        ("open", r#""spectators_max":1"#, (200, "")),
        ("quiet", r#""spectators_max":0"#, (422, "spectators_full")),
        ("closed", r#""spectators_max":1,"code":"sesame""#, (422, "wrong_code")),
        ("missing", "", (404, "not_found")),
    ] {
        if !more.is_empty() {
            let options = format!(r#"{{"name":"{room}","game":"arena","seats":2,{more}}}"#);
            let opened = serving.post("/api/v1/rooms", &[("Authorization", &key)], &options);
            assert_eq!(opened.status, 201, "{}", opened.body);
        }
        let asked = serving.get(&format!("/api/v1/rooms/{room}/events"));
        let code = if asked.status == 200 { String::new() } else { asked.problem() };
        assert_eq!((asked.status, code.as_str()), expected, "{room}");
    }
    for wrong in ["after=-1", "limit=many", "after=18446744073709551616"] {
        assert_eq!(serving.get(&format!("/api/v1/rooms/open/events?{wrong}")).status, 400, "{wrong}");
    }
    assert_eq!(serving.get("/api/v1/rooms/open/events?limit=4000000000").status, 200, "it is 100 at most");
    for list in ["rooms", "rooms/open/events", "replays", "results"] {
        let none = serving.get(&format!("/api/v1/{list}?limit=0"));
        assert!(none.status == 400 && none.body.contains("0 is under the least, 1"), "{list}: {}", none.body);
    }
}

#[test]
fn the_past_of_a_locked_room_is_for_those_who_were_let_in_and_for_operators() {
    let serving = Serving::start(&[]);
    let mut ada = Web::enter(&serving, "ada");
    let create = json!({ "game": "arena", "seats": 2, "spectators_max": 2 });
    ada.ask("join", json!({ "room": "friday", "create": create }));
    ada.hear("joined");
    let mut cleo = Web::enter(&serving, "cleo");
    cleo.ask("join", json!({ "room": "friday", "spectate": true }));
    cleo.hear("joined");
    let dora = Web::enter(&serving, "dora");
    let ask = |what: &str, token: &str| {
        let bearer = format!("Bearer {token}");
        let path = format!("/api/v1/rooms/friday/{what}");
        let asked = http::ask(serving.http, "GET", &path, &[("Authorization", &bearer)], "");
        let code = if asked.status == 200 { String::new() } else { asked.problem() };
        (asked.status, code)
    };
    let no_match = (404, "no_match".to_owned());
    assert_eq!(ask("views", "nonsense"), no_match, "it is here");
    let mut bob = Web::enter(&serving, "bob");
    bob.ask("join", json!({ "room": "friday" }));
    bob.hear("started");
    bob.hear_if("view", |view| tick(view) > 5);
    ada.ask("lock", json!({ "locked": true }));
    ada.hear_if("event", |event| event["kind"] == "locked");
    let (shown, locked) = ((200, String::new()), (422, "room_locked".to_owned()));
    for what in ["events", "views?every=30"] {
        for who in ["nonsense", API_KEY, &dora.resume_token] {
            assert_eq!(ask(what, who), locked, "{what}");
        }
        for who in [&ada, &bob, &cleo] {
            assert_eq!(ask(what, &who.resume_token), shown, "{what}");
        }
        assert_eq!(
            serving.operate("GET", &format!("/admin/v1/rooms/friday/{what}"), "").status,
            200,
            "{what}"
        );
    }
    ada.ask("lock", json!({ "locked": false }));
    ada.hear_if("event", |event| event["kind"] == "locked" && event["flag"] != true);
    assert_eq!(ask("events", "nonsense"), shown);
}

#[test]
fn an_operator_watches_a_room_that_lets_nobody_watch_and_counts_as_no_player() {
    let serving = Serving::start(&[]);
    let mut ada = Web::enter(&serving, "ada");
    let create = json!({ "game": "arena", "seats": 2, "code": "sesame" });
    ada.ask("join", json!({ "room": "den", "create": create }));
    ada.hear("joined");
    let mut bob = Web::enter(&serving, "bob");
    bob.ask("join", json!({ "room": "den", "code": "sesame" }));
    bob.hear("started");
    let watch = "/admin/v1/rooms/den/watch";
    let ticket = |serving: &Serving| {
        let given = serving.operate("POST", watch, "");
        assert_eq!(given.status, 201, "{}", given.body);
        given.json()["websocket"]["ticket"].as_str().expect("a ticket").to_owned()
    };
    assert_eq!(serving.operate("POST", "/admin/v1/rooms/nowhere/watch", "").status, 404);
    let mut operator = Web::connect(&serving);
    operator.authenticate(&ticket(&serving));
    operator.hear("welcome");
    operator.ask("join", json!({ "room": "elsewhere", "create": { "game": "arena", "seats": 2 } }));
    assert_eq!(operator.hear("refused")["code"], "ticket_foreign", "it is good for that room");
    operator.ask("join", json!({ "room": "den", "code": "sesame" }));
    assert_eq!(operator.hear("refused")["code"], "ticket_foreign", "and to watch");
    operator.ask("join", json!({ "room": "den", "spectate": true }));
    assert_eq!(operator.hear("joined")["seat"], 255);
    operator.hear_if("view", |view| tick(view) > 5);
    assert_eq!(ada.event("watching")["name"], "Operator", "those who are watched are told");
    operator.ask("kick", json!({ "player": ada.player }));
    assert_eq!(operator.hear("refused")["code"], "not_for_spectators");
    serving.until("players are counted without who watches", |serving| {
        let node = serving.get("/api/v1/node").json();
        let metrics = serving.get("/metrics").body;
        (&node["players"], &node["watchers"]) == (&json!(2), &json!(1))
            && ["framekeep_players 2", "framekeep_watchers 1"]
                .iter()
                .all(|line| metrics.lines().any(|one| one == *line))
    });
    for what in ["events", "views?every=30"] {
        assert_eq!(serving.get(&format!("/api/v1/rooms/den/{what}")).status, 422, "{what}");
        let seen = serving.operate("GET", &format!("/admin/v1/rooms/den/{what}"), "");
        assert!(seen.status == 200 && !seen.json()["events"].is_null(), "{}", seen.body);
        assert_eq!(
            http::ask(serving.admin, "GET", &format!("/admin/v1/rooms/den/{what}"), &[], "").status,
            401
        );
    }
    let audit = serving.operate("GET", "/admin/v1/audit", "").json();
    let noted = |target: &str, status: u64| {
        let actions = audit.as_array().expect("actions").iter();
        let is_it = |one: &&Value| (&one["action"], &one["target"]) == (&json!("watch"), &json!(target));
        actions.filter(is_it).filter(|one| one["status"] == status).count()
    };
    assert_eq!((noted("den", 201), noted("nowhere", 404)), (1, 1), "{audit}");
}
