//! Redis is away for a while: rooms, players and tickets meanwhile, and how soon all is as it should be afterwards.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::nodes::{Nodes, TICKETS, ask, id, look, ticket, together, until_matched};
use crate::redis::{Directory, RedisServer, pause};
use crate::serving::{LONGEST, Serving};
use crate::udp::UdpBot;
use crate::web::Web;

/// Ticks a second of rooms that ask for no other rate.
const TICKS_PER_S: f64 = 30.0;

/// What is played on: a match lasts for longer than a minute.
const CONTENT: &str = "foundry";

/// Ticks by which two looks at a room may be off: what is shown of it is as old as that.
const TICKS_OFF: u64 = 3;

/// How long a server that had no processor may take to come to the ticks it owes.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(5);

/// How soon all has to be as it should be.
const CONSISTENT_WITHIN: Duration = Duration::from_secs(5);

/// How Redis goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Away {
    /// It hangs, and goes on with all it knew.
    Hangs,
    /// It dies, and another one starts that knows nothing.
    Dies,
}

/// The tick of a match, when it was asked for and when it was told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    tick: u64,
    asked: Instant,
    told: Instant,
}

/// Those of matches, by room.
type Ticks = BTreeMap<String, Shown>;

/// Those of all matches now.
pub(crate) fn ticks(nodes: &Nodes) -> Ticks {
    let mut all = BTreeMap::new();
    for serving in &nodes.serving {
        for row in serving.rooms() {
            let name = row["name"].as_str().expect("a name").to_owned();
            let asked = Instant::now();
            let shown = serving.get(&format!("/api/v1/rooms/{name}")).json();
            if let Some(tick) = shown["tick"].as_u64() {
                all.insert(name, Shown { tick, asked, told: Instant::now() });
            }
        }
    }
    all
}

/// Frames of all nodes that were handed over later than after a period, and all.
fn late_frames(nodes: &Nodes) -> (u64, u64) {
    let value =
        |line: &str| line.rsplit(' ').next().and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0) as u64;
    let of_node = |serving: &Serving| {
        let metrics = serving.get("/metrics").body;
        let prefix = "framekeep_frame_lateness_seconds_bucket{le=\"";
        let buckets = metrics.lines().filter_map(|line| line.strip_prefix(prefix));
        let in_time = buckets.filter(|line| {
            line.split('"')
                .next()
                .and_then(|text| text.parse::<f64>().ok())
                .is_some_and(|le| le <= 1.0 / TICKS_PER_S)
        });
        let in_time = in_time.map(value).max().unwrap_or(0);
        let all = metrics.lines().find(|line| line.starts_with("framekeep_frame_lateness_seconds_count"));
        let all = all.map_or(0, value);
        (all - in_time, all)
    };
    nodes.serving.iter().map(of_node).fold((0, 0), |(late, all), (more, of)| (late + more, all + of))
}

/// Four rooms at two nodes in which bots play.
pub(crate) fn play(nodes: &Nodes) -> Vec<UdpBot> {
    let mut bots = Vec::new();
    for (nth, serving) in nodes.serving.iter().enumerate() {
        for room in 0..2 {
            let name = format!("room-{nth}-{room}");
            let join = |who| UdpBot::join_as(serving, &name, &format!("{name}-{who}"), CONTENT);
            bots.extend(["a", "b"].map(join));
            serving.until("it plays", |serving| {
                pause();
                serving.get(&format!("/api/v1/rooms/{name}")).body.contains("\"tick\":")
                    && serving.get(&format!("/api/v1/rooms/{name}")).json()["tick"].as_u64() > Some(5)
            });
        }
    }
    bots
}

/// What is wrong with what Redis knows of rooms, nodes and coordinator; nothing if all is as it should be.
pub(crate) fn wrong(redis: &[&RedisServer], nodes: &Nodes) -> Option<String> {
    let directory: Directory = redis.iter().flat_map(|redis| redis.directory()).collect();
    let Some(now_ms) = redis[0].now_ms() else { return Some("Redis does not answer".to_owned()) };
    let seen: Vec<_> = nodes.serving.iter().map(together).collect();
    let mut open = BTreeMap::new();
    for (serving, seen) in nodes.serving.iter().zip(&seen) {
        if seen["redis_away_ms"] != 0 {
            return Some("a node does not see it".to_owned());
        }
        let all = seen["nodes"].as_array().map(Vec::len);
        if all != Some(nodes.serving.len()) {
            return Some(format!("a node sees {all:?} nodes"));
        }
        for row in serving.rooms().iter().filter(|row| row["phase"] != "closed") {
            open.insert(format!("room/{}", row["name"].as_str().expect("a name")), seen["node"].clone());
        }
    }
    for (name, node) in &open {
        match directory.get(name) {
            Some((holder, _, until_ms)) if *node == holder.as_str() && *until_ms > now_ms => {}
            other => return Some(format!("{name} is at {node}, and in the directory {other:?}")),
        }
    }
    let more = directory.keys().find(|name| name.starts_with("room/") && !open.contains_key(*name));
    if let Some(more) = more {
        return Some(format!("{more} is in the directory only"));
    }
    match directory.get("coordinator") {
        Some((holder, _, until_ms))
            if *until_ms > now_ms && seen.iter().any(|one| one["node"] == holder.as_str()) =>
        {
            None
        }
        other => Some(format!("the coordinator is {other:?}")),
    }
}

/// A player whose ticket has its match joins with what it was given.
fn join_match(serving: &Serving, status: &Value) -> Web {
    let mut web = Web::connect(serving);
    web.authenticate(status["tickets"][0]["websocket"]["ticket"].as_str().expect("a ticket"));
    web.hear("welcome");
    web.ask("join", json!({ "room": status["room"] }));
    web.hear("joined");
    web
}

/// Two tickets that have their match before Redis goes away.
fn matched(nodes: &mut Nodes) -> Vec<Value> {
    let pair = [ticket(1, 1, "duel"), ticket(9, 1, "duel")];
    pair.iter().for_each(|ticket| nodes.submit(ticket));
    until_matched(nodes, pair.to_vec(), 0, LONGEST);
    pair.iter().map(|one| nodes.ask("GET", &format!("{TICKETS}/{}", id(one)), &Value::Null).json()).collect()
}

/// New tickets at one node until it has matched two of them by itself; how long after `since` the first was taken.
fn alone(serving: &Serving, since: Instant) -> (Duration, Vec<(Value, Value)>) {
    let (mut taken, mut first, mut at) = (Vec::new(), 1_000, None);
    while taken.len() < 2 {
        assert!(since.elapsed() < LONGEST, "no ticket is taken");
        // One that was on its way to Redis is not taken by the node, so each is a new one.
        let one = ticket(first, 1, "duel");
        first += 8;
        if ask(serving, "POST", TICKETS, &one).status == 201 {
            at.get_or_insert_with(|| since.elapsed());
            taken.push(one);
        }
        pause();
    }
    let matched = taken.into_iter().map(|one| {
        let mut status = Value::Null;
        serving.until("it has matched them", |serving| {
            pause();
            status = ask(serving, "GET", &format!("{TICKETS}/{}", id(&one)), &Value::Null).json();
            status["state"] == "matched"
        });
        (one, status["room"].clone())
    });
    (at.expect("one was taken"), matched.collect())
}

/// Asks until nothing is wrong any more.
pub(crate) fn until_right(redis: &[&RedisServer], nodes: &Nodes) {
    let begun = Instant::now();
    while let Some(what) = wrong(redis, nodes) {
        assert!(begun.elapsed() < LONGEST, "{what}");
        pause();
    }
}

/// A match that is behind the ticks that were due since an earlier look, in words.
fn behind(before: &Ticks, after: &Ticks) -> Option<String> {
    before.iter().find_map(|(name, earlier)| {
        let Some(later) = after.get(name) else { return Some(format!("{name} does not play any more")) };
        let due = (later.asked.saturating_duration_since(earlier.told).as_secs_f64() * TICKS_PER_S) as u64;
        let went = later.tick - earlier.tick;
        (went + TICKS_OFF < due).then(|| format!("{name}: {went} of {due} ticks"))
    })
}

/// Asserts that no match has missed a tick; how many there are. What is late is made up for, what is missed never is.
fn none_missed(nodes: &Nodes, before: &Ticks) -> usize {
    let begun = Instant::now();
    while let Some(what) = behind(before, &ticks(nodes)) {
        assert!(begun.elapsed() < CAUGHT_UP_WITHIN, "{what}");
        pause();
    }
    for serving in &nodes.serving {
        assert!(!serving.log().contains("its time is moved"), "{}", serving.log());
    }
    assert!(before.len() >= 4, "{before:?}");
    before.len()
}

/// Whom the first node has matched alone has no second match, or is told so once the node has forgotten the ticket. The
/// other node knows it as well, for as long as of any match.
fn known_to_all(nodes: &Nodes, matched_alone: &[(Value, Value)]) {
    for (ticket, room) in matched_alone {
        let again = ask(&nodes.serving[0], "POST", TICKETS, ticket);
        assert!(again.status == 409 || again.json()["room"] == *room, "{}", again.body);
        nodes.serving[1].until("the other node knows it", |other| {
            pause();
            look(other, ticket)["room"] == *room
        });
        let elsewhere = ask(&nodes.serving[1], "POST", TICKETS, ticket);
        assert_eq!((elsewhere.status, &elsewhere.json()["state"]), (201, &json!("matched")));
        let http = elsewhere.json()["http"].as_str().expect("where it is").to_owned();
        assert!(http.ends_with(&format!(":{}", nodes.serving[0].http.port())), "{http}");
    }
}

fn outage(away: Away, alone_after_s: u64, lasting: Duration) {
    let Some(mut redis) = RedisServer::start() else { return };
    let alone_after = alone_after_s.to_string();
    let settings = [("FRAMEKEEP__CLUSTER__ALONE_AFTER_S", alone_after.as_str())];
    let mut nodes = Nodes::start_at(&redis.url(), 2, &settings);
    let bots = play(&nodes);
    nodes.serving[0].until("all rooms are in the directory", |_| {
        pause();
        ticks(&nodes).len() == 4 && wrong(&[&redis], &nodes).is_none()
    });
    let given = matched(&mut nodes);
    let room = given[0]["room"].as_str().expect("a room").to_owned();
    let has_it = |serving: &&Serving| serving.rooms().iter().any(|row| row["name"] == room.as_str());
    nodes.serving[0]
        .until("the room of the match is shown", |_| nodes.serving.iter().any(|one| has_it(&one)));
    let at = nodes.serving.iter().find(has_it).expect("a node");
    let guest = at.guest_ticket("cleo");
    match away {
        Away::Hangs => redis.signal(Signal::SIGSTOP),
        Away::Dies => redis.kill(),
    }
    let (gone, before, late_before) = (Instant::now(), ticks(&nodes), late_frames(&nodes));
    // Who was given tickets comes in with them, and whoever comes now as well.
    let mut webs: Vec<_> = given.iter().map(|status| join_match(at, status)).collect();
    webs.iter_mut().for_each(|web| drop(web.hear("started")));
    let mut cleo = Web::connect(at);
    cleo.authenticate(&guest);
    cleo.hear("welcome");
    let joined_ms = gone.elapsed().as_millis();
    // Nobody knows whether Redis has this one: whoever sends it again is told so, and it is matched by nobody else.
    let sent = ticket(101, 1, "duel");
    let is_unsure = ask(&nodes.serving[0], "POST", TICKETS, &sent).status == 503 && away == Away::Hangs;
    let (alone_after, matched_alone) = alone(&nodes.serving[0], gone);
    let alone_ms = alone_after.as_millis();
    if is_unsure {
        assert_eq!(ask(&nodes.serving[0], "POST", TICKETS, &sent).problem(), "store_away");
    }
    while gone.elapsed() < lasting {
        pause();
    }
    let late_after = late_frames(&nodes);
    let rooms = none_missed(&nodes, &before);
    match away {
        Away::Hangs => redis.signal(Signal::SIGCONT),
        Away::Dies => redis.start_again(),
    }
    let back = Instant::now();
    until_right(&[&redis], &nodes);
    let consistent = back.elapsed();
    known_to_all(&nodes, &matched_alone);
    // Those that were on their way to Redis may be there now, and one may be left over.
    let more = [sent, ticket(201, 1, "duel"), ticket(209, 1, "duel")];
    more.iter().for_each(|ticket| drop(ask(&nodes.serving[0], "POST", TICKETS, ticket)));
    more.iter().for_each(|ticket| nodes.submit(ticket));
    until_matched(&mut nodes, more.to_vec(), 1, LONGEST);
    println!(
        "{away:?} for {lasting:?}: {rooms} rooms, 0 ticks missed, {} of {} frames late by more than a period; three \
         joined with tickets within {joined_ms} ms; alone after {alone_ms} ms; consistent {} ms, the next match {} ms \
         after it was back",
        late_after.0 - late_before.0,
        late_after.1 - late_before.1,
        consistent.as_millis(),
        back.elapsed().as_millis()
    );
    assert!(alone_ms >= u128::from(alone_after_s) * 1_000 - 800, "not before it was waited for");
    assert!(consistent <= CONSISTENT_WITHIN, "{consistent:?}");
    assert!(bots.into_iter().all(|bot| bot.leave() > 0));
}

#[test]
fn rooms_players_and_tickets_go_on_while_redis_hangs() {
    outage(Away::Hangs, 2, Duration::from_secs(8));
}

#[test]
fn rooms_players_and_tickets_go_on_while_redis_is_dead_and_after_it_has_forgotten_all() {
    outage(Away::Dies, 2, Duration::from_secs(8));
}

#[test]
#[ignore = "takes two minutes"]
fn rooms_players_and_tickets_go_on_while_redis_is_away_for_a_minute() {
    outage(Away::Hangs, 5, Duration::from_secs(60));
    outage(Away::Dies, 5, Duration::from_secs(60));
}
