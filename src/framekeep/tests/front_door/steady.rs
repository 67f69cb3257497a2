//! Matches go on at their pace while strangers attack.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tungstenite::Message;

use crate::http;
use crate::serving::Serving;
use crate::web::{Web, open};

/// Ticks a second of a room that asks for no other rate.
const TICKS_PER_S: u32 = 30;

/// For how long each attack goes on.
const EACH: Duration = Duration::from_millis(700);

/// A server with a match for two that goes on while strangers do what they do.
struct Field {
    serving: Serving,
    _players: [Web; 2],
}

impl Field {
    fn new() -> Self {
        let serving = Serving::start(&[("FRAMEKEEP__HTTP__CONNECTIONS_MAX", "2048")]);
        let (mut ada, mut bob) = (Web::enter(&serving, "ada"), Web::enter(&serving, "bob"));
        ada.join("steady", 2);
        ada.hear("joined");
        bob.join("steady", 2);
        bob.hear("started");
        let field = Self { serving, _players: [ada, bob] };
        field.serving.until("it plays", |_| field.tick() > 5);
        field
    }

    fn tick(&self) -> u32 {
        self.serving.get("/api/v1/rooms/steady").json()["tick"].as_u64().unwrap_or_default() as u32
    }

    /// Attacks for a while and asserts that the match went on: a tick that was held up for long would be missing.
    fn endures(&self, what: &str, mut attack: impl FnMut(&Serving)) {
        let (begun, first) = (Instant::now(), self.tick());
        while begun.elapsed() < EACH {
            attack(&self.serving);
        }
        let elapsed = begun.elapsed();
        let due = (elapsed.as_secs_f64() * f64::from(TICKS_PER_S)) as u32;
        let ticks = self.tick() - first;
        assert!(ticks + 3 >= due * 9 / 10, "{what}: {ticks} of {due} ticks in {elapsed:?}");
        let metrics = self.serving.get("/metrics").body;
        for line in [
            "framekeep_matches_total{change=\"slowed\"} 0",
            "framekeep_matches_total{change=\"failed\"} 0",
            "framekeep_decoder_panics_total 0",
        ] {
            assert!(metrics.contains(line), "{what}: {line}");
        }
    }
}

#[test]
fn the_ticks_of_a_match_are_unaffected_by_what_strangers_do() {
    let field = Field::new();
    let foreign = [("Origin", "https://evil.example")];
    field.endures("foreign pages", |serving| drop(open(serving.http, &foreign)));
    field.endures("forged tickets", |serving| Web::connect(serving).authenticate("nonsense"));
    field.endures("a message of 1 MiB", |serving| {
        let mut web = Web::enter(serving, "giant");
        let _ = web.socket.send(Message::text("a".repeat(1 << 20)));
    });
    field.endures("a flood of messages", |serving| {
        let mut web = Web::enter(serving, "flood");
        for _ in 0..700 {
            let _ = web.socket.send(Message::text("{\"sync\":{}}"));
        }
    });
    let mut silent = Vec::new();
    field.endures("500 half-open connections", |serving| {
        if silent.len() < 500 {
            let mut stream = TcpStream::connect(serving.http).expect("a connection");
            let _ = stream.write_all(b"GET /ws HTTP/1.1\r\nHost: ");
            silent.push(stream);
        }
    });
    field.endures("paths that lead elsewhere", |serving| {
        let status = serving.get("/api/v1/replays/..%2f..%2fadmin.token").status;
        assert!([400, 404].contains(&status), "{status}");
    });
    field.endures("operators without a token", |serving| {
        let status = http::ask(serving.admin, "POST", "/admin/v1/drain", &[], "{\"grace_s\":0}").status;
        assert!([401, 429].contains(&status), "{status}");
    });
}
