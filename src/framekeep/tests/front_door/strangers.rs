//! Those who may not: foreign pages, forged tickets, floods, giants and the silent.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use framekeep_gateway::wire::{
    Authenticate, ClientBody, ClientMessage, Encoding, Ping, ServerBatch, ServerBody,
};
use framekeep_protocol::{PlayerName, Role};
use framekeep_server::{TicketRequest, player_id_of, web_ticket};
use prost::Message as _;
use serde_json::json;
use tungstenite::Message;

use crate::http;
use crate::serving::{API_KEY, LONGEST, Serving, key};
use crate::web::{Web, open};

/// The first message that a connection in protobuf hears and that has a body of interest.
fn hear_binary(
    socket: &mut tungstenite::WebSocket<TcpStream>,
    pick: impl Fn(&ServerBody) -> bool,
) -> ServerBody {
    loop {
        let Message::Binary(bytes) = socket.read().expect("a frame") else { continue };
        let batch = ServerBatch::decode(&bytes[..]).expect("a batch");
        let found = batch.messages.into_iter().filter_map(|message| message.body).find(&pick);
        if let Some(body) = found {
            return body;
        }
    }
}

#[test]
fn protobuf_says_the_same_as_json() {
    let serving = Serving::start(&[]);
    let protocol = [("Sec-WebSocket-Protocol", Encoding::SUBPROTOCOLS[0])];
    let (mut socket, response) = open(serving.http, &protocol).expect("a WebSocket");
    assert_eq!(response.headers()["sec-websocket-protocol"], Encoding::SUBPROTOCOLS[0]);
    let send = |socket: &mut tungstenite::WebSocket<TcpStream>, body| {
        let message = ClientMessage { id: 0, ack: 0, body: Some(body) };
        socket.send(Message::binary(message.encode_to_vec())).expect("sent");
    };
    let ticket = serving.guest_ticket("ada");
    send(
        &mut socket,
        ClientBody::Authenticate(Authenticate { ticket, times: true, ..Authenticate::default() }),
    );
    hear_binary(&mut socket, |body| matches!(body, ServerBody::Welcome(_)));
    send(&mut socket, ClientBody::Ping(Ping { nonce: u64::MAX }));
    let pong = hear_binary(&mut socket, |body| matches!(body, ServerBody::Pong(_)));
    assert!(matches!(pong, ServerBody::Pong(pong) if pong.nonce == u64::MAX));
}

#[test]
fn pages_of_foreign_origins_are_refused() {
    let serving = Serving::start(&[("FRAMEKEEP__HTTP__ORIGINS", "https://play.example.org")]);
    let own = format!("http://{}", serving.http);
    for (origin, status) in [
        ("https://evil.example", Some(403)),
        ("null", Some(403)),
        (own.as_str(), None),
        ("https://play.example.org", None),
    ] {
        assert_eq!(open(serving.http, &[("Origin", origin)]).err(), status, "{origin}");
    }
    let foreign = [("Origin", "https://evil.example")];
    let reply = serving.post("/api/v1/tickets", &foreign, "{\"name\":\"ada\"}");
    assert_eq!(reply.problem(), "foreign_origin");
}

#[test]
fn tickets_that_are_forged_or_used_are_refused() {
    let serving = Serving::start(&[]);
    let good = serving.guest_ticket("ada");
    let forged = format!("{}{}", if good.starts_with('A') { 'B' } else { 'A' }, &good[1..]);
    for bad in ["", "nonsense", &forged, &good[..good.len() - 4]] {
        let mut web = Web::connect(&serving);
        web.authenticate(bad);
        assert_eq!(web.until_closed(), "unauthorized", "{bad}");
    }
    let mut web = Web::connect(&serving);
    web.authenticate(&good);
    web.hear("welcome");
    let mut thief = Web::connect(&serving);
    thief.authenticate(&good);
    assert!(thief.hear("error")["text"].as_str().unwrap().contains("ticket_reused"));
    let mut silent = Web::connect(&serving);
    silent.send(&json!({ "id": 1, "join": { "room": "friday" } }));
    assert_eq!(silent.hear("error")["code"], "unauthenticated");
    assert_eq!(silent.until_closed(), "unauthorized");
}

#[test]
fn a_full_server_is_busy_and_the_same_ticket_gets_in_when_there_is_room() {
    let settings = [("FRAMEKEEP__NET__CLIENTS_MAX", "1"), ("FRAMEKEEP__WEBSOCKET__RESUME_WITHIN_S", "0")];
    let serving = Serving::start(&settings);
    let mut ada = Web::enter(&serving, "ada");
    let ticket = serving.guest_ticket("bob");
    let mut bob = Web::connect(&serving);
    bob.authenticate(&ticket);
    assert!(bob.hear("error")["text"].as_str().unwrap().contains("server_full"));
    assert_eq!(bob.until_closed(), "busy");
    let code = bob.closed.flatten().map(|frame| u16::from(frame.code));
    assert_eq!(code, Some(1_013));
    ada.ask("bye", json!({}));
    assert_eq!(ada.until_closed(), "bye");
    serving.until("bob gets in", |serving| {
        let mut bob = Web::connect(serving);
        bob.authenticate(&ticket);
        match bob.until_heard(&["welcome", "closing"]).as_str() {
            "welcome" => true,
            _ => {
                assert_eq!(bob.until_closed(), "busy", "the ticket is as good as before");
                false
            }
        }
    });
}

#[test]
fn who_says_nothing_is_let_go() {
    let serving = Serving::start(&[("FRAMEKEEP__WEBSOCKET__AUTHENTICATE_WITHIN_S", "1")]);
    let mut web = Web::connect(&serving);
    assert_eq!(web.until_closed(), "too_late");
}

#[test]
fn messages_that_are_too_large_end_the_connection() {
    let serving = Serving::start(&[]);
    for bytes in [4_097, 1 << 20] {
        let mut web = Web::enter(&serving, "ada");
        let text = "a".repeat(bytes);
        let _ = web.socket.send(Message::text(text));
        web.until_closed();
        assert!(web.closed.is_some(), "{bytes}");
    }
    assert_eq!(serving.get("/healthz").status, 200);
    assert!(!serving.get("/metrics").body.contains("framekeep_web_refused_total{rule=\"too_large\"} 0"));
}

#[test]
fn a_flood_of_messages_is_not_heard_and_ends_the_connection() {
    let serving = Serving::start(&[]);
    let begun = Instant::now();
    let mut web = Web::enter(&serving, "ada");
    // All at once: nothing is on its way any more when the server has closed.
    for nonce in 0..1_000 {
        let ping = json!({ "ping": { "nonce": nonce } });
        web.socket.write(Message::text(ping.to_string())).expect("it is only kept");
    }
    web.socket.flush().expect("it is sent");
    assert_eq!(web.until_closed(), "faulty");
    let pongs = web.heard.iter().filter(|message| message.get("pong").is_some()).count();
    assert!(pongs < 200, "{pongs}");
    let told = web.heard.iter().filter(|message| message["error"]["code"] == "too_fast").count() as u64;
    assert!((1..=1 + begun.elapsed().as_secs()).contains(&told), "once a second it is said: {told} times");
}

#[test]
fn a_request_over_the_rate_is_refused_by_its_number() {
    let serving = Serving::start(&[("FRAMEKEEP__WEBSOCKET__MESSAGES_PER_S", "5")]);
    let mut web = Web::enter(&serving, "ada");
    let asked: Vec<u64> = (0..40).map(|_| web.ask("ready", json!({ "ready": true }))).collect();
    // Not in a room, or over the rate: each is told, in one order or another.
    for id in asked {
        if !web.heard.iter().any(|one| one["refused"]["to"] == id) {
            web.hear_if("refused", |refused| refused["to"] == id);
        }
    }
    assert!(web.heard.iter().any(|one| one["refused"]["code"] == "too_fast"));
}

#[test]
fn five_hundred_connections_that_say_nothing_disturb_nobody() {
    let serving = Serving::start(&[]);
    let silent: Vec<TcpStream> =
        (0..500).map(|_| TcpStream::connect(serving.http).expect("a connection")).collect();
    let mut web = Web::enter(&serving, "ada");
    web.join("friday", 2);
    web.hear("joined");
    assert_eq!(serving.get("/readyz").status, 200);
    drop(silent);
}

#[test]
fn a_client_that_takes_nothing_is_let_go_and_delays_nobody() {
    let settings =
        [("FRAMEKEEP__WEBSOCKET__MESSAGES_PER_S", "10000"), ("FRAMEKEEP__WEBSOCKET__WRITE_WITHIN_S", "1")];
    let serving = Serving::start(&settings);
    let mut slow = Web::enter(&serving, "slow");
    slow.join("friday", 4);
    slow.hear("joined");
    // From here on it asks for the room again and again, and reads nothing of it.
    slow.socket.get_ref().set_write_timeout(Some(std::time::Duration::from_millis(100))).expect("a time-out");
    let mut quick = Web::enter(&serving, "quick");
    serving.until("the slow one is let go", |serving| {
        for _ in 0..500 {
            let _ = slow.socket.send(Message::text("{\"sync\":{}}"));
        }
        !serving.get("/metrics").body.contains("framekeep_web_refused_total{rule=\"too_slow\"} 0")
    });
    quick.send(&json!({ "ping": { "nonce": 9 } }));
    quick.hear("pong");
    assert_eq!(serving.get("/readyz").status, 200);
}

#[test]
fn a_ticket_that_has_expired_is_refused_and_says_so() {
    let serving = Serving::start(&[]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let name = PlayerName::try_from("ada").unwrap();
    let request = TicketRequest {
        server: serving.udp,
        player: player_id_of(&name),
        name,
        room: None,
        role: Role::Player,
        now: now - Duration::from_secs(60),
    };
    let ticket = web_ticket(&key(), &request).expect("a ticket");
    let mut web = Web::connect(&serving);
    web.authenticate(&BASE64URL_NOPAD.encode(&ticket));
    let said = web.hear("error")["text"].as_str().unwrap().to_owned();
    assert!(said.contains("ticket_expired"), "{said}");
    assert_eq!(web.until_closed(), "unauthorized");
}

#[test]
fn a_body_that_does_not_arrive_is_given_up() {
    let serving = Serving::start(&[]);
    let mut slow = TcpStream::connect(serving.http).expect("a connection");
    slow.set_read_timeout(Some(crate::serving::LONGEST)).expect("a time-out");
    let head = format!(
        "POST /api/v1/tickets HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: 400\r\n\r\n{{\"name\":",
        serving.http
    );
    slow.write_all(head.as_bytes()).expect("sent");
    let mut answer = String::new();
    slow.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("too_slow"), "{answer}");
}

#[test]
fn whoever_has_the_key_has_a_budget_and_spends_nobody_elses() {
    let serving = Serving::start(&[("FRAMEKEEP__HTTP__KEY_REQUESTS_PER_S", "1")]);
    let ask = |bearer: &str| {
        let bearer = format!("Bearer {bearer}");
        http::ask(
            serving.http,
            "POST",
            "/api/v1/tickets",
            &[("Authorization", &bearer)],
            "{\"name\":\"ada\"}",
        )
    };
    // Six seconds' worth at once; a second may have gone by meanwhile, and more on a busy machine.
    let begun = Instant::now();
    let mut taken = 0;
    let refused = loop {
        let reply = ask(API_KEY);
        if reply.status != 201 {
            break reply;
        }
        taken += 1;
        assert!(taken <= 6 + begun.elapsed().as_secs() + 1, "{taken} at once");
    };
    assert!(taken >= 6, "{taken}");
    assert_eq!((refused.status, refused.problem().as_str()), (429, "too_fast"));
    let wait_s: u64 = refused.header("retry-after").expect("it says when").parse().expect("seconds");
    assert_eq!(wait_s, 1);
    assert_eq!(ask("another-key-0123456789").status, 401, "who has another key hears that it is wrong");
    assert_eq!(
        serving.post("/api/v1/tickets", &[], "{\"name\":\"bob\"}").status,
        201,
        "guests have their own"
    );
    assert_eq!(serving.get("/api/v1/rooms").status, 200);
    assert_eq!(serving.operate("GET", "/admin/v1/audit", "").status, 200, "operators have none");
    let asked = Instant::now();
    serving.until("there is some again", |_| ask(API_KEY).status == 201);
    assert!(asked.elapsed() < LONGEST / 4, "after about {wait_s} s");
    let metrics = serving.get("/metrics").body;
    assert!(!metrics.contains("framekeep_web_refused_total{rule=\"budget\"} 0"), "{metrics}");
}
