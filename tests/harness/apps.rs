//! `Apps`, a server with Bevy apps that have the client plugins, under one clock.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bevy_app::{App, PreUpdate};
use bevy_ecs::schedule::{LogLevel, ScheduleBuildSettings, Schedules, SingleThreadedExecutor};
use framekeep_client::{ClientClock, MemoryNet, TicketFault, Tickets, Wires};
use framekeep_protocol::{PlayerName, Role, RoomName};
use framekeep_server::{
    Chance, Clock, Counters, Games, MemoryWire, MemoryWireEnd, Moves, NodeKey, PeerMail, Recorder, Rooms,
    Server, ServerConfig, Stage, TicketRequest, mint, player_id_of,
};

/// The virtual time at which everything begins.
const BEGIN: Duration = Duration::from_secs(1_000_000);
/// How far the clock moves in one turn.
const TURN: Duration = Duration::from_millis(2);

/// A server with Bevy apps that have the client plugins, under one virtual clock; everything follows from the seed.
pub struct Apps {
    /// The production server on a wire of memory.
    pub server: Server,
    /// All apps in the order they came.
    pub apps: Vec<AppSeat>,
    /// A server to which rooms can move, and its end of the network.
    pub second: Option<(Server, MemoryWireEnd)>,
    seed: u64,
    wire: MemoryWireEnd,
    key: NodeKey,
    now: Duration,
}

/// One app, what it is built by, and its network.
pub struct AppSeat {
    /// The app.
    pub app: App,
    /// Its network; rebind it to give it a new port.
    pub net: MemoryNet,
    /// Whether it is frozen: nothing of it runs.
    pub is_paused: bool,
    /// Whether nothing that is sent to it arrives.
    pub is_deaf: bool,
    name: PlayerName,
    frame: Duration,
    next_at: Duration,
    build: Box<dyn Fn(&mut App)>,
}

impl Apps {
    /// A server of these games, without apps; it records nothing.
    #[must_use]
    pub fn new(seed: u64, games: Games, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut config = ServerConfig { threads: 1, ..ServerConfig::default() };
        change(&mut config);
        let (wire, end) = MemoryWire::pair(config.udp);
        let key = NodeKey::new([seed as u8; 32]);
        let (clock, chance) = (Clock::manual(BEGIN), Chance::seeded(seed));
        let server =
            Server::new(config, games, key.clone(), Box::new(wire), clock, chance, Recorder::default());
        Self { server, apps: Vec::new(), second: None, seed, wire: end, key, now: BEGIN }
    }

    /// Starts a second server, `node-1`, with a key of its own; the first has the name it was given.
    pub fn start_second(&mut self, games: Games) {
        let udp = SocketAddr::from(([127, 0, 0, 1], 7_771));
        let config = ServerConfig { threads: 1, node: "node-1".into(), udp, ..ServerConfig::default() };
        let (wire, end) = MemoryWire::pair(udp);
        let (clock, chance) = (Clock::manual(self.now), Chance::seeded(self.seed ^ 1));
        let (key, recorder) = (NodeKey::new([0xee; 32]), Recorder::default());
        let server = Server::new(config, games, key, Box::new(wire), clock, chance, recorder);
        self.second = Some((server, end));
    }

    fn pump_second(&mut self) {
        let Some((server, wire)) = &mut self.second else { return };
        server.pump_at(self.now);
        let first = self.server.world().resource::<ServerConfig>().node.clone();
        for PeerMail { body, .. } in server.world_mut().resource_mut::<Moves>().take_mail() {
            let mail = PeerMail { node: "node-1".to_owned(), body, ..PeerMail::default() };
            self.server.world_mut().resource_mut::<Moves>().deliver(mail);
        }
        for PeerMail { body, .. } in self.server.world_mut().resource_mut::<Moves>().take_mail() {
            let mail = PeerMail { node: first.clone(), body, ..PeerMail::default() };
            server.world_mut().resource_mut::<Moves>().deliver(mail);
        }
        let address = server.local_addr();
        while let Some((to, datagram)) = wire.take() {
            if let Some(seat) = self.apps.iter().find(|seat| seat.net.owns(to) && !seat.is_deaf) {
                seat.net.deliver(address, to, datagram);
            }
        }
    }

    /// A new app of a player, `fps` frames a second, to which `build` adds plugins and systems; returns its number.
    /// Clock, tickets and wire are there before `build` is called.
    ///
    /// # Panics
    /// If the name is none.
    pub fn come(&mut self, name: &str, fps: u32, build: impl Fn(&mut App) + 'static) -> usize {
        let number = self.apps.len();
        let net = MemoryNet::new(Ipv4Addr::new(127, 0, 1, number as u8));
        self.apps.push(AppSeat {
            app: App::new(),
            net,
            is_paused: false,
            is_deaf: false,
            name: PlayerName::try_from(name).unwrap(),
            frame: Duration::from_secs(1) / fps,
            next_at: self.now,
            build: Box::new(build),
        });
        self.restart(number);
        number
    }

    /// Kills an app and starts it again: nothing of it is left, and the server was not told.
    pub fn restart(&mut self, number: usize) {
        let server = self.server.local_addr();
        let key = self.key.clone();
        let seat = &mut self.apps[number];
        let name = seat.name.clone();
        let mint_one = move |now| {
            let (player, name) = (player_id_of(&name), name.clone());
            let request = TicketRequest { server, player, name, room: None, role: Role::Player, now };
            mint(&key, &request).map_err(|error| TicketFault::Refused(error.to_string()))
        };
        seat.app = App::new();
        seat.app
            .insert_resource(ClientClock::manual(self.now))
            .insert_resource(Tickets::from_fn(mint_one))
            .insert_resource(Wires(Box::new(seat.net.clone())));
        (seat.build)(&mut seat.app);
        seat.app.finish();
        seat.app.cleanup();
        let mut schedules = seat.app.world_mut().resource_mut::<Schedules>();
        for (_, schedule) in schedules.iter_mut() {
            schedule.set_executor(SingleThreadedExecutor::new());
        }
        // Two systems of which either could go first, and that touch the same data, are an error.
        if let Some(schedule) = schedules.get_mut(PreUpdate) {
            let ambiguity_detection = LogLevel::Error;
            schedule.set_build_settings(ScheduleBuildSettings { ambiguity_detection, ..Default::default() });
        }
        seat.next_at = self.now;
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// What the server has counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        self.server.world().resource::<Counters>()
    }

    /// The running match of a room.
    ///
    /// # Panics
    /// If the name is none.
    #[must_use]
    pub fn stage(&self, room: &str) -> Option<&Stage> {
        let world = self.server.world();
        let room = world.resource::<Rooms>().get(&RoomName::try_from(room).unwrap())?;
        world.get::<Stage>(room)
    }

    /// A resource of an app.
    ///
    /// # Panics
    /// If the app does not have it.
    #[must_use]
    pub fn of<R: bevy_ecs::prelude::Resource>(&self, number: usize) -> &R {
        self.apps[number].app.world().resource::<R>()
    }

    /// One turn: the clock moves, the server pumps, every app whose frame is due makes it.
    pub fn turn(&mut self) {
        self.turn_with(|_, _| {});
    }

    /// As [`Apps::turn`], and shows every app right after a frame of it.
    pub fn turn_with(&mut self, mut seen: impl FnMut(usize, &mut App)) {
        self.now += TURN;
        for (number, seat) in self.apps.iter_mut().enumerate() {
            if seat.is_paused || self.now < seat.next_at {
                continue;
            }
            seat.next_at = (seat.next_at + seat.frame).max(self.now);
            seat.app.world_mut().resource_mut::<ClientClock>().set(self.now);
            seat.app.update();
            seen(number, &mut seat.app);
            while let Some((from, to, datagram)) = seat.net.take_for() {
                match &self.second {
                    Some((second, wire)) if second.local_addr() == to => wire.deliver(from, datagram),
                    _ => self.wire.deliver(from, datagram),
                }
            }
        }
        self.server.pump_at(self.now);
        self.pump_second();
        let server = self.server.local_addr();
        while let Some((to, datagram)) = self.wire.take() {
            if let Some(seat) = self.apps.iter().find(|seat| seat.net.owns(to) && !seat.is_deaf) {
                seat.net.deliver(server, to, datagram);
            }
        }
    }

    /// Lets virtual time pass.
    pub fn run_for(&mut self, seconds: f64) {
        self.run_for_with(seconds, |_, _| {});
    }

    /// Lets virtual time pass, and shows every app right after each frame of it.
    pub fn run_for_with(&mut self, seconds: f64, mut seen: impl FnMut(usize, &mut App)) {
        let until = self.now + Duration::from_secs_f64(seconds);
        while self.now < until {
            self.turn_with(&mut seen);
        }
    }

    /// Lets virtual time pass until something holds; gives how long that took.
    ///
    /// # Panics
    /// If it does not hold within a minute.
    pub fn run_until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> Duration {
        let (begin, until) = (self.now, self.now + Duration::from_secs(60));
        while !holds(self) {
            assert!(self.now < until, "seed {}: within a minute of virtual time, not so: {what}", self.seed);
            self.turn();
        }
        self.now - begin
    }

    /// The server's address.
    #[must_use]
    pub fn server_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }
}
