//! `Server`: an app that is pumped, by a loop or by hand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bevy_app::{App, TaskPoolOptions, TaskPoolPlugin};
use bevy_ecs::prelude::{Entity, Query, With, World};
use framekeep_protocol::CloseReason;
use tracing::{error, info, warn};

use crate::limits::PUMP_SLOW;
use crate::link::BusyLinks;
use crate::matches::Chance;
use crate::record::{RecordError, Recorder};
use crate::results::Results;
use crate::schedule::DueRooms;
use crate::status::Timings;
use crate::step::SlowestStep;
use crate::transport::public_addresses;
use crate::wire::{BindError, UdpWire, Wire};
use crate::workload::Workload;
use crate::{
    Clock, Games, Link, Moves, NodeKey, Pump, Room, ServerConfig, ServerPlugins, Shard, Socket, Stage, admit,
    matches, recover,
};

/// Longest wait of a server without running matches, so that it hears a shutdown soon.
const IDLE_WAIT: Duration = Duration::from_millis(20);
/// How often frames that wait for the disk are looked at.
const HELD_LOOK_EVERY: Duration = Duration::from_millis(2);
/// How long good-byes are sent when the server shuts down.
const FAREWELL: Duration = Duration::from_millis(200);

/// A server: an app that is pumped, by [`Server::run`] or by hand.
pub struct Server {
    app: App,
}

/// A server that could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The data folder cannot be used.
    #[error(transparent)]
    Data(#[from] RecordError),
}

/// Matches of a server that has stopped have left less than they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{replays} matches have left no replay and {results} no result: the data folder could not be written; the next \
     start makes them as far as the journal has them"
)]
pub struct NotKept {
    /// How many have no replay.
    pub replays: u64,
    /// How many have no result.
    pub results: u64,
}

impl Server {
    /// A server on a UDP socket, recording into the configured data folder.
    ///
    /// # Errors
    /// [`ServeError`] if the address or the data folder cannot be used.
    pub fn bind(config: ServerConfig, games: Games, key: NodeKey) -> Result<Self, ServeError> {
        let wire = UdpWire::bind(config.udp, config.receive_buffer_bytes)?;
        let mut chance = Chance::system();
        let recorder = match config.data.clone() {
            Some(folder) => Recorder::open(&folder, chance.next(), config.durability)?,
            None => Recorder::default(),
        };
        Ok(Self::new(config, games, key, Box::new(wire), Clock::system(), chance, recorder))
    }

    /// A server on any wire and clock; [`Server::bind`] is this with real ones.
    #[must_use]
    pub fn new(
        config: ServerConfig,
        games: Games,
        key: NodeKey,
        wire: Box<dyn Wire>,
        clock: Clock,
        chance: Chance,
        recorder: Recorder,
    ) -> Self {
        let mut app = App::empty();
        let threads = if config.threads == 0 {
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        } else {
            config.threads
        };
        app.add_plugins(TaskPoolPlugin { task_pool_options: TaskPoolOptions::with_num_threads(threads) });
        let public = public_addresses(&config, wire.local_addr());
        let now = clock.now();
        // A newer ticket of a linked player needs a second shard to be seen by.
        for _ in 0..2 {
            app.world_mut().spawn(Shard::new(&key, &public, &config, now));
        }
        app.insert_resource(config)
            .insert_resource(games)
            .insert_resource(key)
            .insert_resource(clock)
            .insert_resource(chance)
            .insert_resource(recorder)
            .insert_non_send(Socket(wire))
            .add_plugins(ServerPlugins);
        recover::take_over(app.world_mut());
        Self { app }
    }

    /// The address the server listens on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.world().non_send::<Socket>().0.local_addr()
    }

    /// The server's world: rooms, seats, links, counters.
    #[must_use]
    pub fn world(&self) -> &World {
        self.app.world()
    }

    /// The server's world, to be changed.
    pub fn world_mut(&mut self) -> &mut World {
        self.app.world_mut()
    }

    /// Does everything that is due now, once.
    pub fn pump(&mut self) {
        let world = self.app.world_mut();
        world.resource_mut::<Clock>().refresh();
        world.run_schedule(Pump);
        // What was removed is noted until this is called; nobody here asks for it, and it would grow for ever.
        world.clear_trackers();
        let (start, end) = {
            let clock = world.resource::<Clock>();
            (clock.now(), clock.precise())
        };
        world.resource_mut::<Workload>().note(start, end);
        if end - start > PUMP_SLOW {
            let slowest = *world.resource::<SlowestStep>();
            let (pump_ms, step_ms) = ((end - start).as_millis() as u64, slowest.took.as_millis() as u64);
            let room = slowest.room.map(|room| room.0);
            warn!(pump_ms, room, step_ms, "a pump took long; this room's step took most of it");
        }
        world.resource_scope(|world, mut timings: bevy_ecs::prelude::Mut<'_, Timings>| {
            let due = &world.resource::<DueRooms>().due_at;
            if !due.is_empty() {
                timings.pump_us.record((end - start).as_micros() as u64);
            }
            for &at in due {
                timings.frame_us.record(end.saturating_sub(at).as_micros() as u64);
            }
        });
    }

    /// Moves a manual clock and pumps.
    pub fn pump_at(&mut self, now: Duration) {
        self.app.world_mut().resource_mut::<Clock>().set(now);
        self.pump();
    }

    /// Pumps until `shutdown` is set, then says good-bye, seals what is running and makes all durable.
    pub fn run(mut self, shutdown: &Arc<AtomicBool>) {
        self.pump_until(shutdown);
        // The log tells.
        let _ = self.shut_down();
    }

    /// Pumps until `shutdown` is set or the node was told to drain and has. A game whose step never returns keeps it
    /// from ever seeing that.
    pub fn pump_until(&mut self, shutdown: &AtomicBool) {
        while !shutdown.load(Ordering::Relaxed) && !crate::gate::is_drained(self.world_mut()) {
            self.pump();
            self.rest();
        }
    }

    /// Lets the server be asked through the front door.
    pub fn attach_gate(&mut self, keeper: framekeep_gate::Keeper) {
        self.world_mut().insert_resource(crate::gate::Gate(keeper));
    }

    /// Opens no rooms any more and pumps until no match is running, for `grace` at most or until `at_once` is set.
    pub fn drain(&mut self, grace: Duration, at_once: &AtomicBool) {
        crate::gate::drain(self.world_mut(), grace);
        self.pump_until(at_once);
    }

    /// Waits for the next sub-tick, or for a datagram when no match is running.
    fn rest(&self) {
        let world = self.world();
        let (pumped_at, now) = {
            let clock = world.resource::<Clock>();
            (clock.now(), clock.precise())
        };
        let socket_at = pumped_at + world.resource::<ServerConfig>().subtick;
        let due = world.resource::<DueRooms>().next();
        let idle = world.resource::<DueRooms>().is_empty()
            && world.resource::<BusyLinks>().is_quiet()
            && !crate::gate::has_links(world);
        if idle {
            world.non_send::<Socket>().0.wait(IDLE_WAIT);
        } else {
            let held =
                world.resource::<Recorder>().holds_frames() || world.resource::<Moves>().waits_for_disk();
            let look_at = if held { socket_at.min(now + HELD_LOOK_EVERY) } else { socket_at };
            crate::gate::rest(world, due.map_or(look_at, |due| due.min(look_at)).saturating_sub(now));
        }
    }

    /// Says good-bye to everyone, gives running matches up and seals them, makes all durable.
    ///
    /// With [`ServerConfig::keeps_rooms`] matches are not given up: the next start on the same data folder goes on
    /// with all rooms, as after a kill.
    ///
    /// # Errors
    /// [`NotKept`] if a match has left no replay or no result.
    pub fn shut_down(mut self) -> Result<(), NotKept> {
        let keeps_rooms = {
            let world = self.world();
            world.resource::<ServerConfig>().keeps_rooms && world.resource::<Recorder>().is_open()
        };
        if keeps_rooms {
            info!("shutting down: rooms are kept for the next start, players told");
        } else {
            info!("shutting down: matches are sealed, players told");
        }
        let world = self.app.world_mut();
        // A match that is put away must not be followed by the next one.
        crate::gate::drain(world, Duration::ZERO);
        let rooms: Vec<Entity> = world.query_filtered::<Entity, With<Room>>().iter(world).collect();
        let mut has_kept = false;
        for room in rooms {
            if keeps_rooms && world.get::<Stage>(room).is_none_or(|stage| stage.ending.is_none()) {
                has_kept = true;
                continue;
            }
            matches::abort(world, room);
            matches::finish(world, room);
        }
        let reason = if keeps_rooms { CloseReason::Restarting } else { CloseReason::ShuttingDown };
        dismiss_all(world, reason);
        let until = world.resource::<Clock>().precise() + FAREWELL;
        while self.world().resource::<Clock>().precise() < until {
            self.pump();
            self.app.world_mut().resource_mut::<Clock>().pass(Duration::from_millis(10));
        }
        let world = self.app.world_mut();
        world.run_system_cached(disconnect_all).unwrap_or_else(|error| error!(%error, "links are left open"));
        self.pump();
        let results_are_kept = self.app.world_mut().resource_mut::<Results>().finish();
        let results = self.world().resource::<Results>().lost();
        // Of a room that is kept, or between two nodes, the next start has to know.
        let is_settled = results_are_kept && !has_kept && !self.world().resource::<Moves>().is_busy();
        let replays = self.app.world_mut().resource_mut::<Recorder>().close(is_settled);
        if results_are_kept && replays == 0 {
            return Ok(());
        }
        let not_kept = NotKept { replays, results };
        error!(replays, results, "{not_kept}");
        Err(not_kept)
    }
}

/// Tells every link that it is closed, and why. Whoever comes back at once is not let in any more.
fn dismiss_all(world: &mut World, reason: CloseReason) {
    crate::gate::close_door(world);
    let links: Vec<Entity> = world.query_filtered::<Entity, With<Link>>().iter(world).collect();
    for link in links {
        admit::close_link(world, link, reason);
    }
}

/// Ends every connection, so that clients need not wait for their time-out.
fn disconnect_all(links: Query<&Link>, mut shards: Query<&mut Shard>) {
    for link in &links {
        if let Ok(mut shard) = shards.get_mut(link.shard) {
            shard.disconnect(link.player.0);
        }
    }
}
