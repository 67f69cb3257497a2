//! The scripts in a real Redis mean what `Table` says.

mod board;
mod broken;
mod clock;
mod copies;
mod load;
mod server;
mod sustained;

use self::server::RedisServer;
use crate::{COORDINATOR, Card, Lapsed, Load, NodeId, NodeView, Reply, Request, Store, Timing};

/// A machine that is busy may leave a test without a turn for a while, and a store that nobody asks for a lease is
/// taken for one that was away.
const TIMING: Timing =
    Timing { lease_ms: 1_500, renew_every_ms: 100, drift_ms: 20, rank_step_ms: 10, lapsed: Lapsed::Kept };

fn take(name: &str, node: u64, over: Option<u64>) -> Request {
    Request::Take { name: name.to_owned(), node: NodeId(node), over: over.map(NodeId), rank: 0 }
}

/// Asks until the answer is that one.
async fn until(store: &Store, request: Request, is_it: impl Fn(&Reply) -> bool) -> Reply {
    let begun = std::time::Instant::now();
    loop {
        let told = store.one(request.clone()).await.unwrap();
        if is_it(&told) {
            return told;
        }
        assert!(begun.elapsed().as_secs() < 20, "{request:?} is answered {told:?}");
        tokio::task::yield_now().await;
    }
}

async fn until_granted(store: &Store, request: Request) -> u64 {
    let Reply::Granted(epoch) = until(store, request, |told| matches!(told, Reply::Granted(_))).await else {
        unreachable!()
    };
    epoch.0
}

fn run<F: Future>(test: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

#[test]
fn names_in_redis_are_held_by_one_under_rising_numbers() {
    let Some(redis) = RedisServer::start() else { return };
    run(async {
        let store = Store::new(redis.address(), "test", TIMING);
        // It has just begun: another one before it may have given names away.
        assert!(matches!(store.one(take("room/den", 1, None)).await, Ok(Reply::Busy { holder: None, .. })));
        let first = until_granted(&store, take("room/den", 1, None)).await;
        let busy = store.one(take("room/den", 2, None)).await;
        assert!(matches!(busy, Ok(Reply::Busy { holder: Some(NodeId(1)), .. })), "{busy:?}");
        let epoch = crate::Epoch(first);
        let name = || "room/den".to_owned();
        let pass = Request::Pass { name: name(), node: NodeId(1), epoch, to: NodeId(2) };
        let Ok(Reply::Granted(second)) = store.one(pass.clone()).await else { panic!("it is node 1's") };
        assert!(second > epoch);
        assert!(matches!(store.one(pass).await, Ok(Reply::Lost)));
        let late = Request::Renew { name: name(), node: NodeId(1), epoch, rank: 0 };
        assert!(matches!(store.one(late).await, Ok(Reply::Lost)));
        let Ok(Reply::Holder(Some(lease))) = store.one(Request::Holder(name())).await else { panic!() };
        assert_eq!((lease.node, lease.epoch), (NodeId(2), second));
        let held = store.one(Request::Held(NodeId(2))).await.unwrap();
        assert_eq!(held, Reply::Held(vec![(name(), lease)]));
        // A room that is not said again stays its node's, unless that is proven to be dead.
        until(&store, take("room/den", 3, None), |told| matches!(told, Reply::Busy { for_ms: 0, .. })).await;
        let third = until_granted(&store, take("room/den", 3, Some(2))).await;
        assert!(third > second.0);
        let release = Request::Release { name: name(), node: NodeId(3), epoch: crate::Epoch(third) };
        assert_eq!(store.one(release).await.unwrap(), Reply::Done);
        assert_eq!(store.one(Request::Holder(name())).await.unwrap(), Reply::Holder(None));
        assert!(until_granted(&store, take("room/den", 4, None)).await > third);
        // Of two rooms of one name the one in which more is done has it.
        let fourth = until_granted(&store, take("room/den", 4, None)).await;
        let challenge = |rank| Request::Challenge { name: name(), node: NodeId(5), rank };
        let said = Request::Renew { name: name(), node: NodeId(4), epoch: crate::Epoch(fourth), rank: 7 };
        assert_eq!(store.one(said).await.unwrap(), Reply::Granted(crate::Epoch(fourth)));
        let busy = store.one(challenge(7)).await;
        assert!(matches!(busy, Ok(Reply::Busy { holder: Some(NodeId(4)), .. })), "{busy:?}");
        let won = store.one(challenge((1 << 52) + 8)).await;
        assert!(matches!(won, Ok(Reply::Granted(epoch)) if epoch.0 > fourth), "{won:?}");
        // The coordinator's is free as soon as it runs out.
        let one = until_granted(&store, take(COORDINATOR, 1, None)).await;
        assert!(until_granted(&store, take(COORDINATOR, 2, None)).await > one);
        assert_eq!(store.sweep_names(0).await.unwrap(), 1);
    });
}

#[test]
fn nodes_are_there_for_as_long_as_they_say_so() {
    let Some(redis) = RedisServer::start() else { return };
    run(async {
        let store = Store::new(redis.address(), "test", TIMING);
        let view = |node| NodeView {
            node: NodeId(node),
            card: Card { name: format!("node-{node}"), ..Card::default() },
            load: Load { players: 7, ..Load::default() },
        };
        for node in [2, 1] {
            let noted = store.one(Request::Report(Box::new(view(node)))).await.unwrap();
            assert!(matches!(noted, Reply::Noted { since_ms } if since_ms > 0), "{noted:?}");
        }
        assert_eq!(store.one(Request::Nodes).await.unwrap(), Reply::Nodes(vec![view(1), view(2)]));
        store.leave(NodeId(1)).await.unwrap();
        assert_eq!(store.one(Request::Nodes).await.unwrap(), Reply::Nodes(vec![view(2)]));
        until(&store, Request::Nodes, |told| *told == Reply::Nodes(Vec::new())).await;
    });
}

#[test]
fn a_node_that_was_forgotten_says_all_of_itself_again_and_one_that_is_gone_is_seen_to_be() {
    let Some(redis) = RedisServer::start() else { return };
    run(async {
        let stores = [0, 1].map(|_| Store::new(redis.address(), "test", TIMING));
        let view = |rooms| NodeView {
            node: NodeId(1),
            card: Card { name: "eu1".to_owned(), ..Card::default() },
            load: Load { rooms, ..Load::default() },
        };
        for rooms in [1, 1, 2, 2] {
            stores[0].one(Request::Report(Box::new(view(rooms)))).await.unwrap();
            for store in &stores {
                assert_eq!(store.one(Request::Nodes).await.unwrap(), Reply::Nodes(vec![view(rooms)]));
            }
        }
        let first = stores[1].reported_until(NodeId(1)).await.unwrap();
        stores[1].leave(NodeId(1)).await.unwrap();
        for store in &stores {
            assert_eq!(store.one(Request::Nodes).await.unwrap(), Reply::Nodes(Vec::new()));
        }
        assert_eq!(stores[1].reported_until(NodeId(1)).await.unwrap(), None);
        stores[0].one(Request::Report(Box::new(view(2)))).await.unwrap();
        assert_eq!(stores[1].one(Request::Nodes).await.unwrap(), Reply::Nodes(vec![view(2)]));
        assert!(stores[1].reported_until(NodeId(1)).await.unwrap() >= first && first.is_some());
    });
}

#[test]
fn the_name_of_a_room_whose_node_never_comes_back_is_free_after_the_stated_wait() {
    let Some(redis) = RedisServer::start() else { return };
    run(async {
        let store = Store::new(redis.address(), "test", TIMING);
        let first = until_granted(&store, take("room/den", 1, None)).await;
        until(&store, take("room/den", 2, None), |told| matches!(told, Reply::Busy { for_ms: 0, .. })).await;
        assert_eq!(store.sweep_names(1).await.unwrap(), 1, "a store that has begun anew forgets nothing");
        store.begin_long_ago().await;
        assert_eq!(store.sweep_names(3_600_000).await.unwrap(), 1, "it is not gone for so long");
        assert_eq!(store.sweep_names(0).await.unwrap(), 1, "for ever");
        let begun = std::time::Instant::now();
        while store.sweep_names(1).await.unwrap() > 0 {
            assert!(begun.elapsed().as_secs() < 20);
        }
        assert!(until_granted(&store, take("room/den", 2, None)).await > first);
    });
}
