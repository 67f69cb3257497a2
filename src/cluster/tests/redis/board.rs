//! Random requests are answered alike by the script in a real Redis and by `Board`.

use std::collections::BTreeMap;
use std::sync::Arc;

use framekeep_sim::Pcg32;

use super::server::RedisServer;
use super::{TIMING, run, take, until_granted};
use crate::board::{Ask, Board, Kept, Placed, Record, Seats, Step, Told};
use crate::{COORDINATOR, Card, Epoch, Load, NodeId, NodeView, Reply, Request, Store};

const REQUESTS: u32 = 9_000;
const TICKETS: u32 = 400;
const MATCHES: u32 = 40;

fn ticket(rng: &mut Pcg32) -> String {
    format!("{:032x}", rng.below(TICKETS))
}

/// A few tickets, each once.
fn tickets(rng: &mut Pcg32) -> String {
    let first = rng.below(TICKETS);
    let some = (first..first + 1 + rng.below(3)).map(|number| format!("{number:032x}"));
    some.collect::<Vec<_>>().join(",")
}

fn kept(id: &str, since_ms: u64, rng: &mut Pcg32) -> Kept {
    // Players are of several tickets, so that some of them wait already.
    let number = u32::from_str_radix(&id[24..], 16).unwrap();
    let players = format!("{:016x},{:016x}", number / 2, 1_000 + number);
    let body = if rng.below(20) == 0 { "other" } else { "body" };
    Kept { id: id.to_owned(), body: body.to_owned(), players, since_ms }
}

fn of(rng: &mut Pcg32) -> String {
    format!("m{}", rng.below(MATCHES))
}

fn node(rng: &mut Pcg32) -> String {
    format!("n{}", rng.below(3))
}

fn some_ask(rng: &mut Pcg32, coordinator: Epoch) -> Ask {
    let epoch = if rng.below(20) == 0 { Epoch(1) } else { coordinator };
    let id = ticket(rng);
    match rng.below(18) {
        0..=3 => Ask::Submit { ticket: kept(&id, 0, rng), limit: 200 },
        4 => Ask::Show { id },
        5 => Ask::Cancel { id },
        6 => {
            let number = u32::from_str_radix(&id[24..], 16).unwrap();
            let player = format!("{:016x}", if rng.below(2) == 0 { number / 2 } else { 1_000 + number });
            Ask::Answer { id, player, accepts: rng.below(4) > 0 }
        }
        7 => Ask::Changes { after: u64::from(rng.below(50)), limit: 1_000, bodies: rng.below(2) == 0 },
        8 if rng.below(3) == 0 => Ask::Question { epoch, of: of(rng), tickets: tickets(rng), for_ms: 1_000 },
        9 => Ask::Unask { epoch, of: String::new(), tickets: tickets(rng) },
        10 => {
            let why = if rng.below(2) == 0 { "expired" } else { "no_answer" };
            Ask::End { epoch, id, why: why.to_owned() }
        }
        8 | 11 => {
            let (of, tickets, node) = (of(rng), tickets(rng), node(rng));
            let seats = (rng.below(3) == 0).then(|| some_seats(rng));
            Ask::Claim { epoch, of, body: "b".to_owned(), tickets, node, seats }
        }
        12 => Ask::TakeBack {
            epoch: if rng.below(2) == 0 { epoch } else { Epoch(0) },
            of: of(rng),
            node: node(rng),
        },
        13 => Ask::Fetch { node: node(rng), limit: 3 },
        14 if rng.below(2) == 0 => some_offer(rng),
        15 if rng.below(3) == 0 => Ask::Offers { after: u64::from(rng.below(20)), limit: 5 },
        15 => Ask::Offered { room: room(rng) },
        14 | 16 => Ask::Started { of: of(rng), node: node(rng), room: "room".to_owned() },
        _ if rng.below(6) == 0 => some_retold(rng),
        _ if rng.below(6) == 0 => Ask::Retire { ticket: kept(&id, 5, rng), why: "cancelled".to_owned() },
        _ => Ask::Unopened { limit: 100 },
    }
}

fn room(rng: &mut Pcg32) -> String {
    format!("r{}", rng.below(4))
}

fn some_seats(rng: &mut Pcg32) -> Seats {
    Seats { room: room(rng), serial: u64::from(1 + rng.below(300)), count: 1 + rng.below(2) }
}

fn some_offer(rng: &mut Pcg32) -> Ask {
    // Mostly from the node that has the room.
    let room = rng.below(4);
    let node = if rng.below(8) == 0 { node(rng) } else { format!("n{}", room % 3) };
    let (room, epoch) = (format!("r{room}"), Epoch(0));
    let (serial, seats) = (u64::from(rng.below(2) * rng.below(300)), rng.below(4));
    let nth = u64::from(rng.below(6_000));
    Ask::Offer { room, node, epoch, nth, serial, seats, body: "b".to_owned() }
}

fn some_retold(rng: &mut Pcg32) -> Ask {
    let list = tickets(rng);
    let all = list.split(',').map(|id| kept(id, 5, rng)).collect();
    let (of, node) = (of(rng), node(rng));
    let (body, room) = ("b".to_owned(), "room".to_owned());
    let placed =
        Placed { of, step: Step::Started, node, body, tickets: list, room, at_ms: 5, into: String::new() };
    Ask::Retell { placed, tickets: all }
}

/// Without times, which differ.
fn timeless(mut told: Told) -> Told {
    let record = |record: &mut Record| (record.since_ms, record.until_ms) = (0, 0);
    match &mut told {
        Told::Ticket { record: one, placed, .. } => {
            record(one);
            placed.iter_mut().for_each(|placed| placed.at_ms = 0);
        }
        Told::Changes { tickets, now_ms, last, newest, since_ms } => {
            for change in tickets.iter_mut() {
                record(&mut change.record);
                // The match is told with any of its tickets.
                if change.record.plays {
                    change.body.clear();
                }
            }
            // Those of one request are counted in an order of their own.
            tickets.sort_by(|a, b| a.id.cmp(&b.id));
            (*now_ms, *last, *newest, *since_ms) = (0, 0, 0, 0);
        }
        Told::Offers { offers, .. } => offers.iter_mut().for_each(|offer| offer.at_ms = 0),
        Told::Matches { matches } => {
            matches.iter_mut().for_each(|placed| placed.at_ms = 0);
            matches.sort_by(|a, b| a.of.cmp(&b.of));
        }
        _ => {}
    }
    told
}

/// A request whose seats are those that are offered, mostly, and whose words are the latest.
fn fitting_ask(nth: u32, board: &mut Board, rng: &mut Pcg32, coordinator: Epoch) -> Ask {
    let mut ask = some_ask(rng, coordinator);
    match &mut ask {
        Ask::Offer { nth: number, epoch, .. } => {
            // The room is somebody else's after a while, and who had it may be late.
            *epoch = Epoch(5 + u64::from(nth / 4_500 > rng.below(20)));
            *number = (*number / 10).max(u64::from(nth) * u64::from(rng.below(4).min(1)));
        }
        Ask::Claim { seats: Some(seats), node, .. } => {
            let offered = board.apply(10_000, None, true, &Ask::Offered { room: seats.room.clone() });
            if let Told::Offers { offers, .. } = offered
                && let Some(offer) = offers.first()
                && rng.below(5) > 0
            {
                (seats.serial, *node) = (offer.serial, offer.node.clone());
            }
        }
        Ask::Changes { after, .. } => *after = 0,
        _ => {}
    }
    ask
}

/// Asks all of it in one call.
async fn ask_at_once(store: &Arc<Store>, asks: &[Ask]) -> Vec<Told> {
    let mut under_way = Vec::new();
    for ask in asks {
        let (store, ask) = (store.clone(), ask.clone());
        under_way.push(tokio::spawn(async move { store.ask(&ask).await.unwrap() }));
    }
    let mut told = Vec::new();
    for one in under_way {
        told.push(one.await.unwrap());
    }
    told
}

#[test]
fn the_script_answers_what_the_model_answers() {
    let Some(redis) = RedisServer::start() else { return };
    run(async {
        let store = Arc::new(Store::new(redis.address(), "test", TIMING));
        let coordinator = Epoch(until_granted(&store, take(COORDINATOR, 1, None)).await);
        let (mut board, mut rng) = (Board::default(), Pcg32::new(11, 5));
        let (mut done, mut into_rooms, mut unsettled) = (BTreeMap::<String, u32>::new(), 0, 0);
        let mut nth = 0;
        while nth < REQUESTS {
            let (mut asks, mut expected) = (Vec::new(), Vec::new());
            for _ in 0..1 + rng.below(8) * rng.below(2) {
                nth += 1;
                let ask = fitting_ask(nth, &mut board, &mut rng, coordinator);
                let model = board.apply(10_000, Some(coordinator), true, &ask);
                into_rooms +=
                    u32::from(matches!(&ask, Ask::Claim { seats: Some(_), .. }) && model == Told::Done);
                unsettled += u32::from(model == Told::Unsettled);
                if model == Told::Done {
                    let name = format!("{ask:?}").split(' ').next().unwrap_or_default().to_owned();
                    *done.entry(name).or_insert(0) += 1;
                }
                expected.push(model);
                asks.push(ask);
            }
            let real = ask_at_once(&store, &asks).await;
            for ((ask, real), model) in asks.iter().zip(real).zip(expected) {
                assert_eq!(timeless(real), timeless(model), "before request {nth}: {ask:?}");
            }
        }
        assert_eq!(done.len(), 8, "{done:?} of each kind are done");
        assert!(into_rooms > 10 && unsettled > 0, "{into_rooms} claims of seats, {unsettled} too early");
    });
}

#[test]
fn what_a_node_that_is_gone_was_not_told_is_forgotten() {
    let Some(redis) = RedisServer::start() else { return };
    run(async {
        let store = Store::new(redis.address(), "test", TIMING);
        let epoch = Epoch(until_granted(&store, take(COORDINATOR, 1, None)).await);
        let mut rng = Pcg32::new(1, 1);
        let (one, other) =
            (kept(&format!("{:032x}", 1), 0, &mut rng), kept(&format!("{:032x}", 9), 0, &mut rng));
        let node = "n9".to_owned();
        for (ticket, of) in [(one, "m1"), (other, "m2")] {
            let id = ticket.id.clone();
            let told = store.ask(&Ask::Submit { ticket, limit: 200 }).await.unwrap();
            assert!(matches!(told, Told::Ticket { .. }), "{told:?}");
            let (of, body, node) = (of.to_owned(), "b".to_owned(), node.clone());
            let claim = Ask::Claim { epoch, of, body, tickets: id, node, seats: None };
            assert_eq!(store.ask(&claim).await.unwrap(), Told::Done);
        }
        let list = "framekeep:{test.queue}:to:n9";
        assert_eq!(redis.command(&format!("LLEN {list}")), ":2");
        let left = redis.command(&format!("PTTL {list}"));
        let left_ms: i64 = left.trim_start_matches(':').parse().unwrap();
        assert!((1..=60_000).contains(&left_ms), "{left}");
        let Told::Matches { matches } = store.ask(&Ask::Fetch { node, limit: 5 }).await.unwrap() else {
            panic!()
        };
        assert_eq!((matches.len(), redis.command(&format!("EXISTS {list}")).as_str()), (2, ":0"));
    });
}

#[test]
fn a_ticket_that_had_its_match_is_not_taken_in_again_after_it_is_forgotten() {
    let Some(redis) = RedisServer::start() else { return };
    run(async {
        let store = Store::new(redis.address(), "test", TIMING);
        let epoch = Epoch(until_granted(&store, take(COORDINATOR, 1, None)).await);
        let (mut board, mut now_ms) = (Board::default(), 10_000);
        let id = |number: u32| format!("{number:032x}");
        let submit = |number: u32| {
            let (id, body, players) = (id(number), "body".to_owned(), format!("{number:016x}"));
            Ask::Submit { ticket: Kept { id, body, players, since_ms: 0 }, limit: 100 }
        };
        let (of, node) = ("m1".to_owned(), "n1".to_owned());
        let (body, tickets, room) = (String::new(), id(1), "room".to_owned());
        let claim = Ask::Claim { epoch, of: of.clone(), body, tickets, node: node.clone(), seats: None };
        let started = Ask::Started { of, node, room };
        for ask in [submit(1), submit(2), Ask::Cancel { id: id(2) }, claim, started] {
            board.apply(now_ms, Some(epoch), true, &ask);
            store.ask(&ask).await.unwrap();
        }
        store.age_all("forget").await;
        now_ms += 120_000;
        assert_eq!(
            board.apply(now_ms, Some(epoch), true, &Ask::Sweep { epoch }),
            Told::Swept { more: false }
        );
        assert_eq!(store.ask(&Ask::Sweep { epoch }).await.unwrap(), Told::Swept { more: false });
        for (number, may_wait) in [(1, false), (2, true)] {
            let ask = submit(number);
            let (model, real) =
                (board.apply(now_ms, Some(epoch), true, &ask), store.ask(&ask).await.unwrap());
            let waits = [&model, &real].map(|told| matches!(told, Told::Ticket { .. }));
            assert_eq!(waits, [may_wait; 2], "{model:?}, {real:?}");
        }
        assert_eq!(store.ask(&Ask::Show { id: id(1) }).await.unwrap(), Told::Unknown);
        // After half an hour the number is forgotten as well.
        now_ms += 1_800_000;
        board.apply(now_ms, Some(epoch), true, &Ask::Sweep { epoch });
        assert!(matches!(board.apply(now_ms, Some(epoch), true, &submit(1)), Told::Ticket { .. }));
    });
}

#[test]
fn a_store_that_nobody_has_asked_for_a_lease_is_told_before_it_gives_anything_away() {
    let Some(redis) = RedisServer::start() else { return };
    run(async {
        let store = Store::new(redis.address(), "test", TIMING);
        let epoch = Epoch(until_granted(&store, take(COORDINATOR, 1, None)).await);
        let since = async || {
            let ask = Ask::Changes { after: 0, limit: 1, bodies: false };
            let Ok(Told::Changes { since_ms, .. }) = store.ask(&ask).await else { panic!("it is there") };
            since_ms
        };
        let first = since().await;
        assert!(matches!(store.ask(&Ask::Sweep { epoch }).await, Ok(Told::Swept { .. })));
        // Of those who say that they are there, nobody may have looked at the tickets.
        redis.command(&format!("HINCRBY framekeep:{{test.queue}}:meta asked -{}", TIMING.lease_ms));
        let view = NodeView { node: NodeId(1), card: Card::default(), load: Load::default() };
        assert!(matches!(store.one(Request::Report(Box::new(view))).await, Ok(Reply::Noted { .. })));
        assert_eq!(store.ask(&Ask::Sweep { epoch }).await.unwrap(), Told::Fenced);
        let second = since().await;
        assert!(second > first, "{second} is not after {first}");
        assert_eq!(since().await, second);
    });
}
