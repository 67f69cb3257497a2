//! `Client`, a bot that plays the arena over a simulated network.

use std::net::SocketAddr;
use std::time::Duration;

use framekeep_client::{ClientHello, ClientLink, LinkState};
use framekeep_conditioner::{Conditioner, LinkConditions};
use framekeep_games::arena::{Arena, ArenaBot};
use framekeep_protocol::{
    CloseReason, DesyncAsk, GameRules, InputHead, JoinRoom, MatchEnd, PlayerName, Refusal, Role, RoomEvent,
    RoomName, RoomOptions, RoomView, Snapshot, ToClient, ToServer, decode_frames, decode_inputs,
    encode_inputs,
};
use framekeep_rollback::{RollbackConfig, RollbackEvent, RollbackMatch};
use framekeep_sim::{Frame, Game, Input as _, Tick, encode_into, hash_bytes};

/// A link on which nothing was heard for this long is given up by a client that reconnects: less by the round trip,
/// down to half, as the plugin does it.
const SILENCE_MAX: Duration = Duration::from_millis(400);
/// The same while it connects: netcode repeats what was lost four times a second.
const CONNECTING_MAX: Duration = Duration::from_secs(2);

/// Whether a client simulates honestly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientKind {
    /// It plays by the rules.
    #[default]
    Honest,
    /// Its input is made, and never sent.
    Silent,
    /// It plays by the rules, and does not explain itself.
    Mute,
    /// The hashes it claims are not those of its states.
    Lying,
    /// Its packets of inputs cannot be read.
    Garbling,
    /// It sends payloads that belong to no lane.
    Breaking,
}

/// A bot that plays the arena over a simulated network.
pub struct Client {
    /// Who it is.
    pub name: PlayerName,
    /// Where its datagrams come from.
    pub address: SocketAddr,
    /// What its tickets let it do.
    pub role: Role,
    /// What it does.
    pub kind: ClientKind,
    /// What the server refused, in order.
    pub refusals: Vec<Refusal>,
    /// The room as last told.
    pub room: Option<RoomView>,
    /// What happened in its rooms, as it was told.
    pub events: Vec<RoomEvent>,
    /// How its matches ended, with the hash of its own final state.
    pub ended: Vec<(MatchEnd, u64)>,
    /// How the last match it was told of ended.
    pub last_end: Option<MatchEnd>,
    /// Desyncs it was told of.
    pub desyncs: u32,
    /// Hashes of its confirmed states in this match, by tick.
    pub hashes: Vec<(Tick, u64)>,
    /// Snapshots it was sent.
    pub snapshots: u32,
    /// Why the server closes the link, once it said so.
    pub closing: Option<CloseReason>,
    /// Packets that said that the match stands still.
    pub pauses: u32,
    /// Digests of the frames of this match that it has confirmed, by tick.
    pub frames: Vec<(Tick, u64)>,
    /// How it plays the matches that begin from now on.
    pub config: RollbackConfig,
    /// Time between two rendered frames: between them nothing is received, simulated or sent. Zero: every turn.
    pub rendered_every: Duration,
    /// Until when it does nothing at all, as a program that was stopped; what is sent to it waits.
    pub paused_until: Duration,
    /// Whether it asks for a new ticket when its link is over or the server falls silent.
    pub reconnects: bool,
    /// The content of rooms it creates; empty for the default.
    pub content: String,
    /// How many links it has opened.
    pub links: u32,
    /// The running match.
    pub play: Option<RollbackMatch<Arena>>,
    link: Option<ClientLink>,
    /// The link to the node where the room goes.
    crossing: Option<ClientLink>,
    /// The rules that it plays by.
    fingerprint: u64,
    /// How often its room went on at another node.
    pub crossings: u32,
    /// When frames came last that were new, and the longest that none did, in this match.
    pub fresh_at: Duration,
    /// See `fresh_at`.
    pub longest_pause: Duration,
    /// The node it connects to, by number.
    pub home: usize,
    ending: Option<MatchEnd>,
    /// The newest snapshot that came before the match it belongs to was announced.
    early_snapshot: Option<Snapshot>,
    bot: ArenaBot,
    up: Conditioner<(SocketAddr, Vec<u8>)>,
    down: Conditioner<(SocketAddr, Vec<u8>)>,
    packet: Vec<u8>,
}

impl Client {
    pub(crate) fn new(name: PlayerName, address: SocketAddr, conditions: LinkConditions, seed: u64) -> Self {
        Self {
            name,
            address,
            role: Role::Player,
            kind: ClientKind::Honest,
            refusals: Vec::new(),
            room: None,
            events: Vec::new(),
            ended: Vec::new(),
            last_end: None,
            desyncs: 0,
            hashes: Vec::new(),
            snapshots: 0,
            closing: None,
            pauses: 0,
            frames: Vec::new(),
            config: RollbackConfig::default(),
            rendered_every: Duration::ZERO,
            paused_until: Duration::ZERO,
            reconnects: false,
            content: String::new(),
            links: 0,
            play: None,
            link: None,
            crossing: None,
            fingerprint: 0,
            crossings: 0,
            fresh_at: Duration::ZERO,
            longest_pause: Duration::ZERO,
            home: 0,
            ending: None,
            early_snapshot: None,
            bot: ArenaBot::new(seed),
            up: Conditioner::new(conditions, seed ^ 1),
            down: Conditioner::new(conditions, seed ^ 2),
            packet: Vec::new(),
        }
    }

    /// Opens a link with a ticket; an older link is forgotten without a word, as if the program had been killed.
    ///
    /// # Panics
    /// If the ticket cannot be read.
    pub fn connect(&mut self, ticket: &[u8], now: Duration, fingerprint: u64) {
        self.fingerprint = fingerprint;
        self.crossing = None;
        self.link = Some(ClientLink::new(ticket, self.hello(), now).unwrap());
        self.links += 1;
        // Nothing that is under way to or from its old socket concerns the new one.
        while self.up.receive(Duration::MAX).or_else(|| self.down.receive(Duration::MAX)).is_some() {}
        self.early_snapshot = None;
        self.play = None;
        self.hashes.clear();
    }

    fn hello(&self) -> ClientHello {
        let rules = GameRules { name: Arena::NAME.to_owned(), fingerprint: self.fingerprint };
        ClientHello { name: self.name.clone(), games: vec![rules] }
    }

    /// The link's state, if there is a link.
    #[must_use]
    pub fn state(&self) -> Option<&LinkState> {
        self.link.as_ref().map(ClientLink::state)
    }

    /// Whether the server has admitted the client.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.state() == Some(&LinkState::Connected)
    }

    /// Says something on the reliable lane.
    ///
    /// # Panics
    /// If there is no link or it is over.
    pub fn say(&mut self, message: &ToServer) {
        self.link.as_mut().unwrap().send_control(message).unwrap();
    }

    /// Joins a room of the arena, or creates it.
    pub fn join(&mut self, room: &str, seats: u8) {
        let content = self.content.clone();
        let options = RoomOptions { content, ..RoomOptions::new(Arena::NAME, seats) };
        self.say(&ToServer::Join(JoinRoom::seat(room_name(room), Some(options))));
    }

    /// Watches a room that is there.
    pub fn watch(&mut self, room: &str) {
        let join = JoinRoom { spectate: true, ..JoinRoom::seat(room_name(room), None) };
        self.say(&ToServer::Join(join));
    }

    /// Vanishes without a word.
    pub fn vanish(&mut self) {
        (self.link, self.crossing) = (None, None);
        self.play = None;
    }

    /// Changes its network, both ways.
    pub fn set_conditions(&mut self, conditions: LinkConditions) {
        self.up.set_conditions(conditions);
        self.down.set_conditions(conditions);
    }

    /// Cuts the client off, or lets it back.
    pub fn set_partitioned(&mut self, partitioned: bool) {
        self.up.set_partitioned(partitioned);
        self.down.set_partitioned(partitioned);
    }

    pub(crate) fn receive(&mut self, now: Duration, server: SocketAddr, datagram: Vec<u8>) {
        self.down.send(now, (server, datagram));
    }

    /// Whether a reconnecting client needs a new ticket: its link is over, or its server is silent for so long that
    /// the way there must have changed.
    pub(crate) fn wants_ticket(&self, now: Duration) -> bool {
        let silent = self.link.as_ref().map_or(Duration::ZERO, |link| link.silent_for(now));
        let lost = match self.state() {
            Some(LinkState::Closed { .. }) => true,
            Some(LinkState::Connected) => {
                let rtt = self.link.as_ref().and_then(ClientLink::rtt).unwrap_or_default();
                silent > SILENCE_MAX.saturating_sub(rtt).max(SILENCE_MAX / 2)
            }
            Some(LinkState::Connecting) => silent > CONNECTING_MAX,
            None => false,
        };
        self.reconnects && lost && now >= self.paused_until
    }

    pub(crate) fn turn(&mut self, now: Duration, deliver: &Deliver<'_>) {
        if now < self.paused_until {
            return;
        }
        self.paused_until = now + self.rendered_every;
        self.act(now, deliver);
    }

    fn act(&mut self, now: Duration, deliver: &Deliver<'_>) {
        let Some(mut link) = self.link.take() else { return };
        while let Some((server, mut datagram)) = self.down.receive(now) {
            match &mut self.crossing {
                Some(crossing) if crossing.server_addr() == server => {
                    crossing.handle_datagram(now, &mut datagram);
                }
                _ if link.server_addr() == server => link.handle_datagram(now, &mut datagram),
                _ => {}
            }
        }
        self.cross(now, &mut link);
        while let Some(message) = link.poll_control() {
            if let ToClient::DesyncAsk(ask) = message {
                self.explain(&mut link, ask);
            } else {
                self.hear(now, message, link.rtt());
            }
        }
        while let Some(snapshot) = link.poll_snapshot() {
            self.snapshots += 1;
            match &mut self.play {
                Some(play) if play.epoch() == snapshot.epoch => {
                    // One that cannot be used is followed by another.
                    let _ = play.handle_snapshot(now, &snapshot);
                }
                _ => self.early_snapshot = Some(snapshot),
            }
        }
        for link in [Some(&mut link), self.crossing.as_mut()].into_iter().flatten() {
            while let Some(payload) = link.poll_hot() {
                let Some(play) = &mut self.play else { continue };
                let near = play.confirmed().tick();
                self.pauses += u32::from(decode_frames(payload, near).is_ok_and(|(head, _)| head.paused));
                // Packets of the match before are refused by their epoch.
                let _ = play.handle_frames(now, payload);
                if play.confirmed().tick() > near {
                    if self.fresh_at > Duration::ZERO {
                        self.longest_pause = self.longest_pause.max(now - self.fresh_at);
                    }
                    self.fresh_at = now;
                }
            }
        }
        self.play_on(now, &mut link);
        for link in [Some(&mut link), self.crossing.as_mut()].into_iter().flatten() {
            let (up, server) = (&mut self.up, link.server_addr());
            link.transmit(now, |datagram| up.send(now, (server, datagram.to_vec())));
        }
        while let Some((server, datagram)) = self.up.receive(now) {
            deliver(server, self.address, datagram);
        }
        self.link = Some(link);
    }

    /// The link to where the room goes takes the place of the first once the room is there.
    fn cross(&mut self, now: Duration, link: &mut ClientLink) {
        let Some(crossing) = &mut self.crossing else { return };
        while let Some(message) = crossing.poll_control() {
            let is_there = match &message {
                ToClient::Joined(_) => true,
                // Whoever is in no room asks for it there.
                ToClient::Admitted { .. } => self.room.is_none(),
                _ => false,
            };
            if !is_there {
                continue;
            }
            let (up, server) = (&mut self.up, link.server_addr());
            link.close(|datagram| up.send(now, (server, datagram.to_vec())));
            if let Some(crossing) = self.crossing.take() {
                *link = crossing;
            }
            self.crossings += 1;
            return self.hear(now, message, link.rtt());
        }
        if matches!(crossing.state(), LinkState::Closed { .. }) {
            self.crossing = None;
        }
    }

    /// Answers what the server asks about its state.
    fn explain(&self, link: &mut ClientLink, ask: DesyncAsk) {
        let answers = self.play.as_ref().map(|play| play.explain(ask)).unwrap_or_default();
        for answer in answers.into_iter().filter(|_| self.kind != ClientKind::Mute) {
            // A link that cannot take it is closing.
            let _ = link.send_control(&ToServer::DesyncAnswer(answer));
        }
    }

    fn play_on(&mut self, now: Duration, link: &mut ClientLink) {
        let Some(play) = &mut self.play else { return };
        let seat = play.seat().unwrap_or(0);
        let state = play.predicted().state().clone();
        play.advance(now, |tick| self.bot.input(&state, seat, tick.0));
        while let Some(event) = play.poll_event() {
            match event {
                RollbackEvent::Confirmed { tick, hash } => {
                    self.hashes.push((tick, hash));
                    self.frames.extend(play.frame(tick.earlier(1)).map(|frame| (frame.tick, digest(frame))));
                }
                RollbackEvent::NeedSnapshot { .. } => {
                    let epoch = play.epoch();
                    // A link that cannot take it is closing.
                    let _ = link.send_control(&ToServer::NeedSnapshot { epoch });
                }
                _ => {}
            }
        }
        self.packet.clear();
        if play.poll_transmit(now, &mut self.packet) && self.kind != ClientKind::Silent {
            misbehave(self.kind, play.confirmed().tick(), &mut self.packet);
            for link in [Some(link), self.crossing.as_mut()].into_iter().flatten() {
                let (up, server) = (&mut self.up, link.server_addr());
                link.send_hot(&self.packet, |datagram| up.send(now, (server, datagram.to_vec())));
            }
        }
        if play.is_complete()
            && let Some(end) = self.ending.take()
        {
            self.ended.push((end, play.confirmed_hash()));
        }
    }

    fn hear(&mut self, now: Duration, message: ToClient, rtt: Option<Duration>) {
        match message {
            ToClient::Refused(refusal) => self.refusals.push(refusal),
            ToClient::Joined(view) | ToClient::Room(view) => self.room = Some(view),
            ToClient::Left { .. } => self.room = None,
            ToClient::Event(event) => self.events.push(event),
            ToClient::Started(start) => {
                let rtt = rtt.unwrap_or(Duration::from_millis(50));
                // A match of another game is not played, only heard of.
                self.play = RollbackMatch::new(&start, self.config, now, rtt).ok();
                self.hashes.clear();
                self.frames.clear();
                if let (Some(play), Some(snapshot)) = (&mut self.play, self.early_snapshot.take()) {
                    // One of the match before is of no use and no harm.
                    let _ = play.handle_snapshot(now, &snapshot);
                }
            }
            ToClient::Ended(end) => {
                if let Some(play) = &mut self.play {
                    play.finish(&end);
                }
                self.last_end = Some(end.clone());
                self.ending = Some(end);
            }
            ToClient::Desynced { .. } => self.desyncs += 1,
            ToClient::Closing { reason } => self.closing = Some(reason),
            ToClient::Welcome { .. } | ToClient::Admitted { .. } | ToClient::DesyncAsk(_) => {}
            ToClient::Redirect(redirect) => {
                self.crossing = ClientLink::new(&redirect.token, self.hello(), now).ok();
            }
        }
    }
}

/// Brings a datagram to a server, from an address.
pub(crate) type Deliver<'a> = dyn Fn(SocketAddr, SocketAddr, Vec<u8>) + 'a;

/// What tells frames apart.
pub(crate) fn digest(frame: &Frame) -> u64 {
    let mut bytes = Vec::new();
    encode_into(frame, &mut bytes);
    hash_bytes(&bytes)
}

/// Makes of an honest packet of inputs what a client of this kind sends.
fn misbehave(kind: ClientKind, near: Tick, packet: &mut Vec<u8>) {
    match kind {
        ClientKind::Honest | ClientKind::Silent | ClientKind::Mute => {}
        ClientKind::Lying => {
            let (bits, mut inputs) = (<Arena as Game>::Input::BITS, Vec::new());
            let Ok(head) = decode_inputs(packet, bits, near, &mut inputs) else { return };
            packet.clear();
            let head = InputHead { hash: head.hash.map(|hash| !hash), ..head };
            encode_inputs(&head, bits, &inputs, packet);
        }
        ClientKind::Garbling => packet.push(0),
        ClientKind::Breaking => *packet = vec![0x3f; 8],
    }
}

/// A room's name; for literals.
///
/// # Panics
/// If it is no valid name.
pub(crate) fn room_name(name: &str) -> RoomName {
    RoomName::try_from(name.to_owned()).unwrap()
}
