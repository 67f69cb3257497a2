//! `Players`, bots that play the arena over real sockets.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use framekeep_client::{ClientHello, ClientLink, LinkState};
use framekeep_games::arena::{Arena, ArenaBot};
use framekeep_protocol::{
    GameRules, JoinRoom, PlayerName, Refusal, Role, RoomName, RoomOptions, ToClient, ToServer, peek_epoch,
};
use framekeep_rollback::{RollbackConfig, RollbackEvent, RollbackMatch};
use framekeep_server::{NodeKey, TicketRequest, mint, player_id_of};
use framekeep_sim::{Game as _, fingerprint};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::node;

/// How long players rest between two looks at their sockets.
const TURN_MS: u16 = 3;

/// Confirmed states that a player of a crowd remembers.
const CONFIRMED_KEPT: usize = 64;

/// Bots that play the arena over real sockets, all in one thread.
pub(crate) struct Players {
    pub(crate) all: Vec<Player>,
    began: (Instant, Duration),
    /// They are many, and do not remember everything.
    is_crowd: bool,
    /// When they looked at their sockets last, and the longest time that they did not.
    looked_at: Option<Duration>,
    pub(crate) longest_turn: Duration,
}

/// One of them.
pub(crate) struct Player {
    name: PlayerName,
    /// Which room it plays in, by number.
    pub(crate) room: usize,
    socket: UdpSocket,
    link: Option<ClientLink>,
    /// The link to the node where the room goes.
    crossing: Option<ClientLink>,
    /// What it asks for again where it is sent.
    wanted: Option<ToServer>,
    /// How often it went on at another node.
    pub(crate) moves: u32,
    play: Option<RollbackMatch<Arena>>,
    bot: ArenaBot,
    packet: Vec<u8>,
    /// The tick at which the server let it into the match this time.
    pub(crate) entered: Option<u32>,
    /// Hashes of the states it has confirmed since it connected, by the number of frames they have seen.
    pub(crate) confirmed: BTreeMap<u32, u64>,
    pub(crate) desyncs: u32,
    /// How often it was let into a match.
    pub(crate) starts: u32,
    /// When it confirmed a state last, and the longest time that it did not.
    confirmed_at: Option<Duration>,
    pub(crate) longest_pause: Duration,
    /// What went wrong, for those of whom it is expected.
    pub(crate) troubles: Vec<String>,
    pub(crate) expects_trouble: bool,
}

impl Players {
    pub(crate) fn new(seed: u64, count: usize) -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let all = (0..count).map(|index| Player::new(seed, index)).collect();
        Self {
            all,
            began: (Instant::now(), unix),
            is_crowd: false,
            looked_at: None,
            longest_turn: Duration::ZERO,
        }
    }

    /// So many in each of so many rooms, `room-0` and so on.
    pub(crate) fn crowd(seed: u64, rooms: usize, seats: usize) -> Self {
        let mut players = Self::new(seed, rooms * seats);
        players.is_crowd = true;
        (0..).zip(&mut players.all).for_each(|(index, player)| player.room = index / seats);
        players
    }

    /// Whoever is to play in one of these rooms connects to its server and asks for one of its seats there.
    pub(crate) fn enter(&mut self, which: Range<usize>, server: impl Fn(usize) -> SocketAddr, content: &str) {
        let now = self.now();
        let rooms: Vec<usize> = self.all.iter().map(|player| player.room).collect();
        for player in self.all.iter_mut().filter(|player| which.contains(&player.room)) {
            let seats = rooms.iter().filter(|room| **room == player.room).count() as u8;
            let options = RoomOptions { content: content.to_owned(), ..RoomOptions::new(Arena::NAME, seats) };
            let room = RoomName::try_from(format!("room-{}", player.room)).unwrap();
            player.connect(server(player.room), now);
            let join = ToServer::Join(JoinRoom::seat(room, Some(options)));
            player.link.as_mut().unwrap().send_control(&join).unwrap();
            player.wanted = Some(join);
        }
    }

    fn now(&self) -> Duration {
        self.began.1 + self.began.0.elapsed()
    }

    /// All connect with new tickets; whoever has a seat gets it back by itself.
    pub(crate) fn connect(&mut self, server: SocketAddr) {
        let now = self.now();
        self.all.iter_mut().for_each(|player| player.connect(server, now));
    }

    /// All come anew, to a server that may not have their rooms, and ask for them there.
    pub(crate) fn come_back_to(&mut self, server: SocketAddr, content: &str) {
        for player in &mut self.all {
            player.moves = 0;
            // As another process would.
            player.socket = socket();
        }
        let rooms = self.all.iter().map(|player| player.room).max().unwrap_or(0);
        self.enter(0..rooms + 1, |_| server, content);
    }

    /// All ask for a seat in a room that plays when they are all there.
    pub(crate) fn join(&mut self, room: &str) {
        let options = RoomOptions::new(Arena::NAME, self.all.len() as u8);
        let join = JoinRoom::seat(RoomName::try_from(room).unwrap(), Some(options));
        for player in &mut self.all {
            player.link.as_mut().unwrap().send_control(&ToServer::Join(join.clone())).unwrap();
        }
    }

    /// Plays until something holds, for so long at most; gives whether it does.
    pub(crate) fn play_until(&mut self, longest: Duration, holds: impl Fn(&[Player]) -> bool) -> bool {
        let until = Instant::now() + longest;
        while !holds(&self.all) {
            if Instant::now() >= until {
                return false;
            }
            self.turn();
        }
        true
    }

    fn turn(&mut self) {
        let mut fds: Vec<_> =
            self.all.iter().map(|player| PollFd::new(player.socket.as_fd(), PollFlags::POLLIN)).collect();
        poll(&mut fds, PollTimeout::from(TURN_MS)).expect("sockets can be waited for");
        let now = self.now();
        self.longest_turn = self.longest_turn.max(now.saturating_sub(self.looked_at.unwrap_or(now)));
        self.looked_at = Some(now);
        for player in &mut self.all {
            player.turn(now);
            while self.is_crowd && player.confirmed.len() > CONFIRMED_KEPT {
                player.confirmed.pop_first();
            }
        }
    }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_nonblocking(true).expect("a socket that does not wait");
    socket
}

impl Player {
    fn new(seed: u64, index: usize) -> Self {
        Self {
            name: PlayerName::try_from(format!("bot-{seed}-{index}")).unwrap(),
            room: 0,
            socket: socket(),
            link: None,
            crossing: None,
            wanted: None,
            moves: 0,
            play: None,
            bot: ArenaBot::new(seed * 100 + index as u64),
            packet: Vec::new(),
            entered: None,
            confirmed: BTreeMap::new(),
            desyncs: 0,
            starts: 0,
            confirmed_at: None,
            longest_pause: Duration::ZERO,
            troubles: Vec::new(),
            expects_trouble: false,
        }
    }

    fn connect(&mut self, server: SocketAddr, now: Duration) {
        let (player, name) = (player_id_of(&self.name), self.name.clone());
        let request = TicketRequest { server, player, name, room: None, role: Role::Player, now };
        let ticket = mint(&NodeKey::new(node::key()), &request).expect("a ticket");
        let link = ClientLink::new(&ticket, self.hello(), now).expect("a ticket that can be read");
        (self.link, self.crossing) = (Some(link), None);
        (self.play, self.entered) = (None, None);
        self.confirmed.clear();
    }

    fn hello(&self) -> ClientHello {
        // It is found out by playing, which would keep everybody waiting each time.
        static FINGERPRINT: OnceLock<u64> = OnceLock::new();
        let fingerprint = *FINGERPRINT.get_or_init(fingerprint::<Arena>);
        let games = vec![GameRules { name: Arena::NAME.to_owned(), fingerprint }];
        ClientHello { name: self.name.clone(), games }
    }

    /// What it is called.
    pub(crate) fn id(&self) -> String {
        self.name.to_string()
    }

    /// The newest state it has confirmed.
    pub(crate) fn newest(&self) -> u32 {
        self.confirmed.keys().next_back().copied().unwrap_or(0)
    }

    fn turn(&mut self, now: Duration) {
        let Some(mut link) = self.link.take() else { return };
        let mut datagram = [0; 2_048];
        while let Ok((length, from)) = self.socket.recv_from(&mut datagram) {
            let links = [Some(&mut link), self.crossing.as_mut()];
            if let Some(link) = links.into_iter().flatten().find(|link| link.server_addr() == from) {
                link.handle_datagram(now, &mut datagram[..length]);
            }
        }
        self.cross(now, &mut link);
        while let Some(message) = link.poll_control() {
            self.hear(now, message, link.rtt());
        }
        if let Some(play) = &mut self.play {
            while let Some(snapshot) = link.poll_snapshot() {
                // A snapshot of another match is of no use and no harm.
                let _ = play.handle_snapshot(now, &snapshot);
            }
        }
        for link in [Some(&mut link), self.crossing.as_mut()].into_iter().flatten() {
            while let Some(payload) = link.poll_hot() {
                let of_match = |play: &&mut RollbackMatch<Arena>| peek_epoch(payload) == Some(play.epoch());
                if let Some(play) = self.play.as_mut().filter(of_match) {
                    let _ = play.handle_frames(now, payload);
                }
            }
        }
        self.play_on(now, &mut link);
        for link in [Some(&mut link), self.crossing.as_mut()].into_iter().flatten() {
            let (socket, server) = (&self.socket, link.server_addr());
            link.transmit(now, |datagram| drop(socket.send_to(datagram, server)));
        }
        // One that is on its way goes on waiting for where its room goes, as a client does.
        if let LinkState::Closed { reason } = link.state()
            && self.crossing.is_none()
        {
            return self.trouble(format!("lost its link: {reason}"));
        }
        self.link = Some(link);
    }

    /// Something that ends the match for it.
    fn trouble(&mut self, what: String) {
        assert!(self.expects_trouble, "{} {what}", self.name);
        self.troubles.push(what);
    }

    /// The link to where the room goes takes the place of the first once the room is there.
    fn cross(&mut self, now: Duration, link: &mut ClientLink) {
        let Some(mut crossing) = self.crossing.take() else { return };
        while let Some(message) = crossing.poll_control() {
            if matches!(message, ToClient::Joined(_)) {
                let (socket, server) = (&self.socket, link.server_addr());
                link.close(|datagram| drop(socket.send_to(datagram, server)));
                *link = crossing;
                self.moves += 1;
                return self.hear(now, message, link.rtt());
            }
        }
        self.crossing = Some(crossing).filter(|link| !matches!(link.state(), LinkState::Closed { .. }));
    }

    fn play_on(&mut self, now: Duration, link: &mut ClientLink) {
        let Some(play) = &mut self.play else { return };
        let (bot, seat) = (&mut self.bot, play.seat().unwrap_or(0));
        play.advance_with(now, |tick, predicted| bot.input(predicted.state(), seat, tick.0));
        while let Some(event) = play.poll_event() {
            match event {
                RollbackEvent::Confirmed { tick, hash } => {
                    let pause = now.saturating_sub(self.confirmed_at.unwrap_or(now));
                    self.longest_pause = self.longest_pause.max(pause);
                    self.confirmed_at = Some(now);
                    self.confirmed.insert(tick.0, hash);
                }
                RollbackEvent::NeedSnapshot { .. } => {
                    let epoch = play.epoch();
                    // One that is closed takes nothing; it is asked for again where the room goes.
                    let asked = link.send_control(&ToServer::NeedSnapshot { epoch });
                    assert!(asked.is_ok() || self.crossing.is_some());
                }
                _ => {}
            }
        }
        self.packet.clear();
        if play.poll_transmit(now, &mut self.packet) {
            for link in [Some(link), self.crossing.as_mut()].into_iter().flatten() {
                let (socket, server) = (&self.socket, link.server_addr());
                link.send_hot(&self.packet, |datagram| drop(socket.send_to(datagram, server)));
            }
        }
    }

    fn hear(&mut self, now: Duration, message: ToClient, rtt: Option<Duration>) {
        match message {
            ToClient::Started(start) => {
                let rtt = rtt.unwrap_or(Duration::from_millis(20));
                self.entered = Some(start.next.0);
                self.starts += 1;
                self.play = RollbackMatch::new(&start, RollbackConfig::default(), now, rtt).ok();
            }
            ToClient::Ended(end) => self.trouble(format!("has an ended match: {end:?}")),
            // A redirect follows.
            ToClient::Refused(Refusal::RoomMoved { .. }) => {}
            ToClient::Refused(Refusal::AlreadyInRoom { .. }) => {}
            ToClient::Refused(refusal) => self.trouble(format!("is refused: {refusal}")),
            ToClient::Desynced { .. } => self.desyncs += 1,
            // It was told already, and is on its way.
            ToClient::Redirect(_) if self.crossing.is_some() && self.play.is_none() => {}
            ToClient::Redirect(redirect) => {
                let crossing = ClientLink::new(&redirect.token, self.hello(), now);
                let mut crossing = crossing.expect("a ticket that can be read");
                if self.play.is_none() {
                    // It has no seat that waits for it there, or does not know of it.
                    let join = self.wanted.as_ref().expect("it wants to be somewhere");
                    crossing.send_control(join).expect("room for it");
                }
                self.crossing = Some(crossing);
            }
            _ => {}
        }
    }
}
