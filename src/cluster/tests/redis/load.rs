//! How many tickets a second one Redis takes from their coming in to their match's room, by the time that it works.

use std::sync::Arc;
use std::time::{Duration, Instant};

use framekeep_gate::SharedTicket;
use framekeep_matchmaking::{Ticket, TicketId};
use framekeep_protocol::{PlayerId, PlayerName};
use tokio::task::JoinSet;

use super::server::RedisServer;
use super::{TIMING, run, take, until_granted};
use crate::board::{Ask, Kept, Told};
use crate::body::TicketBody;
use crate::redis::NameSweep;
use crate::{COORDINATOR, Card, Epoch, Load, Member, NodeId, NodeView, Reply, Request, Store, Timing};

/// Requests that are under way at once.
const AT_ONCE: usize = 128;

/// Nodes that follow the changes.
const NODES: usize = 3;

/// How often all nodes say how they are.
const ROUNDS: u64 = 4;

/// How often what takes too long is tried again: a busy machine holds everybody up now and then, not each time.
const TRIES: usize = 3;

/// Names of rooms of one node.
const NAMES: u64 = 10_000;

pub(super) fn shared(number: u64) -> SharedTicket {
    let ticket = Ticket::solo(TicketId(number.into()), "arena", "duel", PlayerId(number), 1_500);
    let names = vec![PlayerName::try_from(format!("player-{number}")).unwrap()];
    SharedTicket { ticket, names, is_guest: false }
}

pub(super) fn kept(number: u64) -> Kept {
    TicketBody::new(&shared(number)).kept(0).unwrap()
}

/// Asks all of it and gives how long Redis worked for each ticket, in microseconds.
async fn work(store: &Arc<Store>, what: &str, tickets: u64, asks: Vec<Ask>) -> f64 {
    let (before, begun) = (store.worked_us().await, Instant::now());
    let mut under_way = JoinSet::new();
    for ask in asks {
        if under_way.len() >= AT_ONCE {
            under_way.join_next().await.unwrap().unwrap();
        }
        let store = store.clone();
        under_way.spawn(async move {
            let told = store.ask(&ask).await.unwrap();
            assert!(!matches!(told, Told::Fenced | Told::Stale { .. } | Told::Gone | Told::Full), "{told:?}");
        });
    }
    while let Some(done) = under_way.join_next().await {
        done.unwrap();
    }
    let each = (store.worked_us().await - before) / tickets as f64;
    println!("{what}: {each:.1} µs of Redis a ticket, {} ms", begun.elapsed().as_millis());
    each
}

async fn follow(store: &Arc<Store>, what: &str, tickets: u64, after: u64, bodies: bool) -> f64 {
    let before = store.worked_us().await;
    let mut after = after;
    loop {
        let ask = Ask::Changes { after, limit: 1_000, bodies };
        let Told::Changes { tickets, last, .. } = store.ask(&ask).await.unwrap() else { unreachable!() };
        after = last;
        if tickets.len() < 1_000 {
            break;
        }
    }
    let each = (store.worked_us().await - before) / tickets as f64;
    println!("{what}: {each:.1} µs of Redis a ticket");
    each
}

async fn lives(tickets: u64) -> f64 {
    let redis = RedisServer::start().unwrap();
    let store = Arc::new(Store::new(redis.address(), "test", TIMING));
    let epoch = Epoch(until_granted(&store, take(COORDINATOR, 1, None)).await);
    let submit = |number| Ask::Submit { ticket: kept(number), limit: 200_000 };
    let mut all = work(&store, "to take in", tickets, (1..=tickets).map(submit).collect()).await;
    all += follow(&store, "to tell the coordinator", tickets, 0, true).await;
    let pair = |number: u64| format!("{:032x},{:032x}", number, number + 1);
    let (of, node) = (|number: u64| format!("{:x}-1-{number:x}", epoch.0), "0000000000000001".to_owned());
    // The coordinator of a real cluster renews its name meanwhile; nobody else wants it here.
    let claim = |number| {
        let body = format!("{{\"tickets\":[{0:?},{0:?}]}}", kept(number).body);
        Ask::Claim { epoch, of: of(number), body, tickets: pair(number), node: node.clone(), seats: None }
    };
    let matches = || (1..tickets).step_by(2);
    all += work(&store, "to claim", tickets, matches().map(claim).collect()).await;
    let fetch = (0..tickets / 128 + 1).map(|_| Ask::Fetch { node: node.clone(), limit: 64 });
    all += work(&store, "to fetch", tickets, fetch.collect()).await;
    let room = || "match\n127.0.0.1:1\nhttp://127.0.0.1:2".to_owned();
    let started = |number| Ask::Started { of: of(number), node: node.clone(), room: room() };
    all += work(&store, "to say that it is open", tickets, matches().map(started).collect()).await;
    for what in ["to tell a node that it came", "… is matched", "… has its room"] {
        all += NODES as f64 * follow(&store, what, tickets, 0, false).await;
    }
    println!("{all:.1} µs of Redis a ticket in all with {NODES} nodes: {:.0} tickets a second", 1e6 / all);
    all
}

#[test]
fn a_redis_works_for_a_tenth_of_a_millisecond_for_a_ticket() {
    if RedisServer::start().is_none() {
        return;
    }
    // A machine that is busy counts more; what is measured in peace is in docs/SCALING.md.
    assert!((0..TRIES).any(|_| run(lives(4_000)) < 400.0), "the lines above say how long");
}

/// Tickets that are over, long ago by the store's own account.
async fn forgets(tickets: u64) -> (f64, Duration) {
    let redis = RedisServer::start().unwrap();
    let store = Arc::new(Store::new(redis.address(), "test", TIMING));
    let epoch = Epoch(until_granted(&store, take(COORDINATOR, 1, None)).await);
    let submit = |number| Ask::Submit { ticket: kept(number), limit: u32::MAX };
    work(&store, "to take in", tickets, (1..=tickets).map(submit).collect()).await;
    let cancel = |number: u64| Ask::Cancel { id: format!("{number:032x}") };
    work(&store, "to take back", tickets, (1..=tickets).map(cancel).collect()).await;
    store.age_all("forget").await;
    let (before, begun) = (store.worked_us().await, Instant::now());
    let (mut calls, mut longest) = (0_u32, Duration::ZERO);
    loop {
        let asked = Instant::now();
        let told = store.ask(&Ask::Sweep { epoch }).await.unwrap();
        (calls, longest) = (calls + 1, longest.max(asked.elapsed()));
        if told == (Told::Swept { more: false }) {
            break;
        }
    }
    let each = (store.worked_us().await - before) / tickets as f64;
    println!(
        "to forget: {each:.1} µs of Redis a ticket, {calls} calls, the longest {longest:?}, {} ms",
        begun.elapsed().as_millis()
    );
    let shown = store.ask(&Ask::Show { id: format!("{:032x}", 7) }).await.unwrap();
    assert_eq!(shown, Told::Unknown);
    (each, longest)
}

/// How many microseconds of Redis the longest call takes with which a part of so many names is looked through.
async fn look_through(names: u64) -> f64 {
    let redis = RedisServer::start().unwrap();
    let store = Store::new(redis.address(), "test", Timing::default());
    store.fill_part("0", names).await;
    let (mut sweep, mut calls, mut longest_us, mut all_us) = (NameSweep::default(), 0_u32, 0.0_f64, 0.0);
    let held = loop {
        let before = store.worked_us().await;
        let told = store.sweep_some(&mut sweep, 0).await.unwrap();
        let us = store.worked_us().await - before;
        (calls, longest_us, all_us) = (calls + 1, longest_us.max(us), all_us + us);
        if let Some(held) = told {
            break held;
        }
    };
    println!(
        "to look through {names} names: {calls} calls, {all_us:.0} µs of Redis, {longest_us:.0} in a call"
    );
    assert!((names..names + names / 8).contains(&held), "{held} were seen");
    let Ok(Reply::Held(of_one)) = store.one(Request::Held(NodeId(3))).await else { panic!("it is asked") };
    assert_eq!(of_one.len() as u64, names.div_ceil(7), "each once");
    longest_us
}

#[test]
fn nobody_waits_while_a_large_directory_is_looked_through() {
    if RedisServer::start().is_none() {
        return;
    }
    // All of it at once is a tenth of a second and more.
    assert!((0..TRIES).any(|_| run(look_through(62_500)) < 20_000.0), "the lines above say how long");
}

#[test]
fn twenty_thousand_tickets_that_are_over_are_forgotten_in_little_time() {
    if RedisServer::start().is_none() {
        return;
    }
    // 10,000 a second are a fifth of a core at most; a busy machine counts more.
    let is_little = |(each, longest): (f64, Duration)| each < 20.0 && longest < Duration::from_millis(100);
    assert!((0..TRIES).any(|_| is_little(run(forgets(20_000)))), "the lines above say how long");
}

#[test]
fn ten_thousand_names_are_back_in_time_when_redis_has_lost_them() {
    let Some(redis) = RedisServer::start() else { return };
    let timing = Timing::default();
    let store = Store::new(redis.address(), "test", timing);
    let mut member = Member::new(NodeId(1), timing);
    (0..NAMES).for_each(|nth| member.want(&format!("room/den-{nth}")));
    let begun = Instant::now();
    let now_ms = || begun.elapsed().as_millis() as u64 + 1;
    let turn = async |member: &mut Member| {
        let asked_at_ms = now_ms();
        let requests = member.poll(asked_at_ms, &Card::default(), &Load::default());
        for (request, answer) in requests.iter().zip(store.execute(&requests).await) {
            if let Ok(reply) = answer {
                member.hear(now_ms(), request, asked_at_ms, &reply);
            }
        }
        tokio::task::yield_now().await;
    };
    run(async {
        let held = |member: &Member| {
            (0..NAMES).filter(|nth| member.epoch(&format!("room/den-{nth}"), now_ms()).is_some()).count()
                as u64
        };
        while held(&member) < NAMES {
            turn(&mut member).await;
            assert!(begun.elapsed() < Duration::from_secs(60));
        }
        println!("{NAMES} names are taken after {} ms", begun.elapsed().as_millis());
        let redis = redis.replace();
        let lost = Instant::now();
        while store.sweep_names(0).await.unwrap_or(0) < NAMES {
            turn(&mut member).await;
            assert!(lost.elapsed() < Duration::from_secs(60));
        }
        println!("{NAMES} names are back {} ms after Redis began anew", lost.elapsed().as_millis());
        assert!(lost.elapsed() < Duration::from_secs(5), "{:?}", lost.elapsed());
        drop(redis);
    });
}

/// What a thousand nodes cost: what each says of itself, and reads of all.
async fn registry(nodes: u64) -> (f64, f64) {
    let redis = RedisServer::start().unwrap();
    let stores: Vec<_> = (0..20).map(|_| Store::new(redis.address(), "test", Timing::default())).collect();
    let view = |node: u64, round: u64| {
        let card = Card {
            name: format!("node-{node}"),
            http: format!("https://node-{node}.example.org"),
            udp: Some(([192, 0, 2, 7], 7_770).into()),
            key_digest: "0123456789abcdef".to_owned(),
            ..Card::default()
        };
        // A seventh of them has something to say: as when each says all that has changed every five seconds.
        let rooms = 1_000 + if (node + round).is_multiple_of(14) { 500 } else { 0 };
        Box::new(NodeView {
            node: NodeId(node),
            card,
            load: Load { rooms, players: 4_000, ..Load::default() },
        })
    };
    let at = |node: u64| &stores[node as usize % stores.len()];
    for node in 1..=nodes {
        at(node).one(Request::Report(view(node, 0))).await.unwrap();
    }
    for store in &stores {
        let Ok(Reply::Nodes(all)) = store.one(Request::Nodes).await else { panic!("they are there") };
        assert_eq!(all.len() as u64, nodes);
    }
    let (mut said_us, mut read_us) = (0.0, 0.0);
    for round in 1..=ROUNDS {
        let before = stores[0].worked_us().await;
        for node in 1..=nodes {
            at(node).one(Request::Report(view(node, round))).await.unwrap();
        }
        let between = stores[0].worked_us().await;
        for store in &stores {
            store.one(Request::Nodes).await.unwrap();
        }
        (said_us, read_us) = (said_us + between - before, read_us + stores[0].worked_us().await - between);
    }
    let each = (said_us / (ROUNDS * nodes) as f64, read_us / (ROUNDS * stores.len() as u64) as f64);
    let core = (each.0 + each.1) * nodes as f64 / 0.75 / 1e6;
    println!(
        "{nodes} nodes: {:.1} µs of Redis to say how one is, {:.1} µs to read of all; {:.0} % of a core",
        each.0,
        each.1,
        core * 100.0
    );
    each
}

#[test]
fn a_thousand_nodes_read_of_each_other_what_has_changed() {
    if RedisServer::start().is_none() {
        return;
    }
    let (_, read_us) = run(registry(1_000));
    assert!(read_us < 1_500.0, "{read_us} µs");
}
