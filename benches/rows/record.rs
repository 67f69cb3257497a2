//! What it costs to make every tick durable.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use framekeep_server::{
    Chance, Clock, Counters, Durability, Games, MemoryWire, NodeKey, Recorder, Server, ServerConfig, drill,
};

use crate::players::Players;
use crate::row::Row;
use crate::timing::{alternate, worked};

const ROOMS: u32 = 1_000;
const SUBTICK: Duration = Duration::from_millis(8);
/// How often a server looks whether frames may go that wait for the disk.
const HELD_LOOK_EVERY: Duration = Duration::from_millis(2);
/// Sub-ticks of one measurement: a third of a second, ten ticks of every room.
const SUBTICKS: u32 = 42;
/// Percent of a tick's time.
const GOAL: f64 = 10.0;
/// Percent of frames before which a room stopped waiting for the disk: the cost is told only where most are waited for.
const FELL_BEHIND_GOAL: f64 = 5.0;

/// A node with many rooms and players who take its frames, on a clock that goes while it is measured.
///
/// Everything happens as in a server that runs: the thread that commits works while frames are made; frames that wait
/// for it are looked at again in between, and sent in turns of their own.
struct Node {
    server: Server,
    players: Players,
    now: Duration,
    /// What all threads have worked, also between turns, as the one that commits does.
    all: Duration,
}

impl Node {
    fn new(folder: &Path, durability: Durability) -> Result<Self> {
        let data = Some(folder.to_owned());
        let config = ServerConfig {
            data,
            durability,
            threads: 1,
            idle_kick: Duration::ZERO,
            link_timeout: Players::TIMEOUT,
            ..ServerConfig::default()
        };
        let recorder = Recorder::open(folder, 1, durability)?;
        let (wire, end) = MemoryWire::pair(config.udp);
        let (key, udp) = (NodeKey::new([7; 32]), config.udp);
        let now = Duration::from_secs(1_000);
        let games = Games::new(framekeep_games::registry());
        let (clock, chance) = (Clock::manual(now), Chance::seeded(1));
        let server = Server::new(config, games, key.clone(), Box::new(wire), clock, chance, recorder);
        let players = Players::new(end, &key, udp, ROOMS, now)?;
        let mut node = Self { server, players, now, all: Duration::ZERO };
        while !node.players.all_play() || node.players.slowest().0 < 30 {
            ensure!(node.now < now + Duration::from_secs(60), "all play within a minute");
            node.subtick()?;
        }
        Ok(node)
    }

    /// One sub-tick in its own time, or longer if the machine is slower; gives how long was worked in its turns.
    fn subtick(&mut self) -> Result<Duration> {
        self.now += SUBTICK;
        // What the players do is no work of the server's.
        self.players.turn(self.now)?;
        let (begun, worked_before, mut busy, mut took) =
            (Instant::now(), worked(), Duration::ZERO, Duration::ZERO);
        while took < SUBTICK {
            let before = worked();
            self.server.pump_at(self.now + took);
            busy += worked() - before;
            let held = drill::holds_frames(self.server.world());
            let rest = if held { HELD_LOOK_EVERY } else { SUBTICK };
            std::thread::sleep(rest.min(SUBTICK.saturating_sub(begun.elapsed())));
            took = if held { begun.elapsed() } else { SUBTICK };
        }
        self.all += worked() - worked_before;
        Ok(busy)
    }

    fn third_of_a_second(&mut self) -> Duration {
        (0..SUBTICKS).map(|_| self.subtick().unwrap_or_default()).sum()
    }

    fn counters(&self) -> &Counters {
        self.server.world().resource::<Counters>()
    }

    /// How often a room stopped waiting for the disk, in percent of frames.
    fn fell_behind_percent(&self) -> f64 {
        100.0 * self.counters().rooms_behind as f64 / self.counters().frames.max(1) as f64
    }
}

/// How much more a node works when frames wait for the disk, in percent: in its turns, by the median of thirds of a
/// second, and in all, with the thread that commits. How often a room went on without the disk is told beside it.
pub(super) fn tick_durability(quick: bool) -> Result<Vec<Row>> {
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let mut off = Node::new(folders[0].path(), Durability::Off)?;
    let mut tick = Node::new(folders[1].path(), Durability::Tick)?;
    let rounds = if quick { 3 } else { 21 };
    (off.all, tick.all) = (Duration::ZERO, Duration::ZERO);
    let (off_took, tick_took) = alternate(rounds, || off.third_of_a_second(), || tick.third_of_a_second());
    for node in [&off, &tick] {
        ensure!(node.counters().matches_started == u64::from(ROOMS), "every room plays");
        ensure!(node.players.slowest().0 > 10 * rounds as u32, "every player gets frames");
    }
    let more =
        |tick: Duration, off: Duration| ((tick.as_secs_f64() / off.as_secs_f64() - 1.0) * 100.0).max(0.0);
    Ok(vec![
        Row::lower("record.tick_durability_percent", more(tick_took, off_took), "%").goal(GOAL),
        Row::lower("record.tick_durability_with_commits_percent", more(tick.all, off.all), "%"),
        Row::lower("record.fell_behind_percent", tick.fell_behind_percent(), "%").goal(FELL_BEHIND_GOAL),
    ])
}
