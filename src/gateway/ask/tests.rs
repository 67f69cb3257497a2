//! What a gateway makes of nodes that answer, and of those that do not: real sockets, on loopback.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use framekeep_gate::{Answer, Detour, GateFull, Later, Order, Report, gate};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Barrier;

use super::*;
use crate::GatewayConfig;
use crate::mail::PeerBook;
use crate::past_places::PLACE_WITHIN;
use crate::socket::player::{NoTickets, on_a_still_clock};

/// Names of nodes and where they are; every room is the last one's.
struct Book(Vec<(&'static str, SocketAddr)>);

/// The room that nobody can say anything of.
const UNKNOWN: &str = "unknown";

/// The room whose node is gone.
const ORPHAN: &str = "orphan";

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

    fn is_gateway(&self, _: &str) -> bool {
        false
    }

    fn for_room(&self) -> Option<String> {
        self.with_rooms().into_iter().next()
    }

    fn hand_over(&self, _: RoomName, _: String) -> Later<'_, Option<u64>> {
        Box::pin(async { None })
    }

    fn expect(&self, _: &RoomName, _: &str) {}

    fn adopt(&self, _: RoomName, _: u64) -> Later<'_, ()> {
        Box::pin(async {})
    }

    fn claim(&self, room: RoomName) -> Later<'_, Result<Option<RoomClaim>, NoAnswer>> {
        let node = if room.as_str() == ORPHAN { None } else { self.0.last() };
        let node = node.map_or_else(String::new, |(name, _)| (*name).to_owned());
        let claim = RoomClaim { node, id: String::new(), epoch: 1, is_own: false, is_lost: false };
        let answer = if room.as_str() == UNKNOWN { Err(NoAnswer) } else { Ok(Some(claim)) };
        Box::pin(async { answer })
    }

    fn lost_with(&self, _: RoomName) -> Later<'_, Result<Option<String>, NoAnswer>> {
        Box::pin(async { Ok(None) })
    }
}

/// A server without a room.
pub(crate) struct Empty;

impl Detour for Empty {
    fn send(&self, order: Order) -> Result<(), GateFull> {
        if let Order::Ask(_, reply) = order {
            reply(Answer::Missing);
        }
        Ok(())
    }

    fn report(&self, own: Arc<Report>) -> Arc<Report> {
        own
    }
}

fn front(node: &str, nodes: Vec<(&'static str, SocketAddr)>) -> Arc<Front> {
    let peer_secret = Some(crate::Secret::new("0123456789abcdef").expect("long enough"));
    let config = GatewayConfig { node: node.to_owned(), peer_secret, ..GatewayConfig::default() };
    let door = gate(1).0.through(Arc::new(Empty));
    let front = Arc::new(Front::new(config, door, Arc::new(NoTickets)));
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

#[test]
fn a_room_whose_node_is_busy_is_no_room_that_is_not_there() {
    on_a_clock(async {
        let room: RoomName = "friday".parse().expect("a name");
        for (problem, status) in [(Problem::busy(), 503), (Problem::not_found("gone"), 404)] {
            let answer = async move || problem.clone();
            let home = node(Router::new().route("/peer/v1/rooms", post(answer))).await;
            let found = rooms::find(&front("gateway", vec![("home", home)]), &room).await;
            let problem = found.expect_err("it is not found");
            assert_eq!(problem.status().as_u16(), status, "{problem:?}");
        }
    });
}

/// What is answered to a question of the past of a room that is not here.
async fn past_of(front: &Front, room: &str) -> (StatusCode, String) {
    let room: RoomName = room.parse().expect("a name");
    let here = Err::<Response, _>(Problem::not_found("not here"));
    let question =
        RoomQuestion::Events(room.clone(), ViewerJson::Operator(false), HappeningFilter::default());
    let answered = here_or_there(front, &room, here, &question).await;
    let answer = answered.unwrap_or_else(IntoResponse::into_response);
    let status = answer.status();
    (status, read(answer).await["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn what_happened_at_a_node_that_does_not_answer_is_no_room_that_is_not_there() {
    on_a_clock(async {
        let (dead, nobody) = listener().await;
        drop(dead);
        let away = |code: &str| (StatusCode::SERVICE_UNAVAILABLE, code.to_owned());
        let gateway = front("gateway", vec![("dead", nobody)]);
        assert_eq!(past_of(&gateway, "friday").await, away("node_away"));
        assert_eq!(past_of(&gateway, ORPHAN).await, away("node_away"));
        assert_eq!(past_of(&gateway, UNKNOWN).await, away("store_away"));
    });
}

#[test]
fn the_past_of_a_room_is_asked_of_its_node_as_it_was_asked_here() {
    on_a_clock(async {
        let answer = async |body: Bytes| Json(serde_json::from_slice::<Value>(&body).expect("a question"));
        let gateway =
            front("gateway", vec![("home", node(Router::new().route("/peer/v1/rooms", post(answer))).await)]);
        let room: RoomName = "friday".parse().expect("a name");
        let filter: PastFilter = serde_json::from_value(json!({ "from": 7, "every": 2 })).expect("a filter");
        for (viewer, told) in [
            (Viewer::Operator, json!(true)),
            (Viewer::Anybody, json!(false)),
            (Viewer::Player(PlayerId(u64::MAX)), json!(u64::MAX)),
        ] {
            let question = RoomQuestion::Views(room.clone(), viewer.into(), filter);
            let asked = ask(&gateway, "home", &question).await.expect("an answer");
            let wanted = json!({ "views": ["friday", told, { "from": 7, "ticks": null, "every": 2 }] });
            assert_eq!(read(asked).await, wanted);
            let same: RoomQuestion = serde_json::from_value(wanted).expect("a question");
            let RoomQuestion::Views(_, asker, _) = same else { panic!("another question") };
            assert_eq!(Viewer::from(asker), viewer, "the node reads what it was asked");
        }
    });
}

/// The states of the match in a room that some node has.
fn views(room: &str) -> RoomQuestion {
    RoomQuestion::Views(room.parse().expect("a name"), ViewerJson::Operator(false), PastFilter::default())
}

#[test]
fn a_node_that_hangs_holds_up_nobody_who_asks_another() {
    on_a_clock(async {
        let (_silent, hung) = listener().await;
        let answer = async || Json(json!({ "views": [] }));
        let well = node(Router::new().route("/peer/v1/rooms", post(answer))).await;
        let gateway = front("gateway", vec![("hung", hung), ("well", well)]);
        let wait = async || ask(&gateway, "hung", &views("friday")).await.expect_err("it says nothing");
        let look = async || {
            for _ in 0..10 {
                let answer = ask(&gateway, "well", &views("sunday")).await.expect("an answer");
                assert_eq!(answer.status(), StatusCode::OK);
            }
        };
        tokio::select! {
            biased;
            _ = futures_util::future::join_all((0..2).map(|_| wait())) => panic!("nobody waits that long"),
            () = look() => {}
        }
    });
}

#[test]
fn who_finds_no_place_at_a_node_that_hangs_is_told_that_it_is_busy_and_when_to_ask_again() {
    on_a_still_clock(async {
        let (_silent, hung) = listener().await;
        let (gateway, begun) = (front("gateway", vec![("hung", hung)]), Instant::now());
        let question = views("friday");
        let wait = async || {
            let problem = ask(&gateway, "hung", &question).await.expect_err("it says nothing");
            let (waited, answer) = (begun.elapsed(), problem.into_response());
            assert!(answer.headers().contains_key(header::RETRY_AFTER));
            (read(answer).await["code"].as_str().unwrap_or_default().to_owned(), waited.as_secs())
        };
        let told = futures_util::future::join_all((0..3).map(|_| wait())).await;
        let told: Vec<_> = told.iter().map(|(code, waited)| (&code[..], *waited)).collect();
        let (away, busy) = (("node_away", VIEWS_WITHIN.as_secs()), ("busy", PLACE_WITHIN.as_secs()));
        assert_eq!(told, [away, away, busy]);
    });
}

#[test]
fn when_a_node_is_to_be_asked_again_is_told_to_who_has_asked() {
    on_a_clock(async {
        let answer = async || Problem::busy().retry_after(7);
        let gateway =
            front("gateway", vec![("home", node(Router::new().route("/peer/v1/rooms", post(answer))).await)]);
        let asked = ask(&gateway, "home", &views("friday")).await.expect("an answer");
        assert_eq!(asked.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(asked.headers()[header::RETRY_AFTER], "7");
        assert_eq!(asked.headers()[header::CONTENT_TYPE], "application/problem+json");
    });
}

#[test]
fn a_room_that_is_here_without_a_match_is_looked_for_nowhere_else() {
    on_a_clock(async {
        let gateway = front("gateway", Vec::new());
        let room: RoomName = UNKNOWN.parse().expect("a name");
        let here = Err::<Response, _>(Problem::no_match("no match runs"));
        let problem = here_or_there(&gateway, &room, here, &views(UNKNOWN)).await.expect_err("no match");
        assert_eq!(problem, Problem::no_match("no match runs"));
    });
}
