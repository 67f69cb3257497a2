//! `Scenario`, a server with clients under one clock.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bevy_ecs::schedule::{LogLevel, ScheduleBuildSettings, Schedules};
use framekeep_conditioner::LinkConditions;
use framekeep_games::arena::Arena;
use framekeep_protocol::{PlayerId, PlayerName, Role};
use framekeep_server::{
    Chance, Clock, Counters, Durability, Games, MemoryWire, MemoryWireEnd, NodeKey, Pump, Recorder, Room,
    Rooms, Server, ServerConfig, Stage, TicketRequest, mint_with_timeout, player_id_of,
};
use framekeep_sim::{Game as _, GameRegistry, Tick};

use crate::Client;
use crate::client::{digest, room_name};

/// The virtual time at which scenarios begin.
pub(crate) const BEGIN: Duration = Duration::from_secs(1_000_000);
/// The default arena, and the name of the same for an hour.
pub(crate) const COURTYARD: &str = include_str!("../../assets/arenas/courtyard.toml");
pub(crate) const LONG: &str = "long";
/// How far the clock moves in one turn.
pub(crate) const TURN: Duration = Duration::from_millis(2);

/// A server with clients under one virtual clock; everything follows from the seed.
pub struct Scenario {
    /// The production server on a wire of memory.
    pub server: Server,
    /// All clients in the order they came.
    pub clients: Vec<Client>,
    /// Digests of the frames committed in the [watched](Self::watch) room, and the hash after each, by tick.
    pub log: BTreeMap<Tick, (u64, u64)>,
    watched: Option<String>,
    content: String,
    seed: u64,
    conditions: LinkConditions,
    wire: MemoryWireEnd,
    key: NodeKey,
    now: Duration,
    fingerprint: u64,
}

impl Scenario {
    /// A server without clients. The seed is printed when a scenario fails.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with_config(seed, |_| {})
    }

    /// A server without clients whose settings `change` changes.
    #[must_use]
    pub fn with_config(seed: u64, change: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::with_games(seed, framekeep_games::registry(), change)
    }

    /// A server of other games.
    ///
    /// # Panics
    /// If the recorder cannot use the configured data folder.
    #[must_use]
    pub fn with_games(seed: u64, games: GameRegistry, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut config = ServerConfig { threads: 1, ..ServerConfig::default() };
        change(&mut config);
        let recorder = match &config.data {
            Some(folder) => Recorder::open(folder, seed, Durability::Off).unwrap(),
            None => Recorder::default(),
        };
        Self::on(seed, games, config, recorder)
    }

    /// A server whose journal is already open.
    #[must_use]
    pub fn on(seed: u64, games: GameRegistry, config: ServerConfig, recorder: Recorder) -> Self {
        let key = NodeKey::new([seed as u8; 32]);
        let mut games = Games::new(games);
        // A registry without the arena has no use for it.
        let _ = games.add_content(
            Arena::NAME,
            LONG,
            &COURTYARD.replace("time_limit_s = 60", "time_limit_s = 3600"),
        );
        let fingerprint = games.fingerprint(Arena::NAME).unwrap_or_default();
        let (server, end) = serve(seed, games, config, &key, BEGIN, recorder);
        Self {
            server,
            clients: Vec::new(),
            log: BTreeMap::new(),
            watched: None,
            content: String::new(),
            seed,
            conditions: LinkConditions::PERFECT,
            wire: end,
            key,
            now: BEGIN,
            fingerprint,
        }
    }

    /// Kills the server, which writes nothing more than it had handed over, and starts another of the games that ship
    /// on the same data folder. Clients still have their links, which nobody answers.
    ///
    /// # Panics
    /// If there is no data folder, or it cannot be used.
    pub fn restart(&mut self) {
        let config = self.server.world().resource::<ServerConfig>().clone();
        let folder = config.data.clone().unwrap();
        let nothing = || Games::new(GameRegistry::new());
        let idle = ServerConfig { threads: 1, ..ServerConfig::default() };
        self.server = serve(0, nothing(), idle, &self.key, self.now, Recorder::default()).0;
        self.seed += 1;
        let recorder = Recorder::open(&folder, self.seed, Durability::Off).unwrap();
        let games = Games::new(framekeep_games::registry());
        (self.server, self.wire) = serve(self.seed, games, config, &self.key, self.now, recorder);
    }

    /// The network of clients that come from now on: a preset or `loss=..,delay=..`.
    ///
    /// # Panics
    /// If the text describes no network.
    #[must_use]
    pub fn link(mut self, conditions: &str) -> Self {
        self.conditions = conditions.parse().unwrap();
        self
    }

    /// Rooms that clients create from now on play for an hour.
    #[must_use]
    pub fn long(mut self) -> Self {
        LONG.clone_into(&mut self.content);
        self
    }

    /// Clients who have joined a room of `seats` seats, which plays when the last has come.
    #[must_use]
    pub fn room(mut self, name: &str, seats: u8) -> Self {
        let first = self.clients.len();
        for seat in 0..seats {
            self.come(&format!("{name}-{seat}"));
        }
        self.run_until("all are connected", |play| play.clients[first..].iter().all(Client::is_connected));
        for client in &mut self.clients[first..] {
            client.join(name, seats);
        }
        self
    }

    /// A new client connects; returns its number.
    pub fn come(&mut self, name: &str) -> usize {
        self.come_as(name, Role::Player)
    }

    /// A new client connects with a ticket for this role; returns its number.
    pub fn come_as(&mut self, name: &str, role: Role) -> usize {
        let number = self.clients.len();
        let address = SocketAddr::from(([127, 0, (number >> 8) as u8, number as u8], 40_000 + number as u16));
        let seed = self.seed.wrapping_mul(1_000_003) ^ number as u64;
        let mut client = Client::new(player_name(name), address, self.conditions, seed);
        client.role = role;
        self.clients.push(client);
        self.clients[number].content.clone_from(&self.content);
        self.reconnect(number);
        number
    }

    /// A client connects with a new ticket.
    pub fn reconnect(&mut self, number: usize) {
        let Client { name, role, .. } = &self.clients[number];
        let ticket = self.mint(player_id_of(name), name, *role);
        self.clients[number].connect(&ticket, self.now, self.fingerprint);
    }

    /// A ticket for a player.
    ///
    /// # Panics
    /// If none can be minted.
    #[must_use]
    pub fn ticket(&self, name: &PlayerName) -> Vec<u8> {
        self.ticket_for(player_id_of(name), name)
    }

    /// A ticket for a player id under a name.
    ///
    /// # Panics
    /// If none can be minted.
    #[must_use]
    pub fn ticket_for(&self, player: PlayerId, name: &PlayerName) -> Vec<u8> {
        self.mint(player, name, Role::Player)
    }

    fn mint(&self, player: PlayerId, name: &PlayerName, role: Role) -> Vec<u8> {
        let request = TicketRequest {
            server: self.server.local_addr(),
            player,
            name: name.clone(),
            room: None,
            role,
            now: self.now,
        };
        let timeout = self.server.world().resource::<ServerConfig>().link_timeout;
        mint_with_timeout(&self.key, &request, timeout).unwrap()
    }

    /// The fingerprint of the arena on this server.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The end of the wire that clients hold: for datagrams that no honest client sends.
    #[must_use]
    pub fn wire(&self) -> &MemoryWireEnd {
        &self.wire
    }

    /// What the server has counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        self.server.world().resource::<Counters>()
    }

    /// One turn: the clock moves, the server pumps, every client acts.
    pub fn turn(&mut self) {
        self.now += TURN;
        for client in &mut self.clients {
            let wire = &self.wire;
            client.turn(self.now, &|_, from, datagram| wire.deliver(from, datagram));
        }
        self.server.pump_at(self.now);
        self.note_frame();
        for number in 0..self.clients.len() {
            if self.clients[number].wants_ticket(self.now) {
                // A new socket, as in a program.
                let port = self.clients[number].address.port();
                self.clients[number].address.set_port(port + 1_000);
                self.reconnect(number);
            }
        }
        let server = self.server.local_addr();
        while let Some((to, datagram)) = self.wire.take() {
            if let Some(client) = self.clients.iter_mut().find(|client| client.address == to) {
                client.receive(self.now, server, datagram);
            }
        }
    }

    /// Keeps a log of what is committed in a room from now on.
    pub fn watch(&mut self, room: &str) {
        self.watched = Some(room.to_owned());
    }

    fn note_frame(&mut self) {
        let Some(stage) = self.watched.as_deref().and_then(|room| self.stage(room)) else { return };
        let (tick, frame) = (stage.tick(), stage.last_frame());
        if tick > Tick(0) && !self.log.contains_key(&frame.tick) {
            let hash = stage.hash_at(tick).unwrap_or_default();
            self.log.insert(frame.tick, (digest(frame), hash));
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
            let (seed, states) = (self.seed, self.clients.iter().map(Client::state));
            assert!(
                self.now < until,
                "seed {seed}: within a minute of virtual time, not so: {what}; links are {:?}",
                states.collect::<Vec<_>>()
            );
            self.turn();
        }
    }

    /// The running match of a room.
    #[must_use]
    pub fn stage(&self, room: &str) -> Option<&Stage> {
        let world = self.server.world();
        let room = world.resource::<Rooms>().get(&room_name(room))?;
        world.get::<Stage>(room)
    }

    /// A room.
    #[must_use]
    pub fn room_of(&self, room: &str) -> Option<&Room> {
        let world = self.server.world();
        let room = world.resource::<Rooms>().get(&room_name(room))?;
        world.get::<Room>(room)
    }

    /// Checks that every client's confirmed states are the server's, and that nobody was told of a desync.
    ///
    /// # Panics
    /// If some are not; names seed, client and tick.
    pub fn assert_all_agree(&self) {
        let seed = self.seed;
        for (number, client) in self.clients.iter().enumerate() {
            assert_eq!(client.desyncs, 0, "seed {seed}: client {number} was told of a desync");
            for (end, hash) in &client.ended {
                assert_eq!(end.hash, *hash, "seed {seed}: client {number} ends in another state");
            }
            let stage = client.room.as_ref().and_then(|room| self.stage(room.name.as_str()));
            let Some(stage) = stage else { continue };
            for &(tick, hash) in &client.hashes {
                let Some(expected) = stage.hash_at(tick) else { continue };
                assert_eq!(hash, expected, "seed {seed}: client {number} differs at tick {tick}");
            }
        }
        assert_eq!(self.counters().desyncs, 0, "seed {seed}: the server counted desyncs");
        assert_eq!(self.counters().decoder_panics, 0, "seed {seed}: a decoder panicked");
        assert_eq!(self.counters().swept.total(), 0, "seed {seed}: a sweep found what nothing owns");
    }
}

/// A server on a wire of memory, and the other end of that.
fn serve(
    seed: u64,
    games: Games,
    config: ServerConfig,
    key: &NodeKey,
    now: Duration,
    recorder: Recorder,
) -> (Server, MemoryWireEnd) {
    let (wire, end) = MemoryWire::pair(config.udp);
    let (clock, chance) = (Clock::manual(now), Chance::seeded(seed));
    let mut server = Server::new(config, games, key.clone(), Box::new(wire), clock, chance, recorder);
    refuse_ambiguity(&mut server);
    (server, end)
}

/// Two systems of which either could go first, and that touch the same data, are an error.
pub(crate) fn refuse_ambiguity(server: &mut Server) {
    let mut schedules = server.world_mut().resource_mut::<Schedules>();
    if let Some(pump) = schedules.get_mut(Pump) {
        let settings = ScheduleBuildSettings {
            ambiguity_detection: LogLevel::Error,
            ..ScheduleBuildSettings::default()
        };
        pump.set_build_settings(settings);
    }
}

/// A player's name; for literals.
///
/// # Panics
/// If it is no valid name.
pub(crate) fn player_name(name: &str) -> PlayerName {
    PlayerName::try_from(name.to_owned()).unwrap()
}
