//! What is acknowledged is known to a replica, where there is one that keeps up.

use std::process::Command;
use std::time::{Duration, Instant};

use super::load::shared;
use super::server::RedisServer;
use super::{TIMING, run};
use crate::board::{Ask, Told};
use crate::body::TicketBody;
use crate::redis::Copies;
use crate::{Store, StoreError};

/// How long a replica is waited for.
const WAITS: Duration = Duration::from_millis(900);

fn store(redis: &RedisServer, within: Duration) -> Store {
    Store::with_copies(redis.address(), "test", TIMING, Copies { needed: 0, within })
}

async fn submit(store: &Store, number: u64) -> Result<Told, StoreError> {
    let ticket = TicketBody::new(&shared(number)).kept(0).unwrap();
    store.ask(&Ask::Submit { ticket, limit: u32::MAX }).await
}

/// Stops a server, and waits until it stands.
fn stop(redis: &RedisServer) {
    signal(redis, "-STOP");
    let begun = Instant::now();
    let stat = format!("/proc/{}/stat", redis.id());
    while !std::fs::read_to_string(&stat).unwrap().contains(") T ") {
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not stop");
        std::thread::yield_now();
    }
}

fn signal(redis: &RedisServer, name: &str) {
    let sent = Command::new("kill").args([name, &redis.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "{name}");
}

/// A server and a replica of it that keeps up.
fn with_replica() -> Option<(RedisServer, RedisServer)> {
    let (master, replica) = (RedisServer::start()?, RedisServer::start()?);
    assert_eq!(master.command("CONFIG SET repl-diskless-sync-delay 0"), "+OK");
    let told = replica.command(&format!("REPLICAOF 127.0.0.1 {}", master.port()));
    assert_eq!(told, "+OK");
    let begun = Instant::now();
    while master.command("WAIT 1 100") != ":1" {
        assert!(begun.elapsed() < Duration::from_secs(30), "the replica does not follow");
    }
    Some((master, replica))
}

#[test]
fn a_ticket_is_acknowledged_when_a_replica_knows_of_it() {
    let Some((master, replica)) = with_replica() else { return };
    run(async {
        let before = store(&master, WAITS);
        assert!(matches!(submit(&before, 1).await, Ok(Told::Ticket { .. })));
        stop(&replica);
        // It has not seen a replica that did not keep up.
        let store = store(&master, WAITS);
        let mut asked = Box::pin(submit(&store, 2));
        let early = tokio::time::timeout(Duration::from_millis(300), &mut asked).await;
        assert!(early.is_err(), "no replica knows of it: {early:?}");
        signal(&replica, "-CONT");
        let told = asked.await;
        assert!(matches!(told, Ok(Told::Ticket { .. })), "{told:?}");
    });
}

#[test]
fn a_replica_that_hangs_holds_nobody_up_for_long_nor_does_one_that_is_not_there() {
    let Some((master, replica)) = with_replica() else { return };
    run(async {
        let store = store(&master, Duration::from_millis(400));
        assert!(matches!(submit(&store, 1).await, Ok(Told::Ticket { .. })));
        stop(&replica);
        let begun = Instant::now();
        for number in 2..=60 {
            assert!(matches!(submit(&store, number).await, Ok(Told::Ticket { .. })));
        }
        assert!(begun.elapsed() < Duration::from_millis(59 * 400), "one of them waits, not each");
        signal(&replica, "-CONT");
    });
    let Some(alone) = RedisServer::start() else { return };
    run(async {
        let told = tokio::time::timeout(WAITS, submit(&store(&alone, WAITS), 1)).await;
        assert!(matches!(told, Ok(Ok(Told::Ticket { .. }))), "{told:?}");
    });
}
