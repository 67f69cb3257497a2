//! `Web`, a player over a WebSocket, as a browser is one.

use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::handshake::client::Response;
use tungstenite::protocol::CloseFrame;
use tungstenite::{Error, HandshakeError, Message, WebSocket};

use crate::serving::{LONGEST, Serving};

/// A player over a WebSocket that speaks JSON.
pub(crate) struct Web {
    pub(crate) socket: WebSocket<TcpStream>,
    /// What was heard, in order.
    pub(crate) heard: Vec<Value>,
    /// Everything before this was waited for.
    cursor: usize,
    /// How it was closed, once it is.
    pub(crate) closed: Option<Option<CloseFrame>>,
    pub(crate) next_id: u64,
    pub(crate) resume_token: String,
    pub(crate) player: String,
}

/// Opens a WebSocket; `Err` is the status of the refusal.
pub(crate) fn open(
    to: SocketAddr,
    headers: &[(&'static str, &str)],
) -> Result<(WebSocket<TcpStream>, Response), u16> {
    let mut request = format!("ws://{to}/ws").into_client_request().expect("a request");
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("a header"));
    }
    let stream = TcpStream::connect(to).expect("the server listens");
    stream.set_read_timeout(Some(LONGEST)).expect("a time-out");
    stream.set_nodelay(true).expect("no delay");
    match tungstenite::client(request, stream) {
        Ok(opened) => Ok(opened),
        Err(HandshakeError::Failure(Error::Http(response))) => Err(response.status().as_u16()),
        Err(other) => panic!("{other}"),
    }
}

impl Web {
    /// A connection that has not said who it is.
    pub(crate) fn connect(serving: &Serving) -> Self {
        Self::reach(serving.http)
    }

    /// The same, by an address.
    pub(crate) fn reach(http: SocketAddr) -> Self {
        let protocol = [("Sec-WebSocket-Protocol", "framekeep.v1.json")];
        let (socket, _) = open(http, &protocol).expect("a WebSocket");
        let (resume_token, player) = (String::new(), String::new());
        Self { socket, heard: Vec::new(), cursor: 0, closed: None, next_id: 1, resume_token, player }
    }

    /// A player who has been welcomed.
    pub(crate) fn enter(serving: &Serving, name: &str) -> Self {
        let mut web = Self::connect(serving);
        web.authenticate(&serving.guest_ticket(name));
        let welcome = web.hear("welcome");
        web.resume_token = welcome["resume_token"].as_str().expect("a token").to_owned();
        web.player = welcome["player"].as_str().expect("a player").to_owned();
        web
    }

    pub(crate) fn authenticate(&mut self, ticket: &str) {
        self.send(&json!({ "authenticate": { "ticket": ticket } }));
    }

    /// Sends a message as it is.
    pub(crate) fn send(&mut self, message: &Value) {
        // A server that has closed the connection is found out when it is read.
        let _ = self.socket.send(Message::text(message.to_string()));
    }

    /// Sends a request with the next id, which is given.
    pub(crate) fn ask(&mut self, kind: &str, body: Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({ "id": id, kind: body }));
        id
    }

    pub(crate) fn join(&mut self, room: &str, seats: u32) {
        self.ask("join", json!({ "room": room, "create": { "game": "arena", "seats": seats } }));
    }

    /// Waits for a message of a kind and gives its body.
    pub(crate) fn hear(&mut self, kind: &str) -> Value {
        self.hear_if(kind, |_| true)
    }

    /// Waits for a message of a kind for whose body something holds, after the one that was waited for last.
    pub(crate) fn hear_if(&mut self, kind: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            while let Some(message) = self.heard.get(self.cursor) {
                self.cursor += 1;
                if let Some(body) = message.get(kind).filter(|body| holds(body)) {
                    return body.clone();
                }
            }
            if begun.elapsed() > LONGEST || self.closed.is_some() {
                break;
            }
            self.read();
        }
        let last: Vec<_> = self.heard.iter().rev().take(5).collect();
        panic!("never heard {kind}; closed: {:?}; last: {last:?}", self.closed);
    }

    /// Waits for a message of one of these kinds, and says of which.
    pub(crate) fn until_heard(&mut self, kinds: &[&str]) -> String {
        let begun = Instant::now();
        while begun.elapsed() < LONGEST && self.closed.is_none() {
            let found =
                kinds.iter().find(|kind| self.heard.iter().any(|message| message.get(kind).is_some()));
            if let Some(kind) = found {
                return (*kind).to_owned();
            }
            self.read();
        }
        panic!("never heard any of {kinds:?}");
    }

    /// Waits for an event of a kind.
    pub(crate) fn event(&mut self, kind: &str) -> Value {
        self.hear_if("event", |event| event["kind"] == kind)
    }

    /// Reads one frame.
    pub(crate) fn read(&mut self) {
        match self.socket.read() {
            Ok(Message::Text(text)) => {
                let batch: Value = serde_json::from_str(&text).expect("JSON");
                self.heard.extend(batch["messages"].as_array().expect("messages").iter().cloned());
            }
            Ok(Message::Close(frame)) => self.closed = Some(frame),
            Ok(_) => {}
            Err(_) => self.closed = Some(None),
        }
    }

    /// Waits until the server closes the connection; gives the reason it says.
    pub(crate) fn until_closed(&mut self) -> String {
        let begun = Instant::now();
        while self.closed.is_none() && begun.elapsed() < LONGEST {
            self.read();
        }
        let reason = self.heard.iter().rev().find_map(|message| message.get("closing")).cloned();
        reason.map_or_else(String::new, |closing| closing["reason"].as_str().unwrap_or_default().to_owned())
    }

    /// The id of the last message that is to be kept.
    pub(crate) fn last_id(&self) -> u64 {
        self.heard.iter().filter_map(|message| message["id"].as_u64()).max().unwrap_or(0)
    }
}
