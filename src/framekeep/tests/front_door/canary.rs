//! Secrets are nowhere but where they belong: not in logs, metrics, answers, files or errors.

use std::path::Path;

use serde_json::json;

use crate::http;
use crate::serving::{ADMIN_TOKEN, API_KEY, KEY, Serving};
use crate::web::Web;

const CLUSTER_SECRET: &str = "canary-cluster-secret-0123";

/// Everything the server has written besides the keys it keeps, as text.
fn written(folder: &Path) -> String {
    let mut all = String::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else {
                all.push_str(&String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()));
            }
        }
    }
    all
}

#[test]
fn secrets_are_nowhere_but_where_they_belong() {
    let serving = Serving::start(&[
        ("FRAMEKEEP__LOG__LEVEL", "trace"),
        ("FRAMEKEEP_CLUSTER_SECRET", CLUSTER_SECRET),
        ("FRAMEKEEP__CLUSTER__PEER", "127.0.0.1:0"),
        // Nobody listens there: what is said about it is of interest.
        ("FRAMEKEEP_REDIS_URL", "redis://ada:canary-redis-password@127.0.0.1:1"),
        ("FRAMEKEEP__ALERTS__WEBHOOK", "http://127.0.0.1:1/hook?token=canary-webhook-token"),
        ("FRAMEKEEP__ALERTS__TICK_SPIKE_MS", "1"),
    ]);
    let key = format!("Bearer {API_KEY}");
    let minted = serving.post("/api/v1/tickets", &[], "{\"name\":\"ada\"}").json();
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let (web_ticket, udp_ticket, guest) =
        (text(&minted["websocket"]["ticket"]), text(&minted["udp"]["ticket"]), text(&minted["guest"]));
    let mut web = Web::enter(&serving, "bob");
    web.ask(
        "join",
        json!({ "room": "friday", "create": { "game": "arena", "seats": 2, "code": "canary-code" } }),
    );
    web.hear("joined");
    let mut thief = Web::connect(&serving);
    thief.authenticate(&web_ticket);
    thief.hear("welcome");
    let mut thief = Web::connect(&serving);
    thief.authenticate(&web_ticket);
    thief.until_closed();

    let mut said = String::new();
    for path in
        ["/metrics", "/api/v1/node", "/api/v1/rooms", "/api/v1/rooms/friday", "/api/openapi.json", "/"]
    {
        said += &serving.get(path).body;
    }
    for bad in [format!("{API_KEY}x"), format!("{ADMIN_TOKEN}x"), ADMIN_TOKEN.to_owned()] {
        let bearer = format!("Bearer {bad}");
        let headers = [("Authorization", bearer.as_str())];
        said += &serving.post("/api/v1/tickets", &headers, "{\"name\":\"eve\"}").body;
        said += &http::ask(serving.admin, "GET", "/admin/v1/nowhere", &headers, "").body;
    }
    said += &serving.post("/api/v1/rooms", &[("Authorization", &key)], "{\"name\":1}").body;
    said += &serving.operate("GET", "/admin/v1/audit", "").body;
    said += &serving.operate("DELETE", "/admin/v1/rooms/friday", "").body;
    web.hear("left");

    let secrets = [
        ("node's key", KEY.to_owned()),
        ("API key", API_KEY.to_owned()),
        ("operators' token", ADMIN_TOKEN.to_owned()),
        ("ticket for a WebSocket", web_ticket),
        ("ticket for UDP", udp_ticket[..64].to_owned()),
        ("word of a guest", guest),
        ("resume token", web.resume_token.clone()),
        ("secret of a cluster", CLUSTER_SECRET.to_owned()),
        ("password of Redis", "canary-redis-password".to_owned()),
        ("secret of a webhook", "canary-webhook-token".to_owned()),
    ];
    serving.signal(nix::sys::signal::Signal::SIGTERM);
    let (code, folder) = serving.end_in_folder();
    assert_eq!(code, 0);
    let kept = written(folder.path());
    assert!(kept.contains("an operator's action") && kept.contains("\"action\":\"close\""));
    for (what, secret) in secrets {
        assert!(!said.contains(&secret), "the {what} is told");
        assert!(!kept.contains(&secret), "the {what} is in a log or a file");
    }
    assert!(!said.contains("canary-code"), "the code of a room is told");
}
