//! Ten thousand tickets a second through one Redis, really sent: taken in, followed by a coordinator and three nodes,
//! claimed in pairs, fetched and started.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::load::kept;
use super::server::RedisServer;
use super::{TIMING, take, until_granted};
use crate::board::{Ask, Told};
use crate::{COORDINATOR, Epoch, Store};

/// Tickets that come each second.
const TICKETS_PER_S: u64 = 10_000;

/// How often they come, and how often a node asks what has changed.
const TURN: Duration = Duration::from_millis(10);

/// Requests of one kind that are under way at once.
const AT_ONCE: usize = 512;

const NODES: [&str; 3] = ["0000000000000001", "0000000000000002", "0000000000000003"];

/// How far all of it is.
#[derive(Default)]
struct Course {
    submitted: AtomicU64,
    started: AtomicU64,
    /// The longest time that the one who lets them come was late, in milliseconds.
    late_ms: AtomicU64,
}

/// Asks all of it, so many at once.
async fn ask_all(store: &Arc<Store>, asks: Vec<Ask>) {
    let (places, mut under_way) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    for ask in asks {
        let place = places.clone().acquire_owned().await.unwrap();
        let store = store.clone();
        under_way.spawn(async move {
            let told = store.ask(&ask).await.unwrap();
            assert!(matches!(told, Told::Done | Told::Ticket { .. } | Told::Matches { .. }), "{told:?}");
            drop(place);
        });
    }
    while let Some(done) = under_way.join_next().await {
        done.unwrap();
    }
}

/// Lets tickets come as time goes on.
async fn submit(store: Arc<Store>, course: Arc<Course>, tickets: u64) {
    let (begun, mut turns) = (Instant::now(), tokio::time::interval(TURN));
    let mut sent = 0;
    while sent < tickets {
        turns.tick().await;
        let due = (begun.elapsed().as_millis() as u64 * TICKETS_PER_S / 1_000).min(tickets);
        let asks = (sent..due).map(|number| Ask::Submit { ticket: kept(number + 1), limit: 1_000_000 });
        let late_ms = (due - sent) * 1_000 / TICKETS_PER_S;
        course.late_ms.fetch_max(late_ms, Ordering::Relaxed);
        ask_all(&store, asks.collect()).await;
        sent = due;
        course.submitted.store(sent, Ordering::Relaxed);
    }
}

/// The tickets that have changed since.
async fn changed(store: &Store, after: &mut u64, bodies: bool) -> Vec<String> {
    let ask = Ask::Changes { after: *after, limit: 4_000, bodies };
    let Told::Changes { tickets, last, .. } = store.ask(&ask).await.unwrap() else { unreachable!() };
    *after = last;
    tickets.into_iter().map(|change| change.id).collect()
}

/// Follows the changes as a node does until all tickets are matched.
async fn follow(store: Arc<Store>, course: Arc<Course>, tickets: u64) {
    let (mut after, mut turns) = (0, tokio::time::interval(TURN));
    while course.started.load(Ordering::Relaxed) < tickets {
        turns.tick().await;
        changed(&store, &mut after, false).await;
    }
}

/// Claims pairs of those who wait, for the nodes in turn.
async fn coordinate(store: Arc<Store>, course: Arc<Course>, tickets: u64, epoch: Epoch) {
    let (mut known, mut waiting, mut matches) = (BTreeSet::new(), Vec::new(), 0_u64);
    let (mut after, mut turns) = (0, tokio::time::interval(TURN));
    while course.started.load(Ordering::Relaxed) < tickets {
        turns.tick().await;
        let ids = changed(&store, &mut after, true).await;
        waiting.extend(ids.into_iter().filter(|id| known.insert(id.clone())));
        let mut claims = Vec::new();
        while waiting.len() >= 2 {
            let pair: Vec<String> = waiting.drain(..2).collect();
            matches += 1;
            let (of, node) = (format!("{:x}-1-{matches:x}", epoch.0), NODES[matches as usize % NODES.len()]);
            let body = format!("{{\"of\":\"a match of {}\"}}", pair.join(" and "));
            claims.push(Ask::Claim {
                epoch,
                of,
                body,
                tickets: pair.join(","),
                node: node.to_owned(),
                seats: None,
            });
        }
        ask_all(&store, claims).await;
    }
}

/// Opens what is placed on a node; gives the tickets of each match.
async fn open(store: Arc<Store>, course: Arc<Course>, tickets: u64, node: &str) -> BTreeMap<String, String> {
    let (mut all, mut turns) = (BTreeMap::new(), tokio::time::interval(TURN));
    while course.started.load(Ordering::Relaxed) < tickets {
        turns.tick().await;
        let ask = Ask::Fetch { node: node.to_owned(), limit: 1_000 };
        let Told::Matches { matches } = store.ask(&ask).await.unwrap() else { unreachable!() };
        let room = || "match\n127.0.0.1:1\nhttp://127.0.0.1:2".to_owned();
        let started = |of: String| Ask::Started { of, node: node.to_owned(), room: room() };
        ask_all(&store, matches.iter().map(|placed| started(placed.of.clone())).collect()).await;
        course.started.fetch_add(2 * matches.len() as u64, Ordering::Relaxed);
        for placed in matches {
            assert!(all.insert(placed.of.clone(), placed.tickets).is_none(), "{} is told twice", placed.of);
        }
    }
    all
}

async fn sustain(seconds: u64) {
    let redis = RedisServer::start().unwrap();
    let tickets = seconds * TICKETS_PER_S;
    let store = || Arc::new(Store::new(redis.address(), "test", TIMING));
    let one = store();
    let epoch = Epoch(until_granted(&one, take(COORDINATOR, 1, None)).await);
    let (course, begun, before) = (Arc::new(Course::default()), Instant::now(), one.worked_us().await);
    let sending = tokio::spawn(submit(store(), course.clone(), tickets));
    let leading = tokio::spawn(coordinate(store(), course.clone(), tickets, epoch));
    let opening = NODES.map(|node| tokio::spawn(open(store(), course.clone(), tickets, node)));
    let following = NODES.map(|_| tokio::spawn(follow(store(), course.clone(), tickets)));
    sending.await.unwrap();
    let sent_in = begun.elapsed();
    let behind = tickets - course.started.load(Ordering::Relaxed);
    leading.await.unwrap();
    let mut seen = BTreeSet::new();
    for opened in opening {
        for (of, pair) in opened.await.unwrap() {
            for id in pair.split(',') {
                assert!(seen.insert(id.to_owned()), "{id} is in {of} and in another match");
            }
        }
    }
    for follower in following {
        follower.await.unwrap();
    }
    let (all_in, worked) = (begun.elapsed(), one.worked_us().await - before);
    assert_eq!(seen.len() as u64, tickets);
    println!(
        "{tickets} tickets sent in {:.1} s ({:.0} a second, late by {} ms at most), all with a room after {:.1} s, \
         {behind} behind at the end of sending; Redis worked {:.0} % of the time, {:.1} µs a ticket",
        sent_in.as_secs_f64(),
        tickets as f64 / sent_in.as_secs_f64(),
        course.late_ms.load(Ordering::Relaxed),
        all_in.as_secs_f64(),
        worked / all_in.as_secs_f64() / 1e4,
        worked / tickets as f64,
    );
}

/// `FRAMEKEEP_SECONDS` says for how long; in an optimised build, on a machine with three cores to spare.
#[test]
#[ignore = "takes as long as it is let; a figure, not a promise of this machine"]
fn ten_thousand_tickets_a_second_go_through_one_redis() {
    if RedisServer::start().is_none() {
        return;
    }
    let seconds = std::env::var("FRAMEKEEP_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(sustain(seconds));
}
