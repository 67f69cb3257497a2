//! What it costs to make every tick durable.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use framekeep_games::arena::Arena;
use framekeep_protocol::{JoinRoom, PlayerId, RoomOptions, ToServer};
use framekeep_server::{
    Chance, Clock, Counters, Durability, Games, MemoryWire, NodeKey, Recorder, Server, ServerConfig, drill,
};
use framekeep_sim::Game as _;

use crate::row::Row;
use crate::timing::{alternate, time};

const ROOMS: u64 = 1_000;
const SUBTICK: Duration = Duration::from_millis(8);
/// Pumps of one measurement: a third of a second, ten ticks of every room.
const PUMPS: u32 = 42;
/// Percent of a tick's time.
const GOAL: f64 = 10.0;

/// A node with many rooms whose players say nothing, on a clock that is moved by hand.
struct Node {
    server: Server,
    now: Duration,
    waits: bool,
}

impl Node {
    fn new(folder: &Path, durability: Durability) -> Result<Self> {
        let data = Some(folder.to_owned());
        let config = ServerConfig {
            data,
            durability,
            threads: 1,
            idle_kick: Duration::ZERO,
            ..ServerConfig::default()
        };
        let recorder = Recorder::open(folder, 1, durability)?;
        let (wire, _) = MemoryWire::pair(config.udp);
        let now = Duration::from_secs(1_000);
        let games = Games::new(framekeep_games::registry());
        let (key, clock, chance) = (NodeKey::new([7; 32]), Clock::manual(now), Chance::seeded(1));
        let mut server = Server::new(config, games, key, Box::new(wire), clock, chance, recorder);
        for player in 0..2 * ROOMS {
            let world = server.world_mut();
            let link = drill::link(world, PlayerId(player + 1), format!("p{player}").as_str().try_into()?);
            let options = RoomOptions::new(Arena::NAME, 2);
            let room = format!("r{}", player / 2).as_str().try_into()?;
            drill::say(world, link, &ToServer::Join(JoinRoom::seat(room, Some(options))));
            drill::hush(world, link);
        }
        let mut node = Self { server, now, waits: durability == Durability::Tick };
        (0..4 * PUMPS).for_each(|_| {
            node.pump();
        });
        Ok(node)
    }

    /// The time of one pump; the disk is waited for between pumps, not in them.
    fn pump(&mut self) -> Duration {
        self.now += SUBTICK;
        let took = time(|| self.server.pump_at(self.now));
        if self.waits {
            drill::settle(self.server.world_mut());
        }
        took
    }

    fn pumps(&mut self) -> Duration {
        (0..PUMPS).map(|_| self.pump()).sum()
    }

    fn counters(&self) -> &Counters {
        self.server.world().resource::<Counters>()
    }
}

/// How much longer pumps take when frames wait for the disk, in percent.
pub(super) fn tick_durability(quick: bool) -> Result<Row> {
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let mut off = Node::new(folders[0].path(), Durability::Off)?;
    let mut tick = Node::new(folders[1].path(), Durability::Tick)?;
    let (off_took, tick_took) = alternate(if quick { 3 } else { 21 }, || off.pumps(), || tick.pumps());
    ensure!(off.counters().matches_started == ROOMS, "every room plays");
    ensure!(off.counters().frames == tick.counters().frames, "both did the same");
    ensure!(tick.counters().rooms_behind == 0, "no room went on without the disk");
    let percent = (tick_took.as_secs_f64() / off_took.as_secs_f64() - 1.0) * 100.0;
    Ok(Row::lower("record.tick_durability_percent", percent.max(0.0), "%").goal(GOAL))
}
