//! Players over WebSockets, beside one over UDP.

use serde_json::json;

use crate::serving::Serving;
use crate::udp::UdpBot;
use crate::web::Web;

#[test]
fn a_browser_and_a_udp_player_play_in_one_room() {
    let serving = Serving::start(&[]);
    let mut web = Web::enter(&serving, "ada");
    web.join("friday", 2);
    assert_eq!(web.hear("joined")["phase"], "waiting");
    let bot = UdpBot::join(&serving, "friday");
    let started = web.hear("started");
    assert_eq!((&started["game"], &started["input_bits"]), (&"arena".into(), &11.into()));
    let seat = started["seat"].clone();
    let first = web.hear_if("view", |view| view["whole"] == true);
    let is_own =
        |body: &&serde_json::Value| body["seat"] == seat && body["kind"] == first_kind(&first, &seat);
    let own = first["bodies"].as_array().unwrap().iter().find(is_own).expect("an own body")["id"].clone();
    // Walks to the left until it is seen to move that way.
    web.send(&json!({ "input": { "bits": 5 } }));
    let moved = web.hear_if("view", |view| {
        let moved = view["moved"].as_array();
        let place = moved.and_then(|moved| moved.iter().position(|id| *id == own));
        place.is_some_and(|place| view["dx"][place].as_i64().is_some_and(|dx| dx != 0))
    });
    assert_eq!(moved["whole"], false);
    web.ask("chat", json!({ "text": "hello" }));
    assert_eq!(web.event("chat")["text"], "hello");
    assert_eq!(web.event("leaderboard")["scores"].as_array().unwrap().len(), 2);
    serving.until("the room is seen to play", |serving| {
        serving.rooms().iter().any(|room| room["phase"] == "playing" && room["connected"] == 2)
    });
    assert!(bot.leave() > 0);
    web.ask("leave", json!({}));
    assert_eq!(web.hear("left")["reason"], "asked");
    let metrics = serving.get("/metrics").body;
    assert!(metrics.contains("framekeep_decoder_panics_total 0"), "{metrics}");
}

/// The kind of the first body that belongs to a seat.
fn first_kind(view: &serde_json::Value, seat: &serde_json::Value) -> serde_json::Value {
    let bodies = view["bodies"].as_array().expect("bodies");
    bodies.iter().find(|body| body["seat"] == *seat).expect("a body of the seat")["kind"].clone()
}

#[test]
fn a_refused_request_is_named_by_its_id() {
    let serving = Serving::start(&[]);
    let mut web = Web::enter(&serving, "ada");
    let id = web.ask("start", json!({}));
    let refused = web.hear("refused");
    assert_eq!((&refused["to"], &refused["code"]), (&id.into(), &"not_in_room".into()));
    let id = web.ask("join", json!({ "room": "" }));
    let refused = web.hear_if("refused", |refused| refused["code"] == "malformed");
    assert_eq!(refused["to"], id);
    web.send(&json!({ "ping": { "nonce": 7 } }));
    assert_eq!(web.hear("pong")["nonce"], 7);
    web.send(&json!({ "xyzzy": {} }));
    assert_eq!(web.hear("error")["code"], "malformed");
}

#[test]
fn a_session_goes_on_over_a_new_connection_without_loss_or_repetition() {
    let serving = Serving::start(&[]);
    let (mut ada, mut bob) = (Web::enter(&serving, "ada"), Web::enter(&serving, "bob"));
    ada.ask("join", json!({ "room": "friday", "create": { "game": "arena", "seats": 3 } }));
    ada.hear("joined");
    bob.join("friday", 3);
    bob.hear("joined");
    let said = bob.ask("chat", json!({ "text": "one" }));
    ada.hear_if("event", |event| event["text"] == "one");
    // The connection of ada is cut; what is said meanwhile waits for her.
    let (last_id, token) = (ada.last_id(), ada.resume_token.clone());
    drop(ada);
    bob.send(&json!({ "id": said, "chat": { "text": "one" } }));
    bob.ask("chat", json!({ "text": "two" }));
    bob.hear_if("event", |event| event["text"] == "two");
    let mut again = Web::connect(&serving);
    again.send(&json!({ "resume": { "token": token, "last_id": last_id } }));
    assert_eq!(again.hear("resumed")["last_id"], 1);
    again.hear_if("event", |event| event["text"] == "two");
    let chats = |web: &Web, text: &str| web.heard.iter().filter(|one| one["event"]["text"] == text).count();
    assert_eq!((chats(&again, "one"), chats(&again, "two"), chats(&bob, "one")), (0, 1, 1));
    again.next_id = 2;
    again.ask("chat", json!({ "text": "three" }));
    bob.hear_if("event", |event| event["text"] == "three");
    let mut stranger = Web::connect(&serving);
    stranger.send(&json!({ "resume": { "token": "AAAAAAAAAAAAAAAAAAAAAA", "last_id": 0 } }));
    assert_eq!(stranger.hear("error")["code"], "unknown_session");
    assert_eq!(stranger.until_closed(), "unknown_session");
}

#[test]
fn a_newer_connection_takes_a_session_over() {
    let serving = Serving::start(&[]);
    let mut ada = Web::enter(&serving, "ada");
    let mut again = Web::connect(&serving);
    again.send(&json!({ "resume": { "token": ada.resume_token, "last_id": ada.last_id() } }));
    again.hear("resumed");
    assert_eq!(ada.until_closed(), "taken_over");
    again.send(&json!({ "ping": { "nonce": 1 } }));
    again.hear("pong");
}

#[test]
fn a_kicked_player_is_told_and_gone() {
    let serving = Serving::start(&[]);
    let mut ada = Web::enter(&serving, "ada");
    ada.join("friday", 2);
    ada.hear("joined");
    let path = format!("/admin/v1/players/{}/kick", ada.player);
    assert_eq!(serving.operate("POST", &path, "{}").status, 204);
    assert_eq!(ada.until_closed(), "kicked");
    serving.until("nobody is left", |serving| serving.get("/api/v1/node").json()["players"] == 0);
}
