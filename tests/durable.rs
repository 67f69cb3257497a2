//! Durability: frames wait for the disk, a tick at most; disks that are slow, full or broken are told of and heal.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use framekeep_server::{Disk, DiskFile, Durability, Recorder, ServerConfig, SystemDisk, drill};
use framekeep_tests::Scenario;

/// A disk whose syncs wait while it is shut, and whose writes fail while it is full.
#[derive(Clone, Default)]
struct Gate(Arc<State>);

#[derive(Default)]
struct State {
    shut: Mutex<bool>,
    opened: Condvar,
    full: AtomicBool,
    syncs: AtomicU64,
}

struct GateFile(Box<dyn DiskFile>, Gate);

impl Gate {
    fn set_shut(&self, shut: bool) {
        *self.0.shut.lock().unwrap() = shut;
        self.0.opened.notify_all();
    }

    fn set_full(&self, full: bool) {
        self.0.full.store(full, Ordering::SeqCst);
    }

    fn check(&self) -> io::Result<()> {
        if self.0.full.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Disk for Gate {
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.check()?;
        Ok(Box::new(GateFile(SystemDisk.create(path)?, self.clone())))
    }
}

impl DiskFile for GateFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.1.check().and_then(|()| self.0.append(bytes))
    }

    fn sync(&mut self) -> io::Result<()> {
        let shut = self.1.0.shut.lock().unwrap();
        drop(self.1.0.opened.wait_while(shut, |shut| *shut).unwrap());
        self.1.check()?;
        self.1.0.syncs.fetch_add(1, Ordering::SeqCst);
        self.0.sync()
    }
}

/// A server on a disk behind a gate, with two players in a match.
///
/// The disk is as quick as virtual time wants: unless it is shut, every turn waits for it.
struct Drill {
    play: Scenario,
    gate: Gate,
}

impl Drill {
    fn playing(folder: &Path, seed: u64, durability: Durability) -> Self {
        let gate = Gate::default();
        let recorder = Recorder::open_on(folder, seed, durability, Box::new(gate.clone())).unwrap();
        let data = Some(folder.to_owned());
        let config = ServerConfig { threads: 1, data, durability, ..ServerConfig::default() };
        let play = Scenario::on(seed, framekeep_games::registry(), config, recorder).room("duel", 2);
        let mut drill = Self { play, gate };
        drill.run_until("it plays", |play| newest(play) > 30 && recorder_of(play).undurable_rooms() == 0);
        drill
    }

    fn turn(&mut self) {
        self.play.turn();
        let shut = *self.gate.0.shut.lock().unwrap();
        if !shut {
            drill::settle(self.play.server.world_mut());
        }
    }

    fn run_for(&mut self, ms: u64) {
        (0..ms / 2).for_each(|_| self.turn());
    }

    fn run_until(&mut self, what: &str, holds: impl Fn(&Scenario) -> bool) {
        let until = self.play.now() + Duration::from_secs(120);
        while !holds(&self.play) {
            assert!(self.play.now() < until, "within two minutes of virtual time, not so: {what}");
            self.turn();
        }
    }

    fn tick(&self) -> u32 {
        self.play.stage("duel").unwrap().tick().0
    }
}

fn newest(play: &Scenario) -> u32 {
    let newest = |client: &framekeep_tests::Client| client.hashes.last().map_or(0, |(tick, _)| tick.0);
    play.clients.iter().map(newest).max().unwrap_or(0)
}

fn recorder_of(play: &Scenario) -> &Recorder {
    play.server.world().resource::<Recorder>()
}

#[test]
fn no_frame_is_sent_before_it_is_durable_and_none_is_held_for_longer_than_a_tick() {
    let folder = tempfile::tempdir().unwrap();
    let mut drill = Drill::playing(folder.path(), 91, Durability::Tick);
    drill.gate.set_shut(true);
    let begun = drill.tick();
    drill.run_for(30);
    assert!(newest(&drill.play) <= begun, "frames from {begun} on wait for the disk");
    drill.run_for(2_000);
    let ticks = drill.tick();
    assert!(ticks >= begun + 60, "two seconds of a disk that hangs delay no tick: {begun} to {ticks}");
    assert!(newest(&drill.play) + 3 >= ticks, "and players see them");
    assert_eq!(recorder_of(&drill.play).undurable_rooms(), 1);
    assert_eq!(drill.play.counters().rooms_behind, 1, "it waits for the disk once");
    drill.gate.set_shut(false);
    drill.run_until("the room is durable again", |play| recorder_of(play).undurable_rooms() == 0);
    drill.play.assert_all_agree();
    let ticks = drill.tick();
    drill.play.restart();
    assert_eq!(drill.tick(), ticks, "nothing was lost");
}

#[test]
fn a_full_disk_is_told_of_within_a_second_and_heals_when_there_is_space() {
    for durability in [Durability::Tick, Durability::Second, Durability::Off] {
        let folder = tempfile::tempdir().unwrap();
        let mut drill = Drill::playing(folder.path(), 92, durability);
        drill.gate.set_full(true);
        let began = drill.play.now();
        drill.run_until("it is told of", |play| recorder_of(play).undurable_rooms() == 1);
        assert!((drill.play.now() - began).as_millis() <= 1_000, "{durability:?}");
        let ticks = drill.tick();
        drill.run_for(3_000);
        assert!(drill.tick() >= ticks + 89, "{durability:?}: the game goes on");
        assert!(recorder_of(&drill.play).failures() > 0);
        drill.gate.set_full(false);
        drill.run_until("durable again", |play| recorder_of(play).undurable_rooms() == 0);
        drill.run_for(1_000);
        drill.play.assert_all_agree();
        let ticks = drill.tick();
        drill.play.restart();
        assert_eq!(drill.tick(), ticks, "{durability:?}: the room was told once more");
    }
}
