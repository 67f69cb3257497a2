//! `Hall` and `Player`: connections over memory, on a clock that stands still while anything can be done.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use framekeep_gate::{
    Detour, GateFull, LinkSink, Mint, MintFailed, Minted, Order, Report, StateView, TicketWish, WebLinkId,
    gate,
};
use framekeep_protocol::{PlayerId, ToClient};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::Instant;
use zlib_rs::{Inflate, InflateFlush};

use super::deflate::Agreed;
use super::line::Line;
use super::stream::MessageStream;
use crate::front::Front;
use crate::pipe::Stream;
use crate::{GatewayConfig, WebConfig};

/// What a frame is, in its first byte.
pub(super) const TEXT: u8 = 0x81;
pub(super) const PACKED: u8 = 0xc1;
pub(super) const PING: u8 = 0x89;
const CLOSE: u8 = 0x88;
const PONG: u8 = 0x8a;

/// Follows a test on a clock that stands still while anything can be done.
pub(crate) fn on_a_still_clock<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(work)
}

/// A pretended server, which admits everybody at once.
#[derive(Default)]
pub(super) struct Server {
    sinks: Mutex<HashMap<WebLinkId, Arc<dyn LinkSink>>>,
    orders: Mutex<Vec<String>>,
    /// It takes no orders.
    pub(super) is_full: AtomicBool,
    /// It takes orders and does not answer.
    pub(super) is_silent: AtomicBool,
}

impl Server {
    /// Tells everybody.
    pub(super) fn tell(&self, message: &ToClient) {
        for sink in self.sinks.lock().unwrap().values() {
            assert!(sink.tell(message, 0));
            sink.let_go();
        }
    }

    /// Shows everybody how the match looks.
    pub(super) fn show(&self, view: &Arc<StateView>) {
        for sink in self.sinks.lock().unwrap().values() {
            sink.show(view);
            sink.let_go();
        }
    }

    /// Tells everybody something and shows how the match looks, in one turn.
    pub(super) fn tell_and_show(&self, message: &ToClient, view: &Arc<StateView>) {
        for sink in self.sinks.lock().unwrap().values() {
            assert!(sink.tell(message, 0));
            sink.show(view);
            sink.let_go();
        }
    }

    /// Of a hundred views, those that a link did not take.
    pub(super) fn skipped_percent(&self, link: u64) -> u32 {
        self.sinks.lock().unwrap()[&WebLinkId(link)].way().skipped_percent
    }

    /// What it was asked for, without what was asked for before.
    pub(super) fn orders(&self) -> Vec<String> {
        std::mem::take(&mut self.orders.lock().unwrap())
    }
}

impl Detour for Server {
    fn send(&self, order: Order) -> Result<(), GateFull> {
        if self.is_full.load(Ordering::Relaxed) {
            return Err(GateFull::Busy(Box::new(order)));
        }
        self.orders.lock().unwrap().push(format!("{order:?}"));
        let mut sinks = self.sinks.lock().unwrap();
        match order {
            Order::Open(new) if !self.is_silent.load(Ordering::Relaxed) => {
                assert!(new.sink.tell(&ToClient::Admitted { player: PlayerId(new.link.0) }, 0));
                new.sink.let_go();
                sinks.insert(new.link, new.sink);
            }
            Order::Open(new) => drop(sinks.insert(new.link, new.sink)),
            Order::Close(link) => drop(sinks.remove(&link)),
            _ => {}
        }
        Ok(())
    }

    fn report(&self, own: Arc<Report>) -> Arc<Report> {
        own
    }
}

/// Makes no tickets.
pub(crate) struct NoTickets;

impl Mint for NoTickets {
    fn mint(&self, _: &TicketWish) -> Result<Minted, MintFailed> {
        Err(MintFailed("nobody asks for one here".to_owned()))
    }

    fn mint_for(&self, wish: &TicketWish, _: SocketAddr) -> Result<Minted, MintFailed> {
        self.mint(wish)
    }

    fn seal(&self, _: &str, _: &[u8]) -> [u8; 32] {
        [0; 32]
    }
}

/// A front door without sockets.
pub(super) struct Hall {
    pub(super) front: Arc<Front>,
    pub(super) server: Arc<Server>,
    /// Whether somebody passes views on already.
    is_manned: AtomicBool,
}

impl Hall {
    pub(super) fn new(web: WebConfig) -> Self {
        let server = Arc::new(Server::default());
        let (door, _) = gate(1);
        let config = GatewayConfig { web, ..GatewayConfig::default() };
        let front = Arc::new(Front::new(config, door.through(server.clone()), Arc::new(NoTickets)));
        Self { front, server, is_manned: AtomicBool::new(false) }
    }

    /// A connection on which the handshake was made.
    pub(super) async fn connect(&self) -> Player {
        self.connect_packing(None).await
    }

    /// The same, to a client that has room for so many bytes that it has not read yet.
    pub(super) async fn connect_narrow(&self, bytes: usize) -> Player {
        self.connect_over(None, tokio::io::duplex(bytes)).await
    }

    /// The same, with what was agreed on about packing.
    pub(super) async fn connect_packing(&self, packing: Option<Agreed>) -> Player {
        self.connect_over(packing, tokio::io::duplex(256 << 10)).await
    }

    async fn connect_over(
        &self,
        packing: Option<Agreed>,
        (client, server): (DuplexStream, DuplexStream),
    ) -> Player {
        if !self.is_manned.swap(true, Ordering::Relaxed) {
            for post in &self.front.posts {
                tokio::spawn(crate::post::run(self.front.clone(), post.clone()));
            }
        }
        let peer = SocketAddr::from(([10, 0, 0, 1], 5_000));
        let (server, bytes_max) =
            (Stream::Other(Box::new(server)), self.front.live().config.web.message_bytes_max);
        let stream = MessageStream::new((server, Bytes::new()), bytes_max, packing).await;
        let place = self.front.greeting.take(peer.ip(), None).expect("a place");
        tokio::spawn(super::serve(Line::new(stream, None, peer, self.front.clone()), place));
        Player {
            stream: client,
            begun: Instant::now(),
            pings: Vec::new(),
            answers: true,
            closing: String::new(),
            inflate: Inflate::new(false, 15),
            packed: 0,
        }
    }

    /// A player who has been welcomed, and the token to resume with.
    pub(super) async fn enter(&self) -> (Player, String) {
        let mut player = self.connect().await;
        player.authenticate().await;
        let welcome = player.hear("welcome").await;
        let token = welcome["resume_token"].as_str().expect("a token").to_owned();
        (player, token)
    }

    /// A new connection that wants to go on with a session.
    pub(super) async fn resume(&self, token: &str) -> Player {
        let mut player = self.connect().await;
        player.resume(token).await;
        player
    }
}

/// What is in a text that was packed after others.
fn unpacked(inflate: &mut Inflate, mut payload: Vec<u8>) -> Vec<u8> {
    payload.extend([0, 0, 0xff, 0xff]);
    let (mut text, before) = (vec![0; 64 << 10], inflate.total_out());
    inflate.decompress(&payload, &mut text, InflateFlush::SyncFlush).expect("it was packed");
    text.truncate((inflate.total_out() - before) as usize);
    text
}

/// How a connection ended, for its client.
#[derive(Debug, PartialEq)]
pub(super) struct Over {
    /// What the server said, in a message and in the frame that closes; both empty where it went without a word.
    pub(super) reason: String,
    pub(super) code: Option<u16>,
    /// After how long.
    pub(super) at: Duration,
}

/// A client that speaks frames.
pub(super) struct Player {
    stream: DuplexStream,
    begun: Instant,
    /// When it was pinged.
    pub(super) pings: Vec<Duration>,
    /// Whether it answers pings.
    pub(super) answers: bool,
    closing: String,
    inflate: Inflate,
    /// Messages that came packed.
    pub(super) packed: u32,
}

impl Player {
    pub(super) fn age(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Sends a frame, masked as those of clients are. One that nobody takes is lost.
    pub(super) async fn send(&mut self, first: u8, payload: &[u8]) {
        let mask = [7, 1, 9, 3];
        let mut frame = vec![first];
        match payload.len() {
            bytes @ 0..126 => frame.push(0x80 | bytes as u8),
            bytes => frame.extend([0xfe, (bytes >> 8) as u8, bytes as u8]),
        }
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        let _ = self.stream.write_all(&frame).await;
    }

    pub(super) async fn say(&mut self, message: &Value) {
        self.send(TEXT, message.to_string().as_bytes()).await;
    }

    pub(super) async fn authenticate(&mut self) {
        let ticket = BASE64URL_NOPAD.encode(&[0; 256]);
        self.say(&json!({ "authenticate": { "ticket": ticket } })).await;
    }

    pub(super) async fn resume(&mut self, token: &str) {
        self.say(&json!({ "resume": { "token": token, "last_id": 0 } })).await;
    }

    /// The next frame; `None` when the connection has ended.
    async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.stream.read_u8().await.ok()?;
        let length = match self.stream.read_u8().await.ok()? {
            126 => self.stream.read_u16().await.ok()?.into(),
            127 => self.stream.read_u64().await.ok()? as usize,
            short => short.into(),
        };
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await.ok()?;
        Some((first, payload))
    }

    /// Reads a frame: messages, or how it all ended.
    async fn read(&mut self) -> Result<Vec<Value>, Over> {
        let at = |player: &Self| player.age();
        let Some((first, payload)) = self.frame().await else {
            return Err(Over { reason: std::mem::take(&mut self.closing), code: None, at: at(self) });
        };
        match first {
            PING => {
                self.pings.push(self.age());
                if self.answers {
                    self.send(PONG, &payload).await;
                }
            }
            CLOSE => {
                let code = u16::from_be_bytes([payload[0], payload[1]]);
                assert_eq!(payload[2..], *self.closing.as_bytes(), "both say the same");
                let over = Over { reason: std::mem::take(&mut self.closing), code: Some(code), at: at(self) };
                self.send(CLOSE, &payload[..2]).await;
                return Err(over);
            }
            TEXT | PACKED => {
                let text = match first {
                    PACKED => unpacked(&mut self.inflate, payload),
                    _ => payload,
                };
                self.packed += u32::from(first == PACKED);
                let batch: Value = serde_json::from_slice(&text).expect("JSON");
                let messages = batch["messages"].as_array().expect("messages").clone();
                let closing = messages.iter().find_map(|one| one["closing"]["reason"].as_str());
                self.closing = closing.unwrap_or_default().to_owned();
                return Ok(messages);
            }
            PONG => {}
            other => panic!("a frame of the kind {other:#x}"),
        }
        Ok(Vec::new())
    }

    /// The messages of the next frame that has any.
    pub(super) async fn batch(&mut self) -> Vec<Value> {
        loop {
            match self.read().await {
                Ok(messages) if messages.is_empty() => {}
                Ok(messages) => return messages,
                Err(over) => panic!("it is over: {over:?}"),
            }
        }
    }

    /// Waits for a message of a kind.
    pub(super) async fn hear(&mut self, kind: &str) -> Value {
        loop {
            match self.read().await {
                Ok(messages) => {
                    if let Some(body) = messages.iter().find_map(|message| message.get(kind)) {
                        return body.clone();
                    }
                }
                Err(over) => panic!("never heard {kind}: {over:?}"),
            }
        }
    }

    /// Goes on until the connection ends.
    pub(super) async fn until_over(&mut self) -> Over {
        loop {
            if let Err(over) = self.read().await {
                return over;
            }
        }
    }

    /// Goes on until so much time has passed since it connected; nothing ends meanwhile.
    pub(super) async fn until(&mut self, age: Duration) {
        let end = self.begun + age;
        let over = tokio::time::timeout_at(end, self.until_over()).await;
        assert!(over.is_err(), "it is over: {over:?}");
    }
}
