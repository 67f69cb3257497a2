//! `Line`, one WebSocket connection: frames in and out, within their limits.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use framekeep_gate::{GateFull, Order, WebInput};
use framekeep_protocol::ToClient;
use framekeep_sim::Tick;
use tokio::time::Instant;
use tokio::time::error::Elapsed;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::End;
use super::stream::{Broken, MessageStream};
use crate::WebConfig;
use crate::budget::MessageBudget;
use crate::delta::Delta;
use crate::frame::FrameWriter;
use crate::front::Front;
use crate::queue::{BATCH_MESSAGES_MAX, Next, Shown, Way};
use crate::sessions::Session;
use crate::stats::Refused;
use crate::traffic::Kind;
use crate::translate;
use crate::view_frames::{Manner, ended_unix_us};
use crate::wire::{self, ClientBody, ClientMessage, Encoding, ServerBody, ServerMessage};

/// How often at most a client is told that it is over the budget.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How often a client's round trip is looked at.
const ROUND_TRIP_EVERY: Duration = Duration::from_secs(5);

/// How long the last words may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// What is told while the server takes no orders.
const BUSY: &str = "the server is behind: try again in a moment";

/// What a received frame is.
pub(super) type Frame = Result<Message, Broken>;

/// One WebSocket connection.
pub(super) struct Line {
    stream: MessageStream,
    encoding: Option<Encoding>,
    pub(super) peer: SocketAddr,
    pub(super) front: Arc<Front>,
    out: FrameWriter,
    delta: Delta,
    /// What is known of the session's link.
    shown: Option<Arc<Shown>>,
    /// When the round trip was asked for last.
    asked_at: Instant,
    /// As it was when the connection came.
    pub(super) web: WebConfig,
    budget: MessageBudget,
    /// The id of a request that was over the budget, until it is refused; else 0.
    skipped: u64,
    /// When the client was told last that it is over the budget.
    told_at: Option<Instant>,
    heard_at: Instant,
    pinged: bool,
}

impl Line {
    pub(super) fn new(
        stream: MessageStream,
        encoding: Option<Encoding>,
        peer: SocketAddr,
        front: Arc<Front>,
    ) -> Self {
        let now = Instant::now();
        let web = front.live().config.web.clone();
        let budget = MessageBudget::new(web.messages_per_s, now);
        Self {
            stream,
            encoding,
            peer,
            front,
            out: FrameWriter::new(),
            delta: Delta::default(),
            shown: None,
            asked_at: now,
            web,
            budget,
            skipped: 0,
            told_at: None,
            heard_at: now,
            pinged: false,
        }
    }

    pub(super) async fn receive(&mut self) -> Frame {
        self.stream.receive().await
    }

    /// Reads a frame. `Ok(None)` for what carries no message or is over the budget.
    pub(super) fn read(&mut self, frame: Frame) -> Result<Option<ClientMessage>, End> {
        let message = match frame {
            Err(Broken::Lost) => return Err(End::Lost),
            Err(Broken::TooLarge) => {
                self.front.stats.refuse(Refused::TooLarge);
                return Err(End::Closed("too_large"));
            }
            Ok(message) => message,
        };
        let now = Instant::now();
        self.heard_at = now;
        self.pinged = false;
        let (bytes, encoding): (&[u8], _) = match &message {
            Message::Binary(bytes) => (bytes, Encoding::Protobuf),
            Message::Text(text) => (text.as_bytes(), Encoding::Json),
            Message::Close(_) => return Err(End::Lost),
            Message::Pong(payload) => {
                self.note_round_trip(payload);
                return self.spend(now).map(|_| None);
            }
            Message::Ping(_) | Message::Frame(_) => return self.spend(now).map(|_| None),
        };
        self.front.stats.messages_in.add(1);
        if !self.spend(now)? {
            self.count_heard(Kind::Control, bytes.len());
            let skipped = encoding.read(bytes).ok().filter(|_| self.encoding == Some(encoding));
            self.skipped = skipped.map_or(0, |message| message.id);
            return Ok(None);
        }
        if *self.encoding.get_or_insert(encoding) != encoding {
            self.count_heard(Kind::Control, bytes.len());
            self.refuse_malformed("the frame is not of the connection's subprotocol");
            return Ok(None);
        }
        match encoding.read(bytes) {
            Ok(message) => {
                self.count_heard(Kind::of_client(message.body.as_ref()), bytes.len());
                Ok(Some(message))
            }
            Err(error) => {
                self.count_heard(Kind::Control, bytes.len());
                self.refuse_malformed(&error.to_string());
                Ok(None)
            }
        }
    }

    /// Takes a frame from the budget; `false` if there is none left.
    fn spend(&mut self, now: Instant) -> Result<bool, End> {
        if self.budget.take(now) {
            return Ok(true);
        }
        self.front.stats.refuse(Refused::TooFast);
        if self.told_at.is_none_or(|told| now.saturating_duration_since(told) >= TELL_EVERY) {
            self.told_at = Some(now);
            let limit = self.web.messages_per_s;
            self.push_error("too_fast", &format!("at most {limit} messages a second are heard"));
        }
        if self.budget.is_flooded() { Err(End::Closed("faulty")) } else { Ok(false) }
    }

    fn count_heard(&self, kind: Kind, bytes: usize) {
        self.front.stats.traffic.hear(kind, bytes);
        if let Some(shown) = &self.shown {
            shown.figures.traffic.hear(kind, bytes);
        }
    }

    /// From now on it is this session's.
    pub(super) fn serve(&mut self, session: &Session) {
        self.shown = Some(session.queue.shown());
        self.stream.serve();
        if let Some(pipe) = self.stream.pipe() {
            let encoding = self.encoding.unwrap_or(Encoding::Json);
            let manner = Manner { encoding, times: session.times };
            session.queue.attach(Way { pipe, manner, batch_within: self.web.batch_within });
        }
    }

    fn note_round_trip(&self, payload: &[u8]) {
        let Ok(sent) = <[u8; 8]>::try_from(payload) else { return };
        let sent = Duration::from_nanos(u64::from_le_bytes(sent));
        let now = self.front.origin_of_time.elapsed();
        if sent <= now && now - sent < Duration::from_secs(60) {
            self.front.stats.rtt.record(now - sent);
            if let Some(shown) = &self.shown {
                shown.figures.note_round_trip(now - sent);
            }
        }
    }

    fn refuse_malformed(&mut self, text: &str) {
        self.front.stats.refuse(Refused::Malformed);
        self.push_error("malformed", text);
    }

    fn push_error(&mut self, code: &str, text: &str) {
        let error = wire::Error { code: code.to_owned(), text: text.to_owned() };
        self.push(ServerMessage { id: 0, ack: 0, body: Some(ServerBody::Error(error)) });
    }

    /// Puts a message into the next frame.
    pub(super) fn push(&mut self, message: ServerMessage) {
        let bytes = self.out.push(self.encoding.unwrap_or(Encoding::Json), &message);
        let kind = Kind::of_server(message.body.as_ref());
        self.front.stats.traffic.tell(kind, bytes);
        if let Some(shown) = &self.shown {
            shown.figures.traffic.tell(kind, bytes);
        }
        if let Some(ServerBody::View(view)) = message.body {
            self.delta.reuse(view);
        }
    }

    /// Hears a frame and does what it asks for.
    pub(super) async fn hear(&mut self, frame: Frame, session: &mut Session) -> Option<End> {
        match self.read(frame) {
            Err(end) => return Some(end),
            Ok(Some(message)) => {
                session.acknowledge(message.ack);
                if let Some(end) = self.follow(message, session).await {
                    return Some(end);
                }
            }
            Ok(None) => self.refuse_skipped(session),
        }
        self.flush().await
    }

    /// The next request acknowledges the one that was over the budget: that it was not done has to be told of it.
    fn refuse_skipped(&mut self, session: &mut Session) {
        let id = std::mem::take(&mut self.skipped);
        if id > session.heard {
            session.heard = id;
            let text = format!("at most {} messages a second are heard", self.web.messages_per_s);
            self.refuse_request(session, id, "too_fast", text);
        }
    }

    async fn follow(&mut self, message: ClientMessage, session: &mut Session) -> Option<End> {
        let ClientMessage { id, body, .. } = message;
        let Some(body) = body else {
            self.refuse_malformed("the message has no body that this server knows");
            return None;
        };
        match body {
            ClientBody::Input(input) => {
                let input = WebInput { tick: input.tick.map(Tick), bits: input.bits };
                // While the server is behind, the next input is as good.
                if self.front.door.send(Order::Input(session.link, input)).is_err() {
                    self.front.stats.refuse(Refused::Busy);
                }
            }
            ClientBody::Ping(ping) => {
                self.push(session.once(ServerBody::Pong(wire::Pong { nonce: ping.nonce })))
            }
            ClientBody::Acknowledge(_) => {}
            ClientBody::Sync(_) => {
                session.queue.set_base(None);
                self.order(Order::Sync(session.link)).await;
            }
            ClientBody::Authenticate(_) | ClientBody::Resume(_) => {
                self.push_error("out_of_order", "this connection has a session");
            }
            _ if id != 0 && id <= session.heard => {}
            request => return self.request(id, request, session).await,
        }
        None
    }

    async fn request(&mut self, id: u64, body: ClientBody, session: &mut Session) -> Option<End> {
        let is_bye = matches!(body, ClientBody::Bye(_));
        match translate::request(body) {
            Ok(Some(message)) => {
                let sent = self.front.order(Order::Say(session.link, id, message)).await;
                session.heard = session.heard.max(id);
                if let Err(GateFull::Busy(_)) = sent {
                    // The next request acknowledges this one: that it was not done has to be told of it.
                    self.front.stats.refuse(Refused::Busy);
                    self.refuse_request(session, id, "busy", BUSY.to_owned());
                }
            }
            Ok(None) => {}
            Err(text) => {
                self.front.stats.refuse(Refused::Malformed);
                session.heard = session.heard.max(id);
                self.refuse_request(session, id, "malformed", text);
            }
        }
        is_bye.then_some(End::Bye)
    }

    fn refuse_request(&mut self, session: &mut Session, to: u64, code: &str, text: String) {
        let refused = wire::Refused { to, code: code.to_owned(), text };
        let message = session.keep(ServerBody::Refused(refused));
        self.push(message);
    }

    /// Queues an order; meanwhile nothing is read from the client.
    async fn order(&mut self, order: Order) {
        if let Err(GateFull::Busy(_)) = self.front.order(order).await {
            self.front.stats.refuse(Refused::Busy);
            self.push_error("busy", BUSY);
        }
    }

    /// Passes on what the server says, and what else it has said meanwhile, in one frame.
    pub(super) async fn pass_on(&mut self, next: Next, session: &mut Session) -> Option<End> {
        let mut shown = None;
        let mut end = None;
        let mut next = Some(next);
        while let Some(now) = next {
            match now {
                Next::Told(told) => {
                    if let ToClient::Closing { reason } = &told.message {
                        end = Some(End::Closed(translate::closing(*reason)));
                    }
                    if matches!(told.message, ToClient::Joined(_) | ToClient::Left { .. }) {
                        // The next match may be of another room, and its number the same.
                        session.queue.set_base(None);
                    }
                    let body = translate::told(told.message, told.to);
                    if let Some(body) = body.filter(|_| end.is_none()) {
                        self.push(session.keep(body));
                    }
                }
                Next::View(view, at) => {
                    let mut body = self.delta.between(session.queue.base().as_deref(), &view);
                    body.ended_unix_us = ended_unix_us(&view, session.times);
                    session.queue.set_base(Some(view));
                    self.push(session.once(ServerBody::View(body)));
                    self.front.stats.views.add(1);
                    shown = Some(at);
                }
                Next::Rest => end = self.flush_rest().await,
                Next::Gone => {
                    // The server closes without a word only what takes nothing.
                    self.front.stats.refuse(Refused::TooSlow);
                    end = Some(End::Closed("too_slow"));
                }
            }
            if end.is_some() || self.is_full() {
                break;
            }
            next = session.queue.try_next();
        }
        let flushed = self.flush().await;
        session.queue.hold_until(Instant::now() + self.web.batch_within);
        if let (None, Some(at)) = (&flushed, shown) {
            self.front.stats.view_delay.record(at.elapsed());
        }
        flushed.or(end)
    }

    /// Sends the frame that has grown, if any.
    pub(super) async fn flush(&mut self) -> Option<End> {
        let message = self.out.take()?;
        self.front.stats.messages_out.add(1);
        self.send(message).await
    }

    /// Whether the frame that grows is to be sent.
    fn is_full(&self) -> bool {
        self.out.messages() >= BATCH_MESSAGES_MAX || self.out.len() >= self.web.batch_bytes
    }

    /// Waits until the client has taken the rest of a frame.
    async fn flush_rest(&mut self) -> Option<End> {
        let sent = tokio::time::timeout(self.web.write_within, self.stream.flush()).await;
        self.ending(sent)
    }

    async fn send(&mut self, message: Message) -> Option<End> {
        let sent = tokio::time::timeout(self.web.write_within, self.stream.send(message)).await;
        if let Some([plain, packed]) = self.stream.take_deflated() {
            self.front.stats.deflated[0].add(plain as u64);
            self.front.stats.deflated[1].add(packed as u64);
        }
        self.ending(sent)
    }

    /// How it ends with a client that has not taken what it was sent.
    fn ending(&self, sent: Result<io::Result<()>, Elapsed>) -> Option<End> {
        match sent {
            Ok(Ok(())) => None,
            Ok(Err(_)) => Some(End::Lost),
            Err(_) => {
                self.front.stats.refuse(Refused::TooSlow);
                Some(End::Closed("too_slow"))
            }
        }
    }

    /// Pings who is silent and gives up who stays so; sessions end with their time.
    pub(super) async fn look_at_clocks(&mut self, session: &Session) -> Option<End> {
        let web = &self.web;
        let silent = self.heard_at.elapsed();
        if session.opened_at.elapsed() > web.life_max {
            return Some(End::Closed("expired"));
        }
        if silent > web.drop_after {
            self.front.stats.refuse(Refused::Silent);
            return Some(End::Lost);
        }
        let is_asked = self.asked_at.elapsed() < ROUND_TRIP_EVERY;
        if (silent > web.ping_after && !self.pinged) || !is_asked {
            self.pinged = silent > web.ping_after;
            self.asked_at = Instant::now();
            return self.ping().await;
        }
        None
    }

    /// Sends a ping that tells the round trip.
    pub(super) async fn ping(&mut self) -> Option<End> {
        let now = self.front.origin_of_time.elapsed().as_nanos() as u64;
        self.send(Message::Ping(Bytes::copy_from_slice(&now.to_le_bytes()))).await
    }

    /// Says why and closes the connection.
    pub(super) async fn close(self, reason: &'static str) {
        self.close_after(reason, 0).await;
    }

    /// The same, and up to which id the client's messages were done.
    pub(super) async fn close_after(mut self, reason: &'static str, ack: u64) {
        let body = ServerBody::Closing(wire::Closing { reason: reason.to_owned() });
        self.push(ServerMessage { id: 0, ack, body: Some(body) });
        let last_words = async {
            let _ = self.flush().await;
            let code = match reason {
                "bye" => 1_000_u16,
                "shutting_down" => 1_001,
                "restarting" => 1_012,
                "too_large" => 1_009,
                "busy" => 1_013,
                _ => 1_008,
            };
            let frame = CloseFrame { code: code.into(), reason: reason.into() };
            let _ = self.stream.send(Message::Close(Some(frame))).await;
            // What is still on its way is taken and thrown away: closing on it would reset the connection, and the
            // last words would be lost.
            while self.stream.receive().await.is_ok() {}
        };
        // A client that takes nothing, or goes on talking, is not waited for.
        let _ = tokio::time::timeout(CLOSE_WITHIN, last_words).await;
    }
}
