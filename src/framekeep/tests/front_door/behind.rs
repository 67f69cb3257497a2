//! A server that is behind: the queue between front door and server is full, and is taken from again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use framekeep_gate::{Door, gate};
use framekeep_gateway::{Gateway, GatewayConfig};
use framekeep_server::{Games, KeyMint, Server, ServerConfig};
use serde_json::json;

use crate::http::{self, Reply};
use crate::serving::{LONGEST, key};
use crate::web::Web;

/// Orders that the queue holds.
const ORDERS: usize = 16;

/// What a server is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Be {
    Still,
    Busy,
    Gone,
}

/// A front door and a server whose turns can be stopped.
struct Stoppable {
    http: SocketAddr,
    say: Sender<Be>,
    heard: Receiver<()>,
    thread: Option<JoinHandle<()>>,
    _gateway: Gateway,
}

impl Stoppable {
    fn start() -> Self {
        let (door, keeper) = gate(ORDERS);
        let free = "127.0.0.1:0".parse().expect("an address");
        let (say, said) = channel();
        let (tell, heard) = channel();
        let (give, given) = channel();
        let thread = std::thread::spawn(move || {
            let games = Games::new(framekeep_games::registry());
            let config =
                ServerConfig { udp: free, start_delay: Duration::from_millis(40), ..ServerConfig::default() };
            let mut server = Server::bind(config, games, key()).expect("a server");
            server.attach_gate(keeper);
            give.send(server.local_addr()).expect("the test waits");
            take_turns(&mut server, &said, &tell);
        });
        let udp = given.recv().expect("the server listens");
        let mint = Arc::new(KeyMint { key: key(), udp, link_timeout: Duration::from_secs(15) });
        let config =
            GatewayConfig { http: Some(free), guests: true, requests_per_s: 0, ..GatewayConfig::default() };
        let gateway = Gateway::open(config, Door::clone(&door), mint).expect("a front door");
        let http = gateway.http().expect("HTTP");
        Self { http, say, heard, thread: Some(thread), _gateway: gateway }
    }

    fn be(&self, what: Be) {
        self.say.send(what).expect("the server is there");
        self.heard.recv().expect("it hears");
    }

    fn get(&self, path: &str) -> Reply {
        http::ask(self.http, "GET", path, &[], "")
    }

    fn enter(&self, name: &str) -> Web {
        let body = format!("{{\"name\":\"{name}\"}}");
        let minted = http::ask(self.http, "POST", "/api/v1/tickets", &[], &body).json();
        let mut web = Web::reach(self.http);
        web.authenticate(minted["websocket"]["ticket"].as_str().expect("a ticket"));
        web.hear("welcome");
        web
    }
}

impl Drop for Stoppable {
    fn drop(&mut self) {
        let _ = self.say.send(Be::Gone);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Takes turns until it is told to stand still, and stands still until it is told to go on.
fn take_turns(server: &mut Server, said: &Receiver<Be>, tell: &Sender<()>) {
    let mut now = Be::Busy;
    while now != Be::Gone {
        let next = if now == Be::Still {
            said.recv().map_err(|_| TryRecvError::Disconnected)
        } else {
            said.try_recv()
        };
        match next {
            Ok(be) => {
                now = be;
                let _ = tell.send(());
            }
            Err(TryRecvError::Disconnected) => now = Be::Gone,
            Err(TryRecvError::Empty) => {
                server.pump();
                std::thread::yield_now();
            }
        }
    }
}

#[test]
fn a_server_that_is_behind_is_busy_and_recovers() {
    let node = Stoppable::start();
    let (mut ada, mut bob) = (node.enter("ada"), node.enter("bob"));
    ada.join("friday", 2);
    ada.hear("joined");
    bob.join("friday", 2);
    bob.hear("started");
    assert_eq!(node.get("/api/v1/rooms/friday").status, 200);
    node.be(Be::Still);
    let askers: Vec<_> = (0..2 * ORDERS)
        .map(|_| {
            let http = node.http;
            std::thread::spawn(move || http::ask(http, "GET", "/api/v1/rooms/friday", &[], ""))
        })
        .collect();
    let begun = Instant::now();
    // Those who found no place in the queue are told so soon; the others wait for their answer.
    while askers.iter().filter(|asker| asker.is_finished()).count() < ORDERS {
        assert!(begun.elapsed() < LONGEST, "half of them find the queue full");
        std::thread::yield_now();
    }
    let id = ada.ask("chat", json!({ "text": "is anybody there?" }));
    let refused = ada.hear("refused");
    assert_eq!((&refused["to"], &refused["code"]), (&json!(id), &json!("busy")));
    let mut carol = Web::reach(node.http);
    let ticket = http::ask(node.http, "POST", "/api/v1/tickets", &[], "{\"name\":\"carol\"}").json();
    let ticket = ticket["websocket"]["ticket"].as_str().expect("a ticket").to_owned();
    carol.authenticate(&ticket);
    assert_eq!(carol.until_closed(), "busy");
    node.be(Be::Busy);
    let replies: Vec<Reply> = askers.into_iter().map(|asker| asker.join().expect("an answer")).collect();
    let busy = replies.iter().filter(|reply| reply.status == 503).inspect(|reply| {
        assert_eq!(reply.problem(), "busy");
        assert!(reply.header("retry-after").is_some(), "it is worth asking again");
    });
    assert!(busy.count() >= ORDERS, "the queue holds {ORDERS}");
    assert!(replies.iter().all(|reply| [200, 503].contains(&reply.status)));
    assert_eq!(node.get("/api/v1/rooms/friday").status, 200, "it answers again");
    ada.ask("chat", json!({ "text": "here you are" }));
    assert_eq!(bob.event("chat")["text"], "here you are", "what was refused was not said");
    let seen = ada.hear("view")["tick"].as_u64();
    ada.hear_if("view", |view| view["tick"].as_u64() > seen.map(|tick| tick + 10));
    let metrics = node.get("/metrics").body;
    assert!(!metrics.contains("framekeep_web_refused_total{rule=\"busy\"} 0"), "{metrics}");
}
