//! Matches go on at their pace while strangers attack.

use std::cell::RefCell;
use std::hint::spin_loop;
use std::io::Write as _;
use std::net::TcpStream;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt};
use serde_json::json;
use tungstenite::Message;

use crate::http;
use crate::serving::Serving;
use crate::web::{Web, open};

/// Ticks a second of a room that asks for no other rate.
const TICKS_PER_S: u32 = 30;

/// How long most attacks go on at least.
const EACH: Duration = Duration::from_millis(800);

/// How much later frames may be on average than in the worst of the quiet times: as much again, and this. It is a tenth
/// of a tick.
const LATER_MAX_S: f64 = 0.0033;

/// An attack that makes frames late does so each time; what else the machine does, does not.
const ROUNDS: usize = 4;

/// The part of the frames that may be missing in any round, whatever else the machine does.
const MISSING_MAX: f64 = 0.1;

/// When exactly a report was made is not known to a frame or two at either end.
const FRAMES_EITHER_END: f64 = 3.0;

/// How often matches were slowed down.
const SLOWED: &str = "framekeep_matches_total{change=\"slowed\"}";

/// Those who never read what they are told.
const SLOW_READERS: usize = 40;

/// How frames of a server were in a while.
#[derive(Clone, Copy, Debug)]
struct Pace {
    frames: f64,
    /// How late a frame was on average, in seconds.
    late_s: f64,
    /// How often the match was slowed down, because its ticks took too long.
    slowed: f64,
    lasted: Duration,
}

impl Pace {
    fn due(&self) -> f64 {
        self.lasted.as_secs_f64() * f64::from(TICKS_PER_S)
    }

    /// How many frames fewer there were than are due in the time.
    fn missing(&self) -> f64 {
        (self.due() - self.frames).max(0.0)
    }
}

/// A server with a match for two that goes on while strangers do what they do.
struct Field {
    serving: Serving,
    /// For how long each attack, and each quiet time between two, goes on at least.
    each: Duration,
    /// All quiet times so far.
    quiet: RefCell<Vec<Pace>>,
}

impl Field {
    fn new(settings: &[(&str, &str)], each: Duration) -> Self {
        let settings = [&[("FRAMEKEEP__HTTP__CONNECTIONS_MAX", "2048")], settings].concat();
        let serving = Serving::start(&settings);
        let (mut ada, mut bob) = (Web::enter(&serving, "ada"), Web::enter(&serving, "bob"));
        let create = json!({ "game": "arena", "seats": 2, "spectators_max": SLOW_READERS * ROUNDS });
        ada.ask("join", json!({ "room": "steady", "create": create }));
        ada.hear("joined");
        bob.join("steady", 2);
        bob.hear("started");
        for mut player in [ada, bob] {
            // Who answers no ping is let go; the server's end is theirs.
            std::thread::spawn(move || {
                while player.closed.is_none() {
                    player.heard.clear();
                    player.read();
                }
            });
        }
        let field = Self { serving, each, quiet: RefCell::default() };
        field.serving.until("it plays", |_| field.frames()[0] > 5.0);
        field
    }

    /// Frames so far, how many of them a lateness is known of, the sum of those, and how often the match was slowed
    /// down, as last reported.
    fn frames(&self) -> [f64; 4] {
        let metrics = self.serving.get("/metrics").body;
        let value = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|value| value.parse().ok()).unwrap_or_default()
        };
        [
            "framekeep_frames_total",
            "framekeep_frame_lateness_seconds_count",
            "framekeep_frame_lateness_seconds_sum",
            SLOWED,
        ]
        .map(value)
    }

    /// Does something again and again from one report of the server to a later one; gives how its frames were between.
    fn pace(&self, mut act: impl FnMut(&Serving)) -> Pace {
        let (begun, first) = self.next_report(&mut act);
        while begun.end.elapsed() < self.each {
            act(&self.serving);
        }
        let (ended, last) = self.next_report(&mut act);
        let of = |place: usize| last[place] - first[place];
        // As short as it can have been: an answer that is long on its way makes no frame late.
        let lasted = ended.start.saturating_duration_since(begun.end);
        Pace { frames: of(0), late_s: of(2) / of(1).max(1.0), slowed: of(3), lasted }
    }

    /// Does something again and again until the server has reported more frames; gives what it reported, and between
    /// which moments it did.
    fn next_report(&self, act: &mut dyn FnMut(&Serving)) -> (Range<Instant>, [f64; 4]) {
        let begun = Instant::now();
        let (mut from, before) = (begun, self.frames());
        loop {
            act(&self.serving);
            let asked = Instant::now();
            let now = self.frames();
            assert!(begun.elapsed() < crate::serving::LONGEST, "no frames are reported");
            if now[0] > before[0] {
                return (from..Instant::now(), now);
            }
            from = asked;
            park_timeout(crate::serving::LOOK_EVERY);
        }
    }

    /// How it is while nobody attacks and one core is as busy as with somebody who does.
    fn quiet(&self) {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    spin_loop();
                }
            });
            let pace = self.pace(|_| {});
            is_over.store(true, Ordering::Relaxed);
            self.quiet.borrow_mut().push(pace);
        });
    }

    /// Attacks for a while and asserts that frames were no later than in quiet times, and that none was missing; in
    /// each round that next to all came.
    /// `begin` gives what is done again and again; what it holds is gone before the quiet time after it.
    fn endures<A: FnMut(&Serving)>(&self, what: &str, begin: impl Fn() -> A) {
        let mut attacked = Vec::new();
        let is_unaffected = (0..ROUNDS).any(|_| {
            self.quiet();
            let pace = self.pace(begin());
            assert!(pace.missing() <= MISSING_MAX * pace.due() + FRAMES_EITHER_END, "{what}: {pace:?}");
            self.quiet();
            attacked.push(pace);
            let worst = |of: fn(&Pace) -> f64| self.quiet.borrow().iter().map(of).fold(0.0, f64::max);
            pace.late_s <= 2.0 * worst(|quiet| quiet.late_s) + LATER_MAX_S
                && pace.missing() <= worst(Pace::missing) + FRAMES_EITHER_END
                && pace.slowed == 0.0
        });
        assert!(is_unaffected, "{what}: {attacked:?}; in quiet times: {:?}", self.quiet.borrow());
        let metrics = self.serving.get("/metrics").body;
        for line in ["framekeep_matches_total{change=\"failed\"} 0", "framekeep_decoder_panics_total 0"] {
            assert!(metrics.contains(line), "{what}: {line}");
        }
    }
}

/// Somebody who watches, has room for little and reads nothing.
fn slow_reader(serving: &Serving) -> Web {
    let mut web = Web::connect(serving);
    let stream = web.socket.get_ref();
    setsockopt(stream, sockopt::RcvBuf, &2_048).expect("a small buffer");
    stream.set_write_timeout(Some(Duration::from_millis(2))).expect("a time-out");
    let ticket = serving.guest_ticket("slow");
    web.send(&json!({ "authenticate": { "ticket": ticket, "views_hz": 30 } }));
    web.ask("join", json!({ "room": "steady", "spectate": true }));
    web
}

#[test]
fn the_ticks_of_a_match_are_unaffected_by_what_strangers_do() {
    let field = Field::new(&[], EACH);
    let foreign = [("Origin", "https://evil.example")];
    field.endures("foreign pages", || |serving: &Serving| drop(open(serving.http, &foreign)));
    field.endures("forged tickets", || |serving: &Serving| Web::connect(serving).authenticate("nonsense"));
    field.endures("a message of 1 MiB", || {
        |serving: &Serving| {
            let mut web = Web::enter(serving, "giant");
            let _ = web.socket.send(Message::text("a".repeat(1 << 20)));
        }
    });
    field.endures("a flood of messages", || {
        |serving: &Serving| {
            let mut web = Web::enter(serving, "flood");
            for _ in 0..700 {
                let _ = web.socket.send(Message::text("{\"sync\":{}}"));
            }
        }
    });
    field.endures("500 half-open connections", || {
        let mut silent = Vec::new();
        move |serving: &Serving| {
            if silent.len() < 500 {
                let mut stream = TcpStream::connect(serving.http).expect("a connection");
                let _ = stream.write_all(b"GET /ws HTTP/1.1\r\nHost: ");
                silent.push(stream);
            }
        }
    });
    field.endures("paths that lead elsewhere", || {
        |serving: &Serving| {
            let status = serving.get("/api/v1/replays/..%2f..%2fadmin.token").status;
            assert!([400, 404].contains(&status), "{status}");
        }
    });
    field.endures("operators without a token", || {
        |serving: &Serving| {
            let status = http::ask(serving.admin, "POST", "/admin/v1/drain", &[], "{\"grace_s\":0}").status;
            assert!([401, 429].contains(&status), "{status}");
        }
    });
}

#[test]
fn the_ticks_of_a_match_are_unaffected_by_those_who_never_read() {
    let settings =
        [("FRAMEKEEP__WEBSOCKET__MESSAGES_PER_S", "10000"), ("FRAMEKEEP__WEBSOCKET__WRITE_WITHIN_S", "1")];
    let field = Field::new(&settings, 3 * EACH);
    field.endures("slow readers", || {
        let mut slow = Vec::new();
        move |serving: &Serving| {
            if slow.len() < SLOW_READERS {
                slow.push(slow_reader(serving));
                return;
            }
            // Each asks for everything anew, again and again, and takes none of it.
            for web in &mut slow {
                let _ = web.socket.send(Message::text("{\"sync\":{}}"));
            }
        }
    });
    let metrics = field.serving.get("/metrics").body;
    let let_go = "framekeep_web_refused_total{rule=\"too_slow\"} ";
    let let_go = metrics.lines().find_map(|line| line.strip_prefix(let_go)?.parse::<f64>().ok());
    assert!(let_go > Some(0.0), "nobody was too slow: {let_go:?}");
}
