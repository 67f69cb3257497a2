//! `ClientLink`, a client's link to a server.

use std::net::SocketAddr;
use std::time::Duration;

use framekeep_link::{LinkFault, QuietRenet};
use framekeep_protocol::{
    CONTROL, GameRules, HOT_BYTES_MAX, Lane, PROTOCOL_VERSION, PlayerName, SNAPSHOT, SenderState, Side,
    Snapshot, ToClient, ToServer, check_datagram,
};
use renetcode::{ClientAuthentication, NetcodeClient};

use crate::hot_queue::HotQueue;
use crate::repeats::Repeats;
use crate::token::read_token;
use crate::{LinkCounters, LinkEnd, TokenError};

/// How often a goodbye is sent: it is not acknowledged, and one may be lost.
const GOODBYES: usize = 3;

/// Most control messages that wait for the hello.
const EARLY_MAX: usize = 16;

/// How often a packet of the hand-shake is sent while it is not answered: netcode waits a quarter of a second, of which
/// a player who comes back has not many.
const HANDSHAKE_EVERY: Duration = Duration::from_millis(33);
/// The same once it went out so often: nobody seems to be there.
const HANDSHAKE_PATIENT: (u32, Duration) = (30, Duration::from_millis(100));

/// Most payloads that are kept when they overtake the end of the hand-shake.
const OVERTAKING_MAX: usize = 16;

/// What a client says of itself when it connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    /// What to call the player.
    pub name: PlayerName,
    /// Games the client can simulate, at most [`framekeep_protocol::GAMES_MAX`]; none for one that only
    /// shows.
    pub games: Vec<GameRules>,
}

/// Where a link is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// The hand-shake or the hello is going on.
    Connecting,
    /// The server has admitted the client.
    Connected,
    /// It is over. What came before can still be polled.
    Closed {
        /// Why.
        reason: LinkEnd,
    },
}

/// A client's link to a server: netcode and renet behind the guard, without a socket or a clock.
///
/// It answers the server's welcome with the hello by itself. Times are seconds since 1970, as in the token.
pub struct ClientLink {
    state: LinkState,
    /// Taken when it is sent; control messages wait until then.
    hello: Option<ClientHello>,
    early: Vec<ToServer>,
    now: Duration,
    /// When the server was heard last, or the link began.
    heard_at: Duration,
    /// What was sent last of the hand-shake, and when.
    handshake: Vec<u8>,
    handshake_at: Duration,
    handshakes: u32,
    repeats: Repeats,
    /// Whether the token is expired by the clock of this machine; a server answers no expired one.
    looks_expired: bool,
    /// Payloads that came before the hand-shake was over.
    overtaking: Vec<Vec<u8>>,
    netcode: NetcodeClient,
    renet: QuietRenet,
    hot: HotQueue,
    counters: LinkCounters,
}

impl ClientLink {
    /// A link that begins to connect with the next [`Self::transmit`].
    ///
    /// # Errors
    /// [`TokenError`] if the bytes are no connect token, or one that is expired or for something else.
    pub fn new(connect_token: &[u8], hello: ClientHello, now: Duration) -> Result<Self, TokenError> {
        let (connect_token, looks_expired) = read_token(connect_token, now)?;
        let netcode = NetcodeClient::new(now, ClientAuthentication::Secure { connect_token })
            .map_err(|error| TokenError::Malformed(error.to_string()))?;
        Ok(Self {
            state: LinkState::Connecting,
            hello: Some(hello),
            early: Vec::new(),
            now,
            heard_at: now,
            handshake: Vec::new(),
            handshake_at: now,
            handshakes: 0,
            repeats: Repeats::default(),
            looks_expired,
            overtaking: Vec::new(),
            netcode,
            renet: QuietRenet::new(Side::Client),
            hot: HotQueue::default(),
            counters: LinkCounters::default(),
        })
    }

    /// Where datagrams go and come from. Changes to the token's next server if one does not answer.
    #[must_use]
    pub fn server_addr(&self) -> SocketAddr {
        self.netcode.server_addr()
    }

    /// Where the link is in its life.
    #[must_use]
    pub const fn state(&self) -> &LinkState {
        &self.state
    }

    /// What was refused so far.
    #[must_use]
    pub const fn counters(&self) -> &LinkCounters {
        &self.counters
    }

    /// The round trip of control messages, the server's wait until its next tick included.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.renet.rtt()
    }

    /// Takes a datagram that came from [`Self::server_addr`]; it is decrypted in place. Whatever is wrong
    /// with it costs a counter and nothing else.
    pub fn handle_datagram(&mut self, now: Duration, datagram: &mut [u8]) {
        if self.is_closed() {
            return;
        }
        if let Err(fault) = check_datagram(Side::Server, datagram, SenderState::Connected) {
            self.counters.datagram_faults[fault.index()] += 1;
            return;
        }
        if self.repeats.note(datagram) {
            self.counters.repeated += 1;
            return;
        }
        let is_connected = self.netcode.is_connected();
        if !is_connected && is_payload(datagram) {
            // It has overtaken the answer to the hand-shake, before which netcode refuses it.
            if self.overtaking.len() < OVERTAKING_MAX {
                self.overtaking.push(datagram.to_vec());
            }
            return;
        }
        self.open(now, datagram);
        if !is_connected && self.netcode.is_connected() {
            for mut datagram in std::mem::take(&mut self.overtaking) {
                self.open(now, &mut datagram);
            }
        }
        self.notice_end();
    }

    fn open(&mut self, now: Duration, datagram: &mut [u8]) {
        match self.netcode.process_packet(datagram).map(|payload| (self.renet.receive(now, payload), payload))
        {
            Some((Ok(Lane::Hot), payload)) => self.counters.hot_dropped += u64::from(self.hot.push(payload)),
            Some((Ok(Lane::Renet { .. }), _)) if self.hello.is_some() => self.answer_welcome(),
            Some((Ok(Lane::Renet { .. }), _)) => {}
            Some((Err(fault), _)) => self.counters.payload_faults[fault.index()] += 1,
            None => {}
        }
        if self.netcode.time_since_last_received_packet().is_zero() {
            self.heard_at = self.heard_at.max(now);
        }
    }

    /// How long nothing was heard of the server that is really its own. The server gives a sign of life every 250 ms
    /// and a frame every tick: after 400 ms without either, packets of this address probably no longer reach
    /// it (a NAT has bound it anew), and a new ticket is quicker than waiting for the time-out.
    #[must_use]
    pub fn silent_for(&self, now: Duration) -> Duration {
        now.saturating_sub(self.heard_at)
    }

    /// Gives every datagram that is due to `send`: the hand-shake's, keep-alives, control messages and
    /// acknowledgements. To be called once a turn; time that goes back stands still.
    pub fn transmit(&mut self, now: Duration, mut send: impl FnMut(&[u8])) {
        if self.is_closed() {
            return;
        }
        let passed = now.saturating_sub(self.now);
        self.now += passed;
        if self.renet.wants_to_send(self.now) && self.netcode.is_connected() {
            let Self { netcode, renet, .. } = self;
            renet.transmit(self.now, |payload| seal(netcode, payload, &mut send));
        }
        let is_connected = self.netcode.is_connected();
        if let Some((datagram, _)) = self.netcode.update(passed) {
            if !is_connected {
                self.handshake.clear();
                self.handshake.extend_from_slice(datagram);
                self.handshake_at = self.now;
            }
            send(datagram);
        } else if !is_connected && !self.handshake.is_empty() && self.is_handshake_due() {
            self.handshake_at = self.now;
            self.handshakes += 1;
            send(&self.handshake);
        }
        self.notice_end();
    }

    /// Queues a control message. It goes out with the next [`Self::transmit`] after the hello.
    ///
    /// # Errors
    /// [`LinkFault`] if the link is over, too much waits already, or the message is too long.
    pub fn send_control(&mut self, message: &ToServer) -> Result<(), LinkFault> {
        if self.hello.is_none() {
            return self.renet.send(CONTROL, message.encode());
        }
        if self.early.len() == EARLY_MAX {
            return Err(LinkFault::Broken("too many messages before the hello".to_owned()));
        }
        self.early.push(message.clone());
        Ok(())
    }

    /// Whether the server has acknowledged everything it was sent.
    pub(crate) fn is_all_acknowledged(&self) -> bool {
        self.hello.is_none() && self.renet.is_drained()
    }

    /// The next control message. The first is `Admitted`, or `Refused` with why not.
    pub fn poll_control(&mut self) -> Option<ToClient> {
        if self.hello.is_some() {
            return None;
        }
        let message = self.renet.poll(CONTROL)?;
        match ToClient::decode(&message) {
            Ok(message) => {
                if matches!(message, ToClient::Admitted { .. }) && self.state == LinkState::Connecting {
                    self.state = LinkState::Connected;
                }
                Some(message)
            }
            Err(error) => self.give_up(LinkEnd::BadMessage(error.to_string())),
        }
    }

    /// The next snapshot; [`Snapshot::unpack`] gives the state.
    pub fn poll_snapshot(&mut self) -> Option<Snapshot> {
        match Snapshot::decode(&self.renet.poll(SNAPSHOT)?) {
            Ok(snapshot) => Some(snapshot),
            Err(error) => self.give_up(LinkEnd::BadMessage(error.to_string())),
        }
    }

    /// Seals a hot payload of 1 to [`HOT_BYTES_MAX`] bytes and gives it to `send` at once. Tells whether it
    /// did: not before the connection stands, nor after it ended.
    pub fn send_hot(&mut self, payload: &[u8], mut send: impl FnMut(&[u8])) -> bool {
        let can =
            self.netcode.is_connected() && !self.is_closed() && (1..=HOT_BYTES_MAX).contains(&payload.len());
        if can {
            seal(&mut self.netcode, payload, &mut send);
        }
        can
    }

    /// The oldest hot payload that was not taken yet.
    pub fn poll_hot(&mut self) -> Option<&[u8]> {
        self.hot.pop()
    }

    /// Closes the link and tells the server, by datagrams given to `send`: also when the link ended here, by
    /// a fault, and the server does not know.
    pub fn close(&mut self, mut send: impl FnMut(&[u8])) {
        if self.netcode.is_connected()
            && let Ok((_, goodbye)) = self.netcode.disconnect()
        {
            // The same bytes: the server takes the first that comes and forgets the link.
            (0..GOODBYES).for_each(|_| send(goodbye));
        }
        self.end(LinkEnd::ClosedHere);
    }

    /// Whether the server has accepted the connection, if not yet the player.
    pub(crate) fn is_reached(&self) -> bool {
        self.netcode.is_connected() && !self.is_closed()
    }

    fn is_handshake_due(&self) -> bool {
        let (patient_after, patience) = HANDSHAKE_PATIENT;
        let every = if self.handshakes < patient_after { HANDSHAKE_EVERY } else { patience };
        self.now >= self.handshake_at + every
    }

    const fn is_closed(&self) -> bool {
        matches!(self.state, LinkState::Closed { .. })
    }

    /// Reads the first message of the server and answers it.
    fn answer_welcome(&mut self) {
        let Some(message) = self.renet.poll(CONTROL) else { return };
        match ToClient::decode(&message) {
            Ok(ToClient::Welcome { nonce, .. }) => self.say_hello(nonce),
            Ok(ToClient::Refused(refusal)) => self.end(LinkEnd::Refused(refusal)),
            Ok(_) => self.end(LinkEnd::BadMessage("the first message is not a welcome".to_owned())),
            Err(error) => self.end(LinkEnd::BadMessage(error.to_string())),
        }
    }

    fn say_hello(&mut self, nonce: [u8; 16]) {
        let Some(ClientHello { name, games }) = self.hello.take() else { return };
        let hello = ToServer::Hello { protocol_version: PROTOCOL_VERSION, nonce, name, games };
        let early = std::mem::take(&mut self.early);
        for message in std::iter::once(hello).chain(early) {
            if let Err(fault) = self.renet.send(CONTROL, message.encode()) {
                self.end(LinkEnd::Fault(fault));
            }
        }
    }

    fn notice_end(&mut self) {
        if let Some(fault) = self.renet.fault() {
            self.end(LinkEnd::Fault(fault.clone()));
        } else if let Some(reason) = self.netcode.disconnect_reason() {
            let end = LinkEnd::from(reason);
            let is_expired = end == LinkEnd::NoAnswer && self.looks_expired;
            self.end(if is_expired { LinkEnd::TokenExpired } else { end });
        }
    }

    fn give_up<T>(&mut self, reason: LinkEnd) -> Option<T> {
        self.end(reason);
        None
    }

    fn end(&mut self, reason: LinkEnd) {
        if !self.is_closed() {
            self.state = LinkState::Closed { reason };
        }
    }
}

/// Whether a datagram of netcode holds a payload: the low bits of its first byte are its kind.
fn is_payload(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| first & 0x0f == 5)
}

fn seal(netcode: &mut NetcodeClient, payload: &[u8], send: &mut impl FnMut(&[u8])) {
    if let Ok((_, datagram)) = netcode.generate_payload_packet(payload) {
        send(datagram);
    }
}
