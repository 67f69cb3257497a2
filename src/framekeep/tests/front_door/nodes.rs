//! `Nodes`, real servers of one cluster or one alone, and what is asked of them.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{self, Reply};
use crate::redis::RedisServer;
use crate::serving::{API_KEY, LONGEST, Serving};
use crate::web::Web;

pub(crate) const MODES: &str = r#"
[[mode]]
name = "duel"
game = "arena"
teams = 2
team_seats = 1
rating = { start = 200, per_s = 400, max = 2000 }

[[mode]]
name = "pairs"
game = "arena"
teams = 2
team_seats = 2
ready_check_s = 30

[[mode]]
name = "brawl"
game = "arena"
team_seats = 4
fewer = { after_s = 3, team_seats_min = 2 }

[[mode]]
name = "crew"
game = "arena"
team_seats = 2
backfill = true
"#;

pub(crate) const TICKETS: &str = "/api/v1/matchmaking/tickets";

/// Where tests run whose outcome is the same with and without a Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// A node that has its queue to itself.
    Alone,
    /// Three nodes that share a Redis.
    Together,
}

/// Makes two tests of each function, one in each [`Setting`].
macro_rules! alone_and_together {
    ($($name:ident),* $(,)?) => {
        mod alone {
            use crate::nodes::Setting;
            $(#[test] fn $name() { super::$name(Setting::Alone) })*
        }
        mod together {
            use crate::nodes::Setting;
            $(#[test] fn $name() { super::$name(Setting::Together) })*
        }
    };
}
pub(crate) use alone_and_together;

/// Nodes of one cluster, or one alone; those that were killed are gone.
pub(crate) struct Nodes {
    pub(crate) serving: Vec<Serving>,
    asked: AtomicUsize,
    started: usize,
    /// Where their Redis is; one alone has none.
    url: Option<String>,
    modes: &'static str,
    more: Vec<(String, String)>,
    /// Ends after them, where nobody else has it.
    _redis: Option<RedisServer>,
}

impl Nodes {
    /// Starts them and waits until all of them see all, and one of them coordinates.
    pub(crate) fn start(redis: &RedisServer, count: usize) -> Self {
        Self::start_at(&redis.url(), count, &[])
    }

    /// The same where Redis is at that address, with further settings.
    pub(crate) fn start_at(url: &str, count: usize, more: &[(&str, &str)]) -> Self {
        Self::start_all(Some(url.to_owned()), count, MODES, more)
    }

    /// Nodes that form no matches; waits until all of them see all.
    pub(crate) fn without_modes(redis: &RedisServer, count: usize) -> Self {
        Self::start_all(Some(redis.url()), count, "", &[("FRAMEKEEP__MATCHMAKING__MODES", "")])
    }

    /// A node alone, or three that have a Redis to themselves, where there is one.
    pub(crate) fn start_in(setting: Setting, modes: &'static str, more: &[(&str, &str)]) -> Option<Self> {
        if setting == Setting::Alone {
            return Some(Self::start_all(None, 1, modes, more));
        }
        let redis = RedisServer::start()?;
        let secret = ("FRAMEKEEP_CLUSTER_SECRET", "a-secret-of-all-nodes");
        let nodes = Self::start_all(Some(redis.url()), 3, modes, &[more, &[secret]].concat());
        Some(Self { _redis: Some(redis), ..nodes })
    }

    fn start_all(url: Option<String>, count: usize, modes: &'static str, more: &[(&str, &str)]) -> Self {
        let more = more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let (serving, asked) = (Vec::new(), AtomicUsize::new(0));
        let mut nodes = Self { serving, asked, started: 0, url, modes, more, _redis: None };
        (0..count).for_each(|_| nodes.start_one());
        if nodes.url.is_some() {
            nodes.until_together();
        }
        nodes
    }

    /// Starts one more.
    pub(crate) fn start_one(&mut self) {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("modes.toml"), self.modes).expect("a file");
        self.started += 1;
        self.start_in_folder(folder, &format!("node-{}", self.started - 1));
    }

    /// Starts the one of that name again, with what it has left.
    pub(crate) fn start_in_folder(&mut self, folder: TempDir, name: &str) {
        let mut settings = vec![
            ("FRAMEKEEP__MATCHMAKING__MODES", "modes.toml"),
            ("FRAMEKEEP__HTTP__KEY_REQUESTS_PER_S", "0"),
            ("FRAMEKEEP__NET__NAME", name),
            ("FRAMEKEEP__LOG__LEVEL", "info"),
        ];
        if let Some(url) = &self.url {
            settings.extend([
                ("FRAMEKEEP__CLUSTER__REDIS_URL", url.as_str()),
                ("FRAMEKEEP__CLUSTER__PEER", "127.0.0.1:0"),
                ("FRAMEKEEP__CLUSTER__ALONE_AFTER_S", "2"),
            ]);
        }
        settings.extend(self.more.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        self.serving.push(Serving::start_in(folder, &settings));
    }

    pub(crate) fn until_together(&self) {
        let count = self.serving.len();
        for serving in &self.serving {
            serving.until("all nodes are one cluster", |serving| {
                let seen = together(serving);
                let nodes = seen["nodes"].as_array().cloned().unwrap_or_default();
                let is_there = seen["redis_away_ms"] == 0 && nodes.len() == count;
                is_there
                    && (self.modes.is_empty() || nodes.iter().any(|node| node["id"] == seen["coordinator"]))
            });
        }
    }

    /// Asks again and again until something holds.
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        self.serving[0].until(what, |_| holds());
    }

    /// One node after the other.
    pub(crate) fn next(&self) -> &Serving {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        &self.serving[asked % self.serving.len()]
    }

    /// Asks one node after the other.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Reply {
        ask(self.next(), method, path, body)
    }

    /// Sends a ticket until it is taken.
    pub(crate) fn submit(&self, ticket: &Value) {
        let begun = Instant::now();
        loop {
            let reply = self.ask("POST", TICKETS, ticket);
            if reply.status == 201 {
                return;
            }
            assert!(reply.status == 503 && begun.elapsed() < LONGEST, "{} {}", reply.status, reply.body);
        }
    }

    /// The node that has the room of a ticket that is matched.
    pub(crate) fn node_of(&self, seen: &Value) -> &Serving {
        // One alone does not say where it is.
        let Some(http) = seen["http"].as_str() else { return &self.serving[0] };
        let is_it = |serving: &&Serving| http.ends_with(&format!(":{}", serving.http.port()));
        self.serving.iter().find(is_it).expect("it is one of them")
    }

    /// The only player of a ticket takes the seat that is kept.
    pub(crate) fn join(&self, seen: &Value) -> Web {
        let mut web = Web::connect(self.node_of(seen));
        web.authenticate(seen["tickets"][0]["websocket"]["ticket"].as_str().expect("a ticket"));
        web.hear("welcome");
        web.ask("join", json!({ "room": seen["room"] }));
        web.hear("joined");
        web
    }

    /// Which of them coordinates, as the first one says; waits until one does.
    pub(crate) fn coordinator(&self) -> usize {
        let find = || {
            let coordinator = together(&self.serving[0])["coordinator"].clone();
            self.serving.iter().position(|serving| together(serving)["node"] == coordinator)
        };
        let found = Cell::new(None);
        self.until("one of them coordinates", || {
            found.set(find());
            found.get().is_some()
        });
        found.get().expect("one of them does")
    }

    /// Kills the coordinator without a word; gives what it leaves.
    pub(crate) fn kill_coordinator(&mut self) -> TempDir {
        self.kill(self.coordinator())
    }

    /// Kills that one without a word; gives what it leaves.
    pub(crate) fn kill(&mut self, nth: usize) -> TempDir {
        let killed = self.serving.remove(nth);
        killed.signal(Signal::SIGKILL);
        killed.end_in_folder().1
    }
}

pub(crate) fn ask(serving: &Serving, method: &str, path: &str, body: &Value) -> Reply {
    let key = format!("Bearer {API_KEY}");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    http::ask(serving.http, method, path, &[("Authorization", &key)], &body)
}

/// What a node says of a ticket.
pub(crate) fn look(serving: &Serving, ticket: &Value) -> Value {
    ask(serving, "GET", &format!("{TICKETS}/{}", id(ticket)), &Value::Null).json()
}

pub(crate) fn together(serving: &Serving) -> Value {
    serving.get("/api/v1/cluster").json()["together"].clone()
}

/// A ticket whose players are `first` and those after it.
pub(crate) fn ticket(first: u64, size: u64, mode: &str) -> Value {
    let member = |player: u64| {
        let (id, name) = (format!("{player:016x}"), format!("p{player}"));
        json!({ "player": id, "name": name, "rating": 1_000 + player % 300 })
    };
    let party: Vec<_> = (first..first + size).map(member).collect();
    json!({ "id": format!("{first:032x}"), "game": "arena", "mode": mode, "party": party })
}

pub(crate) fn id(ticket: &Value) -> String {
    ticket["id"].as_str().expect("an id").to_owned()
}

/// So many tickets of all modes.
pub(crate) fn mixed(count: u64) -> Vec<Value> {
    let modes = ["duel", "pairs", "brawl"];
    let one = |number: u64| {
        let mode = modes[(number % 3) as usize];
        ticket(1 + number * 8, if mode == "pairs" && number.is_multiple_of(2) { 2 } else { 1 }, mode)
    };
    (0..count).map(one).collect()
}

/// What was seen of tickets that have their match.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) rooms: BTreeMap<String, BTreeSet<String>>,
    pub(crate) players: BTreeSet<String>,
    /// Those who have a place in a room, seen or not.
    placed: BTreeSet<String>,
    pub(crate) waited_ms: Vec<u64>,
    pub(crate) nodes: BTreeSet<String>,
}

/// Asserts that a match has as many players in each team as its mode says, and a party in one team.
fn assert_seats_are_filled(status: &Value) {
    let seats: BTreeMap<String, u64> = status["match"]["places"]
        .as_array()
        .expect("places")
        .iter()
        .map(|place| {
            (place["player"].as_str().expect("a player").to_owned(), place["team"].as_u64().expect("a team"))
        })
        .collect();
    let mut teams = [0_usize; 2];
    seats.values().for_each(|team| teams[*team as usize] += 1);
    let is_right = match status["match"]["mode"].as_str().expect("a mode") {
        "duel" => teams == [1, 1],
        "pairs" => teams == [2, 2],
        "brawl" => (2..=4).contains(&teams[0]) && teams[1] == 0,
        "crew" => teams == [2, 0],
        _ => false,
    };
    assert!(is_right, "{teams:?} players in the teams: {status}");
    let party = status["tickets"].as_array().expect("tickets").iter();
    let of_party: BTreeSet<_> = party.filter_map(|one| seats.get(one["player"].as_str()?)).collect();
    assert_eq!(of_party.len(), 1, "a party is in one team: {status}");
}

impl Seen {
    pub(crate) fn note(&mut self, status: &Value) {
        assert_seats_are_filled(status);
        let room = status["room"].as_str().expect("a room").to_owned();
        let places = status["match"]["places"].as_array().expect("places");
        let of_room = places.iter().map(|place| place["player"].as_str().expect("a player").to_owned());
        let of_room: BTreeSet<_> = of_room.collect();
        let before = self.rooms.insert(room, of_room.clone());
        let is_first = before.is_none();
        assert!(before.is_none_or(|before| before == of_room), "one room, one match: {status}");
        for player in of_room.iter().filter(|_| is_first) {
            assert!(self.placed.insert(player.clone()), "nobody has places in two rooms: {status}");
        }
        for minted in status["tickets"].as_array().expect("tickets") {
            let player = minted["player"].as_str().expect("a player").to_owned();
            assert!(of_room.contains(&player), "{status}");
            assert!(self.players.insert(player), "nobody is in two tickets' matches: {status}");
        }
        self.waited_ms.push(status["waited_ms"].as_u64().expect("a time"));
        self.nodes.insert(status["http"].as_str().unwrap_or_default().to_owned());
    }

    pub(crate) fn wait_p99(&mut self) -> u64 {
        self.waited_ms.sort_unstable();
        self.waited_ms[(self.waited_ms.len() * 99 / 100).min(self.waited_ms.len() - 1)]
    }
}

/// Looks at tickets once, answers for those who are asked, and notes those that have their match: gives the others.
/// Those whose room is gone with a node that was killed had theirs.
pub(crate) fn look_at(nodes: &mut Nodes, tickets: Vec<Value>, seen: &mut Seen) -> Vec<Value> {
    let may_be_lost = nodes.serving.len() < nodes.started;
    let mut is_matched = |ticket: &Value| {
        let path = format!("{TICKETS}/{}", id(ticket));
        let status = nodes.ask("GET", &path, &Value::Null).json();
        for player in status["why"]["unanswered"].as_array().into_iter().flatten() {
            nodes.ask("POST", &format!("{path}/answer"), &json!({ "player": player, "accept": true }));
        }
        if status["code"] == "store_away" {
            return false;
        }
        let state = status["state"].as_str().unwrap_or_default();
        let logs = || nodes.serving.iter().map(Serving::log).collect::<Vec<_>>().join("\n");
        let is_lost = state == "lost" && may_be_lost;
        let is_fine = is_lost || ["waiting", "asked", "opening", "matched"].contains(&state);
        assert!(is_fine, "{ticket}: {status}\n{}", logs());
        if state == "matched" {
            seen.note(&status);
        }
        is_lost || state == "matched"
    };
    tickets.into_iter().filter(|ticket| !is_matched(ticket)).collect()
}

/// Whether players of a ticket are asked, and have only so long to answer.
pub(crate) fn is_asked(ticket: &Value) -> bool {
    ticket["mode"] == "pairs"
}

/// Asks all nodes in turn until everybody for whom there is a match has one, and answers for those who are asked.
pub(crate) fn until_matched(nodes: &mut Nodes, waiting: Vec<Value>, rest: usize, within: Duration) -> Seen {
    let mut seen = Seen::default();
    go_on_until_matched(nodes, waiting, rest, within, &mut seen);
    seen
}

/// The same, where some were seen before.
pub(crate) fn go_on_until_matched(
    nodes: &mut Nodes,
    waiting: Vec<Value>,
    rest: usize,
    within: Duration,
    seen: &mut Seen,
) {
    // Those who are asked are looked at again and again between the others, of whom there may be thousands.
    let (mut asked, mut others): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_asked);
    let begun = Instant::now();
    while asked.len() + others.len() > rest {
        if begun.elapsed() > within {
            let waiting = asked.iter().chain(&others);
            let shown = waiting.map(|one| nodes.ask("GET", &format!("{TICKETS}/{}", id(one)), &Value::Null));
            let shown: Vec<_> = shown.map(|reply| reply.body).collect();
            let logs: Vec<_> = nodes.serving.iter().map(Serving::log).collect();
            panic!("{} have no match: {}\n{}", shown.len(), shown.join("\n"), logs.join("\n"));
        }
        asked = look_at(nodes, asked, seen);
        for some in std::mem::take(&mut others).chunks(500) {
            others.extend(look_at(nodes, some.to_vec(), seen));
            asked = look_at(nodes, asked, seen);
        }
    }
    let seats: usize = seen.rooms.values().map(BTreeSet::len).sum();
    assert!(seats >= seen.players.len(), "{seats} seats");
}
