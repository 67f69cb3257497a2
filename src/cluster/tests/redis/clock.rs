//! A Redis whose clock was put back.

use super::server::RedisServer;
use super::{TIMING, run, take, until, until_granted};
use crate::board::{Ask, Told};
use crate::{COORDINATOR, Card, Epoch, Load, NodeId, NodeView, Reply, Request, Store};

const HOUR_MS: u64 = 3_600_000;

/// A coordinator and a node that are gone, in a store whose clock goes back by an hour then.
async fn abandoned(redis: &RedisServer) -> (Store, u64) {
    let store = Store::new(redis.address(), "test", TIMING);
    let view = NodeView { node: NodeId(1), card: Card::default(), load: Load::default() };
    let first = until_granted(&store, take(COORDINATOR, 1, None)).await;
    assert!(matches!(store.one(Request::Report(Box::new(view))).await, Ok(Reply::Noted { .. })));
    store.put_clock_back("queue", HOUR_MS).await;
    (store, first)
}

async fn now_ms(store: &Store) -> u64 {
    let ask = Ask::Changes { after: 0, limit: 1, bodies: false };
    let Ok(Told::Changes { now_ms, .. }) = store.ask(&ask).await else { panic!("it is there") };
    now_ms
}

#[test]
fn a_coordinator_that_is_gone_is_followed_though_the_clock_of_redis_goes_back() {
    let Some(redis) = RedisServer::start() else { return };
    run(async {
        let (store, first) = abandoned(&redis).await;
        let before_ms = now_ms(&store).await;
        assert!(before_ms > first + HOUR_MS, "the time that was told is not taken back");
        let begun = std::time::Instant::now();
        let second = until_granted(&store, take(COORDINATOR, 2, None)).await;
        assert!(second > before_ms && begun.elapsed().as_secs() < 10, "{second} after {before_ms}");
        until(&store, Request::Nodes, |told| *told == Reply::Nodes(Vec::new())).await;
        assert!(now_ms(&store).await >= before_ms);
    });
}

#[test]
fn what_another_clock_has_written_in_the_future_runs_out_from_now_on() {
    let Some(redis) = RedisServer::start() else { return };
    run(async {
        let (store, first) = abandoned(&redis).await;
        store.forget_latest_time("queue").await;
        until(&store, Request::Nodes, |told| *told == Reply::Nodes(Vec::new())).await;
        assert!(until_granted(&store, take(COORDINATOR, 2, None)).await > first);
        assert!(now_ms(&store).await < first + HOUR_MS);
    });
}

#[test]
fn a_store_that_knows_nothing_gives_no_number_below_those_that_its_nodes_hold() {
    let Some(redis) = RedisServer::start() else { return };
    run(async {
        let store = Store::new(redis.address(), "test", TIMING);
        let early = until_granted(&store, take("room/den", 1, None)).await;
        let epoch = Epoch(early + HOUR_MS);
        let renew = Request::Renew { name: "room/den".to_owned(), node: NodeId(1), epoch, rank: 0 };
        assert!(matches!(store.one(renew).await, Ok(Reply::Granted(told)) if told == epoch));
        // Others of the same part.
        let names = (0..64).map(|number| format!("room/{number}"));
        let mut later = Vec::new();
        for name in names {
            later.push(until_granted(&store, take(&name, 2, None)).await);
        }
        assert!(later.iter().any(|number| *number > epoch.0), "{later:?}");
    });
}
