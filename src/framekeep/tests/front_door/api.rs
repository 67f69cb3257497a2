//! The HTTP API: health, rooms, tickets, replays, operators' actions.

use framekeep_results::{MatchResult, open_or_set_aside};

use crate::http;
use crate::serving::{ADMIN_TOKEN, API_KEY, Serving};
use crate::web::Web;

fn bearer(key: &str) -> String {
    format!("Bearer {key}")
}

#[test]
fn a_server_says_how_it_is() {
    let serving = Serving::start(&[]);
    assert_eq!(serving.get("/healthz").body, "ok\n");
    let metrics = serving.get("/metrics").body;
    for name in ["framekeep_tick_seconds_bucket{le=\"+Inf\"}", "framekeep_rooms{phase=\"playing\"} 0"] {
        assert!(metrics.contains(name), "{name}\n{metrics}");
    }
    let node = serving.get("/api/v1/node").json();
    assert_eq!((&node["guests"], &node["draining"]), (&true.into(), &false.into()));
    assert!(node["games"].as_array().unwrap().iter().any(|game| game["name"] == "arena"));
    assert_eq!(serving.get("/debug/rooms").json()["zombie"], 0);
    assert!(serving.get("/api/v1/cleanup").json()["failures"].is_number());
    assert_eq!(serving.get("/api/v1/results").json()["results"].as_array().map(Vec::len), Some(0));
    assert_eq!(serving.get("/api/v1/results/nothing").problem(), "not_found");
    let document = serving.get("/api/openapi.json").json();
    assert!(document["paths"]["/api/v1/rooms/{name}"]["delete"].is_object());
    assert!(serving.get("/").body.contains("Framekeep"));
}

#[test]
fn what_is_wrong_is_told_as_a_problem() {
    let serving = Serving::start(&[]);
    assert_eq!(serving.get("/api/v1/nowhere").problem(), "not_found");
    assert_eq!(serving.post("/api/v1/node", &[], "{}").problem(), "method_not_allowed");
    assert_eq!(serving.get("/api/v1/rooms?limit=many").problem(), "bad_request");
    assert_eq!(serving.get("/api/v1/rooms?phase=asleep").problem(), "bad_request");
    assert_eq!(serving.get("/api/v1/rooms?phase=playing").status, 200);
    assert_eq!(serving.get("/api/v1/rooms/nobody").problem(), "not_found");
    assert_eq!(serving.get("/api/v1/rooms/%ff").problem(), "bad_request");
    assert_eq!(serving.get("/ws").problem(), "upgrade_required");
    assert_eq!(serving.post("/api/v1/tickets", &[], "{").problem(), "bad_request");
    assert_eq!(serving.post("/api/v1/tickets", &[], "{\"name\":\"\"}").problem(), "out_of_range");
    let long = format!("{{\"name\":\"{}\"}}", "a".repeat(1 << 20));
    assert_eq!(serving.post("/api/v1/tickets", &[], &long).status, 413);
}

#[test]
fn a_back_end_opens_shows_lists_and_closes_a_room() {
    let serving = Serving::start(&[]);
    let key = bearer(API_KEY);
    let new = "{\"name\":\"friday\",\"game\":\"arena\",\"seats\":2,\"start\":\"host\"}";
    assert_eq!(serving.post("/api/v1/rooms", &[], new).problem(), "unauthorized");
    assert_eq!(serving.post("/api/v1/rooms", &[("Authorization", "Bearer wrong")], new).status, 401);
    let opened = serving.post("/api/v1/rooms", &[("Authorization", &key)], new);
    assert_eq!((opened.status, &opened.json()["phase"]), (201, &"waiting".into()), "{}", opened.body);
    assert_eq!(serving.post("/api/v1/rooms", &[("Authorization", &key)], new).status, 409);
    let many = new.replace("friday", "monday").replace(":2", ":99");
    assert_eq!(
        serving.post("/api/v1/rooms", &[("Authorization", &key)], &many).problem(),
        "seats_out_of_range"
    );
    assert_eq!(serving.get("/api/v1/rooms/friday").json()["seats"], 2);
    serving
        .until("the room is listed", |serving| serving.rooms().iter().any(|room| room["name"] == "friday"));
    assert_eq!(serving.get("/api/v1/rooms?game=rhythm").json()["rooms"].as_array().unwrap().len(), 0);
    let close = |headers: &[(&str, &str)]| {
        http::ask(serving.http, "DELETE", "/api/v1/rooms/friday", headers, "").status
    };
    assert_eq!(close(&[]), 401);
    assert_eq!(close(&[("Authorization", &key)]), 204);
    assert_eq!(close(&[("Authorization", &key)]), 404);
}

#[test]
fn tickets_are_for_guests_where_they_are_welcome_and_for_back_ends() {
    let serving = Serving::start(&[("FRAMEKEEP__HTTP__GUESTS", "off")]);
    let ask = |headers: &[(&str, &str)], body: &str| serving.post("/api/v1/tickets", headers, body);
    assert_eq!(ask(&[], "{\"name\":\"ada\"}").problem(), "unauthorized");
    let key = bearer(API_KEY);
    let body = "{\"name\":\"ada\",\"player\":\"00000000000000ff\",\"room\":\"friday\"}";
    let minted = ask(&[("Authorization", &key)], body).json();
    assert_eq!(minted["player"], "00000000000000ff");
    assert_eq!(minted["udp"]["address"], serving.udp.to_string());
    assert!(minted["guest"].is_null());

    let serving = Serving::start(&[]);
    let ask = |body: &str| serving.post("/api/v1/tickets", &[], body);
    let first = ask("{\"name\":\"ada\"}").json();
    let guest = first["guest"].as_str().unwrap();
    let again = ask(&format!("{{\"name\":\"ada\",\"guest\":\"{guest}\"}}")).json();
    assert_eq!(again["player"], first["player"]);
    assert_ne!(ask("{\"name\":\"ada\"}").json()["player"], first["player"], "a name is not an identity");
    assert_eq!(ask(body).problem(), "unauthorized", "guests do not choose who they are");
    let forged = guest.chars().rev().collect::<String>();
    assert_eq!(ask(&format!("{{\"name\":\"ada\",\"guest\":\"{forged}\"}}")).problem(), "unknown_guest");
}

#[test]
fn requests_over_the_budget_of_an_address_wait() {
    let serving = Serving::start(&[("FRAMEKEEP__HTTP__REQUESTS_PER_S", "2")]);
    let statuses: Vec<u16> = (0..40).map(|_| serving.get("/api/v1/node").status).collect();
    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");
    assert_eq!(serving.get("/healthz").status, 200, "health is always told");
    assert!((0..40).all(|_| serving.get("/play").status == 200), "pages cost nothing");
    assert_eq!(
        serving.operate("GET", "/admin/v1/audit", "").status,
        200,
        "operators have a budget of their own"
    );
    let guesses: Vec<u16> =
        (0..200).map(|_| http::ask(serving.admin, "GET", "/metrics", &[], "").status).collect();
    assert!(guesses.contains(&401) && guesses.contains(&429), "{guesses:?}");
    assert_eq!(serving.operate("GET", "/metrics", "").status, 200, "who has the token is not held back");
}

#[test]
fn who_is_in_a_private_room_is_told_with_the_key_only() {
    let serving = Serving::start(&[]);
    let mut host = Web::enter(&serving, "ada");
    let options = serde_json::json!({
        "game": "arena", "seats": 3, "start": "host", "code": "sesame", "commit": "lockstep"
    });
    host.ask("join", serde_json::json!({ "room": "secret", "code": "sesame", "create": options }));
    host.hear("joined");
    host.ask("reserve", serde_json::json!({ "player": "00000000000000ff" }));
    assert_eq!(host.event("reserved")["player"], "00000000000000ff");
    let members = |headers: &[(&str, &str)]| {
        let room = http::ask(serving.http, "GET", "/api/v1/rooms/secret", headers, "").json();
        assert_eq!(room["private"], true);
        room["members"].as_array().map(Vec::len)
    };
    assert_eq!(members(&[]), Some(0));
    assert_eq!(members(&[("Authorization", &bearer(API_KEY))]), Some(1));
    for path in ["/api/v1/rooms", "/api/v1/rooms/secret"] {
        let told = serving.get(path).body;
        let says = |player: &str| told.contains(player);
        assert!(!says(&host.player) && !says("00000000000000ff"), "{path}: {told}");
    }
    let seen = serving.operate("GET", "/admin/v1/rooms/secret", "").json();
    assert_eq!(seen["members"][0]["player"], host.player);
}

#[test]
fn behind_a_trusted_proxy_everybody_has_a_budget() {
    let settings =
        [("FRAMEKEEP__HTTP__REQUESTS_PER_S", "1"), ("FRAMEKEEP__HTTP__TRUSTED_PROXIES", "127.0.0.0/8")];
    let serving = Serving::start(&settings);
    let ask = |client: &str| {
        let headers = [("X-Forwarded-For", client)];
        http::ask(serving.http, "GET", "/api/v1/node", &headers, "").status
    };
    assert!(
        (0..40).any(|_| ask("198.51.100.9, 192.0.2.7") == 429),
        "what comes before the last hop does not count"
    );
    assert_eq!(ask("192.0.2.8"), 200);
    let fresh = (1..40).all(|last| ask(&format!("192.0.2.{last}, 203.0.113.5")) == 200);
    assert!(!fresh, "nobody gets a new budget by writing the header");
}

#[test]
fn one_address_does_not_get_all_connections_and_none_of_the_operators() {
    let settings =
        [("FRAMEKEEP__HTTP__CONNECTIONS_MAX", "16"), ("FRAMEKEEP__HTTP__CONNECTIONS_PER_ADDRESS", "4")];
    let serving = Serving::start(&settings);
    let idle: Vec<_> =
        (0..40).map(|_| std::net::TcpStream::connect(serving.http).expect("it listens")).collect();
    assert_eq!(serving.operate("GET", "/healthz", "").status, 200);
    serving.until("places are refused", |serving| {
        serving.operate("GET", "/metrics", "").body.contains("framekeep_http_connections 5")
    });
    assert_eq!(http::ask(serving.http, "GET", "/healthz", &[], "").status, 0, "the fifth is closed");
    drop(idle);
    serving.until("there is room again", |serving| serving.get("/healthz").status == 200);
}

#[test]
fn pages_of_listed_origins_are_let_in_and_names_of_strangers_are_not() {
    let serving = Serving::start(&[("FRAMEKEEP__HTTP__ORIGINS", "https://play.example.org")]);
    let listed = [("Origin", "https://play.example.org")];
    let asked = http::ask(serving.http, "OPTIONS", "/api/v1/tickets", &listed, "");
    assert_eq!((asked.status, asked.header("access-control-allow-origin")), (204, Some(listed[0].1)));
    assert!(asked.header("access-control-allow-headers").is_some_and(|words| words.contains("content-type")));
    let minted = serving.post("/api/v1/tickets", &listed, "{\"name\":\"ada\"}");
    assert_eq!((minted.status, minted.header("access-control-allow-origin")), (201, Some(listed[0].1)));
    let foreign = [("Origin", "https://evil.example")];
    let refused = http::ask(serving.http, "OPTIONS", "/api/v1/tickets", &foreign, "");
    assert!(refused.status == 403 && refused.header("access-control-allow-origin").is_none());
    for to in [serving.http, serving.admin] {
        assert_eq!(http::ask_host(to, "evil.example", "GET", "/api/v1/node").problem(), "foreign_host");
    }
}

#[test]
fn replays_are_listed_and_sent_in_parts_and_nothing_else_is() {
    let serving = Serving::start(&[]);
    let replays = serving.data().join("replays");
    std::fs::create_dir_all(&replays).unwrap();
    std::fs::write(replays.join("friday-1.fkr"), "0123456789").unwrap();
    std::fs::write(replays.join("notes.txt"), "secret").unwrap();
    let list = serving.get("/api/v1/replays").json();
    assert_eq!((list.as_array().unwrap().len(), &list[0]["name"]), (1, &"friday-1.fkr".into()));
    assert_eq!(serving.get("/api/v1/replays/friday-1.fkr").body, "0123456789");
    let path = "/api/v1/replays/friday-1.fkr";
    let part = http::ask(serving.http, "GET", path, &[("Range", "bytes=2-4")], "");
    assert_eq!((part.status, part.body.as_str()), (206, "234"));
    assert_eq!(part.header("content-range"), Some("bytes 2-4/10"));
    assert_eq!(http::ask(serving.http, "GET", path, &[("Range", "bytes=10-")], "").status, 416);
    for name in paths_elsewhere() {
        let reply = serving.get(&format!("/api/v1/replays/{name}"));
        assert!([400, 404].contains(&reply.status), "{name}: {}", reply.status);
        assert!(!reply.body.contains("secret"), "{name}");
    }
}

/// Two hundred ways to write a path that leads elsewhere.
fn paths_elsewhere() -> Vec<String> {
    let ups = ["..", "%2e%2e", "..%c0%af", "%252e%252e", ".%2e", "%2e.", "....", "..%00", "..;", "%5c.."];
    let separators = ["/", "%2f", "\\", "%5c", "%2f%2f"];
    let targets = ["admin.token", "replays/notes.txt", "etc/passwd", "development.key.fkr"];
    let mut names = Vec::new();
    for up in ups {
        for separator in separators {
            for target in targets {
                names.push(format!("{up}{separator}{}", target.replace('/', separator)));
            }
        }
    }
    assert_eq!(names.len(), 200);
    names.push("notes.txt".to_owned());
    names
}

#[test]
fn operators_need_the_token_for_everything_and_are_noted() {
    let serving = Serving::start(&[]);
    let document = serving.get("/api/openapi.json").json();
    let paths = document["paths"].as_object().expect("paths").iter();
    let mut routes: Vec<(String, String)> = paths
        .filter(|(path, _)| path.starts_with("/admin/"))
        .flat_map(|(path, methods)| methods.as_object().expect("methods").keys().map(move |one| (one, path)))
        .map(|(method, path)| (method.to_uppercase(), path.replace("{name}", "friday")))
        .map(|(method, path)| (method, path.replace("{player}", "00000000000000ff")))
        .collect();
    assert!(routes.len() >= 7 && routes.iter().all(|(_, path)| !path.contains('{')), "{routes:?}");
    routes.extend(["/metrics", "/nowhere"].map(|path| ("GET".to_owned(), path.to_owned())));
    let wrong = bearer(&ADMIN_TOKEN.replace('9', "8"));
    for (method, path) in &routes {
        for headers in [&[][..], &[("Authorization", wrong.as_str())], &[("Authorization", "Basic eDp5")]] {
            let reply = http::ask(serving.admin, method, path, headers, "{}");
            assert_eq!(reply.problem(), "unauthorized", "{method} {path}");
        }
    }
    let foreign = [("Origin", "https://evil.example"), ("Authorization", &bearer(ADMIN_TOKEN))];
    assert_eq!(http::ask(serving.admin, "GET", "/admin/v1/audit", &foreign, "").problem(), "foreign_origin");
    assert_eq!(
        serving.operate("POST", "/admin/v1/players/00000000000000ff/kick", "{}").problem(),
        "not_found"
    );
    assert_eq!(serving.operate("DELETE", "/admin/v1/rooms/friday", "").status, 404);
    let audit = serving.operate("GET", "/admin/v1/audit", "").json();
    assert_eq!((&audit[0]["action"], &audit[0]["status"]), (&"close".into(), &404.into()));
    assert_eq!((&audit[1]["action"], &audit[1]["target"]), (&"kick".into(), &"00000000000000ff".into()));
    assert_eq!(std::fs::read_to_string(serving.data().join("audit.log")).unwrap().lines().count(), 2);
    let metrics = serving.get("/metrics").body;
    for canary in [API_KEY, ADMIN_TOKEN, "0123456789abcdef0123456789abcdef"] {
        assert!(!serving.log().contains(canary) && !metrics.contains(canary), "{canary}");
    }
}

#[test]
fn filters_that_are_too_long_are_refused() {
    let serving = Serving::start(&[]);
    for path in
        ["rooms?q=", "rooms?after=", "replays?q=", "results?player=", "results?game=", "results?after="]
    {
        let at = |length: usize| serving.get(&format!("/api/v1/{path}{}", "a".repeat(length)));
        let long = at(129);
        assert_eq!((long.status, long.problem().as_str()), (400, "bad_request"), "{path}");
        assert!(path.ends_with("after=") || at(128).status == 200, "{path}");
    }
}

#[test]
fn matches_of_private_rooms_are_shown_with_the_key_only() {
    let serving = Serving::start(&[]);
    let key = [("Authorization", format!("Bearer {API_KEY}"))];
    let key = key.each_ref().map(|(name, value)| (*name, value.as_str()));
    for (room, code) in [("open", ""), ("closed", "sesame")] {
        let options = format!("{{\"name\":\"{room}\",\"game\":\"arena\",\"seats\":2,\"code\":\"{code}\"}}");
        let opened = serving.post("/api/v1/rooms", &key, &options);
        assert_eq!(opened.status, 201, "{}", opened.body);
        let id = opened.json()["id"].as_str().expect("an id").to_owned();
        let name = format!("{id}-1795297694-1.fkr");
        let replays = serving.data().join("replays");
        std::fs::create_dir_all(&replays).unwrap();
        std::fs::write(replays.join(&name), "0123456789").unwrap();
        let path = format!("/api/v1/replays/{name}");
        let stranger = serving.get(&path);
        assert_eq!(stranger.status, if code.is_empty() { 200 } else { 401 }, "{room}");
        assert_eq!(serving.get(&format!("{path}/views")).status, if code.is_empty() { 422 } else { 401 });
        assert_eq!(http::ask(serving.http, "GET", &path, &key, "").body, "0123456789");
    }
    let count = |headers: &[(&str, &str)]| {
        let list = http::ask(serving.http, "GET", "/api/v1/replays", headers, "").json();
        list.as_array().map(Vec::len)
    };
    assert_eq!((count(&[]), count(&key)), (Some(1), Some(2)));
}

#[test]
fn a_damaged_result_is_named_and_the_others_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    let path = data.join("results.redb");
    let result = |number: u64| MatchResult {
        id: format!("00000000000000f0-{number}-1"),
        room: format!("room-{number}"),
        ended_unix_ms: 1_000 + number,
        ..MatchResult::default()
    };
    let (mut store, _) = open_or_set_aside(&path, 1).unwrap();
    store.insert(&(0..9).map(result).collect::<Vec<_>>()).unwrap();
    drop(store);
    let serving = Serving::start_in(folder, &[]);
    let count = |of: &serde_json::Value, list: &str| of[list].as_array().map_or(0, Vec::len);
    let whole = serving.get("/api/v1/results").json();
    assert_eq!((count(&whole, "results"), count(&whole, "damaged")), (9, 0));
    let mut bytes = std::fs::read(&path).unwrap();
    let wanted = b"\"room\":\"room-3\"";
    let places: Vec<usize> =
        (0..bytes.len() - wanted.len()).filter(|&at| bytes[at..].starts_with(wanted)).collect();
    places.iter().for_each(|at| bytes[at + wanted.len() - 2] ^= 1);
    let mut file = std::fs::File::options().write(true).open(&path).unwrap();
    std::io::Write::write_all(&mut file, &bytes).unwrap();
    let rest = serving.get("/api/v1/results");
    assert_eq!(rest.status, 200, "{}", rest.body);
    let rest = rest.json();
    assert_eq!((count(&rest, "results"), count(&rest, "damaged")), (8, 1), "{rest}");
    assert!(rest["damaged"][0].as_str().unwrap().contains("00000000000000f0-3-1"), "{rest}");
}

#[test]
fn what_an_operator_began_is_noted_though_nobody_waits_for_the_answer() {
    let serving = Serving::start(&[]);
    let names: Vec<String> = (0..20).map(|number| format!("room-{number}")).collect();
    for name in &names {
        let body = serde_json::json!({ "name": name, "game": "arena", "seats": 2 }).to_string();
        let key = bearer(API_KEY);
        let opened = serving.post("/api/v1/rooms", &[("Authorization", &key)], &body);
        assert_eq!(opened.status, 201, "{}", opened.body);
    }
    for (number, name) in names.iter().enumerate() {
        let path = format!("/admin/v1/rooms/{name}");
        if number % 2 == 0 {
            http::ask_and_leave(serving.admin, &format!("DELETE {path}"), &bearer(ADMIN_TOKEN));
        } else {
            assert_eq!(serving.operate("DELETE", &path, "").status, 204);
        }
    }
    // Who hangs up so soon that nobody has heard anything has begun nothing; what was done is noted, and no more.
    assert_eq!(serving.operate("DELETE", "/admin/v1/rooms/nowhere", "").status, 404);
    serving.until("what is closed is noted", |serving| {
        let is_there =
            |name: &&String| serving.operate("GET", &format!("/admin/v1/rooms/{name}"), "").status == 200;
        let left = names.iter().filter(is_there).count();
        let audit = serving.operate("GET", "/admin/v1/audit", "").json();
        assert!(left <= names.len() / 2, "who waited was served");
        audit.as_array().is_some_and(|actions| actions.len() == 1 + names.len() - left)
    });
}
