//! `Nodes`, several servers under one clock, between which rooms move.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use framekeep_conditioner::LinkConditions;
use framekeep_games::arena::Arena;
use framekeep_protocol::Role;
use framekeep_server::{
    Chance, Clock, Counters, Durability, Games, MemoryWire, MemoryWireEnd, Moves, NodeKey, PeerMail,
    Recorder, Room, Rooms, Server, ServerConfig, Stage, TicketRequest, mint_with_timeout, move_room,
    move_to_any, player_id_of,
};
use framekeep_sim::{Game as _, GameRegistry};

use crate::Client;
use crate::client::room_name;
use crate::scenario::{BEGIN, COURTYARD, LONG, TURN, player_name, refuse_ambiguity};

/// How long a letter is on its way from node to node.
const PEER_DELAY: Duration = Duration::from_millis(2);

/// One server, its end of the network, and whether it runs.
struct Node {
    server: Server,
    wire: MemoryWireEnd,
    is_up: bool,
}

/// A letter on its way from one node to another.
struct Letter {
    from: usize,
    to: usize,
    at: Duration,
    body: Vec<u8>,
}

/// Several servers under one virtual clock, with clients; everything follows from the seed.
pub struct Nodes {
    nodes: Vec<Node>,
    /// All clients in the order they came.
    pub clients: Vec<Client>,
    folder: Option<PathBuf>,
    letters: Vec<Letter>,
    /// How many letters were posted.
    pub posted: usize,
    /// The letter after which the first node, or the second, is killed, before it is brought.
    pub kill_at: Option<(usize, usize)>,
    /// From which letter on the first node writes as a build of that version would.
    pub other_version_from: Option<(usize, u8)>,
    seed: u64,
    conditions: LinkConditions,
    now: Duration,
    fingerprint: u64,
}

impl Nodes {
    /// Servers without clients; they record into folders below `folder`, if there is one.
    #[must_use]
    pub fn new(seed: u64, count: usize, folder: Option<PathBuf>) -> Self {
        let mut this = Self {
            nodes: Vec::new(),
            clients: Vec::new(),
            folder,
            letters: Vec::new(),
            posted: 0,
            kill_at: None,
            other_version_from: None,
            seed,
            conditions: LinkConditions::PERFECT,
            now: BEGIN,
            fingerprint: 0,
        };
        for number in 0..count {
            let node = this.start(number);
            this.nodes.push(node);
        }
        this.fingerprint = games().fingerprint(Arena::NAME).unwrap_or_default();
        this
    }

    /// The network of clients that come from now on.
    ///
    /// # Panics
    /// If the text describes no network.
    #[must_use]
    pub fn link(mut self, conditions: &str) -> Self {
        self.conditions = conditions.parse().unwrap();
        self
    }

    fn start(&self, number: usize) -> Node {
        let data = self.folder.as_ref().map(|folder| folder.join(name(number)));
        let seed = self.seed.wrapping_mul(31) ^ self.now.as_millis() as u64 ^ number as u64;
        let recorder = data.as_deref().map_or_else(Recorder::default, |folder| {
            std::fs::create_dir_all(folder).unwrap();
            Recorder::open(folder, seed, Durability::Off).unwrap()
        });
        let udp = address(number);
        let config = ServerConfig { threads: 1, node: name(number), udp, data, ..ServerConfig::default() };
        let (wire, end) = MemoryWire::pair(udp);
        let (clock, chance, key) = (Clock::manual(self.now), Chance::seeded(seed), key(number));
        let mut server = Server::new(config, games(), key, Box::new(wire), clock, chance, recorder);
        refuse_ambiguity(&mut server);
        Node { server, wire: end, is_up: true }
    }

    /// Kills a server, which writes nothing more than it had handed over.
    pub fn kill(&mut self, number: usize) {
        let idle = ServerConfig { threads: 1, ..ServerConfig::default() };
        let (wire, end) = MemoryWire::pair(address(number));
        let (clock, nothing) = (Clock::manual(self.now), Games::new(GameRegistry::new()));
        let (key, chance) = (key(number), Chance::seeded(0));
        let node = &mut self.nodes[number];
        node.server = Server::new(idle, nothing, key, Box::new(wire), clock, chance, Recorder::default());
        (node.wire, node.is_up) = (end, false);
        self.letters.retain(|letter| letter.from != number && letter.to != number);
    }

    /// Starts a killed server on what it has left.
    pub fn revive(&mut self, number: usize) {
        self.nodes[number] = self.start(number);
    }

    /// Whether a server runs.
    #[must_use]
    pub fn is_up(&self, number: usize) -> bool {
        self.nodes[number].is_up
    }

    /// A server.
    #[must_use]
    pub fn server(&self, number: usize) -> &Server {
        &self.nodes[number].server
    }

    /// A server, to be changed.
    pub fn server_mut(&mut self, number: usize) -> &mut Server {
        &mut self.nodes[number].server
    }

    /// Clients who have joined rooms of `seats` seats on the first server.
    pub fn rooms(&mut self, rooms: usize, seats: u8) {
        let first = self.clients.len();
        for room in 0..rooms {
            for seat in 0..seats {
                self.come(&format!("{room}-{seat}"));
            }
        }
        self.run_until("all are connected", |nodes| nodes.clients[first..].iter().all(Client::is_connected));
        for (number, client) in self.clients[first..].iter_mut().enumerate() {
            client.join(&room(number / usize::from(seats)), seats);
        }
    }

    /// A new client connects to the first server; returns its number.
    pub fn come(&mut self, name: &str) -> usize {
        self.come_as(name, Role::Player)
    }

    /// A new client connects to the first server with a ticket for this role; returns its number.
    pub fn come_as(&mut self, name: &str, role: Role) -> usize {
        let number = self.clients.len();
        let address = SocketAddr::from(([127, 1, (number >> 8) as u8, number as u8], 40_000));
        let seed = self.seed.wrapping_mul(1_000_003) ^ number as u64;
        let mut client = Client::new(player_name(name), address, self.conditions, seed);
        LONG.clone_into(&mut client.content);
        client.role = role;
        self.clients.push(client);
        self.connect(number, 0);
        number
    }

    /// A client connects to a server with a new ticket.
    ///
    /// # Panics
    /// If none can be minted.
    pub fn connect(&mut self, number: usize, node: usize) {
        let client = &mut self.clients[number];
        let request = TicketRequest {
            server: address(node),
            player: player_id_of(&client.name),
            name: client.name.clone(),
            room: None,
            role: client.role,
            now: self.now,
        };
        let ticket = mint_with_timeout(&key(node), &request, Duration::from_secs(10)).unwrap();
        client.connect(&ticket, self.now, self.fingerprint);
    }

    /// Wants a room to go from one server to another.
    ///
    /// # Panics
    /// If it cannot.
    pub fn send(&mut self, room: &str, from: usize, to: usize) {
        move_room(self.nodes[from].server.world_mut(), &room_name(room), &name(to)).unwrap();
    }

    /// Wants a room to go from one server to one that nobody knows, or else to another.
    ///
    /// # Panics
    /// If it cannot.
    pub fn send_to_any(&mut self, room: &str, from: usize, to: usize) {
        let nodes = vec!["nowhere".to_owned(), name(to)];
        move_to_any(self.nodes[from].server.world_mut(), &room_name(room), nodes).unwrap();
    }

    /// One turn: the clock moves, servers pump, letters are brought, clients act.
    pub fn turn(&mut self) {
        self.now += TURN;
        let Self { nodes, clients, now, .. } = self;
        for client in clients.iter_mut() {
            client.turn(*now, &|server, from, datagram| {
                let node = nodes.iter().enumerate().find(|(number, _)| address(*number) == server);
                if let Some((_, node)) = node.filter(|(_, node)| node.is_up) {
                    node.wire.deliver(from, datagram);
                }
            });
        }
        for number in 0..self.nodes.len() {
            self.pump(number);
        }
        for number in 0..self.clients.len() {
            if self.clients[number].wants_ticket(self.now) {
                let port = self.clients[number].address.port();
                self.clients[number].address.set_port(port + 1);
                let home = self.clients[number].home;
                self.connect(number, home);
            }
        }
        for (number, node) in self.nodes.iter().enumerate() {
            while let Some((to, datagram)) = node.wire.take() {
                if let Some(client) = self.clients.iter_mut().find(|client| client.address == to) {
                    client.receive(self.now, address(number), datagram);
                }
            }
        }
    }

    fn pump(&mut self, number: usize) {
        if !self.nodes[number].is_up {
            return;
        }
        let (now, mut waiting) = (self.now, Vec::new());
        std::mem::swap(&mut waiting, &mut self.letters);
        let (due, later): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|letter| letter.to == number && letter.at <= now);
        self.letters = later;
        let node = &mut self.nodes[number];
        for letter in due {
            let mail = PeerMail { node: name(letter.from), body: letter.body, ..PeerMail::default() };
            node.server.world_mut().resource_mut::<Moves>().deliver(mail);
        }
        node.server.pump_at(now);
        if self.folder.is_some() && node.server.world().resource::<Moves>().waits_for_disk() {
            // A disk knows no virtual time.
            framekeep_server::drill::settle(node.server.world_mut());
        }
        let mail = node.server.world_mut().resource_mut::<Moves>().take_mail();
        for PeerMail { node, mut body, .. } in mail {
            let Some(to) = (0..self.nodes.len()).find(|to| name(*to) == node) else { continue };
            self.posted += 1;
            if let Some((_, version)) = self.other_version_from.filter(|(from, _)| *from <= self.posted)
                && number == 0
            {
                body[1] = version;
            }
            self.letters.push(Letter { from: number, to, at: now + PEER_DELAY, body });
            if let Some((_, victim)) = self.kill_at.filter(|(at, _)| *at == self.posted) {
                self.kill(victim);
                if victim == number {
                    return;
                }
            }
        }
    }

    /// Lets virtual time pass.
    pub fn run_for(&mut self, seconds: f64) {
        let until = self.now + Duration::from_secs_f64(seconds);
        while self.now < until {
            self.turn();
        }
    }

    /// Lets virtual time pass until something holds.
    ///
    /// # Panics
    /// If it does not hold within a minute.
    pub fn run_until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let until = self.now + Duration::from_secs(60);
        while !holds(self) {
            assert!(self.now < until, "seed {}: within a minute of virtual time, not so: {what}", self.seed);
            self.turn();
        }
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// What a server has counted.
    #[must_use]
    pub fn counters(&self, number: usize) -> &Counters {
        self.nodes[number].server.world().resource::<Counters>()
    }

    /// A room on a server.
    #[must_use]
    pub fn room_of(&self, number: usize, room: &str) -> Option<&Room> {
        let world = self.nodes[number].server.world();
        world.get::<Room>(world.resource::<Rooms>().get(&room_name(room))?)
    }

    /// Whether a server owns a room: one that is only on its way there it does not.
    #[must_use]
    pub fn owns(&self, number: usize, room: &str) -> bool {
        framekeep_server::owns_room(self.nodes[number].server.world(), &room_name(room))
    }

    /// The match of a room on a server.
    #[must_use]
    pub fn stage(&self, number: usize, room: &str) -> Option<&Stage> {
        let world = self.nodes[number].server.world();
        world.get::<Stage>(world.resource::<Rooms>().get(&room_name(room))?)
    }

    /// Checks that nobody was told of a desync and no server counted one, nor found anything astray.
    ///
    /// # Panics
    /// If so; names seed and client.
    pub fn assert_all_agree(&mut self) {
        let seed = self.seed;
        for (number, client) in self.clients.iter().enumerate() {
            assert_eq!(client.desyncs, 0, "seed {seed}: client {number} was told of a desync");
            let Some(room) = client.room.as_ref().map(|room| room.name.as_str()) else { continue };
            let stages = (0..self.nodes.len()).filter_map(|node| self.stage(node, room));
            for stage in stages {
                for &(tick, hash) in &client.hashes {
                    // Of ticks that another server has played only the low half is known.
                    let Some(expected) = stage.hash_at(tick) else { continue };
                    let (hash, expected) = (hash as u32, expected as u32);
                    assert_eq!(hash, expected, "seed {seed}: client {number} differs at tick {tick}");
                }
            }
        }
        for node in self.nodes.iter_mut().filter(|node| node.is_up) {
            framekeep_server::sweep(node.server.world_mut());
            let counters = node.server.world().resource::<Counters>();
            assert_eq!(counters.desyncs, 0, "seed {seed}: a server counted desyncs");
            assert_eq!(counters.swept.total(), 0, "seed {seed}: a sweep found {:?}", counters.swept);
        }
    }
}

/// The name of a server.
#[must_use]
pub fn name(number: usize) -> String {
    format!("node-{number}")
}

/// The name of a room.
#[must_use]
pub fn room(number: usize) -> String {
    format!("room-{number}")
}

fn address(number: usize) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7_770 + number as u16))
}

/// Every server has its own.
fn key(number: usize) -> NodeKey {
    NodeKey::new([number as u8 + 1; 32])
}

fn games() -> Games {
    let mut games = Games::new(framekeep_games::registry());
    let long = COURTYARD.replace("time_limit_s = 60", "time_limit_s = 3600");
    games.add_content(Arena::NAME, LONG, &long).unwrap();
    games
}
