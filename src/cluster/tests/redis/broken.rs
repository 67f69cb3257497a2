//! A Redis that begins anew, and whose connections break again and again at first, is told all that a node knows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use framekeep_gate::{SharedQueue as _, SharedState, gate};
use framekeep_matchmaking::{Mode, TicketId};

use super::load::shared;
use super::run;
use super::server::RedisServer;
use crate::handle::Shared;
use crate::{Card, ClusterHandle, ClusterQueue, Member, NodeId, QueueConfig, Store, Timing};

const TICKETS: u64 = 400;

/// How often the connections break, and for how long.
const BREAK_EVERY: Duration = Duration::from_millis(10);
const BREAKS: u32 = 150;

fn queue(redis: &RedisServer) -> Arc<ClusterQueue> {
    let timing = Timing::default();
    let store = Store::new(redis.address(), "test", timing);
    let shared = Shared::new(Member::new(NodeId(1), timing), Card::default(), timing, store);
    let config = QueueConfig {
        modes: vec![Mode::new("arena", "duel", 2, 1)],
        modes_digest: String::new(),
        round_every: Duration::from_millis(100),
        tickets_max: 10_000,
        unsaid_after: None,
        log: None,
    };
    ClusterQueue::new(ClusterHandle(Arc::new(shared)), "test", config, gate(8).0).unwrap()
}

async fn waits(queue: &ClusterQueue, number: u64) -> bool {
    let told = queue.show(TicketId(number.into())).await;
    told.is_ok_and(|status| status.state == SharedState::Waiting)
}

async fn until(what: &str, mut is_it: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_it().await {
        assert!(begun.elapsed().as_secs() < 30, "{what} is not so");
        tokio::task::yield_now().await;
    }
}

async fn break_connections(redis: &RedisServer) {
    let mut turns = tokio::time::interval(BREAK_EVERY);
    for _ in 0..BREAKS {
        turns.tick().await;
        let told = redis.command("CLIENT KILL TYPE normal SKIPME yes");
        assert!(told.starts_with(':'), "{told}");
    }
}

#[test]
fn whoever_asks_for_news_of_tickets_while_the_store_is_away_leaves_nothing() {
    let Some(redis) = RedisServer::start() else { return };
    run(async {
        let queue = queue(&redis);
        let waits = queue.news(TicketId(0));
        (1..=20_000).for_each(|number| drop(queue.news(TicketId(number))));
        assert!(queue.watched() <= 4_097, "{}", queue.watched());
        let many: Vec<_> = (1..=20_000).map(|number| queue.news(TicketId(number))).collect();
        assert_eq!(queue.watched(), 20_001, "nobody who waits is forgotten");
        drop((waits, many));
    });
}

#[test]
fn every_ticket_is_told_again_though_connections_break_while_it_is_told() {
    let Some(redis) = RedisServer::start() else { return };
    run(async {
        let queue = queue(&redis);
        let running = tokio::spawn(queue.clone().run());
        for number in 1..=TICKETS + 1 {
            queue.submit(shared(number), Duration::ZERO).await.unwrap();
        }
        // One that is over, and is sent again, is not told again.
        let over = TicketId((TICKETS + 1).into());
        queue.cancel(over).await.unwrap();
        until("that the end of one is read", async || queue.follows() && !queue.may_tell(over)).await;
        queue.submit(shared(TICKETS + 1), Duration::ZERO).await.unwrap();
        assert!(!queue.may_tell(over), "it comes back to life where the store forgets it");
        let redis = redis.replace();
        break_connections(&redis).await;
        for number in 1..=TICKETS {
            until(&format!("that ticket {number} waits"), async || waits(&queue, number).await).await;
        }
        assert!(queue.show(over).await.is_err());
        running.abort();
    });
}
