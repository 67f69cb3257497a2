//! What a gateway makes of nodes that answer, and of those that do not: real sockets, on loopback.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use framekeep_gate::{Later, gate};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Barrier;

use super::*;
use crate::GatewayConfig;
use crate::mail::PeerBook;
use crate::socket::player::{NoTickets, on_a_still_clock};

/// Names of nodes and where they are.
struct Book(Vec<(&'static str, SocketAddr)>);

impl PeerBook for Book {
    fn look_up(&self, _: String) -> Later<'_, Option<SocketAddr>> {
        Box::pin(async { None })
    }

    fn find(&self, name: &str) -> Option<SocketAddr> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, address)| *address)
    }

    fn with_rooms(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    fn hand_over(&self, _: RoomName, _: String) -> Later<'_, Option<u64>> {
        Box::pin(async { None })
    }

    fn expect(&self, _: &RoomName, _: &str) {}

    fn adopt(&self, _: RoomName, _: u64) -> Later<'_, ()> {
        Box::pin(async {})
    }

    fn claim(&self, _: RoomName) -> Later<'_, Option<RoomClaim>> {
        Box::pin(async { None })
    }
}

fn front(node: &str, nodes: Vec<(&'static str, SocketAddr)>) -> Arc<Front> {
    let peer_secret = Some(crate::Secret::new("0123456789abcdef").expect("long enough"));
    let config = GatewayConfig { node: node.to_owned(), peer_secret, ..GatewayConfig::default() };
    let front = Arc::new(Front::new(config, gate(1).0, Arc::new(NoTickets)));
    assert!(front.peers.set(Arc::new(Book(nodes))).is_ok());
    front
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// A node that answers in this way.
async fn node(answers: Router) -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move { axum::serve(listener, answers).await });
    address
}

/// A node with rooms; none of them answers before all of them are asked.
async fn node_with(rooms: &'static [&str], asked: Arc<Barrier>) -> SocketAddr {
    let answer = async move || {
        asked.wait().await;
        let rows: Vec<_> = rooms.iter().map(|name| json!({ "name": name })).collect();
        Json(json!({ "as_of_unix_ms": 7, "total": rows.len(), "rooms": rows, "next": null }))
    };
    node(Router::new().route("/peer/v1/rooms", post(answer))).await
}

/// A node that takes no question of others, as one whose clock is wrong does: it is another one than they think.
async fn wrong_node() -> SocketAddr {
    node(crate::peer::router(front("another", Vec::new()))).await
}

fn on_a_clock<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

async fn read(answer: Response) -> Value {
    let body = axum::body::to_bytes(answer.into_body(), ANSWER_BYTES_MAX).await.expect("a body");
    serde_json::from_slice(&body).expect("JSON")
}

#[test]
fn a_list_has_the_rooms_of_who_answers_and_names_who_does_not() {
    on_a_clock(async {
        let asked = Arc::new(Barrier::new(2));
        let (dead, nobody) = listener().await;
        drop(dead);
        let nodes = vec![
            ("b", node_with(&["friday", "sunday"], asked.clone()).await),
            ("dead", nobody),
            ("clock", wrong_node().await),
            ("garbled", node(Router::new().route("/peer/v1/rooms", post(async || "rooms"))).await),
            ("a", node_with(&["monday"], asked).await),
        ];
        let front = front("gateway", nodes);
        let listed = read(list_all(&front, &RoomFilter::default()).await.expect("some answer")).await;
        let rooms = json!([{ "name": "friday" }, { "name": "monday" }, { "name": "sunday" }]);
        let wanted = json!({ "as_of_unix_ms": 7, "total": 3, "rooms": rooms, "next": null,
            "failed_nodes": ["clock", "dead", "garbled"] });
        assert_eq!(listed, wanted);
    });
}

#[test]
fn a_list_that_no_node_gives_is_an_error_that_names_them() {
    on_a_clock(async {
        let front = front("gateway", vec![("clock", wrong_node().await)]);
        let problem = list_all(&front, &RoomFilter::default()).await.expect_err("nobody answers");
        assert_eq!(problem.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(format!("{problem:?}").contains("clock"), "{problem:?}");
    });
}

#[test]
fn nodes_that_say_nothing_are_given_up_together() {
    on_a_still_clock(async {
        let (mut nodes, mut listeners) = (Vec::new(), Vec::new());
        for name in ["a", "b", "c"] {
            let (listener, address) = listener().await;
            listeners.push(listener);
            nodes.push((name, address));
        }
        let (front, begun) = (front("gateway", nodes), Instant::now());
        assert!(list_all(&front, &RoomFilter::default()).await.is_err());
        assert!(begun.elapsed() < LIST_WITHIN + Duration::from_millis(10), "{:?}", begun.elapsed());
    });
}

#[test]
fn a_node_that_takes_no_question_of_another_is_away_for_who_asks_for_its_room() {
    on_a_clock(async {
        let front = front("gateway", vec![("clock", wrong_node().await)]);
        let room: RoomName = "friday".parse().expect("a name");
        let problem = ask(&front, "clock", &RoomQuestion::Show(room, false)).await.expect_err("no answer");
        assert_eq!(problem.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(format!("{problem:?}").contains("this is node another"), "{problem:?}");
    });
}
